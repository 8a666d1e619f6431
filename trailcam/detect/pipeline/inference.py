"""Batches through a detector; a batch that does not fit the device's memory is halved. Imports torch."""

from __future__ import annotations

import gc
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from trailcam.detect.model.device import is_out_of_memory
from trailcam.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trailcam.detect.model.protocol import Detector, RawDetections
    from trailcam.detect.pipeline.batching import Batch

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class InFlight:
    """A batch that the device works on. ``results`` is None when it did not even start."""

    batch: Batch
    results: Callable[[], list[RawDetections]] | None


class Inference:
    """Submits batches and collects results, each batch in as many parts as memory asks for.

    ``limit`` is the number of photos that the device is given at once; it halves each time
    memory runs out and stays there for the rest of the run.
    """

    def __init__(self, detector: Detector, limit: int) -> None:
        self._detector = detector
        self.limit = limit

    def warmup(self, height: int, width: int) -> None:
        """Warm the model by ``limit`` photos at once, or as many as fit. Raises DeviceError if none do."""
        while True:
            tried = self.limit
            try:
                return self._detector.warmup(height, width, tried)
            except RuntimeError as error:
                self._halve(tried, error)

    def submit(self, batch: Batch) -> InFlight:
        """Start on a batch of at most ``limit`` photos; larger ones start when collected."""
        if len(batch) > self.limit:
            return InFlight(batch, None)
        try:
            return InFlight(batch, self._detector.submit(batch.pixels))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return InFlight(batch, None)

    def collect(self, flight: InFlight) -> list[RawDetections]:
        """The results of a batch, in its order. Raises DeviceError when not even one photo fits."""
        if flight.results is not None:
            try:
                return flight.results()
            except RuntimeError as error:
                self._halve(len(flight.batch), error)
        return self._in_parts(flight.batch)

    def _in_parts(self, batch: Batch) -> list[RawDetections]:
        results: list[RawDetections] = []
        while len(results) < len(batch):
            part = batch.pixels[len(results) : len(results) + self.limit]
            try:
                results.extend(self._detector.detect(part))
            except RuntimeError as error:
                self._halve(len(part), error)
        return results

    def _halve(self, failed: int, error: RuntimeError) -> None:
        """Smaller batches after ``failed`` photos at once didn't fit. Raises any other ``error`` again."""
        if not is_out_of_memory(error):
            raise error
        if failed <= 1:
            raise DeviceError(
                "The device has too little memory for a single photo.",
                "Close other programs that use it (`nvidia-smi` lists them), choose a smaller --imgsz, or "
                "use --device cpu.",
            ) from error
        # Batches that were under way when the limit fell fail at the old size; that says nothing new.
        self.limit = min(self.limit, failed // 2)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        elif torch.backends.mps.is_available():
            torch.mps.empty_cache()
        _LOG.warning("device memory ran out at %d photos; going on with batches of %d", failed, self.limit)
