"""Post-processing on made tensors, and the real detector against ultralytics' own predict."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from trailcam.detect.choose.plan import plan
from trailcam.detect.model.device import GpuMonitor, describe, resolve
from trailcam.detect.model.find_weights import Weights, find_weights, sha256_of
from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.model.postprocess import MAX_DETECTIONS, detections
from trailcam.detect.model.precision import Precision, choose_precision
from trailcam.detect.model.protocol import RawDetections
from trailcam.detect.model.yolo import UltralyticsDetector
from trailcam.detect.pipeline.decode import Decoded, decode
from trailcam.errors import DeviceError, PipelineError, WeightsError
from trailcam.geometry import iou
from trailcam.machine import usable_cores

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared"
COCO = SHARED / "dataset" / "yolo11n-coco.pt"
CPU = torch.device("cpu")

needs_model = pytest.mark.skipif(not COCO.exists(), reason="the COCO weights are not beside the checkout")
# torch and ultralytics warn about their own doings when they are imported or load a file.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def head(boxes: Sequence[tuple[float, ...]], n_classes: int = 3, anchors: int = 50) -> torch.Tensor:
    """(1, 4 + classes, anchors): each box is cx, cy, w, h, then one score for each class."""
    output = torch.zeros(1, 4 + n_classes, anchors)
    for i, box in enumerate(boxes):
        output[0, :, i] = torch.tensor(box)
    return output


def only(output: torch.Tensor, threshold: float = 0.1, n_classes: int = 3) -> RawDetections:
    [result] = detections(output, n_classes=n_classes, threshold=threshold)
    return result


def test_one_animal_gets_one_box_whatever_its_classes() -> None:
    result = only(
        head([(50, 40, 20, 10, 0.2, 0.6, 0.1), (50.5, 40, 20, 10, 0.7, 0, 0), (150, 40, 20, 10, 0, 0, 0.3)])
    )
    assert result.class_id.tolist() == [0, 2]
    assert result.confidence == pytest.approx([0.7, 0.3])
    np.testing.assert_allclose(result.xyxy, np.array([[40.5, 35, 60.5, 45], [140, 35, 160, 45]]))
    assert [a.dtype.str[1:] for a in (result.xyxy, result.confidence, result.class_id)] == ["f4", "f4", "i2"]


def test_end_to_end_heads_are_suppressed_across_classes_too() -> None:
    output = torch.zeros(2, 300, 6)
    output[1, 0] = torch.tensor([10, 10, 30, 30, 0.8, 2])
    output[1, 1] = torch.tensor([10, 10, 30, 31, 0.6, 0])
    output[1, 2] = torch.tensor([90, 10, 99, 30, 0.05, 1])
    empty, result = detections(output, n_classes=3, threshold=0.1)
    assert len(empty.confidence) == 0
    np.testing.assert_allclose(result.xyxy, [[10, 10, 30, 30]])
    assert result.class_id.tolist() == [2]


def test_the_threshold_itself_is_kept() -> None:
    result = only(head([(50, 40, 20, 10, 0.5, 0, 0), (90, 40, 20, 10, 0.49, 0, 0)]), threshold=0.5)
    assert result.confidence.tolist() == [0.5]


def test_photos_of_a_batch_do_not_suppress_each_other() -> None:
    box = (50.0, 40.0, 20.0, 10.0, 0.9, 0.0, 0.0)
    batch = torch.cat([head([box]), head([]), head([box, (52, 40, 20, 10, 0.95, 0, 0)])])
    results = detections(batch, n_classes=3, threshold=0.1)
    assert [len(r.confidence) for r in results] == [1, 0, 1]
    assert results[2].confidence == pytest.approx([0.95])


def test_at_most_300_boxes_the_best_ones() -> None:
    boxes = [(20.0 * i, 10.0, 5.0, 5.0, 0.2 + i / 1000, 0.0, 0.0) for i in range(400)]
    result = only(head(boxes, anchors=400))
    assert len(result.confidence) == MAX_DETECTIONS
    assert result.confidence.min() == pytest.approx(0.3)
    assert (np.diff(result.confidence) <= 0).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("row", [0, 6])
def test_nonsense_is_an_error_and_never_a_blank(bad: float, row: int) -> None:
    output = head([(50, 40, 20, 10, 0.9, 0, 0)])
    output[0, row, 0] = bad
    with pytest.raises(PipelineError, match="impossible answer"):
        only(output)


@pytest.mark.parametrize("shape", [(1, 9, 50), (1, 50, 7), (7, 50)])
def test_an_output_of_unknown_shape_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(PipelineError, match="shape"):
        detections(torch.zeros(shape), n_classes=3, threshold=0.1)


def test_no_time_limit_blanks_a_crowded_batch() -> None:
    """10,000 candidates in each of 8 photos: what a time limit would cut short is answered in full."""
    output = torch.zeros(8, 7, 10_000)
    generator = torch.Generator().manual_seed(1)
    output[:, :2] = torch.rand(8, 2, 10_000, generator=generator) * 640
    output[:, 2:4] = 30
    output[:, 4] = 0.5 + torch.rand(8, 10_000, generator=generator) / 2
    assert [len(r.confidence) for r in detections(output, n_classes=3, threshold=0.1)] == [MAX_DETECTIONS] * 8


def test_raw_detections_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 confidences"):
        RawDetections(np.zeros((1, 4), np.float32), np.zeros(2, np.float32), np.zeros(2, np.int16))


# ---- the real model


@pytest.fixture(scope="module")
def weights() -> Weights:
    return find_weights(COCO)


@pytest.fixture(scope="module")
def detector(weights: Weights) -> UltralyticsDetector:
    return UltralyticsDetector(weights, CPU, precision=Precision.FLOAT32)


def photos() -> list[Path]:
    from importlib.resources import files

    shipped = Path(str(files("ultralytics"))) / "assets"
    found = sorted(p for p in (SHARED / "images").rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    return [shipped / "bus.jpg", shipped / "zidane.jpg", *found[::4]]


@needs_model
def test_same_boxes_as_ultralytics_own_predict_on_the_same_pixels(detector: UltralyticsDetector) -> None:
    import cv2
    from ultralytics.models import YOLO

    reference: Any = YOLO(str(COCO))
    compared = 0
    for path in photos():
        mine = decode(path.read_bytes(), detector.frame, full=True)
        assert isinstance(mine, Decoded)
        upright = cv2.imread(str(path), cv2.IMREAD_COLOR)
        assert upright is not None
        [theirs] = reference.predict(
            upright,
            conf=0.05,
            iou=0.7,
            agnostic_nms=True,
            imgsz=640,
            verbose=False,
            device="cpu",
            max_det=300,
        )
        assert theirs.boxes is not None
        [ours] = detector.detect(torch.from_numpy(mine.pixels)[None])
        place = mine.place
        boxes = place.to_xywhn(ours.xyxy) * np.array([place.width, place.height] * 2, dtype=np.float32)
        boxes[:, 2:] += boxes[:, :2]
        assert theirs.orig_shape == (place.height, place.width)
        overlap = iou(boxes, theirs.boxes.xyxy.numpy())
        assert overlap.shape[0] == overlap.shape[1], path.name
        for i, best in enumerate(overlap.argmax(axis=1) if len(boxes) else []):
            assert overlap[i, best] > 0.99, path.name
            assert abs(ours.confidence[i] - float(theirs.boxes.conf[best])) < 0.01
            assert ours.class_id[i] == int(theirs.boxes.cls[best])
            compared += 1
    assert compared > 20


def agreement(
    reference: list[RawDetections], other: list[RawDetections], above: float = 0.5
) -> tuple[int, int, float]:
    """Boxes above a confidence in one, matched in the other (IoU > 0.5, class), mean confidence shift."""
    total = matched = 0
    shift = 0.0
    for a, b in zip(reference, other, strict=True):
        for i in np.flatnonzero(a.confidence >= above):
            total += 1
            overlap = iou(a.xyxy[i : i + 1], b.xyxy)[0] * (b.class_id == a.class_id[i])
            if len(overlap) and overlap.max() > 0.5:
                matched += 1
                shift += abs(float(a.confidence[i] - b.confidence[overlap.argmax()]))
    return total, matched, shift / max(matched, 1)


@needs_model
def test_scaled_decoding_finds_what_full_decoding_finds(detector: UltralyticsDetector) -> None:
    full: list[RawDetections] = []
    scaled: list[RawDetections] = []
    for path in photos():
        for form, kept in ((True, full), (False, scaled)):
            photo = decode(path.read_bytes(), detector.frame, full=form)
            assert isinstance(photo, Decoded)
            kept.extend(detector.detect(torch.from_numpy(photo.pixels)[None]))
    for one, other in ((full, scaled), (scaled, full)):
        total, matched, shift = agreement(one, other)
        assert total >= 8
        assert matched / total >= 0.98
        assert shift < 0.12


@needs_model
def test_bfloat16_finds_what_float32_finds(detector: UltralyticsDetector, weights: Weights) -> None:
    half = UltralyticsDetector(weights, CPU, precision=Precision.BFLOAT16)
    assert half.precision is Precision.BFLOAT16
    shown = [decode(path.read_bytes(), detector.frame) for path in photos()[:6]]
    frames = [torch.from_numpy(s.pixels)[None] for s in shown if isinstance(s, Decoded)]
    whole, rough = [detector.detect(f)[0] for f in frames], [half.detect(f)[0] for f in frames]
    for one, other in ((whole, rough), (rough, whole)):
        total, matched, shift = agreement(one, other)
        assert total >= 6
        assert matched == total
        assert shift < 0.03
    # Boxes are decoded in float32: no steps of 4 px.
    corners = np.concatenate([r.xyxy.ravel() for r in rough])
    assert (np.abs(corners - np.rint(corners)) > 0.05).mean() > 0.5


@needs_model
def test_a_batch_gives_what_its_photos_give_alone(detector: UltralyticsDetector) -> None:
    frames = [decode(path.read_bytes(), FrameSpec(640, fixed=(640, 640))) for path in photos()[:4]]
    pixels = torch.stack([torch.from_numpy(f.pixels) for f in frames if isinstance(f, Decoded)])
    together = detector.submit(pixels)()
    for i, result in enumerate(together):
        [alone] = detector.detect(pixels[i : i + 1])
        np.testing.assert_allclose(result.confidence, alone.confidence, atol=1e-3)
        np.testing.assert_allclose(result.xyxy, alone.xyxy, atol=0.1)


@needs_model
def test_the_detector_says_what_it_is(detector: UltralyticsDetector, weights: Weights) -> None:
    assert (detector.names[0], detector.names[79], len(detector.names)) == ("person", "toothbrush", 80)
    assert detector.model_key == weights.sha256 == sha256_of(COCO)
    assert detector.frame == FrameSpec(640, 32)
    assert detector.depth == 1


@needs_model
def test_ultralytics_stays_silent_and_off_the_users_settings(tmp_path: Path) -> None:
    code = (
        "import os, sys, torch; from pathlib import Path\n"
        "from trailcam.detect.model.yolo import UltralyticsDetector\n"
        "from trailcam.detect.model.find_weights import find_weights\n"
        "before = torch.get_num_threads()\n"
        "d = UltralyticsDetector(find_weights(Path(sys.argv[1])), torch.device('cpu'))\n"
        "d.warmup(64, 64, 1)\n"
        "from PIL import Image\n"
        "print(before == torch.get_num_threads(), os.environ.get('OMP_NUM_THREADS'), Image.open.__module__)\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("YOLO_", "OMP_", "XDG_"))}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code, str(COCO)], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "True None PIL.Image\n"
    assert done.stderr == ""
    written = {p.relative_to(tmp_path).parts[:2] for p in tmp_path.rglob("*") if p.is_file()}
    assert all("trailcam" in part or part[0] == "Library" for part in written), written


def save_model(path: Path, yaml: str) -> Path:
    """A freshly built model with random weights, saved as ultralytics saves one."""
    from ultralytics.nn import tasks

    kind: Any = tasks.SegmentationModel if "-seg" in yaml else tasks.DetectionModel
    with contextlib.redirect_stdout(io.StringIO()):
        model = kind(yaml, nc=3, verbose=False)
    model.names = {0: "doe", 1: "young", 2: "mature"}
    torch.save({"model": model, "train_args": {}}, path)
    return path


@needs_model
def test_a_model_for_another_task_is_refused(tmp_path: Path) -> None:
    found = find_weights(save_model(tmp_path / "seg.pt", "yolo11n-seg.yaml"))
    with pytest.raises(WeightsError, match="another kind"):
        UltralyticsDetector(found, CPU)


@needs_model
@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.BFLOAT16])
def test_an_end_to_end_model_runs(tmp_path: Path, precision: Precision) -> None:
    found = find_weights(save_model(tmp_path / "end.pt", "yolo26n.yaml"))
    model = UltralyticsDetector(found, CPU, store_confidence=0.0, precision=precision)
    [result] = model.detect(torch.randint(0, 255, (1, 96, 128, 3), dtype=torch.uint8))
    assert model.names == {0: "doe", 1: "young", 2: "mature"}
    assert 0 < len(result.confidence) <= MAX_DETECTIONS
    assert set(result.class_id.tolist()) <= {0, 1, 2}


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"PK\x03\x04 broken zip"])
def test_damaged_weights_are_a_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.pt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"broken\.pt can't be loaded") as raised:
        UltralyticsDetector(find_weights(path), CPU)
    assert raised.value.message.isprintable()
    assert raised.value.hint


# ---- weights, device, plan


def test_weights_are_looked_for_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / name for name in ("explicit.pt", "configured.onnx", "starter.pt")]
    for file in files:
        file.write_bytes(file.name.encode())
    monkeypatch.setattr("trailcam.detect.model.find_weights.STARTER", files[2])
    assert find_weights(files[0], files[1]).path == files[0]
    assert find_weights(None, files[1]).path == files[1]
    assert find_weights().path == files[2]
    files[2].unlink()
    with pytest.raises(WeightsError, match="no weights") as raised:
        find_weights()
    assert raised.value.exit_code == 2
    assert "--weights" in raised.value.hint


def test_weights_asked_for_are_not_replaced(tmp_path: Path) -> None:
    real = tmp_path / "real.pt"
    real.write_bytes(b"x")
    with pytest.raises(WeightsError, match="do not exist"):
        find_weights(tmp_path / "yolo11n.pt", real)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(WeightsError, match="not a model that trailcam can read"):
        find_weights(tmp_path / "notes.txt")
    with pytest.raises(WeightsError, match="not a model that trailcam can read"):
        find_weights(tmp_path)


def test_a_folder_has_a_fingerprint(tmp_path: Path) -> None:
    folder = tmp_path / "best_openvino_model"
    folder.mkdir()
    (folder / "a.xml").write_bytes(b"1")
    (folder / "a.bin").write_bytes(b"2")
    first = find_weights(folder).sha256
    (folder / "a.bin").write_bytes(b"3")
    assert find_weights(folder).sha256 != first


def test_devices() -> None:
    assert resolve("cpu") == CPU
    assert resolve(" AUTO ").type in ("cpu", "cuda", "mps")
    assert describe(CPU).endswith("(cpu)")
    assert GpuMonitor(CPU).read() is None
    for name in ("gpu", "cuda:x", "cpu:1", "", "cuda:0:1"):
        with pytest.raises(DeviceError, match="Unknown device"):
            resolve(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(DeviceError) as raised:
        resolve("cuda:0")
    assert "--device cpu" in raised.value.hint


def test_precision_by_device() -> None:
    assert choose_precision(Precision.FLOAT32, CPU) is Precision.FLOAT32
    assert choose_precision(Precision.AUTO, CPU) in (Precision.FLOAT32, Precision.BFLOAT16)
    assert choose_precision(Precision.AUTO, torch.device("mps")) is Precision.FLOAT32
    with pytest.raises(DeviceError, match="float16"):
        choose_precision(Precision.FLOAT16, CPU)


@pytest.mark.parametrize("cores", [1, 2, 4, 16, 64])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_plans_are_possible_and_give_way(cores: int, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    made = plan(device, cores=cores)
    assert made.batch >= 1
    assert (0 if device == "cpu" and cores <= 4 else 1) <= made.workers <= max(1, cores)
    assert ("workers 0 (threads)" in made.reason) == (made.workers == 0)
    assert str(made.batch) in made.reason
    assert made.lanes == (min(cores, 32) if device == "cpu" else 1)
    asked = plan(device, batch=3, workers=0, cores=cores)
    assert (asked.batch, asked.workers) == (3, 0)
    assert asked.reason.endswith("as asked")
    assert usable_cores() >= 1


def test_a_plan_heeds_who_limits_the_models_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert plan("cpu", cores=8).lanes == 3
    assert plan("cpu", cores=2).lanes == 2


def test_a_plan_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="batch 0"):
        plan("cpu", batch=0)


def test_postprocessing_costs_little() -> None:
    output = torch.zeros(8, 84, 6300)
    began = time.perf_counter()
    detections(output, n_classes=80, threshold=0.05)
    assert time.perf_counter() - began < 2
