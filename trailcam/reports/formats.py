"""A report as text for people, as a workbook, or as CSV, JSON or Parquet (``report_page.py``: for browsers).

CSV and Parquet hold the rows alone, as a file of rows and totals could not be summed. Numbers there are
plain; how far they can be trusted stands in the coverage columns beside them.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from trailcam.reports.base import COMPLETE, CellType, Column, Report, Row, Screen, percent
from trailcam.words.text import FORMULA_STARTS, printable

if TYPE_CHECKING:
    from trailcam.files.workbook import Sheet


class Format(StrEnum):
    """How a report is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    HTML = "html"
    XLSX = "xlsx"


_TYPES = {
    CellType.TEXT: "VARCHAR",
    CellType.COUNT: "BIGINT",
    CellType.SHARE: "DOUBLE",
    CellType.NUMBER: "DOUBLE",
    CellType.FLAG: "BOOLEAN",
    CellType.MOMENT: "TIMESTAMPTZ",
}
_BAR_WIDTH = 24
# What JSON may hold raw but a terminal obeys: DEL and the C1 controls.
_CONTROLS = re.compile("[\x7f-\x9f]")


def to_csv(report: Report) -> str:
    """The rows under a header of the columns' names; None is an empty cell, times are ISO 8601.

    Text of one cell stays on one line, its control characters shown as escapes. Text that a spreadsheet would
    take for a formula gets an apostrophe in front, so such a name differs from that in the other formats.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in report.columns])
    for row in report.rows:
        writer.writerow([_csv_cell(row[column.name]) for column in report.columns])
    return text.getvalue()


def to_json(report: Report) -> str:
    """One object with report, filters, coverage, rows, totals, notes and a list for each further section.

    A report with a headline has that too, and one with a screen its sentences ("answer") and tables.
    """
    document: dict[str, Any] = {
        "report": report.name,
        **({"headline": report.headline} if report.headline else {}),
        "filters": report.filters,
        "coverage": report.coverage,
        "rows": report.rows,
        "totals": report.totals,
        **{section.name: section.rows for section in report.sections},
        **(_screen(report.screen) if report.screen else {}),
        "notes": report.notes,
    }
    text = json.dumps(_plain(document), ensure_ascii=False, allow_nan=False, indent=2)
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def _screen(screen: Screen) -> dict[str, Any]:
    answer = {"answer": screen.sentences} if screen.sentences else {}
    return answer | {table.name: table.rows for table in screen.tables if table.name}


def to_parquet(report: Report) -> bytes:
    """The rows as a Parquet file."""
    from trailcam.store import parquet

    types = {column.name: _TYPES[column.kind] for column in report.columns}
    return parquet.to_parquet(types, [_plain(row) for row in report.rows])


def to_xlsx(report: Report) -> bytes:
    """A workbook: the rows with their totals, a sheet for each further section, and what they rest on."""
    from trailcam.files.workbook import Sheet, write_workbook

    sheets = [_sheet(report.title, report.columns, [*report.rows, *report.totals])] if report.rows else []
    sheets += [_sheet(s.title or s.name, s.columns, s.rows) for s in report.sections if s.rows]
    answer = report.screen.sentences if report.screen else report.headline.splitlines()
    told = [("filters", str(_plain(report.filters))), ("coverage", str(_plain(report.coverage)))]
    lines = [*(("", text) for text in (*answer, *report.notes)), *told]
    file = io.BytesIO()
    write_workbook(file, [*sheets, Sheet("About", (report.title, ""), lines)])
    return file.getvalue()


def _sheet(title: str, columns: Sequence[Column], rows: Sequence[Row]) -> Sheet:
    from trailcam.files.workbook import Sheet

    shares = frozenset(n for n, column in enumerate(columns) if column.kind is CellType.SHARE)
    cells = ([_naive(row[column.name]) for column in columns] for row in rows)
    return Sheet(title, [column.name for column in columns], cells, shares)


def _naive(value: Any) -> Any:  # noqa: ANN401 - of any column
    """A workbook's times have no zone: moments are shown in this machine's."""
    return value.astimezone().replace(tzinfo=None) if isinstance(value, datetime) else value


def cell(column: Column, row: Row) -> str:
    """One value as the table shows it, safe for a terminal."""
    value = row[column.name]
    if value is None:
        return column.null
    text = _readable(column.kind, value)
    if column.sign and row.get(COMPLETE) is False:
        text = f"{column.sign} {text}"
    return f"{text:>6} {_bar(value / column.bar)}".rstrip() if column.bar else text


def _bar(part: float) -> str:
    """A bar of at most ``_BAR_WIDTH`` characters for 0..1; what isn't nothing is at least half of one."""
    halves = max(round(part * _BAR_WIDTH * 2), 1 if part > 0 else 0)
    return "█" * (halves // 2) + "▌" * (halves % 2)


def total_cells(columns: Sequence[Column], row: Row) -> list[str]:
    """A row of totals as a table shows it: "total" in place of the first key, the other keys empty."""
    cells = []
    for n, column in enumerate(columns):
        is_key = row[column.name] is None and column.null not in ("-", "all")
        cells.append("total" if n == 0 and row[column.name] is None else "" if is_key else cell(column, row))
    return cells


def _readable(kind: CellType, value: Any) -> str:  # noqa: ANN401 - of the type that kind says
    match kind:
        case CellType.COUNT:
            return f"{value:,}"
        case CellType.SHARE:
            return percent(value)
        case CellType.NUMBER:
            return f"{value:,.2f}" if value < 10 else f"{value:,.1f}"
        case CellType.FLAG:
            return "yes" if value else "no"
        case CellType.MOMENT:
            return f"{value.astimezone():%Y-%m-%d %H:%M}"
        case CellType.TEXT:
            return printable(str(value))


def shown_columns(columns: Sequence[Column], rows: Sequence[Row]) -> list[Column]:
    """The columns a table of ``rows`` has, without those that would only repeat zero."""
    return [
        column
        for column in columns
        if column.shown and not (column.hide_zero and not any(row[column.name] for row in rows))
    ]


def _csv_cell(value: object) -> object:
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat()
        case str():
            text = printable(value)
            return f"'{text}" if value.startswith(FORMULA_STARTS) else text
        case _:
            return value


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON's types name themselves
    """``value`` in JSON's types; bytes of a name that are not UTF-8 become escapes."""
    match value:
        case datetime():
            return value.isoformat()
        case str():
            return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        case Mapping():
            return {key: _plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_plain(entry) for entry in value]
        case _:
            return value
