"""One report at several confidences, beside each other: how much an answer hangs on the threshold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from trailcam.reports.model import Column, Report, Row

_SHOWN = ("photos", "events")
_BESIDE = ("photos", "detections", "events", "events_per_100")


def beside(reports: Mapping[float, Report], keys: Sequence[str]) -> Report:
    """The reports, keyed by confidence (0..1), as one with a column ``events_at_0.5`` for each.

    All must have been asked the same otherwise. A row that a report lacks saw nothing there: 0. Other columns
    and the notes are those at the lowest confidence, which has every row of the others.
    """
    confidences = sorted(reports)
    base = reports[confidences[0]]
    before = [column for column in base.columns if column.name in keys]
    after = [c for c in base.columns if c.name not in keys and c.name not in (*_BESIDE, "mean_confidence")]
    side = [
        dataclasses.replace(
            column,
            name=f"{column.name}_at_{confidence:g}",
            heading=f"{column.heading} {confidence:g}",
            shown=column.name in _SHOWN,
        )
        for column in base.columns
        if column.name in _BESIDE
        for confidence in confidences
    ]
    columns = (*before, *side, *after)
    return dataclasses.replace(
        base,
        filters={**base.filters, "confidence": confidences},
        columns=columns,
        rows=_merged(base.rows, {c: reports[c].rows for c in confidences}, keys, columns),
        totals=_merged(base.totals, {c: reports[c].totals for c in confidences}, keys, columns),
        sections=(),
    )


def _merged(
    base: Sequence[Row],
    by_confidence: Mapping[float, Sequence[Row]],
    keys: Sequence[str],
    columns: Sequence[Column],
) -> list[Row]:
    known = {
        confidence: {tuple(row[key] for key in keys): row for row in found}
        for confidence, found in by_confidence.items()
    }
    merged = []
    for row in base:
        wide = dict(row)
        for confidence, found in known.items():
            same = found.get(tuple(row[key] for key in keys))
            for name in _BESIDE:
                nothing = None if row[name] is None else 0
                wide[f"{name}_at_{confidence:g}"] = same[name] if same else nothing
        merged.append({column.name: wide[column.name] for column in columns})
    return merged
