"""``trailcam bench``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trailcam.cli.groups import with_options
from trailcam.cli.model_options import ModelOpts
from trailcam.cli.options import AppOpts, OutputOpts
from trailcam.errors import ExitCode


class Size(StrEnum):
    """How large rendered photos are."""

    SMALL = "640x480"
    MP3 = "3 MP"
    MP16 = "16 MP"


RootArg = Annotated[
    Path | None,
    typer.Argument(
        metavar="ROOT", help="A folder of photos; without one, photos are rendered.", show_default=False
    ),
]
SizeOpt = Annotated[Size, typer.Option("--size", help="Size of rendered photos.")]
AtMost = Annotated[int, typer.Option("--photos", min=1, help="At most this many photos of ROOT.")]


@with_options
def bench(
    root: RootArg = None,
    *,
    size: SizeOpt = Size.MP3,
    at_most: AtMost = 200,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="Seconds for each stage.")] = 5.0,
    model: ModelOpts,
    output: OutputOpts,
    app: AppOpts,
) -> None:
    """Measure how fast each stage of detect can go here. Also how near the whole comes to that."""
    from trailcam.bench.measure import bench as run_bench
    from trailcam.bench.measure import photos_for
    from trailcam.cli.signals import stoppable

    with (
        stoppable("Stopping after the current batch.") as stop,
        photos_for(root, size, at_most, app.say) as photos,
    ):
        report = run_bench(app.settings, photos, seconds=seconds, stop=stop, say=app.say)
        stopped = stop()
    if stopped:
        raise typer.Exit(ExitCode.INTERRUPTED)
    output.write(report)
