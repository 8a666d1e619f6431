"""Boxes within boxes: one animal gets one box. Imports no torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trailcam.geometry import Boxes, share_of_smaller


def outer(xyxy: Boxes, kinds: npt.NDArray[np.integer], share: float) -> npt.NDArray[np.int64]:
    """Indices of the boxes that stay, of boxes whose most confident come first.

    A box goes when one of its kind that stays overlaps it by more than ``share`` (0..1) of the smaller one's
    area: a head within a deer, a wheel within a car.
    """
    covered = (share_of_smaller(xyxy, xyxy) > share) & (kinds[:, None] == kinds[None, :])
    kept: list[int] = []
    for i in range(len(xyxy)):
        if not covered[i, kept].any():
            kept.append(i)
    return np.array(kept, np.int64)
