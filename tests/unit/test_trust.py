"""Weights are code: what a .pt file may build when the user has not trusted it."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from trailcam.detect.model import trust
from trailcam.detect.model.find_weights import find_weights
from trailcam.detect.model.yolo import UltralyticsDetector, build_detection_model
from trailcam.errors import WeightsError

CPU = torch.device("cpu")


class Mischief:
    """Makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._folder),)


@pytest.fixture
def own_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "data" / "trusted-weights.json"
    monkeypatch.setattr(trust, "trust_file", lambda: file)
    return file


def save(path: Path, **more: object) -> Path:
    """A freshly built YOLO model, saved as ultralytics saves one, with more in it."""
    from ultralytics.nn.tasks import DetectionModel

    build: Any = DetectionModel
    with contextlib.redirect_stdout(io.StringIO()):
        model = build("yolo11n.yaml", nc=2, verbose=False)
    model.names = {0: "doe", 1: "mature"}
    torch.save({"model": model, "train_args": {"imgsz": 64}, "date": "2026", **more}, path)
    return path


def test_an_ordinary_model_needs_no_trust(tmp_path: Path, own_list: Path) -> None:
    found = find_weights(save(tmp_path / "plain.pt"))
    assert UltralyticsDetector(found, CPU).names == {0: "doe", 1: "mature"}
    assert not own_list.exists()


def test_code_in_weights_runs_only_after_a_person_trusts_them(tmp_path: Path, own_list: Path) -> None:
    ran = tmp_path / "ran"
    found = find_weights(save(tmp_path / "evil.pt", more=Mischief(ran)))
    for _ in range(2):
        with pytest.raises(WeightsError, match=r"hold more than a YOLO model: \w+\.mkdir") as caught:
            UltralyticsDetector(found, CPU)
        assert "--trust-weights" in caught.value.hint
    assert not ran.exists()

    trust.trust("evil.pt", found.sha256)
    assert list(trust.trusted()) == [found.sha256]
    assert UltralyticsDetector(found, CPU).names == {0: "doe", 1: "mature"}
    assert ran.is_dir()

    other = find_weights(save(tmp_path / "evil.pt", more=Mischief(tmp_path / "more")))
    with pytest.raises(WeightsError, match="hold more"):  # another file of the same name
        UltralyticsDetector(other, CPU)
    assert not (tmp_path / "more").exists()


def test_a_container_cannot_run_code_by_its_description(tmp_path: Path) -> None:
    """ultralytics evaluates texts of a model's description unless it was told not to."""
    ran = tmp_path / "ran"
    yaml = {
        "nc": 1,
        "activation": f"__import__('os').mkdir({str(ran)!r})",
        "backbone": [[-1, 1, "Conv", [8, 3, 2]]],
        "head": [[[0], 1, "Detect", ["nc"]]],
    }
    with pytest.raises(Exception, match="blocked"):
        build_detection_model(yaml, ["doe"])
    assert not ran.exists()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', "[" * 20000])
def test_a_list_that_is_rubbish_trusts_nothing(own_list: Path, content: str) -> None:
    own_list.parent.mkdir()
    own_list.write_text(content)
    assert not trust.is_trusted("a")
    trust.trust("x.pt", "b")
    assert trust.is_trusted("b")


def test_trust_that_can_not_be_written_loads_nothing(tmp_path: Path, own_list: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(WeightsError, match="can't be recorded"):
        trust.trust("x.pt", "b")
