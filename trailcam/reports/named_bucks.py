"""``report bucks --by name`` and ``report bucks NAME``: what people's names tell of single bucks.

A name is a person's word on one animal of one photo; nothing here guesses who an animal is. A visit is of one
name at one station, with no pause longer than the gap. A buck that was named counts at any confidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from trailcam.errors import UsageError
from trailcam.reports.base import CellType, Column, Report, Row, Section, share
from trailcam.reports.buck_events import Events, Seen, day_of, see
from trailcam.reports.common import Basis, Question, basis_of, notes_of
from trailcam.reports.name_doubts import doubts_of
from trailcam.store.clean_name import UNNAMED
from trailcam.store.counted import count_boxes
from trailcam.store.database import Connection
from trailcam.store.named_visits import NamedVisits, join_named_visits
from trailcam.store.names import find_name
from trailcam.sun.legal_light import DARK, LEGAL, UNKNOWN
from trailcam.words.text import count, printable

NAME = "name"
KEYS = ("month", "season", "station", "hour")
_NAME = Column("name", "buck", CellType.TEXT, null=f"{UNNAMED} mature", wraps=True)
_KEY_COLUMNS = {
    "month": Column("month", "month", CellType.TEXT, null="undated"),
    "season": Column("season", "season", CellType.TEXT, null="undated"),
    "station": Column("station", "station", CellType.TEXT, wraps=True),
    "hour": Column("hour", "hour", CellType.COUNT, null="undated"),
}
_COUNTS = (
    Column("events", "visits", CellType.COUNT, sign="≈"),
    Column("photos", "photos", CellType.COUNT, sign="≥"),
    Column("stations", "stations", CellType.COUNT, spare=1),
)
_SPAN = (
    Column("first_sighting", "first seen", CellType.TEXT),
    Column("last_sighting", "last seen", CellType.TEXT),
)
_BUCK = (
    Column("days_since", "days since", CellType.COUNT),
    Column("legal_share", "in legal light", CellType.SHARE, null="unknown"),
    Column("station_nights", "nights", CellType.COUNT, spare=2),
    Column("age", "age", CellType.TEXT, null="unknown", spare=3),
    Column("photo", "best photo", CellType.TEXT, wraps=True, spare=0),
    Column("legal_events", "in legal light", CellType.COUNT, shown=False),
    Column("dark_events", "outside it", CellType.COUNT, shown=False),
    Column("unknown_light_events", "light unknown", CellType.COUNT, shown=False),
    Column("doubtful_events", "clock in doubt", CellType.COUNT, shown=False),
)
_SEASON_COLUMNS = (
    _KEY_COLUMNS["season"],
    Column("named", "named", CellType.COUNT),
    Column("unnamed_events", "visits of unnamed mature bucks", CellType.COUNT, sign="≈"),
    Column("unnamed_at_once", "most unnamed in one photo", CellType.COUNT),
    Column("at_least", "different bucks, at least", CellType.COUNT),
    Column("at_least_if_others", "if the unnamed are others", CellType.COUNT),
)
_NIGHT_COLUMNS = (
    Column("night", "night of", CellType.TEXT),
    _KEY_COLUMNS["season"],
    _KEY_COLUMNS["station"],
    Column("events", "visits", CellType.COUNT),
    Column("photos", "photos", CellType.COUNT),
    Column("times", "came at", CellType.TEXT, wraps=True),
    Column("legal_events", "in legal light", CellType.COUNT, null="unknown"),
)
_HOUR_COLUMNS = (
    Column("hour", "hour", CellType.COUNT),
    Column("events", "visits", CellType.COUNT),
    Column("share", "share", CellType.SHARE, bar=1.0),
)
_NIGHTS = 20  # so many of the latest are listed for people


@dataclass(frozen=True, slots=True)
class _Asked:
    """The named visits of a selection, and what the reports say of all of them."""

    question: Question
    basis: Basis
    visits: NamedVisits
    seen: Seen
    today: date

    def span(self, row: Row) -> Row:
        """First and last time of a row, as text, and how long ago the last one is."""
        last = row["last_at"]
        return {
            "first_sighting": row["first_at"] and row["first_at"].isoformat(" ", "minutes"),
            "last_sighting": last and last.isoformat(" ", "minutes"),
            "days_since": last and max(0, (self.today - last.date()).days),
        }


def by_name(db: Connection, question: Question, by: Sequence[str], *, now: datetime | None = None) -> Report:
    """Rows: each name, by the keys ``by`` (out of :data:`KEYS`) too; then, with name None, visits of mature
    bucks that nobody has named.

    Counts are events (visits), photos and stations; first_sighting, last_sighting (camera time of photos
    whose clock is not in doubt) and days_since the latter until ``now`` (aware). The light of visits (see
    ``buck_report``), station_nights, the commonest age class and the photo that shows most of the buck are
    of a name. Section ``seasons``: how many different bucks there were at least: at_least holds in any case,
    as an unnamed buck may be a named one; at_least_if_others if no unnamed buck is one of the named. Section
    ``doubts``: names at two stations in the same minute. Raises UsageError for a wrong key.
    """
    keys = _checked(by)
    with _asked(db, question, now) as asked:
        first = question.first_month
        own = asked.visits.counts(keys, first)
        light = _lights(asked.seen, keys)
        named = [_row(asked, row, keys, light) for row in own]
        unnamed = [
            _row(asked, {**row, "name": None, "age": "mature", "best": None}, keys, {})
            for row in asked.visits.unnamed(question.gap, keys, first)
        ]
        seasons = _seasons(asked)
        doubts = doubts_of(asked.visits.twice())
        notes = [*_unnamed_note(unnamed), *_notes(asked)]
    columns = (_NAME, *(_KEY_COLUMNS[key] for key in keys), *_COUNTS, *_SPAN, *_BUCK)
    return Report(
        name="bucks",
        title="Bucks by name",
        filters=question.describe(by=[NAME, *keys]),
        coverage=asked.basis.coverage,
        columns=columns,
        rows=[{c.name: row[c.name] for c in columns} for row in [*named, *unnamed]],
        notes=notes,
        sections=(seasons, doubts),
        headline=_bucks_headline(seasons.rows),
    )


def one_buck(db: Connection, question: Question, name: str, *, now: datetime | None = None) -> Report:
    """One buck, found in any case: a row for each season-year, the columns as in :func:`by_name`.

    Sections: ``stations``, ``hours`` (all 24), ``nights`` (from noon to noon, the latest first), ``doubts``.
    Raises UsageError for a name that nobody gave.
    """
    name = find_name(db, name)
    with _asked(db, question, now) as asked:
        first = question.first_month
        seasons = [row for row in asked.visits.counts(["season"], first) if row["name"] == name]
        places = [row for row in asked.visits.counts(["station"], first) if row["name"] == name]
        whole = [row for row in asked.visits.counts([], first) if row["name"] == name]
        light = _lights(asked.seen, ["season"])
        events = asked.seen.events.of_age(name)
        own = [_row(asked, row, ["season"], light) for row in seasons]
        spans = [{**row, **asked.span(row)} for row in places]
        doubts = doubts_of([twice for twice in asked.visits.twice() if twice.name == name])
        notes = _notes(asked)
        total = [{**row, **asked.span(row)} for row in whole]
    columns = (_NAME, _KEY_COLUMNS["season"], *_COUNTS, *_SPAN, *_BUCK)
    stations = (_KEY_COLUMNS["station"], *_COUNTS[:2], *_SPAN)
    return Report(
        name="bucks",
        title=f"The buck {printable(name)}",
        filters=question.describe(by=["season"], name=name),
        coverage=asked.basis.coverage,
        columns=columns,
        rows=[{c.name: row[c.name] for c in columns} for row in own],
        notes=notes,
        sections=(
            Section("stations", "Where", stations, [{c.name: r[c.name] for c in stations} for r in spans]),
            _hours(events),
            _nights(events),
            doubts,
        ),
        headline=_buck_headline(name, total, events),
    )


@contextmanager
def _asked(db: Connection, question: Question, now: datetime | None) -> Iterator[_Asked]:
    zone = ZoneInfo(question.timezone) if question.timezone else None
    today = (now or datetime.now(UTC)).astimezone(zone).date()
    with (
        basis_of(db, question, []) as basis,
        count_boxes(basis.photos, question.confidence) as counted,
        join_named_visits(counted, question.gap) as visits,
    ):
        yield _Asked(question, basis, visits, see(visits, question), today)


def _checked(by: Sequence[str]) -> list[str]:
    for key in by:
        if key not in KEYS and key != NAME:
            raise UsageError(f'Names can\'t be counted by "{printable(key)}".', f"Known: {', '.join(KEYS)}.")
    return [key for key in KEYS if key in by]


def _lights(seen: Seen, keys: Sequence[str]) -> dict[tuple[Any, ...], Events]:
    """(name, the row's keys) -> visits with a sure clock; empty for keys other than a season."""
    names = seen.events.names["age"]
    if keys == ["season"]:
        return {(name, season): own for (season, name), own in seen.events.grouped()}
    if not keys:
        return {(name,): seen.events.of_age(name) for name in names}
    return {}


def _row(asked: _Asked, row: Row, keys: Sequence[str], light: dict[tuple[Any, ...], Events]) -> Row:
    key = (row["name"], *(row[k] for k in keys))
    events = light.get(key)
    legal = events.n_light(LEGAL) if events else None
    dark = events.n_light(DARK) if events else None
    return {
        **row,
        **asked.span(row),
        "photo": row["best"],
        "legal_events": legal,
        "dark_events": dark,
        "unknown_light_events": events.n_light(UNKNOWN) if events else None,
        "doubtful_events": row["events"] - len(events) if events else None,
        "legal_share": share(legal or 0, (legal or 0) + (dark or 0)),
        "station_nights": events.n_nights() if events else None,
    }


def _seasons(asked: _Asked) -> Section:
    first = asked.question.first_month
    unnamed = {r["season"]: r["events"] for r in asked.visits.unnamed(asked.question.gap, ["season"], first)}
    rows = [
        {
            "season": row["season"],
            "named": row["named"],
            "unnamed_events": unnamed.get(row["season"], 0),
            "unnamed_at_once": row["unnamed_at_once"],
            "at_least": max(row["named"], row["at_once"]),
            "at_least_if_others": row["named"] + row["unnamed_at_once"],
        }
        for row in asked.visits.seasons(first)
    ]
    return Section("seasons", "How many different bucks", _SEASON_COLUMNS, rows)


def _hours(events: Events) -> Section:
    counts = np.bincount(events.hour, minlength=24).tolist()
    rows = [{"hour": hour, "events": n, "share": share(n, len(events))} for hour, n in enumerate(counts)]
    drawn = [row for row in rows if row["events"]]
    return Section("hours", "At which hour", _HOUR_COLUMNS, rows if drawn else [], (_HOUR_COLUMNS, drawn))


def _nights(events: Events) -> Section:
    rows: list[Row] = []
    for key in sorted(set(zip(events.night.tolist(), events.station.tolist(), strict=True)), reverse=True):
        own = events.where((events.night == key[0]) & (events.station == key[1]))
        unknown = own.n_light(UNKNOWN) > 0
        minutes = np.sort(own.began_us) // 60_000_000 % (24 * 60)
        rows.append(
            {
                "night": day_of(key[0]).isoformat(),
                "season": events.names["season"][int(own.season[0])],
                "station": events.names["station"][key[1]],
                "events": len(own),
                "photos": int(own.photos.sum()),
                "times": ", ".join(f"{minute // 60:02}:{minute % 60:02}" for minute in minutes.tolist()),
                "legal_events": None if unknown else own.n_light(LEGAL),
            }
        )
    title = "Nights, from noon to noon" + (f": the latest {_NIGHTS}" if len(rows) > _NIGHTS else "")
    return Section("nights", title, _NIGHT_COLUMNS, rows, (_NIGHT_COLUMNS, rows[:_NIGHTS]))


def _bucks_headline(seasons: Sequence[Row]) -> str:
    if not seasons:
        return ""
    last = seasons[-1]
    text = f"{last['season']}: at least {count(last['at_least'], 'different buck')}"
    if last["at_least_if_others"] > last["at_least"]:
        text += (
            f", {last['at_least_if_others']} if the unnamed ones are others than the {last['named']} named"
        )
    return f"{text}."


def _buck_headline(name: str, total: Sequence[Row], events: Events) -> str:
    if not total:
        return f"{printable(name)} is on no photo of this selection."
    (row,) = total
    since = row["days_since"]
    text = f"{printable(name)}: {count(row['events'], 'visit')} at {count(row['stations'], 'station')}"
    if row["last_sighting"]:
        text += f", first seen {row['first_sighting']}, last {row['last_sighting']}"
        text += " (today)" if not since else f" ({count(since, 'day')} ago)"
    legal, dark = events.n_light(LEGAL), events.n_light(DARK)
    if legal + dark:
        text += f"; {legal} of {legal + dark} visits in legal light"
    return f"{text}.\nBest photo: {printable(row['best'])}"


def _unnamed_note(unnamed: Sequence[Row]) -> list[str]:
    n = sum(row["events"] for row in unnamed)
    if not n:
        return []
    return [f"Mature bucks without a name: {UNNAMED}, {count(n, 'visit')}; `trailcam bucks page` shows them."]


def _notes(asked: _Asked) -> list[str]:
    notes = notes_of(asked.basis)
    if not asked.basis.coverage["photos"]:
        return notes
    notes.append("Names are people's: trailcam recognises no buck by itself.")
    doubtful = sum(asked.seen.doubtful.values())
    if doubtful:
        are = "is" if doubtful == 1 else "are"
        notes.append(
            f"{count(doubtful, 'visit')} whose clock is in doubt {are} left out of light, hours and nights."
        )
    if asked.seen.events.n_light(UNKNOWN):
        notes.append(
            "Legal light is unknown where a station has no latitude, longitude and time zone"
            " (`trailcam stations set`)."
        )
    return notes
