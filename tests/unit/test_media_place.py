"""A photo without its place is the same photo otherwise, to the bit."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from contextlib import suppress

import piexif
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageChops, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from trailcam.media.remove_gps import PlaceStaysError, without_place

GPS = {1: "N", 2: (30.0, 6.0, 7.89), 3: "W", 4: (98.0, 30.0, 1.23), 29: "2024:11:03"}
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="30,6.1315N"'
    ' exif:Keep="yes"><exif:GPSLongitude>98,30.0205W</exif:GPSLongitude>'
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
)
SECRETS = (b"30,6.1315N", b"98,30.0205W", b"2024:11:03")


def picture() -> Image.Image:
    return Image.effect_mandelbrot((64, 48), (-2, -1.5, 1, 1.5), 20).convert("RGB")


def exif() -> Image.Exif:
    tags = Image.Exif()
    tags[0x010F] = "RECONYX"
    tags[0x0132] = "2024:11:01 06:00:00"
    tags.get_ifd(0x8825).update(GPS)
    tags.get_ifd(0x8769)[0x9003] = "2024:11:01 06:10:00"
    return tags


def jpeg(**more: object) -> bytes:
    buffer = io.BytesIO()
    picture().save(buffer, "JPEG", exif=exif(), **more)
    return buffer.getvalue()


def png(*, compressed: bool = False) -> bytes:
    buffer, info = io.BytesIO(), PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP, zip=compressed)
    picture().save(buffer, "PNG", exif=exif(), pnginfo=info)
    return buffer.getvalue()


def webp() -> bytes:
    buffer = io.BytesIO()
    picture().save(buffer, "WEBP", exif=exif().tobytes(), xmp=XMP.encode(), lossless=True)
    return buffer.getvalue()


def tiff() -> bytes:
    buffer = io.BytesIO()
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[0x010F], tags[0x0132] = "RECONYX", "2024:11:01 06:00:00"
    tags[0x8825], tags[0x8769] = GPS, {0x9003: "2024:11:01 06:10:00"}
    picture().save(buffer, "TIFF", tiffinfo=tags)
    return buffer.getvalue()


@pytest.mark.parametrize("make", [jpeg, lambda: jpeg(xmp=XMP.encode()), png, webp, tiff])
def test_the_place_is_gone_and_all_else_is_there(make: Callable[[], bytes]) -> None:
    before = make()
    after = without_place(before)
    assert len(after) == len(before)
    with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(after)) as new:
        assert dict(old.getexif().get_ifd(0x8825))
        assert not dict(new.getexif().get_ifd(0x8825))
        assert 0x8825 not in new.getexif()
        assert new.getexif()[0x010F] == "RECONYX"
        assert new.getexif()[0x0132] == "2024:11:01 06:00:00"
        assert new.getexif().get_ifd(0x8769)[0x9003] == "2024:11:01 06:10:00"
        assert ImageChops.difference(old.convert("RGB"), new.convert("RGB")).getbbox() is None
    for secret in SECRETS:
        assert secret not in after
    assert (b'exif:Keep="yes"' in after) == (b'exif:Keep="yes"' in before)


def test_a_jpegs_picture_is_not_touched() -> None:
    before = jpeg()
    after = without_place(before)
    start = before.index(b"\xff\xdb")
    assert after[start:] == before[start:]
    assert piexif.load(after)["GPS"] == {}
    assert piexif.load(after)["Exif"] == piexif.load(before)["Exif"]


def test_the_thumbnail_behind_the_gps_directory_survives() -> None:
    small = io.BytesIO()
    picture().resize((16, 12)).save(small, "JPEG")
    parts = piexif.load(jpeg())
    parts["thumbnail"] = small.getvalue()
    parts["1st"] = {piexif.ImageIFD.Compression: 6}
    buffer = io.BytesIO()
    picture().save(buffer, "JPEG", exif=piexif.dump(parts))
    before, after = (
        piexif.load(content) for content in (buffer.getvalue(), without_place(buffer.getvalue()))
    )
    assert before["GPS"]
    del before["0th"][piexif.ImageIFD.GPSTag]
    assert after == before | {"GPS": {}}


def test_a_second_picture_in_the_file_is_seen_to() -> None:
    after = without_place(jpeg() + jpeg())
    half = len(after) // 2
    assert piexif.load(after[half:])["GPS"] == {}


def test_a_pngs_chunks_keep_their_sums() -> None:
    after = without_place(png())
    at = 8
    while at < len(after):
        length = int.from_bytes(after[at : at + 4], "big")
        assert zlib.crc32(after[at + 4 : at + 8 + length]).to_bytes(4, "big") == after[at + 8 + length :][:4]
        at += 12 + length


def test_what_cannot_be_seen_to_is_refused() -> None:
    with pytest.raises(PlaceStaysError, match="compressed"):
        without_place(png(compressed=True))
    with pytest.raises(PlaceStaysError, match="BigTIFF"):
        without_place(b"II+\0" + bytes(100))


def test_a_photo_without_a_place_stays_to_the_byte() -> None:
    buffer = io.BytesIO()
    picture().save(buffer, "JPEG")
    assert without_place(buffer.getvalue()) == buffer.getvalue()


@given(st.binary(max_size=300), st.integers(0, 60), st.binary(max_size=40))
@example(b"", 8, b"")
def test_any_bytes_come_back_in_their_length(tail: bytes, at: int, patch: bytes) -> None:
    whole = jpeg()[:400]
    start = whole.index(b"Exif\0\0") + at
    broken = whole[:start] + patch + whole[start + len(patch) :] + tail
    for content in (tail, broken, b"II*\0" + tail, b"RIFF0000WEBP" + tail, b"\x89PNG\r\n\x1a\n" + tail):
        with suppress(PlaceStaysError):
            assert len(without_place(content)) == len(content)
