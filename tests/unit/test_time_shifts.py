from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.library import Library, Photo, make_library
from trailcam.clock.shift import apply_shift, plan_shift, restore_reread, take_back
from trailcam.domain import CaptureTime, TimeSource
from trailcam.errors import UsageError
from trailcam.reports.shift_list import shift_list
from trailcam.selection import Selection
from trailcam.store.database import utc_now
from trailcam.store.images import save_images
from trailcam.store.readings import Reading, save_readings
from trailcam.words.span import Amount, format_seconds, parse_amount

NOW = datetime(2026, 11, 26)


@pytest.fixture
def ranch(tmp_path: Path) -> Library:
    photos = [Photo(f"h{n}", datetime(2023, 11, 1, 6) + timedelta(days=n)) for n in range(5)]
    return make_library(tmp_path, [*photos, Photo("t1", "2023-11-02 06:00", "TinMan"), Photo("u1")])


def shift(library: Library, by: str = "+1y", station: str = "Hayfield", since: datetime | None = None) -> int:
    with library.database.write() as db:
        chosen = Selection(stations=(station,), since=since)
        return apply_shift(db, plan_shift(db, chosen, None, f"by {by}", parse_amount(by), None), None, NOW)


def undo(library: Library, shift_id: int | None = None) -> None:
    with library.database.write() as db:
        take_back(db, shift_id, NOW)


def shown(library: Library) -> dict[str, tuple[datetime | None, str, str | None]]:
    with library.database.read() as db:
        found = db.execute(
            "SELECT path, captured_at, captured_at_source, captured_at_reason FROM images ORDER BY path"
        ).fetchall()
    return {path.rpartition("/")[2]: tuple(rest) for path, *rest in found}


@pytest.mark.parametrize(
    ("text", "months", "rest"),
    [
        ("+1y2h", 12, timedelta(hours=2)),
        ("-12h", 0, -timedelta(hours=12)),
        ("1mo3d", 1, timedelta(days=3)),
        ("+1w1d1h1m1s", 0, timedelta(days=8, hours=1, minutes=1, seconds=1)),
        ("- 1y 30min", -12, -timedelta(minutes=30)),
    ],
)
def test_amounts(text: str, months: int, rest: timedelta) -> None:
    assert parse_amount(text) == Amount(months, rest)


@pytest.mark.parametrize("text", ["", "+", "1", "2h1y", "1y-2h", "tomorrow", "+99999999999999d"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_amount(text)


def test_years_by_the_calendar_then_evenly_as_a_clock_runs(ranch: Library) -> None:
    assert parse_amount("+1y").after(datetime(2024, 2, 29, 5)) == datetime(2025, 2, 28, 5)
    # A clock set to 2023 instead of 2024 has no 29 February: from there on the year alone isn't enough.
    photos = [Photo("a", "2023-02-27 12:00", "Leap"), Photo("b", "2023-03-01 12:00", "Leap")]
    ranch.add(photos)
    shift(ranch, "+1y", "Leap")
    assert shown(ranch)["a"][0] == datetime(2024, 2, 27, 12)
    assert shown(ranch)["b"][0] == datetime(2024, 2, 29, 12)


@given(st.integers(-(10**9), 10**9))
def test_amounts_are_said_so_that_they_can_be_typed(seconds: int) -> None:
    said = format_seconds(seconds)
    if seconds:
        assert parse_amount(said) == Amount(0, timedelta(seconds=seconds))


def test_a_shift_moves_its_photos_alone_and_says_why(ranch: Library) -> None:
    before = shown(ranch)
    shift(ranch, "+1y2h", since=datetime(2023, 11, 3))
    after = shown(ranch)
    assert [name for name in before if before[name] != after[name]] == ["h2", "h3", "h4"]
    assert after["h2"] == (datetime(2024, 11, 3, 8), "correction", "corrected")
    with ranch.database.read() as db:
        kept = db.execute(
            "SELECT source, value FROM time_readings WHERE image_id = ? ORDER BY source", [ranch.ids["h2"]]
        ).fetchall()
    assert kept == [("correction", datetime(2024, 11, 3, 8)), ("exif", datetime(2023, 11, 3, 6))]


def test_a_known_moment_sets_the_first_photo_and_the_rest_with_it(ranch: Library) -> None:
    with ranch.database.write() as db:
        chosen = Selection(stations=("Hayfield",), since=datetime(2023, 11, 4))
        plan = plan_shift(db, chosen, None, "to", None, datetime(2024, 6, 1, 12, 30))
        apply_shift(db, plan, None, NOW)
    assert shown(ranch)["h3"][0] == datetime(2024, 6, 1, 12, 30)
    assert shown(ranch)["h4"][0] == datetime(2024, 6, 2, 12, 30)


def test_shifts_build_on_each_other_and_are_taken_back_in_order(ranch: Library) -> None:
    before = shown(ranch)
    shift(ranch, "+1y")
    between = shown(ranch)
    shift(ranch, "-12h", since=datetime(2024, 11, 4))
    other = shift(ranch, "+1h", "TinMan")
    assert shown(ranch)["h4"][0] == datetime(2024, 11, 4, 18)
    with pytest.raises(UsageError, match="Shift 2 moved some"):
        undo(ranch, 1)
    undo(ranch, 2)
    assert {k: v for k, v in shown(ranch).items() if k != "t1"} == {
        k: v for k, v in between.items() if k != "t1"
    }
    undo(ranch, 1)
    undo(ranch, other)
    assert shown(ranch) == before
    for number in (None, 1, 9):
        with pytest.raises(UsageError):
            undo(ranch, number)


def test_a_correction_survives_a_strip_and_a_file_that_was_copied_again(ranch: Library) -> None:
    shift(ranch)
    ids = ranch.ids
    with ranch.database.write() as db:
        strip = CaptureTime(datetime(2019, 1, 1, 6), TimeSource.STRIP)
        save_readings(db, [Reading(ids["h1"], strip)], utc_now())
        again = [
            Photo(name, datetime(2023, 11, 1, 6) + timedelta(days=n)).image()
            for n, name in ((1, "h1"), (2, "h2"))
        ]
        save_images(db, ranch.root_id, again, {image.key.path: ids[image.key.path[-2:]] for image in again})
        restore_reread(db, [ids["h1"], ids["h2"]], NOW)
    assert shown(ranch)["h1"] == (datetime(2024, 11, 2, 6), "correction", "corrected")
    assert shown(ranch)["h2"] == (datetime(2024, 11, 3, 6), "correction", "corrected")


def test_another_photo_in_the_files_place_is_not_corrected_and_that_is_said(ranch: Library) -> None:
    shift(ranch)
    with ranch.database.write() as db:
        image = Photo("h1", "2025-10-10 10:10").image()
        save_images(db, ranch.root_id, [image], {image.key.path: ranch.ids["h1"]})
        restore_reread(db, [ranch.ids["h1"]], NOW)
    assert shown(ranch)["h1"] == (datetime(2025, 10, 10, 10, 10), "exif", "only_reading")
    with ranch.database.read() as db:
        listed = shift_list(db)
    assert (listed.rows[0]["photos"], listed.rows[0]["in_force"]) == (5, 4)
    assert "1 photo not corrected any more" in listed.notes[0]


def test_nothing_to_shift_is_refused(ranch: Library) -> None:
    for since, by in ((datetime(2030, 1, 1), "+1h"), (None, "+9000y")):
        with pytest.raises(UsageError):
            shift(ranch, by, since=since)
