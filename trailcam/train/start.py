"""The model that a training starts from: every layer of an older one, and its nearest class for each new one.

Imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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


def write_start(weights: Weights, names: Sequence[str], target: Path) -> None:
    """Write a checkpoint that ultralytics trains from, for the classes ``names``, to ``target``.

    ``weights``: a two-stage file (its first stage is taken) or a YOLO detection model that ultralytics made.
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
        yaml, old_names = container.one.yaml, container.one.names
        state: Mapping[str, Tensor] = {k: v.float() for k, v in container.one.state.items()}
    else:
        if weights.path.suffix.lower() != ".pt":
            raise WeightsError(
                f"{printable(weights.path.name)} is an exported model and can't be trained.",
                "Start from the .pt file that it was exported from.",
            )
        old = load_yolo(weights)
        yaml, state = old.yaml, old.float().state_dict()
        old_names = tuple(str(old.names[i]) for i in range(len(old.names)))
    model = build_detection_model(yaml, names)
    model.load_state_dict(_fitted(state, model.state_dict(), old_names, names))
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
