"""Photos known by their content: moved, renamed and copied files, and what becomes of them.

An image is a content at a place. Its id, its results and all that people said of it belong to the content;
its path, and so its station, are where the content lies now. After a scan has saved what it read,
:func:`settle` holds together what is equal: a photo whose file is gone takes the place of a file with its
content, wherever it lies, and of several files with one content one is the photo and the others are copies
(``duplicate_of``), that nothing counts, looks at or exports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trailcam.domain import FileKey
from trailcam.store.columns import asked, texts
from trailcam.store.database import Connection, lent, query, rows
from trailcam.store.images import Ids
from trailcam.store.migrations import RECOUNT_RUNS
from trailcam.store.paths import from_db, to_db
from trailcam.store.run_choice import settle as settle_runs


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as the database knows it, to be asked for: ``path`` is relative to ``root_path``.

    ``verified``: all its bytes were read before.
    """

    image_id: int
    root_id: int
    root_path: str
    path: str
    size_bytes: int
    mtime_ns: int
    verified: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """What :func:`settle` found.

    ``n_moved`` photos lie elsewhere now, ``n_touched`` at their old path with another time alone, and
    ``n_copies`` files are newly known as copies. ``taken`` are the ids of those that are not photos of their
    own (any more): places that moved photos took, and copies. ``rechosen`` are photos whose readings changed.
    """

    n_moved: int
    n_touched: int
    n_copies: int
    taken: Ids
    rechosen: list[int]


def save_content_ids(db: Connection, ids: npt.NDArray[np.int64], found: Sequence[str | None]) -> None:
    """Give known images their content ids; None leaves one without."""
    _update(db, "content_id", ids, found)


def save_whole_ids(db: Connection, found: Mapping[int, str]) -> None:
    """Give images (id -> hash of all bytes) their whole ids."""
    _update(db, "whole_id", np.array(list(found), np.int64), list(found.values()))


def mark_missing(db: Connection, ids: Sequence[int]) -> None:
    """Mark images whose files are gone, though nobody scanned their root."""
    with asked(db, ids):
        db.execute("UPDATE images SET status = 'missing' WHERE image_id IN (SELECT image_id FROM asked)")


def mark_unsettled(db: Connection, root_id: int) -> None:
    """Note that a scan is about to save what :func:`settle` has yet to see."""
    db.execute("UPDATE roots SET unsettled = true WHERE root_id = ?", [root_id])


def unsettled(db: Connection) -> bool:
    """Whether a scan was cut off before :func:`settle`, or a copy could not be compared to the last byte."""
    ((n,),) = db.execute(
        "SELECT (SELECT count(*) FROM roots WHERE unsettled) + (SELECT count(*) FROM images c"
        " JOIN images p ON p.image_id = c.duplicate_of WHERE c.duplicate_of IS NOT NULL"
        " AND c.status <> 'missing' AND (c.whole_id IS NULL OR p.whole_id IS NULL))"
    ).fetchall()
    return bool(n)


def lost_sizes(db: Connection, vanished_ids: Ids) -> npt.NDArray[np.int64]:
    """The distinct sizes of vanished photos, bytes. Works on a read-only connection."""
    with lent(db, ids={"image_id": vanished_ids}):
        found = db.execute(
            "SELECT DISTINCT size_bytes AS n FROM images JOIN ids USING (image_id)"
        ).fetchnumpy()
    return np.asarray(found["n"], np.int64)


def count_found(
    db: Connection, vanished_ids: Ids, files: Sequence[FileKey], contents: Sequence[str | None], here: Ids
) -> int:
    """How many of the vanished photos are found again, without changing anything.

    ``files`` with their ``contents`` (None: not read) are new or changed; ``here`` are images known as copies
    whose files were seen. Works on a read-only connection.
    """
    found = {
        "content_id": texts(contents),
        "size_bytes": np.array([f.size_bytes for f in files], np.int64),
        "mtime_ns": np.array([f.mtime_ns for f in files], np.int64),
        "name": texts([to_db(f.path).rpartition("/")[2] for f in files]),
    }
    with lent(db, ids={"image_id": vanished_ids}, here={"image_id": here}, found=found):
        ((n,),) = db.execute(query("identity_found")).fetchall()
    return int(n)


def copies_of(db: Connection, image_ids: Ids) -> list[KnownFile]:
    """The copies of photos that were there when their roots were scanned last."""
    copies = "i.status <> 'missing' AND i.duplicate_of IN (SELECT image_id FROM ids)"
    with lent(db, ids={"image_id": image_ids}):
        return _files(db, copies, "SELECT * FROM images")


def unverified(db: Connection, outside: int | None = None) -> list[KnownFile]:
    """The files whose bytes have to be read before a decision can rest on them.

    Those that share their content id with another file that is there, or with a photo of which all bytes are
    known. With ``outside`` also the verified photos outside of that root (its id) that have a copy: are they
    still there? Works on a read-only connection.
    """
    elsewhere = "false" if outside is None else f"(i.present > 1 AND i.root_id <> {int(outside)})"
    return _files(
        db,
        f"i.status <> 'missing' AND ((i.whole_id IS NULL AND (i.present > 1 OR i.known > 0)) OR {elsewhere})",
        "SELECT *, count(*) FILTER (status <> 'missing') OVER contents AS present,"
        " count(whole_id) OVER contents AS known FROM images"
        " WHERE content_id IN (SELECT content_id FROM images GROUP BY content_id HAVING count(*) > 1)"
        " WINDOW contents AS (PARTITION BY content_id)",
    )


def known_by_root(db: Connection) -> dict[int, int]:
    """Root -> how many of its photos are not missing, copies apart."""
    found = db.execute(
        "SELECT root_id, count(*) FROM images WHERE status <> 'missing' AND duplicate_of IS NULL GROUP BY 1"
    ).fetchall()
    return {int(root_id): int(n) for root_id, n in found}


def settle(db: Connection) -> Settled:
    """Hold together what is equal, in the transaction of the caller; see the module's text.

    Afterwards each content has one image that is not a copy, with everything that was known of any of them.
    """
    db.execute(query("identity_groups"))
    ((n_moved, n_touched),) = db.execute(
        "SELECT count(*) FILTER (NOT touched), count(*) FILTER (touched) FROM moved"
    ).fetchall()
    ((n_copies,),) = db.execute("SELECT count(*) FROM absorbed WHERE NOT dropped AND is_news").fetchall()
    db.execute(query("identity_absorb"))
    settle_runs(db, "SELECT owner_id FROM taken WHERE status = 'completed'")
    db.execute(
        "UPDATE images SET error_code = NULL, error_message = NULL,"
        " status = CASE WHEN status = 'missing' THEN status ELSE 'completed' END"
        " WHERE run_id IS NOT NULL AND image_id IN (SELECT owner_id FROM taken WHERE status = 'completed')"
    )
    db.execute(query("identity_edited"))
    ((n_dropped,),) = db.execute(
        "SELECT (SELECT count(*) FROM edited) + (SELECT count(*) FROM absorbed WHERE had_results)"
    ).fetchall()
    if n_dropped:
        db.execute(RECOUNT_RUNS)
    taken = db.execute("SELECT image_id FROM absorbed").fetchnumpy()["image_id"]
    rechosen = [int(i) for (i,) in db.execute("SELECT DISTINCT image_id FROM rechosen").fetchall()]
    for table in ("known_by_time", "same", "grouped", "moved", "absorbed", "parted", "taken", "renamed"):
        db.execute(f"DROP TABLE temp.{table}")
    for table in ("readings_taken", "shifts_taken", "rechosen", "edited"):
        db.execute(f"DROP TABLE temp.{table}")
    db.execute("UPDATE roots SET unsettled = false WHERE unsettled")
    return Settled(int(n_moved), int(n_touched), int(n_copies), np.asarray(taken, np.int64), sorted(rechosen))


def count_missing(db: Connection, ids: Ids) -> int:
    """How many of the images (ids) are missing photos."""
    with lent(db, ids={"image_id": ids}):
        ((n,),) = db.execute(
            "SELECT count(*) FROM images JOIN ids USING (image_id) WHERE status = 'missing'"
        ).fetchall()
    return int(n)


def count_below(db: Connection, ids: Ids, folders: Sequence[str]) -> int:
    """How many of the images (ids), copies aside, lie in ``folders`` (relative to their root) or deeper."""
    with lent(db, ids={"image_id": ids}, folders={"folder": texts([to_db(folder) for folder in folders])}):
        ((n,),) = db.execute(
            "SELECT count(DISTINCT image_id) FROM images JOIN ids USING (image_id)"
            " JOIN folders ON starts_with(path, folder || '/') WHERE duplicate_of IS NULL"
        ).fetchall()
    return int(n)


def photos_of(db: Connection, image_ids: Sequence[int]) -> dict[int, int]:
    """Copy or thumbnail -> the photo that it repeats, for those of ``image_ids`` that are one."""
    with asked(db, image_ids):
        found = db.execute(
            "SELECT image_id, coalesce(duplicate_of, thumbnail_of) AS photo FROM images"
            " JOIN asked USING (image_id) WHERE photo IS NOT NULL"
        ).fetchall()
    return {int(copy): int(photo) for copy, photo in found}


def duplicates(db: Connection) -> list[dict[str, Any]]:
    """Every photo that has copies, each followed by these, as rows of ``duplicates.sql``."""
    return [
        {**row, "path": from_db(row["path"]), "root": from_db(row["root"])}
        for row in rows(db, query("duplicates"))
    ]


def _files(db: Connection, where: str, images: str) -> list[KnownFile]:
    found = db.execute(
        "SELECT i.image_id, i.root_id, r.path, i.path, i.size_bytes, i.mtime_ns, i.whole_id"
        f" FROM ({images}) i JOIN roots r USING (root_id) WHERE {where} ORDER BY i.root_id, i.path"
    ).fetchall()
    return [
        KnownFile(int(i), int(root), from_db(where_), from_db(path), int(size), int(mtime), whole is not None)
        for i, root, where_, path, size, mtime, whole in found
    ]


def _update(db: Connection, column: str, ids: npt.NDArray[np.int64], values: Sequence[str | None]) -> None:
    with lent(db, told={"image_id": ids, "value": texts(values)}):
        db.execute(
            f"UPDATE images SET {column} = t.value FROM told t"
            " WHERE t.image_id = images.image_id AND t.value IS NOT NULL"
        )
