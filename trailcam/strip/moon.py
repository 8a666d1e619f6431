"""The drawn moon in a strip: a disc with an outline, whose bright part is the lit part.

Reconyx, Bushnell and others draw it so on dark and on light strips. A bare crescent without the dark part's
outline is not read: where its disc ends can't be seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import cv2
import numpy as np

from trailcam.strip.ocr import Box, Gray, crop

_CONTRAST = 50  # grey levels between ink and ground
_ROUND = 0.07  # by which area and sides may differ from a disc's
_INNER = 0.86  # share of the diameter that is free of the outline
_CLOSE = 0.25  # mean difference to the almanac's moon, as a share, beyond which a disc is none
# What a text reader may take a disc for; a component that was read as another character is that character.
LIKE_A_DISC = frozenset("O0oQCDcG()°@. ")

# A new moon, and the mean time from one to the next (Meeus, Astronomical Algorithms, chapter 49).
_NEW_MOON = datetime(2000, 1, 6, 18, 14)  # noqa: DTZ001 - UTC; half a day is half of what icons can show
_MONTH_DAYS = 29.530588853


def mean_lit(at: datetime) -> float:
    """The lit share of the moon, 0..1, from its mean motion: good to 0.15, as fine as an icon shows it."""
    age = (at - _NEW_MOON).total_seconds() / 86400 / _MONTH_DAYS
    return (1 - math.cos(2 * math.pi * age)) / 2


def find_discs(band: Gray, row: Box, letters: Sequence[float]) -> list[Box]:
    """Discs in the row of a band that holds a line of text.

    ``row`` gives the line's height; its x don't matter. ``letters`` are the x of characters that no disc is
    read as.
    """
    spare = row.height // 5
    top = max(0, row.y0 - spare)
    strip = band[top : row.y1 + spare]
    _, mask = cv2.threshold(strip, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    if (mask > 0).mean() > 0.5:
        mask = 255 - mask
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    discs = []
    for contour in contours:
        x, y, w, h = cv2.boundingRect(contour)
        if not (0.3 * row.height < h <= strip.shape[0] and h >= 9 and abs(w - h) <= max(1, 0.1 * h)):
            continue
        area = float(cv2.contourArea(cv2.convexHull(contour)))
        if abs(area / (math.pi / 4 * (w - 1) * (h - 1)) - 1) > _ROUND:
            continue
        if not any(x <= letter < x + w for letter in letters):
            discs.append(Box(x, top + y, x + w, top + y + h))
    return discs


def lit_share(band: Gray, disc: Box) -> float | None:
    """The bright share of a disc, 0..1; None where nothing stands out from its ground."""
    around = crop(band, Box(disc.x0 - 2, disc.y0 - 1, disc.x1 + 2, disc.y1 + 1))
    low, high = float(np.percentile(around, 3)), float(np.percentile(around, 97))
    if high - low < _CONTRAST:
        return None
    # Across the terminator, the lit part of the diameter is the lit share of the disc.
    y = (disc.y0 + disc.y1) // 2
    half, inner = disc.height // 8, round(disc.width * (1 - _INNER) / 2)
    middle = crop(band, Box(disc.x0 + inner, y - half, disc.x1 - inner, y + half + 1)).astype(np.float32)
    return round(float(((middle - low) / (high - low) > 0.5).mean()), 2)


def the_moon(seen: Sequence[tuple[Sequence[tuple[Box, float | None]], Sequence[datetime]]]) -> Box | None:
    """Which disc is the camera's moon, from each photo's discs and the times when it may have been taken.

    It stands in the same place in most photos, and is about as full as the moon then was. At least three
    photos must show it, and not always as empty or full as a letter O.
    """
    best: tuple[float, Box] | None = None
    for discs, _ in seen:
        for disc, _ in discs:
            errors, shares = [], []
            for others, moments in seen:
                lit = next((lit for other, lit in others if _same(disc, other)), None)
                if lit is not None and moments:
                    errors.append(min(abs(mean_lit(at) - lit) for at in moments))
                    shares.append(lit)
            if len(errors) < max(3, 0.6 * len(seen)) or max(shares) - min(shares) < 0.1:
                continue
            error = sum(errors) / len(errors)
            if error <= _CLOSE and (best is None or error < best[0]):
                best = (error, disc)
    return best[1] if best else None


def _same(a: Box, b: Box) -> bool:
    slack = 0.2 * max(a.height, b.height)
    return abs(a.x0 - b.x0) <= slack and abs(a.y0 - b.y0) <= slack and abs(a.height - b.height) <= slack
