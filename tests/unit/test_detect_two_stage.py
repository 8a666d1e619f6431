"""Two models as one detector: the container, the formula, crops, precision, batches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import nms

from tests.helpers.two_stage import COARSE, FINE, container, save
from trailcam.detect.model.find_weights import STARTER, find_weights
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.two_stage import TwoStageDetector, looking_smaller
from trailcam.detect.model.two_stage_crops import LiteNet, _squares, cut, decide, fuse
from trailcam.detect.model.two_stage_file import Container, StageTwo, read_container
from trailcam.detect.model.vision_ops import roi_align
from trailcam.detect.model.yolo import UltralyticsDetector
from trailcam.errors import WeightsError
from trailcam.geometry import iou

CPU = torch.device("cpu")
ARCHS = ("yolo11n-backbone-crop", "efficientnet-lite0")
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module", params=ARCHS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A name that says nothing: the content decides.
    return save(tmp_path_factory.mktemp("weights") / "best.pt", container(request.param))


def detector_of(path: Path, **options: Any) -> TwoStageDetector:  # noqa: ANN401
    found = open_detector(
        find_weights(path), CPU, ModelOptions(imgsz=128, **{"precision": Precision.FLOAT32, **options})
    )
    assert isinstance(found, TwoStageDetector)
    return found


def frames(n: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    coarse = torch.rand(n, 3, 12, 16, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(96, 128), mode="bilinear")
    return (smooth * 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def expected(path: Path, pixels: torch.Tensor, floor: float) -> list[list[tuple[list[float], float, int]]]:
    """The same, one photo and one box at a time, written from the formula."""
    saved = torch.load(path, weights_only=True)
    model = detector_of(path)
    assert model._namer is not None
    two = saved["classifier"]
    results = []
    for photo in pixels:
        x = photo.permute(2, 0, 1)[None]
        with torch.inference_mode():
            raw = model._finder(x.float() / 255)[0][0]
        scores = raw[4:].amax(0)
        keep = scores >= floor
        scores, centred = scores[keep], raw[:4, keep].T
        corners = torch.cat([centred[:, :2] - centred[:, 2:] / 2, centred[:, :2] + centred[:, 2:] / 2], 1)
        boxes = []
        for k in nms(corners, scores, saved["iou"])[: saved["max_crops"]].tolist():
            with torch.inference_mode():
                crop = cut(x, [corners[k : k + 1]], two["input_px"], two["margin"])
                crop = (crop - torch.tensor(two["mean"]).view(3, 1, 1)) / torch.tensor(two["std"]).view(
                    3, 1, 1
                )
                logits = (model._namer._net(crop) + model._namer._net(crop.flip(3))) / 2
            p = dict(zip(two["names"], (logits[0] / two["temperature"]).softmax(0).tolist(), strict=True))
            name, factor = by_hand(p, two)
            if float(scores[k]) * factor >= floor:
                boxes.append((corners[k].tolist(), float(scores[k]) * factor, FINE.index(name)))
        results.append(sorted(boxes, key=lambda b: -b[1]))
    return results


def by_hand(p: dict[str, float], two: dict[str, Any]) -> tuple[str, float]:
    """The formula of :mod:`trailcam.detect.model.two_stage_crops`, in plain Python."""
    antlered, antlerless = ("young", "mid", "mature"), ("doe", "fawn")
    deer = sum(p[n] for n in antlered + antlerless)
    is_object = 1 - p["none"]
    rest = {n: q for n, q in p.items() if n not in (*antlered, *antlerless, "none")}
    best = max(rest, key=lambda n: rest[n])
    if rest[best] > deer:
        return best, is_object * (rest[best] / is_object) ** two["group_sharpness"]
    share = sum(p[n] for n in antlered) / deer
    group = antlered if share >= two["antlered_at"] else antlerless
    sure = max(0.5, share if group is antlered else 1 - share)
    name = max(group, key=lambda n: p[n])
    inside = p[name] / sum(p[n] for n in group)
    factor = (deer / is_object * sure) ** two["group_sharpness"] * inside ** two["sharpness"]
    return name, is_object * factor


def test_a_batch_gives_what_the_formula_gives_box_by_box(made: Path) -> None:
    floor = 0.001
    pixels = frames()
    results = detector_of(made, store_confidence=floor).submit(pixels)()
    compared = 0
    for got, wanted in zip(results, expected(made, pixels, floor), strict=True):
        assert len(got.confidence) == len(wanted)
        assert (np.diff(got.confidence) <= 0).all()
        for k, (box, confidence, class_id) in enumerate(wanted):
            assert iou(got.xyxy[k : k + 1], np.array([box], np.float32))[0, 0] > 0.99
            assert abs(got.confidence[k] - confidence) < 0.001
            assert got.class_id[k] == class_id
            compared += 1
    assert compared >= 6


def test_a_smaller_look_gives_boxes_of_the_whole_frame() -> None:
    def network(pixels: torch.Tensor) -> torch.Tensor:
        height, width = pixels.shape[1:3]
        return torch.tensor([[[width / 2.0], [height / 2.0], [float(width)], [float(height)], [0.5]]])

    found = looking_smaller(network, 0.5)(torch.zeros(1, 128, 192, 3, dtype=torch.uint8))
    assert found[0, :, 0].tolist() == [96, 64, 192, 128, 0.5]


def test_a_first_stage_that_looks_at_less_sees_a_smaller_frame_and_crops_come_from_the_whole(
    tmp_path: Path,
) -> None:
    content = container("efficientnet-lite0")
    whole = save(tmp_path / "whole.pt", content)
    content["detector"]["input_px"] = content["imgsz"] // 2
    less = save(tmp_path / "less.pt", content)
    pixels = frames(1)
    small = torch.nn.functional.interpolate(
        pixels.permute(0, 3, 1, 2), (64, 64), mode="bilinear", antialias=True
    )
    wanted = detector_of(whole).raw(small.permute(0, 2, 3, 1).contiguous())
    found = detector_of(less).raw(pixels)
    assert wanted.boxes is not None
    assert found.boxes is not None
    assert found.second is not None
    assert np.allclose(found.scores, wanted.scores, atol=1e-5)
    assert np.allclose(found.boxes, wanted.boxes * [2, 1.5, 2, 1.5], atol=1e-2)
    second = detector_of(whole).raw(pixels).second
    assert second is not None
    assert np.allclose(found.second, second, atol=1e-6)


def test_a_container_is_told_by_its_content(made: Path, tmp_path: Path) -> None:
    read = read_container(made)
    assert isinstance(read, Container)
    assert read.names == FINE
    assert read.one.names == COARSE
    (tmp_path / "text.pt").write_text("no zip")
    torch.save({"model": torch.nn.Linear(2, 2)}, tmp_path / "pickle.pt")
    torch.save({"format": "something else"}, tmp_path / "other.pt")
    for name in ("text.pt", "pickle.pt", "other.pt", "absent.pt"):
        assert read_container(tmp_path / name) is None


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, ("touch /tmp/executed-by-weights",))


def test_nothing_in_a_container_is_executed(tmp_path: Path) -> None:
    marker = Path("/tmp/executed-by-weights")
    marker.unlink(missing_ok=True)
    torch.save({"format": "trailcam-two-stage-1", "detector": _Evil()}, tmp_path / "evil.pt")
    assert read_container(tmp_path / "evil.pt") is None
    assert not marker.exists()


def test_a_newer_or_incomplete_container_is_a_clear_error(tmp_path: Path) -> None:
    whole = container()
    newer = save(tmp_path / "newer.pt", {"format": "trailcam-two-stage-3"})
    with pytest.raises(WeightsError, match="two-stage-3"):
        read_container(newer)
    for key in ("names", "detector", "iou"):
        part = save(tmp_path / "part.pt", {k: v for k, v in whole.items() if k != key})
        with pytest.raises(WeightsError, match="incomplete"):
            read_container(part)
    with pytest.raises(WeightsError, match="turkey"):
        read_container(save(tmp_path / "odd.pt", whole | {"names": [n for n in FINE if n != "turkey"]}))


def test_tensors_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    for stage in ("detector", "classifier"):
        broken = container()
        state = broken[stage]["state_dict"]
        del state[next(iter(state))]
        with pytest.raises(WeightsError, match="do not fit"):
            detector_of(save(tmp_path / "broken.pt", broken))
    other = container()
    other["classifier"]["arch"] = "resnet"
    with pytest.raises(WeightsError, match="resnet"):
        detector_of(save(tmp_path / "broken.pt", other))


def test_the_detector_says_what_it_is(made: Path) -> None:
    detector = detector_of(made)
    assert detector.names == dict(enumerate(FINE))
    assert detector.thresholds[FINE.index("mature")] == pytest.approx(0.42)
    assert detector.iou == pytest.approx(0.6)
    assert detector.model_key == find_weights(made).sha256
    detector.warmup(96, 128, 2)


def test_no_box_no_question(made: Path) -> None:
    results = detector_of(made, store_confidence=0.999).detect(frames(2))
    assert [len(r.confidence) for r in results] == [0, 0]


def test_bfloat16_finds_what_float32_finds(made: Path) -> None:
    one = detector_of(made, store_confidence=0.01).detect(frames())
    other = detector_of(made, store_confidence=0.01, precision=Precision.BFLOAT16).detect(frames())
    for a, b in zip(one, other, strict=True):
        if len(a.confidence):
            assert abs(float(a.confidence[0] - b.confidence[0])) < 0.1


def stage_two(**changes: Any) -> StageTwo:  # noqa: ANN401
    values: dict[str, Any] = {
        **{"arch": "", "names": (*FINE, "none"), "state": {}, "input_px": 64, "margin": 0.1},
        **{"mean": (0.0,), "std": (1.0,), "width": 64, "temperature": 1.0, "sharpness": 0.25},
        **{"group_sharpness": 0.7, "antlered_at": 0.5, "flip": False, **changes},
    }
    return StageTwo(**values)


@settings(deadline=None)
@given(
    st.lists(st.floats(0.001, 1), min_size=8, max_size=8),
    st.floats(0.1, 0.9),
    st.floats(0, 2),
    st.floats(0, 2),
)
def test_a_score_never_grows_and_none_never_wins(
    raw: list[float], antlered_at: float, sharpness: float, group_sharpness: float
) -> None:
    two = stage_two(antlered_at=antlered_at, sharpness=sharpness, group_sharpness=group_sharpness)
    p = torch.tensor([raw]) / sum(raw)
    classes, factors = decide(p, two)
    name, factor = by_hand(
        dict(zip(two.names, p[0].tolist(), strict=True)),
        {"antlered_at": antlered_at, "sharpness": sharpness, "group_sharpness": group_sharpness},
    )
    assert 0 <= float(factors[0]) <= 1 + 1e-5
    assert two.names[int(classes[0])] != "none"
    assert float(factors[0]) == pytest.approx(factor, abs=1e-3)
    if two.names[int(classes[0])] != name:  # float32 and float64 may break a tie apart
        gap = abs(float(p[0, int(classes[0])]) - float(p[0, two.names.index(name)]))
        assert min(gap, abs(sum(raw[2:5]) - antlered_at * sum(raw[:5]))) < 1e-3


def test_a_crop_shows_the_box_with_its_margin_and_grey_beyond_the_frame() -> None:
    frame = torch.zeros(1, 3, 96, 128, dtype=torch.uint8)
    frame[:, 0, 20:60, 30:50] = 255
    [crop] = cut(frame, [torch.tensor([[30.0, 20, 50, 60]])], 50, 0.125)  # 40 px and 5 on each side
    assert crop.shape == (3, 50, 50)
    assert crop[0, 6:44, 16:34].min() == 1
    assert crop[0, :, :13].max() == 0
    [edge] = cut(frame, [torch.tensor([[-20.0, 20, 20, 60]])], 40, 0.0)
    torch.testing.assert_close(edge[:, :, :18], torch.full((3, 40, 18), 114 / 255))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(*(st.floats(-1e4, 1e4, width=32),) * 4), min_size=1, max_size=3),
    st.integers(8, 64),
)
def test_a_box_of_any_size_anywhere_gives_a_crop(
    boxes: list[tuple[float, float, float, float]], side: int
) -> None:
    corners = torch.tensor([[min(a, c), min(b, d), max(a, c), max(b, d)] for a, b, c, d in boxes])
    frame = torch.full((1, 3, 32, 64), 200, dtype=torch.uint8)
    crops = cut(frame, [corners], side, 0.1)
    assert crops.shape == (len(boxes), 3, side, side)
    grey, light = torch.tensor(114 / 255), torch.tensor(200 / 255)
    assert bool(((crops - grey).abs() < 1e-6).logical_or((crops - light).abs() < 1e-6).all())


def test_a_processor_cuts_the_crops_that_an_accelerator_cuts() -> None:
    seen = frames(1).permute(0, 3, 1, 2)
    boxes = [torch.tensor([[10.2, 8.7, 50.1, 60.9], [90, 50, 140, 120], [-30, -20, 20, 30]])]
    here = cut(seen, boxes, 48, 0.12)
    elsewhere = roi_align(
        torch.nn.functional.pad(seen.float() / 255, (64,) * 4, value=114 / 255),
        [_squares(boxes[0], 0.12) + 64],
        48,
        sampling=2,
    )
    assert float((here - elsewhere).abs().mean()) < 0.01


def test_merging_normalisations_changes_no_answer() -> None:
    torch.manual_seed(3)
    net = LiteNet(8, 64)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    net.eval()
    crops = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        before = net(crops)
    fuse(net)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules())
    with torch.inference_mode():
        torch.testing.assert_close(net(crops), before, atol=1e-4, rtol=1e-3)


def test_another_file_goes_to_ultralytics(coco_weights: Path) -> None:
    assert isinstance(open_detector(find_weights(coco_weights), CPU), UltralyticsDetector)


def test_the_starter_model_is_small_and_is_found_by_default() -> None:
    found = find_weights()
    assert found.path == STARTER
    assert STARTER.stat().st_size < 25_000_000
    detector = open_detector(found, CPU)
    assert {"doe", "fawn", "young", "mid", "mature"} <= set(detector.names.values())
    assert set(detector.thresholds) == set(detector.names)
    assert all(0.05 < value < 0.95 for value in detector.thresholds.values())
