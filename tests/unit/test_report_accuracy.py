"""`report accuracy`: a model against corrections, counted by hand, and thresholds fitted to them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Cli
from tests.helpers.library import NO_DEER, Library, Photo, make_library
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import UnanswerableError, UsageError
from trailcam.reports.accuracy import Evidence, accuracy, wilson
from trailcam.reports.base import Report
from trailcam.reports.common import Question
from trailcam.reports.fitting import fit
from trailcam.store.corrections import JudgedBox, Judgement, record
from trailcam.store.judged_boxes import forget_fitted, save_fitted
from trailcam.store.run_sink import class_infos

DOE = ClassInfo(0, "doe", Kind.DOE)
MATURE = ClassInfo(0, "mature", Kind.BUCK, AgeClass.MATURE)
BUCK = ClassInfo(0, "buck", Kind.BUCK, AgeClass.UNKNOWN)
LEFT, RIGHT = (0.1, 0.1, 0.2, 0.2), (0.6, 0.6, 0.3, 0.3)
AT = datetime(2024, 11, 20)


def judge(
    library: Library,
    name: str,
    *boxes: tuple[ClassInfo | None, Any],
    whole: bool = True,
    source: str = "review",
) -> None:
    judged = Judgement(library.ids[name], tuple(JudgedBox(info, *at) for info, at in boxes), whole, AT)
    with library.database.write() as db:
        record(db, [judged], author="Ann", source=source)


def ask(library: Library, **options: Any) -> tuple[Report, Evidence]:  # noqa: ANN401
    with library.database.read() as db:
        return accuracy(db, Question(), **options)


def row(report: Report, name: str) -> dict[str, Any]:
    return next(row for row in report.rows if row["class"] == name)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Five photos of five visits, and what a model said of them."""
    photos = [Photo(f"{n}.jpg", f"2024-11-0{n + 1} 06:00") for n in range(6)]
    found: dict[str, Any] = {
        "0.jpg": [("doe", 0.9, LEFT)],
        "1.jpg": [("doe", 0.8, LEFT), ("mature", 0.7, RIGHT)],
        "2.jpg": [("mature", 0.6, LEFT)],
        "3.jpg": [("doe", 0.4, LEFT)],
        "4.jpg": [],
        "5.jpg": [("doe", 0.9, LEFT)],
    }
    return make_library(tmp_path, photos, found)


def test_by_hand(library: Library) -> None:
    judge(library, "0.jpg", (DOE, LEFT))
    judge(library, "1.jpg", (DOE, LEFT))  # the mature one isn't there
    judge(library, "2.jpg", (DOE, LEFT))  # it is a doe
    judge(library, "3.jpg", (DOE, LEFT))  # below what counts
    judge(library, "4.jpg", (MATURE, RIGHT))  # missed
    report, evidence = ask(library)
    doe, mature = row(report, "doe"), row(report, "mature")
    assert (doe["people_saw"], doe["model_said"], doe["right"]) == (4, 2, 2)
    assert (doe["precision"], doe["recall"]) == (1.0, 0.5)
    assert (mature["people_saw"], mature["model_said"], mature["right"]) == (1, 2, 0)
    assert (mature["precision"], mature["recall"]) == (0.0, 0.0)
    assert doe["precision_low"] == pytest.approx(wilson(2, 2)[1])
    deer = next(r for r in report.sections[0].rows if r["group"] == "any deer")
    assert (deer["people_saw"], deer["model_said"], deer["right"]) == (5, 4, 3)
    bins = {r["confidence_from"]: (r["boxes"], r["right"]) for r in report.sections[1].rows}
    assert bins == {0.4: (1, 1), 0.6: (1, 0), 0.7: (1, 0), 0.8: (1, 1), 0.9: (1, 1)}
    assert (len(evidence.judge.photos), evidence.scenes) == (5, 5)
    text = " ".join(report.notes)
    assert "corrections by Ann on 5 photos of 5 scenes" in text
    assert "None of these photos were drawn at random" in text


def test_a_place_judged_alone_tells_of_that_place(library: Library) -> None:
    judge(library, "1.jpg", (None, RIGHT), whole=False)
    report, _ = ask(library)
    assert [r["class"] for r in report.rows] == ["mature"]
    assert (row(report, "mature")["model_said"], row(report, "mature")["right"]) == (1, 0)
    assert "only single places were judged" in report.notes[0]


def test_a_buck_of_unknown_age_makes_no_age_wrong(library: Library) -> None:
    judge(library, "2.jpg", (BUCK, LEFT))
    report, _ = ask(library)
    assert report.rows == []
    antlered = next(r for r in report.sections[0].rows if r["group"] == "antlered")
    assert (antlered["people_saw"], antlered["right"]) == (1, 1)


def test_only_what_was_drawn_at_random(library: Library) -> None:
    judge(library, "0.jpg", (DOE, LEFT))
    judge(library, "1.jpg", source="review random")
    report, evidence = ask(library)
    assert "1 of these photos was drawn at random" in " ".join(report.notes)
    report, evidence = ask(library, only_random=True)
    assert len(evidence.judge.photos) == 1
    assert "drawn at random" not in " ".join(report.notes)


def test_another_model_is_asked_for_by_its_run(library: Library) -> None:
    judge(library, "0.jpg", (DOE, LEFT))
    new = library.detect({"0.jpg": [("animal", 0.9, LEFT)]}, weights="b.pt", classes=NO_DEER)
    assert ask(library)[1].model["run_id"] == new
    assert row(ask(library, run_id=1)[0], "doe")["right"] == 1
    with pytest.raises(UsageError):
        ask(library, run_id=99)


def test_nothing_judged_is_said(library: Library) -> None:
    with pytest.raises(UnanswerableError):
        ask(library)
    judge(library, "0.jpg", (DOE, LEFT))
    with pytest.raises(UnanswerableError, match="at random"):
        ask(library, only_random=True)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n), st.integers(1, 400))))
def test_an_interval_holds_its_share_and_shrinks_with_visits(case: tuple[int, int, int]) -> None:
    right, of, visits = case
    p, low, high = wilson(right, of, visits)
    assert p is not None and low is not None and high is not None  # noqa: PT018
    assert 0 <= low <= p <= high <= 1
    _, tight_low, tight_high = wilson(right, of)
    assert tight_low is not None and tight_high is not None  # noqa: PT018
    assert tight_high - tight_low <= high - low + 1e-9


def test_wilson_against_a_published_value() -> None:
    """Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263, method 3: 0.2553 to 0.3662."""
    _, low, high = wilson(81, 263)
    assert low == pytest.approx(0.2553, abs=5e-5)
    assert high == pytest.approx(0.3662, abs=5e-5)
    assert wilson(0, 0) == (None, None, None)


@pytest.fixture
def many(tmp_path: Path) -> Library:
    """Sixty visits; does are right from 0.3 on, though 0.5 counts; below 0.3 everything is wrong."""
    photos = [Photo(f"{n}.jpg", datetime(2024, 9, 1) + timedelta(days=n)) for n in range(60)]
    found: dict[str, Any] = {f"{n}.jpg": [("doe", 0.1 + 0.014 * n, LEFT)] for n in range(60)}
    library = make_library(tmp_path, photos, found)
    judgements = []
    for n in range(60):
        boxes = (JudgedBox(DOE, *LEFT),) if 0.1 + 0.014 * n >= 0.3 else ()
        judgements.append(Judgement(library.ids[f"{n}.jpg"], boxes, True, AT))
    with library.database.write() as db:
        record(db, judgements, author="Ann", source="review")
    return library


def test_the_threshold_goes_where_the_corrections_say(many: Library) -> None:
    fitted = fit(ask(many)[1])
    assert fitted.thresholds == {"doe": pytest.approx(0.3, abs=0.02)}
    (only,) = fitted.section.rows
    assert only["f1_before"] < only["f1_left_out"] <= only["f1_fitted"] == 1.0


def test_too_little_is_refused(library: Library) -> None:
    judge(library, "0.jpg", (DOE, LEFT))
    with pytest.raises(UnanswerableError, match="20 boxes of 10 scenes"):
        fit(ask(library)[1])


def thresholds(library: Library, run_id: int) -> dict[str, float | None]:
    with library.database.read() as db:
        return {info.name: info.threshold for info in class_infos(db, run_id)}


def test_a_fitted_threshold_counts_for_later_runs_too_and_can_be_forgotten(many: Library) -> None:
    key = "0" * 64
    with many.database.write() as db:
        save_fitted(db, key, {"doe": 0.3}, "Ann")
        save_fitted(db, key, {"doe": 0.25}, "Ann")
    later = many.detect({"0.jpg": [("doe", 0.4)]}, key="other settings")
    for run_id in (1, later):
        assert thresholds(many, run_id)["doe"] == 0.25
        assert thresholds(many, run_id)["mature"] is None
    with many.database.write() as db:
        assert forget_fitted(db, key) == ["doe"]
    assert thresholds(many, 1)["doe"] is None
    assert thresholds(many, later)["doe"] is None


def test_the_command_from_fitting_to_the_next_report(many: Library, cli: Cli) -> None:
    db = ("--db", many.database.path)
    plain = cli("report", "accuracy", *db)
    assert plain.returncode == 0, plain.stderr
    assert "Calibration" in plain.stdout
    fitted = cli("report", "accuracy", "--fit-thresholds", "--format", "json", *db)
    assert fitted.returncode == 0, fitted.stderr
    assert '"fitted"' in fitted.stdout
    assert "These thresholds now apply" in fitted.stdout
    assert math.isclose(thresholds(many, 1)["doe"] or 0, 0.3, abs_tol=0.02)
    assert (
        "These count as the weights recommend again: doe"
        in cli("report", "accuracy", "--forget-thresholds", *db).stdout
    )
    assert thresholds(many, 1)["doe"] is None
    refused = cli(
        "report", "accuracy", "--fit-thresholds", "--station", "Hayfield", "--until", "2024-09-02", *db
    )
    assert (refused.returncode, refused.stdout) == (2, "")
