"""Odd JPEGs are looked at, damaged ones are not: decided by the pixels that really came out."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.helpers.odd_jpegs import (
    END,
    blocks_jpeg,
    gaps,
    picture,
    pixels_begin,
    random_bytes,
    saved,
    segment,
)
from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.pipeline.decode import Decoded, Failed, decode
from trailcam.detect.pipeline.failures import FailureCode
from trailcam.detect.pipeline.odd_jpeg import is_trailer

FRAME = FrameSpec(imgsz=160)
UNUSUAL = {
    "4x2": [(4, 2), (1, 1), (1, 1)],
    "2x4": [(2, 4), (1, 1), (1, 1)],
    "1x3": [(1, 3), (1, 1), (1, 1)],
    "3x1": [(3, 1), (1, 1), (1, 1)],
    "colour finer than light": [(1, 1), (2, 2), (2, 2)],
    "two colours unlike": [(2, 2), (2, 1), (1, 2)],
}
WHOLE = {
    "4:2:0": saved(picture()),
    "4:4:4": saved(picture(), subsampling=0),
    "optimised": saved(picture(), optimize=True),
    "progressive": saved(picture(), progressive=True),
    "grey": saved(picture().convert("L")),
    "CMYK": saved(picture().convert("CMYK")),
    "restarts": saved(picture(), restart_marker_rows=1),
    **{name: blocks_jpeg(factors) for name, factors in UNUSUAL.items()},
}
PIXELS = {name: decode(data, FRAME) for name, data in WHOLE.items()}
every_kind = pytest.mark.parametrize("kind", WHOLE)


def same(result: Decoded | Failed, kind: str) -> bool:
    whole = PIXELS[kind]
    assert isinstance(whole, Decoded), whole
    return isinstance(result, Decoded) and bool((result.pixels == whole.pixels).all())


def code(data: bytes) -> FailureCode | None:
    result = decode(data, FRAME)
    return result.code if isinstance(result, Failed) else None


@every_kind
@pytest.mark.parametrize("count", [1, 2, 24, 600])
def test_stray_bytes_between_header_segments_cost_nothing(kind: str, count: int) -> None:
    data = WHOLE[kind]
    for n, at in enumerate(gaps(data)):
        assert same(decode(data[:at] + random_bytes(n, count) + data[at:], FRAME), kind), at


@pytest.mark.parametrize("revision", [(0, 0), (0, 2), (2, 1), (9, 99), (255, 255)])
def test_any_revision_of_jfif_is_read(revision: tuple[int, int]) -> None:
    for kind in ("4:2:0", "progressive", "grey"):
        data = bytearray(WHOLE[kind])
        data[11:13] = bytes(revision)
        assert same(decode(bytes(data), FRAME), kind)


def test_an_empty_jfif_segment_is_passed_over() -> None:
    data = WHOLE["4:2:0"]
    assert same(decode(data[:2] + segment(0xE0, b"") + data[20:], FRAME), "4:2:0")


def test_an_unknown_adobe_transform_means_the_usual_colours() -> None:
    data = WHOLE["4:2:0"]
    adobe = segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 7))
    assert same(decode(data[:2] + adobe + data[20:], FRAME), "4:2:0")


def test_wrong_scan_parameters_of_a_sequential_jpeg_are_passed_over() -> None:
    for kind in ("4:2:0", "restarts", "grey"):
        data, at = bytearray(WHOLE[kind]), pixels_begin(WHOLE[kind])
        data[at - 3 : at] = b"\x01\x20\x13"
        assert same(decode(bytes(data), FRAME), kind)


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_unusual_sampling_is_looked_at(name: str) -> None:
    result = PIXELS[name]
    assert isinstance(result, Decoded), result
    x, y = result.place.pad_x, result.place.pad_y
    w, h = result.place.inner
    assert result.pixels[y : y + h, x : x + w].std() > 10


@every_kind
@pytest.mark.parametrize("fill", [b"\0", b"\xff", b"\0\xff"])
@pytest.mark.parametrize("count", [1, 2, 17, 3000])
def test_padding_at_the_end_costs_nothing_with_or_without_the_end_marker(
    kind: str, fill: bytes, count: int
) -> None:
    data = WHOLE[kind]
    padding = fill * count if fill != b"\0\xff" else b"\xff" * count + b"\0" * count
    for tail in (padding + END, padding, END + padding, b""):
        assert same(decode(data[:-2] + tail, FRAME), kind), tail[:4]


@every_kind
def test_a_trailer_costs_nothing(kind: str) -> None:
    data = WHOLE[kind]
    text = b"CAMERA 7  30/11/2026 04:11:22  41F 5C" * 30
    another = saved(picture(seed=9))
    for trailer in (text, another, random_bytes(3, 2000)):
        assert same(decode(data + trailer, FRAME), kind)
    for trailer in (text, another, bytes(64) + random_bytes(3, 2000)):
        assert same(decode(data[:-2] + trailer, FRAME), kind), trailer[:8]


@every_kind
@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 0.995), marker=st.booleans())
def test_a_jpeg_cut_anywhere_fails(kind: str, share: float, marker: bool) -> None:
    """With an end marker behind the cut, too."""
    data = WHOLE[kind]
    start = pixels_begin(data)
    cut = data[: start + int((len(data) - 2 - start) * share)]
    if marker and kind == "progressive":
        assume(not cut.endswith(b"\xff"))
        rest = data[len(cut) :]
        # Between two scans the file is whole: the same picture, less fine. So it is within the last one.
        between = rest[:2] in (b"\xff\xda", b"\xff\xc4")
        assert code(cut + END) is not None or between or b"\xff\xda" not in rest
        return
    assert code(cut + END if marker else cut) is FailureCode.TRUNCATED


@every_kind
@settings(max_examples=40, deadline=None)
@given(share=st.floats(0, 0.95))
def test_a_file_whose_end_was_never_written_fails(kind: str, share: float) -> None:
    """The card has room for the photo, but zeros stand in its rest: they decode, to a pattern or to grey."""
    data = WHOLE[kind]
    start = pixels_begin(data)
    at = start + int((len(data) - 2 - start) * share)
    for zeros in (len(data) - at, 4 * len(data)):
        assert code(data[:at] + bytes(zeros)) in (FailureCode.TRUNCATED, FailureCode.CORRUPT)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"restart_marker_rows": 1}])
def test_the_rest_of_another_photo_is_no_photo(share: float, options: dict[str, object]) -> None:
    one, other = saved(picture(seed=1), **options), saved(picture(seed=2), **options)
    start = pixels_begin(one)
    at = start + int((len(one) - start) * share)
    for splice in (one[:at] + other[at + 700 :], one[:at] + other[at - 700 :]):
        assert code(splice) is not None


def test_a_harmless_warning_does_not_hide_another() -> None:
    """The decoder stops at its first warning. Behind an odd header the pixels are judged anyway."""
    data = WHOLE["4:2:0"]
    middle = (pixels_begin(data) + len(data)) // 2
    oddities: list[Callable[[bytes], bytes]] = [
        lambda jpeg: jpeg[:11] + b"\x09\x09" + jpeg[13:],
        lambda jpeg: jpeg[:20] + b"\x12\x34\x56" + jpeg[20:],
        lambda jpeg: jpeg[:2] + segment(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 7)) + jpeg[20:],
    ]
    damages = [data[:middle] + END, data[:-2] + random_bytes(1, 80) + END, data[:middle] + bytes(9000)]
    for odd in oddities:
        assert same(decode(odd(data), FRAME), "4:2:0")
        for damaged in damages:
            assert code(odd(damaged)) is not None
            # Padding in front of the end marker is the warning that comes last.
            assert code(odd(damaged[:-2] + END + bytes(40) + END)) is not None


@every_kind
@pytest.mark.parametrize("count", [40, 400])
def test_bytes_left_over_in_front_of_the_end_marker_fail(kind: str, count: int) -> None:
    """The decoder had data to spare: something was added before, and the picture below it has moved."""
    data = WHOLE[kind]
    assert code(data[:-2] + random_bytes(5, count) + END) is FailureCode.CORRUPT


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(sorted(WHOLE)),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 700),
)
def test_an_odd_header_changes_no_verdict_on_damage(kind: str, share: float, seed: int, count: int) -> None:
    """Nor does any damage raise."""
    data = WHOLE[kind]
    start = pixels_begin(data)
    at = start + int((len(data) - 2 - start) * share)
    damaged = data[:at] + random_bytes(seed, count) + data[at:]
    plain, odd = code(damaged), code(damaged[:2] + b"\x11" + damaged[2:])
    assert plain == odd


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (b"", True),
        (bytes(9), True),
        (b"\xff" * 5, True),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", True),
        (b"\0\0CAMERA 7 41F", True),
        (bytes(16) + random_bytes(0, 99), True),
        (bytes.fromhex("9ce1f80fb3c0ff003f7a"), False),
    ],
)
def test_what_a_trailer_is(rest: bytes, expected: bool) -> None:
    assert is_trailer(rest) is expected
