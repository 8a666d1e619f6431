"""An area's corners as people type them, and what makes them no area."""

from __future__ import annotations

from collections.abc import Sequence

from trailcam.errors import UsageError
from trailcam.words.text import printable

Points = tuple[tuple[float, float], ...]
"""Corners x, y, 0..1 of the upright photo from its top left."""

_LEAST = 1e-4  # of the photo's area: less is a slip of the hand


def parse_points(text: str) -> Points:
    """``"0.1,0.2 0.5,0.2 0.5,0.6"`` -> its corners. Raises UsageError."""
    hint = 'Give three corners or more as shares of the photo: --points "0,0 0.3,0 0.3,0.2"'
    try:
        found = [tuple(float(side) for side in corner.split(",")) for corner in text.split()]
        points = tuple((x, y) for x, y in found)
    except ValueError:
        raise UsageError(f'--points "{printable(text)}" names no corners.', hint) from None
    if wrong := what_is_wrong(points):
        raise UsageError(f"The area {wrong}.", hint)
    return points


def what_is_wrong(points: Sequence[tuple[float, float]]) -> str:
    """Why the corners make no area, as the end of a sentence; empty where they do."""
    if len(points) < 3:
        return "must have three corners or more"
    if not all(0 <= side <= 1 for point in points for side in point):
        return "must lie on the photo: write shares from 0 to 1"
    turned = (*points[1:], points[0])
    doubled = sum(ax * by - bx * ay for (ax, ay), (bx, by) in zip(points, turned, strict=True))
    return "" if abs(doubled) / 2 >= _LEAST else "is so narrow that nothing can lie in it"
