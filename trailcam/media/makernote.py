"""What a Reconyx camera writes of itself beside EXIF: the maker note. No content makes it raise.

A maker note is bytes at fixed places, little-endian, in a layout of the camera's family. The places are those
that ExifTool's table "Reconyx" documents (Image::ExifTool::Reconyx 1.07, after Reconyx' own papers); see
docs/makernotes.md. Each value is taken by itself: one that can't be right is None and takes no other along.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trailcam.domain import MakerNote, Trigger

MAX_BYTES = 256  # all that is read of a note lies within these

_TRIGGERS = {
    "M": Trigger.MOTION,
    "T": Trigger.TIME_LAPSE,
    "E": Trigger.EXTERNAL,
    "P": Trigger.POINT_AND_SHOOT,
    "C": Trigger.CODE_NOT_ENTERED,
    "S": Trigger.CELL_STATUS,
    "L": Trigger.CELL_LIVE_VIEW,
}
# In the camera's own order; the names are those of trailcam.sun.sky.
_MOONS = (
    *("new", "waxing crescent", "first quarter", "waxing gibbous"),
    *("full", "waning gibbous", "last quarter", "waning crescent"),
)
_COLDEST_C, _HOTTEST_C = -60, 85
_APART_C = 1.5  # both scales are whole degrees, each rounded in a way of its own
_LEAST_MV, _MOST_MV = 2_000, 30_000
_MOST_IN_SEQUENCE = 999
_MOST_YEAR = 2_999


@dataclass(frozen=True, slots=True)
class _Layout:
    """One family's places: byte offset and struct format of each value; texts are ``Ns``, UTF-16 where wide.

    ``clock`` is the order of the numbers of a time: s, m, h, D, M, Y.
    """

    name: str
    places: Mapping[str, tuple[int, str]]
    clock: str
    wide_serial: bool = False


_HYPERFIRE = _Layout(
    "hyperfire",
    {
        "trigger": (12, "1s"),
        "sequence": (14, "2H"),
        "event": (18, "2H"),
        "time": (22, "6H"),
        "moon": (36, "H"),
        "fahrenheit": (38, "h"),
        "celsius": (40, "h"),
        "serial": (42, "30s"),
        "infrared": (80, "H"),
        "battery": (84, "H"),
        "label": (86, "22s"),
    },
    clock="smhMDY",
    wide_serial=True,
)
_LAYOUTS = {
    b"RECONYXUF\0": _Layout(
        "ultrafire",
        {
            "trigger": (0x34, "1s"),
            "sequence": (0x35, "2B"),
            "event": (0x37, "I"),
            "time": (0x3B, "5BH"),
            "moon": (0x43, "B"),
            "fahrenheit": (0x44, "h"),
            "celsius": (0x46, "h"),
            "infrared": (0x48, "B"),
            "battery": (0x49, "H"),
            "serial": (0x4B, "15s"),
            "label": (0x5A, "21s"),
        },
        clock="smhDMY",
    ),
    b"RECONYXH2\0": _Layout(
        "hyperfire2",
        {
            "trigger": (0x34, "1s"),
            "sequence": (0x36, "2H"),
            "event": (0x3A, "2H"),
            "time": (0x3E, "6H"),
            "moon": (0x4C, "H"),
            "fahrenheit": (0x4E, "h"),
            "celsius": (0x50, "h"),
            "infrared": (0x5A, "H"),
            "battery": (0x62, "H"),
            "label": (0x68, "22s"),
            "serial": (0x7E, "30s"),
        },
        clock="smhDMY",
        wide_serial=True,
    ),
    b"RECONYXMF\0": _Layout(
        "microfire",
        {
            "trigger": (0x44, "1s"),
            "sequence": (0x46, "2H"),
            "event": (0x4A, "2H"),
            "time": (0x4E, "6H"),
            "moon": (0x5C, "H"),
            "fahrenheit": (0x5E, "h"),
            "celsius": (0x60, "h"),
            "infrared": (0x6A, "B"),
            "battery": (0x72, "H"),
            "label": (0x76, "22s"),
            "serial": (0x8C, "30s"),
        },
        clock="smhMDY",
        wide_serial=True,
    ),
    b"RECONYXHF4K\0": _Layout(
        "hyperfire4k",
        {
            "trigger": (0x28, "1s"),
            "sequence": (0x29, "2B"),
            "event": (0x2B, "I"),
            "time": (0x2F, "5BH"),
            "moon": (0x37, "B"),
            "fahrenheit": (0x38, "h"),
            "celsius": (0x3A, "h"),
            "infrared": (0x44, "B"),
            "battery": (0x4B, "H"),
            "label": (0x51, "51s"),
            "serial": (0x84, "15s"),
        },
        clock="smhDMY",
    ),
}


def read_maker_note(raw: bytes, make: str | None) -> MakerNote | None:
    """What the bytes of EXIF's MakerNote tell; None where they are of no known layout.

    ``raw`` may be cut off anywhere: what lies behind is None. ``make`` is EXIF's, None where it was removed.
    """
    for mark, layout in _LAYOUTS.items():
        if raw.startswith(mark):
            return _decode(raw, layout)
    if not raw.startswith(b"\x01\xf1"):
        return None
    note = _decode(raw, _HYPERFIRE)
    # Two bytes are little to go by: the maker's name, or a note whose every part makes sense.
    is_sure = (make or "").casefold().startswith("reconyx")
    return note if is_sure or None not in (note.trigger, note.at, note.moon_phase) else None


def _decode(raw: bytes, layout: _Layout) -> MakerNote:
    found = {name: _unpack(raw, *place) for name, place in layout.places.items()}
    position, length = _sequence(found["sequence"])
    celsius, fahrenheit = _temperatures(found["celsius"], found["fahrenheit"])
    battery = _first(found["battery"])
    moon, infrared = _first(found["moon"]), _first(found["infrared"])
    return MakerNote(
        layout=layout.name,
        at=_time(found["time"], layout.clock),
        trigger=_TRIGGERS.get((_text(found["trigger"], wide=False) or "")[:1]),
        camera_event=_event(found["event"]),
        sequence_position=position,
        sequence_length=length,
        temperature_c=celsius,
        temperature_f=fahrenheit,
        moon_phase=_MOONS[moon] if moon is not None and moon < len(_MOONS) else None,
        infrared=bool(infrared) if infrared in (0, 1) else None,
        battery_v=battery / 1000 if battery is not None and _LEAST_MV <= battery <= _MOST_MV else None,
        serial=_text(found["serial"], wide=layout.wide_serial),
        label=_text(found["label"], wide=False),
    )


def _unpack(raw: bytes, offset: int, form: str) -> tuple[Any, ...] | None:
    form = f"<{form}"
    return struct.unpack_from(form, raw, offset) if len(raw) >= offset + struct.calcsize(form) else None


def _first(values: tuple[Any, ...] | None) -> int | None:
    return int(values[0]) if values else None


def _event(values: tuple[Any, ...] | None) -> int | None:
    """One number, or its higher and its lower half."""
    if values is None:
        return None
    return int(values[0]) if len(values) == 1 else int(values[0]) << 16 | int(values[1])


def _sequence(values: tuple[Any, ...] | None) -> tuple[int | None, int | None]:
    """``3 of 5`` as its two numbers; both None where they contradict each other."""
    position, length = values or (0, 0)
    return (position, length) if 1 <= position <= length <= _MOST_IN_SEQUENCE else (None, None)


def _temperatures(
    celsius: tuple[Any, ...] | None, fahrenheit: tuple[Any, ...] | None
) -> tuple[int | None, int | None]:
    """Both scales; None for both where they are impossible or differ."""
    if celsius is None or fahrenheit is None:
        return None, None
    c, f = int(celsius[0]), int(fahrenheit[0])
    agree = _COLDEST_C <= c <= _HOTTEST_C and abs((f - 32) / 1.8 - c) <= _APART_C
    return (c, f) if agree else (None, None)


def _time(values: tuple[Any, ...] | None, clock: str) -> datetime | None:
    if values is None:
        return None
    numbers = [int(value) for value in values]
    if numbers[clock.index("Y")] > _MOST_YEAR:  # some cameras write these words with their bytes swapped
        numbers = [(number & 0xFF) << 8 | number >> 8 for number in numbers]
    part = dict(zip(clock, numbers, strict=True))
    try:
        return datetime(*(part[name] for name in "YMDhms"))  # type: ignore[arg-type]  # noqa: DTZ001 - camera time
    except ValueError:
        return None


def _text(values: tuple[Any, ...] | None, *, wide: bool) -> str | None:
    if values is None:
        return None
    text = bytes(values[0]).decode("utf-16-le" if wide else "latin-1", "replace").split("\0", 1)[0]
    kept = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp"))
    is_blank = not kept.strip() or "\ufffd" in kept or not kept.isprintable()
    return None if is_blank else kept.strip()
