"""The capture time in what programs keep beside EXIF: XMP, IPTC and the texts of a PNG. Nothing here raises.

A handful of known properties is searched for in bytes of bounded length; no XML is parsed, so that no entity
can be expanded and nothing is fetched.

Formats: XMP part 2 (Adobe, 2016) and its EXIF properties; IPTC-NAA IIM 4.2, datasets 2:55 and 2:60, in an
image resource of Photoshop; PNG 3rd edition, section 11.3.3.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

from trailcam.media.time_text import NO_TIME, ExifTime

# From the shutter's time to the document's.
_XMP_NAMES = (
    b"exif:DateTimeOriginal",
    b"photoshop:DateCreated",
    b"exif:DateTimeDigitized",
    b"xmp:CreateDate",
    b"xap:CreateDate",  # as it was called at first
)
_XMP_CREATED = frozenset(_XMP_NAMES[3:])
_XMP = re.compile(
    rb"[\s<]("
    + b"|".join(_XMP_NAMES)
    + rb"|x[ma]p:ModifyDate)\s*(?:=\s*[\"']|>)\s*([0-9][0-9TZ:+., -]{9,39})[\"'<]"
)
_MINUTE = len("2022-10-09T06:41")

PNG_NAMES = ("Creation Time", "exif:DateTimeOriginal", "exif:DateTimeDigitized")
"""Keywords of PNG texts that may hold a capture time, the best first; ImageMagick writes those of EXIF."""

_RESOURCE, _IPTC = b"8BIM", 0x0404
_DATE, _TIME = 55, 60
_MAX_RESOURCES, _MAX_DATASETS = 200, 2_000


def xmp_time(packet: bytes) -> tuple[ExifTime, bool]:
    """The time in an XMP packet, and whether it is only that of the file's making by a program."""
    if b"\0" in packet:  # UTF-16
        packet = packet.replace(b"\0", b"")
    found: dict[bytes, str] = {}
    for match in _XMP.finditer(packet):
        found.setdefault(match[1], match[2].decode("ascii").strip())
    for name in _XMP_NAMES:
        if name in found:
            changed = found.get(b"xmp:ModifyDate", found.get(b"xap:ModifyDate", ""))
            is_new = name in _XMP_CREATED and found[name][:_MINUTE] == changed[:_MINUTE]
            return ExifTime(found[name]), is_new
    return NO_TIME, False


def iptc_of_resources(block: bytes) -> bytes:
    """The IPTC data among Photoshop's image resources; empty without."""
    at = 0
    for _ in range(_MAX_RESOURCES):
        at = block.find(_RESOURCE, at)
        if at < 0 or at + 7 > len(block):
            return b""
        name_bytes = block[at + 6] + 1
        size_at = at + 6 + name_bytes + name_bytes % 2
        if size_at + 4 > len(block):
            return b""
        (kind,) = struct.unpack_from(">H", block, at + 4)
        (size,) = struct.unpack_from(">I", block, size_at)
        if kind == _IPTC:
            return block[size_at + 4 : size_at + 4 + size]
        at = size_at + 4 + size
    return b""


def iptc_time(data: bytes) -> ExifTime:
    """Date and time of creation in IPTC datasets, as far as they are there."""
    found: dict[int, str] = {}
    at = 0
    for _ in range(_MAX_DATASETS):
        if data[at : at + 1] != b"\x1c" or at + 5 > len(data):
            break
        record, dataset, size = struct.unpack_from(">BBH", data, at + 1)
        if record == 2 and dataset in (_DATE, _TIME):
            found.setdefault(dataset, data[at + 5 : at + 5 + size].decode("latin-1").strip(" \0"))
        at += 5 + size  # a length of more than 32 KiB ends the search: no date is that long
    return ExifTime(f"{found.get(_DATE, '')} {found.get(_TIME, '')}".strip() or None)


def png_time(texts: Mapping[str, str]) -> ExifTime:
    """The time in the texts of a PNG, by keyword."""
    return next((ExifTime(texts[name]) for name in PNG_NAMES if texts.get(name)), NO_TIME)
