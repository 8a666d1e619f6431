"""Labelled photos, what their labels mean to a model, and the figures made of right and wrong."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trailcam.domain import ClassInfo
from trailcam.errors import DataSetError
from trailcam.evaluate.dataset import UNNAMED_MODEL, LabelledPhoto, read_dataset
from trailcam.evaluate.figures import Judge, evaluate
from trailcam.evaluate.meaning import Target, class_targets, group_targets, label_meanings
from trailcam.evaluate.metrics import (
    Found,
    Matched,
    average_precision,
    bootstrap,
    confusion,
    match,
    pair_up,
    precision_recall,
)
from trailcam.evaluate.mistakes import worst_mistakes
from trailcam.settings.classmap import load_class_map

STARTER = ("doe", "fawn", "young", "mid", "mature", "coyote", "person", "animal")
DOE, FAWN, YOUNG, MID, MATURE, COYOTE, PERSON, ANIMAL = range(8)
LEFT, RIGHT = (0.1, 0.1, 0.3, 0.3), (0.6, 0.6, 0.3, 0.3)


def model() -> dict[int, ClassInfo]:
    described = load_class_map("starter").describe(dict(enumerate(STARTER)))
    return {info.class_id: info for info in described}


def labels(*names: str) -> dict[int, ClassInfo]:
    return label_meanings(dict(enumerate(names)))


def photo(*boxes: tuple[tuple[float, ...], int], complete: bool = True, scene: str = "") -> LabelledPhoto:
    return LabelledPhoto(
        Path(scene or "a.jpg"),
        np.array([box for box, _ in boxes], np.float32).reshape(-1, 4),
        np.array([c for _, c in boxes], np.int64),
        complete,
        scene or f"{len(boxes)}",
    )


def said(*boxes: tuple[tuple[float, ...], float, int]) -> Found:
    return Found(
        np.array([box for box, _, _ in boxes], np.float32).reshape(-1, 4),
        np.array([c for _, c, _ in boxes], np.float32),
        np.array([k for _, _, k in boxes], np.int16),
    )


def target(which: int, *open_: int) -> Target:
    return Target("x", frozenset((which,)), frozenset((which,)), frozenset(open_))


def ones(n: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.ones(n, np.int64)


# ---- labels and what they mean


def test_a_vague_label_is_open_for_what_it_may_be_and_wanted_by_none() -> None:
    known = labels("doe", "buck", "deer", "cow", "mature")
    by_name = {t.name: t for t in class_targets(model(), known)}
    assert by_name["doe"].wanted == {0}
    assert by_name["doe"].open_ == {2}  # a deer of unknown sex, but no buck
    assert by_name["mature"].wanted == {4}
    assert by_name["mature"].open_ == {1, 2}
    assert by_name["animal"].wanted == {3}
    assert "coyote" not in by_name  # no label names one: nobody can say


def test_groups_take_all_that_belongs_to_them() -> None:
    by_name = {t.name: t for t in group_targets(model(), labels("doe", "buck", "deer", "cow"))}
    assert by_name["any deer"].wanted == {0, 1, 2}
    assert by_name["antlered"].wanted == {1}
    assert by_name["antlered"].open_ == {2}
    assert by_name["antlered"].said == {YOUNG, MID, MATURE}
    assert "person" not in by_name


# ---- matching


def test_of_two_boxes_on_one_animal_one_is_wrong() -> None:
    matched = match([photo((LEFT, DOE))], [said((LEFT, 0.9, DOE), (LEFT, 0.8, DOE))], target(DOE), 0.5)
    assert matched.right.tolist() == [True, False]
    assert matched.confidence == pytest.approx([0.9, 0.8])


def test_boxes_on_open_labels_and_strays_in_unfinished_photos_are_left_out() -> None:
    open_label = 9
    photos = [photo((LEFT, open_label)), photo(complete=False), photo()]
    found = [said((LEFT, 0.9, DOE)), said((LEFT, 0.8, DOE)), said((LEFT, 0.7, DOE))]
    matched = match(photos, found, target(DOE, open_label), 0.5)
    assert matched.photo.tolist() == [2]
    assert matched.right.tolist() == [False]


def test_average_precision_by_hand() -> None:
    """Two of three true boxes found, a wrong one between them: precision 1 to recall 1/3, then 2/3 to 2/3."""
    matched = Matched(
        np.array([0, 1, 2]), np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), np.array([1, 1, 1])
    )
    expected = (34 * 1.0 + 33 * 2 / 3) / 101  # of 101 recall points: 0..0.33, 0.34..0.66
    assert average_precision(matched, ones(3)) == pytest.approx(expected)
    assert precision_recall(matched, 0.75, ones(3)) == pytest.approx((0.5, 1 / 3))


def plain_ap(confidence: list[float], right: list[bool], total: int) -> float:
    """The definition, point by point."""
    order = sorted(range(len(right)), key=lambda i: -confidence[i])
    points = []
    hits = 0
    for n, i in enumerate(order, start=1):
        hits += right[i]
        points.append((hits / total, hits / n))
    area = 0.0
    for step in range(101):
        area += max((p for r, p in points if r >= step / 100 - 1e-12), default=0.0)
    return area / 101


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans()), max_size=40), st.integers(0, 5))
def test_average_precision_is_its_definition(drawn: list[tuple[int, bool]], missed: int) -> None:
    unique = {c: r for c, r in drawn}
    rows = sorted(unique.items(), reverse=True)
    right = [r for _, r in rows]
    total = sum(right) + missed
    matched = Matched(
        np.zeros(len(rows), np.int64),
        np.array([c / 1000 for c, _ in rows]),
        np.array(right, np.bool_),
        np.array([total]),
    )
    value = average_precision(matched, ones(1))
    if total == 0:
        assert math.isnan(value)
    else:
        assert value == pytest.approx(plain_ap([c for c, _ in rows], right, total))


@settings(max_examples=60)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_a_weight_counts_like_as_many_copies(weights: list[int], random: object) -> None:
    rng = np.random.default_rng(len(weights))
    photos = [photo((LEFT, DOE), (RIGHT, DOE)) for _ in weights]
    found = [said((LEFT, float(rng.random()), DOE), (RIGHT, float(rng.random()), MID)) for _ in weights]
    whole = match(photos, found, target(DOE), 0.5)
    copied = [n for n, w in enumerate(weights) for _ in range(w)]
    copies = match([photos[n] for n in copied], [found[n] for n in copied], target(DOE), 0.5)
    a = average_precision(whole, np.array(weights))
    b = average_precision(copies, ones(len(copied)))
    assert a == pytest.approx(b, nan_ok=True)


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_pairs_are_one_to_one_and_none_is_too_far(rows: int, columns: int, seed: int) -> None:
    overlap = np.random.default_rng(seed).random((rows, columns)).astype(np.float32)
    pairs = pair_up(overlap, 0.5)
    assert len(set(pairs.values())) == len(pairs)
    assert all(overlap[r, c] >= 0.5 for r, c in pairs.items())
    left = [
        overlap[r, c]
        for r in range(rows)
        for c in range(columns)
        if r not in pairs and c not in pairs.values()
    ]
    assert all(value < 0.5 for value in left)


# ---- figures


def judge(photos: list[LabelledPhoto], found: list[Found]) -> Judge:
    return Judge(photos, found, model(), labels(*STARTER, "deer", "buck"), dict.fromkeys(range(8), 0.5))


def test_a_model_that_is_always_right() -> None:
    photos = [photo((LEFT, MATURE), (RIGHT, DOE), scene="a"), photo((LEFT, COYOTE), scene="b"), photo()]
    found = [said((LEFT, 0.9, MATURE), (RIGHT, 0.8, DOE)), said((LEFT, 0.7, COYOTE)), said()]
    result = evaluate(judge(photos, found), times=20)
    assert result.map50.value == result.map50_95.value == 1.0
    assert [(row.name, row.found, row.with_it, row.right, row.said) for row in result.by_photo][:3] == [
        ("a deer", 1, 1, 1, 1),
        ("a buck", 1, 1, 1, 1),
        ("a mature buck", 1, 1, 1, 1),
    ]
    anything = result.by_photo[-1]
    assert (anything.name, anything.found, anything.with_it, anything.said) == ("anything", 2, 2, 2)
    assert (result.empties, result.alarms) == (1, 0)
    assert not worst_mistakes(judge(photos, found))


def test_what_a_photo_cannot_tell_does_not_count_against_the_model() -> None:
    deer, buck = 8, 9
    photos = [
        photo((LEFT, deer), scene="unsexed"),  # may be a buck
        photo((LEFT, buck), scene="unsized"),  # may be mature
        photo(scene="unfinished", complete=False),
        photo((LEFT, DOE), scene="doe"),
    ]
    found = [said((LEFT, 0.9, MATURE))] * 4
    by_name = {row.name: row for row in evaluate(judge(photos, found), times=5).by_photo}
    assert (by_name["a buck"].right, by_name["a buck"].said) == (1, 2)  # the unsized one, and the doe
    assert (by_name["a mature buck"].right, by_name["a mature buck"].said) == (0, 1)
    assert (by_name["a deer"].right, by_name["a deer"].said) == (3, 3)


def test_below_its_threshold_a_box_says_nothing() -> None:
    photos = [photo((LEFT, MATURE)), photo(scene="empty")]
    found = [said((LEFT, 0.49, MATURE)), said((LEFT, 0.49, DOE))]
    result = evaluate(judge(photos, found), times=5)
    assert result.alarms == 0
    assert result.by_photo[1].found == 0
    assert result.confusion == {("mature", None): 1}
    assert [mistake.sort for mistake in worst_mistakes(judge(photos, found))] == ["A buck missed"]


def test_every_true_box_is_in_the_confusion_once() -> None:
    photos = [photo((LEFT, DOE), (RIGHT, MATURE)), photo((LEFT, COYOTE)), photo(complete=False)]
    found = [said((LEFT, 0.9, MATURE), ((0.4, 0.0, 0.1, 0.1), 0.8, DOE)), said(), said((LEFT, 0.9, DOE))]
    table = confusion(photos, found, judge(photos, found).sure)
    assert table == {(DOE, MATURE): 1, (MATURE, None): 1, (None, DOE): 1, (COYOTE, None): 1}


def test_the_worst_mistakes_name_what_went_wrong() -> None:
    photos = [
        photo(scene="empty"),
        photo((LEFT, DOE), scene="doe"),
        photo((LEFT, MATURE), scene="buck"),
        photo((LEFT, DOE), scene="missed"),
    ]
    found = [said((LEFT, 0.9, DOE)), said((LEFT, 0.8, MID)), said((LEFT, 0.7, DOE)), said()]
    named = [(m.photo, m.sort) for m in worst_mistakes(judge(photos, found))]
    assert named == [
        (0, "Something seen on an empty photo"),
        (1, "A buck reported where there is none"),
        (2, "A buck missed, called a doe or a fawn"),
        (3, "A deer missed"),
    ]


def test_photos_of_one_scene_are_drawn_together() -> None:
    """Ten copies of one photo are no ten photos: with one scene there is no interval at all."""
    figure = bootstrap(["s"] * 10, lambda w: {"mean": float(w.sum())})
    assert math.isnan(figure["mean"].low)
    many = bootstrap([str(n // 2) for n in range(10)], lambda w: {"odd": float(abs(w[::2] - w[1::2]).sum())})
    assert many["odd"].high == 0.0


# ---- reading


def write(folder: Path, lines: str, yaml: str = "", manifest: str = "") -> Path:
    for kind in ("images", "labels"):
        (folder / kind / "test").mkdir(parents=True)
    (folder / "images/test/a.jpg").write_bytes(b"")
    (folder / "images/test/b.jpg").write_bytes(b"")
    (folder / "labels/test/a.txt").write_text(lines)
    if manifest:
        (folder / "manifest.csv").write_text(manifest)
    file = folder / "data.yaml"
    file.write_text(yaml or "test: images/test\nnames: [doe, mature]\n")
    return file


def test_labels_are_read_with_polygons_and_a_manifest(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "0 0.5 0.5 0.2 0.4\n\n1 0.1 0.1 0.4 0.1 0.4 0.6\n",
        manifest="file,complete,scene\na.jpg,False,dusk\n",
    )
    data = read_dataset(file, "test")
    a, b = data.photos
    assert a.boxes == pytest.approx(np.array([(0.4, 0.3, 0.2, 0.4), (0.1, 0.1, 0.3, 0.5)]))
    assert a.class_id.tolist() == [0, 1]
    assert (a.complete, a.scene) == (False, "dusk")
    assert (len(b.boxes), b.complete) == (0, True)


def test_a_set_of_roboflow_is_found_as_ultralytics_finds_it(tmp_path: Path) -> None:
    file = write(tmp_path / "set", "\ufeff0 0.5 0.5 0.2 0.4\n")
    file.write_bytes(b"\xef\xbb\xbftest: ../test/images\r\nnames: ['doe']\r\n")
    with pytest.raises(DataSetError, match="isn't there"):
        read_dataset(file, "test")
    (tmp_path / "set/test").mkdir()
    for kind in ("images", "labels"):
        (tmp_path / "set" / kind / "test").rename(tmp_path / "set/test" / kind)
    assert len(read_dataset(file, "test").photos) == 2


def test_labels_of_a_model_are_named_and_those_of_the_judged_one_first(tmp_path: Path) -> None:
    manifest = "file,labelled_by,weights_sha256\na.jpg,starter.pt,aa\nb.jpg,person,\n"
    file = write(tmp_path / "a", "0 0.5 0.5 0.2 0.4\n", manifest=manifest)
    data = read_dataset(file, "test")
    assert [photo.labelled_by for photo in data.photos] == ["starter.pt", ""]
    empty = [said(), said()]
    own = evaluate(replace(judge(list(data.photos), empty), weights_sha256="aa"), times=2)
    assert "The labels of 1 of 2 photos are this model's own answers" in own.notes[0]
    other = evaluate(replace(judge(list(data.photos), empty), weights_sha256="bb"), times=2)
    assert "The labels of 1 of 2 photos were made by starter.pt" in other.notes[0]
    scored = read_dataset(write(tmp_path / "b", "0 0.5 0.5 0.2 0.4 0.93\n"), "test")
    assert scored.photos[0].labelled_by == UNNAMED_MODEL
    people = read_dataset(write(tmp_path / "c", "0 0.5 0.5 0.2 0.4\n"), "test")
    notes = evaluate(judge(list(people.photos), empty), times=2).notes
    assert not any("made by" in note or "very model" in note for note in notes)


@pytest.mark.parametrize(
    ("lines", "yaml", "told"),
    [
        ("0 0.5 0.5 0.2", "", "line 1 is not a label"),
        ("0 0.5 0.5 0.2 nan", "", "line 1 is not a label"),
        ("\n7 0.5 0.5 0.2 0.2", "", "line 2 names the class 7"),
        ("0 320 240 100 100", "", "outside the photo"),
        ("", "", "None of the 2 photos"),
        ("0 0.5 0.5 0.2 0.4", "test: elsewhere\nnames: [doe]\n", "isn't there"),
        ("0 0.5 0.5 0.2 0.4", "val: images/test\nnames: [doe]\n", "no split test"),
        ("0 0.5 0.5 0.2 0.4", "test: images/test\n", "names no classes"),
        ("0 0.5 0.5 0.2 0.4", "test: images/test\nnames: {a: doe}\n", "not whole numbers"),
        ("0 0.5 0.5 0.2 0.4", "- a\n- b\n", "has no keys"),
        ("0 0.5 0.5 0.2 0.4", "a: [", "not valid YAML"),
        ("0 0.5 0.5 0.2 0.4", "!!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_what_is_no_data_set_is_refused_and_the_place_named(
    tmp_path: Path, lines: str, yaml: str, told: str
) -> None:
    with pytest.raises(DataSetError, match=told):
        read_dataset(write(tmp_path, lines, yaml), "test")
