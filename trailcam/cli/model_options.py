"""Options of the commands that run a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli.groups import Group, Sets

if TYPE_CHECKING:
    from trailcam.cli.open_library import App
    from trailcam.detect.model.find_weights import Weights
    from trailcam.settings.config import DetectSettings


@dataclass(frozen=True, slots=True)
class ModelGroup(Group):
    """Which model looks, and how."""

    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights",
            help="A detection model, a pair's TOML file, or the name of an installed one.",
            show_default="the starter model",
        ),
        Sets("detect.weights"),
    ] = None
    classifier: Annotated[
        Path | None,
        typer.Option(
            "--classifier",
            help="A classifier that names the animals which the model finds.",
            show_default="none",
        ),
        Sets("detect.classifier"),
    ] = None
    device: Annotated[
        str | None,
        typer.Option("--device", help="auto, cpu, cuda:0 or mps.", show_default="auto"),
        Sets("detect.device"),
    ] = None
    backend: Annotated[
        str | None,
        typer.Option(
            "--backend", help="What computes on a processor: auto, torch or openvino.", show_default="auto"
        ),
        Sets("detect.backend"),
    ] = None
    batch: Annotated[
        str | None,
        typer.Option("--batch", help="Photos at once: auto or a number.", show_default="auto"),
        Sets("detect.batch"),
    ] = None
    workers: Annotated[
        str | None,
        typer.Option(
            "--workers", help="Processes that decode: auto or a number; 0 for threads.", show_default="auto"
        ),
        Sets("detect.workers"),
    ] = None
    imgsz: Annotated[
        int | None,
        typer.Option(
            "--imgsz",
            help="Longer side in px that the model sees.",
            show_default="what the weights say, else 640",
        ),
        Sets("detect.imgsz"),
    ] = None

    def make(self, app: App) -> DetectSettings:
        """The settings that they are merged into."""
        return app.settings.detect


ModelOpts = Annotated["DetectSettings", ModelGroup]
TrustOpt = Annotated[
    bool,
    typer.Option(
        "--trust-weights",
        help="Load a .pt file that holds more than a YOLO model, which may run any code; remembered.",
    ),
]


def vouch(weights: Weights) -> None:
    """Remember that the user trusts these weights, and say what that means."""
    from trailcam.cli import console
    from trailcam.detect.model.trust import is_trusted, trust, trust_file
    from trailcam.words.text import printable

    for part in weights.files:
        if is_trusted(part.sha256):
            continue
        trust(part.path.name, part.sha256)
        console.say(
            f"{printable(part.path.name)} is trusted from now on: it may run any code when it is loaded "
            f"(kept in {printable(str(trust_file()))}; if the file changes, it must be trusted again)."
        )
