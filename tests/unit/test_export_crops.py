"""Crops: the right pixels in the right folder, never overwritten, and the originals untouched."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.conftest import Cli
from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from trailcam.domain import ClassInfo, Kind
from trailcam.errors import OutputError, RootError, UsageError
from trailcam.export import crops
from trailcam.export.crops import CropOptions, export_crops
from trailcam.export.picks import pick
from trailcam.export.summary import Summary
from trailcam.selection import Selection
from trailcam.store.corrections import JudgedBox, Judgement, record
from trailcam.store.export_rows import ExportBox, make_plan, stream, stream_reopening

MTIME_NS = 1_700_000_000_123_000_000
PHOTOS = (
    Photo("1.jpg", "2024-11-03 06:10"),
    Photo("2.jpg", "2024-11-03 06:12"),
    Photo("3.jpg", "2025-01-03 06:12"),
    Photo("4.jpg", "2025-10-03 06:12", "../etc"),
)
SEEN = {
    "1.jpg": [("mature", 0.9), ("doe", 0.8)],
    "2.jpg": [("mature", 0.95)],
    "3.jpg": [("mature", 0.6)],
    "4.jpg": [("young", 0.7)],
}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = make_library(tmp_path, PHOTOS, SEEN)
    for photo in PHOTOS:
        path = library.root / photo.station / photo.name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.new("RGB", (400, 200), (0, 0, 255))
        picture.paste((255, 0, 0), (100, 50, 200, 100))  # the box of the helper: 0.25 of each side
        picture.save(path, quality=95)
        os.utime(path, ns=(MTIME_NS, MTIME_NS))
    return library


def crop(library: Library, target: Path, classes: Sequence[str] = (), **more: object) -> Summary:
    options = CropOptions(None, timedelta(minutes=30), tuple(classes), **more)  # type: ignore[arg-type]
    summary, _ = export_crops(library.database, Selection(), target, options)
    return summary


def files(target: Path) -> dict[str, int]:
    folders = [path.parent.name for path in target.rglob("*.jpg")]
    return {name: folders.count(name) for name in folders}


def manifest(target: Path) -> list[dict[str, str]]:
    with (target / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_bucks_by_age_class_with_the_right_pixels(library: Library, tmp_path: Path) -> None:
    target = tmp_path / "out"
    crop(library, target, margin=0.0)
    assert files(target) == {"mature": 3, "young": 1}
    one = next((target / "mature").iterdir())
    with Image.open(one) as cut:
        assert cut.size == (100, 50)
        red, _, blue = cut.convert("RGB").getpixel((50, 25))  # type: ignore[misc]
    assert red > 200 > 60 > blue
    assert one.stat().st_mtime_ns == MTIME_NS


def test_the_margin_shows_what_is_around(library: Library, tmp_path: Path) -> None:
    crop(library, tmp_path / "out", margin=0.5)
    with Image.open(next((tmp_path / "out" / "young").iterdir())) as cut:
        assert cut.size == (200, 100)


def test_an_oriented_photo_is_cut_upright(library: Library, tmp_path: Path) -> None:
    path = library.root / "Hayfield" / "3.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (400, 200)).save(path, exif=exif)
    crop(library, tmp_path / "out", margin=0.0)
    (file,) = [row["file"] for row in manifest(tmp_path / "out") if row["path"].endswith("/3.jpg")]
    with Image.open(tmp_path / "out" / file) as cut:
        assert cut.size == (50, 100)


def test_whole_photos_are_copied_to_the_byte(library: Library, tmp_path: Path) -> None:
    crop(library, tmp_path / "out", whole=True)
    for row in manifest(tmp_path / "out"):
        assert (tmp_path / "out" / row["file"]).read_bytes() == (library.root / row["path"]).read_bytes()


def with_gps(path: Path) -> None:
    """Give a photo a place in its EXIF."""
    exif = Image.Exif()
    exif[0x010F] = "RECONYX"
    exif.get_ifd(0x8825).update({1: "N", 2: (30.0, 6.0, 7.89), 3: "W", 4: (98.0, 30.0, 1.23)})
    with Image.open(path) as picture:
        picture.save(path, quality=95, exif=exif)


def places(target: Path) -> list[bool]:
    """Whether each JPEG tells a place."""
    found = []
    for path in sorted(target.rglob("*.jpg")):
        with Image.open(path) as picture:
            found.append(bool(picture.getexif().get_ifd(0x8825)))
    return found


def test_no_copy_shows_the_place_unless_asked(library: Library, tmp_path: Path) -> None:
    for photo in PHOTOS:
        with_gps(library.root / photo.station / photo.name)
    crop(library, tmp_path / "cut")
    crop(library, tmp_path / "whole", whole=True)
    crop(library, tmp_path / "told", whole=True, with_coordinates=True)
    assert places(tmp_path / "cut") == [False] * 4
    assert places(tmp_path / "whole") == [False] * 4
    assert places(tmp_path / "told") == [True] * 4
    original = library.root / "Hayfield" / "1.jpg"
    (copy,) = (tmp_path / "whole").rglob("*__1-*.jpg")
    start = original.read_bytes().index(b"\xff\xdb")  # where the picture begins
    assert copy.read_bytes()[start:] == original.read_bytes()[start:]
    assert copy.stat().st_mtime_ns == original.stat().st_mtime_ns


def test_what_a_person_said_is_cut(library: Library, tmp_path: Path) -> None:
    """Also on photos that no model has seen, and none of the model's boxes there."""
    library.add([Photo("5.jpg", "2025-10-03 07:12")])
    Image.new("RGB", (400, 200)).save(library.root / "Hayfield" / "5.jpg")
    mid = JudgedBox(WHITETAIL[2], 0.0, 0.0, 0.5, 0.5)
    beside = JudgedBox(WHITETAIL[1], 0.6, 0.6, 0.3, 0.3)
    judged = [
        ("1.jpg", True, (mid,)),
        ("2.jpg", False, (beside,)),
        ("3.jpg", True, ()),
        ("5.jpg", True, (mid,)),
    ]
    with library.database.write() as db:
        for name, whole, boxes in judged:
            said = Judgement(library.ids[name], boxes, whole, datetime(2025, 12, 1))
            record(db, [said], author="Ann", source="test")
    summary = crop(library, tmp_path / "out", margin=0.0)
    assert summary.problems == []
    found = sorted((row["path"].rpartition("/")[2], row["folder"]) for row in manifest(tmp_path / "out"))
    assert found == [
        *[("1.jpg", "mid"), ("2.jpg", "mature"), ("2.jpg", "young")],
        *[("4.jpg", "young"), ("5.jpg", "mid")],
    ]


def test_a_word_said_meanwhile_is_no_crop_of_another_class(library: Library) -> None:
    with library.database.read() as db:
        plan = make_plan(db, Selection(), None, timedelta(minutes=30))
        picks = pick(stream(plan), plan, (), whole=False, per_event=None, balance=None)
    doe = JudgedBox(WHITETAIL[0], 0.25, 0.25, 0.25, 0.25)
    with library.database.write() as db:
        record(
            db,
            [Judgement(library.ids["2.jpg"], (doe,), False, datetime(2025, 12, 1))],
            author="A",
            source="t",
        )
    refused = []
    for photo in stream_reopening(library.database, plan):
        try:
            list(picks.of(photo))
        except LookupError:
            refused.append(photo.path)
    assert refused == ["Hayfield/2.jpg"]


def test_any_class_and_an_unknown_one(library: Library, tmp_path: Path) -> None:
    crop(library, tmp_path / "out", ["DOE"])
    assert files(tmp_path / "out") == {"doe": 1}
    with pytest.raises(UsageError, match="no class"):
        crop(library, tmp_path / "out", ["unicorn"])


def test_at_most_so_many_of_a_visit_the_surest_first(library: Library, tmp_path: Path) -> None:
    crop(library, tmp_path / "out", per_event=1)
    mature = [row["path"] for row in manifest(tmp_path / "out") if row["folder"] == "mature"]
    assert sorted(mature) == ["Hayfield/2.jpg", "Hayfield/3.jpg"]


def test_balance_limits_each_station_and_month(library: Library, tmp_path: Path) -> None:
    crop(library, tmp_path / "out", balance=1)
    months = [(row["folder"], row["captured_at"][:7]) for row in manifest(tmp_path / "out")]
    assert sorted(months) == [("mature", "2024-11"), ("mature", "2025-01"), ("young", "2025-10")]


def test_a_second_run_overwrites_nothing_and_fills_gaps(library: Library, tmp_path: Path) -> None:
    target = tmp_path / "out"
    crop(library, target)
    first, second, *_ = sorted((target / "mature").iterdir())
    first.write_bytes(b"mine")
    second.unlink()
    before = manifest(target)
    summary = crop(library, target)
    assert first.read_bytes() == b"mine"
    assert second.stat().st_size > 100
    assert summary.already_there == 3
    assert manifest(target) == before


def test_the_manifest_keeps_what_other_runs_wrote(library: Library, tmp_path: Path) -> None:
    crop(library, tmp_path / "out")
    crop(library, tmp_path / "out", ["doe"])
    assert sorted(row["folder"] for row in manifest(tmp_path / "out")) == ["doe", *["mature"] * 3, "young"]
    table = (tmp_path / "out" / "distribution.csv").read_text().splitlines()
    assert table[0] == "season,month,station,folder,files"
    assert "2024-25,2024-11,Hayfield,mature,2" in table


def test_hostile_stations_write_nothing_elsewhere(library: Library, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*")}
    crop(library, tmp_path / "out")
    new = {path for path in tmp_path.rglob("*")} - before
    assert all(path.is_relative_to(tmp_path / "out") for path in new)


def test_a_link_that_waits_in_the_target_is_not_followed(library: Library, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    crop(library, tmp_path / "out")
    first = sorted((tmp_path / "out" / "mature").iterdir())[0]
    for waiting in (first, tmp_path / "out" / "manifest.csv"):
        content = waiting.read_bytes()
        waiting.unlink()
        waiting.symlink_to(victim)
        with pytest.raises(OutputError, match="outside"):
            crop(library, tmp_path / "out")
        assert not victim.exists()
        waiting.unlink()
        waiting.write_bytes(content)


def test_originals_stay_as_they_are(library: Library, tmp_path: Path) -> None:
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in library.root.rglob("*.jpg")}
    crop(library, tmp_path / "out")
    crop(library, tmp_path / "whole", whole=True)
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in library.root.rglob("*.jpg")} == before


def test_a_broken_photo_is_named_and_the_rest_goes_on(library: Library, tmp_path: Path) -> None:
    (library.root / "Hayfield" / "1.jpg").write_bytes(b"\xff\xd8\xff broken")
    summary = crop(library, tmp_path / "out")
    assert [path for path, _ in summary.problems] == ["Hayfield/1.jpg"]
    assert files(tmp_path / "out") == {"mature": 2, "young": 1}


def test_an_absent_drive_is_said_at_once(library: Library, tmp_path: Path) -> None:
    library.root.rename(tmp_path / "unplugged")
    with pytest.raises(RootError):
        crop(library, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_drive_that_goes_away_meanwhile_ends_it(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = crops._cut

    def unplugging(source: Path, box: ExportBox, margin: float) -> bytes:
        done = cut(source, box, margin)
        library.root.rename(tmp_path / "unplugged")
        return done

    monkeypatch.setattr(crops, "_cut", unplugging)
    with pytest.raises(RootError):
        crop(library, tmp_path / "out")
    monkeypatch.undo()
    (tmp_path / "unplugged").rename(library.root)
    assert crop(library, tmp_path / "out").already_there <= 1


def test_the_manifest_holds_no_formula_and_stays_the_same(library: Library, tmp_path: Path) -> None:
    library.add([Photo("5.jpg", "2025-10-03 07:12", "=1+1")])
    library.detect({"5.jpg": [("@cow", 0.9)]}, classes=[ClassInfo(0, "@cow", Kind.ANIMAL)])
    path = library.root / "=1+1" / "5.jpg"
    path.parent.mkdir()
    Image.new("RGB", (64, 48)).save(path)
    crop(library, tmp_path / "out", ["@cow"])
    (row,) = manifest(tmp_path / "out")
    assert (row["folder"], row["station"], row["path"]) == ("'@cow", "'=1+1", "'=1+1/5.jpg")
    assert (tmp_path / "out" / row["file"][1:]).is_file()
    crop(library, tmp_path / "out", ["@cow"])
    assert manifest(tmp_path / "out") == [row]


@given(
    st.lists(st.lists(st.floats(0.5, 1, width=16), max_size=3), min_size=1, max_size=8),
    st.integers(1, 3),
    st.integers(1, 3),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_limits_hold_and_no_surer_box_is_passed_over(
    seen: list[list[float]], per_event: int, balance: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        photos = [Photo(f"{n}.jpg", f"2024-11-0{1 + n % 2} 06:0{n}") for n in range(len(seen))]
        found = {f"{n}.jpg": [("mature", c) for c in boxes] for n, boxes in enumerate(seen)}
        library = make_library(Path(folder), photos, found)
        with library.database.read() as db:
            plan = make_plan(db, Selection(), None, timedelta(minutes=30))
            listed = list(stream(plan))
        picks = pick(listed, plan, (), whole=False, per_event=per_event, balance=balance)
        visits: dict[int, list[float]] = {}
        for photo in listed:
            visits.setdefault(int(plan.scene[photo.n]), []).extend(box.confidence for box in photo.boxes)
        best = sorted((c for own in visits.values() for c in sorted(own)[-per_event:]), reverse=True)
        got = sorted((box.confidence for photo in listed for _, box in picks.of(photo)), reverse=True)
        assert got == best[:balance]


def test_as_a_command(cli: Cli, library: Library, tmp_path: Path) -> None:
    done = cli("export", "crops", "--db", library.database.path, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["season", "class", "files"],
        ["2024-25", "mature", "3"],
        ["2025-26", "young", "1"],
    ]
    (library.root / "Hayfield" / "1.jpg").unlink()
    again = cli("export", "crops", "--db", library.database.path, "--whole", "-o", tmp_path / "out2")
    assert again.returncode == 1
    assert "1 photo could not be exported" in again.stderr
