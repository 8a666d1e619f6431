"""The outside of an image file: its format, its size in pixels, and where its EXIF lies. No pixel is decoded.

Read here and not by an image library because a scan must report the size of a picture too big to decode,
must not stop at a truncated one, and must do it in microseconds with a bound on the work a hostile
file can ask for.

Formats: JPEG (ITU-T T.81, annex B; EXIF in APP1 after CIPA DC-008), PNG 3rd edition (IHDR, eXIf), WebP (RFC
9649), BMP (BITMAPCOREHEADER and BITMAPINFOHEADER). A TIFF is EXIF all the way: its size is read
by :mod:`trailcam.media.tiff`.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import BinaryIO

# A JPEG has some ten segments before its pixels, a PNG one chunk every 8 KiB or more.
MAX_SEGMENTS = 2_000
MAX_CHUNKS = 8_000
MAX_EXIF_BYTES = 1 << 20
_SEARCH_BYTES = 1 << 16

_SOS, _EOI, _APP1 = 0xDA, 0xD9, 0xE1
# Start of frame: baseline, progressive, lossless, arithmetic; DHT, JPG and DAC lie among them.
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_EXIF_PREFIX = b"Exif\0"
_EXIF_PREFIX_BYTES = 6


@dataclass(frozen=True, slots=True)
class Container:
    """``format`` as Pillow names it, size in pixels as stored, and a TIFF stream holding the EXIF, if any.

    ``width`` and ``height`` are None for a TIFF, whose ``exif`` is the file itself.
    """

    format: str
    width: int | None
    height: int | None
    exif: BinaryIO | None


def open_container(file: BinaryIO) -> Container | None:
    """Tell what ``file`` (seekable, at any position) is; None if it is no image of a known format.

    Raises OSError from reading; nothing else.
    """
    file.seek(0)
    head = file.read(32)
    try:
        if head.startswith(b"\xff\xd8"):
            return _jpeg(file)
        if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
            width, height = struct.unpack(">II", head[16:24])
            return _container("PNG", width, height, _png_exif(file))
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            return _webp(file, head)
        if head.startswith(b"BM"):
            return _bmp(head)
        if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return Container("TIFF", None, None, file)
    except struct.error:  # ends before its own header does
        return None
    return None


def _container(name: str, width: int, height: int, exif: bytes | None) -> Container | None:
    if width <= 0 or height <= 0:
        return None
    if exif is not None and exif.startswith(_EXIF_PREFIX):
        exif = exif[_EXIF_PREFIX_BYTES:]
    return Container(name, width, height, io.BytesIO(exif) if exif else None)


def _jpeg(file: BinaryIO) -> Container | None:
    size: tuple[int, int] | None = None
    exif: bytes | None = None
    file.seek(2)
    for _ in range(MAX_SEGMENTS):
        marker = _next_marker(file)
        if marker is None or marker in (_SOS, _EOI) or (size and exif):
            break
        if marker in _WITHOUT_LENGTH:
            continue
        length = int.from_bytes(file.read(2), "big") - 2
        if length < 0:
            break
        if marker in _SOF:
            _, height, width = struct.unpack(">BHH", file.read(5))
            size = (width, height)
            file.seek(length - 5, io.SEEK_CUR)
        elif marker == _APP1 and exif is None:
            body = file.read(length)
            exif = body if body.startswith(_EXIF_PREFIX) else None
        else:
            file.seek(length, io.SEEK_CUR)
    return _container("JPEG", *size, exif) if size else None


def _next_marker(file: BinaryIO) -> int | None:
    """The code after the next run of 0xFF, leaving ``file`` behind it; None at the end or in a desert."""
    found = file.read(2)
    if len(found) == 2 and found[0] == 0xFF and found[1] not in (0x00, 0xFF):
        return found[1]
    file.seek(-len(found), io.SEEK_CUR)
    start = file.tell()
    chunk = file.read(_SEARCH_BYTES)
    for at in range(len(chunk) - 1):
        if chunk[at] == 0xFF and chunk[at + 1] not in (0x00, 0xFF):
            file.seek(start + at + 2)
            return chunk[at + 1]
    return None


def _png_exif(file: BinaryIO) -> bytes | None:
    """The eXIf chunk, which may stand before or after the pixels."""
    file.seek(8)
    for _ in range(MAX_CHUNKS):
        header = file.read(8)
        if len(header) < 8 or header[4:] == b"IEND":
            break
        length = int.from_bytes(header[:4], "big")
        if header[4:] == b"eXIf":
            return file.read(min(length, MAX_EXIF_BYTES))
        file.seek(length + 4, io.SEEK_CUR)
    return None


def _webp(file: BinaryIO, head: bytes) -> Container | None:
    kind, body = head[12:16], head[20:]
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        width = int.from_bytes(body[4:7], "little") + 1
        height = int.from_bytes(body[7:10], "little") + 1
        return _container("WEBP", width, height, _webp_exif(file) if body[0] & 0x08 else None)
    if kind == b"VP8L" and body[:1] == b"\x2f":
        bits = int.from_bytes(body[1:5], "little")
        return _container("WEBP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, None)
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return _container("WEBP", width & 0x3FFF, height & 0x3FFF, None)
    return None


def _webp_exif(file: BinaryIO) -> bytes | None:
    file.seek(12)
    for _ in range(MAX_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            break
        length = int.from_bytes(header[4:], "little")
        if header[:4] == b"EXIF":
            return file.read(min(length, MAX_EXIF_BYTES))
        file.seek(length + length % 2, io.SEEK_CUR)  # chunks are padded to even lengths
    return None


def _bmp(head: bytes) -> Container | None:
    header_bytes = int.from_bytes(head[14:18], "little")
    if header_bytes == 12:
        width, height = struct.unpack("<HH", head[18:22])
    elif 40 <= header_bytes <= 124:
        width, height = struct.unpack("<ii", head[18:26])
    else:
        return None
    return _container("BMP", width, abs(height), None)  # a negative height is stored top row first
