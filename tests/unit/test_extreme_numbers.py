"""Numbers beyond belief in every field of every format that a scan reads: one file's never ends a library."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers import tiff_bytes as make
from tests.helpers.tiff_bytes import RATIONAL, SRATIONAL, Field
from trailcam.domain import FileKey, Image
from trailcam.media.makernote import read_maker_note
from trailcam.media.read import read_image
from trailcam.media.station import StationRule
from trailcam.media.walk import WalkNotes, walk
from trailcam.store.database import Database
from trailcam.store.images import save_images, save_root

NOW = datetime(2026, 11, 23)
EXIF, GPS, NOTE = 0x8769, 0x8825, 0x927C
EDGES = sorted(
    {
        sign * (1 << bits) + by
        for bits in (0, 7, 8, 15, 16, 31, 32, 62, 63, 64)
        for by in (-1, 0, 1)
        for sign in (1, -1)
    }
)
LIMITS = {
    **{1: (0, 255), 3: (0, (1 << 16) - 1), 4: (0, (1 << 32) - 1), 6: (-128, 127), 7: (0, 255)},
    **{8: (-(1 << 15), (1 << 15) - 1), 9: (-(1 << 31), (1 << 31) - 1), 13: (0, (1 << 32) - 1)},
    **{16: (0, (1 << 64) - 1), 17: (-(1 << 63), (1 << 63) - 1), RATIONAL: (0, (1 << 32) - 1)},
    SRATIONAL: (-(1 << 31), (1 << 31) - 1),
}
MARKS = (b"\x01\xf1", b"RECONYXUF\0", b"RECONYXH2\0", b"RECONYXMF\0", b"RECONYXHF4K\0")
TIMES = st.sampled_from([0x0132, 0x9003, 0x9004])
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def numbers(type_: int, n: int) -> st.SearchStrategy[list[Any]]:
    if type_ in (11, 12):
        wild = st.floats(width=32 if type_ == 11 else 64) | st.sampled_from(
            [math.nan, math.inf, -math.inf, 1e30]
        )
        return st.lists(wild, min_size=n, max_size=n)
    low, high = LIMITS[type_]
    fitting = [edge for edge in EDGES if low <= edge <= high]
    wanted = n * (2 if type_ in (RATIONAL, SRATIONAL) else 1)
    return st.lists(st.sampled_from(fitting) | st.integers(low, high), min_size=wanted, max_size=wanted)


def fields(tags: st.SearchStrategy[int], *, big: bool) -> st.SearchStrategy[list[Field]]:
    types = [*LIMITS, 11, 12] if big else [t for t in (*LIMITS, 11, 12) if t not in make.BIG_TYPES]
    number = st.tuples(tags, st.sampled_from(types), st.integers(1, 3)).flatmap(
        lambda one: numbers(one[1], one[2]).map(lambda values: Field(one[0], one[1], values))
    )
    years = st.sampled_from(["0000", "0001", "1899", "1970", "2079", "9999"])
    text = years.map(lambda year: f"{year}:01:01 00:00:00\0".encode()) | st.binary(min_size=1, max_size=30)
    words = st.tuples(tags, text).map(lambda one: Field(one[0], 2, one[1]))
    lies = st.tuples(tags, st.sampled_from([edge for edge in EDGES if 0 <= edge < 1 << 32])).map(
        lambda one: Field(one[0], 3, [1], count=one[1])
    )
    return st.lists(number | words | lies, max_size=6)


@st.composite
def blocks(draw: st.DrawFn, *, big: bool | None = None) -> bytes:
    is_big = draw(st.booleans()) if big is None else big
    first = draw(
        fields(st.sampled_from([0x0100, 0x0101, 0x010F, 0x0112, 0x0132, 0xC62F, 0x02BC, 0x83BB]), big=is_big)
    )
    if draw(st.booleans()):  # half of them are a picture of some size, however absurd
        type_ = draw(st.sampled_from([16, 17] if is_big else [3, 4, 9]))
        sides = [draw(numbers(type_, 1)) for _ in range(2)]
        first = [Field(0x0100, type_, sides[0]), Field(0x0101, type_, sides[1]), *first]
    inner = draw(fields(st.sampled_from([0x9003, 0x9004, 0x9011, 0x9291, 0xA431]), big=is_big))
    note = draw(st.sampled_from(MARKS)) + draw(st.sampled_from([b"\xff", b"\x7f", b"\x80", b"\0"])) * 256
    place = draw(fields(st.sampled_from([2, 4, 7]), big=is_big))
    place += [Field(1, 2, b"N\0"), Field(3, 2, b"W\0"), Field(29, 2, b"9999:12:31\0")]
    order: Literal["<", ">"] = draw(st.sampled_from(["<", ">"]))
    return make.tiff(first, {EXIF: [*inner, Field(NOTE, 7, note)], GPS: place}, order=order, big=is_big)


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {
    "JPEG": lambda block: make.jpeg(exif=[block]),
    "PNG": lambda block: make.png(chunks=[(b"eXIf", block)]),
    "WebP": lambda block: make.webp(chunks=[(b"EXIF", block)]),
    "TIFF": lambda block: block,
}


class Library:
    """A database that takes one file after the other, as a scan saves them."""

    def __init__(self, folder: Path) -> None:
        self.root, self.numbers = folder, count()
        self.database = Database(folder / "t.duckdb")
        with self.database.write() as db:
            self.root_id = save_root(db, "lib", str(folder))

    def save(self, content: bytes, key: FileKey | None = None) -> Image:
        (image,) = self.save_all([content], key)
        return image

    def save_all(self, contents: Sequence[bytes], key: FileKey | None = None) -> list[Image]:
        images = []
        for content in contents:
            name = f"{next(self.numbers)}.jpg"
            (self.root / name).write_bytes(content)
            own = FileKey(name, key.size_bytes, key.mtime_ns) if key else FileKey(name, len(content), 0)
            images.append(read_image(self.root, own, StationRule.parse("folder"), NOW))
        with self.database.write() as db:
            ids = save_images(db, self.root_id, images, {})
            saved = db.execute(
                "SELECT width, height, orientation, latitude, longitude, error_code, captured_at"
                " FROM images WHERE image_id >= ? ORDER BY image_id",
                [int(ids.min())],
            ).fetchall()
        assert saved == [
            (
                *(one.width, one.height, one.orientation, one.latitude, one.longitude, one.error_code),
                one.captured.at,
            )
            for one in images
        ]
        return images


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(tmp_path_factory.mktemp("extreme"))


def believable(image: Image) -> None:
    if image.error_code is None:
        assert image.width is not None
        assert image.height is not None
        assert 0 < image.width <= 1_000_000
        assert 0 < image.height <= 1_000_000
    assert 1 <= image.orientation <= 8
    assert (image.latitude is None) == (image.longitude is None)
    if image.latitude is not None and image.longitude is not None:
        assert -90 <= image.latitude <= 90
        assert -180 <= image.longitude <= 180
    for reading in image.readings:
        assert reading.utc_offset_min is None or -720 <= reading.utc_offset_min <= 840


@MANY
@given(blocks(), st.sampled_from(sorted(CONTAINERS)))
def test_any_number_in_any_field_of_exif_gps_and_maker_note(
    library: Library, block: bytes, form: str
) -> None:
    image = library.save(CONTAINERS[form](block))
    believable(image)
    if form != "TIFF":  # a picture of a believable size: whatever EXIF says, it goes on
        assert image.error_code is None
        assert image.captured.suspect is not None or image.captured.at is None


@MANY
@given(st.lists(st.sampled_from([edge for edge in EDGES if 0 <= edge < 1 << 32]), min_size=2, max_size=2))
def test_any_size_that_a_header_can_claim(library: Library, sides: list[int]) -> None:
    wide, high = sides
    signed = tuple((side + (1 << 31)) % (1 << 32) - (1 << 31) for side in sides)
    files = [
        make.jpeg((wide % (1 << 16), high % (1 << 16))),
        make.png((wide, high)),
        make.webp((wide % (1 << 24) + 1, high % (1 << 24) + 1)),
        make.bmp((signed[0], signed[1])),
        make.tiff([Field(0x0100, 4, [wide]), Field(0x0101, 4, [high])], order=">"),
        make.tiff([Field(0x0100, 16, [wide << 32]), Field(0x0101, 16, [high])], big=True),
    ]
    for image in library.save_all(files):
        believable(image)


def test_a_size_beyond_belief_fails_that_photo_and_says_what_it_claims(library: Library) -> None:
    image = library.save(make.tiff([Field(0x0100, 3, [800]), Field(0x0101, 4, [3_036_676_696])]))
    assert (image.error_code, image.width) == ("too_large", None)
    assert "800 x 3,036,676,696 pixels" in (image.error_message or "")
    assert library.save(make.jpeg((65_535, 65_535))).error_code is None


@MANY
@given(
    st.sampled_from(MARKS), st.binary(max_size=256), st.sampled_from([b"\xff", b"\x7f\xff", b"\x80\0", b"\0"])
)
def test_maker_notes_hold_what_the_columns_hold(mark: bytes, head: bytes, fill: bytes) -> None:
    note = read_maker_note((mark + head + fill * 256)[:256], "RECONYX")
    assert note is not None
    assert note.camera_event is None or 0 <= note.camera_event < 1 << 63
    for small in (note.sequence_position, note.sequence_length, note.temperature_c, note.temperature_f):
        assert small is None or abs(small) < 1 << 15
    assert note.battery_v is None or 2 <= note.battery_v <= 30


@pytest.mark.parametrize("at_ns", [1 << 63, (1 << 63) - 1, -(1 << 62), 15_032_390_400 * 10**9])
def test_a_file_time_beyond_64_bits_of_nanoseconds(tmp_path: Path, library: Library, at_ns: int) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(make.jpeg())
    try:
        os.utime(path, ns=(at_ns, at_ns))
    except (OSError, OverflowError):
        pytest.skip("this file system keeps no such time")
    (key,) = walk(tmp_path, WalkNotes())
    assert -(1 << 63) <= key.mtime_ns < 1 << 63
    assert list(walk(tmp_path, WalkNotes())) == [key]
    assert library.save(make.jpeg(), key).error_code is None


def test_positions_in_any_type_of_number(library: Library) -> None:
    def told(
        type_: int, latitude: list[float] | bytes, longitude: list[float] | bytes
    ) -> tuple[float | None, float | None]:
        place = [
            Field(1, 2, b"N\0"),
            Field(2, type_, latitude),
            Field(3, 2, b"W\0"),
            Field(4, type_, longitude),
        ]
        image = library.save(make.jpeg(exif=[make.tiff([], {GPS: place})]))
        return image.latitude, image.longitude

    assert told(SRATIONAL, [30, 1, 15, 1, 0, 1], [97, 1, 45, 1, 0, 1]) == (30.25, -97.75)
    assert told(12, [30, 15, 0], [97, 45, 0]) == (30.25, -97.75)
    assert told(11, [30.25], [97.75]) == (30.25, -97.75)
    assert told(3, [30, 15, 0], [97, 45, 0]) == (30.25, -97.75)
    assert told(RATIONAL, [30, 1, 15, 1], [97, 1, 45, 1]) == (30.25, -97.75)
    assert told(2, b"30.25\0", b"97, 45, 0\0") == (30.25, -97.75)
    assert told(2, b"30,25,15,00,0,0\0", b"97,75,0,0,0,0\0") == (None, None)  # decimal commas, perhaps
    assert told(RATIONAL, [30, 1, 0, 0, 0, 0], [97, 1, 0, 0, 0, 0]) == (30, -97)
    for broken in (math.nan, math.inf, -math.inf, 1e300):
        assert told(12, [broken, 0, 0], [97, 45, 0]) == (None, None)
    assert told(RATIONAL, [30, 0, 15, 1, 0, 1], [97, 1, 45, 1, 0, 1]) == (None, None)
