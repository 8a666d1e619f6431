"""MegaDetector files of others: a run of its own, odd paths, malformed files refused whole."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Cli
from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from tests.helpers.validators import run_validator
from tests.unit.test_import_labels import JSON, NUMBERS
from trailcam.domain import ClassInfo, Kind
from trailcam.errors import UsageError
from trailcam.export.megadetector import export_megadetector
from trailcam.imports.megadetector import Imported, import_megadetector
from trailcam.imports.reading import ImportFileError
from trailcam.selection import Selection
from trailcam.store.database import rows
from trailcam.store.import_batches import undo_import
from trailcam.store.invariants import broken
from trailcam.store.match import AMBIGUOUS, NOT_FOUND, TWICE, _ways, tidy
from trailcam.store.run_choice import choose_run, delete_run

PHOTOS = (
    Photo("1.jpg", "2024-11-03 06:10", size=(640, 480)),
    Photo("2.jpg", "2024-11-03 06:12"),
    Photo("3.jpg", None, "TinMan"),
    Photo("4.jpg", None, "TinMan"),
)
_VALIDATE = (
    "import json, sys\n"
    "from megadetector.postprocessing.validate_batch_results import validate_batch_results\n"
    "found = validate_batch_results(sys.argv[1])\n"
    "print()\nprint(json.dumps(found['validation_results']['errors']))\n"
)
BOX = {"category": "1", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4]}


def document(*images: dict[str, Any], version: str = "1.6", **more: object) -> dict[str, Any]:
    return {
        "images": list(images),  # before what explains them: the order of members is free
        "info": {"format_version": version, "detector": "md_v1000.0.0-redwood.pt"},
        "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
        **more,
    }


def saw(file: str, *boxes: dict[str, Any]) -> dict[str, Any]:
    return {"file": file, "detections": list(boxes)}


def take(library: Library, written: dict[str, Any] | str, **options: Any) -> Imported:  # noqa: ANN401
    path = library.root.parent / "md.json"
    path.write_text(written if isinstance(written, str) else json.dumps(written), encoding="utf-8")
    return import_megadetector(library.database, path, rules={}, **options)


def boxes_of(library: Library, run_id: int) -> list[tuple[str, str, str, str]]:
    with library.database.read() as db:
        found = db.execute(
            "SELECT i.path, c.name, c.kind, d.confidence::VARCHAR FROM detections d JOIN images i USING"
            " (image_id) JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id"
            " WHERE d.run_id = ? ORDER BY ALL",
            [run_id],
        ).fetchall()
    return [(str(path).rpartition("/")[2], *rest) for path, *rest in found]


def everything(library: Library) -> dict[str, list[dict[str, Any]]]:
    with library.database.read() as db:
        tables = [str(name) for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return {name: rows(db, f"SELECT * FROM {name} ORDER BY ALL") for name in tables}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path, PHOTOS)


@pytest.mark.parametrize("at", ["2015:01:01 00:00:00", "0001-01-01", "9999-12-31 23:59:59", "soon", 7, None])
def test_times_of_a_megadetector_file_are_not_read(library: Library, at: object) -> None:
    times = "SELECT path, captured_at, captured_at_source FROM images ORDER BY path"
    with library.database.read() as db:
        before = rows(db, times)
    names = ("Hayfield/1.jpg", "Hayfield/2.jpg", "TinMan/3.jpg")
    take(library, document(*(saw(name, BOX) | {"datetime": at} for name in names)))
    with library.database.read() as db:
        assert rows(db, "SELECT count(*) AS n FROM results") == [{"n": 3}]
        assert rows(db, times) == before


def test_a_file_of_another_program_becomes_a_run_of_its_own(library: Library, tmp_path: Path) -> None:
    ours = library.detect({"1.jpg": [("doe", 0.8)], "2.jpg": []})
    written = document(
        saw("Hayfield/1.jpg", {**BOX, "classifications": [["7", 0.8], ["8", 0.1]]}, {**BOX, "category": "2"}),
        saw("Hayfield/2.jpg", {**BOX, "conf": 0.3, "classifications": [["9", 0.7]]}),
        saw("TinMan/3.jpg"),
        {"file": "TinMan/4.jpg", "failure": "Failure image access", "detections": None},
        classification_categories={"7": "white-tailed deer", "8": "Mature", "9": "blank"},
        classification_category_descriptions={
            "7": "9a1;mammalia;artiodactyla;cervidae;odocoileus;virginianus;white-tailed deer"
        },
    )
    done = take(library, written)
    assert run_validator("megadetector", _VALIDATE, tmp_path / "md.json") == []
    assert (done.fresh, done.failed, done.boxes, done.problems) == (4, 1, 3, [])
    assert boxes_of(library, done.run_id) == [
        ("1.jpg", "person", "person", "0.9"),
        ("1.jpg", "white-tailed deer", "deer", "0.9"),
        ("2.jpg", "animal", "animal", "0.3"),
    ]
    with library.database.read() as db:
        (run,) = rows(db, "SELECT * FROM runs WHERE run_id = ?", [done.run_id])
        current = dict(db.execute("SELECT path, run_id FROM images").fetchall())
        states = dict(db.execute("SELECT path, status FROM images").fetchall())
        failures = db.execute("SELECT error_code, error_message FROM images ORDER BY path").fetchall()
    assert (run["state"], run["weights_name"]) == ("completed", "md_v1000.0.0-redwood.pt")
    assert (run["n_completed"], run["n_failed"], run["n_detections"]) == (3, 1, 3)
    # ours stays where we looked; theirs counts where nobody else has
    assert list(current.values()) == [ours, ours, done.run_id, None]
    assert states["TinMan/3.jpg"] == "completed"
    assert states["TinMan/4.jpg"] == "failed"
    assert failures[-1] == ("imported", "Failure image access")
    assert done.current == 1


def test_importing_twice_changes_nothing_and_a_photo_scanned_since_is_added(library: Library) -> None:
    written = document(saw("Hayfield/1.jpg", BOX), saw("Hayfield/9.jpg", BOX))
    first = take(library, written)
    assert [problem.n for problem in first.problems] == [1]
    before = everything(library)
    again = take(library, written)
    assert (again.run_id, again.fresh, again.known, again.new_run) == (first.run_id, 0, 1, False)
    after = everything(library)
    for run in before["runs"] + after["runs"]:
        run.pop("finished_at")
    assert after == before
    library.add([Photo("9.jpg")])
    third = take(library, written)
    assert (third.run_id, third.fresh, third.known, third.boxes) == (first.run_id, 1, 1, 1)
    assert len(boxes_of(library, first.run_id)) == 2


def test_it_counts_before_ours_only_while_it_is_chosen(library: Library) -> None:
    ours = library.detect({"1.jpg": [("doe", 0.8)], "2.jpg": []})
    written = document(saw("Hayfield/1.jpg", BOX), saw("TinMan/3.jpg", BOX))
    theirs = take(library, written).run_id
    for chosen, expected in ((None, ours), (theirs, theirs), (ours, ours), (None, ours)):
        with library.database.write() as db:
            choose_run(db, chosen)
            current = dict(db.execute("SELECT path, run_id FROM images").fetchall())
        assert current["Hayfield/1.jpg"] == expected
        assert current["TinMan/3.jpg"] == theirs
    later = library.detect({"3.jpg": []}, key="another")
    with library.database.write() as db:
        assert dict(db.execute("SELECT path, run_id FROM images").fetchall())["TinMan/3.jpg"] == later


def test_a_missing_photo_stays_missing(library: Library) -> None:
    with library.database.write() as db:
        db.execute("UPDATE images SET status = 'missing' WHERE path = 'TinMan/3.jpg'")
    done = take(library, document(saw("TinMan/3.jpg", BOX), saw("TinMan/4.jpg")))
    assert done.fresh == 2
    with library.database.read() as db:
        states = dict(db.execute("SELECT path, status FROM images").fetchall())
    assert (states["TinMan/3.jpg"], states["TinMan/4.jpg"]) == ("missing", "completed")


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "./{}",
        "x/../{}",
        "photos/{}",
        "E:\\DCIM\\{}",
        "\\\\server\\share\\Trail Cams\\{}",
        "/mnt/elsewhere/{}",
        "C:\\Users\\Ann\\photos\\{}",
    ],
)
def test_odd_paths_find_their_photos(library: Library, form: str) -> None:
    windows = "\\" in form
    names = [p.image().key.path for p in PHOTOS]
    files = [form.format(name.replace("/", "\\") if windows else name) for name in names]
    done = take(library, document(*(saw(file, BOX) for file in [*files, "nowhere/IMG_1.JPG"])))
    assert [name for name, *_ in boxes_of(library, done.run_id)] == ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]
    assert [(problem.n, problem.why) for problem in done.problems] == [(4, NOT_FOUND)]


def test_the_roots_own_path_and_other_cases_find_their_photos(library: Library) -> None:
    files = [str(library.root / "Hayfield" / "1.jpg"), "HAYFIELD/2.JPG", "tinman\\3.jpg"]
    done = take(library, document(*(saw(file, BOX) for file in files)))
    assert [name for name, *_ in boxes_of(library, done.run_id)] == ["1.jpg", "2.jpg", "3.jpg"]
    assert done.problems == []


def test_paths_relative_to_a_folder_go_all_to_that_folder(tmp_path: Path) -> None:
    library = make_library(tmp_path, [*PHOTOS, Photo("5.jpg"), Photo("6.jpg", station="TinMan")])
    done = take(library, document(*(saw(f"{n}.jpg", BOX) for n in (1, 2, 5, 6))))
    # 6.jpg exists, but in another folder than the one that the others lie in
    assert [name for name, *_ in boxes_of(library, done.run_id)] == ["1.jpg", "2.jpg", "5.jpg"]
    assert [(problem.path, problem.why) for problem in done.problems] == [("6.jpg", NOT_FOUND)]
    assert "hayfield/" in done.notes[0]


def test_what_could_mean_several_photos_is_left_out_unless_the_folder_is_named(tmp_path: Path) -> None:
    library = make_library(tmp_path, PHOTOS)
    with library.database.write() as db:
        db.execute("UPDATE images SET path = 'TinMan/1.jpg' WHERE path = 'TinMan/3.jpg'")
    with pytest.raises(UsageError, match="None of the 1 images"):
        take(library, document(saw("1.jpg", BOX)))
    done = take(library, document(saw("1.jpg", BOX)), base=library.root / "TinMan")
    with library.database.read() as db:
        found = db.execute("SELECT path FROM images JOIN results USING (image_id)").fetchall()
    assert (done.fresh, found) == (1, [("TinMan/1.jpg",)])
    with pytest.raises(UsageError, match="no scanned folder"):
        take(library, document(saw("1.jpg", BOX)), base=tmp_path / "elsewhere")


def test_two_entries_of_one_photo_are_both_left_out(library: Library) -> None:
    done = take(library, document(saw("Hayfield/1.jpg"), saw("hayfield\\1.JPG", BOX), saw("Hayfield/2.jpg")))
    assert [(problem.n, problem.why) for problem in done.problems] == [(0, TWICE), (1, TWICE)]
    assert done.fresh == 1


def test_a_file_of_contradictions_alone_is_called_that(library: Library) -> None:
    with pytest.raises(UsageError, match=TWICE):
        take(library, document(saw("Hayfield/1.jpg"), saw("Hayfield/1.jpg", BOX)))


def test_a_folder_that_is_called_otherwise_elsewhere(library: Library) -> None:
    """SpeciesNet writes whole paths, of the machine it ran on."""
    done = take(library, document(*(saw(f"/mnt/cards/{n}.jpg", BOX) for n in (1, 2))))
    assert [name for name, *_ in boxes_of(library, done.run_id)] == ["1.jpg", "2.jpg"]
    assert "below mnt/cards/, which stands for hayfield/ in" in done.notes[0]


@pytest.mark.parametrize(
    ("theirs", "ours", "expected"),
    [
        ("1.jpg", "hay/1.jpg", ("", "hay/")),
        ("x/hay/1.jpg", "hay/1.jpg", ("x/", "")),
        ("a/b/1.jpg", "c/1.jpg", ("a/b/", "c/")),
        ("a/1.jpg", "c/d/1.jpg", ("a/", "c/d/")),
        ("x/d/1.jpg", "c/d/1.jpg", ("x/", "c/")),
    ],
)
def test_what_paths_do_not_end_in_alike(theirs: str, ours: str, expected: tuple[str, str]) -> None:
    off, before = _ways(theirs, ours)
    assert (off, before) == expected
    assert before + theirs.removeprefix(off) == ours


@pytest.mark.parametrize("boxes", [(), (BOX,)])
def test_an_entry_that_repeats_another_counts_once(library: Library, boxes: tuple[Any, ...]) -> None:
    files = ("Hayfield/1.jpg", "Hayfield/1.jpg", "hayfield\\1.JPG", "Hayfield/2.jpg")
    done = take(library, document(*(saw(file, *boxes) for file in files)))
    assert (done.fresh, done.boxes, done.problems) == (2, 2 * len(boxes), [])
    assert "skipped: 2." in done.notes[0]


def test_names_that_differ_by_case_alone(library: Library) -> None:
    library.add([Photo("5.jpg"), Photo("5.JPG")])
    done = take(library, document(saw("Hayfield/5.JPG", BOX), saw("hayfield/5.jpg"), saw("Hayfield/1.jpg")))
    assert [name for name, *_ in boxes_of(library, done.run_id)] == ["5.JPG"]
    assert [(problem.n, problem.why) for problem in done.problems] == [(1, AMBIGUOUS)]


MALFORMED: list[tuple[dict[str, Any] | str, str]] = [
    ("", "line 1 is not JSON: it ends too early"),
    ("[1, 2]", "it holds a list, not an object"),
    ('[{"filepath": "a"}]', "it holds a list, not an object"),
    ('{"info": {},\n "images": [\n  {"file": "a"},\n  {"file" 1}]}', r"images\[1\] \(line 4\) is not JSON"),
    ('{"info": {}, "info": {}}', "line 1 names a member twice"),
    (json.dumps(document(saw("Hayfield/1.jpg"))) + "]", "line 1 continues after the end"),
    (json.dumps(document(saw("Hayfield/1.jpg")))[:-9], "is not JSON"),
    ("[" * 100_000, "it holds a list, not an object"),
    (
        {**document(saw("Hayfield/1.jpg")), "detection_categories": None},
        "detection_categories must be an object",
    ),
    (document(saw("Hayfield/1.jpg", {**BOX, "conf": "sure"})), "none of its 1 images can be used"),
    (
        {
            "predictions": [
                {"filepath": "Hayfield/1.jpg", "classifications": {"classes": ["deer"], "scores": [1]}}
            ]
        },
        "none of its 1 predictions can be used; predictions.0.: detections are missing",
    ),
    ('{"info": ' + "[" * 100_000, "nested too deep"),
    (document(saw("Hayfield/1.jpg"), version="2.0"), r"info\.format_version is 2\.0"),
    (document(saw("Hayfield/1.jpg"), version="new"), r"info\.format_version is new"),
    ({**document(), "images": {}}, "images must be a list"),
    ({**document(), "predictions": [{}], "images": [{}]}, "has images and predictions"),
    ({"info": {"format_version": "1.6"}, "images": []}, "detection_categories is missing"),
    # what it is, rather than what it isn't
    (
        '[{"file": "a", "detections": [{"category": "animal", "bbox": [10, 20, 100, 200]}]}]',
        "a plain list of",
    ),
    ({"images": [], "annotations": [], "categories": []}, r"looks like COCO: `trailcam import coco`"),
    ({"resources": [], "profile": "x"}, "looks like a Camtrap DP package"),
    ("<annotation></annotation>", "looks like XML"),
    ("PK\x03\x04....", "looks like a ZIP archive"),
    ('{"_via_settings": {}}', "looks like VIA"),
]


@pytest.mark.parametrize(("written", "what"), MALFORMED)
def test_a_malformed_file_is_refused_with_its_place_and_nothing_changes(
    library: Library, written: dict[str, Any] | str, what: str
) -> None:
    before = everything(library)
    with pytest.raises(ImportFileError, match=what) as caught:
        take(library, written)
    assert "Nothing was changed" in caught.value.hint
    assert everything(library) == before


@pytest.mark.parametrize("key", ["info", "classification_categories", "classification_category_descriptions"])
@pytest.mark.parametrize("value", [None, {}])
def test_what_says_nothing_costs_nothing(library: Library, key: str, value: object) -> None:
    done = take(library, {**document(saw("Hayfield/1.jpg", BOX)), key: value})
    assert (done.fresh, done.boxes, done.problems) == (1, 1, [])


@pytest.mark.parametrize("written", [document(), {"predictions": []}])
def test_a_file_without_entries_is_said_to_be_empty(library: Library, written: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"has no (images|predictions): there is nothing to import"):
        take(library, written)


@pytest.mark.parametrize("name", ["White_Tailed deer", "Cougar", "gray squirrel"])
def test_names_of_animals_without_a_taxonomy(library: Library, name: str) -> None:
    """What a classification's name alone says."""
    entry = saw("Hayfield/1.jpg", {**BOX, "classifications": [["1", 0.8]]})
    done = take(library, document(entry, classification_categories={"1": name}))
    with library.database.read() as db:
        (found,) = db.execute(
            "SELECT name, kind, species FROM classes WHERE run_id = ?", [done.run_id]
        ).fetchall()
    expected = {
        "White_Tailed deer": ("deer", "Odocoileus virginianus"),
        "Cougar": ("animal", "Puma concolor"),
        "gray squirrel": ("animal", None),
    }
    assert found == (name, *expected[name])


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4", 1.5, 1, "1.10", None])
def test_every_version_of_the_format_is_read(library: Library, version: object) -> None:
    written = document(saw("Hayfield/1.jpg", BOX))
    written["info"]["format_version"] = version
    written["images"][0]["max_detection_conf"] = 0.9
    done = take(library, written)
    assert (done.fresh, done.boxes, done.problems) == (1, 1, [])
    assert bool(done.notes) is (version in ("1.10", None))


# What of a detection, or of an entry, can't be used, and why.
BAD_BOXES: list[tuple[dict[str, Any], str]] = [
    ({"bbox": [0.1, 0.2, 0.3]}, r"detections\[0\]\.bbox must be a list of left"),
    ({"bbox": [0.1, 0.2, 0.3, 0.1, 0.9]}, r"bbox must be a list of left"),
    ({"bbox": None}, r"bbox must be a list"),
    ({"bbox": [10, 20, 100, 200]}, r"lies outside of its photo"),
    ({"bbox": [0.8, 0, 0.4, 0.1]}, r"lies outside of its photo"),
    ({"bbox": [0.1, 0.1, float("nan"), 0.1]}, r"bbox\[2\] must be a number"),
    ({"conf": "0.9"}, r"detections\[0\]\.conf must be a number"),
    ({"conf": float("nan")}, r"conf must be a number"),
    ({"conf": 1.5}, r"conf must be a number"),
    ({"conf": 10**400}, r"conf must be a number"),
    ({"conf": None}, r"conf must be a number"),
    ({"category": None}, r"category must be text"),
    ({"category": True}, r"category must be text"),
    ({"classifications": [["7"]]}, r"classifications\[0\] must be a list"),
    ({"classifications": [["7", -1]]}, r"must be a number"),
]
BAD: list[tuple[dict[str, Any], str]] = [
    *((saw("Hayfield/1.jpg", {**BOX, **change}), why) for change, why in BAD_BOXES),
    ({"file": "Hayfield/1.jpg", "detections": None}, r"detections must be a list"),
    ({"file": "Hayfield/1.jpg"}, r"detections must be a list"),  # never looked at is no blank
    ({"file": "Hayfield/1.jpg", "detections": {}}, r"detections must be a list"),
    ({"file": "Hayfield/1.jpg", "failure": 7}, r"failure must be text"),
    ({"file": None, "detections": []}, r"file must be text"),
    ({"detections": []}, r"file must be text"),
]


@pytest.mark.parametrize(("bad", "why"), BAD)
def test_a_bad_entry_costs_itself_and_no_other(library: Library, bad: dict[str, Any], why: str) -> None:
    done = take(library, document(bad, saw("Hayfield/2.jpg", BOX), saw("TinMan/3.jpg")))
    assert [problem.n for problem in done.problems] == [0]
    assert re.search(why, done.problems[0].why)
    assert (done.fresh, done.boxes) == (2, 1)
    with library.database.read() as db:
        states = dict(db.execute("SELECT path, status FROM images").fetchall())
    assert states["Hayfield/1.jpg"] == "pending"  # neither blank nor failed


FIELDS = ("file", "detections", "failure", "category", "conf", "bbox", "classifications")


@pytest.mark.parametrize("field", FIELDS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=JSON | NUMBERS | st.lists(NUMBERS, min_size=4, max_size=4))
def test_whatever_one_field_holds_the_rest_comes_in(field: str, value: Any) -> None:  # noqa: ANN401
    with tempfile.TemporaryDirectory() as folder:
        library = make_library(Path(folder), PHOTOS)
        entry = saw("Hayfield/1.jpg", dict(BOX))
        (entry if field in entry or field == "failure" else entry["detections"][0])[field] = value
        done = take(library, document(entry, saw("Hayfield/2.jpg", BOX)))
        assert done.fresh >= 1
        assert ("2.jpg", "animal", "animal", "0.9") in boxes_of(library, done.run_id)
        with library.database.read() as db:
            assert broken(db) == []


@pytest.mark.parametrize("name", ["animal", "Animal", " ANIMAL "])
def test_a_category_may_be_named_instead_of_numbered(library: Library, name: str) -> None:
    done = take(library, document(saw("Hayfield/1.jpg", {**BOX, "category": name})))
    assert boxes_of(library, done.run_id) == [("1.jpg", "animal", "animal", "0.9")]
    assert done.notes == []


def test_what_the_file_does_not_list_is_no_detection(library: Library) -> None:
    written = document(
        saw("Hayfield/1.jpg", {**BOX, "category": "4"}),
        saw("Hayfield/2.jpg", {**BOX, "category": 1, "classifications": [["8", 0.9], [7, 1.00001]]}),
        classification_categories={"7": "coyote"},
    )
    done = take(library, written)
    assert (done.fresh, done.problems) == (2, [])
    assert boxes_of(library, done.run_id) == [("2.jpg", "coyote", "animal", "0.9")]
    assert "a detection of a category that the file doesn't list (4): by the format, none" in done.notes[0]
    assert "a classification that the file doesn't list (8)" in done.notes[1]


@pytest.mark.parametrize(
    ("bbox", "conf"),
    [
        ([-0.004, 0.1, 0.5, 0.5], 0.9),
        ([0, 0, 1.002, 0.5], 0.9),
        ([0.5, 0.5, 0.5015, 0.3], 0.9),
        ([0.5, 0.5, 0, 0], 0.9),
        ([0.1, 0.1, 0.1, 0.1], 1.0000001),
        ([0.1, 0.1, 0.1, 0.1], 1),
        ([0.1, 0.1, 0.1, 0.1], -1e-9),
    ],
)
def test_what_stands_out_by_a_hair_is_cut(library: Library, bbox: list[float], conf: float) -> None:
    done = take(library, document(saw("Hayfield/1.jpg", {**BOX, "bbox": bbox, "conf": conf})))
    assert (done.boxes, done.problems) == (1, [])
    with library.database.read() as db:
        ((x, y, w, h, sure),) = db.execute("SELECT x, y, w, h, confidence FROM detections").fetchall()
    assert min(x, y) >= 0
    assert max(x + w, y + h) <= 1.000001
    assert 0 <= sure <= 1


DEER = "x;mammalia;cetartiodactyla;cervidae;odocoileus;virginianus;white-tailed deer"


def test_predictions_of_speciesnet_are_read(library: Library) -> None:
    two = [BOX, {**BOX, "category": "2", "conf": 0.4}]
    blank = {"prediction": "f;;;;;;blank", "failures": ["GEOLOCATION"]}
    predictions: list[dict[str, Any]] = [
        {"filepath": "Hayfield/1.jpg", "detections": two, "prediction": DEER, "prediction_score": 0.97},
        {"filepath": "Hayfield/2.jpg", "failures": ["DETECTOR"]},
        {"filepath": "TinMan/3.jpg", "detections": [BOX], **blank},
        {"filepath": "TinMan/4.jpg", "classifications": {"classes": [DEER], "scores": [0.9]}},
    ]
    for prediction in predictions:
        prediction |= {"filepath": f"/mnt/x/{prediction['filepath']}", "model_version": "4.0.1a"}
    done = take(library, {"predictions": predictions})
    assert (done.fresh, done.failed, done.of) == (3, 1, "predictions")
    assert boxes_of(library, done.run_id) == [
        ("1.jpg", "person", "person", "0.4"),
        ("1.jpg", "white-tailed deer", "deer", "0.9"),
        ("3.jpg", "animal", "animal", "0.9"),
    ]
    assert [(p.n, p.why) for p in done.problems] == [
        (3, "detections are missing: only a classifier has looked at it")
    ]
    with library.database.read() as db:
        found = db.execute("SELECT weights_name, error_message FROM runs, results WHERE status = 'failed'")
        assert found.fetchall() == [("SpeciesNet 4.0.1a", "SpeciesNet: DETECTOR")]


def test_a_dry_run_says_the_same_and_changes_nothing(library: Library) -> None:
    written = document(saw("Hayfield/1.jpg", BOX), saw("x.jpg", BOX))
    before = everything(library)
    dry = take(library, written, dry_run=True)
    assert everything(library) == before
    real = take(library, written)
    assert (dry.fresh, dry.boxes, dry.problems) == (real.fresh, real.boxes, real.problems)


def test_an_import_is_undone_as_a_whole_and_comes_in_again(library: Library) -> None:
    library.detect({"1.jpg": [("doe", 0.8)]})
    before = everything(library)
    written = document(saw("Hayfield/1.jpg", BOX), saw("Hayfield/2.jpg", BOX))
    done = take(library, written)
    undone = undo_import(library.database, None, "Ann")
    assert (undone.import_id, undone.run_id, undone.photos, undone.left) == (1, done.run_id, 2, 1)
    after = everything(library)
    assert len(after.pop("imports")) == 1
    before.pop("imports")
    assert after == before
    assert take(library, written).fresh == 2
    assert undo_import(library.database, 2, "Ann").photos == 2
    with pytest.raises(UsageError, match="no import to undo"):
        undo_import(library.database, None, "Ann")
    with library.database.read() as db:
        assert broken(db) == []


def test_a_run_deleted_by_hand_is_no_import_to_undo(library: Library) -> None:
    done = take(library, document(saw("Hayfield/1.jpg", BOX)))
    with library.database.write() as db:
        delete_run(db, done.run_id)
    assert library.detect({"1.jpg": []}) == done.run_id  # its number is free again
    with pytest.raises(UsageError, match="no import to undo"):
        undo_import(library.database, None, "Ann")


def test_a_file_in_utf_16_is_read(library: Library) -> None:
    """As Windows PowerShell writes what a program prints."""
    path = library.root.parent / "md.json"
    path.write_text(json.dumps(document(saw("Hayfield/1.jpg", BOX))), encoding="utf-16")
    assert import_megadetector(library.database, path, rules={}).fresh == 1


def test_a_file_in_another_encoding_is_refused(library: Library) -> None:
    path = library.root.parent / "md.json"
    path.write_bytes(b'{"info": "\xff\xfe"}')
    with pytest.raises(ImportFileError, match="not UTF-8 text"):
        import_megadetector(library.database, path, rules={})


def test_an_entry_longer_than_a_window_is_read(library: Library) -> None:
    long = {**saw("Hayfield/1.jpg", BOX), "exif_metadata": {"note": "x" * 3_000_000}}
    done = take(library, document(long, saw("Hayfield/2.jpg", BOX)))
    assert done.boxes == 2


NAMES = st.sampled_from(["doe", "young", "mid", "mature", "person", "llama", "quad"])
SIDES = st.tuples(*[st.integers(0, 500_000).map(lambda n: n / 1e6)] * 4).map(
    lambda b: (b[0], b[1], max(b[2], 1e-6), max(b[3], 1e-6))
)
CLASSES = (*WHITETAIL, ClassInfo(5, "llama", Kind.OTHER), ClassInfo(6, "quad", Kind.VEHICLE))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seen=st.lists(
        st.none()
        | st.just("failed")
        | st.lists(st.tuples(NAMES, st.integers(0, 1000).map(lambda n: n / 1000), SIDES), max_size=4),
        min_size=1,
        max_size=6,
    ).filter(lambda photos: any(photo is not None for photo in photos))
)
def test_what_goes_out_comes_back_the_same(seen: list[Any]) -> None:
    """Photos, boxes, classes, failures: the export of the imported run is the export it came from."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        photos = [Photo(f"{n}.jpg", "2024-11-03 06:10", size=(640, 480)) for n in range(len(seen))]
        library = make_library(home, photos)
        found = {f"{n}.jpg": boxes for n, boxes in enumerate(seen) if isinstance(boxes, list)}
        failed = [f"{n}.jpg" for n, boxes in enumerate(seen) if boxes == "failed"]
        library.detect(found, failed=failed, classes=CLASSES)
        export_megadetector(library.database, Selection(), home / "out.json", None)
        before = json.loads((home / "out.json").read_text())
        ours = stored(library)
        done = import_megadetector(library.database, home / "out.json", rules={})
        assert done.problems == []
        assert (done.fresh, done.failed) == (len(found) + len(failed), len(failed))
        with library.database.write() as db:  # as a user who makes the imported run the current one
            db.execute("UPDATE images SET run_id = ? WHERE run_id IS NOT NULL", [done.run_id])
        assert stored(library) == ours
        export_megadetector(library.database, Selection(), home / "again.json", None)
        after = json.loads((home / "again.json").read_text())
        for told in (before, after):
            names = told["classification_categories"]
            for image in told["images"]:  # ids and the order of equal confidences are free
                for box in image["detections"] or ():
                    box["classifications"] = [[names[i], p] for i, p in box["classifications"]]
                (image["detections"] or []).sort(key=json.dumps)
        assert after["images"] == before["images"]


def stored(library: Library) -> list[tuple[Any, ...]]:
    """Every box of the current runs, with what its class means."""
    with library.database.read() as db:
        return db.execute(
            "SELECT i.path, i.status, c.name, c.kind, c.age_class, d.confidence, d.x, d.y, d.w, d.h"
            " FROM images i LEFT JOIN detections d ON d.image_id = i.image_id AND d.run_id = i.run_id"
            " LEFT JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id ORDER BY ALL"
        ).fetchall()


@given(st.lists(st.sampled_from(["a", "B b", "..", ".", "ü"]), min_size=1, max_size=6), st.booleans())
def test_a_tidy_path_has_nothing_to_climb_by_and_stays_tidy(parts: list[str], windows: bool) -> None:
    found = tidy(("\\" if windows else "/").join(parts))
    assert not {"..", ".", ""} & set(found.split("/")) or found == ""
    assert tidy(found) == found
    assert tidy("Z:\\" + found) == found


def test_the_command_says_what_became_of_the_file(library: Library, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "md.json"
    path.write_text(json.dumps(document(saw("Hayfield/1.jpg", BOX), saw("Old/x\x1b[2J.jpg", BOX))))
    at = ("--db", library.database.path)
    done = cli("import", "megadetector", path, *at)
    assert done.returncode == 1
    assert done.stdout == "Import 1 made run 1 of 1 photo, 1 box; current for 1 photo.\n"
    assert f"images[1] Old/x\\x1b[2J.jpg: {NOT_FOUND}" in done.stderr
    assert "\x1b" not in done.stderr
    assert "nothing was changed" in cli("import", "megadetector", path, *at).stdout
    report = cli("report", "species", "--format", "csv", *at)
    assert "animal" in report.stdout
    dry = cli("import", "megadetector", path, "--least-classification", "0.5", "--dry-run", *at)
    assert dry.stdout == "Would make run 2 of 1 photo, 1 box; current for 0 photos. Nothing was changed.\n"
    undone = cli("import", "undo", "1", *at)
    assert undone.stdout == (
        "Import 1 (md.json) is undone: run 1 is deleted, with its results of 1 photo;"
        " 1 of them have no other.\n"
    )
    nothing = cli("import", "undo", *at)
    assert (nothing.returncode, "no import to undo" in nothing.stderr) == (2, True)
    path.write_text('{"images": [{}]}')
    refused = cli("import", "megadetector", path, *at)
    assert refused.returncode == 2
    assert "detection_categories is missing" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert cli("import", "megadetector", tmp_path / "none.json", *at).returncode == 2
