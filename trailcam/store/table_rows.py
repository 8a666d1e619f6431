"""The flat table that ``export csv`` and its kin write: ``queries/export_rows.sql``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trailcam.store.animals import SavedAnimals
from trailcam.store.database import query, quoted
from trailcam.store.named import Named
from trailcam.store.nights import make_nights
from trailcam.words.text import FORMULA_STARTS

# The columns of export_rows.sql that hold text of files, cameras and models.
_TEXTS = (
    *("root", "path", "station", "error_message", "make", "model", "serial"),
    *("weights", "class", "species", "camera_label", "event_class", "individual"),
)


def copy_rows(
    named: Named, animals: SavedAnimals, target: Path, options: str, *, no_formulas: bool
) -> tuple[int, int]:
    """Write the photos of ``named`` as a flat table to the file ``target``, by DuckDB's own writer.

    ``animals`` are its boxes by visit. Returns how many photos there are, and boxes that
    count. ``options`` are COPY's, a program's text. With ``no_formulas`` an apostrophe goes before text that
    a spreadsheet would run (see ``words/text.py``). Its sort needs 512 MB, see :func:`bound_memory`. A name
    that is not UTF-8 shows as the database holds it (see :mod:`trailcam.store.paths`).
    """
    db = named.db
    make_nights(db)
    sql = query("export_rows")
    if no_formulas:
        starts = ", ".join(f"chr({ord(char)})" for char in FORMULA_STARTS)
        cells = ", ".join(
            f"CASE WHEN left({c}, 1) IN ({starts}) THEN '''' || {c} ELSE {c} END AS {c}" for c in _TEXTS
        )
        sql = f"SELECT * REPLACE ({cells}) FROM ({sql})"
    db.execute(f"COPY ({sql}) TO {quoted(str(target))} ({options})").fetchall()
    return count_rows(named)


def count_rows(named: Named) -> tuple[int, int]:
    """How many photos there are, and boxes that count."""
    ((n_photos,),) = named.db.execute("SELECT count(*) FROM selected").fetchall()
    ((n_boxes,),) = named.db.execute("SELECT count(*) FROM counted").fetchall()
    return int(n_photos), int(n_boxes)


def table_rows(animals: SavedAnimals) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """The names of the flat table's columns, and its rows, some thousands at a time."""
    make_nights(animals.db)
    found = animals.db.execute(query("export_rows"))
    heading = [str(name) for name, *_ in found.description or ()]

    def rows() -> Iterator[tuple[Any, ...]]:
        while chunk := found.fetchmany(5000):
            yield from chunk

    return heading, rows()
