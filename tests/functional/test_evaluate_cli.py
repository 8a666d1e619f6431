"""`trailcam evaluate` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import CHECKOUT, Cli, TinyJpeg, isolated_environment
from tests.helpers.fake_trailcam import NAMES
from tests.helpers.two_stage import container, save

FAKE = CHECKOUT / "tests" / "helpers" / "fake_trailcam.py"


def run(tmp_path: Path, *args: str | Path) -> subprocess.CompletedProcess[str]:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, str(FAKE), *map(str, args)],
        env=isolated_environment(home),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "fake.pt"
    file.write_bytes(b"the fake model never reads it")
    return file


@pytest.fixture
def data(tmp_path: Path, tiny_jpeg: TinyJpeg) -> Path:
    """Eight photos of eight colours; nothing is labelled yet."""
    for kind in ("images", "labels"):
        (tmp_path / "set" / kind / "test").mkdir(parents=True)
    rng = np.random.default_rng(3)
    for n in range(8):
        red, green, blue = (int(c) for c in rng.integers(0, 255, 3))
        picture = tiny_jpeg(color=(red, green, blue))
        (tmp_path / "set" / "images" / "test" / f"<b>{n}.jpg").write_bytes(picture)
        (tmp_path / "set" / "labels" / "test" / f"<b>{n}.txt").write_text("0 0.9 0.9 0.1 0.1\n")
    file = tmp_path / "set" / "data.yaml"
    file.write_text(f"test: images/test\nnames: {json.dumps(list(NAMES))}\n")
    return file


def label_as_seen(data: Path, found: list[dict[str, object]]) -> None:
    """Write as truth what the fake model says: its box is the same on every photo."""
    for row in found:
        label = NAMES.index(str(row["said"]))
        (data.parent / "labels" / "test" / f"{row['stem']}.txt").write_text(
            f"{label} 0.34375 0.5416 0.5625 0.75"
        )


def test_right_and_wrong_are_counted_and_written(tmp_path: Path, data: Path, weights: Path) -> None:
    told = run(
        tmp_path, "evaluate", data, "--weights", weights, "--confidence", "0.3", "-o", tmp_path / "out"
    )
    assert told.returncode == 0, told.stderr
    assert "8 photos of 8 scenes" in told.stdout
    assert "with a buck" in told.stdout
    report = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert report["map50"]["value"] == 0.0  # all labels lie elsewhere
    assert sum(row["boxes"] for row in report["confusion"] if row["label"]) == 8
    page = (tmp_path / "out" / "evaluation.html").read_text()
    assert "&lt;b&gt;0.jpg" in page
    assert "<b>" not in page
    assert "default-src 'none'" in page


def test_a_model_that_says_what_the_labels_say_is_always_right(
    tmp_path: Path, data: Path, weights: Path
) -> None:
    first = run(tmp_path, "evaluate", data, "--weights", weights, "--confidence", "0", "--format", "json")
    assert first.returncode == 0, first.stderr
    strays = [row for row in json.loads(first.stdout)["confusion"] if row["label"] is None]
    assert sum(row["boxes"] for row in strays) == 8
    # Each photo alone tells what the fake says of it.
    for photo in sorted((data.parent / "images" / "test").iterdir()):
        alone = data.parent / "alone.txt"
        alone.write_text(f"{photo}\n")
        data.write_text(f"test: alone.txt\nnames: {json.dumps(list(NAMES))}\n")
        one = run(tmp_path, "evaluate", data, "--weights", weights, "--confidence", "0", "--format", "json")
        (said,) = {row["said"] for row in json.loads(one.stdout)["confusion"] if row["label"] is None}
        label_as_seen(data, [{"stem": photo.stem, "said": said}])
    data.write_text(f"test: images/test\nnames: {json.dumps(list(NAMES))}\n")
    last = run(tmp_path, "evaluate", data, "--weights", weights, "--confidence", "0", "--format", "json")
    report = json.loads(last.stdout)
    assert report["map50"]["value"] == 1.0
    assert all(row["label"] == row["said"] for row in report["confusion"])


def test_a_broken_photo_is_named_and_costs_the_exit_code(tmp_path: Path, data: Path, weights: Path) -> None:
    broken = next((data.parent / "images" / "test").iterdir())
    broken.write_bytes(b"\xff\xd8 no photo")
    told = run(tmp_path, "evaluate", data, "--weights", weights)
    assert told.returncode == 1
    assert broken.name in told.stderr
    assert "7 photos" in told.stdout


def test_what_is_no_data_set_ends_in_one_message(cli: Cli, tmp_path: Path) -> None:
    told = cli("evaluate", tmp_path / "nothing.yaml")
    assert told.returncode == 2
    assert "can't be read" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_real_two_stage_model_is_evaluated_with_its_own_thresholds(
    cli: Cli, tmp_path: Path, data: Path
) -> None:
    saved = container()
    told = cli("evaluate", data, "--weights", save(tmp_path / "two.pt", saved), "--format", "json")
    assert told.returncode == 0, told.stderr
    report = json.loads(told.stdout)
    assert report["thresholds"] == {name: round(at, 4) for name, at in saved["thresholds"].items()}
    assert report["photos"] == 8
