"""Parts of a detect: what one share of a work list became, as a Parquet file that any machine can write.

A part is written in pieces, one for each flush, into a folder beside it (``NAME.pieces``); whole pieces are
never looked at again by the same share, and when the share is done they become the one file. One row for each
box, and for each photo without one; ``n`` counts the photos.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from trailcam.domain import Outcome
from trailcam.errors import UsageError
from trailcam.files.target import create_folder, draft_beside
from trailcam.files.write import explained
from trailcam.store.columns import Column
from trailcam.store.database import Connection, lent
from trailcam.store.outcome_columns import OutcomeColumns
from trailcam.store.parquet import copy_rows, in_memory, one_file
from trailcam.store.work_list import PHOTO, Share, read_head
from trailcam.words.text import printable

_KEY = "trailcam_part"
_VERSION = 1
_PIECE = "SELECT * FROM read_parquet($paths)"
SLICE = 100_000  # photos in memory at once while parts are merged


@dataclass(frozen=True, slots=True)
class PartHead:
    """What a part says of itself: share ``shard`` (from 0) of ``shards`` of a work list, and the run's facts.

    ``classes`` are the fields of :class:`trailcam.domain.ClassInfo`; ``seconds`` has wall, warmup,
    load, infer and write. ``settings`` and ``versions`` are as a run records them.
    """

    list_id: str
    library_id: str
    model_key: str
    weights_sha256: str
    weights_name: str
    shards: int
    shard: int
    n_photos: int
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    device: str
    host: str
    classes: Sequence[Mapping[str, Any]]
    seconds: Mapping[str, float]
    trailcam: str
    version: int = _VERSION


@dataclass(frozen=True, slots=True)
class PartFile:
    """A part's file and what it says of itself."""

    path: Path
    head: PartHead


class PartSink:
    """Writes the outcomes of a share to ``target``, piece by piece. ``done``: the photos of earlier pieces.

    ``which`` says whose pieces they are: pieces of another share are refused. Raises UsageError, OutputError.
    """

    def __init__(self, target: Path, share: Share, which: Mapping[str, Any]) -> None:
        self._target = target
        self._folder = target.with_name(target.name + ".pieces")
        self._order = np.argsort(share.todo.image_id)
        self._ids, self._photos = share.todo.image_id[self._order], share.photo[self._order]
        self.seconds = 0.0
        self._claim(json.dumps(dict(which), sort_keys=True))
        self.done = self._done()
        self._n = len(self.done)

    def _claim(self, which: str) -> None:
        note = self._folder / "share.json"
        create_folder(self._folder)
        with explained(note):
            if not note.exists():
                note.write_text(which, encoding="utf-8")
            elif note.read_text(encoding="utf-8") != which:
                raise UsageError(
                    f"{printable(str(self._folder))} holds pieces of another share or another work list.",
                    "Remove that folder, or give another name with -o.",
                )

    def _pieces(self) -> list[str]:
        return [one_file(path) for path in sorted(self._folder.glob("*.parquet"))]

    def _done(self) -> npt.NDArray[np.int64]:
        if not (pieces := self._pieces()):
            return np.zeros(0, np.int64)
        with in_memory() as db:
            found = db.execute(f"SELECT DISTINCT image_id FROM ({_PIECE})", {"paths": pieces}).fetchnumpy()
        return np.asarray(found["image_id"], np.int64)

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Save ``outcomes`` as one piece: whole, or not at all. Raises OutputError."""
        if not outcomes:
            return
        start = time.perf_counter()
        columns = OutcomeColumns.of(outcomes)
        photo = self._photos[np.searchsorted(self._ids, columns.image_id)]
        piece = self._folder / f"{self._n:010d}.parquet"
        with (
            in_memory() as db,
            _lent_outcomes(db, columns, self._n, photo),
            draft_beside(piece) as (draft, _),
        ):
            copy_rows(db, _ROWS, {}, draft, {})
        self._n += len(outcomes)
        self.seconds += time.perf_counter() - start

    def finish(self, head: PartHead) -> None:
        """Make one file of the pieces, in the place of ``target``. Raises OutputError."""
        pieces = self._pieces()
        sql, parameters = (_PIECE, {"paths": pieces}) if pieces else (f"{_ROWS} LIMIT 0", {})
        text = json.dumps(asdict(head), sort_keys=True)
        with in_memory() as db, draft_beside(self._target) as (draft, _):
            nothing = OutcomeColumns.of([])
            with _lent_outcomes(db, nothing, 0, np.zeros(0, np.uint64)):
                copy_rows(db, sql, parameters, draft, {_KEY: text})
        shutil.rmtree(self._folder, ignore_errors=True)


_ROWS = """
    SELECT p.n, p.image_id, p.photo, p.status::VARCHAR AS status, p.error_code::VARCHAR AS error_code,
        p.error_message::VARCHAR AS error_message, p.looked_at, b.class_id, b.confidence, b.x, b.y, b.w, b.h,
        b.class_probability, p.frames::VARCHAR AS frames, b.frame_s
    FROM outcome_photos p LEFT JOIN outcome_boxes b USING (n) ORDER BY p.n
"""


def _lent_outcomes(db: Connection, outcomes: OutcomeColumns, first: int, photo: Column) -> Any:  # noqa: ANN401
    n = first + np.arange(len(outcomes.image_id), dtype=np.int64)
    every = np.ones(len(n), np.bool_)
    boxes = outcomes.detections(every)
    del boxes["image_id"]
    return lent(
        db,
        outcome_photos={"n": n, "photo": photo, **outcomes.photos(every)},
        outcome_boxes={"n": n[outcomes.owner] if len(n) else np.zeros(0, np.int64), **boxes},
    )


def read_part(path: Path) -> PartFile:
    """A part, and what it says of itself. Raises UsageError for a file that is none or torn."""
    what = "part (`trailcam detect --plan FILE --shards N --shard I -o PART` writes one)"
    return PartFile(path, read_head(path, _KEY, PartHead, _VERSION, what))


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Outcomes of a part that are new to the library, of ``n`` that were asked about; why the others are not.

    ``changed`` photos were rescanned or removed since the list was made; the rest were merged before.
    """

    outcomes: OutcomeColumns
    n: int
    changed: int


def slices(parts: Sequence[PartFile]) -> Iterator[tuple[list[PartFile], int, int]]:
    """The photos of all parts, some at a time: parts, and the photos ``first`` to ``end`` of each of them.

    Small parts come together, a large one in several pieces.
    """
    together: list[PartFile] = []
    for part in parts:
        if part.head.n_photos > SLICE:
            yield from (([part], k, k + SLICE) for k in range(0, part.head.n_photos, SLICE))
            continue
        if together and sum(p.head.n_photos for p in (*together, part)) > SLICE:
            yield together, 0, SLICE
            together = []
        together.append(part)
    if together:
        yield together, 0, SLICE


def read_slice(db: Connection, parts: Sequence[PartFile], first: int, end: int) -> Slice:
    """The outcomes of photos ``first`` to ``end`` of each of ``parts`` that the library doesn't have yet."""
    db.execute(
        "CREATE OR REPLACE TEMP TABLE part AS"
        " SELECT * FROM read_parquet($paths) WHERE n >= $first AND n < $end",
        {"paths": [one_file(part.path) for part in parts], "first": first, "end": end},
    )
    for column in ("frames VARCHAR", "frame_s REAL"):  # of parts that an earlier trailcam wrote
        db.execute(f"ALTER TABLE part ADD COLUMN IF NOT EXISTS {column}")
    db.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE slice AS
        WITH now AS MATERIALIZED (
            SELECT i.image_id, i.status, i.scanned_at, {PHOTO} AS photo
            FROM images i SEMI JOIN part USING (image_id)
        ),
        before AS (
            SELECT r.image_id, bool_or(r.status = 'completed') AS completed, max(r.looked_at) AS looked_at
            FROM results r JOIN runs USING (run_id) SEMI JOIN part USING (image_id)
            WHERE runs.model_key = $model_key
            GROUP BY r.image_id
        )
        SELECT p.*, i.image_id IS NULL AS changed, coalesce(b.completed OR b.looked_at >= p.looked_at, false)
            OR (p.status = 'missing' AND (i.status = 'missing' OR i.scanned_at > p.looked_at)) AS known
        FROM part p
        LEFT JOIN now i ON i.image_id = p.image_id AND i.photo = p.photo
        LEFT JOIN before b ON b.image_id = p.image_id
        """,
        {"model_key": parts[0].head.model_key},
    )
    ((n, changed),) = db.execute(
        "SELECT count(DISTINCT image_id), count(DISTINCT image_id) FILTER (changed) FROM slice"
    ).fetchall()
    photos = db.execute(
        "SELECT DISTINCT image_id, status, error_code, error_message, looked_at, frames FROM slice"
        " WHERE NOT changed AND NOT known ORDER BY image_id"
    ).fetchnumpy()
    boxes = db.execute(
        "SELECT image_id, class_id, confidence, x, y, w, h,"
        " coalesce(class_probability, 'NaN'::REAL) AS class_probability,"
        " coalesce(frame_s, 'NaN'::REAL) AS frame_s FROM slice"
        " WHERE class_id IS NOT NULL AND NOT changed AND NOT known ORDER BY image_id, confidence DESC"
    ).fetchnumpy()
    db.execute("DROP TABLE slice; DROP TABLE part")
    image_id = np.asarray(photos["image_id"], np.int64)
    outcomes = OutcomeColumns(
        image_id=image_id,
        status=np.asarray(photos["status"], object),
        error_code=_texts(photos["error_code"]),
        error_message=_texts(photos["error_message"]),
        looked_at=np.asarray(photos["looked_at"], "datetime64[us]"),
        owner=np.searchsorted(image_id, np.asarray(boxes["image_id"], np.int64)),
        class_id=np.asarray(boxes["class_id"], np.int16),
        confidence=np.asarray(boxes["confidence"], np.float32),
        boxes=np.stack([np.asarray(boxes[name], np.float32) for name in "xywh"], axis=1),
        class_probability=np.asarray(boxes["class_probability"], np.float32),
        frames=_texts(photos["frames"]),
        frame_s=np.asarray(boxes["frame_s"], np.float32),
    )
    return Slice(outcomes, int(n), int(changed))


def _texts(column: Column) -> Column:
    """DuckDB's masked texts with None for NULL."""
    found = np.array(np.ma.getdata(column), object)
    found[np.ma.getmaskarray(column)] = None
    return found


@dataclass(slots=True)
class Counts:
    """Photos of parts: how many, and the failed ones by error code. ``failed_before`` are in neither."""

    n: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    failed_before: int = 0


def count_outcomes(db: Connection, part: PartFile, counts: Counts) -> None:
    """Read the whole of a part, and add it to ``counts``. Raises UsageError for one that is torn."""
    try:
        found = db.execute(
            "SELECT coalesce(i.status = 'failed', false),"
            " CASE WHEN p.status = 'failed' THEN p.error_code END,"
            " count(DISTINCT p.image_id), bit_xor(hash(p))"  # the hash reads every column
            " FROM read_parquet(?) p LEFT JOIN images i USING (image_id) GROUP BY 1, 2",
            [one_file(part.path)],
        ).fetchall()
    except duckdb.Error as error:
        raise UsageError(
            f"{printable(str(part.path))} is torn: {printable(str(error).splitlines()[0])}",
            "Copy it again, or run its shard again.",
        ) from error
    for failed_before, code, n, _ in found:
        if failed_before:
            counts.failed_before += int(n)
            continue
        counts.n += int(n)
        if code is not None:
            counts.reasons[str(code)] += int(n)
