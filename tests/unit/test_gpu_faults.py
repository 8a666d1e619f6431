"""What a GPU does and a processor doesn't, shown with stand-ins: reused buffers, and memory that runs out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.unit.test_detect_pipeline import THREADS, Memory, RedSquares, library
from trailcam.detect.choose import plan as planning
from trailcam.detect.choose.canary import check_rows
from trailcam.detect.choose.fit import open_chosen
from trailcam.detect.choose.plan import Pace, fitted, plan
from trailcam.detect.model.backend import Backend
from trailcam.detect.model.device import unused_gpu
from trailcam.detect.model.find_weights import STARTER, Weights, find_weights
from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.model.known_frame import frame
from trailcam.detect.model.open import open_detector
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.protocol import Detector, RawDetections
from trailcam.detect.model.streams import Streams
from trailcam.detect.model.yolo import UltralyticsDetector
from trailcam.detect.pipeline.loop import PipelineOptions, run
from trailcam.detect.pipeline.outcomes import PhotoSource
from trailcam.errors import DeviceError, PipelineError
from trailcam.settings.config import DetectSettings

CPU = torch.device("cpu")
GB = 10**9


class Engine:
    """Answers each batch in the same memory, as TensorRT does: a box as wide as the photo's first pixel."""

    def __init__(self) -> None:
        self._answer = torch.zeros(1, 5, 1)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        width = images[0, 0, 0, 0] * 255
        self._answer[0, :, 0] = torch.tensor([50.0, 50.0, float(width), 10.0, 0.9])
        return self._answer


def exported(engine: Any) -> UltralyticsDetector:  # noqa: ANN401 - a stand-in
    """A detector as it is made for an exported model, without a file."""
    detector = object.__new__(UltralyticsDetector)
    detector.precision, detector.device, detector.iou = Precision.FLOAT32, CPU, 0.7
    detector.names, detector.backend = {0: "deer"}, Backend.TORCH
    detector._threshold, detector._native, detector._transformer = 0.05, False, False
    detector._backend, detector._streams = engine, Streams(CPU)
    detector._network = detector._by_torch
    return detector


def test_a_batch_keeps_its_boxes_while_the_next_one_runs() -> None:
    """Without a copy, an engine's second answer overwrites the first before its boxes are taken."""
    detector = exported(Engine())
    pixels = [torch.full((1, 32, 32, 3), value, dtype=torch.uint8) for value in (10, 20, 30)]
    under_way = [detector.submit(batch) for batch in pixels]
    widths = [float(np.diff(found.xyxy[0, [0, 2]])[0]) for results in under_way for found in results()]
    assert widths == [10.0, 20.0, 30.0]


MACHINES = [
    # cores, free memory in GB, the GPU's free memory in GB -> batch, workers
    (4, 6, 4, (32, 3)),
    (8, 4, 8, (64, 3)),
    (16, 2, 16, (64, 1)),
    (16, 12, 16, (64, 12)),  # half of 24 GB, as WSL gives it
    (16, 26, 16, (64, 15)),
    (16, 26, 1, (8, 15)),
    (64, 200, 140, (64, 50)),
]


def test_a_gpu_gets_its_batch_and_as_many_workers_as_memory_holds() -> None:
    slow_decoding = Pace(8, 0.0, 0.05, {64: 0.001})
    table = ["cores  GB free  GB of the GPU  batch  workers"]
    for cores, free, device, expected in MACHINES:
        memory = planning.Memory(free * GB, device * GB)
        best = fitted(plan("cuda", cores=cores), slow_decoding, cores=cores, on_cpu=False, memory=memory)
        table.append(f"{cores:5}  {free:7}  {device:13}  {best.batch:5}  {best.workers:7}")
        assert (best.batch, best.workers) == expected
    sys.stdout.write("\n".join(table) + "\n")  # shown by pytest -s


class Small(RedSquares):
    """A device with room for ``most`` photos at once, which it also says in the warm-up."""

    def __init__(self, most: int, error: type[RuntimeError], text: str) -> None:
        super().__init__(most=10**9)
        self._room, self._error, self._text = most, error, text

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        if len(pixels) > self._room:
            raise self._error(self._text)
        return super().detect(pixels)

    def warmup(self, height: int, width: int, batch: int) -> None:
        if batch > self._room:
            raise self._error(self._text)
        super().warmup(height, width, batch)


OUT_OF_MEMORY = [
    (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 2.00 GiB."),
    (RuntimeError, "MPS backend out of memory (MPS allocated: 8.00 GB, max allowed: 9.07 GB)."),
    (torch.AcceleratorError, "CUDA error: out of memory"),
]


@pytest.mark.parametrize(("error", "text"), OUT_OF_MEMORY)
def test_a_device_that_runs_out_in_the_warm_up_gets_half(
    tmp_path: Path, error: type[RuntimeError], text: str
) -> None:
    detector, sink = Small(3, error, text), Memory()
    source = PhotoSource(library(tmp_path, 12), {1: tmp_path}, lambda root: True)
    report = run(source, detector, sink, PipelineOptions(batch=8, loader=THREADS))
    assert (report.completed, report.batch) == (12, 2)
    assert detector.warmed is not None
    assert detector.warmed[2] == 2
    assert max(detector.sizes) == 2  # batches are made so small at once, not cut up one after the other


def test_a_device_without_room_for_one_photo_is_one_clear_message(tmp_path: Path) -> None:
    detector = Small(0, torch.OutOfMemoryError, "CUDA out of memory.")
    source = PhotoSource(library(tmp_path, 3), {1: tmp_path}, lambda root: True)
    with pytest.raises(DeviceError, match="too little memory for a single photo"):
        run(source, detector, Memory(), PipelineOptions(batch=4, loader=THREADS))


def test_another_error_of_the_device_is_no_lack_of_memory(tmp_path: Path) -> None:
    detector = Small(0, RuntimeError, "CUDA error: an illegal memory access was encountered")
    source = PhotoSource(library(tmp_path, 3), {1: tmp_path}, lambda root: True)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        run(source, detector, Memory(), PipelineOptions(batch=4, loader=THREADS))


def driver(folder: Path, script: str) -> None:
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
@pytest.mark.skipif(torch.cuda.is_available(), reason="torch uses a GPU")
@pytest.mark.parametrize(
    ("cuda", "says"),
    [
        (None, "was built without CUDA. Install the CUDA build of torch"),
        ("13.2", "Update the NVIDIA driver (in WSL that of Windows)"),
    ],
)
def test_a_gpu_that_torch_cannot_use_is_reported(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    cuda: str | None,
    says: str,
) -> None:
    driver(tmp_path, "echo NVIDIA GeForce RTX 4080 SUPER")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr("trailcam.detect.choose.fit.open_detector", lambda *_: RedSquares())
    weights = Weights(tmp_path / "a.pt", "0" * 64, "a test")
    with caplog.at_level("WARNING"):
        open_chosen(weights, DetectSettings(device="auto"), photos=1)
    assert "The NVIDIA GeForce RTX 4080 SUPER is not used" in caplog.text
    assert says in caplog.text
    caplog.clear()
    with caplog.at_level("WARNING"):
        open_chosen(weights, DetectSettings(device="cpu"), photos=1)
    assert not caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
@pytest.mark.parametrize("script", ["exit 9", "true", "printf '\\377'"])
def test_a_driver_without_a_card_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    driver(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert unused_gpu() is None


class Looks(Detector):
    """Puts one box where the brightness of the photo's corner says."""

    def __init__(self) -> None:
        self.names, self.frame, self.model_key = {0: "deer"}, FrameSpec(320), "0" * 64

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        places = [3 * float(photo[:8, :8, 0].float().mean()) for photo in pixels]
        return [
            RawDetections(
                np.array([[x, 10, x + 40, 50]], np.float32),
                np.full(1, 0.6, np.float32),
                np.zeros(1, np.int16),
            )
            for x in places
        ]

    def warmup(self, height: int, width: int, batch: int) -> None:
        """Nothing to warm."""


class FirstRow(Looks):
    """Computes the first row of a batch alone, as some builds of torch did on Apple's GPUs."""

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        return super().detect(pixels[:1]) * len(pixels)


class Overwritten(Looks):
    """Takes the boxes of a batch when they are asked for, from where the newest batch's answer lies."""

    def submit(self, pixels: torch.Tensor) -> Callable[[], list[RawDetections]]:
        self._newest = pixels
        return lambda: self.detect(self._newest)


def test_the_canary_compares_the_rows_of_two_batches_under_way() -> None:
    check_rows(Looks(), "here")
    for broken in (FirstRow(), Overwritten()):
        with pytest.raises(PipelineError, match="of a batch gets other boxes than it gets alone"):
            check_rows(broken, "on a stand-in")


def test_the_starter_agrees_with_itself_row_by_row() -> None:
    detector = open_detector(find_weights(STARTER), CPU)
    assert detector.detect(torch.from_numpy(frame()[None]))[0].confidence.max(initial=0.0) > 0.15
    check_rows(detector, "on the processor")
