"""Every kind of broken file at once, through the real command line: each ends in one documented row."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import CHECKOUT, isolated_environment
from tests.helpers.bad_files import LOOKED_AT, corpus, write, write_odd
from trailcam.store.paths import from_db

FAKE = (str(CHECKOUT / "tests" / "helpers" / "fake_trailcam.py"),)
REAL = ("-m", "trailcam")
N_WHOLE = 120  # more whole photos than broken ones, as on a real drive

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="such names and files need POSIX")


class Library:
    """The corpus on disk, and trailcam with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home, self.root = home, home / "photos"
        self.root.mkdir()
        self.files = corpus()
        write(self.root, self.files, N_WHOLE)
        self.odd = write_odd(self.root)
        self.weights = home / "fake.pt"
        self.weights.write_bytes(b"no model is read by the fake")

    def run(self, *args: str | Path) -> tuple[int, bytes, bytes]:
        done = subprocess.run(
            [sys.executable, *(FAKE if args[0] == "detect" else REAL), *map(str, args)],
            env=isolated_environment(self.home) | {"TRAILCAM_DETECT_WORKERS": "2"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        for stream in (done.stdout, done.stderr):
            assert b"Traceback" not in stream, stream.decode(errors="replace")
            raw = {byte for byte in stream if (byte < 32 and byte not in b"\n\r") or byte == 127}
            assert not raw, f"control characters reach the terminal: {raw}"
            stream.decode()
        return done.returncode, done.stdout, done.stderr

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.home / "trailcam.duckdb"), read_only=True) as db:
            return db.execute(sql).fetchall()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    library = Library(tmp_path_factory.mktemp("bad"))
    code, _, err = library.run("scan", library.root)
    assert code == 1, err
    code, _, err = library.run("detect", "--weights", library.weights)
    assert code == 1, err
    return library


def outcomes(library: Library) -> dict[str, str]:
    found = library.rows("SELECT path, status, error_code FROM images")
    return {from_db(path): status if status == LOOKED_AT else code for path, status, code in found}


def test_each_file_ends_in_one_row_with_the_documented_outcome(library: Library) -> None:
    found = outcomes(library)
    assert len(found) == library.rows("SELECT count(*) FROM images")[0][0]
    stored = {os.fsdecode(file.name): file for file in library.files}
    assert len(stored) == len(library.files)
    wrong = {
        f"{file.kind}: {name!r}": found.get(name)
        for name, file in stored.items()
        if found.get(name) not in file.ends
    }
    assert not wrong
    assert set(found) - set(stored) == {f"good/{n:04d}.jpg" for n in range(N_WHOLE)}
    assert not library.odd & set(found)


def test_only_photos_that_were_looked_at_have_boxes(library: Library) -> None:
    assert library.rows(
        "SELECT count(*) FROM detections JOIN images USING (image_id) WHERE status <> 'completed'"
    ) == [(0,)]
    assert library.rows("SELECT count(*) FROM images WHERE status = 'pending'") == [(0,)]


def test_again_tries_nothing_twice_and_changes_nothing(library: Library) -> None:
    before = library.rows("SELECT * EXCLUDE (scanned_at) FROM images ORDER BY image_id")
    library.run("scan", library.root)
    library.run("detect", "--weights", library.weights)
    assert library.rows("SELECT * EXCLUDE (scanned_at) FROM images ORDER BY image_id") == before


def test_the_table_in_the_docs_has_a_line_for_each_kind(library: Library) -> None:
    text = (CHECKOUT / "docs" / "bad-input.md").read_text(encoding="utf-8")
    table = {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")}
    kinds = {file.kind.split(":")[0] for file in library.files}
    assert kinds <= table


@pytest.mark.parametrize(
    "args",
    [
        ("status",),
        ("status", "--format", "json"),
        ("report", "bucks"),
        ("report", "species", "--by", "station"),
        ("report", "stations"),
        ("report", "digest"),
        ("export", "csv", "-o", "OUT/a.csv"),
        ("export", "parquet", "-o", "OUT/a.parquet"),
        ("export", "megadetector", "-o", "OUT/a.json"),
        ("export", "coco", "-o", "OUT/coco.json"),
        ("export", "xmp", "-o", "OUT/xmp"),
        ("export", "crops", "--class", "mature", "-o", "OUT/crops"),
        ("export", "yolo", "-o", "OUT/yolo"),
        ("gallery", "-o", "OUT/gallery.html"),
        ("review", "-o", "OUT/review.html"),
    ],
    ids=lambda args: "-".join(args[:2]),
)
def test_all_that_follows_works_on_such_a_library(
    library: Library, tmp_path: Path, args: tuple[str, ...]
) -> None:
    beside = sorted(os.listdir(os.fsencode(library.root)))  # noqa: PTH208 - names of bytes
    (tmp_path / "out").mkdir()
    code, _, err = library.run(*(arg.replace("OUT", str(tmp_path / "out")) for arg in args))
    assert code == 0, err.decode()
    assert set(tmp_path.iterdir()) == {tmp_path / "out"}
    assert sorted(os.listdir(os.fsencode(library.root))) == beside  # noqa: PTH208 - names of bytes
    for page in (tmp_path / "out").glob("*.html"):
        assert "<script>alert(1)" not in page.read_text(encoding="utf-8")
