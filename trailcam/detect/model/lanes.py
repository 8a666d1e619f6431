"""Several batches at once on a processor, each computed by a thread of its own. Imports torch.

One batch on many cores makes them wait for each other after each of the network's layers, and a core
that also decodes a photo holds up all the others. Batches do not wait for each other: whatever decoding
leaves of the cores is used, and where decoding falls behind, the lanes run dry and leave it the cores.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch

from trailcam.detect.model.protocol import Detector

if TYPE_CHECKING:
    from collections.abc import Callable

    from trailcam.detect.model.protocol import RawDetections, RawOutput


class Lanes(Detector):
    """``detector`` on a processor, working on ``lanes`` batches at the same time; results as of ``detector``.

    Its :meth:`detect` must be able to run in several threads. Raises ValueError without a lane.
    """

    def __init__(self, detector: Detector, lanes: int) -> None:
        self._detector = detector
        self._pool = ThreadPoolExecutor(
            lanes, thread_name_prefix="trailcam-model", initializer=torch.set_num_threads, initargs=(1,)
        )
        self.names, self.frame = detector.names, detector.frame
        self.model_key, self.iou = detector.model_key, detector.iou
        self.thresholds, self.precision = detector.thresholds, detector.precision
        self.backend, self.class_map = detector.backend, detector.class_map
        self.depth = lanes + 1  # one lies ready, so that no lane waits for the loop to come round

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        return self.submit(pixels)()

    def submit(self, pixels: torch.Tensor) -> Callable[[], list[RawDetections]]:
        return self._pool.submit(self._detector.detect, pixels).result

    def raw(self, pixels: torch.Tensor) -> RawOutput:
        return self._pool.submit(self._detector.raw, pixels).result()

    def warmup(self, height: int, width: int, batch: int) -> None:
        self._pool.submit(self._detector.warmup, height, width, batch).result()
