from __future__ import annotations

import base64
import io
import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Cli, TinyJpeg
from tests.helpers.library import Library, Photo, make_library
from trailcam.errors import OutputError, RootError, UsageError
from trailcam.gallery import make_gallery as building
from trailcam.gallery.cards import Content
from trailcam.gallery.content import read_content
from trailcam.gallery.gallery_options import GalleryOptions
from trailcam.gallery.make_gallery import GalleryReport, build_gallery
from trailcam.pages.pictures import (
    THUMB_PX,
    Cache,
    NoPicture,
    Pictures,
    Request,
    cut_around,
    make_pictures,
    render,
)
from trailcam.selection import Selection
from trailcam.settings.config import Settings

GAP = timedelta(minutes=30)


def content(library: Library, confidence: float | None = 0.5, lowest: float = 0.25) -> Content:
    with library.database.read() as db:
        return read_content(db, Selection(), GalleryOptions(confidence=confidence, lowest=lowest, gap=GAP))


def build(library: Library, target: Path, **options: object) -> GalleryReport:
    given = {"confidence": None, "lowest": 0.25, "gap": GAP, "seasons": Settings().seasons, "first_month": 9}
    made = GalleryOptions(**(given | options))  # type: ignore[arg-type]  # tests name the fields
    return build_gallery(library.database, Selection(), target, made, lambda _done, _total: None)


@pytest.fixture
def library(tmp_path: Path, tiny_jpeg: TinyJpeg) -> Library:
    photos = [
        Photo("a.jpg", "2024-11-03 06:00"),
        Photo("b.jpg", "2024-11-03 06:30"),
        Photo("c.jpg", "2024-11-03 07:00:00.000001"),
        Photo("d.jpg", None),
        Photo("e.jpg", "2024-11-03 06:10", "TinMan"),
        Photo("blank.jpg", "2024-11-03 06:10", "TinMan"),
        Photo("waiting.jpg", "2024-11-03 06:10", "TinMan"),
    ]
    found = {
        "a.jpg": [("mature", 0.9), ("mature", 0.6), ("doe", 0.3)],
        "b.jpg": [("mature", 0.5)],
        "c.jpg": [("mature", 0.7)],
        "d.jpg": [("mature", 0.7)],
        "e.jpg": [("doe", 0.8), ("person", 0.12)],
        "blank.jpg": [],
    }
    library = make_library(tmp_path, photos, found)
    for photo in photos:
        file = library.root / photo.station / photo.name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(tiny_jpeg())
    return library


def test_visits_by_hand(library: Library) -> None:
    """a and b are exactly 30 minutes apart, c one microsecond more; d has no time."""
    found = content(library)
    assert [photo.name.rpartition("/")[2] for photo in found.photos] == [
        *("c.jpg", "b.jpg", "e.jpg", "a.jpg", "d.jpg")
    ]
    assert found.n_visits == 3
    assert content(library, 0.6).n_visits == 3
    assert content(library, 0.8).n_visits == 2
    assert [c.label for c in found.classes] == ["mature buck", "doe"]


def test_what_is_below_the_slider_is_left_out(library: Library) -> None:
    assert "person" not in {c.label for c in content(library).classes}
    assert "person" in {c.label for c in content(library, lowest=0.1).classes}
    low = content(library, 0.1)
    assert low.lowest == pytest.approx(0.1)
    assert "person" in {c.label for c in low.classes}
    with pytest.raises(UsageError):
        content(library, lowest=1.5)


def test_a_buck_at_two_ages_is_one_visit(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a.jpg", "2024-11-03 10:56"), Photo("b.jpg", "2024-11-03 10:58")])
    library.detect({"a.jpg": [("mid", 0.8), ("doe", 0.9)], "b.jpg": [("mature", 0.7)]})
    found = content(library)
    assert found.n_visits == 1  # the doe came with it
    seen = {
        photo.name[-5:]: [found.classes[one.class_index].label for one in photo.found]
        for photo in found.photos
    }
    assert seen == {"a.jpg": ["doe", "mid buck"], "b.jpg": ["mid buck"]}
    assert [found.classes[one.said_index].label for one in found.photos[0].found] == ["mature buck"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (["mature"], ["c", "b", "a", "d"]),
        (["BUCK"], ["c", "b", "a", "d"]),
        (["doe"], ["e"]),
        (["deer"], ["c", "b", "e", "a", "d"]),
        (["doe", "mature"], ["c", "b", "e", "a", "d"]),
        (["young"], []),
        (["coyote"], None),
    ],
)
def test_only_what_was_asked_for(library: Library, wanted: list[str], names: list[str] | None) -> None:
    def ask() -> Content:
        with library.database.read() as db:
            return read_content(
                db, Selection(), GalleryOptions(confidence=0.5, lowest=0.25, gap=GAP, classes=wanted)
            )

    if names is None:
        with pytest.raises(UsageError, match="coyote") as caught:
            ask()
        assert caught.value.hint == "Found there: doe, mature."
        return
    found = ask()
    assert [photo.name.rpartition("/")[2][0] for photo in found.photos] == names
    assert sum(t.completed for t in found.tallies) == 6  # the coverage is that of all selected photos


def test_coverage_names_what_was_not_looked_at(library: Library) -> None:
    tallies = content(library).tallies
    assert sum(t.completed for t in tallies) == 6
    assert sum(t.pending for t in tallies) == 1
    assert any(t.month is None and t.completed == 1 for t in tallies)
    assert {t.month for t in tallies} == {None, 2024 * 12 + 10}


def test_one_file_with_everything_in_it(library: Library, tmp_path: Path) -> None:
    report = build(library, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert (report.n_photos, report.n_visits, report.problems) == (5, 3, [])
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in page
    assert not re.search(r"(?:src|href)=[\"'](?!#)", page)
    assert len(re.findall(r'<script type="text/plain" id="thumb-\d+">', page)) == 5
    blob = re.findall(r'id="large-0">([^<]+)<', page)[0]
    assert Image.open(io.BytesIO(base64.b64decode(blob))).size == (64, 48)


def test_names_cannot_leave_the_data(library: Library, tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    evil = "</script><script>alert(1)<!--"
    library.add([Photo("@@script@@.jpg", "2024-11-04", evil.replace("/", "\u2044"))])
    library.detect({"@@script@@.jpg": [("mature", 0.9)]})
    build(library, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    data = page.partition('id="data">')[2].partition("</script>")[0]
    assert "<" not in data
    assert "alert(1)" in data
    assert "@@script@@.jpg" in data
    assert page.count("alert(1)") == data.count("alert(1)")


def test_split_keeps_foreign_files_and_drops_old_pictures(library: Library, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    folder = tmp_path / "page_files"
    folder.mkdir()
    (folder / "mine.jpg").write_bytes(b"mine")
    (folder / f"{'0' * 32}.jpg").write_bytes(b"of an older page")
    report = build(library, target, split=True)
    names = {file.name for file in folder.iterdir()}
    assert report.folder == folder
    assert "mine.jpg" in names
    assert f"{'0' * 32}.jpg" not in names
    page = target.read_text(encoding="utf-8")
    assert "img-src data: 'self'" in page
    assert all(name in page for name in names - {"mine.jpg"})
    assert build(library, target, split=True) == report


def test_a_failure_leaves_the_old_page(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    with pytest.raises(OutputError, match="folder doesn't exist"):
        build(library, tmp_path / "no" / "page.html")
    with pytest.raises(OutputError, match="is a folder"):
        build(library, tmp_path)
    library.root.rename(tmp_path / "unmounted")
    with pytest.raises(RootError):
        build(library, target)
    (tmp_path / "unmounted").rename(library.root)
    monkeypatch.setattr(building, "render_page", lambda *_a, **_k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build(library, target)
    assert target.read_text() == "old"


def test_lost_photos_are_named(library: Library, tmp_path: Path) -> None:
    (library.root / "Hayfield" / "a.jpg").unlink()
    (library.root / "Hayfield" / "b.jpg").write_bytes(b"\xff\xd8\xffnothing")
    report = build(library, tmp_path / "page.html")
    assert [problem.partition(":")[0] for problem in report.problems] == ["Hayfield/b.jpg", "Hayfield/a.jpg"]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '"missing: ' in page
    assert '"unreadable: ' in page


def checkerboard(side: int = 8) -> bytes:
    """800 x 600 px with black and white fields of ``side`` px."""
    y, x = np.mgrid[0:600, 0:800]
    board = (((x // side + y // side) % 2) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(board).convert("RGB").save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def made(data: bytes, request: Request) -> Pictures:
    pictures = render(data, request)
    assert isinstance(pictures, Pictures)
    return pictures


def test_blurring_leaves_nothing_of_the_box_and_all_of_the_rest() -> None:
    data = checkerboard()
    plain = made(data, Request(Path("x"), 800))
    blurred = made(data, Request(Path("x"), 800, ((0.25, 0.25, 0.25, 0.5),)))
    for which in ("large", "thumb"):
        before = np.asarray(Image.open(io.BytesIO(getattr(plain, which))).convert("L"), float)
        after = np.asarray(Image.open(io.BytesIO(getattr(blurred, which))).convert("L"), float)
        height, width = after.shape
        inside = (slice(height // 4, 3 * height // 4), slice(width // 4, width // 2))
        outside = (slice(0, height), slice(int(width * 0.6), width))
        assert after[inside].std() < 12 < 80 < before[inside].std()
        assert np.abs(after[outside] - before[outside]).mean() < 3


@pytest.mark.parametrize("ratio", [0.56, 0.75, 4 / 3, 16 / 9, 3.0])
@pytest.mark.parametrize(
    "box", [(0.4, 0.4, 0.02, 0.03), (0, 0, 0.3, 0.2), (0.9, 0.8, 0.1, 0.2), (0, 0, 1, 1)]
)
def test_a_card_shows_the_animal_with_room_about_it(ratio: float, box: tuple[float, ...]) -> None:
    x, y, w, h = cut_around((box[0], box[1], box[2], box[3]), ratio)
    assert 0 <= x <= box[0] < box[0] + box[2] <= x + w + 1e-9 <= 1 + 2e-9
    assert 0 <= y <= box[1] < box[1] + box[3] <= y + h + 1e-9 <= 1 + 2e-9
    if w < 1 and h < 1:
        assert w * ratio / h == pytest.approx(4 / 3)
    assert cut_around(None, ratio) == (0, 0, 1, 1)


def test_the_card_is_cut_from_the_full_photo() -> None:
    """What is far away is shown with its own pixels, not as a part of a small picture."""
    pixels = np.zeros((3000, 4000, 3), np.uint8)
    pixels[1200:1500, 800:1200] = 255
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    pictures = made(buffer.getvalue(), Request(Path("x"), 480, (), (0.2, 0.4, 0.1, 0.1)))
    card = np.asarray(Image.open(io.BytesIO(pictures.thumb)).convert("L"))
    assert card.shape == (300, THUMB_PX)
    assert 0.09 < (card > 128).mean() < 0.13  # a third of its width and height
    assert pictures.large is not None
    assert Image.open(io.BytesIO(pictures.large)).size == (480, 360)


def test_people_are_blurred_from_far_below_what_counts(library: Library, tmp_path: Path) -> None:
    """e.jpg holds a person at 0.12, which no filter shows."""
    with library.database.read() as db:
        found = read_content(
            db, Selection(), GalleryOptions(confidence=None, lowest=0.25, gap=GAP, blur_people=True)
        )
    assert {photo.name: photo.people for photo in found.photos if photo.people} == {
        "TinMan/e.jpg": ((0.625, 0.25, 0.375, 0.25),)
    }
    (library.root / "TinMan" / "e.jpg").write_bytes(checkerboard())
    build(library, tmp_path / "plain.html")
    build(library, tmp_path / "blurred.html", blur_people=True)
    thumbs = [
        re.findall(r'id="thumb-\d+">([^<]+)<', (tmp_path / name).read_text(encoding="utf-8"))
        for name in ("plain.html", "blurred.html")
    ]
    assert sum(a != b for a, b in zip(*thumbs, strict=True)) == 1


def test_orientation_is_applied_and_no_exif_remains(tiny_jpeg: TinyJpeg) -> None:
    data = tiny_jpeg((1600, 1200), exif={0x0112: 6, 0x010F: "RECONYX"})
    pictures = made(data, Request(Path("x"), 1000))
    assert pictures.large is not None
    assert Image.open(io.BytesIO(pictures.large)).size == (750, 1000)
    assert Image.open(io.BytesIO(pictures.thumb)).size == (THUMB_PX * 3 // 4, THUMB_PX)
    assert pictures.ratio == pytest.approx(0.75)
    assert b"RECONYX" not in pictures.large + pictures.thumb
    assert b"Exif" not in pictures.large + pictures.thumb


def test_the_cache_knows_a_photo_by_its_content(tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    cache = Cache(tmp_path / "cache")
    photo = tmp_path / "a.jpg"
    photo.write_bytes(tiny_jpeg())

    def ask(file: Path, *blur: tuple[float, float, float, float]) -> Pictures | NoPicture:
        (answer,) = make_pictures([Request(file, 800, blur)], cache, lambda _done, _total: None)
        return answer

    def kept() -> int:
        return len(list(cache.folder.rglob("*.pictures")))

    first = ask(photo)
    moved = photo.rename(tmp_path / "b.jpg")
    assert ask(moved) == first
    assert kept() == 1
    ask(moved, (0.1, 0.1, 0.5, 0.5))
    assert kept() == 2  # a blurred picture is never given for a plain one, nor the other way
    for file in cache.folder.rglob("*.pictures"):
        file.write_bytes(file.read_bytes()[:-1])
    assert ask(moved) == first
    moved.write_bytes(tiny_jpeg(color=(200, 10, 10)))
    assert ask(moved) != first
    assert isinstance(ask(tmp_path / "gone.jpg"), NoPicture)
    assert kept() == 3


def test_the_command(cli: Cli, library: Library, tmp_path: Path) -> None:
    env = {"TRAILCAM_DB": str(library.database.path)}
    done = cli("gallery", "--months", "9-1", "-o", "page.html", "--blur", "people", env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("page.html: 4 photos in 3 visits at 2 stations, ")
    again = cli("gallery", "--station", "TinMan", "--split", "-o", "page.html", env=env)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "page_files").is_dir()
    (library.root / "TinMan" / "e.jpg").unlink()
    lost = cli("gallery", "--station", "TinMan", "-o", "page.html", env=env)
    assert lost.returncode == 1
    assert "TinMan/e.jpg" in lost.stderr
    assert cli("gallery", env=env).returncode == 2
    bucks = cli("gallery", "--age", "mature", "--sort", "sure", "-o", "bucks.html", env=env)
    assert bucks.stdout.startswith("bucks.html: 4 photos in 2 visits at 1 station, ")
    assert '"start":[0]' in (tmp_path / "bucks.html").read_text(encoding="utf-8")
    unknown = cli("gallery", "--class", "elephant", "-o", "none.html", env=env)
    assert unknown.returncode == 2
    assert "elephant" in unknown.stderr
    assert not (tmp_path / "none.html").exists()
