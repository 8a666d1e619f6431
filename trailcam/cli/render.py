"""Reports onto the terminal or into a file, for every command that answers a question."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from trailcam.cli import console
from trailcam.cli.tables import UNLIMITED, line, show_table, write_lines
from trailcam.errors import UsageError
from trailcam.files.write import write_file
from trailcam.reports.base import Report, Screen, coverage_sentence
from trailcam.reports.formats import Format, to_csv, to_json, to_parquet, to_xlsx
from trailcam.reports.report_page import to_html
from trailcam.words.text import printable

Advice = Callable[[str], str]
"""Makes a command that can be pasted of its arguments."""

# "" is a name without one, such as /dev/stdout.
_ENDINGS = {"": Format.TABLE, "txt": Format.TABLE, "htm": Format.HTML}
_ENDINGS |= {form.value: form for form in Format}
_OTHERS = ("xls", "xlsm", "ods", "pdf", "docx", "doc", "sqlite", "db", "duckdb")


def chosen_format(wanted: Format | None, output: str | None) -> Format:
    """The format that was asked for, else what the ending of the file's name says, else a table.

    Raises UsageError for an ending that promises another program's format, or none that trailcam knows, and
    for Parquet or a workbook without ``-o`` or onto a terminal.
    """
    ending = Path(output).suffix.lower().removeprefix(".") if output else ""
    other = ending in _OTHERS or (ending == Format.XLSX and wanted not in (None, Format.XLSX))
    if other or (wanted is None and ending not in _ENDINGS):
        raise UsageError(
            f"trailcam can't write .{printable(ending)} files{f' as {wanted}' if other and wanted else ''}.",
            "Endings it knows: .txt (a table), .xlsx and .csv (for spreadsheets), .json, .parquet and .html."
            + ("" if other else " --format says what to write under any other name."),
        )
    chosen = wanted or _ENDINGS[ending]
    to_stdout = output == "-"
    if chosen in (Format.PARQUET, Format.XLSX) and (output is None or (to_stdout and sys.stdout.isatty())):
        what = "Parquet" if chosen is Format.PARQUET else "A workbook"
        raise UsageError(f"{what} can't be shown on a terminal.", f"Name a file: -o bucks.{chosen}")
    return chosen


def plain_advice(arguments: str) -> str:
    """The command, called by its name."""
    return f"trailcam {arguments}"


def emit(report: Report, wanted: Format, output: str | None, advice: Advice = plain_advice) -> None:
    """Write ``report`` to the file ``output``, or to stdout where that is None or "-".

    Raises OutputError when the file can't be written; it is then as it was before.
    """
    to_file = output is not None and output != "-"
    if wanted is Format.TABLE and not to_file:
        show(report, console.out, advice)
        return
    write_content(_content(report, wanted, advice), output)


def write_content(content: bytes, output: str | None) -> None:
    """Write bytes to the file ``output``, or to stdout where that is None or "-". Raises OutputError."""
    if output is not None and output != "-":
        write_file(Path(output), content)
        return
    sys.stdout.flush()
    if hasattr(sys.stdout, "buffer"):
        sys.stdout.buffer.write(content)  # always UTF-8, whatever the terminal's own encoding
        sys.stdout.buffer.flush()
    else:
        sys.stdout.write(content.decode("utf-8"))


def show(report: Report, out: Console, advice: Advice = plain_advice) -> None:
    """The report as tables. Into anything but a terminal it is plain, and as wide as it needs to be."""
    if out.is_terminal:
        _show(report, out, advice)
    else:
        write_lines(plain_text(report, advice), out)


def _show(report: Report, out: Console, advice: Advice) -> None:
    if report.screen is not None:
        _show_screen(report.screen, out, advice)
        return
    if report.headline:
        line(report.headline, out)
        if report.rows:
            line("", out)
    show_table(report.columns, report.rows, report.totals, out)
    shown = bool(report.headline or report.rows)
    for section in report.sections:
        if section.rows:
            line(f"\n{section.title}" if shown else section.title, out)
            shown = True
            show_table(*section.table, (), out)
    if report.rows or any(section.rows for section in report.sections):
        line("", out)
    if report.coverage["photos"] and "pending" in report.coverage:
        line(coverage_sentence(report.coverage), out)
    for note in report.notes:
        line(note, out)


def _show_screen(screen: Screen, out: Console, advice: Advice) -> None:
    for sentence in screen.sentences:
        line(sentence, out)
    if screen.whole:
        _show_next(screen, out, advice)
    for table in screen.tables:
        if table.rows:
            line(f"\n{table.title}" if table.title else "", out)
            show_table(*table.table, (), out)
    for text in screen.below:
        line(text, out)
    if not screen.whole and screen.next:
        line("", out)
        _show_next(screen, out, advice)


def _show_next(screen: Screen, out: Console, advice: Advice) -> None:
    widest = max((len(word) for word, _ in screen.next), default=0)
    for word, arguments in screen.next:
        # Not broken into lines: it must survive being copied and pasted.
        out.print(f"{word + ':':{widest + 1}} {advice(arguments)}", markup=False, soft_wrap=True)


def plain_text(report: Report, advice: Advice = plain_advice) -> str:
    """The report as text, as wide as it needs to be."""
    text = io.StringIO()
    _show(report, Console(file=text, width=UNLIMITED, color_system=None, highlight=False), advice)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _content(report: Report, wanted: Format, advice: Advice) -> bytes:
    match wanted:
        case Format.CSV:
            return to_csv(report).encode()
        case Format.JSON:
            return to_json(report).encode()
        case Format.PARQUET:
            return to_parquet(report)
        case Format.XLSX:
            return to_xlsx(report)
        case Format.HTML:
            return to_html(report).encode()
        case Format.TABLE:
            return plain_text(report, advice).encode()
