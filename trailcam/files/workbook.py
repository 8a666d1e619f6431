"""Tables as a workbook for Excel and its kin. Text stays text: no cell becomes a formula or a link."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, BinaryIO

from trailcam.errors import UsageError

MOST_ROWS = 1_048_575
"""A sheet has room for so many rows under its heading."""

_LONGEST_TEXT = 32_767  # of a cell, in Excel
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\']")
_LONGEST_NAME = 31
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")  # what XML can't hold


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: its name, its heading, and rows as long as that.

    Cells are None, bool, int, float (finite), str, date or datetime (naive). ``shares`` are the columns that
    hold 0..1 and are shown in per cent.
    """

    name: str
    heading: Sequence[str]
    rows: Iterable[Sequence[Any]]
    shares: frozenset[int] = frozenset()


def write_workbook(file: BinaryIO, sheets: Sequence[Sheet]) -> None:
    """Write the sheets, one after the other, in little memory. Raises UsageError for too many rows."""
    from xlsxwriter import Workbook

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with Workbook(file, options) as book:
        bold = book.add_format({"bold": True})
        percent = book.add_format({"num_format": "0 %"})
        moments = {
            datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            date: book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        names: set[str] = set()
        for sheet in sheets:
            page = book.add_worksheet(_unused(sheet.name, names))
            page.freeze_panes(1, 0)
            page.set_column(0, max(0, len(sheet.heading) - 1), 14)
            for n, text in enumerate(sheet.heading):
                page.write_string(0, n, text, bold)
            for row, cells in enumerate(sheet.rows, start=1):
                if row > MOST_ROWS:
                    raise UsageError(
                        f"A workbook has room for {MOST_ROWS:,} rows, and these are more.",
                        "Select fewer photos (--since, --station), or write CSV or Parquet.",
                    )
                for n, value in enumerate(cells):
                    if isinstance(value, str):
                        page.write_string(row, n, _text(value))
                    elif isinstance(value, date):
                        page.write_datetime(row, n, value, moments[type(value)])
                    elif isinstance(value, bool):
                        page.write_boolean(row, n, value)
                    elif value is not None:
                        page.write_number(row, n, value, percent if n in sheet.shares else None)


def _text(value: str) -> str:
    safe = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", safe)[:_LONGEST_TEXT]


def _unused(name: str, names: set[str]) -> str:
    """A name that Excel takes for a sheet, and that no other sheet has."""
    safe = _NOT_IN_NAMES.sub(" ", name).strip()[:_LONGEST_NAME] or "Sheet"
    n = 1
    while safe.casefold() in names:
        n += 1
        safe = f"{safe[: _LONGEST_NAME - 4]} {n}"
    names.add(safe.casefold())
    return safe
