"""Batches side by side find what they find one after the other."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.two_stage import container, save
from trailcam.detect.model.find_weights import find_weights
from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.model.lanes import Lanes
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.protocol import Detector, RawDetections
from trailcam.errors import PipelineError

CPU = torch.device("cpu")
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]


class Meeting(Detector):
    """Answers once ``n`` batches are in hand at the same time; alone, it gives up after a while."""

    def __init__(self, n: int) -> None:
        self.names = {0: "deer"}
        self.frame = FrameSpec(64)
        self.model_key = "0" * 64
        self.threads: set[int] = set()
        self._barrier = threading.Barrier(n, timeout=20)

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        self._barrier.wait()
        self.threads.add(torch.get_num_threads())
        confidence = pixels.float().amax((1, 2, 3)) / 255
        return [
            RawDetections(np.zeros((1, 4), np.float32), c.numpy()[None], np.zeros(1, np.int16))
            for c in confidence
        ]

    def warmup(self, height: int, width: int, batch: int) -> None:
        pass


class Broken(Meeting):
    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        raise PipelineError("nonsense", "try another device")


def frame(value: int) -> torch.Tensor:
    return torch.full((1, 32, 32, 3), value, dtype=torch.uint8)


def test_lanes_work_at_the_same_time_each_with_one_thread() -> None:
    inner = Meeting(3)
    lanes = Lanes(inner, 3)
    assert lanes.depth > 3
    waiting = [lanes.submit(frame(value)) for value in (51, 102, 255)]
    assert [float(wait()[0].confidence[0]) for wait in waiting] == pytest.approx([0.2, 0.4, 1.0])
    assert inner.threads == {1}


def test_an_error_comes_to_whoever_collects() -> None:
    wait = Lanes(Broken(1), 2).submit(frame(0))
    with pytest.raises(PipelineError, match="nonsense"):
        wait()


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.BFLOAT16])
def test_photos_of_different_shapes_side_by_side_keep_their_boxes(
    tmp_path: Path, precision: Precision
) -> None:
    weights = find_weights(save(tmp_path / "two.pt", container("efficientnet-lite0")))
    alone = open_detector(weights, CPU, ModelOptions(imgsz=128, precision=precision))
    lanes = open_detector(weights, CPU, ModelOptions(imgsz=128, precision=precision, lanes=4))
    assert isinstance(lanes, Lanes)
    assert lanes.names == alone.names
    assert lanes.thresholds == alone.thresholds
    generator = torch.Generator().manual_seed(7)
    shapes = [(96, 128), (128, 96), (64, 128), (128, 128)] * 8
    batches = [torch.randint(0, 255, (2, h, w, 3), dtype=torch.uint8, generator=generator) for h, w in shapes]
    waiting = [lanes.submit(batch) for batch in batches]
    for batch, wait in zip(batches, waiting, strict=True):
        for got, wanted in zip(wait(), alone.detect(batch), strict=True):
            np.testing.assert_allclose(got.xyxy, wanted.xyxy, atol=0.01)
            np.testing.assert_allclose(got.confidence, wanted.confidence, atol=1e-3)
            np.testing.assert_array_equal(got.class_id, wanted.class_id)
