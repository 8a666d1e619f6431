"""JPEGs as odd cameras write them and as cards damage them, made byte by byte."""

from __future__ import annotations

import io
import random
import struct
from itertools import product

import numpy as np
from PIL import Image

END = b"\xff\xd9"


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def picture(width: int = 320, height: int = 240, seed: int = 0) -> Image.Image:
    """A picture with shapes and some noise, so that every part of it differs from every other."""
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack(
        [127 + 90 * np.sin(x / 23 + seed), 127 + 90 * np.cos(y / 17), 60 + (x + y) * 0.2], axis=2
    )
    noise = np.random.default_rng(seed).normal(0, 9, (height, width, 3))
    return Image.fromarray(np.clip(smooth + noise, 0, 255).astype(np.uint8))


def saved(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def pixels_begin(data: bytes) -> int:
    """Where the data of the first scan begin."""
    at = 2
    while data[at + 1] != 0xDA:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def gaps(data: bytes) -> list[int]:
    """The places between header segments."""
    found, at = [2], 2
    while data[at + 1] != 0xDA:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        found.append(at)
    return found


def random_bytes(seed: int, count: int) -> bytes:
    """No FF among them: that would begin a marker."""
    return bytes(random.Random(seed).choices(range(255), k=count))


# Code k of this table has 4 bits, the values are the categories 0..11 (ITU-T T.81, F.1.2.1).
_CATEGORIES = bytes([0, 0, 0, 12, *[0] * 12, *range(12)])
_END_OF_BLOCK = bytes([1, *[0] * 15, 0])  # the one code, of one bit


def blocks_jpeg(factors: list[tuple[int, int]], mcus: tuple[int, int] = (12, 9), seed: int = 0) -> bytes:
    """A JPEG of 8 x 8 px blocks of one colour each, with any sampling ``factors`` (horizontal, vertical) for
    Y, Cb and Cr, ``mcus`` of them across and down. Pillow writes the usual samplings alone."""
    rng, bits = random.Random(seed), ""
    before = [0] * len(factors)
    for _ in range(mcus[0] * mcus[1]):
        for part, (across, down) in enumerate(factors):
            for _ in product(range(across), range(down)):
                value = rng.randrange(-60, 60) if part == 0 else rng.randrange(-12, 12)
                bits += _coded(value - before[part]) + "0"
                before[part] = value
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    wide, high = (8 * n * max(f[axis] for f in factors) for axis, n in enumerate(mcus))
    parts = range(1, len(factors) + 1)
    frame = b"".join(bytes([n, f[0] << 4 | f[1], 0]) for n, f in zip(parts, factors, strict=True))
    return (
        b"\xff\xd8"
        + segment(0xDB, b"\0" + b"\x08" * 64)
        + segment(0xC0, struct.pack(">BHHB", 8, high, wide, len(factors)) + frame)
        + segment(0xC4, b"\0" + _CATEGORIES)
        + segment(0xC4, b"\x10" + _END_OF_BLOCK)
        + segment(0xDA, bytes([len(factors)]) + b"".join(bytes([n, 0]) for n in parts) + b"\0\x3f\0")
        + data
        + END
    )


def _coded(difference: int) -> str:
    size = abs(difference).bit_length()
    if not size:
        return f"{0:04b}"
    return f"{size:04b}" + f"{difference if difference > 0 else difference + (1 << size) - 1:0{size}b}"
