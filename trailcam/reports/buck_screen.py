"""What ``report bucks`` says first: which mature bucks, where, when and how sure, on one screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from trailcam.domain import AgeClass
from trailcam.reports.base import CellType, Column, Row, Screen, Section
from trailcam.reports.buck_events import Events, Seen, at_of
from trailcam.reports.bucks import BuckCounts, BuckVisits
from trailcam.reports.common import failed_notes, looked_in_words
from trailcam.reports.visits import busiest_hours, moon_of, place_advice
from trailcam.store.visits import Visits
from trailcam.sun.legal_light import DARK, LEGAL, UNKNOWN
from trailcam.words.months import format_months
from trailcam.words.text import count, printable
from trailcam.words.unread import unread_words

_LATEST = 4
_ENOUGH = 3  # visits of a month, before it is called the busiest
_MONTHS = 6
"""More months than these with a buck, and the table is by season-year."""
_AGES = (AgeClass.YOUNG, AgeClass.MID, AgeClass.MATURE, AgeClass.UNKNOWN)
_AGE_HEADS = {AgeClass.UNKNOWN: "age unknown"}
_LIGHT = {LEGAL: "legal", DARK: "night", UNKNOWN: None}
_LATEST_COLUMNS = (
    Column("begins", "when", CellType.TEXT),
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("sure_of", "age class", CellType.TEXT),
    Column("sure", "conf.", CellType.NUMBER),
    Column("light", "light", CellType.TEXT, null="unknown", hide_zero=True),
    Column("image_id", "photo", CellType.TEXT, right=True),  # a number to paste, without separators
    Column("age", "age", CellType.TEXT, shown=False),
    Column("photos", "photos", CellType.COUNT, shown=False),
    Column("max_animals", "most at once", CellType.COUNT, shown=False),
    Column("temperature_c", "°C", CellType.NUMBER, hide_zero=True, spare=1),
    Column("moon", "moon", CellType.TEXT, spare=0),
)


def buck_screen(
    made: BuckVisits, counts: BuckCounts, seen: Seen, coverage: Mapping[str, Any], notes: Sequence[str]
) -> Screen:
    """The first screen. ``counts`` are by month and season, ``notes`` the report's own.

    Its table ``latest_visits`` has begins (camera time), station, age, photos, max_animals, sure (0..1),
    light ("legal", "night" or None) and image_id, the photo with the surest box.
    """
    question = made.question
    asked = question.selection.as_options()
    months = _groups(counts, "month")
    if not coverage["photos"]:
        return Screen([_title(made), *notes], next=[("Next", "status")])
    if not coverage["completed"]:
        pending = coverage["pending"]
        todo = [("Next", f"detect {asked}".strip())] if pending else [("Next", "status")]
        told = [
            "Not looked at yet." if pending else looked_in_words(coverage),
            *failed_notes(coverage),
            *_unread(coverage, 0),
        ]
        return Screen([_title(made), *told], next=todo)
    mature, bucks = seen.events.of_age(AgeClass.MATURE), len(seen.events)
    latest = _latest(made.visits, seen, AgeClass.MATURE if len(mature) else None)
    what = "mature bucks" if len(mature) else "bucks"
    undated = sum(row["detections"] for row in counts.by(["month"]) if row["age"] and row["month"] is None)
    return Screen(
        sentences=[
            _title(made),
            " ".join([*_answer(mature, seen, coverage, months, undated), looked_in_words(coverage)]),
        ],
        tables=[
            Section("latest_visits", f"Latest visits of {what}", _LATEST_COLUMNS, latest),
            _by_time(counts, months),
        ],
        below=[
            *_months_without(months),
            *_light_note(made, seen),
            *_unread(coverage, undated),
            *_worth_knowing(notes),
        ],
        next=_next(asked, AgeClass.MATURE if len(mature) else None) if bucks else [("More", _more(asked))],
    )


def _title(made: BuckVisits) -> str:
    """``Bucks, season rut (Sep-Jan), 7 stations, 2021-22 to 2024-25``."""
    selection, first = made.question.selection, made.question.first_month
    parts = ["Bucks"]
    if selection.months:
        months = format_months(selection.months)
        parts.append(f"season {printable(selection.season)} ({months})" if selection.season else months)
    if selection.since:
        parts.append(f"from {selection.since:%Y-%m-%d}")
    if selection.until:
        parts.append(f"until {selection.until:%Y-%m-%d}")
    days = made.worked.by(selection, ["station", "season"], first)
    stations, seasons = sorted({key[0] for key in days}), sorted({str(key[1]) for key in days})
    if len(stations) == 1:
        parts.append(printable(stations[0]))
    elif stations:
        parts.append(count(len(stations), "station"))
    if seasons:
        parts.append(seasons[0] if len(seasons) == 1 else f"{seasons[0]} to {seasons[-1]}")
    return ", ".join(parts)


def _answer(
    mature: Events, seen: Seen, coverage: Mapping[str, Any], months: Mapping[str, Row], undated: int
) -> list[str]:
    """How many visits of mature bucks, when most of them, and the last."""
    if not len(seen.events):
        doubtful = sum(seen.doubtful.values())
        if doubtful:
            return [f"{count(doubtful, 'visit')} of bucks, all with a clock in doubt."]
        if undated:
            return [f"No visit of a buck whose time is known, but {count(undated, 'box')} without one."]
        return [f"No buck in {count(coverage['completed'], 'photo')}."]
    if not len(mature):
        return [f"{count(len(seen.events), 'visit')} of bucks, none of them of a mature buck."]
    visits = sum(row.get(AgeClass.MATURE, 0) for row in months.values())
    dark, known = mature.n_light(DARK), len(mature) - mature.n_light(UNKNOWN)
    night = ""
    if known:
        of = f"{dark:,} of them" if known == visits else f"{dark:,} of the {known:,} whose light is known"
        night = f", {of} outside legal light"
    last = int(mature.began_us.argmax())
    at = at_of(int(mature.began_us[last]))
    station = printable(mature.names["station"][int(mature.station[last])])
    most = max(months, key=lambda month: (months[month].get(AgeClass.MATURE, 0), month))
    n = months[most].get(AgeClass.MATURE, 0)
    busiest = f"The busiest month was {_month(most)} ({n:,}), {_hours(mature)}."
    return [
        f"{count(visits, 'visit')} of mature bucks{night}.",
        f"The last was on {_day(at)} at {at:%H:%M}, at {station}.",
        *([busiest] if n >= _ENOUGH else []),
    ]


def _hours(mature: Events) -> str:
    return f"the busiest hours {busiest_hours(mature.hour.tolist())}"


def _latest(visits: Visits, seen: Seen, age: str | None) -> list[Row]:
    light = {
        (seen.events.names["station"][s], at): _LIGHT[light]
        for s, at, light in zip(
            *(getattr(seen.events, name).tolist() for name in ("station", "began_us", "light")), strict=True
        )
    }
    return [
        {
            "begins": row["begins_at"].isoformat(" ", "minutes"),
            "station": row["station"],
            "age": row["what"],
            "photos": row["photos"],
            "max_animals": row["animals"],
            "sure": round(row["sure"], 4),
            "sure_of": f"{row['what']}, {row['saying_so']:,} of {count(row['photos'], 'photo')}",
            "light": light.get((row["station"], row["begins_us"])),
            "image_id": row["image_id"],
            "temperature_c": row["temperature_c"],
            "moon": moon_of(row["begins_at"], {}),
        }
        for row in visits.latest(age, _LATEST)
    ]


def _groups(counts: BuckCounts, key: str) -> dict[str, Row]:
    """Visits by age class and coverage of each month or season-year, in order; undated photos aside."""
    found: dict[str, Row] = {}
    for row in counts.by([key]):
        if row[key] is None:
            continue
        group = found.setdefault(row[key], {"name": row[key], "photos": row["scope_photos"]})
        if row["age"] is None:
            group |= {name: row[name] for name in ("completed", "pending")}
        else:
            group[row["age"]] = row["events"] or 0
            if row["age"] == AgeClass.MATURE:
                group["per_100"] = row["events_per_100"]
    return dict(sorted(found.items()))


def _by_time(counts: BuckCounts, months: Mapping[str, Row]) -> Section:
    """One row for each month that had a buck; of many months for each season-year."""
    heading, rows = "month", _with_bucks(months)
    if len(rows) > _MONTHS:
        heading, rows = "season", _with_bucks(_groups(counts, "season"))
    columns = (
        Column("name", f"Visits by {heading}", CellType.TEXT),
        *(Column(age, _AGE_HEADS.get(age, age), CellType.COUNT, hide_zero=True) for age in _AGES),
        Column("per_100", "mature per 100 camera-days", CellType.NUMBER),
    )
    cells = [{c.name: row.get(c.name, 0) for c in columns} | {"per_100": row.get("per_100")} for row in rows]
    return Section("", "", columns, cells[::-1])


def _with_bucks(groups: Mapping[str, Row]) -> list[Row]:
    return [row for row in groups.values() if any(row.get(age) for age in _AGES)]


def _months_without(months: Mapping[str, Row]) -> list[str]:
    """Months looked at without a buck, and those not or only partly looked at, a line for each kind."""
    without = [row for row in months.values() if not any(row.get(age) for age in _AGES)]
    all_seen = [row["name"] for row in without if row["completed"] and not row["pending"]]
    partly = [row["name"] for row in months.values() if row["completed"] and row["pending"]]
    never = [row["name"] for row in without if row["pending"] and not row["completed"]]
    lines = [f"No buck in {in_ranges(all_seen)}."] if all_seen else []
    if partly and len(partly) < len(months):
        lines.append(f"Looked at in part: {in_ranges(partly)}.")
    return [*lines, f"Not looked at: {in_ranges(never)}."] if never else lines


def in_ranges(months: Sequence[str]) -> str:
    """``2024-09, 2024-12 to 2025-02`` of months in order, as "2024-09"."""
    runs: list[list[str]] = []
    for month in months:
        if runs and _number(month) == _number(runs[-1][-1]) + 1:
            runs[-1].append(month)
        else:
            runs.append([month])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def _number(month: str) -> int:
    return int(month[:-3]) * 12 + int(month[-2:])


def _light_note(made: BuckVisits, seen: Seen) -> list[str]:
    dim = seen.events.n_light(UNKNOWN)
    advice = place_advice(made.visits.db, made.question) if dim else ""
    return [f"Legal light is unknown for {count(dim, 'visit')}; {advice}."] if dim else []


def _unread(coverage: Mapping[str, Any], undated: int) -> list[str]:
    """What is in no visit. ``undated``: boxes of bucks on photos without a capture time."""
    unread = unread_words(coverage["videos_unread"], coverage["other_picture_kinds"])
    told = [f"{unread} not looked at."] if unread else []
    if n := coverage["undated"]:
        boxes = f", with {count(undated, 'box')} of bucks" if undated else ""
        told.append(
            f"{count(n, 'photo')} without a capture time {'is' if n == 1 else 'are'} in no visit{boxes}."
        )
    return told


def _worth_knowing(notes: Sequence[str]) -> list[str]:
    """The report's notes without what the sentences say already."""
    said = ("The counts rest on the model", "Not all photos", "In legal light", "The light of", "The latest ")
    elsewhere = (
        "in no count (",
        "are counted, but in no visit",
        "is counted, but in no visit",
        "gone at the last scan",
        "on corrections by people",
    )
    return [
        note for note in notes if not note.startswith(said) and not any(part in note for part in elsewhere)
    ]


def _next(asked: str, age: str | None) -> list[tuple[str, str]]:
    of = "--age mature" if age else "--class buck"
    file = "mature.html" if age else "bucks.html"
    return [("Pictures", f"gallery {asked} {of} -o {file}".replace("  ", " ")), ("More", _more(asked))]


def _more(asked: str) -> str:
    return f"report bucks {asked} --part all".replace("  ", " ")


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"


def _month(month: str) -> str:
    return f"{datetime(int(month[:4]), int(month[-2:]), 1):%b %Y}"  # noqa: DTZ001 - a month has no zone
