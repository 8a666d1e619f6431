"""A table in the width that there is: every value is shown, or a line under the table says what was left out.

Columns of names are broken between words. Where that isn't enough, columns that hold nothing go first, then
those that can be spared; and where even that isn't enough, each row becomes lines of "heading value".
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from trailcam.reports.base import CellType, Column, Row
from trailcam.reports.formats import cell, shown_columns, total_cells

# For streams that can't encode the signs.
_ASCII = str.maketrans({"≥": ">=", "≈": "~", "█": "#", "▌": "-"})
UNLIMITED = 10_000
# Words longer than this, such as paths, may be broken.
_WORD = 24
_NOTHING = ("", "-", "0", "0.00", "unknown")


def show_table(columns: Sequence[Column], rows: Sequence[Row], totals: Sequence[Row], out: Console) -> None:
    """Print the table; nothing without rows. Into anything but a terminal it is as wide as it needs to be."""
    if not rows:
        return
    if not out.is_terminal and out.width < UNLIMITED:
        text = io.StringIO()
        show_table(columns, rows, totals, Console(file=text, width=UNLIMITED, color_system=None))
        lines = "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())
        write_lines(lines, out)
        return
    table = _Cells(shown_columns(columns, [*rows, *totals]), rows, totals, out)
    layout = table.layout(out.width)
    for gone in table.can_go() if layout is None else ():
        table.left_out.append(gone)
        layout = table.layout(out.width)
        if layout is not None:
            break
    if layout is None:  # lines have room for all of it
        table.left_out = []
        table.print_lines(out)
    else:
        out.print(table.made(layout))
    if table.left_out:
        empty = [table.heading(n) for n in table.left_out if table.is_empty(n)]
        full = [table.heading(n) for n in table.left_out if not table.is_empty(n)]
        if empty:
            line(f"(nothing in: {', '.join(empty)})", out)
        if full:
            line(f"(left out for want of width: {', '.join(full)})", out)


@dataclass(frozen=True, slots=True)
class _Layout:
    """How wide each column is (0: as wide as it needs to be), and whether they stand close together."""

    widths: Sequence[int]
    tight: bool = False


def text_table(heads: Sequence[str], rows: Sequence[Sequence[str]], out: Console) -> None:
    """A table of texts that are made for it: the first column names, the others are like numbers."""
    columns = [Column(str(n), head, CellType.TEXT, right=n > 0, wraps=n == 0) for n, head in enumerate(heads)]
    named = [{str(n): text for n, text in enumerate(row)} for row in rows]
    show_table(columns, named, (), out)


class _Cells:
    """The texts of a table, and which columns are left out (by number)."""

    def __init__(
        self, columns: Sequence[Column], rows: Sequence[Row], totals: Sequence[Row], out: Console
    ) -> None:
        self.columns = columns
        self.rows = [[encodable(cell(column, row), out) for column in columns] for row in rows]
        self.totals = [[encodable(text, out) for text in total_cells(columns, row)] for row in totals]
        self.left_out: list[int] = []

    def kept(self) -> list[int]:
        return [n for n in range(len(self.columns)) if n not in self.left_out]

    def heading(self, n: int) -> str:
        return self.columns[n].heading or self.columns[n].name

    def is_empty(self, n: int) -> bool:
        """Whether no row says anything there; the first column says what a row is about."""
        return n > 0 and all(cells[n] in _NOTHING for cells in (*self.rows, *self.totals))

    def can_go(self) -> list[int]:
        """Columns in the order in which they go: those that hold nothing, then those that can be spared."""
        empty = [n for n in self.kept() if self.is_empty(n)]
        spare = [n for n in self.kept() if self.columns[n].spare is not None and n not in empty]
        return empty + sorted(spare, key=lambda n: self.columns[n].spare or 0)

    def layout(self, width: int) -> _Layout | None:
        """A layout of the columns kept in ``width``; None where there is none.

        Headings and names are broken between words where that helps.
        """
        kept = self.kept()
        if width >= UNLIMITED:  # measuring a thousand rows takes longer than counting them
            return _Layout([0] * len(kept))
        natural, least = [], []
        for n in kept:
            heading, texts = self.columns[n].heading, [cells[n] for cells in (*self.rows, *self.totals)]
            natural.append(max(map(cell_len, (heading, *texts))))
            words = [word for text in texts for word in text.split()] if self.columns[n].wraps else texts
            longest = max(map(cell_len, (*words, "")))
            least.append(max(min(longest, _WORD) if self.columns[n].wraps else longest, _longest(heading)))
        breaks = len(kept) - 1
        if sum(natural) + 2 * breaks <= width:
            return _Layout(natural)
        tight = sum(least) + 2 * breaks > width
        room = width - sum(least) - (1 if tight else 2) * breaks
        if room < 0:
            return None
        for place, wanted in enumerate(natural):
            more = min(wanted - least[place], room)
            least[place] += more
            room -= more
        return _Layout(least, tight)

    def made(self, layout: _Layout) -> Table:
        """The table in a layout."""
        kept = self.kept()
        table = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=layout.tight)
        for n, width in zip(kept, layout.widths, strict=True):
            column = self.columns[n]
            justify: JustifyMethod = "left" if column.on_the_left or column.bar else "right"
            heading = "\n".join(textwrap.wrap(column.heading, width)) if width else column.heading
            # Folded, never cut: a number that lost its end is another number.
            table.add_column(
                escape(heading),
                justify=justify,
                overflow="fold",
                no_wrap=not column.wraps,
                width=width or None,
            )
        for cells in self.rows:
            table.add_row(*(escape(cells[n]) for n in kept))
        if self.totals:
            table.add_row()
        for cells in self.totals:
            table.add_row(*(escape(cells[n]) for n in kept), style="bold")
        return table

    def print_lines(self, out: Console) -> None:
        """Each row as lines of its own, "heading value" side by side, without what is empty."""
        for cells in (*self.rows, *self.totals):
            parts = [
                f"{self.heading(n)}\N{NO-BREAK SPACE}{cells[n]}".replace(" ", "\N{NO-BREAK SPACE}")
                for n in self.kept()[1:]
                if cells[n] not in ("", "-")
            ]
            told, here = [], f"{self.columns[0].heading} {cells[0]}".strip()
            for part in parts:
                if cell_len(here) + 2 + cell_len(part) > out.width and here:
                    told.append(here)
                    here = "  " + part
                else:
                    here = f"{here}  {part}"
            for text in (*told, here):
                line(text.replace("\N{NO-BREAK SPACE}", " "), out)


def _longest(text: str) -> int:
    return max(map(cell_len, (*text.split(), "")))


def write_lines(lines: str, out: Console) -> None:
    """Write whole lines as they are; where nobody reads any more, nothing."""
    out.print(Text(encodable(lines, out)), soft_wrap=True, end="")


def encodable(text: str, out: Console) -> str:
    """``text`` with signs that the stream can write."""
    try:
        text.encode(out.encoding)
    except UnicodeError:
        return text.translate(_ASCII)
    return text


def line(text: str, out: Console) -> None:
    """A line for people, broken between words."""
    out.print(encodable(text, out), markup=False)
