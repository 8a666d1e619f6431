"""Reports onto the terminal or into a file, for every command that answers a question."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from trailcam.cli import console
from trailcam.errors import UsageError
from trailcam.files.write import write_file
from trailcam.reports.base import Column, Report, Row, coverage_sentence
from trailcam.reports.formats import (
    Format,
    cell,
    shown_columns,
    to_csv,
    to_json,
    to_parquet,
    total_cells,
)
from trailcam.reports.report_page import to_html
from trailcam.words.text import printable

# For streams that can't encode the signs.
_ASCII = str.maketrans({"≥": ">=", "≈": "~", "█": "#", "▌": "-"})
_UNLIMITED = 10_000
# "" is a name without one, such as /dev/stdout.
_ENDINGS = {"": Format.TABLE, "txt": Format.TABLE, "htm": Format.HTML}
_ENDINGS |= {form.value: form for form in Format}
_OTHERS = ("xlsx", "xls", "xlsm", "ods", "pdf", "docx", "doc", "sqlite", "db", "duckdb")
# Names longer than this are rather broken into lines than let to push columns out.
_NAME_WIDTH = 20


def chosen_format(wanted: Format | None, output: str | None) -> Format:
    """The format that was asked for, else what the ending of the file's name says, else a table.

    Raises UsageError for an ending that promises another program's format, or none that trailcam knows, and
    for Parquet without ``-o`` or onto a terminal.
    """
    ending = Path(output).suffix.lower().removeprefix(".") if output else ""
    if ending in _OTHERS or (wanted is None and ending not in _ENDINGS):
        raise UsageError(
            f"trailcam can't write .{printable(ending)} files.",
            "Endings it knows: .txt (a table), .csv (spreadsheets open it), .json, .parquet and .html."
            + ("" if ending in _OTHERS else " --format says what to write under any other name."),
        )
    chosen = wanted or _ENDINGS[ending]
    to_stdout = output == "-"
    if chosen is Format.PARQUET and (output is None or (to_stdout and sys.stdout.isatty())):
        raise UsageError("Parquet can't be shown on a terminal.", "Name a file: -o bucks.parquet")
    return chosen


def emit(report: Report, wanted: Format, output: str | None) -> None:
    """Write ``report`` to the file ``output``, or to stdout where that is None or "-".

    Raises OutputError when the file can't be written; it is then as it was before.
    """
    to_file = output is not None and output != "-"
    if wanted is Format.TABLE and not to_file:
        show(report, console.out)
        return
    content = _content(report, wanted)
    if to_file:
        assert output is not None
        write_file(Path(output), content)
        return
    sys.stdout.flush()
    if hasattr(sys.stdout, "buffer"):
        sys.stdout.buffer.write(content)  # always UTF-8, whatever the terminal's own encoding
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(content.decode("utf-8"))


def show(report: Report, out: Console) -> None:
    """The report as tables. Into anything but a terminal it is plain, and as wide as it needs to be."""
    if out.is_terminal:
        _show(report, out)
    else:
        out.file.write(_encodable(_plain_text(report), out))


def _show(report: Report, out: Console) -> None:
    if report.headline:
        _line(report.headline, out)
        if report.rows:
            _line("", out)
    _show_table(report.columns, report.rows, report.totals, out)
    shown = bool(report.headline or report.rows)
    for section in report.sections:
        if section.rows:
            _line(f"\n{section.title}" if shown else section.title, out)
            shown = True
            _show_table(*section.table, (), out)
    if report.rows or any(section.rows for section in report.sections):
        _line("", out)
    if report.coverage["photos"] and "pending" in report.coverage:
        _line(coverage_sentence(report.coverage), out)
    for note in report.notes:
        _line(note, out)


def _plain_text(report: Report) -> str:
    text = io.StringIO()
    _show(report, Console(file=text, width=_UNLIMITED, color_system=None, highlight=False))
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _content(report: Report, wanted: Format) -> bytes:
    match wanted:
        case Format.CSV:
            return to_csv(report).encode()
        case Format.JSON:
            return to_json(report).encode()
        case Format.PARQUET:
            return to_parquet(report)
        case Format.HTML:
            return to_html(report).encode()
        case Format.TABLE:
            return _plain_text(report).encode()


def _show_table(columns: Sequence[Column], rows: Sequence[Row], totals: Sequence[Row], out: Console) -> None:
    if not rows:
        return
    shown = shown_columns(columns, [*rows, *totals])
    gone: list[Column] = []
    kept, tight = shown, False
    if out.width < _UNLIMITED:  # measuring a thousand rows takes longer than counting them
        gone = _too_much(shown, rows, totals, out)
        kept = [column for column in shown if column not in gone]
        tight = bool(gone) or not _fits(kept, rows, totals, out, tight=False)
    out.print(_table(kept, rows, totals, out, tight=tight))
    if gone:
        _line(f"(too narrow for: {', '.join(column.heading for column in gone)})", out)


def _too_much(
    columns: Sequence[Column], rows: Sequence[Row], totals: Sequence[Row], out: Console
) -> list[Column]:
    """The columns to leave out for want of width, in the order in which they can be spared."""
    spare = sorted((column for column in columns if column.spare is not None), key=lambda c: c.spare or 0)
    for n in range(len(spare)):
        if _fits([column for column in columns if column not in spare[:n]], rows, totals, out, tight=True):
            return spare[:n]
    return spare


def _fits(
    columns: Sequence[Column], rows: Sequence[Row], totals: Sequence[Row], out: Console, *, tight: bool
) -> bool:
    table = _table(columns, rows, totals, out, tight=tight)
    for column, drawn in zip(columns, table.columns, strict=True):
        drawn.max_width = _NAME_WIDTH if column.wraps else None
    return _width(table, out) <= out.width


def _table(
    columns: Sequence[Column], rows: Sequence[Row], totals: Sequence[Row], out: Console, *, tight: bool
) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=tight)
    for column in columns:
        # Folded, never cut: a number that lost its end is another number.
        justify: JustifyMethod = "left" if column.on_the_left or column.bar else "right"
        table.add_column(column.heading, justify=justify, overflow="fold", no_wrap=not column.wraps)
    for row in rows:
        table.add_row(*(_safe(cell(column, row), out) for column in columns))
    if totals:
        table.add_row()
    for row in totals:
        table.add_row(*(_safe(text, out) for text in total_cells(columns, row)), style="bold")
    return table


def _safe(text: str, out: Console) -> str:
    return escape(_encodable(text, out))


def _encodable(text: str, out: Console) -> str:
    try:
        text.encode(out.encoding)
    except UnicodeError:
        return text.translate(_ASCII)
    return text


def _width(table: Table, out: Console) -> int:
    return Measurement.get(out, out.options.update(max_width=_UNLIMITED), table).maximum


def _line(text: str, out: Console) -> None:
    out.print(_encodable(text, out), markup=False)
