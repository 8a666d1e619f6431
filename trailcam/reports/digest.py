"""``report digest``: only what is new since the last one, for cron and mail."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from trailcam.domain import Kind
from trailcam.errors import UsageError
from trailcam.reports.base import (
    CellType,
    Column,
    Report,
    Row,
    Section,
    coverage_columns,
    laid_out,
    percent,
    share,
)
from trailcam.reports.common import (
    Basis,
    Question,
    basis_of,
    blind_notes,
    known_by_models,
    listed_or,
    model_notes,
    scope_cells,
    undated_notes,
    visits_of,
)
from trailcam.reports.named_returns import named_returns
from trailcam.settings.class_words import is_meant
from trailcam.settings.species import common_name
from trailcam.store.database import Connection
from trailcam.store.digests import Fresh, Told, last_digest, make_fresh
from trailcam.store.paths import from_db
from trailcam.store.photo_counts import count_by
from trailcam.store.select import Selected
from trailcam.store.static_known import waiting_in_words
from trailcam.store.visits import Level, check_names
from trailcam.words.months import DEFAULT_FIRST_MONTH, season_year_of
from trailcam.words.text import count, printable

DEFAULT_NAME = "default"

PICTURES = 12
"""So many thumbnails a page has at most: some 20 KB each, a mail of a quarter of a megabyte."""
_NAMED_SILENT = 3

KEYS = ("station", "month", "season")

# What is said of a row's photos in the other reports; here only its sum is shown, as a mail is narrow.
_COVERAGE = tuple(
    dataclasses.replace(c, shown=c.name == "coverage", spare=4 if c.name == "coverage" else None)
    for c in coverage_columns()
)
_CLASS = Column("class", "what", CellType.TEXT)
_STATION = Column("station", "station", CellType.TEXT, wraps=True)
_COLUMNS = (
    _CLASS,
    _STATION,
    Column("begins", "from", CellType.TEXT, null="undated"),
    Column("ends", "to", CellType.TEXT, spare=1),
    Column("new_photos", "new photos", CellType.COUNT),
    Column("photos", "of", CellType.COUNT, spare=0),
    Column("max_animals", "most at once", CellType.COUNT, spare=2),
    Column("confidence", "conf.", CellType.NUMBER),
    Column("path", "file", CellType.TEXT, wraps=True, spare=3),
    *_COVERAGE,
    Column("saying_so", "say so", CellType.COUNT, spare=0),
    Column("image_id", "photo", CellType.COUNT),
)
_KEY_COLUMNS = {
    "station": _STATION,
    "month": Column("month", "month", CellType.TEXT, null="undated"),
    "season": Column("season", "season", CellType.TEXT, null="undated"),
}
_SUM_COLUMNS = (
    Column("events", "visits", CellType.COUNT),
    Column("new_photos", "new photos", CellType.COUNT),
    Column("max_animals", "most at once", CellType.COUNT, spare=2),
    Column("latest", "latest", CellType.TEXT, spare=1),
    Column("confidence", "conf.", CellType.NUMBER),
    Column("path", "photo", CellType.TEXT, wraps=True, spare=3),
    *_COVERAGE,
)
_CARE_COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("last_day", "last photo", CellType.TEXT, null="not known"),
    Column("silent_days", "silent days", CellType.COUNT),
    Column("silence_is_new", "newly silent", CellType.FLAG),
    Column("pending", "pending", CellType.COUNT, hide_zero=True),
    Column("failed", "failed", CellType.COUNT, hide_zero=True),
    Column("new_failed", "newly failed", CellType.COUNT, hide_zero=True),
    Column("missing", "missing", CellType.COUNT, hide_zero=True),
    Column("coverage", "coverage", CellType.SHARE),
)


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest, and what is to be remembered of it once it has reached its reader.

    ``news``: whether there is anything to tell. ``photos`` are the numbers of the best new ones and what
    each shows, for a page.
    """

    report: Report
    told: Told
    news: bool
    photos: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class DigestOptions:
    """What a digest is asked besides its question.

    ``name`` is its memory's. ``since`` None: all that no digest of the name has reported; else (aware) what
    was first looked at from then on, reported or not. ``classes`` are names, kinds or age classes;
    ``strict``: one that no run knows is a UsageError, else a note. ``by`` are keys out of :data:`KEYS`.
    ``limit``: at most this many rows. ``now`` (aware) decides which cameras are silent.
    """

    classes: Sequence[str]
    name: str = DEFAULT_NAME
    since: datetime | None = None
    by: Sequence[str] = ()
    strict: bool = False
    limit: int | None = None
    now: datetime | None = None


def digest(db: Connection, question: Question, options: DigestOptions) -> Digest:
    """What is new among the selected images. Changes nothing; ``store.digests.remember`` does.

    A row is a visit with a new photo: class (the word asked for), station, begins and ends (camera time, None
    for a station's undated photos), new_photos and photos of it, saying_so (how many of these show the class
    by themselves, not only by the visit's others), max_animals (most in one photo), confidence (0..1, highest
    of the new photos), the path of the photo with that, and the coverage of its station. ``by`` keys a row is
    instead what is new of a class there: visits with a new photo, by their first one; new_photos,
    max_animals, latest (when the last of them began), confidence, path, and the coverage of its keys. Section
    ``stations``: where a camera is silent or photos were not looked at.
    """
    by, classes = _checked(options.by), options.classes
    name, since = options.name, options.since
    if options.strict:
        check_names(db, classes)
    since_utc = since.astimezone(UTC).replace(tzinfo=None) if since else None
    today = _today(question, options.now)
    with (
        basis_of(db, question, by or ["station"]) as basis,
        make_fresh(basis.photos, name, since_utc) as fresh,
    ):
        found, undated = _events(fresh, basis.photos, question, classes)
        n_looked = fresh.count()
        stations = fresh.stations(since.date() if since else None, today, question.silent_days)
        silences = [(row["station_id"], row["last_day"]) for row in stations if row["silence_is_new"]]
        told = fresh.told(silences)
        models = known_by_models(basis.photos)
        care = _cares(basis.photos, stations)
        returns = named_returns(basis.photos, question, since_utc or last_digest(db, name))
    seen = [word for word in classes if any(is_meant(known, [word]) for known in models.values())]
    listed = _summed(found, by, question.first_month, basis) if by else _told(found, basis)
    shown = listed[: options.limit]
    last = last_digest(db, name)
    waiting = waiting_in_words(db, since_utc or last)
    words = _since_words(since, last, name)
    report = Report(
        name="digest",
        title="Digest",
        filters=question.describe(
            name=name,
            since=since.isoformat() if since else "last",
            classes=list(classes),
            by=["class", *by] if by else ["event"],
        ),
        coverage=basis.coverage,
        columns=(_CLASS, *(_KEY_COLUMNS[key] for key in by), *_SUM_COLUMNS) if by else _COLUMNS,
        rows=shown,
        headline="\n".join([_headline(found, care, seen, n_looked, words), *returns.lines, *waiting]),
        notes=[*_hidden_note(listed, shown), *_notes(basis, undated), *blind_notes(models, classes)],
        sections=(
            Section("stations", "Photos that failed", _CARE_COLUMNS, care, _failed(care)),
            returns.section,
        ),
    )
    news = bool(found or returns.lines or waiting) or any(
        row["silence_is_new"] or row["new_failed"] for row in care
    )
    return Digest(report, told, news, [(row["image_id"], _caption(row)) for row in found[:PICTURES]])


def _failed(care: Sequence[Row]) -> tuple[Sequence[Column], Sequence[Row]]:
    """What people see of the stations: where photos failed anew. The first lines name new silences."""
    kept = ("station", "new_failed", "failed", "pending", "missing")
    return [c for c in _CARE_COLUMNS if c.name in kept], [row for row in care if row["new_failed"]]


def _caption(row: Row) -> str:
    at = row["begins"] or "undated"
    return f"{row['class']} {percent(row['confidence'])}, {row['station']}, {at}, photo {row['image_id']}"


def _events(
    fresh: Fresh, photos: Selected, question: Question, classes: Sequence[str]
) -> tuple[list[Row], int]:
    """The rows in the order of ``classes``, each class's latest first, and the new boxes without a time."""
    found: list[Row] = []
    undated = 0
    for word in classes:
        level = Level.HERD if common_name(word) == Kind.DEER else Level.KIND
        with visits_of(photos, question, level, only=[word]) as visits:
            new = fresh.visits(visits)
        for row in new:
            undated += row["new_photos"] if row["begins"] is None else 0
            found.append(
                {
                    "class": word,
                    "station": row["station"],
                    "begins": _minute(row["begins"]),
                    "ends": _minute(row["ends"]),
                    "new_photos": row["new_photos"],
                    "photos": row["photos"],
                    "max_animals": row["animals"],
                    "confidence": round(row["confidence"], 4),
                    "path": from_db(row["path"]),
                    "saying_so": row["saying_so"],
                    "image_id": row["image_id"],
                }
            )
    return found, undated


def _checked(by: Sequence[str]) -> tuple[str, ...]:
    for key in by:
        if key not in KEYS:
            raise UsageError(f'A digest has no rows by "{printable(key)}".', f"Known: {', '.join(KEYS)}.")
    return tuple(dict.fromkeys(by))


def _told(found: Sequence[Row], basis: Basis) -> list[Row]:
    cells = [{**row, **scope_cells(basis.scopes.get((row["station"],)))} for row in found]
    return laid_out(cells, _COLUMNS)


def _summed(found: Sequence[Row], by: Sequence[str], first_month: int, basis: Basis) -> list[Row]:
    """The visits of each class by the keys ``by``, in the order of the classes."""
    groups: dict[tuple[str, tuple[Any, ...]], list[Row]] = {}
    for row in found:
        begins = row["begins"]
        own = {
            "station": row["station"],
            "month": begins and begins[:7],
            "season": begins and season_year_of(int(begins[:4]), int(begins[5:7]), first_month),
        }
        groups.setdefault((row["class"], tuple(own[key] for key in by)), []).append(row)
    classes = list(dict.fromkeys(what for what, _ in groups))
    summed = []
    for what, key in sorted(
        groups, key=lambda g: (classes.index(g[0]), [(k is None, k or "") for k in g[1]])
    ):
        rows_ = groups[what, key]
        best = max(rows_, key=lambda row: row["confidence"])
        summed.append(
            {
                "class": what,
                **dict(zip(by, key, strict=True)),
                "events": sum(row["begins"] is not None for row in rows_),
                "new_photos": sum(row["new_photos"] for row in rows_),
                "max_animals": max(row["max_animals"] for row in rows_),
                "latest": max((row["begins"] for row in rows_ if row["begins"]), default=None),
                "confidence": best["confidence"],
                "path": best["path"],
                **scope_cells(basis.scopes.get(key)),
            }
        )
    return summed


def _today(question: Question, now: datetime | None) -> date:
    """The day where the cameras are, as far as the settings say."""
    zone = ZoneInfo(question.timezone) if question.timezone else None
    return (now or datetime.now(UTC)).astimezone(zone).date()


def _minute(moment: datetime | None) -> str | None:
    return moment.isoformat(" ", "minutes") if moment else None


def _cares(photos: Selected, stations: Sequence[Row]) -> list[Row]:
    found = count_by(photos, ["station"], DEFAULT_FIRST_MONTH)
    covered = {row["station"]: share(row["completed"], row["scope_photos"]) for row in found}
    cares = []
    for row in stations:
        last = row["last_day"]
        cells = {**row, "last_day": last and last.isoformat(), "coverage": covered[row["station"]]}
        cares.append({column.name: cells[column.name] for column in _CARE_COLUMNS})
    return cares


def _since_words(since: datetime | None, last: datetime | None, name: str) -> str:
    """What the digest covers, as the end of a sentence."""
    if since:
        return f"among the photos looked at since {since:%Y-%m-%d %H:%M}"
    which = "" if name == DEFAULT_NAME else f' called "{printable(name)}"'
    if last is None:
        return f"in the first digest{which}, of all photos looked at so far"
    return f"since the last digest{which} ({last.replace(tzinfo=UTC).astimezone():%Y-%m-%d %H:%M})"


def _headline(
    found: Sequence[Row], care: Sequence[Row], seen: Sequence[str], n_looked: int, since: str
) -> str:
    """``seen`` are the classes that a model could see: of the others nothing can be said, not even "none"."""
    failed = sum(row["new_failed"] for row in care)
    silent = [row for row in care if row["silence_is_new"]]
    looked = f"{count(n_looked, 'photo')} looked at for the first time"
    if not found and not failed and not silent:
        nothing = f"; none shows {listed_or(seen)}" if n_looked and seen else ""
        return f"Nothing new {since}: {looked}{nothing}."
    counts = [_tally(word, of) for word in seen if (of := [row for row in found if row["class"] == word])]
    lines = [f"New {since}: {', '.join([*counts, looked])}."]
    if len(silent) > _NAMED_SILENT:
        names = ", ".join(f"{printable(row['station'])} ({row['last_day']})" for row in silent)
        lines.append(f"No photo for a while from {len(silent)} stations, with the day of the last: {names}.")
    else:
        for row in silent:
            days = count(row["silent_days"], "day")
            lines.append(f"No photo from {printable(row['station'])} since {row['last_day']}, {days}.")
    if silent:
        lines.append("A station that was given up: trailcam stations set NAME --until DATE.")
    if failed:
        lines.append(f"{count(failed, 'photo')} failed; `trailcam status` says why.")
    return "\n".join(lines)


def _tally(word: str, found: Sequence[Row]) -> str:
    events = sum(row["begins"] is not None for row in found)
    undated = sum(row["new_photos"] for row in found if row["begins"] is None)
    parts = [count(events, "visit")] if events or not undated else []
    parts += [count(undated, "undated photo")] if undated else []
    return f"{printable(word)} {' and '.join(parts)}"


def _hidden_note(found: Sequence[Row], shown: Sequence[Row]) -> list[str]:
    n = len(found) - len(shown)
    return [f"{count(n, 'more row')} not listed: give a larger --limit, or --format csv."] if n else []


def _notes(basis: Basis, undated: int) -> list[str]:
    coverage: Mapping[str, Any] = basis.coverage
    notes = []
    if not coverage["photos"]:
        notes.append("No photo fits the selection.")
    if coverage["pending"]:
        n = coverage["pending"]
        have = "has" if n == 1 else "have"
        notes.append(
            f"{count(n, 'photo')} {have} not been looked at: a digest reports photos once they have been."
        )
    notes += model_notes(basis.models, basis.judged) + basis.hidden.in_words()
    if undated:
        have = "has" if undated == 1 else "have"
        notes.append(f"{count(undated, 'new photo')} {have} no capture time and {have} no visit.")
    return [*notes, *undated_notes(coverage, 0)]
