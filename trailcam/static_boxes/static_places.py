"""Places where one camera shows the same box in photo after photo, over days. Pure numpy.

What tells a stump from an animal is how exactly it stays. A model draws its box within a few pixels each
time; the boxes of animals at a feeder overlap, but each is another. So a place is static when many boxes
lie exactly there, over several days, and few lie only about there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trailcam.geometry import Boxes, iou

LEAST_PHOTOS = 12
"""Photos that show the box; fewer tell nothing."""
LEAST_DAYS = 4
"""Days (noon to noon, so that a night is one) on which they were taken: no deer lies so long."""
LEAST_SPAN = np.timedelta64(48, "h")
"""From the first of these photos to the last."""
EXACTLY = 0.8
"""The IoU from which a box is the place's."""
ABOUT = 0.5
"""The IoU from which a box is about the place."""
MOSTLY = 0.7
"""Of the boxes about a place, the share (0..1) that must be exactly there."""
STEADY = 0.008
"""How far a side wanders from day to day at most (a standard deviation, as a share of the photo); for a large
box, a fiftieth of its size. A herd that rests under a tree lies elsewhere each noon."""
_CELL = 0.03  # of the photo's width and height: boxes of one place share a cell or are neighbours
_MOST_PLACES = 40  # looked at for one camera, the fullest first


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A place with a static box. ``box`` is ``xywhn``, the median of its ``members``.

    ``members`` are the indices of its boxes in what was searched, ascending; ``days`` on how many days.
    """

    box: tuple[float, float, float, float]
    members: npt.NDArray[np.int64]
    days: int


def static_places(boxes: Boxes, photo: npt.NDArray[np.int64], at: npt.NDArray[np.datetime64]) -> list[Place]:
    """The static places among the boxes of one camera, the one with most boxes first.

    ``boxes``: (n, 4) float32 ``xywhn``; ``photo``: (n,) the photo of each; ``at``: (n,) datetime64, when that
    was taken (NaT: unknown; such boxes belong to a place, but are no evidence for it).
    """
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    left = np.ones(len(boxes), np.bool_)
    found = []
    for middle in _fullest(corners):
        place = _place(corners, middle, left)
        if place is None:
            continue
        exactly, about = place
        left[about] = False
        days = _days(at[exactly])
        n_days = len(np.unique(days[~np.isnat(days)]))
        share = len(exactly) / len(about)
        if _is_static(photo[exactly], at[exactly], n_days, share) and _is_steady(corners[exactly], days):
            centre = np.median(boxes[exactly], axis=0)
            x, y, w, h = (float(side) for side in centre)
            found.append(Place((x, y, w, h), exactly, n_days))
    return sorted(found, key=lambda place: -len(place.members))


def at_place(boxes: Boxes, box: tuple[float, float, float, float]) -> npt.NDArray[np.bool_]:
    """Which of ``boxes`` ((n, 4) ``xywhn``) lie exactly at ``box``."""
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    x, y, w, h = box
    return iou(corners, np.array([[x, y, x + w, y + h]], np.float32))[:, 0] >= EXACTLY


def _fullest(corners: Boxes) -> list[npt.NDArray[np.float32]]:
    """The middle of each cell that holds enough boxes to be a part of a place, the fullest first."""
    cells = np.floor(corners / _CELL).astype(np.int16)
    _, inverse, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(-1)
    order = np.argsort(-counts, kind="stable")[:_MOST_PLACES]
    # Jitter of a pixel or two can spread a place over 16 cells; one of them has its share.
    full = [cell for cell in order if counts[cell] * 16 >= LEAST_PHOTOS]
    return [np.median(corners[inverse == cell], axis=0) for cell in full]


def _place(
    corners: Boxes, middle: npt.NDArray[np.float32], left: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None:
    """Boxes exactly at a place and about it, once it is centred on them; None where too few are left."""
    for _ in range(2):
        overlap = iou(corners, middle[None])[:, 0]
        overlap[~left] = 0
        exactly = np.flatnonzero(overlap >= EXACTLY)
        if len(exactly) < LEAST_PHOTOS:
            return None
        middle = np.median(corners[exactly], axis=0)
    return exactly, np.flatnonzero(overlap >= ABOUT)


def _days(at: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    """The day, from noon to noon, of each time; NaT stays NaT."""
    return (at - np.timedelta64(12, "h")).astype("datetime64[D]")


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
