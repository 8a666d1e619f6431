"""COCO Camera Traps: boxes in pixels, visits as sequences, blanks as empty."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from tests.helpers.library import Photo, make_library
from tests.helpers.validators import run_validator
from trailcam.export.coco import export_coco
from trailcam.files.target import short_hash
from trailcam.selection import Selection

PHOTOS = (
    Photo("1.jpg", "2024-11-03 06:10", size=(640, 480)),
    Photo("2.jpg", "2024-11-03 06:12", size=(640, 480)),
    Photo("3.jpg", "2024-11-03 09:00", size=(640, 480)),
    Photo("4.jpg", None, "TinMan", size=(640, 480)),
    Photo("5.jpg", None, "TinMan", error_code="truncated"),
    Photo("6.jpg", "2024-11-04 09:00"),
)
SEEN = {"1.jpg": [("mature", 0.9), ("doe", 0.8)], "2.jpg": [("doe", 0.1)], "3.jpg": [], "4.jpg": []}
_CHECK = (
    "import json, sys\n"
    "from megadetector.data_management import integrity_check_json_db as c\n"
    "o = c.IntegrityCheckOptions()\no.requireInfo = True\no.verbose = False\no.validateBoxes = 'error'\n"
    "_, data, found = c.integrity_check_json_db(sys.argv[1], o)\n"
    "print()\nprint(json.dumps([len(data['images']) if data else 0, found['validation_errors']]))\n"
)


def test_photos_whose_short_hashes_meet_have_two_ids(tmp_path: Path) -> None:
    """In a library of a million photos such a pair is no rarity: these two are among the first million."""
    names = ("IMG_91635.jpg", "IMG_965317.jpg")
    assert len({short_hash("photos", f"Hayfield/{name}") for name in names}) == 1
    library = make_library(tmp_path, [Photo(name) for name in names], dict.fromkeys(names, ()))
    export_coco(library.database, Selection(), tmp_path / "o.json", None, timedelta(minutes=30))
    written = json.loads((tmp_path / "o.json").read_text())
    assert len({image["id"] for image in written["images"]}) == 2
    assert len({annotation["id"] for annotation in written["annotations"]}) == 2


def test_every_photo_that_was_looked_at_is_in_it(tmp_path: Path) -> None:
    library = make_library(tmp_path, PHOTOS, SEEN)
    target = tmp_path / "coco.json"
    summary = export_coco(library.database, Selection(), target, None, timedelta(minutes=30))
    written = json.loads(target.read_text())
    images = {image["file_name"].rpartition("/")[2]: image for image in written["images"]}
    names = {category["id"]: category["name"] for category in written["categories"]}
    assert names[0] == "empty"
    assert set(images) == {"1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"}
    assert images["5.jpg"]["corrupt"] is True
    assert images["1.jpg"]["seq_id"] == images["2.jpg"]["seq_id"] != images["3.jpg"]["seq_id"]
    assert [images[n]["frame_num"] for n in ("1.jpg", "2.jpg", "3.jpg")] == [0, 1, 0]
    assert "seq_id" not in images["4.jpg"]
    by_image: dict[str, list[tuple[str, object]]] = {name: [] for name in images}
    for annotation in written["annotations"]:
        (name,) = [n for n, image in images.items() if image["id"] == annotation["image_id"]]
        by_image[name].append((names[annotation["category_id"]], annotation.get("bbox")))
    left, right = [160.0, 120.0, 240.0, 120.0], [400.0, 120.0, 240.0, 120.0]
    assert by_image == {
        "1.jpg": [("mature", left), ("doe", right)],
        "2.jpg": [("empty", None)],
        "3.jpg": [("empty", None)],
        "4.jpg": [("empty", None)],
        "5.jpg": [],
    }
    assert (summary.photos, summary.boxes, summary.not_looked_at) == (5, 2, 1)


def test_the_fields_own_checker_takes_it(tmp_path: Path) -> None:
    library = make_library(tmp_path, PHOTOS, SEEN)
    target = tmp_path / "coco.json"
    export_coco(library.database, Selection(), target, None, timedelta(minutes=30))
    assert run_validator("megadetector", _CHECK, target) == [5, []]
