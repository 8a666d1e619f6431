"""``trailcam runs`` in a process of its own, with a fake model, down to what reports and galleries count."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from copy import copy
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, TinyJpeg
from trailcam.files.lock import WriterLock

FAKE = CHECKOUT / "tests" / "helpers" / "fake_trailcam.py"
# A model that sees a mature buck in the same place of every photo.
SHIFTED = """
import sys
import numpy as np
sys.path.insert(0, {helpers!r})
import fake_trailcam as fake
from trailcam.detect.model.protocol import RawDetections

class Other(fake.FakeDetector):
    def _look(self, total):
        box = np.array([[4, 8, 40, 44]], np.float32)
        return RawDetections(box, np.array([0.95], np.float32), np.array([2], np.int16))

sys.meta_path.insert(0, fake.Substitute(Other))
fake.main()
"""


class Library:
    """Six photos, looked at by run 1 (model one), then by run 2, which sees mature bucks alone."""

    def __init__(self, home: Path, tiny_jpeg: TinyJpeg) -> None:
        self.home = home
        self.photos = home / "photos" / "Hayfield"
        self.photos.mkdir(parents=True)
        for n in range(6):
            photo = tiny_jpeg(
                (64, 64), color=(40 + n, 120, 60), exif_ifd={0x9003: f"2024:11:0{n + 1} 06:00:00"}
            )
            (self.photos / f"{n}.jpg").write_bytes(photo)
        self.other = home / "other_model.py"
        self.other.write_text(SHIFTED.format(helpers=str(FAKE.parent)), encoding="utf-8")
        assert self("scan", str(self.photos.parent), "-q").returncode == 0
        self.detect("one")
        self.detect("two", program=self.other)

    def __call__(self, *args: str, program: Path = FAKE) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(program), *args, "--db", str(self.home / "t.duckdb")],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), "COLUMNS": "140"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=self.home,
            timeout=120,
            check=False,
        )

    def detect(self, name: str, program: Path = FAKE) -> subprocess.CompletedProcess[str]:
        weights = self.home / f"{name}.pt"
        weights.write_bytes(name.encode())
        flags = ("--status", "all", "--weights", str(weights), "--device", "cpu", "--workers", "0")
        done = self("detect", *flags, program=program)
        assert done.returncode == 0, done.stderr
        return done

    def ok(self, *args: str) -> str:
        done = self(*args)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *args: str) -> str:
        done = self(*args)
        assert (done.returncode, done.stdout) == (2, "")
        assert "Traceback" not in done.stderr
        return done.stderr

    def species(self) -> dict[str, str]:
        rows = csv.DictReader(
            io.StringIO(self.ok("report", "species", "--format", "csv", "--confidence", "0"))
        )
        return {row["class"]: row["photos"] for row in rows if row["photos"] != "0"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_jpeg: TinyJpeg) -> Library:
    return Library(tmp_path_factory.mktemp("runs"), tiny_jpeg)


@pytest.fixture
def library(made: Library, tmp_path: Path) -> Library:
    """A copy for each test, so that none counts on what another has done."""
    own = copy(made)
    own.home = tmp_path
    for name in ("t.duckdb", "one.pt", "two.pt"):
        shutil.copy2(made.home / name, tmp_path / name)
    return own


def counting(library: Library) -> dict[int, int]:
    answer = json.loads(library.ok("runs", "list", "--format", "json"))
    return {row["run_id"]: row["counting"] for row in answer["rows"]}


def test_a_choice_is_honoured_everywhere_and_taken_back(library: Library) -> None:
    assert counting(library) == {2: 6, 1: 0}
    assert library.species() == {"mature": "6"}
    shown = library.ok("runs", "current", "1")
    assert "one.pt" in shown
    assert "two.pt" not in shown
    assert "Run 1 (one.pt) was chosen by hand" in shown
    assert counting(library) == {2: 0, 1: 6}
    first = library.species()
    assert first != {"mature": "6"}
    assert "chosen by hand" in library.ok("status")
    library.ok("gallery", "-o", "page.html", "--lowest", "0", "-q")
    assert "one.pt (6 photos)" in (library.home / "page.html").read_text(encoding="utf-8")
    exported = library.ok("export", "csv", "--confidence", "0", "-o", "boxes.csv", "-q")
    assert "two.pt" not in (library.home / "boxes.csv").read_text(encoding="utf-8"), exported
    later = library.detect("three", program=library.other)
    assert "6 photos keep the boxes of run 1, which was chosen by hand" in later.stderr
    assert library.species() == first
    assert counting(library) == {3: 0, 2: 0, 1: 6}
    library.ok("runs", "current", "--newest")
    assert counting(library) == {3: 6, 2: 0, 1: 0}
    assert library.species() == {"mature": "6"}


def test_a_run_is_shown_in_full(library: Library) -> None:
    answer = json.loads(library.ok("runs", "show", "2", "--format", "json"))
    assert {row["name"]: row["detections"] for row in answer["rows"]}["mature"] == 6
    facts = {row["name"]: row["value"] for row in answer["facts"]}
    assert facts["weights"] == "two.pt"
    assert facts["state"] == "completed"
    assert any(name.startswith("settings.") for name in facts)
    assert library.ok("runs", "show", "2").startswith("Run 2 (two.pt) looked at 6 photos and found ")


def test_two_runs_are_compared(library: Library) -> None:
    """Both models put their one box in the same place: what differs has changed its class to mature."""
    answer = json.loads(library.ok("runs", "compare", "1", "2", "--confidence", "0", "--format", "json"))
    rows = {row["class"]: row for row in answer["rows"]}
    assert answer["coverage"] == {"photos": 6, "only_a": 0, "only_b": 0, "differ": rows["mature"]["photos"]}
    assert rows["mature"]["changed_to"] == len(answer["boxes"]) > 0
    assert all(row["gained"] == row["lost"] == 0 for row in rows.values())
    table = library.ok("runs", "compare", "1", "2", "--confidence", "0")
    assert table.startswith("A is run 1 (one.pt), B is run 2 (two.pt): 6 photos completed by both")
    listed = library.ok(
        "runs", "compare", "1", "2", "--confidence", "0", "--part", "boxes", "--format", "csv"
    )
    assert len(listed.splitlines()) == 1 + len(answer["boxes"])
    assert "There is no run 99" in library.refused("runs", "compare", "1", "99")
    done = library("runs", "compare", "1", "2", "--confidence", "0", "--page", "differences.html")
    assert done.returncode == 0, done.stderr
    assert f"differences.html: {rows['mature']['photos']} of" in done.stderr
    assert "two.pt" in (library.home / "differences.html").read_text(encoding="utf-8")


def test_deleting_asks_and_refuses_what_counts(library: Library) -> None:
    library.detect("three", program=library.other)
    assert library("correct", "1", "--no-animal", "--author", "Ann").returncode == 0
    before = counting(library)
    spare, in_use = min(before), next(run for run, n in before.items() if n)
    assert "--yes" in library.refused("runs", "delete", str(spare))
    assert "--force" in library.refused("runs", "delete", str(in_use), "--yes")
    assert "There is no run 99" in library.refused("runs", "delete", "99", "--yes")
    assert "There is no run 99" in library.refused("runs", "current", "99")
    assert "exclude" in library.refused("runs", "current", "1", "--newest")
    assert counting(library) == before
    with WriterLock(library.home / "t.duckdb", "a test").acquire():
        assert "in use" in library.refused("runs", "delete", str(spare), "--yes")
    assert f"Deleted run {spare}: 6 results, 6 boxes." in library.ok("runs", "delete", str(spare), "--yes")
    assert spare not in counting(library)
    told = library.ok("runs", "delete", str(in_use), "--yes", "--force")
    assert "6 photos now counted by another run, 0 by none" in told
    assert "Ann" in library.ok("correct", "1")
    assert library.species() == {"mature": "5"}


def test_without_a_database_there_is_nothing_to_delete(tmp_path: Path, library: Library) -> None:
    done = subprocess.run(
        [sys.executable, str(FAKE), "runs", "delete", "1", "--yes", "--db", str(tmp_path / "none.duckdb")],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "There is no database" in done.stderr
    assert not (tmp_path / "none.duckdb").exists()


def test_a_terminal_is_asked(library: Library) -> None:
    """With a terminal of its own: n leaves the run, y deletes it."""
    pty = pytest.importorskip("pty")
    library.detect("four")
    library.ok("runs", "current", "--newest")
    library.detect("five", program=library.other)
    run = min(n for n, photos in counting(library).items() if not photos)
    for answer, left in (("n", True), ("y", False)):
        lead, follow = pty.openpty()
        os.write(lead, f"{answer}\n".encode())
        done = subprocess.run(
            [sys.executable, str(FAKE), "runs", "delete", str(run), "--db", str(library.home / "t.duckdb")],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdin=follow,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        os.close(lead)
        os.close(follow)
        assert done.returncode == 0, done.stderr
        assert f"Delete run {run}" in done.stderr
        assert (run in counting(library)) is left
