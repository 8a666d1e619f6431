"""Distils an EXIF block to the few tags a scan needs, so that the EXIF reader meets nothing else.

EXIF from cameras, and worse from programs that edited it, holds thumbnail directories that point nowhere,
lists of a billion values, directories that contain each other, and maker notes of any size. A reader that
follows all of them takes minutes or gives up, losing the capture time that stood intact at the front.
So the wanted entries are copied, with their values unchanged, into a fresh small TIFF of the same byte
order: no more than a kilobyte or so, no pointer that isn't ours. The place (the GPS directory) and the head
of the maker note are read here and never become part of that TIFF.

Format: TIFF 6.0, section 2; BigTIFF (its 8-byte offsets); EXIF 2.32 (CIPA DC-008), sections 4.6.3 and
4.6.6 (GPS).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

from trailcam.media.makernote import MAX_BYTES

WIDTH, HEIGHT, EXIF_IFD, GPS_IFD, MAKER_NOTE = 0x0100, 0x0101, 0x8769, 0x8825, 0x927C
# Make, Model, Orientation, DateTime, CameraSerialNumber (DNG); DateTimeOriginal, DateTimeDigitized,
# OffsetTime, -Original, -Digitized, SubSecTime, -Original, -Digitized, BodySerialNumber.
WANTED = frozenset(
    {0x010F, 0x0110, 0x0112, 0x0132, 0xC62F}
    | {0x9003, 0x9004, 0x9010, 0x9011, 0x9012, 0x9290, 0x9291, 0x9292, 0xA431}
)

# GPSLatitudeRef, GPSLatitude, GPSLongitudeRef, GPSLongitude.
_GPS = frozenset({1, 2, 3, 4})

_ASCII, _LONG, _RATIONAL = 2, 4, 5
# Bytes of one value by field type: BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, IFD; BigTIFF's LONG8, IFD8.
_TYPE_BYTES = {1: 1, _ASCII: 1, 3: 2, _LONG: 4, _RATIONAL: 8, 7: 1, 13: 4, 16: 8, 18: 8}
_EXIFREAD_TYPES = frozenset({1, _ASCII, 3, _LONG, 7})
_MAX_ENTRIES = 1_000  # a real directory has less than a hundred
_MAX_OFFSET = 1 << 42  # past 4 TiB, seek() begins to fail on some file systems
_MAX_VALUE_BYTES = 2_048  # nobody's name or serial number is longer
_FIRST = WANTED | {WIDTH, HEIGHT, EXIF_IFD, GPS_IFD}
_INNER = WANTED | {MAKER_NOTE}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One directory entry; ``raw`` are the bytes of its value, at most _MAX_VALUE_BYTES, in file order."""

    tag: int
    type: int
    raw: bytes

    @property
    def count(self) -> int:
        return len(self.raw) // _TYPE_BYTES[self.type]


@dataclass(frozen=True, slots=True)
class Distilled:
    """``block``: a TIFF with the wanted tags; ``width``, ``height``: the first picture's, for TIFF files.

    ``position``: latitude and longitude in degrees, north and east positive; None where the file tells none.
    ``maker_note``: the first bytes of it, empty without one.
    """

    block: bytes
    width: int | None
    height: int | None
    position: tuple[float, float] | None = None
    maker_note: bytes = b""


def distil(file: BinaryIO) -> Distilled | None:
    """Read the first directory and its EXIF directory from a TIFF stream; None if it doesn't begin as a TIFF.

    Whatever lies outside the stream is left out; a string cut short is kept as far as it goes. At most some
    30 reads of 20 kB each, whatever the content. Raises OSError from reading; nothing else.
    """
    file.seek(0)
    head = file.read(16)
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    magic = int.from_bytes(head[2:4], order)
    if head[:2] not in (b"II", b"MM") or magic not in (42, 43) or len(head) < 8:
        return None
    reader = _Reader(file, order, is_big=magic == 43)
    first = int.from_bytes(head[8:16] if reader.is_big else head[4:8], order)
    found = {entry.tag: entry for entry in reader.entries(first, _FIRST)}
    pointer, gps = (reader.number(found.pop(tag, None)) for tag in (EXIF_IFD, GPS_IFD))
    width, height = (reader.number(found.pop(tag, None)) for tag in (WIDTH, HEIGHT))
    inner = {} if pointer is None else {entry.tag: entry for entry in reader.entries(pointer, _INNER)}
    note = inner.pop(MAKER_NOTE, None)
    block = _pack(order, list(found.values()), list(inner.values()))
    position = None if gps is None else _position(reader, gps)
    return Distilled(block, width, height, position, note.raw if note else b"")


def _position(reader: _Reader, offset: int) -> tuple[float, float] | None:
    """What the GPS directory at ``offset`` says; None where it is incomplete, impossible or 0, 0.

    Cameras and phones without a fix write zeros, and nobody hangs a camera up in the Gulf of Guinea.
    """
    found = {entry.tag: entry for entry in reader.entries(offset, _GPS)}
    latitude = reader.degrees(found.get(2), found.get(1), b"NS", 90)
    longitude = reader.degrees(found.get(4), found.get(3), b"EW", 180)
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None
    return latitude, longitude


@dataclass(frozen=True, slots=True)
class _Reader:
    file: BinaryIO
    order: Literal["little", "big"]
    is_big: bool

    def entries(self, offset: int, wanted: frozenset[int]) -> Iterator[_Entry]:
        """The first entry of each wanted tag, in the directory's order."""
        count_bytes, width = (8, 8) if self.is_big else (2, 4)
        entry_bytes = 4 + 2 * width
        n_entries = min(int.from_bytes(self._read(offset, count_bytes), self.order), _MAX_ENTRIES)
        table = self._read(offset + count_bytes, n_entries * entry_bytes)
        left = set(wanted)
        for at in range(0, len(table) - entry_bytes + 1, entry_bytes):
            tag = int.from_bytes(table[at : at + 2], self.order)
            if tag in left:
                left.discard(tag)
                entry = self._entry(tag, table[at + 2 : at + entry_bytes], width)
                if entry is not None:
                    yield entry

    def _entry(self, tag: int, rest: bytes, width: int) -> _Entry | None:
        field_type = int.from_bytes(rest[:2], self.order)
        count = int.from_bytes(rest[2 : 2 + width], self.order)
        if field_type not in _TYPE_BYTES or count == 0:
            return None
        n_bytes = count * _TYPE_BYTES[field_type]
        value = rest[2 + width :]
        if n_bytes <= width:
            return _Entry(tag, field_type, value[:n_bytes])
        offset = int.from_bytes(value, self.order)
        is_cut = field_type == _ASCII or tag == MAKER_NOTE
        if is_cut:
            n_bytes = min(n_bytes, MAX_BYTES if tag == MAKER_NOTE else _MAX_VALUE_BYTES)
        elif n_bytes > _MAX_VALUE_BYTES:
            return None
        raw = self._read(offset, n_bytes)
        return _Entry(tag, field_type, raw) if raw and (is_cut or len(raw) == n_bytes) else None

    def number(self, entry: _Entry | None) -> int | None:
        """The first value of an entry of integers, None without one."""
        if entry is None or entry.count == 0:
            return None
        return int.from_bytes(entry.raw[: _TYPE_BYTES[entry.type]], self.order)

    def degrees(self, entry: _Entry | None, ref: _Entry | None, signs: bytes, most: int) -> float | None:
        """Degrees, minutes and seconds as one number, negative for the second of ``signs``; else None."""
        if entry is None or ref is None or entry.type != _RATIONAL or entry.count < 3 or ref.type != _ASCII:
            return None
        sign = ref.raw[:1].upper()
        if not sign or sign not in signs:
            return None
        value = 0.0
        for place in range(3):
            part = entry.raw[8 * place : 8 * place + 8]
            numerator = int.from_bytes(part[:4], self.order)
            denominator = int.from_bytes(part[4:], self.order)
            if not denominator and numerator:
                return None
            value += numerator / (denominator or 1) / 60**place
        if value > most:
            return None
        return -value if sign == signs[1:] else value

    def _read(self, offset: int, n_bytes: int) -> bytes:
        if offset > _MAX_OFFSET:
            return b""
        self.file.seek(offset)
        return self.file.read(n_bytes)


def _pack(order: Literal["little", "big"], outer: list[_Entry], inner: list[_Entry]) -> bytes:
    """A TIFF of two directories, the second as the first one's EXIF directory, then the longer values."""
    mark = "<" if order == "little" else ">"
    inner = [entry for entry in inner if entry.type in _EXIFREAD_TYPES]
    outer = [entry for entry in outer if entry.type in _EXIFREAD_TYPES]
    inner_at = 8 + _directory_bytes(len(outer) + 1)
    values_at = inner_at + _directory_bytes(len(inner))
    pointer = _Entry(EXIF_IFD, _LONG, inner_at.to_bytes(4, order))
    head = (b"II" if order == "little" else b"MM") + struct.pack(f"{mark}HI", 42, 8)
    directories, values = b"", b""
    for entries in ([*outer, pointer], inner):
        directories += struct.pack(f"{mark}H", len(entries))
        for entry in entries:
            directories += struct.pack(f"{mark}HHI", entry.tag, entry.type, entry.count)
            if len(entry.raw) <= 4:
                directories += entry.raw.ljust(4, b"\0")
            else:
                directories += struct.pack(f"{mark}I", values_at + len(values))
                values += entry.raw
        directories += struct.pack(f"{mark}I", 0)
    return head + directories + values


def _directory_bytes(n_entries: int) -> int:
    return 2 + 12 * n_entries + 4
