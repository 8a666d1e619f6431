"""What the pipeline asks of a detector. Imports no torch at run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from trailcam.detect.model.backend import Backend
from trailcam.geometry import Boxes
from trailcam.settings.classmap import ClassMap, auto_class_map, load_class_map

if TYPE_CHECKING:
    import torch

    from trailcam.detect.model.frame import FrameSpec


SUPPRESSION_IOU = 0.7
"""Of two boxes that overlap more than this, the less confident one goes (ultralytics' default)."""

Confidences = npt.NDArray[np.float32]
ClassIds = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class RawDetections:
    """What the model saw in one frame, the most confident first.

    ``xyxy`` (k, 4) float32 px of the frame (they may reach beyond it), ``confidence`` (k,)
    float32 0..1, ``class_id`` (k,) int16. ``probability`` (k,) float32: of that class, by a classifier that
    was asked about the box; NaN where it wasn't, None where there is none.
    """

    xyxy: Boxes
    confidence: Confidences
    class_id: ClassIds
    probability: Confidences | None = None

    def __post_init__(self) -> None:
        k = len(self.confidence)
        if self.xyxy.shape != (k, 4) or self.class_id.shape != (k,):
            raise ValueError(f"{k} confidences, boxes {self.xyxy.shape}, classes {self.class_id.shape}")
        if self.probability is not None and self.probability.shape != (k,):
            raise ValueError(f"{k} confidences, probabilities {self.probability.shape}")


@dataclass(frozen=True, slots=True, eq=False)
class RawOutput:
    """All that the networks say of one frame, before anything is chosen from it.

    ``scores`` (places, classes) float32 0..1. ``boxes`` (places, 4) float32 px of the frame, centre and
    size; None where the model sorts its answers itself, so that row does not answer to row. ``second``
    (classes,) float32: a second stage's probabilities for one fixed box, None without one.
    """

    scores: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32] | None = None
    second: npt.NDArray[np.float32] | None = None


class Detector(Protocol):
    """A model on a device.

    ``names``: class id -> the model's own name. ``frame``: the input frames that it takes.
    ``model_key``: sha256 of the weights, as hex; results of equal keys are comparable.
    ``depth``: how many batches may be submitted before the first result is asked for.
    ``pinned``: frames reach it fastest from pinned memory.
    ``thresholds``: class id -> confidence (0..1) from which the weights recommend to count it; classes
    that they recommend nothing for are left out. ``iou``: of two boxes that overlap more, one goes.
    ``precision``: the number format it computes in.
    ``backend``: the library that computes. ``parts``: its networks that can be exported to another.
    ``threadsafe``: :meth:`detect` may run in several threads at once.
    ``class_map``: what its classes mean, where what was opened says so.
    """

    names: dict[int, str]
    frame: FrameSpec
    model_key: str
    depth: int = 1
    pinned: bool = False
    thresholds: Mapping[int, float] = MappingProxyType({})
    iou: float = SUPPRESSION_IOU
    precision: str = "float32"
    backend: Backend = Backend.TORCH
    parts: tuple[str, ...] = ()
    threadsafe: bool = False
    class_map: ClassMap | None = None

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        """``pixels`` (n, height, width, 3) uint8 RGB on the CPU -> n results, in order.

        Raises torch.OutOfMemoryError when the batch does not fit (smaller ones may), and
        PipelineError when the model's answer is no answer.
        """
        ...

    def submit(self, pixels: torch.Tensor) -> Callable[[], list[RawDetections]]:
        """Start on a batch; the returned function waits for the results. Same errors as :meth:`detect`,

        from either of the two calls. Detectors that work while the caller does override this.
        """
        results = self.detect(pixels)
        return lambda: results

    def raw(self, pixels: torch.Tensor) -> RawOutput:
        """What the networks say of ``pixels`` (1, height, width, 3) uint8. Same errors as :meth:`detect`.

        Here: of the boxes that are left in the end, for detectors that have nothing rawer.
        """
        (found,) = self.detect(pixels)
        return RawOutput(found.confidence[:, None])

    def warmup(self, height: int, width: int, batch: int) -> None:
        """Get first-call costs over with on a grey batch of that shape, before the clock starts."""
        ...


def class_map_of(detector: Detector, wanted: str) -> ClassMap:
    """What the classes of ``detector`` mean, by the setting ``class_map``. Raises ConfigError."""
    if wanted != "auto":
        return load_class_map(wanted)
    return detector.class_map or auto_class_map(detector.names.values())
