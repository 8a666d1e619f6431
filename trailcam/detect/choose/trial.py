"""One real inference with a detect's own settings, judged like the look before a run. Imports torch."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trailcam.detect.choose import canary
from trailcam.detect.choose.fit import Opened
from trailcam.detect.choose.plan import plan
from trailcam.detect.model.backend import Backend
from trailcam.detect.model.device import describe, device_failures, resolve
from trailcam.detect.model.known_frame import HEIGHT, WIDTH
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision
from trailcam.errors import PipelineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trailcam.detect.model.find_weights import Weights
    from trailcam.settings.config import Settings

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trial:
    """``device``, ``precision`` and ``backend`` for people; ``seconds`` of the second look at the frame."""

    device: str
    precision: str
    backend: str
    on_cpu: bool
    seconds: float


def sound(opened: Opened, weights: Weights, asked_precision: str, open_in: Callable[[str], Opened]) -> Opened:
    """``opened`` where its answer to the known frame is right, else what ``open_in("float32")`` opens.

    Only a number format that nobody asked for is exchanged: some cards (GTX 16) have float16 and compute
    nonsense in it. Raises PipelineError where the answer stays wrong.
    """
    try:
        canary.check(opened.detector, weights, opened.device)
    except PipelineError as error:
        if asked_precision != Precision.AUTO or opened.detector.precision == Precision.FLOAT32:
            raise
        _LOG.warning("%s It computes in float32 instead, which is slower.", error.message)
    else:
        return opened
    exact = open_in(Precision.FLOAT32)
    canary.check(exact.detector, weights, exact.device)
    return exact


def try_model(weights: Weights, settings: Settings) -> Trial:
    """Load the model where a detect of many photos would, and let it look at the known frame.

    Where OpenVINO computes, its export is kept in the user's cache folder, as a detect's is.

    Raises WeightsError, DeviceError, or PipelineError where its answer is not what it must be.
    """
    chosen = settings.detect

    def opened_in(precision: str) -> Opened:
        device = resolve(chosen.device)
        options = ModelOptions(precision=Precision(precision), backend=Backend(chosen.backend))
        return Opened(open_detector(weights, device, options), device, plan(device.type))

    with device_failures():
        opened = sound(opened_in(chosen.precision), weights, chosen.precision, opened_in)
        detector, device = opened.detector, opened.device
        detector.warmup(HEIGHT, WIDTH, 1)
        started = time.perf_counter()
        detector.warmup(HEIGHT, WIDTH, 1)
        seconds = time.perf_counter() - started
    return Trial(
        describe(device), str(detector.precision), str(detector.backend), device.type == "cpu", seconds
    )
