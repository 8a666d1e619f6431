"""``export csv`` and ``export parquet``: one flat table, a row for each box that counts.

``export csv`` into a file that ends in .xlsx writes a workbook.

A photo without such a box has one row whose box columns are empty; ``status`` says whether it was looked at.
In CSV, text that a spreadsheet would take for a formula gets an apostrophe in front; not in Parquet.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from trailcam.errors import OutputError
from trailcam.export.summary import Summary
from trailcam.files.target import check_file, draft_beside, whole_file
from trailcam.files.workbook import Sheet, write_workbook
from trailcam.selection import Selection
from trailcam.settings.config import ReportSettings
from trailcam.store.animals import animals_of
from trailcam.store.counted import count_boxes
from trailcam.store.database import Database
from trailcam.store.export_rows import bound_memory
from trailcam.store.named import join_names
from trailcam.store.select import select
from trailcam.store.table_rows import copy_rows, count_rows, table_rows
from trailcam.store.visits import gap_us
from trailcam.words.text import printable

_OPTIONS = {"csv": "FORMAT csv, HEADER true", "parquet": "FORMAT parquet, COMPRESSION zstd"}


def export_table(
    database: Database, selection: Selection, target: Path, form: str, settings: ReportSettings
) -> Summary:
    """Write the file ``target``; ``form`` is "csv" or "parquet". Raises UsageError and OutputError.

    ``settings`` say what counts and what a visit is.
    """
    as_workbook = form == "csv" and target.suffix.lower() == ".xlsx"
    check_file(target, database.path, ".xlsx" if as_workbook else f".{form}")
    if as_workbook:
        return _export_workbook(database, selection, target, settings)
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
        hidden = counted.hidden_counts(timedelta(0)).in_words(visits=False)
    return Summary(target, photos=n_photos, boxes=n_boxes, undated_left_out=n_left_out, notes=hidden)


def _export_workbook(
    database: Database, selection: Selection, target: Path, settings: ReportSettings
) -> Summary:
    with whole_file(target) as file, database.read() as db:
        photos = select(db, selection)
        counted = count_boxes(photos, settings.confidence)
        named = join_names(counted)
        animals = animals_of(counted, gap_us(settings.gap), per_visit=settings.per_visit).save(db)
        heading, found = table_rows(animals)
        write_workbook(file, [Sheet("Photos and boxes", heading, found)])
        n_photos, n_boxes = count_rows(named)
        n_left_out = photos.undated_left_out()
        hidden = counted.hidden_counts(timedelta(0)).in_words(visits=False)
    return Summary(target, photos=n_photos, boxes=n_boxes, undated_left_out=n_left_out, notes=hidden)
