"""What a gallery shows, as typed rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from trailcam.domain import Kind
from trailcam.pages.pictures import Box


@dataclass(frozen=True, slots=True)
class Detection:
    """One detection. ``class_index`` points into :attr:`Content.classes`; ``confidence`` is 0..1.

    ``recommended``: whether it counts by what its weights recommend; ``counts``: whether it counts from the
    start. ``event`` numbers the events of one station and class, None where it belongs to none.
    """

    class_index: int
    confidence: float
    box: Box
    recommended: bool
    counts: bool
    event: int | None


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo with at least one detection.

    ``station_index`` points into :attr:`Content.stations`. ``captured_us`` is the camera's own clock in
    microseconds since 1970, None without evidence. ``people`` are the boxes to blur.
    """

    file: Path
    name: str
    station_index: int
    captured_us: int | None
    suspect: str | None
    people: tuple[Box, ...]
    found: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class ShownClass:
    """One class as the page names it. ``label`` is "mature buck", or the model's own name in lower case."""

    label: str
    kind: Kind
    age: str | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How far the photos of one station, month and hour were looked at.

    ``month`` counts months since the year 0; it and ``hour`` (0..23) are None for photos without a time.
    """

    station_index: int
    month: int | None
    hour: int | None
    completed: int
    pending: int
    failed: int
    missing: int


@dataclass(frozen=True, slots=True)
class Content:
    """Everything a gallery shows but the pictures. ``photos`` are newest first, those without a time last.

    ``confidence`` (0..1) is what the slider starts from, None for what the weights recommend;
    ``lowest`` is the slider's other end. ``notes`` are whole sentences.
    """

    stations: Sequence[str]
    classes: Sequence[ShownClass]
    photos: Sequence[Photo]
    tallies: Sequence[Tally]
    notes: Sequence[str]
    confidence: float | None
    lowest: float
    gap: timedelta

    @property
    def n_events(self) -> int:
        """Events at the confidence that the page starts with."""
        return len(
            {
                (photo.station_index, found.class_index, found.event)
                for photo in self.photos
                for found in photo.found
                if found.event is not None
            }
        )
