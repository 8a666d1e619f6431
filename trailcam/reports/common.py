"""What the reports share: the question, the photos behind it, rates, and the sentences about both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from trailcam.domain import Kind
from trailcam.errors import UsageError
from trailcam.reports.base import COMPLETE, CellType, Column, Row, percent, share
from trailcam.selection import Selection
from trailcam.settings.class_words import is_meant, words_of
from trailcam.settings.config import SILENT_DAYS
from trailcam.store.camera_days import CameraDays, make_camera_days
from trailcam.store.counted import count_boxes, count_hidden
from trailcam.store.database import Connection
from trailcam.store.hidden import HiddenCounts
from trailcam.store.photo_counts import STATUSES, classes_by_run, count_by, failed_moments
from trailcam.store.select import Selected, select
from trailcam.store.unread import count_unread
from trailcam.store.visits import Level, Visits, join_visits
from trailcam.words.months import DEFAULT_FIRST_MONTH
from trailcam.words.text import count, printable

RATE_COLUMNS = (
    Column("camera_days", "camera-days", CellType.COUNT, spare=0),
    Column("events_per_100", "per 100 days", CellType.NUMBER, sign="≈"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """What every report is asked with.

    ``confidence`` is 0..1, inclusive; None: what the weights recommend for each class, else 0.5. ``gap`` ends
    a visit, ``first_month`` (1..12) begins a season-year, ``silent_days``: see ``CameraDays``.
    ``timezone`` (IANA) and ``place`` (latitude, longitude) are those of stations without one of their own.
    ``per_visit``: see ``join_visits``.
    """

    selection: Selection = field(default_factory=Selection)
    confidence: float | None = None
    gap: timedelta = timedelta(minutes=30)
    first_month: int = DEFAULT_FIRST_MONTH
    silent_days: int = SILENT_DAYS
    timezone: str | None = None
    per_visit: bool = True
    place: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for a confidence that is none."""
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise UsageError(f"{self.confidence:g} is not a confidence.", "Give a number from 0 to 1.")

    def describe(self, **more: object) -> dict[str, Any]:
        """The ``filters`` of a report."""
        return {
            **self.selection.describe(),
            "confidence": self.confidence if self.confidence is not None else "recommended by the weights",
            "gap_s": self.gap.total_seconds(),
            "silent_days": self.silent_days,
            "per": "visit" if self.per_visit else "photo",
            **more,
        }


@dataclass(frozen=True, slots=True)
class Basis:
    """The photos that a report rests on: ``coverage`` of all, ``scopes`` by key, ``models`` that looked.

    ``judged`` is how many rest on a correction, ``hidden`` what static places and areas take out; ``worked``
    when the cameras did.
    """

    photos: Selected
    worked: CameraDays
    coverage: Mapping[str, Any]
    scopes: Mapping[tuple[Any, ...], Row]
    models: Sequence[Row]
    judged: int = 0
    hidden: HiddenCounts = field(default_factory=HiddenCounts)


@contextmanager
def basis_of(db: Connection, question: Question, keys: Sequence[str]) -> Iterator[Basis]:
    """Select the photos and count them by ``keys``. Raises UsageError for a station that doesn't exist."""
    with select(db, question.selection) as photos, make_camera_days(db, question.silent_days) as worked:
        found = count_by(photos, keys, question.first_month)
        overall = {name: sum(row[name] for row in found) for name in ("scope_photos", "dated", *STATUSES)}
        hidden = count_hidden(photos, question.confidence, question.gap)
        yield Basis(
            photos,
            worked,
            coverage=coverage_of(overall, photos, count_unread(db)) | hidden.describe(),
            scopes={tuple(row[key] for key in keys): row for row in found},
            models=photos.models(),
            judged=photos.count_judged(),
            hidden=hidden,
        )


@contextmanager
def visits_of(
    photos: Selected,
    question: Question,
    level: Level,
    *,
    kinds: Sequence[Kind] | None = None,
    only: Sequence[str] | None = None,
) -> Iterator[Visits]:
    """The visits on the photos, by the question's confidence and gap; see ``join_visits``."""
    with (
        count_boxes(photos, question.confidence) as counted,
        join_visits(
            counted, question.gap, level, per_visit=question.per_visit, kinds=kinds, only=only
        ) as visits,
    ):
        yield visits


def checked_keys(by: Sequence[str], known: Sequence[str], what: str) -> tuple[str, ...]:
    """Each key once. Raises UsageError for one by which ``what`` ("Bucks") isn't counted."""
    for key in by:
        if key not in known:
            raise UsageError(
                f'{what} can\'t be counted by "{printable(key)}".', f"Known: {', '.join(known)}."
            )
    return tuple(dict.fromkeys(str(key) for key in by))


def scope_cells(scope: Row | None) -> Row:
    """The coverage columns of a row whose photos are ``scope``."""
    scope = scope or dict.fromkeys(("scope_photos", "dated", *STATUSES), 0)
    photos, looked_at = scope["scope_photos"], scope["completed"]
    return {
        **{status: scope[status] for status in STATUSES},
        "coverage": share(looked_at, photos),
        COMPLETE: not scope["pending"],
    }


def coverage_of(overall: Mapping[str, Any], photos: Selected, unread: Mapping[str, Any]) -> dict[str, Any]:
    """The ``coverage`` of a report from the counts of all its photos; ``failures`` are codes and how many.

    ``unread`` videos and pictures lie in the scanned folders, whatever is selected.
    """
    n = overall["scope_photos"]
    return {
        "photos": n,
        **{status: overall[status] for status in STATUSES},
        "undated": n - overall["dated"],
        "undated_left_out": photos.undated_left_out(),
        **unread,
        "share": share(overall["completed"], n),
        "failures": failed_moments(photos) if overall["failed"] else {},
    }


def rate(events: int | None, days: int | None) -> Row:
    """``camera_days`` and ``events_per_100`` camera-days of a row; None where nothing tells."""
    known = events is not None and days
    return {
        "camera_days": days,
        "events_per_100": round(100 * (events or 0) / (days or 1), 2) if known else None,
    }


def in_order(found: Iterable[Row], keys: Sequence[str]) -> list[Row]:
    """Rows sorted by ``keys``; None sorts last."""
    return sorted(found, key=lambda row: [(row[key] is None, row[key] or 0) for key in keys])


def notes_of(basis: Basis, undated_detections: int = 0) -> list[str]:
    """The sentences that every report with counts owes its reader."""
    undated = undated_notes(basis.coverage, undated_detections)
    if not basis.coverage["photos"]:
        return ["No photo fits the selection.", *undated]
    return [
        *progress_notes(basis.coverage, basis.models),
        *model_notes(basis.models, basis.judged),
        *basis.hidden.in_words(),
        *undated,
    ]


def looked_in_words(coverage: Mapping[str, Any]) -> str:
    """What was looked at, in words."""
    photos, done = count(coverage["photos"], "photo"), coverage["completed"]
    if coverage["pending"]:
        told = f"{percent(coverage['share'])} of {photos} looked at: there may be more"
    elif done == coverage["photos"]:
        told = f"All of {photos} looked at"
    else:
        told = f"{done:,} of {photos} looked at"
    if n := coverage["failed"]:
        told += f"; {n:,} can't be read"
    if n := coverage["missing"]:
        told += f"; {n:,} {'is' if n == 1 else 'are'} gone"
    return f"{told}."


def answered(basis: Basis, answer: str) -> str:
    """A headline: the ``answer`` and what it rests on; that nothing was looked at, where that is so."""
    coverage = basis.coverage
    if coverage["completed"]:
        return f"{answer} {looked_in_words(coverage)}"
    if not coverage["photos"]:
        return ""
    return "Not looked at yet." if coverage["pending"] else looked_in_words(coverage)


def progress_notes(coverage: Mapping[str, Any], models: Sequence[Row]) -> list[str]:
    """What photos that were not looked at do to the counts."""
    if not models and not coverage["completed"] and coverage["pending"]:
        return [
            "None of these photos has been looked at yet: run `trailcam detect`.",
            *failed_notes(coverage),
        ]
    notes = failed_notes(coverage)
    if coverage["pending"]:
        notes.append(
            "Not all photos have been looked at: ≥ is a lower bound, and ≈ can change either way"
            " (a photo between two visits can make them one)."
        )
    return notes


def failed_notes(coverage: Mapping[str, Any]) -> list[str]:
    """What is said of photos that failed and of those whose files are gone: waiting changes nothing there."""
    notes = []
    if n := coverage["failed"]:
        codes = coverage["failures"]
        why = ", ".join(code if codes == {code: n} else f"{m:,} {code}" for code, m in codes.items())
        can = "can't be read and is" if n == 1 else "can't be read and are"
        notes.append(
            f"{count(n, 'photo')} {can} in no count ({printable(why)}); `trailcam status` names one."
        )
    if n := coverage["missing"]:
        are = "is missing: its file was" if n == 1 else "are missing: their files were"
        notes.append(f"{count(n, 'photo')} {are} gone at the last scan.")
    return notes


def model_notes(models: Sequence[Row], judged: int = 0) -> list[str]:
    """Which models the counts rest on, and for how many photos (``judged``) on corrections."""
    names: dict[str, int] = {}
    for model in models:
        names[model["weights_name"]] = names.get(model["weights_name"], 0) + model["photos"]
    listed = [f"{printable(name)} ({count(photos, 'photo')})" for name, photos in names.items()]
    notes = []
    if len(names) == 1:
        notes.append(f"The counts rest on the model {listed[0]}.")
    elif names:
        notes.append(f"The counts mix {len(names)} models, which need not agree: {', '.join(listed)}.")
    if len({model["model_key"] for model in models}) > len(names):
        notes.append("Some photos were looked at with other settings than the rest.")
    if judged:
        notes.append(
            f"{count(judged, 'photo')} {'rests' if judged == 1 else 'rest'} on corrections by people."
        )
    return notes


def undated_notes(coverage: Mapping[str, Any], undated_detections: int) -> list[str]:
    """What became of photos without a capture time."""
    notes = []
    if undated_detections:
        notes.append(
            f"{count(undated_detections, 'detection')} on photos without a capture time"
            f" {'is' if undated_detections == 1 else 'are'} counted, but in no visit."
        )
    n = coverage["undated_left_out"]
    if n == 1:
        notes.append("1 photo has no capture time and is left out.")
    elif n:
        notes.append(f"{count(n, 'photo')} have no capture time and are left out.")
    return notes


def known_by_models(photos: Selected) -> dict[str, set[str]]:
    """The models that looked at the photos, by name, with the words for all that each can see."""
    models: dict[str, set[str]] = {}
    for model, infos in sorted(classes_by_run(photos), key=lambda found: found[0]):
        models.setdefault(model, set()).update(*map(words_of, infos))
    return models


def blind_notes(models: Mapping[str, set[str]], classes: Sequence[str]) -> list[str]:
    """Which of ``classes`` a model can't see, for each model of :func:`known_by_models`."""
    notes = []
    for model, known in models.items():
        blind = [word for word in classes if not is_meant(known, [word])]
        if blind:
            notes.append(
                f"The model {printable(model)} has no class for {listed_or(blind)}, so it never reports any."
            )
    return notes


def listed_or(words: Sequence[str]) -> str:
    shown = [printable(word) for word in words]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"
