"""Parts of a detect in shares, brought into the database as one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trailcam.detect.pipeline.held_failures import check_failures
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import UsageError
from trailcam.store.database import Database
from trailcam.store.parts import Counts, PartFile, PartHead, count_outcomes, read_part, read_slice, slices
from trailcam.store.review_rows import library_id
from trailcam.store.run_sink import RunFacts, RunSink, begin_run, end_run, merged_shards, note_merged
from trailcam.words.text import printable

if TYPE_CHECKING:
    from trailcam.store.database import Connection
    from trailcam.store.parts import Slice


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
        self, database: Database, head: PartHead, parts: Sequence[PartFile], before: set[int], *, keep: bool
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


def _heads(paths: Sequence[Path]) -> tuple[list[PartFile], list[str]]:
    """The parts, and what is wrong with files that are none.

    Raises UsageError where none is a part.
    """
    parts: list[PartFile] = []
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


def _is_whole(db: Connection, part: PartFile, counts: Counts, torn: list[str]) -> bool:
    """Whether a part can be read to its end; it is added to ``counts``, else to ``torn``."""
    try:
        count_outcomes(db, part, counts)
    except UsageError as error:
        torn.append(error.message)
        return False
    return True


def _check_together(parts: Sequence[PartFile]) -> PartHead:
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
