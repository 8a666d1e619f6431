"""From a file of weights to a detector, whatever kind of model it holds. Imports torch."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from trailcam.detect.model.backend import Backend
from trailcam.detect.model.checkpoints import read_checkpoint
from trailcam.detect.model.lanes import Lanes
from trailcam.detect.model.onnx_file import read_onnx
from trailcam.detect.model.openvino import with_openvino
from trailcam.detect.model.pair_detector import PairDetector
from trailcam.detect.model.plain import Network, PlainDetector
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.two_stage import TwoStageDetector
from trailcam.detect.model.two_stage_file import read_container
from trailcam.detect.model.yolo import UltralyticsDetector
from trailcam.words.text import printable

if TYPE_CHECKING:
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
    """The detector for ``weights``, whatever kind of model they hold. Raises WeightsError and DeviceError."""
    chosen = options or ModelOptions()
    detector: Detector
    if weights.pair is None:
        detector = _open(weights, device, chosen)
    else:
        detector = _open(weights.pair.detector, device, chosen)
        detector = PairDetector(detector, weights, weights.pair, device)
    if chosen.lanes and device.type == "cpu" and detector.threadsafe:
        return Lanes(detector, chosen.lanes)
    return detector


def open_to_inspect(weights: Weights) -> Detector:
    """The detector on the processor, for what it says of itself. Raises WeightsError."""
    return open_detector(weights, torch.device("cpu"))


def _network(weights: Weights, device: torch.device, chosen: ModelOptions) -> Network | None:
    """The network of a file that isn't ultralytics'."""
    imgsz = weights.size.chosen(chosen.imgsz)
    if weights.path.suffix.lower() == ".onnx":
        return read_onnx(weights, device, imgsz)
    return read_checkpoint(weights, device, imgsz, chosen.precision)


def _open(weights: Weights, device: torch.device, chosen: ModelOptions) -> Detector:
    """Two stages where the weights are a container of trailcam's, else one network: YOLOv5's, YOLOX's or

    ultralytics'.
    """
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
    single: TwoStageDetector | UltralyticsDetector | PlainDetector
    if container is not None:
        single = TwoStageDetector(container, weights, device, **how)
    elif (network := _network(weights, device, chosen)) is not None:
        single = PlainDetector(network, weights, device, store_confidence=chosen.store_confidence)
    else:
        single = UltralyticsDetector(weights, device, **how)
    if chosen.backend is not Backend.TORCH:
        single = with_openvino(single, chosen.backend, device, lanes=chosen.lanes, photos=chosen.photos)
    return single
