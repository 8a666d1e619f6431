"""Boxes within boxes: one animal gets one box. Imports no torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trailcam.geometry import Boxes


def outer(xyxy: Boxes, kinds: npt.NDArray[np.integer], share: float) -> npt.NDArray[np.int64]:
    """Indices of the boxes that stay, of boxes whose most confident come first.

    A box goes when one of its kind that stays overlaps it by more than ``share`` (0..1) of the smaller one's
    area: a head within a deer, a wheel within a car.
    """
    sides = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0)
    areas = sides[:, 0] * sides[:, 1]
    kept: list[int] = []
    for i in range(len(xyxy)):
        rivals = np.array([k for k in kept if kinds[k] == kinds[i]], np.int64)
        low = np.maximum(xyxy[rivals, :2], xyxy[i, :2])
        high = np.minimum(xyxy[rivals, 2:], xyxy[i, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        if not (shared > share * np.minimum(areas[rivals], areas[i])).any():
            kept.append(i)
    return np.array(kept, np.int64)
