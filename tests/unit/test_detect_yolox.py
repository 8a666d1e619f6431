"""YOLOX as the first stage of a two-stage file, and how the second stage's answers become names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.helpers.two_stage import container, save
from trailcam.detect.model import openvino as exports
from trailcam.detect.model.backend import Backend, openvino_version
from trailcam.detect.model.find_weights import find_weights
from trailcam.detect.model.nested import outer
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.two_stage_file import NamingRule
from trailcam.detect.model.two_stage_naming import name_boxes
from trailcam.detect.model.yolox import STRIDES, Yolox, adapted, decode, fuse
from trailcam.errors import WeightsError
from trailcam.train.start import read_start

NAMES = ("doe", "fawn", "young", "mid", "mature", "turkey", "animal", "none")
FINAL = (*NAMES[:-1], "deer", "buck")
RULE = NamingRule(
    bias=0.0,
    found=1.0,
    named=1.0,
    species_power=1.0,
    sex_power=0.0,
    antlered_at=0.6,
    antlerless_at=0.4,
    size_at=0.5,
)


def tiny(seed: int = 1) -> Yolox:
    torch.manual_seed(seed)
    return Yolox(1, 0.33, 0.125).eval()


def two_stages(net: Yolox) -> dict[str, Any]:
    """A file of the second kind, whose first stage only finds."""
    saved = container("efficientnet-lite0")
    saved["format"] = "trailcam-two-stage-2"
    saved["detector"] = {
        "arch": "yolox",
        "names": {0: "object"},
        "yaml": {"depth": 0.33, "width": 0.125},
        "state_dict": net.state_dict(),
        "input_px": 96,
    }
    saved["classifier"]["rule"] = {name: getattr(RULE, name) for name in RULE.__slots__}
    saved["names"] = list(FINAL)
    return saved | {"floor": 0.0, "nested": 0.8}


def test_boxes_lie_on_the_anchors_of_the_grids() -> None:
    height, width = 64, 96
    answers = [torch.zeros(1, 6, height // s, width // s) for s in STRIDES]
    found = decode(answers)[0]
    assert found.shape == (5, sum(height // s * (width // s) for s in STRIDES))
    assert found[:4, 0].tolist() == [0, 0, 8, 8]  # a size of exp(0) strides
    assert found[:2, 1].tolist() == [8, 0]
    assert found[4].tolist() == pytest.approx([0.25] * found.shape[1])


def test_normalisation_can_be_merged_into_convolutions() -> None:
    net, frame = tiny(), torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        before = net(frame)
        fuse(net)
        assert torch.allclose(net(frame), before, atol=1e-3)


def test_published_weights_are_turned_to_our_colours() -> None:
    published, ours, frame = tiny(), tiny(), torch.rand(1, 3, 64, 64)
    ours.load_state_dict(adapted(published.state_dict()))
    with torch.inference_mode():
        assert torch.allclose(ours(frame), published(frame.flip(1) * 255), rtol=1e-3, atol=1e-3)


def test_a_file_with_a_yolox_opens_and_finds(tmp_path: Path) -> None:
    net = tiny()
    with torch.no_grad():
        for layer in (*net.head.obj_preds, *net.head.cls_preds):
            layer.bias.fill_(2.0)
    weights = find_weights(configured=save(tmp_path / "two.pt", two_stages(net)))
    detector = open_detector(weights, torch.device("cpu"))
    pixels = torch.randint(0, 255, (2, 96, 128, 3), dtype=torch.uint8)
    first, second = detector.detect(pixels)
    assert set(detector.names.values()) == set(FINAL)
    assert len(first.confidence)
    assert np.isfinite(first.xyxy).all()
    alone = detector.detect(pixels[1:])[0]
    assert alone.xyxy == pytest.approx(second.xyxy, abs=0.1)
    assert alone.class_id.tolist() == second.class_id.tolist()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(openvino_version() is None, reason="openvino is not installed")
def test_openvino_computes_both_stages_as_torch_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "cache_folder", lambda: tmp_path / "cache")
    net = tiny()
    with torch.no_grad():
        for layer in (*net.head.obj_preds, *net.head.cls_preds):
            layer.bias.fill_(2.0)
    weights = find_weights(configured=save(tmp_path / "two.pt", two_stages(net)))
    by_torch, by_openvino = (
        open_detector(
            weights, torch.device("cpu"), ModelOptions(precision=Precision.FLOAT32, backend=backend)
        )
        for backend in (Backend.TORCH, Backend.OPENVINO)
    )
    assert by_openvino.backend is Backend.OPENVINO
    for height, width in ((96, 128), (128, 96)):
        pixels = torch.randint(0, 255, (2, height, width, 3), dtype=torch.uint8)
        for a, b in zip(by_torch.detect(pixels), by_openvino.detect(pixels), strict=True):
            assert len(a.confidence) > 0
            np.testing.assert_array_equal(a.class_id, b.class_id)
            np.testing.assert_allclose(a.confidence, b.confidence, atol=1e-3)
            np.testing.assert_allclose(a.xyxy, b.xyxy, atol=0.05)


def test_a_yolox_is_not_trained_from(tmp_path: Path) -> None:
    weights = find_weights(configured=save(tmp_path / "two.pt", two_stages(tiny())))
    with pytest.raises(WeightsError, match="run it but not train it"):
        read_start(weights)


def test_the_last_line_of_the_rule_changes_no_order() -> None:
    p = torch.rand(50, len(NAMES), generator=torch.Generator().manual_seed(2)).softmax(1)
    scores = torch.linspace(0.05, 0.95, 50)
    plain = name_boxes(p, scores, NAMES, FINAL, RULE)[1]
    calibrated = name_boxes(p, scores, NAMES, FINAL, replace(RULE, bias=-1.0, found=1.7))[1]
    assert plain.argsort().tolist() == calibrated.argsort().tolist()
    assert bool((calibrated != plain).any())


@pytest.mark.parametrize(
    ("shares", "name"),
    [
        ({"doe": 0.9}, "doe"),
        ({"mature": 0.8, "mid": 0.1}, "mature"),
        ({"mature": 0.3, "mid": 0.3, "young": 0.3}, "buck"),
        ({"doe": 0.45, "mature": 0.45}, "deer"),
        ({"turkey": 0.9, "doe": 0.1}, "turkey"),
    ],
)
def test_what_cannot_be_told_is_not_guessed(shares: dict[str, float], name: str) -> None:
    p = torch.tensor([[shares.get(label, 0.0) for label in NAMES]])
    classes, confidence = name_boxes(p, torch.tensor([0.8]), NAMES, FINAL, RULE)
    assert FINAL[int(classes[0])] == name
    assert 0 < float(confidence[0]) <= 1


def test_a_box_that_is_none_is_hardly_trusted() -> None:
    p = torch.tensor([[0.01, 0, 0, 0, 0, 0, 0, 0.99]])
    _, confidence = name_boxes(p, torch.tensor([0.8]), NAMES, FINAL, RULE)
    assert float(confidence[0]) < 0.1


def test_the_surer_of_two_nested_boxes_stays() -> None:
    boxes = np.array([[0, 0, 100, 100], [10, 10, 50, 50], [200, 0, 300, 100], [10, 10, 50, 50]], np.float32)
    assert outer(boxes, np.array([0, 0, 0, 1]), 0.8).tolist() == [0, 2, 3]
    assert outer(boxes[:0], np.zeros(0, np.int64), 0.8).tolist() == []
