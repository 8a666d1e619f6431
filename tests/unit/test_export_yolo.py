"""A YOLO data set that ultralytics loads, and whose split doesn't leak."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.conftest import Cli
from tests.helpers.library import Library, Photo, make_library
from trailcam.domain import ClassInfo, Kind
from trailcam.errors import RootError, UnanswerableError, UsageError
from trailcam.export import yolo
from trailcam.export.summary import Summary
from trailcam.export.yolo import YoloOptions, export_yolo, split
from trailcam.selection import Selection
from trailcam.store import export_rows as store
from trailcam.store.corrections import JudgedBox, Judgement, record
from trailcam.store.export_rows import ExportPlan

START = datetime(2024, 11, 3, 6)
GAP = timedelta(minutes=30)
# Ten visits of two photos at each of two stations.
PHOTOS = [
    Photo(f"{station}{n}.jpg", START + timedelta(hours=n // 2 * 3, minutes=n % 2), station)
    for station in ("Hayfield", "TinMan")
    for n in range(20)
]
SEEN: dict[str, list[tuple[str, float]]] = {photo.name: [("mature", 0.9)] for photo in PHOTOS}
SEEN["Hayfield0.jpg"] = []


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = make_library(tmp_path, PHOTOS, SEEN)
    for photo in PHOTOS:
        path = library.root / photo.station / photo.name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (64, 48)).save(path)
    return library


def export(
    library: Library, target: Path, *, blanks: bool = False, with_coordinates: bool = False
) -> Summary:
    options = YoloOptions(None, GAP, blanks=blanks, with_coordinates=with_coordinates)
    return export_yolo(library.database, Selection(), target, options)


def test_no_copy_shows_the_place_unless_asked(library: Library, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (30.0, 6.0, 7.89)})
    for photo in PHOTOS:
        Image.new("RGB", (64, 48)).save(library.root / photo.station / photo.name, exif=exif)
    export(library, tmp_path / "set")
    export(library, tmp_path / "told", with_coordinates=True)
    for folder, told in (("set", False), ("told", True)):
        for path in (tmp_path / folder).rglob("*.jpg"):
            with Image.open(path) as picture:
                assert bool(picture.getexif().get_ifd(0x8825)) is told


def corrected(library: Library, target: Path, *, blanks: bool = False) -> Summary:
    options = YoloOptions(None, GAP, blanks=blanks, corrected_only=True)
    return export_yolo(library.database, Selection(), target, options)


def say(library: Library, name: str, *boxes: JudgedBox, whole: bool) -> None:
    with library.database.write() as db:
        record(db, [Judgement(library.ids[name], boxes, whole, START)], author="Ann", source="t")


def test_corrected_only_takes_what_a_person_vouches_for(library: Library, tmp_path: Path) -> None:
    with pytest.raises(UnanswerableError):
        corrected(library, tmp_path / "none")
    doe = ClassInfo(0, "doe", Kind.DOE)
    say(library, "Hayfield1.jpg", JudgedBox(doe, 0.1, 0.1, 0.2, 0.2), whole=True)
    say(library, "Hayfield2.jpg", whole=True)  # a blank
    say(library, "Hayfield4.jpg", JudgedBox(doe, 0.25, 0.25, 0.25, 0.25), whole=False)  # its only box
    say(library, "Hayfield6.jpg", JudgedBox(doe, 0.7, 0.7, 0.2, 0.2), whole=False)  # the model's counts too
    say(library, "Hayfield8.jpg", JudgedBox(None, 0.25, 0.25, 0.25, 0.25), whole=False)  # no box is left
    for blanks, expected in ((False, {"1", "4"}), (True, {"1", "2", "4"})):
        target = tmp_path / f"set{blanks}"
        corrected(library, target, blanks=blanks)
        taken = {path for part in ("train", "val") for path in (target / "labels" / part).iterdir()}
        assert {path.stem.partition("-")[0].rpartition("Hayfield")[2] for path in taken} == expected
        lines = {line.split()[0] for path in taken for line in path.read_text().splitlines()}
        described = yaml.safe_load((target / "data.yaml").read_text())["names"]
        assert {described[int(number)] for number in lines} == {"doe"}


def names(folder: Path) -> set[str]:
    return {path.stem.partition("-")[0].partition("__")[2] for path in folder.iterdir()}


def test_an_absent_drive_leaves_no_trace(library: Library, tmp_path: Path) -> None:
    library.root.rename(tmp_path / "unplugged")
    with pytest.raises(RootError):
        export(library, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_the_split_keeps_visits_whole_at_every_station(library: Library, tmp_path: Path) -> None:
    target = tmp_path / "set"
    summary = export(library, target)
    assert summary.photos == 39
    train, val = names(target / "images" / "train"), names(target / "images" / "val")
    assert not train & val
    assert len(train | val) == 39
    for station in ("Hayfield", "TinMan"):
        visits = {int(name.removeprefix(station)) // 2 for name in val if name.startswith(station)}
        assert len(visits) == 2
        for visit in visits:
            assert not train & {f"{station}{visit * 2}", f"{station}{visit * 2 + 1}"}


def test_labels_are_centres_and_lie_beside_their_photos(library: Library, tmp_path: Path) -> None:
    export(library, tmp_path / "set", blanks=True)
    for part in ("train", "val"):
        images = {path.stem for path in (tmp_path / "set" / "images" / part).iterdir()}
        labels = {path.stem for path in (tmp_path / "set" / "labels" / part).iterdir()}
        assert images == labels
    texts = [path.read_text() for path in (tmp_path / "set" / "labels").rglob("*.txt")]
    assert sorted(set(texts)) == ["", "3 0.375000 0.375000 0.250000 0.250000\n"]
    assert texts.count("") == 1


def test_two_exports_split_alike(library: Library, tmp_path: Path) -> None:
    export(library, tmp_path / "one")
    export(library, tmp_path / "two")
    assert names(tmp_path / "one" / "images" / "val") == names(tmp_path / "two" / "images" / "val")


def test_a_used_folder_is_refused(library: Library, tmp_path: Path) -> None:
    export(library, tmp_path / "set")
    with pytest.raises(UsageError, match="isn't empty"):
        export(library, tmp_path / "set")


def test_a_class_that_is_new_meanwhile_is_said(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elk = JudgedBox(ClassInfo(0, "elk", Kind.ANIMAL), 0.1, 0.1, 0.2, 0.2)
    stream = store.stream_reopening

    def late(*arguments: Any) -> Iterator[store.ExportPhoto]:  # noqa: ANN401
        with library.database.write() as db:
            said = Judgement(library.ids["Hayfield1.jpg"], (elk,), True, START)
            record(db, [said], author="Ann", source="test")
        return stream(*arguments)

    monkeypatch.setattr(yolo, "stream_reopening", late)
    summary = export(library, tmp_path / "set")
    assert [path for path, _ in summary.problems] == ["Hayfield/Hayfield1.jpg"]
    assert summary.photos == 38


def test_a_lost_photo_is_named(cli: Cli, library: Library, tmp_path: Path) -> None:
    (library.root / "TinMan" / "TinMan3.jpg").unlink()
    done = cli("export", "yolo", "--db", library.database.path, "-o", tmp_path / "set")
    assert done.returncode == 1
    assert "TinMan/TinMan3.jpg" in done.stderr
    assert (tmp_path / "set" / "data.yaml").is_file()


def test_ultralytics_loads_it(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess
    import sys

    export(library, tmp_path / "set", blanks=True)
    code = (
        "import sys\n"
        "from ultralytics.data.utils import check_det_dataset\n"
        "from ultralytics.data.dataset import YOLODataset\n"
        "data = check_det_dataset(sys.argv[1], autodownload=False)\n"
        "sets = [YOLODataset(img_path=data[p], data=data, augment=False) for p in ('train', 'val')]\n"
        "n = [sum(len(label['cls']) for label in s.labels) for s in sets]\n"
        "print()\nprint(sum(map(len, sets)), sum(n), data['names'][3])\n"
    )
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "set" / "data.yaml")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "40 39 mature"


_SHAPE = st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 5)), min_size=1, max_size=60)


@given(_SHAPE, st.floats(0, 1))
def test_no_visit_is_ever_on_both_sides(shape: list[tuple[int, int]], share: float) -> None:
    shape.sort()
    n = len(shape)
    station, event = np.array([s for s, _ in shape], np.int32), np.array([e for _, e in shape], np.int32)
    zeros, yes = np.zeros(n, np.int32), np.ones(n, np.bool_)
    ids, starts = zeros.astype(np.int64), event.astype(np.int64) * 10**9
    plan = ExportPlan(ids, station, event, zeros, zeros, starts, yes, yes, ~yes, (), 1, 0, None)  # type: ignore[arg-type]
    validates = split(plan, yes, share)
    sides: dict[tuple[int, int], set[bool]] = {}
    for key, side in zip(shape, validates, strict=True):
        sides.setdefault(key, set()).add(bool(side))
    assert all(len(side) == 1 for side in sides.values())
    if 0 < share < 0.5 and len(sides) > 1:
        assert {True, False} == set.union(*sides.values())


def test_the_manifest_says_who_made_the_labels(library: Library, tmp_path: Path) -> None:
    photo = library.ids["Hayfield1.jpg"]
    with library.database.write() as db:
        box = JudgedBox(ClassInfo(0, "doe", Kind.DOE), 0.1, 0.1, 0.2, 0.2)
        record(db, [Judgement(photo, (box,), True, START)], author="Ann", source="correct")
    export(library, tmp_path / "set", blanks=True)
    with (tmp_path / "set/manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    written = {path.relative_to(tmp_path / "set").as_posix() for path in (tmp_path / "set").rglob("*.jpg")}
    assert set(rows) == written
    makers = {name.rpartition("__")[2].partition("-")[0]: row["labelled_by"] for name, row in rows.items()}
    assert makers["Hayfield1"] == "person"
    assert set(makers.values()) == {"person", "whitetail.pt"}
    assert len({row["scene"] for row in rows.values()}) == 20  # visits: near-duplicates stay together
