"""From a file of weights to a detector, whatever kind of model it holds. Imports torch."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trailcam.detect.model.backend import Backend
from trailcam.detect.model.lanes import Lanes
from trailcam.detect.model.openvino import with_openvino
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.two_stage import TwoStageDetector
from trailcam.detect.model.two_stage_file import read_container
from trailcam.detect.model.yolo import UltralyticsDetector
from trailcam.words.text import printable

if TYPE_CHECKING:
    import torch

    from trailcam.detect.model.find_weights import Weights
    from trailcam.detect.model.protocol import Detector

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How a model is opened.

    ``imgsz``: px of the longer side, None for the size that the weights say. ``store_confidence`` 0..1: boxes
    below it are never seen again. ``lanes``: batches that a processor works on at once, each in a thread of
    its own (0: in the caller's); other devices, and models in a format of their own, take one after the
    other. ``backend``: which library computes; AUTO takes OpenVINO for enough ``photos`` (None: unknown).
    """

    imgsz: int | None = None
    store_confidence: float = 0.05
    precision: Precision = Precision.AUTO
    lanes: int = 0
    backend: Backend = Backend.TORCH
    photos: int | None = None


def open_detector(weights: Weights, device: torch.device, options: ModelOptions | None = None) -> Detector:
    """The detector for ``weights``: two stages where they are a container of trailcam's, else ultralytics'.

    Raises WeightsError and DeviceError.
    """
    chosen = options or ModelOptions()
    container = read_container(weights.path)
    if weights.size.refused is not None and chosen.imgsz is None:
        _LOG.warning(
            "the weights say that they were made for %s px, which is impossible; --imgsz sets another size",
            printable(weights.size.refused),
        )
    how: dict[str, Any] = {
        "imgsz": weights.size.chosen(chosen.imgsz),
        "store_confidence": chosen.store_confidence,
        "precision": chosen.precision,
    }
    detector: TwoStageDetector | UltralyticsDetector
    if container is None:
        detector = UltralyticsDetector(weights, device, **how)
    else:
        detector = TwoStageDetector(container, weights, device, **how)
    if chosen.backend is not Backend.TORCH:
        detector = with_openvino(detector, chosen.backend, device, lanes=chosen.lanes, photos=chosen.photos)
    if chosen.lanes and device.type == "cpu" and detector.threadsafe:
        return Lanes(detector, chosen.lanes)
    return detector
