"""``trailcam static`` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CHECKOUT, Cli, TinyJpeg, isolated_environment
from tests.helpers.library import Library, Photo, make_library
from trailcam.store.review_rows import library_id

STUMP = (0.1, 0.1, 0.2, 0.2)
START = datetime(2024, 10, 1, 6)


@pytest.fixture
def library(cli: Cli, tmp_path: Path) -> Library:
    """A stump that is a doe on forty photos, and a buck on two; in the database that the command uses."""
    photos = [Photo(f"{n}.jpg", START + timedelta(hours=7 * n), size=(640, 480)) for n in range(40)]
    made = make_library(tmp_path / "home", photos)
    deer = {7: [("mature", 0.8, (0.5, 0.5, 0.3, 0.3))], 31: [("mature", 0.8, (0.4, 0.5, 0.3, 0.3))]}
    made.detect({photo.name: [("doe", 0.9, STUMP), *deer.get(n, ())] for n, photo in enumerate(photos)})
    return made


def answered(cli: Cli, *args: str | Path) -> dict[str, Any]:
    done = cli(*args, "--format", "json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def saved(made: Library, place: dict[str, Any], **changed: object) -> Path:
    """What the page saves where the place is a thing."""
    with made.database.read() as db:
        name = library_id(db)
    content = {
        "format": "trailcam static",
        "version": 1,
        "page": "0123456789abcdef",
        "library": name,
        "made_at": "2100-01-01T00:00:00Z",
        "author": "Ann",
        "answers": [
            {
                "place": place["place"],
                "station_id": 1,
                "camera": "",
                "box": [place[side] for side in "xywh"],
                "based_on": None,
                "is_thing": True,
                "decided_at": "2026-11-24T05:06:07.890Z",
            }
        ],
        "areas": [],
        **changed,
    }
    file = made.root.parent / "answers.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_from_find_to_undo(cli: Cli, library: Library) -> None:
    (place,) = answered(cli, "static", "find")["rows"]
    assert (place["station"], place["photos"], place["classes"], place["sure"]) == (
        "Hayfield",
        40,
        "doe 40",
        True,
    )
    assert (place["first_at"], place["last_at"]) == ("2024-10-01 06:00", "2024-10-12 15:00")
    assert "40 photos" not in cli("static", "list").stdout
    file = saved(library, place)
    assert cli("static", "apply", file).stdout == "Recorded 1 thing, 0 animals, 0 areas of Ann.\n"
    assert cli("static", "apply", file).stdout.endswith("of Ann; 1 known before.\n")
    (listed,) = answered(cli, "static", "list")["rows"]
    assert (listed["answer"], listed["hidden_photos"], listed["author"]) == ("a thing", 40, "Ann")
    report = answered(cli, "report", "bucks", "--part", "counts")
    assert report["coverage"]["hidden_boxes"] == 40
    assert answered(cli, "report", "species")["coverage"]["hidden_events"] == 40
    assert any("40 boxes in 40 visits are hidden: 1 static place" in note for note in report["notes"])
    shown = answered(cli, "static", "show", str(place["place"]))
    assert (len(shown["rows"]), shown["rows"][0]["hidden"], shown["answers"][0]["photos"]) == (40, True, 40)
    undone = cli("static", "undo", str(place["place"]), "--author", "Bob")
    assert (undone.returncode, undone.stderr) == (0, "Taken back: 1 answer on places.\n")
    assert answered(cli, "report", "species")["coverage"]["hidden_boxes"] == 0
    assert answered(cli, "static", "show", str(place["place"]))["answers"][0]["undone_by"] == "Bob"


def test_exports_and_the_gallery_leave_hidden_boxes_out_and_say_so(
    cli: Cli, library: Library, tmp_path: Path
) -> None:
    (place,) = answered(cli, "static", "find")["rows"]
    cli("static", "apply", saved(library, place))
    for form, name in (("csv", "a.csv"), ("megadetector", "a.json"), ("coco", "b.json"), ("xmp", "sidecars")):
        done = cli("export", form, "-o", tmp_path / name)
        assert done.returncode == 0, done.stderr
        assert "40 boxes are hidden: 1 static place" in done.stderr, form
        assert "40 photos, 2 box" in done.stderr, form
    rows = (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()
    assert sum(",mature," in row for row in rows) == 2
    assert not any(",doe," in row for row in rows)


def test_auto_hides_what_is_sure_and_says_so(cli: Cli, library: Library) -> None:
    env = {"TRAILCAM_STATIC_AUTO": "true"}
    done = cli("static", "find", env=env)
    assert "Hidden by [static] auto: boxes on 40 photos at 1 place." in done.stdout
    assert "40 of them by [static] auto" in cli("report", "species").stdout
    assert "1 of the places by [static] auto" in cli("status").stdout
    assert cli("status", env={"TRAILCAM_STATIC_AUTO": "perhaps"}).returncode == 2


def test_status_and_digest_mention_what_waits_and_the_digest_once(cli: Cli, library: Library) -> None:
    told = "may show a thing that never moves"
    assert told not in cli("status").stdout
    assert told not in cli("report", "digest", "--dry-run").stdout
    answered(cli, "static", "find")
    assert told in cli("status").stdout
    assert "1 new place may show a thing" in cli("report", "digest").stdout
    assert told not in cli("report", "digest").stdout
    assert told in cli("report", "digest", "--name", "other").stdout


def test_areas_by_command(cli: Cli, library: Library) -> None:
    corners = "0.45,0.45 0.9,0.45 0.9,0.9 0.45,0.9"
    added = cli("static", "area", "add", "hayfield", "--points", corners)
    assert (added.returncode, added.stderr.split(":")[0]) == (0, "Area 1")
    assert answered(cli, "static", "area", "list")["rows"][0]["points"] == corners
    assert answered(cli, "report", "species")["coverage"]["hidden_boxes"] == 2
    assert cli("static", "area", "remove", "Hayfield", "2").returncode == 2
    assert cli("static", "area", "remove", "Hayfield").returncode == 0
    assert answered(cli, "static", "area", "list", "Hayfield")["rows"] == []


def test_show_tells_that_a_box_is_hidden(cli: Cli, library: Library) -> None:
    (place,) = answered(cli, "static", "find")["rows"]
    cli("static", "apply", saved(library, place))
    assert "1 box is hidden: 1 static place" in cli("show", str(library.ids["3.jpg"])).stdout


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("find", "--areas"), "--areas goes with --page"),
        (("find", "--station", "Nowhere"), "no station"),
        (("find", "--page", "nofolder/page.html"), "its folder doesn't exist"),
        (("show", "9"), "There is no place 9"),
        (("undo", "9"), "Place 9 has no answer"),
        (("undo",), "There is no answer to take back"),
        (("apply", "nofile.json"), "can't be read"),
        (("area", "add", "Nowhere", "--points", "0,0 1,0 1,1"), "no station"),
        (("area", "add", "Hayfield", "--points", "0,0 1,0"), "three corners"),
        (("area", "remove", "Hayfield"), "no excluded area"),
        (("area", "list", "Nowhere"), "no station"),
    ],
)
def test_what_is_refused(cli: Cli, library: Library, args: tuple[str, ...], says: str) -> None:
    done = cli("static", *args)
    assert done.returncode == 2
    assert done.stderr.count("error:") == 1
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


WRONG: tuple[tuple[dict[str, object], str], ...] = (
    ({"format": "trailcam review"}, 'format must be "trailcam static"'),
    ({"version": 2}, "version must be 1"),
    ({"made_at": "yesterday"}, "made_at must be a time"),
    ({"answers": {}}, "answers must be a list"),
    ({"answers": [{}]}, "answers[0].place must be a whole number"),
    ({"areas": [{"points": [[0, 0], [1, 1]]}]}, "areas[0].points must be a list of 3"),
    ({"areas": [{"points": [[0, 0], [1, 0], [2, 2]]}]}, "areas[0].points[2] must be a list of x and y"),
    ({"areas": [{"points": [[0, 0], [0.5, 0.5], [1, 1]]}]}, "areas[0].points is so narrow"),
    ({"library": "another"}, "another database"),
)


def test_a_file_that_can_not_be_used(cli: Cli, library: Library) -> None:
    (place,) = answered(cli, "static", "find")["rows"]
    for changed, says in WRONG:
        done = cli("static", "apply", saved(library, place, **changed))
        assert (done.returncode, done.stdout) == (2, ""), changed
        assert says in " ".join(done.stderr.split()), changed
    assert answered(cli, "report", "species")["coverage"]["hidden_boxes"] == 0


def test_nothing_to_ask_is_no_page(cli: Cli, library: Library) -> None:
    (place,) = answered(cli, "static", "find")["rows"]
    cli("static", "apply", saved(library, place))
    done = cli("static", "find", "--page", "page.html")
    assert done.returncode == 2
    assert "No place waits for an answer" in done.stderr


def test_detect_says_what_looks_static_and_auto_hides_it(tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    """The fake model sees the same box on every photo: as if a stump stood before the camera."""
    home, weights = tmp_path / "home", tmp_path / "fake.pt"
    home.mkdir()
    weights.write_bytes(b"weights that only the fake reads")
    env = isolated_environment(home) | {"TRAILCAM_DETECT_WORKERS": "0"}

    def run(*args: str, **more: str) -> tuple[str, str]:
        done = subprocess.run(
            [sys.executable, str(CHECKOUT / "tests" / "helpers" / "fake_trailcam.py"), *args],
            env=env | more,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    def photographed(first: int, n: int) -> None:
        for k in range(first, first + n):
            file = tmp_path / "photos" / "Hayfield" / f"{k}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            at = START + timedelta(hours=7 * k)
            file.write_bytes(tiny_jpeg(color=(k, 9, 9), exif_ifd={0x9003: f"{at:%Y:%m:%d %H:%M:%S}"}))

    photographed(0, 40)
    run("scan", str(tmp_path / "photos"))
    _, said = run("detect", "--weights", str(weights), TRAILCAM_REPORT_CONFIDENCE="0.1")
    assert "1 place may show a thing that never moves. Their boxes count until a person confirms it" in said
    photographed(40, 2)
    run("scan")
    _, said = run(
        "detect", "--weights", str(weights), TRAILCAM_REPORT_CONFIDENCE="0.1", TRAILCAM_STATIC_AUTO="true"
    )
    assert "Hidden by [static] auto: boxes on 42 photos at 1 place." in said
    told, _ = run("report", "species", "--confidence", "0.1", "--format", "json")
    assert json.loads(told)["coverage"]["hidden_automatic"] == 42
