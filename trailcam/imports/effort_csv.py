"""``stations effort --import``: gaps of cameras from a CSV file, checked before anything is written."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

from trailcam.errors import UsageError
from trailcam.imports.stations_csv import read_text
from trailcam.store.effort_gaps import REASONS, Gap
from trailcam.words.text import printable

COLUMNS = ("station", "first_day", "last_day", "reason")


def read_gaps(path: Path) -> list[Gap]:
    """The gaps of a file with the columns COLUMNS, in any order; others are passed over.

    UTF-8 or UTF-16; commas, semicolons or tabs; days as 2024-11-03. Raises UsageError that names the line.
    """
    text = read_text(path)
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = {name.strip().casefold(): name for name in reader.fieldnames or () if name}
        lacking = [column for column in COLUMNS if column not in names]
        if lacking:
            raise UsageError(
                f"{printable(str(path))} has no column {' and no column '.join(lacking)}.",
                f"Its first line must name: {','.join(COLUMNS)}. Nothing was imported.",
            )
        found = []
        for row in reader:
            cells = {column: (row.get(names[column]) or "").strip() for column in COLUMNS}
            if any(cells.values()):
                found.append(_gap(cells, f"{printable(path.name)}, line {reader.line_num}"))
    except csv.Error as error:
        where = f"{printable(str(path))}, line {reader.line_num}"
        raise UsageError(f"{where}: this is not CSV: {error}.", "Nothing was imported.") from None
    if not found:
        raise UsageError(f"{printable(str(path))} names no gap.", "Nothing was imported.")
    return found


def make_gap(station: str, first: str, last: str, reason: str) -> Gap:
    """A gap from text. Raises UsageError."""
    days = []
    for text in (first, last):
        try:
            days.append(date.fromisoformat(text))
        except ValueError:
            raise UsageError(f'"{printable(text)}" is no day.', "Write it as 2024-11-03.") from None
    if days[1] < days[0]:
        raise UsageError(f"{first} is after {last}.", "Swap them.")
    if reason not in REASONS:
        raise UsageError(f'"{printable(reason)}" is no reason.', f"Known: {', '.join(REASONS)}.")
    return Gap(station, days[0], days[1], reason)


def _gap(cells: dict[str, str], where: str) -> Gap:
    try:
        if not cells["station"]:
            raise UsageError("no station is named.", "")
        return make_gap(cells["station"], cells["first_day"], cells["last_day"], cells["reason"].casefold())
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", f"{error.hint} Nothing was imported.".strip()) from None
