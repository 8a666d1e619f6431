"""Names of bucks in tables that DuckDB reads, and photos by what a sidecar calls them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from trailcam.store.columns import asked
from trailcam.store.database import Connection, quoted
from trailcam.store.paths import from_db
from trailcam.words.text import FORMULA_STARTS

NEEDED = ("path", "x", "y", "w", "h", "individual")
_CHUNK = 10_000


class NoTable(Exception):
    """The file is no table with the columns of ``export csv``; the text says why."""


def named_rows(db: Connection, path: Path) -> Iterator[tuple[Any, ...]]:
    """(path, x, y, w, h, individual) of each row with a name, as texts, of a CSV or Parquet file.

    Raises NoTable.
    """
    read = "read_parquet" if path.suffix.lower() == ".parquet" else "read_csv"
    how = "" if read == "read_parquet" else ", header = true, all_varchar = true"
    table = f"{read}({quoted(str(path.absolute()))}{how})"
    try:
        columns = {row[0] for row in db.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()}
        if lacking := [name for name in NEEDED if name not in columns]:
            raise NoTable(f"it has no column {', '.join(lacking)}")
        cells = ", ".join(f'"{name}"::VARCHAR' for name in NEEDED)
        found = db.execute(
            f"SELECT {cells} FROM {table} WHERE coalesce(individual::VARCHAR, '') <> ''"
        ).fetchall()
    except duckdb.Error as error:
        raise NoTable(str(error).splitlines()[0]) from error
    for row in found:
        # The apostrophe that CSV cells get before what a spreadsheet would run.
        yield tuple(cell[1:] if cell and _is_escaped(cell) else cell for cell in row)


def _is_escaped(cell: str) -> bool:
    return cell[0] == "'" and cell[1:].startswith(FORMULA_STARTS)


def orientations(db: Connection, image_ids: Iterable[int]) -> dict[int, int]:
    """The EXIF orientation 1..8 of photos."""
    with asked(db, image_ids):
        found = db.execute("SELECT image_id, orientation FROM images JOIN asked USING (image_id)").fetchall()
    return {int(image_id): int(orientation) for image_id, orientation in found}


def photos_by_stem(db: Connection) -> dict[str, list[str]]:
    """Path without its ending, in lower case -> the paths of the photos, all relative to their roots."""
    found: dict[str, list[str]] = {}
    for (stored,) in db.execute(
        "SELECT path FROM images WHERE duplicate_of IS NULL ORDER BY path"
    ).fetchall():
        path = from_db(str(stored))
        stem = path.rpartition(".")[0] or path
        found.setdefault(stem.lower(), []).append(path)
    return found
