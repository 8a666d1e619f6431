"""The options that several commands share, in groups; see :mod:`trailcam.cli.groups`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli.groups import Group, Only, Sets, StartGroup
from trailcam.cli.open_library import App, Library, open_app, open_library
from trailcam.errors import UsageError
from trailcam.reports.formats import Format
from trailcam.selection import Selection
from trailcam.words.dates import parse_date, parse_until
from trailcam.words.months import parse_months
from trailcam.words.text import printable

if TYPE_CHECKING:
    from trailcam.reports.base import Report
    from trailcam.reports.common import Question
    from trailcam.settings.config import ReportSettings


# --- the settings and the library ---

DbOpt = Annotated[
    Path | None,
    typer.Option(
        "--db", help="The database file. Also TRAILCAM_DB.", show_default="in the user's data folder"
    ),
    Sets("db"),
]
ConfigOpt = Annotated[
    Path | None,
    typer.Option("--config", help="A configuration file (TOML). Also TRAILCAM_CONFIG.", show_default=False),
]
QuietOpt = Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")]
VerboseOpt = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say more, and show where an error occurred.")
]
WaitOpt = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for another trailcam to finish.")
]


@dataclass(frozen=True, slots=True)
class GeneralGroup(StartGroup):
    """What every command has."""

    config: ConfigOpt = None
    quiet: QuietOpt = False
    verbose: VerboseOpt = False

    def open(self, command: str, flags: Mapping[str, object]) -> App:
        """What the command starts from."""
        return open_app(command, self.config, self.quiet, self.verbose, flags)


@dataclass(frozen=True, slots=True)
class LibraryGroup(StartGroup):
    """What every command on a library has, with --wait if it writes."""

    wait: WaitOpt = 0
    db: DbOpt = None
    config: ConfigOpt = None
    quiet: QuietOpt = False
    verbose: VerboseOpt = False

    def open(self, command: str, flags: Mapping[str, object]) -> Library:
        """What the command starts from."""
        return open_library(open_app(command, self.config, self.quiet, self.verbose, flags), self.wait)


AppOpts = Annotated[App, GeneralGroup]
LibraryOpts = Annotated[Library, LibraryGroup, Only("db", "config", "quiet", "verbose")]
WritingOpts = Annotated[Library, LibraryGroup]


# --- which photos ---


@dataclass(frozen=True, slots=True)
class _Selectors(Group):
    """Which photos a command is about."""

    months: Annotated[
        str | None, typer.Option("--months", help="Months of the year: 9-1, 9,10,11 or sep-jan.")
    ] = None
    season: Annotated[
        str | None, typer.Option("--season", help="A season from the configuration; rut is built in.")
    ] = None
    since: Annotated[str | None, typer.Option("--since", help="From this day on: 2024-11-03, 2024-11.")] = (
        None
    )
    until: Annotated[
        str | None, typer.Option("--until", help="Up to the end of this day: 2025-01-31, 2025-01.")
    ] = None
    station: Annotated[
        list[str] | None, typer.Option("--station", help="Only this station; may be repeated.")
    ] = None
    include_undated: Annotated[
        bool, typer.Option("--include-undated", help="Also photos without a capture time.")
    ] = False

    def selection(self, app: App) -> Selection:
        """The selectors as one value. Raises UsageError."""
        if self.months is not None and self.season is not None:
            raise UsageError(
                "--months and --season exclude each other.", "A season is a range of months: give one."
            )
        months = parse_months(self.months) if self.months is not None else ()
        if self.season is not None:
            months = app.settings.season(self.season).months
        first = parse_date(self.since) if self.since is not None else None
        last = parse_until(self.until) if self.until is not None else None
        if first and last and first > last:
            raise UsageError(f"--since {self.since} is after --until {self.until}.", "Swap them.")
        return Selection(
            months=months,
            since=first,
            until=last,
            stations=tuple(self.station or ()),
            include_undated=self.include_undated,
            season=self.season,
        )


@dataclass(frozen=True, slots=True)
class SelectionGroup(_Selectors):
    """Which photos a command is about."""

    def make(self, app: App) -> Selection:
        """The selectors as one value. Raises UsageError."""
        return self.selection(app)


SelectionOpts = Annotated[Selection, SelectionGroup]


# --- what counts ---

_RECOMMENDED = "what the weights recommend, else 0.5"
GapOpt = Annotated[
    str | None,
    typer.Option("--gap", help="A longer pause begins a new visit or scene: 30m, 1h.", show_default="30m"),
    Sets("report.gap"),
]


class Per(StrEnum):
    """What decides on the class of an animal."""

    VISIT = "visit"
    PHOTO = "photo"


PerOpt = Annotated[
    Per | None,
    typer.Option(
        "--per",
        help="A deer's class: by all photos of its visit, or by each photo alone.",
        show_default=Per.VISIT.value,
    ),
    Sets("report.per"),
]


@dataclass(frozen=True, slots=True)
class CountingGroup(Group):
    """Which boxes count, and what a visit is."""

    confidence: Annotated[
        float | None,
        typer.Option(
            "--confidence",
            min=0,
            max=1,
            help="Only boxes from this confidence on.",
            show_default=_RECOMMENDED,
        ),
        Sets("report.confidence"),
    ] = None
    gap: GapOpt = None

    def make(self, app: App) -> ReportSettings:
        """The settings that they are merged into."""
        return app.settings.report


CountingOpts = Annotated["ReportSettings", CountingGroup]
ConfidenceOpts = Annotated["ReportSettings", CountingGroup, Only("confidence")]


@dataclass(frozen=True, slots=True)
class QuestionsGroup(_Selectors):
    """What a report is asked with, at one confidence or several."""

    confidence: Annotated[
        str | None,
        typer.Option(
            "--confidence",
            help="Count boxes from this confidence on, 0 to 1; 0.3,0.5,0.7 shows them side by side.",
            show_default=_RECOMMENDED,
        ),
    ] = None
    gap: GapOpt = None
    per: PerOpt = None

    def make(self, app: App) -> list[Question]:
        """One question for each confidence. Raises UsageError."""
        return _questions(app, self.selection(app), self.confidence)


@dataclass(frozen=True, slots=True)
class QuestionGroup(_Selectors):
    """What a report is asked with that takes one confidence."""

    confidence: Annotated[
        str | None,
        typer.Option(
            "--confidence", help="Count boxes from this confidence on, 0 to 1.", show_default=_RECOMMENDED
        ),
    ] = None
    gap: GapOpt = None
    per: PerOpt = None

    def make(self, app: App) -> Question:
        """The question. Raises UsageError, also for several confidences."""
        questions = _questions(app, self.selection(app), self.confidence)
        if len(questions) > 1:
            raise UsageError("This report takes one confidence.", "Ask once for each.")
        return questions[0]


QuestionsOpts = Annotated["list[Question]", QuestionsGroup]
QuestionOpts = Annotated["Question", QuestionGroup]


def _questions(app: App, selection: Selection, confidence: str | None) -> list[Question]:
    from trailcam.reports.common import Question

    settings = app.settings
    configured = [settings.report.confidence]
    return [
        Question(
            selection=selection,
            confidence=value,
            gap=settings.report.gap,
            first_month=settings.first_month(selection.season),
            silent_days=settings.report.silent_days,
            timezone=settings.timezone,
            per_visit=settings.report.per_visit,
            place=settings.place.known,
        )
        for value in _confidences(confidence) or configured
    ]


def _confidences(text: str | None) -> list[float]:
    """``"0.3,0.5"`` -> ``[0.3, 0.5]``; nothing for None. Raises UsageError."""
    found = []
    for part in text.split(",") if text is not None else ():
        try:
            value = float(part)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            raise UsageError(
                f'"{printable(part.strip())}" is not a confidence.',
                "Give a number from 0 to 1, or several: --confidence 0.3,0.5,0.7",
            )
        found.append(value)
    return list(dict.fromkeys(found))


# --- where the answer goes ---


@dataclass(frozen=True, slots=True)
class Output:
    """Where an answer goes (None or "-": stdout), in which format, and how it names commands."""

    format: Format
    file: str | None
    advice: Callable[[str], str]

    @property
    def one_table(self) -> bool:
        """Whether the format holds one table alone."""
        return self.format in (Format.CSV, Format.PARQUET)

    def write(self, report: Report) -> None:
        """Write the answer. Raises OutputError."""
        from trailcam.cli.render import emit

        emit(report, self.format, self.file, self.advice)


@dataclass(frozen=True, slots=True)
class OutputGroup(Group):
    """In which format, and where to."""

    format_: Annotated[
        Format | None,
        typer.Option("--format", help="How to write it.", show_default="table, or what FILE's ending says"),
    ] = None
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write to this file; - is stdout.", show_default=False
        ),
    ] = None

    def make(self, app: App) -> Output:
        """The output. Raises UsageError for Parquet without a file."""
        from trailcam.cli.render import chosen_format

        return Output(chosen_format(self.format_, self.output), self.output, app.advice)


OutputOpts = Annotated[Output, OutputGroup]


# --- the answers that a page saved ---


@dataclass(frozen=True, slots=True)
class Answered:
    """A page's file of answers. ``overwrite``: they replace those that others gave since."""

    file: Path
    author: str | None
    overwrite: bool

    def who(self, written: str) -> str:
        """Whose answers they are: as asked, else who is ``written`` in the file, else the user."""
        from trailcam.machine import user_name

        return self.author or written.strip() or user_name()


@dataclass(frozen=True, slots=True)
class AnsweredGroup(Group):
    """The file that a page saved, and whose it is."""

    file: Annotated[Path, typer.Argument(metavar="FILE", help="What the page saved.", show_default=False)]
    author: Annotated[
        str | None,
        typer.Option("--author", help="Whose answers these are.", show_default="the name given on the page"),
    ] = None
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Let these answers replace those that others gave since.")
    ] = False

    def make(self, app: App) -> Answered:
        """The file and the options as one."""
        return Answered(self.file, self.author, self.overwrite)


AnsweredOpts = Annotated[Answered, AnsweredGroup]


# --- single options that several commands have ---

AuthorOpt = Annotated[
    str | None, typer.Option("--author", help="Who says so.", show_default="the user's name")
]

PhotoArg = Annotated[
    str, typer.Argument(metavar="PHOTO", help="A photo: its path, or its number in the library.")
]
CacheOpt = Annotated[
    bool, typer.Option("--cache/--no-cache", help="Keep the small pictures for the next page.")
]
DryRunOpt = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")]
