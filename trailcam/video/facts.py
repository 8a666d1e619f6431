"""What a video says of itself, why one can't be read, and which part of one is asked for.

Imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class VideoCode(StrEnum):
    """Stable error codes of videos, beside those of photos. Never renamed: they are stored."""

    EMPTY_FILE = "empty_file"
    NOT_A_VIDEO = "not_a_video"
    """The bytes are no MP4, MOV, AVI or MKV."""
    NO_INDEX = "no_index"
    """An MP4 or MOV without its index.

    The camera lost power, or the copy was cut off, before it was written.
    """
    NO_FRAMES = "no_frames"
    """There is no picture in it: sound alone, or nothing that can be decoded."""
    UNKNOWN_CODEC = "unknown_codec"
    """The decoder doesn't know how its pictures were compressed."""
    CORRUPT = "corrupt"
    """The container is damaged, or the decoder crashed on it."""
    STALLED = "stalled"
    """The decoder stood still and was ended."""
    UNREADABLE = "unreadable"
    VANISHED = "vanished"


@dataclass(frozen=True, slots=True)
class VideoFailed:
    """Why a video has no frames; ``message`` is one printable line."""

    code: VideoCode
    message: str


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a container and its first frame say.

    ``width`` and ``height`` are px as stored; ``turn`` is how far a frame is turned clockwise to stand
    upright: 0, 90, 180 or 270 degrees. ``duration_s`` and ``frame_rate`` (mean, frames/s) are None where the
    container doesn't tell. ``codec`` is FFmpeg's short name (h264, hevc, mjpeg). ``tags`` are the container's
    texts by name, in lower case.
    """

    width: int
    height: int
    turn: int
    duration_s: float | None
    frame_rate: float | None
    codec: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """Which frames are asked for: the first of every ``every_s`` seconds, from slot ``first`` up to ``stop``.

    Slot k are the seconds from k * every_s to (k + 1) * every_s; ``stop`` is the first slot that isn't asked
    for, None: to the end, whatever the container says of it. There are never more than ``most`` frames: of
    more, every second one is dropped, as often as needed.
    """

    every_s: float
    first: int = 0
    stop: int | None = None
    most: int = 16
