"""Make a library of small, real JPEGs with EXIF, as large as the ranch's: 35,251 photos in 7 stations.

    python benchmarks/make_library.py FOLDER [--photos N]

The pixels are a few rendered templates; the capture time is patched into each copy's EXIF. The same N
gives the same library. One photo in 400 has no EXIF at all, as some cameras write none.
"""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from PIL import Image, ImageFilter

PHOTOS = 35_251
# Station, share of all photos, the folders that its camera makes.
STATIONS = (
    ("Hayfield", 0.25, "DCIM/100RECNX"),
    ("270_Jason", 0.20, "100_BTCF"),
    ("Sanctuary", 0.16, ""),
    ("TinMan", 0.13, "DCIM/100MEDIA"),
    ("Camphouse", 0.11, ""),
    ("Phils_Secret_Spot", 0.09, "DCIM/100EK113"),
    ("Station_7", 0.06, "100RECNX"),
)
# Two hunting seasons, September to January.
SEASONS = (
    (datetime(2023, 9, 1), datetime(2024, 1, 31)),
    (datetime(2024, 9, 1), datetime(2025, 1, 31)),
)
UNDATED_EVERY = 400
SIZE = (640, 480)

_EXIF_IFD = 0x8769
_MAKE, _MODEL, _DATE_TIME = 0x010F, 0x0110, 0x0132
_ORIGINAL, _DIGITIZED = 0x9003, 0x9004
_PLACEHOLDER = b"1111:11:11 11:11:11"


def main() -> None:
    """Read the arguments, make the library, say what it holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=PHOTOS)
    arguments = parser.parse_args()
    n = make_library(arguments.folder, arguments.photos)
    print(f"{n:,} photos in {len(STATIONS)} stations under {arguments.folder}")


def make_library(folder: Path, n_photos: int = PHOTOS) -> int:
    """Write ``n_photos`` JPEGs below ``folder``, which is made. Returns how many were written."""
    templates = [_template(seed) for seed in range(8)]
    bare = _template(99, exif=False)
    written = 0
    for station, n, camera in _counts(n_photos):
        target = folder / station / camera
        target.mkdir(parents=True, exist_ok=True)
        for number, at in enumerate(_times(station, n), start=1):
            written += 1
            date = at.strftime("%Y:%m:%d %H:%M:%S").encode()
            photo = templates[written % len(templates)].replace(_PLACEHOLDER, date)
            content = bare if written % UNDATED_EVERY == 0 else photo
            # Behind a JPEG's end, where nothing reads: no photo is a copy of another.
            (target / f"IMG_{number:05d}.JPG").write_bytes(content + written.to_bytes(4, "big"))
    return written


def _counts(n_photos: int) -> Iterator[tuple[str, int, str]]:
    left = n_photos
    for station, share, camera in STATIONS[1:]:
        n = int(n_photos * share)
        left -= n
        yield station, n, camera
    yield STATIONS[0][0], left, STATIONS[0][2]


def _times(station: str, n: int) -> list[datetime]:
    """Sorted capture times in bursts of three, as a motion sensor fires."""
    chance = random.Random(station)
    times: list[datetime] = []
    while len(times) < n:
        first, last = chance.choice(SEASONS)
        at = first + timedelta(seconds=chance.randrange(int((last - first).total_seconds())))
        times += [at, at + timedelta(seconds=2), at + timedelta(seconds=5)]
    return sorted(times[:n])


def _template(seed: int, *, exif: bool = True) -> bytes:
    """A blurred noise picture of about 50 KB, with room for the capture time."""
    chance = random.Random(seed)
    noise = Image.frombytes("RGB", (64, 48), chance.randbytes(64 * 48 * 3))
    picture = noise.resize(SIZE).filter(ImageFilter.GaussianBlur(1))
    tags = Image.Exif()
    if exif:
        text = _PLACEHOLDER.decode()
        tags[_MAKE], tags[_MODEL], tags[_DATE_TIME] = "RECONYX", "HYPERFIRE 2 COVERT", text
        tags.get_ifd(_EXIF_IFD).update({_ORIGINAL: text, _DIGITIZED: text})
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=70, exif=tags.tobytes() if exif else b"")
    return buffer.getvalue()


if __name__ == "__main__":
    main()
