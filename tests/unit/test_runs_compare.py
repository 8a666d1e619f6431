"""Two runs beside each other: what is gained, lost and changed, and that the mirror is the mirror."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.library import ANY_BUCK, Found, Library, Photo, make_library
from trailcam.errors import UsageError
from trailcam.reports.compare_runs import Difference, compare, comparison_report, differ
from trailcam.reports.formats import to_csv
from trailcam.selection import Selection
from trailcam.store.select import select
from trailcam.store.two_runs import BothSaid, RunBox, make_sides

LEFT, RIGHT = (0.1, 0.1, 0.3, 0.3), (0.6, 0.6, 0.3, 0.3)
NEARLY_LEFT = (0.12, 0.1, 0.3, 0.3)
PHOTOS = [Photo(f"{name}.jpg", None if name == "e" else "2024-11-03 06:10") for name in "abcde"]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path, PHOTOS)


def report(library: Library, a: int, b: int, selection: Selection | None = None, **more: Any) -> Any:  # noqa: ANN401 - Report
    options = {"confidence": None, "part": None} | more
    with library.database.read() as db:
        return comparison_report(db, selection or Selection(), a, b, **options)


def two(library: Library, first: dict[str, list[Found]], second: dict[str, list[Found]]) -> tuple[int, int]:
    return library.detect(first, weights="one.pt"), library.detect(second, weights="two.pt")


def test_gained_lost_and_changed_by_class(library: Library) -> None:
    a, b = two(
        library,
        {
            "a.jpg": [("doe", 0.9, LEFT), ("young", 0.8, RIGHT)],
            "b.jpg": [("mid", 0.7, LEFT)],
            "c.jpg": [("doe", 0.9, LEFT)],
            "d.jpg": [("person", 0.9, LEFT)],
        },
        {
            "a.jpg": [("doe", 0.6, NEARLY_LEFT), ("mature", 0.8, RIGHT)],
            "b.jpg": [("doe", 0.4, LEFT)],
            "c.jpg": [("doe", 0.9, LEFT), ("mature", 0.95, RIGHT)],
            "e.jpg": [("doe", 0.9, LEFT)],
        },
    )
    answer = report(library, a, b)
    by_class = {row["class"]: row for row in answer.rows}
    keys = ("boxes_a", "boxes_b", "same", "gained", "lost", "changed_to", "changed_from", "photos")
    told = {name: tuple(row[key] for key in keys) for name, row in by_class.items()}
    assert told == {
        "doe": (2, 2, 2, 0, 0, 0, 0, 0),
        "young": (1, 0, 0, 0, 0, 0, 1, 1),
        "mid": (1, 0, 0, 0, 1, 0, 0, 1),
        "mature": (0, 2, 0, 1, 0, 1, 0, 2),
    }
    sections = {section.name: section.rows for section in answer.sections}
    changes = {(row["class_a"], row["class_b"]): row["boxes"] for row in sections["changes"]}
    assert changes == {("young", "mature"): 1, ("mid", None): 1, (None, "mature"): 1}
    boxes = [(row["path"], row["change"], row["class_a"], row["class_b"]) for row in sections["boxes"]]
    assert boxes == [
        ("Hayfield/c.jpg", "gained", None, "mature"),
        ("Hayfield/a.jpg", "changed", "young", "mature"),
        ("Hayfield/b.jpg", "lost", "mid", None),
    ]
    assert answer.coverage == {"photos": 3, "only_a": 1, "only_b": 1, "differ": 3}
    assert "1 photo completed by A alone is not compared." in answer.notes
    lower = report(library, a, b, confidence=0.3)
    assert {row["class"]: row["changed_to"] for row in lower.rows}["doe"] == 1
    assert len(to_csv(report(library, a, b, part="boxes")).splitlines()) == 4


def test_only_the_selected_photos(library: Library) -> None:
    every: dict[str, list[Found]] = {f"{name}.jpg": [("doe", 0.9, LEFT)] for name in "abe"}
    a, b = two(library, every, {"a.jpg": [], "b.jpg": [], "e.jpg": []})
    assert report(library, a, b).coverage["photos"] == 3
    november = report(library, a, b, Selection(months=(11,)))
    assert november.coverage["photos"] == 2
    assert any("1 photo without a capture time" in note for note in november.notes)
    assert report(library, a, b, Selection(months=(6,))).rows == []


def test_a_class_that_a_model_does_not_know_is_named(library: Library) -> None:
    a = library.detect({"a.jpg": [("mature", 0.9, LEFT)]}, weights="one.pt")
    b = library.detect({"a.jpg": [("buck", 0.9, LEFT)]}, classes=ANY_BUCK, weights="", key="imported")
    made = report(library, a, b)
    told = " ".join([made.headline, *made.notes])
    assert "A has no class buck" in told
    assert "B has no class mature" in told
    assert "(no weights named)" in told


def test_nightly_runs_of_a_model_stand_for_each_other(library: Library) -> None:
    first = library.detect({"a.jpg": [("doe", 0.9, LEFT)]}, weights="one.pt")
    second = library.detect({"b.jpg": [("doe", 0.9, LEFT)]}, weights="one.pt")
    other = library.detect({"a.jpg": [], "b.jpg": []}, weights="two.pt")
    assert report(library, first, other).rows[0]["lost"] == 2
    assert report(library, second, other).rows[0]["lost"] == 2
    alone = report(library, first, second)
    assert alone.coverage == {"photos": 0, "only_a": 1, "only_b": 1, "differ": 0}


def test_a_run_beside_itself_differs_in_nothing(library: Library) -> None:
    a, _ = two(
        library,
        {
            "a.jpg": [
                ("doe", 0.9, LEFT),
                ("doe", 0.9, (0.6, 0.6, 0.1, 0.1)),
                ("mid", 0.8, (0.8, 0.8, 0.1, 0.1)),
            ]
        },
        {},
    )
    answer = report(library, a, a)
    assert [(row["class"], row["same"], row["photos"]) for row in answer.rows] == [
        ("doe", 2, 0),
        ("mid", 1, 0),
    ]
    assert not any(section.rows for section in answer.sections)


def test_a_run_that_is_not_there_is_refused(library: Library) -> None:
    run_id = library.detect({"a.jpg": []})
    with pytest.raises(UsageError, match="no run 9"):
        report(library, run_id, 9)


# Few places and confidences, so that boxes coincide, overlap and tie all the time.
SIDES = st.sampled_from((0.1, 0.15, 0.2, 0.5))
BOXES = st.lists(
    st.builds(
        RunBox,
        name=st.sampled_from(("doe", "Doe", "mid", "mature")),
        kind=st.just("buck"),
        confidence=st.sampled_from((0.5, 0.7)),
        x=SIDES,
        y=SIDES,
        w=st.sampled_from((0.2, 0.25)),
        h=st.just(0.25),
    ),
    max_size=6,
)


def told(differences: list[Difference]) -> Counter[tuple[Any, ...]]:
    return Counter((difference.a, difference.b) for difference in differences)


@given(a=BOXES, b=BOXES)
@settings(max_examples=300)
def test_the_mirror_of_a_comparison_is_the_same_comparison(a: list[RunBox], b: list[RunBox]) -> None:
    there, same = differ(BothSaid(1, a, b))
    back, same_back = differ(BothSaid(1, b, a))
    assert Counter(same) == Counter(same_back)
    changes, mirrored = Counter(d.change for d in there), Counter(d.change for d in back)
    assert (changes["gained"], changes["lost"]) == (mirrored["lost"], mirrored["gained"])
    assert told(there) == told([Difference(d.image_id, d.b, d.a) for d in back])
    # Every box is accounted for once.
    assert Counter(d.a for d in there if d.a).total() + len(same) == len(a)
    assert Counter(d.b for d in there if d.b).total() + len(same) == len(b)


@given(a=BOXES)
def test_boxes_beside_themselves_agree(a: list[RunBox]) -> None:
    differences, same = differ(BothSaid(1, a, list(a)))
    assert differences == []
    assert len(same) == len(a)


PLACED = st.lists(
    st.tuples(
        st.sampled_from(("doe", "young", "mid")),
        st.sampled_from((0.3, 0.5, 0.9)),
        st.sampled_from((LEFT, NEARLY_LEFT, RIGHT)),
    ),
    max_size=3,
)
RUN = st.dictionaries(st.sampled_from([photo.name for photo in PHOTOS]), PLACED, min_size=1)


@given(first=RUN, second=RUN)
@settings(max_examples=8, deadline=None)
def test_reports_mirror_each_other(
    tmp_path_factory: pytest.TempPathFactory,
    first: dict[str, list[Found]],
    second: dict[str, list[Found]],
) -> None:
    """Through the real database: gained from A to B is lost from B to A."""
    library = make_library(tmp_path_factory.mktemp("mirror"), PHOTOS)
    a, b = two(library, first, second)
    with library.database.read() as db, select(db, Selection()) as photos:
        with make_sides(photos, a, b) as sides:
            there = compare(sides, None)
        with make_sides(photos, b, a) as sides:
            back = compare(sides, None)
    assert told(list(there.differences)) == told([d._replace(a=d.b, b=d.a) for d in back.differences])
    mirror = {"gained": "lost", "lost": "gained", "changed_to": "changed_from", "changed_from": "changed_to"}
    mirror |= {"boxes_a": "boxes_b", "boxes_b": "boxes_a"}
    rows = report(library, b, a).rows
    assert report(library, a, b).rows == [{mirror.get(key, key): n for key, n in row.items()} for row in rows]
