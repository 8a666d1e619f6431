"""A detect in shares, on several GPUs or machines: a work list, a part from each share, and their merge.

Only the list and the merge open the database. A share reads the list and the photos, and writes a part.
Neither torch nor duckdb is imported here; the modules that need them are, when they are needed.
"""

from __future__ import annotations

import dataclasses
import platform
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trailcam import __version__
from trailcam.detect.command import Ready, Started, Work, make_ready, model_key, seconds_of, source_of
from trailcam.detect.model.find_weights import Weights, find_weights
from trailcam.detect.pipeline.held_failures import check_failures
from trailcam.detect.pipeline.outcomes import Control
from trailcam.detect.pipeline.run_report import PipelineReport
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import UsageError
from trailcam.files.lock import WriterLock
from trailcam.files.mount_guard import check_root
from trailcam.files.target import draft_beside
from trailcam.selection import Selection
from trailcam.settings.config import Settings
from trailcam.store.database import Database, utc_now
from trailcam.store.images import roots
from trailcam.store.parts import (
    Counts,
    Part,
    PartHead,
    PartSink,
    count_outcomes,
    read_part,
    read_slice,
    slices,
)
from trailcam.store.review_rows import library_id
from trailcam.store.run_sink import RunFacts, RunSink, begin_run, end_run, merged_shards, note_merged
from trailcam.store.work_list import ListHead, Share, count_list, read_list, read_share, write_list
from trailcam.words.text import printable

if TYPE_CHECKING:
    from trailcam.store.database import Connection
    from trailcam.store.parts import Slice

_CHANGE_BOXES = ("imgsz", "store_confidence")


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

    ``pipeline`` None: all of them had.
    """

    n_photos: int
    before: int
    pipeline: PipelineReport | None
    write_s: float = 0.0

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped before its end."""
        return self.pipeline is not None and self.pipeline.interrupted


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did. ``run_id`` None: there was nothing new.

    ``outcomes`` counts new photos by status; ``known`` photos were merged before, ``changed`` ones were
    rescanned or removed since the list was made. ``missing`` are the numbers of shards of ``of`` that are
    still to come, ``torn`` what is wrong with files that couldn't be read.
    """

    run_id: int | None
    of: int
    outcomes: Counter[str]
    known: int
    changed: int
    missing: tuple[int, ...]
    torn: tuple[str, ...]


def make_list(
    database: Database, settings: Settings, selection: Selection, limit: int | None, target: Path | None
) -> ListHead:
    """Write what a detect would look at as a work list, and return its head. The database stays as it is.

    ``target`` None: write nothing. Raises WeightsError, UsageError, DatabaseError, OutputError, and RootError
    when a root that holds selected photos isn't there.
    """
    weights = find_weights(configured=settings.detect.weights)
    key = model_key(weights, settings)
    with database.read() as db:
        n_photos, root_ids = count_list(db, selection, key, limit)
        paths = {str(r.root_id): str(check_root(r.path)) for r in roots(db) if r.root_id in root_ids}
        head = ListHead(
            list_id=secrets.token_hex(8),
            library_id=library_id(db),
            model_key=key,
            weights_sha256=weights.sha256,
            weights_name=weights.path.name,
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
    weights = find_weights(configured=settings.detect.weights)
    if model_key(weights, settings) != head.model_key:
        raise UsageError(
            f"The work list is for the weights {printable(head.weights_name)}, hash "
            f"{head.weights_sha256[:12]};"
            f" here are {printable(weights.path.name)}, hash {weights.sha256[:12]}.",
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
) -> ShareReport:
    """Look at a share's photos and write its part. A part that is there is left alone.

    What a try that ended early had written is kept. Raises RootError, WeightsError, DeviceError,
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
        ready = make_ready(rest, work.settings, control, lambda _: True)
        report = _look(ready, sink, control, started, accept_failures)
        if not report.interrupted:
            sink.finish(_part_head(work, ready, report, sink.seconds))
    return ShareReport(n_photos, n_photos - len(rest), report, sink.seconds)


def _look(
    ready: Ready, sink: PartSink, control: Control, started: Callable[[Started], None], accept_failures: bool
) -> PipelineReport:
    from trailcam.detect.pipeline.loop import run

    started(ready.started(None))
    return run(source_of(ready.work), ready.opened.detector, sink, ready.options(accept_failures), control)


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


def merge(
    database: Database, paths: Sequence[Path], *, accept_failures: bool = False, dry_run: bool = False
) -> Merged:
    """Bring parts into the database, in one run. What was merged before stays as it is.

    ``dry_run``: change nothing, and tell what would be done. The caller holds the writer's lock.
    Raises UsageError for parts that don't belong together or here, and
    PipelineError when more than half of all photos failed; then nothing is changed. Raises DatabaseError.
    """
    parts, torn = _heads(paths)
    head = _check_together(parts)
    counts = Counts()
    with database.read() as db:
        if library_id(db) != head.library_id:
            raise UsageError(
                f"{printable(str(parts[0].path))} is of another library.",
                "With --db, name the database that the work list was made from.",
            )
        once = {part.head.shard: part for part in parts}
        parts = [once[shard] for shard in sorted(once) if _is_whole(db, once[shard], counts, torn)]
        check_failures(counts.n, counts.reasons, counts.failed_before, accept=accept_failures)
        before = merged_shards(db, head.model_key, head.list_id)
    return _Merge(database, head, parts, before, keep=not dry_run).go(tuple(torn))


class _Merge:
    """One merge; its run begins with the first photo that is new."""

    def __init__(
        self, database: Database, head: PartHead, parts: Sequence[Part], before: set[int], *, keep: bool
    ) -> None:
        self._database = database
        self._keep = keep
        self._parts = parts
        self._head = head
        self._whole = before | {part.head.shard for part in parts}  # shards that the run has at the end
        self._missing = tuple(sorted(set(range(head.shards)) - self._whole))
        self._closes = keep and not self._missing and len(before) < head.shards
        self._seconds: Counter[str] = Counter()
        for part in parts:
            if part.head.shard not in before:
                self._seconds.update({stage: float(s) for stage, s in part.head.seconds.items()})
        self._sink: RunSink | None = None
        self._run_id: int | None = None
        self._outcomes: Counter[str] = Counter()
        self._known = self._changed = 0

    def go(self, torn: tuple[str, ...]) -> Merged:
        try:
            for parts, first, end in slices(self._parts):
                with self._database.write(keep=self._keep) as db:
                    self._take(db, read_slice(db, parts, first, end))
        except BaseException:
            self._end(completed=False)
            raise
        if self._closes:
            with self._database.write() as db:
                self._begin(db)  # the last shards may have had nothing new
        self._end(completed=not self._missing)
        return Merged(
            self._run_id, self._head.shards, self._outcomes, self._known, self._changed, self._missing, torn
        )

    def _take(self, db: Connection, found: Slice) -> None:
        """Write what is new, in the transaction of ``db``."""
        outcomes = found.outcomes
        n = len(outcomes.image_id)
        if n and self._keep:
            self._begin(db).write_columns(db, outcomes)
        self._outcomes.update(Counter(str(status) for status in outcomes.status))
        self._changed += found.changed
        self._known += found.n - found.changed - n

    def _begin(self, db: Connection) -> RunSink:
        """The run's sink; the run is recorded with the first that is written."""
        if self._sink is None:
            self._run_id = begin_run(db, _facts([part.head for part in self._parts] or [self._head]))
            self._sink = RunSink(self._database, self._run_id)
        return self._sink

    def _end(self, *, completed: bool) -> None:
        """Close the run. One that an error ended has merged no shard whole: they are all given again."""
        if self._run_id is None:
            return
        with self._database.write() as db:
            if completed or self._missing:
                note_merged(db, self._run_id, self._head.list_id, self._whole, self._head.shards)
            end_run(db, self._run_id, completed=completed, seconds=self._seconds)


def _heads(paths: Sequence[Path]) -> tuple[list[Part], list[str]]:
    """The parts, and what is wrong with files that are none.

    Raises UsageError where none is a part.
    """
    parts: list[Part] = []
    torn: list[str] = []
    hint = "Name the files."
    for path in paths:
        try:
            parts.append(read_part(path))
        except UsageError as error:
            torn.append(error.message)
            hint = error.hint
    if not parts:
        raise UsageError("\n".join(torn) or "There is no part to merge.", hint)
    return parts, torn


def _is_whole(db: Connection, part: Part, counts: Counts, torn: list[str]) -> bool:
    """Whether a part can be read to its end; it is added to ``counts``, else to ``torn``."""
    try:
        count_outcomes(db, part, counts)
    except UsageError as error:
        torn.append(error.message)
        return False
    return True


def _check_together(parts: Sequence[Part]) -> PartHead:
    """The first part's head. Raises UsageError for parts of several lists, models or divisions."""
    first = parts[0]
    for part in parts[1:]:
        for what, name in (
            ("work list", "list_id"),
            ("library", "library_id"),
            ("model or of other settings", "model_key"),
            ("number of shards", "shards"),
            ("class map", "classes"),
        ):
            if getattr(part.head, name) != getattr(first.head, name):
                raise UsageError(
                    f"{printable(str(part.path))} is of another {what} than {printable(str(first.path))}.",
                    "Merge the parts of one work list at a time. Nothing was changed.",
                )
    return first.head


def _facts(heads: Sequence[PartHead]) -> RunFacts:
    """The run that the parts are of: what differs between machines is named side by side."""
    first = heads[0]
    names = sorted({name for head in heads for name in head.versions})
    return RunFacts(
        model_key=first.model_key,
        weights_sha256=first.weights_sha256,
        weights_name=first.weights_name,
        settings=first.settings,
        versions={name: _side_by_side(head.versions.get(name) for head in heads) for name in names},
        device=_side_by_side(head.device for head in heads),
        classes=tuple(_class_info(record) for record in first.classes),
    )


def _side_by_side(values: Iterable[str | None]) -> str:
    return ", ".join(sorted({value for value in values if value}))


def _class_info(record: Mapping[str, Any]) -> ClassInfo:
    age_class = record["age_class"]
    return ClassInfo(
        **{
            **record,
            "kind": Kind(record["kind"]),
            "age_class": None if age_class is None else AgeClass(age_class),
        }
    )
