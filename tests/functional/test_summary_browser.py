"""The printable summary: what it says, and that it is one page on A4 and on Letter."""

from __future__ import annotations

import base64
import random
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import Cli, TinyJpeg
from tests.helpers.browser import browser
from tests.helpers.library import Library, Photo, make_library

PAPER = {"A4": (8.27, 11.69), "Letter": (8.5, 11.0)}  # inches
TEXT = "return document.body.innerText"


@pytest.fixture
def library(tmp_path: Path, tiny_jpeg: TinyJpeg) -> Library:
    """25 stations, seven seasons, more bucks than have room: what could make a second page."""
    chance = random.Random(3)
    photos, found = [], {}
    for n in range(300):
        station = f"A station whose name goes on and on, number {n % 25}" if n % 25 else "<script>"
        at = datetime(2018, 9, 1) + timedelta(days=chance.randrange(7 * 365), minutes=chance.randrange(1440))
        photos.append(Photo(f"p{n}.jpg", at if n % 20 else None, station))
        if n % 3:
            found[f"p{n}.jpg"] = [(chance.choice(("young", "mid", "mature", "doe")), 0.5 + n / 1000)]
    library = make_library(tmp_path, photos, found)
    for photo in photos:
        file = library.root / photo.station / photo.name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(tiny_jpeg((640, 480)))
    return library


def summary(cli: Cli, library: Library, *options: str) -> Path:
    env = {"TRAILCAM_DB": str(library.database.path)}
    done = cli("report", "summary", "-o", "summary.html", *options, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("summary.html: one page")
    return library.root.parent / "summary.html"


def test_one_page_on_any_paper(cli: Cli, library: Library, tmp_path: Path) -> None:
    file = summary(cli, library)
    with browser(tmp_path / "profile") as window:
        window.driver.get(file.as_uri())
        assert window.run("return document.querySelectorAll('.six img').length") == 6
        assert all(window.run("return [...document.querySelectorAll('img')].map(n => n.naturalWidth > 0)"))
        for name, (width, height) in PAPER.items():
            wanted = {"paperWidth": width, "paperHeight": height, "printBackground": True}
            printed = window.driver.execute_cdp_cmd("Page.printToPDF", wanted)["data"]
            pages = re.findall(rb"/Type\s*/Page[^s]", base64.b64decode(printed))
            assert len(pages) == 1, name
        text = window.run(TEXT)
        assert "visits of mature bucks" in text
        assert "and 15 more" in text
        assert "100 pending" in text
        assert window.run("return document.querySelectorAll('body script').length") == 0
        assert window.errors() == []
        assert {url for url in window.requests() if not url.startswith("data:")} == {file.as_uri()}


def test_what_it_says_by_hand(cli: Cli, tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    photos = [
        Photo("a.jpg", "2024-11-03 06:10"),
        Photo("b.jpg", "2024-11-03 06:20"),
        Photo("c.jpg", "2025-11-09 17:00", "Creek"),
        Photo("blank.jpg", "2025-11-09 18:00", "Creek"),
    ]
    library = make_library(
        tmp_path,
        photos,
        {"a.jpg": [("mature", 0.6)], "b.jpg": [("mature", 0.9)], "c.jpg": [("mid", 0.8)], "blank.jpg": []},
    )
    for photo in photos:
        file = library.root / photo.station / photo.name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(tiny_jpeg())
    page = summary(cli, library, "--season", "rut").read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))
    assert "Bucks: season rut" in text
    assert "1 visit of mature bucks. The last was on 3 Nov 2024 at 06:10, at Hayfield." in text
    assert "Coverage: 4 of 4 photos looked at (100 %)" in text
    assert "2024-25 1 100.0 2025-26 1 " in text  # one camera-day each; nothing where nothing was
    assert "Hayfield 1 1 1 3 Nov 2024 Creek 1 1 " in text
    assert page.count("<figure>") == 2  # the visit's best photo, and the other buck
    assert "Mature buck 90 % Hayfield · 3 Nov 2024 at 06:20" in text


def test_without_a_buck_it_says_so(cli: Cli, tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    library = make_library(tmp_path, [Photo("a.jpg", "2024-11-03 06:10")], {"a.jpg": []})
    file = library.root / "Hayfield" / "a.jpg"
    file.parent.mkdir()
    file.write_bytes(tiny_jpeg())
    page = summary(cli, library).read_text(encoding="utf-8")
    assert "No buck in 1 photo." in page
    assert "<figure>" not in page
    lost = cli("report", "summary", env={"TRAILCAM_DB": str(library.database.path)})
    assert lost.returncode == 2
