"""What a model's network sees in a crop, as a vector: for putting look-alikes side by side. Imports torch.

The vectors are of networks that tell kinds of animals apart, not one buck from another: that two are near
means that the crops look alike (light, pose, antlers, coat), and is no claim that they show one animal.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from trailcam.detect.model.device import resolve
from trailcam.detect.model.find_weights import STARTER, Weights, find_weights
from trailcam.detect.model.two_stage import build_finder, build_namer
from trailcam.detect.model.two_stage_crops import BackboneNet, LiteNet
from trailcam.detect.model.two_stage_file import ULTRALYTICS, Container, StageTwo, read_container
from trailcam.detect.model.yolo import load_yolo
from trailcam.errors import WeightsError
from trailcam.words.text import printable

Vectors = npt.NDArray[np.float32]
_YOLO_PX = 224
_YOLO_MARGIN = 0.12


class Looks:
    """Crops -> vectors, by one model on a device.

    ``px``: side of the square crops that it takes, ``margin``: how much of a box's longer side they show
    beyond it on each side. ``key`` names the weights and what is taken of them: vectors of equal keys can be
    compared.
    """

    def __init__(
        self, network: Callable[[Tensor], Tensor], device: torch.device, *, px: int, margin: float, key: str
    ) -> None:
        self._network = network
        self._device = device
        self.px = px
        self.margin = margin
        self.key = key

    @torch.inference_mode()
    def __call__(self, crops: npt.NDArray[np.uint8]) -> Vectors:
        """``crops`` (n, px, px, 3) uint8 RGB -> (n, d) float32 of length 1."""
        pixels = torch.from_numpy(crops).to(self._device).permute(0, 3, 1, 2).float() / 255
        return functional.normalize(self._network(pixels).float(), dim=1).cpu().numpy()


def choose_looks(weights: Path | None, device: str) -> Looks:
    """The vectors of the configured ``weights`` (None: the starter model's) on ``device`` (a name).

    Of a model in another program's format, which shows its answers alone, the starter's instead. Raises
    WeightsError and DeviceError.
    """
    where = resolve(device)
    found = open_looks(find_weights(configured=weights), where)
    if found is None:
        found = open_looks(find_weights(configured=STARTER), where)
    assert found is not None  # the starter has two stages
    return found


def open_looks(weights: Weights, device: torch.device) -> Looks | None:
    """The vectors of ``weights``: of its second stage where it has one, else of its backbone.

    None for a model in another program's format, which shows its answers alone. Raises WeightsError.
    """
    container = read_container(weights.path)
    shown = printable(str(weights.path))
    if container is not None and container.two is not None:
        return _of_second_stage(container.two, container, weights, device, shown)
    if container is not None and container.one.arch == ULTRALYTICS:
        model: Any = build_finder(container, shown)
    elif container is None and weights.path.suffix == ".pt":
        model = load_yolo(weights)
    else:
        return None
    return _of_backbone(model, weights, device, shown)


def _of_second_stage(
    two: StageTwo, container: Container, weights: Weights, device: torch.device, shown: str
) -> Looks:
    net = build_namer(two, container, shown).to(device)
    mean = torch.tensor(two.mean, device=device).view(1, 3, 1, 1)
    std = torch.tensor(two.std, device=device).view(1, 3, 1, 1)

    def network(pixels: Tensor) -> Tensor:
        crops = (pixels - mean) / std
        if isinstance(net, LiteNet):
            found: Tensor = net.layers(crops).mean((2, 3))
            return found
        assert isinstance(net, BackboneNet)
        return net.pooled(crops)

    return Looks(network, device, px=two.input_px, margin=two.margin, key=f"{weights.sha256} second")


def _of_backbone(model: Any, weights: Weights, device: torch.device, shown: str) -> Looks:  # noqa: ANN401 - untyped
    layers = model.model[: len(model.yaml["backbone"])].to(device).float().eval()
    if any(layer.f != -1 for layer in layers):
        raise WeightsError(
            f"The backbone of {shown} has branches, which can't be read.", "Use other weights."
        )

    def network(pixels: Tensor) -> Tensor:
        x = pixels
        for layer in layers:
            x = layer(x)
        return x.mean((2, 3))

    return Looks(network, device, px=_YOLO_PX, margin=_YOLO_MARGIN, key=f"{weights.sha256} backbone")
