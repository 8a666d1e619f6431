"""Camtrap DP packages of others: people's observations count, machines' don't, no ZIP gets out."""

from __future__ import annotations

import csv
import gzip
import json
import re
import tempfile
import zipfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Cli
from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from tests.unit.test_import_labels import SIDES, classes, counted, n_judgements
from trailcam.domain import ClassInfo, Kind
from trailcam.errors import UsageError
from trailcam.export.camtrap_dp import PackageOptions, export_camtrap_dp
from trailcam.export.camtrap_tables import MEDIA, OBSERVATIONS
from trailcam.imports.camtrap_dp import UNKNOWN, import_camtrap_dp
from trailcam.imports.labels import CONFLICT, CONTRADICTION, UNLABELLED_BOX, Labelled, LabelOptions
from trailcam.imports.reading import ImportFileError
from trailcam.selection import Selection
from trailcam.settings.config import ProjectSettings, StationSettings
from trailcam.store.corrections import JudgedBox, Judgement, history, record

INFO = {info.name: info for info in (*WHITETAIL, ClassInfo(9, "doe", Kind.DOE))}
PHOTOS = tuple(
    Photo(f"{n}.jpg", f"2024-11-03 0{n}:10", station, size=(640, 480))
    for n, station in ((1, "Hayfield"), (2, "Hayfield"), (3, "TinMan"), (4, "TinMan"))
)
BOX = {"bboxX": "0.1", "bboxY": "0.1", "bboxWidth": "0.2", "bboxHeight": "0.2"}
DEER = {"scientificName": "Odocoileus virginianus"}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path, PHOTOS, {"1.jpg": [("young", 0.9)], "2.jpg": [("doe", 0.9)]})


def saw(media: str, kind: str = "animal", method: str = "human", **more: str) -> dict[str, str]:
    return {
        "observationID": "o",
        "mediaID": media,
        "observationLevel": "media",
        "observationType": kind,
        "classificationMethod": method,
        "classifiedBy": "Ann",
        "classificationTimestamp": "2025-01-02T03:04:05-06:00",
        **more,
    }


def package(folder: Path, seen: list[dict[str, str]], files: list[str] | None = None) -> Path:
    """A package by hand: the media 1, 2, ... are the photos of the library, or ``files``."""
    folder.mkdir(parents=True, exist_ok=True)
    names = files or [photo.image().key.path for photo in PHOTOS]
    media = [{"mediaID": str(n), "filePath": name} for n, name in enumerate(names, start=1)]
    for name, columns, lines in (("media", MEDIA, media), ("observations", OBSERVATIONS, seen)):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(lines)
    resources = [{"name": name, "path": f"{name}.csv"} for name in ("media", "observations")]
    (folder / "datapackage.json").write_text(json.dumps({"resources": resources}))
    return folder


def take(library: Library, path: Path, **options: Any) -> Labelled:  # noqa: ANN401
    given: dict[str, Any] = {"author": None, "rules": {}} | options
    return import_camtrap_dp(library.database, path, LabelOptions(**given))


def test_what_people_observed_counts_and_what_machines_did_does_not(library: Library, tmp_path: Path) -> None:
    seen = [
        saw("1", **BOX, **DEER, sex="male", lifeStage="adult", observationTags="ageClass:mature"),
        saw("2", "blank"),
        saw("3", method="machine", **BOX, **DEER, sex="female"),
        saw("4", **BOX, **DEER, sex="female"),
        saw("4", method="machine", **{**BOX, "bboxX": "0.6"}),
        {**saw("", **DEER), "observationLevel": "event", "eventID": "e"},
    ]
    done = take(library, package(tmp_path / "p", seen))
    assert (done.entries, done.recorded, done.unlabelled, done.authors) == (4, 3, 1, ["Ann"])
    assert done.problems == []
    assert "1 observation of people on events left out" in done.notes[0]
    assert classes(library) == {"1.jpg": ["mature"], "2.jpg": [], "3.jpg": [], "4.jpg": ["doe"]}
    with library.database.read() as db:
        (whole,) = history(db, library.ids["1.jpg"])
        (part,) = history(db, library.ids["4.jpg"])
    assert (whole["whole"], part["whole"]) == (True, False)
    assert whole["made_at"] == datetime(2025, 1, 2, 9, 4, 5)
    again = take(library, tmp_path / "p" / "datapackage.json")
    assert (again.recorded, again.known, n_judgements(library)) == (0, 3, 3)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({**DEER, "lifeStage": "juvenile"}, "fawn"),
        ({**DEER, "sex": "male", "lifeStage": "subadult"}, "young"),
        ({**DEER, "sex": "male"}, "buck"),
        (DEER, "deer"),
        ({"scientificName": "Canis latrans"}, "Canis latrans"),
        ({}, "animal"),
        ({"observationType": "human"}, "person"),
        ({"observationType": "vehicle"}, "vehicle"),
        ({**DEER, "observationTags": "night | class:Mid | ageClass:mid"}, "mid"),
    ],
)
def test_the_standards_words_have_a_class(
    library: Library, tmp_path: Path, words: dict[str, str], expected: str
) -> None:
    take(library, package(tmp_path / "p", [saw("3", **BOX) | words]))
    assert classes(library)["3.jpg"] == [expected]


def test_what_has_no_place_or_no_class_is_named(library: Library, tmp_path: Path) -> None:
    done = take(library, package(tmp_path / "p", [saw("1", **DEER), saw("2", "unknown", **BOX)]))
    assert [(problem.n, problem.why) for problem in done.problems] == [(0, UNLABELLED_BOX), (1, UNKNOWN)]
    assert done.recorded == 0


def test_a_word_from_here_stays(library: Library, tmp_path: Path) -> None:
    blank = Judgement(library.ids["1.jpg"], (), True, datetime(2026, 1, 2))
    with library.database.write() as db:
        record(db, [blank], author="Bob", source="correct")
    target = package(tmp_path / "p", [saw("1", **BOX, **DEER)])
    assert [problem.why for problem in take(library, target).problems] == [CONFLICT]
    assert classes(library)["1.jpg"] == []
    assert take(library, target, overwrite=True).recorded == 1


def test_encoded_and_odd_paths(library: Library, tmp_path: Path) -> None:
    files = ["%2E/Hayfield/1.jpg", "Hayfield\\2.jpg", "TinMan/3%2Ejpg", "elsewhere/4.jpg"]
    seen = [saw(str(n), "blank") for n in (1, 2, 3, 4)]
    done = take(library, package(tmp_path / "p", seen, files))
    assert done.recorded == 3 - 1  # the first is another path than ours: "./" was encoded by nobody we know
    assert [problem.n for problem in done.problems] == [0, 3]


def zipped(target: Path, members: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return target


def test_a_zip_is_read_where_it_lies(library: Library, tmp_path: Path) -> None:
    folder = package(tmp_path / "p", [saw("2", "blank")])
    inside = {f"deer/{file.name}": file.read_text() for file in folder.iterdir()}
    before = sorted(tmp_path.rglob("*"))
    target = zipped(tmp_path / "p.zip", {**inside, "../../evil.txt": "x", "/evil.txt": "x"})
    assert take(library, target).recorded == 1
    assert sorted(set(tmp_path.rglob("*")) - set(before)) == [target]


@pytest.mark.parametrize("path", ["../media.csv", "/etc/passwd", "a/../../x", "C:\\x.csv", "http://x/y.csv"])
def test_a_resource_outside_the_package_is_refused(library: Library, tmp_path: Path, path: str) -> None:
    folder = package(tmp_path / "p", [saw("1", "blank")])
    text = json.dumps({"resources": [{"name": "media", "path": path}]})
    (folder / "datapackage.json").write_text(text)
    archive = zipped(tmp_path / "p.zip", {"datapackage.json": text, path: "mediaID,filePath\n"})
    for target in (folder, archive):
        with pytest.raises(ImportFileError, match=r"resources\[0\]\.path leads out of the package"):
            take(library, target)


def test_a_link_out_of_the_package_is_refused(library: Library, tmp_path: Path) -> None:
    folder = package(tmp_path / "p", [saw("1", "blank")])
    (folder / "media.csv").rename(tmp_path / "secret.csv")
    (folder / "media.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(ImportFileError, match=r"media\.csv is a link that leads out"):
        take(library, folder)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"observationType": "beast"}, r"observations\.csv line 2 has an observationType"),
        ({"observationType": ""}, r"observations\.csv line 2 has an observationType"),
        ({"bboxX": "left"}, r"line 2 bbox must be four numbers"),
        ({"bboxX": ""}, r"line 2 bbox must be four numbers"),
        ({"bboxX": "0.95"}, r"line 2 bbox lies outside of its photo"),
        ({"bboxX": "1e999"}, r"line 2 bbox\[0\] must be a number"),
        ({"bboxX": "nan"}, r"line 2 bbox must be four numbers"),
        ({"bboxWidth": "0"}, r"line 2 bbox has no extent"),
        ({"observationType": "blank"}, r"line 2 says blank, but has a box"),
        ({"bboxX": "", "bboxY": "", "bboxWidth": "", "bboxHeight": ""}, UNLABELLED_BOX),
    ],
)
def test_a_bad_row_costs_its_photo_and_no_other(
    library: Library, tmp_path: Path, change: dict[str, str], why: str
) -> None:
    seen = [{**saw("1", **BOX, **DEER, sex="female"), **change}, saw("2", "blank"), saw("3", "blank")]
    done = take(library, package(tmp_path / "p", seen))
    assert [problem.n for problem in done.problems] == [0]
    assert re.search(why, done.problems[0].why)
    assert done.recorded == 2
    assert classes(library)["1.jpg"] == ["young"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"mediaID": "77"}, "its mediaID is not among the media"),
        ({"observationTags": "x" * 200_000}, "is not CSV: field larger"),
        ({"observationTags": "x" * 2_000_000}, "is too long"),
    ],
)
def test_a_row_of_no_photo_is_named_by_its_line(
    library: Library, tmp_path: Path, change: dict[str, str], why: str
) -> None:
    seen = [{**saw("1", **BOX), **change}, saw("2", "blank")]
    done = take(library, package(tmp_path / "p", seen))
    assert done.recorded == 1
    assert [problem.place for problem in done.problems] == ["observations.csv line 2"]
    assert why in done.problems[0].why


def test_rows_of_other_cells_than_the_header_are_named(library: Library, tmp_path: Path) -> None:
    folder = package(tmp_path / "p", [saw("2", "blank")])
    with (folder / "observations.csv").open("a", encoding="utf-8") as file:
        file.write('a,b\n\n"x"y,\n')
    done = take(library, folder)
    assert done.recorded == 1
    assert [problem.place for problem in done.problems] == [
        "observations.csv line 3",
        "observations.csv line 5",
    ]
    with (folder / "observations.csv").open("a", encoding="utf-8") as file:
        file.write('"never closed,\n')
    with pytest.raises(ImportFileError, match="unexpected end of data"):  # what follows would be lost
        take(library, folder)


@pytest.mark.parametrize("time", ["soon", "2024-13-01", "0000", "9999-12-31T23:59:59-12:00"])
def test_a_time_that_can_not_be_read_costs_the_time_alone(
    library: Library, tmp_path: Path, time: str
) -> None:
    done = take(library, package(tmp_path / "p", [saw("2", "blank", classificationTimestamp=time)]))
    assert (done.recorded, done.problems) == (1, [])
    assert "1 observation with a time that can't be read" in done.notes[0]


@pytest.mark.parametrize("time", ["2023-12-01 10:00:00", "2023-12-01T11:00:00.123+0100", "2023-12-01T10:00Z"])
def test_forms_of_times(library: Library, tmp_path: Path, time: str) -> None:
    take(library, package(tmp_path / "p", [saw("2", "blank", classificationTimestamp=time)]))
    with library.database.read() as db:
        (judgement,) = history(db, library.ids["2.jpg"])
    assert judgement["made_at"].replace(microsecond=0) == datetime(2023, 12, 1, 10)


def test_who_says_blank_and_who_does_not_contradict_each_other(library: Library, tmp_path: Path) -> None:
    done = take(library, package(tmp_path / "p", [saw("1", "blank"), saw("1", **BOX, **DEER)]))
    assert (done.recorded, done.problems[0].why) == (0, CONTRADICTION)


def rewrite(folder: Path, encoding: str = "utf-8", delimiter: str = ",") -> None:
    for name in ("media", "observations"):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            table = list(csv.reader(file))
        with (folder / f"{name}.csv").open("w", encoding=encoding, newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows(table)


def describe(
    folder: Path, more: dict[str, Any], ending: str = ".csv", name: str = "datapackage.json"
) -> None:
    (folder / "datapackage.json").unlink()
    resources = [{"name": n, "path": f"{n}{ending}", **more} for n in ("media", "observations")]
    (folder / name).write_text(json.dumps({"resources": resources}))


@pytest.mark.parametrize(
    "variant",
    [
        "gz",
        "semicolon",
        "cp1252",
        "bom",
        "metadata",
        "inline",
        "inline lists",
        "na",
        "case",
        "no level",
        "wrong",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_variants_of_packages(library: Library, tmp_path: Path, variant: str, packed: bool) -> None:
    seen = [
        saw("1", **BOX, **DEER, sex="female", classifiedBy="Jörg"),
        saw("2", "blank", classifiedBy="Jörg"),
    ]
    folder = package(tmp_path / "p", seen)
    match variant:
        case "gz":
            for name in ("media", "observations"):
                text = (folder / f"{name}.csv").read_bytes()
                (folder / f"{name}.csv.gz").write_bytes(gzip.compress(text))
                (folder / f"{name}.csv").unlink()
            describe(folder, {}, ".csv.gz")
        case "semicolon":
            rewrite(folder, delimiter=";")
            describe(folder, {"dialect": {"delimiter": ";"}})
        case "cp1252":
            rewrite(folder, encoding="cp1252")
            describe(folder, {"encoding": "windows-1252"})
        case "bom":
            rewrite(folder, encoding="utf-8-sig")
        case "wrong":  # bytes of another encoding than it says: a name suffers, not the package
            rewrite(folder, encoding="cp1252")
        case "metadata":
            describe(folder, {}, name="metadata.json")
        case "inline" | "inline lists":
            resources = []
            for name in ("media", "observations"):
                with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
                    table: list[Any] = list(csv.reader(file))
                if variant == "inline":
                    table = [dict(zip(table[0], row, strict=True)) for row in table[1:]]
                resources.append({"name": name, "data": table})
                (folder / f"{name}.csv").unlink()
            (folder / "datapackage.json").write_text(json.dumps({"resources": resources}))
        case "na":
            for row in seen:
                for column in OBSERVATIONS:
                    row[column] = row.get(column) or "NA"
            package(folder, seen)
        case "case":
            package(folder, [row | {"classificationMethod": "Human"} for row in seen])
        case "old":  # before 1.0
            package(folder, [row | {"observationLevel": ""} for row in seen])
    inside = {f"deer/{file.name}": file.read_bytes() for file in folder.iterdir()}
    done = take(library, zipped(tmp_path / "p.zip", inside) if packed else folder)
    assert (done.recorded, done.problems) == (2, [])
    assert done.authors == ["J�rg" if variant == "wrong" else "Jörg"]
    assert classes(library) == {"1.jpg": ["doe"], "2.jpg": [], "3.jpg": [], "4.jpg": []}


@pytest.mark.parametrize(
    "more",
    [
        {"encoding": "base64"},
        {"encoding": "rot13"},
        {"encoding": "no-such"},
        {"encoding": 7},
        {"dialect": {"delimiter": "\n"}},
        {"dialect": {"delimiter": ""}},
        {"dialect": {"quoteChar": 3}},
        {"dialect": "excel"},
    ],
    ids=str,
)
def test_descriptions_that_no_table_can_have(library: Library, tmp_path: Path, more: dict[str, Any]) -> None:
    folder = package(tmp_path / "p", [saw("1", "blank")])
    describe(folder, more)
    with pytest.raises(ImportFileError) as caught:
        take(library, folder)
    assert "Nothing was changed" in caught.value.hint


def test_an_address_that_is_none(library: Library, tmp_path: Path) -> None:
    files = ["http://[x/1.jpg", PHOTOS[1].image().key.path]
    done = take(library, package(tmp_path / "p", [saw("1", "blank"), saw("2", "blank")], files))
    assert (done.recorded, [problem.n for problem in done.problems]) == (1, [0])


def media(folder: Path, rows: list[dict[str, str]]) -> Path:
    package(folder, [saw("1", "blank"), saw("3", "blank")])
    with (folder / "media.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, MEDIA)
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.mark.parametrize(
    ("first", "third"),
    [
        (("Hayfield/", "1.jpg"), ("TinMan/", "3.jpg")),
        (("Hayfield", "1.jpg"), ("TinMan", "3.jpg")),
        (("https://x.org/a/Hayfield/1.jpg", "1.jpg"), ("https://x.org/a/TinMan/3.jpg", "3.jpg")),
        (("https://x.org/a/Hayfield/1%2Ejpg", ""), ("https://x.org/a/TinMan/3.jpg?x=1", "")),
        (("https://x.org/assets/0b1c/file", "1.jpg"), ("https://x.org/assets/77fa/file", "3.jpg")),
        (("", "1.jpg"), ("", "3.jpg")),
    ],
)
def test_where_media_lie(
    library: Library, tmp_path: Path, first: tuple[str, str], third: tuple[str, str]
) -> None:
    """A path, a folder, a URL, or a number in somebody's store: name and time find the photo anyway."""
    rows = [
        {"mediaID": n, "filePath": path, "fileName": name, "timestamp": f"2024-11-03T0{n}:10:00-06:00"}
        for n, (path, name) in (("1", first), ("3", third))
    ]
    done = take(library, media(tmp_path / "p", rows))
    assert (done.recorded, done.problems) == (2, [])
    assert classes(library)["1.jpg"] == []


def test_a_bare_name_at_another_time_is_another_photo(library: Library, tmp_path: Path) -> None:
    library.add([Photo("1.jpg", "2024-12-24 01:10", "Sanctuary")])
    rows = [
        {"mediaID": "1", "filePath": "", "fileName": "1.jpg", "timestamp": "2024-12-24T01:10:01-06:00"},
        {"mediaID": "3", "filePath": "", "fileName": "3.jpg", "timestamp": "2020-01-01T00:00:00-06:00"},
    ]
    done = take(library, media(tmp_path / "p", rows))
    assert (done.recorded, [problem.n for problem in done.problems]) == (1, [1])
    with library.database.read() as db:
        found = db.execute("SELECT path FROM images JOIN judgements USING (image_id)").fetchall()
    assert found == [("Sanctuary/1.jpg",)]


def times_of(library: Library) -> list[tuple[object, ...]]:
    with library.database.read() as db:
        return db.execute("SELECT path, captured_at, captured_at_source FROM images ORDER BY path").fetchall()


@pytest.mark.parametrize(
    ("timestamp", "named"),
    [
        ("2024-11-03T01:10:00-06:00", False),
        ("2024-11-03T07:10:00Z", False),  # the time of another zone
        ("2024-11-04T04:00:00Z", True),
        ("2015-01-01T00:00:00-06:00", True),
        ("0001-01-01T00:00:00Z", True),
        ("9999-12-31T23:59:59-12:00", True),
        ("soon", False),
        ("", False),
    ],
)
def test_a_time_that_contradicts_the_photos_own_is_named_and_changes_none(
    library: Library, tmp_path: Path, timestamp: str, named: bool
) -> None:
    before = times_of(library)
    rows = [
        {"mediaID": "1", "filePath": "Hayfield/1.jpg", "timestamp": timestamp},
        {"mediaID": "3", "filePath": "TinMan/3.jpg", "timestamp": "2024-11-03T03:10:00-06:00"},
    ]
    done = take(library, media(tmp_path / "p", rows))
    assert (done.recorded, done.problems) == (2, [])
    notes = [note for note in done.notes if "26 hours" in note]
    assert len(notes) == named
    if named:
        assert "1 photo of the file has a time more than 26 hours from the library's" in notes[0]
        assert "Hayfield/1.jpg" in notes[0]
        assert "2024-11-03 01:10:00 here" in notes[0]
    assert times_of(library) == before


def test_a_time_that_fits_another_reading_of_the_photo_contradicts_nothing(
    library: Library, tmp_path: Path
) -> None:
    """A clock that was corrected here: the package still has what the file says."""
    with library.database.write() as db:
        db.execute(
            "UPDATE images SET captured_at = TIMESTAMP '2025-11-03 01:10', captured_at_source = 'correction'"
        )
    row = {"mediaID": "1", "filePath": "Hayfield/1.jpg", "timestamp": "2024-11-03T01:10:00-06:00"}
    done = take(library, media(tmp_path / "p", [row]))
    assert done.recorded == 1
    assert not [note for note in done.notes if "26 hours" in note]


def test_bad_and_repeated_media(library: Library, tmp_path: Path) -> None:
    rows = [
        {"mediaID": "1", "filePath": "Hayfield/1.jpg"},
        {"mediaID": "1", "filePath": "Hayfield/1.jpg"},  # the same once more
        {"mediaID": "", "filePath": "Hayfield/2.jpg"},
        {"mediaID": "9", "filePath": ""},
        {"mediaID": "3", "filePath": "TinMan/3.jpg"},
        {"mediaID": "3", "filePath": "TinMan/4.jpg"},
    ]
    done = take(library, media(tmp_path / "p", rows))
    assert done.recorded == 1
    assert {problem.n: problem.why for problem in done.problems} == {
        2: "has no mediaID",
        3: "has no filePath",
        4: "has the mediaID of another row",
        5: "has the mediaID of another row",
    }


def test_what_is_no_package_is_refused(library: Library, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 no archive")
    (tmp_path / "empty").mkdir()
    folder = package(tmp_path / "p", [])
    cut = zipped(tmp_path / "cut.zip", {f.name: f.read_text() for f in folder.iterdir()})
    cut.write_bytes(cut.read_bytes().replace(b"PK\x03\x04", b"PK\x09\x09"))
    (folder / "media.csv").write_text("id\n1\n")
    for target, what in (
        (tmp_path / "x.zip", "neither a folder nor a ZIP"),
        (tmp_path / "empty", r"datapackage\.json is missing"),
        (tmp_path / "none", "it isn't there"),
        (cut, "can't be read from the archive"),
        (folder, r"media\.csv has no column mediaID"),
    ):
        with pytest.raises(ImportFileError, match=what):
            take(library, target)
    with pytest.raises(UsageError, match="None of the 1 media"):
        take(library, package(tmp_path / "q", [], ["9.jpg"]))


def export(library: Library, target: Path) -> None:
    project = ProjectSettings("Deer", ("Ann",), "targeted", ("activityDetection",))
    places = {"Hayfield": StationSettings(30.1, -98.5)}
    options = PackageOptions(None, timedelta(minutes=30), 7, project, places, "America/Chicago")
    export_camtrap_dp(library.database, Selection(), target, options)


SEEN = st.lists(
    st.none() | st.lists(st.tuples(st.sampled_from(sorted(INFO)), SIDES), max_size=3),
    min_size=2,
    max_size=5,
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seen=SEEN)
def test_what_people_said_goes_out_and_comes_back_the_same(seen: list[Any]) -> None:
    """Corrections, exported and imported into a library that only the model saw, count there as here."""
    with tempfile.TemporaryDirectory() as folder:
        photos = [Photo(f"{n}.jpg", f"2024-11-0{n + 1} 06:10", size=(640, 480)) for n in range(len(seen))]
        libraries = []
        for name in ("here", "there"):
            (Path(folder) / name).mkdir()
            libraries.append(make_library(Path(folder) / name, photos))
            libraries[-1].detect({photo.name: [("young", 0.9)] for photo in photos})
        here, there = libraries
        said = [
            Judgement(
                here.ids[f"{n}.jpg"],
                tuple(JudgedBox(INFO[name], *box) for name, box in boxes),
                True,
                datetime(2026, 1, 2),
            )
            for n, boxes in enumerate(seen)
            if boxes is not None
        ]
        with here.database.write() as db:
            record(db, said, author="Ann", source="correct")
        export(here, Path(folder) / "out")
        done = take(there, Path(folder) / "out")
        assert (done.recorded, done.problems) == (len(said), [])
        assert done.authors == (["Ann"] if said else [])
        assert counted(there) == counted(here)


def test_the_command(library: Library, cli: Cli, tmp_path: Path) -> None:
    at = ("--db", library.database.path)
    target = package(tmp_path / "p", [saw("2", "blank", classifiedBy="")])
    done = cli("import", "camtrap-dp", target, "--author", "Bob", *at)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Import 1 recorded the labels of 1 photo by Bob; 3 not labelled.\n"
    assert cli("import", "camtrap-dp", tmp_path / "none.zip", *at).returncode == 2
