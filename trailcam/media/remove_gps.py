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
import zlib
from collections.abc import Iterator

from trailcam.media.tiff import GPS_IFD, TYPE_BYTES, Order, directory

_ENTRY_BYTES = 12
_MAX_DIRECTORIES = 16
_MAX_GPS_VALUE = 4_096
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
        raise PlaceStaysError("a BigTIFF: its GPS position can't be removed")
    data = bytearray(content)
    for start in [*(found.end() for found in _EXIF.finditer(content)), *_bare_tiffs(content)]:
        _empty_gps(data, start)
    for found in _XMP.finditer(content):
        data[found.start() : found.end()] = b" " * (found.end() - found.start())
    if content.startswith(_PNG):
        _fix_checksums(data, content)
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
    order: Order = "little" if data[start : start + 2] == b"II" else "big"
    if data[start : start + 4] not in _TIFF_STARTS or start + 8 > len(data):
        return
    offset = int.from_bytes(data[start + 4 : start + 8], order)
    seen: set[int] = set()
    while offset and offset not in seen and len(seen) < _MAX_DIRECTORIES:
        seen.add(offset)
        entries = _whole_directory(data, start, offset, order)
        table, n_entries = start + offset + 2, len(entries)
        for n, (tag, _, _, field) in reversed(list(enumerate(entries))):
            if tag == GPS_IFD:
                _overwrite(data, start, int.from_bytes(field, order), order)
                at, end = table + n * _ENTRY_BYTES, table + n_entries * _ENTRY_BYTES
                # The entries behind it and the link to the next directory move up.
                data[at : end + 4] = data[at + _ENTRY_BYTES : end + 4] + bytes(_ENTRY_BYTES)
                n_entries -= 1
                data[table - 2 : table] = n_entries.to_bytes(2, order)
        link = table + n_entries * _ENTRY_BYTES
        offset = int.from_bytes(data[link : link + 4], order)


def _whole_directory(
    data: bytearray, start: int, offset: int, order: Order
) -> list[tuple[int, int, int, bytes]]:
    """The entries of the directory at ``offset``; none of one that isn't there to its end."""

    def read(at: int, n_bytes: int) -> bytes:
        return bytes(data[start + at : start + at + n_bytes])

    entries = list(directory(read, offset, order))
    n_entries = int.from_bytes(read(offset, 2), order)
    whole = start + offset + 2 + n_entries * _ENTRY_BYTES + 4 <= len(data)
    return entries if whole and len(entries) == n_entries else []


def _overwrite(data: bytearray, start: int, offset: int, order: Order) -> None:
    """Zeros over a GPS directory and the values that it points to."""
    table = start + offset + 2
    entries = _whole_directory(data, start, offset, order)
    for n, (_, kind, count, field) in enumerate(entries):
        n_bytes = TYPE_BYTES.get(kind, 1) * count
        value = start + int.from_bytes(field, order)
        if 4 < n_bytes <= _MAX_GPS_VALUE and value + n_bytes <= len(data):
            data[value : value + n_bytes] = bytes(n_bytes)
        data[table + n * _ENTRY_BYTES : table + (n + 1) * _ENTRY_BYTES] = bytes(_ENTRY_BYTES)
    if entries:
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


def _fix_checksums(data: bytearray, before: bytes) -> None:
    for kind, at, length in _png_chunks(before):
        text = before[at : at + length]
        if kind == b"iTXt" and text.startswith(b"XML:com.adobe.xmp\0\1"):
            raise PlaceStaysError("a PNG with compressed XMP, which may hold a position")
        if data[at : at + length] != text:
            checked = zlib.crc32(data[at - 4 : at + length])
            data[at + length : at + length + 4] = checked.to_bytes(4, "big")
