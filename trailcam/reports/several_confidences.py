"""One report at several confidences, side by side: how much an answer depends on the threshold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from trailcam.reports.base import Column, Report, Row

SHOWN = ("photos", "events")
_NO_SECTIONS = ("At several confidences only the first table is shown; ask for one to see the others.",)
BESIDE = ("photos", "detections", "events", "events_per_100")


def beside(
    reports: Mapping[float, Report],
    keys: Sequence[str],
    *,
    names: Sequence[str] = BESIDE,
    shown: Sequence[str] = SHOWN,
) -> Report:
    """The reports, keyed by confidence (0..1), as one with a column ``events_at_0.5`` for each of ``names``.

    All must have been asked the same otherwise. A row that a report lacks saw nothing there: 0. Other columns
    and the notes are those at the lowest confidence that has the row. ``shown`` of the names are in a table;
    further sections are left out.
    """
    confidences = sorted(reports)
    base = reports[confidences[0]]
    before = [column for column in base.columns if column.name in keys]
    after = [c for c in base.columns if c.name not in keys and c.name not in (*names, "mean_confidence")]
    side = [
        dataclasses.replace(
            column,
            name=f"{column.name}_at_{confidence:g}",
            heading=f"{column.heading} {confidence:g}",
            shown=column.name in shown,
            spare=None,
            bar=None,
        )
        for column in base.columns
        if column.name in names
        for confidence in confidences
    ]
    columns = (*before, *side, *after)
    rows = {c: {tuple(row[key] for key in keys): row for row in reports[c].rows} for c in confidences}
    totals = {c: {tuple(row[key] for key in keys): row for row in reports[c].totals} for c in confidences}
    return dataclasses.replace(
        base,
        filters={**base.filters, "confidence": confidences},
        columns=columns,
        rows=_merged(rows, names, columns),
        totals=_merged(totals, names, columns),
        sections=(),
        notes=[*base.notes, *(_NO_SECTIONS if base.sections else ())],
    )


_Rows = Mapping[tuple[object, ...], Row]


def _merged(known: Mapping[float, _Rows], names: Sequence[str], columns: Sequence[Column]) -> list[Row]:
    merged = []
    for key in _in_order(list(known.values())):
        row = next(found[key] for found in known.values() if key in found)
        wide = dict(row)
        for confidence, found in known.items():
            for name in names:
                if name in row:
                    nothing = None if row[name] is None else 0
                    wide[f"{name}_at_{confidence:g}"] = found[key][name] if key in found else nothing
        merged.append({column.name: wide[column.name] for column in columns})
    return merged


def _in_order(several: Sequence[_Rows]) -> list[tuple[object, ...]]:
    """Every key once, each after the one it follows where it first occurs.

    A visit that a lower confidence joins to an earlier one can leave its month without any.
    """
    order: list[tuple[object, ...]] = []
    for found in several:
        at = 0
        for key in found:
            if key not in order:
                order.insert(at, key)
            at = order.index(key) + 1
    return order
