"""Every report that reads and changes nothing: its function, keys, options and columns, in one table.

``trailcam report NAME`` is generated from it. A new report is a function ``(db, question, *, by, ...)`` and a
row here. Imports no report: a list of commands needs none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trailcam.errors import UnanswerableError, UsageError
from trailcam.reports.several_confidences import BESIDE, SHOWN, beside

if TYPE_CHECKING:
    from trailcam.reports.base import Report
    from trailcam.reports.common import Question
    from trailcam.store.database import Connection


@dataclass(frozen=True, slots=True)
class ReportOption:
    """An option that gives a report's function the keyword ``parameter``.

    With ``choices`` or ``many`` it may be repeated and gives a list of texts, otherwise it is a switch. A
    ``flag`` without dashes is an argument that may be left out.
    ``default`` says in words what holds without it.
    """

    parameter: str
    flag: str
    help: str
    choices: tuple[str, ...] = ()
    many: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class ReportEntry:
    """A report. ``function`` is ``module:name`` below ``trailcam.reports``, ``sentence`` what it answers.

    ``options`` are its own, first of them often ``by``. A report with ``parts`` takes ``parts`` (None: a
    first screen and all of them) and ``one_table``; the first part is what CSV and several confidences get.
    ``keys`` are the columns that may tell its rows apart. At several confidences the columns ``beside`` each
    other are those that depend on it, and people see ``shown`` of them.
    """

    name: str
    function: str
    sentence: str
    keys: tuple[str, ...]
    options: tuple[ReportOption, ...] = ()
    parts: tuple[str, ...] = ()
    beside: tuple[str, ...] = BESIDE
    shown: tuple[str, ...] = SHOWN

    def answer(
        self, db: Connection, questions: Sequence[Question], given: Mapping[str, Any], *, one_table: bool
    ) -> Report:
        """The report; with more than one question, at several confidences, with columns for each.

        ``given``: what was given of its options. Raises UsageError, and UnanswerableError with the
        confidence.
        """
        module, _, name = self.function.partition(":")
        function = getattr(import_module(f"trailcam.reports.{module}"), name)
        several = len(questions) > 1
        if self.parts:
            asked = given.get("parts")
            screen = not (asked or given.get("by") or one_table or several)
            parts = None if screen else self._parts(asked, one_table=one_table, several=several)
            given = {**given, "parts": parts, "one_table": one_table}
        if not several:
            report: Report = function(db, questions[0], **given)
            return report
        answers = {}
        for question in questions:
            confidence = question.confidence or 0.0
            try:
                answers[confidence] = function(db, question, **given)
            except UnanswerableError as error:
                text = f"At confidence {confidence:g}: {error.message}"
                raise UnanswerableError(text, error.hint) from None
        columns = next(iter(answers.values())).columns
        keys = [column.name for column in columns if column.name in self.keys]
        return beside(answers, keys, names=self.beside, shown=self.shown)

    def _parts(self, asked: Sequence[str] | None, *, one_table: bool, several: bool) -> list[str]:
        first = list(self.parts[:1])
        if asked and ALL in asked:
            asked = self.parts
        if several and asked and list(asked) != first:
            raise UsageError(
                f"At several confidences only the {first[0]} are shown side by side.", "Give one."
            )
        return list(asked or (first if one_table or several else self.parts))


def _by(
    keys: tuple[str, ...], default: str, help_: str = "A key of the rows; may be repeated."
) -> ReportOption:
    return ReportOption("by", "--by", help_, choices=keys, default=default)


_BUCK_KEYS = ("month", "season", "station", "age", "hour", "name")
_BUCK_PARTS = ("counts", "seasons", "confidence", "hours", "nights")
ALL = "all"
"""Stands for all parts of a report."""
_SPECIES_KEYS = ("month", "season", "station", "hour")
_ACTIVITY_KEYS = ("hour", "sun", "moon", "temperature", "month", "season", "station")
_HERD_KEYS = ("month", "season", "station")
_RATIOS = ("bucks_per_100_does", "fawns_per_100_does")

REPORTS = (
    ReportEntry(
        "bucks",
        "bucks_asked:report_bucks",
        "Bucks by age class, with coverage; season-years compared, in legal light or not, hours and nights.",
        keys=_BUCK_KEYS,
        options=(
            ReportOption("name", "NAME", 'One buck that somebody has named: "Split Brow".'),
            _by(
                _BUCK_KEYS,
                "month and age",
                "A key of the rows; may be repeated. By name: the bucks that people have named.",
            ),
            ReportOption(
                "parts",
                "--part",
                "This part of the report, or all; may be repeated. CSV and Parquet hold one.",
                choices=(ALL, *_BUCK_PARTS),
                default="a first screen; all in JSON and HTML; counts in CSV and at several confidences",
            ),
        ),
        parts=_BUCK_PARTS,
    ),
    ReportEntry(
        "species",
        "species:species",
        "Photos, detections, visits and the most animals at once, of any class.",
        keys=("class", *_SPECIES_KEYS),
        options=(
            ReportOption(
                "only",
                "--class",
                "A class of the model, a kind (buck, doe; deer is all of these) or an age; may be repeated.",
                many=True,
            ),
            ReportOption("kinds", "--kinds", "Count kinds (all bucks as one), not the model's classes."),
            _by(_SPECIES_KEYS, "station and month"),
        ),
    ),
    ReportEntry(
        "stations",
        "stations:stations",
        "Camera-days, silences, photos a day, visits per 100 camera-days and doubtful clocks, by station.",
        keys=("station", "month", "season"),
        options=(_by(("month", "season"), "station alone", "A further key of the rows; may be repeated."),),
        beside=("events", "events_per_100"),
        shown=("events", "events_per_100"),
    ),
    ReportEntry(
        "activity",
        "activity:activity",
        "Visits by hour of the clock, by the sun and by the moon, and how far two classes overlap.",
        keys=("class", "sun_hour", *_ACTIVITY_KEYS),
        options=(
            ReportOption(
                "classes",
                "--class",
                "A class of the model, a kind (buck, doe; deer is all of these) or an age; several compare.",
                many=True,
                default="buck",
            ),
            _by(
                _ACTIVITY_KEYS,
                "hour, with sun and moon below",
                "Only by hour, sun, moon or temperature; besides that, a key of the rows. May be repeated.",
            ),
        ),
        beside=("events", "events_per_100", "share", "night_events", "night_events_per_100"),
    ),
    ReportEntry(
        "herd",
        "herd:herd",
        "Bucks and fawns per 100 does, by visit, with intervals and known biases.",
        keys=_HERD_KEYS,
        options=(_by(_HERD_KEYS, "one row for all"),),
        beside=(
            *("buck_events", "doe_events", "fawn_events", "bucks", "does", "fawns"),
            *(_RATIOS[0], "bucks_low", "bucks_high", _RATIOS[1], "fawns_low", "fawns_high"),
        ),
        shown=_RATIOS,
    ),
)
