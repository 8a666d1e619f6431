"""The check of a GPU, on a processor with small photos: it keeps step with the modules that it looks into."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.gpu import __main__ as check
from benchmarks.gpu import setting
from benchmarks.gpu.commands import looked

CHECKOUT = Path(__file__).resolve().parents[2]
SMALL = {name: (320 * n, 240 * n, 4, 24) for n, name in enumerate(("3MP", "16MP", "2MP_wide"), start=1)}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine two threads of torch wait for each other most of the time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(out: Path, monkeypatch: pytest.MonkeyPatch, parts: str) -> dict[str, Any]:
    monkeypatch.setattr(setting, "SETS", SMALL)
    asked = ["--device", "cpu", "--scale", "0.02", "--only", parts, "--out", str(out), "--work", str(out)]
    monkeypatch.setattr(sys, "argv", ["gpu", *asked])
    check.main()
    parts_found: dict[str, Any] = json.loads((out / "gpu_check.json").read_text())["parts"]
    return parts_found


def test_the_parts_that_judge_run_and_find_a_processor_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(tmp_path, monkeypatch, "steady,memory,syncs,profile")
    assert not [name for name, part in found.items() if "failed" in part], found
    assert found["photos"]["3MP"]["files"] == 24
    for name, part in found["steady"].items():
        assert name == "part_s" or part["missing_on_either_side"] == 0
    for when in ("later", "from the beginning"):
        assert found["memory"][when]["completed"] == 24
        assert found["memory"][when]["photos_with_other_boxes"] == 0
        assert found["memory"][when]["batch"] <= 3


def test_a_part_that_breaks_is_noted_and_the_next_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: setting.Setting) -> dict[str, Any]:
        raise ZeroDivisionError("0")

    monkeypatch.setattr(check, "PARTS", {"env": (broken, 0), "photos": (lambda _: {"fine": True}, 0)})
    found = run(tmp_path, monkeypatch, "env")
    assert found["env"]["failed"] == "ZeroDivisionError: 0"
    assert found["photos"]["fine"] is True


def test_what_detect_says_is_understood() -> None:
    said = (
        "Run 3 on AMD EPYC.\nLooked at 1,000 photos in 1 min 3 s (15.9 photos/s, 2.1 s of it warming up): ..."
    )
    assert looked(said) == {
        "photos": 1000,
        "photos_per_s": 15.9,
        "warmup_s": 2.1,
        "run": "Run 3 on AMD EPYC.",
    }
    assert looked("nothing of it") == {"said": ["nothing of it"]}


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_the_script_finds_the_check(tmp_path: Path) -> None:
    script = CHECKOUT / "benchmarks" / "gpu_check.sh"
    environment = {
        "PYTHON": sys.executable,
        "OUT": str(tmp_path),
        "WORK": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        ["bash", str(script), "--help"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in check.PARTS:
        assert name in done.stdout
