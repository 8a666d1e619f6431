"""One video to one Image record, as :mod:`trailcam.media.read` does for photos."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from trailcam.domain import CaptureTime, FileKey, Image, TimeSource
from trailcam.media.capture_time import NO_TIMES, best, readings, suspicion
from trailcam.media.content_id import read_content_id
from trailcam.media.exif import UNREADABLE, UnreadableImageError, read_header
from trailcam.media.station import StationRule
from trailcam.media.time_text import ExifTime, parse_exif
from trailcam.video.client import video_process
from trailcam.video.facts import VideoFailed

_ORIENTATIONS = {0: 1, 90: 6, 180: 3, 270: 8}
_NUMBER = re.compile(r"(\d{3,})\D*$", re.ASCII)
_POSITION = re.compile(r"([+-]\d{1,2}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)(?:[+-].*)?/?")
_TRUST = {source: n for n, source in enumerate(TimeSource)}

# A camera takes the still of a trigger first and needs some seconds to begin the video.
SAME_TRIGGER = timedelta(seconds=30)
_ZONES = timedelta(minutes=15)
_FURTHEST_ZONE = timedelta(hours=14)


def read_video(root: Path, key: FileKey, rule: StationRule, now: datetime, still: str | None) -> Image:
    """Read what the video ``root / key.path`` says of itself; needs the extra ``video``.

    ``still`` is the photo beside it of the same number (relative to the root), None where there is none.
    A video that can't be read gets an ``error_code`` out of :class:`trailcam.video.facts.VideoCode`.
    """
    path = os.path.join(root, key.path)  # noqa: PTH118 - as for photos
    facts = video_process().probe(path)
    tags: Mapping[str, str] = {} if isinstance(facts, VideoFailed) else facts.tags
    named = readings(NO_TIMES, key.path.rsplit("/", 1)[-1], now)
    told = [reading for reading in (_of_container(tags, now),) if reading is not None]
    beside = None if still is None else _of_still(root, key.path, still, told, now)
    times = sorted([*told, *named, *([beside] if beside else [])], key=lambda r: _TRUST[r.source])
    captured, reason = best(times)
    image = Image(
        key=key,
        station=rule.station(key.path),
        captured=captured,
        captured_reason=reason,
        readings=tuple(times),
        is_video=True,
    )
    if isinstance(facts, VideoFailed):
        return replace(image, error_code=facts.code.value, error_message=facts.message)
    content_id = read_content_id(path)
    if content_id is None:
        return replace(image, error_code=UNREADABLE, error_message="the file can't be read")
    position = _POSITION.fullmatch(_first(tags, "com.apple.quicktime.location.iso6709", "location") or "")
    return replace(
        image,
        make=_first(tags, "com.apple.quicktime.make", "make"),
        model=_first(tags, "com.apple.quicktime.model", "model"),
        width=facts.width,
        height=facts.height,
        orientation=_ORIENTATIONS[facts.turn],
        duration_s=facts.duration_s,
        frame_rate=facts.frame_rate,
        codec=facts.codec,
        latitude=float(position[1]) if position else None,
        longitude=float(position[2]) if position else None,
        content_id=content_id,
    )


def stills_beside(files: Sequence[FileKey], videos: Sequence[FileKey]) -> dict[str, str]:
    """Video -> the photo in its folder whose name has the same number, by path; the same name goes first."""
    folders = {_split(video.path)[0] for video in videos}
    photos: dict[tuple[str, str], list[str]] = {}
    for file in files:
        folder, stem, number = _split(file.path)
        if folder in folders and number:
            photos.setdefault((folder, number), []).append(file.path)
    found = {}
    for video in videos:
        folder, stem, number = _split(video.path)
        near = photos.get((folder, number), []) if number else []
        same = [path for path in near if _split(path)[1] == stem]
        if len(same or near) == 1:
            found[video.path] = (same or near)[0]
    return found


def _split(path: str) -> tuple[str, str, str]:
    """Folder, name without its ending in lower case, and the last number in it ("" for none)."""
    folder, _, name = path.rpartition("/")
    stem = name.rpartition(".")[0].lower()
    number = _NUMBER.search(stem)
    return folder, stem, number[1] if number else ""


def _of_container(tags: Mapping[str, str], now: datetime) -> CaptureTime | None:
    """When the container was begun, by the camera's clock.

    The standard of MP4 wants UTC. Phones keep to it and say so; trail cameras know no zone and write what
    their clock shows, as they do in EXIF.
    """
    apple = parse_exif(ExifTime(tags.get("com.apple.quicktime.creationdate")))
    if apple is not None:
        at, offset = apple
        return CaptureTime(at, TimeSource.CONTAINER, suspicion(at, now), offset)
    for name in ("creation_time", "date"):
        written = parse_exif(ExifTime(tags.get(name)))
        if written is not None:
            is_phone = any(tag.startswith(("com.android.", "com.apple.")) for tag in tags)
            return CaptureTime(
                written[0], TimeSource.CONTAINER, suspicion(written[0], now), 0 if is_phone else None
            )
    return None


def _of_still(
    root: Path, video: str, still: str, told: Sequence[CaptureTime], now: datetime
) -> CaptureTime | None:
    """The time of the photo beside a video, if both are of one trigger.

    They are where their times agree, whole zones aside: then the photo's tells in which zone. A container
    without a time says nothing, and only the same name does.
    """
    try:
        times = readings(read_header(os.path.join(root, still)).times, "", now)  # noqa: PTH118
    except UnreadableImageError:
        return None
    found = next((reading for reading in times if reading.at is not None), None)
    if found is None or found.at is None:
        return None
    container = next((reading.at for reading in told if reading.at is not None), None)
    if container is None:
        agree = _split(video)[1] == _split(still)[1]
    else:
        apart = abs(container - found.at)
        rest = min(apart % _ZONES, _ZONES - apart % _ZONES)
        agree = rest <= SAME_TRIGGER and apart <= _FURTHEST_ZONE + SAME_TRIGGER
    return CaptureTime(found.at, TimeSource.STILL, found.suspect, found.utc_offset_min) if agree else None


def _first(tags: Mapping[str, str], *names: str) -> str | None:
    """The first of the named tags that is there, without control characters."""
    texts = ("".join(c for c in tags.get(name, "") if c.isprintable()).strip() for name in names)
    return next((text for text in texts if text), None)
