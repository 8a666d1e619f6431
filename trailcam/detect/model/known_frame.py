"""A picture that is the same everywhere, and how far two answers to it may differ. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from trailcam.detect.model.protocol import RawOutput

WIDTH, HEIGHT = 320, 256  # px

_TOP = 20  # places whose boxes are compared: where no score is, a box means nothing


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two outputs may differ: scores and probabilities (0..1), boxes in px of the frame."""

    score: float
    box_px: float


# The largest differences measured: docs/reliability.md, "The canary".
EXACT = Tolerance(score=0.005, box_px=1.0)
ROUNDED = Tolerance(score=0.1, box_px=4.0)


def frame(height: int = HEIGHT, width: int = WIDTH) -> npt.NDArray[np.uint8]:
    """The fixed frame, (height, width, 3) uint8 RGB: grass, sky, and a body on legs. Integers alone.

    No random numbers, fonts or floating point, so that it is the same to the bit on every machine.
    """
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    grain = (x * 7919 + y * 104729 + (x * y) % 8191 * 31) % 23
    picture = np.stack([70 + grain + y * 60 // height, 100 + grain, 50 + grain // 2], axis=2)
    sky = y < height // 3
    picture[sky] = np.stack([120 + x * 60 // width, 150 + y // 4, 190 - y // 4], axis=2)[sky]
    cx, cy, rx, ry = width // 2, height // 2, width // 5, height // 9
    body = (x - cx) ** 2 * ry**2 + (y - cy) ** 2 * rx**2 < rx**2 * ry**2
    head = (x - cx - rx) ** 2 + 2 * (y - cy + ry) ** 2 < (height // 12) ** 2
    legs = (np.abs((x - cx + rx) % (rx * 2 // 3) - rx // 3) < width // 80) & (np.abs(x - cx) < rx)
    legs &= (y > cy) & (y < cy + 2 * ry + height // 12)
    for part, brown in ((legs, 84), (body, 122), (head, 110)):
        picture[part] = np.stack([brown + grain, brown - 24 + grain, brown - 52 + grain], axis=2)[part]
    pixels: npt.NDArray[np.uint8] = np.clip(picture, 0, 255).astype(np.uint8)
    return pixels


def difference(a: RawOutput, b: RawOutput) -> tuple[float, float]:
    """The largest difference of scores (0..1), and the median of the best places' boxes in px."""
    if a.scores.shape != b.scores.shape:
        return 1.0, float("inf")
    score = float(np.abs(a.scores - b.scores).max(initial=0.0))
    if a.second is not None and b.second is not None:
        score = max(score, float(np.abs(a.second - b.second).max(initial=0.0)))
    box = 0.0
    if a.boxes is not None and b.boxes is not None:
        best = np.argsort(-b.scores.max(axis=1), kind="stable")[:_TOP]
        box = float(np.median(np.abs(a.boxes[best] - b.boxes[best]).max(axis=1)))
    return score, box
