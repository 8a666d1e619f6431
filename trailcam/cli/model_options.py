"""Options of the commands that run a model, and what a run shows while it lasts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trailcam.detect.model.find_weights import Weights

HOW = "How"

WeightsOpt = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help="A YOLO detection model, or two stages in one file.",
        show_default="the starter model",
        rich_help_panel=HOW,
    ),
]
TrustOpt = Annotated[
    bool,
    typer.Option(
        "--trust-weights",
        help="Load a .pt file that holds more than a YOLO model, which may run any code; remembered.",
        rich_help_panel=HOW,
    ),
]
DeviceOpt = Annotated[
    str | None,
    typer.Option("--device", help="auto, cpu, cuda:0 or mps.", show_default="auto", rich_help_panel=HOW),
]
BatchOpt = Annotated[
    str | None,
    typer.Option(
        "--batch", help="Photos at once: auto or a number.", show_default="auto", rich_help_panel=HOW
    ),
]
WorkersOpt = Annotated[
    str | None,
    typer.Option(
        "--workers",
        help="Processes that decode: auto or a number; 0 for threads.",
        show_default="auto",
        rich_help_panel=HOW,
    ),
]
BackendOpt = Annotated[
    str | None,
    typer.Option(
        "--backend",
        help="What computes on a processor: auto, torch or openvino.",
        show_default="auto",
        rich_help_panel=HOW,
    ),
]
ImgszOpt = Annotated[
    int | None,
    typer.Option(
        "--imgsz",
        help="Longer side in px that the model sees.",
        show_default="what the weights say, else 640",
        rich_help_panel=HOW,
    ),
]


def vouch(weights: Weights) -> None:
    """Remember that the user trusts these weights, and say what that means."""
    from trailcam.cli import console
    from trailcam.detect.model.trust import is_trusted, trust, trust_file
    from trailcam.words.text import printable

    if is_trusted(weights.sha256):
        return
    trust(weights.path.name, weights.sha256)
    console.say(
        f"{printable(weights.path.name)} is trusted from now on: it may run any code when it is loaded "
        f"(kept in {printable(str(trust_file()))}; any change of the file ends it)."
    )
