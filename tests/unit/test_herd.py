from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Cli
from tests.helpers.library import NO_DEER, Library, Photo, make_library
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import UnanswerableError
from trailcam.reports.base import Report
from trailcam.reports.common import Question
from trailcam.reports.herd import herd, interval
from trailcam.selection import Selection

DEER = (
    ClassInfo(0, "doe", Kind.DOE),
    ClassInfo(1, "mature", Kind.BUCK, AgeClass.MATURE),
    ClassInfo(2, "fawn", Kind.FAWN),
    ClassInfo(3, "deer", Kind.DEER),
)


def ranch(folder: Path, stations: int, days: int = 12) -> Library:
    """Each day at each station: a doe with two fawns in two photos of one visit, every second day a buck.

    So of S stations and D days: S*D visits of does and fawns, S*D/2 of bucks, 1 doe and 2 fawns a visit.
    """
    photos, seen = [], {}
    for s in range(stations):
        for d in range(days):
            start = datetime(2024, 10, 1, 6) + timedelta(days=d)
            for k in range(2):
                photos.append(Photo(f"f{s}_{d}_{k}", start + timedelta(minutes=5 * k), f"S{s}"))
            seen[f"f{s}_{d}_0"] = [("doe", 0.9)]
            seen[f"f{s}_{d}_1"] = [("doe", 0.9), ("fawn", 0.9), ("fawn", 0.8), ("doe", 0.3)]
            if d % 2 == 0:
                photos.append(Photo(f"b{s}_{d}", start + timedelta(hours=3), f"S{s}"))
                seen[f"b{s}_{d}"] = [("mature", 0.9)]
    library = make_library(folder, photos)
    library.detect(seen, classes=DEER)
    return library


def ask(library: Library, **asked: Any) -> Report:  # noqa: ANN401 - as herd
    question = asked.pop("question", Question(confidence=0.5))
    with library.database.read() as db:
        return herd(db, question, **asked)


def test_by_hand(tmp_path: Path) -> None:
    library = ranch(tmp_path, 3)
    library.add([Photo("u", None, "S0"), Photo("x", "2024-10-20 06:00", "S0")])
    library.detect({"u": [("mature", 0.9)], "x": [("deer", 0.9), ("deer", 0.9)]}, classes=DEER)
    found = ask(library)
    (row,) = found.rows
    assert (row["buck_events"], row["doe_events"], row["fawn_events"]) == (18, 36, 36)
    assert (row["bucks"], row["does"], row["fawns"]) == (18, 36, 72)
    assert (row["bucks_per_100_does"], row["fawns_per_100_does"], row["resampled"]) == (50.0, 200.0, "days")
    assert row["bucks_low"] < 50 < row["bucks_high"]
    assert (row["fawns_low"], row["fawns_high"]) == (200.0, 200.0)  # two with each doe, every day
    notes = " ".join(found.notes)
    assert "2 deer of unknown sex in 1 visit" in notes
    assert "1 deer on photos without a capture time is left out" in notes
    assert "Moore et al. 2014" in notes
    assert ask(library).rows == found.rows  # the same photos, the same interval


def test_stations_are_resampled_where_there_are_enough(tmp_path: Path) -> None:
    found = ask(ranch(tmp_path, 5), by=["station"])
    assert [row["resampled"] for row in found.rows] == [None] * 5  # 30 events each: too few for a ratio
    assert {row["bucks_per_100_does"] for row in found.rows} == {None}
    assert found.totals[0]["resampled"] == "stations"
    assert found.totals[0]["bucks_low"] == found.totals[0]["bucks_high"] == 50.0  # all stations alike
    assert any("5 rows without a ratio" in note for note in found.notes)


def test_rows_by_month_and_season(tmp_path: Path) -> None:
    library = ranch(tmp_path, 2, days=40)
    found = ask(library, by=["season", "month"])
    assert [(row["season"], row["month"], row["does"]) for row in found.rows] == [
        ("2024-25", "2024-10", 62),
        ("2024-25", "2024-11", 18),
    ]
    (october,) = ask(library, question=Question(Selection(months=(10,)), confidence=0.5)).rows
    assert (october["bucks"], october["does"], october["fawns"]) == (32, 62, 124)


def test_too_little_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnanswerableError, match="30 visits of bucks, does and fawns, 12 of them"):
        ask(ranch(tmp_path, 1, days=12))


def test_a_model_that_cannot_tell_is_refused(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a", "2024-10-01 06:00")])
    library.detect({"a": []}, classes=NO_DEER, weights="md.pt")
    with pytest.raises(UnanswerableError, match=r"md\.pt has no class for bucks and does and fawns"):
        ask(library)


def test_the_interval_without_does_has_no_upper_end() -> None:
    blocks = np.array([[5.0, 10, 0], [3, 0, 0], [4, 0, 0], [2, 0, 0]])
    low, high = interval([blocks], 0)
    assert low is not None
    assert high is None


BLOCKS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=30)


@settings(max_examples=25, deadline=None)
@given(blocks=BLOCKS, factor=st.integers(1, 5))
def test_the_interval_holds_what_it_must(blocks: list[tuple[int, int, int]], factor: int) -> None:
    counts = np.array(blocks, float)
    low, high = interval([counts], 0)
    assert low is not None
    assert high is not None
    ratios = 100 * counts[:, 0] / counts[:, 1]
    assert ratios.min() - 0.1 <= low <= high <= ratios.max() + 0.1  # no resample is beyond its blocks
    assert interval([counts * factor], 0) == (low, high)  # a ratio knows no unit


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    """Visits drawn with 40 bucks to 100 does: of 60 intervals, nineteen in twenty should hold 40."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(60):
        does = rng.poisson(3.0, 80)
        low, high = interval([np.stack([rng.poisson(1.2, 80), does, does], axis=1).astype(float)], 0)
        held += low is not None and high is not None and low <= 40 <= high
    assert 50 <= held <= 60


def test_the_command(tmp_path: Path, cli: Cli) -> None:
    db = ("--db", ranch(tmp_path, 2, days=20).database.path)
    shown = cli("report", "herd", "--season", "rut", "--confidence", "0.5", *db)
    assert shown.returncode == 0, shown.stderr
    assert "fawns/100 does" in shown.stdout
    assert "Moore et al. 2014" in shown.stdout
    wide = cli("report", "herd", "--confidence", "0.3,0.5", "--format", "csv", *db)
    assert wide.stdout.startswith("buck_events_at_0.3,buck_events_at_0.5,")
    high = cli("report", "herd", "--confidence", "0.3,1", *db)
    assert (high.returncode, high.stdout) == (2, "")
    assert "At confidence 1:" in high.stderr
    assert cli("report", "herd", "--season", "rut", "--include-undated", *db).returncode == 0
    few = cli("report", "herd", "--until", "2024-10-03", *db)
    assert (few.returncode, few.stdout) == (2, "")
    assert "Too few visits for a ratio" in few.stderr
