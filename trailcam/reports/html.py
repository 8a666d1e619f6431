"""A report as one HTML file for a mail, a browser or a printer. It holds no script and loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape

from trailcam import __version__
from trailcam.reports.model import Column, Kind, Report, Row, coverage_sentence
from trailcam.reports.render import cell, shown_columns, total_cells
from trailcam.text import printable

_STYLE = """
:root { color-scheme: light dark; --line: #8885; --quiet: #666; }
@media (prefers-color-scheme: dark) { :root { --quiet: #aaa; } }
body { font: 16px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.headline { margin: .2rem 0; } .headline:first-of-type { font-size: 1.1rem; font-weight: 600; }
.wide { margin-top: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; }
th { border-bottom: 2px solid var(--line); font-weight: 600; } td { border-bottom: 1px solid var(--line); }
.n { text-align: right; white-space: nowrap; } .total td { font-weight: 600; }
td { white-space: nowrap; } td.w { white-space: normal; overflow-wrap: anywhere; min-width: 8rem; }
.notes { color: var(--quiet); font-size: .9rem; }
"""
_LEFT = (Kind.TEXT, Kind.MOMENT)


def to_html(report: Report) -> str:
    """The whole report as an HTML document with a content security policy that allows its own style alone.

    All text is escaped, and control characters of names show as escapes.
    """
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
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
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            f"<h1>{title}</h1>",
            *_body(report),
            "</body>",
            "</html>\n",
        ]
    )


def _body(report: Report) -> Iterator[str]:
    for line in report.headline.splitlines():
        yield f'<p class="headline">{_text(line)}</p>'
    yield from _table(report.columns, report.rows, report.totals)
    for section in report.sections:
        if section.rows:
            yield f"<h2>{_text(section.title)}</h2>"
            yield from _table(section.columns, section.rows, ())
    yield '<div class="notes">'
    if report.coverage["photos"] and "pending" in report.coverage:
        yield f"<p>{_text(coverage_sentence(report.coverage))}</p>"
    yield from (f"<p>{_text(note)}</p>" for note in report.notes)
    yield f"<p>trailcam {escape(__version__)}</p>"
    yield "</div>"


def _table(columns: Sequence[Column], rows: Sequence[Row], totals: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    shown = shown_columns(columns, [*rows, *totals])
    yield '<div class="wide" tabindex="0"><table>'
    yield f"<thead><tr>{''.join(_heading(column) for column in shown)}</tr></thead>"
    yield "<tbody>"
    yield from (f"<tr>{_cells(shown, [cell(c, row) for c in shown])}</tr>" for row in rows)
    yield from (f'<tr class="total">{_cells(shown, total_cells(shown, row))}</tr>' for row in totals)
    yield "</tbody></table></div>"


def _heading(column: Column) -> str:
    return f'<th scope="col"{_align(column)}>{_text(column.heading)}</th>'


def _cells(columns: Sequence[Column], texts: Sequence[str]) -> str:
    return "".join(f"<td{_align(c)}>{_text(text)}</td>" for c, text in zip(columns, texts, strict=True))


def _align(column: Column) -> str:
    """Numbers to the right; names may be broken into lines."""
    if column.kind in _LEFT:
        return ' class="w"' if column.wraps else ""
    return ' class="n"'


def _text(text: str) -> str:
    return escape(printable(text))
