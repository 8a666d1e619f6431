"""A correction: it wins, it survives, it can be taken back, and nothing else changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from trailcam.domain import AgeClass, Kind
from trailcam.errors import UsageError
from trailcam.geometry import iou, xywhn_to_xyxy
from trailcam.reports.bucks import bucks
from trailcam.reports.common import Question
from trailcam.reports.species import species
from trailcam.selection import Selection
from trailcam.settings.classmap import ClassRule
from trailcam.store import corrections
from trailcam.store.corrections import JudgedBox, Judgement
from trailcam.store.counted import COVERS, count_boxes
from trailcam.store.judged import SAME
from trailcam.store.select import select

WHEN = datetime(2026, 1, 2, 3, 4, 5)
LEFT, MIDDLE, RIGHT = (0.0, 0.1, 0.3, 0.5), (0.35, 0.1, 0.3, 0.5), (0.7, 0.1, 0.3, 0.5)
NEAR_LEFT = (0.04, 0.12, 0.3, 0.5)  # as another model would draw it
INFO = {info.name: info for info in WHITETAIL}

Place = tuple[float, float, float, float]
Seen = tuple[str, float, Place, bool]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Two photos with boxes, a blank, a pending one and a failed one."""
    photos = [
        Photo("two.jpg", "2024-11-01 06:00"),
        Photo("one.jpg", "2024-11-02 06:00"),
        Photo("blank.jpg", "2024-11-03 06:00"),
        Photo("pending.jpg", "2024-11-04 06:00"),
        Photo("failed.jpg", "2024-11-05 06:00", error_code="truncated"),
    ]
    found = {
        "two.jpg": [("mature", 0.9, LEFT), ("doe", 0.8, RIGHT), ("doe", 0.2, MIDDLE)],
        "one.jpg": [("mid", 0.6, LEFT)],
        "blank.jpg": [],
    }
    return make_library(tmp_path, photos, found)  # type: ignore[arg-type]


def box(name: str | None, place: Place) -> JudgedBox:
    return JudgedBox(INFO[name] if name else None, *place)


def judge(
    library: Library, name: str, boxes: Sequence[JudgedBox], *, whole: bool = False, uid: str | None = None
) -> int:
    judgement = Judgement(library.ids[name], tuple(boxes), whole, WHEN, uid)
    with library.database.write() as db:
        return corrections.record(db, [judgement], author="Ann", source="test")


def counted(library: Library, name: str, confidence: float | None = None) -> list[Seen]:
    """Class, confidence, place and whether a person says so, of the boxes that count on a photo."""
    image_id = library.ids[name]
    with library.database.read() as db:
        shown = corrections.shown_boxes(count_boxes(select(db, Selection()), confidence), [image_id])
    return [
        (b.info.name, round(b.confidence, 4), tuple(round(side, 4) for side in b[2:6]), b.by_person)  # type: ignore[misc]
        for b in shown.get(image_id, ())
    ]


def test_nothing_said_changes_nothing(library: Library) -> None:
    assert counted(library, "two.jpg") == [("mature", 0.9, LEFT, False), ("doe", 0.8, RIGHT, False)]
    assert counted(library, "two.jpg", 0.1) == [
        ("mature", 0.9, LEFT, False),
        ("doe", 0.2, MIDDLE, False),
        ("doe", 0.8, RIGHT, False),
    ]


def test_a_word_on_a_box_leaves_the_others_to_the_model(library: Library) -> None:
    judge(library, "two.jpg", [box("young", LEFT)])
    assert counted(library, "two.jpg") == [("young", 1.0, LEFT, True), ("doe", 0.8, RIGHT, False)]
    assert counted(library, "two.jpg", 0.99) == [("young", 1.0, LEFT, True)], "a person is sure"


def test_nothing_here_takes_one_box_away(library: Library) -> None:
    judge(library, "two.jpg", [box(None, LEFT)])
    assert counted(library, "two.jpg") == [("doe", 0.8, RIGHT, False)]


def test_a_whole_photo_shows_what_was_said_and_nothing_else(library: Library) -> None:
    judge(library, "two.jpg", [box("doe", MIDDLE)], whole=True)
    assert counted(library, "two.jpg", 0.0) == [("doe", 1.0, MIDDLE, True)]
    judge(library, "one.jpg", [], whole=True)
    assert counted(library, "one.jpg", 0.0) == []


def test_a_rerun_does_not_overrule(library: Library) -> None:
    """Another model draws its boxes a little elsewhere, and finds one more."""
    judge(library, "two.jpg", [box("young", LEFT)])
    judge(library, "one.jpg", [], whole=True)
    rerun = {
        "two.jpg": [("mature", 0.9, NEAR_LEFT), ("fawn?", 0.7, MIDDLE)],
        "one.jpg": [("mid", 0.9, RIGHT)],
    }
    again = {name: [(c.replace("fawn?", "person"), p, b) for c, p, b in rows] for name, rows in rerun.items()}
    library.detect(again, weights="better.pt")
    assert counted(library, "two.jpg") == [("young", 1.0, LEFT, True), ("person", 0.7, MIDDLE, False)]
    assert counted(library, "one.jpg") == []


def test_a_changed_file_keeps_what_was_said(library: Library) -> None:
    from trailcam.store.images import save_images

    judge(library, "one.jpg", [box("doe", LEFT)], whole=True)
    image = Photo("one.jpg", "2024-11-02 06:00").image()
    with library.database.write() as db:
        save_images(db, library.root_id, [image], {image.key.path: library.ids["one.jpg"]})
    assert counted(library, "one.jpg") == [("doe", 1.0, LEFT, True)]


def test_the_later_correction_overrides_the_earlier(library: Library) -> None:
    judge(library, "two.jpg", [box("young", LEFT)])
    judge(library, "two.jpg", [box("mid", LEFT)])
    assert counted(library, "two.jpg")[0] == ("mid", 1.0, LEFT, True)
    judge(library, "two.jpg", [], whole=True)
    assert counted(library, "two.jpg") == []
    judge(library, "two.jpg", [box("doe", RIGHT)])
    assert counted(library, "two.jpg", 0.0) == [("doe", 1.0, RIGHT, True)], (
        "the photo stays judged as a whole"
    )


def test_two_boxes_of_one_judgement_may_overlap(library: Library) -> None:
    judge(library, "two.jpg", [box("doe", LEFT), box("young", LEFT)], whole=True)
    assert {seen[0] for seen in counted(library, "two.jpg")} == {"doe", "young"}


def test_undo_goes_back_step_by_step_and_history_stays(library: Library) -> None:
    states = [counted(library, "two.jpg")]
    for said in ([box("young", LEFT)], [box(None, RIGHT)], [box("doe", MIDDLE)]):
        judge(library, "two.jpg", said)
        states.append(counted(library, "two.jpg"))
    assert len({str(state) for state in states}) == 4
    for before in reversed(states[:-1]):
        with library.database.write() as db:
            assert corrections.undo(db, library.ids["two.jpg"], "Bob")
        assert counted(library, "two.jpg") == before
    with library.database.write() as db:
        assert corrections.undo(db, library.ids["two.jpg"], "Bob") is None
    with library.database.read() as db:
        told = corrections.history(db, library.ids["two.jpg"])
    assert [(row["author"], row["undone_by"], len(row["boxes"])) for row in told] == [("Ann", "Bob", 1)] * 3


def test_a_uid_is_taken_once_and_for_all(library: Library) -> None:
    assert judge(library, "two.jpg", [box("young", LEFT)], uid="file:1") == 1
    assert judge(library, "two.jpg", [box("young", LEFT)], uid="file:1") == 0
    with library.database.write() as db:
        corrections.undo(db, library.ids["two.jpg"], "Bob")
    assert judge(library, "two.jpg", [box("young", LEFT)], uid="file:1") == 0
    assert not any(seen[3] for seen in counted(library, "two.jpg"))


@pytest.mark.parametrize(
    "place", [(0.5, 0.5, 0.6, 0.1), (-0.1, 0, 0.5, 0.5), (0, 0, 0, 0.5), (0, 0, float("nan"), 0.5)]
)
def test_a_place_off_the_photo_is_refused_and_nothing_recorded(library: Library, place: Place) -> None:
    good = Judgement(library.ids["one.jpg"], (box("doe", LEFT),), True, WHEN)
    bad = Judgement(library.ids["two.jpg"], (box("doe", place),), True, WHEN)
    with library.database.write() as db, pytest.raises(ValueError, match="place"):
        corrections.record(db, [good, bad], author="Ann", source="test")
    assert not any(seen[3] for seen in counted(library, "one.jpg"))


def test_an_image_that_is_not_there_is_refused(library: Library) -> None:
    with library.database.write() as db, pytest.raises(ValueError, match="no such image"):
        corrections.record(db, [Judgement(999, (), True, WHEN)], author="Ann", source="test")


def test_reports_count_what_people_say(library: Library) -> None:
    def ages() -> dict[str | None, tuple[int, int]]:
        with library.database.read() as db:
            report = bucks(db, Question(), by=["age"])
        looked_at = report.coverage["completed"]
        return {row["age"]: (row["photos"], looked_at) for row in report.rows}

    assert ages() == {"young": (0, 3), "mid": (1, 3), "mature": (1, 3)}
    judge(library, "two.jpg", [box("doe", LEFT)])
    assert ages() == {"young": (0, 3), "mid": (1, 3), "mature": (0, 3)}
    judge(library, "pending.jpg", [box("young", LEFT)], whole=True)
    judge(library, "failed.jpg", [], whole=True)
    assert ages() == {"young": (1, 5), "mid": (1, 5), "mature": (0, 5)}, "a person has looked at these"


def test_a_person_sees_classes_that_the_model_has_not(tmp_path: Path) -> None:
    from tests.helpers.library import NO_DEER

    photos = [Photo("a.jpg", "2024-11-01 06:00"), Photo("b.jpg", "2024-11-02 06:00")]
    library = make_library(tmp_path, photos)
    library.detect({"a.jpg": [("animal", 0.9, LEFT)]}, classes=NO_DEER)

    def row() -> tuple[int, int, bool]:
        with library.database.read() as db:
            report = bucks(db, Question(), by=["station"])
        return report.rows[0]["photos"], report.rows[0]["without_class"], report.rows[0]["complete"]

    assert row() == (0, 1, False)
    judge(library, "a.jpg", [box("mature", LEFT)], whole=True)
    judge(library, "b.jpg", [box("mature", LEFT)], whole=True)
    assert row() == (2, 0, True)


def test_blanks_follow(library: Library) -> None:

    def note() -> str:
        with library.database.read() as db:
            return next(n for n in species(db, Question()).notes if n.startswith("Blank"))

    assert "1 photo" in note()
    judge(library, "one.jpg", [], whole=True)
    judge(library, "pending.jpg", [], whole=True)
    assert "3 photos" in note()


def test_classes_are_found_as_people_name_them(library: Library) -> None:
    with library.database.read() as db:
        known = corrections.known_classes(db, {"Hog": ClassRule(Kind.ANIMAL, species="Sus scrofa")})
    assert corrections.find_class(known, " MATURE ").age_class is AgeClass.MATURE
    assert corrections.find_class(known, "hog").species == "Sus scrofa"
    assert corrections.find_class(known, "vehicle").kind is Kind.VEHICLE
    for name, taxon in {"Mountain lion": "Puma concolor", "bear": "Ursidae", "bird": "Aves"}.items():
        found = corrections.find_class(known, name)
        assert (found.kind, found.species) == (Kind.ANIMAL, taxon)
    with pytest.raises(UsageError, match="no class") as caught:
        corrections.find_class(known, "matur")
    assert "mature" in caught.value.hint.split("?")[0]


PLACES = st.sampled_from([LEFT, NEAR_LEFT, MIDDLE, RIGHT, (0.1, 0.1, 0.5, 0.6), (0.02, 0.1, 0.3, 0.5)])
SAID = st.lists(st.tuples(st.sampled_from([None, "doe", "young", "mature"]), PLACES), max_size=3)
ACTS = st.lists(st.tuples(st.booleans(), SAID, st.booleans()), max_size=6)


def overlap(a: Place, b: Place) -> float:
    corners = [xywhn_to_xyxy(np.array([place], np.float32), 1, 1) for place in (a, b)]
    return float(iou(*corners)[0, 0])


def told(acts: Sequence[tuple[bool, list[tuple[str | None, Place]]]]) -> set[tuple[str, Place, bool]]:
    """What counts after all acts, worked out one act after the other."""
    machine = {("mature", LEFT), ("doe", RIGHT)}
    said: list[tuple[str | None, Place]] = []
    whole = False
    for act_whole, boxes in acts:
        if act_whole:
            said, whole = list(boxes), True
        else:
            said = [old for old in said if all(overlap(old[1], new[1]) < SAME for new in boxes)] + boxes
    left = {
        (name, place, False)
        for name, place in machine
        if not whole and all(overlap(place, mine) < COVERS for _, mine in said)
    }
    return left | {(name, place, True) for name, place in said if name}


@settings(max_examples=25, deadline=None)
@given(ACTS)
def test_any_story_counts_as_told_and_undo_goes_all_the_way_back(
    acts: list[tuple[bool, list[tuple[str | None, Place]], bool]],
) -> None:
    with TemporaryDirectory() as folder:
        library = make_library(
            Path(folder),
            [Photo("two.jpg", "2024-11-01 06:00")],
            {"two.jpg": [("mature", 0.9, LEFT), ("doe", 0.8, RIGHT)]},  # type: ignore[list-item]
        )
        stack: list[tuple[bool, list[tuple[str | None, Place]]]] = []
        for whole, boxes, then_undo in acts:
            if not boxes and not whole:
                continue
            judge(library, "two.jpg", [box(*said) for said in boxes], whole=whole)
            stack.append((whole, boxes))
            if then_undo:
                with library.database.write() as db:
                    corrections.undo(db, library.ids["two.jpg"], "Bob")
                stack.pop()
        seen = {(name, place, by_person) for name, _, place, by_person in counted(library, "two.jpg")}
        assert seen == told(stack)
        for _ in stack:
            with library.database.write() as db:
                corrections.undo(db, library.ids["two.jpg"], "Bob")
        assert [s[3] for s in counted(library, "two.jpg")] == [False, False]


@settings(max_examples=15, deadline=None)
@given(st.permutations([LEFT, MIDDLE, RIGHT]), st.lists(st.sampled_from([None, "doe", "young"]), min_size=3))
def test_the_order_of_words_that_do_not_meet_makes_no_difference(
    order: list[Place], names: list[str | None]
) -> None:
    said = dict(zip((LEFT, MIDDLE, RIGHT), names, strict=False))
    with TemporaryDirectory() as folder:
        library = make_library(
            Path(folder),
            [Photo("two.jpg")],
            {"two.jpg": [("mature", 0.9, LEFT)]},  # type: ignore[list-item]
        )
        for place in order:
            judge(library, "two.jpg", [box(said[place], place)])
        assert {(s[0], s[2]) for s in counted(library, "two.jpg")} == {
            (name, place) for place, name in said.items() if name
        }
