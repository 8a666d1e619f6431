"""``trailcam import``: results and labels of other programs into the database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import Group, Only, with_options
from trailcam.cli.options import WritingOpts
from trailcam.errors import ExitCode
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailcam.cli.open_library import App, Library
    from trailcam.imports.labels import Labelled, LabelOptions
    from trailcam.imports.megadetector import Imported
    from trailcam.store.match import Problem

app = typer.Typer(help="Take in results and labels of other programs.", no_args_is_help=True)
BaseOpt = Annotated[
    Path | None,
    typer.Option(
        "--base",
        metavar="FOLDER",
        help="The folder that the file's paths are relative to: a scanned one, or one in it.",
        show_default="found by the paths",
    ),
]
DryRunOpt = Annotated[bool, typer.Option("--dry-run", help="Say what would come in; change nothing.")]


@dataclass(frozen=True, slots=True)
class LabelGroup(Group):
    """How labels are taken in."""

    base: BaseOpt = None
    author: Annotated[
        str | None, typer.Option("--author", help="Whose labels these are.", show_default="the user's name")
    ] = None
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Let these labels replace corrections made here.")
    ] = False
    dry_run: DryRunOpt = False
    accept_scores: Annotated[
        bool,
        typer.Option(
            "--accept-scores",
            help="Take labels that carry scores, as a model's do, for corrections: you checked them.",
        ),
    ] = False

    def make(self, app: App) -> LabelOptions:
        """What the imports take."""
        from trailcam.imports.labels import LabelOptions

        return LabelOptions(
            app.settings.classes, self.author, self.base, self.overwrite, self.dry_run, self.accept_scores
        )


@dataclass(frozen=True, slots=True)
class PackageGroup(LabelGroup):
    """The same where the file may name the author."""

    author: Annotated[
        str | None,
        typer.Option("--author", help="Whose labels these are.", show_default="whom the package names"),
    ] = None


LabelOpts = Annotated["LabelOptions", LabelGroup]
PackageOpts = Annotated["LabelOptions", PackageGroup, Only("base", "author", "overwrite", "dry_run")]


@app.command("megadetector")
@with_options
def megadetector(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Batch output, format 1.x, or SpeciesNet's predictions.")
    ],
    *,
    base: BaseOpt = None,
    least: Annotated[
        float,
        typer.Option(
            "--least-classification",
            min=0,
            max=1,
            help="Less probable classifications count together, by the group of animals that holds them.",
        ),
    ] = 0.0,
    dry_run: DryRunOpt = False,
    library: WritingOpts,
) -> None:
    """MegaDetector's JSON of any program, as a run beside trailcam's own; paths tell the photos."""
    from trailcam.imports.box_classes import ClassChoice
    from trailcam.imports.megadetector import import_megadetector

    with library.locked() as database:
        done = import_megadetector(
            database,
            file,
            rules=library.settings.classes,
            base=base,
            choice=ClassChoice(least, library.settings.species.listed),
            dry_run=dry_run,
        )
    _show_run(done, dry_run=dry_run)
    for note in done.notes:
        library.say(note)
    _show_problems(done.problems, done.entries, done.of, library)


@app.command("coco")
@with_options
def coco(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Labels as COCO Camera Traps JSON.")],
    *,
    labels: LabelOpts,
    library: WritingOpts,
) -> None:
    """Labels of COCO Camera Traps as corrections of each labelled photo."""
    from trailcam.imports.coco import import_coco

    with library.locked() as database:
        done = import_coco(database, file, labels)
    _show_labels(done, "images", library, dry_run=labels.dry_run)


@app.command("yolo")
@with_options
def yolo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A data set: data.yaml and labels.")],
    *,
    labels: LabelOpts,
    library: WritingOpts,
) -> None:
    """Labels of a YOLO data set as corrections of each photo that has a label file."""
    from trailcam.imports.yolo import import_yolo

    with library.locked() as database:
        done = import_yolo(database, folder, labels)
    _show_labels(done, "labels", library, dry_run=labels.dry_run)


@app.command("camtrap-dp")
@with_options
def camtrap_dp(
    package: Annotated[Path, typer.Argument(metavar="PACKAGE", help="The package: a folder or a ZIP file.")],
    *,
    labels: PackageOpts,
    library: WritingOpts,
) -> None:
    """People's observations of a Camtrap DP package as corrections; what machines observed is left."""
    from trailcam.imports.camtrap_dp import import_camtrap_dp

    with library.locked() as database:
        done = import_camtrap_dp(database, package, labels)
    _show_labels(done, "media", library, dry_run=labels.dry_run)


@app.command("names")
@with_options
def names(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="PATH",
            help="CSV, Parquet, MegaDetector's JSON, COCO, a Camtrap DP package or XMP sidecars.",
        ),
    ],
    *,
    base: BaseOpt = None,
    author: Annotated[
        str | None, typer.Option("--author", help="Who named them.", show_default="the user's name")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Let these names replace those given here.")
    ] = False,
    dry_run: DryRunOpt = False,
    library: WritingOpts,
) -> None:
    """Names of bucks out of any file that trailcam exports, and nothing else of it."""
    from trailcam.imports.buck_names import import_names
    from trailcam.machine import user_name

    with library.locked() as database:
        done = import_names(
            database, source, author=author or user_name(), base=base, overwrite=overwrite, dry_run=dry_run
        )
    begin = _begin(done.import_id, dry_run=dry_run, does="name", did="named")
    parts = [f"{begin} {count(done.recorded, 'animal')}"]
    parts += [f"{done.known:,} known before"] if done.known else []
    parts += [f"{done.agreed:,} had this name already"] if done.agreed else []
    console.out.print("; ".join(parts) + _end(dry_run=dry_run), markup=False, soft_wrap=True)
    if done.note:
        library.say(done.note)
    _show_problems(done.problems, done.entries, "names", library)


@app.command("undo")
@with_options
def undo(
    number: Annotated[
        int | None,
        typer.Argument(metavar="IMPORT", help="The number that it showed.", show_default="the last one"),
    ] = None,
    *,
    library: WritingOpts,
) -> None:
    """Undo an import as a whole: its run is deleted, or its corrections count no more."""
    from trailcam.machine import user_name
    from trailcam.store.import_batches import undo_import

    with library.locked() as database:
        gone = undo_import(database, number, user_name())
    what = f"Import {gone.import_id} ({printable(gone.file)}) is undone"
    if gone.run_id is None:
        line = f"{what}: its corrections of {count(gone.photos, 'photo')} count no more."
    else:
        line = (
            f"{what}: run {gone.run_id} is deleted, with its results of {count(gone.photos, 'photo')};"
            f" {gone.left:,} of them have no other."
        )
    console.out.print(line, markup=False, soft_wrap=True)


def _show_labels(done: Labelled, of: str, library: Library, *, dry_run: bool) -> None:
    who = ", ".join(printable(author) for author in done.authors)
    begin = _begin(done.import_id, dry_run=dry_run, does="record", did="recorded")
    parts = [f"{begin} the labels of {count(done.recorded, 'photo')}" + (f" by {who}" if who else "")]
    parts += [f"{done.known:,} known before"] if done.known else []
    parts += [f"{done.agreed:,} already had this answer"] if done.agreed else []
    parts += [f"{done.unlabelled:,} not labelled"] if done.unlabelled else []
    console.out.print("; ".join(parts) + _end(dry_run=dry_run), markup=False, soft_wrap=True)
    for note in done.notes:
        library.say(note)
    _show_problems(done.problems, done.entries, of, library)


def _show_run(done: Imported, *, dry_run: bool) -> None:
    if not done.new_run and not done.fresh:
        line = f"Imported before as run {done.run_id}: nothing was changed."
    else:
        begin = _begin(done.import_id, dry_run=dry_run, does="make", did="made")
        parts = [f"{begin} run {done.run_id} of {count(done.fresh, 'photo')}", count(done.boxes, "box")]
        parts += [f"{done.failed:,} failed"] if done.failed else []
        parts += [f"{done.known:,} known before"] if done.known else []
        line = f"{', '.join(parts)}; current for {count(done.current, 'photo')}{_end(dry_run=dry_run)}"
    console.out.print(line, markup=False, soft_wrap=True)


def _begin(import_id: int, *, dry_run: bool, does: str, did: str) -> str:
    """How a sentence on an import begins; its number is what `import undo` takes."""
    if dry_run:
        return f"Would {does}"
    return f"Import {import_id} {did}" if import_id else did.capitalize()


def _end(*, dry_run: bool) -> str:
    return ". Nothing was changed." if dry_run else "."


def _show_problems(problems: Sequence[Problem], entries: int, of: str, library: Library) -> None:
    """Name what was left out; leaves with SOME_FAILED where there is any."""
    if not problems:
        return
    console.say(f"Left out {len(problems):,} of {count(entries, 'entry', 'entries')}:")
    library.name_some(
        [
            f"  {p.place or f'{of}[{p.n}]'}{f' {printable(p.path)}' if p.path else ''}: {printable(p.why)}"
            for p in problems
        ]
    )
    raise typer.Exit(ExitCode.SOME_FAILED)
