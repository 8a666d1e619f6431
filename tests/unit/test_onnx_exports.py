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


def test_the_network_itself_says_its_size_whatever_its_description(tmp_path: Path) -> None:
    """Descriptions that are edited by hand, or left by another export."""
    wide = opened(networks.save_detect_onnx(tmp_path / "a.onnx", (64, 96), imgsz="[640, 640]"))
    assert wide.frame == FrameSpec(96, 32, (64, 96))
    assert len(wide.detect(pixels(64, 96, 3))) == 3
    free = opened(networks.save_detect_onnx(tmp_path / "b.onnx", ("h", "w"), "n", imgsz="[64, 96]"))
    assert free.frame == FrameSpec(96, 32)
    dynamic = networks.save_detect_onnx(
        tmp_path / "c.onnx", ("h", "w"), "n", imgsz="[64, 96]", args="{'dynamic': True}"
    )
    assert opened(dynamic).frame == FrameSpec(96, 32)
    lying = networks.save_detect_onnx(tmp_path / "d.onnx", (64, 64), args="{'dynamic': True}")
    assert opened(lying, 96).frame == FrameSpec(64, 32, (64, 64))


ANY = FrameSpec(640, 32)  # nothing usable is said


@pytest.mark.parametrize(
    ("said", "frame"), [("640", FrameSpec(640, 32, (640, 640))), ("0", ANY), ("{}", ANY), ("None", ANY)]
)
def test_odd_sizes_in_a_description_that_leave_a_choice(tmp_path: Path, said: str, frame: FrameSpec) -> None:
    assert opened(networks.save_detect_onnx(tmp_path / "a.onnx", ("h", "w"), imgsz=said)).frame == frame


@pytest.mark.parametrize(
    "said",
    [
        "[640]",
        "[64, 64, 3]",
        "[0, 0]",
        "[-64, 64]",
        "64.0",
        "'64'",
        "[99999, 64]",
        "True",
        "auto",
        "[64, None]",
    ],
)
def test_impossible_sizes_in_a_description(tmp_path: Path, said: str) -> None:
    with pytest.raises(WeightsError) as caught:
        opened(networks.save_detect_onnx(tmp_path / "a.onnx", ("h", "w"), imgsz=said))
    assert caught.value.hint


@pytest.mark.parametrize(
    "told",
    [
        {"stride": "0"},
        {"stride": "-32"},
        {"stride": "many"},
        {"names": "deer"},
        {"names": "{'x': 'deer'}"},
        {"names": "{7: 'deer'}"},
        {"names": "[]"},
        {"args": "[]"},
        {"batch": "4"},
        {"channels": "4"},
        {"task": "classify"},
        {"task": "knitting"},
    ],
    ids=str,
)
def test_odd_descriptions(tmp_path: Path, told: dict[str, str]) -> None:
    path = networks.save_detect_onnx(tmp_path / "a.onnx", **told)
    with pytest.raises(WeightsError) as caught:
        opened(path)
    assert caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "shape", [[], [1, 3], [1, 1, 64, 64], [1, 3, 1 << 20, 1 << 20], [1 << 30, 3, 64, 64], ["n", "c"]], ids=str
)
def test_inputs_that_are_no_photos(tmp_path: Path, shape: list[int | str]) -> None:
    helper, of = onnx.helper, onnx.TensorProto.FLOAT
    values = [helper.make_tensor_value_info(name, of, shape) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", values[:1], values[1:])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9),
        tmp_path / "a.onnx",
    )
    with pytest.raises(WeightsError, match=r"not photos|no boxes|read as boxes") as caught:
        opened(tmp_path / "a.onnx")
    assert caught.value.hint


def test_a_network_without_an_input(tmp_path: Path) -> None:
    helper = onnx.helper
    one = helper.make_tensor("one", onnx.TensorProto.FLOAT, [1], [1.0])
    node = helper.make_node("Constant", [], ["y"], value=one)
    out = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = helper.make_graph([node], "g", [], [out])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9),
        tmp_path / "a.onnx",
    )
    with pytest.raises(WeightsError, match="takes nothing, not photos"):
        opened(tmp_path / "a.onnx")
