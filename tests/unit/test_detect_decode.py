"""Decoding: real bytes of every kind of good and bad photo."""

from __future__ import annotations

import io
import os
import zlib
from pathlib import Path
from struct import pack

import numpy as np
import piexif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trailcam.detect.model.frame import PAD_VALUE, FrameSpec
from trailcam.detect.pipeline.decode import Decoded, Failed, _decode_jpeg, _fast_size, decode
from trailcam.detect.pipeline.failures import FailureCode
from trailcam.detect.pipeline.read_file import Missing, read_file
from trailcam.geometry import upright_size
from trailcam.words.text import clean_message

FRAME = FrameSpec(imgsz=160)
RED, GREEN, BLUE, YELLOW = (230, 20, 20), (20, 200, 20), (20, 20, 230), (220, 210, 20)


def corners(width: int = 320, height: int = 240) -> Image.Image:
    """Red top left, green top right, blue bottom left, yellow bottom right."""
    image = Image.new("RGB", (width, height))
    w, h = width // 2, height // 2
    for colour, at in ((RED, (0, 0)), (GREEN, (w, 0)), (BLUE, (0, h)), (YELLOW, (w, h))):
        image.paste(colour, (at[0], at[1], at[0] + width - w, at[1] + height - h))
    return image


def encode(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def noise_jpeg(*, progressive: bool = False) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    return encode(Image.fromarray(pixels), progressive=progressive)


def decoded(data: bytes, frame: FrameSpec = FRAME, *, full: bool = False) -> Decoded:
    result = decode(data, frame, full=full)
    assert isinstance(result, Decoded), result
    return result


def failure(data: bytes) -> FailureCode:
    result = decode(data, FRAME)
    assert isinstance(result, Failed)
    assert result.message.isprintable()
    assert result.message
    return result.code


def colours(result: Decoded) -> list[tuple[int, int, int]]:
    """Nearest known colour in the four corners of the photo inside its frame, row by row."""
    w, h = result.place.inner
    x0, y0 = result.place.pad_x, result.place.pad_y
    found = []
    for y, x in ((0.2, 0.2), (0.2, 0.8), (0.8, 0.2), (0.8, 0.8)):
        pixel = result.pixels[y0 + int(h * y), x0 + int(w * x)].astype(int)
        found.append(min((RED, GREEN, BLUE, YELLOW), key=lambda c: int(np.abs(pixel - c).sum())))
    return found


UPRIGHT = [RED, GREEN, BLUE, YELLOW]
# What a photo stored as `corners` shows once turned: the definition in EXIF 2.32, spelt out.
TURNED = {
    1: [RED, GREEN, BLUE, YELLOW],
    2: [GREEN, RED, YELLOW, BLUE],
    3: [YELLOW, BLUE, GREEN, RED],
    4: [BLUE, YELLOW, RED, GREEN],
    5: [RED, BLUE, GREEN, YELLOW],
    6: [BLUE, RED, YELLOW, GREEN],
    7: [YELLOW, GREEN, BLUE, RED],
    8: [GREEN, YELLOW, RED, BLUE],
}


def exif(orientation: int) -> bytes:
    made: bytes = piexif.dump({"0th": {piexif.ImageIFD.Orientation: orientation}})
    return made


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_exactly_once(orientation: int, form: str) -> None:
    options: dict[str, object] = {"exif": exif(orientation)}
    if form == "TIFF":
        options = {"tiffinfo": {274: orientation}}
    result = decoded(encode(corners(), form, **options))
    assert colours(result) == TURNED[orientation]
    assert (result.place.width, result.place.height) == upright_size(320, 240, orientation)


@settings(max_examples=40, deadline=None)
@given(
    orientation=st.integers(1, 8),
    width=st.integers(8, 700),
    height=st.integers(8, 700),
    imgsz=st.sampled_from([64, 160, 320]),
)
def test_any_photo_lands_upright_in_a_frame_of_whole_strides(
    orientation: int, width: int, height: int, imgsz: int
) -> None:
    result = decoded(encode(corners(width, height), quality=95, exif=exif(orientation)), FrameSpec(imgsz))
    frame_h, frame_w, _ = result.pixels.shape
    assert frame_h % 32 == frame_w % 32 == 0
    assert max(frame_h, frame_w) == imgsz
    assert (result.place.width, result.place.height) == upright_size(width, height, orientation)
    inner_w, inner_h = result.place.inner
    assert max(inner_w, inner_h) == imgsz
    if min(inner_w, inner_h) >= 16:
        assert colours(result) == TURNED[orientation]
    outside = np.ones((frame_h, frame_w), dtype=bool)
    x, y = result.place.pad_x, result.place.pad_y
    outside[y : y + inner_h, x : x + inner_w] = False
    assert (result.pixels[outside] == PAD_VALUE).all()


@pytest.mark.parametrize("value", [0, 9, 300])
def test_an_orientation_that_exif_does_not_know_turns_nothing(value: int) -> None:
    assert colours(decoded(encode(corners(), exif=exif(value)))) == UPRIGHT


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_broken_exif_does_not_cost_the_photo() -> None:
    assert colours(decoded(encode(corners(), exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage"))) == UPRIGHT


@pytest.mark.parametrize(
    ("form", "mode", "options"),
    [
        ("JPEG", "CMYK", {}),
        ("JPEG", "RGB", {"progressive": True}),
        ("JPEG", "RGB", {"subsampling": 0}),
        ("PNG", "P", {}),
        ("PNG", "RGBA", {}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}),
        ("TIFF", "CMYK", {}),
        ("BMP", "RGB", {}),
        ("WEBP", "RGB", {}),
        ("GIF", "P", {}),
    ],
)
def test_every_colour_mode_keeps_its_colours(form: str, mode: str, options: dict[str, object]) -> None:
    image = corners()
    image = image.quantize(16) if mode == "P" else image.convert(mode)
    assert colours(decoded(encode(image, form, **options))) == UPRIGHT


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_grey_becomes_three_equal_channels(form: str) -> None:
    result = decoded(encode(Image.new("L", (320, 240), 90), form))
    assert np.abs(result.pixels[60].astype(int) - 90).max() <= 1
    assert result.pixels.shape == (128, 160, 3)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(form: str) -> None:
    ramp = np.tile(np.linspace(0, 65535, 320).astype(np.uint16), (240, 1))
    row = decoded(encode(Image.fromarray(ramp), form)).pixels[64, :, 0]
    assert row[0] <= 1
    assert row[-1] >= 254
    assert abs(int(row[80]) - 128) <= 2


def test_float_tiff_is_scaled() -> None:
    ramp = np.tile(np.linspace(0, 1, 320, dtype=np.float32), (240, 1))
    assert abs(int(decoded(encode(Image.fromarray(ramp), "TIFF")).pixels[64, 80, 0]) - 128) <= 2


def test_the_first_frame_of_an_animation_counts() -> None:
    frames = [corners(), Image.new("RGB", (320, 240), BLUE)]
    for form in ("GIF", "WEBP", "PNG"):
        data = encode(frames[0], form, save_all=True, append_images=frames[1:], duration=50)
        assert colours(decoded(data)) == UPRIGHT, form


def test_a_thin_photo_keeps_a_pixel() -> None:
    result = decoded(encode(Image.new("RGB", (3000, 1), RED), "PNG"))
    assert result.pixels.shape == (32, 160, 3)
    assert result.place.inner == (160, 1)


def test_a_fixed_frame_is_filled_as_far_as_the_photo_goes() -> None:
    result = decoded(encode(corners()), FrameSpec(160, fixed=(160, 160)))
    assert result.pixels.shape == (160, 160, 3)
    assert (result.place.pad_x, result.place.pad_y, result.place.inner) == (0, 20, (160, 120))


@pytest.mark.parametrize("size", [(2048, 1536), (1920, 1080), (2592, 1944), (1537, 2049), (1281, 1009)])
def test_scaled_decoding_shows_what_full_decoding_shows(size: tuple[int, int]) -> None:
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    smooth = np.stack([127 + 120 * np.sin(x / 90), 127 + 120 * np.cos(y / 70), 90 + 0 * x], axis=2)
    data = encode(Image.fromarray(smooth.astype(np.uint8)), quality=95)
    scaled, full = decoded(data), decoded(data, full=True)
    assert scaled.place == full.place
    assert np.abs(scaled.pixels.astype(int) - full.pixels.astype(int)).mean() < 1


@settings(max_examples=25, deadline=None)
@given(width=st.integers(1281, 1600), height=st.integers(900, 1281), at=st.floats(0.9, 0.98))
def test_an_edge_near_the_right_border_stays_where_it_is(width: int, height: int, at: float) -> None:
    """Where a decoder's last column shows less than a column, naive scaling moves edges by up to 0.5 %."""
    edge = int(width * at)
    image = Image.new("RGB", (width, height), (0, 0, 0))
    image.paste((255, 255, 255), (0, 0, edge, height))
    result = decoded(encode(image, quality=100))
    w, _ = result.place.inner
    row = result.pixels[result.pixels.shape[0] // 2, result.place.pad_x : result.place.pad_x + w, 0]
    assert abs(row.astype(float).sum() / 255 / w - edge / width) < 0.15 / w


@given(st.integers(1, 9000), st.integers(1, 9000), st.integers(1, 1280))
def test_the_decoded_size_covers_the_frame_at_an_eighth_that_is_fast(
    width: int, height: int, side: int
) -> None:
    inner = FrameSpec(side).fit(width, height)[1].inner
    size = _fast_size((width, height), inner)
    sizes = [(-(-width * n // 8), -(-height * n // 8)) for n in (1, 2, 4)]
    covering = [s for s in sizes if s[0] >= inner[0] and s[1] >= inner[1]]
    assert size == (covering[0] if covering else None)


@pytest.mark.parametrize(("side", "decoded"), [(32, 40), (80, 80), (100, 160), (200, 320)])
def test_the_decoder_gives_the_size_that_is_asked_for(side: int, decoded: int) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 240), (90, 120, 60)).save(buffer, "JPEG")
    asked = _fast_size((320, 240), (side, side * 3 // 4))
    assert _decode_jpeg(buffer.getvalue(), asked).shape[1] == decoded


def test_no_bytes_and_other_bytes() -> None:
    assert failure(b"") is FailureCode.EMPTY_FILE
    assert failure(bytes(5000)) is FailureCode.NOT_AN_IMAGE
    assert failure(b"<html>\x1b[31mnot found</html>") is FailureCode.NOT_AN_IMAGE


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_truncated_jpeg_is_never_half_grey(keep: float, progressive: bool) -> None:
    data = noise_jpeg(progressive=progressive)
    assert failure(data[: int(len(data) * keep)]) is FailureCode.TRUNCATED


def test_a_truncated_jpeg_with_an_end_marker_is_still_truncated() -> None:
    data = noise_jpeg()
    assert failure(data[: len(data) // 2] + b"\xff\xd9") is FailureCode.TRUNCATED


def test_a_jpeg_cut_in_its_header_is_truncated() -> None:
    assert failure(noise_jpeg()[:100]) is FailureCode.TRUNCATED


def test_a_jpeg_that_lacks_only_the_end_marker_is_whole() -> None:
    data = noise_jpeg()
    assert (decoded(data[:-2]).pixels == decoded(data).pixels).all()


def test_padding_around_the_end_marker_is_harmless() -> None:
    data = noise_jpeg()
    want = decoded(data).pixels
    assert (decoded(data + bytes(4096)).pixels == want).all()
    assert (decoded(data[:-2] + bytes(64) + b"\xff\xd9").pixels == want).all()


@pytest.mark.parametrize("form", ["PNG", "WEBP", "BMP", "TIFF"])
def test_other_formats_cut_short_are_truncated_or_corrupt(form: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    data = encode(Image.fromarray(pixels), form)
    assert failure(data[: len(data) // 2]) in (FailureCode.TRUNCATED, FailureCode.CORRUPT)


def test_a_jpeg_with_a_broken_table_is_corrupt() -> None:
    data = bytearray(noise_jpeg())
    table = data.index(b"\xff\xc4")
    data[table + 5 : table + 21] = b"\xff" * 16  # a Huffman table of 4080 codes
    assert failure(bytes(data)) is FailureCode.CORRUPT


def png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return pack(">I", len(body)) + name + body + pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_unseen() -> None:
    assert failure(png_header(60_000, 60_000)) is FailureCode.TOO_LARGE
    assert failure(png_header(20_000, 12_000)) is not FailureCode.TOO_LARGE  # 240 MP: allowed, but cut short


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), form=st.sampled_from(["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP"]))
def test_damaged_bytes_never_raise(seed: int, form: str) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(encode(corners(64, 48), form))
    for _ in range(int(rng.integers(1, 12))):
        data[int(rng.integers(len(data)))] = int(rng.integers(256))
    result = decode(bytes(data[: int(rng.integers(1, len(data) + 1))]), FRAME)
    assert isinstance(result, Decoded) or result.message.isprintable()


def test_messages_are_one_harmless_line() -> None:
    shown = clean_message("a\x1b[2J\nb\udcff" + "x" * 999)
    assert shown.isprintable()
    assert len(shown) == 240
    shown.encode()


def test_reading_tells_missing_from_unreadable(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"abc")
    assert read_file(file) == b"abc"
    assert isinstance(read_file(tmp_path / "gone.jpg"), Missing)
    assert isinstance(read_file(file / "below-a-file.jpg"), Missing)
    folder = read_file(tmp_path)
    assert isinstance(folder, Failed)
    assert folder.code is FailureCode.UNREADABLE
    assert isinstance(read_file(tmp_path / "nul\0name.jpg"), Failed)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    result = read_file(tmp_path / "pipe.jpg")
    assert isinstance(result, Failed)
    assert result.code is FailureCode.UNREADABLE


def test_a_file_name_that_is_not_utf8(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    try:
        (tmp_path / name).write_bytes(b"x")
    except (OSError, UnicodeEncodeError):
        pytest.skip("this file system takes only UTF-8 names")
    assert read_file(tmp_path / name) == b"x"
