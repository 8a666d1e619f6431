from __future__ import annotations

import io
import logging
import os
import pickle
import struct
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import piexif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Picture

from trailcam.domain import FileKey, Image, TimeSource
from trailcam.media.exif import Header, UnreadableImageError, read_header
from trailcam.media.read import read_image
from trailcam.media.station import StationRule
from trailcam.media.tiff import distil
from trailcam.media.time_text import ExifTime

NOW = datetime(2026, 11, 23)
PHOTOS = Path(__file__).resolve().parents[2] / ".." / "shared" / "images"
SUFFIXES = {".jpg", ".jpeg"}
REAL = sorted(p for p in PHOTOS.rglob("*") if p.suffix.lower() in SUFFIXES) if PHOTOS.is_dir() else []


def exif_bytes(**first: object) -> bytes:
    """EXIF of a well-behaved camera; keywords replace or add tags of piexif's ImageIFD."""
    zeroth: dict[int, object] = {
        piexif.ImageIFD.Make: b"RECONYX",
        piexif.ImageIFD.Model: b"HC600",
        piexif.ImageIFD.Orientation: 6,
        piexif.ImageIFD.DateTime: b"2024:11:05 00:00:00",
    }
    zeroth |= {getattr(piexif.ImageIFD, name): value for name, value in first.items()}
    inner = {
        piexif.ExifIFD.DateTimeOriginal: b"2024:11:03 17:15:00",
        piexif.ExifIFD.DateTimeDigitized: b"2024:11:04 00:00:00",
        piexif.ExifIFD.SubSecTimeOriginal: b"25",
        piexif.ExifIFD.OffsetTimeOriginal: b"-06:00",
        piexif.ExifIFD.BodySerialNumber: b"H600HD01 \0\0",
    }
    gps = {piexif.GPSIFD.GPSLatitudeRef: b"N", piexif.GPSIFD.GPSLatitude: ((29, 1), (1, 1), (1, 1))}
    block: bytes = piexif.dump({"0th": zeroth, "Exif": inner, "GPS": gps})
    return block


def picture(form: str = "JPEG", exif: bytes | None = None, size: tuple[int, int] = (64, 48)) -> bytes:
    out = io.BytesIO()
    options = {} if exif is None else {"exif": exif}
    Picture.new("RGB", size, (40, 90, 30)).save(out, form, **options)
    return out.getvalue()


def header_of(tmp_path: Path, content: bytes) -> Header:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    return read_header(path)


def code_of(tmp_path: Path, content: bytes) -> str:
    with pytest.raises(UnreadableImageError) as raised:
        header_of(tmp_path, content)
    assert str(raised.value)
    return raised.value.code


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_format_gives_the_same_header(tmp_path: Path, form: str) -> None:
    header = header_of(tmp_path, picture(form, exif_bytes()))
    assert (header.width, header.height) == (64, 48)
    assert header.orientation == 6
    assert (header.make, header.model, header.serial) == ("RECONYX", "HC600", "H600HD01")
    assert header.times.original == ExifTime("2024:11:03 17:15:00", "25", "-06:00")
    assert header.times.digitized == ExifTime("2024:11:04 00:00:00")
    assert header.times.modified == ExifTime("2024:11:05 00:00:00")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("size", [(1, 1), (300, 7), (7, 300)])
def test_size_without_exif(tmp_path: Path, form: str, size: tuple[int, int]) -> None:
    header = header_of(tmp_path, picture(form, size=size))
    assert header == Header(*size)


def test_lossless_and_progressive_files(tmp_path: Path) -> None:
    for form, options in (("WEBP", {"lossless": True}), ("JPEG", {"progressive": True})):
        out = io.BytesIO()
        Picture.new("RGB", (301, 17)).save(out, form, **options)
        assert header_of(tmp_path, out.getvalue()) == Header(301, 17)


def test_animated_files_are_images(tmp_path: Path) -> None:
    for form in ("PNG", "WEBP"):
        out = io.BytesIO()
        frames = [Picture.new("RGB", (30, 20), (n, n, n)) for n in (0, 99)]
        frames[0].save(out, form, save_all=True, append_images=frames[1:])
        assert header_of(tmp_path, out.getvalue()) == Header(30, 20)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"Reconyx  ", "Reconyx"),
        (b"RC55 RAPIDFIRE" + b"\0" * 15, "RC55 RAPIDFIRE"),
        (b"  BolyMedia \0garbage", "BolyMedia"),
        (b"\0" * 20, None),
        (b"   ", None),
        (b"Bush\x1b[31m\nnell", "Bush[31mnell"),
        (b"Caf\xe9", "Café"),
        ("Müller".encode(), "Müller"),
        (b"x" * 500, "x" * 200),
        (b"x" * 60_000, "x" * 200),
    ],
)
def test_padded_texts_are_cleaned(tmp_path: Path, written: bytes, read: str | None) -> None:
    assert header_of(tmp_path, picture(exif=exif_bytes(Make=written))).make == read


@pytest.mark.parametrize("value", [0, 9, 255])
def test_an_impossible_orientation_is_upright(tmp_path: Path, value: int) -> None:
    assert header_of(tmp_path, picture(exif=exif_bytes(Orientation=value))).orientation == 1


def test_size_is_the_frames_and_not_the_tags(tmp_path: Path) -> None:
    header = header_of(tmp_path, picture(exif=exif_bytes(ImageWidth=9999, ImageLength=9999)))
    assert (header.width, header.height) == (64, 48)


def test_exif_behind_other_long_segments(tmp_path: Path) -> None:
    app2 = b"\xff\xe2" + struct.pack(">H", 60_002) + b"ICC_PROFILE\0".ljust(60_000, b"x")
    xmp = b"\xff\xe1" + struct.pack(">H", 40_002) + b"http://ns.adobe.com/xap/1.0/\0".ljust(40_000, b" ")
    content = picture(exif=exif_bytes())
    header = header_of(tmp_path, content[:2] + app2 * 3 + xmp + content[2:])
    assert (header.make, header.width) == ("RECONYX", 64)


def test_a_png_with_exif_after_its_pixels(tmp_path: Path) -> None:
    content = picture("PNG", exif_bytes())
    at = content.index(b"eXIf") - 4
    length = int.from_bytes(content[at : at + 4], "big") + 12
    moved = content[:at] + content[at + length : -12] + content[at : at + length] + content[-12:]
    assert header_of(tmp_path, moved).make == "RECONYX"


def test_a_picture_too_big_to_decode_still_has_a_size(tmp_path: Path) -> None:
    content = bytearray(picture("PNG"))
    content[16:24] = struct.pack(">II", 100_000, 90_000)
    assert header_of(tmp_path, bytes(content)) == Header(100_000, 90_000)


def test_truncated_behind_the_header_is_fine_for_a_scan(tmp_path: Path) -> None:
    content = picture(exif=exif_bytes(), size=(640, 480))
    assert header_of(tmp_path, content[: len(content) // 2]).width == 640


def test_files_that_are_no_images(tmp_path: Path) -> None:
    content = picture(exif=exif_bytes())
    assert code_of(tmp_path, b"") == "empty_file"
    assert code_of(tmp_path, b"Dear diary, today I saw a buck.") == "not_an_image"
    assert code_of(tmp_path, bytes(100_000)) == "not_an_image"
    assert code_of(tmp_path, content[:100]) == "not_an_image"
    assert code_of(tmp_path, b"GIF89a" + bytes(50)) == "not_an_image"
    assert code_of(tmp_path, b"II*\0\x08\0\0\0\0\0") == "not_an_image"


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    def code(path: Path | str) -> str:
        with pytest.raises(UnreadableImageError) as raised:
            read_header(path)
        return raised.value.code

    (tmp_path / "file").write_bytes(b"x")
    assert code(tmp_path / "absent.jpg") == "vanished"
    assert code(tmp_path / "file" / "a.jpg") == "vanished"
    assert code(tmp_path) == "unreadable"
    assert code("a\0b.jpg") == "unreadable"


@pytest.mark.skipif(sys.platform == "win32", reason="needs FIFOs")
def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(UnreadableImageError, match="regular"):
        read_header(tmp_path / "a.jpg")


def test_exifread_is_quiet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        header_of(tmp_path, picture(exif=exif_bytes(Make=b"\xff\xfe")))
    assert caplog.records == []


def tiff(entries: list[tuple[int, int, int, int]], after: int = 0, tail: bytes = b"") -> bytes:
    """A little-endian TIFF of one directory: (tag, type, count, value or offset)."""
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + struct.pack("<I", after) + tail


HOSTILE: dict[str, Callable[[], bytes]] = {
    "next directory is itself": lambda: tiff([(0x0112, 3, 1, 6)], after=8),
    "EXIF directory is its parent": lambda: tiff([(0x0112, 3, 1, 6), (0x8769, 4, 1, 8)]),
    "GPS in GPS, five thousand times": lambda: tiff([(0x0112, 3, 1, 6)] + [(0x8825, 4, 1, 8)] * 5_000),
    "a value of four billion": lambda: tiff([(0x0112, 3, 1, 6), (0x010F, 2, 0xFFFFFFFF, 9)]),
    "a list of a billion": lambda: tiff([(0x0112, 3, 1, 6), (0x0110, 4, 0x3FFFFFFF, 9)]),
    "five thousand makes of 60 kB": lambda: tiff([(0x0112, 3, 1, 6)] + [(0x010F, 2, 60_000, 8)] * 5_000),
    "offsets past the end": lambda: tiff([(0x0112, 3, 1, 6), (0x8769, 4, 1, 0xFFFFFFF0)], after=0xFFFFFFFE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_directories_are_read_for_what_is_good_and_in_no_time(tmp_path: Path, name: str) -> None:
    content = picture()
    block = b"Exif\0\0" + HOSTILE[name]()
    app1 = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    started = time.perf_counter()
    header = header_of(tmp_path, content[:2] + app1 + content[2:])
    assert header.orientation == 6
    assert time.perf_counter() - started < 1.0


def test_many_empty_segments_end(tmp_path: Path) -> None:
    assert code_of(tmp_path, b"\xff\xd8" + b"\xff\xe0\0\x02" * 100_000) == "not_an_image"


def test_the_place_is_not_even_copied() -> None:
    distilled = distil(io.BytesIO(exif_bytes()[6:]))
    assert distilled is not None
    assert len(distilled.block) < 500
    assert struct.pack(">HHI", 0x8825, 4, 1) not in distilled.block


def test_a_thumbnail_directory_of_rubbish_costs_no_capture_time(tmp_path: Path) -> None:
    block = bytearray(exif_bytes())
    first = int.from_bytes(block[10:14], "big") + 6
    pointer = first + 2 + 12 * int.from_bytes(block[first : first + 2], "big")
    block[pointer : pointer + 4] = struct.pack(">I", 3)  # into the middle of the header
    header = header_of(tmp_path, picture(exif=bytes(block)))
    assert header.times.original.at == "2024:11:03 17:15:00"


WHOLE = picture(exif=exif_bytes())
EXIF_END = WHOLE.index(b"H600HD01") + 16


@settings(max_examples=150, deadline=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, EXIF_END - 1), st.integers(0, 255)), max_size=12),
    st.one_of(st.none(), st.integers(0, len(WHOLE))),
    st.sampled_from(["JPEG", "TIFF", "PNG", "WEBP"]),
)
def test_mutated_files_give_a_header_or_an_error(
    tmp_path: Path, changes: list[tuple[int, int]], cut: int | None, form: str
) -> None:
    content = bytearray(FORMS[form])
    for at, value in changes:
        content[at % len(content)] = value
    name = "Hayfield/x_20241103_171500.jpg"
    (tmp_path / "Hayfield").mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content[:cut])
    image = read_image(tmp_path, FileKey(name, len(content), 0), StationRule(), NOW)
    assert image.station == "Hayfield"
    assert image.captured.at is not None
    assert 1 <= image.orientation <= 8
    if image.error_code is None:
        assert image.width is not None
        assert image.width > 0
    else:
        assert image.error_code in {"empty_file", "not_an_image", "too_large", "unreadable", "vanished"}


FORMS = {form: picture(form, exif_bytes()) for form in ("JPEG", "TIFF", "PNG", "WEBP")}


def test_read_image_of_a_good_and_a_bad_file(tmp_path: Path) -> None:
    folder = tmp_path / "TinMan" / "100RECNX"
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(WHOLE)
    (folder / "x_20241103_171500.jpg").write_bytes(b"")
    key = FileKey("TinMan/100RECNX/a.jpg", len(WHOLE), 1)
    image = read_image(tmp_path, key, StationRule(), NOW)
    assert image.station == "TinMan"
    assert (image.width, image.height, image.orientation, image.serial) == (64, 48, 6, "H600HD01")
    assert image.captured.at == datetime(2024, 11, 3, 17, 15, 0, 250_000)
    assert (image.captured.source, image.captured.utc_offset_min) == (TimeSource.EXIF, -360)
    assert pickle.loads(pickle.dumps(image)) == image

    bad = read_image(tmp_path, FileKey("TinMan/100RECNX/x_20241103_171500.jpg", 0, 1), StationRule(), NOW)
    assert (bad.error_code, bad.width) == ("empty_file", None)
    assert bad.captured.source is TimeSource.FILENAME
    gone = read_image(tmp_path, FileKey("gone.jpg", 0, 1), StationRule(), NOW)
    assert (gone.error_code, gone.captured.at) == ("vanished", None)


@pytest.mark.skipif(sys.platform == "win32", reason="names there are no bytes")
def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    (tmp_path / name).write_bytes(WHOLE)
    image: Image = read_image(tmp_path, FileKey(name, len(WHOLE), 1), StationRule(), NOW)
    assert image.error_code is None


@pytest.mark.skipif(not REAL, reason="the shared photos are not here")
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_real_photos_agree_with_pillow(path: Path) -> None:
    with Picture.open(path) as opened:
        size, exif = opened.size, opened.getexif()
        inner = exif.get_ifd(0x8769)
    header = read_header(path)
    assert (header.width, header.height) == size
    assert header.orientation == exif.get(0x0112, 1)
    for read, written in ((header.make, exif.get(0x010F)), (header.model, exif.get(0x0110))):
        assert (read or "") == (written or "").strip(" \0")
    assert header.times.original.at == inner.get(0x9003)
    assert header.times.digitized.at == inner.get(0x9004)
    assert header.times.modified.at == exif.get(0x0132)
