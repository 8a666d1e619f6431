"""The real OpenVINO beside torch: the same boxes, the cache, and what happens where it does not serve."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.two_stage import container, save
from trailcam.detect.model import openvino as ours
from trailcam.detect.model.backend import Backend, openvino_version
from trailcam.detect.model.find_weights import Weights, find_weights
from trailcam.detect.model.lanes import Lanes
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.protocol import Detector, RawOutput
from trailcam.detect.model.two_stage import TwoStageDetector
from trailcam.errors import DeviceError

CPU = torch.device("cpu")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.skipif(openvino_version() is None, reason="openvino is not installed"),
]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return find_weights(save(tmp_path_factory.mktemp("weights") / "two.pt", container("efficientnet-lite0")))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, weights: Weights) -> Path:
    """The cache folder after one export; tests that change it take another."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ours, "cache_folder", lambda: folder)
        assert opened(weights).backend is Backend.OPENVINO
    return folder


@pytest.fixture(autouse=True)
def _cached(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "cache_folder", lambda: cache)


def opened(
    weights: Weights, backend: Backend = Backend.OPENVINO, *, lanes: int = 0, photos: int | None = None
) -> Detector:
    torch.set_num_threads(1)
    return open_detector(
        weights,
        CPU,
        ModelOptions(imgsz=128, precision=Precision.FLOAT32, backend=backend, lanes=lanes, photos=photos),
    )


def photos(n: int, height: int = 96, width: int = 128) -> torch.Tensor:
    rng = np.random.default_rng(n)
    return torch.from_numpy(rng.integers(0, 256, (n, height, width, 3), np.uint8))


def no_export(*_: object, **__: object) -> None:
    raise AssertionError("exported again")


def test_openvino_sees_what_torch_sees(weights: Weights) -> None:
    by_torch, by_openvino = opened(weights, Backend.TORCH), opened(weights)
    for pixels in (photos(3), photos(1, 128, 96), photos(2, 64, 128)):
        for a, b in zip(by_torch.detect(pixels), by_openvino.detect(pixels), strict=True):
            assert len(a.confidence) > 0
            np.testing.assert_array_equal(a.class_id, b.class_id)
            np.testing.assert_allclose(a.confidence, b.confidence, atol=1e-4)
            np.testing.assert_allclose(a.xyxy, b.xyxy, atol=0.05)


def test_a_model_of_one_stage_too(
    coco_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "cache_folder", lambda: tmp_path)
    found, pixels = find_weights(coco_weights), photos(1)
    a, b = opened(found, Backend.TORCH).raw(pixels), opened(found).raw(pixels)
    np.testing.assert_allclose(a.scores, b.scores, atol=1e-4)
    assert a.boxes is not None
    assert b.boxes is not None
    np.testing.assert_allclose(a.boxes, b.boxes, atol=0.05)


def test_the_export_is_made_once(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "_exported", no_export)
    assert opened(weights).backend is Backend.OPENVINO


def again(cache: Path, made: list[str]) -> Callable[..., object]:
    """In the place of an export, which takes seconds: the one that was made before."""
    import openvino

    def export(_net: object, *, uint8: bool) -> object:
        made.append("first" if uint8 else "second")
        [file] = cache.glob(f"*-{made[-1]}.xml")
        return openvino.Core().read_model(file)

    return export


def test_a_damaged_export_is_made_again(
    weights: Weights, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(ours, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(ours, "_exported", again(cache, made))
    for file in cache.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:1000])
    for _ in range(2):
        assert opened(weights).backend is Backend.OPENVINO
        assert made == ["first", "second"]
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in cache.iterdir()}


def test_where_the_cache_cannot_be_written_it_works_anyway(
    weights: Weights, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "_exported", again(cache, []))
    (tmp_path / "file").touch()
    monkeypatch.setattr(ours, "cache_folder", lambda: tmp_path / "file" / "below")
    assert opened(weights).backend is Backend.OPENVINO


def test_lanes_at_the_same_time_do_not_mix_up_their_answers(weights: Weights) -> None:
    lanes = opened(weights, lanes=3)
    assert isinstance(lanes, Lanes)
    assert lanes.backend is Backend.OPENVINO
    batches = [photos(n + 1, *((96, 128) if n % 2 else (128, 96))) for n in range(6)]
    alone = opened(weights)
    waiting = [lanes.submit(batch) for batch in batches]
    for batch, results in zip(batches, waiting, strict=True):
        for a, b in zip(alone.detect(batch), results(), strict=True):
            np.testing.assert_allclose(a.confidence, b.confidence, atol=1e-5)
            np.testing.assert_allclose(a.xyxy, b.xyxy, atol=1e-2)


@pytest.mark.parametrize("score", [0.3, float("nan")])
def test_where_it_disagrees_torch_computes_and_the_user_is_told(
    weights: Weights, score: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ours, "difference", lambda a, b: (score, 0.0))
    with caplog.at_level(logging.WARNING):
        assert opened(weights, Backend.AUTO).backend is Backend.TORCH
    assert "disagrees with torch" in caplog.text
    with pytest.raises(DeviceError, match="disagrees with torch") as refusal:
        opened(weights)
    assert "--backend auto" in str(refusal.value.hint)


def test_difference_is_of_the_raw_answers(weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = TwoStageDetector.raw

    def shifted(self: TwoStageDetector, pixels: torch.Tensor) -> RawOutput:
        seen = whole(self, pixels)
        assert seen.second is not None
        return replace(seen, second=seen.second + 0.1 * (self.backend is Backend.OPENVINO))

    monkeypatch.setattr(TwoStageDetector, "raw", shifted)
    with pytest.raises(DeviceError, match=r"0\.1\d\d in a score"):
        opened(weights)


def test_a_failing_export_is_no_failing_run(
    weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("operator\nunknown")

    monkeypatch.setattr(ours, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(ours, "_exported", broken)
    assert opened(weights, Backend.AUTO).backend is Backend.TORCH
    assert "torch computes instead: operator" in caplog.text


def test_a_few_photos_are_not_worth_an_export(
    weights: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert opened(weights, Backend.AUTO, photos=3).backend is Backend.OPENVINO, "what is there is used"
    monkeypatch.setattr(ours, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(ours, "_exported", no_export)
    assert opened(weights, Backend.AUTO, photos=ours.WORTH_PHOTOS - 1).backend is Backend.TORCH
    assert not caplog.records


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda patch: patch.setattr(ours, "openvino_version", lambda: None), "not installed"),
        (lambda patch: patch.setattr(ours, "_unfit", lambda *_: "a .pt file is needed"), "a .pt file"),
    ],
)
def test_where_it_cannot_be_had_only_who_asked_is_told(
    weights: Weights,
    change: Callable[[pytest.MonkeyPatch], None],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    change(monkeypatch)
    assert opened(weights, Backend.AUTO).backend is Backend.TORCH
    assert not caplog.records
    with pytest.raises(DeviceError, match=reason):
        opened(weights)


def test_another_precision_version_or_file_is_another_export(weights: Weights) -> None:
    one = ours.Exports(weights.sha256, Precision.FLOAT32, 2)
    assert one.file("first") == replace(one, lanes=4).file("first")
    others = [
        replace(one, precision=Precision.BFLOAT16),
        replace(one, weights_sha256="0" * 64),
    ]
    names = {e.file(part).name for e in (one, *others) for part in ("first", "second")}
    assert len(names) == 6


def test_a_request_belongs_to_one_thread() -> None:
    class Model:
        made = 0

        def create_infer_request(self) -> object:
            Model.made += 1
            raise TimeoutError

    compiled = ours.Compiled(Model())

    def call() -> None:
        with pytest.raises(TimeoutError):
            compiled(photos(1))

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Model.made == 2
