"""A made library with faults of clocks: which are caught, which not, and no alarm on clean ones.

The table in docs/times.md is what this test measures.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tests.conftest import CHECKOUT
from tests.helpers.library import Library, make_library
from trailcam.clock.check_clocks import Checked, check_stale
from trailcam.clock.doubt import NUMBERS_BACKWARDS, Doubt
from trailcam.clock.infrared import colour_of, colour_of_file
from trailcam.clock.shift import apply_shift, plan_shift, take_back
from trailcam.clock.sources import FileTimes, judge_sources
from trailcam.clock.sun_check import INFRARED_BELOW, Lit, is_infrared, judge_light
from trailcam.domain import CaptureTime, FileKey, Image, TimeSource
from trailcam.media.capture_time import best, suspicion
from trailcam.media.time_in_name import parse_file_name
from trailcam.reports.clocks import times_check
from trailcam.reports.common import Question
from trailcam.selection import Selection
from trailcam.store.clock_facts import save_light
from trailcam.store.database import Connection
from trailcam.store.images import save_images
from trailcam.store.station_facts import match_station, set_facts
from trailcam.sun.sky import Observer, Sun, utc_of
from trailcam.words.span import parse_amount

NOW = datetime(2026, 11, 26)
TEXAS = (30.2565, -97.75)
ZONE = ZoneInfo("America/Chicago")
SUN = Sun()


@dataclass(frozen=True)
class Shot:
    """One photo as it was taken (``true``) and as the camera dates it (``at``)."""

    name: str
    true: datetime
    at: datetime | None
    modified: datetime | None = None
    infrared: bool = False

    @property
    def wrong(self) -> bool:
        return self.at != self.true


@dataclass
class Camera:
    """One station's photos. ``placed``: its coordinates are known; ``looked``: which photos are infrared."""

    shots: list[Shot]
    placed: bool = True
    looked: bool = True


def is_dark(at: datetime) -> bool:
    """Whether a camera in Texas takes ``at`` in infrared: it switches 10 minutes after sunset."""
    moment = utc_of(at, ZONE)
    assert moment is not None
    day = SUN.day(*TEXAS, (moment + timedelta(hours=TEXAS[1] / 15)).date())
    assert day is not None
    return max(day.sunrise - moment, moment - day.sunset) > timedelta(minutes=10)


def taken(
    start: date = date(2024, 10, 10),
    days: int = 50,
    first: int = 1,
    seed: int = 7,
    name: str = "IMG_{:04d}.JPG",
) -> list[Shot]:
    """Four photos a day, mostly about dawn and dusk, by a camera that is right in all."""
    rng = random.Random(seed)
    times = []
    for day in range(days):
        for hour in (rng.gauss(7, 1.2), rng.gauss(18.3, 1.2), rng.uniform(0, 24), rng.uniform(9, 15)):
            at = datetime.combine(start, datetime.min.time()) + timedelta(days=day, hours=hour)
            times.append(at.replace(microsecond=0))
    times.sort()
    return [Shot(name.format(first + n), at, at, None, is_dark(at)) for n, at in enumerate(times)]


def faulty(change: Callable[[datetime], datetime | None], since: int = 60, until: int = 1000) -> list[Shot]:
    """The photos ``since`` to ``until`` dated by a clock that ``change`` spoiled."""
    shots = taken()
    return [replace(s, at=change(s.true)) if since <= n < until else s for n, s in enumerate(shots)]


def running_from(start: datetime, since: int = 60) -> Callable[[datetime], datetime]:
    """A clock that stood at ``start`` at the photo ``since`` and runs on evenly."""
    first = taken()[since].true
    return lambda at: start + (at - first)


def plus(**by: float) -> Callable[[datetime], datetime]:
    return lambda at: at + timedelta(**by)


def swap(at: datetime) -> datetime:
    return at.replace(day=at.month, month=at.day) if at.day <= 12 else at


def drifting(minutes_a_day: float) -> Callable[[datetime], datetime]:
    start = datetime(2024, 10, 10)
    return lambda at: at + (at - start) * (minutes_a_day / 1440)


def after_summer(at: datetime) -> datetime:
    return at + timedelta(hours=1) if at >= datetime(2024, 11, 3, 2) else at


def named(shots: Sequence[Shot], change: Callable[[datetime], datetime]) -> list[Shot]:
    """Photos of which names tell the time that ``change`` makes of the true one; EXIF is wrong in some."""
    return [replace(s, name=f"Cam_{change(s.true):%Y%m%d_%H%M%S}.jpg") for s in shots]


def numbered_backwards(shots: Sequence[Shot]) -> list[Shot]:
    return [replace(s, name=other.name) for s, other in zip(shots, reversed(shots), strict=True)]


# What is faulty -> its camera, and which share of the wrong photos must be caught, with which words.
FAULTS: dict[str, tuple[Camera, str, set[str]]] = {
    "Reset to 2015 by a dead battery, set right later": (
        Camera(faulty(running_from(datetime(2015, 1, 1, 0, 1)), until=100)),
        "all",
        {"clock_reset"},
    ),
    "Reset to another default date (2019), never set": (
        Camera(faulty(running_from(datetime(2019, 1, 1, 0, 0, 30)))),
        "all",
        {"clock_reset"},
    ),
    "A year behind": (Camera(faulty(plus(days=-366), until=110)), "all", {"year_off"}),
    "A year ahead, never set": (Camera(faulty(plus(days=365), 140)), "all", {"year_off"}),
    "In the future": (Camera(faulty(plus(days=3000))), "all", {"future"}),
    "Before 2000": (Camera(faulty(running_from(datetime(1970, 1, 1, 0, 2)))), "all", {"before_2000"}),
    "AM for PM, set right later": (Camera(faulty(plus(hours=-12), 60, 150)), "all", {"half_day_off"}),
    "AM for PM, no coordinates": (
        Camera(faulty(plus(hours=-12), 60, 150), placed=False),
        "most",
        {"half_day_off"},
    ),
    "An hour ahead": (Camera(faulty(plus(hours=1))), "most", {"hour_off"}),
    "Summer time not ended": (
        Camera([replace(s, at=after_summer(s.true)) for s in taken()]),
        "most",
        {"hour_off"},
    ),
    "Day and month swapped when set": (
        Camera(faulty(running_from(datetime(2024, 5, 11, 9)), 100, 150)),
        "all",
        {"out_of_order"},
    ),
    "Day and month swapped by a program": (
        Camera([replace(s, at=swap(s.true)) for s in taken()]),
        "all",
        {"day_for_month"},
    ),
    "Frozen": (Camera(faulty(lambda _: datetime(2024, 11, 1, 7, 3, 9), 90, 130)), "all", {"frozen"}),
    "EXIF twelve hours beside the time in the file's name": (
        Camera(named(faulty(plus(hours=12), 60, 90), lambda at: at), looked=False),
        "all",
        {"sources_differ"},
    ),
    "EXIF's last change ten months before EXIF's time": (
        Camera([replace(s, modified=s.true) for s in faulty(plus(days=300), 0)], looked=False),
        "all",
        {"sources_differ"},
    ),
    "File numbers run backwards": (Camera(numbered_backwards(taken()), looked=False), "named", set()),
    "Drift of 4 minutes a day": (
        Camera([replace(s, at=drifting(4)(s.true)) for s in taken()]),
        "some",
        {"hour_off", "light_differs"},
    ),
    "Drift of 20 seconds a day": (
        Camera([replace(s, at=drifting(1 / 3)(s.true)) for s in taken()]),
        "none",
        set(),
    ),
    "An hour ahead, no coordinates": (Camera(faulty(plus(hours=1)), placed=False), "none", set()),
    "Months ahead, never set": (Camera(faulty(plus(days=90))), "none", set()),
    "A wrong year from the first photo to the last": (Camera(faulty(plus(days=-366), 0)), "none", set()),
}


def second_card(mark: str, count: int, start: date) -> list[Shot]:
    """The first ``count`` photos of another card, whose names were taken: a mark keeps them apart."""
    return taken(start, seed=9, name=f"IMG_{{:04d}}{mark}.JPG")[:count]


def clean() -> dict[str, Camera]:
    """What looks odd and is right."""
    base = taken()
    new_year = taken(date(2014, 12, 20), 30)
    wrapped = taken(first=9950)
    repeats = datetime(2024, 11, 3, 1, 40)
    through = sorted([*base, Shot("", repeats, repeats, None, True)], key=lambda s: s.true)
    before = [s for s in through if s.true <= repeats]
    after = [
        Shot("", at, at, None, True) for at in (datetime(2024, 11, 3, 1, 5), datetime(2024, 11, 3, 1, 50))
    ]
    renumbered = [
        replace(s, name=f"IMG_{n:04d}.JPG")
        for n, s in enumerate([*before, *after, *(s for s in through if s.true > repeats)])
    ]
    other = taken(date(2023, 9, 1), seed=8, name="IMG_{:04d} (2).JPG")
    return {
        "plain": Camera(base),
        "summer time ends": Camera(renumbered),
        "numbers begin anew": Camera(
            [replace(s, name=f"IMG_{(9950 + n) % 10000:04d}.JPG") for n, s in enumerate(wrapped)]
        ),
        "New Year 2015 was one": Camera(new_year),
        "two cards in one folder": Camera([*base, *other]),
        **{
            f"a few photos of a second card, {mark}": Camera([*base, *second_card(mark, count, start)])
            for mark, count, start in (
                *(
                    (" (2)", 12, date(2024, 12, 12)),
                    (" (2)", 40, date(2024, 11, 1)),
                    (" - Copy", 20, date(2025, 1, 5)),
                ),
                *(
                    ("_1", 10, date(2024, 12, 12)),
                    ("_1", 30, date(2024, 9, 1)),
                    ("-2", 25, date(2023, 11, 1)),
                ),
                *((" copy", 15, date(2025, 2, 1)), ("(1)", 30, date(2024, 10, 30))),
            )
        },
        "white flash": Camera([replace(s, infrared=False) for s in base]),
        "names in UTC": Camera(named(base, lambda at: utc_of(at, ZONE).replace(tzinfo=None))),  # type: ignore[union-attr]
        "names given on arrival": Camera(named(base, plus(minutes=7))),
        "edited later": Camera([replace(s, modified=s.true + timedelta(days=400)) for s in base]),
        "folders of one card": Camera(
            [replace(s, name=f"DCIM/{100 + n // 90}EK113/IMG_{n % 90:04d}.JPG") for n, s in enumerate(base)]
        ),
        "three seasons with breaks": Camera(
            [
                *taken(date(2022, 9, 1), 40, 1),
                *taken(date(2023, 9, 3), 40, 300, 9),
                *taken(date(2024, 9, 12), 40, 600, 11),
            ]
        ),
        "bursts": Camera(
            [
                replace(
                    s,
                    name=f"IMG_{3 * n + k:04d}.JPG",
                    at=s.true + timedelta(seconds=(0, 2, 1)[k]),
                    true=s.true + timedelta(seconds=(0, 2, 1)[k]),
                )
                for n, s in enumerate(base)
                for k in range(3)
            ]
        ),
        "winter and summer in the woods": Camera(taken(date(2024, 1, 5), 330, seed=5)),
        "some without a time": Camera(
            [replace(s, at=None, true=s.true) if n % 9 == 0 else s for n, s in enumerate(base)]
        ),
        "no coordinates": Camera(base, placed=False),
    }


def as_image(station: str, shot: Shot) -> Image:
    found = [CaptureTime(shot.at, TimeSource.EXIF, suspicion(shot.at, NOW))] if shot.at else []
    if shot.modified:
        found.append(CaptureTime(shot.modified, TimeSource.EXIF_MODIFIED))
    in_name = parse_file_name(shot.name)
    if in_name:
        found.append(CaptureTime(in_name.at, TimeSource.FILENAME))
    captured, reason = best(found)
    key = FileKey(f"{station}/{shot.name}", 1000, 1)
    return Image(key, station, captured, reason, tuple(found))


def build(folder: Path, cameras: dict[str, Camera]) -> Library:
    library = make_library(folder)
    with library.database.write() as db:
        for station, camera in cameras.items():
            save_images(db, library.root_id, [as_image(station, shot) for shot in camera.shots], {})
            place = dict(zip(("latitude", "longitude"), TEXAS, strict=True)) if camera.placed else {}
            known = match_station(db, station)
            assert known is not None
            set_facts(db, known.station_id, place)
        ids = {str(path): int(i) for i, path in db.execute("SELECT image_id, path FROM images").fetchall()}
        save_light(
            db,
            [
                (ids[f"{station}/{shot.name}"], 0.2 if shot.infrared else 20.0)
                for station, camera in cameras.items()
                for shot in camera.shots
                if camera.looked
            ],
        )
    return library


def doubts(db: Connection) -> dict[str, str | None]:
    return dict(db.execute("SELECT path, captured_at_suspect FROM images").fetchall())


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str | None], Checked]:
    cameras = {name.replace("/", " "): camera for name, (camera, _, _) in FAULTS.items()}
    library = build(tmp_path_factory.mktemp("faults"), cameras)
    with library.database.write() as db:
        found = check_stale(db, "America/Chicago")
        return doubts(db), found


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(fault: str, checked: tuple[dict[str, str | None], Checked]) -> None:
    camera, expected, words = FAULTS[fault]
    found, everything = checked
    by_name = {shot.name: found[f"{fault}/{shot.name}"] for shot in camera.shots}
    wrong = [by_name[shot.name] for shot in camera.shots if shot.wrong]
    right = [by_name[shot.name] for shot in camera.shots if not shot.wrong]
    caught = sum(word is not None for word in wrong)
    named_words = {one.doubt.word for one in everything.findings if one.station == fault}
    assert sum(word is not None for word in right) <= 0.05 * len(camera.shots)
    if expected == "named":
        assert named_words == {NUMBERS_BACKWARDS}
    elif expected == "none":
        assert caught == 0
    else:
        assert caught >= {"all": 1.0, "most": 0.8, "some": 0.3}[expected] * len(wrong) > 0
        assert words & named_words
    said = ", ".join(f"`{word}`" for word in sorted(named_words)) or "-"
    assert f"| {fault} | {expected} | {said} |" in (CHECKOUT / "docs" / "times.md").read_text(
        encoding="utf-8"
    )


def test_an_index_of_a_burst_is_no_copys_mark(tmp_path: Path) -> None:
    """IMG_0001_1, IMG_0001_2 without an IMG_0001: one counter, in which a wrong clock is still found."""
    shots = [replace(s, name=f"IMG_{n // 3 + 1:04d}_{n % 3 + 1}.JPG") for n, s in enumerate(taken())]
    shots = [replace(s, at=s.true - timedelta(days=366)) if 60 <= n < 110 else s for n, s in enumerate(shots)]
    library = build(tmp_path, {"Gate": Camera(shots)})
    with library.database.write() as db:
        check_stale(db, "America/Chicago")
        found = doubts(db)
    assert {shot.name for shot in shots if found[f"Gate/{shot.name}"]} == {s.name for s in shots if s.wrong}


@pytest.mark.parametrize("with_zone", [True, False])
def test_no_alarm_on_a_clean_library(tmp_path: Path, with_zone: bool) -> None:
    library = build(tmp_path, clean())
    with library.database.write() as db:
        found = check_stale(db, "America/Chicago" if with_zone else None)
        assert [(one.station, one.doubt, one.photos) for one in found.findings] == []
        assert {path: word for path, word in doubts(db).items() if word} == {}


def test_a_person_who_says_that_times_are_right_ends_the_doubt(tmp_path: Path) -> None:
    fault = "A year behind"
    library = build(tmp_path, {"Hayfield": FAULTS[fault][0]})
    with library.database.write() as db:
        assert len(check_stale(db, None).changed) == 50
        again = check_stale(db, None)
        assert (again.stations, again.changed) == ([], {})  # nothing new, nothing to do
        since = datetime(2023, 1, 1), datetime(2023, 12, 31)
        chosen = Selection(stations=("Hayfield",), since=since[0], until=since[1])
        apply_shift(db, plan_shift(db, chosen, None, "by 0h", parse_amount("0h"), None), None, NOW)
        check_stale(db, None)
        assert set(doubts(db).values()) == {None}
        take_back(db, None, NOW)
        check_stale(db, None)
        plan = plan_shift(db, chosen, None, "by +1y", parse_amount("+1y"), None)
        apply_shift(db, plan, None, NOW)
        check_stale(db, None)
        assert set(doubts(db).values()) == {None}


def test_grey_is_infrared_whatever_its_tint_and_colour_is_not() -> None:
    rng = np.random.default_rng(1)
    grey = np.repeat(rng.integers(0, 255, (90, 120, 1), np.uint8), 3, axis=2)
    colour = rng.integers(0, 255, (90, 120, 3), np.uint8)
    with_strip = grey.copy()
    with_strip[-10:] = (255, 0, 0)
    assert is_infrared(colour_of(grey)) is is_infrared(colour_of(with_strip)) is True
    assert is_infrared(colour_of((grey // 2 + np.array([60, 0, 20], np.uint8)).astype(np.uint8)))
    assert is_infrared(colour_of(colour)) is False
    assert is_infrared(3.0) is is_infrared(None) is None


def test_real_photos_are_told_apart(shared_images: Path) -> None:
    told = {
        path.name: is_infrared(colour_of_file(path))
        for name in ("gamecam", "southwest")
        for path in sorted((shared_images / name).iterdir())
        if path.suffix.lower() in (".jpg", ".jpeg")
    }
    infrared = {name for name, one in told.items() if one}
    assert None not in told.values()
    assert infrared == {
        "05050113.JPG",
        "2021-05-28_SYFR0041_deer.JPG",
        "2021-07-24_SYFR0655_coyote.JPG",
        "2021-08-08_RCNX0063_fox.JPG",
    }


def test_a_stuck_filter_is_no_matter_of_the_clock() -> None:
    photos = [Lit(shot.at, None, n > 80 or shot.infrared) for n, shot in enumerate(taken()) if shot.at]
    assert judge_light(photos, Observer(*TEXAS, ZONE), SUN) == {}


def test_a_maker_note_that_contradicts_exif_and_one_that_agrees() -> None:
    at = datetime(2024, 11, 3, 6)
    said = [
        FileTimes(at, at + timedelta(seconds=60), None, None),
        FileTimes(at, at + timedelta(hours=1), None, None),
        FileTimes(at, None, None, None),
    ]
    assert judge_sources(said, ZONE) == {1: Doubt("sources_differ")}


def test_what_the_camera_notes_of_infrared_overrides_its_pixels(tmp_path: Path) -> None:
    library = build(tmp_path, {"Hayfield": Camera(FAULTS["An hour ahead"][0].shots, looked=False)})
    dark = {f"Hayfield/{shot.name}": shot.infrared for shot in FAULTS["An hour ahead"][0].shots}
    with library.database.write() as db:
        for infrared in (True, False):
            paths = [path for path, one in dark.items() if one is infrared]
            db.execute("UPDATE images SET infrared = ? WHERE list_contains(?, path)", [infrared, paths])
        assert {one.doubt.word for one in check_stale(db, "America/Chicago").findings} == {"hour_off"}
        report = times_check(
            db, ["Hayfield"], [], Question(timezone="America/Chicago"), infrared_below=INFRARED_BELOW
        )
    (row,) = report.rows
    assert (row["infrared"], row["light_known"], row["sun"]) == (sum(dark.values()), 200, True)
