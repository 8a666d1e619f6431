"""What a message says to install an extra with works where it is said, and only adds what the extra needs."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from trailcam.machine import add_extra


def test_the_command_names_this_python_and_the_installed_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert add_extra("ocr").endswith('-m pip install "trailcam[ocr]"')
    python = tmp_path / "my folder" / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    assert add_extra("ocr").startswith(f'"{python}" -m pip')
    monkeypatch.chdir(tmp_path)
    assert add_extra("ocr").startswith(f'"{Path("my folder") / "python"}" -m pip')


def test_pip_takes_it_for_the_trailcam_that_is_there() -> None:
    try:
        metadata.distribution("trailcam")
    except metadata.PackageNotFoundError:
        pytest.skip("trailcam is run from its sources, not installed")
    asked = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-index", "trailcam[ocr]"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert "Requirement already satisfied: trailcam[ocr]" in done.stdout, done.stdout + done.stderr
    assert "Would install trailcam" not in done.stdout
