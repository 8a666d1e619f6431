"""HEIC and HEIF by the extra: header, pixels, turned once; and what is said without it."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.pipeline.decode import Decoded, Failed, decode, decode_whole
from trailcam.detect.pipeline.failures import FailureCode
from trailcam.media.exif import UnreadableImageError, read_header
from trailcam.media.heif import is_heif, teach_pillow
from trailcam.words.unread import reads_heif

with_extra = pytest.mark.skipif(not reads_heif(), reason="needs the extra heif")


def heic(orientation: int = 1) -> bytes:
    """Red on the left, blue on the right, 320 x 240 as stored, taken at 06:10."""
    teach_pillow()
    pixels = np.zeros((240, 320, 3), np.uint8)
    pixels[:, :160, 0], pixels[:, 160:, 2] = 220, 220
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0x9003] = "2024:11:03 06:10:00"
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "HEIF", exif=exif, quality=90)
    return buffer.getvalue()


@with_extra
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_heic_is_read_and_turned_once(tmp_path: Path, orientation: int) -> None:
    (tmp_path / "a.heic").write_bytes(heic(orientation))
    header = read_header(tmp_path / "a.heic")
    # What EXIF says of turning counts for nothing beside the container's own turns: none here.
    assert (header.width, header.height, header.orientation) == (320, 240, 1)
    assert header.times.original.at == "2024:11:03 06:10:00"
    result = decode(heic(orientation), FrameSpec(160))
    assert isinstance(result, Decoded), result
    assert (result.place.width, result.place.height) == (320, 240)
    assert result.pixels[64, 20, 0] > 150 > result.pixels[64, 20, 2]
    assert result.pixels[64, 140, 2] > 150 > result.pixels[64, 140, 0]
    whole = decode_whole(heic(orientation))
    assert isinstance(whole, np.ndarray)
    assert whole.shape == (240, 320, 3)


@with_extra
@pytest.mark.parametrize("keep", [40, 200, 0.5, 0.9])
def test_a_damaged_heic_fails_and_stops_nothing(tmp_path: Path, keep: float) -> None:
    data = heic()
    cut = data[: int(keep if keep > 1 else len(data) * keep)]
    result = decode(cut, FrameSpec(160))
    assert isinstance(result, Failed)
    assert result.code in (FailureCode.TRUNCATED, FailureCode.CORRUPT)
    (tmp_path / "a.heic").write_bytes(cut)
    with suppress(UnreadableImageError):  # its size may be known anyway
        assert read_header(tmp_path / "a.heic").width == 320


def test_without_the_extra_a_heic_called_jpg_says_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("words.unread", "media.heif", "detect.pipeline.decode"):
        monkeypatch.setattr(f"trailcam.{module}.reads_heif", lambda: False)
    data = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + bytes(200)
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(UnreadableImageError) as raised:
        read_header(tmp_path / "a.jpg")
    assert raised.value.code == "not_an_image"
    result = decode(data, FrameSpec(160))
    assert isinstance(result, Failed)
    for message in (raised.value.message, result.message):
        assert "HEIC" in message
        assert "trailcam[heif]" in message


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf", True),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", True),
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf", False),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", False),
        (b"\xff\xd8\xff\xe0", False),
        (b"", False),
    ],
)
def test_what_begins_as_a_heic(head: bytes, expected: bool) -> None:
    assert is_heif(head) is expected
