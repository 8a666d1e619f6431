"""ONNX files as YOLOv5 and YOLOX export them: read as their checkpoints are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from tests.helpers import networks
from trailcam.detect.model.find_weights import find_weights
from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.postprocess import raw_output
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.protocol import Detector, RawOutput
from trailcam.detect.model.yolox import Yolox
from trailcam.errors import WeightsError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
CPU = torch.device("cpu")


def opened(path: Path, imgsz: int | None = None) -> Detector:
    return open_detector(find_weights(path), CPU, ModelOptions(imgsz=imgsz, precision=Precision.FLOAT32))


def pixels(height: int, width: int, n: int = 2) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(2).integers(0, 256, (n, height, width, 3), np.uint8))


def assert_alike(found: Detector, expected: RawOutput, pixels: torch.Tensor) -> None:
    """The same boxes and scores, place by place: scores that are nearly equal would change their order."""
    raw = found.raw(pixels[:1])
    assert raw.boxes is not None
    assert expected.boxes is not None
    np.testing.assert_allclose(raw.scores, expected.scores, atol=1e-4)
    np.testing.assert_allclose(raw.boxes, expected.boxes, atol=0.05)
    assert [len(one.confidence) > 0 for one in found.detect(pixels)] == [True] * len(pixels)


def test_yolov5s_export_is_its_checkpoint(tmp_path: Path) -> None:
    net = networks.yolov5_net()
    export = networks.save_onnx(
        tmp_path / "md.onnx", networks.Yolov5Answers(net), 96, 128, names="{0: 'animal', 1: 'person'}"
    )
    found = opened(export)
    assert found.names == {0: "animal", 1: "person"}
    assert (found.frame, found.iou) == (FrameSpec(128, 32, (96, 128)), 0.45)
    by_checkpoint = opened(networks.save_yolov5(tmp_path / "md.pt", net, opt={"imgsz": 128}))
    assert_alike(found, by_checkpoint.raw(pixels(96, 128)[:1]), pixels(96, 128))


@pytest.mark.parametrize("decoded", [True, False])
def test_yoloxs_exports_of_both_kinds_are_its_checkpoint(tmp_path: Path, decoded: bool) -> None:
    path = networks.save_yolox(tmp_path / "x.pth")
    net = Yolox(1, 0.33, 0.375)
    net.load_state_dict(torch.load(path, weights_only=True)["model"])
    export = networks.save_onnx(
        tmp_path / "x.onnx", networks.YoloxAnswers(net.eval(), decoded=decoded), 128, 128
    )
    found = opened(export)
    assert found.names == {0: "animal"}
    assert (found.frame, found.iou) == (FrameSpec(128, 32, (128, 128), corner=True), 0.65)
    assert_alike(found, opened(path, 128).raw(pixels(128, 128)[:1]), pixels(128, 128))
    with torch.inference_mode():  # it sees BGR of 0..255
        expected = net(pixels(128, 128)[:1].permute(0, 3, 1, 2).flip(1).float())
    assert_alike(found, raw_output(expected, 1), pixels(128, 128))


def test_four_grids_by_their_number_of_boxes(tmp_path: Path) -> None:
    yaml = networks.four_grids()
    net = networks.yolov5_net(yaml)
    export = networks.save_onnx(
        tmp_path / "six.onnx", networks.Yolov5Answers(net), 128, 192, names="['animal', 'person']"
    )
    found = opened(export)
    assert found.frame == FrameSpec(192, 64, (128, 192))
    with torch.inference_mode():
        expected = net(pixels(128, 192)[:1].permute(0, 3, 1, 2) / 255)
    assert_alike(found, raw_output(expected, 2), pixels(128, 192))


class _Sum(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


class _Wide(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(2)


@pytest.mark.parametrize(
    ("net", "words"),
    [(_Sum(), "numbers, which are no boxes"), (_Wide(), "which trailcam can't read as boxes")],
)
def test_an_export_of_something_else_is_refused(tmp_path: Path, net: torch.nn.Module, words: str) -> None:
    with pytest.raises(WeightsError, match=words) as caught:
        opened(networks.save_onnx(tmp_path / "a.onnx", net, 64, 64))
    assert caught.value.hint


def test_half_of_an_onnx_file(tmp_path: Path) -> None:
    whole = networks.save_onnx(tmp_path / "a.onnx", networks.Yolov5Answers(networks.yolov5_net()), 96, 128)
    assert onnx.load(whole).graph.node
    half = tmp_path / "half.onnx"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(WeightsError, match="can't be loaded") as caught:
        opened(half)
    assert "interrupted download" in caught.value.hint
