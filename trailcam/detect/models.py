"""From a file of weights to a detector, whatever kind of model it holds. Imports torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailcam.detect.container import read_container
from trailcam.detect.detector import UltralyticsDetector
from trailcam.detect.postprocess import DEFAULT_IOU
from trailcam.detect.precision import Precision
from trailcam.detect.two_stage import TwoStageDetector

if TYPE_CHECKING:
    import torch

    from trailcam.detect.protocol import Detector
    from trailcam.detect.weights import Weights


def open_detector(
    weights: Weights,
    device: torch.device,
    *,
    imgsz: int = 640,
    store_confidence: float = 0.05,
    iou: float = DEFAULT_IOU,
    precision: Precision = Precision.AUTO,
) -> Detector:
    """The detector for ``weights``: two stages where they are a container of trailcam's, else ultralytics'.

    ``imgsz``: px of the longer side. ``iou`` is for ultralytics' models; a container brings the
    value that its thresholds were chosen with. Raises WeightsError and DeviceError.
    """
    container = read_container(weights.path)
    if container is None:
        return UltralyticsDetector(
            weights, device, imgsz=imgsz, store_confidence=store_confidence, iou=iou, precision=precision
        )
    return TwoStageDetector(
        container, weights, device, imgsz=imgsz, store_confidence=store_confidence, precision=precision
    )
