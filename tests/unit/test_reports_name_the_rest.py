"""Every report names the photos that are not behind its numbers: undated, and never looked at."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from trailcam.cli.app import app
from trailcam.domain import ClassInfo, Kind
from trailcam.store.corrections import JudgedBox, Judgement, record

START = datetime(2024, 10, 1, 6)
DOE = ClassInfo(0, "doe", Kind.DOE)
PLACE = (0.25, 0.25, 0.25, 0.25)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Sixty photos a day apart, two blank ones without a time, three that nobody looked at, one lost."""
    dated = [Photo(f"{n}.jpg", START + timedelta(days=n)) for n in range(60)]
    others = [Photo("u0.jpg"), Photo("u1.jpg"), *(Photo(f"p{n}.jpg", START) for n in range(3))]
    found: dict[str, Any] = {
        photo.name: [("mature" if n % 2 else "doe", 0.9, PLACE)] for n, photo in enumerate(dated)
    }
    library = make_library(tmp_path_factory.mktemp("rest"), [*dated, *others, Photo("gone.jpg", START)])
    fawn = ClassInfo(5, "fawn", Kind.FAWN)
    library.detect({**found, "u0.jpg": [], "u1.jpg": []}, missing=["gone.jpg"], classes=(*WHITETAIL, fawn))
    judged = Judgement(library.ids["0.jpg"], (JudgedBox(DOE, *PLACE),), True, START)
    with library.database.write() as db:
        record(db, [judged], author="Ann", source="correct")
    return library


@pytest.mark.parametrize(
    "report", ["bucks --part all", "species", "stations", "activity", "herd", "accuracy", "digest --dry-run"]
)
def test_a_report_names_them(library: Library, report: str) -> None:
    database = str(library.database.path)
    shown = CliRunner().invoke(app, ["report", *report.split(), "--db", database])
    assert shown.exit_code == 0, shown.output
    assert (
        "Coverage: 62 of 66 photos looked at (93 %); 3 pending, 0 failed, 1 missing;"
        " 2 without a capture time."
    ) in " ".join(shown.output.split())
    told = CliRunner().invoke(app, ["report", *report.split(), "--db", database, "--format", "json"])
    coverage = json.loads(told.stdout)["coverage"]
    assert [coverage[name] for name in ("pending", "missing", "undated")] == [3, 1, 2]


def test_the_first_screen_names_them(library: Library) -> None:
    shown = CliRunner().invoke(app, ["report", "bucks", "--db", str(library.database.path)])
    text = " ".join(shown.output.split())
    assert "93 % of 66 photos looked at: there may be more; 1 is gone." in text
    assert "2 photos without a capture time are in no visit." in text


@pytest.mark.parametrize("report", ["bucks", "species", "stations", "activity", "herd", "digest --dry-run"])
def test_a_choice_by_time_names_the_undated(library: Library, report: str) -> None:
    args = ["report", *report.split(), "--months", "9-1", "--db", str(library.database.path)]
    shown = CliRunner().invoke(app, args)
    assert shown.exit_code == 0, shown.output
    assert "2 photos have no capture time and are left out." in " ".join(shown.output.split())
