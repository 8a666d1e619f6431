"""``trailcam bench``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trailcam.cli import console
from trailcam.cli.model_options import BackendOpt, BatchOpt, DeviceOpt, ImgszOpt, WeightsOpt, WorkersOpt
from trailcam.cli.options import ConfigOpt, Quiet, Verbose, app_context
from trailcam.cli.output_options import FormatOpt, OutputOpt
from trailcam.errors import ExitCode


class Size(StrEnum):
    """How large rendered photos are."""

    SMALL = "640x480"
    MP3 = "3 MP"
    MP16 = "16 MP"


RootArg = Annotated[
    Path | None,
    typer.Argument(
        metavar="[ROOT]", help="A folder of photos; without it some are rendered.", show_default=False
    ),
]
SizeOpt = Annotated[Size, typer.Option("--size", help="Of rendered photos.")]
AtMost = Annotated[int, typer.Option("--photos", min=1, help="At most so many photos of ROOT.")]


def bench(
    root: RootArg = None,
    size: SizeOpt = Size.MP3,
    at_most: AtMost = 200,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="For each stage.")] = 5.0,
    weights: WeightsOpt = None,
    device: DeviceOpt = None,
    backend: BackendOpt = None,
    batch: BatchOpt = None,
    workers: WorkersOpt = None,
    imgsz: ImgszOpt = None,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Measure how fast each stage of detect could go here, and how near the whole comes to that."""
    from trailcam.bench.measure import bench as run_bench
    from trailcam.bench.measure import photos_for
    from trailcam.cli.render import chosen_format, emit
    from trailcam.cli.signals import stoppable

    chosen = chosen_format(format_, output)
    flags: dict[str, object] = {"weights": weights, "device": device, "backend": backend, "imgsz": imgsz}
    flags |= {"batch": batch, "workers": workers}
    context = app_context(
        None, config, quiet, verbose, {f"detect.{key}": value for key, value in flags.items()}
    )

    def say(text: str) -> None:
        if not quiet:
            console.say(text)

    with (
        stoppable("Stopping after the batch in hand.") as stop,
        photos_for(root, size, at_most, say) as photos,
    ):
        report = run_bench(context.settings, photos, seconds=seconds, stop=stop, say=say)
        stopped = stop()
    if stopped:
        raise typer.Exit(ExitCode.INTERRUPTED)
    emit(report, chosen, output)
