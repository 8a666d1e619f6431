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
    start. If it does, its class is what all photos of its visit say, and ``visit`` is its number (None
    without a capture time); ``said_index`` is the class that it says itself, ``name`` the buck's; ``at_s``
    is when it was seen, in seconds since a video began.
    """

    class_index: int
    confidence: float
    box: Box
    recommended: bool
    counts: bool
    said_index: int
    visit: int | None
    name: str | None = None
    at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo or video with at least one detection.

    ``station_index`` points into :attr:`Content.stations`. ``captured_us`` is the camera's own clock in
    microseconds since 1970, None without evidence. ``people`` are the boxes to blur. ``ahead_us``
    is how far that clock runs ahead of the station's usual one, by the UTC offsets that files state.
    ``clip`` is the video to play: itself, or that of the same trigger.
    """

    file: Path
    name: str
    station_index: int
    captured_us: int | None
    suspect: str | None
    people: tuple[Box, ...]
    found: tuple[Detection, ...]
    ahead_us: int = 0
    clip: Path | None = None

    @property
    def at_s(self) -> float | None:
        """Of a video when the shown frame was: that of the surest box, which counts if any does."""
        return max(self.found, key=lambda one: (one.counts, one.confidence)).at_s

    @property
    def show(self) -> Box:
        """What the card's picture is cut around: all that counts on it, else the surest box."""
        here = [one for one in self.found if one.at_s == self.at_s]
        boxes = [one.box for one in here if one.counts] or [here[0].box]
        left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
        right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
        return (left, top, right - left, bottom - top)


@dataclass(frozen=True, slots=True)
class ShownClass:
    """One class as the page names it. ``label`` is "mature buck", or the model's own name in lower case.

    Animals of one ``flock`` visit together: all deer are one.
    """

    label: str
    kind: Kind
    age: str | None
    flock: str


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
    ``lowest`` is the slider's other end. ``notes`` are whole sentences. ``start`` are the
    classes that the page shows first, by their numbers; empty for all.
    """

    stations: Sequence[str]
    classes: Sequence[ShownClass]
    photos: Sequence[Photo]
    tallies: Sequence[Tally]
    notes: Sequence[str]
    confidence: float | None
    lowest: float
    gap: timedelta
    start: Sequence[int] = ()

    @property
    def n_visits(self) -> int:
        """Visits at the confidence that the page starts with, of the classes that it shows first."""
        return len(
            {
                one.visit
                for photo in self.photos
                for one in photo.found
                if one.counts and one.visit and (not self.start or one.class_index in self.start)
            }
        )
