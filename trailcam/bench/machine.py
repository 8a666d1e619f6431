"""The model and the settings to measure with. Imports torch only when it is asked for a detector."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trailcam.detect.model.find_weights import find_weights

if TYPE_CHECKING:
    import torch

    from trailcam.bench.photos import Photos
    from trailcam.detect.choose.plan import Plan
    from trailcam.detect.model.protocol import Detector
    from trailcam.settings.config import Settings

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


def open_machine(settings: Settings, photos: Photos | None = None) -> Machine:
    """As detect would start with these settings, on many ``photos`` where some are given.

    Raises WeightsError, DeviceError.
    """
    from trailcam.detect.choose.fit import FITTED_FROM, fit, open_chosen

    weights = find_weights(configured=settings.detect.weights, classifier=settings.detect.classifier)
    opened = open_chosen(weights, settings.detect, photos=_MANY)
    if photos is not None:
        files = [Path(photos.root, path) for path in photos.paths]
        opened = fit(opened, files * -(-FITTED_FROM // len(files)))
    return Machine(opened.detector, opened.device, opened.plan, weights.name)
