"""What a deer of a visit is: the rule of docs/visits.md by hand, and in plain Python on random visits."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from tests.helpers.visits import Box, join, settled
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.selection import Selection
from trailcam.store.corrections import JudgedBox, Judgement, record
from trailcam.store.counted import count_boxes
from trailcam.store.select import select
from trailcam.store.visit_classes import Deer, look_of, settle
from trailcam.store.visits import Level, join_visits

GAP = timedelta(minutes=30)
DEER = (
    ClassInfo(0, "doe", Kind.DOE),
    ClassInfo(1, "fawn", Kind.FAWN),
    ClassInfo(2, "deer", Kind.DEER),
    ClassInfo(3, "buck", Kind.BUCK, AgeClass.UNKNOWN),
    ClassInfo(4, "young", Kind.BUCK, AgeClass.YOUNG),
    ClassInfo(5, "mid", Kind.BUCK, AgeClass.MID),
    ClassInfo(6, "mature", Kind.BUCK, AgeClass.MATURE),
)
Seen = dict[str, list[tuple[str, float]]]


def shown(folder: Path, seen: Seen, *, per_visit: bool = True) -> dict[str, tuple[int, int, int]]:
    """Class -> photos, how many of these say so themselves, most at once. Photos are a minute apart."""
    folder.mkdir(exist_ok=True)
    return visits_in(made(folder, seen), per_visit=per_visit)


def made(folder: Path, seen: Seen) -> Library:
    photos = [Photo(name, f"2024-11-03 06:{n:02}") for n, name in enumerate(seen)]
    return make_library(folder, photos, seen)


def visits_in(library: Library, *, per_visit: bool = True) -> dict[str, tuple[int, int, int]]:
    with library.database.read() as db:
        join_visits(count_boxes(select(db, Selection()), 0.2), GAP, Level.CLASS, per_visit=per_visit)
        assert db.execute("SELECT count(DISTINCT event) FROM sightings").fetchall() == [(1,)]
        found = db.execute("SELECT what, photos, saying_so, animals FROM visits").fetchall()
    return {what: tuple(row) for what, *row in found}


def test_one_buck_has_one_age(tmp_path: Path) -> None:
    seen: Seen = {"a": [("mid", 0.5)], "b": [("mature", 0.8)], "c": [("mature", 0.5)], "d": [("mature", 0.4)]}
    assert shown(tmp_path / "v", seen) == {"mature": (4, 3, 1)}
    assert shown(tmp_path / "p", seen, per_visit=False) == {"mature": (3, 3, 1), "mid": (1, 1, 1)}


def test_several_photos_outvote_a_surer_one(tmp_path: Path) -> None:
    assert shown(tmp_path, {"a": [("mature", 0.7)], "b": [("mid", 0.5)], "c": [("mid", 0.4)]}) == {
        "mid": (3, 2, 1)
    }


def test_a_close_animal_outvotes_a_far_one(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a", "2024-11-03 06:00"), Photo("b", "2024-11-03 06:01")])
    library.detect({"a": [("mid", 0.8, (0.1, 0.1, 0.1, 0.1))], "b": [("mature", 0.5, (0.1, 0.1, 0.6, 0.6))]})
    assert visits_in(library) == {"mature": (2, 1, 1)}


def test_antlers_seen_surely_once_are_there(tmp_path: Path) -> None:
    does: Seen = {"a": [("doe", 0.9)], "b": [("doe", 0.9)], "c": [("doe", 0.8)]}
    assert shown(tmp_path / "sure", {**does, "d": [("young", 0.6)]}) == {"young": (4, 1, 1)}
    assert shown(tmp_path / "unsure", {**does, "d": [("young", 0.59)]}) == {"doe": (4, 3, 1)}
    assert shown(tmp_path / "heavier", {"a": [("doe", 0.4)], "b": [("young", 0.5)]}) == {"young": (2, 1, 1)}


def test_several_at_once_keep_their_classes(tmp_path: Path) -> None:
    buck_and_doe: Seen = {"a": [("doe", 0.9), ("mature", 0.8)], "b": [("doe", 0.7)], "c": [("mid", 0.5)]}
    assert shown(tmp_path / "one", buck_and_doe) == {"doe": (2, 2, 1), "mature": (2, 1, 1)}
    two: Seen = {"a": [("young", 0.9), ("mature", 0.8)], "b": [("mid", 0.5)]}
    assert shown(tmp_path / "two", two) == {"young": (2, 1, 1), "mature": (1, 1, 1)}
    doubtful: Seen = {"a": [("doe", 0.9), ("doe", 0.8)], "b": [("young", 0.4)]}
    assert shown(tmp_path / "none", doubtful) == {"doe": (2, 1, 2)}


def test_a_correction_decides_alone(tmp_path: Path) -> None:
    library = made(tmp_path, {"a": [("mature", 0.9)], "b": [("mature", 0.9)], "c": [("mid", 0.5)]})
    doe = JudgedBox(WHITETAIL[0], 0.25, 0.25, 0.25, 0.25)
    with library.database.write() as db:
        said = Judgement(library.ids["a"], (doe,), True, datetime(2024, 12, 1))
        record(db, [said], author="Ann", source="test")
    assert visits_in(library) == {"doe": (3, 1, 1)}


BOXES = st.lists(
    st.tuples(
        st.integers(0, 3),  # visit
        st.integers(0, 3),  # photo in it
        st.integers(0, len(DEER) - 1),
        st.integers(4, 20).map(lambda n: n / 20),
        st.sampled_from([0.125, 0.25, 0.5]),
        st.integers(0, 9).map(lambda n: n == 0),
    ),
    min_size=1,
    max_size=24,
)


@settings(max_examples=150, deadline=None)
@given(BOXES)
def test_the_rule_on_random_visits(
    found: list[tuple[int, int, int, float, float, bool]],
) -> None:
    """Exact: all weights are sums of multiples of 1/160."""
    boxes = [
        Box(10 * visit + photo, None, "A", DEER[place], 1.0 if said else confidence, side, said, visit=visit)
        for visit, photo, place, confidence, side, said in sorted(found, key=lambda row: row[:2])
    ]
    deer = Deer(
        visit=np.array([box.visit for box in boxes]),
        image=np.array([box.photo for box in boxes]),
        look=np.array([look_of(box.said) for box in boxes]),
        confidence=np.array([box.confidence for box in boxes], np.float32),
        weight=np.array([box.confidence * box.side for box in boxes]),
        by_person=np.array([box.by_person for box in boxes]),
    )
    by_hand = [
        box.info.name
        for visit in sorted({box.visit for box in boxes}, key=str)
        for box in settled([box for box in boxes if box.visit == visit])
    ]
    assert [boxes[place].said.name for place in settle(deer)] == by_hand


def test_other_animals_are_flocks_of_their_own() -> None:
    at = datetime(2024, 11, 3, 6)
    boxes = [
        Box(1, at, "A", DEER[0], 0.9),
        Box(1, at, "A", ClassInfo(7, "coyote", Kind.ANIMAL), 0.9),
        Box(2, at + GAP, "A", DEER[6], 0.9),
        Box(3, at + 3 * GAP, "A", DEER[6], 0.9),
        Box(4, at, "B", DEER[6], 0.9),
    ]
    assert Counter(box.visit for box in join(boxes, GAP)) == {1: 1, 2: 2, 3: 1, 4: 1}
