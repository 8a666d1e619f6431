"""A report as one HTML file for a mail, a browser or a printer. It holds no script and loads nothing."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from trailcam import __version__
from trailcam.reports.base import Column, Kind, Report, Row, coverage_sentence
from trailcam.reports.formats import cell, shown_columns, total_cells
from trailcam.words.months import format_months
from trailcam.words.text import printable

_GROUP = ' class="group"'


def to_html(report: Report) -> str:
    """The whole report as an HTML document with a content security policy that allows its own style alone.

    All text is escaped, and control characters of names show as escapes.
    """
    style = resources.files("trailcam.reports").joinpath("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = escape(f"trailcam: {report.title}")
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            f"<h1>{title}</h1>",
            *_body(report),
            "</body>",
            "</html>\n",
        ]
    )


def _body(report: Report) -> Iterator[str]:
    asked = _asked(report.filters)
    if asked:
        yield f'<p class="asked">{_text(asked)}</p>'
    for line in report.headline.splitlines():
        yield f'<p class="headline">{_text(line)}</p>'
    if report.coverage["photos"] and "pending" in report.coverage:
        part = report.coverage["share"]
        yield f'<div class="coverage{"" if part == 1 else " part"}">'
        yield f"<p>{_text(coverage_sentence(report.coverage))}</p>{_bar(part)}</div>"
    yield from _table(report.columns, report.rows, report.totals)
    for section in report.sections:
        if section.rows:
            yield f"<h2>{_text(section.title)}</h2>"
            yield from _table(*section.table, ())
    yield '<div class="notes">'
    yield from (f"<p>{_text(note)}</p>" for note in report.notes)
    yield f"<p>trailcam {escape(__version__)}</p>"
    yield "</div>"


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
        parts.append(f"events end after {filters['gap_s'] / 60:g} min")
    words = " · ".join(parts)
    return words[:1].upper() + words[1:]


def _table(columns: Sequence[Column], rows: Sequence[Row], totals: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    shown = shown_columns(columns, [*rows, *totals])
    if any(column.spare is not None for column in shown):
        # Seen on a narrow screen alone, where columns that can be spared are left out until it is ticked.
        yield '<label class="more"><input type="checkbox"> all columns</label>'
    yield '<div class="wide" tabindex="0"><table>'
    yield f"<thead><tr>{''.join(_heading(column) for column in shown)}</tr></thead>"
    yield "<tbody>"
    for begins, row in zip(_groups(shown, rows), rows, strict=True):
        cells = "".join(_cell(column, row) for column in shown)
        yield f"<tr{_GROUP if begins else ''}>{cells}</tr>"
    for n, row in enumerate(totals):
        texts = zip(shown, total_cells(shown, row), strict=True)
        cells = "".join(f"<td{_align(column)}>{_text(text)}</td>" for column, text in texts)
        yield f'<tr class="total{"" if n else " first"}">{cells}</tr>'
    yield "</tbody></table></div>"


def _groups(columns: Sequence[Column], rows: Sequence[Row]) -> list[bool]:
    """Whether each row begins a group: rows with the same first cell, or empty ones, below it.

    Only where the groups are large enough for that to help the eye.
    """
    firsts = [row[columns[0].name] for row in rows] if columns[0].kind is Kind.TEXT else []
    begins = [n > 0 and first != "" and first != firsts[n - 1] for n, first in enumerate(firsts)]
    return begins if begins and 2 * (sum(begins) + 1) <= len(rows) else [False] * len(rows)


def _heading(column: Column) -> str:
    heading = _text(column.heading).replace("per 100", "per&nbsp;100")
    return f'<th scope="col"{_align(column)}>{heading}</th>'


def _cell(column: Column, row: Row) -> str:
    if not column.bar:
        text = _text(cell(column, row))
        return f"<td{_align(column)}>{text.replace('/', '/<wbr>') if column.wraps else text}</td>"
    number = _text(cell(dataclasses.replace(column, bar=None), row))
    drawn = _bar((row[column.name] or 0) / column.bar)
    return f"<td{_align(column)}><span><i>{number}</i>{drawn}</span></td>"


def _bar(part: float) -> str:
    """A bar for 0..1. A picture's own measures need no style, which the page's policy would refuse."""
    return (
        '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{100 * part:.1f}" height="10"/></svg>'
    )


def _align(column: Column) -> str:
    """Numbers to the right, bars from the left; names may be broken into lines; "s" can be spared."""
    if column.bar:
        kind = "b"
    elif column.on_the_left:
        kind = "w" if column.wraps else ""
    else:
        kind = "n"
    names = f"{kind} s".strip() if column.spare is not None else kind
    return f' class="{names}"' if names else ""


def _text(text: str) -> str:
    return escape(printable(text))
