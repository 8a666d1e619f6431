"""``trailcam bench`` and ``trailcam tune`` from the command line to the configuration, with a fake model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.helpers.fake_trailcam import FakeDetector
from trailcam.cli.app import app
from trailcam.settings.config import load

GRID = [(1, 0), (4, 0)]  # threads: starting processes would be most of a test


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four small photos; the fake model in place of a real one, and a home of its own."""
    root = tmp_path / "photos"
    root.mkdir()
    for n in range(4):
        Image.new("RGB", (64, 48), (n * 40, 90, 120)).save(root / f"IMG_{n}.JPG")
    (tmp_path / "weights.pt").write_bytes(b"no real weights")
    # Where it is used: the module may have been imported by a test before.
    monkeypatch.setattr("trailcam.detect.model.open.UltralyticsDetector", FakeDetector)
    monkeypatch.setenv("TRAILCAM_DB", str(tmp_path / "trailcam.duckdb"))
    monkeypatch.setenv("TRAILCAM_CONFIG", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return root


def invoke(library: Path, *args: str) -> tuple[str, str]:
    """stdout and stderr of a command that succeeds."""
    command, *rest = args
    weights = str(library.parent / "weights.pt")
    given = [command, str(library), "--seconds", "0.1", "--weights", weights, "--device", "cpu", *rest]
    done = CliRunner().invoke(app, given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_bench_measures_every_stage_and_leaves_no_database(library: Path) -> None:
    out, _ = invoke(library, "bench", "--format", "json", "--workers", "0", "--batch", "2")
    found = json.loads(out)
    rates = {row["stage"]: row["photos_per_s"] for row in found["rows"]}
    assert list(rates) == ["read", "decode", "transfer", "infer", "write", "decode + infer", "pipeline"]
    assert rates.pop("transfer") is None
    assert all(rate > 0 for rate in rates.values())
    assert [row["limits"] for row in found["rows"]].count("limits") == 1
    assert found["coverage"]["photos"] >= 16
    assert found["coverage"]["failed"] == 0
    efficiency = found["coverage"]["efficiency"]
    assert efficiency is None or 0 < efficiency <= 1.05
    assert not (library.parent / "trailcam.duckdb").exists()


def test_tune_shows_a_table_and_with_dry_run_writes_nothing(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trailcam.bench.try_settings.settings_to_try", lambda *_: GRID)
    config = library.parent / "mine.toml"
    config.write_text("# mine\n", encoding="utf-8")
    out, said = invoke(library, "tune", "--dry-run", "--format", "json", "--config", str(config))
    found = json.loads(out)
    assert sorted((row["batch"], row["workers"]) for row in found["rows"]) == GRID
    assert all(row["photos_per_s"] > 0 and row["runs"] == 3 and row["peak_mb"] > 0 for row in found["rows"])
    assert [row["chosen"] for row in found["rows"]].count("chosen") == 1
    assert "Would write batch" in said
    assert config.read_text(encoding="utf-8") == "# mine\n"


def test_tune_writes_the_winner_for_detect_to_read(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trailcam.bench.try_settings.settings_to_try", lambda *_: GRID)
    config = library.parent / "mine.toml"
    config.write_text('# mine\n[detect]\nbatch = "auto"\nimgsz = 640\n', encoding="utf-8")
    out, said = invoke(library, "tune", "--config", str(config))
    detect = load(config, {}, {}).detect
    assert (detect.batch, detect.workers) in GRID
    assert detect.imgsz == 640
    assert config.read_text(encoding="utf-8").startswith("# mine\n")
    assert f"Wrote batch {detect.batch} and workers {detect.workers} to" in said.replace("\n", " ")
    assert "chosen" in out
