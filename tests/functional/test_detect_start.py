"""What detect says before it loads a model: how much there is to do needs no torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TinyJpeg

CODE = """
import sys
sys.modules["torch"] = None  # an import of it fails
sys.argv = ["trailcam", *sys.argv[1:]]
from trailcam.cli.app import main
main()
"""


@pytest.fixture
def without_torch(tmp_path: Path, tiny_jpeg: TinyJpeg) -> list[str]:
    (tmp_path / "photos" / "Hayfield").mkdir(parents=True)
    (tmp_path / "photos" / "Hayfield" / "1.jpg").write_bytes(tiny_jpeg())
    command = [sys.executable, "-c", CODE]
    database = ["--db", str(tmp_path / "t.duckdb")]
    subprocess.run([*command, "scan", str(tmp_path / "photos"), *database], check=True, capture_output=True)
    return [*command, "detect", *database, "--include-undated"]


def test_photos_are_found_and_counted_before_torch_is_imported(without_torch: list[str]) -> None:
    done = subprocess.run(without_torch, capture_output=True, text=True, check=False)
    assert done.stderr.startswith("1 photo to look at with starter.pt.\n"), done.stderr
    assert "A library can't be loaded" in done.stderr
    assert "bug" not in done.stderr
    assert done.returncode == 2


def test_nothing_to_do_and_a_dry_run_need_no_torch(without_torch: list[str]) -> None:
    dry = subprocess.run([*without_torch, "--dry-run"], capture_output=True, text=True, check=False)
    assert (dry.returncode, dry.stderr.splitlines()[0]) == (0, "1 photo to look at with starter.pt.")
    none = [*without_torch, "--status", "failed"]
    done = subprocess.run(none, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nothing to do" in done.stderr
