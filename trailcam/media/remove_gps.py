"""Takes the place out of a photo's bytes: its GPS position, and nothing else. Pixels aren't decoded.

A copy that is handed on must not tell where a camera hangs unless its owner says so. The position stands in
EXIF's GPS directory, which is emptied and unlinked where it lies, and in XMP's ``GPS...`` properties, which
become spaces. So no byte moves, and the picture is the same to the bit. Maker notes are not searched: only
their makers know what stands where.

Formats: TIFF 6.0, section 2; EXIF 2.32 (CIPA DC-008), section 4.6.6; XMP (ISO 16684-1), section 7; PNG 3rd
edition, section 5.3 (a chunk's CRC); WebP (RFC 9649), section 2.3.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Literal

_GPS_IFD = 0x8825
_ENTRY_BYTES = 12
_MAX_DIRECTORIES = 16
_MAX_ENTRIES = 1_000
_MAX_GPS_VALUE = 4_096
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_EXIF = re.compile(rb"Exif\0\0(?=II\*\0|MM\0\*)")
_TIFF_STARTS = (b"II*\0", b"MM\0*")
_BIG_TIFF_STARTS = (b"II+\0", b"MM\0+")
# A property of XMP as an attribute or as an element; a prefix other than exif: may stand for the namespace.
_XMP = re.compile(
    rb"""(?s)[A-Za-z_][\w.-]*:GPS\w+\s*=\s*("[^"<]{0,200}"|'[^'<]{0,200}')"""
    rb"|<([A-Za-z_][\w.-]*:GPS\w+)\s*>[^<]{0,200}</\2\s*>"
)
_PNG = b"\x89PNG\r\n\x1a\n"


class PlaceStaysError(ValueError):
    """The place can't be taken out of a file of this kind without changing more."""


def without_place(content: bytes) -> bytes:
    """``content`` of an image file without its GPS position; as long as before, and the rest to the byte.

    Knows JPEG, PNG, WebP, TIFF, and EXIF with its usual mark in any other file. A broken directory is left as
    far as it can't be read. Raises PlaceStaysError for a BigTIFF and for XMP that a PNG compresses.
    """
    if content.startswith(_BIG_TIFF_STARTS):
        raise PlaceStaysError("a BigTIFF: its GPS position can't be taken out")
    data = bytearray(content)
    for start in [*(found.end() for found in _EXIF.finditer(content)), *_bare_tiffs(content)]:
        _empty_gps(data, start)
    for found in _XMP.finditer(content):
        data[found.start() : found.end()] = b" " * (found.end() - found.start())
    if content.startswith(_PNG):
        _mend_png(data, content)
    return bytes(data)


def _bare_tiffs(content: bytes) -> Iterator[int]:
    """Where EXIF begins without its mark: a TIFF file itself, a PNG's eXIf and a WebP's EXIF chunk."""
    if content.startswith(_TIFF_STARTS):
        yield 0
    elif content.startswith(_PNG):
        yield from (at for kind, at, _ in _png_chunks(content) if kind == b"eXIf")
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        at = 12
        while at + 8 <= len(content):
            length = int.from_bytes(content[at + 4 : at + 8], "little")
            if content[at : at + 4] == b"EXIF":
                yield at + 8
            at += 8 + length + length % 2


def _empty_gps(data: bytearray, start: int) -> None:
    """Unlink and overwrite the GPS directories of the TIFF structure that begins at ``start``."""
    order: Literal["little", "big"] = "little" if data[start : start + 2] == b"II" else "big"
    mark = "<" if order == "little" else ">"
    if data[start : start + 4] not in _TIFF_STARTS or start + 8 > len(data):
        return
    directory = int.from_bytes(data[start + 4 : start + 8], order)
    seen: set[int] = set()
    while directory and directory not in seen and len(seen) < _MAX_DIRECTORIES:
        seen.add(directory)
        table, n_entries = _table(data, start + directory, mark)
        for n in reversed(range(n_entries)):
            at = table + n * _ENTRY_BYTES
            tag, _, _, pointer = struct.unpack_from(f"{mark}HHII", data, at)
            if tag == _GPS_IFD:
                _overwrite(data, start, start + pointer, mark)
                end = table + n_entries * _ENTRY_BYTES
                # The entries behind it and the link to the next directory move up.
                data[at : end + 4] = data[at + _ENTRY_BYTES : end + 4] + bytes(_ENTRY_BYTES)
                n_entries -= 1
                struct.pack_into(f"{mark}H", data, table - 2, n_entries)
        directory = int.from_bytes(
            data[table + n_entries * _ENTRY_BYTES : table + n_entries * _ENTRY_BYTES + 4], order
        )


def _table(data: bytearray, at: int, mark: str) -> tuple[int, int]:
    """Where the entries of the directory at ``at`` begin, and how many there are; none of a broken one."""
    if at + 2 > len(data):
        return at, 0
    (n_entries,) = struct.unpack_from(f"{mark}H", data, at)
    whole = at + 2 + n_entries * _ENTRY_BYTES + 4 <= len(data)
    return at + 2, n_entries if whole and n_entries <= _MAX_ENTRIES else 0


def _overwrite(data: bytearray, start: int, at: int, mark: str) -> None:
    """Zeros over a GPS directory and the values that it points to."""
    table, n_entries = _table(data, at, mark)
    for n in range(n_entries):
        entry = table + n * _ENTRY_BYTES
        _, kind, count, pointer = struct.unpack_from(f"{mark}HHII", data, entry)
        n_bytes = _TYPE_BYTES.get(kind, 1) * count
        value = start + pointer
        if 4 < n_bytes <= _MAX_GPS_VALUE and value + n_bytes <= len(data):
            data[value : value + n_bytes] = bytes(n_bytes)
        data[entry : entry + _ENTRY_BYTES] = bytes(_ENTRY_BYTES)
    if n_entries:
        data[table - 2 : table] = bytes(2)


def _png_chunks(content: bytes | bytearray) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and length of each chunk's data, as far as the chunks are whole."""
    at = len(_PNG)
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if at + 12 + length > len(content):
            return
        yield bytes(content[at + 4 : at + 8]), at + 8, length
        at += 12 + length


def _mend_png(data: bytearray, before: bytes) -> None:
    for kind, at, length in _png_chunks(before):
        text = before[at : at + length]
        if kind == b"iTXt" and text.startswith(b"XML:com.adobe.xmp\0\1"):
            raise PlaceStaysError("a PNG with compressed XMP: whether it tells a place can't be seen")
        if data[at : at + length] != text:
            checked = zlib.crc32(data[at - 4 : at + length])
            data[at + length : at + length + 4] = checked.to_bytes(4, "big")
