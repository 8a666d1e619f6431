from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailcam.domain import CaptureTime, TimeSource
from trailcam.media.capture_time import NO_TIMES, ExifTimes, best, readings
from trailcam.media.time_in_name import NamedTime, parse_file_name
from trailcam.media.time_text import ExifTime, parse_exif

NOW = datetime(2026, 11, 23, 12, 0)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2099, 12, 31, 23, 59, 59)).map(
    lambda at: at.replace(microsecond=0)
)


def times(
    original: str | None = None, digitized: str | None = None, modified: str | None = None
) -> ExifTimes:
    return ExifTimes(ExifTime(original), ExifTime(digitized), ExifTime(modified))


def choose(exif: ExifTimes, file_name: str, now: datetime) -> CaptureTime:
    return best(readings(exif, file_name, now))[0]


def test_every_reading_is_kept_the_most_trusted_first() -> None:
    exif = times("2024:11:03 17:15:00", None, "2024:11:05 00:00:00")
    found = readings(exif, "x_20241103_171501.jpg", NOW)
    assert [reading.source for reading in found] == [
        TimeSource.EXIF,
        TimeSource.EXIF_MODIFIED,
        TimeSource.FILENAME,
    ]
    assert best(found) == (found[0], "most_trusted")
    assert best([found[0], found[2]]) == (found[0], "readings_agree")
    assert best([found[2]]) == (found[2], "only_reading")
    assert best([]) == (CaptureTime(None, TimeSource.UNKNOWN), None)


def test_a_strip_overrides_a_file_name_unless_that_confirms_it_to_the_second() -> None:
    strip = CaptureTime(datetime(2024, 11, 3, 17, 15), TimeSource.STRIP)
    alike = CaptureTime(datetime(2024, 11, 3, 17, 15, 42), TimeSource.FILENAME)
    other = CaptureTime(datetime(2024, 11, 9, 8, 0), TimeSource.EXIF_MODIFIED)
    exif = CaptureTime(datetime(2024, 11, 3, 18, 15), TimeSource.EXIF)
    assert best([alike, strip]) == (alike, "readings_agree")
    assert best([other, strip]) == (strip, "most_trusted")
    assert best([other, strip, alike]) == (alike, "most_trusted")
    assert best([strip, exif]) == (exif, "most_trusted")


def test_order_of_evidence() -> None:
    exif = times("2024:11:03 17:15:00", "2024:11:04 00:00:00", "2024:11:05 00:00:00")
    name = "x_20241106_000000.jpg"
    assert choose(exif, name, NOW) == CaptureTime(datetime(2024, 11, 3, 17, 15), TimeSource.EXIF)
    exif = times("0000:00:00 00:00:00", "2024:11:04 00:00:00", "2024:11:05 00:00:00")
    assert choose(exif, name, NOW) == CaptureTime(datetime(2024, 11, 4), TimeSource.EXIF_DIGITIZED)
    exif = times(None, "    :  :     :  :  ", "2024:11:05 00:00:00")
    assert choose(exif, name, NOW) == CaptureTime(datetime(2024, 11, 5), TimeSource.EXIF_MODIFIED)
    assert choose(NO_TIMES, name, NOW) == CaptureTime(datetime(2024, 11, 6), TimeSource.FILENAME)
    assert choose(NO_TIMES, "IMG_0001.jpg", NOW) == CaptureTime(None, TimeSource.UNKNOWN)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "2024:13:01 00:00:00",
        "2024:02:30 00:00:00",
        "2024:11:03 25:00:00",
        "2024:11:03 17:60:00",
        "2024:11:03 17:15:61",
        "2024:11:03 13:15:00 AM",
        "2024:11:03 24:15:00 PM",
        "2024:11:03",
        "\0\0\0\0",
        "2024:11:03 17",
        "03:11:2024 17:15:00",
        "2024:11:03 17:1",
        "٢٠٢٤:11:03 17:15:00",
        "x2024:11:03 17:15:00",
    ],
)
def test_invalid_exif_dates_are_no_evidence(bad: str) -> None:
    assert parse_exif(ExifTime(bad)) is None


@pytest.mark.parametrize(
    ("written", "subsec", "offset", "at", "minutes"),
    [
        ("2024:11:03 17:15:00", "5", None, datetime(2024, 11, 3, 17, 15, 0, 500_000), None),
        ("2024:11:03 17:15:00", "042  ", "-06:00", datetime(2024, 11, 3, 17, 15, 0, 42_000), -360),
        ("2024:11:03 17:15:00", "1234567", "+05:30", datetime(2024, 11, 3, 17, 15, 0, 123_456), 330),
        ("2024:11:03 17:15:00", "   ", "   :  ", datetime(2024, 11, 3, 17, 15), None),
        ("2024:11:03 17:15:00", "x", "+99:00", datetime(2024, 11, 3, 17, 15), None),
        ("2024-11-03T17:15:00.25Z", None, None, datetime(2024, 11, 3, 17, 15, 0, 250_000), 0),
        ("2024/11/03 17:15:00", None, "Z", datetime(2024, 11, 3, 17, 15), 0),
        ("2024:11:03 24:04:20", None, None, datetime(2024, 11, 3, 0, 4, 20), None),
        ("2024:11:03 17:15", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("2024:11:03 1:48:24 pm", None, None, datetime(2024, 11, 3, 13, 48, 24), None),
        ("2024:11:03 06:00:00 a.m.", None, None, datetime(2024, 11, 3, 6), None),
        ("2024:11:03 12:10:00 AM", None, None, datetime(2024, 11, 3, 0, 10), None),
        ("2024:11:03 12:10:00PM", None, None, datetime(2024, 11, 3, 12, 10), None),
        ("2024:11:03 17:15:00 PM", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("2024:11:03 17:15:60", None, None, datetime(2024, 11, 3, 17, 15, 59), None),
        ("2024:11:03 17:15:00.", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("2024:11:03:17:15:00", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("2024:11:03 17.15.00", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("20241103 171500", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("20241103 171500-0600", None, None, datetime(2024, 11, 3, 17, 15), -360),
        ("20241103171500", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("20241103T171500Z", None, None, datetime(2024, 11, 3, 17, 15), 0),
        ("2024-11-03T17:15Z", None, None, datetime(2024, 11, 3, 17, 15), 0),
        ("2024-11-03T17:15:00.000+0000", None, None, datetime(2024, 11, 3, 17, 15), 0),
        ("2024-11-03 17:15:00 UTC", None, None, datetime(2024, 11, 3, 17, 15), 0),
        ("Sun Nov 03 17:15:00 2024", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("Sun Nov  3 17:15:00 CST 2024", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("Sun, 03 Nov 2024 17:15:00 +0530", None, None, datetime(2024, 11, 3, 17, 15), 330),
        ("3 November 2024 5:15 PM", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("2024: 1: 3  7: 5: 9", None, None, datetime(2024, 1, 3, 7, 5, 9), None),
        ("2024:11:03 17:15:00 CST", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("2024:11:03 5:15:00 PM CDT", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("2024-11-03 17:15:00 GMT-06:00", None, None, datetime(2024, 11, 3, 17, 15), -360),
        ("2024:11:03,17:15:00", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("2024-11-03, 5:15 PM", None, None, datetime(2024, 11, 3, 17, 15), None),
        ("2024/Nov/03 17:15:00", None, None, datetime(2024, 11, 3, 17, 15), None),
    ],
)
def test_exif_forms(
    written: str, subsec: str | None, offset: str | None, at: datetime, minutes: int | None
) -> None:
    assert parse_exif(ExifTime(written, subsec, offset)) == (at, minutes)


def test_the_offset_reaches_the_capture_time() -> None:
    exif = ExifTimes(ExifTime("2024:11:03 17:15:00", "5", "-06:00"))
    expected = CaptureTime(datetime(2024, 11, 3, 17, 15, 0, 500_000), TimeSource.EXIF, None, -360)
    assert choose(exif, "", NOW) == expected


@pytest.mark.parametrize(
    ("at", "suspect"),
    [
        ("1999:12:31 23:59:59", "before_2000"),
        ("1980:01:01 00:00:00", "before_2000"),
        ("2000:01:01 00:00:10", "clock_reset"),
        ("2010:01:01 00:03:00", "clock_reset"),
        ("2015:01:02 23:59:59", "clock_reset"),
        ("2015:01:03 00:00:00", None),
        ("2014:12:31 23:59:59", None),
        ("2016:01:01 00:00:00", None),
        ("2025:01:01 00:00:00", None),
        ("2026:11:24 11:59:59", None),
        ("2026:11:24 12:00:01", "future"),
        ("2026:11:23 11:00:00", None),
    ],
)
def test_suspect_times(at: str, suspect: str | None) -> None:
    assert choose(times(at), "", NOW).suspect == suspect
    assert choose(times(at), "", NOW.replace(tzinfo=UTC)).suspect == suspect


def test_a_fresh_new_year_photo_is_not_suspect() -> None:
    assert choose(times("2015:01:01 00:03:00"), "", datetime(2015, 1, 5)).suspect is None


def test_names_are_judged_too() -> None:
    assert choose(NO_TIMES, "20300101_000000.jpg", NOW).suspect == "future"


@pytest.mark.parametrize(
    "name",
    [
        "Sanctuary2_20241103_171500_001.jpg",
        "IMG_20241103_171500.jpg",
        "2024-11-03 17-15-00.jpg",
        "20241103171500",
        "2024_11_03_17_15_00.JPG",
        "2024-11-03T17:15:00.jpg",
        "Cam3 2024-11-03 at 17.15.00 (2).jpg",
        "2024.11.03 - 171500.png",
        "99999999_999999_20241103-171500.jpg",
        "IMG20241103171500.jpg",
    ],
)
def test_names_that_tell_the_time(name: str) -> None:
    assert parse_file_name(name) == NamedTime(datetime(2024, 11, 3, 17, 15))


@pytest.mark.parametrize(
    "name",
    [
        "2021-05-28_SYFR0041_deer.JPG",
        "20241103.jpg",
        "11-03-2024 17.15.00.jpg",
        "25-11-2024 17.15.00.jpg",
        "120241103171500.jpg",
        "202411031715001.jpg",
        "x920241103_171500.jpg",
        "20241103_1715001.jpg",
        "20241303_171500.jpg",
        "20241103_256100.jpg",
        "2024-11_03 17-15-00.jpg",
        "٢٠٢٤١١٠٣_171500.jpg",
        "05040080.JPG",
    ],
)
def test_names_that_do_not(name: str) -> None:
    assert parse_file_name(name) is None


FORMATS = (
    "%Y%m%d_%H%M%S",
    "%Y%m%d%H%M%S",
    "%Y-%m-%d %H-%M-%S",
    "%Y_%m_%d_%H_%M_%S",
    "%Y-%m-%dT%H.%M.%S",
    "%Y.%m.%d_%H%M%S",
)


@given(
    MOMENTS,
    st.sampled_from(FORMATS),
    st.from_regex(r"\A[A-Za-z_ ]{0,8}\Z"),
    st.sampled_from(["", "_001", ".x"]),
)
def test_a_formatted_time_always_parses_back(at: datetime, form: str, before: str, after: str) -> None:
    assert parse_file_name(before + at.strftime(form) + after) == NamedTime(at)


@given(MOMENTS, st.integers(0, 999_999), st.integers(-12 * 60, 14 * 60))
def test_a_formatted_exif_time_always_parses_back(at: datetime, microsecond: int, minutes: int) -> None:
    sign, rest = ("-" if minutes < 0 else "+"), abs(minutes)
    offset = f"{sign}{rest // 60:02}:{rest % 60:02}"
    written = ExifTime(at.strftime("%Y:%m:%d %H:%M:%S"), f"{microsecond:06}", offset)
    assert parse_exif(written) == (at + timedelta(microseconds=microsecond), minutes)


@given(st.text(), st.text(), st.text(), st.text())
def test_random_texts_never_raise(at: str, subsec: str, offset: str, name: str) -> None:
    found = choose(ExifTimes(ExifTime(at, subsec, offset)), name, NOW)
    assert (found.at is None) == (found.source is TimeSource.UNKNOWN)


@given(st.text(alphabet="0123456789:-_ .TZ+", max_size=40))
def test_random_digits_never_raise(text: str) -> None:
    found = choose(ExifTimes(ExifTime(text, text, text)), text, NOW)
    assert (found.at is None) == (found.source is TimeSource.UNKNOWN)
