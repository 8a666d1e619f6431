"""benchmarks/peers.py: a program of the field that isn't there, or passes over photos, has no figure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


def measured(tmp_path: Path, peers: Path) -> dict[str, Any]:
    """The results of one round of megadetector alone, on three photos and on one."""
    target = tmp_path / "out.json"
    args = ["--only", "megadetector", "--sets", "640x480", "--photos", "3", "--few", "1", "--rounds", "1"]
    command = [sys.executable, str(CHECKOUT / "benchmarks" / "peers.py"), "--weights", "none.pt", *args]
    done = subprocess.run(
        [*command, "--peers", str(peers), "--output", str(target)],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(target.read_text())["sets"]["640x480"]
    return found


def pretending(tmp_path: Path, says: str) -> Path:
    """An environment whose Python answers ``says`` to everything."""
    python = tmp_path / "peers" / "megadetector" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho '{says}'\n")
    python.chmod(0o755)
    return tmp_path / "peers"


def test_a_program_that_is_not_installed_is_not_run(tmp_path: Path) -> None:
    found = measured(tmp_path, tmp_path / "none")
    assert found["programs"] == {}
    assert found["failed"]["megadetector"].startswith("not run: python benchmarks/peers.py --peers ")
    assert found["failed"]["megadetector"].endswith(" --install")


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for a program")
def test_a_program_that_passes_over_photos_has_no_figure(tmp_path: Path) -> None:
    found = measured(tmp_path, pretending(tmp_path, '{"photos": 1, "boxes": 0}'))
    assert found["programs"] == {}
    assert found["failed"]["megadetector"] == "looked at 1 of 3 photos"
