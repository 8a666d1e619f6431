"""What every report is: typed rows with their coverage, ready for a table, CSV, JSON or Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trailcam.words.unread import unread_words

Row = dict[str, Any]

COMPLETE = "complete"  # the column that says whether a row's counts are final: no photo is pending


class CellType(StrEnum):
    """What a column holds, in Python's types. Any value may be None."""

    TEXT = "text"  # str
    COUNT = "count"  # int
    SHARE = "share"  # float 0..1
    NUMBER = "number"  # float
    FLAG = "flag"  # bool
    MOMENT = "moment"  # aware datetime


class Key(StrEnum):
    """What rows can be grouped by. A season is a season-year, "2024-25"; an hour is 0..23."""

    MONTH = "month"
    SEASON = "season"
    STATION = "station"
    AGE = "age"
    HOUR = "hour"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``name`` is for machines and never changes; ``heading`` is for people.

    The rest is for the table alone. ``null`` stands for None. ``sign`` goes before the value in rows whose
    ``complete`` is False: what was not looked at can change it. ``shown`` False leaves the column out, and
    ``hide_zero`` does so when it holds nothing but zeros. Where a terminal is too narrow, text that
    ``wraps`` is broken into lines if it is long, and columns with a ``spare`` go, the lowest first. A number
    or share with a ``bar`` is followed by one; its full length stands for that value. Text that stands for
    numbers goes to the ``right``.
    """

    name: str
    heading: str
    kind: CellType
    null: str = "-"
    sign: str = ""
    shown: bool = True
    hide_zero: bool = False
    spare: int | None = None
    wraps: bool = False
    bar: float | None = None
    right: bool = False

    @property
    def on_the_left(self) -> bool:
        """Where a table puts it: text to the left, numbers to the right."""
        return self.kind in (CellType.TEXT, CellType.MOMENT) and not self.right


# What rows are grouped by is the same column in every report.
KEY_COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        Column("class", "class", CellType.TEXT, wraps=True),
        Column("month", "month", CellType.TEXT, null="undated"),
        Column("season", "season", CellType.TEXT, null="undated"),
        Column("station", "station", CellType.TEXT, wraps=True),
        Column("age", "age", CellType.TEXT, null="all"),
        Column("hour", "hour", CellType.COUNT, null="undated"),
    )
}


def laid_out(rows: Iterable[Row], columns: Sequence[Column]) -> list[Row]:
    """Rows with the names of ``columns``, in their order, and nothing else."""
    return [{column.name: row[column.name] for column in columns} for row in rows]


@dataclass(frozen=True, slots=True)
class Section:
    """A further table of a report; in JSON a list of objects under ``name``.

    ``drawn`` are columns and rows to show people in place of these, where what is best to read is not what
    is best to compute with.
    """

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    drawn: tuple[Sequence[Column], Sequence[Row]] | None = None

    @property
    def table(self) -> tuple[Sequence[Column], Sequence[Row]]:
        """The columns and rows that people see."""
        return self.drawn or (self.columns, self.rows)


@dataclass(frozen=True, slots=True)
class Screen:
    """What people read first: sentences that answer, a few tables, and what to ask next.

    A terminal shows it in place of the report; a page has it first, then the rest, unless it is ``whole``.
    ``below`` are lines under the tables, ``next`` pairs of a word and the arguments of a command:
    ``("Pictures", "gallery -o page.html")``; in a ``whole`` screen, which is long, they come first. JSON
    has a list for each table that has a name.
    """

    sentences: Sequence[str] = ()
    tables: Sequence[Section] = ()
    below: Sequence[str] = ()
    next: Sequence[tuple[str, str]] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """The answer to one question.

    ``filters`` are the selectors and thresholds it was asked with, ``coverage`` says how much of what was
    selected has been looked at. Each row has exactly the names of ``columns``. ``totals`` have them too, but
    may count one photo once where several rows count it; so they are kept apart and no sum of rows.
    ``notes`` are whole sentences that a reader must know to read the numbers right; ``headline`` is what is
    to be read first, in lines. ``screen``: what a terminal shows in place of all this.
    """

    name: str
    title: str
    filters: Mapping[str, Any]
    coverage: Mapping[str, Any]
    columns: Sequence[Column]
    rows: Sequence[Row]
    totals: Sequence[Row] = ()
    notes: Sequence[str] = ()
    sections: Sequence[Section] = field(default=())
    headline: str = ""
    screen: Screen | None = None


def coverage_columns() -> tuple[Column, ...]:
    """The columns that say how far a row's photos have been looked at; every report with counts has them."""
    return (
        Column("completed", "completed", CellType.COUNT, spare=1),
        Column("pending", "pending", CellType.COUNT, hide_zero=True, spare=4),
        Column("failed", "failed", CellType.COUNT, hide_zero=True, spare=3),
        Column("missing", "missing", CellType.COUNT, hide_zero=True, spare=2),
        Column("coverage", "coverage", CellType.SHARE),
        Column(COMPLETE, "complete", CellType.FLAG, shown=False),
    )


def share(part: int, whole: int) -> float | None:
    """``part`` of ``whole`` as 0..1, None of nothing."""
    return part / whole if whole else None


def coverage_sentence(coverage: Mapping[str, Any]) -> str:
    """``Coverage: 1,204 of 3,310 photos looked at (36 %); 2,100 pending, 6 failed, 0 missing.``

    Photos without a capture time are named behind, where there are any, and so are videos and pictures in the
    scanned folders that aren't read: they may show what no photo does.
    """
    unread = unread_words(coverage.get("videos_unread", 0), coverage.get("other_picture_kinds", {}))
    unseen = f" {unread} not looked at." if unread else ""
    if not coverage["photos"]:
        return f"Coverage: no photos.{unseen}"
    parts = ", ".join(f"{coverage[status]:,} {status}" for status in ("pending", "failed", "missing"))
    undated = f"; {coverage['undated']:,} without a capture time" if coverage.get("undated") else ""
    return (
        f"Coverage: {coverage['completed']:,} of {coverage['photos']:,} photos looked at"
        f" ({percent(coverage['share'])}); {parts}{undated}.{unseen}"
    )


def percent(value: float) -> str:
    """0..1 as whole per cent, rounded down so that only all is 100 % and only nothing is 0 %."""
    if 0 < value < 0.01:
        return "<1 %"
    # A float product such as 0.29 * 100 may fall just short of the whole number it means.
    return f"{int(value * 100 + 1e-9):d} %" if value < 1 else "100 %"
