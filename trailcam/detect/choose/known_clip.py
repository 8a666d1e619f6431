"""A look at a known clip before a run with videos: does the decoder give the pictures that were filmed?

A wrong build of FFmpeg need not raise an error: colours that are swapped, or frames of another moment, look
like a quiet season. The clip comes along: H.264, two frames a second apart, the canary's frame and its mirror
image.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trailcam.detect.model.known_frame import frame
from trailcam.errors import PipelineError
from trailcam.video.client import Frames, video_process
from trailcam.video.facts import Span, VideoFailed

KNOWN_CLIP = Path(__file__).with_name("known_clip.mp4")
"""``python -m training.canary`` makes it."""

LOSS = 3.5
"""How far pixels may be from what was filmed, on average, in levels of 0..255.

The codec costs 1.6; black and white taken for those of television cost 5, swapped colours 36.
"""


def check_clip() -> None:
    """Decode the known clip and compare its frames. Raises PipelineError."""
    found = video_process().frames(KNOWN_CLIP, Span(1.0, most=4), lambda *size: size)
    if isinstance(found, VideoFailed):
        raise _refused(found.message)
    if why := _difference(found):
        raise _refused(why)


def _difference(found: Frames) -> str:
    """What is wrong with the frames, "" where nothing is."""
    expected = (frame(), frame()[:, ::-1])
    if len(found.frames) != len(expected):
        return f"it finds {len(found.frames)} of 2 frames"
    for n, (one, known) in enumerate(zip(found.frames, expected, strict=True)):
        if abs(one.at_s - n) > 0.01 or one.pixels.shape != known.shape:
            return f"it takes frame {n + 1} for one of {one.at_s:.2f} s, or of another size"
        apart = float(np.abs(one.pixels.astype(np.int16) - known).mean())
        if apart > LOSS:
            return f"frame {n + 1} differs from what was filmed by {apart:.0f} levels of 255"
    return ""


def _refused(why: str) -> PipelineError:
    return PipelineError(
        f"The decoder of videos failed its test before the run: {why}.",
        "No photo was processed. Its installation may be damaged:"
        " `python -m pip install --force-reinstall av` makes it anew.",
    )
