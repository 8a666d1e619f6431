"""Maker notes: the real files' against what stands in their pictures, and each layout's written by hand."""

from __future__ import annotations

import csv
import struct
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import piexif
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import TinyJpeg
from trailcam.domain import MakerNote, TimeSource, Trigger
from trailcam.export.camtrap_tables import capture_method
from trailcam.export.table import export_table
from trailcam.media.exif import read_header
from trailcam.media.makernote import MAX_BYTES, read_maker_note
from trailcam.scan.scan_job import ScanOptions
from trailcam.scan.scan_root import scan
from trailcam.selection import Selection
from trailcam.settings.config import ReportSettings
from trailcam.store.database import Database
from trailcam.sun.sky import MOON_PHASES, moon_name, moon_phase, night_midnight

AT = datetime(2024, 11, 3, 17, 15, 9)
M = Trigger.MOTION


def seen(*args: Any) -> MakerNote:  # noqa: ANN401 - in the order of the record
    return MakerNote(*args)


# Time, trigger, sequence, lit illuminator, temperature in °F, moon and label stand in the picture's strip and
# were read by eye. The serial number holds the number of the model, which EXIF states too. °C, the event's
# number and the battery stand nowhere else.
REAL = {
    "lila/american_black_bear.jpg": seen(
        *("hyperfire", datetime(2010, 11, 6, 4, 4), M, 57, 1, 3, 1, 34, "new", True, 9.82),
        *("P800BD05003063", "UNIT03-CAM102"),
    ),
    "lila/blank.jpg": seen(
        *("hyperfire", datetime(2016, 9, 25, 18, 35, 10), M, 115, 5, 5, 21, 71, "last quarter", True, 8.15),
        *("H550HH12223408", "HC550 HYPERFIRE"),
    ),
    "lila/domestic_cattle.jpg": seen(
        *("hyperfire", datetime(2014, 9, 26, 14, 21, 4), M, 202, 2, 3, 16, 61, "waxing crescent", False),
        *(10.72, "P800BD06104674", "UNIT001-CAM077"),
    ),
    "lila/vehicle.jpg": seen(
        *("hyperfire", datetime(2015, 11, 30, 15, 55, 56), M, 8, 1, 5, 9, 48, "waning gibbous", True, 8.95),
        *("H550HH12223868", "HC550 HYPERFIRE"),
    ),
    "southwest/testdataowl.JPG": seen(
        *("hyperfire", datetime(2020, 4, 17, 13, 10, 9), M, 516, 3, 3, 24, 76, "last quarter", False, 8.42),
        *("P900FF03149458", "PC900 PROFESSIONAL"),
    ),
    "southwest/2021-08-08_RCNX0063_fox.JPG": seen(
        *("ultrafire", datetime(2021, 8, 9, 3, 55, 47), M, 12, 1, 1, 15, 59, "new", True, 9.973),
        *(None, None),  # no serial number; the strip's text isn't in the note
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_say_what_their_pictures_show(shared_images: Path, name: str) -> None:
    header = read_header(shared_images / name)
    assert header.note == REAL[name]
    assert header.serial == REAL[name].serial
    if header.times.original.at:
        assert header.times.original.at == f"{REAL[name].at:%Y:%m:%d %H:%M:%S}"


@pytest.mark.parametrize("name", REAL)
def test_their_moon_is_the_almanacs(name: str) -> None:
    at, phase = REAL[name].at, REAL[name].moon_phase
    assert at is not None
    assert phase is not None
    apart = abs(MOON_PHASES.index(moon_name(moon_phase(night_midnight(at)))) - MOON_PHASES.index(phase))
    assert apart in (0, 1, 7), "cameras round to the nearest eighth, each in its own way"


def test_no_other_real_file_has_one(shared_images: Path) -> None:
    photos = [path for path in shared_images.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg")]
    noted = {path for path in photos if read_header(path).note}
    assert noted == {shared_images / name for name in REAL}


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def hyperfire(trigger: bytes = b"M") -> bytes:
    words = struct.pack("<6H", 0xF101, 3, 1, 0, 0x2010, 0x0518) + trigger.ljust(2, b"\0")
    words += struct.pack("<4H", 2, 5, 1, 7) + struct.pack("<6H", 9, 15, 17, 11, 3, 2024) + b"\1\0"
    words += struct.pack("<Hhh", 4, 14, -10) + wide("H500AA00000001").ljust(30, b"\0")
    return words + struct.pack("<7H", 0, 0, 0, 0, 1, 9, 8250) + b"NORTH GATE".ljust(22, b"\0")


def ultrafire(trigger: bytes = b"M") -> bytes:
    head = b"RECONYXUF\0".ljust(0x34, b"\xff") + trigger + bytes([2, 5]) + struct.pack("<I", 65543)
    head += struct.pack("<5BH", 9, 15, 17, 3, 11, 2024) + bytes([0, 4]) + struct.pack("<hh", 14, -10)
    return head + b"\1" + struct.pack("<H", 8250) + b"H500AA00000001\0" + b"NORTH GATE".ljust(21, b" ")


def hyperfire2(trigger: bytes = b"M") -> bytes:
    head = b"RECONYXH2\0".ljust(0x34, b"\xff") + trigger + b"\0" + struct.pack("<4H", 2, 5, 1, 7)
    head += struct.pack("<6H", 9, 15, 17, 3, 11, 2024) + struct.pack("<HHhh", 0, 4, 14, -10)
    head += struct.pack("<11H", 0, 0, 0, 0, 1, 700, 900, 9, 8250, 8200, 1)
    return head + b"NORTH GATE".ljust(22, b"\0") + wide("H500AA00000001").ljust(30, b"\0")


def microfire(trigger: bytes = b"M") -> bytes:
    head = b"RECONYXMF\0".ljust(0x44, b"\xff") + trigger + b"\0" + struct.pack("<4H", 2, 5, 1, 7)
    head += struct.pack("<6H", 9, 15, 17, 11, 3, 2024) + struct.pack("<HHhh", 1, 4, 14, -10)
    head += struct.pack("<6H", 0, 0, 0, 0, 1, 0) + struct.pack("<4H", 900, 9, 8250, 0)
    return head + b"NORTH GATE".ljust(22, b"\0") + wide("H500AA00000001").ljust(30, b"\0")


def hyperfire4k(trigger: bytes = b"M") -> bytes:
    head = b"RECONYXHF4K\0".ljust(0x28, b"\xff") + trigger + bytes([2, 5]) + struct.pack("<I", 65543)
    head += struct.pack("<5BH", 9, 15, 17, 3, 11, 2024) + bytes([1, 4]) + struct.pack("<hh", 14, -10)
    head += struct.pack("<4H", 0, 0, 0, 0) + b"\1" + struct.pack("<IH", 900, 9)
    head += struct.pack("<3H", 8250, 8200, 1) + b"NORTH GATE".ljust(51, b"\0")
    return head + b"H500AA00000001\0" + struct.pack("<2H", 100, 12)


LAYOUTS: dict[str, Callable[..., bytes]] = {
    "hyperfire": hyperfire,
    "ultrafire": ultrafire,
    "hyperfire2": hyperfire2,
    "microfire": microfire,
    "hyperfire4k": hyperfire4k,
}


def written(layout: str) -> MakerNote:
    return seen(
        *(layout, AT, M, 65543, 2, 5, -10, 14, "full", True, 8.25, "H500AA00000001", "NORTH GATE"),
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout(layout: str) -> None:
    raw = LAYOUTS[layout]()
    assert len(raw) <= MAX_BYTES
    assert read_maker_note(raw + bytes(2000), "RECONYX") == written(layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_triggered_it(layout: str) -> None:
    for letter, trigger in ((b"T", Trigger.TIME_LAPSE), (b"?", None), (b"\0", None)):
        note = read_maker_note(LAYOUTS[layout](letter), "RECONYX")
        assert note is not None
        assert note.trigger is trigger


@given(layout=st.sampled_from(sorted(LAYOUTS)), length=st.integers(0, MAX_BYTES))
def test_a_note_cut_short_says_nothing_wrong(layout: str, length: int) -> None:
    note = read_maker_note(LAYOUTS[layout]()[:length], "RECONYX")
    whole = written(layout)
    for name in MakerNote.__slots__ if note else ():
        assert getattr(note, name) in (None, getattr(whole, name))


@given(
    mark=st.sampled_from(
        [b"", b"\x01\xf1", b"RECONYXUF\0", b"RECONYXH2\0", b"RECONYXMF\0", b"RECONYXHF4K\0"]
    ),
    rest=st.binary(max_size=300),
    make=st.none() | st.sampled_from(["RECONYX", "Bushnell"]) | st.text(max_size=9),
)
def test_garbage_raises_nothing_and_gives_only_what_can_be(
    mark: bytes, rest: bytes, make: str | None
) -> None:
    note = read_maker_note(mark + rest, make)
    if note is None:
        return
    assert (note.temperature_c is None) == (note.temperature_f is None)
    assert (note.sequence_position or 0) <= (note.sequence_length or 0)
    assert note.moon_phase is None or note.moon_phase in MOON_PHASES
    assert note.battery_v is None or 2 <= note.battery_v <= 30
    for text in (note.serial, note.label):
        assert text is None or (text.strip() == text and text.isprintable() and text)


def test_two_bytes_alone_are_no_reconyx() -> None:
    raw = hyperfire()
    assert read_maker_note(raw, None) == written("hyperfire"), "all of it makes sense"
    assert read_maker_note(raw[:36] + b"\x77\x77" + raw[38:], None) is None
    assert read_maker_note(b"\x01\xf1" + bytes(200), "Bushnell") is None
    assert read_maker_note(b"\xf1\x01" + raw[2:], "RECONYX") is None


@pytest.mark.parametrize(
    ("at", "form", "values", "lost"),
    [
        (38, "<hh", (80, -10), {"temperature_c", "temperature_f"}),  # °F and °C of two different days
        (38, "<hh", (1000, 538), {"temperature_c", "temperature_f"}),
        (14, "<HH", (6, 5), {"sequence_position", "sequence_length"}),
        (14, "<HH", (0, 0), {"sequence_position", "sequence_length"}),
        (22, "<6H", (9, 15, 17, 13, 3, 2024), {"at"}),
        (36, "<H", (8,), {"moon_phase"}),
        (80, "<H", (2,), {"infrared"}),
        (84, "<H", (0,), {"battery_v"}),
        (42, "<4H", (0, 0, 0, 0), {"serial"}),
        (86, "<4B", (0, 0, 0, 0), {"label"}),
    ],
)
def test_what_cannot_be_is_unknown(at: int, form: str, values: tuple[int, ...], lost: set[str]) -> None:
    raw = bytearray(hyperfire())
    struct.pack_into(form, raw, at, *values)
    note = read_maker_note(bytes(raw), "Reconyx")
    assert note is not None
    assert {n for n in MakerNote.__slots__ if getattr(note, n) != getattr(written("hyperfire"), n)} == lost


def test_times_with_their_bytes_swapped() -> None:
    raw = bytearray(hyperfire())
    struct.pack_into(">6H", raw, 22, 9, 15, 17, 11, 3, 2024)
    note = read_maker_note(bytes(raw), "RECONYX")
    assert note is not None
    assert note.at == AT


def test_from_the_file_to_the_table(tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    """A photo whose EXIF lost its time has the note's; serial and all else go into the export."""
    photos = tmp_path / "photos"
    (photos / "Hayfield").mkdir(parents=True)
    exif = piexif.dump({"0th": {0x010F: b"RECONYX"}, "Exif": {0x927C: hyperfire2(b"T") + bytes(1500)}})
    noted, plain = photos / "Hayfield" / "a.jpg", photos / "Hayfield" / "b.jpg"
    for path in (noted, plain):
        path.write_bytes(tiny_jpeg())
    piexif.insert(exif, str(noted))
    database = Database(tmp_path / "t.duckdb")
    scan(database, photos, ScanOptions())
    scan(database, photos, ScanOptions())
    export_table(database, Selection(), tmp_path / "o.csv", "csv", ReportSettings())
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    names = ("captured_at", "captured_at_source", "serial", "trigger_mode", "camera_event")
    assert [first[name] for name in names] == [
        *("2024-11-03 17:15:09", TimeSource.MAKER_NOTE, "H500AA00000001", "time_lapse", "65543")
    ]
    more = (
        "sequence_position",
        "sequence_length",
        "temperature_c",
        "temperature_f",
        "moon_phase",
        "infrared",
    )
    assert [first[name] for name in more] == ["2", "5", "-10", "14", "full", "true"]
    assert (first["battery_v"], first["camera_label"]) == ("8.25", "NORTH GATE")
    assert not any(second[name] for name in (*more, "trigger_mode", "battery_v", "captured_at"))


@pytest.mark.parametrize(
    ("trigger", "word"),
    [
        (Trigger.MOTION, "activityDetection"),
        (Trigger.EXTERNAL, "activityDetection"),
        (Trigger.TIME_LAPSE, "timeLapse"),
        (Trigger.POINT_AND_SHOOT, ""),
        (None, ""),
    ],
)
def test_camtrap_dps_words(trigger: Trigger | None, word: str) -> None:
    assert capture_method(trigger) == word
