"""``trailcam tune``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.bench import AtMost, RootArg, Size, SizeOpt
from trailcam.cli.groups import Only, with_options
from trailcam.cli.model_options import ModelGroup
from trailcam.cli.options import AppOpts, OutputOpts
from trailcam.errors import ExitCode, PipelineError

if TYPE_CHECKING:
    from trailcam.bench.ceilings import Run
    from trailcam.bench.machine import Machine
    from trailcam.cli.open_library import App
    from trailcam.settings.config import DetectSettings

_ModelOpts = Annotated["DetectSettings", ModelGroup, Only("weights", "device", "backend", "imgsz")]


@with_options
def tune(
    root: RootArg = None,
    *,
    size: SizeOpt = Size.MP3,
    at_most: AtMost = 200,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="Seconds for each setting.")] = 5.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the table, and leave the configuration as it is.")
    ] = False,
    model: _ModelOpts,
    output: OutputOpts,
    app: AppOpts,
) -> None:
    """Find the fastest batch size and workers, and keep them. They are written to the configuration."""
    from trailcam.bench import ceilings
    from trailcam.bench import try_settings as tuning
    from trailcam.bench.machine import open_machine
    from trailcam.bench.measure import photos_for
    from trailcam.cli.signals import stoppable

    with (
        stoppable("Stopping after the current batch.") as stop,
        photos_for(root, size, at_most, app.say) as photos,
    ):
        machine = open_machine(app.settings)

        def run(machine: Machine, n: int) -> Run:
            return ceilings.pipeline(machine, photos, n, stop=stop, watch=True)

        tried = tuning.tune(machine, seconds=seconds, run=run, stop=stop, say=app.say)
        if stop():
            console.say("Stopped; the configuration is as it was.")
            raise typer.Exit(ExitCode.INTERRUPTED)
        if not tried:
            raise PipelineError("None of these photos could be read.", "Try another folder.")
        best = tuning.winner(tried)
        facts = {"photos": photos.what, "device": str(machine.device), "weights": machine.weights}
        output.write(tuning.tune_report(tried, best, photos, facts))
    _keep(app, best.setting, dry_run)


def _keep(app: App, setting: tuple[int, int], dry_run: bool) -> None:
    """Write the winner where the settings came from, else where they are looked for."""
    from trailcam.settings.config import default_config
    from trailcam.settings.config_file import set_keys
    from trailcam.words.text import printable

    path = app.settings.source or default_config()
    batch, workers = setting
    if not dry_run:
        set_keys(path, {"detect.batch": batch, "detect.workers": workers})
    verb = "Would write" if dry_run else "Wrote"
    app.say(f"{verb} batch {batch} and workers {workers} to {printable(str(path))}.")
