"""Names of bucks leave in every format that can hold them, and come back from it."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.helpers.library import Library, Photo, beside, make_library
from trailcam.domain import TimeSource
from trailcam.errors import UsageError
from trailcam.export.camtrap_dp import PackageOptions, export_camtrap_dp
from trailcam.export.coco import export_coco
from trailcam.export.megadetector import export_megadetector
from trailcam.export.table import export_table
from trailcam.export.xmp import export_xmp
from trailcam.imports.buck_names import NamesTaken, import_names
from trailcam.selection import Selection
from trailcam.settings.config import ProjectSettings, ReportSettings, StationSettings
from trailcam.store.import_batches import undo_import
from trailcam.store.name_photo import name_photo, names_on
from trailcam.store.names import history

ALL = Selection()
GAP = timedelta(minutes=30)
NAMES = {"a.jpg": {1: "=Split Brow", 2: "Old Joe, 5½"}, "b.jpg": {1: "Wide"}}
PHOTOS = [
    Photo("a.jpg", "2024-11-03 06:10", size=(640, 480), offset_min=-360, source=TimeSource.GPS),
    Photo("b.jpg", "2024-11-04 06:10", "TinMan", size=(640, 480), offset_min=-360, source=TimeSource.GPS),
    Photo("c.jpg", "2024-11-05 06:10", "TinMan", size=(640, 480), offset_min=-360, source=TimeSource.GPS),
]
SEEN = {"a.jpg": [("mature", 0.9), ("mid", 0.8)], "b.jpg": [("mature", 0.9)], "c.jpg": [("mature", 0.9)]}


def named(folder: Path) -> Library:
    library = make_library(folder, PHOTOS, SEEN)
    for photo, own in NAMES.items():
        for box, name in own.items():
            with library.database.write() as db:
                name_photo(db, library.ids[photo], name, box=box, seen=None, author="Ann")
    return library


def names(library: Library) -> dict[str, dict[int, str | None]]:
    with library.database.read() as db:
        found = {photo: names_on(db, image_id) for photo, image_id in library.ids.items()}
    return {photo: own for photo, own in found.items() if own}


def write_csv(library: Library, folder: Path) -> Path:
    export_table(library.database, ALL, folder / "out.csv", "csv", ReportSettings())
    return folder / "out.csv"


def write_parquet(library: Library, folder: Path) -> Path:
    export_table(library.database, ALL, folder / "out.parquet", "parquet", ReportSettings())
    return folder / "out.parquet"


def write_md(library: Library, folder: Path) -> Path:
    export_megadetector(library.database, ALL, folder / "md.json", None)
    return folder / "md.json"


def write_coco(library: Library, folder: Path) -> Path:
    export_coco(library.database, ALL, folder / "coco.json", None, GAP)
    return folder / "coco.json"


def write_camtrap(library: Library, folder: Path) -> Path:
    project = ProjectSettings("Ranch", ("Ann <ann@example.org>",), "targeted", ("activityDetection",))
    stations = {name: StationSettings(30.5, -97.5, "America/Chicago") for name in ("Hayfield", "TinMan")}
    options = PackageOptions(None, GAP, 30, project, stations, None)
    export_camtrap_dp(library.database, ALL, folder / "package", options)
    return folder / "package"


def write_xmp(library: Library, folder: Path) -> Path:
    export_xmp(library.database, ALL, folder / "sidecars", None, full_names=False)
    return folder / "sidecars"


WRITERS = [write_csv, write_parquet, write_md, write_coco, write_camtrap, write_xmp]


def take(library: Library, path: Path, **options: Any) -> NamesTaken:  # noqa: ANN401
    return import_names(library.database, path, author="Bob", **options)


@pytest.fixture
def fresh(tmp_path: Path) -> Library:
    """The same photos in another database, without a name."""
    (tmp_path / "other").mkdir()
    return make_library(tmp_path / "other", PHOTOS, SEEN)


@pytest.mark.parametrize("write", WRITERS)
def test_names_come_back_as_they_left(write: Any, tmp_path: Path, fresh: Library) -> None:  # noqa: ANN401
    (tmp_path / "first").mkdir()
    path = write(named(tmp_path / "first"), tmp_path)
    done = take(fresh, path)
    assert done.problems == []
    assert (done.entries, done.recorded) == (3, 3)
    assert names(fresh) == NAMES
    assert take(fresh, path).recorded == 0  # a second time nothing changes
    with fresh.database.read() as db:
        assert [act.author for act in history(db)] == ["Bob"]
    undo_import(fresh.database, done.import_id, "Cy")
    assert names(fresh) == {}
    assert take(fresh, path, dry_run=True).recorded == 3
    assert names(fresh) == {}
    assert take(fresh, path).recorded == 3


@pytest.mark.parametrize("write", WRITERS)
def test_a_library_without_names_exports_none(write: Any, tmp_path: Path, fresh: Library) -> None:  # noqa: ANN401
    with pytest.raises(UsageError, match="holds no name"):
        take(fresh, write(fresh, tmp_path))


def test_where_the_formats_hold_a_name(tmp_path: Path) -> None:
    library = named(tmp_path)
    with write_csv(library, tmp_path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert "individual" in rows[0]
    assert [row["individual"] for row in rows] == ["'=Split Brow", "Old Joe, 5½", "Wide", ""]
    path = str(write_parquet(library, tmp_path))
    found = duckdb.execute("SELECT individual FROM read_parquet(?)", [path]).fetchall()
    assert found == [("=Split Brow",), ("Old Joe, 5½",), ("Wide",), (None,)]
    document = json.loads(write_md(library, tmp_path).read_text("utf-8"))
    assert [d.get("individual") for i in document["images"] for d in i["detections"]] == [
        "=Split Brow",
        "Old Joe, 5½",
        "Wide",
        None,
    ]
    document = json.loads(write_coco(library, tmp_path).read_text("utf-8"))
    assert [a.get("individual") for a in document["annotations"]].count("Wide") == 1
    package = write_camtrap(library, tmp_path)
    assert (
        json.loads((package / "datapackage.json").read_text("utf-8"))["project"]["individualAnimals"] is True
    )
    with (package / "observations.csv").open(encoding="utf-8", newline="") as file:
        seen = [row["individualID"] for row in csv.DictReader(file) if row["observationLevel"] == "media"]
    assert sorted(seen) == ["", "=Split Brow", "Old Joe, 5½", "Wide"]
    sidecar = (write_xmp(library, tmp_path) / "TinMan" / "b.xmp").read_text("utf-8")
    assert "<rdf:li>trailcam|individual|Wide</rdf:li>" in sidecar
    assert "<mwg-rs:Name>Wide</mwg-rs:Name>" in sidecar
    assert "<mwg-rs:Description>mature, 0.90</mwg-rs:Description>" in sidecar


def test_a_keyword_without_a_region_names_the_only_buck(tmp_path: Path) -> None:
    library = make_library(tmp_path, PHOTOS, SEEN)
    folder = tmp_path / "sidecars"
    for photo in ("Hayfield/a", "TinMan/b", "TinMan/c"):
        file = folder / f"{photo}.xmp"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            '<r:Description xmlns:lr="http://ns.adobe.com/lightroom/1.0/"><lr:hierarchicalSubject><r:Bag>'
            "<r:li>trailcam|individual|Wide</r:li><r:li>other|Wide</r:li>"
            "</r:Bag></lr:hierarchicalSubject></r:Description></r:RDF></x:xmpmeta>",
            encoding="utf-8",
        )
    (folder / "TinMan" / "c.xmp").write_text("<no xml", encoding="utf-8")
    done = take(library, folder)
    assert names(library) == {"b.jpg": {1: "Wide"}}
    assert sorted(problem.why.partition(":")[0] for problem in done.problems) == [
        "can't be read",
        "it shows 2 bucks, and the name lies on no box",
    ]


def test_a_sidecar_of_a_turned_photo_names_the_right_buck(tmp_path: Path, fresh: Library) -> None:
    (tmp_path / "first").mkdir()
    library = named(tmp_path / "first")
    for orientation in range(1, 9):
        for one in (library, fresh):
            with one.database.write() as db:
                db.execute("UPDATE images SET orientation = ?", [orientation])
        shutil.rmtree(tmp_path / "sidecars", ignore_errors=True)
        done = take(fresh, write_xmp(library, tmp_path))
        assert names(fresh) == NAMES, orientation
        undo_import(fresh.database, done.import_id, "Cy")


def test_a_name_given_here_stays_unless_overwritten(tmp_path: Path, fresh: Library) -> None:
    (tmp_path / "first").mkdir()
    path = write_md(named(tmp_path / "first"), tmp_path)
    with fresh.database.write() as db:
        name_photo(db, fresh.ids["b.jpg"], "Narrow", box=1, seen=None, author="Cy")
    done = take(fresh, path)
    assert [problem.why for problem in done.problems] == ["somebody has named it since: Narrow"]
    assert names(fresh)["b.jpg"] == {1: "Narrow"}
    assert take(fresh, path, overwrite=True).recorded == 1
    assert names(fresh)["b.jpg"] == {1: "Wide"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", "path,individual\na.jpg,Wide\n", "no column x, y, w, h"),
        ("x.csv", "path,x,y,w,h,individual\na.jpg,1,b,3,4,Wide\n", "has no box"),
        ("x.parquet", "no parquet", "can't be imported"),
        ("x.json", "[]", "can't be imported"),
        (
            "x.json",
            '{"images": [{"file": "a.jpg", "detections": [{"individual": "A", "bbox": [2]}]}]}',
            "bbox",
        ),
        ("x.txt", "", "is no file that names are read from"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, fresh: Library, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        take(fresh, tmp_path / name)
    assert names(fresh) == {}


def test_a_bad_name_is_left_out(tmp_path: Path, fresh: Library) -> None:
    box = list(beside(0, 1))
    entries = [{"individual": "unnamed", "bbox": box}, {"individual": "Wide", "bbox": box}]
    images = [
        {"file": "TinMan/b.jpg", "detections": entries[:1]},
        {"file": "TinMan/c.jpg", "detections": entries[1:]},
    ]
    (tmp_path / "x.json").write_text(json.dumps({"images": images}), encoding="utf-8")
    done = take(fresh, tmp_path / "x.json")
    assert [problem.why for problem in done.problems] == ['No buck can be called "unnamed".']
    assert names(fresh) == {"c.jpg": {1: "Wide"}}
