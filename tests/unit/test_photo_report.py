"""``trailcam show``: all of one photo, and never a blank that nobody looked at."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.helpers.library import Library, Photo, make_library
from trailcam.cli.app import app
from trailcam.domain import ClassInfo, Kind
from trailcam.store.corrections import JudgedBox, Judgement, record
from trailcam.store.name_photo import name_photo

LEFT, RIGHT = (0.1, 0.2, 0.3, 0.4), (0.6, 0.2, 0.3, 0.4)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    photos = [
        Photo("deer.jpg", "2024-11-03 06:10:05", size=(2048, 1536)),
        Photo("blank.jpg"),
        Photo("waiting.jpg", "2015-01-01 00:03", suspect="clock_reset"),
        Photo("broken.jpg", "2024-11-03 06:12", error_code="truncated"),
        Photo("gone.jpg", "2024-11-03 06:13"),
    ]
    library = make_library(tmp_path, photos)
    seen: dict[str, Any] = {
        "deer.jpg": [("mature", 0.8, RIGHT), ("doe", 0.2, LEFT)],
        "blank.jpg": [],
    }
    library.detect(seen, missing=["gone.jpg"])
    with library.database.write() as db:
        db.execute(
            "UPDATE images SET make = 'RECONYX', maker_note = 'hyperfire', trigger_mode = 'motion',"
            " sequence_position = 2, sequence_length = 5, temperature_c = -10, temperature_f = 14,"
            " infrared = false, battery_v = 8.25 WHERE path LIKE '%deer.jpg'"
        )
    return library


def shown(library: Library, name: str, *args: str) -> str:
    database = str(library.database.path)
    done = CliRunner().invoke(app, ["show", f"Hayfield/{name}", "--db", database, *args])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_boxes_facts_and_times(library: Library) -> None:
    told = json.loads(shown(library, "deer.jpg", "--format", "json"))
    assert [(row["box"], row["class"], row["confidence"], row["counts"]) for row in told["rows"]] == [
        (1, "mature", 0.8, True),
        (2, "doe", 0.2, False),
    ]
    assert [told["rows"][0][name] for name in "xywh"] == list(RIGHT)
    facts = [(row["name"], row["value"]) for row in told["facts"]]
    assert facts[2:] == [
        ("station", "Hayfield"),
        ("status", "completed"),
        ("looked at by", "whitetail.pt (run 1)"),
        ("captured at", "2024-11-03 06:10:05"),
        ("known from", "exif (only_reading)"),
        ("camera", "RECONYX"),
        ("size", "2048 x 1536 px"),
        ("trigger", "motion"),
        ("photo of burst", "2 of 5"),
        ("temperature", "-10 °C"),
        ("temperature", "14 °F"),
        ("illuminator", "not lit"),
        ("battery", "8.25 V"),
        ("maker note", "hyperfire"),
        ("moon that night", "new"),
    ]
    assert [(row["source"], row["at"], row["chosen"]) for row in told["times"]] == [
        ("exif", "2024-11-03 06:10:05", True)
    ]


def test_a_correction_has_no_confidence(library: Library) -> None:
    doe = ClassInfo(0, "doe", Kind.DOE)
    judged = Judgement(library.ids["deer.jpg"], (JudgedBox(doe, *RIGHT),), True, datetime(2025, 1, 1))
    with library.database.write() as db:
        record(db, [judged], author="Ann", source="correct")
    first, *_ = json.loads(shown(library, "deer.jpg", "--format", "json"))["rows"]
    assert (first["class"], first["confidence"], first["by_person"]) == ("doe", None, True)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("blank.jpg", "Looked at, and nothing counts: blank."),
        ("waiting.jpg", "It was not looked at yet"),
        ("broken.jpg", "It failed (truncated: cannot be read)."),
        ("gone.jpg", "The file is gone"),
    ],
)
def test_no_box_is_told_from_never_looked(library: Library, name: str, sentence: str) -> None:
    assert sentence in shown(library, name)


def test_times_that_are_unknown_or_in_doubt(library: Library) -> None:
    assert "captured at   unknown" in shown(library, "blank.jpg")
    assert "clock_reset" in shown(library, "waiting.jpg")


def test_the_name_of_a_buck(library: Library) -> None:
    assert json.loads(shown(library, "deer.jpg", "--format", "json"))["rows"][0]["individual"] is None
    with library.database.write() as db:
        name_photo(db, library.ids["deer.jpg"], "Split Brow", box=1, seen=None, author="Ann")
    told = json.loads(shown(library, "deer.jpg", "--format", "json"))
    assert [row["individual"] for row in told["rows"]] == ["Split Brow", None]
    assert "Split Brow" in shown(library, "deer.jpg")
