"""A report as one HTML file for a mail, a browser or a printer. It holds no script and loads nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from trailcam import __version__
from trailcam.pages.html import render
from trailcam.reports.base import CellType, Column, Report, Row, Screen, coverage_sentence
from trailcam.reports.formats import cell, shown_columns, total_cells
from trailcam.words.months import format_months


class _Cell(NamedTuple):
    """``name`` is its class in the stylesheet. ``bar`` (0..1) follows the text, None for no bar."""

    text: str
    name: str
    wraps: bool = False
    bar: float | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture: its address and what it shows."""

    source: str
    caption: str


@dataclass(frozen=True, slots=True)
class _Table:
    """``rows`` are (class in the stylesheet, cells). On a narrow screen some columns can be left out."""

    head: Sequence[tuple[str, str]]
    rows: Sequence[tuple[str, Sequence[_Cell]]]
    can_be_narrow: bool


def to_html(report: Report, pictures: Sequence[Picture] = ()) -> str:
    """The whole report as an HTML document with a content security policy that allows its own style alone.

    ``pictures`` stand above the tables.
    """
    coverage = report.coverage
    known = coverage["photos"] and "pending" in coverage
    screen = report.screen or Screen()
    sections = [(section.title, _table(*section.table, ())) for section in screen.tables]
    if not screen.whole:
        sections.append(
            ("All counts" if sections else "", _table(report.columns, report.rows, report.totals))
        )
        sections += [(section.title, _table(*section.table, ())) for section in report.sections]
    return render(
        "reports",
        report=report,
        asked=_asked(report.filters),
        sentences=[*report.headline.splitlines(), *screen.sentences],
        coverage=_coverage(coverage) if known else None,
        tables=[(title, table) for title, table in sections if table],
        figures=pictures,
        images="data: cid:" if pictures else "'none'",
        version=__version__,
    ).decode()


def _coverage(coverage: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sentence": coverage_sentence(coverage),
        "share": coverage["share"],
        "part": coverage["pending"] > 0,
    }


def _asked(filters: Mapping[str, Any]) -> str:
    """What the report was asked, for people: ``Season rut · from 2024-09-01 · Hayfield · gap 30 min``."""
    parts = []
    if "season" in filters:
        parts.append(f"season {filters['season']}")
    elif "months" in filters:
        parts.append(f"months {format_months(filters['months'])}")
    # A digest's own "since" is the last one, or when photos were looked at: its first line tells.
    since, until = filters.get("since"), filters.get("until")
    if since and "classes" not in filters:
        parts.append(f"from {since[:10]}")
    parts += [f"until {until[:10]}"] if until else []
    parts += filters.get("stations", [])
    confidence = filters.get("confidence")
    if isinstance(confidence, float):
        parts.append(f"confidence from {confidence:g}")
    elif isinstance(confidence, str):
        parts.append(f"confidence {confidence}")
    if "gap_s" in filters:
        parts.append(f"visits end after {filters['gap_s'] / 60:g} min")
    words = " · ".join(parts)
    return words[:1].upper() + words[1:]


def _table(columns: Sequence[Column], rows: Sequence[Row], totals: Sequence[Row]) -> _Table | None:
    if not rows:
        return None
    shown = shown_columns(columns, [*rows, *totals])
    names = [_class_of(column) for column in shown]
    drawn: list[tuple[str, Sequence[_Cell]]] = []
    for begins, row in zip(_groups(shown, rows), rows, strict=True):
        drawn.append(
            ("group" if begins else "", [_cell(*pair, row) for pair in zip(shown, names, strict=True)])
        )
    for n, row in enumerate(totals):
        texts = zip(total_cells(shown, row), names, strict=True)
        drawn.append(("total" if n else "total first", [_Cell(text, name) for text, name in texts]))
    headings = [column.heading.replace("per 100", "per\N{NO-BREAK SPACE}100") for column in shown]
    return _Table(
        head=list(zip(headings, names, strict=True)),
        rows=drawn,
        can_be_narrow=any(column.spare is not None for column in shown),
    )


def _groups(columns: Sequence[Column], rows: Sequence[Row]) -> list[bool]:
    """Whether each row begins a group: rows with the same first cell, or empty ones, below it.

    Only where the groups are large enough for that to help the eye.
    """
    firsts = [row[columns[0].name] for row in rows] if columns[0].kind is CellType.TEXT else []
    begins = [n > 0 and first != "" and first != firsts[n - 1] for n, first in enumerate(firsts)]
    return begins if begins and 2 * (sum(begins) + 1) <= len(rows) else [False] * len(rows)


def _cell(column: Column, name: str, row: Row) -> _Cell:
    if not column.bar:
        return _Cell(cell(column, row), name, column.wraps)
    number = cell(dataclasses.replace(column, bar=None), row)
    return _Cell(number, name, bar=(row[column.name] or 0) / column.bar)


def _class_of(column: Column) -> str:
    """Numbers to the right, bars from the left; names may be broken into lines; "s" can be spared."""
    if column.bar:
        kind = "b"
    elif column.on_the_left:
        kind = "w" if column.wraps else ""
    else:
        kind = "n"
    return f"{kind} s".strip() if column.spare is not None else kind
