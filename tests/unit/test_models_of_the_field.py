"""Checkpoints of YOLOv5 and YOLOX: what they hold, what bad ones get, how photos lie in their frames."""

from __future__ import annotations

import pickle
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.helpers import networks
from trailcam.detect.model.find_weights import LARGEST, find_weights
from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.model.input_size import read_input_size
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.postprocess import detections
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.rtdetr import rows_of_transformer
from trailcam.detect.model.yolov5 import Yolov5, read_yolov5
from trailcam.detect.model.yolox import Yolox
from trailcam.errors import WeightsError

CPU = torch.device("cpu")
FLOAT = ModelOptions(precision=Precision.FLOAT32)


def pixels(height: int = 96, width: int = 128) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (2, height, width, 3), np.uint8))


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Yolov5]:
    net = networks.yolov5_net()
    path = tmp_path_factory.mktemp("five") / "md.pt"
    return networks.save_yolov5(path, deepcopy(net), opt={"imgsz": 128}), net


def test_a_yolov5_checkpoint_answers_as_its_layers_do(five: tuple[Path, Yolov5]) -> None:
    path, net = five
    detector = open_detector(find_weights(path), CPU, FLOAT)
    assert detector.names == {0: "animal", 1: "person"}
    assert (detector.frame, detector.iou) == (FrameSpec(128, 32), 0.45)
    with torch.inference_mode():
        expected = net(pixels().permute(0, 3, 1, 2) / 255)
    wanted = detections(expected, n_classes=2, threshold=0.05, iou=0.45)
    for found, theirs in zip(detector.detect(pixels()), wanted, strict=True):
        assert len(found.confidence) > 3
        np.testing.assert_allclose(found.xyxy, theirs.xyxy, atol=0.01)
        np.testing.assert_allclose(found.confidence, theirs.confidence, atol=1e-4)


def test_yolov5_decodes_a_cell_as_published() -> None:
    """By hand: an anchor of 3 x 5 cells at stride 8, in the cell of column 2 and row 1."""
    net = networks.yolov5_net()
    head: Any = net.model[-1]
    answers = [torch.full((1, 21, 4, 4), -9.0), torch.zeros(1, 21, 2, 2), torch.zeros(1, 21, 1, 1)]
    answers[0][0, :7, 1, 2] = torch.tensor([0.0, 0, 0, 0, 2.0, 1.0, -1.0])
    head.anchors[0, 0] = torch.tensor([3.0, 5.0])
    row = net.decode(answers)[0, :, 1 * 4 + 2]
    something, animal, person = torch.tensor([2.0, 1.0, -1.0]).sigmoid().tolist()
    expected = [(2 + 0.5) * 8, (1 + 0.5) * 8, 3 * 8, 5 * 8, something * animal, something * person]
    assert row.tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("more", "px"),
    [({"opt": {"imgsz": 960}}, 960), ({"opt": {"img_size": [1280, 640]}}, 1280), ({}, None)],
)
def test_the_size_of_a_yolov5_checkpoint(tmp_path: Path, more: dict[str, Any], px: int | None) -> None:
    path = networks.save_yolov5(tmp_path / "a.pt", networks.yolov5_net(), **more)
    assert read_input_size(path).imgsz == px


def test_models_of_four_grids_are_made_for_1280_px(tmp_path: Path) -> None:
    """MegaDetector v5's checkpoints name no size."""
    yaml = networks.four_grids()
    net = Yolov5(yaml, [8, 16, 32, 64])
    path = networks.save_yolov5(tmp_path / "a.pt", net, yaml)
    assert read_input_size(path).imgsz == 1280
    detector = open_detector(find_weights(path), CPU, FLOAT)
    assert detector.frame == FrameSpec(1280, 64)


def test_openvino_computes_a_yolov5_alike(five: tuple[Path, Yolov5], tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    from trailcam.detect.model.openvino import Exports

    path, _ = five
    detector: Any = open_detector(find_weights(path), CPU, FLOAT)
    twin = detector.computed_by(Exports("a" * 64, Precision.FLOAT32, 1, tmp_path))
    for found, expected in zip(twin.detect(pixels()), detector.detect(pixels()), strict=True):
        np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-3)
        np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=0.2)


def test_a_yolox_checkpoint_sees_bgr_and_a_square_frame(tmp_path: Path) -> None:
    path = networks.save_yolox(tmp_path / "x.pth")
    detector = open_detector(find_weights(path), CPU, ModelOptions(imgsz=128, precision=Precision.FLOAT32))
    assert detector.names == {0: "animal"}
    assert detector.frame.fit(4000, 3000)[0] == (128, 128)
    place = detector.frame.fit(4000, 3000)[1]
    assert (place.pad_x, place.pad_y, place.inner) == (0, 0, (128, 96))
    net = Yolox(1, 0.33, 0.375).eval()
    net.load_state_dict(torch.load(path, weights_only=True)["model"])
    with torch.inference_mode():
        expected = net(pixels(128).permute(0, 3, 1, 2).flip(1).float())
    wanted = detections(expected, n_classes=1, threshold=0.05, iou=0.65)
    for found, theirs in zip(detector.detect(pixels(128)), wanted, strict=True):
        assert len(found.confidence)
        np.testing.assert_allclose(found.confidence, theirs.confidence, atol=1e-3)


def test_rtdetr_stretches_a_photo_and_answers_in_shares() -> None:
    frame = FrameSpec(320, 32, stretch=True)
    shape, place = frame.fit(1600, 900)
    assert shape == (320, 320)
    assert place.inner == (320, 320)
    rows = torch.zeros(1, 300, 6)
    rows[0, 0] = torch.tensor([0.5, 0.25, 0.5, 0.5, 0.9, 1])
    (found,) = detections(rows_of_transformer(rows, 320, 320, 3), n_classes=3, threshold=0.5)
    assert found.xyxy.tolist() == [[80, 0, 240, 160]]
    assert found.class_id.tolist() == [1]
    scores = torch.cat([rows[..., :4], torch.zeros(1, 300, 3)], 2)
    scores[0, 0, 4:] = torch.tensor([0.1, 0.2, 0.7])
    (found,) = detections(rows_of_transformer(scores, 320, 320, 3), n_classes=3, threshold=0.5)
    assert (found.class_id.tolist(), found.confidence.tolist()) == ([2], [pytest.approx(0.7)])
    normalised = place.to_xywhn(np.array([[80, 0, 240, 160]], np.float32))
    np.testing.assert_allclose(normalised, [[0.25, 0, 0.5, 0.5]])


# --- bad files: one message each, and nothing is run ---


class _Code:
    """Makes the file ``ran`` when it is unpickled by a reader that trusts."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


def refusal(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        open_detector(find_weights(path), CPU, FLOAT)
    return f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("suffix", [".pt", ".pth"])
def test_a_checkpoint_that_holds_code_is_not_run(tmp_path: Path, suffix: str) -> None:
    mark = tmp_path / "ran"
    path = tmp_path / f"bad{suffix}"
    networks.save_yolov5(path, networks.yolov5_net(), payload=_Code(mark))
    assert "hold more than a YOLO model" in refusal(path)
    torch.save({"model": _Code(mark)}, path)
    assert "would run code" in refusal(path) or "Nothing in it was run" in refusal(path)
    assert not mark.exists()


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".onnx"])
def test_half_a_download(tmp_path: Path, suffix: str) -> None:
    whole = networks.save_yolox(tmp_path / "whole.pth").read_bytes()
    path = tmp_path / f"half{suffix}"
    path.write_bytes(whole[: len(whole) // 2])
    assert "interrupted download" in refusal(path)


def test_a_file_of_3_gb(tmp_path: Path) -> None:
    path = tmp_path / "huge.pt"
    with path.open("wb") as file:
        file.truncate(3 << 30)
    assert path.stat().st_size > LARGEST
    with pytest.raises(WeightsError, match=r"has 3\.0 GB"):
        find_weights(path)


def test_a_pth_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"state_dict": {"layer.weight": torch.zeros(3)}}, path)
    assert "is no YOLOX that trailcam knows" in refusal(path)


def test_a_yolov5_of_other_layers(tmp_path: Path) -> None:
    yaml = deepcopy(networks.YOLOV5_YAML)
    yaml["backbone"][2][2] = "GhostConv"
    path = networks.save_yolov5(tmp_path / "a.pt", networks.yolov5_net(), yaml)
    assert "the layer GhostConv, which trailcam doesn't know" in refusal(path)
    yaml["backbone"][2][2] = "__import__('os').abort()"
    path = networks.save_yolov5(tmp_path / "a.pt", networks.yolov5_net(), yaml)
    assert "which trailcam doesn't know" in refusal(path)


def test_a_yolov5_whose_tensors_do_not_fit(tmp_path: Path) -> None:
    yaml = {**networks.YOLOV5_YAML, "width_multiple": 0.25}
    assert "can't be used" in refusal(networks.save_yolov5(tmp_path / "a.pt", networks.yolov5_net(), yaml))


def test_a_pickle_without_torchs_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(pickle.dumps({"model": 3}))
    assert read_yolov5(path) is None
    refusal(path)
