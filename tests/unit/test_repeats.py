"""One animal, two boxes: which of them count."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.library import Found, Library, Photo
from trailcam.domain import ClassInfo, Kind
from trailcam.store.database import Database
from trailcam.store.invariants import broken
from trailcam.store.judged_boxes import forget_fitted, save_fitted
from trailcam.store.repeats import mark_repeats

CLASSES = (
    ClassInfo(0, "doe", Kind.DOE, threshold=0.4),
    ClassInfo(1, "fawn", Kind.FAWN, threshold=0.3),
    ClassInfo(2, "mature", Kind.BUCK, threshold=0.2),
    ClassInfo(3, "coyote", Kind.ANIMAL, threshold=0.3),
    ClassInfo(4, "fox", Kind.ANIMAL, threshold=0.3),
    ClassInfo(5, "UTV", Kind.VEHICLE, threshold=0.3),
)
WHOLE, HEAD, EAR = (0.3, 0.3, 0.4, 0.4), (0.32, 0.32, 0.2, 0.3), (0.32, 0.32, 0.05, 0.05)
SHIFTED, BESIDE = (0.36, 0.32, 0.4, 0.4), (0.5, 0.3, 0.4, 0.4)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(Database(tmp_path / "test.duckdb"), tmp_path / "photos")


def counting(library: Library, *boxes: Found) -> list[str]:
    """The classes of the boxes of one photo that repeat no other, by confidence."""
    name = f"{len(library.ids)}.jpg"
    library.add([Photo(name, "2024-11-03 06:10")])
    library.detect({name: list(boxes)}, classes=CLASSES, weights=name)
    return stored(library, name)


def stored(library: Library, name: str) -> list[str]:
    with library.database.read() as db:
        assert broken(db) == []
        found = db.execute(
            "SELECT c.name FROM detections d JOIN classes c USING (run_id, class_id)"
            " WHERE image_id = ? AND NOT repeats ORDER BY confidence DESC",
            [library.ids[name]],
        ).fetchall()
    return [str(label) for (label,) in found]


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        pytest.param([("doe", 0.9, WHOLE), ("mature", 0.6, HEAD)], ["doe"], id="a part of a deer"),
        pytest.param([("mature", 0.9, HEAD), ("doe", 0.6, WHOLE)], ["mature"], id="the surer one counts"),
        pytest.param(
            [("UTV", 0.9, WHOLE), ("UTV", 0.8, HEAD), ("UTV", 0.7, SHIFTED)], ["UTV"], id="a vehicle"
        ),
        pytest.param(
            [("coyote", 0.9, WHOLE), ("fox", 0.6, SHIFTED)], ["coyote"], id="another animal, the same"
        ),
        pytest.param([("doe", 0.9, WHOLE), ("doe", 0.8, BESIDE)], ["doe", "doe"], id="two side by side"),
        pytest.param(
            [("doe", 0.9, WHOLE), ("fawn", 0.6, HEAD)], ["doe", "fawn"], id="a fawn before its mother"
        ),
        pytest.param([("doe", 0.9, WHOLE), ("coyote", 0.6, HEAD)], ["doe", "coyote"], id="another kind"),
        pytest.param([("doe", 0.9, WHOLE), ("doe", 0.6, EAR)], ["doe", "doe"], id="a small one far behind"),
        pytest.param(
            [("doe", 0.3, WHOLE), ("mature", 0.29, HEAD)], ["doe", "mature"], id="nearer to counting"
        ),
        pytest.param([("doe", 0.9, WHOLE), ("doe", 0.9, WHOLE)], ["doe"], id="the same box twice"),
        pytest.param([("doe", 0.9, WHOLE)], ["doe"], id="alone"),
        pytest.param([], [], id="none"),
    ],
)
def test_which_boxes_repeat_another(library: Library, boxes: list[Found], expected: list[str]) -> None:
    assert counting(library, *boxes) == expected


def test_thresholds_that_change_mark_again(library: Library) -> None:
    name = "0.jpg"
    assert counting(library, ("doe", 0.45, WHOLE), ("mature", 0.3, HEAD)) == ["doe", "mature"]
    with library.database.write() as db:
        ((sha,),) = db.execute("SELECT weights_sha256 FROM runs").fetchall()
        save_fitted(db, sha, {"mature": 0.28}, "Ann")
    assert stored(library, name) == ["doe"]
    with library.database.write() as db:
        forget_fitted(db, sha)
    assert stored(library, name) == ["doe", "mature"]


SIDES = st.floats(0.0, 0.5, width=32)
BOXES = st.lists(
    st.tuples(
        st.sampled_from([info.name for info in CLASSES]),
        st.floats(0.0625, 1.0, width=32),
        st.tuples(SIDES, SIDES, st.floats(0.0625, 0.5, width=32), st.floats(0.0625, 0.5, width=32)),
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=25)
@given(BOXES)
def test_the_surest_box_of_a_photo_always_counts(
    tmp_path_factory: pytest.TempPathFactory, boxes: list[Found]
) -> None:
    folder = tmp_path_factory.mktemp("repeats")
    library = Library(Database(folder / "test.duckdb"), folder / "photos")
    counts = counting(library, *boxes)
    assert bool(counts) == bool(boxes)
    with library.database.write() as db:
        mark_repeats(db)
    assert stored(library, "0.jpg") == counts
