"""The model and the settings to measure with. Imports torch only when it is asked for a detector."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trailcam.detect.auto import Plan, plan
from trailcam.detect.backend import Backend
from trailcam.detect.command import DEFAULT_IMGSZ, SUPPRESSION_IOU
from trailcam.detect.weights import find_weights

if TYPE_CHECKING:
    import torch

    from trailcam.config import Settings
    from trailcam.detect.protocol import Detector

_MANY = 1_000_000  # photos: what pays only in a large run is measured as for one


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """A model on its device, and the settings that detect would choose."""

    detector: Detector
    device: torch.device
    plan: Plan
    weights: str

    @property
    def shares_cores(self) -> bool:
        """Whether decoding and inference run on the same cores."""
        return self.device.type == "cpu"

    def with_settings(self, batch: int, workers: int) -> Machine:
        """The same model with other settings."""
        return replace(self, plan=replace(self.plan, batch=batch, workers=workers))


def open_machine(settings: Settings) -> Machine:
    """As detect would begin with these settings. Raises WeightsError, DeviceError."""
    from trailcam.detect.device import resolve
    from trailcam.detect.models import open_detector
    from trailcam.detect.precision import Precision

    chosen = settings.detect
    device = resolve(chosen.device)
    weights = find_weights(configured=chosen.weights)
    best = plan(
        device.type,
        batch=None if chosen.batch == "auto" else chosen.batch,
        workers=None if chosen.workers == "auto" else chosen.workers,
    )
    detector = open_detector(
        weights,
        device,
        imgsz=chosen.imgsz or DEFAULT_IMGSZ,
        store_confidence=chosen.store_confidence,
        iou=SUPPRESSION_IOU,
        precision=Precision(chosen.precision),
        lanes=best.lanes,
        backend=Backend(chosen.backend),
        photos=_MANY,
    )
    return Machine(detector, device, best, weights.path.name)
