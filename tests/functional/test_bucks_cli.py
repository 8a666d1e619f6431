"""``trailcam bucks`` and ``report bucks`` by name, as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.helpers.library import Library, Photo, make_library


@pytest.fixture
def library(tmp_path: Path) -> Library:
    photos = [Photo("a.jpg", "2024-11-03 06:10"), Photo("b.jpg", "2024-11-03 06:10:20", "TinMan")]
    found = {"a.jpg": [("mature", 0.9), ("mature", 0.8)], "b.jpg": [("mature", 0.7)]}
    return make_library(tmp_path, photos, found)


def trailcam(library: Library, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trailcam", *args, "--db", str(library.database.path)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "HOME": str(library.root.parent), "COLUMNS": "140"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_naming_renaming_merging_and_undoing(library: Library) -> None:
    done = trailcam(library, "bucks", "name", "Hayfield/a.jpg", "Split Brow", "--box", "1", "--author", "Ann")
    assert (done.returncode, done.stderr) == (0, "The buck on photo 1 is called Split Brow.\n")
    done = trailcam(library, "bucks", "name", "Hayfield/a.jpg", "split brow", "--box", "2")
    assert done.returncode == 2
    assert "Another animal of the photo is called Split Brow." in done.stderr
    assert "Nothing was changed" in done.stderr
    done = trailcam(library, "bucks", "name", "TinMan/b.jpg", "Split Brow")
    assert done.returncode == 0
    assert "in the same minute" not in done.stderr
    assert "how far apart these are isn't known" in done.stderr
    done = trailcam(library, "bucks", "rename", "split brow", "Old Joe")
    assert done.stderr == "Split Brow is now called Old Joe. `trailcam bucks undo` undoes it.\n"
    answer = json.loads(trailcam(library, "bucks", "list", "--format", "json").stdout)
    assert [row["name"] for row in answer["rows"]] == ["Old Joe"]
    assert [row["what"] for row in answer["namings"]] == ["rename", "name", "name"]
    assert len(answer["doubts"]) == 1
    assert trailcam(library, "bucks", "undo").stderr == "Taken back: rename of Split Brow to Old Joe.\n"
    assert trailcam(library, "bucks", "undo").stderr.startswith("Taken back: Split Brow on 1 photo")
    shown = trailcam(library, "report", "bucks", "--by", "name", "--format", "csv").stdout.splitlines()
    assert shown[0].startswith("name,events,photos,stations,first_sighting,last_sighting,days_since")
    assert [line.split(",")[:3] for line in shown[1:]] == [["Split Brow", "1", "1"], ["", "2", "2"]]
    one = trailcam(library, "report", "bucks", "split brow").stdout
    assert "Split Brow: 1 visit at 1 station" in one


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("bucks", "name", "Hayfield/a.jpg"), "Give a name, or --not-sure."),
        (("bucks", "name", "Hayfield/a.jpg", "X"), "The photo shows 2 bucks."),
        (("bucks", "name", "Hayfield/a.jpg", "X", "--list", "abc"), "--list goes with --box."),
        (
            ("bucks", "name", "Hayfield/a.jpg", "X", "--box", "1", "--list", "abc"),
            "boxes of the photo have changed",
        ),
        (("bucks", "merge", "A", "B"), 'No buck is called "A".'),
        (("bucks", "undo"), "There is no name to take back."),
        (("report", "bucks", "Split Brow"), 'No buck is called "Split Brow".'),
        (("report", "bucks", "--by", "name", "--part", "nights"), "--part doesn't go with names."),
        (("report", "bucks", "X", "--by", "month"), "--by doesn't go with the name of a buck."),
    ],
)
def test_what_cannot_be_said_is_told_with_the_way_out(
    library: Library, args: tuple[str, ...], message: str
) -> None:
    done = trailcam(library, *args)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_not_sure_ends_a_name(library: Library) -> None:
    trailcam(library, "bucks", "name", "TinMan/b.jpg", "Wide")
    done = trailcam(library, "bucks", "name", "TinMan/b.jpg", "--not-sure")
    assert done.stderr == "The buck on photo 2 has no name: nobody can tell it.\n"
    assert "No buck has a name yet" in trailcam(library, "bucks", "list").stdout
