"""``trailcam times read-strip`` as a user runs it, on photos with drawn strips."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import piexif
import pytest

from tests.conftest import Cli, TinyJpeg, isolated_environment
from tests.helpers.strips import LAYOUTS, Truth, render_folder
from trailcam.strip.ocr import available

needs_ocr = pytest.mark.skipif(not available(), reason="needs the extra: pip install 'trailcam[ocr]'")
LAYOUT = {layout.name: layout for layout in LAYOUTS}


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "home" / "trailcam.duckdb"


def table(db: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(db), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def state_exif(path: Path, at: datetime) -> None:
    """Write an EXIF time into a photo."""
    written = at.strftime("%Y:%m:%d %H:%M:%S").encode()
    piexif.insert(piexif.dump({"Exif": {piexif.ExifIFD.DateTimeOriginal: written}}), str(path))


def ranch(root: Path, n: int = 12) -> list[Truth]:
    return render_folder(
        root / "270_Jason", LAYOUT["ranch-like"], n, 1, days=20, start=datetime(2025, 1, 10, 6)
    )


@needs_ocr
def test_undated_photos_get_their_times_and_are_read_once(cli: Cli, tmp_path: Path, db: Path) -> None:
    truths = ranch(tmp_path / "lib")
    (tmp_path / "lib" / "270_Jason" / "IMG_0099.JPG").write_bytes(
        (tmp_path / "lib" / "270_Jason" / "IMG_0001.JPG").read_bytes()[:3000]
    )
    cli("scan", tmp_path / "lib")
    first = cli("times", "read-strip", "--format", "json")
    assert "Read the strips of 13 photos. 12 undated photos got a time." in first.stderr
    assert "1 file can't be decoded:\n  270_Jason/IMG_0099.JPG" in first.stderr
    assert first.returncode == 1
    report = json.loads(first.stdout)
    assert report["coverage"]["dated"] == 12
    found = table(db, "SELECT captured_at, captured_at_source, captured_at_reason FROM images ORDER BY path")
    assert found[:12] == [(truth.at, "strip", "only_reading") for truth in truths]
    assert found[12] == (None, "unknown", None)
    ((detail,),) = table(db, "SELECT detail FROM time_readings ORDER BY image_id LIMIT 1")
    assert set(json.loads(detail)) == {"text", "certainty", "temperature_c", "layout"}
    again = cli("times", "read-strip")
    assert "Read the strips of 1 photo; 12 were read before." in again.stderr
    status = json.loads(cli("status", "--format", "json").stdout)
    assert status["time_sources"] == [{"source": "strip", "photos": 12}, {"source": "unknown", "photos": 1}]


@needs_ocr
def test_order_of_day_and_month_from_exif_or_a_person_never_guessed(
    cli: Cli, tmp_path: Path, db: Path
) -> None:
    start = datetime(2024, 11, 3, 6)
    truths = render_folder(tmp_path / "card", LAYOUT["spypoint-like"], 8, 2, days=2, start=start)
    for station in ("Told", "Witnessed"):
        (tmp_path / "lib" / station).mkdir(parents=True)
        for truth in truths[:6]:
            copy = shutil.copy(truth.path, tmp_path / "lib" / station)
            with Path(copy).open("ab") as file:  # no copy of the other station's photo
                file.write(station.encode())
    state_exif(tmp_path / "lib" / "Witnessed" / truths[0].path.name, truths[0].at)
    cli("scan", tmp_path / "lib")
    first = cli("times", "read-strip")
    assert "comes first: trailcam times read-strip --date-order mdy" in first.stdout
    by_station = "SELECT path LIKE 'Told%', count(captured_at) FROM images GROUP BY ALL ORDER BY 1"
    assert table(db, by_station) == [(False, 6), (True, 0)]
    told = cli("times", "read-strip", "--station", "told", "--date-order", "dmy")
    assert "Read the strips of 0 photos; 6 were read before. 6 undated photos got a time." in told.stderr
    assert table(db, "SELECT DISTINCT month(captured_at) FROM images") == [(11,)]
    # The word is remembered for photos that come later.
    for truth in truths[6:]:
        shutil.copy(truth.path, tmp_path / "lib" / "Told")
    cli("scan", tmp_path / "lib")
    cli("times", "read-strip")
    assert table(db, by_station) == [(False, 6), (True, 8)]


@needs_ocr
def test_a_strip_that_contradicts_exif_is_kept_and_flagged(cli: Cli, tmp_path: Path, db: Path) -> None:
    truths = ranch(tmp_path / "lib", 8)
    for truth in truths:
        state_exif(truth.path, truth.at)
    wrong = truths[3].at.replace(year=2019)
    state_exif(truths[3].path, wrong)
    cli("scan", tmp_path / "lib")
    assert "Every photo has a time from EXIF" in cli("times", "read-strip").stdout
    done = cli("times", "read-strip", "--all", "--format", "json")
    report = json.loads(done.stdout)
    assert (report["coverage"]["agree"], report["coverage"]["differ"]) == (7, 1)
    chosen = table(
        db, "SELECT captured_at, captured_at_source, captured_at_suspect FROM images ORDER BY path"
    )
    assert chosen[3] == (wrong, "exif", "strip_differs")
    assert {row[1:] for n, row in enumerate(chosen) if n != 3} == {("exif", None)}
    readings = "SELECT source, value FROM time_readings JOIN images USING (image_id) WHERE path LIKE '%0004%'"
    assert sorted(table(db, readings)) == [("exif", wrong), ("strip", truths[3].at)]
    assert "strip_differs" in cli("status").stdout


@needs_ocr
def test_scan_can_read_strips_at_once(cli: Cli, tmp_path: Path, db: Path) -> None:
    ranch(tmp_path / "lib", 6)
    done = cli("scan", tmp_path / "lib", "--read-strip")
    assert done.returncode == 0, done.stderr
    assert table(db, "SELECT count(captured_at) FROM images") == [(6,)]


@needs_ocr
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_stopped_run_keeps_what_it_read(cli: Cli, tmp_path: Path, db: Path) -> None:
    truths = ranch(tmp_path / "lib", 60)
    cli("scan", tmp_path / "lib")
    command = [sys.executable, "-m", "trailcam", "times", "read-strip", "--workers", "1"]
    process = subprocess.Popen(
        command,
        env=isolated_environment(tmp_path / "home"),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    kept = table(db, "SELECT count(*) FROM time_readings")[0][0]
    if process.returncode == 130:  # a fast machine may have been done
        assert f"Stopped after reading the strips of {kept} photo" in stderr
        assert 0 <= kept < 60
        assert table(db, "SELECT count(captured_at) FROM images") == [(0,)]
    done = cli("times", "read-strip")
    assert f"Read the strips of {60 - kept} photo" in done.stderr
    right = dict(table(db, "SELECT path, captured_at FROM images"))
    found = [right[f"270_Jason/{truth.path.name}"] for truth in truths]
    assert [at for at, truth in zip(found, truths, strict=True) if at not in (truth.at, None)] == []
    assert sum(at is not None for at in found) >= 58


@needs_ocr
def test_an_absent_drive_is_said_and_changes_nothing(cli: Cli, tmp_path: Path, db: Path) -> None:
    ranch(tmp_path / "lib", 3)
    cli("scan", tmp_path / "lib")
    (tmp_path / "lib").rename(tmp_path / "unplugged")
    done = cli("times", "read-strip")
    assert done.returncode == 2
    assert "lib" in done.stderr
    assert table(db, "SELECT count(*) FROM time_readings") == [(0,)]


@pytest.mark.parametrize("words", [("times", "read-strip"), ("scan", "lib", "--read-strip")])
def test_without_the_extra_it_says_what_to_install(
    cli: Cli, tmp_path: Path, tiny_jpeg: TinyJpeg, words: tuple[str, ...]
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.jpg").write_bytes(tiny_jpeg())
    hide = tmp_path / "hide"
    hide.mkdir()
    (hide / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n, p=None: None if n == 'rapidocr' else find(n, p)\n"
    )
    path = isolated_environment(tmp_path).get("PYTHONPATH", "")
    done = cli(*words, env={"PYTHONPATH": f"{hide}:{path}".rstrip(":")}, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert '-m pip install "trailcam[ocr]"' in done.stderr
    assert "Traceback" not in done.stderr
