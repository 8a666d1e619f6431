"""Made video clips: real files, written by the library that reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

Draw = Callable[[float], npt.NDArray[np.uint8]]
"""Seconds since the beginning -> (h, w, 3) uint8 RGB."""

GREY = (120, 120, 120)
RED = (255, 0, 0)


def red_square(size: tuple[int, int] = (320, 240), *, place: Callable[[float], int | None]) -> Draw:
    """Grey with a red square of 80 x 64 px, ``place`` px from the left at each time; None: none."""

    def draw(at_s: float) -> npt.NDArray[np.uint8]:
        picture = np.full((size[1], size[0], 3), GREY, np.uint8)
        x = place(at_s)
        if x is not None:
            picture[80:144, x : x + 80] = RED
        return picture

    return draw


STILL_SQUARE = red_square(place=lambda _: 96)


def write_clip(
    path: Path,
    draw: Draw = STILL_SQUARE,
    *,
    seconds: float = 2.0,
    codec: str = "libx264",
    fps: int = 10,
    gop: int = 10,
    turn: int = 0,
    tags: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    encoder: dict[str, str] | None = None,
    uneven: bool = False,
) -> Path:
    """Write a clip, whose ``gop`` frames begin with a key frame.

    ``options`` are the container's, ``encoder`` the codec's. A player turns it by ``turn`` degrees clockwise;
    ``uneven``: its frames don't last equally long.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = draw(0.0).shape[:2]
    with av.open(str(path), "w", options=options or {}) as out:
        out.metadata.update(tags or {})
        stream: Any = out.add_stream(codec, rate=fps, options=encoder or {})
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = gop
        if turn:
            stream.set_display_rotation(-turn)
        for n in range(round(seconds * fps)):
            frame = av.VideoFrame.from_ndarray(draw(n / fps), format="rgb24")
            frame.pts = n + (n // 3 * 2 if uneven else 0)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """An MP4 of a second of sound, without pictures."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("aac", rate=8000)
        stream.layout = "mono"
        for n in range(8):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, n * 1024
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def without_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra isn't installed."""
    for place in ("words.unread", "scan.scan_root", "store.run_sink"):
        monkeypatch.setattr(f"trailcam.{place}.reads_videos", lambda: False)
