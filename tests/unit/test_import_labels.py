"""COCO and YOLO labels of others as a person's word: once, never silently against another, or not at all."""

from __future__ import annotations

import io
import json
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
from trailcam.export.yolo import export_yolo
from trailcam.imports.coco import NO_SIZE, import_coco
from trailcam.imports.labels import CONFLICT, UNLABELLED_BOX, Labelled
from trailcam.imports.reading import ImportFileError
from trailcam.imports.yolo import import_yolo
from trailcam.selection import Selection
from trailcam.settings.classmap import ClassRule
from trailcam.store.corrections import JudgedBox, Judgement, ShownBox, record, shown_boxes, undo
from trailcam.store.select import make_selected

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
    return import_coco(library.database, path, **given)


def shown(library: Library) -> dict[str, list[ShownBox]]:
    with library.database.read() as db:
        make_selected(db, Selection())
        found = shown_boxes(db, list(library.ids.values()), None, 0.5)
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


def test_labels_become_a_persons_word(library: Library) -> None:
    done = take(library, SOME)
    assert (done.entries, done.recorded, done.unlabelled, done.authors) == (4, 2, 1, ["Ann"])
    assert [problem.path for problem in done.problems] == ["x/9.jpg"]
    assert classes(library) == {"1.jpg": ["mature"], "2.jpg": [], "3.jpg": [], "4.jpg": []}
    (box,) = shown(library)["1.jpg"]
    assert (box.info.kind, box.by_person) == (Kind.BUCK, True)
    assert [round(side, 5) for side in box[2:6]] == [0.1, 0.1, 0.2, 0.2]


def test_the_same_file_again_changes_nothing_even_what_was_undone_since(library: Library) -> None:
    take(library, SOME)
    with library.database.write() as db:
        undo(db, library.ids["1.jpg"], "Bob")
    again = take(library, SOME)
    assert (again.recorded, again.known, n_judgements(library)) == (0, 2, 2)
    assert classes(library)["1.jpg"] == ["young"]


def test_what_somebody_said_here_stays_unless_told_otherwise(library: Library) -> None:
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
    written = document([image(1, "Hayfield/1.jpg")], [label(1, 8, BOX)])
    written["categories"] = [{"id": 8, "name": "Axis"}]
    with pytest.raises(ImportFileError, match=r'annotations\[0\]\.category_id names the class "Axis"'):
        take(library, written)
    done = take(library, written, rules={"axis": ClassRule(Kind.ANIMAL, None, "Axis axis")})
    assert done.recorded == 1
    assert classes(library)["1.jpg"] == ["axis"]


ONE = [image(1, "Hayfield/1.jpg")]
MALFORMED: list[tuple[dict[str, Any], str]] = [
    (document([image(1, "a"), image(1, "b")], []), r"images\[1\]\.id is that of another image too"),
    (document(ONE, [label(2, 3, BOX)]), r"annotations\[0\]\.image_id is none of the images"),
    (document(ONE, [label(1, 3, BOX), label(1, 7, BOX)]), r"annotations\[1\]\.category_id is none of"),
    (document(ONE, [label(1, 3, [1, 2, 3])]), r"annotations\[0\]\.bbox must be a list of left"),
    (document(ONE, [label(1, 3, [1, 2, "3", 4])]), r"annotations\[0\]\.bbox\[2\] must be a number"),
    (document(ONE, [label(1, 3, [600, 2, 100, 4])]), r"annotations\[0\]\.bbox leaves its image of 640 x 480"),
    (document(ONE, [label(1, 3, [6, 2, 0, 4])]), r"annotations\[0\]\.bbox has no extent"),
    ({"images": ONE, "annotations": []}, "categories is missing"),
    ({**document(ONE, []), "images": "none"}, "images must be a list"),
    (
        {**document(ONE, []), "categories": [{"id": "1", "name": "doe"}]},
        r"categories\[0\]\.id must be",
    ),
]


@pytest.mark.parametrize(("written", "what"), MALFORMED)
def test_a_malformed_file_is_refused_with_its_place(
    library: Library, written: dict[str, Any], what: str
) -> None:
    with pytest.raises(ImportFileError, match=what):
        take(library, written)
    assert n_judgements(library) == 0


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
    done = import_yolo(library.database, folder, author="Ann", rules={})
    assert (done.entries, done.recorded) == (3, 2)
    assert [problem.path for problem in done.problems] == ["Else/7.jpg"]
    assert classes(library) == {"1.jpg": ["mature"], "2.jpg": [], "3.jpg": [], "4.jpg": []}
    again = import_yolo(library.database, folder / "data.yaml", author="Ann", rules={})
    assert (again.recorded, again.known) == (0, 2)


@pytest.mark.parametrize(
    ("text", "names", "what"),
    [
        ("0 0.5 0.5 0.1\n", "[doe]", r"1\.txt, line 1 is no label"),
        ("\n0 640 480 10 10\n", "[doe]", r"1\.txt, line 2: the box lies outside"),
        ("3 0.5 0.5 0.1 0.1\n", "[doe]", r"1\.txt, line 1: class 3 is none of the 1"),
        ("0 0.5 0.5 0.1 0.1\n", "[quagga]", r'1\.txt names the class "quagga"'),
        ("0 0.5 0.5 0 0.1\n", "[doe]", r"1\.txt holds a box without extent"),
        ("", "7", "names no classes"),
    ],
)
def test_a_malformed_yolo_set_is_refused_with_its_place(
    library: Library, tmp_path: Path, text: str, names: str, what: str
) -> None:
    folder = yolo(tmp_path / "set", {"train/Hayfield/2.txt": "", "train/Hayfield/1.txt": text}, names)
    with pytest.raises(DataSetError, match=what):
        import_yolo(library.database, folder, author="Ann", rules={})
    assert n_judgements(library) == 0


def test_a_set_of_other_photos_is_refused(library: Library, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="None of the 1 label files"):
        import_yolo(library.database, yolo(tmp_path / "s", {"a.txt": ""}), author="Ann", rules={})


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
            done = import_coco(there.database, target, author="Ann", rules={})
        else:
            export_yolo(
                here.database, Selection(), target, confidence=None, gap=GAP, val_share=0.3, blanks=True
            )
            done = import_yolo(there.database, target, author="Ann", rules={})
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
    assert done.stdout == "Recorded the labels of 2 photos by Ann; 1 not labelled.\n"
    assert "images[3] x/9.jpg: no photo" in done.stderr
    folder = yolo(tmp_path / "set", {"Hayfield/1.txt": "0 0.6 0.6 0.2 0.2\n"})
    conflict = cli("import", "yolo", folder, *at)
    assert conflict.returncode == 1
    assert CONFLICT in conflict.stderr
    assert cli("import", "yolo", folder, "--overwrite", "-q", *at).returncode == 0
    assert classes(library)["1.jpg"] == ["doe"]
    assert cli("import", "yolo", tmp_path, *at).returncode == 2
