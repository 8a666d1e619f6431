"""Sights -> their pictures for the page, and the vectors that tell look-alikes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from trailcam.bucks_page.cut_crops import Box, CropPlace, crops
from trailcam.bucks_page.look_cache import LookCache
from trailcam.bucks_page.rows import Sight
from trailcam.pages.html import Shown
from trailcam.pages.pictures import Cache, Pictures, encode_picture
from trailcam.pages.shown import encoded

if TYPE_CHECKING:
    from collections.abc import Mapping

Vector = npt.NDArray[np.float32]
Progress = Callable[[int, int], object]
_BATCH = 32
# The crop of the page: the animal, with room for antlers that a tight box cuts off.
_AROUND, _ABOVE = 0.06, 0.14


class LooksOf(Protocol):
    """A model's vectors: see ``detect.model.looks.Looks``."""

    px: int
    margin: float
    key: str

    def __call__(self, crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """(n, px, px, 3) uint8 -> (n, d) float32 of length 1."""
        ...


class Wanted(NamedTuple):
    """A picture: what of which sight, and its longer side in px."""

    sight: Sight
    px: int


def vectors_of(
    sights: Sequence[Sight], looks: LooksOf, folder: Path | None, progress: Progress
) -> dict[Sight, Vector]:
    """The vector of each sight whose photo can be read, computed in batches or known from before.

    ``folder`` is where they are kept, None: nowhere.
    """
    cache = LookCache(folder, looks.key)
    keys = {sight: _key(sight, f"{looks.px} {looks.margin}") for sight in sights}
    found = {sight: known for sight, key in keys.items() if (known := cache.get(key)) is not None}
    todo = [sight for sight in keys if sight not in found]
    waiting: list[tuple[Sight, npt.NDArray[np.uint8]]] = []

    def flush() -> None:
        if waiting:
            for (sight, _), vector in zip(
                waiting, looks(np.stack([crop for _, crop in waiting])), strict=True
            ):
                found[sight] = vector
                cache.put(keys[sight], vector)
            waiting.clear()

    try:
        made = crops([CropPlace(sight.file, sight.box, sight.at_s) for sight in todo], looks.px, looks.margin)
        for n, (sight, crop) in enumerate(zip(todo, made, strict=True), 1):
            if crop is not None:
                waiting.append((sight, crop))
            if len(waiting) >= _BATCH:
                flush()
            progress(n, len(todo))
        flush()
    finally:
        cache.save()  # also what an interrupted command has computed
    return found


def pictures_of(wanted: Sequence[Wanted], cache: Cache | None, progress: Progress) -> list[Shown]:
    """The pictures, cut around the animals; a ``problem`` where a photo can't be read."""
    shown: list[Shown | None] = []
    keys = [_key(one.sight, f"picture {one.px} {_AROUND} {_ABOVE}") for one in wanted]
    for key in keys:
        known = cache.get(key) if cache else None
        shown.append(Shown(encoded(known.thumb), "", known.ratio) if known else None)
    todo = [n for n, one in enumerate(shown) if one is None]
    by_px: dict[int, list[int]] = {}
    for n in todo:
        by_px.setdefault(wanted[n].px, []).append(n)
    done = 0
    for px, places in by_px.items():
        cuts = [_place(wanted[n].sight) for n in places]
        for n, crop in zip(places, crops(cuts, px, None), strict=True):
            done += 1
            progress(done, len(todo))
            if crop is None:
                shown[n] = Shown(problem="missing or unreadable: no picture of this photo can be made")
                continue
            picture = Pictures(encode_picture(crop), None, crop.shape[1] / crop.shape[0])
            if cache:
                cache.put(keys[n], picture)
            shown[n] = Shown(encoded(picture.thumb), "", picture.ratio)
    return [one for one in shown if one is not None]


def _place(sight: Sight) -> CropPlace:
    return CropPlace(sight.file, _around(sight.box), sight.at_s)


def _around(box: Box) -> Box:
    x, y, w, h = box
    left, top = max(0.0, x - _AROUND * w), max(0.0, y - _ABOVE * h)
    right, bottom = min(1.0, x + (1 + _AROUND) * w), min(1.0, y + (1 + _AROUND) * h)
    return left, top, max(right - left, 1e-3), max(bottom - top, 1e-3)


def _key(sight: Sight, form: str) -> str:
    """The same for the same content and box, wherever the photo lies."""
    content = sight.content_id or f"{sight.path} {sight.mtime_ns}"
    text = repr((form, content, sight.size_bytes, tuple(round(side, 6) for side in sight.box)))
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=20).hexdigest()


def mean_vector(sights: Sequence[Sight], vectors: Mapping[Sight, Vector]) -> Vector | None:
    """What a row looks like: the mean of its sights' vectors, of length 1; None where there is none."""
    own = [vectors[sight] for sight in sights if sight in vectors]
    if not own:
        return None
    mean = np.mean(own, axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length, np.float32) if length else None
