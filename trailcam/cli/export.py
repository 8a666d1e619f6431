"""``trailcam export``: the database out into the formats that others read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trailcam.cli import console
from trailcam.cli.export_options import PROJECT, AllBoxesOpt, FolderOpt, Request, export_command
from trailcam.words.text import printable

if TYPE_CHECKING:
    from trailcam.export.summary import Summary

CoordinatesOpt = Annotated[
    bool,
    typer.Option("--with-coordinates", help="Leave the GPS position in the copies; else it is taken out."),
]

app = typer.Typer(help="Results into the formats that other programs read.", no_args_is_help=True)


@app.callback()
def _exports() -> None:
    """Results into the formats that other programs read."""


@export_command(app, "csv")
def csv(request: Request) -> Summary:
    """A row for each box, and one for each photo without; as CSV."""
    from trailcam.export.table import export_table

    return export_table(request.database, request.selection, request.output, "csv", request.confidence)


@export_command(app, "parquet")
def parquet(request: Request) -> Summary:
    """The same table as csv, with types and smaller; as Parquet."""
    from trailcam.export.table import export_table

    return export_table(request.database, request.selection, request.output, "parquet", request.confidence)


@export_command(app, "megadetector", confidence=AllBoxesOpt)
def megadetector(request: Request) -> Summary:
    """MegaDetector's JSON, format 1.6: opens in Timelapse and what else reads MegaDetector's results."""
    from trailcam.export.megadetector import export_megadetector

    return export_megadetector(request.database, request.selection, request.output, request.confidence)


@export_command(app, "coco", gap=True)
def coco(request: Request) -> Summary:
    """COCO Camera Traps JSON, with stations as locations and visits as sequences."""
    from trailcam.export.coco import export_coco

    return export_coco(request.database, request.selection, request.output, request.confidence, request.gap)


@export_command(app, "camtrap-dp", output=FolderOpt, gap=True, settings=PROJECT)
def camtrap_dp(request: Request) -> Summary:
    """A Camtrap DP 1.0.2 package: deployments, media and observations, for ecologists' tools and archives."""
    from trailcam.export.camtrap_dp import PackageOptions, export_camtrap_dp

    settings = request.context.settings
    options = PackageOptions(
        confidence=request.confidence,
        gap=request.gap,
        silent_days=settings.report.silent_days,
        project=settings.project,
        stations=settings.stations,
        timezone=settings.timezone,
    )
    return export_camtrap_dp(request.database, request.selection, request.output, options)


@export_command(app, "crops", output=FolderOpt, gap=True)
def crops(
    request: Request,
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
    with_coordinates: CoordinatesOpt = False,
) -> Summary:
    """Cut-outs or photos in a folder for each class; what is there is never overwritten."""
    from trailcam.export.crops import CropOptions, export_crops

    options = CropOptions(
        confidence=request.confidence,
        gap=request.gap,
        classes=tuple(class_ or ()),
        whole=whole,
        margin=margin,
        per_event=per_event,
        balance=balance,
        with_coordinates=with_coordinates,
    )
    summary, distribution = export_crops(request.database, request.selection, request.output, options)
    _show_distribution(distribution)
    return summary


@export_command(app, "yolo", output=FolderOpt, gap=True)
def yolo(
    request: Request,
    val: Annotated[
        float, typer.Option("--val", min=0, max=1, help="Share of each station's visits that validate.")
    ] = 0.2,
    blanks: Annotated[
        bool, typer.Option("--blanks", help="Also photos with no box that counts, as backgrounds.")
    ] = False,
    with_coordinates: CoordinatesOpt = False,
    corrected_only: Annotated[
        bool, typer.Option("--corrected-only", help="Only photos whose every box is a person's word.")
    ] = False,
) -> Summary:
    """A YOLO data set of copies, split into train and val by station and visit."""
    from trailcam.export.yolo import export_yolo

    return export_yolo(
        request.database,
        request.selection,
        request.output,
        confidence=request.confidence,
        gap=request.gap,
        val_share=val,
        blanks=blanks,
        corrected_only=corrected_only,
        with_coordinates=with_coordinates,
    )


@export_command(app, "xmp", output=FolderOpt)
def xmp(
    request: Request,
    full_names: Annotated[
        bool, typer.Option("--full-names", help="IMG_1.JPG.xmp (digiKam, darktable), not IMG_1.xmp.")
    ] = False,
) -> Summary:
    """A sidecar with keywords and regions for each photo, for Lightroom, Bridge and digiKam."""
    from trailcam.export.xmp import export_xmp

    return export_xmp(
        request.database, request.selection, request.output, request.confidence, full_names=full_names
    )


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
