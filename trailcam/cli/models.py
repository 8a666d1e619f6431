"""``trailcam models``: what --weights knows by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli.groups import with_options
from trailcam.cli.model_options import TrustOpt, vouch
from trailcam.cli.options import AppOpts, OutputOpts

if TYPE_CHECKING:
    from trailcam.detect.model.find_weights import Weights
    from trailcam.detect.model.protocol import Detector

app = typer.Typer(help="Models that --weights knows by name.", no_args_is_help=True)


@app.command("list")
@with_options
def list_(*, output: OutputOpts, app: AppOpts) -> None:
    """List the models that --weights knows by name: the starter, yours, and what `train` made."""
    from trailcam.reports.model_list import model_list

    output.write(model_list())


@app.command("add")
@with_options
def add(
    model: Annotated[Path, typer.Argument(metavar="FILE", help="A model, or the TOML file of a pair.")],
    *,
    name: Annotated[
        str | None, typer.Option("--name", help="What to call it.", show_default="the file's name")
    ] = None,
    trust_weights: TrustOpt = False,
    app: AppOpts,
) -> None:
    """Copy a model, or a pair with both of its models, to where --weights finds it by name.

    It is opened once before: one that can't be used is not copied.
    """
    from trailcam.detect.model.install import install

    def check(weights: Weights) -> None:
        if trust_weights:
            vouch(weights)
        _open(weights)

    place = install(model, name, check)
    called = place.stem.removesuffix("_openvino_model")
    app.say(f"Copied to {place}. Use it: trailcam detect --weights {called}")


@app.command("show")
@with_options
def show(
    model: Annotated[Path, typer.Argument(metavar="NAME", help="starter, an installed model, or a file.")],
    *,
    output: OutputOpts,
    app: AppOpts,
) -> None:
    """Show a model: its classes and what they mean, its size and its files."""
    from trailcam.detect.model.find_weights import find_weights
    from trailcam.reports.model_list import model_show

    weights = find_weights(model)
    output.write(model_show(weights, _open(weights), app.settings))


def _open(weights: Weights) -> Detector:
    from trailcam.detect.model.open import open_to_inspect

    return open_to_inspect(weights)
