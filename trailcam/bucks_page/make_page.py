"""``trailcam bucks page``: the visits of bucks, look-alikes side by side, into one file."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from trailcam import __version__
from trailcam.bucks_page.arrange import ToArrange, arrange
from trailcam.bucks_page.looking import (
    LooksOf,
    Progress,
    Vector,
    Wanted,
    mean_vector,
    pictures_of,
    vectors_of,
)
from trailcam.bucks_page.name_answers import FORMAT, VERSION
from trailcam.bucks_page.rows import Sight, VisitRow, crowded, rows_of, sights_of
from trailcam.errors import UnanswerableError
from trailcam.files.home import at_home
from trailcam.files.write import write_file
from trailcam.pages.html import render
from trailcam.pages.pictures import Cache
from trailcam.pages.shown import PageReport, check_target
from trailcam.selection import Selection
from trailcam.store.buck_rows import buck_boxes, places_of_stations
from trailcam.store.counted import count_boxes
from trailcam.store.database import Connection, Database, utc_now
from trailcam.store.images import roots
from trailcam.store.named import join_names
from trailcam.store.names import history
from trailcam.store.paths import to_db
from trailcam.store.review_rows import library_id
from trailcam.store.select import select
from trailcam.words.text import count, printable

# Rows up to -> px of a row's own picture, px of its other photos, and how many of these are shown.
_SIZES = ((200, 640, 224, 11), (600, 448, 160, 5), (None, 320, 112, 3))
_DEGREE_M = 111_195.0  # of latitude, on a sphere
_DAY_US = 86_400_000_000
Steps = Callable[[str], AbstractContextManager[Progress]]
"""Begins a step of a name, which is told (done, total)."""


@dataclass(frozen=True, slots=True)
class BucksPageOptions:
    """How a page is made. ``confidence`` None: what the weights recommend. ``looks`` None arranges by time.

    ``cache`` and ``looks_folder`` None keep nothing for the next page.
    """

    gap: timedelta
    confidence: float | None = None
    looks: LooksOf | None = None
    cache: Cache | None = None
    looks_folder: Path | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """What the database says: sights with the number of their visit, and what names the page."""

    sights: list[tuple[int, Sight]]
    places: dict[str, tuple[float, float] | None]
    names: list[str]
    library: str
    based_on: int
    roots: list[Path]
    undated_left_out: int


def build_bucks_page(
    database: Database,
    selection: Selection,
    target: Path,
    options: BucksPageOptions,
    progress: Steps,
) -> PageReport:
    """Write the page to ``target``, whole or not at all. ``progress`` begins a step of that name.

    Raises RootError when the photos' folder isn't there, OutputError when the page can't be written,
    UnanswerableError without a buck, UsageError and DatabaseError.
    """
    target = at_home(target)
    with database.read() as db:
        read = _read(db, selection, options)
    if not read.sights:
        raise UnanswerableError(
            "No buck counts on these photos, so there is nothing to name.",
            "`trailcam report bucks` shows what was found. Another selection, or a lower --confidence?",
        )
    check_target(target, [sight.file for _, sight in read.sights], read.roots)
    rows, groups = _arranged(read, options, progress)
    wanted, places = _wanted(rows)
    with progress("Pictures") as step:
        shown = pictures_of(wanted, options.cache, step)
    data = {
        **_data(read, rows, places),
        "selection": selection.in_words(),
        "problems": [one.problem for one in shown],
        "groups": [list(group) for group in groups],
        "notes": _notes(read, rows, options),
    }
    page = render("bucks_page", data=data, shown=shown, images="data:")
    write_file(target, page)
    lost = [
        f"{printable(one.sight.path)}: {made.problem}"
        for one, made in zip(wanted, shown, strict=True)
        if made.problem
    ]
    return PageReport(target, len(rows), len({visit for visit, _ in read.sights}), len(page), lost)


def _read(db: Connection, selection: Selection, options: BucksPageOptions) -> _Read:
    folders = {root.root_id: Path(root.path) for root in roots(db)}
    with (
        select(db, selection) as photos,
        count_boxes(photos, options.confidence) as counted,
        join_names(counted) as named,
    ):
        boxes = buck_boxes(named, options.gap)
        undated = photos.undated_left_out()
        names = named.names()
    acts = history(db)
    return _Read(
        sights_of(boxes, folders),
        places_of_stations(db),
        names,
        library_id(db),
        max((act.naming_id for act in acts), default=0),
        list(folders.values()),
        undated,
    )


def _arranged(
    read: _Read, options: BucksPageOptions, progress: Steps
) -> tuple[list[VisitRow], list[list[int]]]:
    """The rows, and groups of places in them in the order to show."""
    vectors: dict[Sight, Vector] = {}
    if options.looks is not None:
        several = crowded(read.sights)
        alone = rows_of([pair for pair in read.sights if pair[0] not in several], {})
        ask = [row.best for row in alone] + [sight for visit, sight in read.sights if visit in several]
        with progress("Look-alikes") as step:
            vectors = vectors_of(ask, options.looks, options.looks_folder, step)
    rows = rows_of(read.sights, vectors)
    if not vectors:
        at = [row.best.captured_us for row in rows]
        order = sorted(range(len(rows)), key=lambda n: (at[n] is None, at[n]))
        return rows, [[n] for n in order]
    return rows, arrange(_to_arrange(rows, read, vectors))


def _to_arrange(rows: Sequence[VisitRow], read: _Read, vectors: dict[Sight, Vector]) -> ToArrange:
    width = len(next(iter(vectors.values())))
    own = [mean_vector(row.sights, vectors) for row in rows]
    stations = list(read.places)
    at = [row.best.captured_us for row in rows]
    several = {visit for visit, n in Counter(row.visit for row in rows).items() if n > 1}
    return ToArrange(
        vectors=np.array([np.zeros(width, np.float32) if v is None else v for v in own], np.float32),
        day=np.array([np.nan if us is None else us / _DAY_US for us in at], np.float64),
        place=np.array([_metres(read.places[row.best.station]) for row in rows], np.float64).reshape(-1, 2),
        station=np.array([stations.index(row.best.station) for row in rows], np.int64),
        apart=np.array([row.visit if row.visit in several else -1 for row in rows], np.int64),
    )


def _metres(place: tuple[float, float] | None) -> tuple[float, float]:
    """A place on a flat map: good enough for one ranch."""
    if place is None:
        return math.nan, math.nan
    return place[0] * _DEGREE_M, place[1] * _DEGREE_M * math.cos(math.radians(place[0]))


def _wanted(rows: Sequence[VisitRow]) -> tuple[list[Wanted], list[dict[Sight, int]]]:
    """The pictures to make, and for each row which sight is which of them; its best comes first."""
    own_px, other_px, others = next(s[1:] for s in _SIZES if s[0] is None or len(rows) <= s[0])
    wanted: list[Wanted] = []
    places: list[dict[Sight, int]] = []
    for row in rows:
        best = row.best
        rest = [sight for sight in row.sights if sight != best]
        step = max(1, -(-len(rest) // others))
        place = {}
        for sight, px in [(best, own_px), *((sight, other_px) for sight in rest[::step])]:
            place[sight] = len(wanted)
            wanted.append(Wanted(sight, px))
        places.append(place)
    return wanted, places


def _data(read: _Read, rows: Sequence[VisitRow], places: Sequence[dict[Sight, int]]) -> dict[str, Any]:
    """What page.js reads of the rows. ``page`` names this page: answers of an older one are others'."""
    made_at = utc_now()
    ids = [sight.image_id for _, sight in read.sights]
    name = hashlib.blake2b(f"{read.library}{made_at.isoformat()}{ids}".encode(), digest_size=8).hexdigest()
    stations = list(read.places)
    return {
        "format": FORMAT,
        "formatVersion": VERSION,
        "page": name,
        "library": read.library,
        "basedOn": read.based_on,
        "stations": [printable(station) for station in stations],
        "places": [list(_metres(place)) if place else None for place in read.places.values()],
        "names": read.names,
        "rows": [_row(row, place, stations) for row, place in zip(rows, places, strict=True)],
        "folder": None,
    }


def _row(row: VisitRow, place: dict[Sight, int], stations: Sequence[str]) -> dict[str, Any]:
    best = row.best
    sights = [best, *(sight for sight in row.sights if sight != best)]
    return {
        "station": stations.index(best.station),
        "age": row.age,
        "sights": [
            [
                sight.image_id,
                to_db(sight.path),
                sight.size_bytes,
                sight.captured_us,
                int(sight.suspect),
                [round(side, 6) for side in sight.box],
                place.get(sight, -1),
                sight.name,
                int(sight.asked),
            ]
            for sight in sights
        ],
    }


def _notes(read: _Read, rows: Sequence[VisitRow], options: BucksPageOptions) -> list[str]:
    visits = len({row.visit for row in rows})
    notes = [
        f"{count(visits, 'visit')} of bucks, in {count(len(rows), 'card')}: one for each buck of a visit."
    ]
    notes.append(
        "Cards lie side by side where their pictures look alike to the model (light, pose, antlers, coat) and"
        " days and stations are near. That is likeness in general; trailcam doesn't know which buck is which."
        if options.looks is not None
        else "Cards lie in the order of time."
    )
    if read.undated_left_out:
        notes.append(
            f"{count(read.undated_left_out, 'photo')} without a capture time can't be in this selection."
        )
    notes.append(f"trailcam {__version__}")
    return notes
