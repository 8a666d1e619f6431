"""``trailcam export``: the database out into the formats that others read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
GapOpt = Annotated[
    str | None, typer.Option("--gap", help="A longer pause begins a new visit: 30m, 1h.", show_default="30m")
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


@app.command("coco")
def coco(
    output: FileOpt,
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    confidence: ConfidenceOpt = None,
    gap: GapOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """COCO Camera Traps JSON, with stations as locations and visits as sequences."""
    from trailcam.export.coco import export_coco

    context = app_context(db, config, quiet, verbose, {"report.confidence": confidence, "report.gap": gap})
    settings = context.settings
    selection = build_selection(settings, months, season, since, until, station, include_undated)
    chosen = settings.report
    _show(export_coco(context.database, selection, output, chosen.confidence, chosen.gap), context)


@app.command("crops")
def crops(
    output: FolderOpt,
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    confidence: ConfidenceOpt = None,
    class_: Annotated[
        list[str] | None,
        typer.Option("--class", help="This class; may be repeated.", show_default="bucks, by age class"),
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Copy the whole photo, not the cut-out.")] = False,
    margin: Annotated[
        float, typer.Option("--margin", min=0, max=5, help="Added on each side, as a share of the box.")
    ] = 0.1,
    per_event: Annotated[
        int | None, typer.Option("--per-event", min=1, help="At most so many of a class from one visit.")
    ] = None,
    balance: Annotated[
        int | None,
        typer.Option("--balance", min=1, help="At most so many of a class for each station and month."),
    ] = None,
    gap: GapOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Cut-outs or photos in a folder for each class; what is there is never overwritten."""
    from trailcam.export.crops import CropOptions, export_crops

    context = app_context(db, config, quiet, verbose, {"report.confidence": confidence, "report.gap": gap})
    settings = context.settings
    selection = build_selection(settings, months, season, since, until, station, include_undated)
    options = CropOptions(
        confidence=settings.report.confidence,
        gap=settings.report.gap,
        classes=tuple(class_ or ()),
        whole=whole,
        margin=margin,
        per_event=per_event,
        balance=balance,
    )
    summary, distribution = export_crops(context.database, selection, output, options)
    _show_distribution(distribution)
    _show(summary, context)


@app.command("yolo")
def yolo(
    output: FolderOpt,
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    confidence: ConfidenceOpt = None,
    val: Annotated[
        float, typer.Option("--val", min=0, max=1, help="Share of each station's visits that validate.")
    ] = 0.2,
    blanks: Annotated[
        bool, typer.Option("--blanks", help="Also photos with no box that counts, as backgrounds.")
    ] = False,
    gap: GapOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """A YOLO data set of copies, split into train and val by station and visit."""
    from trailcam.export.yolo import export_yolo

    context = app_context(db, config, quiet, verbose, {"report.confidence": confidence, "report.gap": gap})
    settings = context.settings
    selection = build_selection(settings, months, season, since, until, station, include_undated)
    summary = export_yolo(
        context.database,
        selection,
        output,
        confidence=settings.report.confidence,
        gap=settings.report.gap,
        val_share=val,
        blanks=blanks,
    )
    _show(summary, context)


def _show_distribution(rows: list[dict[str, Any]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    if not rows:
        return
    table = Table("season", "class", "files", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    for row in rows:
        table.add_row(escape(printable(row["season"])), escape(printable(row["folder"])), f"{row['files']:,}")
    console.out.print(table)


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
