"""``report bucks``: photos, detections, visits and mean confidence of bucks, with coverage.

A detection counts when it comes from its image's current run and reaches the confidence. A visit is
the photos of one station and age class with no more than the gap between one and the next. It belongs to the
month, hour and season-year of its first photo, and photos without a capture time belong to none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from trailcam.domain import AgeClass, Kind
from trailcam.reports.base import (
    COMPLETE,
    KEY_COLUMNS,
    CellType,
    Column,
    Key,
    Report,
    Row,
    coverage_columns,
    laid_out,
    share,
)
from trailcam.reports.common import (
    RATE_COLUMNS,
    Question,
    checked_keys,
    coverage_of,
    model_notes,
    progress_notes,
    undated_notes,
    visits_of,
)
from trailcam.reports.common import rate as per_100
from trailcam.store.camera_days import CameraDays, make_camera_days
from trailcam.store.database import Connection
from trailcam.store.photo_counts import STATUSES
from trailcam.store.select import Selected, select
from trailcam.store.unread import count_unread
from trailcam.store.visits import Level, Visits
from trailcam.words.text import printable

KEYS = tuple(str(key) for key in Key)
DEFAULT_BY = (Key.MONTH, Key.AGE)

_AGES = tuple(AgeClass)
# More photos can only add photos and detections, but one between two visits can also join them.
_COUNT_COLUMNS = (
    Column("photos", "photos", CellType.COUNT, sign="≥"),
    Column("detections", "detections", CellType.COUNT, sign="≥"),
    Column("events", "visits", CellType.COUNT, sign="≈"),
    *RATE_COLUMNS,
    Column("mean_confidence", "conf.", CellType.NUMBER),
)
_WITHOUT_CLASS = Column("without_class", "no such class", CellType.COUNT, shown=False)
_SCOPE_SUMS = ("scope_photos", "dated", *STATUSES, "without_class")
_SUMS = (*_SCOPE_SUMS, "photos", "detections", "events", "by_model", "confidence_sum", "undated_detections")
_NOTHING: dict[str | None, Row] = {
    age: {**dict.fromkeys(KEYS), "age": age, **dict.fromkeys(_SUMS, 0)}
    for age in (None, *(age.value for age in AgeClass if age is not AgeClass.UNKNOWN))
}


@dataclass(frozen=True, slots=True)
class BuckVisits:
    """What the parts of the report are made from: photos, visits of bucks by age, when cameras worked."""

    question: Question
    photos: Selected
    worked: CameraDays
    visits: Visits

    def count(self, keys: Sequence[str]) -> BuckCounts:
        """Count by ``keys`` at once, for tables by any of them; the age is always one."""
        scope_keys = [key for key in KEYS if key in keys and key != "age"]
        return BuckCounts(self, self.visits.bucks(scope_keys, self.question.first_month))


@dataclass(frozen=True, slots=True)
class BuckCounts:
    """Rows of ``report_bucks.sql`` by some keys, and sums of them by fewer."""

    made: BuckVisits
    found: Sequence[Row]

    def by(self, keys: Sequence[str]) -> list[Row]:
        """One row for each group of ``keys`` (without the age) and age class, None for all of these."""
        day_keys = [key for key in keys if key != "hour"]
        question = self.made.question
        days = self.made.worked.by(question.selection, day_keys, question.first_month)
        groups: dict[tuple[Any, ...], dict[str | None, Row]] = {}
        for row in self.found:
            own = {key: row[key] if key in keys else None for key in KEYS if key != "age"}
            ages = groups.setdefault(tuple(own[key] for key in keys), {})
            into = ages.setdefault(row["age"], {**own, "age": row["age"], **dict.fromkeys(_SUMS, 0)})
            for name in _SUMS:
                into[name] += row[name]
        return [
            _derived(row, ages[None], days.get(tuple(row[key] for key in day_keys)))
            for ages in (groups if groups or keys else {(): _NOTHING}).values()
            for row in ages.values()
        ]


def bucks(db: Connection, question: Question, by: Sequence[str] = DEFAULT_BY) -> Report:
    """Count bucks among the selected images.

    ``by`` are the keys of the rows, out of :data:`KEYS`, in the order of the columns. Rows hold the keys
    (None: no capture time), photos, detections, events (None: no photo of the row has a
    capture time), camera_days and events_per_100 (of these days; None: no photo says), mean_confidence
    (of models' boxes; None: none), completed, pending, failed and missing photos of the row's scope (its keys
    but the age), coverage (completed of all four), complete (whether the counts are final) and
    without_class (completed
    photos whose model has no class for the row's bucks). Raises UsageError for a wrong key or station.
    """
    by = checked_keys(by, KEYS, "Bucks")
    with buck_visits(db, question) as made:
        return count_report(made, made.count(by), by)


@contextmanager
def buck_visits(db: Connection, question: Question) -> Iterator[BuckVisits]:
    """Select the photos and join the visits of bucks. Raises UsageError for a station that doesn't exist."""
    with (
        select(db, question.selection) as photos,
        make_camera_days(db, question.silent_days) as worked,
        visits_of(photos, question, Level.AGE, kinds=[Kind.BUCK]) as visits,
    ):
        yield BuckVisits(question, photos, worked, visits)


def count_report(made: BuckVisits, counts: BuckCounts, by: Sequence[str]) -> Report:
    """As :func:`bucks`, from counts by these keys and perhaps others."""
    scope_keys = [key for key in by if key != "age"]
    wanted = [row for row in counts.by(scope_keys) if (row["age"] is not None) == ("age" in by)]
    overall = {row["age"]: row for row in counts.by([])}
    totals = [row for age, row in overall.items() if (age is not None) == ("age" in by)] if scope_keys else []
    if "age" in by:
        totals.append(overall[None])
    columns = (*(KEY_COLUMNS[key] for key in by), *_COUNT_COLUMNS, *coverage_columns(), _WITHOUT_CLASS)
    hidden = made.visits.counted.hidden_counts(made.question.gap)
    coverage = {
        **coverage_of(overall[None], made.photos, count_unread(made.photos.db)),
        **hidden.describe(),
    }
    empty = not overall[None]["scope_photos"]
    return Report(
        name="bucks",
        title="Bucks",
        filters=_filters(made.question, by),
        coverage=coverage,
        columns=columns,
        rows=[] if empty else laid_out(finish(wanted, by), columns),
        totals=[] if empty else laid_out(finish(totals, ["age"]), columns),
        notes=[
            *_notes(coverage, overall[None], made.photos.models(), made.photos.count_judged()),
            *hidden.in_words(),
        ],
    )


def _derived(row: Row, everyone: Row, days: int | None) -> Row:
    """A sum with what follows from it; ``everyone`` is that of all age classes of the group."""
    if row["age"] == AgeClass.UNKNOWN:  # has rows only where there are some: its photos are everyone's
        row = {**row, **{name: everyone[name] for name in _SCOPE_SUMS}}
    events = row["events"] if row["dated"] else None
    mean = round(row["confidence_sum"] / row["by_model"], 4) if row["by_model"] else None
    return {**row, "events": events, "mean_confidence": mean, **per_100(events, days)}


def _filters(question: Question, by: Sequence[str]) -> dict[str, Any]:
    asked = question.describe(by=list(by))
    del asked["silent_days"]
    return asked | ({"season_first_month": question.first_month} if "season" in by else {})


def finish(found: Sequence[Row], by: Sequence[str]) -> list[Row]:
    """Rows in the order of ``by``, with their coverage."""
    finished = []
    for row in sorted(found, key=lambda row: [_order(key, row[key]) for key in by if key in row]):
        looked_at, photos = row["completed"], row["scope_photos"]
        complete = not row["pending"] and not row["without_class"]
        finished.append({**row, "coverage": share(looked_at, photos), COMPLETE: complete})
    return finished


def _order(key: str, value: str | int | None) -> tuple[bool, str | int]:
    """None sorts last; ages sort from young to unknown."""
    if value is None:
        return (True, 0)
    return (False, _AGES.index(AgeClass(str(value))) if key == "age" else value)


def _notes(coverage: Mapping[str, Any], overall: Row, models: Sequence[Row], judged: int) -> list[str]:
    undated = undated_notes(coverage, overall["undated_detections"])
    if not coverage["photos"]:
        return ["No photo fits the selection.", *undated]
    notes = [*progress_notes(coverage, models), *model_notes(models, judged)]
    for name in dict.fromkeys(model["weights_name"] for model in models):
        known = {age for m in models if m["weights_name"] == name for age in m["age_classes"]}
        notes += _blind_note(printable(name), known)
    return [*notes, *undated]


def _blind_note(name: str, known: set[str]) -> list[str]:
    """What a model with these age classes of bucks can't see. ``known`` is empty where it has no bucks."""
    if not known:
        return [f"The model {name} has no class for bucks and can't see them, so 0 doesn't mean none."]
    unseen = [age for age in _AGES if age is not AgeClass.UNKNOWN and age not in known]
    if not unseen:
        return []
    return [f"The model {name} has no class for {' or '.join(unseen)} bucks: 0 of those doesn't mean none."]
