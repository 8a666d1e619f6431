"""One frame of a video as a photo, for whatever shows or reads photos."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import simplejpeg

from trailcam.video.client import video_process
from trailcam.video.facts import Span, VideoCode, VideoFailed

_SLOT_S = 0.05  # how exactly a frame is found again


def still_of(path: Path, at_s: float = 0.0) -> bytes | VideoFailed:
    """The frame at ``at_s`` seconds as a JPEG.

    Upright, at full size. Never raises for what a file can hold.
    """
    span = Span(_SLOT_S, math.floor((at_s + _SLOT_S / 50) / _SLOT_S))
    found = video_process().frames(path, replace(span, stop=span.first + 1), lambda *size: size)
    if isinstance(found, VideoFailed):
        return found
    if not found.frames:
        return VideoFailed(VideoCode.NO_FRAMES, f"there is no frame at {at_s:.2f} s any more")
    pixels = np.ascontiguousarray(found.frames[0].pixels)
    return bytes(simplejpeg.encode_jpeg(pixels, quality=95, colorspace="RGB"))
