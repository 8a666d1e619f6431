"""Capture times in other forms and places of a file, and times that may be another's than the shutter's."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.tiff_bytes import Field, jpeg, png, tiff, webp
from trailcam.domain import CaptureTime, FileKey, TimeSource
from trailcam.media.beside_exif import iptc_of_resources, iptc_time, png_time, xmp_time
from trailcam.media.capture_time import NO_TIMES
from trailcam.media.exif import read_header
from trailcam.media.read import read_image
from trailcam.media.station import StationRule
from trailcam.media.time_text import parse_exif

NOW = datetime(2026, 11, 30, 12)
EXIF, GPS = 0x8769, 0x8825
CHANGED, ORIGINAL, DIGITIZED = 0x0132, 0x9003, 0x9004
AT = datetime(2022, 10, 9, 6, 41, 12)
XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"


def captured(tmp_path: Path, content: bytes, name: str = "a.jpg") -> CaptureTime:
    (tmp_path / name).write_bytes(content)
    key = FileKey(name, len(content), 0)
    return read_image(tmp_path, key, StationRule.parse("folder"), NOW).captured


def words(tag: int, text: str) -> Field:
    return Field(tag, 2, text.encode() + b"\0")


def exif(original: str | None = None, digitized: str | None = None, changed: str | None = None) -> bytes:
    inner = [words(tag, text) for tag, text in ((ORIGINAL, original), (DIGITIZED, digitized)) if text]
    return tiff([words(CHANGED, changed)] if changed else [], {EXIF: inner} if inner else {})


def packet(*properties: str, elements: bool = False) -> bytes:
    """XMP of ``name=value`` properties, as attributes or as elements."""
    pairs = [one.split("=", 1) for one in properties]
    if elements:
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in pairs)
        return f"<x:xmpmeta><rdf:Description>{inner}</rdf:Description></x:xmpmeta>".encode()
    inner = " ".join(f'{name}="{value}"' for name, value in pairs)
    return f"<x:xmpmeta><rdf:Description\n {inner}/></x:xmpmeta>".encode()


def dataset(number: int, text: str) -> bytes:
    return struct.pack(">BBBH", 0x1C, 2, number, len(text)) + text.encode()


def resources(iptc: bytes, *, name: bytes = b"") -> bytes:
    """Image resources of Photoshop: one that nobody asked for, then IPTC."""
    label = bytes([len(name)]) + name
    label += b"\0" * (len(label) % 2)
    other = b"8BIM" + struct.pack(">H", 0x03ED) + b"\0\0" + struct.pack(">I", 16) + b"\0" * 16
    return other + b"8BIM" + struct.pack(">H", 0x0404) + label + struct.pack(">I", len(iptc)) + iptc


# Hour 24, AM and PM, separators


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2022:10:09 24:04:20", datetime(2022, 10, 9, 0, 4, 20)),
        ("2022:10:09 24:00:00", datetime(2022, 10, 9)),
        ("2022:12:31 24:59:59", datetime(2022, 12, 31, 0, 59, 59)),
        ("2022:10:09 25:04:20", None),
        ("2022:10:09 6:41:12 am", AT),
        ("2022:10:09 06:41:12AM", AT),
        ("2022:10:09 6:41:12 p.m.", AT.replace(hour=18)),
        ("2022:10:09 6:41:12 p. m.", AT.replace(hour=18)),  # Windows in Spanish
        ("2022:10:09 12:41:12 am", AT.replace(hour=0)),
        ("2022:10:09 12:41:12 pm", AT.replace(hour=12)),
        ("2022:10:09 18:41:12 pm", AT.replace(hour=18)),
        ("2022:10:09 18:41:12 am", None),
        ("2022-10-09 06:41:12", AT),
        ("2022/10/09 06:41:12", AT),
        ("2022.10.09 06:41:12", AT),
        ("2022_10_09 06.41.12", AT),
        ("2022-10-09T06:41:12", AT),
        ("2022:10:09 06:41", AT.replace(second=0)),
        ("2022:10:09 06:4", None),  # cut off
        ("2022:10:09", None),
    ],
)
def test_forms_of_a_time_in_a_file(tmp_path: Path, written: str, at: datetime | None) -> None:
    expected = CaptureTime(at, TimeSource.EXIF) if at else CaptureTime(None, TimeSource.UNKNOWN)
    assert captured(tmp_path, jpeg(exif=[exif(written)])) == expected


# A second EXIF block


@pytest.mark.parametrize(
    ("first", "second", "at"),
    [
        (exif(), exif("2022:10:09 06:41:12"), AT),
        (exif("0000:00:00 00:00:00"), exif("2022:10:09 06:41:12"), AT),
        (exif("    :  :     :  :  "), exif("2022:10:09 06:41:12"), AT),
        (b"II*\0rubbish", exif("2022:10:09 06:41:12"), AT),
        (exif("2022:10:09 06:41:12"), exif("2023:01:01 00:00:00"), AT),
        (exif("2022:10:09 06:41:12"), exif(), AT),
    ],
)
def test_of_two_blocks_the_first_that_holds_a_time_counts(
    tmp_path: Path, first: bytes, second: bytes, at: datetime
) -> None:
    assert captured(tmp_path, jpeg(exif=[first, second])) == CaptureTime(at, TimeSource.EXIF)


# XMP


@pytest.mark.parametrize("elements", [False, True])
@pytest.mark.parametrize(
    ("properties", "at", "offset", "suspect"),
    [
        (["exif:DateTimeOriginal=2022-10-09T06:41:12"], AT, None, None),
        (["exif:DateTimeOriginal=2022-10-09T06:41:12-05:00"], AT, -300, None),
        (["photoshop:DateCreated=2022-10-09T06:41:12"], AT, None, None),
        (["xmp:CreateDate=2022-10-09T06:41:12Z"], AT, 0, None),
        (["xap:CreateDate=2022-10-09T06:41:12", "xap:ModifyDate=2023-01-01T00:00:00"], AT, None, None),
        (["xmp:CreateDate=2023-01-01T00:00:00", "exif:DateTimeOriginal=2022-10-09T06:41:12"], AT, None, None),
        # Made and changed in the same minute: a program made this file then.
        (
            ["xmp:CreateDate=2022-10-09T06:41:12", "xmp:ModifyDate=2022-10-09T06:41:40"],
            *(AT, None, "sent_or_saved"),
        ),
    ],
)
def test_a_time_in_xmp(
    tmp_path: Path,
    properties: list[str],
    at: datetime,
    offset: int | None,
    suspect: str | None,
    elements: bool,
) -> None:
    xmp = packet(*properties, elements=elements)
    expected = CaptureTime(at, TimeSource.XMP, suspect, offset)
    assert captured(tmp_path, jpeg(segments=[(0xE1, XMP_MARK + xmp)])) == expected
    assert captured(tmp_path, webp(chunks=[(b"XMP ", xmp)])) == expected
    assert captured(tmp_path, png(chunks=[(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)])) == expected
    sized = [Field(0x0100, 3, [64]), Field(0x0101, 3, [48])]
    assert captured(tmp_path, tiff([*sized, Field(0x02BC, 1, list(xmp))])) == expected


@pytest.mark.parametrize(
    "xmp", [packet("xmp:ModifyDate=2022-10-09T06:41:12"), packet("dc:date=2022"), b"", b"<"]
)
def test_xmp_without_a_time_of_making(tmp_path: Path, xmp: bytes) -> None:
    assert captured(tmp_path, jpeg(segments=[(0xE1, XMP_MARK + xmp)])).source is TimeSource.UNKNOWN


def test_what_is_beside_exif_is_asked_only_where_that_has_no_word_of_the_shutter(tmp_path: Path) -> None:
    xmp = (0xE1, XMP_MARK + packet("exif:DateTimeOriginal=2022-10-09T06:41:12"))
    plain = captured(tmp_path, jpeg(exif=[exif("2024:11:03 17:15:00")], segments=[xmp]))
    assert plain == CaptureTime(datetime(2024, 11, 3, 17, 15), TimeSource.EXIF)
    changed = captured(tmp_path, jpeg(exif=[exif(changed="2024:11:03 17:15:00")], segments=[xmp]))
    assert changed == CaptureTime(AT, TimeSource.XMP)


# IPTC


@pytest.mark.parametrize(
    ("data", "at", "offset"),
    [
        (dataset(55, "20221009") + dataset(60, "064112"), AT, None),
        (dataset(55, "20221009") + dataset(60, "064112-0500"), AT, -300),
        (dataset(5, "A title") + dataset(60, "064112+0000") + dataset(55, "20221009"), AT, 0),
        (dataset(55, "20221009"), None, None),
        (dataset(55, "00000000") + dataset(60, "000000"), None, None),
        (dataset(60, "064112"), None, None),
    ],
)
@pytest.mark.parametrize("name", [b"", b"odd", b"even"])
def test_a_time_in_iptc(
    tmp_path: Path, data: bytes, at: datetime | None, offset: int | None, name: bytes
) -> None:
    expected = CaptureTime(at, TimeSource.IPTC, None, offset) if at else CaptureTime(None, TimeSource.UNKNOWN)
    block = b"Photoshop 3.0\0" + resources(data, name=name)
    assert captured(tmp_path, jpeg(segments=[(0xED, block)])) == expected
    profile = b"\niptc\n%d\n" % len(block) + resources(data, name=name).hex().encode()
    packed = b"Raw profile type iptc\0\0" + zlib.compress(profile)
    assert captured(tmp_path, png(chunks=[(b"zTXt", packed)])) == expected


# Texts of a PNG


@pytest.mark.parametrize(
    "chunk",
    [
        (b"tEXt", b"Creation Time\x002022:10:09 06:41:12"),
        (b"tEXt", b"Creation Time\0Sun, 09 Oct 2022 06:41:12"),
        (b"tEXt", b"exif:DateTimeOriginal\x002022:10:09 06:41:12"),
        (b"zTXt", b"Creation Time\0\0" + zlib.compress(b"2022-10-09T06:41:12")),
        (b"iTXt", b"Creation Time\0\0\0en\0Zeit\x002022:10:09 06:41:12"),
        (b"iTXt", b"Creation Time\0\1\0\0\0" + zlib.compress(b"2022:10:09 06:41:12")),
    ],
)
def test_a_time_in_the_texts_of_a_png(tmp_path: Path, chunk: tuple[bytes, bytes]) -> None:
    assert captured(tmp_path, png(chunks=[chunk])) == CaptureTime(AT, TimeSource.PNG_TEXT)


@pytest.mark.parametrize(
    "chunk",
    [
        (b"tIME", struct.pack(">H5B", 2022, 10, 9, 6, 41, 12)),  # when a program last changed the file
        (b"tEXt", b"date:create\x002022-10-09T06:41:12+00:00"),
        (b"tEXt", b"Creation Time\0yesterday"),
        (b"zTXt", b"Creation Time\0\0no deflate"),
    ],
)
def test_texts_that_are_no_capture_time(tmp_path: Path, chunk: tuple[bytes, bytes]) -> None:
    assert captured(tmp_path, png(chunks=[chunk])) == CaptureTime(None, TimeSource.UNKNOWN)


def test_a_file_that_the_satellites_alone_date(tmp_path: Path) -> None:
    place = [Field(7, 5, [11, 1, 41, 1, 12, 1]), words(29, "2022:10:09")]
    assert captured(tmp_path, jpeg(exif=[tiff([], {GPS: place})])) == CaptureTime(
        datetime(2022, 10, 9, 11, 41, 12), TimeSource.GPS, None, 0
    )


# Times that may be another's than the shutter's


@pytest.mark.parametrize(
    "name",
    [
        "WhatsApp Image 2024-11-03 at 17.15.00.jpeg",
        "WhatsApp Image 2024-11-03 at 5.15.00 PM (1).jpeg",
        "signal-2024-11-03-171500.jpg",
        "signal-attachment-2024-11-03-171500.jpeg",
        "telegram-2024-11-03_17-15-00.jpg",
        "photo_2024-11-03_17-15-00.jpg",
        "image_2024-11-03_17-15-00.png",
        "viber_image_2024-11-03_17-15-00-123.jpg",
        "Screenshot_20241103-171500_Gallery.jpg",
        "Screenshot 2024-11-03 at 5.15.00\u202fPM.png",
        "Screen Shot 2024-11-03 at 17.15.00.png",
        "Bildschirmfoto 2024-11-03 um 17.15.00.png",
        "scan_20241103_171500.jpg",
        "Adobe Scan 2024-11-03 17.15.00.jpg",
        "received_20241103_171500.jpeg",
    ],
)
def test_a_name_by_a_messenger_a_screenshot_or_a_scanner_is_in_doubt(tmp_path: Path, name: str) -> None:
    sent = captured(tmp_path, jpeg(), name)
    if " um " in name:  # a form that isn't read says nothing, which is as good
        assert sent == CaptureTime(None, TimeSource.UNKNOWN)
    else:
        assert sent == CaptureTime(datetime(2024, 11, 3, 17, 15), TimeSource.FILENAME, "sent_or_saved")
    # The camera's own word, where it survived, is not.
    kept = captured(tmp_path, jpeg(exif=[exif("2022:10:09 06:41:12")]), name)
    assert kept == CaptureTime(AT, TimeSource.EXIF)


def test_a_screenshots_own_texts_are_as_young_as_its_name(tmp_path: Path) -> None:
    content = png(chunks=[(b"tEXt", b"Creation Time\x002024:11:03 17:15:00")])
    assert captured(tmp_path, content, "Screenshot_20241103-171500.png").suspect == "sent_or_saved"
    assert captured(tmp_path, content, "Gate_20241103-171500.png").suspect is None


@pytest.mark.parametrize("name", ["Sanctuary2_20241103_171500.jpg", "Signal_Hill_20241103_171500.jpg"])
def test_a_stations_name_raises_no_doubt(tmp_path: Path, name: str) -> None:
    assert captured(tmp_path, jpeg(), name).suspect is None


UNREADABLE = ("2022:13:09 06:41:12", "2022:02:30 06:41:12", "garbage", "2022:10:09", "\x01\x02\x03\x04")
LATER: dict[str, Callable[[str], tuple[bytes, str]]] = {
    "exif_modified": lambda bad: (jpeg(exif=[exif(bad, changed="2023:01:05 10:00:00")]), "a.jpg"),
    "filename": lambda bad: (jpeg(exif=[exif(bad)]), "Gate_20230105_100000.jpg"),
    "xmp": lambda bad: (
        jpeg(exif=[exif(bad)], segments=[(0xE1, XMP_MARK + packet("xmp:CreateDate=2023-01-05T10:00:00"))]),
        "a.jpg",
    ),
}


@pytest.mark.parametrize("bad", UNREADABLE)
@pytest.mark.parametrize("source", LATER)
def test_a_later_time_beside_an_original_that_can_not_be_read_is_in_doubt(
    tmp_path: Path, source: str, bad: str
) -> None:
    content, name = LATER[source](bad)
    expected = CaptureTime(datetime(2023, 1, 5, 10), TimeSource(source), "original_unreadable")
    assert captured(tmp_path, content, name) == expected


@pytest.mark.parametrize("blank", ["0000:00:00 00:00:00", "    :  :     :  :  "])
@pytest.mark.parametrize("source", LATER)
def test_a_blank_original_says_nothing_and_raises_no_doubt(tmp_path: Path, source: str, blank: str) -> None:
    content, name = LATER[source](blank)
    assert captured(tmp_path, content, name) == CaptureTime(datetime(2023, 1, 5, 10), TimeSource(source))


# Whatever the bytes


@given(
    st.binary(max_size=300) | st.binary(max_size=80).map(lambda tail: resources(dataset(55, "2022") + tail))
)
def test_any_bytes_beside_exif_give_a_time_or_none(data: bytes) -> None:
    found = [xmp_time(data)[0], iptc_time(data), iptc_time(iptc_of_resources(data))]
    found.append(png_time({"Creation Time": data.decode("latin-1")}))
    for one in found:
        parsed = parse_exif(one)
        assert parsed is None or isinstance(parsed[0], datetime)


def test_a_picture_without_a_word_of_time_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg())
    assert read_header(tmp_path / "a.jpg").times == NO_TIMES
