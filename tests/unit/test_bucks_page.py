"""The page of bucks: its rows, their order, its pictures, and its answers back into the database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import TinyJpeg
from tests.helpers.library import Library, Photo, beside, make_library
from trailcam.bucks_page.apply_names import apply_answers
from trailcam.bucks_page.arrange import ToArrange, arrange
from trailcam.bucks_page.cut_crops import CropPlace, crops, cut_inside, cut_square
from trailcam.bucks_page.look_cache import LookCache
from trailcam.bucks_page.looking import mean_vector, vectors_of
from trailcam.bucks_page.make_page import BucksPageOptions, build_bucks_page
from trailcam.bucks_page.name_answers import read_answers
from trailcam.bucks_page.rows import Sight, crowded, rows_of
from trailcam.errors import UnanswerableError, UsageError
from trailcam.pages.saved_file import SavedFileError
from trailcam.selection import Selection
from trailcam.store.invariants import broken
from trailcam.store.name_photo import name_photo, names_on
from trailcam.store.names import undo
from trailcam.store.review_rows import library_id

GAP = timedelta(minutes=30)
Pixels = npt.NDArray[np.uint8]


# ---- the order


def to_arrange(vectors: npt.NDArray[np.float32], apart: list[int] | None = None) -> ToArrange:
    n = len(vectors)
    return ToArrange(
        vectors,
        np.zeros(n),
        np.full((n, 2), np.nan),
        np.zeros(n, np.int64),
        np.array([-1] * n if apart is None else apart, np.int64),
    )


def around(
    centres: npt.NDArray[np.float64], ids: npt.NDArray[np.int64], noise: float
) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(0)
    found = centres[ids] + rng.normal(size=(len(ids), centres.shape[1])) * noise
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 40), st.integers(0, 2**32 - 1), st.booleans())
def test_every_visit_is_there_once(n: int, seed: int, odd: bool) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    day, place = rng.uniform(0, 300, n), rng.uniform(0, 5000, (n, 2))
    if odd:
        vectors[::3], day[::2], place[::4] = 0, np.nan, np.nan
    visits = ToArrange(vectors, day, place, rng.integers(0, 3, n), rng.integers(-1, 4, n))
    groups = arrange(visits)
    assert sorted(k for group in groups for k in group) == list(range(n))
    assert all(groups)
    for group in groups:  # two bucks of one photo never look alike
        own = [int(visits.apart[k]) for k in group if visits.apart[k] >= 0]
        assert len(own) == len(set(own))


def test_look_alikes_lie_together() -> None:
    ids = np.random.default_rng(1).integers(0, 12, 300)
    vectors = around(np.random.default_rng(2).normal(size=(12, 64)), ids, 0.6)
    order = [k for group in arrange(to_arrange(vectors)) for k in group]
    changes = int(np.count_nonzero(np.diff(ids[order])))
    assert changes == 11  # each of the twelve in one stretch


def test_alike_pictures_of_neighbouring_days_come_first() -> None:
    vectors = np.tile(np.array([[1, 0]], np.float32), (4, 1))
    day = np.array([0.0, 40.0, 1.0, 41.0])
    visits = ToArrange(vectors, day, np.full((4, 2), np.nan), np.zeros(4, np.int64), np.full(4, -1))
    order = [k for group in arrange(visits) for k in group]
    assert {order.index(0) // 2, order.index(2) // 2} == {order.index(0) // 2}
    assert abs(order.index(1) - order.index(3)) == 1


# ---- the rows


def sight(image_id: int, x: float, name: str | None = None, age: str = "mature", h: float = 0.3) -> Sight:
    box = (x, 0.3, 0.2, h)
    return Sight(
        image_id,
        Path("x.jpg"),
        "x.jpg",
        1,
        1,
        None,
        "Hayfield",
        image_id,
        False,
        age,
        0.9,
        box,
        name,
        name is not None,
    )


def test_a_visit_of_one_buck_is_one_row() -> None:
    (row,) = rows_of([(0, sight(n, 0.1 * n)) for n in range(4)], {})
    assert [s.image_id for s in row.sights] == [0, 1, 2, 3]


def test_two_bucks_at_once_are_two_rows_that_follow_them() -> None:
    sights = [(0, sight(n, x, age=age)) for n in range(3) for x, age in ((0.1, "mid"), (0.6, "mature"))]
    assert crowded(sights) == {0}
    rows = rows_of(sights, {})
    assert [{s.age for s in row.sights} for row in rows] == [{"mid"}, {"mature"}]


def test_looks_tell_bucks_apart_that_change_places() -> None:
    sights = [(0, sight(0, 0.1)), (0, sight(0, 0.6)), (0, sight(1, 0.15)), (0, sight(1, 0.55))]
    one, other = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    looks = dict(zip([s for _, s in sights], [one, other, other, one], strict=True))
    rows = rows_of(sights, looks)
    assert [[s.box[0] for s in row.sights] for row in rows] == [[0.1, 0.55], [0.6, 0.15]]


def test_names_overrule_looks() -> None:
    sights = [(0, sight(0, 0.1, "A")), (0, sight(1, 0.1, "B")), (0, sight(2, 0.1, "A"))]
    assert [(row.name, len(row.sights)) for row in rows_of(sights, {})] == [("A", 2), ("B", 1)]


def test_the_best_sight_is_near_and_sure() -> None:
    (row,) = rows_of([(0, sight(0, 0.1, h=0.2)), (0, sight(1, 0.1, h=0.5)), (0, sight(2, 0.1, h=0.4))], {})
    assert row.best.image_id == 1


# ---- crops


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 80), st.integers(1, 80), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_a_crop_has_the_shape_that_was_asked_for(width: int, height: int, sides: list[float]) -> None:
    pixels = np.zeros((height, width, 3), np.uint8)
    x, y, w, h = sides[0], sides[1], sides[2] * (1 - sides[0]), sides[3] * (1 - sides[1])
    assert cut_square(pixels, (x, y, w, h), 24, 0.12).shape == (24, 24, 3)
    inside = cut_inside(pixels, (x, y, w, h), 24)
    assert max(inside.shape[:2]) <= 24
    assert min(inside.shape[:2]) >= 1


def test_a_square_crop_shows_the_box_in_its_middle_and_grey_beyond_the_photo() -> None:
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[40:60, 0:20] = 255
    crop = cut_square(pixels, (0.0, 0.4, 0.2, 0.2), 28, 0.2)
    assert crop[14, 14].tolist() == [255] * 3
    assert crop[14, 1].tolist() == [114] * 3
    assert crop[1, 20].tolist() == [0] * 3


def test_a_photo_that_cannot_be_read_has_no_crop(tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    (tmp_path / "a.jpg").write_bytes(tiny_jpeg((64, 48)))
    (tmp_path / "b.jpg").write_bytes(b"no jpeg")
    box = (0.1, 0.1, 0.5, 0.5)
    found = list(crops([CropPlace(tmp_path / f"{name}.jpg", box) for name in "abc"], 16, 0.1))
    assert [None if crop is None else crop.shape for crop in found] == [(16, 16, 3), None, None]


# ---- vectors


class Colours:
    """A model's vectors: the mean colour of a crop. Counts what it was asked."""

    px = 8
    margin = 0.1
    key = "colours"

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, crops: Pixels) -> npt.NDArray[np.float32]:
        self.asked += len(crops)
        found = crops.reshape(len(crops), -1, 3).mean(1).astype(np.float32) - 114
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def nothing(done: int, total: int) -> None:
    pass


def test_vectors_are_kept_for_the_next_page(tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    (tmp_path / "a.jpg").write_bytes(tiny_jpeg((64, 48)))
    box = (0.1, 0.1, 0.5, 0.5)
    seen = Sight(1, tmp_path / "a.jpg", "a.jpg", 1, 1, "id", "H", 0, False, "mid", 0.9, box, None, False)
    gone = Sight(2, tmp_path / "b.jpg", "b.jpg", 1, 1, None, "H", 0, False, "mid", 0.9, box, None, False)
    first, second = Colours(), Colours()
    one = vectors_of([seen, gone], first, tmp_path / "looks", nothing)
    again = vectors_of([seen, gone], second, tmp_path / "looks", nothing)
    assert (first.asked, second.asked) == (1, 0)
    assert set(one) == set(again) == {seen}
    np.testing.assert_allclose(one[seen], again[seen], atol=1e-3)
    assert mean_vector([gone], one) is None
    other = LookCache(tmp_path / "looks", "another model")
    assert len(other._known) == 0


def test_a_damaged_file_of_vectors_costs_time_alone(tmp_path: Path) -> None:
    cache = LookCache(tmp_path, "m")
    cache.put("k", np.ones(3, np.float32))
    cache.save()
    (file,) = tmp_path.glob("*.npz")
    assert LookCache(tmp_path, "m").get("k") is not None
    file.write_bytes(file.read_bytes()[:40])
    assert LookCache(tmp_path, "m").get("k") is None
    LookCache(None, "m").save()


# ---- the page


@pytest.fixture
def ranch(tmp_path: Path, tiny_jpeg: TinyJpeg) -> Library:
    """Two visits of one buck, one of two; the last photo isn't there."""
    photos = [
        Photo("a1.jpg", "2024-11-03 06:10", size=(640, 480)),
        Photo("a2.jpg", "2024-11-03 06:12", size=(640, 480)),
        Photo("b.jpg", "2024-11-04 06:10", "TinMan", size=(640, 480)),
        Photo("two.jpg", "2024-11-05 06:10", "TinMan", size=(640, 480)),
        Photo("gone.jpg", "2024-11-06 06:10", "TinMan", size=(640, 480)),
    ]
    seen = {photo.name: [("mature", 0.9)] * (2 if photo.name == "two.jpg" else 1) for photo in photos}
    library = make_library(tmp_path, photos, seen)
    for n, photo in enumerate(photos[:-1]):
        file = library.root / photo.station / photo.name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(tiny_jpeg((640, 480), color=(60 + 40 * n, 120, 60)))
    return library


@contextmanager
def step(name: str) -> Iterator[Any]:
    yield nothing


def make(library: Library, **options: Any) -> tuple[dict[str, Any], Any]:  # noqa: ANN401
    target = library.root.parent / "page.html"
    chosen = BucksPageOptions(GAP, **{"looks": Colours(), **options})
    report = build_bucks_page(library.database, Selection(), target, chosen, step)
    found = re.search(r'id="data">(.*?)</script>', target.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return json.loads(found[1]), report


def test_the_page_has_a_card_for_each_buck_of_a_visit(ranch: Library) -> None:
    data, report = make(ranch)
    assert (report.n_photos, report.candidates) == (5, 4)
    assert sorted(len(row["sights"]) for row in data["rows"]) == [1, 1, 1, 1, 2]
    assert sorted(n for group in data["groups"] for n in group) == list(range(5))
    assert [problem.partition(":")[0] for problem in report.problems] == ["TinMan/gone.jpg"]
    assert "trailcam doesn't know which buck is which" in " ".join(data["notes"])
    assert data["basedOn"] == 0


def test_a_page_by_time_asks_no_model(ranch: Library) -> None:
    data, _ = make(ranch, looks=None)
    at = [data["rows"][group[0]]["sights"][0][3] for group in data["groups"]]
    assert at == sorted(at)
    assert "in the order of time" in " ".join(data["notes"])


def test_names_are_on_the_page(ranch: Library) -> None:
    with ranch.database.write() as db:
        name_photo(db, ranch.ids["b.jpg"], "Wide", box=1, seen=None, author="Ann")
    data, _ = make(ranch)
    assert data["names"] == ["Wide"]
    assert [s[7] for row in data["rows"] for s in row["sights"] if s[0] == ranch.ids["b.jpg"]] == ["Wide"]
    assert data["basedOn"] == 1


def test_without_a_buck_there_is_no_page(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a.jpg")], {"a.jpg": [("doe", 0.9)]})
    with pytest.raises(UnanswerableError, match="No buck counts"):
        make(library)


# ---- its answers


def answers(library: Library, given: dict[str, list[tuple[int, str | None]]]) -> dict[str, Any]:
    """A file as the page saves it: photo -> (box, name)."""
    with library.database.read() as db:
        own = library_id(db)
        paths = dict(db.execute("SELECT image_id, path FROM images").fetchall())
    entries = [
        {
            "image_id": library.ids[photo],
            "path": paths[library.ids[photo]],
            "size_bytes": 1000,
            "box": list(beside(box - 1, 2 if photo == "two.jpg" else 1)),
            "name": name,
            "decided_at": "2026-11-30T10:00:00.000Z",
        }
        for photo, names in given.items()
        for box, name in names
    ]
    file = {"format": "trailcam bucks", "version": 1, "page": "p1", "library": own, "author": "Ann"}
    return {**file, "based_on": 0, "answers": entries}


def apply(library: Library, file: dict[str, Any], **options: Any) -> Any:  # noqa: ANN401
    path = library.root.parent / "answers.json"
    path.write_text(json.dumps(file), encoding="utf-8")
    return apply_answers(library.database, read_answers(path), author="Ann", **options)


def names(library: Library) -> dict[str, dict[int, str | None]]:
    with library.database.read() as db:
        assert broken(db) == []
        found = {photo: names_on(db, image_id) for photo, image_id in library.ids.items()}
    return {photo: own for photo, own in found.items() if own}


def test_answers_are_recorded_once_and_taken_back_at_once(ranch: Library) -> None:
    file = answers(ranch, {"a1.jpg": [(1, "Split Brow")], "two.jpg": [(1, "Wide"), (2, None)]})
    done = apply(ranch, file)
    assert (done.recorded, done.conflicts, done.names) == (3, [], ("Split Brow", "Wide"))
    assert names(ranch) == {"a1.jpg": {1: "Split Brow"}, "two.jpg": {1: "Wide", 2: None}}
    done = apply(ranch, file)
    assert (done.recorded, done.known) == (0, 3)
    with ranch.database.write() as db:
        undo(db, "Bob")
    assert names(ranch) == {}
    assert apply(ranch, file).known == 3  # what was undone isn't taken again


def test_a_later_answer_of_the_same_page_replaces_the_earlier(ranch: Library) -> None:
    apply(ranch, answers(ranch, {"b.jpg": [(1, "Wide")]}))
    later = answers(ranch, {"b.jpg": [(1, "Narrow")]})
    later["answers"][0]["decided_at"] = "2026-11-30T11:00:00.000Z"
    assert apply(ranch, later).recorded == 1
    assert names(ranch) == {"b.jpg": {1: "Narrow"}}


def test_a_name_that_somebody_gave_since_is_a_conflict(ranch: Library) -> None:
    with ranch.database.write() as db:
        name_photo(db, ranch.ids["b.jpg"], "Narrow", box=1, seen=None, author="Bob")
    file = answers(ranch, {"b.jpg": [(1, "Wide")]})
    done = apply(ranch, file)
    assert [c.why for c in done.conflicts] == ["somebody has named it since: Narrow"]
    assert names(ranch) == {"b.jpg": {1: "Narrow"}}
    assert apply(ranch, {**file, "based_on": 1}).recorded == 1  # the page knew of it
    assert names(ranch) == {"b.jpg": {1: "Wide"}}


def test_two_bucks_of_one_photo_are_no_one_buck(ranch: Library) -> None:
    done = apply(ranch, answers(ranch, {"two.jpg": [(1, "Wide"), (2, "wide")]}))
    assert [c.why for c in done.conflicts] == ["another animal of the photo is called Wide"]
    assert names(ranch) == {"two.jpg": {1: "Wide"}}


def test_answers_of_another_library_and_on_lost_photos(ranch: Library) -> None:
    with pytest.raises(UsageError, match="another database"):
        apply(ranch, answers(ranch, {"b.jpg": [(1, "Wide")]}) | {"library": "other"})
    file = answers(ranch, {"b.jpg": [(1, "Wide")]})
    file["answers"][0] |= {"path": "x/y.jpg", "size_bytes": 7}
    assert [c.why for c in apply(ranch, file).conflicts] == ["this database has no such photo"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "trailcam review"}, "format must be"),
        ({"version": 2}, "version must be 1"),
        ({"based_on": -1}, "based_on must be a whole number"),
        ({"answers": {}}, "answers must be a list"),
        ({"answers": [{"image_id": 1, "box": [0, 0, 1]}]}, r"answers\[0\]\.box must be a list"),
        ({"answers": [{"image_id": 1, "box": [0, 0, 2, 1]}]}, r"answers\[0\]\.box isn't a place"),
        (
            {
                "answers": [
                    {
                        "image_id": 1,
                        "box": [0, 0, 1, 1],
                        "decided_at": "2026-11-30T10:00:00Z",
                        "name": "unnamed",
                    }
                ]
            },
            r"answers\[0\]\.name is no name",
        ),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_place(
    ranch: Library, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(SavedFileError, match=message):
        apply(ranch, answers(ranch, {}) | change)
