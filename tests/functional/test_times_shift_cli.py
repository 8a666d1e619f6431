"""``trailcam times shift``, ``list`` and ``undo`` as a user runs them."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from tests.conftest import Cli, TinyJpeg


def card(folder: Path, tiny_jpeg: TinyJpeg, year: int, n: int = 3) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for day in range(1, n + 1):
        taken = {0x9003: f"{year}:11:{day:02d} 06:00:00"}
        (folder / f"IMG_{day:04d}.JPG").write_bytes(tiny_jpeg(exif_ifd=taken))


def months(cli: Cli) -> list[tuple[str | None, int]]:
    rows: list[dict[str, Any]] = json.loads(cli("status", "--format", "json").stdout)["rows"]
    return [(row["name"], row["photos"]) for row in rows if row["by"] == "month"]


def test_shown_done_kept_and_taken_back(cli: Cli, tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    card(tmp_path / "lib" / "Hayfield", tiny_jpeg, 2023)
    cli("scan", tmp_path / "lib")
    words = ("times", "shift", "--station", "hayfield", "--since", "2023-11-02", "--by", "+1y2h")
    shown = cli(*words)
    assert shown.returncode == 0, shown.stderr
    assert "2023-11-02 06:00:00  2024-11-02 08:00:00" in shown.stdout
    assert "Nothing was changed. Run the same command with --apply to do it." in shown.stdout
    assert months(cli) == [("2023-11", 3)]
    done = json.loads(cli(*words, "--apply", "--note", "set by hand", "--format", "json").stdout)
    assert (done["coverage"]["photos"], done["filters"]["applied"]) == (2, True)
    assert months(cli) == [("2023-11", 1), ("2024-11", 2)]
    # The card is copied again: all files are read again, and the correction holds.
    card(tmp_path / "lib" / "Hayfield", tiny_jpeg, 2023)
    assert "3" in cli("scan", tmp_path / "lib").stdout
    assert months(cli) == [("2023-11", 1), ("2024-11", 2)]
    listed = json.loads(cli("times", "list", "--format", "json").stdout)["rows"]
    assert [(row["by"], row["photos"], row["in_force"], row["note"]) for row in listed] == [
        ("+366d 2h", 2, 2, "set by hand")
    ]
    undone = cli("times", "undo")
    assert "Shift 1 of 2 photos is undone." in undone.stderr
    assert months(cli) == [("2023-11", 3)]


def test_what_cannot_be_done_is_said(cli: Cli, tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    assert cli("times", "list").returncode == 2  # no library
    card(tmp_path / "lib" / "Hayfield", tiny_jpeg, 2023, 1)
    cli("scan", tmp_path / "lib")
    shift = ("times", "shift", "--station", "Hayfield")
    for words, message in (
        (shift, "Give either --by or --to."),
        ((*shift, "--to", "2024-11-03"), "is a whole day"),
        ((*shift, "--since", "2030", "--by", "+1h"), "No photo with a capture time fits"),
        (("times", "undo", "7"), "There is no shift 7."),
    ):
        done = cli(*words)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_doubts_are_found_by_a_scan_and_shown_wherever_clocks_matter(
    cli: Cli, tmp_path: Path, tiny_jpeg: TinyJpeg
) -> None:
    card(tmp_path / "lib" / "Hayfield", tiny_jpeg, 2023, 20)
    for day in (8, 9):
        taken = {0x9003: f"2022:11:{day:02d} 06:00:00"}
        (tmp_path / "lib" / "Hayfield" / f"IMG_{day:04d}.JPG").write_bytes(tiny_jpeg(exif_ifd=taken))
    copied = tmp_path / "lib" / "Hayfield" / "IMG_0008 (1).JPG"
    copied.write_bytes((tmp_path / "lib" / "Hayfield" / "IMG_0008.JPG").read_bytes())
    scanned = cli("scan", tmp_path / "lib")
    assert "The capture times of 2 photos are in doubt: `trailcam times check` says why." in scanned.stderr
    report = json.loads(cli("times", "check", "--look", "--format", "json").stdout)
    (row,) = report["rows"]
    assert (row["photos"], row["exif"], row["suspect"], row["light_known"]) == (20, 1.0, 2, 20)
    (found,) = report["suspects"]
    assert (found["doubt"], found["by"], found["photos"]) == ("year_off", "+1y", 2)
    assert (found["first_path"], found["last_path"]) == ("Hayfield/IMG_0008.JPG", "Hayfield/IMG_0009.JPG")
    assert "year_off" in cli("status").stdout
    assert "year_off" in cli("report", "stations").stdout
    told = cli("times", "check").stdout
    assert told.startswith("20 of 20 photos have a capture time; 2 photos in doubt.")
    (advice,) = re.findall(r"`trailcam (times shift [^`]*)`", told)
    assert cli(*shlex.split(advice), "--apply").returncode == 0
    assert cli("times", "check").stdout.startswith("20 of 20 photos have a capture time; no clock is in")
