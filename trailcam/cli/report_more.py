"""The reports beside ``report bucks``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from trailcam.cli.options import (
    ConfigOpt,
    DbOpt,
    IncludeUndated,
    Months,
    Quiet,
    SeasonOpt,
    Since,
    Stations,
    Until,
    Verbose,
)
from trailcam.cli.output_options import FormatOpt, OutputOpt
from trailcam.cli.report_options import (
    ClassesOpt,
    ConfidencesOpt,
    GapOpt,
    answer_all,
    asked,
)


class SpeciesKey(StrEnum):
    """What the rows of ``report species`` can be grouped by, besides the class."""

    MONTH = "month"
    SEASON = "season"
    STATION = "station"
    HOUR = "hour"


def species(
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    class_: ClassesOpt = None,
    kinds: Annotated[
        bool, typer.Option("--kinds", help="Count kinds (all bucks as one), not the model's classes.")
    ] = False,
    confidence: ConfidencesOpt = None,
    by: Annotated[
        list[SpeciesKey] | None,
        typer.Option("--by", help="A key of the rows; may be repeated.", show_default="station and month"),
    ] = None,
    gap: GapOpt = None,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Photos, detections, events and the most animals at once, of any class."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.reports import species as report
    from trailcam.store.events import Level

    chosen = chosen_format(format_, output)
    context, questions = asked(
        months, season, since, until, station, include_undated, confidence, gap, db, config, quiet, verbose
    )
    keys = [str(key) for key in by] if by else list(report.DEFAULT_BY)
    level = Level.KIND if kinds else Level.CLASS
    with context.database.read() as connection:
        answer = answer_all(
            questions,
            ["class", *keys],
            lambda question: report.species(connection, question, by=keys, level=level, only=class_),
        )
    emit(answer, chosen, output)


class StationKey(StrEnum):
    """What the rows of ``report stations`` can be grouped by, besides the station."""

    MONTH = "month"
    SEASON = "season"


def stations(
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    confidence: ConfidencesOpt = None,
    by: Annotated[
        list[StationKey] | None,
        typer.Option(
            "--by", help="A further key of the rows; may be repeated.", show_default="station alone"
        ),
    ] = None,
    gap: GapOpt = None,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Camera-days, silences, photos a day, events per 100 camera-days and clocks in doubt, by station."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.reports import stations as report

    chosen = chosen_format(format_, output)
    context, questions = asked(
        months, season, since, until, station, include_undated, confidence, gap, db, config, quiet, verbose
    )
    keys = [str(key) for key in by or ()]
    with context.database.read() as connection:
        answer = answer_all(
            questions,
            ["station", *keys],
            lambda question: report.stations(connection, question, by=keys),
            names=("events", "events_per_100"),
            shown=("events", "events_per_100"),
        )
    emit(answer, chosen, output)


class ActivityKey(StrEnum):
    """What the rows of ``report activity`` can be grouped by: at most one of the first three."""

    HOUR = "hour"
    SUN = "sun"
    MOON = "moon"
    MONTH = "month"
    SEASON = "season"
    STATION = "station"


def activity(
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    class_: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            help="A class of the model, a kind (buck, doe) or an age (mature); several are compared.",
            show_default="buck",
        ),
    ] = None,
    confidence: ConfidencesOpt = None,
    by: Annotated[
        list[ActivityKey] | None,
        typer.Option(
            "--by",
            help="Only by hour, by sun or by moon; besides that, a key of the rows. May be repeated.",
            show_default="hour, with sun and moon below",
        ),
    ] = None,
    gap: GapOpt = None,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Events by hour of the clock, by the sun and by the moon, and how far two classes overlap."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.reports import activity as report

    chosen = chosen_format(format_, output)
    context, questions = asked(
        months, season, since, until, station, include_undated, confidence, gap, db, config, quiet, verbose
    )
    keys = [str(key) for key in by or ()]
    classes = class_ or report.DEFAULT_CLASSES
    with context.database.read() as connection:
        answer = answer_all(
            questions,
            report.row_keys(keys),
            lambda question: report.activity(connection, question, classes=classes, by=keys),
            names=report.COUNTED,
        )
    emit(answer, chosen, output)


def register(app: typer.Typer) -> None:
    """Add the commands to ``trailcam report``."""
    app.command("species")(species)
    app.command("stations")(stations)
    app.command("activity")(activity)
