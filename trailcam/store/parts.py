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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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
SLICE = 50_000  # photos in memory at once while a part is merged


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
class Part:
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
        p.error_message::VARCHAR AS error_message, p.looked_at, b.class_id, b.confidence, b.x, b.y, b.w, b.h
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


def read_part(path: Path) -> Part:
    """A part, and what it says of itself. Raises UsageError for a file that is none or torn."""
    what = "part (`trailcam detect --plan FILE --shards N --shard I -o PART` writes one)"
    return Part(path, read_head(path, _KEY, PartHead, _VERSION, what))


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Outcomes of a part that are new to the library, of ``n`` that were asked about; why the others are not.

    ``changed`` photos were rescanned or removed since the list was made; the rest were merged before.
    """

    outcomes: OutcomeColumns
    n: int
    changed: int


def read_slice(db: Connection, part: Part, first: int) -> Slice:
    """The outcomes of the photos ``first`` to ``first + SLICE`` of a part that the library doesn't have yet.

    Raises UsageError for a part that is torn in its middle.
    """
    try:
        db.execute(
            "CREATE OR REPLACE TEMP TABLE part AS"
            " SELECT * FROM read_parquet($path) WHERE n >= $first AND n < $end",
            {"path": one_file(part.path), "first": first, "end": first + SLICE},
        )
    except duckdb.Error as error:
        raise UsageError(
            f"{printable(str(part.path))} is torn: {printable(str(error).splitlines()[0])}",
            "Copy it again, or run its shard again.",
        ) from error
    db.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE slice AS
        WITH before AS (
            SELECT r.image_id, bool_or(r.status = 'completed') AS completed, max(r.looked_at) AS looked_at
            FROM results r JOIN runs USING (run_id)
            WHERE runs.model_key = $model_key AND r.image_id IN (SELECT image_id FROM part)
            GROUP BY r.image_id
        )
        SELECT p.*, i.image_id IS NULL AS changed, coalesce(b.completed OR b.looked_at >= p.looked_at, false)
            OR (p.status = 'missing' AND (i.status = 'missing' OR i.scanned_at > p.looked_at)) AS known
        FROM part p
        LEFT JOIN images i ON i.image_id = p.image_id AND {PHOTO} = p.photo
        LEFT JOIN before b ON b.image_id = p.image_id
        """,
        {"model_key": part.head.model_key},
    )
    ((n, changed),) = db.execute(
        "SELECT count(DISTINCT n), count(DISTINCT n) FILTER (changed) FROM slice"
    ).fetchall()
    photos = db.execute(
        "SELECT DISTINCT n, image_id, status, error_code, error_message, looked_at FROM slice"
        " WHERE NOT changed AND NOT known ORDER BY n"
    ).fetchnumpy()
    boxes = db.execute(
        "SELECT n, class_id, confidence, x, y, w, h FROM slice"
        " WHERE class_id IS NOT NULL AND NOT changed AND NOT known ORDER BY n, confidence DESC"
    ).fetchnumpy()
    db.execute("DROP TABLE slice; DROP TABLE part")
    outcomes = OutcomeColumns(
        image_id=np.asarray(photos["image_id"], np.int64),
        status=np.asarray(photos["status"], object),
        error_code=_texts(photos["error_code"]),
        error_message=_texts(photos["error_message"]),
        looked_at=np.asarray(photos["looked_at"], "datetime64[us]"),
        owner=np.searchsorted(np.asarray(photos["n"]), np.asarray(boxes["n"])),
        class_id=np.asarray(boxes["class_id"], np.int16),
        confidence=np.asarray(boxes["confidence"], np.float32),
        boxes=np.stack([np.asarray(boxes[name], np.float32) for name in "xywh"], axis=1),
    )
    return Slice(outcomes, int(n), int(changed))


def _texts(column: Column) -> Column:
    """DuckDB's masked texts with None for NULL."""
    found = np.array(np.ma.getdata(column), object)
    found[np.ma.getmaskarray(column)] = None
    return found


def count_outcomes(db: Connection, parts: Sequence[Part]) -> tuple[int, Counter[str], int]:
    """Of the photos of all parts: how many there are, the failed ones by error code, how many failed before.

    Those that failed before are in neither of the other counts. Raises UsageError for a part that is torn.
    """
    if not parts:
        return 0, Counter(), 0
    found = db.execute(
        "SELECT coalesce(i.status = 'failed', false), CASE WHEN p.status = 'failed' THEN p.error_code END,"
        " count(DISTINCT p.image_id)"
        " FROM read_parquet($paths) p LEFT JOIN images i USING (image_id) GROUP BY ALL",
        {"paths": [one_file(part.path) for part in parts]},
    ).fetchall()
    fresh = [(code, int(n)) for before, code, n in found if not before]
    reasons = Counter({str(code): n for code, n in fresh if code is not None})
    return sum(n for _, n in fresh), reasons, sum(int(n) for before, _, n in found if before)
