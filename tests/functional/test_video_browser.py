"""Pages with a video, in a real browser: the frame, its boxes, and the link that plays the clip."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urljoin, urlparse

import pytest

from tests.helpers.answer_page import trailcam
from tests.helpers.browser import browser
from tests.helpers.library import Library
from tests.helpers.trigger import one_trigger
from trailcam.gallery.gallery_options import GalleryOptions
from trailcam.gallery.make_gallery import build_gallery
from trailcam.selection import Selection

pytestmark = [pytest.mark.timeout(300)]
LINKS = (
    "return [...document.querySelectorAll('a')].filter(a => a.textContent === 'Play the clip')"
    ".map(a => a.href)"
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return one_trigger(tmp_path_factory.mktemp("a video"))


def file_of(url: str, page: Path) -> Path:
    return Path(unquote(urlparse(urljoin(page.as_uri(), url)).path))


def test_the_review_draws_what_is_on_the_shown_frame_and_lists_the_rest(
    library: Library, tmp_path: Path
) -> None:
    done = trailcam(library, "review", "-o", "review.html")
    assert done.returncode == 0, done.stderr
    page = library.root.parent / "review.html"
    with browser(tmp_path / "profile") as window:
        window.driver.get(page.as_uri())
        texts = window.run("return [...document.querySelectorAll('#boxes .pick')].map(b => b.textContent)")
        if not texts:  # the photo, on which nothing was seen, comes first
            window.run("document.getElementById('next').click()")
            texts = window.run(
                "return [...document.querySelectorAll('#boxes .pick')].map(b => b.textContent)"
            )
        assert [" at 4 s" in text for text in texts] == [False, True]
        drawn = window.run("return [...document.querySelectorAll('#stage g')].map(g => g.dataset.box)")
        assert drawn == ["0"]
        window.run("document.querySelectorAll('#boxes .pick')[1].click()")
        question = window.run("return document.getElementById('question').textContent")
        assert "It is at 4 s of the video, not on this picture." in question
        (link,) = window.run(LINKS)
        assert file_of(link, page) == library.root / "Hayfield" / "IMG_0012.MP4"
        assert window.errors() == []


def test_the_gallery_plays_the_clip(library: Library, tmp_path: Path) -> None:
    page = library.root.parent / "gallery.html"
    options = GalleryOptions(None, 0.25, timedelta(minutes=30))
    build_gallery(library.database, Selection(), page, options, lambda _done, _total: None)
    with browser(tmp_path / "profile") as window:
        window.driver.get(page.as_uri())
        window.run("document.querySelector('.photo').click()")
        (link,) = window.run(LINKS)
        assert file_of(link, page) == library.root / "Hayfield" / "IMG_0012.MP4"
        assert window.errors() == []
