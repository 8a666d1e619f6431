"""One real inference with a detect's own settings, judged like the look before a run. Imports torch."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trailcam.detect.choose import canary
from trailcam.detect.model.backend import Backend
from trailcam.detect.model.device import describe, resolve
from trailcam.detect.model.known_frame import HEIGHT, WIDTH
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision

if TYPE_CHECKING:
    from trailcam.detect.model.find_weights import Weights
    from trailcam.settings.config import Settings


@dataclass(frozen=True, slots=True)
class Trial:
    """``device``, ``precision`` and ``backend`` for people; ``seconds`` of the second look at the frame."""

    device: str
    precision: str
    backend: str
    on_cpu: bool
    seconds: float


def try_model(weights: Weights, settings: Settings) -> Trial:
    """Load the model where a detect of many photos would, and let it look at the known frame.

    Where OpenVINO computes, its export is kept in the user's cache folder, as a detect's is.

    Raises WeightsError, DeviceError, or PipelineError where its answer is not what it must be.
    """
    device = resolve(settings.detect.device)
    chosen = settings.detect
    detector = open_detector(
        weights, device, ModelOptions(precision=Precision(chosen.precision), backend=Backend(chosen.backend))
    )
    canary.check(detector, weights, device)
    detector.warmup(HEIGHT, WIDTH, 1)
    started = time.perf_counter()
    detector.warmup(HEIGHT, WIDTH, 1)
    seconds = time.perf_counter() - started
    return Trial(
        describe(device), str(detector.precision), str(detector.backend), device.type == "cpu", seconds
    )
