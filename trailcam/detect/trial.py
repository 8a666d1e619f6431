"""One real inference with a detect's own settings, judged like the look before a run. Imports torch."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trailcam.detect import canary
from trailcam.detect.device import describe, resolve
from trailcam.detect.models import open_detector
from trailcam.detect.precision import Precision

if TYPE_CHECKING:
    from trailcam.config import Settings
    from trailcam.detect.weights import Weights


@dataclass(frozen=True, slots=True)
class Trial:
    """``device`` and ``precision`` for people; ``seconds`` of the second look at the test frame."""

    device: str
    precision: str
    on_cpu: bool
    seconds: float


def try_model(weights: Weights, settings: Settings) -> Trial:
    """Load the model where a detect would, and let it look at the known frame.

    Raises WeightsError, DeviceError, or PipelineError where its answer is not what it must be.
    """
    device = resolve(settings.detect.device)
    detector = open_detector(weights, device, precision=Precision(settings.detect.precision))
    canary.check(detector, weights, device)
    detector.warmup(canary.HEIGHT, canary.WIDTH, 1)
    started = time.perf_counter()
    detector.warmup(canary.HEIGHT, canary.WIDTH, 1)
    seconds = time.perf_counter() - started
    return Trial(describe(device), str(detector.precision), device.type == "cpu", seconds)
