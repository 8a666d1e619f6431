"""`trailcam train` with the real trainer, on a few photos of two colours."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli, TinyJpeg, isolated_environment
from tests.helpers.two_stage import FINE, container, save

pytestmark = [pytest.mark.timeout(600)]


@pytest.fixture
def data(tmp_path: Path, tiny_jpeg: TinyJpeg) -> Path:
    """Six photos to learn from, six to check with; each has one box."""
    rng = np.random.default_rng(5)
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (tmp_path / "ranch" / kind / split).mkdir(parents=True)
        for n in range(6):
            red, green, blue = (int(c) for c in rng.integers(0, 255, 3))
            photo = tmp_path / "ranch" / "images" / split / f"{n}.jpg"
            photo.write_bytes(tiny_jpeg(color=(red, green, blue)))
            label = tmp_path / "ranch" / "labels" / split / f"{n}.txt"
            label.write_text(f"{n % 2} 0.5 0.5 0.5 0.5\n")
    file = tmp_path / "ranch" / "data.yaml"
    file.write_text("train: images/train\nval: images/val\nnames: [doe, mature]\n")
    return file


@pytest.fixture
def start(tmp_path: Path) -> Path:
    return save(tmp_path / "two.pt", container())


def small(data: Path, start: Path, epochs: int = 1) -> list[str]:
    return [
        *("train", str(data), "--from", str(start), "--epochs", str(epochs), "--imgsz", "64"),
        *("--batch", "3", "--device", "cpu"),
    ]


def test_training_ends_in_weights_that_detect_finds_by_name(cli: Cli, data: Path, start: Path) -> None:
    before = {path: path.read_bytes() for path in data.parent.rglob("*") if path.is_file()}
    told = cli(*small(data, start), timeout=500)
    assert told.returncode == 0, told.stderr
    assert {path: path.read_bytes() for path in data.parent.rglob("*") if path.is_file()} == before
    assert all(name in told.stdout for name in ("turkey", "animal"))  # what the labels don't have
    assert "Epoch 1 of 1" in told.stderr
    assert "before" in told.stdout
    (advice,) = (line for line in told.stdout.splitlines() if "trailcam detect" in line)
    words = shlex.split(advice[advice.index("trailcam detect") :])
    assert words[:4] == ["trailcam", "detect", "--weights", "ranch"]
    assert cli("scan", data.parent / "images").returncode == 0
    pasted = cli(*words[1:], timeout=200)
    assert pasted.returncode == 0, pasted.stderr
    assert "ranch" in cli("runs", "list").stdout
    (weights,) = (Path(line[9:]) for line in told.stdout.splitlines() if line.startswith("Weights: "))
    thresholds = json.loads(weights.with_suffix(".thresholds.json").read_text())
    assert all(0 <= value <= 1 for value in thresholds.values())
    judged = cli("evaluate", data, "--split", "val", "--weights", "ranch", "--format", "json")
    assert judged.returncode == 0, judged.stderr
    report = json.loads(judged.stdout)
    assert {row["name"] for row in report["classes"]} == {"doe", "mature"}
    assert report["thresholds"] == {name: thresholds.get(name, 0.5) for name in FINE}
    again = cli(*small(data, start))
    assert again.returncode == 2
    assert "already" in again.stderr


def test_a_stopped_training_carries_on(tmp_path: Path, data: Path, start: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "trailcam", *small(data, start, epochs=8)]
    first = subprocess.Popen(
        command, env=isolated_environment(home), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stderr is not None
    seen = ""
    deadline = time.monotonic() + 240
    while "Epoch 2 of 8" not in seen and time.monotonic() < deadline:
        line = first.stderr.readline()
        if not line:
            break
        seen += line
    assert "Epoch 2 of 8" in seen, seen
    os.kill(first.pid, signal.SIGINT)
    _, rest = first.communicate(timeout=120)
    assert first.returncode == 130, rest
    assert "Stopping after the current batch" in rest
    assert "carry on" in rest
    second = subprocess.run(
        command, env=isolated_environment(home), capture_output=True, text=True, timeout=500, check=False
    )
    assert second.returncode == 0, second.stderr
    assert "Epoch 1 of 8" not in second.stderr
    assert "Epoch 8 of 8" in second.stderr
    assert "Epoch 9" not in second.stderr


def test_what_cannot_be_trained_from_is_refused(cli: Cli, data: Path, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    told = cli("train", data, "--from", tmp_path / "model.onnx", "--epochs", "1")
    assert told.returncode == 2
    assert "can't be trained" in told.stderr
    assert cli("train", tmp_path / "no.yaml").returncode == 2
    named = cli("train", data, "--name", "../evil")
    assert named.returncode == 2
    assert "can't be called" in named.stderr
