"""Runs, and the sink that a detect writes to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from tests.helpers.library import NO_DEER, WHITETAIL, Library, Photo, make_library
from tests.helpers.library import seen as seen_image
from trailcam.domain import Outcome, Status
from trailcam.selection import Selection
from trailcam.store.database import one, rows
from trailcam.store.run_choice import last_run
from trailcam.store.run_sink import RunFacts, RunSink, begin_run, class_infos, end_run, select_todo

PHOTOS = [
    Photo("a.jpg", "2024-11-03 06:10"),
    Photo("b.jpg"),
    Photo("c.jpg", "2025-06-05", "TinMan"),
    Photo("d.jpg"),
]
EVERY = tuple(Status)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path, PHOTOS)


def facts(key: str = "k", classes: Sequence[Any] = WHITETAIL) -> RunFacts:
    return RunFacts(key, "0" * 64, f"{key}.pt", {"imgsz": 640}, {"torch": "2"}, "cpu", tuple(classes))


def begin(library: Library, key: str = "k") -> int:
    with library.database.write() as db:
        return begin_run(db, facts(key))


def end(library: Library, run_id: int, completed: bool = True) -> None:
    with library.database.write() as db:
        end_run(db, run_id, completed=completed, seconds={"wall": 2.0, "infer": 1.0})


def seen(library: Library, name: str, n: int = 1) -> Outcome:
    return seen_image(library.ids[name], np.full(n, 0.5), np.arange(n))


def bad(library: Library, name: str) -> Outcome:
    return Outcome(library.ids[name], Status.FAILED, error_code="truncated", error_message="cut\x1b[31m")


def gone(library: Library, name: str) -> Outcome:
    return Outcome(library.ids[name], Status.MISSING)


def state(library: Library, name: str) -> tuple[Any, ...] | None:
    with library.database.read() as db:
        sql = "SELECT status, run_id, error_code FROM images WHERE image_id = ?"
        return one(db, sql, [library.ids[name]])


def run_counts(library: Library, run_id: int) -> tuple[Any, ...] | None:
    with library.database.read() as db:
        sql = "SELECT n_completed, n_failed, n_missing, n_detections FROM runs WHERE run_id = ?"
        return one(db, sql, [run_id])


def todo(library: Library, key: str, *statuses: Status, limit: int | None = None) -> list[str]:
    with library.database.read() as db:
        found = select_todo(db, Selection(statuses=statuses), key, limit)
    assert len(found.path) == len(found.image_id) == len(found.root_id)
    return [path.rpartition("/")[2] for path in found.path]


def test_detections_results_and_status_go_together(library: Library) -> None:
    run_id = begin(library)
    outcomes = [
        seen(library, "a.jpg", 2),
        seen(library, "b.jpg", 0),
        bad(library, "c.jpg"),
        gone(library, "d.jpg"),
    ]
    RunSink(library.database, run_id).write(outcomes)
    assert state(library, "a.jpg") == ("completed", run_id, None)
    assert state(library, "b.jpg") == ("completed", run_id, None)
    assert state(library, "c.jpg") == ("failed", None, "truncated")
    assert state(library, "d.jpg") == ("missing", None, None)
    assert run_counts(library, run_id) == (2, 1, 1, 2)
    with library.database.read() as db:
        found = rows(db, "SELECT * FROM detections ORDER BY class_id")
        assert [(d["image_id"], d["class_id"], d["confidence"]) for d in found] == [
            (library.ids["a.jpg"], 0, 0.5),
            (library.ids["a.jpg"], 1, 0.5),
        ]
        assert {(d["x"], d["y"], d["w"], d["h"]) for d in found} == {
            (0.25, 0.25, 0.375, 0.25),
            (0.625, 0.25, 0.375, 0.25),
        }
        results = rows(db, "SELECT image_id, status, error_message FROM results ORDER BY image_id")
    assert [r["status"] for r in results] == ["completed", "completed", "failed"]
    assert results[2]["error_message"] == "cut\\x1b[31m"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_flush_that_fails_leaves_nothing(library: Library, order: tuple[int, int]) -> None:
    run_id = begin(library)
    before = library.database.path.read_bytes()
    # The boxes are no numbers, so the last part can't be stored.
    broken = replace(seen(library, "b.jpg"), boxes=np.full((1, 4), "x"))
    outcomes = [seen(library, "a.jpg"), broken]
    with pytest.raises((duckdb.Error, ValueError, TypeError, np.exceptions.DTypePromotionError)):
        RunSink(library.database, run_id).write([outcomes[i] for i in order])
    for table in ("results", "detections"):
        with library.database.read() as db:
            assert one(db, f"SELECT count(*) FROM {table}") == (0,)
    assert state(library, "a.jpg") == ("pending", None, None)
    assert run_counts(library, run_id) == (0, 0, 0, 0)
    assert len(library.database.path.read_bytes()) == len(before)


def test_a_crash_of_the_last_statement_leaves_nothing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = begin(library)
    sink = RunSink(library.database, run_id)

    def refuse(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sink, "_update_images", refuse)
    with pytest.raises(KeyboardInterrupt):
        sink.write([seen(library, "a.jpg")])
    with library.database.read() as db:
        assert one(db, "SELECT (SELECT count(*) FROM results) + (SELECT count(*) FROM detections)") == (0,)


def test_only_missing_photos(library: Library) -> None:
    run_id = begin(library)
    RunSink(library.database, run_id).write([gone(library, name) for name in library.ids])
    assert run_counts(library, run_id) == (0, 0, 4, 0)
    assert todo(library, "k") == []


def test_missing_keeps_what_was_known(library: Library) -> None:
    run_id = library.detect({"a.jpg": [("doe", 0.9)]}, failed=["b.jpg"])
    RunSink(library.database, begin(library)).write([gone(library, "a.jpg"), gone(library, "b.jpg")])
    assert state(library, "a.jpg") == ("missing", run_id, None)
    assert state(library, "b.jpg") == ("missing", None, "truncated")
    with library.database.read() as db:
        assert one(db, "SELECT count(*) FROM detections") == (1,)


def test_nothing_to_write_opens_nothing(library: Library) -> None:
    before = library.database.path.stat().st_mtime_ns
    sink = RunSink(library.database, 1)
    sink.write([])
    assert sink.seconds == 0
    assert library.database.path.stat().st_mtime_ns == before


def test_seconds_add_up(library: Library) -> None:
    sink = RunSink(library.database, begin(library))
    sink.write([seen(library, "a.jpg")])
    first = sink.seconds
    sink.write([seen(library, "b.jpg")])
    assert 0 < first < sink.seconds


def test_failed_then_completed_in_the_same_run(library: Library) -> None:
    run_id = begin(library)
    sink = RunSink(library.database, run_id)
    sink.write([bad(library, "a.jpg")])
    assert state(library, "a.jpg") == ("failed", None, "truncated")
    sink.write([seen(library, "a.jpg")])
    assert state(library, "a.jpg") == ("completed", run_id, None)
    assert run_counts(library, run_id) == (1, 0, 0, 1)
    with library.database.read() as db:
        assert rows(db, "SELECT status, error_code FROM results") == [
            {"status": "completed", "error_code": None}
        ]


def test_the_same_photo_twice_counts_once(library: Library) -> None:
    run_id = begin(library)
    sink = RunSink(library.database, run_id)
    sink.write([seen(library, "a.jpg", 3), seen(library, "b.jpg", 1)])
    sink.write([seen(library, "a.jpg", 2)])
    assert run_counts(library, run_id) == (2, 0, 0, 3)
    with library.database.read() as db:
        assert one(db, "SELECT count(*) FROM detections") == (3,)
        assert one(db, "SELECT count(*) FROM results") == (2,)


def test_what_other_weights_cannot_read_stays_completed(library: Library) -> None:
    first = library.detect({"a.jpg": [("doe", 0.9)]})
    library.detect({}, failed=["a.jpg"], weights="other.pt")
    assert state(library, "a.jpg") == ("completed", first, None)


def test_the_newest_completed_run_is_current(library: Library) -> None:
    first = library.detect({"a.jpg": [("doe", 0.9)], "b.jpg": []})
    second = library.detect({"a.jpg": [("mid", 0.9)]}, weights="other.pt")
    assert state(library, "a.jpg") == ("completed", second, None)
    assert state(library, "b.jpg") == ("completed", first, None)
    with library.database.read() as db:
        assert one(db, "SELECT count(*) FROM detections") == (2,)


@pytest.mark.parametrize("how", [False, None])
def test_an_unfinished_run_of_other_weights_does_not_shadow(library: Library, how: bool | None) -> None:
    first = library.detect({"a.jpg": [("doe", 0.9)]})
    second = library.detect({"a.jpg": [("mid", 0.9)], "b.jpg": []}, weights="other.pt", completed=how)
    assert state(library, "a.jpg") == ("completed", first, None)
    assert state(library, "b.jpg") == ("completed", second, None)  # it had none
    assert todo(library, "other.pt") == ["d.jpg", "c.jpg"]
    again = library.detect({"d.jpg": []}, weights="other.pt")
    assert again == second
    assert state(library, "a.jpg") == ("completed", second, None)


def test_begin_run_records_what_makes_the_run(library: Library) -> None:
    run_id = begin(library)
    with library.database.read() as db:
        run = last_run(db)
        assert class_infos(db, run_id) == WHITETAIL
    assert run is not None
    assert (run["state"], run["model_key"], run["weights_name"]) == ("running", "k", "k.pt")
    assert json.loads(run["settings"]) == {"imgsz": 640}
    assert json.loads(run["versions"]) == {"torch": "2"}


@pytest.mark.parametrize("how", [False, None])
def test_an_unfinished_run_is_carried_on(library: Library, how: bool | None) -> None:
    first = library.detect({"a.jpg": []}, weights="k", completed=how)
    assert begin(library) == first
    with library.database.read() as db:
        run = last_run(db)
    assert run is not None
    assert (run["state"], run["finished_at"]) == ("running", None)
    end(library, first)
    assert begin(library) == first + 1


def test_a_run_carried_on_takes_the_class_map_of_today(library: Library) -> None:
    run_id = begin(library)
    with library.database.write() as db:
        assert begin_run(db, facts(classes=NO_DEER)) == run_id
        assert class_infos(db, run_id) == NO_DEER


def test_another_runs_leftover_is_marked_interrupted(library: Library) -> None:
    first = begin(library, "one")
    second = begin(library, "two")
    with library.database.read() as db:
        states = rows(db, "SELECT run_id, state FROM runs ORDER BY run_id")
    assert states == [{"run_id": first, "state": "interrupted"}, {"run_id": second, "state": "running"}]


def test_seconds_of_a_run_carried_on_are_added(library: Library) -> None:
    run_id = begin(library)
    end(library, run_id, completed=False)
    end(library, begin(library))
    with library.database.read() as db:
        assert one(db, "SELECT state, wall_s, infer_s, load_s FROM runs") == ("completed", 4.0, 2.0, 0.0)


def test_the_last_run_is_the_one_at_work_else_the_one_that_ended_last(library: Library) -> None:
    with library.database.read() as db:
        assert last_run(db) is None
    first = begin(library, "one")
    end(library, first, completed=False)
    second = begin(library, "two")
    end(library, second)
    assert last(library) == second
    assert begin(library, "one") == first
    assert last(library) == first
    end(library, first)
    assert last(library) == first


def last(library: Library) -> int:
    with library.database.read() as db:
        run = last_run(db)
    assert run is not None
    return int(run["run_id"])


def test_todo_is_what_these_weights_have_not_completed(library: Library) -> None:
    library.detect({"a.jpg": []}, failed=["b.jpg"], missing=["c.jpg"], weights="one")
    assert todo(library, "one") == ["b.jpg", "d.jpg"]
    assert todo(library, "two") == ["a.jpg", "b.jpg", "d.jpg"]
    assert todo(library, "one", Status.PENDING) == ["d.jpg"]
    assert todo(library, "one", Status.FAILED) == ["b.jpg"]
    assert todo(library, "two", Status.COMPLETED) == ["a.jpg"]
    assert todo(library, "two", *EVERY, limit=2) == ["a.jpg", "b.jpg"]


def test_todo_by_month_says_how_many_have_no_date(library: Library) -> None:
    with library.database.read() as db:
        found = select_todo(db, Selection(months=(11,)), "k", None)
        both = select_todo(db, Selection(months=(11,), include_undated=True), "k", None)
        there = select_todo(db, Selection(months=(6,), stations=("tinman",)), "k", None)
    assert (found.path, found.n_undated_left_out) == (["Hayfield/a.jpg"], 2)
    assert (len(both.path), both.n_undated_left_out) == (3, 0)
    assert (there.path, there.n_undated_left_out) == (["TinMan/c.jpg"], 0)


def test_a_station_with_a_quote_in_its_name(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a.jpg", station="Phil's '; DROP TABLE images; --"), *PHOTOS[2:]])
    with library.database.read() as db:
        found = select_todo(db, Selection(stations=("phil's '; drop table images; --",)), "k", None)
    assert len(found.path) == 1
