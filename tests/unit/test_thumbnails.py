"""One moment in two sizes: a cellular thumbnail and the original count as one photo; bursts don't."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.media.same_picture import is_same_picture, small_picture
from trailcam.reports.duplicates import duplicate_list
from trailcam.reports.status import status
from trailcam.scan.scan_job import ScanOptions
from trailcam.scan.scan_root import ScanReport, scan
from trailcam.selection import Selection
from trailcam.store.check_database import check
from trailcam.store.corrections import JudgedBox, Judgement, record
from trailcam.store.counted import count_boxes
from trailcam.store.database import Database
from trailcam.store.repair import repair
from trailcam.store.select import select

DOE = ClassInfo(0, "doe", Kind.DOE)
MATURE = ClassInfo(3, "mature", Kind.BUCK, AgeClass.MATURE)


def scene(animal: int, size: tuple[int, int] = (1280, 960)) -> Image.Image:
    """Trees, and something light at ``animal`` (px of 640)."""
    rng = np.random.default_rng(5)
    rough = Image.fromarray(rng.integers(20, 160, (12, 16), np.uint8)).resize(
        (640, 480), Image.Resampling.BICUBIC
    )
    pixels = np.asarray(rough).copy()
    pixels[200:320, animal : animal + 90] = 235
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).convert("RGB")


def save(
    path: Path, image: Image.Image, at: str = "2024:11:03 06:10:05", *, quality: int = 90, model: str = "X"
) -> Path:
    exif = Image.Exif()
    exif[272] = model
    exif.get_ifd(0x8769)[36867] = at
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, exif=exif, quality=quality)
    return path


def small(image: Image.Image) -> Image.Image:
    return image.resize((320, 240), Image.Resampling.LANCZOS)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "t.duckdb")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "photos"


def scanned(database: Database, root: Path) -> ScanReport:
    return scan(database, root, ScanOptions())


def roles(database: Database) -> list[tuple[str, str]]:
    with database.read() as db:
        return [(row["role"], row["path"].rpartition("/")[2]) for row in duplicate_list(db).rows]


def photos(database: Database) -> list[str]:
    with database.read() as db, select(db, Selection()):
        found = db.execute("SELECT path FROM selected").fetchall()
    return sorted(str(path).rpartition("/")[2] for (path,) in found)


def test_a_thumbnail_and_its_original_are_one_photo(database: Database, root: Path) -> None:
    save(root / "Gate" / "cell" / "t.jpg", small(scene(100)), quality=45)
    assert scanned(database, root).n_thumbnails == 0
    assert photos(database) == ["t.jpg"]
    save(root / "Gate" / "card" / "full.jpg", scene(100))
    assert scanned(database, root).n_thumbnails == 1
    assert photos(database) == ["full.jpg"]
    assert roles(database) == [("photo", "full.jpg"), ("thumbnail", "t.jpg")]
    with database.read() as db:
        report = status(db, working=False)
        assert report.rows[0]["photos"] == 1
        assert any("1 thumbnail of photos, counted once" in note for note in report.notes)
    assert scanned(database, root).n_thumbnails == 0
    assert check(database).sound


def test_bursts_of_one_second_are_photos(database: Database, root: Path) -> None:
    for n, place in enumerate((60, 200, 340)):
        save(root / "Gate" / f"b{n}.jpg", scene(place))
    save(root / "Gate" / "t1.jpg", small(scene(200)), quality=45)
    assert scanned(database, root).n_thumbnails == 1
    assert photos(database) == ["b0.jpg", "b1.jpg", "b2.jpg"]
    assert roles(database) == [("photo", "b1.jpg"), ("thumbnail", "t1.jpg")]


@pytest.mark.parametrize(
    ("at", "model", "station", "place"),
    [
        ("2024:11:03 06:10:06", "X", "Gate", 100),  # a second later
        ("2024:11:03 06:10:05", "Y", "Gate", 100),  # another camera
        ("2024:11:03 06:10:05", "X", "Creek", 100),  # another station
        ("2024:11:03 06:10:05", "X", "Gate", 300),  # the animal stands elsewhere
    ],
)
def test_others_are_not(
    database: Database, root: Path, at: str, model: str, station: str, place: int
) -> None:
    save(root / "Gate" / "full.jpg", scene(100))
    save(root / station / "t.jpg", small(scene(place)), at, model=model)
    assert scanned(database, root).n_thumbnails == 0
    assert photos(database) == ["full.jpg", "t.jpg"]


def test_what_people_said_of_a_thumbnail_holds_for_the_photo(database: Database, root: Path) -> None:
    save(root / "Gate" / "t.jpg", small(scene(100)))
    scanned(database, root)
    said = Judgement(1, (JudgedBox(MATURE, 0.1, 0.4, 0.2, 0.3),), True, datetime(2024, 12, 1))
    with database.write() as db:
        record(db, [said], author="Ann", source="test")
    save(root / "Gate" / "full.jpg", scene(100))
    scanned(database, root)
    later = Judgement(1, (JudgedBox(DOE, 0.1, 0.4, 0.2, 0.3),), True, datetime(2024, 12, 2))
    for judgements, expected in ([], "mature"), ([later], "doe"):
        with database.write() as db:
            record(db, judgements, author="Ann", source="test")
        with database.read() as db, select(db, Selection()) as chosen, count_boxes(chosen, None):
            found = db.execute("SELECT path, class FROM counted").fetchall()
        assert found == [("Gate/full.jpg", expected)]


def test_a_file_that_became_another_picture_is_a_photo_again(database: Database, root: Path) -> None:
    thumbnail = save(root / "Gate" / "t.jpg", small(scene(100)))
    save(root / "Gate" / "full.jpg", scene(100))
    assert scanned(database, root).n_thumbnails == 1
    save(thumbnail, small(scene(400)), quality=97)
    scanned(database, root)
    assert photos(database) == ["full.jpg", "t.jpg"]


def test_check_and_repair(database: Database, root: Path) -> None:
    save(root / "Gate" / "t.jpg", small(scene(100)))
    save(root / "Gate" / "full.jpg", scene(100))
    scanned(database, root)
    with database.write() as db:
        db.execute("UPDATE images SET thumbnail_of = 99 WHERE thumbnail_of IS NOT NULL")
        db.execute("INSERT INTO thumbnails SELECT * FROM thumbnails")
    broken = {one.rule.never for one in check(database).broken}
    assert broken == {"a thumbnail of no photo", "two files compared twice"}
    with database.write() as db:
        repair(db)
    assert check(database).sound
    assert photos(database) == ["full.jpg", "t.jpg"]
    assert scanned(database, root).n_thumbnails == 1


def test_small_pictures(tmp_path: Path) -> None:
    full = small_picture(save(tmp_path / "a.jpg", scene(100)))
    thumb = small_picture(save(tmp_path / "b.jpg", small(scene(100)), quality=40))
    moved = small_picture(save(tmp_path / "c.jpg", small(scene(160)), quality=40))
    assert full is not None
    assert thumb is not None
    assert moved is not None
    assert is_same_picture(full, thumb)
    assert not is_same_picture(full, moved)
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:200])
    assert small_picture(tmp_path / "broken.jpg") is None
    assert small_picture(tmp_path / "none.jpg") is None
    black = io.BytesIO()
    Image.new("L", (64, 48)).save(black, "JPEG")
    (tmp_path / "black.jpg").write_bytes(black.getvalue())
    assert small_picture(tmp_path / "black.jpg") is None
