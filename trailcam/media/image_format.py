"""The outside of an image file: its format, its size in pixels, and what it holds beside them (EXIF,
XMP, IPTC, texts). No pixel is decoded.

Read here and not by an image library because a scan must report the size of a picture too big to decode,
must not stop at a truncated one, and must do it in microseconds with a bound on the work a hostile
file can ask for.

Formats: JPEG (ITU-T T.81, annex B; EXIF and XMP in APP1 after CIPA DC-008 and XMP part 3, Photoshop's
resources in APP13), PNG 3rd edition (IHDR, eXIf, tEXt, zTXt, iTXt), WebP (RFC 9649), BMP (BITMAPCOREHEADER
and BITMAPINFOHEADER). A TIFF is EXIF all the way: its size is read by :mod:`trailcam.media.tiff`. HEIC and
HEIF are left to an extra: :mod:`trailcam.media.heif`.
"""

from __future__ import annotations

import binascii
import io
import re
import struct
import zlib
from dataclasses import dataclass, field
from typing import BinaryIO

from trailcam.media.heif import is_heif, read_heif

# A JPEG has some ten segments before its pixels, a PNG one chunk every 8 KiB or more.
MAX_SEGMENTS = 2_000
MAX_CHUNKS = 8_000
MAX_EXIF_BYTES = 1 << 20
MAX_TEXT_BYTES = 4_096
MAX_EXIF_BLOCKS = 4
_SEARCH_BYTES = 1 << 16

_SOS, _EOI, _APP1, _APP13 = 0xDA, 0xD9, 0xE1, 0xED
# Start of frame: baseline, progressive, lossless, arithmetic; DHT, JPG and DAC lie among them.
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
# Cameras were seen to write it in other letters and with a few bytes before it.
_EXIF_MARK = re.compile(rb".{0,4}exif\0.", re.DOTALL | re.IGNORECASE)
_XMP_MARK = re.compile(rb".{0,8}ns\.adobe\.com/xap/1\.0/\0", re.DOTALL)  # "http://" goes wrong, too
_PHOTOSHOP_MARK = b"Photoshop 3.0\0"
_MARK_BYTES = 32
# ImageMagick's way to keep what PNG had no chunk for: a name, a length, and hexadecimal digits.
_RAW_PROFILE = re.compile(r"Raw profile type (exif|app1|xmp|iptc|8bim)", re.IGNORECASE)
_RAW_HEAD = re.compile(rb"\s*[^\n]*\n\s*\d+\n")


@dataclass(slots=True)
class ImageContainer:
    """``format`` as Pillow names it, size in pixels as stored, and what the file holds beside its pixels.

    ``width`` and ``height`` are None for a TIFF, whose ``exif`` is the file itself. ``exif``: TIFF streams,
    in the file's order. ``xmp``: a packet. ``photoshop``: image resources. ``texts``: a PNG's, by keyword.
    """

    format: str
    width: int | None = None
    height: int | None = None
    exif: list[BinaryIO] = field(default_factory=list)
    xmp: bytes = b""
    photoshop: bytes = b""
    texts: dict[str, str] = field(default_factory=dict)

    def add_exif(self, block: bytes) -> bool:
        """Take EXIF with or without its mark; False where it has none and doesn't begin as a TIFF."""
        mark = _EXIF_MARK.match(block)
        if mark is None and block[:2] not in (b"II", b"MM"):
            return False
        if len(self.exif) < MAX_EXIF_BLOCKS:
            self.exif.append(io.BytesIO(block[mark.end() :] if mark else block))
        return True


def open_container(file: BinaryIO) -> ImageContainer | None:
    """Tell what ``file`` (seekable, at any position) is; None if it is not an image of a known format.

    Raises OSError from reading; nothing else.
    """
    file.seek(0)
    head = file.read(32)
    try:
        if head.startswith(b"\xff\xd8"):
            return _jpeg(file)
        if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
            width, height = struct.unpack(">II", head[16:24])
            return _sized(_png(file), width, height)
        if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            return _webp(file, head)
        if head.startswith(b"BM"):
            return _bmp(head)
        if is_heif(head):
            return _heif(file)
        if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return ImageContainer("TIFF", exif=[file])
    except struct.error:  # ends before its own header does
        return None
    return None


def _heif(file: BinaryIO) -> ImageContainer | None:
    header = read_heif(file)
    if header is None:
        return None
    container = ImageContainer("HEIF", xmp=header.xmp)
    container.add_exif(header.exif)
    return _sized(container, header.width, header.height)


def _sized(container: ImageContainer, width: int, height: int) -> ImageContainer | None:
    container.width, container.height = width, height
    return container if width > 0 and height > 0 else None


def _jpeg(file: BinaryIO) -> ImageContainer | None:
    size: tuple[int, int] | None = None
    container = ImageContainer("JPEG")
    file.seek(2)
    for _ in range(MAX_SEGMENTS):
        marker = _next_marker(file)
        if marker is None or marker in (_SOS, _EOI) or (size and container.exif):
            break
        if marker in _WITHOUT_LENGTH:
            continue
        length = int.from_bytes(file.read(2), "big") - 2
        if length < 0:  # it can't be: decoders go on with the next marker
            continue
        if marker in _SOF:
            _, height, width = struct.unpack(">BHH", file.read(5))
            size = (width, height)
            file.seek(length - 5, io.SEEK_CUR)
        elif marker in (_APP1, _APP13):
            _segment(file, length, container)
        else:
            file.seek(length, io.SEEK_CUR)
    return _sized(container, *size) if size else None


def _segment(file: BinaryIO, length: int, container: ImageContainer) -> None:
    """Take what an application segment holds; whatever isn't wanted is passed over unread."""
    head = file.read(min(length, _MARK_BYTES))
    rest = length - len(head)
    if _EXIF_MARK.match(head):
        container.add_exif(head + file.read(rest))
    elif (mark := _XMP_MARK.match(head)) and not container.xmp:
        container.xmp = head[mark.end() :] + file.read(rest)
    elif head.startswith(_PHOTOSHOP_MARK) and not container.photoshop:
        container.photoshop = head[len(_PHOTOSHOP_MARK) :] + file.read(rest)
    else:
        file.seek(rest, io.SEEK_CUR)


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


def _png(file: BinaryIO) -> ImageContainer:
    """What the chunks tell, which may stand before or after the pixels."""
    container = ImageContainer("PNG")
    file.seek(8)
    for _ in range(MAX_CHUNKS):
        header = file.read(8)
        if len(header) < 8 or header[4:] == b"IEND":
            break
        kind, length = header[4:], int.from_bytes(header[:4], "big")
        if kind in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
            body = file.read(min(length, MAX_EXIF_BYTES))
            if kind == b"eXIf":
                container.add_exif(body)
            else:
                _png_text(kind, body, container)
            length -= len(body)
        file.seek(length + 4, io.SEEK_CUR)
    return container


def _png_text(kind: bytes, body: bytes, container: ImageContainer) -> None:
    keyword, _, value = body.partition(b"\0")
    name = keyword.decode("latin-1")
    if kind == b"iTXt":
        is_packed, value = value[:1] == b"\1", value[2:]
        value = value.partition(b"\0")[2].partition(b"\0")[2]  # past the language and the translated keyword
    else:
        is_packed, value = kind == b"zTXt", value[1:] if kind == b"zTXt" else value
    if is_packed:
        value = _unpacked(value)
    profile = _RAW_PROFILE.fullmatch(name)
    if profile:
        _raw_profile(profile[1].lower(), value, container)
    elif name == "XML:com.adobe.xmp":
        container.xmp = container.xmp or value
    else:
        container.texts.setdefault(name, value[:MAX_TEXT_BYTES].decode("utf-8", "replace"))


def _unpacked(value: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(value, MAX_EXIF_BYTES)
    except zlib.error:
        return b""


def _raw_profile(kind: str, value: bytes, container: ImageContainer) -> None:
    head = _RAW_HEAD.match(value)
    try:
        data = binascii.unhexlify(b"".join(value[head.end() :].split())) if head else b""
    except binascii.Error:
        return
    if kind in ("iptc", "8bim"):
        container.photoshop = container.photoshop or data
    elif not container.add_exif(data):
        container.xmp = container.xmp or data


def _webp(file: BinaryIO, head: bytes) -> ImageContainer | None:
    kind, body = head[12:16], head[20:]
    container = ImageContainer("WEBP")
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        width = int.from_bytes(body[4:7], "little") + 1
        height = int.from_bytes(body[7:10], "little") + 1
        if body[0] & 0x0C:
            _webp_chunks(file, container)
        return _sized(container, width, height)
    if kind == b"VP8L" and body[:1] == b"\x2f":
        bits = int.from_bytes(body[1:5], "little")
        return _sized(container, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return _sized(container, width & 0x3FFF, height & 0x3FFF)
    return None


def _webp_chunks(file: BinaryIO, container: ImageContainer) -> None:
    file.seek(12)
    for _ in range(MAX_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            break
        kind, length = header[:4], int.from_bytes(header[4:], "little")
        padded = length + length % 2  # chunks are padded to even lengths
        if kind in (b"EXIF", b"XMP "):
            body = file.read(min(length, MAX_EXIF_BYTES))
            padded -= len(body)
            if kind == b"EXIF":
                container.add_exif(body)
            else:
                container.xmp = container.xmp or body
        file.seek(padded, io.SEEK_CUR)


def _bmp(head: bytes) -> ImageContainer | None:
    header_bytes = int.from_bytes(head[14:18], "little")
    if header_bytes == 12:
        width, height = struct.unpack("<HH", head[18:22])
    elif 40 <= header_bytes <= 124:
        width, height = struct.unpack("<ii", head[18:26])
    else:
        return None
    return _sized(ImageContainer("BMP"), width, abs(height))  # a negative height is stored top row first
