"""COCO and YOLO labels of other programs as corrections: once, never silently against another, or not."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.conftest import Cli
from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from trailcam.domain import Kind
from trailcam.errors import DataSetError, UsageError
from trailcam.export.coco import export_coco
from trailcam.export.yolo import YoloOptions, export_yolo
from trailcam.imports.coco import EMPTY_BOX, NO_SIZE, OTHER_SHAPE, import_coco
from trailcam.imports.labels import CONFLICT, CONTRADICTION, UNLABELLED_BOX, Labelled, LabelOptions
from trailcam.imports.reading import ImportFileError
from trailcam.imports.stations_csv import read_stations
from trailcam.imports.yolo import import_yolo
from trailcam.selection import Selection
from trailcam.settings.classmap import ClassRule
from trailcam.store.corrections import JudgedBox, Judgement, ShownBox, record, shown_boxes, undo
from trailcam.store.counted import count_boxes
from trailcam.store.import_batches import undo_import
from trailcam.store.invariants import broken
from trailcam.store.match import TWICE
from trailcam.store.select import select

GAP = timedelta(minutes=30)
PHOTOS = tuple(
    Photo(f"{n}.jpg", f"2024-11-03 0{n}:10", station, size=(640, 480))
    for n, station in ((1, "Hayfield"), (2, "Hayfield"), (3, "TinMan"), (4, "TinMan"))
)
INFO = {info.name: info for info in WHITETAIL}
CATEGORIES = [{"id": 0, "name": "empty"}, {"id": 3, "name": "doe"}, {"id": 5, "name": "Mature"}]
BOX = [64, 48, 128, 96]  # 0.1, 0.1, 0.2, 0.2


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path, PHOTOS, {"1.jpg": [("young", 0.9)], "2.jpg": [("doe", 0.9)]})


def image(n: int, file: str, **more: object) -> dict[str, Any]:
    return {"id": f"i{n}", "file_name": file, "width": 640, "height": 480, **more}


def label(n: int, category: int, bbox: object = None) -> dict[str, Any]:
    return {"id": f"a{n}{category}", "image_id": f"i{n}", "category_id": category} | (
        {"bbox": bbox} if bbox else {}
    )


def document(images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"annotations": annotations, "images": images, "categories": CATEGORIES, "info": {"version": "1"}}


def take(library: Library, written: dict[str, Any], **options: Any) -> Labelled:  # noqa: ANN401
    path = library.root.parent / "coco.json"
    path.write_text(json.dumps(written))
    given: dict[str, Any] = {"author": "Ann", "rules": {}} | options
    return import_coco(library.database, path, LabelOptions(**given))


def shown(library: Library) -> dict[str, list[ShownBox]]:
    with library.database.read() as db:
        found = shown_boxes(count_boxes(select(db, Selection()), None), list(library.ids.values()))
    return {name: list(found.get(image_id, ())) for name, image_id in library.ids.items()}


def classes(library: Library) -> dict[str, list[str]]:
    return {name: [box.info.name for box in boxes] for name, boxes in shown(library).items()}


def n_judgements(library: Library) -> int:
    with library.database.read() as db:
        ((n,),) = db.execute("SELECT count(*) FROM judgements").fetchall()
    return int(n)


SOME = document(
    [image(1, "Hayfield\\1.jpg"), image(2, "Hayfield/2.jpg"), image(3, "TinMan/3.jpg"), image(9, "x/9.jpg")],
    [label(1, 5, BOX), label(2, 0), label(9, 3, BOX)],
)


def test_labels_become_corrections(library: Library) -> None:
    done = take(library, SOME)
    assert (done.entries, done.recorded, done.unlabelled, done.authors) == (4, 2, 1, ["Ann"])
    assert [problem.path for problem in done.problems] == ["x/9.jpg"]
    assert classes(library) == {"1.jpg": ["mature"], "2.jpg": [], "3.jpg": [], "4.jpg": []}
    (box,) = shown(library)["1.jpg"]
    assert (box.info.kind, box.by_person) == (Kind.BUCK, True)
    assert [round(side, 5) for side in box[2:6]] == [0.1, 0.1, 0.2, 0.2]


@pytest.mark.parametrize("at", ["2015-01-01 00:00:00", "0001-01-01", "9999-12-31 23:59:59", "soon", 7, None])
def test_times_of_a_coco_file_are_not_read(library: Library, at: object) -> None:
    def times() -> list[tuple[object, ...]]:
        with library.database.read() as db:
            return db.execute(
                "SELECT path, captured_at, captured_at_source FROM images ORDER BY 1"
            ).fetchall()

    before = times()
    dated = {"datetime": at, "date_captured": at}
    images = [image(1, "Hayfield/1.jpg") | dated, image(2, "Hayfield/2.jpg") | dated]
    done = take(library, document(images, [label(1, 5, BOX), label(2, 0)]))
    assert (done.recorded, done.problems, done.notes) == (2, [], [])
    assert times() == before


def test_the_same_file_again_changes_nothing_even_what_was_undone_since(library: Library) -> None:
    take(library, SOME)
    with library.database.write() as db:
        undo(db, library.ids["1.jpg"], "Bob")
    again = take(library, SOME)
    assert (again.recorded, again.known, n_judgements(library)) == (0, 2, 2)
    assert classes(library)["1.jpg"] == ["young"]


def test_an_import_is_undone_as_a_whole_and_comes_in_again(library: Library, tmp_path: Path) -> None:
    """Also where it replaced somebody's correction, which counts again; corrections made since stay."""
    doe = Judgement(
        library.ids["1.jpg"], (JudgedBox(INFO["doe"], 0.1, 0.1, 0.2, 0.2),), True, datetime(2026, 1, 2)
    )
    with library.database.write() as db:
        record(db, [doe], author="Bob", source="correct")
    dry = take(library, SOME, overwrite=True, dry_run=True)
    assert (dry.recorded, n_judgements(library)) == (2, 1)
    done = take(library, SOME, overwrite=True)
    assert (done.import_id, done.recorded) == (1, 2)
    other = import_yolo(library.database, yolo(tmp_path / "s", {"TinMan/3.txt": ""}), LabelOptions({}, "Ann"))
    assert other.import_id == 2
    later = Judgement(library.ids["2.jpg"], doe.boxes, True, datetime(2026, 1, 3))
    with library.database.write() as db:
        record(db, [later], author="Bob", source="correct")
    undone = undo_import(library.database, 1, "Bob")
    assert (undone.file, undone.photos, undone.run_id) == ("coco.json", 2, None)
    with library.database.read() as db:
        assert broken(db) == []
    assert classes(library) == {"1.jpg": ["doe"], "2.jpg": ["doe"], "3.jpg": [], "4.jpg": []}
    with pytest.raises(UsageError, match="no import 1 to undo"):
        undo_import(library.database, 1, "Bob")
    again = take(library, SOME, overwrite=True)
    assert (again.import_id, again.recorded) == (3, 2)
    assert classes(library)["1.jpg"] == ["mature"]
    assert take(library, SOME).import_id == 0  # nothing new, so nothing to undo


def test_what_somebody_said_here_stays_by_default(library: Library) -> None:
    doe = Judgement(
        library.ids["1.jpg"], (JudgedBox(INFO["doe"], 0.1, 0.1, 0.2, 0.2),), True, datetime(2026, 1, 2)
    )
    blank = Judgement(library.ids["2.jpg"], (), True, datetime(2026, 1, 2))
    with library.database.write() as db:
        record(db, [doe, blank], author="Bob", source="correct")
    done = take(library, SOME)
    assert (done.recorded, done.agreed) == (0, 1)
    assert [problem.n for problem in done.problems if problem.why == CONFLICT] == [0]
    assert classes(library)["1.jpg"] == ["doe"]
    forced = take(library, SOME, overwrite=True)
    assert forced.recorded == 1
    assert classes(library)["1.jpg"] == ["mature"]


def test_a_label_without_a_place_or_size_is_named_and_left_out(tmp_path: Path) -> None:
    library = make_library(tmp_path, [*PHOTOS, Photo("5.jpg")])
    sizeless = {"id": "i3", "file_name": "Hayfield/5.jpg"}
    ours = {"id": "i4", "file_name": "TinMan/4.jpg"}  # the library knows the size
    written = document(
        [image(1, "Hayfield/1.jpg"), image(2, "Hayfield/2.jpg", corrupt=True), sizeless, ours],
        [label(1, 3, BOX), label(1, 5), label(2, 3, BOX), label(3, 3, BOX), label(4, 3, BOX)],
    )
    done = take(library, written)
    assert [(problem.n, problem.why) for problem in done.problems] == [(0, UNLABELLED_BOX), (2, NO_SIZE)]
    assert (done.recorded, done.unlabelled) == (1, 1)
    assert classes(library)["4.jpg"] == ["doe"]


def test_a_class_of_the_configuration_is_known(library: Library) -> None:
    written = document(
        [image(1, "Hayfield/1.jpg"), image(2, "Hayfield/2.jpg"), image(3, "TinMan/3.jpg")],
        [label(1, 8, BOX), label(2, 9, BOX), label(3, 3, BOX)],
    )
    written["categories"] = [*CATEGORIES, {"id": 8, "name": "Axis"}, {"id": 9, "name": "quagga"}]
    done = take(library, written)
    assert (done.recorded, [problem.n for problem in done.problems]) == (1, [0, 1])
    assert 'annotations[0] names the class "Axis"' in done.problems[0].why
    assert '"Axis" (1), "quagga" (1)' in done.notes[-1]  # all of them at once, with the way out
    done = take(library, written, rules={"axis": ClassRule(Kind.ANIMAL, None, "Axis axis")})
    assert (done.recorded, done.known) == (1, 1)
    assert classes(library)["1.jpg"] == ["axis"]


@pytest.mark.parametrize("name", ["person", "doe", "vehicle"])
@pytest.mark.parametrize("number", [0, 0.0, "0", 1, 30])
def test_a_category_is_what_its_name_says_not_its_number(library: Library, name: str, number: object) -> None:
    """Category 0 of many programs is their first class: a labelled deer must not become a blank."""
    written = document([image(1, "Hayfield/1.jpg")], [label(1, 0, BOX)])
    written["categories"] = [{"id": number, "name": name}]
    written["annotations"][0]["category_id"] = int(float(str(number)))
    assert take(library, written).recorded == 1
    assert classes(library)["1.jpg"] == [name]


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "empty"), (30, "Empty"), (7, "blank"), (1, " none "), (0, "No animal"), (2, "false trigger")],
)
@pytest.mark.parametrize("bbox", [None, []])
def test_a_blank_is_named_so_and_has_no_box(library: Library, number: int, name: str, bbox: object) -> None:
    written = document([image(1, "Hayfield/1.jpg"), image(2, "Hayfield/2.jpg")], [])
    written["categories"] = [{"id": number, "name": name}]
    written["annotations"] = [
        {"id": 1, "image_id": "i1", "category_id": number, "bbox": bbox},
        {"id": 2, "image_id": "i2", "category_id": number, "bbox": BOX},
    ]
    done = take(library, written)
    assert (done.recorded, [(p.n, p.why) for p in done.problems]) == (1, [(1, EMPTY_BOX)])
    assert classes(library)["1.jpg"] == []


def test_no_list_of_labels_is_no_blank(library: Library) -> None:
    done = take(library, document([image(1, "Hayfield/1.jpg")], []))
    assert (done.recorded, done.unlabelled) == (0, 1)
    assert classes(library)["1.jpg"] == ["young"]


def test_a_photo_labelled_as_empty_and_as_a_deer_is_neither(library: Library) -> None:
    done = take(library, document([image(1, "Hayfield/1.jpg")], [label(1, 0), label(1, 3, BOX)]))
    assert (done.recorded, done.problems[0].why) == (0, CONTRADICTION)


GOOD = [image(1, "Hayfield/1.jpg"), image(2, "Hayfield/2.jpg"), image(3, "TinMan/3.jpg")]
HUGE = 10**30
# A bad image or label (of photo 1) beside two good ones, and what is said of it.
BAD_LABELS: list[tuple[dict[str, Any], str]] = [
    ({"category_id": 7}, r"annotations\[0\]\.category_id 7 is not one of the categories"),
    ({"category_id": None}, r"annotations\[0\] category_id must be"),
    ({"category_id": 3.5}, r"category_id must be"),
    ({"category_id": HUGE}, r"category_id must be a whole number"),
    ({"category_id": True}, r"category_id must be"),
    ({"bbox": [1, 2, 3]}, r"annotations\[0\] bbox must be a list of left"),
    ({"bbox": [1, 2, "3", 4]}, r"bbox\[2\] must be a number"),
    ({"bbox": [1, 2, float("nan"), 4]}, r"bbox\[2\] must be a number"),
    ({"bbox": [1, 2, HUGE, 4]}, r"bbox lies outside of its photo"),
    ({"bbox": [1, 2, float("inf"), 4]}, r"bbox\[2\] must be a number"),
    ({"bbox": [600, 2, 200, 4]}, r"annotations\[0\]\.bbox lies outside of its photo \(640 x 480 pixels\)"),
    ({"bbox": [600, 2, -100, 4]}, r"bbox lies outside"),
    ({"bbox": [6, 2, 0, 4]}, r"annotations\[0\]\.bbox has no extent"),
    ({"bbox": [0.1, 0.1, 0.3, 0.3]}, r"bbox is not a pixel large: COCO counts pixels"),
    ({"bbox": [0, 0, 1, 1]}, r"bbox is not a pixel large"),
    ({"bbox": []}, UNLABELLED_BOX),
    ({"bbox": 7}, r"bbox must be a list"),
]
BAD_IMAGES: list[tuple[dict[str, Any], str]] = [
    ({"id": None}, r"id must be text"),
    ({"id": []}, r"id must be text"),
    ({"file_name": None}, r"file_name must be text"),
    ({"file_name": "  "}, r"file_name must be text"),
    ({"id": "i2"}, r"has the id of another image"),
    ({"width": 480, "height": 640}, OTHER_SHAPE),
]


def test_a_file_all_of_whose_images_are_bad_says_why(library: Library) -> None:
    with pytest.raises(ImportFileError, match=r"images\[0\] file_name must be text") as caught:
        take(library, document([{"id": 1, "file": "Hayfield/1.jpg"}], []))
    assert "It looks like" not in caught.value.message  # it is the file that the command reads


@pytest.mark.skipif(sys.platform == "win32", reason="a named pipe")
def test_a_pipe_is_refused_and_not_waited_for(library: Library, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImportFileError, match="it is no file, but a pipe"):
        import_coco(library.database, tmp_path / "pipe", LabelOptions({}, "Ann"))
    with pytest.raises(UsageError, match="it is a pipe"):
        read_stations(tmp_path / "pipe")


def test_the_list_of_classes_beside_yolo_labels_is_no_label(library: Library, tmp_path: Path) -> None:
    folder = yolo(tmp_path / "s", {"TinMan/3.txt": "", "TinMan/classes.txt": "doe\nmature\n"})
    done = import_yolo(library.database, folder, LabelOptions({}, "Ann"))
    assert (done.entries, done.problems) == (1, [])


@pytest.mark.parametrize(("change", "why"), BAD_LABELS)
def test_a_bad_label_costs_its_photo_and_no_other(library: Library, change: Any, why: str) -> None:  # noqa: ANN401
    written = document(GOOD, [{**label(1, 3, BOX), **change}, label(2, 3, BOX), label(3, 0)])
    done = take(library, written)
    assert [problem.n for problem in done.problems] == [0]
    assert re.search(why, done.problems[0].why)
    assert (done.recorded, done.entries) == (2, 3)
    assert classes(library)["1.jpg"] == ["young"]  # what the model said stays


@pytest.mark.parametrize(("change", "why"), BAD_IMAGES)
def test_a_bad_image_costs_itself_and_no_other(library: Library, change: Any, why: str) -> None:  # noqa: ANN401
    written = document([{**GOOD[0], **change}, *GOOD[1:]], [label(1, 3, BOX), label(2, 3, BOX), label(3, 0)])
    done = take(library, written)
    named = [problem for problem in done.problems if problem.n == 0 and not problem.place]
    assert re.search(why, named[0].why)
    assert classes(library)["1.jpg"] == ["young"]
    assert classes(library)["3.jpg"] == []
    assert done.recorded == (1 if change.get("id") == "i2" else 2)  # of two with one id, both


@pytest.mark.parametrize("size", [(None, None), (-1, -1), (0, 480), (HUGE, HUGE), ("640", "x")])
def test_a_size_that_can_not_be_is_unknown_and_the_librarys_stands_in(library: Library, size: Any) -> None:  # noqa: ANN401
    written = document([{**GOOD[0], "width": size[0], "height": size[1]}], [label(1, 3, BOX)])
    assert take(library, written).recorded == 1
    (box,) = shown(library)["1.jpg"]
    assert [round(side, 5) for side in box[2:6]] == [0.1, 0.1, 0.2, 0.2]


@pytest.mark.parametrize("bbox", [[500, 10, 172, 60], [-3, -3, 60, 60], [0, 0, 641.3, 480]])
def test_a_box_that_stands_out_a_little_is_cut(library: Library, bbox: list[float]) -> None:
    assert take(library, document(GOOD[:1], [label(1, 3, bbox)])).recorded == 1
    (box,) = shown(library)["1.jpg"]
    assert box.x >= 0
    assert box.x + box.w <= 1


def test_labels_of_nothing_and_categories_twice_are_named(library: Library) -> None:
    written = document(GOOD[:1], [label(1, 3, BOX), label(9, 3, BOX), {"id": 5}, 7])  # type: ignore[list-item]
    written["categories"] = [*CATEGORIES, {"id": 3, "name": "buck"}, {"id": "x", "name": "y"}, {"id": 4}]
    done = take(library, written)
    assert done.recorded == 1
    expected = {"annotations": (1, 2, 3), "categories": (3, 4, 5)}
    assert {p.place for p in done.problems} == {f"{key}[{n}]" for key, ns in expected.items() for n in ns}


def test_an_image_that_is_listed_twice_counts_once_or_not_at_all(library: Library) -> None:
    one, two = image(1, "Hayfield/1.jpg"), image(2, "Hayfield/1.jpg")
    done = take(library, document([one, two], [label(1, 3, BOX), label(2, 3, BOX)]))
    assert (done.recorded, done.problems) == (1, [])
    assert "repeat another" in done.notes[0]
    other = document([one, two, image(3, "TinMan/3.jpg")], [label(1, 3, BOX), label(2, 5, BOX), label(3, 0)])
    assert [(p.n, p.why) for p in take(library, other).problems] == [(0, TWICE), (1, TWICE)]


def test_names_that_roboflow_gave_are_known(library: Library) -> None:
    renamed = image(1, "1_jpg.rf.0123456789abcdef.jpg", extra={"name": "Hayfield/1.jpg"})
    bare = image(2, "Hayfield/2_jpg.rf.0123456789abcdef.jpg")
    assert take(library, document([renamed, bare], [label(1, 3, BOX), label(2, 0)])).recorded == 2


@pytest.mark.parametrize("score", [0, 0.9, 1])
def test_labels_with_scores_are_a_models(library: Library, score: float) -> None:
    written = document(GOOD, [{**label(1, 3, BOX), "score": score}, {**label(2, 3, BOX), "score": None}])
    with pytest.raises(UsageError, match=r"1 label in .* carries a score") as caught:
        take(library, written)
    assert "--accept-scores" in caught.value.hint
    assert n_judgements(library) == 0
    done = take(library, written, accept_scores=True)
    assert done.recorded == 2
    assert "although a model made them: 1 label" in done.notes[0]


ONE = [image(1, "Hayfield/1.jpg")]
MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"images": ONE, "annotations": []}, "categories is missing"),
    ({**document(ONE, []), "images": "none"}, "images must be a list"),
]


@pytest.mark.parametrize(("written", "what"), MALFORMED)
def test_a_malformed_file_is_refused_with_its_place(
    library: Library, written: dict[str, Any], what: str
) -> None:
    with pytest.raises(ImportFileError, match=what):
        take(library, written)
    assert n_judgements(library) == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NUMBERS = st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**400, 1e308, -1e308, 5e-324]) | st.floats()
FIELDS = [("images", k) for k in ("id", "file_name", "width", "height", "corrupt", "extra")] + [
    ("annotations", k) for k in ("image_id", "category_id", "bbox", "score")
]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(field=st.sampled_from(FIELDS), value=JSON | NUMBERS | st.lists(NUMBERS, min_size=4, max_size=4))
def test_whatever_one_field_holds_the_rest_comes_in(field: tuple[str, str], value: Any) -> None:  # noqa: ANN401
    """Extreme numbers and anything else in one entry: no crash, no blank, and the others are recorded."""
    with tempfile.TemporaryDirectory() as folder:
        library = make_library(Path(folder), PHOTOS, {"1.jpg": [("young", 0.9)]})
        written = document(GOOD, [label(1, 3, BOX), label(2, 3, BOX), label(3, 5, BOX)])
        written[field[0]][0] = {**written[field[0]][0], field[1]: value}
        done = take(library, written, accept_scores=True)
        assert done.recorded >= 1
        assert classes(library)["3.jpg"] == ["mature"]
        assert classes(library)["1.jpg"] in (["young"], ["doe"])


def yolo(folder: Path, labels: dict[str, str], names: str = "[doe, mature]") -> Path:
    """A data set by hand: label file below labels -> its text."""
    for name, text in labels.items():
        file = folder / "labels" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "data.yaml").write_text(f"path: .\ntrain: images/train\nval: images/val\nnames: {names}\n")
    return folder


def test_a_yolo_set_of_another_program(library: Library, tmp_path: Path) -> None:
    folder = yolo(
        tmp_path / "set",
        {"train/Hayfield/1.txt": "1 0.2 0.2 0.2 0.2\n", "val/Hayfield/2.txt": "", "val/Else/7.txt": ""},
    )
    done = import_yolo(library.database, folder, LabelOptions({}, "Ann"))
    assert (done.entries, done.recorded) == (3, 2)
    assert [problem.path for problem in done.problems] == ["Else/7.jpg"]
    assert classes(library) == {"1.jpg": ["mature"], "2.jpg": [], "3.jpg": [], "4.jpg": []}
    again = import_yolo(library.database, folder / "data.yaml", LabelOptions({}, "Ann"))
    assert (again.recorded, again.known) == (0, 2)


@pytest.mark.parametrize(
    ("text", "names", "what"),
    [
        ("0 0.5 0.5 0.1\n", "[doe]", r"line 1 is not a label"),
        ("0.7 0.5 0.5 0.1 0.1\n", "[doe]", r"line 1 is not a label"),  # no class 0
        ("inf 0.5 0.5 0.1 0.1\n", "[doe]", r"line 1 is not a label"),
        ("1e300 0.5 0.5 0.1 0.1\n", "[doe]", r"line 1 names the class 1000"),
        ("-1 0.5 0.5 0.1 0.1\n", "[doe]", r"line 1 names the class -1"),
        ("0 nan 0.5 0.1 0.1\n", "[doe]", r"line 1 is not a label"),
        ("\n0 640 480 10 10\n", "[doe]", r"line 2 puts a box outside"),
        ("3 0.5 0.5 0.1 0.1\n", "[doe]", r"line 1 names the class 3, which is not among the 1"),
        ("0 0.5 0.5 0.1 0.1\n", "[quagga]", r'names the class "quagga"'),
        ("0 0.5 0.5 0 0.1\n", "[doe]", r"one of its boxes has no extent"),
        ("0 0.5 0.5 0.1 -0.1\n", "[doe]", r"line 1 puts a box outside"),
    ],
)
def test_a_bad_label_file_costs_its_photo_and_no_other(
    library: Library, tmp_path: Path, text: str, names: str, what: str
) -> None:
    folder = yolo(tmp_path / "set", {"train/Hayfield/2.txt": "", "train/Hayfield/1.txt": text}, names)
    done = import_yolo(library.database, folder, LabelOptions({}, "Ann"))
    assert (done.recorded, [problem.n for problem in done.problems]) == (1, [0])
    assert re.search(what, done.problems[0].why)
    assert classes(library) == {"1.jpg": ["young"], "2.jpg": [], "3.jpg": [], "4.jpg": []}


@pytest.mark.parametrize("names", ["7", "{true: doe}", "[]"])
def test_a_set_without_classes_is_refused(library: Library, tmp_path: Path, names: str) -> None:
    folder = yolo(tmp_path / "set", {"train/Hayfield/1.txt": ""}, names)
    with pytest.raises(DataSetError, match="names"):
        import_yolo(library.database, folder, LabelOptions({}, "Ann"))
    assert n_judgements(library) == 0


@pytest.mark.parametrize(
    ("line", "scored"),
    [
        ("1 0.2 0.2 0.2 0.2", False),
        ("\ufeff1\t0.2\t0.2\t0.2\t0.2", False),
        ("1 0.1 0.1 0.3 0.1 0.3 0.3 0.1 0.3", False),  # a polygon
        ("1 0.2 0.2 0.2 0.2 0.91", True),
        ("1 0.1 0.1 0.3 0.1 0.3 0.3 0.1 0.3 0.91", True),
    ],
)
def test_forms_of_yolo_labels(library: Library, tmp_path: Path, line: str, scored: bool) -> None:
    folder = yolo(tmp_path / "set", {"train/Hayfield/1.txt": f"{line}\r\n"})
    if scored:
        with pytest.raises(UsageError, match=r"1 label in .* carries a score"):
            import_yolo(library.database, folder, LabelOptions({}, "Ann"))
    done = import_yolo(library.database, folder, LabelOptions({}, "Ann", accept_scores=True))
    assert (done.recorded, done.problems) == (1, [])
    (box,) = shown(library)["1.jpg"]
    assert [round(side, 5) for side in box[2:6]] == [0.1, 0.1, 0.2, 0.2]


def test_yolo_labels_of_one_photo_in_two_splits(library: Library, tmp_path: Path) -> None:
    same = {"train/Hayfield/1.txt": "1 0.2 0.2 0.2 0.2\n", "val/Hayfield/1.txt": "1 0.2 0.2 0.2 0.2"}
    folder = yolo(tmp_path / "a", {**same, "train/TinMan/3.txt": ""})
    assert import_yolo(library.database, folder, LabelOptions({}, "Ann")).recorded == 2
    other = yolo(tmp_path / "b", {**same, "val/Hayfield/1.txt": "", "train/TinMan/4.txt": ""})
    done = import_yolo(library.database, other, LabelOptions({}, "Ann"))
    assert [problem.why for problem in done.problems] == [TWICE, TWICE]


def test_roboflow_yolo_names(library: Library, tmp_path: Path) -> None:
    folder = yolo(tmp_path / "set", {"train/1_JPG.rf.00ff.txt": "", "train/2_jpg.rf.11aa.txt": ""})
    assert import_yolo(library.database, folder, LabelOptions({}, "Ann")).recorded == 2


def test_a_set_of_other_photos_is_refused(library: Library, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="None of the 1 label files"):
        import_yolo(library.database, yolo(tmp_path / "s", {"a.txt": ""}), LabelOptions({}, "Ann"))


JPEG = io.BytesIO()
Image.new("RGB", (64, 48)).save(JPEG, "JPEG")
SIDES = st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(2, 50), st.integers(2, 50)).map(
    lambda b: (b[0] / 100, b[1] / 100, b[2] / 100, b[3] / 100)
)
SEEN = st.lists(
    st.none()
    | st.lists(
        st.tuples(st.sampled_from(sorted(INFO)), st.integers(30, 100).map(lambda n: n / 100), SIDES),
        max_size=3,
    ),
    min_size=2,
    max_size=5,
).filter(lambda photos: any(photo is not None for photo in photos))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seen=SEEN, kind=st.sampled_from(["coco", "yolo"]))
def test_what_goes_out_comes_back_the_same(seen: list[Any], kind: str) -> None:
    """A library's boxes, exported and imported into one that knows nothing, count there as they did here."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a").mkdir()
        (Path(folder) / "b").mkdir()
        photos = [Photo(f"{n}.jpg", f"2024-11-0{n + 1} 06:10", size=(640, 480)) for n in range(len(seen))]
        here = make_library(Path(folder) / "a", photos)
        there = make_library(Path(folder) / "b", photos)
        (here.root / "Hayfield").mkdir()
        for photo in photos:
            (here.root / "Hayfield" / photo.name).write_bytes(JPEG.getvalue())
        here.detect({f"{n}.jpg": boxes for n, boxes in enumerate(seen) if boxes is not None})
        target = Path(folder) / "out"
        if kind == "coco":
            export_coco(here.database, Selection(), target, None, GAP)
            done = import_coco(there.database, target, LabelOptions({}, "Ann", accept_scores=True))
        else:
            export_yolo(here.database, Selection(), target, YoloOptions(None, GAP, blanks=True))
            done = import_yolo(there.database, target, LabelOptions({}, "Ann", accept_scores=True))
        assert (done.recorded, done.problems) == (sum(boxes is not None for boxes in seen), [])
        assert counted(there) == counted(here)


def counted(library: Library) -> dict[str, Counter[tuple[Any, ...]]]:
    """Photo -> its boxes that count: class, age and place to four digits."""
    return {
        name: Counter(
            (box.info.name, box.info.kind, box.info.age_class, *(round(side, 3) for side in box[2:6]))
            for box in boxes
        )
        for name, boxes in shown(library).items()
    }


def test_the_commands_say_what_became_of_the_labels(library: Library, cli: Cli, tmp_path: Path) -> None:
    at = ("--db", library.database.path)
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(SOME))
    done = cli("import", "coco", path, "--author", "Ann", *at)
    assert done.returncode == 1
    assert done.stdout == "Import 1 recorded the labels of 2 photos by Ann; 1 not labelled.\n"
    assert "images[3] x/9.jpg: no photo" in done.stderr
    scored = document(GOOD[:1], [{**label(1, 3, BOX), "score": 0.5}])
    path.write_text(json.dumps(scored))
    refused = cli("import", "coco", path, *at)
    assert refused.returncode == 2
    assert "--accept-scores" in refused.stderr
    folder = yolo(tmp_path / "set", {"Hayfield/1.txt": "0 0.6 0.6 0.2 0.2\n"})
    conflict = cli("import", "yolo", folder, *at)
    assert conflict.returncode == 1
    assert CONFLICT in conflict.stderr
    assert cli("import", "yolo", folder, "--overwrite", "-q", *at).returncode == 0
    assert classes(library)["1.jpg"] == ["doe"]
    assert cli("import", "yolo", tmp_path, *at).returncode == 2
    dry = cli("import", "yolo", folder, "--overwrite", "--dry-run", *at)
    assert dry.stdout == "Would record the labels of 0 photos; 1 known before. Nothing was changed.\n"
    undone = cli("import", "undo", *at)
    assert undone.stdout == "Import 2 (set) is undone: its corrections of 1 photo count no more.\n"
    assert classes(library)["1.jpg"] == ["mature"]
