"""trailcam's real command line with a fake model: fast, and the same answer on every machine.

Run as ``python fake_trailcam.py ARGS``. The fake sees in each photo one box whose class and
confidence follow from its pixels. TRAILCAM_FAKE_S makes it slower, in seconds a photo; TRAILCAM_FAKE_RAW is
what it says of every place of a raw output (nan, 0), as a broken device would. TRAILCAM_FAKE_HOLD, "N FILE":
after N photos it waits for that file to appear.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from trailcam.cli.app import main
from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.model.protocol import Detector, RawDetections, RawOutput

if TYPE_CHECKING:
    import torch

    from trailcam.detect.model.find_weights import Weights

NAMES = ("young", "mid", "mature", "doe", "fawn", "cow", "coyote", "person", "raccoon", "turkey", "UTV")


class FakeDetector(Detector):
    """One box a photo: the class and the confidence follow from the mean of its pixels."""

    def __init__(self, weights: Weights, device: torch.device, **_: Any) -> None:  # noqa: ANN401
        from trailcam.detect.model.precision import Precision  # brings torch along; a detector has it already

        self.names = dict(enumerate(NAMES))
        self.frame = FrameSpec(64, 32)
        self.model_key = weights.sha256
        self.precision = Precision.FLOAT32
        self._n_seen = 0

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        self._hold(len(pixels))
        time.sleep(float(os.environ.get("TRAILCAM_FAKE_S", "0")) * len(pixels))
        return [self._look(int(photo.long().sum())) for photo in pixels]

    def _hold(self, n: int) -> None:
        self._n_seen += n
        limit, _, file = os.environ.get("TRAILCAM_FAKE_HOLD", "").partition(" ")
        while file and self._n_seen > int(limit) and not Path(file).exists():
            time.sleep(0.01)

    def _look(self, total: int) -> RawDetections:
        box = np.array([[4, 8, 40, 44]], np.float32)
        confidence = np.array([0.3 + (total % 61) / 100], np.float32)
        return RawDetections(box, confidence, np.array([total % len(NAMES)], np.int16))

    def raw(self, pixels: torch.Tensor) -> RawOutput:
        broken = os.environ.get("TRAILCAM_FAKE_RAW")
        return (
            super().raw(pixels) if broken is None else RawOutput(np.full((9, 3), float(broken), np.float32))
        )

    def warmup(self, height: int, width: int, batch: int) -> None:
        """Nothing to warm."""


class Substitute(importlib.abc.MetaPathFinder):
    """Puts ``fake`` into trailcam.detect.model.yolo when that is imported; it brings torch along."""

    def __init__(self, fake: type[FakeDetector] = FakeDetector) -> None:
        self.fake = fake

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module's own spec, with a loader that exchanges the detector afterwards."""
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if name != "trailcam.detect.model.yolo" or spec is None or spec.loader is None:
            return None
        loader = spec.loader
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            module.UltralyticsDetector = self.fake  # type: ignore[attr-defined]

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if __name__ == "__main__":
    sys.meta_path.insert(0, Substitute())
    main()
