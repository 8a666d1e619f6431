"""``trailcam export``: the database out into the formats that others read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.options import (
    AppContext,
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
    app_context,
    build_selection,
)
from trailcam.errors import ExitCode
from trailcam.text import count, printable

if TYPE_CHECKING:
    from trailcam.export.summary import Summary

app = typer.Typer(help="Results into the formats that other programs read.", no_args_is_help=True)

_SHOWN = 5
FileOpt = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")]
FolderOpt = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to write into.")
]
ConfidenceOpt = Annotated[
    float | None,
    typer.Option(
        "--confidence",
        min=0,
        max=1,
        help="Only boxes from this confidence on.",
        show_default="what the weights recommend, else 0.5",
    ),
]
AllBoxesOpt = Annotated[
    float | None,
    typer.Option(
        "--confidence",
        min=0,
        max=1,
        help="Only boxes from this confidence on.",
        show_default="every stored box",
    ),
]


@app.callback()
def _exports() -> None:
    """Results into the formats that other programs read."""


@app.command("csv")
def csv(
    output: FileOpt,
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    confidence: ConfidenceOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """A row for each box, and one for each photo without; as CSV."""
    from trailcam.export.table import export_table

    context = app_context(db, config, quiet, verbose, {"report.confidence": confidence})
    settings = context.settings
    selection = build_selection(settings, months, season, since, until, station, include_undated)
    _show(export_table(context.database, selection, output, "csv", settings.report.confidence), context)


@app.command("parquet")
def parquet(
    output: FileOpt,
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    confidence: ConfidenceOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """The same table as csv, with types and smaller; as Parquet."""
    from trailcam.export.table import export_table

    context = app_context(db, config, quiet, verbose, {"report.confidence": confidence})
    settings = context.settings
    selection = build_selection(settings, months, season, since, until, station, include_undated)
    _show(export_table(context.database, selection, output, "parquet", settings.report.confidence), context)


@app.command("megadetector")
def megadetector(
    output: FileOpt,
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    confidence: AllBoxesOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """MegaDetector's JSON, format 1.6: opens in Timelapse and what else reads MegaDetector's results."""
    from trailcam.export.megadetector import export_megadetector

    context = app_context(db, config, quiet, verbose)
    selection = build_selection(context.settings, months, season, since, until, station, include_undated)
    _show(export_megadetector(context.database, selection, output, confidence), context)


def _show(summary: Summary, context: AppContext) -> None:
    """Say what was written. Leaves with SOME_FAILED where a photo could not be exported."""
    if not context.quiet:
        parts = [count(summary.photos, "photo"), count(summary.boxes, "box")]
        parts += [f"{summary.blanks:,} blank"] if summary.blanks else []
        parts += [f"{summary.failed:,} failed"] if summary.failed else []
        parts += [f"{summary.already_there:,} there already"] if summary.already_there else []
        console.say(f"Wrote {printable(str(summary.target))}: {', '.join(parts)}.")
        if summary.not_looked_at:
            verb = "has" if summary.not_looked_at == 1 else "have"
            console.say(f"{count(summary.not_looked_at, 'photo')} {verb} no result: `trailcam detect` looks.")
        if summary.undated_left_out:
            console.say(
                f"{count(summary.undated_left_out, 'photo')} without a capture time left out "
                "(--include-undated takes them)."
            )
        for note in summary.notes:
            console.say(note)
    shown = summary.problems if context.verbose else summary.problems[:_SHOWN]
    for path, reason in shown:
        console.say(f"  {printable(path)}: {printable(reason)}")
    if summary.problems:
        console.say(f"{count(len(summary.problems), 'photo')} could not be exported.")
        raise typer.Exit(ExitCode.SOME_FAILED)
