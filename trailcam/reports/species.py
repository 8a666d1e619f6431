"""``report species``: photos, detections, visits and the most animals in one photo, for any class."""

from __future__ import annotations

from collections.abc import Sequence

from trailcam.reports.base import KEY_COLUMNS, CellType, Column, Report, Row, coverage_columns, laid_out
from trailcam.reports.common import (
    RATE_COLUMNS,
    Basis,
    Question,
    answered,
    basis_of,
    blind_notes,
    checked_keys,
    in_order,
    known_by_models,
    listed_or,
    notes_of,
    rate,
    scope_cells,
    visits_of,
)
from trailcam.store.database import Connection
from trailcam.store.visits import Level, check_names
from trailcam.words.text import count, printable

KEYS = ("month", "season", "station", "hour")
DEFAULT_BY = ("station", "month")
_NAMED = 6  # classes in the first sentence

_COLUMNS = (
    Column("photos", "photos", CellType.COUNT, sign="≥"),
    Column("detections", "detections", CellType.COUNT, sign="≥"),
    Column("events", "visits", CellType.COUNT, sign="≈"),
    *RATE_COLUMNS,
    Column("max_animals", "most at once", CellType.COUNT, sign="≥"),
)


def species(
    db: Connection,
    question: Question,
    *,
    by: Sequence[str] = DEFAULT_BY,
    kinds: bool = False,
    only: Sequence[str] | None = None,
) -> Report:
    """Count every class that was seen among the selected images, or ``only`` some of them.

    ``by`` are keys out of :data:`KEYS`, after the class. With ``kinds`` all bucks are one, otherwise
    each class of the model stands for itself. A row holds the class, the keys (None: no capture time),
    photos, detections, events (None: no photo has a capture time), camera_days, events_per_100,
    max_animals (the most
    boxes of the class in one photo) and the coverage of its keys' photos. Classes never seen have no row.
    Raises UsageError for an unknown key, class or station.
    """
    by = checked_keys(by, KEYS, "Animals")
    if only is not None:
        check_names(db, only)
    level = Level.KIND if kinds else Level.CLASS
    day_keys = [key for key in by if key != "hour"]
    with (
        basis_of(db, question, by) as basis,
        visits_of(basis.photos, question, level, only=only) as visits,
    ):
        days = basis.worked.by(question.selection, day_keys, question.first_month)
        counts, undated = visits.counts(by, question.first_month), visits.undated_animals()
        blank = visits.count_blank()
        models = known_by_models(basis.photos) if only is not None else {}
    columns = (*(KEY_COLUMNS[key] for key in ("class", *by)), *_COLUMNS, *coverage_columns())
    finished = []
    for row in counts:
        scope = basis.scopes[tuple(row[key] for key in by)]
        events = row["events"] if scope["dated"] else None
        n_days = days.get(tuple(row[key] for key in day_keys))
        finished.append({**row, "events": events, **rate(events, n_days), **scope_cells(scope)})
    notes = notes_of(basis, undated)
    if basis.models and only is None:
        notes.append(_blank_note(blank, question.confidence))
    if basis.models and not finished:
        notes.append("None of these photos shows any of these classes at this confidence.")
    notes += blind_notes(models, only or ())
    return Report(
        name="species",
        title="Species",
        filters=question.describe(
            by=["class", *by], level="kind" if kinds else "class", only=list(only or ())
        ),
        coverage=basis.coverage,
        columns=columns,
        rows=laid_out(in_order(finished, ("class", *by)), columns),
        notes=notes,
        headline=answered(basis, _answer(basis, finished, only)),
    )


def _answer(basis: Basis, found: Sequence[Row], only: Sequence[str] | None) -> str:
    """How often each class came, the most frequent first."""
    seen: dict[str, list[int]] = {}
    for row in found:
        visits, photos = seen.get(row["class"], (0, 0))
        seen[row["class"]] = [visits + (row["events"] or 0), photos + row["photos"]]
    if not seen:
        what = listed_or(only) if only else "animal, person or vehicle"
        return f"No {what} in {count(basis.coverage['completed'], 'photo')}."
    ordered = sorted(seen.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
    told = []
    for n, (name, (visits, photos)) in enumerate(ordered[:_NAMED]):
        times = f"{visits:,}" if n else count(visits, "visit")  # the unit once, as the most visits come first
        told.append(f"{printable(name)} in {times if visits else count(photos, 'undated photo')}")
    more = (
        f", and {count(len(ordered) - _NAMED, 'other class', 'other classes')}"
        if len(ordered) > _NAMED
        else ""
    )
    return f"Seen: {', '.join(told)}{more}."


def _blank_note(blank: int, confidence: float | None) -> str:
    at = "the recommended confidence" if confidence is None else f"confidence {confidence:g}"
    return f"Blank (looked at, nothing found at {at}): {count(blank, 'photo')}."
