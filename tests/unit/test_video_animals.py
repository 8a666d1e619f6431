"""Of a video each animal has one box that counts: how it is followed, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.library import WHITETAIL, Library, Photo
from trailcam.domain import Outcome, Status
from trailcam.selection import Selection
from trailcam.store.counted import count_boxes
from trailcam.store.database import Database, rows
from trailcam.store.follow_animals import FrameBoxes, repeats_of
from trailcam.store.invariants import broken
from trailcam.store.judged_boxes import forget_fitted, save_fitted
from trailcam.store.run_sink import RunFacts, RunSink, begin_run, end_run
from trailcam.store.select import select
from trailcam.store.visits import Level, join_visits

DOE, BUCK, PERSON = 0, 3, 4
Box = tuple[float, int, float, float]
"""Frame, class, confidence, and the middle of a box of 0.2 x 0.2 from the left, 0..1."""


def kept(*boxes: Box) -> list[tuple[float, int]]:
    """Frame and class of the boxes that count."""
    video = FrameBoxes(
        frame=np.array([int(frame) for frame, *_ in boxes], np.int64),
        boxes=np.array([(x - 0.1, 0.4, 0.2, 0.2) for *_, x in boxes], np.float32).reshape(-1, 4),
        confidence=np.array([confidence for _, _, confidence, _ in boxes], np.float32),
        class_id=np.array([class_id for _, class_id, _, _ in boxes], np.int64),
        flock=np.array([int(class_id == PERSON) for _, class_id, _, _ in boxes], np.int64),
        sure=np.array([confidence >= 0.5 for _, _, confidence, _ in boxes], np.bool_),
    )
    repeats = repeats_of(video)
    return sorted((boxes[n][0], boxes[n][1]) for n in np.flatnonzero(~repeats))


def test_a_deer_that_walks_through_is_one_deer() -> None:
    walk = [(n, DOE, 0.6 + 0.01 * n, 0.1 + 0.15 * n) for n in range(6)]
    assert kept(*walk) == [(5, DOE)]


def test_a_deer_that_is_called_a_buck_once_is_what_most_frames_say() -> None:
    assert kept((0, DOE, 0.8, 0.2), (1, BUCK, 0.7, 0.3), (2, DOE, 0.9, 0.4)) == [(2, DOE)]


def test_a_deer_that_runs_is_met_again_by_its_class() -> None:
    assert kept((0, DOE, 0.8, 0.1), (1, DOE, 0.9, 0.9)) == [(1, DOE)]


def test_two_at_once_are_two_however_often_they_are_seen() -> None:
    assert kept(*((n, DOE, 0.6 + n / 100, x) for n in range(4) for x in (0.2, 0.8))) == [(3, DOE), (3, DOE)]


def test_a_buck_behind_a_doe_is_not_lost() -> None:
    """Never seen at once, but they are called different things in different places."""
    assert kept((0, DOE, 0.9, 0.1), (3, BUCK, 0.8, 0.9)) == [(0, DOE), (3, BUCK)]


def test_people_and_deer_are_never_one() -> None:
    assert kept((0, DOE, 0.9, 0.5), (1, PERSON, 0.9, 0.5)) == [(0, DOE), (1, PERSON)]


def test_doubtful_boxes_make_no_second_animal_of_a_sure_one() -> None:
    """A stump at 0.1 in each frame stands beside the deer; the deer, gone and back, is one all the same."""
    stump = [(n, DOE, 0.1, 0.9) for n in range(8)]
    deer = [(0, DOE, 0.8, 0.1), (7, DOE, 0.9, 0.1)]
    assert kept(*stump, *deer) == [(0, DOE), (7, DOE)]  # the stump, of which none counts, and the deer


_BOXES = st.lists(
    st.tuples(
        st.integers(0, 5), st.sampled_from([DOE, BUCK, PERSON]), st.floats(0.05, 1), st.floats(0.1, 0.9)
    ),
    max_size=25,
)


@given(_BOXES)
def test_never_fewer_than_were_surely_seen_at_once_and_never_more_than_boxes(boxes: list[Box]) -> None:
    found = kept(*boxes) if boxes else []
    by_flock = {True: 0, False: 0}
    for _, class_id in found:
        by_flock[class_id == PERSON] += 1
    for is_person, n in by_flock.items():
        own = [box for box in boxes if (box[1] == PERSON) == is_person]
        frames = {box[0] for box in own}
        most = max((sum(box[0] == frame and box[2] >= 0.5 for box in own) for frame in frames), default=0)
        assert n >= most
        assert n <= len(own)
        assert bool(n) == bool(own)


@given(_BOXES)
def test_of_one_class_there_are_as_many_sure_animals_as_at_once(boxes: list[Box]) -> None:
    boxes = [(frame, DOE, max(confidence, 0.5), x) for frame, _, confidence, x in boxes]
    frames = [box[0] for box in boxes]
    most = max((frames.count(frame) for frame in set(frames)), default=0)
    assert len(kept(*boxes) if boxes else []) == most


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = Library(Database(tmp_path / "test.duckdb"), tmp_path / "photos")
    library.add([Photo("clip.mp4", "2024-11-03 06:10"), Photo("still.jpg", "2024-11-03 06:10")])
    return library


def look(library: Library, *seen: tuple[float, int, float, float], frames: Sequence[float] = ()) -> None:
    """Save what a model saw on the frames of the clip."""
    with library.database.write() as db:
        db.execute("UPDATE images SET is_video = true WHERE path LIKE '%.mp4'")
    outcome = Outcome(
        library.ids["clip.mp4"],
        Status.COMPLETED,
        boxes=np.array([(x - 0.1, 0.4, 0.2, 0.2) for *_, x in seen], np.float32).reshape(-1, 4),
        confidence=np.array([confidence for _, _, confidence, _ in seen], np.float32),
        class_id=np.array([class_id for _, class_id, _, _ in seen], np.int16),
        frame_s=np.array([at for at, *_ in seen], np.float32),
        frames=tuple(frames),
    )
    with library.database.write() as db:
        run_id = begin_run(db, RunFacts("key", "0" * 64, "whitetail.pt", {}, {}, "cpu", WHITETAIL))
    RunSink(library.database, run_id).write([outcome])
    with library.database.write() as db:
        end_run(db, run_id, completed=True, seconds={})


def test_a_video_is_one_photo_with_its_most_at_once(library: Library) -> None:
    look(
        library,
        *((float(n), DOE, 0.6 + n / 100, x) for n in range(4) for x in (0.2, 0.8)),
        frames=[0.0, 1.0, 2.0, 3.0],
    )
    with library.database.read() as db:
        assert broken(db) == []
        (row,) = rows(db, "SELECT frames FROM results")
        assert row["frames"] == [0, 1, 2, 3]
        stored = rows(db, "SELECT frame_s, repeats FROM detections ORDER BY frame_s")
    assert [row["frame_s"] for row in stored] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [row["frame_s"] for row in stored if not row["repeats"]] == [3, 3]
    with (
        library.database.read() as db,
        select(db, Selection()) as photos,
        count_boxes(photos, None) as boxes,
        join_visits(boxes, timedelta(minutes=30), Level.CLASS) as visits,
    ):
        (row,) = visits.counts([], 1)
    assert (row["class"], row["photos"], row["detections"], row["max_animals"]) == ("doe", 1, 2, 2)


def test_a_buck_that_comes_where_a_doe_was_long_before_is_another_one(library: Library) -> None:
    """Between them are frames on which nothing was seen."""
    look(library, (0.0, DOE, 0.6, 0.2), (4.0, BUCK, 0.9, 0.25), frames=[0.0, 1.0, 2.0, 3.0, 4.0])
    with library.database.read() as db:
        assert rows(db, "SELECT count(*) AS n FROM detections WHERE NOT repeats") == [{"n": 2}]


def test_a_deer_hidden_on_one_frame_is_one(library: Library) -> None:
    look(library, (0.0, DOE, 0.6, 0.2), (2.0, BUCK, 0.9, 0.25), frames=[0.0, 1.0, 2.0])
    with library.database.read() as db:
        assert rows(db, "SELECT class_id FROM detections WHERE NOT repeats") == [{"class_id": BUCK}]


def test_thresholds_that_change_choose_again(library: Library) -> None:
    look(library, (0.0, DOE, 0.45, 0.2), (1.0, DOE, 0.45, 0.2), (1.0, DOE, 0.3, 0.8), frames=[0.0, 1.0])
    with library.database.write() as db:
        save_fitted(db, "0" * 64, {"doe": 0.25}, "Ann")
        assert broken(db) == []
        assert rows(db, "SELECT count(*) AS n FROM detections WHERE NOT repeats") == [{"n": 2}]
        forget_fitted(db, "0" * 64)
        assert broken(db) == []
