"""csv, parquet and megadetector hold what the database holds, and no photo is lost."""

from __future__ import annotations

import csv
import json
import tempfile
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from tests.helpers.validators import run_validator
from trailcam.domain import ClassInfo, Kind
from trailcam.errors import UsageError
from trailcam.export.megadetector import export_megadetector
from trailcam.export.summary import Summary
from trailcam.export.table import export_table
from trailcam.selection import Selection
from trailcam.settings.config import ReportSettings
from trailcam.store.paths import to_db
from trailcam.sun.sky import moon_name, moon_phase, night_midnight

ALL = Selection()
PHOTOS = (
    Photo("1.jpg", "2024-11-03 06:10", size=(640, 480)),
    Photo("2.jpg", "2024-11-03 06:12", size=(640, 480)),
    Photo("3.jpg", None, "Tin Man, 'quoted'\n"),
    Photo("4.jpg", "2025-02-01 12:00", "Sanctuary"),
    Photo("5.jpg", "2025-02-01 12:01", "Sanctuary", error_code="truncated"),
    Photo("6.jpg", "2025-02-01 12:02", "Sanctuary"),
)
SEEN = {
    "1.jpg": [("mature", 0.9), ("doe", 0.2)],
    "2.jpg": [("person", 1.0)],
    "3.jpg": [("young", 0.7)],
    "4.jpg": [],
}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path, PHOTOS, SEEN)


def md(library: Library, target: Path, confidence: float | None = None) -> tuple[dict[str, Any], Summary]:
    summary = export_megadetector(library.database, ALL, target, confidence)
    return json.loads(target.read_text("utf-8")), summary


def test_every_dated_photo_has_the_moon_of_its_night(tmp_path: Path) -> None:
    """The night from noon to noon, in the almanac; new moon was on 1 November 2024, full on the 15th."""
    photos = [
        Photo("noon.jpg", "2024-11-01 11:59"),
        Photo("full.jpg", "2024-11-15 23:30"),
        Photo("undated.jpg", None),
        Photo("first.jpg", "0001-01-01 00:00"),
        Photo("last.jpg", "9999-12-31 23:59"),
    ]
    library = make_library(tmp_path, photos, {})
    target = tmp_path / "out.csv"
    export_table(library.database, ALL, target, "csv", ReportSettings())
    with target.open(encoding="utf-8", newline="") as file:
        found = {row["path"].rpartition("/")[2]: row for row in csv.DictReader(file)}
    assert (found["noon.jpg"]["moon"], found["full.jpg"]["moon"]) == ("new", "full")
    assert found["undated.jpg"]["moon"] == ""
    for name in ("first.jpg", "last.jpg"):
        at = datetime.fromisoformat(found[name]["captured_at"])
        assert found[name]["moon"] == moon_name(moon_phase(night_midnight(at)))


def test_csv_has_a_row_a_box_and_one_for_a_photo_without(library: Library, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    summary = export_table(library.database, ALL, target, "csv", ReportSettings())
    with target.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert (summary.photos, summary.boxes) == (6, 3)
    assert [(row["path"].rpartition("/")[2], row["status"], row["class"]) for row in found] == [
        ("1.jpg", "completed", "mature"),
        ("2.jpg", "completed", "person"),
        ("4.jpg", "completed", ""),
        ("5.jpg", "failed", ""),
        ("6.jpg", "pending", ""),
        ("3.jpg", "completed", "young"),
    ]
    assert found[5]["station"] == "Tin Man, 'quoted'\n"
    assert found[5]["confidence"] == "0.7"  # not 0.699999988
    assert found[0]["captured_at"] == "2024-11-03 06:10:00"


def test_rows_name_their_visit_and_what_it_says(library: Library, tmp_path: Path) -> None:
    library.add([Photo("7.jpg", "2024-11-03 06:15")])
    library.detect({"7.jpg": [("mid", 0.6)]})
    target = tmp_path / "out.csv"

    def visits(settings: ReportSettings) -> list[tuple[str, ...]]:
        export_table(library.database, ALL, target, "csv", settings)
        with target.open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        names = ("class", "event_class", "event_kind", "event_age_class")
        by_path = {row["path"].rpartition("/")[2]: row for row in found}
        assert by_path["1.jpg"]["event"] == by_path["7.jpg"]["event"] != by_path["3.jpg"]["event"]
        assert by_path["4.jpg"]["event"] == ""
        return [tuple(by_path[path][name] for name in names) for path in ("1.jpg", "7.jpg")]

    by_visit = visits(ReportSettings())
    assert by_visit == [("mature", "mature", "buck", "mature"), ("mid", "mature", "buck", "mature")]
    assert visits(ReportSettings(per="photo"))[1] == ("mid", "mid", "buck", "mid")


def test_parquet_has_the_same_rows_with_types(library: Library, tmp_path: Path) -> None:
    export_table(library.database, ALL, tmp_path / "out.parquet", "parquet", ReportSettings(confidence=0.1))
    with duckdb.connect() as db:
        found = db.execute(
            "SELECT class, typeof(captured_at), width FROM read_parquet(?) WHERE path LIKE '%/1.jpg'",
            [str(tmp_path / "out.parquet")],
        ).fetchall()
    assert found == [("mature", "TIMESTAMP", 640), ("doe", "TIMESTAMP", 640)]


def test_a_quote_in_the_targets_path_is_no_sql(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "it's; DROP TABLE images"
    folder.mkdir()
    export_table(library.database, ALL, folder / "o.csv", "csv", ReportSettings())
    assert [p.name for p in folder.iterdir()] == ["o.csv"]


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    station = '=HYPERLINK("http://x","y")'
    library = make_library(tmp_path, [Photo("1.jpg", station=station), Photo("2.jpg", station="+1")])
    library.detect(
        {"1.jpg": [("@SUM(1)", 0.9)], "2.jpg": []},
        classes=[ClassInfo(0, "@SUM(1)", Kind.ANIMAL, species="-2+3")],
        weights="\t=1",
    )
    export_table(library.database, ALL, tmp_path / "o.csv", "csv", ReportSettings())
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert second["station"] == f"'{station}"
    assert second["path"] == f"'{station}/1.jpg"
    assert (second["class"], second["species"], second["weights"]) == ("'@SUM(1)", "'-2+3", "'\t=1")
    assert (first["station"], first["confidence"], first["class"]) == ("'+1", "", "")
    export_table(library.database, ALL, tmp_path / "o.parquet", "parquet", ReportSettings())
    with duckdb.connect() as db:
        sql = "SELECT DISTINCT station FROM read_parquet(?) ORDER BY 1"
        found = db.execute(sql, [str(tmp_path / "o.parquet")]).fetchall()
    assert found == [("+1",), (station,)]  # nothing runs a formula there: the text is as it is


def test_selectors_hold(library: Library, tmp_path: Path) -> None:
    summary = export_table(
        library.database, Selection(months=(11,)), tmp_path / "o.csv", "csv", ReportSettings()
    )
    assert (summary.photos, summary.boxes, summary.undated_left_out) == (2, 2, 1)


def test_megadetector_says_blank_failed_and_nothing_of_pending(library: Library, tmp_path: Path) -> None:
    written, summary = md(library, tmp_path / "md.json")
    images = {image["file"].rpartition("/")[2]: image for image in written["images"]}
    assert set(images) == {"1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"}  # 6.jpg was never looked at
    assert images["4.jpg"]["detections"] == []
    assert "failure" not in images["4.jpg"]
    assert images["5.jpg"]["detections"] is None
    assert images["5.jpg"]["failure"] == "truncated: cannot be read"
    assert (summary.photos, summary.boxes, summary.blanks, summary.failed) == (5, 4, 1, 1)
    assert summary.not_looked_at == 1


def test_megadetector_kinds_and_classes(library: Library, tmp_path: Path) -> None:
    written, _ = md(library, tmp_path / "md.json")
    by_name = {image["file"].rpartition("/")[2]: image for image in written["images"]}
    names = written["classification_categories"]
    found = [
        (d["category"], names[d["classifications"][0][0]], d["conf"]) for d in by_name["1.jpg"]["detections"]
    ]
    assert found == [("1", "mature", 0.9), ("1", "doe", 0.2)]
    person = by_name["2.jpg"]["detections"][0]
    assert person["category"] == "2"
    assert isinstance(person["conf"], float)
    assert '"conf": 1.0' in (tmp_path / "md.json").read_text()
    assert by_name["1.jpg"]["datetime"] == "2024-11-03 06:10:00"
    assert written["info"]["format_version"] == "1.6"


def test_a_vehicle_is_a_vehicle_under_any_name(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("1.jpg")])
    library.detect({"1.jpg": [("UTV", 0.9)]}, classes=[ClassInfo(0, "UTV", Kind.VEHICLE)])
    written, _ = md(library, tmp_path / "md.json")
    assert written["images"][0]["detections"][0]["category"] == "3"


def test_a_name_that_is_not_utf8_comes_back_as_it_was(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("caf\udce9.jpg")])
    library.ids = {"x": 1}
    library.detect({"x": []})
    written, _ = md(library, tmp_path / "md.json")
    assert written["images"][0]["file"] == "Hayfield/caf\udce9.jpg"
    assert to_db("caf\udce9") != "caf\udce9"


def test_an_empty_database_gives_an_empty_valid_file(tmp_path: Path) -> None:
    written, summary = md(make_library(tmp_path), tmp_path / "md.json")
    assert written["images"] == []
    assert summary.photos == 0


def test_exports_change_no_byte_of_the_database(library: Library, tmp_path: Path) -> None:
    before = library.database.path.read_bytes()
    md(library, tmp_path / "md.json")
    export_table(library.database, ALL, tmp_path / "o.parquet", "parquet", ReportSettings())
    assert library.database.path.read_bytes() == before


def test_an_unknown_station_writes_nothing(library: Library, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        export_megadetector(library.database, Selection(stations=("Nowhere",)), tmp_path / "md.json", None)
    assert not (tmp_path / "md.json").exists()


def test_megadetectors_own_validator_finds_no_error(library: Library, tmp_path: Path) -> None:
    md(library, tmp_path / "md.json")
    code = (
        "import json, sys\n"
        "from megadetector.postprocessing.validate_batch_results import validate_batch_results\n"
        "found = validate_batch_results(sys.argv[1])['validation_results']\n"
        "print()\nprint(json.dumps({'errors': found['errors'], 'warnings': found['warnings']}))\n"
    )
    found = run_validator("megadetector", code, tmp_path / "md.json")
    assert found == {"errors": [], "warnings": []}


_CLASSES = st.sampled_from([info.name for info in WHITETAIL])
_CONFIDENCE = st.floats(0, 1, width=32, allow_subnormal=False)
_FOUND = st.lists(st.lists(st.tuples(_CLASSES, _CONFIDENCE), max_size=4), min_size=1, max_size=6)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(found=_FOUND, confidence=st.floats(0, 1, width=32))
def test_round_trips_keep_every_number(found: list[list[tuple[str, float]]], confidence: float) -> None:
    """What the files say, counted, is what SQL counts at the same confidence."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = [Photo(f"{n}.jpg", f"2024-11-03 06:{n:02}") for n in range(len(found))]
        seen = {photo.name: boxes for photo, boxes in zip(photos, found, strict=True)}
        library = make_library(folder, photos, seen)
        with library.database.read() as db:
            rows = db.execute(
                "SELECT i.path, c.name, d.confidence FROM detections d JOIN images i USING (image_id)"
                " JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id"
                " WHERE d.confidence >= ?::REAL",
                [confidence],
            ).fetchall()
        want = Counter((str(p), str(c), float(v)) for p, c, v in rows)
        export_table(library.database, ALL, folder / "o.csv", "csv", ReportSettings(confidence=confidence))
        with (folder / "o.csv").open(encoding="utf-8", newline="") as file:
            flat = Counter(
                (r["path"], r["class"], as_real(r["confidence"])) for r in csv.DictReader(file) if r["class"]
            )
        written, summary = md(library, folder / "md.json", confidence)
        names = written["classification_categories"]
        nested = Counter(
            (image["file"], names[d["classifications"][0][0]], as_real(d["conf"]))
            for image in written["images"]
            for d in image["detections"]
        )
        assert flat == want
        assert nested == want
        assert summary.boxes == want.total()
        assert len(written["images"]) == len(photos)


def as_real(text: str | float) -> float:
    """A decimal as the database's single precision."""
    import numpy as np

    return float(np.float32(text))
