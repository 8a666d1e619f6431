"""Camtrap DP packages of others: people's observations count, machines' don't, no ZIP gets out."""

from __future__ import annotations

import csv
import json
import tempfile
import zipfile
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
from trailcam.imports.labels import CONFLICT, UNLABELLED_BOX, Labelled
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
    given: dict[str, Any] = {"author": None, "fallback_author": "me", "rules": {}} | options
    return import_camtrap_dp(library.database, path, **given)


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


def zipped(target: Path, members: dict[str, str]) -> Path:
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
    ("change", "what"),
    [
        ({"observationType": "beast"}, r"observations\.csv line 3 has an observationType"),
        ({"bboxX": "left"}, r"observations\.csv line 3 bbox must be four numbers"),
        ({"bboxX": "0.9"}, r"observations\.csv line 3 bbox isn't a place on the photo"),
        ({"mediaID": "77"}, r"observations\.csv line 3 has a mediaID that media\.csv doesn't know"),
        ({"classificationTimestamp": "soon"}, r"line 3 classificationTimestamp is no time"),
        ({"observationTags": "x" * 200_000}, r"observations\.csv line \d is no CSV"),
        ({"observationTags": "x" * 2_000_000}, r"observations\.csv line 3 is too long"),
    ],
)
def test_a_malformed_row_is_refused_with_its_line(
    library: Library, tmp_path: Path, change: dict[str, str], what: str
) -> None:
    target = package(tmp_path / "p", [saw("1", "blank"), {**saw("2", **BOX, **DEER), **change}])
    with pytest.raises(ImportFileError, match=what):
        take(library, target)
    assert n_judgements(library) == 0


def test_what_is_no_package_is_refused(library: Library, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 no archive")
    (tmp_path / "empty").mkdir()
    folder = package(tmp_path / "p", [])
    cut = zipped(tmp_path / "cut.zip", {f.name: f.read_text() for f in folder.iterdir()})
    cut.write_bytes(cut.read_bytes().replace(b"PK\x03\x04", b"PK\x09\x09"))
    (folder / "media.csv").write_text("mediaID\n1\n")
    for target, what in (
        (tmp_path / "x.zip", "neither a folder nor a ZIP"),
        (tmp_path / "empty", r"datapackage\.json is missing"),
        (tmp_path / "none", "it isn't there"),
        (cut, "can't be read from the archive"),
        (folder, r"media\.csv has no column filePath"),
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
