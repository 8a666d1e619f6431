"""A correction overrides the model in every report, page and export, after a rerun too.

The model sees one doe on each of sixty photos, a day apart. A person says that every second of them shows a
mature buck, called by a name that no model has, and that the first shows nothing.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from tests.conftest import TinyJpeg
from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from trailcam.cli.app import app
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.store.corrections import JudgedBox, Judgement, record

BUCK = ClassInfo(0, "old mossy", Kind.BUCK, AgeClass.MATURE)
CLASSES = (*WHITETAIL, ClassInfo(5, "fawn", Kind.FAWN))
PLACE = (0.25, 0.25, 0.25, 0.25)
START = datetime(2024, 10, 1, 6)
N = 60
BUCKS, DOES = 30, 29


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, tiny_jpeg: TinyJpeg) -> Library:
    photos = [Photo(f"{n}.jpg", START + timedelta(days=n)) for n in range(N)]
    library = make_library(tmp_path_factory.mktemp("everywhere"), photos)
    (library.root / "Hayfield").mkdir()
    for photo in photos:
        (library.root / "Hayfield" / photo.name).write_bytes(tiny_jpeg())
    seen: dict[str, Any] = {photo.name: [("doe", 0.9, PLACE)] for photo in photos}
    library.detect(seen, classes=CLASSES)
    judged = [
        Judgement(library.ids[f"{n}.jpg"], (JudgedBox(BUCK, *PLACE),), n % 4 == 1, START)
        for n in range(1, N, 2)
    ]
    judged.append(Judgement(library.ids["0.jpg"], (), True, START))
    with library.database.write() as db:
        record(db, judged, author="Ann", source="correct")
    library.detect(seen, weights="newer.pt", classes=CLASSES)
    return library


def run(library: Library, *args: str) -> str:
    done = CliRunner().invoke(app, [*args, "--db", str(library.database.path), "--quiet"])
    assert done.exit_code == 0, done.output
    return done.stdout


def rows(library: Library, *args: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(run(library, "report", *args, "--format", "csv"))))


def test_report_bucks(library: Library) -> None:
    mature = next(row for row in rows(library, "bucks", "--by", "age") if row["age"] == "mature")
    assert (mature["photos"], mature["events"]) == (str(BUCKS), str(BUCKS))
    assert mature["mean_confidence"] == "", "what a person says is no confidence"


def test_report_species(library: Library) -> None:
    found = {row["class"]: row["photos"] for row in rows(library, "species", "--by", "station")}
    assert found == {"doe": str(DOES), "old mossy": str(BUCKS)}


def test_report_stations(library: Library) -> None:
    (row,) = rows(library, "stations")
    assert row["events"] == str(BUCKS + DOES)


def test_report_activity(library: Library) -> None:
    found = rows(library, "activity", "--class", "old mossy", "--by", "station")
    assert sum(int(row["events"] or 0) for row in found) == BUCKS


def test_report_herd(library: Library) -> None:
    (row,) = rows(library, "herd")
    assert (row["buck_events"], row["doe_events"]) == (str(BUCKS), str(DOES))


def test_report_digest(library: Library) -> None:
    told = json.loads(
        run(
            library,
            "report",
            "digest",
            "--dry-run",
            "--class",
            "mature",
            "--class",
            "doe",
            "--format",
            "json",
        )
    )
    assert Counter(row["class"] for row in told["rows"]) == {"mature": BUCKS, "doe": DOES}


def test_gallery(library: Library, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    run(library, "gallery", "-o", str(page), "--no-cache")
    block = page.read_text(encoding="utf-8").partition('id="data">')[2].partition("</script>")[0]
    data = json.loads(block)
    labels = [kind["label"] for kind in data["classes"]]
    found = Counter(labels[box[0]] for photo in data["photos"] for box in photo[-1])
    assert found == {"mature buck": BUCKS, "doe": DOES}
    assert f"{BUCKS + 1} photos rest on corrections by people." in data["notes"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables(library: Library, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"boxes.{kind}"
    run(library, "export", kind, "-o", str(file))
    found = (
        duckdb.connect().execute(f"SELECT class, by_person, count(*) FROM '{file}' GROUP BY ALL").fetchall()
    )
    assert set(found) == {("doe", False, DOES), ("old mossy", True, BUCKS), (None, True, 1)}


def test_megadetector(library: Library, tmp_path: Path) -> None:
    file = tmp_path / "md.json"
    run(library, "export", "megadetector", "-o", str(file))
    document = json.loads(file.read_text())
    names = document["classification_categories"]
    found = Counter(
        names[box["classifications"][0][0]] for image in document["images"] for box in image["detections"]
    )
    assert found == {"doe": DOES, "old mossy": BUCKS}


def test_coco(library: Library, tmp_path: Path) -> None:
    file = tmp_path / "coco.json"
    run(library, "export", "coco", "-o", str(file))
    document = json.loads(file.read_text())
    names = {category["id"]: category["name"] for category in document["categories"]}
    found = Counter(names[note["category_id"]] for note in document["annotations"])
    assert found == {"doe": DOES, "old mossy": BUCKS, "empty": 1}


def test_yolo(library: Library, tmp_path: Path) -> None:
    run(library, "export", "yolo", "-o", str(tmp_path / "set"))
    names = yaml.safe_load((tmp_path / "set" / "data.yaml").read_text())["names"]
    labels = [
        line
        for file in (tmp_path / "set" / "labels").rglob("*.txt")
        for line in file.read_text().splitlines()
    ]
    assert Counter(names[int(line.split()[0])] for line in labels) == {"doe": DOES, "old mossy": BUCKS}


def test_crops(library: Library, tmp_path: Path) -> None:
    run(library, "export", "crops", "-o", str(tmp_path / "crops"))
    assert len(list((tmp_path / "crops" / "mature").glob("*.jpg"))) == BUCKS
    assert not (tmp_path / "crops" / "doe").exists()


def test_review_asks_only_where_nobody_judged_the_whole_photo(library: Library, tmp_path: Path) -> None:
    page = tmp_path / "review.html"
    run(library, "review", "-o", str(page), "--no-cache")
    block = page.read_text(encoding="utf-8").partition('id="data">')[2].partition("</script>")[0]
    photos = json.loads(block)["photos"]
    whole = {library.ids[f"{n}.jpg"] for n in (0, *range(1, N, 4))}
    assert {photo["id"] for photo in photos} == set(library.ids.values()) - whole
