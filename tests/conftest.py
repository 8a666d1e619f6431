"""What all tests share: photos, weights, and trailcam as a user runs it."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from PIL import Image

from trailcam.samples import Sample, build_library

CHECKOUT = Path(__file__).resolve().parents[1]
SHARED = CHECKOUT / ".." / "shared"


@dataclass(frozen=True)
class SampleLibrary:
    """The sample library on disk and the truth about it. Tests share it: read only."""

    root: Path
    samples: list[Sample]


class TinyJpeg(Protocol):
    """``exif`` holds tags of the main directory, ``exif_ifd`` those of the Exif directory."""

    def __call__(
        self,
        size: tuple[int, int] = (64, 48),
        *,
        color: tuple[int, int, int] = (90, 120, 60),
        exif: Mapping[int, object] | None = None,
        exif_ifd: Mapping[int, object] | None = None,
    ) -> bytes: ...


class Cli(Protocol):
    """Runs ``python -m trailcam ARGS``; ``env`` is laid over the isolated environment."""

    def __call__(
        self,
        *args: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]: ...


_PILLOW_OPEN = Image.open


@pytest.fixture(autouse=True)
def pillow_as_it_is() -> Iterator[None]:
    """A test that imports ultralytics itself leaves Pillow's open() replaced; the next one gets it back."""
    yield
    Image.open = _PILLOW_OPEN


@pytest.fixture(autouse=True)
def logging_as_it_is() -> Iterator[None]:
    """A command in the test's own process sets trailcam's level and handlers; the next gets none."""
    logger = logging.getLogger("trailcam")
    level, handlers = logger.level, logger.handlers[:]
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers


@pytest.fixture(scope="session")
def shared_images() -> Path:
    """The folder of real photos beside the checkout."""
    folder = SHARED / "images"
    if not folder.is_dir():
        pytest.skip("needs the folder shared/images beside the checkout")
    return folder.resolve()


@pytest.fixture(scope="session")
def coco_weights() -> Path:
    """Weights of a real detector with the 80 COCO classes, beside the checkout."""
    weights = SHARED / "dataset" / "yolo11n-coco.pt"
    if not weights.is_file():
        pytest.skip("needs shared/dataset/yolo11n-coco.pt beside the checkout")
    return weights.resolve()


@pytest.fixture(scope="session")
def sample_library(tmp_path_factory: pytest.TempPathFactory) -> SampleLibrary:
    """The sample library, rendered once for all tests."""
    root = tmp_path_factory.mktemp("sample_library")
    return SampleLibrary(root, build_library(root))


@pytest.fixture(scope="session")
def tiny_jpeg() -> TinyJpeg:
    """Makes the bytes of a small real JPEG with the EXIF asked for."""

    def make(
        size: tuple[int, int] = (64, 48),
        *,
        color: tuple[int, int, int] = (90, 120, 60),
        exif: Mapping[int, object] | None = None,
        exif_ifd: Mapping[int, object] | None = None,
    ) -> bytes:
        tags = Image.Exif()
        for tag, value in (exif or {}).items():
            tags[tag] = value
        if exif_ifd:
            tags.get_ifd(0x8769).update(exif_ifd)
        buffer = io.BytesIO()
        Image.new("RGB", size, color).save(buffer, "JPEG", exif=tags.tobytes() if exif or exif_ifd else b"")
        return buffer.getvalue()

    return make


def isolated_environment(home: Path) -> dict[str, str]:
    """The environment of this process without anything of its user's: no config, no database, no colours."""
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TRAILCAM_", "XDG_", "YOLO_"))
    }
    env |= dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"), str(home))
    env |= {
        "TRAILCAM_DB": str(home / "trailcam.duckdb"),
        "PYTHONPATH": str(CHECKOUT),  # so that a test may run elsewhere without an installation
        "PYTHONUTF8": "1",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "COLUMNS": "140",
    }
    return env


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """trailcam as a process of its own, with a home and a database in the test's folder."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)

    def run(
        *args: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "trailcam", *map(str, args)],
            env=isolated_environment(home) | dict(env or {}),
            cwd=cwd or tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )

    return run
