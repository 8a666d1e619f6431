"""The model that a training starts from: every layer of an older one, and its nearest class for each new one.

Imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trailcam.detect.model.two_stage_file import DEER, ULTRALYTICS, read_container
from trailcam.detect.model.yolo import build_detection_model, load_yolo
from trailcam.errors import WeightsError
from trailcam.evaluate.meaning import DEER_KINDS, label_meanings
from trailcam.settings.classmap import fold
from trailcam.words.text import printable

if TYPE_CHECKING:
    from trailcam.detect.model.find_weights import Weights

# The last layer of the head's class branch in ultralytics' Detect: one row for each class.
_CLASS_ROWS = re.compile(r"\.cv3\.\d+\.2\.(weight|bias)$")


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A network to start from: ultralytics' description of it, its layers' tensors and its classes."""

    yaml: Mapping[str, Any]
    state: Mapping[str, Tensor]
    names: tuple[str, ...]


def read_start(weights: Weights) -> Start:
    """The network of a two-stage file's first stage, or of a YOLO detection model that ultralytics made.

    Raises WeightsError for a model without layers that can be trained, such as an exported one.
    """
    if weights.pair is not None:
        raise WeightsError(
            "A pair can't be trained: it is two models.", "Start from its detector: --from FILE."
        )
    container = read_container(weights.path)
    if container is not None:
        if container.one.arch != ULTRALYTICS:
            raise WeightsError(
                f"The first stage of {printable(weights.path.name)} is a {printable(container.one.arch)}: "
                "trailcam can run it but not train it.",
                "Start from a YOLO model: trailcam train DATA.yaml --from yolo11n.pt",
            )
        state = {key: tensor.float() for key, tensor in container.one.state.items()}
        return Start(container.one.yaml, state, container.one.names)
    if weights.path.suffix.lower() != ".pt":
        raise WeightsError(
            f"{printable(weights.path.name)} is an exported model and can't be trained.",
            "Start from the .pt file that it was exported from.",
        )
    model = load_yolo(weights)
    names = tuple(str(model.names[i]) for i in range(len(model.names)))
    return Start(model.yaml, model.float().state_dict(), names)


def write_start(start: Start, names: Sequence[str], target: Path) -> None:
    """Write a checkpoint that ultralytics trains from, for the classes ``names``, to ``target``."""
    model = build_detection_model(start.yaml, names)
    model.load_state_dict(_fitted(start.state, model.state_dict(), start.names, names))
    torch.save({"model": model, "train_args": {}, "epoch": -1}, target)


def _fitted(
    old: Mapping[str, Tensor], new: Mapping[str, Tensor], old_names: Sequence[str], names: Sequence[str]
) -> dict[str, Tensor]:
    """Old tensors where they fit; of the last layer of the head the row of the nearest old class."""
    nearest = [_nearest(name, old_names) for name in names]
    fitted: dict[str, Any] = {}
    for key, fresh in new.items():
        known = old.get(key)
        if known is not None and _CLASS_ROWS.search(key) and known.shape[1:] == fresh.shape[1:]:
            fitted[key] = torch.stack(
                [fresh[n] if row is None else known[row] for n, row in enumerate(nearest)]
            )
        else:
            fitted[key] = known if known is not None and known.shape == fresh.shape else fresh
    return fitted


def _nearest(name: str, old_names: Sequence[str]) -> int | None:
    """The old class of the same name, else that of any deer for a deer, else none."""
    folded = [fold(old) for old in old_names]
    if fold(name) in folded:
        return folded.index(fold(name))
    (meaning,) = label_meanings({0: name}).values()
    if meaning.kind in DEER_KINDS and DEER in folded:
        return folded.index(DEER)
    return None
