"""Workbooks: what goes in comes out, by another library than the one that wrote it."""

from __future__ import annotations

from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from tests.helpers.library import Library, Photo, make_library
from trailcam.cli import export as export_cli
from trailcam.cli import report as report_cli
from trailcam.errors import UsageError
from trailcam.files import workbook
from trailcam.files.workbook import Sheet, write_workbook
from trailcam.reports.all_reports import REPORTS


def read(content: bytes | Path) -> dict[str, list[tuple[Any, ...]]]:
    book = load_workbook(BytesIO(content) if isinstance(content, bytes) else content)
    return {page.title: [tuple(row) for row in page.iter_rows(values_only=True)] for page in book}


def test_every_kind_of_cell_comes_back_and_text_stays_text() -> None:
    heading = ("what", "when", "day", "n", "share", "yes")
    rows = [
        ("=HYPERLINK(1)", datetime(2024, 11, 3, 6, 10), date(2024, 11, 3), 35_251, 0.98, True),
        ("http://example.org", None, None, -1.5, None, False),
        ("bell \x07 and \udcff", None, None, None, None, None),
    ]
    file = BytesIO()
    write_workbook(file, [Sheet("a/b", heading, rows, frozenset({4})), Sheet("A B", ("x",), [])])
    found = read(file.getvalue())
    assert list(found) == ["a b", "A B 2"]
    head, first, second, third = found["a b"]
    assert head == heading
    assert first == ("=HYPERLINK(1)", datetime(2024, 11, 3, 6, 10), datetime(2024, 11, 3), 35_251, 0.98, True)
    assert second[:1] == ("http://example.org",)
    assert third[0] == "bell \\x07 and \\udcff"
    cell = load_workbook(BytesIO(file.getvalue())).worksheets[0]["A2"]
    assert cell.data_type == "s", "a text, no formula"


def test_more_rows_than_a_sheet_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST_ROWS", 2)
    with pytest.raises(UsageError, match="room for 2 rows"):
        write_workbook(BytesIO(), [Sheet("x", ("n",), [(n,) for n in range(3)])])


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = make_library(tmp_path, [Photo(f"{n}.jpg", f"2024-11-0{n} 06:10") for n in (1, 2, 3)])
    library.detect({"1.jpg": [("mature", 0.9)], "2.jpg": [("doe", 0.9), ("person", 0.6)]})
    return library


@pytest.mark.parametrize("name", [entry.name for entry in REPORTS if entry.name != "herd"])
def test_every_report_as_a_workbook(library: Library, tmp_path: Path, name: str) -> None:
    target = tmp_path / f"{name}.xlsx"
    command = [name, "--db", str(library.database.path), "-o", str(target)]
    done = CliRunner().invoke(report_cli.app, command)
    assert done.exit_code == 0, done.output
    found = read(target)
    assert "About" in found
    if name == "bucks":
        assert found["Bucks"][0][:3] == ("month", "age", "photos")
        assert ("2024-11", "mature", 1, 1, 1) in [row[:5] for row in found["Bucks"]]
        assert "Mature bucks by hour" in found
        assert any("1 visit of mature bucks" in str(row[1]) for row in found["About"])


def test_the_exported_table_as_a_workbook(library: Library, tmp_path: Path) -> None:
    common = ["csv", "--db", str(library.database.path), "-o"]
    for ending in ("xlsx", "csv"):
        done = CliRunner().invoke(export_cli.app, [*common, str(tmp_path / f"t.{ending}")])
        assert done.exit_code == 0, done.output
    (rows,) = read(tmp_path / "t.xlsx").values()
    lines = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()
    assert list(rows[0]) == lines[0].split(",")
    assert len(rows) == len(lines) == 5
    at = rows[0].index("captured_at")
    assert rows[1][at] == datetime(2024, 11, 1, 6, 10)


def test_a_workbook_is_no_text_for_a_terminal(library: Library) -> None:
    command = ["bucks", "--db", str(library.database.path), "--format", "xlsx"]
    done = CliRunner().invoke(report_cli.app, command)
    assert isinstance(done.exception, UsageError)
    assert "-o bucks.xlsx" in done.exception.hint
