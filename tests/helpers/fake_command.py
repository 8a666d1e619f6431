"""The command line with the fake model, on a library of its own, for tests that run it in a process."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
from PIL import Image

from tests.conftest import CHECKOUT, isolated_environment

FAKE = CHECKOUT / "tests" / "helpers" / "fake_trailcam.py"
N = 120  # photos that can be read


class Fake:
    """The command line with the fake model, a home and a library of its own."""

    def __init__(self, home: Path, library: Path, weights: Path) -> None:
        self.home, self.library, self.weights = home, library, weights
        self.env = isolated_environment(home) | {"TRAILCAM_DETECT_WORKERS": "0", "TRAILCAM_DETECT_BATCH": "4"}

    @property
    def db(self) -> Path:
        return self.home / "trailcam.duckdb"

    def start(self, *args: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(FAKE), *args],
            env=self.env | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *args: str, env: dict[str, str] | None = None) -> tuple[int, str, str]:
        process = self.start(*args, env=env)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def detect(self, *args: str, env: dict[str, str] | None = None) -> tuple[int, str, str]:
        return self.run("detect", "--weights", str(self.weights), *args, env=env)

    def start_detect(self, *args: str, photo_s: float = 0.02) -> subprocess.Popen[str]:
        slow = {"TRAILCAM_FAKE_S": str(photo_s)}
        return self.start("detect", "--weights", str(self.weights), *args, env=slow)

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """What must not depend on how often a run was cut short."""
        with duckdb.connect(str(self.db), read_only=True) as db:
            return {
                "images": db.execute(
                    "SELECT path, status, error_code, run_id FROM images ORDER BY path"
                ).fetchall(),
                "results": db.execute(
                    "SELECT path, r.status, r.error_code"
                    " FROM results r JOIN images USING (image_id) ORDER BY ALL"
                ).fetchall(),
                "detections": db.execute(
                    "SELECT path, class_id, confidence, x, y, w, h"
                    " FROM detections JOIN images USING (image_id) ORDER BY ALL"
                ).fetchall(),
                "runs": db.execute(
                    "SELECT run_id, state, n_completed, n_failed, n_missing, n_detections FROM runs"
                ).fetchall(),
            }


def make_photos(root: Path) -> None:
    """N small photos of different pixels at two stations; every tenth has no date, one is broken."""
    random.seed(7)
    for n in range(N):
        station = root / ("Hayfield" if n % 2 else "Sanctuary")
        station.mkdir(exist_ok=True)
        image = Image.new(
            "RGB", (64, 48), (random.randrange(256), random.randrange(256), random.randrange(256))
        )
        exif = Image.Exif()
        if n % 10:
            exif.get_ifd(0x8769)[0x9003] = f"2024:{n % 12 + 1:02}:03 06:{n % 60:02}:00"
        image.save(station / f"IMG_{n:04}.JPG", exif=exif.tobytes())
    (root / "Hayfield" / "IMG_9999.JPG").write_bytes((root / "Hayfield" / "IMG_0001.JPG").read_bytes()[:700])


def scanned(folder: Path, library: Path) -> Fake:
    """The photos of ``library``, scanned into a database in ``folder``, and weights for the fake model."""
    home = folder / "home"
    home.mkdir()
    weights = folder / "fake.pt"
    weights.write_bytes(b"weights that only the fake reads")
    made = Fake(home, library, weights)
    code, _, err = made.run("scan", str(library))
    assert code == 0, err
    return made
