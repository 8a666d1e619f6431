"""Videos on their way through the pipeline: frames in, one outcome for each video out.

A video is looked at in parts, each of as many frames as photos travel together, so that a long one takes no
more memory than a short one. It is done when all frames of all its parts are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from trailcam.detect.model.frame import PAD_VALUE
from trailcam.detect.pipeline.decode import Decoded, Failed
from trailcam.detect.pipeline.read_file import Missing, failure_of
from trailcam.domain import Outcome, Status
from trailcam.video.client import Frames, video_process
from trailcam.video.facts import Span, VideoFailed

if TYPE_CHECKING:
    from pathlib import Path

    from trailcam.detect.model.frame import FrameSpec
    from trailcam.detect.pipeline.outcomes import Job


@dataclass(frozen=True, slots=True)
class ClipPart:
    """One part of a video to look at, of ``of`` parts."""

    job: Job
    span: Span
    of: int


@dataclass(frozen=True, slots=True, eq=False)
class PartDone:
    """A part that was decoded: the times of its frames, which are on their way, or why there are none."""

    image_id: int
    of: int
    frame_s: tuple[float, ...] = ()
    failed: Outcome | None = None


Group = tuple["Job", ...] | ClipPart
"""What is decoded at once: photos, or a part of a video."""


def parts_of(job: Job, most: int) -> list[ClipPart]:
    """The parts of a video, each of at most ``most`` frames.

    The last one goes to the end, whatever the container says of it. Of a video whose length isn't known there
    is one part, whose frames are spread over it.
    """
    video = job.video
    assert video is not None
    n = 1 if video.duration_s is None else int(video.duration_s / video.every_s) // most + 1
    return [
        ClipPart(job, Span(video.every_s, k * most, (k + 1) * most if k < n - 1 else None, most), n)
        for k in range(n)
    ]


def decode_part(path: Path, span: Span, frame: FrameSpec) -> list[tuple[float, Decoded]] | Failed | Missing:
    """Frames of a video with their times, upright and laid into the model's frame.

    Never raises for bad bytes.
    """

    def inner(width: int, height: int) -> tuple[int, int]:
        return frame.fit(width, height)[1].inner

    found = video_process().frames(path, span, inner)
    if isinstance(found, VideoFailed):
        return failure_of(found)
    return _laid_in(found, frame) if found.frames else []


def _laid_in(found: Frames, frame: FrameSpec) -> list[tuple[float, Decoded]]:
    (height, width), place = frame.fit(found.width, found.height)
    inner_w, inner_h = place.inner
    laid_in = []
    for one in found.frames:
        pixels = np.full((height, width, 3), PAD_VALUE, np.uint8)
        pixels[place.pad_y : place.pad_y + inner_h, place.pad_x : place.pad_x + inner_w] = one.pixels
        laid_in.append((one.at_s, Decoded(pixels, place)))
    return laid_in


@dataclass(slots=True)
class _Open:
    """A video of which something is still to come.

    ``frames_left`` may be below 0 until a part is announced.
    """

    parts_left: int
    frames_left: int = 0
    failed: Outcome | None = None
    frame_s: list[float] = field(default_factory=list)
    seen: list[tuple[float, Outcome]] = field(default_factory=list)


class Clips:
    """Gathers what was seen on the frames of videos."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}

    def decoded(self, part: PartDone) -> list[Outcome]:
        """Take note of a part; the outcome of its video, if nothing more is to come."""
        video = self._open.setdefault(part.image_id, _Open(part.of))
        video.parts_left -= 1
        video.frames_left += len(part.frame_s)
        video.frame_s += part.frame_s
        video.failed = video.failed or part.failed
        return self._done(part.image_id)

    def looked_at(self, at_s: float, seen: Outcome) -> list[Outcome]:
        """Take what was seen on one frame; the outcome of its video, if nothing more is to come."""
        video = self._open[seen.image_id]
        video.frames_left -= 1
        video.seen.append((at_s, seen))
        return self._done(seen.image_id)

    def _done(self, image_id: int) -> list[Outcome]:
        video = self._open[image_id]
        if video.parts_left or video.frames_left:
            return []
        del self._open[image_id]
        return [video.failed or _together(image_id, video)]


def _together(image_id: int, video: _Open) -> Outcome:
    """All that was seen on a video's frames, the surest first."""
    seen = [outcome for _, outcome in video.seen]
    confidence = np.concatenate([one.confidence for one in seen])
    order = np.argsort(-confidence, kind="stable")
    at = np.concatenate([np.full(len(one.confidence), at_s, np.float32) for at_s, one in video.seen])
    probability = None
    if any(one.class_probability is not None for one in seen):
        probability = np.concatenate([_probability(one) for one in seen])[order]
    return Outcome(
        image_id,
        Status.COMPLETED,
        width=seen[0].width,
        height=seen[0].height,
        boxes=np.concatenate([one.boxes for one in seen])[order],
        confidence=confidence[order],
        class_id=np.concatenate([one.class_id for one in seen])[order],
        class_probability=probability,
        frame_s=at[order],
        frames=tuple(sorted(video.frame_s)),
    )


def _probability(outcome: Outcome) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    if outcome.class_probability is None:
        return np.full(len(outcome.confidence), np.nan, np.float32)
    return np.asarray(outcome.class_probability, np.float32)
