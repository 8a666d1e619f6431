"""Reading strips with the networks: drawn ones, and real photos that state their times in EXIF too."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import SHARED
from tests.helpers.strips import LAYOUTS, fahrenheit, render_folder
from trailcam.media.exif import read_header
from trailcam.media.time_text import parse_exif
from trailcam.strip.folder import read_folder, read_raw
from trailcam.strip.ocr import Ocr, available
from trailcam.strip.pixels import load_bands
from trailcam.strip.records import Reason, StripImage, StripReading

NOW = datetime(2026, 12, 1)
NAMES = ("reconyx-like", "bushnell-like", "ranch-like", "spypoint-like", "cuddeback-like", "labels")
# Strips of the real photos without EXIF, as a person reads them.
BY_EYE = {
    "352.jpg": datetime(2015, 6, 17, 6, 46, 13),
    "2480.jpg": datetime(2016, 5, 17, 21, 32, 34),
    "2968.jpg": datetime(2015, 3, 3, 6, 10, 52),
    "3084.jpg": datetime(2015, 7, 17, 2, 53, 26),
    "4383.jpg": datetime(2015, 9, 8, 5, 55, 40),
    "4451.jpg": datetime(2015, 9, 22, 23, 45, 21),
    "5840.jpg": datetime(2016, 6, 8, 17, 13, 32),
    "6039.jpg": datetime(2016, 7, 9, 8, 17, 22),
    "9455.jpg": datetime(2015, 10, 18, 18, 16, 33),
    "american_black_bear.jpg": datetime(2010, 11, 6, 4, 4),
    "B013_IMG_0005_empty.jpeg": datetime(2023, 5, 18, 18, 56),
}
needs_ocr = pytest.mark.skipif(not available(), reason="needs the extra: pip install 'trailcam[ocr]'")


@pytest.fixture(scope="module")
def ocr() -> Ocr:
    return Ocr()


@needs_ocr
@pytest.mark.parametrize("name", NAMES)
def test_drawn_strips_are_read_and_none_is_read_wrong(name: str, ocr: Ocr, tmp_path: Path) -> None:
    """A tenth of the benchmark's photos per layout; its figures stand in docs/strips.md."""
    layout = next(layout for layout in LAYOUTS if layout.name == name)
    truths = render_folder(tmp_path, layout, 10, 7, days=40)
    images = [StripImage(truth.path.name, truth.path) for truth in truths]
    found = list(read_folder(images, ocr, now=NOW))
    wrong = [(t.at, r) for t, r in zip(truths, found, strict=True) if r.captured_at not in (t.at, None)]
    assert wrong == []
    assert sum(reading.captured_at is not None for reading in found) >= 9, found
    for truth, reading in zip(truths, found, strict=True):
        celsius = reading.raw.temperature_c
        assert celsius is None or abs(celsius - (fahrenheit(truth.celsius) - 32) / 1.8) < 1.2


@needs_ocr
@pytest.mark.skipif(not (SHARED / "images").is_dir(), reason="needs the real photos in ../shared")
def test_real_strips_agree_with_exif(ocr: Ocr) -> None:
    cameras: dict[tuple[str, str | None], list[StripImage]] = defaultdict(list)
    for path in sorted((SHARED / "images").rglob("*")):
        if path.suffix.lower() in (".jpg", ".jpeg"):
            header = read_header(path)
            parsed = parse_exif(header.times.original)
            key = (path.parent.name, header.model)
            cameras[key].append(
                StripImage(path.name, path, parsed[0] if parsed else None, header.orientation)
            )
    found: list[StripReading] = []
    for images in cameras.values():
        found += read_folder(images, ocr, now=NOW)
    both = [reading for reading in found if reading.raw.exif_at and reading.read_at]
    assert len(both) >= 19
    assert {reading.reason for reading in both} == {Reason.OK}
    read = {reading.raw.name: reading.captured_at for reading in found if not reading.raw.exif_at}
    wrong = {name: at for name, at in read.items() if at not in (BY_EYE.get(name), None)}
    assert wrong == {}
    assert sum(at is not None for at in read.values()) >= len(BY_EYE) - 2


@needs_ocr
def test_photos_without_strip_get_no_time(ocr: Ocr, tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (480, 640, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    images = [StripImage(path.name, path) for path in sorted(tmp_path.iterdir())]
    broken, empty = read_folder(images, ocr, now=NOW)
    assert (broken.reason, empty.reason) == (Reason.UNREADABLE_FILE, Reason.NO_STRIP)


@needs_ocr
def test_a_stop_ends_the_reading_early(ocr: Ocr, tmp_path: Path) -> None:
    truths = render_folder(tmp_path, LAYOUTS[3], 20, 7)
    images = [StripImage(truth.path.name, truth.path) for truth in truths]
    asked = iter([False, True])
    blocks = list(read_raw(images, ocr, stop=lambda: next(asked)))
    assert 0 < len({raw.name for block in blocks for raw in block}) < 20


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_edges_of_any_format_upright(suffix: str, tmp_path: Path) -> None:
    pixels = np.zeros((400, 300), np.uint8)
    pixels[:, -40:] = 200  # stored on its side: the right edge is the bottom once turned
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(pixels).save(path)
    bands = load_bands(path, orientation=6)  # turn by 90 degrees clockwise
    assert bands.size == (400, 300)
    assert bands.top.shape == bands.bottom.shape == (36, 400)
    assert bands.top.max() < 20
    assert bands.bottom.min() > 180


@pytest.mark.parametrize("tail", [b"", bytes(700), b"\xff" * 700])
def test_a_photo_without_its_end_marker_is_read(tail: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (400, 300), dtype=np.uint8)).save(path)
    whole = path.read_bytes()
    expected = load_bands(path)
    path.write_bytes(whole[:-2] + tail)
    assert (load_bands(path).bottom == expected.bottom).all()
    path.write_bytes(whole[: len(whole) // 2] + tail)
    with pytest.raises(OSError, match="truncated"):
        load_bands(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_a_file_without_picture_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises((OSError, ValueError)):
        load_bands(path)
