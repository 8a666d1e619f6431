"""Where a person meets a video: the page to judge on, `show`, sidecars, its strip and its light."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.helpers.clips import red_square, write_clip
from tests.helpers.library import Library
from tests.helpers.strips import LAYOUTS, render_folder
from tests.helpers.trigger import one_trigger
from trailcam.clock.infrared import colour_of_file
from trailcam.export.xmp import export_xmp
from trailcam.pages.shown import link_to
from trailcam.reports.photo import photo_report
from trailcam.review.choose import choose
from trailcam.review.make_review import ReviewOptions, build_review
from trailcam.samples.avi import avi_of
from trailcam.selection import Selection
from trailcam.strip.folder import read_folder
from trailcam.strip.ocr import Ocr, available
from trailcam.strip.records import StripImage


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return one_trigger(tmp_path)


def test_a_review_asks_about_each_animal_and_draws_those_of_the_shown_frame(library: Library) -> None:
    with library.database.read() as db:
        questions = choose(db, Selection(), rules={}, gap=timedelta(minutes=30), limit=9)
    by_name = {photo.name.rpartition("/")[2]: photo for photo in questions.photos}
    clip, still = by_name["IMG_0012.MP4"], by_name["IMG_0012.JPG"]
    assert clip.at_s == 0.0
    assert [(box.confidence, box.elsewhere_s) for box in clip.boxes] == [(0.9, None), (0.7, 4.0)]
    assert clip.clip == clip.file
    assert still.clip == clip.file


def test_pages_link_to_the_clip_relative_to_themselves(library: Library, tmp_path: Path) -> None:
    page = tmp_path / "pages" / "review.html"
    page.parent.mkdir()
    options = ReviewOptions(timedelta(minutes=30), 9, random=False, rules={}, cache=None)
    report = build_review(library.database, Selection(), page, options, lambda *_: None)
    assert report.problems == []
    assert "../photos/Hayfield/IMG_0012.MP4" in page.read_text(encoding="utf-8")
    assert link_to(Path("s3:/bucket/a.mp4"), page) == ""
    assert link_to(tmp_path / "a b#1%.mp4", page) == "../a%20b%231%25.mp4"


def facts_of(library: Library, name: str) -> Mapping[str, Any]:
    with library.database.read() as db:
        report = photo_report(db, library.ids[name])
    return {row["name"]: row["value"] for section in report.sections[:1] for row in section.rows}


def test_show_names_the_frames_and_the_other_file_of_the_trigger(library: Library) -> None:
    clip = facts_of(library, "IMG_0012.MP4")
    assert clip["frames looked at"] == "0.0, 1.0, 2.0, 3.0, 4.0 s"
    assert clip["of the same trigger"] == f"photo {library.ids['IMG_0012.JPG']}"
    still = facts_of(library, "IMG_0012.JPG")
    assert still["of the same trigger"] == f"video {library.ids['IMG_0012.MP4']}"
    assert "frames looked at" not in still


def test_a_video_has_a_sidecar_of_its_own_beside_its_photo(library: Library, tmp_path: Path) -> None:
    export_xmp(library.database, Selection(), tmp_path / "x", None, full_names=False)
    folder = tmp_path / "x" / "Hayfield"
    assert sorted(path.name for path in folder.iterdir()) == ["IMG_0012.JPG.xmp", "IMG_0012.MP4.xmp"]
    words = {
        path.name: re.findall(r"trailcam\|[a-z|]+", path.read_text(encoding="utf-8"))
        for path in folder.iterdir()
    }
    assert words == {
        "IMG_0012.JPG.xmp": ["trailcam|blank"],
        "IMG_0012.MP4.xmp": ["trailcam|deer|buck|mature", "trailcam|deer|doe"],
    }


@pytest.mark.skipif(not available(), reason="needs the extra: pip install 'trailcam[ocr]'")
@pytest.mark.parametrize("name", ["ranch-like", "bushnell-like"])
def test_the_strip_of_a_clip_is_read_on_its_first_frame(name: str, tmp_path: Path) -> None:
    layout = next(layout for layout in LAYOUTS if layout.name == name)
    truths = render_folder(tmp_path, layout, 6, 7, days=20)
    images = []
    for truth in truths:
        with Image.open(truth.path) as photo:
            later = Image.new("RGB", photo.size)
            later.save(tmp_path / "later.jpg")
            clip = avi_of(
                [truth.path.read_bytes(), (tmp_path / "later.jpg").read_bytes()], size=photo.size, fps=1
            )
        path = truth.path.with_suffix(".AVI")
        path.write_bytes(clip)
        images.append(StripImage(path.name, path))
    found = list(read_folder(images, Ocr(), now=datetime(2026, 12, 1)))
    read = [reading.captured_at for reading in found]
    assert [at for at, truth in zip(read, truths, strict=True) if at not in (truth.at, None)] == []
    assert sum(at is not None for at in read) >= 5


def test_infrared_is_told_by_the_first_frame(tmp_path: Path) -> None:
    grey = write_clip(tmp_path / "night.mp4", red_square(place=lambda at_s: 96 if at_s >= 1 else None))
    red = write_clip(tmp_path / "day.mp4", red_square(place=lambda _: 96))
    by_night, by_day = colour_of_file(grey), colour_of_file(red)
    assert by_night is not None
    assert by_day is not None
    assert by_night < 2 < by_day
    (tmp_path / "broken.mp4").write_bytes(grey.read_bytes()[:300])
    assert colour_of_file(tmp_path / "broken.mp4") is None
