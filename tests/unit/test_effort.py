"""Days without a working camera: declared, imported, derived; camera-days and rates leave them out."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.helpers.library import Library, Photo, make_library
from trailcam.cli import stations as stations_cli
from trailcam.errors import UsageError
from trailcam.imports.effort_csv import make_gap, read_gaps
from trailcam.reports.common import Question
from trailcam.reports.effort import effort
from trailcam.reports.stations import stations
from trailcam.scan.covered_lens import find_covered
from trailcam.selection import Selection
from trailcam.store.camera_days import make_camera_days
from trailcam.store.check_database import check
from trailcam.store.effort_gaps import Gap, declare, remove
from trailcam.store.repair import repair

HEAD = "station,first_day,last_day,reason\n"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Gate works from 1 to 20 November but for the 6th to 15th, Creek on every day from 1 to 10."""
    days = [1, 2, 3, 4, 5, 16, 17, 18, 19, 20]
    photos = [Photo(f"g{day}.jpg", f"2024-11-{day:02} 06:00", "Gate") for day in days]
    photos += [Photo(f"c{day}.jpg", f"2024-11-{day:02} 06:00", "Creek") for day in range(1, 11)]
    return make_library(tmp_path, photos, {"c3.jpg": [("doe", 0.9)], "c8.jpg": [("doe", 0.9)]})


def found(library: Library) -> list[tuple[str, str, str, str, bool]]:
    with library.database.read() as db:
        rows = effort(db, 7).rows
    names = ("station", "first_day", "last_day", "reason", "declared")
    return [tuple(row[name] for name in names) for row in rows]


def camera_days(library: Library) -> dict[object, int]:
    with library.database.read() as db, make_camera_days(db, 7) as worked:
        return dict(worked.by(Selection(), ["station"], 9))


def test_declared_days_are_no_camera_days(library: Library) -> None:
    assert camera_days(library) == {("Gate",): 10, ("Creek",): 10}
    assert found(library) == [("Gate", "2024-11-06", "2024-11-15", "silent", False)]
    gap = Gap("creek", date(2024, 11, 3), date(2024, 11, 5), "lens")
    with library.database.write() as db:
        assert declare(db, [gap], "Ann") == 1
        assert declare(db, [gap], "Ann") == 0
    assert camera_days(library) == {("Gate",): 10, ("Creek",): 7}
    assert found(library)[0] == ("Creek", "2024-11-03", "2024-11-05", "lens", True)
    with library.database.read() as db:
        row = next(row for row in stations(db, Question()).rows if row["station"] == "Creek")
    assert (row["camera_days"], row["silent_days"], row["events_per_100"]) == (7, 3, round(200 / 7, 2))
    with library.database.write() as db:
        assert remove(db, "Creek", date(2024, 11, 1), date(2024, 11, 30)) == 1
    assert camera_days(library) == {("Gate",): 10, ("Creek",): 10}


def test_a_declared_reason_replaces_a_derived_one(library: Library) -> None:
    with library.database.write() as db:
        declare(db, [Gap("Gate", date(2024, 11, 8), date(2024, 11, 17), "card")], "Ann")
    assert found(library) == [
        ("Gate", "2024-11-06", "2024-11-07", "silent", False),
        ("Gate", "2024-11-08", "2024-11-17", "card", True),
    ]
    assert camera_days(library)["Gate",] == 8


def test_fresh_batteries_name_the_reason(library: Library) -> None:
    with library.database.write() as db:
        db.execute("UPDATE images SET battery_v = CASE WHEN day(captured_at) > 10 THEN 9.0 ELSE 6.5 END")
    assert found(library) == [("Gate", "2024-11-06", "2024-11-15", "battery", False)]
    with library.database.write() as db:
        db.execute("UPDATE images SET battery_v = 6.5")
    assert found(library)[0][3] == "silent"


def test_black_and_grey_photos_are_a_covered_lens(library: Library) -> None:
    library.detect({f"c{day}.jpg": [] for day in range(1, 8)})
    for day in range(1, 8):
        level = {4: 0, 5: 0, 7: 128}.get(day)
        pixels = np.random.default_rng(day).integers(0, 255, (60, 80), np.uint8)
        path = library.root / "Creek" / f"c{day}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels if level is None else np.full_like(pixels, level)).save(path)
    gaps = find_covered(library.database, lambda _done, _total: None)
    assert gaps == [
        Gap("Creek", date(2024, 11, 4), date(2024, 11, 5), "lens"),
        Gap("Creek", date(2024, 11, 7), date(2024, 11, 7), "lens"),
    ]
    with library.database.write() as db:
        assert declare(db, gaps, "trailcam") == 2
    assert find_covered(library.database, lambda _done, _total: None) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("station,first_day,last_day\nGate,2024-11-01,2024-11-02\n", "no column reason"),
        (
            "station,first_day,last_day,reason\nGate,2024-11-05,2024-11-02,card\n",
            "line 2: 2024-11-05 is after",
        ),
        (HEAD + "Gate,1.11.24,2024-11-02,card\n", 'line 2: "1.11.24" is no day'),
        (
            HEAD + "Gate,2024-11-01,2024-11-02,bear\n",
            'line 2: "bear" is no reason',
        ),
        (HEAD + ",2024-11-01,2024-11-02,card\n", "line 2: no station"),
        (HEAD, "names no gap"),
    ],
)
def test_a_bad_file_is_refused_by_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "g.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_gaps(tmp_path / "g.csv")


def test_the_command(library: Library, tmp_path: Path) -> None:
    def run(*words: str) -> list[dict[str, str]]:
        where = ["effort", "--db", str(library.database.path), "--format", "csv"]
        answer = CliRunner().invoke(stations_cli.app, [*where, *words], catch_exceptions=False)
        assert answer.exit_code == 0
        return list(csv.DictReader(io.StringIO(answer.stdout)))

    file = tmp_path / "g.csv"
    file.write_text("reason;station;first_day;last_day;who\nBattery;gate;2024-11-01;2024-11-02;Ann\n")
    rows = run("--import", str(file), "-q")
    assert [(row["station"], row["reason"], row["days"]) for row in rows] == [
        ("Gate", "battery", "2"),
        ("Gate", "silent", "10"),
    ]
    assert len(run("Creek", "--from", "2024-11-09", "--to", "2024-11-09", "--reason", "card", "-q")) == 3
    assert len(run("Creek", "--from", "2024-11-01", "--to", "2024-11-30", "--remove", "-q")) == 2
    with pytest.raises(UsageError, match="needs a station"):
        run("Creek", "--from", "2024-11-09")
    with pytest.raises(UsageError, match="no station"):
        run("Nowhere", "--from", "2024-11-09", "--to", "2024-11-09")
    with pytest.raises(UsageError, match="is no day"):
        make_gap("Gate", "2024-11-31", "2024-12-01", "card")


def test_check_and_repair(library: Library) -> None:
    with library.database.write() as db:
        declare(db, [Gap("Gate", date(2024, 11, 1), date(2024, 11, 2), "card")], "Ann")
        db.execute("UPDATE effort_gaps SET last_day = DATE '2024-10-01'")
    assert [one.rule.never for one in check(library.database).broken] == ["a gap that ends before it begins"]
    with library.database.write() as db:
        repair(db)
    assert check(library.database).sound
