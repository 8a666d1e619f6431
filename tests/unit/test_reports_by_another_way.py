"""Every report on a made library of 100,000 detections, and the same numbers from plain Python."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tests.helpers.library import make_library
from tests.helpers.visits import DEER, Box, join
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.gallery.content import read_content
from trailcam.gallery.gallery_options import GalleryOptions
from trailcam.reports.activity import activity
from trailcam.reports.buck_parts import buck_report
from trailcam.reports.bucks import bucks
from trailcam.reports.common import Question
from trailcam.reports.digest import DigestOptions, digest
from trailcam.reports.herd import herd
from trailcam.reports.overlap import concentration
from trailcam.reports.species import species
from trailcam.reports.stations import stations
from trailcam.reports.status import status
from trailcam.selection import Selection
from trailcam.store.columns import insert, texts
from trailcam.store.database import Database
from trailcam.store.run_sink import RunFacts, begin_run, end_run

CLASSES = (
    ClassInfo(0, "doe", Kind.DOE),
    ClassInfo(1, "young", Kind.BUCK, AgeClass.YOUNG),
    ClassInfo(2, "mature", Kind.BUCK, AgeClass.MATURE),
    ClassInfo(3, "fawn", Kind.FAWN),
    ClassInfo(4, "coyote", Kind.ANIMAL),
    ClassInfo(5, "person", Kind.PERSON),
)
N_PHOTOS, N_BOXES = 60_000, 100_000
NAMES = ("Hayfield", "TinMan", "Sanctuary", "Camphouse", "270_Jason", "Spot")
GAP = timedelta(minutes=30)
THRESHOLD = np.float32(0.5)
QUESTION = Question(confidence=0.5)
# The nights of both clock changes of 2024-25 in Texas, and the turn of the year, get photos of their own.
BORDERS: tuple[str, ...] = (
    *("2024-11-03 00:30", "2024-11-03 01:10", "2024-11-03 03:00", "2024-12-31 23:50"),
    *("2025-01-01 00:15", "2025-03-09 01:50", "2025-03-09 03:10", "2024-10-31 23:59"),
)


@dataclass(frozen=True)
class Made:
    """The library, and all of it as plain Python."""

    database: Database
    at: list[datetime | None]
    station: list[str]
    status: list[str]
    boxes: dict[int, list[tuple[ClassInfo, np.float32]]]
    joined: list[Box] = field(default_factory=list)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    rng = np.random.default_rng(7)
    minute = rng.integers(0, 300 * 24 * 60, N_PHOTOS)
    burst = rng.random(N_PHOTOS) < 0.6  # close to the photo before, and seconds apart
    offset = np.where(burst, np.roll(minute, 1) * 60 + rng.integers(1, 3600, N_PHOTOS), minute * 60)
    start = datetime(2024, 8, 1)
    at: list[datetime | None] = [start + timedelta(seconds=int(s)) for s in offset]
    place = np.where(burst, np.roll(rng.integers(0, len(NAMES), N_PHOTOS), 1), rng.integers(0, 6, N_PHOTOS))
    for n, text in enumerate(BORDERS * 6):
        at[n], place[n] = datetime.fromisoformat(text), n // len(BORDERS)
    for n in rng.choice(np.arange(100, N_PHOTOS), 1500, replace=False):
        at[n] = None
    # The sixth month of Spot is missing: a camera that fell silent. Hayfield has two cameras.
    for n in range(100, N_PHOTOS):
        when = at[n]
        if NAMES[place[n]] == "Spot" and when and datetime(2024, 12, 5) <= when < datetime(2025, 1, 7):
            at[n] = when + timedelta(days=33)
    state = rng.choice(["completed", "pending", "failed", "missing"], N_PHOTOS, p=[0.9, 0.06, 0.03, 0.01])
    looked = np.flatnonzero(state == "completed")
    image = np.sort(rng.choice(looked, N_BOXES))
    class_id = rng.choice(6, N_BOXES, p=[0.4, 0.15, 0.15, 0.15, 0.1, 0.05])
    confidence = (rng.integers(5, 100, N_BOXES) / 100).astype(np.float32)  # many are 0.5 exactly
    database = make_library(tmp_path_factory.mktemp("large")).database
    facts = RunFacts("k", "0" * 64, "made.pt", {}, {}, "cpu", CLASSES)
    now = np.full(N_PHOTOS, datetime(2025, 6, 1), "datetime64[us]")
    with database.write() as db:
        run = begin_run(db, facts)
        insert(db, "stations", {"station_id": np.arange(1, 7, dtype=np.int32), "name": texts(NAMES)})
        insert(
            db,
            "images",
            {
                "image_id": np.arange(N_PHOTOS),
                "root_id": np.ones(N_PHOTOS, np.int32),
                "path": texts(f"{NAMES[p]}/cam{n % 2}/{n}.jpg" for n, p in enumerate(place)),
                "size_bytes": np.ones(N_PHOTOS, np.int64),
                "mtime_ns": np.ones(N_PHOTOS, np.int64),
                "station_id": (place + 1).astype(np.int32),
                "captured_at": np.array(at, "datetime64[us]"),
                "captured_at_source": texts("exif" if t else "unknown" for t in at),
                "serial": texts(f"cam{n % 2}" for n in range(N_PHOTOS)),
                "orientation": np.ones(N_PHOTOS, np.int16),
                "status": texts(map(str, state)),
                "run_id": np.ma.masked_array(np.full(N_PHOTOS, run, np.int32), mask=state != "completed"),
                "first_seen_at": now,
                "scanned_at": now,
            },
        )
        insert(
            db,
            "results",
            {
                "run_id": np.full(len(looked), run, np.int32),
                "image_id": looked,
                "status": texts(["completed"] * len(looked)),
                "looked_at": now[: len(looked)],
            },
        )
        side = np.full(N_BOXES, 0.25, np.float32)
        insert(
            db,
            "detections",
            {
                "run_id": np.full(N_BOXES, run, np.int32),
                "image_id": image,
                "class_id": class_id.astype(np.int16),
                "confidence": confidence,
                **dict.fromkeys("xywh", side),
            },
        )
        end_run(db, run, completed=True, seconds={})
    boxes: dict[int, list[tuple[ClassInfo, np.float32]]] = defaultdict(list)
    for i, c, p in zip(image.tolist(), class_id.tolist(), confidence, strict=True):
        boxes[i].append((CLASSES[c], p))
    return Made(database, at, [NAMES[p] for p in place], [str(s) for s in state], boxes)


@dataclass(frozen=True)
class Visit:
    station: str
    what: str
    begins: datetime
    photos: int
    most: int
    times: tuple[datetime, ...]


def boxes(made: Made) -> list[Box]:
    """The boxes that count, with their visits."""
    if not made.joined:
        counted = [
            Box(photo, made.at[photo], made.station[photo], info, float(confidence), side=0.25)
            for photo, found in sorted(made.boxes.items())
            for info, confidence in found
            if confidence >= THRESHOLD
        ]
        made.joined.extend(join(counted, GAP))
    return made.joined


def seen(made: Made, what: Callable[[ClassInfo], str | None]) -> dict[tuple[str, str], dict[int, int]]:
    """(station, what) -> photo -> how many."""
    found: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for box in boxes(made):
        name = what(box.info)
        if name is not None:
            found[box.station, name][box.photo] += 1
    return found


def visits(made: Made, what: Callable[[ClassInfo], str | None]) -> Iterator[Visit]:
    """What each visit shows: one for each ``what`` in it."""
    found: dict[tuple[int, str], Counter[tuple[datetime, int, str]]] = defaultdict(Counter)
    for box in boxes(made):
        name = what(box.info)
        if box.visit is not None and box.at is not None and name is not None:
            found[box.visit, name][box.at, box.photo, box.station] += 1
    for (_, name), photos in found.items():
        times = tuple(sorted(at for at, _, _ in photos))
        station = next(iter(photos))[2]
        yield Visit(station, name, times[0], len(photos), max(photos.values()), times)


def flock(info: ClassInfo) -> str:
    """All deer visit together."""
    return "deer" if info.kind in DEER else info.name


def month(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m}" if moment else None


def test_species(made: Made) -> None:
    photos: Counter[tuple[str, str, str | None]] = Counter()
    animals: Counter[tuple[str, str, str | None]] = Counter()
    most: Counter[tuple[str, str, str | None]] = Counter()
    for (station, name), found in seen(made, lambda c: c.name).items():
        for photo, n in found.items():
            key = (name, station, month(made.at[photo]))
            photos[key] += 1
            animals[key] += n
            most[key] = max(most[key], n)
    events = Counter((v.what, v.station, month(v.begins)) for v in visits(made, lambda c: c.name))
    with made.database.read() as db:
        rows = species(db, QUESTION).rows
    keys = [(row["class"], row["station"], row["month"]) for row in rows]
    assert sorted(map(str, keys)) == sorted(map(str, photos))
    for key, row in zip(keys, rows, strict=True):
        assert (row["photos"], row["detections"], row["max_animals"]) == (
            photos[key],
            animals[key],
            most[key],
        )
        assert row["events"] == (events[key] if key[2] else None)


def test_bucks(made: Made) -> None:
    expected = Counter(
        (v.station, v.what, v.begins.hour)
        for v in visits(made, lambda c: c.age_class and c.age_class.value)
        if v.begins
    )
    with made.database.read() as db:
        by = ("station", "age", "hour")
        found = bucks(db, Question(confidence=0.5, gap=GAP), by).rows
    got = {(r["station"], r["age"], r["hour"]): r["events"] for r in found if r["hour"] is not None}
    assert {key: n for key, n in got.items() if n} == dict(expected)


AUSTIN = (30.2672, -97.7431)
CENTRAL = ZoneInfo("America/Chicago")
PLACED = ("Hayfield", "TinMan", "Spot")  # the others have no coordinates


def solar_hours(at: datetime) -> tuple[float, float, float]:
    """The hours (UTC) of sunrise, sunset and ``at`` itself on Austin's day of ``at``, to about a minute.

    NOAA's solar equations (spherical, from the date alone), written out here: no word of astral's.
    """
    utc = at.replace(tzinfo=CENTRAL).astimezone(UTC).replace(tzinfo=None)
    latitude, longitude = math.radians(AUSTIN[0]), AUSTIN[1]
    day = (utc + timedelta(hours=longitude / 15)).date()
    noon = datetime(day.year, day.month, day.day, 12) - timedelta(hours=longitude / 15)
    century = ((noon - datetime(2000, 1, 1, 12)) / timedelta(days=1)) / 36525
    mean_longitude = math.radians((280.46646 + century * 36000.76983) % 360)
    anomaly = math.radians(357.52911 + century * 35999.05029)
    centre = 1.914602 * math.sin(anomaly) + 0.019993 * math.sin(2 * anomaly)
    longitude_of_sun = mean_longitude + math.radians(centre)
    tilt = math.radians(23.4393)
    declination = math.asin(math.sin(tilt) * math.sin(longitude_of_sun))
    y = math.tan(tilt / 2) ** 2
    equation = math.degrees(
        y * math.sin(2 * mean_longitude)
        - 2 * 0.016709 * math.sin(anomaly)
        + 4 * 0.016709 * y * math.sin(anomaly) * math.cos(2 * mean_longitude)
    )  # degrees, of which one is four minutes
    height = math.sin(math.radians(-0.833)) - math.sin(latitude) * math.sin(declination)
    half = math.degrees(math.acos(height / (math.cos(latitude) * math.cos(declination)))) / 15
    middle = 12 - longitude / 15 - equation / 15
    start = datetime(day.year, day.month, day.day)
    return middle - half, middle + half, (utc - start) / timedelta(hours=1)


def worked(made: Made, station: str) -> set[date]:
    """The days from the first photo to the last, less breaks of more than seven days."""
    days = sorted({t.date() for t, s in zip(made.at, made.station, strict=True) if t and s == station})
    found = {days[-1]}
    for day, following in pairwise(days):
        gap = (following - day).days - 1
        found |= {day + timedelta(n) for n in range(gap + 1 if gap <= 7 else 1)}
    return found


def test_stations(made: Made) -> None:
    events = Counter(v.station for v in visits(made, flock))
    with made.database.read() as db:
        report = stations(db, QUESTION)
    for row in report.rows:
        days = len(worked(made, row["station"]))
        assert (row["camera_days"], row["events"]) == (days, events[row["station"]])
        assert row["events_per_100"] == round(100 * row["events"] / days, 2)
        own = [n for n, s in enumerate(made.station) if s == row["station"]]
        assert row["photos"] == len(own)
        assert row["undated"] == sum(made.at[n] is None for n in own)
        assert row["completed"] == sum(made.status[n] == "completed" for n in own)
    assert [s["station"] for s in report.sections[0].rows] == ["Spot"]


def test_stations_by_month(made: Made) -> None:
    events = Counter((v.station, month(v.begins)) for v in visits(made, flock))
    days = Counter((station, f"{day:%Y-%m}") for station in NAMES for day in worked(made, station))
    photos = Counter((s, month(t)) for s, t in zip(made.station, made.at, strict=True))
    with made.database.read() as db:
        rows = stations(db, QUESTION, by=["month"]).rows
    assert {(r["station"], r["month"]): r["photos"] for r in rows if r["photos"]} == dict(photos)
    for r in rows:
        key = (r["station"], r["month"])
        if r["month"] is None:
            assert (r["events"], r["camera_days"]) == (None, None)
        else:
            assert (r["events"], r["camera_days"] or 0) == (events[key], days[key])
    silent = [(r["station"], r["month"], r["silent_days"]) for r in rows if r["silent_days"]]
    first = max(t for t, s in dated(made) if s == "Spot" and t < datetime(2024, 12, 20))
    last = min(t for t, s in dated(made) if s == "Spot" and t > first)
    quiet = [first.date() + timedelta(n) for n in range(1, (last.date() - first.date()).days)]
    expected = Counter(("Spot", f"{day:%Y-%m}") for day in quiet)
    assert silent == [(*key, n) for key, n in sorted(expected.items())]


def dated(made: Made) -> list[tuple[datetime, str]]:
    return [(t, s) for t, s in zip(made.at, made.station, strict=True) if t]


def test_herd(made: Made) -> None:
    animals: Counter[str] = Counter()
    for visit in visits(made, lambda c: c.kind.value):
        animals[visit.what] += visit.most
    with made.database.read() as db:
        (row,) = herd(db, QUESTION).rows
    assert (row["bucks"], row["does"], row["fawns"]) == (animals["buck"], animals["doe"], animals["fawn"])
    assert row["bucks_per_100_does"] == round(100 * animals["buck"] / animals["doe"], 1)
    assert row["resampled"] == "stations"
    assert row["bucks_low"] < row["bucks_per_100_does"] < row["bucks_high"]


def test_digest(made: Made) -> None:
    wanted = {"mature", "person", "coyote"}
    expected = Counter(v.what for v in visits(made, lambda c: c.name if c.name in wanted else None))
    with made.database.read() as db:
        found = digest(
            db, QUESTION, DigestOptions(sorted(wanted), now=datetime(2025, 6, 1, tzinfo=UTC))
        ).report.rows
    assert Counter(row["class"] for row in found if row["begins"]) == expected


@pytest.fixture
def placed(made: Made) -> Iterator[Made]:
    """Three of the stations stand in Austin, for as long as a test lasts."""
    update = "UPDATE stations SET latitude = ?, longitude = ?, timezone = ? WHERE list_contains(?, name)"
    with made.database.write() as db:
        db.execute(update, [*AUSTIN, CENTRAL.key, list(PLACED)])
    yield made
    with made.database.write() as db:
        db.execute(update, [None, None, None, list(PLACED)])


def season(moment: datetime) -> str:
    start = moment.year - (moment.month < 9)
    return f"{start}-{(start + 1) % 100:02d}"


def test_buck_parts(placed: Made) -> None:
    made = placed
    with made.database.read() as db:
        report = buck_report(db, QUESTION, by=("month", "age"))
    parts = {section.name: section.rows for section in report.sections}
    found: dict[str, list[Visit]] = defaultdict(list)
    for visit in visits(made, lambda c: c.age_class and c.age_class.value):
        found[visit.what].append(visit)
    for row in parts["seasons"]:
        if row["season"] is None:
            assert (row["events"], row["first_sighting"]) == (None, None)
            continue
        own = [v for v in found.get(row["age"], []) if season(v.begins) == row["season"]]
        times = [t for v in found.get(row["age"], []) for t in v.times if season(t) == row["season"]]
        seen_at = (row["first_sighting"], row["last_sighting"])
        assert seen_at == ((str(min(times)), str(max(times))) if times else (None, None))
        check_season(row, own)
    assert {row["season"] for row in parts["seasons"]} == {"2023-24", "2024-25", None}
    hours = Counter((season(v.begins), v.begins.hour) for v in found["mature"])
    assert {(r["season"], r["hour"]): r["events"] for r in parts["hours"] if r["events"]} == dict(hours)
    nights: dict[tuple[str, str], list[Visit]] = defaultdict(list)
    for v in found["mature"]:
        nights[(v.begins - timedelta(hours=12)).date().isoformat(), v.station].append(v)
    assert {(r["night"], r["station"]) for r in parts["nights"]} == set(nights)
    for r in parts["nights"]:
        own = sorted(nights[r["night"], r["station"]], key=lambda v: v.begins)
        assert r["times"] == ", ".join(f"{v.begins:%H:%M}" for v in own)
        assert (r["photos"], r["max_animals"]) == (sum(v.photos for v in own), max(v.most for v in own))
    tenths: Counter[tuple[int, str]] = Counter()
    for boxes in made.boxes.values():
        for info, confidence in boxes:
            if info.age_class:  # made as whole hundredths
                tenths[round(float(confidence) * 100) // 10, info.age_class.value] += 1
    for n, r in enumerate(parts["confidence"]):
        assert (r["young"], r["mature"]) == (tenths[n, "young"], tenths[n, "mature"])
        assert r["counted"] == (r["detections"] if n >= 5 else 0)


def check_season(row: dict[str, Any], own: list[Visit]) -> None:
    """One season-year and age class: events, nights, light."""
    assert row["events"] == len(own)
    assert row["station_nights"] == len({(v.station, (v.begins - timedelta(hours=12)).date()) for v in own})
    light: Counter[str] = Counter()
    for v in own:
        if v.station not in PLACED:
            light["unknown"] += 1
            continue
        # How far inside legal light the best photo is, in hours; within two minutes either may be right.
        depth = max(
            min(at - rise + 0.5, sets + 0.5 - at) for rise, sets, at in (solar_hours(t) for t in v.times)
        )
        light["close" if abs(depth) < 2 / 60 else "legal" if depth > 0 else "dark"] += 1
    assert row["unknown_light_events"] == light["unknown"]
    assert row["doubtful_events"] == 0
    assert light["legal"] <= row["legal_events"] <= light["legal"] + light["close"]
    assert light["dark"] <= row["dark_events"] <= light["dark"] + light["close"]
    assert light["close"] < 0.03 * (len(own) + 100)


def test_activity(placed: Made) -> None:
    made = placed
    with made.database.read() as db:
        report = activity(db, QUESTION, classes=("doe", "mature"))
    sections = {section.name: section.rows for section in report.sections}
    found = list(visits(made, lambda c: c.name if c.name in ("doe", "mature") else None))
    total = Counter(v.what for v in found)
    hours = Counter((v.what, v.begins.hour) for v in found)
    days = sum(len(worked(made, station)) for station in NAMES)
    assert len(report.rows) == 2 * 24
    for row in report.rows:
        n = hours[row["class"], row["hour"]]
        assert (row["events"], row["camera_days"]) == (n, days)
        assert row["events_per_100"] == round(100 * n / days, 2)
        assert row["share"] == pytest.approx(n / total[row["class"]])
    sun = sections["by_sun"]
    placed_doe = [v for v in found if v.what == "doe" and v.station in PLACED]
    assert sum(r["events"] for r in sun if r["class"] == "doe") == len(placed_doe)
    check_moon(sections["by_moon"], found, days)
    pair = [r for r in sections["overlap"] if r["time"] == "clock"]
    assert [(r["first_events"], r["second_events"]) for r in pair] == [(total["doe"], total["mature"])]
    assert pair[0]["estimator"] == "Dhat4"
    assert pair[0]["overlap"] == pytest.approx(dhat4(found), abs=0.002)


def check_moon(rows: Sequence[dict[str, Any]], found: list[Visit], days: int) -> None:
    """Phases from the mean length of a month since a new moon of 2000: within 14 hours of the true ones."""
    month_days = 29.530588853
    new = datetime(2000, 1, 6, 18, 14)

    def phase(v: Visit) -> float:
        midnight = datetime.combine((v.begins + timedelta(hours=12)).date(), datetime.min.time())
        return ((midnight - new) / timedelta(days=month_days)) % 1 * 8

    for name, middle in (("new", 0), ("full", 4)):
        own = [abs((phase(v) - middle + 4) % 8 - 4) for v in found if v.what == "doe"]
        (row,) = [r for r in rows if r["moon"] == name and r["class"] == "doe"]
        # A night nearer than 14 hours (0.16 of an eighth) to the border may fall on either side.
        assert sum(d < 0.5 - 0.16 for d in own) <= row["events"] <= sum(d < 0.5 + 0.16 for d in own)
    assert sum(r["camera_nights"] for r in rows if r["class"] == "doe") == pytest.approx(days)


def dhat4(found: list[Visit]) -> float:
    """Ridout and Linkie's estimator from its definition, one von Mises kernel for each event.

    The bandwidth alone is the report's own; a test of its own says what that must be.
    """
    samples = []
    for name in ("doe", "mature"):
        minutes = [v.begins.hour * 60 + v.begins.minute for v in found if v.what == name]
        samples.append(np.bincount(minutes, minlength=1440).astype(float))
    angles = 2 * np.pi * np.arange(1440) / 1440
    smooth = []
    for counts in samples:
        kappa = float(concentration(counts[np.newaxis])[0])
        kernel = np.exp(kappa * (np.cos(angles) - 1))
        values = np.array([np.roll(kernel[::-1], m + 1) @ counts for m in range(1440)])
        smooth.append(values / values.sum())
    f, g = smooth
    parts = [
        float(np.minimum(1, other / own) @ counts / counts.sum())
        for own, other, counts in ((f, g, samples[0]), (g, f, samples[1]))
    ]
    return sum(parts) / 2


def test_status_and_gallery(made: Made) -> None:
    with made.database.read() as db:
        overall = status(db, working=False).rows[0]
        content = read_content(db, Selection(), GalleryOptions(confidence=0.5, lowest=0.5, gap=GAP))
    assert {name: overall[name] for name in ("completed", "pending", "failed", "missing")} == dict(
        Counter(made.status)
    )
    assert overall["undated"] == sum(t is None for t in made.at)
    assert content.n_visits == sum(1 for _ in visits(made, flock))
    counted = {photo for found in seen(made, flock).values() for photo in found}
    assert len(content.photos) == len(counted)
    assert sum(len(photo.found) for photo in content.photos) == sum(
        confidence >= THRESHOLD for boxes in made.boxes.values() for _, confidence in boxes
    )
