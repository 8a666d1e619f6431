"""``trailcam export`` as a process: exit codes, streams, messages."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conftest import Cli
from tests.helpers.library import Photo, make_library


def test_an_export_says_what_it_wrote(cli: Cli, tmp_path: Path) -> None:
    make_library(tmp_path, [Photo("1.jpg"), Photo("2.jpg")], {"1.jpg": [("mature", 0.9)]})
    done = cli("export", "megadetector", "--db", tmp_path / "trailcam.duckdb", "-o", "md.json")
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 photo, 1 box" in done.stderr
    assert "1 photo has no result" in done.stderr
    assert len(json.loads((tmp_path / "md.json").read_text())["images"]) == 1


def test_a_photo_is_never_the_target(cli: Cli, tmp_path: Path) -> None:
    make_library(tmp_path, [Photo("1.jpg")])
    done = cli("export", "csv", "--db", tmp_path / "trailcam.duckdb", "-o", "photo.jpg")
    assert done.returncode == 2
    assert "ending of a photo" in done.stderr
    assert not (tmp_path / "photo.jpg").exists()


def test_no_database_is_said(cli: Cli, tmp_path: Path) -> None:
    done = cli("export", "parquet", "-o", "o.parquet")
    assert done.returncode == 2
    assert "trailcam scan" in done.stderr
    assert not (tmp_path / "o.parquet").exists()
