"""What a scan compares with and writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.library import Library, Photo, make_library
from trailcam.domain import CaptureTime, FileKey, Image, TimeSource
from trailcam.store.database import one, rows
from trailcam.store.images import (
    ScanDifference,
    compare,
    finish_scan,
    roots,
    save_images,
    save_root,
    save_stations,
    stations_summary,
)
from trailcam.store.paths import from_db

A, B, C = Photo("a.jpg", "2024-11-03 06:10"), Photo("b.jpg"), Photo("c.jpg", "2025-01-05 17:30", "TinMan")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path, [A, B, C])


def keys(*photos: Photo) -> list[FileKey]:
    return [photo.image().key for photo in photos]


def held_against(library: Library, files: Sequence[FileKey], hidden: Sequence[str] = ()) -> ScanDifference:
    with library.database.read() as db:
        return compare(db, library.root_id, files, hidden)


def image(library: Library, name: str) -> dict[str, Any]:
    with library.database.read() as db:
        (found,) = rows(db, "SELECT * FROM images WHERE image_id = ?", [library.ids[name]])
    return found


def test_everything_that_a_file_says_is_kept(library: Library) -> None:
    at = datetime(2024, 11, 3, 6, 10, 7, 250_000)
    full = Image(
        key=FileKey("Hayfield/full.jpg", 2**33, 1_730_600_000_123_456_789),
        station="Hayfield",
        captured=CaptureTime(at, TimeSource.EXIF, "clock_reset", -360),
        make="RECONYX",
        model="HF2",
        serial="7",
        width=4608,
        height=3456,
        orientation=6,
    )
    bare = replace(
        full,
        key=FileKey("bare.jpg", 1, 1),
        captured=CaptureTime(None, TimeSource.UNKNOWN),
        make=None,
        model=None,
        serial=None,
        width=None,
        height=None,
    )
    with library.database.write() as db:
        save_images(db, library.root_id, [full, bare], {})
    with library.database.read() as db:
        one_full, one_bare = rows(db, "SELECT * FROM images WHERE image_id > 3 ORDER BY image_id")
    expected = {
        "path": "Hayfield/full.jpg",
        "size_bytes": 2**33,
        "mtime_ns": 1_730_600_000_123_456_789,
        "captured_at": at,
        "captured_at_source": "exif",
        "captured_at_suspect": "clock_reset",
        "utc_offset_min": -360,
        "make": "RECONYX",
        "model": "HF2",
        "serial": "7",
        "width": 4608,
        "height": 3456,
        "orientation": 6,
        "status": "pending",
        "error_code": None,
        "run_id": None,
    }
    assert {name: one_full[name] for name in expected} == expected
    empty = ("captured_at", "captured_at_suspect", "utc_offset_min", "make", "model", "serial", "width")
    assert [one_bare[name] for name in empty] == [None] * len(empty)


def test_a_root_that_is_not_known_has_only_fresh_files() -> None:
    assert ScanDifference.all_new(3).fresh.tolist() == [0, 1, 2]
    assert ScanDifference.all_new(3).n_known == 0


def test_nothing_new(library: Library) -> None:
    found = held_against(library, keys(A, B, C))
    assert (found.n_unchanged, found.n_known) == (3, 3)
    assert len(found.fresh) == len(found.changed) == len(found.vanished_ids) == len(found.returned_ids) == 0


@pytest.mark.parametrize("part", ["size_bytes", "mtime_ns"])
@pytest.mark.parametrize("by", [1, -1])
def test_size_or_mtime_by_one_is_a_change(library: Library, part: str, by: int) -> None:
    a, b, c = keys(A, B, C)
    changed = replace(b, **{part: getattr(b, part) + by})
    found = held_against(library, [a, changed, c])
    assert found.changed.tolist() == [1]
    assert found.changed_ids.tolist() == [library.ids["b.jpg"]]
    assert found.n_unchanged == 2


def test_new_and_vanished(library: Library) -> None:
    found = held_against(library, keys(Photo("new.jpg"), A))
    assert found.fresh.tolist() == [0]
    assert sorted(found.vanished_ids.tolist()) == [library.ids["b.jpg"], library.ids["c.jpg"]]


def test_names_are_compared_exactly(library: Library) -> None:
    found = held_against(library, keys(Photo("A.jpg"), B, C))
    assert found.fresh.tolist() == [0]
    assert found.vanished_ids.tolist() == [library.ids["a.jpg"]]


@pytest.mark.parametrize(
    ("hidden", "vanished"),
    [
        (["Hayfield"], ["c.jpg"]),
        (["Hay"], ["a.jpg", "b.jpg", "c.jpg"]),
        ([""], []),
        (["TinMan/c.jpg"], ["a.jpg", "b.jpg"]),
    ],
)
def test_what_lies_in_a_folder_nobody_can_see_into_has_not_vanished(
    library: Library, hidden: list[str], vanished: list[str]
) -> None:
    found = held_against(library, [], hidden)
    assert sorted(found.vanished_ids.tolist()) == [library.ids[name] for name in vanished]
    assert found.n_known == 3


def test_another_roots_images_are_no_ones_business(library: Library) -> None:
    with library.database.write() as db:
        other = save_root(db, "other", "/mnt/other")
    with library.database.read() as db:
        found = compare(db, other, keys(A), [])
    assert (found.fresh.tolist(), found.n_known, len(found.vanished_ids)) == ([0], 0, 0)


def test_vanished_then_back_with_the_status_that_the_results_say(library: Library) -> None:
    library.add([Photo("bad.jpg", error_code="empty_file")])
    library.detect({"a.jpg": [("doe", 0.9)]}, failed=["b.jpg"])
    before = {name: image(library, name) for name in ("a.jpg", "b.jpg", "c.jpg", "bad.jpg")}
    assert [i["status"] for i in before.values()] == ["completed", "failed", "pending", "failed"]
    gone = np.array(list(library.ids.values()))
    none = np.zeros(0, np.int64)
    with library.database.write() as db:
        finish_scan(db, library.root_id, gone, none, 0)
    with library.database.read() as db:
        assert one(db, "SELECT count(*) FROM images WHERE status = 'missing'") == (4,)
        assert one(db, "SELECT count(*) FROM detections") == (1,)
    files = keys(A, B, C, Photo("bad.jpg"))
    found = held_against(library, files)
    assert (len(found.returned_ids), found.n_known) == (4, 0)
    with library.database.write() as db:
        finish_scan(db, library.root_id, none, found.returned_ids, 0)
    assert {name: image(library, name) for name in before} == before


def test_back_but_changed_is_pending(library: Library) -> None:
    library.detect({"a.jpg": [("doe", 0.9)]})
    with library.database.write() as db:
        finish_scan(db, library.root_id, np.array([library.ids["a.jpg"]]), np.zeros(0, np.int64), 0)
    grown = replace(A.image(), key=replace(A.image().key, size_bytes=2000))
    found = held_against(library, [grown.key, *keys(B, C)])
    assert (len(found.returned_ids), found.changed.tolist()) == (0, [0])


def test_a_changed_file_loses_what_was_seen_in_it_and_keeps_its_id(library: Library) -> None:
    library.detect({"a.jpg": [("doe", 0.9), ("mid", 0.6)], "c.jpg": [("doe", 0.8)]})
    library.detect({"a.jpg": [("mid", 0.7)]}, weights="other.pt")
    old = image(library, "a.jpg")
    grown = replace(A.image(), key=replace(A.image().key, size_bytes=2000), station="Camphouse")
    with library.database.write() as db:
        save_images(
            db, library.root_id, [Photo("new.jpg").image(), grown], {"Hayfield/a.jpg": old["image_id"]}
        )
    new = image(library, "a.jpg")
    assert (new["status"], new["run_id"], new["size_bytes"]) == ("pending", None, 2000)
    assert new["first_seen_at"] == old["first_seen_at"]
    assert new["scanned_at"] >= old["scanned_at"]
    with library.database.read() as db:
        for table in ("detections", "results"):
            assert rows(db, f"SELECT DISTINCT image_id FROM {table}") == [{"image_id": library.ids["c.jpg"]}]
        assert one(db, "SELECT count(*), count(DISTINCT image_id) FROM images") == (4, 4)


@pytest.mark.parametrize("code", ["unreadable", "empty_file"])
def test_only_what_could_not_be_read_is_read_again(library: Library, code: str) -> None:
    bad = Photo("bad.jpg", error_code=code)
    library.add([bad])
    found = held_against(library, keys(A, B, C, bad))
    assert len(found.changed) == (code == "unreadable")


@pytest.mark.parametrize(
    "path",
    [
        "\udcff\udcfe/\udc80.jpg",
        "a\nb/c\td.jpg",
        "x" * 255 + "/" + "y" * 251 + ".jpg",
        "''; DROP TABLE images;--.jpg",
        "\U0001f98c/é.jpg",
        "[red]/%s.jpg",
        "\ud800.jpg",
    ],
)
def test_any_path_is_stored_and_recognised(library: Library, path: str) -> None:
    odd = replace(A.image(), key=FileKey(path, 1, 1))
    with library.database.write() as db:
        save_images(db, library.root_id, [odd], {})
    with library.database.read() as db:
        ((stored,),) = db.execute("SELECT path FROM images WHERE image_id = 4").fetchall()
    assert from_db(stored) == path
    found = held_against(library, [odd.key, *keys(A, B, C)])
    assert (found.n_unchanged, len(found.fresh)) == (4, 0)


def test_roots_are_made_once_and_moved(library: Library) -> None:
    odd = "lib\udcff"
    with library.database.write() as db:
        first = save_root(db, odd, f"/mnt/{odd}")
        assert save_root(db, odd, f"/media/{odd}") == first
    with library.database.read() as db:
        known = roots(db)
    assert [(r.root_id, r.name, r.path) for r in known][1:] == [(first, odd, f"/media/{odd}")]


def test_station_facts_go_to_known_stations_in_any_case(library: Library) -> None:
    with library.database.write() as db:
        save_stations(db, {"HAYFIELD": {"latitude": 31.5, "notes": "gate"}, "Nowhere": {"latitude": 1.0}})
        save_stations(db, {"Hayfield": {"latitude": None, "timezone": "America/Chicago"}})
    with library.database.read() as db:
        found = rows(db, "SELECT name, latitude, timezone, notes FROM stations ORDER BY name")
    hayfield = {"name": "Hayfield", "latitude": 31.5, "timezone": "America/Chicago", "notes": "gate"}
    assert found == [hayfield, {"name": "TinMan", "latitude": None, "timezone": None, "notes": None}]


def test_stations_summary_counts_what_is_there(library: Library) -> None:
    with library.database.write() as db:
        finish_scan(db, library.root_id, np.array([library.ids["c.jpg"]]), np.zeros(0, np.int64), 3)
        (hayfield,) = stations_summary(db, library.root_id)
        assert one(db, "SELECT n_videos FROM roots") == (3,)
    day = datetime(2024, 11, 3).date()
    assert hayfield == {"station": "Hayfield", "photos": 2, "first_date": day, "last_date": day, "undated": 1}
