from __future__ import annotations

import io
import json
import os
import stat
import threading
import time
from pathlib import Path

import duckdb
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from tests.helpers.library import Library, Photo, make_library
from trailcam.cli import report as report_cli
from trailcam.cli.render import chosen_format, emit, show
from trailcam.errors import DatabaseError, OutputError, UsageError
from trailcam.files.lock import WriterLock
from trailcam.reports.base import CellType, Column, Report, coverage_columns, percent
from trailcam.reports.formats import Format, cell, to_json
from trailcam.reports.status import reachability, status
from trailcam.store.images import finish_scan


def ask(library: Library, *, working: bool = False) -> Report:
    with library.database.read() as db:
        return status(db, working=working)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    photos = [
        Photo("a", "2024-11-30 23:59"),
        Photo("b", "2024-12-01 00:00"),
        Photo("c", "2010-01-01 00:00", suspect="clock_reset"),
        Photo("d", None, "TinMan"),
        Photo("e", "2024-12-02", "TinMan", error_code="unreadable"),
        Photo("f", "2024-12-02", "TinMan"),
        Photo("g", "2024-12-03", "TinMan"),
    ]
    library = make_library(tmp_path, photos)
    (library.root / "a.jpg").write_bytes(b"x")
    library.detect({"a": [("mature", 0.9)], "d": []}, failed=["f"], missing=["g"])
    return library


def section(report: Report, name: str) -> list[dict[str, object]]:
    return [dict(row) for found in report.sections if found.name == name for row in found.rows]


def test_counts_by_hand(library: Library) -> None:
    found = ask(library)
    names = ("by", "name", "photos", "completed", "pending", "failed", "missing", "undated")
    assert [tuple(row[name] for name in names) for row in found.rows] == [
        ("all", "all photos", 7, 2, 2, 2, 1, 1),
        ("station", "Hayfield", 3, 1, 2, 0, 0, 0),
        ("station", "TinMan", 4, 1, 0, 2, 1, 1),
        ("month", "2010-01", 1, 0, 1, 0, 0, 0),
        ("month", "2024-11", 1, 1, 0, 0, 0, 0),
        ("month", "2024-12", 4, 0, 1, 2, 1, 0),
        ("month", None, 1, 1, 0, 0, 0, 1),
    ]
    assert found.coverage["share"] == 2 / 7
    assert section(found, "suspect_times") == [{"doubt": "clock_reset", "photos": 1}]
    assert section(found, "failures") == [
        {"error_code": "truncated", "photos": 1, "example": "TinMan/f"},
        {"error_code": "unreadable", "photos": 1, "example": "TinMan/e"},
    ]
    assert "1 photo has no capture time; --months and similar options leave them out." in found.notes


def test_the_last_run(library: Library) -> None:
    (run,) = section(ask(library), "last_run")
    assert (run["state"], run["completed"], run["failed"], run["missing"]) == ("completed", 2, 1, 1)
    assert run["photos_per_s"] == 1.5  # three photos in two seconds
    assert (run["device"], run["weights"]) == ("cpu", "whitetail.pt")


def test_a_run_cut_off_is_interrupted_once_nobody_works(library: Library) -> None:
    library.detect({"b": []}, weights="other.pt", completed=None)
    assert section(ask(library, working=True), "last_run")[0]["state"] == "running"
    found = ask(library)
    (run,) = section(found, "last_run")
    assert (run["state"], run["photos_per_s"], run["finished_at"]) == ("interrupted", None, None)
    assert any("carries on" in note for note in found.notes)


def test_whether_the_lock_is_held(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "x.duckdb", "detect")
    assert not lock.held()
    assert not list(tmp_path.iterdir()), "asking leaves nothing behind"
    with lock.acquire():
        assert WriterLock(tmp_path / "x.duckdb", "status").held()
    assert not lock.held()
    # A killed holder leaves its name, but not the lock.
    entry = {"pid": 1, "command": "detect", "since": "2024-01-01T00:00:00+00:00", "host": "x"}
    (tmp_path / "x.duckdb.lock.json").write_text(json.dumps(entry))
    assert not lock.held()


def test_roots_are_looked_at(library: Library, tmp_path: Path) -> None:
    with library.database.write() as db:
        finish_scan(db, library.root_id, _no_ids(), _no_ids(), 12)
    (root,) = section(ask(library), "roots")
    assert (root["reachable"], root["photos"], root["videos"]) == ("yes", 7, 12)
    assert root["path"] == str(library.root)
    (library.root / "a.jpg").unlink()
    found = ask(library)
    assert section(found, "roots")[0]["reachable"] == "empty"
    assert any("not reachable (empty)" in note for note in found.notes)
    assert any(note.startswith("12 videos not looked at") for note in found.notes)
    library.root.rmdir()
    assert section(ask(library), "roots")[0]["reachable"] == "absent"


def _no_ids() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.zeros(0, np.int64)


def test_reachability(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "full" / "x").mkdir(parents=True)
    paths = [
        str(tmp_path / "file"),
        str(tmp_path / "full"),
        str(tmp_path / "full" / "x"),
        "a\0b",
        "/nowhere/x",
    ]
    assert reachability(paths) == ["not a folder", "yes", "empty", "absent", "absent"]
    assert reachability([]) == []


def test_a_root_without_an_answer_delays_little(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    free = threading.Event()
    real = os.scandir

    def hanging(path: str) -> object:
        if path == "/dead":
            free.wait(20)
        return real(path)

    monkeypatch.setattr(os, "scandir", hanging)
    (tmp_path / "x").touch()
    start = time.monotonic()
    assert reachability(["/dead", str(tmp_path)], patience_s=0.3) == ["no answer", "yes"]
    assert time.monotonic() - start < 5
    free.set()


def test_an_empty_database(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    found = ask(library)
    assert found.coverage["photos"] == 0
    assert found.coverage["share"] is None
    assert any("run `trailcam detect`" in note for note in found.notes)
    show(found, Console(file=io.StringIO()))
    json.loads(to_json(found))


# How reports look.


def shown(report: Report, width: int, *, terminal: bool = True, encoding: str = "utf-8") -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    show(
        report, Console(file=stream, width=width, force_terminal=terminal, color_system=None, highlight=False)
    )
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode(encoding)


def example(station: str = "TinMan") -> Report:
    """A report with every kind of cell, its numbers as large as they get."""
    columns = (
        Column("month", "month", CellType.TEXT, null="undated"),
        Column("station", "station", CellType.TEXT, wraps=True),
        Column("photos", "photos", CellType.COUNT, sign="≥"),
        Column("events", "events", CellType.COUNT, sign="≈"),
        Column("mean", "conf.", CellType.NUMBER),
        *coverage_columns(),
    )
    row = {"month": "2024-12", "station": station, "photos": 0, "events": 0, "mean": None}
    part = {"completed": 12_360, "pending": 21_973, "failed": 918, "missing": 0, "coverage": 0.3599}
    whole = {"completed": 12_360, "pending": 0, "failed": 0, "missing": 0, "coverage": 1.0}
    return Report(
        "example",
        "Example",
        {},
        {"photos": 35_251, "share": 0.3599, **{k: v for k, v in part.items() if k != "coverage"}},
        columns,
        [
            {**row, **part, "complete": False},
            {**row, **whole, "complete": True, "month": None, "photos": 1_204, "mean": 0.914},
        ],
        [{**row, **part, "complete": False, "month": None, "station": None}],
        ["A note."],
    )


def test_unfinished_counts_are_never_bare() -> None:
    lines = shown(example(), 80).splitlines()
    assert " ".join(lines[1].split()) == "2024-12 TinMan ≥ 0 ≈ 0 - 12,360 21,973 918 35 %"
    assert " ".join(lines[2].split()) == "undated TinMan 1,204 0 0.91 12,360 0 0 100 %"
    assert "total" in lines[4]
    assert (
        "Coverage: 12,360 of 35,251 photos looked at (35 %); 21,973 pending, 918 failed, 0 missing."
        in " ".join(line.strip() for line in lines)
    )
    assert "missing" not in lines[0], "a column of zeros"


def test_width() -> None:
    assert all(len(line.rstrip()) <= 80 for line in shown(example(), 80).splitlines())
    name = "A station with quite a long name"
    wrapped = shown(example(name), 80)
    assert "completed" in wrapped.splitlines()[0], "a long name takes two lines first"
    assert "left out" not in wrapped
    narrow = shown(example(name), 60)
    assert "(left out for want of width: completed)" in narrow, "a column that can be spared"
    assert all(len(line.rstrip()) <= 60 for line in narrow.splitlines())
    narrowest = shown(example(name), 25)
    assert all(len(line.rstrip()) <= 25 for line in narrowest.splitlines())
    for whole in ("2024-12", "undated", "1,204", "≥ 0", "35 %", "100 %", "21,973", "12,360"):
        assert whole in narrowest, "lines have room for every value, and break none"
    assert "…" not in narrow + narrowest
    # Not a terminal: as wide as it must be, so that a line stays a line.
    piped = shown(example("x" * 100), 80, terminal=False)
    assert "x" * 100 in piped
    assert "\x1b" not in piped


def test_streams_that_lack_the_signs_and_hostile_names() -> None:
    text = shown(example("\x1b[2J[red]x[/red]"), 100, encoding="ascii")
    assert ">= 0" in text
    assert "~ 0" in text
    assert "\\x1b[2J[red]x[/red]" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 %"), (0.0004, "<1 %"), (0.01, "1 %"), (0.29, "29 %"), (0.9999, "99 %"), (1.0, "100 %")],
)
def test_percent_rounds_away_from_all_and_nothing(value: float, text: str) -> None:
    assert percent(value) == text


def test_cells() -> None:
    assert cell(Column("x", "x", CellType.FLAG), {"x": True}) == "yes"
    assert cell(Column("x", "x", CellType.NUMBER), {"x": 1234.56}) == "1,234.6"
    assert cell(Column("x", "x", CellType.MOMENT, null="never"), {"x": None}) == "never"


def test_choosing_a_format() -> None:
    assert chosen_format(None, None) is Format.TABLE
    assert chosen_format(None, "x.CSV") is Format.CSV
    assert chosen_format(Format.TABLE, "x.csv") is Format.TABLE
    assert chosen_format(None, "x.txt") is Format.TABLE
    assert chosen_format(Format.PARQUET, "x") is Format.PARQUET
    with pytest.raises(UsageError):
        chosen_format(Format.PARQUET, None)


def test_a_workbooks_name_is_a_workbook() -> None:
    assert chosen_format(None, "a.xlsx") is Format.XLSX
    for wanted in (Format.CSV, Format.TABLE):
        with pytest.raises(UsageError, match=f"can't write .xlsx files as {wanted}"):
            chosen_format(wanted, "a.xlsx")


@pytest.mark.parametrize("name", ["a.XLS", "a.ods", "a.pdf", "b/a.sqlite", "a.duckdb"])
@pytest.mark.parametrize("wanted", [None, Format.CSV, Format.TABLE])
def test_no_table_goes_under_another_programs_name(name: str, wanted: Format | None) -> None:
    with pytest.raises(UsageError, match="can't write") as caught:
        chosen_format(wanted, name)
    assert ".csv" in caught.value.hint


@pytest.mark.parametrize("name", ["a.yml", "a.csvx", "report.2024"])
def test_an_unknown_ending_needs_a_format(name: str) -> None:
    with pytest.raises(UsageError, match="can't write"):
        chosen_format(None, name)
    assert chosen_format(Format.CSV, name) is Format.CSV
    assert chosen_format(None, "/dev/stdout") is Format.TABLE
    assert chosen_format(None, "a.htm") is Format.HTML


def test_every_format_into_a_file(library: Library, tmp_path: Path) -> None:
    found = ask(library)
    for wanted in Format:
        emit(found, wanted, str(tmp_path / f"status.{wanted}"))
    assert "Failed photos" in (tmp_path / "status.table").read_text(encoding="utf-8")
    document = json.loads((tmp_path / "status.json").read_text(encoding="utf-8"))
    assert document["report"] == "status"
    assert document["last_run"][0]["started_at"].endswith("+00:00")
    assert (tmp_path / "status.csv").read_text(encoding="utf-8").startswith("by,name,photos,")
    rows = duckdb.connect().read_parquet(str(tmp_path / "status.parquet")).fetchall()
    assert len(rows) == len(found.rows)
    with pytest.raises(OutputError):
        emit(found, Format.CSV, str(tmp_path / "no" / "such.csv"))


@pytest.mark.skipif(os.name != "posix", reason="needs a named pipe")
def test_a_pipe_stays_a_pipe(library: Library, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    emit(ask(library), Format.CSV, str(pipe))
    reader.join(10)
    assert read[0].startswith(b"by,name")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


# The commands.


def test_report_bucks_command(library: Library, tmp_path: Path) -> None:
    runner = CliRunner()
    config = tmp_path / "my.toml"
    config.write_text('[seasons]\nhunt = "12-2"\n')
    common = ["bucks", "--db", str(library.database.path), "--config", str(config)]
    answer = runner.invoke(report_cli.app, [*common, "--by", "season", "--format", "json"])
    assert answer.exit_code == 0, answer.output
    document = json.loads(answer.stdout)
    assert [row["season"] for row in document["rows"]] == ["2009-10", "2024-25", None]
    hunt = runner.invoke(
        report_cli.app, [*common, "--season", "hunt", "--by", "season", "--by", "month", "--format", "json"]
    )
    assert [(row["season"], row["month"]) for row in json.loads(hunt.stdout)["rows"]] == [
        ("2009-10", "2010-01"),
        ("2024-25", "2024-12"),
    ]
    assert json.loads(hunt.stdout)["filters"]["season_first_month"] == 12
    assert document["filters"]["gap_s"] == 1800
    asked = [*common, "--season", "rut", "--by", "age", "--gap", "1h", "--confidence", "0.95"]
    answer = runner.invoke(report_cli.app, [*asked, "--format", "json", "-o", "-"])
    document = json.loads(answer.stdout)
    assert document["filters"] == {
        "season": "rut",
        "months": [9, 10, 11, 12, 1],
        "include_undated": False,
        "confidence": 0.95,
        "gap_s": 3600,
        "per": "visit",
        "by": ["age"],
        "parts": ["counts", "seasons", "confidence", "hours", "nights"],
    }
    assert all(row["photos"] == 0 for row in document["rows"])
    assert "1 visit of mature bucks" in runner.invoke(report_cli.app, common).stdout
    table = runner.invoke(report_cli.app, [*common, "--part", "all"])
    assert "Season-years side by side" in table.stdout
    assert "≥ 1" in table.stdout or ">= 1" in table.stdout
    assert isinstance(runner.invoke(report_cli.app, [*common, "--gap", "30"]).exception, UsageError)
    assert isinstance(
        runner.invoke(report_cli.app, ["bucks", "--db", str(tmp_path / "none")]).exception, DatabaseError
    )
    assert isinstance(runner.invoke(report_cli.app, [*common, "--confidence", "2"]).exception, UsageError)
