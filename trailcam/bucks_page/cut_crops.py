"""Photos -> the square crops of animals that a model's vectors are taken of."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from trailcam.detect.model.frame import PAD_VALUE, FrameSpec
from trailcam.detect.pipeline.decode import Failed, decode
from trailcam.detect.pipeline.read_file import Missing, read_file
from trailcam.machine import usable_cores
from trailcam.pages.pictures import photo_size

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""``xywhn``: left, top, width, height, 0..1 of the upright photo."""


class CropPlace(NamedTuple):
    """An animal: a box on a photo, or on a video's frame at ``at_s`` seconds."""

    file: Path
    box: Box
    at_s: float = 0.0


def cut_square(pixels: Pixels, box: Box, px: int, margin: float) -> Pixels:
    """The crop (px, px, 3) around ``box`` on ``pixels`` (height, width, 3).

    A square as wide as the box's longer side and ``margin`` of that on each side, grey beyond the photo.
    """
    height, width = pixels.shape[:2]
    x, y, w, h = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    side = max(w, h, 1.0) * (1 + 2 * margin)
    left, top = round(x + w / 2 - side / 2), round(y + h / 2 - side / 2)
    right, bottom = left + max(1, round(side)), top + max(1, round(side))
    part = pixels[max(top, 0) : max(min(bottom, height), 0), max(left, 0) : max(min(right, width), 0)]
    whole = np.full((bottom - top, right - left, 3), PAD_VALUE, np.uint8)
    whole[max(-top, 0) : max(-top, 0) + part.shape[0], max(-left, 0) : max(-left, 0) + part.shape[1]] = part
    how = cv2.INTER_AREA if side > px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(whole, (px, px), interpolation=how), np.uint8)


def cut_inside(pixels: Pixels, box: Box, px: int) -> Pixels:
    """The part of ``pixels`` around ``box``, scaled to a longer side of ``px`` at most.

    Square where the photo allows it, and never beyond the photo.
    """
    height, width = pixels.shape[:2]
    x, y, w, h = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    side = max(w, h, 1.0)
    wide, high = min(side, width), min(side, height)
    left = min(max(x + w / 2 - wide / 2, 0), width - wide)
    top = min(max(y + h / 2 - high / 2, 0), height - high)
    part = pixels[
        int(top) : max(int(top) + 1, round(top + high)), int(left) : max(int(left) + 1, round(left + wide))
    ]
    scale = min(1.0, px / max(part.shape[:2]))
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)


def crops(places: Sequence[CropPlace], px: int, margin: float | None) -> Iterator[Pixels | None]:
    """The crop of each place, in order; None where the photo can't be read. Several threads decode.

    They are as :func:`cut_square` makes them, or for ``margin`` None as :func:`cut_inside`.
    """
    threads = min(usable_cores(), 16)
    ahead = 4 * threads
    pool = ThreadPoolExecutor(threads, "crops")
    try:
        waiting = deque(pool.submit(_crop, place, px, margin) for place in places[:ahead])
        for n in range(len(places)):
            made = waiting.popleft().result()
            if n + ahead < len(places):
                waiting.append(pool.submit(_crop, places[n + ahead], px, margin))
            yield made
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _crop(place: CropPlace, px: int, margin: float | None) -> Pixels | None:
    data = read_file(place.file, place.at_s)
    if isinstance(data, Missing | Failed):
        return None
    width, height = photo_size(data)
    side = max(place.box[2] * width, place.box[3] * height, 1.0) * (1 + 2 * (margin or 0.0))
    enough = min(max(width, height), max(64, round(max(width, height) * px / side)))
    decoded = decode(data, FrameSpec(imgsz=enough, stride=1))
    if isinstance(decoded, Failed):
        return None
    if margin is None:
        return cut_inside(decoded.pixels, place.box, px)
    return cut_square(decoded.pixels, place.box, px, margin)
