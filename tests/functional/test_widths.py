"""Terminals of 80, 100 and 160 columns, for every command: nothing is cut, broken inside a word, or lost."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.conftest import TinyJpeg
from tests.helpers.library import Library, Photo, make_library
from trailcam.cli import app as cli_app
from trailcam.cli import console
from trailcam.cli.lazy import COMMANDS
from trailcam.errors import TrailcamError

WIDTHS = (80, 100, 160)
UNLIMITED = 10_000
NAMES = ("Phils Secret Spot behind the old windmill", "270_Jason", "Hayfield", "TinMan")
# Their tables are made by the same function; running them takes a model.
BY_A_MODEL = {"detect", "train", "evaluate", "bench", "tune"}
# Lines to be copied stay whole, and a terminal breaks them itself.
TO_COPY = re.compile(r"^(Next|Pictures|More)?:? +trailcam |^ +trailcam ")

LOOKS = [
    "status",
    "show 1",
    "duplicates",
    "correct 1",
    "report bucks",
    "report bucks --part all",
    "report bucks --by station --by season --by age --by hour",
    "report bucks --confidence 0.3,0.5,0.7",
    "report species",
    "report species --by station --by month",
    "report stations --by month",
    "report activity --class deer --class person",
    "report activity --by moon --by station",
    "report herd",
    "report accuracy",
    "report digest --dry-run",
    "report digest --dry-run --by station --by month",
    "runs list",
    "runs show 1",
    "runs compare 1 2",
    "stations list",
    "stations deployments",
    "stations set Hayfield --latitude 95 --longitude 1",
    "times check",
    "times list",
    "times shift --station Hayfield --by +1h",
    "times read-strip",
    "review apply nothing.json",
    "gallery -o nowhere/x.html",
    "export csv -o nowhere/x.csv",
    "import megadetector nothing.json",
    "bucks list",
    "models list",
    "static list",
    "db check",
    "doctor --help",
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Three season-years at four stations with names of all lengths; two runs, failures, doubtful clocks."""
    photos, found, other = [], {}, {}
    for n in range(160):
        year, month = 2022 + n // 60, (9, 10, 11, 12, 6)[n % 5]
        name, station = f"IMG_{n:04}.JPG", NAMES[n % 4]
        photos.append(
            Photo(
                name,
                None if n % 40 == 7 else f"{year}-{month:02}-{n % 28 + 1:02} {n % 24:02}:1{n % 10}",
                station,
                suspect="clock_reset" if n % 50 == 3 else None,
            )
        )
        seen = ("mature", "doe", "young", "mid", "person")[n % 5]
        found[name] = [(seen, 0.9 - n % 7 / 20)]
        other[name] = [("doe", 0.8)] if n % 3 else []
    library = make_library(tmp_path_factory.mktemp("widths"), photos)
    broken = ["IMG_0159.JPG", "IMG_0158.JPG"]
    library.detect({name: boxes for name, boxes in found.items() if name not in broken}, failed=broken)
    library.detect(
        {name: boxes for name, boxes in other.items() if name not in broken}, weights="another-model.pt"
    )
    return library


class Terminal:
    """Runs commands in this process, on consoles of a width."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._patch = monkeypatch
        monkeypatch.chdir(folder)
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.setattr(sys, "argv", ["trailcam"])

    def __call__(self, width: int, command: str, db: Path | None) -> str:
        """What stdout and stderr show, error messages too."""
        text = io.StringIO()
        # A class that goes silent on a broken pipe, and is a terminal whatever it writes to.
        out = Console(
            file=text,
            width=width,
            force_terminal=width < UNLIMITED,
            color_system=None,
            highlight=False,
            emoji=False,
        )
        self._patch.setattr(console, "out", out)
        self._patch.setattr(console, "err", out)
        words = command.split()
        options = ["--db", str(db)] if db and "--help" not in words else []
        done = CliRunner().invoke(cli_app.app, [*words, *options])
        if isinstance(done.exception, TrailcamError):
            console.show_error(done.exception)
        elif done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue()) + done.output


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    return Terminal(monkeypatch, tmp_path)


def words_of(text: str) -> set[str]:
    """Words that no width may break: those of names and paths longer than 24 characters may."""
    return {
        word for word in re.split(r"[\s()|,:;]+", text) if 1 < len(word) <= 24 and not set(word) <= set("█▌-")
    }


@pytest.mark.parametrize("command", LOOKS)
def test_nothing_is_lost_or_broken(terminal: Terminal, library: Library, command: str) -> None:
    wide = terminal(UNLIMITED, command, library.database.path)
    for width in WIDTHS:
        narrow = terminal(width, command, library.database.path)
        assert "…" not in narrow
        for line in narrow.splitlines():
            assert len(line.rstrip()) <= width or TO_COPY.match(line), line
        lost = words_of(wide) - words_of(narrow)
        if "left out for want of width" not in narrow:
            assert not lost, f"{command} at {width}: {sorted(lost)}\n{narrow}"


def test_every_command_is_tried_or_needs_a_model() -> None:
    tried = {command.split()[0] for command in LOOKS}
    assert tried | BY_A_MODEL | {"scan"} == set(COMMANDS)


def test_scan_at_every_width(terminal: Terminal, tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    for name in NAMES:
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "a.jpg").write_bytes(tiny_jpeg((64, 64), color=(len(name), 0, 0)))
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    for width in WIDTHS:
        shown = terminal(width, f"scan {tmp_path / 'photos'}", tmp_path / f"{width}.duckdb")
        assert all(len(line.rstrip()) <= width or TO_COPY.match(line) for line in shown.splitlines()), shown
        assert {"windmill", "270_Jason", "Hayfield", "TinMan", "undated"} <= words_of(shown)


def test_tables_are_made_in_one_place() -> None:
    folder = Path(console.__file__).parent
    makers = [path.name for path in folder.glob("*.py") if "rich.table" in path.read_text(encoding="utf-8")]
    assert makers == ["tables.py"]
