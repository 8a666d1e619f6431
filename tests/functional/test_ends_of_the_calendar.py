"""A library with years 0001, 1899, 2079 and 9999 in it: every command gets through it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.conftest import CHECKOUT, TinyJpeg, isolated_environment

FAKE = (str(CHECKOUT / "tests" / "helpers" / "fake_trailcam.py"),)
REAL = ("-m", "trailcam")
YEARS = ("0001", "1899", "2079", "9999")
ENDS = ("0001:01:01 00:00:00", "1899:12:31 23:59:59", "2079:06:07 00:00:01", "9999:12:31 23:59:59")
CONFIG = """
timezone = "Pacific/Auckland"
[project]
title = "Odd years"
contributors = ["Ann Example <ann@example.org>"]
sampling_design = "opportunistic"
capture_method = ["activityDetection"]
[classes]
cow = { kind = "doe" }
coyote = { kind = "doe" }
raccoon = { kind = "doe" }
turkey = { kind = "doe" }
UTV = { kind = "fawn" }
[stations.Hayfield]
latitude = 30.2565
longitude = -97.75
timezone = "America/Chicago"
[stations.Gate]
latitude = -36.85
longitude = 174.76
"""
COMMANDS = (
    "scan ROOT",
    "status",
    "times check",
    "times check --look",
    "times check --format json",
    "times list",
    "times shift --station Gate --since 1800-01-01 --until 2100-01-01 --by=-300d --apply",
    "times undo",
    "report bucks",
    "report bucks --by season --by hour --gap 2h",
    "report bucks --since 0001-01-01 --until 9999-12-31",
    "report bucks -o OUT/bucks.html",
    "report species --by month",
    "report species -o OUT/species.html",
    "report stations",
    "report stations -o OUT/stations.html",
    "report herd --confidence 0",
    "report herd --by month --confidence 0",
    "report activity --class doe --confidence 0",
    "report activity --by sun --confidence 0 --format json",
    "report activity --by moon --confidence 0",
    "report activity -o OUT/activity.html",
    "correct Hayfield/9999.jpg --no-animal",
    "report accuracy",
    "report digest --dry-run",
    "report digest --since 9999-01-01",
    "report digest --by month --dry-run",
    "report digest -o OUT/digest.html",
    "report summary -o OUT/summary.html",
    "gallery -o OUT/gallery.html",
    "review -o OUT/review.html",
    "export csv -o OUT/a.csv",
    "export parquet -o OUT/a.parquet",
    "export megadetector -o OUT/a.json",
    "export coco -o OUT/coco.json",
    "export camtrap-dp -o OUT/package",
    "export crops --class mature --confidence 0 -o OUT/crops",
    "export yolo -o OUT/yolo",
    "export xmp -o OUT/xmp",
    "import camtrap-dp OUT/package --dry-run",
    "show Hayfield/0001.jpg",
    "show Hayfield/1899.jpg --format json",
    "show Gate/2079.jpg",
    "show Gate/9999.jpg -o OUT/show.html",
    "duplicates",
    "runs list",
    "stations list",
    "stations deployments",
    "db check",
)


class Ends:
    """Two stations in two hemispheres, on disk and in a database of their own."""

    def __init__(self, home: Path, tiny_jpeg: TinyJpeg) -> None:
        self.home, self.root = home, home / "photos"
        (home / "out").mkdir()
        self.config = home / "config.toml"
        self.config.write_text(CONFIG)
        for k, station in enumerate(("Hayfield", "Gate")):
            (self.root / station).mkdir(parents=True)
            plain = [f"2025:11:{day:02} {hour:02}:10:00" for day in range(1, 11) for hour in (6, 13, 23)]
            named = [(f"IMG_{n:04}", at) for n, at in enumerate(plain, start=1)]
            for n, (name, at) in enumerate([*named, *zip(YEARS, ENDS, strict=True)]):
                color = (20 + 5 * n, 40 + 90 * k, 60 + n)
                photo = tiny_jpeg(color=color, exif_ifd={0x9003: at, 0x9011: "-06:00"})
                (self.root / station / f"{name}.jpg").write_bytes(photo)
        (home / "fake.pt").write_bytes(b"no model is read by the fake")

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """``command`` as a user runs it; ROOT and OUT stand for folders."""
        args = [
            word.replace("ROOT", str(self.root)).replace("OUT", str(self.home / "out"))
            for word in command.split()
        ]
        done = subprocess.run(
            [sys.executable, *(FAKE if args[0] == "detect" else REAL), *args],
            env=isolated_environment(self.home)
            | {"TRAILCAM_CONFIG": str(self.config), "TRAILCAM_DETECT_WORKERS": "2"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr, f"{command}: {done.stderr}"
        assert "a bug" not in done.stderr, f"{command}: {done.stderr}"
        return done


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory, tiny_jpeg: TinyJpeg) -> Ends:
    ends = Ends(tmp_path_factory.mktemp("ends"), tiny_jpeg)
    for command in ("scan ROOT", f"detect --weights {ends.home / 'fake.pt'}"):
        done = ends.run(command)
        assert done.returncode == 0, done.stderr
    return ends


def test_each_such_year_is_kept_as_it_is_and_in_doubt(ends: Ends) -> None:
    with duckdb.connect(str(ends.home / "trailcam.duckdb"), read_only=True) as db:
        found = db.execute(
            "SELECT strftime(captured_at, '%Y:%m:%d %H:%M:%S'), captured_at_suspect FROM images"
            " JOIN stations USING (station_id) WHERE stations.name = 'Gate'"
            " AND captured_at_suspect IS NOT NULL ORDER BY path"
        ).fetchall()
    doubts = ("before_2000", "before_2000", "future", "future")
    assert found == list(zip(ENDS, doubts, strict=True))


@pytest.mark.parametrize("by", ["+1h", "-1h"])
def test_a_shift_beyond_the_calendar_names_the_way_out_and_changes_nothing(ends: Ends, by: str) -> None:
    done = ends.run(f"times shift --station Hayfield --by={by}")
    assert done.returncode == 2
    assert "dated 0001-01-01 to 9999-12-31; --since and --until" in " ".join(done.stderr.split())


def test_every_command_gets_through(ends: Ends) -> None:
    wrong = {}
    for command in COMMANDS:
        done = ends.run(command)
        if done.returncode not in (0, 1):
            wrong[command] = (done.returncode, done.stderr)
    assert wrong == {}
