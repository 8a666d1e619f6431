"""The drawn moon: how full it is, and which disc it is."""

from __future__ import annotations

from datetime import datetime, timedelta

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.helpers.strips import draw_moon
from trailcam.strip.moon import find_discs, lit_share, mean_lit, the_moon
from trailcam.strip.ocr import Box, Gray


def strip(lit: float, *, dark_ink: bool, px: int = 28) -> tuple[Gray, Box]:
    """A strip of 60 px with a moon at x = 100, and its place."""
    ground, ink = (250, 10) if dark_ink else (5, 245)
    picture = Image.new("RGB", (300, 60), (ground,) * 3)
    icon = draw_moon(lit, px, (ink,) * 3, dark_ink=dark_ink)
    picture.paste(icon, (100, 15), icon)
    gray: Gray = np.asarray(picture.convert("L"))
    return gray, Box(100, 15, 100 + px, 15 + px)


@pytest.mark.parametrize("dark_ink", [True, False])
@pytest.mark.parametrize("lit", [0.0, 0.15, 0.5, 0.85, 1.0])
def test_a_drawn_moon_is_found_and_its_lit_share_read(lit: float, dark_ink: bool) -> None:
    gray, place = strip(lit, dark_ink=dark_ink)
    (found,) = find_discs(gray, Box(0, 10, 300, 50), [])
    assert abs(found.x0 - place.x0) <= 2
    assert abs(found.y1 - place.y1) <= 2
    share = lit_share(gray, found)
    assert share == pytest.approx(lit, abs=0.1)


def test_letters_and_boxes_are_no_discs() -> None:
    gray = np.zeros((60, 300), np.uint8)
    cv2.rectangle(gray, (20, 15), (48, 43), 255, 2)
    cv2.ellipse(gray, (150, 29), (8, 14), 0, 0, 360, 255, 3)  # a 0
    cv2.circle(gray, (220, 29), 14, 255, 3)  # an O that was read as another letter
    assert find_discs(gray, Box(0, 10, 300, 50), [220.0]) == []
    assert len(find_discs(gray, Box(0, 10, 300, 50), [])) == 1


def test_nothing_stands_out_from_an_even_ground() -> None:
    assert lit_share(np.full((60, 60), 90, np.uint8), Box(10, 10, 40, 40)) is None


def test_the_moon_is_the_disc_that_follows_the_moon() -> None:
    letter, moon = Box(10, 10, 40, 40), Box(200, 10, 230, 40)
    days = [datetime(2024, 11, 1) + timedelta(days=4 * k) for k in range(6)]
    seen = [([(letter, 0.0), (moon, round(mean_lit(day) * 4) / 4)], [day]) for day in days]
    assert the_moon(seen) == moon
    assert the_moon([([(letter, 0.0)], [day]) for day in days]) is None
    opposite = [([(moon, 1 - mean_lit(day))], [day]) for day in days]
    assert the_moon(opposite) is None
    assert the_moon([]) is None


@pytest.mark.parametrize(
    ("at", "lit"),
    [  # phases as almanacs give them
        (datetime(2024, 11, 1, 12, 47), 0.0),
        (datetime(2024, 11, 15, 21, 28), 1.0),
        (datetime(2016, 3, 23, 12, 1), 1.0),
        (datetime(2015, 7, 16, 1, 24), 0.0),
        (datetime(2024, 11, 9, 5, 55), 0.5),
    ],
)
def test_the_mean_moon_is_near_the_true_one(at: datetime, lit: float) -> None:
    assert mean_lit(at) == pytest.approx(lit, abs=0.1)
