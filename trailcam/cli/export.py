"""``trailcam export``: the database out into the formats that others read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trailcam.cli import console
from trailcam.cli.groups import Group, Sets, with_options
from trailcam.cli.options import ConfidenceOpts, CountingOpts, LibraryOpts, PerOpt, SelectionOpts
from trailcam.errors import ExitCode
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.cli.open_library import App
    from trailcam.export.summary import Summary
    from trailcam.settings.config import ProjectSettings

FileOpt = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")]
FolderOpt = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to write into.")
]
CoordinatesOpt = Annotated[
    bool,
    typer.Option("--with-coordinates", help="Keep the GPS position in the copies; it is removed otherwise."),
]

app = typer.Typer(help="Write results in the formats that other programs read.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class ProjectGroup(Group):
    """What exchange formats ask for and no photo contains."""

    title: Annotated[
        str | None, typer.Option("--title", help="The project's title."), Sets("project.title")
    ] = None
    contributors: Annotated[
        str | None,
        typer.Option(
            "--contributors",
            help="Who made it, with commas between: 'Ann Example <ann@example.org>,Bob'.",
        ),
        Sets("project.contributors"),
    ] = None
    sampling_design: Annotated[
        str | None,
        typer.Option(
            "--sampling-design",
            help="How the cameras' places were chosen: targeted, opportunistic, simpleRandom, ...",
        ),
        Sets("project.sampling_design"),
    ] = None
    capture_method: Annotated[
        str | None,
        typer.Option(
            "--capture-method",
            help="What triggers the cameras: activityDetection, timeLapse, or both with a comma.",
        ),
        Sets("project.capture_method"),
    ] = None

    def make(self, app: App) -> ProjectSettings:
        """The settings that they are merged into."""
        return app.settings.project


ProjectOpts = Annotated["ProjectSettings", ProjectGroup]


def _show(summary: Summary, app: App) -> None:
    """Say what was written. Leaves with SOME_FAILED where a photo could not be exported."""
    if not app.quiet:
        parts = [count(summary.photos, "photo"), count(summary.boxes, "box")]
        parts += [f"{summary.blanks:,} blank"] if summary.blanks else []
        parts += [f"{summary.failed:,} failed"] if summary.failed else []
        parts += [f"{summary.already_there:,} there already"] if summary.already_there else []
        console.say(f"Wrote {printable(str(summary.target))}: {', '.join(parts)}.")
        if summary.not_looked_at:
            verb = "has" if summary.not_looked_at == 1 else "have"
            console.say(
                f"{count(summary.not_looked_at, 'photo')} {verb} no result yet: run `trailcam detect`."
            )
        if summary.undated_left_out:
            console.say(
                f"{count(summary.undated_left_out, 'photo')} without a capture time left out "
                "(--include-undated includes them)."
            )
        for note in summary.notes:
            console.say(note)
    app.name_some([f"  {printable(path)}: {printable(reason)}" for path, reason in summary.problems])
    if summary.problems:
        console.say(f"{count(len(summary.problems), 'photo')} could not be exported.")
        raise typer.Exit(ExitCode.SOME_FAILED)


def export(name: str) -> Callable[[Callable[..., Summary]], Callable[..., None]]:
    """Register a function that writes a format and says what it wrote as ``trailcam export NAME``."""

    def register(function: Callable[..., Summary]) -> Callable[..., None]:
        return app.command(name)(with_options(function, then=_show))

    return register


@export("csv")
def csv(
    *,
    output: FileOpt,
    selection: SelectionOpts,
    counting: CountingOpts,
    per: PerOpt = None,
    library: LibraryOpts,
) -> Summary:
    """A row for each box, and one for each photo without; as CSV, or a workbook (.xlsx)."""
    from trailcam.export.table import export_table

    return export_table(library.database, selection, output, "csv", counting)


@export("parquet")
def parquet(
    *,
    output: FileOpt,
    selection: SelectionOpts,
    counting: CountingOpts,
    per: PerOpt = None,
    library: LibraryOpts,
) -> Summary:
    """The same table as csv, with types and smaller; as Parquet."""
    from trailcam.export.table import export_table

    return export_table(library.database, selection, output, "parquet", counting)


@export("megadetector")
def megadetector(
    *,
    output: FileOpt,
    selection: SelectionOpts,
    confidence: Annotated[
        float | None,
        typer.Option(
            "--confidence",
            min=0,
            max=1,
            help="Only boxes from this confidence on.",
            show_default="every stored box",
        ),
    ] = None,
    library: LibraryOpts,
) -> Summary:
    """MegaDetector's JSON, format 1.6: for Timelapse and other programs that read MegaDetector's results."""
    from trailcam.export.megadetector import export_megadetector

    return export_megadetector(library.database, selection, output, confidence)


@export("coco")
def coco(
    *, output: FileOpt, selection: SelectionOpts, counting: CountingOpts, library: LibraryOpts
) -> Summary:
    """COCO Camera Traps JSON, with stations as locations and scenes as sequences."""
    from trailcam.export.coco import export_coco

    return export_coco(library.database, selection, output, counting.confidence, counting.gap)


@export("camtrap-dp")
def camtrap_dp(
    *,
    output: FolderOpt,
    selection: SelectionOpts,
    counting: CountingOpts,
    per: PerOpt = None,
    project: ProjectOpts,
    library: LibraryOpts,
) -> Summary:
    """A Camtrap DP 1.0.2 package: deployments, media and observations, for ecologists' tools and archives."""
    from trailcam.export.camtrap_dp import PackageOptions, export_camtrap_dp

    options = PackageOptions(
        confidence=counting.confidence,
        gap=counting.gap,
        silent_days=counting.silent_days,
        per_visit=counting.per_visit,
        project=project,
        stations=library.settings.stations,
        timezone=library.settings.timezone,
    )
    return export_camtrap_dp(library.database, selection, output, options)


@export("crops")
def crops(
    *,
    output: FolderOpt,
    selection: SelectionOpts,
    counting: CountingOpts,
    class_: Annotated[
        list[str] | None,
        typer.Option("--class", help="This class; may be repeated.", show_default="bucks, by age class"),
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Copy the whole photo, not the cut-out.")] = False,
    margin: Annotated[
        float, typer.Option("--margin", min=0, max=5, help="Added on each side, as a share of the box.")
    ] = 0.1,
    per_event: Annotated[
        int | None, typer.Option("--per-event", min=1, help="At most this many of a class from one scene.")
    ] = None,
    balance: Annotated[
        int | None,
        typer.Option("--balance", min=1, help="At most this many of a class for each station and month."),
    ] = None,
    with_coordinates: CoordinatesOpt = False,
    library: LibraryOpts,
) -> Summary:
    """Cut-outs or photos in a folder for each class; no file is ever overwritten."""
    from trailcam.export.crops import CropOptions, export_crops

    options = CropOptions(
        confidence=counting.confidence,
        gap=counting.gap,
        classes=tuple(class_ or ()),
        whole=whole,
        margin=margin,
        per_event=per_event,
        balance=balance,
        with_coordinates=with_coordinates,
    )
    summary, distribution = export_crops(library.database, selection, output, options)
    _show_distribution(distribution)
    return summary


@export("yolo")
def yolo(
    *,
    output: FolderOpt,
    selection: SelectionOpts,
    counting: CountingOpts,
    val: Annotated[
        float, typer.Option("--val", min=0, max=1, help="Share of each station's scenes for validation.")
    ] = 0.2,
    blanks: Annotated[
        bool, typer.Option("--blanks", help="Also photos without a box that counts, as backgrounds.")
    ] = False,
    with_coordinates: CoordinatesOpt = False,
    corrected_only: Annotated[
        bool, typer.Option("--corrected-only", help="Only photos whose boxes are all corrected by a person.")
    ] = False,
    library: LibraryOpts,
) -> Summary:
    """A YOLO data set of copies, split into train and val by station and scene."""
    from trailcam.export.yolo import YoloOptions, export_yolo

    options = YoloOptions(
        confidence=counting.confidence,
        gap=counting.gap,
        val_share=val,
        blanks=blanks,
        corrected_only=corrected_only,
        with_coordinates=with_coordinates,
    )
    return export_yolo(library.database, selection, output, options)


@export("xmp")
def xmp(
    *,
    output: FolderOpt,
    selection: SelectionOpts,
    counting: ConfidenceOpts,
    full_names: Annotated[
        bool, typer.Option("--full-names", help="IMG_1.JPG.xmp (digiKam, darktable), not IMG_1.xmp.")
    ] = False,
    library: LibraryOpts,
) -> Summary:
    """A sidecar with keywords and regions for each photo, for Lightroom, Bridge and digiKam."""
    from trailcam.export.xmp import export_xmp

    return export_xmp(library.database, selection, output, counting.confidence, full_names=full_names)


def _show_distribution(rows: list[dict[str, Any]]) -> None:
    from trailcam.cli.tables import show_table
    from trailcam.reports.base import CellType, Column

    columns = (
        Column("season", "season", CellType.TEXT),
        Column("folder", "class", CellType.TEXT, wraps=True),
        Column("files", "files", CellType.COUNT),
    )
    show_table(columns, rows, (), console.out)
