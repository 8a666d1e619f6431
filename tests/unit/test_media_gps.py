"""The GPS position that a photo's EXIF says, and what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import piexif
import pytest

from tests.conftest import TinyJpeg
from trailcam.media.exif import read_header

LAT, LON = ((30, 1), (15, 1), (234, 10)), ((97, 1), (45, 1), (0, 1))
DEGREES = (30 + 15 / 60 + 23.4 / 3600, -97.75)
ZERO = ((0, 1), (0, 1), (0, 1))


@pytest.mark.parametrize(
    ("north", "latitude", "east", "longitude", "expected"),
    [
        (b"N", LAT, b"W", LON, DEGREES),
        (b"S", LAT, b"E", LON, (-DEGREES[0], 97.75)),
        (b"N", ((302565, 10_000), (0, 1), (0, 1)), b"W", LON, (30.2565, -97.75)),
        (b"N", ((30, 1), (0, 0), (0, 0)), b"W", LON, (30.0, -97.75)),  # parts that aren't known
        (b"N", ZERO, b"E", ZERO, None),  # no fix
        (b"N", ((91, 1), (0, 1), (0, 1)), b"W", LON, None),
        (b"N", ((30, 0), (0, 1), (0, 1)), b"W", LON, None),
        (b"X", LAT, b"W", LON, None),
        (b"N", LAT[:2], b"W", LON[:2], (30.25, -97.75)),
        (b"North", LAT, b"West", LON, DEGREES),
        (None, LAT, b"W", LON, None),
        (b"N", LAT, b"W", None, None),
    ],
)
def test_positions(
    tmp_path: Path,
    tiny_jpeg: TinyJpeg,
    north: bytes | None,
    latitude: object,
    east: bytes,
    longitude: object,
    expected: tuple[float, float] | None,
) -> None:
    gps: dict[int, Any] = dict(enumerate((north, latitude, east, longitude), start=1))
    path = tmp_path / "a.jpg"
    path.write_bytes(tiny_jpeg())
    given = {tag: value for tag, value in gps.items() if value is not None}
    piexif.insert(piexif.dump({"GPS": given}), str(path))
    header = read_header(path)
    told = (header.latitude, header.longitude)
    assert told == (pytest.approx(expected) if expected else (None, None))
