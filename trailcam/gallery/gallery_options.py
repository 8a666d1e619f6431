"""How a gallery is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from trailcam.pages.pictures import Cache
from trailcam.words.months import DEFAULT_FIRST_MONTH, Season

BLUR_FROM = 0.10
"""People are blurred from this confidence on, far below what counts: a face too many costs little."""


@dataclass(frozen=True, slots=True)
class GalleryOptions:
    """How a gallery is made.

    ``confidence`` is 0..1, None for what the weights recommend; boxes below ``lowest`` (0..1) are left out,
    unless they count. ``gap`` ends a visit, ``first_month`` (1..12) begins a season-year. ``cache`` None
    keeps no pictures. ``classes`` are those to show, empty for all. ``surest_first`` sorts visits by how sure
    they are, not by time. ``per_visit``: a deer has one class in all photos of its visit.
    """

    confidence: float | None = None
    lowest: float = 0.25
    gap: timedelta = timedelta(minutes=30)
    seasons: Mapping[str, Season] = field(default_factory=dict)
    first_month: int = DEFAULT_FIRST_MONTH
    blur_people: bool = False
    split: bool = False
    cache: Cache | None = None
    classes: Sequence[str] = ()
    surest_first: bool = False
    per_visit: bool = True
