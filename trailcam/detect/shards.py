"""A detect in shares, on several GPUs or machines: a work list, a part from each share, and their merge.

Only the list and the merge open the database. A share reads the list and the photos, and writes a part.
Neither torch nor duckdb is imported here; the modules that need them are, when they are needed.
"""

from __future__ import annotations

import dataclasses
import platform
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trailcam import __version__
from trailcam.detect.command import Ready, Started, Work, make_ready, model_key, seconds_of, source_of
from trailcam.detect.model.find_weights import Weights, find_weights
from trailcam.detect.pipeline.outcomes import Control
from trailcam.detect.pipeline.run_report import PipelineReport
from trailcam.errors import UsageError
from trailcam.files.lock import WriterLock
from trailcam.files.mount_guard import check_root
from trailcam.files.target import draft_beside
from trailcam.selection import Selection
from trailcam.settings.config import Settings
from trailcam.store.database import Database, utc_now
from trailcam.store.images import roots
from trailcam.store.parts import (
    PartHead,
    PartSink,
    read_part,
)
from trailcam.store.review_rows import library_id
from trailcam.store.work_list import ListHead, Share, count_list, read_list, read_share, write_list
from trailcam.words.text import printable

_CHANGE_BOXES = ("imgsz", "store_confidence", "video_every")


@dataclass(frozen=True, slots=True)
class Shard:
    """Share ``index`` (from 0) of ``of`` shares."""

    index: int
    of: int

    def __str__(self) -> str:
        return f"shard {self.index} of {self.of}"


@dataclass(frozen=True, slots=True)
class ShareReport:
    """What a share became. ``before`` photos had been looked at by a try that ended early.

    ``pipeline`` None: all of them had. ``ready`` is the model, for a next share.
    """

    n_photos: int
    before: int
    pipeline: PipelineReport | None
    write_s: float = 0.0
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    ready: Ready | None = None

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped before its end."""
        return self.pipeline is not None and self.pipeline.interrupted


def make_list(
    database: Database, settings: Settings, selection: Selection, limit: int | None, target: Path | None
) -> ListHead:
    """Write what a detect would look at as a work list, and return its head. The database stays as it is.

    ``target`` None: write nothing. Raises WeightsError, UsageError, DatabaseError, OutputError, and RootError
    when a root that holds selected photos isn't there.
    """
    weights = find_weights(configured=settings.detect.weights, classifier=settings.detect.classifier)
    key = model_key(weights, settings)
    with database.read() as db:
        n_photos, root_ids = count_list(db, selection, key, limit)
        paths = {str(r.root_id): str(check_root(r.path)) for r in roots(db) if r.root_id in root_ids}
        head = ListHead(
            list_id=secrets.token_hex(8),
            library_id=library_id(db),
            model_key=key,
            weights_sha256=weights.sha256,
            weights_name=weights.name,
            settings={name: getattr(settings.detect, name) for name in _CHANGE_BOXES},
            roots=paths,
            n_photos=n_photos,
            trailcam=__version__,
            made_at=utc_now().isoformat(timespec="seconds"),
        )
        if target is not None:
            with draft_beside(target) as (draft, _):
                write_list(db, selection, head, limit, draft)
    return head


@dataclass(frozen=True, slots=True, eq=False)
class ShareWork:
    """A share that is ready to be looked at: all that was checked before a model is opened."""

    head: ListHead
    shard: Shard
    share: Share
    settings: Settings
    weights: Weights
    target: Path

    def __len__(self) -> int:
        return len(self.share.todo.path)


def prepare_share(list_path: Path, shard: Shard, settings: Settings, target: Path) -> ShareWork:
    """Read a share of a work list, and find its weights. Settings that change boxes are the list's.

    Raises UsageError for a file that is no list, or a ``target`` that is something else; WeightsError where
    the weights at hand are others than the list's.
    """
    head = read_list(list_path)
    settings = dataclasses.replace(settings, detect=dataclasses.replace(settings.detect, **head.settings))
    weights = find_weights(configured=settings.detect.weights, classifier=settings.detect.classifier)
    if model_key(weights, settings) != head.model_key:
        raise UsageError(
            f"The work list is for the weights {printable(head.weights_name)}, hash "
            f"{head.weights_sha256[:12]};"
            f" here are {printable(weights.name)}, hash {weights.sha256[:12]}.",
            "Name the same weights with --weights, and use one version of trailcam everywhere.",
        )
    if target.exists():
        _check_same_share(target, head, shard)
    return ShareWork(
        head, shard, read_share(list_path, head.n_photos, shard.of, shard.index), settings, weights, target
    )


def look_at_share(
    work: ShareWork,
    control: Control,
    *,
    started: Callable[[Started], None] = lambda _: None,
    accept_failures: bool = False,
    ready: Ready | None = None,
) -> ShareReport:
    """Look at a share's photos and write its part. A part that is there is left alone.

    What a try that ended early had written is kept. ``ready``: the model of an earlier share of this list.
    Raises RootError, WeightsError, DeviceError,
    PipelineError, OutputError, LockedError.
    """
    n_photos = len(work)
    if work.target.exists():
        return ShareReport(n_photos, n_photos, None)
    with WriterLock(work.target, "detect").acquire(0):
        which = {"list": work.head.list_id, "shard": work.shard.index, "shards": work.shard.of}
        sink = PartSink(work.target, work.share, which)
        share = work.share.without(sink.done)
        wanted = set(share.todo.root_id.tolist())
        found = {int(k): check_root(path) for k, path in work.head.roots.items() if int(k) in wanted}
        rest = Work(work.weights, work.head.model_key, share.todo, found)
        if ready is None:
            ready = make_ready(rest, work.settings, control, lambda _: True)
        ready = dataclasses.replace(ready, work=rest)
        report = _look(ready, sink, control, started, accept_failures)
        if not report.interrupted:
            sink.finish(_part_head(work, ready, report, sink.seconds))
    return ShareReport(n_photos, n_photos - len(rest), report, sink.seconds, ready.elsewhere, ready)


def _look(
    ready: Ready, sink: PartSink, control: Control, started: Callable[[Started], None], accept_failures: bool
) -> PipelineReport:
    from trailcam.detect.pipeline.loop import run

    started(ready.started(None))
    return run(
        source_of(ready.work, ready.settings),
        ready.opened.detector,
        sink,
        ready.options(accept_failures),
        control,
    )


def _part_head(work: ShareWork, ready: Ready, report: PipelineReport, write_s: float) -> PartHead:
    facts = ready.facts
    return PartHead(
        list_id=work.head.list_id,
        library_id=work.head.library_id,
        model_key=facts.model_key,
        weights_sha256=facts.weights_sha256,
        weights_name=facts.weights_name,
        shards=work.shard.of,
        shard=work.shard.index,
        n_photos=len(work),
        settings=facts.settings,
        versions=facts.versions,
        device=facts.device,
        host=platform.node(),
        classes=[dataclasses.asdict(info) for info in facts.classes],
        seconds=seconds_of(report, write_s),
        trailcam=__version__,
    )


def _check_same_share(target: Path, head: ListHead, shard: Shard) -> None:
    """Raise UsageError unless ``target`` is the part of this very share."""
    shown = printable(str(target))
    part = read_part(target).head
    if (part.list_id, part.shard, part.shards) != (head.list_id, shard.index, shard.of):
        raise UsageError(
            f"{shown} is another part: shard {part.shard} of {part.shards}"
            f"{'' if part.list_id == head.list_id else ', of another work list'}.",
            "Give another name with -o.",
        )
