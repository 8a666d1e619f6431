"""TIFF, BigTIFF and the containers of EXIF, written byte by byte: any number in any field."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

CODES = {
    1: "B",
    2: "s",
    3: "H",
    4: "I",
    6: "b",
    7: "B",
    8: "h",
    9: "i",
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
    17: "q",
}
RATIONAL, SRATIONAL = 5, 10
BIG_TYPES = (16, 17)
_PAIRS = {RATIONAL: "I", SRATIONAL: "i"}


@dataclass(frozen=True)
class Field:
    """One directory entry: ``values`` are numbers of TIFF's ``type``, pairs flattened, or bytes."""

    tag: int
    type: int
    values: Sequence[float] | bytes
    count: int | None = None  # None: the true one

    def packed(self, mark: str) -> tuple[int, bytes]:
        if isinstance(self.values, bytes):
            return len(self.values), self.values
        if self.type in _PAIRS:
            return len(self.values) // 2, struct.pack(
                f"{mark}{len(self.values)}{_PAIRS[self.type]}", *self.values
            )
        return len(self.values), struct.pack(f"{mark}{len(self.values)}{CODES[self.type]}", *self.values)


def tiff(
    first: Sequence[Field],
    inner: Mapping[int, Sequence[Field]] | None = None,
    *,
    order: Literal["<", ">"] = "<",
    big: bool = False,
) -> bytes:
    """A TIFF (BigTIFF) of one directory and those that it points at, by the pointing tag."""
    word, wide = ("Q", 8) if big else ("I", 4)
    head = (b"II" if order == "<" else b"MM") + (
        struct.pack(f"{order}HHHQ", 43, 8, 0, 16) if big else struct.pack(f"{order}HI", 42, 8)
    )
    inner = inner or {}

    def size(fields: int) -> int:
        return (8 if big else 2) + fields * (4 + 2 * wide) + wide

    at = len(head) + size(len(first) + len(inner))
    pointers = []
    for tag, fields in inner.items():
        pointers.append(Field(tag, 16 if big else 4, [at]))
        at += size(len(fields))
    tables, values = b"", b""
    for fields in ([*first, *pointers], *inner.values()):
        tables += struct.pack(f"{order}{'Q' if big else 'H'}", len(fields))
        for one in fields:
            count, raw = one.packed(order)
            tables += struct.pack(
                f"{order}HH{word}", one.tag, one.type, count if one.count is None else one.count
            )
            if len(raw) <= wide:
                tables += raw.ljust(wide, b"\0")
            else:
                tables += struct.pack(f"{order}{word}", at + len(values))
                values += raw
        tables += b"\0" * wide
    return head + tables + values


def jpeg(
    size: tuple[int, int] = (64, 48), exif: Sequence[bytes] = (), segments: Sequence[tuple[int, bytes]] = ()
) -> bytes:
    """The head of a JPEG: EXIF blocks, other segments (marker, content), a frame; no pixels."""
    parts = [(0xE1, b"Exif\0\0" + block) for block in exif] + list(segments)
    frame = struct.pack(">BHHB", 8, size[1], size[0], 1) + b"\1\x11\0"
    return (
        b"\xff\xd8"
        + b"".join(
            bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body
            for marker, body in [*parts, (0xC0, frame)]
        )
        + b"\xff\xda\0\x08\1\1\0\0\x3f\0\0\xff\xd9"
    )


def png(size: tuple[int, int] = (64, 48), chunks: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
    """The head of a PNG: its size, further chunks (kind, content), an end; no pixels."""
    all_chunks = [(b"IHDR", struct.pack(">II5B", *size, 8, 2, 0, 0, 0)), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in all_chunks
    )


def webp(size: tuple[int, int] = (64, 48), chunks: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
    """The head of an extended WebP with further chunks (kind, content); no pixels."""
    sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
        for kind, content in [(b"VP8X", b"\x0c\0\0\0" + sides), *chunks]
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp(size: tuple[int, int] = (64, 48)) -> bytes:
    """The head of a BMP; no pixels."""
    return (
        b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, *size, 1, 24, *([0] * 6))
    )
