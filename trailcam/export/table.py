"""``export csv`` and ``export parquet``: one flat table, a row for each box that counts.

A photo without such a box has one row whose box columns are empty; ``status`` says whether it was looked at.
In CSV, text that a spreadsheet would take for a formula gets an apostrophe in front; not in Parquet.
"""

from __future__ import annotations

from pathlib import Path

from trailcam.errors import OutputError
from trailcam.export.summary import Summary
from trailcam.files.target import check_file, draft_beside
from trailcam.selection import Selection
from trailcam.settings.config import ReportSettings
from trailcam.store.animals import animals_of
from trailcam.store.counted import count_boxes
from trailcam.store.database import Database
from trailcam.store.export_rows import bound_memory, copy_rows
from trailcam.store.named import join_names
from trailcam.store.select import select
from trailcam.store.visits import gap_us
from trailcam.words.text import printable

_OPTIONS = {"csv": "FORMAT csv, HEADER true", "parquet": "FORMAT parquet, COMPRESSION zstd"}


def export_table(
    database: Database, selection: Selection, target: Path, form: str, settings: ReportSettings
) -> Summary:
    """Write the file ``target``; ``form`` is "csv" or "parquet". Raises UsageError and OutputError.

    ``settings`` say what counts and what a visit is.
    """
    check_file(target, database.path, f".{form}")
    with draft_beside(target) as (draft, scratch), database.read() as db:
        bound_memory(db, scratch, "512MB")
        photos = select(db, selection)
        counted = count_boxes(photos, settings.confidence)
        named = join_names(counted)
        animals = animals_of(counted, gap_us(settings.gap), per_visit=settings.per_visit).save(db)
        n_photos, n_boxes = copy_rows(named, animals, draft, _OPTIONS[form], no_formulas=form == "csv")
        if not draft.is_file():
            raise OutputError(f"Nothing was written to {printable(str(target))}.", "Is its disk full?")
        n_left_out = photos.undated_left_out()
    return Summary(target, photos=n_photos, boxes=n_boxes, undated_left_out=n_left_out)
