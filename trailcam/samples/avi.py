"""JPEGs one after the other as an AVI, as simple trail cameras film (Motion JPEG). Needs no encoder."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_KEY_FRAME = 0x10
_HAS_INDEX = 0x10


def avi_of(jpegs: Sequence[bytes], *, size: tuple[int, int], fps: int) -> bytes:
    """A silent video of ``jpegs``, all of ``size`` (width, height) px, ``fps`` of them in a second."""
    largest = max(map(len, jpegs))
    header = struct.pack(
        "<14I", 1_000_000 // fps, largest * fps, 0, _HAS_INDEX, len(jpegs), 0, 1, largest, *size, 0, 0, 0, 0
    )
    stream = struct.pack(
        "<4s4sIHHIIIIIIiI4H",
        *(b"vids", b"MJPG", 0, 0, 0, 0, 1, fps, 0, len(jpegs), largest, -1, 0),
        *(0, 0, *size),
    )
    pixels = struct.pack("<IiiHH4sIiiII", 40, *size, 1, 24, b"MJPG", size[0] * size[1] * 3, 0, 0, 0, 0)
    strl = _list(b"strl", _chunk(b"strh", stream), _chunk(b"strf", pixels))
    frames = [_chunk(b"00dc", jpeg) for jpeg in jpegs]
    index, at = [], 4  # places count from the list's name on
    for jpeg, frame in zip(jpegs, frames, strict=True):
        index.append(struct.pack("<4sIII", b"00dc", _KEY_FRAME, at, len(jpeg)))
        at += len(frame)
    parts = (
        _list(b"hdrl", _chunk(b"avih", header), strl),
        _list(b"movi", *frames),
        _chunk(b"idx1", b"".join(index)),
    )
    return _chunk(b"RIFF", b"AVI " + b"".join(parts))


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _list(name: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"LIST", name + b"".join(chunks))
