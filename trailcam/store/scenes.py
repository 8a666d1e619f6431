"""Scenes: photos of one station with no more than the gap between one and the next, whatever they show.

They look alike. So a data set keeps a scene on one side of its split, an interval counts scenes, and a review
asks about other scenes first. (A visit is of one kind of animal: see ``visits``.)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from trailcam.store.select import Selected
from trailcam.store.sql import query
from trailcam.store.temp_tables import TempTables
from trailcam.store.visits import gap_us


@dataclass(frozen=True, slots=True)
class Scenes(TempTables):
    """The view ``scenes``: the columns of ``selected``, begins and scene.

    begins: the first photo of a scene; a photo without a capture time is one by itself. scene: its number
    within the station, from 1, None without a capture time.
    """

    photos: Selected
    DROPS: ClassVar[str] = "DROP VIEW scenes"


def join_scenes(photos: Selected, gap: timedelta) -> Scenes:
    """Join photos into scenes. Works on a read-only connection."""
    photos.db.execute(query("scenes").replace("$gap_us", str(gap_us(gap))))  # a view takes no parameters
    return Scenes(photos.db, photos)
