"""What a scan passes over is named: by the scan itself, by status, and beside every number of a report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.conftest import TinyJpeg
from tests.helpers.clips import without_decoder
from trailcam.cli.app import app
from trailcam.errors import RootError
from trailcam.media.file_kinds import IMAGE_SUFFIXES

UNREAD = ("a.HEIC", "b.heic", "c.dng", "d.gif", "e.avif", "f.jxl", "g.JPG.jpg_original")


def without_heif(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra isn't installed."""
    monkeypatch.setattr("trailcam.words.unread.reads_heif", lambda: False)
    monkeypatch.setattr("trailcam.media.walk.photo_suffixes", lambda: IMAGE_SUFFIXES)


@pytest.fixture
def root(tmp_path: Path, tiny_jpeg: TinyJpeg, monkeypatch: pytest.MonkeyPatch) -> Path:
    without_heif(monkeypatch)
    without_decoder(monkeypatch)
    root = tmp_path / "photos"
    for path in (
        "Gate/1.jpg",
        "Gate/2.jfif",
        "Gate/DeletedFiles/3.jpg",
        "Gate/@eaDir/4.jpg",
        "Creek/@eaDir/5.jpg",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(tiny_jpeg() + path.encode())  # no copies of each other
    for name in UNREAD:
        (root / "Gate" / name).write_bytes(b"no photo that is read")
    (root / "Gate" / "clip.mp4").touch()
    return root


def run(tmp_path: Path, *args: str | Path) -> str:
    result = CliRunner().invoke(app, [*map(str, args), "--db", str(tmp_path / "t.duckdb")])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_pictures_of_other_kinds_are_counted_and_named_everywhere(tmp_path: Path, root: Path) -> None:
    said = "1 video and 7 other pictures (2 HEIC, 1 AVIF, 1 DNG, 1 GIF, 1 JPG_ORIGINAL, 1 JXL) not looked at"
    scanned = run(tmp_path, "scan", root)
    assert f"{said}: trailcam reads photos as JPEG" in scanned
    assert "trailcam[heif]" in scanned
    assert "trailcam[video]" in scanned
    status = json.loads(run(tmp_path, "status", "--format", "json"))
    assert (status["coverage"]["photos"], status["coverage"]["other_pictures"]) == (2, 7)
    assert status["coverage"]["other_picture_kinds"]["HEIC"] == 2
    assert said in run(tmp_path, "status")
    assert f"{said}." in run(tmp_path, "report", "bucks")
    assert f"{said}." in run(tmp_path, "report", "species")
    for path in (root / "Gate").glob("*.heic"):
        path.unlink()
    run(tmp_path, "scan", root)
    status = json.loads(run(tmp_path, "status", "--format", "json"))
    assert status["coverage"]["other_picture_kinds"]["HEIC"] == 1


def test_folders_of_other_programs_are_named_once(tmp_path: Path, root: Path) -> None:
    scanned = run(tmp_path, "scan", root)
    assert (
        "Left out 3 folders of other programs' thumbnails or deleted photos: @eaDir (2), DeletedFiles."
        in scanned
    )
    assert scanned.count("Left out") == 1


def test_a_folder_of_nothing_but_heic_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_heif(monkeypatch)
    (tmp_path / "phone").mkdir()
    for n in range(3):
        (tmp_path / "phone" / f"IMG_{n}.HEIC").write_bytes(b"x")
    result = CliRunner().invoke(app, ["scan", str(tmp_path / "phone"), "--db", str(tmp_path / "t.duckdb")])
    assert isinstance(result.exception, RootError)
    assert "3 other pictures (3 HEIC) seen" in result.exception.message
    assert "trailcam[heif]" in result.exception.hint
