"""A photo that failed is no photo that is still to be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.library import Library, Photo, make_library
from trailcam.reports.buck_parts import buck_report
from trailcam.reports.common import Question
from trailcam.reports.formats import cell, shown_columns
from trailcam.reports.report_page import to_html
from trailcam.reports.species import species

PHOTOS = [Photo(f"{n}.jpg", f"2024-11-0{n} 06:10") for n in (1, 2, 3)]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path, PHOTOS)


def test_counts_are_final_when_the_rest_failed(library: Library) -> None:
    library.detect({"1.jpg": [("mature", 0.9)], "2.jpg": [("doe", 0.9)]}, failed=["3.jpg"])
    with library.database.read() as db:
        for report in (buck_report(db, Question(), parts=["counts"]), species(db, Question())):
            shown = [cell(c, row) for row in report.rows for c in shown_columns(report.columns, report.rows)]
            assert not any("≥" in text or "≈" in text for text in shown)
            assert all(row["complete"] for row in report.rows)
            assert report.coverage["failures"] == {"truncated": 1}
            assert any("1 photo can't be read and is in no count (truncated)" in n for n in report.notes)
            assert not any("≥" in note for note in report.notes)
            assert 'class="coverage part"' not in to_html(report)


def test_counts_may_grow_while_photos_are_pending(library: Library) -> None:
    library.detect({"1.jpg": [("mature", 0.9)]}, failed=["3.jpg"])
    with library.database.read() as db:
        report = buck_report(db, Question(), parts=["counts"])
    assert not any(row["complete"] for row in report.rows)
    assert any("≥ is a lower bound" in note for note in report.notes)
    assert 'class="coverage part"' in to_html(report)


def test_deer_are_does_fawns_and_bucks_alike(library: Library) -> None:
    from trailcam.reports.activity import activity
    from trailcam.reports.digest import DigestOptions, digest

    library.detect({"1.jpg": [("mature", 0.9)], "2.jpg": [("doe", 0.9)], "3.jpg": [("person", 0.9)]})
    with library.database.read() as db:
        assert {row["class"] for row in species(db, Question(), only=["deer"]).rows} == {"mature", "doe"}
        hours = activity(db, Question(), classes=["deer"], by=["hour"]).rows
        assert sum(row["events"] for row in hours) == 2
        told = digest(db, Question(), DigestOptions(["deer"])).report
    assert [row["class"] for row in told.rows] == ["deer", "deer"]
    assert not any("no class for deer" in note for note in told.notes)


def test_a_doe_and_a_buck_together_are_one_visit_of_deer(tmp_path: Path) -> None:
    from trailcam.reports.activity import activity

    library = make_library(tmp_path, [Photo("1.jpg", "2024-11-01 06:10"), Photo("2.jpg", "2024-11-01 06:12")])
    library.detect({"1.jpg": [("mature", 0.9)], "2.jpg": [("doe", 0.9)]})
    with library.database.read() as db:
        hours = activity(db, Question(), classes=["deer"], by=["hour"]).rows
    assert sum(row["events"] for row in hours) == 1
