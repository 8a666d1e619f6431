"""``trailcam correct`` in a process of its own, with a fake model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, TinyJpeg
from trailcam.files.lock import WriterLock

FAKE = CHECKOUT / "tests" / "helpers" / "fake_trailcam.py"


class Library:
    """Three photos, looked at once."""

    def __init__(self, home: Path, tiny_jpeg: TinyJpeg) -> None:
        self.home = home
        self.photos = home / "photos"
        (self.photos / "Hayfield").mkdir(parents=True)
        for n in range(3):
            photo = tiny_jpeg(
                (64, 64), color=(40 + n, 120, 60), exif_ifd={0x9003: f"2024:11:0{n + 1} 06:00:00"}
            )
            (self.photos / "Hayfield" / f"{n}.jpg").write_bytes(photo)
        assert self("scan", str(self.photos), "-q").returncode == 0
        self.detect("one")

    def __call__(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(FAKE), *args, "--db", str(self.home / "t.duckdb")],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=self.home,
            timeout=120,
            check=False,
        )

    def detect(self, name: str) -> None:
        weights = self.home / f"{name}.pt"
        weights.write_bytes(name.encode())
        flags = ("--status", "all", "--weights", str(weights), "--device", "cpu", "--workers", "0", "-q")
        done = self("detect", *flags)
        assert done.returncode == 0, done.stderr

    def counts(self) -> dict[str, str]:
        answers = {}
        for name in ("bucks", "species"):
            done = self("report", name, "--format", "csv", "--confidence", "0.99")
            assert done.returncode == 0, done.stderr
            answers[name] = done.stdout
        return answers


@pytest.fixture
def library(tmp_path: Path, tiny_jpeg: TinyJpeg) -> Library:
    return Library(tmp_path, tiny_jpeg)


def test_a_correction_counts_everywhere_until_it_is_undone(library: Library) -> None:
    before = library.counts()
    photo = str(library.photos / "Hayfield" / "0.jpg")
    done = library("correct", photo, "--add", "0.1,0.1,0.3,0.3", "--class", "mature", "--author", "Ann")
    assert done.returncode == 0, done.stderr
    assert "mature  (a person)" in done.stdout
    after = library.counts()
    assert after["bucks"] != before["bucks"]
    assert after["species"] != before["species"]
    library.detect("two")
    assert library("scan", str(library.photos), "-q").returncode == 0
    assert library.counts() == after
    assert "1 photo rests on corrections by people." in library("report", "species").stdout
    assert library("correct", photo, "--undo").returncode == 0
    assert library.counts() == before
    assert "undone by" in library("correct", photo).stdout


def test_a_box_is_renamed_by_its_number(library: Library) -> None:
    photo = str(library.photos / "Hayfield" / "0.jpg")
    assert library("correct", photo, "--add", "0.1,0.1,0.3,0.3", "--class", "mature").returncode == 0
    shown = library("correct", photo).stdout.splitlines()
    number = next(line.split()[0] for line in shown if "mature  (a person)" in line)
    done = library("correct", photo, "--box", number, "--class", "doe")
    assert "doe  (a person)" in done.stdout
    assert "mature  (a person)" not in done.stdout


def lines_of(library: Library, photo: str) -> list[str]:
    return library("correct", photo).stdout.splitlines()


def test_a_models_box_is_renamed_by_its_number_whether_it_counts_or_not(library: Library) -> None:
    """The fake model's one box of each photo: some count, some are below the threshold."""
    kinds = set()
    for n in ("1", "2"):
        before = next(line for line in lines_of(library, n) if line.startswith("1  "))
        assert "(model, " in before
        kinds.add("doesn't count" in before)
        done = library("correct", n, "--box", "1", "--class", "doe", "--author", "Ann")
        assert done.returncode == 0, done.stderr
        place = before.split()[-1]
        assert f"1  doe  (a person)  {place}" in done.stdout
        assert "(model" not in done.stdout
    assert kinds == {True, False}


def code_of(library: Library) -> str:
    line = next(line for line in lines_of(library, "1") if line.startswith("Add `--list "))
    return line.split("`")[1].removeprefix("--list ")


def test_a_list_that_changed_is_noticed(library: Library, tiny_jpeg: TinyJpeg) -> None:
    code = code_of(library)
    args = ("correct", "1", "--box", "1", "--class", "doe", "--list", code)
    edited = tiny_jpeg((64, 64), color=(42, 120, 61), exif_ifd={0x9003: "2024:11:01 06:00:00"})
    (library.photos / "Hayfield" / "0.jpg").write_bytes(edited)
    assert library("scan", str(library.photos), "-q").returncode == 0
    library.detect("two")
    refused = library(*args)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "changed since they were listed" in refused.stderr
    new = code_of(library)
    assert library(*args[:-1], new).returncode == 0


@pytest.mark.parametrize(
    "args",
    [("nowhere.jpg",), ("1", "--box", "9", "--no-animal"), ("1", "--add", "0,0,1,1", "--class", "unicorn")],
)
def test_what_is_unknown_ends_with_2(library: Library, args: tuple[str, ...]) -> None:
    done = library("correct", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("error:") == 1


def test_it_waits_for_no_one_who_writes(library: Library) -> None:
    with WriterLock(library.home / "t.duckdb", "detect").acquire():
        done = library("correct", "1", "--no-animal")
    assert done.returncode != 0
    assert "error:" in done.stderr
    assert "No box" not in done.stdout
