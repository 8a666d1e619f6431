"""``report activity``: at which hours animals come, by the clock, by the sun and by the moon.

Everything is counted in visits, as photos of one visit are not independent observations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Any

from trailcam.errors import UsageError
from trailcam.reports.base import (
    KEY_COLUMNS,
    CellType,
    Column,
    Report,
    Row,
    Section,
    coverage_columns,
    laid_out,
    share,
)
from trailcam.reports.common import (
    Basis,
    Question,
    answered,
    basis_of,
    blind_notes,
    checked_keys,
    in_order,
    known_by_models,
    notes_of,
    rate,
    scope_cells,
)
from trailcam.reports.visits import (
    SunClock,
    Visit,
    busiest_hours,
    camera_nights,
    moon_of,
    place_advice,
    read_places,
    read_visits,
    sun_clock,
    sun_times,
    visits_called,
)
from trailcam.store.database import Connection
from trailcam.store.visits import check_names
from trailcam.sun.sky import MOON_PHASES, Sun, SunTime
from trailcam.words.text import count, printable

AXES = ("hour", "sun", "moon", "temperature")
DEFAULT_AXES = AXES[:3]
KEYS = ("month", "season", "station")
DEFAULT_CLASSES = ("buck",)
_ENOUGH = 3  # visits, before hours are called the busiest

_EVENTS = Column("events", "visits", CellType.COUNT, sign="≈")
_SHARE = Column("share", "share", CellType.SHARE)
_HOUR_COLUMNS = (
    Column("hour", "hour", CellType.COUNT),
    _EVENTS,
    Column("camera_days", "camera-days", CellType.COUNT, spare=0),
    Column("events_per_100", "per 100 days", CellType.NUMBER, sign="≈", spare=1),
    _SHARE,
)
_SUN_COLUMNS = (Column("sun_hour", "sun hour", CellType.COUNT), _EVENTS, _SHARE)
_MOON_COLUMNS = (
    Column("moon", "moon", CellType.TEXT),
    Column("camera_nights", "camera-nights", CellType.NUMBER, spare=0),
    _EVENTS,
    _SHARE,
    Column("expected_share", "expected", CellType.SHARE),
    Column("night_events", "in the dark", CellType.COUNT, sign="≈", spare=1),
    Column("night_events_per_100", "in the dark per 100", CellType.NUMBER, sign="≈", spare=2),
    Column("events_per_100", "per 100 nights", CellType.NUMBER, sign="≈"),
)
_OVERLAP_COLUMNS = (
    Column("first", "class", CellType.TEXT, wraps=True),
    Column("second", "and", CellType.TEXT, wraps=True),
    Column("time", "by", CellType.TEXT),
    Column("first_events", "visits", CellType.COUNT),
    Column("second_events", "and", CellType.COUNT),
    Column("overlap", "overlap", CellType.NUMBER, null="too few"),
    Column("low", "95 % from", CellType.NUMBER),
    Column("high", "to", CellType.NUMBER),
    Column("estimator", "estimator", CellType.TEXT),
)
_DEGREES = 5  # °C in a row
_TEMPERATURE_COLUMNS = (
    Column("temperature_c", "from °C", CellType.COUNT),
    Column("temperature_f", "from °F", CellType.COUNT),
    _EVENTS,
    _SHARE,
)
_TITLES = {
    "hour": "By the clock",
    "sun": "By the sun",
    "moon": "By the moon",
    "temperature": "By temperature",
}


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the tables are made of. ``groups``: class -> indexes into ``visits``.

    ``advice``: how to let trailcam know where stations are, where no sun could be placed.
    """

    question: Question
    keys: Sequence[str]
    basis: Basis
    visits: Sequence[Visit]
    groups: Mapping[str, Sequence[int]]
    times: dict[int, SunTime]
    clock: SunClock
    advice: str


def activity(
    db: Connection,
    question: Question,
    *,
    classes: Sequence[str] = DEFAULT_CLASSES,
    by: Sequence[str] = (),
) -> Report:
    """The daily activity of ``classes``: the model's classes, kinds or age classes of bucks.

    ``by`` are keys out of :data:`KEYS` and at most one of :data:`AXES`. With "hour" rows are the hours of the
    cameras' clock, with "sun" hours of the sun's clock (see ``sun_clock``), with "moon" phases of the moon.
    With "temperature" rows are steps of 5 °C.
    Without one of them the rows are hours, and sun and moon become the sections by_sun and by_moon. Of two
    classes and more the section overlap compares each pair. A row without visits is there only where no key
    is asked for. Raises UsageError for an unknown or second key, a class or a station.
    """
    keys, axes = _checked(by)
    classes = list({name.lower(): name for name in classes}.values())
    check_names(db, classes)
    visits: list[Visit] = []
    groups: dict[str, Sequence[int]] = {}
    doubtful: dict[str, Sequence[str]] = {}
    with basis_of(db, question, keys) as basis:
        for name in classes:
            with visits_called(basis.photos, question, name) as joined:
                found, undated = read_visits(joined, question, keys), joined.undated_animals()
            groups[name] = range(len(visits), len(visits) + len(found.visits))
            visits += found.visits
            doubtful[name] = [*found.notes(), *_undated_note(undated)]
        blind = blind_notes(known_by_models(basis.photos), classes)
        times = sun_times(visits, Sun())
        advice = "" if times else place_advice(db, question)
        seen = _Seen(question, keys, basis, visits, groups, times, sun_clock(visits, times), advice)
        sections = [_section(seen, axis) for axis in axes or DEFAULT_AXES] if basis.coverage["photos"] else []
    main = sections[0] if sections else Section("by_hour", "", (), ())
    pairs = _overlaps(seen)
    return Report(
        name="activity",
        title="Activity",
        filters=question.describe(by=list(by or ["hour"]), classes=classes),
        coverage=basis.coverage,
        columns=main.columns,
        rows=main.rows,
        notes=[
            *notes_of(basis),
            *_notes(seen, doubtful, [section.name for section in sections], pairs),
            *blind,
        ],
        sections=(*sections[1:], *pairs),
        headline=answered(basis, " ".join(_answer(name, seen, doubtful[name]) for name in groups)),
    )


def _answer(name: str, seen: _Seen, doubtful: Sequence[str]) -> str:
    """How often a class came, and when most of the time."""
    hours = [seen.visits[n].at.hour for n in seen.groups[name]]
    if not hours:
        return f"No visit of {printable(name)}{' whose time is known' if doubtful else ''}."
    most = f", most from {busiest_hours(hours)}" if len(hours) >= _ENOUGH else ""
    return f"{printable(name).capitalize()}: {count(len(hours), 'visit')}{most}."


def _undated_note(n: int) -> list[str]:
    are = "is" if n == 1 else "are"
    return [f"{count(n, 'detection')} on photos without a capture time {are} in no visit."] if n else []


def _checked(by: Sequence[str]) -> tuple[list[str], list[str]]:
    by = checked_keys(by, (*AXES, *KEYS), "Activity")
    axes = [axis for axis in AXES if axis in by]
    if len(axes) > 1:
        raise UsageError(f"Rows can't be by {' and '.join(axes)} at once.", "Ask once for each.")
    return [key for key in by if key in KEYS], axes


def _section(seen: _Seen, axis: str) -> Section:
    """The table of one axis; a class, and a group of keys, without any visit has no rows."""
    made: dict[str, tuple[Callable[[_Seen], list[Row]], Sequence[Column]]] = {
        "hour": (_by_hour, _HOUR_COLUMNS),
        "sun": (_by_sun, _SUN_COLUMNS),
        "moon": (_by_moon, _MOON_COLUMNS),
        "temperature": (_by_temperature, _TEMPERATURE_COLUMNS),
    }
    make, last = made[axis]
    rows = make(seen)
    coverage = [dataclasses.replace(c, shown=c.shown and bool(seen.keys)) for c in coverage_columns()]
    measure = last[-1].name
    longest = max((row[measure] or 0 for row in rows), default=0)
    columns = (
        *(KEY_COLUMNS[key] for key in ("class", *seen.keys)),
        *last[:-1],
        *coverage,
        dataclasses.replace(last[-1], bar=longest or None),
    )
    return Section(f"by_{axis}", _TITLES[axis], columns, laid_out(rows, columns))


def _grouped(
    seen: _Seen, bin_of: Callable[[int], object], bins: Sequence[object], name: str
) -> Iterable[tuple[Row, list[int]]]:
    """Each class, group of keys and bin (``name`` in the row), with the visits in it."""
    for what, members in seen.groups.items():
        found: dict[tuple[Any, ...], dict[object, list[int]]] = {}
        for n in members:
            bin_ = bin_of(n)
            if bin_ is not None:
                found.setdefault(seen.visits[n].keys, {}).setdefault(bin_, []).append(n)
        heads = [{**dict(zip(seen.keys, own, strict=True)), "_own": own} for own in found]
        for head in in_order(heads, seen.keys):
            own = head.pop("_own")
            inside = found[own]
            cells = {"class": what, **head, **scope_cells(seen.basis.scopes.get(own))}
            total = sum(map(len, inside.values()))
            for bin_ in bins:
                visits = inside.get(bin_, [])
                counts = {name: bin_, "events": len(visits), "share": share(len(visits), total)}
                yield {**cells, **counts, "_own": own}, visits


def _by_hour(seen: _Seen) -> list[Row]:
    days = seen.basis.worked.by(seen.question.selection, seen.keys, seen.question.first_month)
    return [
        {**row, **rate(row["events"], days.get(row["_own"]))}
        for row, _ in _grouped(seen, lambda n: seen.visits[n].at.hour, range(24), "hour")
    ]


def _by_sun(seen: _Seen) -> list[Row]:
    def hour(n: int) -> int | None:
        return int(seen.clock.hours[n]) % 24 if n in seen.clock.hours else None

    return [row for row, _ in _grouped(seen, hour, range(24), "sun_hour")]


def _by_temperature(seen: _Seen) -> list[Row]:
    """Steps of 5 °C, from the lowest temperature that a camera tells to the highest."""

    def step(n: int) -> int | None:
        at = seen.visits[n].temperature_c
        return None if at is None else int(at // _DEGREES) * _DEGREES

    steps = [at for n in range(len(seen.visits)) if (at := step(n)) is not None]
    bins = range(min(steps), max(steps) + 1, _DEGREES) if steps else ()
    found = _grouped(seen, step, bins, "temperature_c")
    return [{**row, "temperature_f": row["temperature_c"] * 9 // 5 + 32} for row, _ in found]


def _by_moon(seen: _Seen) -> list[Row]:
    known: dict[date, str] = {}
    nights: dict[tuple[Any, ...], float] = {}
    sunny_nights: dict[tuple[Any, ...], float] = {}
    sunny = _sunny_stations(seen)
    for (station, *key), n in camera_nights(seen.basis.worked, seen.question, seen.keys, known).items():
        nights[tuple(key)] = nights.get(tuple(key), 0) + n
        if station in sunny:
            sunny_nights[tuple(key)] = sunny_nights.get(tuple(key), 0) + n
    found = []
    for row, visits in _grouped(seen, lambda n: moon_of(seen.visits[n].at, known), MOON_PHASES, "moon"):
        own = row["_own"]
        effort, dark_effort = nights.get((*own, row["moon"]), 0.0), sunny_nights.get((*own, row["moon"]), 0.0)
        all_nights = sum(nights.get((*own, phase), 0.0) for phase in MOON_PHASES)
        dark = sum(not seen.times[n].up for n in visits if seen.visits[n].station in sunny)
        rates = {
            "camera_nights": effort,
            "events_per_100": _per_100(row["events"], effort),
            "expected_share": effort / all_nights if all_nights else None,
            "night_events": dark if sunny else None,
            "night_events_per_100": _per_100(dark, dark_effort),
        }
        found.append({**row, **rates})
    return found


def _sunny_stations(seen: _Seen) -> set[str]:
    """Stations where the sun's time is known, of every visit: a rate needs all of a station's or none."""
    located = {
        name
        for name, place in read_places(seen.basis.photos.db, seen.question).items()
        if place.latitude is not None and place.longitude is not None and place.zone
    }
    dim = {visit.station for n, visit in enumerate(seen.visits) if n not in seen.times}
    return (located | {visit.station for visit in seen.visits}) - dim


def _per_100(events: int, nights: float) -> float | None:
    return round(100 * events / nights, 2) if nights else None


def _overlaps(seen: _Seen) -> list[Section]:
    from trailcam.reports.overlap import minute_counts, overlap

    rows = []
    for first, second in combinations(seen.groups, 2):
        for time, hours in (("clock", None), ("sun", seen.clock.hours)):
            if hours is not None and not hours:
                continue
            sides = [
                [seen.visits[n].hours for n in seen.groups[name]]
                if hours is None
                else [hours[n] for n in seen.groups[name] if n in hours]
                for name in (first, second)
            ]
            found = overlap(*(minute_counts(side) for side in sides))
            rows.append(
                {
                    "first": first,
                    "second": second,
                    "time": time,
                    "first_events": len(sides[0]),
                    "second_events": len(sides[1]),
                    "overlap": round(found.value, 3) if found else None,
                    "low": round(found.low, 3) if found else None,
                    "high": round(found.high, 3) if found else None,
                    "estimator": found.estimator if found else None,
                }
            )
    return [Section("overlap", "Overlap of daily activity", _OVERLAP_COLUMNS, rows)] if rows else []


def _notes(
    seen: _Seen, doubtful: Mapping[str, Sequence[str]], shown: Sequence[str], pairs: Sequence[Section]
) -> list[str]:
    if not seen.basis.coverage["photos"]:
        return []
    notes = [
        f"{printable(name)}: {note}" if len(doubtful) > 1 else note
        for name, found in doubtful.items()
        for note in found
    ]
    if seen.basis.models:
        notes += [f"No visit of {printable(n)} at this confidence." for n, v in seen.groups.items() if not v]
    if not seen.visits:
        return notes
    if "by_sun" in shown or pairs:
        notes += _sun_notes(seen)
    if "by_temperature" in shown:
        dumb = sum(visit.temperature_c is None for visit in seen.visits)
        notes.append(
            f"Of {count(len(seen.visits), 'visit')} the camera tells no temperature of {dumb:,}: it stands in"
            " maker notes (Reconyx), and in strips once `trailcam times read-strip` has read them."
        )
    if "by_moon" in shown:
        notes.append(
            "A night lasts from noon to noon; expected is the phase's share of the camera-nights. In the"
            " dark: after sunset and before sunrise, at stations where these are known."
        )
    return [*notes, *(_OVERLAP_NOTES if pairs else ())]


def _sun_notes(seen: _Seen) -> list[str]:
    n, total = len(seen.times), len(seen.visits)
    if not n:
        return [f"The sun's time is unknown; {seen.advice}."]
    left = f"; {count(total - n, 'visit')} could not" if n < total else ""
    return [
        f"By the sun: sunrise is always at {_clock(seen.clock.sunrise)} and sunset at"
        f" {_clock(seen.clock.sunset)}, the means over these visits, and time runs evenly between them"
        f" (average anchoring, Nouvellet et al. 2012). {count(n, 'visit')} could be placed{left}."
    ]


_OVERLAP_NOTES = (
    "Overlap: 0 means never at the same hours, 1 means always (Ridout and Linkie 2009: Dhat4, or Dhat1 where"
    " a class has fewer than 50 visits; von Mises kernels). The interval comes from a smoothed bootstrap of"
    " 1,000 samples.",
    "Fewer than 10 visits of a class say nothing; Ridout and Linkie advise Dhat4 from about 75 visits on.",
)


def _clock(hours: float) -> str:
    minutes = round(hours * 60) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
