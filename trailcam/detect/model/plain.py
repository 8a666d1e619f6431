"""A detector of one network: of trailcam's own code, or computed by ONNX Runtime. Imports torch."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch

from trailcam.detect.model.backend import Backend
from trailcam.detect.model.find_weights import read_thresholds
from trailcam.detect.model.frame import PAD_VALUE, FrameSpec
from trailcam.detect.model.postprocess import detections, raw_output
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.protocol import Detector, RawDetections, RawOutput
from trailcam.detect.model.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from torch import Tensor

    from trailcam.detect.model.find_weights import Weights
    from trailcam.detect.model.openvino import Exports


@dataclass(frozen=True, slots=True)
class Network:
    """A network ready to run.

    ``look``: frames (n, h, w, 3) uint8 on the device -> (n, 4 + classes, anchors): centre and size in px of
    the frame, scores 0..1. ``iou``: of two boxes that overlap more, one goes. ``exported``: the same by
    OpenVINO; None where it can't be exported. ``threadsafe``: may run in several threads.
    """

    look: Callable[[Tensor], Tensor]
    names: dict[int, str]
    frame: FrameSpec
    iou: float
    precision: Precision
    exported: Callable[[Exports], Callable[[Tensor], Tensor]] | None = None
    threadsafe: bool = True


class PlainDetector(Detector):
    """``network`` as a detector. ``store_confidence`` 0..1: boxes below it are never seen again."""

    precision: Precision

    def __init__(
        self, network: Network, weights: Weights, device: torch.device, *, store_confidence: float
    ) -> None:
        self._network = network
        self._look = network.look
        self._streams = Streams(device)
        self._threshold = store_confidence
        self.names, self.frame, self.iou = network.names, network.frame, network.iou
        self.precision, self.threadsafe = network.precision, network.threadsafe
        self.model_key = weights.sha256
        recommended = read_thresholds(weights.path)
        self.thresholds = {i: recommended[name] for i, name in self.names.items() if name in recommended}
        self.pinned = device.type == "cuda"
        self.depth = 2 if self.pinned else 1
        self.parts = ("whole",) if network.exported is not None else ()

    def computed_by(self, exports: Exports) -> PlainDetector:
        """The same detector whose network is one of ``exports``."""
        assert self._network.exported is not None
        twin = copy(self)
        twin._look = self._network.exported(exports)
        twin.backend = Backend.OPENVINO
        return twin

    def detect(self, pixels: Tensor) -> list[RawDetections]:
        return self.submit(pixels)()

    def submit(self, pixels: Tensor) -> Callable[[], list[RawDetections]]:
        with torch.inference_mode():
            output = self._look(self._streams.upload(pixels))
            taken = self._streams.mark(output)
        return partial(self._finish, output, taken)

    @torch.inference_mode()
    def raw(self, pixels: Tensor) -> RawOutput:
        return raw_output(self._look(self._streams.upload(pixels)), len(self.names))

    def warmup(self, height: int, width: int, batch: int) -> None:
        self.detect(torch.full((batch, height, width, 3), PAD_VALUE, dtype=torch.uint8))

    @torch.inference_mode()
    def _finish(
        self, output: Tensor, taken: Callable[[], AbstractContextManager[None]]
    ) -> list[RawDetections]:
        with taken():
            return detections(output, n_classes=len(self.names), threshold=self._threshold, iou=self.iou)
