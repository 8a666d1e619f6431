"""What a GPU does and a processor doesn't, shown with stand-ins: reused buffers, and memory that runs out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import trailcam.cli.app as command_line
from tests.unit.test_detect_pipeline import THREADS, Memory, RedSquares, library
from trailcam import machine
from trailcam.detect.choose import plan as planning
from trailcam.detect.choose.canary import check_rows
from trailcam.detect.choose.fit import Opened, open_chosen
from trailcam.detect.choose.plan import plan, within_gpu
from trailcam.detect.choose.trial import sound
from trailcam.detect.model import memory_order, two_stage_crops, vision_ops, yolo_head
from trailcam.detect.model.backend import Backend
from trailcam.detect.model.device import resolve, unused_gpu
from trailcam.detect.model.find_weights import STARTER, Weights, find_weights
from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.model.known_frame import frame
from trailcam.detect.model.open import open_detector
from trailcam.detect.model.precision import Precision, choose_precision
from trailcam.detect.model.protocol import Detector, RawDetections, RawOutput
from trailcam.detect.model.streams import Streams
from trailcam.detect.model.two_stage import TwoStageDetector
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


def exported(engine: Any, most: int | None = None) -> UltralyticsDetector:  # noqa: ANN401 - a stand-in
    """A detector as it is made for an exported model, without a file."""
    detector = object.__new__(UltralyticsDetector)
    detector.precision, detector.device, detector.iou = Precision.FLOAT32, CPU, 0.7
    detector.names, detector.backend = {0: "deer"}, Backend.TORCH
    detector._threshold, detector._native, detector._transformer = 0.05, False, False
    detector._most = most
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


class Profile:
    """A TensorRT engine of changing shape: at most four photos, whose memory it reads row after row.

    A box as wide as the mean of the first row of the first colour.
    """

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        if len(images) > 4:
            raise ValueError(f"input size {tuple(images.shape)} is outside the TensorRT optimization profile")
        n, _, _, width = images.shape
        memory = images.as_strided((n, width), (images[0].numel(), 1)) * 255
        answer = torch.tensor([50.0, 50.0, 0.0, 10.0, 0.9]).repeat(n, 1)
        answer[:, 2] = memory.mean(1)
        return answer[:, :, None]


def test_an_engine_gets_no_more_photos_than_it_was_exported_for_and_each_as_it_reads_them() -> None:
    pixels = torch.zeros((10, 32, 32, 3), dtype=torch.uint8)
    pixels[:, 0, :, 0] = torch.arange(10, 110, 10, dtype=torch.uint8)[:, None]
    found = exported(Profile(), most=4).detect(pixels)
    widths = [float(np.diff(one.xyxy[0, [0, 2]])[0]) for one in found]
    assert widths == pytest.approx(range(10, 110, 10), rel=1e-4)


MACHINES = [
    # cores, free memory in GB, the GPU's free memory in GB -> batch, workers
    (4, 6, 4, (32, 3)),
    (8, 4, 8, (64, 3)),
    (16, 2, 16, (64, 1)),
    (16, 12, 16, (64, 12)),  # half of 24 GB, as WSL gives it
    (16, 26, 16, (64, 15)),
    (16, 26, 1, (8, 15)),
    (64, 200, 140, (64, 32)),
]


def test_a_gpu_gets_its_batch_and_as_many_workers_as_memory_holds() -> None:
    table = ["cores  GB free  GB of the GPU  batch  workers"]
    for cores, free, device, expected in MACHINES:
        memory = planning.Memory(free * GB, device * GB)
        best = within_gpu(plan("cuda", cores=cores, photos=10_000), memory)
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


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (torch.AcceleratorError, "an illegal memory access was encountered\nCompile with TORCH_USE_CUDA_DSA"),
        (RuntimeError, "CUDA error: no kernel image is available for execution on the device"),
        (RuntimeError, "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    ],
)
def test_a_device_that_fails_is_one_clear_message(
    tmp_path: Path, error: type[RuntimeError], text: str
) -> None:
    source = PhotoSource(library(tmp_path, 3), {1: tmp_path}, lambda root: True)
    with pytest.raises(DeviceError, match="The device failed: ") as failed:
        run(source, Small(0, error, text), Memory(), PipelineOptions(batch=4, loader=THREADS))
    assert text.splitlines()[0] in failed.value.message
    assert "\n" not in failed.value.message
    assert "--device cpu" in failed.value.hint


def test_another_error_is_no_failure_of_the_device(tmp_path: Path) -> None:
    detector = Small(0, RuntimeError, "The size of tensor a (3) must match the size of tensor b (4)")
    source = PhotoSource(library(tmp_path, 3), {1: tmp_path}, lambda root: True)
    with pytest.raises(RuntimeError, match="must match"):
        run(source, detector, Memory(), PipelineOptions(batch=4, loader=THREADS))


class Beside(RedSquares):
    """Starts on a batch at once and holds two; its memory shrinks to ``most`` photos in the third batch."""

    depth = 2

    def __init__(self, most: int) -> None:
        super().__init__()
        self._room, self._n, self.under_way = most, 0, 0
        self.together: list[tuple[int, int]] = []

    def submit(self, pixels: torch.Tensor) -> Callable[[], list[RawDetections]]:
        self._n += 1
        self.under_way += 1
        self.together.append((len(pixels), self.under_way))
        fits = self._n < 3 or len(pixels) <= self._room

        def results() -> list[RawDetections]:
            self.under_way -= 1
            if not fits:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return super(Beside, self).detect(pixels)

        return results


def test_batches_overlap_again_after_memory_ran_out(tmp_path: Path) -> None:
    detector = Beside(2)
    source = PhotoSource(library(tmp_path, 40), {1: tmp_path}, lambda root: True)
    report = run(source, detector, Memory(), PipelineOptions(batch=4, loader=THREADS))
    assert (report.completed, report.batch) == (40, 2)
    later = detector.together[4:]
    assert len(later) >= 10
    assert {n for n, _ in later} <= {1, 2}
    assert max(at_once for _, at_once in later) == 2


@pytest.mark.parametrize("on_gpu", [False, True])
def test_batches_for_a_gpu_are_merged_into_pinned_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_gpu: bool
) -> None:
    """Which torch keeps for the next batches; here it is only asked for, as there is no GPU to pin it for."""
    asked: list[bool] = []
    make = torch.empty

    def empty(*shape: Any, pin_memory: bool = False, **how: Any) -> torch.Tensor:  # noqa: ANN401 - as torch's
        asked.append(pin_memory)
        made: torch.Tensor = make(*shape, **how)
        return made

    monkeypatch.setattr(torch, "empty", empty)
    detector = RedSquares()
    detector.pinned = on_gpu
    source = PhotoSource(library(tmp_path, 10), {1: tmp_path}, lambda root: True)
    report = run(source, detector, Memory(), PipelineOptions(batch=4, loader=THREADS))
    assert report.completed == 10
    assert (True in asked) == on_gpu


class Card:
    """What torch says of a GPU that isn't there."""

    def __init__(self, capability: tuple[int, int], built: list[str], patch: pytest.MonkeyPatch) -> None:
        for name, answer in {
            "is_available": True,
            "device_count": 1,
            "get_device_name": "NVIDIA GeForce GTX 1080",
            "get_device_capability": capability,
            "get_arch_list": built,
        }.items():
            patch.setattr(torch.cuda, name, lambda *_, answer=answer: answer)
        patch.setattr(torch.version, "cuda", "13.0")
        patch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize(
    ("capability", "built", "fits"),
    [
        ((6, 1), ["sm_75", "sm_80", "sm_86", "sm_90"], False),
        ((8, 9), ["sm_75", "sm_80", "sm_86", "sm_90"], True),  # code of 8.6 runs on 8.9
        ((12, 0), ["sm_75", "sm_90"], False),
        ((12, 0), ["sm_75", "compute_90"], True),  # the driver translates it
        ((7, 5), ["sm_75a"], True),
        ((5, 0), [], True),  # torch doesn't tell
    ],
)
def test_a_card_that_torch_is_not_built_for_leaves_the_work_to_the_processor(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], built: list[str], fits: bool
) -> None:
    Card(capability, built, monkeypatch)
    monkeypatch.setattr("trailcam.detect.model.vision_ops.works_on", lambda _: True)
    assert resolve("auto").type == ("cuda" if fits else "cpu")
    if fits:
        assert resolve("cuda") == torch.device("cuda:0")
        return
    said = unused_gpu()
    assert said is not None
    assert "isn't built for the NVIDIA GeForce GTX 1080" in said
    assert "The processor is used." in said
    with pytest.raises(DeviceError, match=r"isn't built for .* compute capability") as refused:
        resolve("cuda:0")
    assert "pytorch.org" in refused.value.hint


def test_a_torchvision_without_cuda_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    Card((8, 9), ["sm_86"], monkeypatch)
    asked: list[str] = []
    monkeypatch.setattr(
        "trailcam.detect.model.vision_ops.works_on",
        lambda kind: bool(asked.append(kind)),  # type: ignore[func-returns-value]
    )
    assert resolve("auto").type == "cpu"
    assert "torchvision can't compute on the NVIDIA" in (unused_gpu() or "")
    with pytest.raises(DeviceError, match="torchvision can't compute"):
        resolve("cuda:0")
    assert set(asked) == {"cuda"}


def test_torchvisions_operators_are_asked_about_by_device() -> None:
    assert vision_ops.works_on("cpu")
    assert not vision_ops.works_on("xpu")


def test_apples_gpu_gets_its_numbers_row_after_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some builds of torch computed convolutions wrongly there from channels_last."""
    monkeypatch.setattr(memory_order, "ROW_AFTER_ROW", {"cpu"})
    detector = open_detector(find_weights(STARTER), CPU)
    assert isinstance(detector, TwoStageDetector)
    assert detector._namer is not None
    networks = [detector._finder, detector._namer._net]
    seen = []
    for network in networks:
        assert isinstance(network, torch.nn.Module)
        assert all(p.is_contiguous() for p in network.parameters())
        network.register_forward_pre_hook(lambda _, given: seen.append(given[0].is_contiguous()))
    detector.raw(torch.from_numpy(frame()[None]))
    assert seen
    assert all(seen)


def test_an_impossible_precision_names_a_setting_that_exists() -> None:
    with pytest.raises(DeviceError) as refused:
        choose_precision(Precision.FLOAT16, CPU)
    assert "--precision" not in refused.value.hint
    assert "TRAILCAM_DETECT_PRECISION" in refused.value.hint


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ({"opencv-python": "5.1"}, "5.1"),
        ({"opencv-python-headless": "5.2"}, "5.2"),  # what containers have
        ({"opencv-contrib-python": "5.3"}, "5.3"),
        ({}, None),
    ],
)
def test_opencv_is_known_under_its_other_names(
    monkeypatch: pytest.MonkeyPatch, there: dict[str, str], found: str | None
) -> None:
    def version(name: str) -> str:
        if name not in there:
            raise PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(machine, "version", version)
    assert machine.installed_version("opencv-python") == found


def test_a_paging_file_that_is_too_small_is_said_in_windows_terms(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_memory() -> None:
        error = OSError(22, "The paging file is too small for this operation to complete")
        error.winerror = 1455  # type: ignore[attr-defined, unused-ignore]
        raise error

    monkeypatch.setattr(command_line, "app", no_memory)
    assert command_line._run() == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "paging file is too small" in said
    assert "--workers" in said
    assert "output" not in said


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


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (OSError("libcudart.so.13: cannot open shared object file: No such file or directory"), None),
        (OSError(22, "The specified module could not be found. Error loading c10.dll"), 126),
        (ImportError("DLL load failed while importing cv2"), None),
        (OSError(28, "No space left on device"), None),
    ],
)
def test_a_library_that_cannot_be_loaded_is_no_bug_and_no_full_disk(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, number: int | None
) -> None:
    def fails() -> None:
        if number is not None:
            error.winerror = number  # type: ignore[attr-defined]
        raise error

    monkeypatch.setattr(command_line, "app", fails)
    monkeypatch.setattr(command_line, "_discard_stdout", lambda: None)
    assert command_line._run() == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "bug" not in said
    is_full = "No space" in str(error)
    assert ("A library can't be loaded" in said) == (not is_full)
    assert ("Is the disk full?" in said) == is_full


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


class InFormat(Looks):
    """Answers nonsense in float16, as GTX 16 cards do."""

    def __init__(self, precision: str) -> None:
        super().__init__()
        self.precision = precision

    def raw(self, pixels: torch.Tensor) -> RawOutput:
        value = float("nan") if self.precision == Precision.FLOAT16 else 0.3
        scores = np.full((9, 2), value, np.float32)
        scores[0] = 0.6 if self.precision == Precision.FLOAT32 else value
        return RawOutput(scores)


def test_a_number_format_that_nobody_asked_for_is_exchanged_where_it_is_wrong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = Weights(tmp_path / "a.pt", "0" * 64, "a test")

    def open_in(precision: str) -> Opened:
        return Opened(InFormat(precision), CPU, plan("cpu"))

    with caplog.at_level("WARNING"):
        found = sound(open_in(Precision.FLOAT16), weights, "auto", open_in)
    assert found.detector.precision == Precision.FLOAT32
    assert "holds NaN or infinity" in caplog.text
    assert "float32 instead" in caplog.text
    with pytest.raises(PipelineError, match="NaN"):
        sound(open_in(Precision.FLOAT16), weights, "float16", open_in)
    right = open_in(Precision.FLOAT32)
    assert sound(right, weights, "auto", lambda _: pytest.fail("opened again")) is right


def starter() -> TwoStageDetector:
    detector = open_detector(find_weights(STARTER), CPU)
    assert isinstance(detector, TwoStageDetector)
    return detector


def test_a_gpu_meets_few_numbers_of_crops_and_answers_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    namer = starter()._namer
    assert namer is not None
    assert isinstance(namer._net, torch.nn.Module)
    frames = torch.from_numpy(frame()[None]).permute(0, 3, 1, 2)
    boxes = [torch.tensor([[10.0 * i, 20, 10 * i + 60, 90] for i in range(19)])]
    seen: list[int] = []
    namer._net.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    with torch.inference_mode():
        expected = namer.probabilities(frames, boxes)
        monkeypatch.setattr(two_stage_crops, "FILLED_UP_TO", {"cpu": 16})
        found = namer.probabilities(frames, boxes)
    assert set(seen[len(seen) // 2 :]) == {32}
    assert found.shape == expected.shape
    # bfloat16 of another batch may be computed in another order
    assert float((found - expected).abs().max()) < 0.05


def test_a_convolutions_own_padding_is_that_of_the_pixels_around() -> None:
    torch.manual_seed(1)
    for kernel, stride in ((3, 1), (5, 1), (3, 2), (5, 2)):
        layer = two_stage_crops._conv(4, 4, kernel, stride)[0]
        assert isinstance(layer, torch.nn.Conv2d)
        total = kernel - stride
        images = torch.rand(2, 4, 12, 16)
        around = torch.nn.functional.pad(images, (total // 2, total - total // 2) * 2)
        expected = torch.nn.functional.conv2d(around, layer.weight, stride=stride)
        torch.testing.assert_close(layer(images), expected)


def test_the_grids_of_a_frame_shape_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made for each batch, they cost a GPU nine waits for the host, and nothing overlaps."""
    made: list[object] = []
    make = yolo_head._grids
    monkeypatch.setattr(yolo_head, "_grids", lambda *given: made.append(given) or make(*given))  # type: ignore[func-returns-value]
    detector = starter()
    wide, high = torch.from_numpy(frame(256, 320)[None]), torch.from_numpy(frame(320, 256)[None])
    first = [detector.raw(photo) for photo in (wide, high, wide)]
    again = starter().raw(wide)  # another detector, whose first frame this is
    assert len(made) == 3
    for one in (first[2], again):
        assert one.boxes is not None
        assert first[0].boxes is not None
        np.testing.assert_array_equal(one.boxes, first[0].boxes)
