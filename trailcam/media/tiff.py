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

import math
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal

from trailcam.media.makernote import MAX_BYTES

Order = Literal["little", "big"]

WIDTH, HEIGHT, EXIF_IFD, GPS_IFD, MAKER_NOTE = 0x0100, 0x0101, 0x8769, 0x8825, 0x927C
XMP, IPTC, PHOTOSHOP = 0x02BC, 0x83BB, 0x8649
# Make, Model, Orientation, DateTime, CameraSerialNumber (DNG); DateTimeOriginal, DateTimeDigitized,
# OffsetTime, -Original, -Digitized, SubSecTime, -Original, -Digitized, BodySerialNumber.
WANTED = frozenset(
    {0x010F, 0x0110, 0x0112, 0x0132, 0xC62F}
    | {0x9003, 0x9004, 0x9010, 0x9011, 0x9012, 0x9290, 0x9291, 0x9292, 0xA431}
)

# GPSLatitudeRef, GPSLatitude, GPSLongitudeRef, GPSLongitude, GPSTimeStamp, GPSDateStamp.
_GPS = frozenset({1, 2, 3, 4, 7, 29})

_ASCII, _LONG = 2, 4
# How struct calls the values of each field type: BYTE, ASCII, SHORT, LONG, UNDEFINED, the signed ones, FLOAT,
# DOUBLE, IFD; BigTIFF's LONG8, SLONG8, IFD8. RATIONAL and SRATIONAL are two numbers each.
_CODES = {
    **{1: "B", _ASCII: "B", 3: "H", _LONG: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"},
    **{16: "Q", 17: "q", 18: "Q"},
}
_RATIONALS = {5: "I", 10: "i"}
# Bytes of one value of each type.
TYPE_BYTES = {type_: struct.calcsize(f"={code}") for type_, code in _CODES.items()} | {5: 8, 10: 8}
_EXIFREAD_TYPES = frozenset({1, _ASCII, 3, _LONG, 7})
_ENTRY_FORM, _BIG_ENTRY_FORM = "HHI4s", "HHQ8s"
_BETWEEN, _NUMBER = re.compile(rb"[,; ]+"), re.compile(rb"\d{1,3}(?:\.\d{0,20})?")
_MAX_ENTRIES = 1_000  # a real directory has less than a hundred
_MAX_OFFSET = 1 << 42  # past 4 TiB, seek() begins to fail on some file systems
_MAX_VALUE_BYTES = 2_048  # nobody's name or serial number is longer
# Where a value may be cut off and is still of use.
_MOST_BYTES = {MAKER_NOTE: MAX_BYTES, XMP: 1 << 16, IPTC: 1 << 14, PHOTOSHOP: 1 << 16}
_FIRST = WANTED | {WIDTH, HEIGHT, EXIF_IFD, GPS_IFD, XMP, IPTC, PHOTOSHOP}
_INNER = WANTED | {MAKER_NOTE}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One directory entry; ``raw`` are the bytes of its value, at most _MAX_VALUE_BYTES, in file order."""

    tag: int
    type: int
    raw: bytes

    @property
    def count(self) -> int:
        return len(self.raw) // TYPE_BYTES[self.type]


@dataclass(frozen=True, slots=True)
class Distilled:
    """``block``: a TIFF with the wanted tags; ``width``, ``height``: the first picture's, for TIFF files.

    ``position``: latitude and longitude in degrees, north and east positive; None where the file says none.
    ``maker_note``: the first bytes of it, empty without one; ``xmp``, ``iptc`` and ``photoshop`` likewise, of
    which JPEG files keep none here. ``gps_at``: the satellites' time in UTC as EXIF writes times.
    """

    block: bytes
    width: int | None
    height: int | None
    position: tuple[float, float] | None = None
    maker_note: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    photoshop: bytes = b""
    gps_at: str | None = None


def distil(file: BinaryIO) -> Distilled | None:
    """Read the first directory and its EXIF directory from a TIFF stream; None if it doesn't begin as a TIFF.

    Whatever lies outside the stream is left out; a string cut short is kept as far as it goes. At most some
    30 reads of 20 kB each, whatever the content. Raises OSError from reading; nothing else.
    """
    file.seek(0)
    head = file.read(16)
    order: Order = "little" if head[:2] == b"II" else "big"
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
    beside = {tag: entry.raw for tag in (XMP, IPTC, PHOTOSHOP) if (entry := found.pop(tag, None))}
    block = _pack(order, list(found.values()), list(inner.values()))
    place = {} if gps is None else {entry.tag: entry for entry in reader.entries(gps, _GPS)}
    return Distilled(
        block,
        width,
        height,
        position=_position(reader, place) if place else None,
        maker_note=note.raw if note else b"",
        xmp=beside.get(XMP, b""),
        iptc=beside.get(IPTC, b""),
        photoshop=beside.get(PHOTOSHOP, b""),
        gps_at=_gps_time(reader, place) if place else None,
    )


def _position(reader: _Reader, place: Mapping[int, _Entry]) -> tuple[float, float] | None:
    """What the GPS directory says; None where it is incomplete, impossible or 0, 0.

    Cameras and phones without a fix write zeros, and nobody hangs a camera up in the Gulf of Guinea.
    """
    latitude = reader.degrees(place.get(2), place.get(1), b"NS", 90)
    longitude = reader.degrees(place.get(4), place.get(3), b"EW", 180)
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None
    return latitude, longitude


def _gps_time(reader: _Reader, place: Mapping[int, _Entry]) -> str | None:
    day, clock = place.get(29), place.get(7)
    if day is None or clock is None:
        return None
    parts = reader.numbers(clock)
    if len(parts) != 3 or not all(0 <= part < 100 for part in parts):
        return None
    text = day.raw.split(b"\0", 1)[0].decode("latin-1")
    return f"{text} {int(parts[0]):02}:{int(parts[1]):02}:{int(parts[2]):02}"


def directory(
    read: Callable[[int, int], bytes], offset: int, order: Order, *, is_big: bool = False
) -> Iterator[tuple[int, int, int, bytes]]:
    """The whole entries of the directory at ``offset``: tag, type, number of values, and the value's field.

    The field holds the value itself where that fits, else the offset at which it lies. ``read`` takes an
    offset and a number of bytes; at the end of the file it returns fewer.
    """
    entry = struct.Struct(("<" if order == "little" else ">") + (_BIG_ENTRY_FORM if is_big else _ENTRY_FORM))
    count_bytes = 8 if is_big else 2
    n_entries = min(int.from_bytes(read(offset, count_bytes), order), _MAX_ENTRIES)
    table = read(offset + count_bytes, n_entries * entry.size)
    return entry.iter_unpack(table[: len(table) - len(table) % entry.size])


@dataclass(frozen=True, slots=True)
class _Reader:
    file: BinaryIO
    order: Order
    is_big: bool

    def entries(self, offset: int, wanted: frozenset[int]) -> Iterator[_Entry]:
        """The first entry of each wanted tag, in the directory's order."""
        left = set(wanted)
        for tag, field_type, count, value in directory(self._read, offset, self.order, is_big=self.is_big):
            if tag in left:
                left.discard(tag)
                entry = self._entry(tag, field_type, count, value)
                if entry is not None:
                    yield entry

    def _entry(self, tag: int, field_type: int, count: int, value: bytes) -> _Entry | None:
        if field_type not in TYPE_BYTES or count == 0:
            return None
        n_bytes = count * TYPE_BYTES[field_type]
        if n_bytes <= len(value):
            return _Entry(tag, field_type, value[:n_bytes])
        offset = int.from_bytes(value, self.order)
        is_cut = field_type == _ASCII or tag in _MOST_BYTES
        if is_cut:
            n_bytes = min(n_bytes, _MOST_BYTES.get(tag, _MAX_VALUE_BYTES))
        elif n_bytes > _MAX_VALUE_BYTES:
            return None
        raw = self._read(offset, n_bytes)
        if field_type == _ASCII and raw[1:4:2] == b"\0\0" and raw[:1] != b"\0" != raw[2:3]:
            raw = raw[::2]  # UTF-16, as a program of Windows wrote it
        return _Entry(tag, field_type, raw) if raw and (is_cut or len(raw) == n_bytes) else None

    def number(self, entry: _Entry | None) -> int | None:
        """The first value of an entry of integers, None without one."""
        if entry is None or entry.count == 0:
            return None
        return int.from_bytes(entry.raw[: TYPE_BYTES[entry.type]], self.order)

    def numbers(self, entry: _Entry) -> list[float]:
        """Up to three values of an entry of any type; NaN for what isn't known, as 1/0 and infinity.

        A text is read where it is one to three numbers: with decimal commas it may mean several things.
        """
        if entry.type == _ASCII:
            words = _BETWEEN.split(entry.raw.strip(b" \0"))
            return [float(w) for w in words] if len(words) <= 3 and all(map(_NUMBER.fullmatch, words)) else []
        mark, count = "<" if self.order == "little" else ">", min(entry.count, 3)
        if entry.type not in _RATIONALS:
            values = struct.unpack_from(f"{mark}{count}{_CODES[entry.type]}", entry.raw)
            return [float(value) if math.isfinite(value) else math.nan for value in values]
        pairs = struct.unpack_from(f"{mark}{2 * count}{_RATIONALS[entry.type]}", entry.raw)
        # 0/0 is how a part that isn't known is written: minutes of no degrees are none.
        return [
            over / under if under else math.nan if over else 0.0
            for over, under in zip(pairs[::2], pairs[1::2], strict=True)
        ]

    def degrees(self, entry: _Entry | None, ref: _Entry | None, signs: bytes, most: int) -> float | None:
        """Degrees, minutes and seconds as one number, negative for the second of ``signs``; else None.

        Cameras write them in any type of number, leave out the seconds, or put all into the degrees.
        """
        if entry is None or ref is None:
            return None
        sign = ref.raw[:1].upper()
        if not sign or sign not in signs:
            return None
        parts = self.numbers(entry)
        value = sum((part / 60**place for place, part in enumerate(parts)), 0.0)
        if not parts or not 0 <= abs(value) <= most:  # nor NaN
            return None
        return -value if sign == signs[1:] else value

    def _read(self, offset: int, n_bytes: int) -> bytes:
        if offset > _MAX_OFFSET:
            return b""
        self.file.seek(offset)
        return self.file.read(n_bytes)


def _pack(order: Order, outer: list[_Entry], inner: list[_Entry]) -> bytes:
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
