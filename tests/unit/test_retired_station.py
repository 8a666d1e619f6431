"""A station that was given up has no effort and no silences after its last day, anywhere."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.helpers.library import Photo, make_library
from trailcam.reports.common import Question
from trailcam.reports.stations import stations
from trailcam.store.camera_days import make_camera_days
from trailcam.store.station_facts import FACTS, find_station, merge, set_facts, undo


def test_effort_and_silences_end(tmp_path: Path) -> None:
    days = ["2024-11-01", "2024-11-04", "2024-11-20"]  # a silence of 15 days, then a photo after the last day
    library = make_library(tmp_path, [Photo(f"{n}.jpg", f"{day} 06:00") for n, day in enumerate(days)])
    with library.database.write() as db:
        with make_camera_days(db, 7) as worked:
            assert len(worked.silences()) == 1
        set_facts(db, find_station(db, "Hayfield").station_id, {"until": date(2024, 11, 10)})
        with make_camera_days(db, 7) as worked:
            assert worked.silences() == []
        (row,) = stations(db, Question()).rows
    assert (row["camera_days"], row["silences"]) == (4, 0)
    assert row["photos"] == 3, "photos count, whenever they were taken"


def test_a_merge_and_its_undoing_keep_it(tmp_path: Path) -> None:
    photos = [Photo("1.jpg", "2024-11-01 06:00", "Old"), Photo("2.jpg", "2024-11-02 06:00", "New")]
    library = make_library(tmp_path, photos)
    with library.database.write() as db:
        set_facts(db, find_station(db, "Old").station_id, {"until": date(2024, 11, 10)})
        merge(db, "Old", "New")
        assert find_station(db, "New").until is None, "the other one goes on"
        undo(db)
        assert find_station(db, "Old").until == date(2024, 11, 10)
    assert "until" in FACTS
