"""A Camtrap DP package: what counts is in it, what nobody knows is asked for, and the schemas fit."""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conftest import Cli
from tests.helpers.camtrap_schemas import FIELDS, schema
from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from tests.helpers.validators import run_validator
from trailcam.domain import AgeClass, CaptureTime, ClassInfo, FileKey, Image, Kind, TimeSource
from trailcam.errors import UsageError
from trailcam.export.camtrap_dp import PackageOptions, export_camtrap_dp
from trailcam.export.camtrap_tables import DEPLOYMENTS, MEDIA, OBSERVATIONS, file_path, meaning_of
from trailcam.export.summary import Summary
from trailcam.selection import Selection
from trailcam.settings.config import ProjectSettings, StationSettings
from trailcam.store.corrections import JudgedBox, Judgement, record, undo
from trailcam.store.counted import count_boxes
from trailcam.store.images import save_images
from trailcam.store.select import select
from trailcam.store.visits import Level, join_visits

GAP = timedelta(minutes=30)
PROJECT = ProjectSettings(
    "Deer", ("Ann Example <ann@example.org>", "Bob"), "targeted", ("activityDetection",)
)
STATIONS = {
    "hayfield": StationSettings(30.1, -98.5),
    "TinMan": StationSettings(30.2, -98.6, "America/Denver"),
}
PHOTOS = (
    Photo("1.jpg", "2024-11-03 06:10", size=(640, 480)),
    Photo("2.jpg", "2024-11-03 06:12"),
    Photo("3.jpg", "2024-11-04 06:12"),
    Photo("4.jpg", None),
    Photo("5.jpg", "2024-07-05 01:00", "TinMan"),
    Photo("6.jpg", "2024-07-05 01:01", "TinMan", error_code="truncated"),
    Photo("7.jpg", "2010-01-01 00:00", "TinMan", suspect="clock_reset"),
    Photo("8.jpg", "2024-07-06 01:01", "TinMan"),
)
SEEN = {
    "1.jpg": [("mature", 0.9), ("doe", 0.8), ("doe", 0.7)],
    "2.jpg": [("mature", 0.7)],
    "3.jpg": [],
    "5.jpg": [("person", 0.8)],
    "7.jpg": [("mature", 0.8)],
}
_VALIDATE = """
import json, sys
from frictionless import Package
folder = sys.argv[1]
package = json.load(open(folder + "/datapackage.json", encoding="utf-8"))
schemas = json.loads(sys.argv[2])
for resource in package["resources"]:
    resource["schema"] = schemas[resource["name"]]
del package["profile"]
report = Package.from_descriptor(package, basepath=folder).validate()
rows = {task.name: task.stats["rows"] for task in report.tasks}
print()
print(json.dumps([report.flatten(["type", "message"]), rows]))
"""


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path, PHOTOS, SEEN)


def export(
    library: Library,
    target: Path,
    *,
    project: ProjectSettings = PROJECT,
    stations: dict[str, StationSettings] | None = None,
    timezone: str | None = "America/Chicago",
    selection: Selection | None = None,
) -> Summary:
    places = STATIONS if stations is None else stations
    options = PackageOptions(None, GAP, 7, project, places, timezone)
    return export_camtrap_dp(library.database, selection or Selection(), target, options)


def table(target: Path, name: str) -> list[dict[str, str]]:
    with (target / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def of_photo(target: Path, name: str) -> list[dict[str, str]]:
    """The observations of the level media on one photo."""
    (media,) = [row for row in table(target, "media") if row["fileName"] == name]
    return [row for row in table(target, "observations") if row["mediaID"] == media["mediaID"]]


def validate(target: Path) -> Any:  # noqa: ANN401 - JSON
    schemas = json.dumps({name: schema(name) for name in FIELDS})
    return run_validator("frictionless", _VALIDATE, target, schemas)


def test_the_columns_are_the_standards() -> None:
    columns = {"deployments": DEPLOYMENTS, "media": MEDIA, "observations": OBSERVATIONS}
    assert {name: tuple(fields) for name, fields in FIELDS.items()} == columns


def test_frictionless_finds_no_error(library: Library, tmp_path: Path) -> None:
    export(library, tmp_path / "p")
    errors, rows = validate(tmp_path / "p")
    assert errors == []
    assert rows == {"deployments": 2, "media": 6, "observations": 8 + 3}


def test_the_validator_would_see_an_error(library: Library, tmp_path: Path) -> None:
    export(library, tmp_path / "p")
    path = tmp_path / "p" / "observations.csv"
    path.write_text(path.read_text().replace("-06:00", "").replace(",blank,", ",empty,"))
    errors, _ = validate(tmp_path / "p")
    assert {"type-error", "constraint-error"} <= {kind for kind, _ in errors}


def test_the_package_describes_itself(library: Library, tmp_path: Path) -> None:
    export(library, tmp_path / "p")
    package = json.loads((tmp_path / "p" / "datapackage.json").read_text())
    assert package["profile"].endswith("/1.0.2/camtrap-dp-profile.json")
    assert [r["schema"].rpartition("/1.0.2/")[2] for r in package["resources"]] == [
        f"{name}-table-schema.json" for name in ("deployments", "media", "observations")
    ]
    assert package["contributors"] == [
        {"title": "Ann Example", "email": "ann@example.org"},
        {"title": "Bob"},
    ]
    assert package["project"] == {
        "title": "Deer",
        "samplingDesign": "targeted",
        "captureMethod": ["activityDetection"],
        "individualAnimals": False,
        "observationLevel": ["media", "event"],
    }
    assert package["temporal"] == {"start": "2024-07-05", "end": "2024-11-04"}
    assert package["taxonomic"] == [{"scientificName": "Homo sapiens"}]
    ring = package["spatial"]["coordinates"][0]
    assert ring[0] == ring[-1] == [-98.6, 30.1]
    assert len(ring) == 5


def test_times_have_the_offset_of_their_station(library: Library, tmp_path: Path) -> None:
    export(library, tmp_path / "p")
    found = {row["deploymentID"]: row for row in table(tmp_path / "p", "deployments")}
    assert found["Hayfield 2024-11-03"]["deploymentStart"] == "2024-11-03T06:10:00-06:00"
    assert found["Hayfield 2024-11-03"]["deploymentEnd"] == "2024-11-04T06:12:00-06:00"
    assert found["TinMan 2024-07-05"]["deploymentStart"] == "2024-07-05T01:00:00-06:00"  # Denver, in summer
    assert (found["TinMan 2024-07-05"]["latitude"], found["TinMan 2024-07-05"]["longitude"]) == (
        "30.2",
        "-98.6",
    )


def test_the_offset_that_a_file_states_overrides_the_zone(tmp_path: Path) -> None:
    library = make_library(tmp_path)
    times = [(datetime(2024, 7, 1, 6), -360), (datetime(2024, 7, 1, 6, 10), None)]
    images = [
        Image(FileKey(f"Hayfield/{n}.jpg", 9, 1), "Hayfield", CaptureTime(at, TimeSource.EXIF, None, offset))
        for n, (at, offset) in enumerate(times)
    ]
    with library.database.write() as db:
        save_images(db, library.root_id, images, {})
    export(library, tmp_path / "p")
    assert [row["timestamp"] for row in table(tmp_path / "p", "media")] == [
        "2024-07-01T06:00:00-06:00",
        "2024-07-01T06:10:00-05:00",
    ]
    (deployment,) = table(tmp_path / "p", "deployments")
    # 06:10 by Chicago's summer time comes before 06:00 by the offset of the first: the bounds hold both.
    assert deployment["deploymentStart"] == "2024-07-01T06:10:00-05:00"
    assert deployment["deploymentEnd"] == "2024-07-01T06:00:00-06:00"


def test_an_offset_hours_from_the_zone_counts_for_nothing(tmp_path: Path) -> None:
    photos = [
        Photo("1.jpg", "2024-07-01 06:00", offset_min=0),
        Photo("2.jpg", "2024-07-02 06:00", offset_min=0, source=TimeSource.FILENAME),
    ]
    library = make_library(tmp_path, photos, {"1.jpg": [("doe", 0.9)], "2.jpg": [("doe", 0.9)]})
    export(library, tmp_path / "p")
    expected = ["2024-07-01T06:00:00-05:00", "2024-07-02T06:00:00+00:00"]
    assert [row["timestamp"] for row in table(tmp_path / "p", "media")] == expected
    events = [row for row in table(tmp_path / "p", "observations") if row["observationLevel"] == "event"]
    assert [row["eventStart"] for row in events] == expected


def test_an_event_across_the_end_of_summer_time_ends_after_it_starts(tmp_path: Path) -> None:
    shots = (("1.jpg", "01:50", -300), ("2.jpg", "01:10", -360), ("3.jpg", "06:40", -360))
    photos = [Photo(name, f"2023-11-05 {at}", offset_min=offset) for name, at, offset in shots]
    library = make_library(tmp_path, photos, {photo.name: [("doe", 0.9)] for photo in photos})
    export(library, tmp_path / "p")
    events = [row for row in table(tmp_path / "p", "observations") if row["observationLevel"] == "event"]
    assert [(row["eventStart"], row["eventEnd"]) for row in events] == [
        ("2023-11-05T01:50:00-05:00", "2023-11-05T01:10:00-06:00"),
        ("2023-11-05T06:40:00-06:00", "2023-11-05T06:40:00-06:00"),
    ]


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (WHITETAIL[0], ("animal", "", "adult", "female", "class:doe")),
        (WHITETAIL[1], ("animal", "", "subadult", "male", "class:young | ageClass:young")),
        (WHITETAIL[2], ("animal", "", "adult", "male", "class:mid | ageClass:mid")),
        (WHITETAIL[3], ("animal", "", "adult", "male", "class:mature | ageClass:mature")),
        (ClassInfo(0, "buck", Kind.BUCK, AgeClass.UNKNOWN), ("animal", "", "", "male", "class:buck")),
        (
            ClassInfo(0, "fawn", Kind.FAWN, species="Odocoileus virginianus"),
            ("animal", "Odocoileus virginianus", "juvenile", "", "class:fawn"),
        ),
        (ClassInfo(0, "deer", Kind.DEER), ("animal", "", "", "", "class:deer")),
        (
            ClassInfo(0, "cow", Kind.ANIMAL, species="Bos taurus"),
            ("animal", "Bos taurus", "", "", "class:cow"),
        ),
        (ClassInfo(0, "UTV", Kind.VEHICLE), ("vehicle", "", "", "", "class:UTV")),
        (WHITETAIL[4], ("human", "Homo sapiens", "", "", "class:person")),
        (ClassInfo(0, "a|b", Kind.OTHER), ("unknown", "", "", "", "class:a/b")),
    ],
)
def test_classes_in_the_standards_words(info: ClassInfo, expected: tuple[str, ...]) -> None:
    assert meaning_of(info) == expected


def test_what_a_model_saw(library: Library, tmp_path: Path) -> None:
    export(library, tmp_path / "p")
    buck, *does = of_photo(tmp_path / "p", "1.jpg")
    assert (buck["sex"], buck["lifeStage"], buck["classificationProbability"]) == ("male", "adult", "0.9")
    assert (buck["classificationMethod"], buck["classifiedBy"]) == ("machine", "whitetail.pt")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", buck["classificationTimestamp"])
    assert [buck[f"bbox{side}"] for side in ("X", "Y", "Width", "Height")] == ["0.25"] * 4
    assert [row["sex"] for row in does] == ["female", "female"]
    (blank,) = of_photo(tmp_path / "p", "3.jpg")
    assert (blank["observationType"], blank["classificationMethod"]) == ("blank", "machine")
    (person,) = of_photo(tmp_path / "p", "5.jpg")
    assert (person["observationType"], person["scientificName"]) == ("human", "Homo sapiens")


def test_how_a_photo_came_about_is_what_the_camera_says(library: Library, tmp_path: Path) -> None:
    with library.database.write() as db:
        db.execute("UPDATE images SET trigger_mode = 'time_lapse' WHERE image_id % 2 = 0")
        db.execute("UPDATE images SET trigger_mode = 'motion' WHERE image_id % 3 = 0")
    export(library, tmp_path / "p")
    methods = {row["fileName"]: row["captureMethod"] for row in table(tmp_path / "p", "media")}
    words = {True: "activityDetection", False: "timeLapse"}
    assert methods == {
        name: words[n % 3 == 0] if n % 3 == 0 or n % 2 == 0 else ""
        for name, n in library.ids.items()
        if name in methods
    }
    assert len(set(methods.values())) == 3
    errors, _ = validate(tmp_path / "p")
    assert errors == []


def test_never_looked_at_is_not_blank(library: Library, tmp_path: Path) -> None:
    summary = export(library, tmp_path / "p")
    (pending,) = of_photo(tmp_path / "p", "8.jpg")
    (failed,) = of_photo(tmp_path / "p", "6.jpg")
    assert pending["observationType"] == failed["observationType"] == "unclassified"
    assert pending["classificationMethod"] == failed["classificationMethod"] == ""
    assert failed["observationComments"] == "truncated: cannot be read"
    assert any(note.startswith("2 photos without a result") for note in summary.notes)
    assert (summary.photos, summary.blanks, summary.failed, summary.not_looked_at) == (6, 1, 1, 1)


def test_events_are_those_of_reports(library: Library, tmp_path: Path) -> None:
    export(library, tmp_path / "p")
    events = [row for row in table(tmp_path / "p", "observations") if row["observationLevel"] == "event"]
    found = [(row["observationTags"].split(" | ")[0], row["count"], row["eventEnd"][11:16]) for row in events]
    assert sorted(found) == [
        ("class:doe", "2", "06:10"),
        ("class:mature", "1", "06:12"),
        ("class:person", "1", "01:00"),
    ]
    media = [row for row in table(tmp_path / "p", "observations") if row["mediaID"]]
    members = Counter(row["eventID"] for row in media if row["eventID"])
    # The does and the buck came in one visit: two does on a photo, and the buck on two.
    assert members == {row["eventID"]: 1 if row["observationType"] == "human" else 4 for row in events}
    assert len({row["observationID"] for row in events}) == 3


def test_a_correction_has_author_and_time(library: Library, tmp_path: Path) -> None:
    made = datetime(2025, 1, 2, 3, 4, 5)
    doe = JudgedBox(WHITETAIL[0], 0.1, 0.2, 0.3, 0.4)
    with library.database.write() as db:
        record(db, [Judgement(library.ids["1.jpg"], (doe,), True, made)], author="Ann", source="test")
        record(
            db,
            [
                Judgement(library.ids["2.jpg"], (), True, made),
                Judgement(library.ids["8.jpg"], (), True, made),
                Judgement(library.ids["3.jpg"], (), True, made),
            ],
            author="Bob\x1b",
            source="test",
        )
        undo(db, library.ids["3.jpg"], "Bob")
    export(library, tmp_path / "p")
    (row,) = of_photo(tmp_path / "p", "1.jpg")
    assert (row["classificationMethod"], row["classifiedBy"]) == ("human", "Ann")
    assert row["classificationTimestamp"] == "2025-01-02T03:04:05+00:00"
    assert row["classificationProbability"] == ""
    for name in ("2.jpg", "8.jpg"):
        (blank,) = of_photo(tmp_path / "p", name)
        assert (blank["observationType"], blank["classificationMethod"]) == ("blank", "human")
        assert blank["classifiedBy"] == "Bob\\x1b"
    (undone,) = of_photo(tmp_path / "p", "3.jpg")
    assert undone["classificationMethod"] == "machine"
    events = [row for row in table(tmp_path / "p", "observations") if row["observationLevel"] == "event"]
    human = {row["observationTags"]: row["classifiedBy"] for row in events if row["classifiedBy"] == "Ann"}
    assert human == {"class:doe": "Ann"}
    assert "mature" not in (tmp_path / "p" / "observations.csv").read_text()
    assert validate(tmp_path / "p")[0] == []


def test_photos_in_no_deployment_are_counted_by_reason(library: Library, tmp_path: Path) -> None:
    """A copy is no photo: it is left out without a word."""
    with library.database.write() as db:
        db.execute(
            "UPDATE images SET duplicate_of = ? WHERE image_id = ?",
            [library.ids["1.jpg"], library.ids["2.jpg"]],
        )
    summary = export(library, tmp_path / "p")
    assert summary.notes[0] == (
        "In no deployment, and so left out: 1 photo without a capture time, "
        "1 photo with a capture time in doubt."
    )
    names = {row["fileName"] for row in table(tmp_path / "p", "media")}
    assert names == {"1.jpg", "3.jpg", "5.jpg", "6.jpg", "8.jpg"}


def test_all_that_is_missing_is_asked_for_at_once(library: Library, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        export(library, tmp_path / "p", project=ProjectSettings(), stations={}, timezone=None)
    text = caught.value.message + caught.value.hint
    for part in (
        *("coordinates of 2 stations: Hayfield, TinMan", "time zone of 2 stations", "[stations.TinMan]"),
        *("timezone =", "title =", "contributors =", "sampling_design =", "capture_method ="),
        *("--title", "--sampling-design"),
    ):
        assert part in text, part
    assert not (tmp_path / "p").exists()


def test_only_what_is_missing_is_asked_for(library: Library, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        export(library, tmp_path / "p", stations={"Hayfield": STATIONS["hayfield"]})
    text = caught.value.message + caught.value.hint
    assert "coordinates of 1 station: TinMan" in text
    for part in ("Hayfield", "time zone", "title", "contributors"):
        assert part not in text, part


def test_a_station_outside_the_selection_needs_no_place(library: Library, tmp_path: Path) -> None:
    stations = {"Hayfield": STATIONS["hayfield"]}
    export(library, tmp_path / "p", stations=stations, selection=Selection(stations=("hayfield",)))
    package = json.loads((tmp_path / "p" / "datapackage.json").read_text())
    assert package["spatial"] == {"type": "Point", "coordinates": [-98.5, 30.1]}


def test_without_a_deployment_there_is_no_package(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("1.jpg")], {"1.jpg": []})
    with pytest.raises(UsageError, match="deployment"):
        export(library, tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_anothers_package_is_left_alone_and_ones_own_is_replaced(library: Library, tmp_path: Path) -> None:
    export(library, tmp_path / "p")
    library.detect({"8.jpg": [("doe", 0.9)]})
    export(library, tmp_path / "p")
    assert of_photo(tmp_path / "p", "8.jpg")[0]["sex"] == "female"
    for name, content in (("datapackage.json", '{"title": "mine"}'), ("media.csv", "mine")):
        foreign = tmp_path / f"foreign-{name}"
        foreign.mkdir()
        (foreign / name).write_text(content)
        with pytest.raises(UsageError) as caught:
            export(library, foreign)
        assert "left as it is" in caught.value.hint
        assert [path.name for path in foreign.iterdir()] == [name]
        assert (foreign / name).read_text() == content


@given(st.text(st.characters(), min_size=1).filter(lambda text: "\0" not in text))
@example("../a")
@example(".hidden/x.jpg")
@example("~/x")
@example("/etc/passwd")
@example("a..b.jpg")
@example("a\nb")
@example("\udcff.jpg")
@example("...")
def test_every_path_becomes_one_that_the_schema_takes(path: str) -> None:
    if any("\ud800" <= char < "\udc80" or "\udd00" <= char <= "\udfff" for char in path):
        return  # no file has such a name
    written, encoded = file_path(path)
    assert re.fullmatch(r"(?=^[^./~])(^((?!\.{2}).)*$).*", written)
    assert written.encode("utf-8")
    assert encoded or written == path


CLASSES = [info.name for info in WHITETAIL]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Hayfield", "TinMan"]),
            st.integers(0, 60 * 24 * 20),
            st.none()
            | st.lists(st.tuples(st.sampled_from(CLASSES), st.floats(0.125, 1, width=16)), max_size=3),
        ),
        min_size=1,
        max_size=12,
    )
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_package_has_the_numbers_of_the_reports(
    photos: list[tuple[str, int, list[tuple[str, float]] | None]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        start = datetime(2024, 9, 1)
        made = [Photo(f"{n}.jpg", start + timedelta(minutes=m), s) for n, (s, m, _) in enumerate(photos)]
        library = make_library(Path(folder), made)
        library.detect({f"{n}.jpg": boxes for n, (_, _, boxes) in enumerate(photos) if boxes is not None})
        target = Path(folder, "p")
        export(library, target)
        with library.database.read() as db:
            join_visits(count_boxes(select(db, Selection()), None), GAP, Level.CLASS)
            events = db.execute(
                "SELECT what, count(*) FROM sightings WHERE begins GROUP BY ALL ORDER BY ALL"
            ).fetchall()
            boxes = db.execute("SELECT class, count(*) FROM counted GROUP BY ALL ORDER BY ALL").fetchall()
        rows = table(target, "observations")
        by_level: dict[str, Counter[str]] = {"media": Counter(), "event": Counter()}
        for row in rows:
            if name := row["observationTags"].partition(" ")[0].removeprefix("class:"):
                by_level[row["observationLevel"]][name] += 1
        assert sorted(by_level["event"].items()) == events
        assert sorted(by_level["media"].items()) == boxes
        shown = {row["eventID"] for row in rows if row["observationLevel"] == "event"}
        assert {row["eventID"] for row in rows if row["mediaID"] and row["eventID"]} == shown
        assert len(table(target, "media")) == len(photos)
        ids = [row["observationID"] for row in rows]
        assert len(set(ids)) == len(ids)
        spans = {r["deploymentID"]: r for r in table(target, "deployments")}
        for row in rows:
            own = spans[row["deploymentID"]]
            assert own["deploymentStart"] <= row["eventStart"] <= row["eventEnd"] <= own["deploymentEnd"]


CONFIG = """
timezone = "America/Chicago"
[stations.Hayfield]
latitude = 30.1
longitude = -98.5
[stations.TinMan]
latitude = 30.2
longitude = -98.6
[project]
title = "Deer"
contributors = ["Ann"]
sampling_design = "targeted"
"""


def test_as_a_command(cli: Cli, library: Library, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(CONFIG)
    command = ("export", "camtrap-dp", "--db", library.database.path, "--config", config, "-o", "p")
    refused = cli(*command)
    assert refused.returncode == 2
    assert "capture_method" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "p").exists()
    done = cli(*command, "--capture-method", "timeLapse,activityDetection", "--title", "Other")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "2 deployments, 3 events" in done.stderr
    project = json.loads((tmp_path / "p" / "datapackage.json").read_text())["project"]
    assert (project["title"], project["captureMethod"]) == ("Other", ["timeLapse", "activityDetection"])
    wrong = cli(*command, "--capture-method", "motion")
    assert wrong.returncode == 2
    assert "--capture-method" in wrong.stderr
