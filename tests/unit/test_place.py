"""One place for the whole ranch, and the temperatures that cameras tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.library import Library, Photo, make_library
from trailcam.errors import ConfigError
from trailcam.reports.activity import activity
from trailcam.reports.buck_parts import buck_report
from trailcam.reports.common import Question
from trailcam.reports.photo import photo_report
from trailcam.settings.config import load
from trailcam.store.station_facts import find_station, set_facts

RANCH = Question(place=(30.25, -98.5), timezone="America/Chicago")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A mature buck at noon and one at midnight."""
    photos = [Photo("noon.jpg", "2024-11-03 12:00"), Photo("night.jpg", "2024-11-04 00:30")]
    library = make_library(tmp_path, photos)
    library.detect({photo.name: [("mature", 0.9)] for photo in photos})
    return library


def light(library: Library, question: Question) -> tuple[int, int, int]:
    with library.database.read() as db:
        report = buck_report(db, question, parts=["seasons"])
    (row,) = [row for row in report.sections[0].rows if row["age"] == "mature"]
    return row["legal_events"], row["dark_events"], row["unknown_light_events"]


def test_the_ranchs_place_stands_in_for_a_stations(library: Library) -> None:
    assert light(library, Question(timezone="America/Chicago")) == (0, 0, 2)
    assert light(library, RANCH) == (1, 1, 0)
    with library.database.write() as db:  # half way round the world noon is night
        set_facts(db, find_station(db, "Hayfield").station_id, {"latitude": 30.25, "longitude": 81.5})
    assert light(library, RANCH) == (1, 1, 0)
    assert light(library, Question(timezone="UTC", place=(30.25, -98.5))) != (0, 0, 2), "its own place counts"


def test_what_is_missing_is_said_once_with_what_to_do(library: Library) -> None:
    with library.database.write() as db:
        db.execute("UPDATE images SET latitude = 30.25, longitude = -98.5")
    with library.database.read() as db:
        screen = buck_report(db, Question(), screen=True).screen
    assert screen is not None
    (told,) = [line for line in screen.below if "Legal light is unknown for 2 visits" in line]
    assert 'GPS in photos tells the place of Hayfield: stations set "Hayfield" --from-gps' in told


def test_half_a_place_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("[place]\nlatitude = 30.25\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"place\.latitude, but no place\.longitude"):
        load(file, {}, {})
    assert load(file, {"place.longitude": -98.5}, {}).place.known == (30.25, -98.5)


def test_temperatures_of_notes_and_strips(library: Library) -> None:
    with library.database.write() as db:
        db.execute("UPDATE images SET temperature_c = 21 WHERE image_id = ?", [library.ids["noon.jpg"]])
        db.execute(
            "INSERT INTO time_readings BY NAME SELECT ? AS image_id, 'strip' AS source, NULL AS value,"
            " false AS counts, ? AS detail, TIMESTAMP '2025-01-01' AS read_at",
            [library.ids["night.jpg"], json.dumps({"temperature_c": -4.0})],
        )
    with library.database.read() as db:
        report = activity(db, RANCH, by=["temperature"])
        latest = buck_report(db, RANCH, screen=True).screen
        facts = photo_report(db, library.ids["night.jpg"]).sections[0].rows
    seen = {(row["temperature_c"], row["temperature_f"]): row["events"] for row in report.rows}
    assert seen[(20, 68)] == seen[(-5, 23)] == 1
    assert sum(seen.values()) == 2
    assert latest is not None
    assert [row["temperature_c"] for row in latest.tables[0].rows] == [-4.0, 21.0]
    told = {row["name"]: row["value"] for row in facts}
    assert told["temperature in the strip"] == "-4 °C (25 °F)"
    assert told["moon that night"] == "waxing crescent"
