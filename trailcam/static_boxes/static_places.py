"""Places where one camera shows the same box in photo after photo, over days. Pure numpy.

What tells a stump from an animal is how exactly it stays. A model draws its box within a few pixels each
time; the boxes of animals at a feeder overlap, but each is another. So a place is static when many boxes
lie exactly there, over several days, and few lie only about there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trailcam.domain import SAME_PLACE
from trailcam.geometry import Boxes

LEAST_PHOTOS = 12
"""Photos that show the box; fewer tell nothing."""
LEAST_DAYS = 4
"""Days (noon to noon, so that a night is one) on which they were taken: no deer lies so long."""
LEAST_SPAN = np.timedelta64(48, "h")
"""From the first of these photos to the last."""
ABOUT = 0.5
"""The IoU from which a box is about the place."""
SURE_PHOTOS = 30
"""As LEAST_PHOTOS, for a place that nobody needs to look at."""
SURE_DAYS = 8
"""As LEAST_DAYS, for such a place."""
SURE_SPAN = np.timedelta64(7, "D")
"""As LEAST_SPAN, for such a place."""
MOSTLY = 0.7
"""Of the boxes about a place, the share (0..1) that must be exactly there."""
STEADY = 0.008
"""How far a side wanders from day to day at most (a standard deviation, as a share of the photo); for a large
box, a fiftieth of its size. A herd that rests under a tree lies elsewhere each noon."""
_CELL = 0.03  # of the photo's width and height: boxes of one place share a cell or are neighbours
_MOST_PLACES = 40  # looked at for one camera, the fullest first


@dataclass(frozen=True, slots=True, eq=False)
class StaticPlace:
    """A place with a static box. ``box`` is ``xywhn``, the median of its ``members``.

    ``members`` are the indices of its boxes in what was searched, ascending; ``days`` on how many days.
    ``is_sure``: there is so much of it that nobody needs to look.
    """

    box: tuple[float, float, float, float]
    members: npt.NDArray[np.int64]
    days: int
    is_sure: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Corners:
    """Boxes by their sides, each (n,) float32: many passes over a busy camera's boxes must be quick."""

    left: npt.NDArray[np.float32]
    top: npt.NDArray[np.float32]
    right: npt.NDArray[np.float32]
    bottom: npt.NDArray[np.float32]

    @classmethod
    def of(cls, boxes: Boxes) -> _Corners:
        x, y, w, h = np.ascontiguousarray(np.asarray(boxes, np.float32).reshape(-1, 4).T)
        return cls(x, y, x + w, y + h)

    def overlap(self, middle: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The IoU (n,) with one box: left, top, right, bottom."""
        left, top, right, bottom = middle
        across = np.minimum(self.right, right) - np.maximum(self.left, left)
        down = np.minimum(self.bottom, bottom) - np.maximum(self.top, top)
        both = np.maximum(across, 0) * np.maximum(down, 0)
        area = (self.right - self.left) * (self.bottom - self.top)
        union = area + (right - left) * (bottom - top) - both
        found: npt.NDArray[np.float32] = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
        return found

    def stacked(self) -> npt.NDArray[np.float32]:
        """(n, 4)."""
        return np.stack([self.left, self.top, self.right, self.bottom], axis=1)


def static_places(
    boxes: Boxes, photo: npt.NDArray[np.int64], at: npt.NDArray[np.datetime64]
) -> list[StaticPlace]:
    """The static places among the boxes of one camera, the one with most boxes first.

    ``boxes``: (n, 4) float32 ``xywhn``; ``photo``: (n,) the photo of each; ``at``: (n,) datetime64, when that
    was taken (NaT: unknown; such boxes belong to a place, but are no evidence for it).
    """
    sides = _Corners.of(boxes)
    corners = sides.stacked()
    free = np.ones(len(boxes), np.bool_)  # not about a place that was found
    found, others = [], np.zeros((0, 4), np.float32)
    for middle in _fullest(corners):
        exactly, about, middle = _place(sides, corners, middle, free)
        if len(exactly) < LEAST_PHOTOS or (_Corners(*others.T).overlap(middle) >= SAME_PLACE).any():
            continue
        days = _days(at[exactly])
        n_days = len(np.unique(days[~np.isnat(days)]))
        share = len(exactly) / len(about)
        if _is_static(photo[exactly], at[exactly], n_days, share) and _is_steady(corners[exactly], days):
            free[about] = False
            centre = np.median(boxes[exactly], axis=0)
            x, y, w, h = (float(side) for side in centre)
            sure = _is_sure(photo[exactly], at[exactly], n_days)
            found.append(StaticPlace((x, y, w, h), exactly, n_days, sure))
        else:
            # Its boxes stay: what is only about another place speaks against that one too.
            others = np.concatenate([others, middle[None]])
    return sorted(found, key=lambda place: -len(place.members))


def overlap_with(boxes: Boxes, box: tuple[float, float, float, float]) -> npt.NDArray[np.float32]:
    """The IoU (n,) of ``boxes`` ((n, 4) ``xywhn``) with ``box``."""
    x, y, w, h = box
    return _Corners.of(boxes).overlap(np.array([x, y, x + w, y + h], np.float32))


def _days(at: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    """The day, from noon to noon, of each time; NaT stays NaT."""
    return (at - np.timedelta64(12, "h")).astype("datetime64[D]")


def _fullest(corners: Boxes) -> list[npt.NDArray[np.float32]]:
    """The middle of each cell that holds enough boxes to be a part of a place, the fullest first."""
    # As one number a cell: numpy sorts rows a hundred times as slowly.
    places = np.clip(np.floor(corners / _CELL), 0, 63).astype(np.int64)
    cells = ((places[:, 0] * 64 + places[:, 1]) * 64 + places[:, 2]) * 64 + places[:, 3]
    _, inverse, counts = np.unique(cells, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_MOST_PLACES]
    # Jitter of a pixel or two can spread a place over 16 cells; one of them has its share.
    full = [cell for cell in order if counts[cell] * 16 >= LEAST_PHOTOS]
    return [np.median(corners[inverse == cell], axis=0) for cell in full]


def _place(
    sides: _Corners, corners: Boxes, middle: npt.NDArray[np.float32], free: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The free boxes exactly at a place and about it, and its middle, once it is centred on them."""
    for last in (False, True):
        overlap = sides.overlap(middle)
        overlap[~free] = 0
        exactly = np.flatnonzero(overlap >= SAME_PLACE)
        if len(exactly) < LEAST_PHOTOS or last:
            break
        middle = np.median(corners[exactly], axis=0)
    return exactly, np.flatnonzero(overlap >= ABOUT), middle


def _is_steady(corners: Boxes, days: npt.NDArray[np.datetime64]) -> bool:
    """Whether the days agree on where the box is."""
    daily = np.array([np.median(corners[days == day], axis=0) for day in np.unique(days[~np.isnat(days)])])
    size = np.tile(np.median(corners[:, 2:] - corners[:, :2], axis=0), 2)
    wander = 1.4826 * np.median(np.abs(daily - np.median(daily, axis=0)), axis=0)
    return bool(np.median(wander - np.maximum(STEADY, size / 50)) <= 0)


def _is_static(
    photos: npt.NDArray[np.int64], at: npt.NDArray[np.datetime64], days: int, share: float
) -> bool:
    known = at[~np.isnat(at)]
    return (
        len(np.unique(photos)) >= LEAST_PHOTOS
        and days >= LEAST_DAYS
        and bool(known.max() - known.min() >= LEAST_SPAN)
        and share >= MOSTLY
    )


def _is_sure(photos: npt.NDArray[np.int64], at: npt.NDArray[np.datetime64], days: int) -> bool:
    known = at[~np.isnat(at)]
    return (
        len(np.unique(photos)) >= SURE_PHOTOS
        and days >= SURE_DAYS
        and bool(known.max() - known.min() >= SURE_SPAN)
    )
