"""The sample library: what is in it, where it lies, what its EXIF says."""

from __future__ import annotations

import io
import math
import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image

from trailcam.samples.avi import avi_of
from trailcam.samples.deer import Pose
from trailcam.samples.scene import Animal, View, background, finish, place


@dataclass(frozen=True, slots=True)
class Sample:
    """The truth about one file.

    ``path`` is relative to the library, with ``/``. ``captured_at`` is naive local time, to the
    millisecond, and None where the file gives no evidence; ``time_source`` is exif, filename,
    unknown, or of a video still: the photo beside it. ``drawn`` names what can be seen: fawn, doe, young, mid
    and mature (bucks by age class), person, vehicle; empty for an empty frame.
    """

    path: str
    station: str
    captured_at: datetime | None
    time_source: str
    drawn: tuple[str, ...]
    night: bool = False
    readable: bool = True

    @property
    def is_video(self) -> bool:
        """Whether it is a video."""
        return self.path.endswith(".AVI")


@dataclass(frozen=True, slots=True)
class _Camera:
    folder: str
    prefix: str
    view: View
    temperature: bool = True
    offset: str | None = None  # EXIF OffsetTimeOriginal
    subsec: bool = False
    padded: bool = False  # make and model padded with NULs and spaces, as many cameras do


_CAMERAS = {
    "Hayfield": _Camera("DCIM/100RECNX", "RCNX", View(1600, 1200, 11), subsec=True),
    "270_Jason": _Camera("", "IMG_", View(1280, 720, 22, 0.38), padded=True),
    "Sanctuary": _Camera("DCIM/100EK113", "SANC", View(1280, 960, 33, 0.45), offset="-06:00"),
    "Creek_Crossing": _Camera("100MEDIA", "DSCF", View(1280, 960, 44, 0.36), temperature=False),
}

# station, first photo, photos one second apart, d(ay) or n(ight), what walks through
_VISITS = (
    ("Hayfield", "2024-08-17 06:58:12", 2, "d", "doe fawn"),
    ("Hayfield", "2024-09-21 19:21:40", 1, "d", "mid"),
    ("Hayfield", "2024-10-30 05:44:03", 3, "n", "mature"),
    ("Hayfield", "2024-11-14 18:42:10", 3, "n", "mature doe"),
    ("Hayfield", "2024-12-05 12:15:00", 1, "d", ""),
    ("Hayfield", "2025-01-11 07:31:55", 2, "d", "mature"),
    ("Hayfield", "2025-11-09 07:53:12", 1, "d", "young"),
    ("270_Jason", "2024-10-02 08:10:27", 1, "d", "doe doe"),
    ("270_Jason", "2024-11-20 23:05:48", 2, "n", "young"),
    ("270_Jason", "2025-01-21 04:16:06", 2, "n", "mature"),
    ("270_Jason", "2025-02-08 16:40:31", 1, "d", "doe"),
    ("270_Jason", "2025-12-14 13:02:19", 1, "d", ""),
    ("Sanctuary", "2025-09-06 07:12:44", 1, "d", "fawn"),
    ("Sanctuary", "2025-10-18 20:33:02", 2, "n", "mid"),
    ("Sanctuary", "2025-11-22 17:08:36", 2, "d", "mature doe"),
    ("Sanctuary", "2026-01-03 01:27:14", 1, "n", ""),
    ("Sanctuary", "2026-02-15 09:49:50", 1, "d", "young doe"),
    ("Creek_Crossing", "2025-08-29 06:35:21", 1, "d", "doe fawn"),
    ("Creek_Crossing", "2025-11-02 22:11:09", 2, "n", "young mid"),
    ("Creek_Crossing", "2025-12-27 15:20:43", 1, "d", "mid"),
    ("Creek_Crossing", "2026-01-17 03:03:33", 1, "n", "doe"),
)

# station, file, begins, d(ay) or n(ight), what walks through, and what tells when it was: the photo of that
# name and trigger, or the name of the file
_CLIPS = (
    ("270_Jason", "IMG_0006.AVI", "2025-02-08 16:40:31", "d", "doe", "still"),
    ("Creek_Crossing", "DSCF_20251227_160215.AVI", "2025-12-27 16:02:15", "d", "doe fawn", "filename"),
)
_CLIP_S = 4
_CLIP_FPS = 6

# Photographs inside installed packages: package, file, when, what they show. They stand at the
# gate; a package that isn't installed, or no longer ships its photograph, leaves a gap.
_PHOTOGRAPHS = (
    ("ultralytics", "zidane.jpg", "2024-11-02 10:04:00", ("person", "person")),
    ("ultralytics", "bus.jpg", "2025-10-25 14:37:00", ("person", "person", "person", "person", "vehicle")),
    ("matplotlib", "grace_hopper.jpg", "2026-01-24 11:15:00", ("person",)),
)
_JPEG_QUALITY = 85
_SUMMER_MONTHS = range(4, 10)


def build_library(out: Path, seed: int = 0) -> list[Sample]:
    """Write the sample library under ``out`` and return the truth about each file, by path.

    Files of the same name are written over, others left alone; the same seed gives the same
    bytes. Raises OSError where ``out`` can't be written.
    """
    made: list[Sample] = []
    backgrounds: dict[tuple[str, bool, str], Image.Image] = {}
    numbers = dict.fromkeys(_CAMERAS, 0)
    for station, start, n_photos, light, kinds in _VISITS:
        first = datetime.fromisoformat(start)
        for i in range(n_photos):
            numbers[station] += 1
            at = first + timedelta(seconds=i)
            if _CAMERAS[station].subsec:
                at += timedelta(milliseconds=130 * i + 40)
            name = f"{_CAMERAS[station].prefix}{numbers[station]:04d}.JPG"
            path = "/".join(part for part in (station, _CAMERAS[station].folder, name) if part)
            sample = Sample(path, station, at, "exif", tuple(kinds.split()), night=light == "n")
            _write(out, path, _encode(_render(sample, i, seed, backgrounds), _exif(sample)))
            made.append(sample)
    made += _odd_files(out, seed, backgrounds)
    made += _clips(out, seed, backgrounds)
    made += _photographs(out)
    return sorted(made, key=lambda sample: sample.path)


def _odd_files(out: Path, seed: int, backgrounds: dict[tuple[str, bool, str], Image.Image]) -> list[Sample]:
    """A sideways photo, one dated by its name alone, one without any date, and a broken one."""
    sideways = Sample(
        "Sanctuary/DCIM/100EK113/SANC0101.JPG",
        "Sanctuary",
        datetime.fromisoformat("2025-12-06 08:30:15"),
        "exif",
        ("doe",),
    )
    upright = _render(sideways, 0, seed, backgrounds)
    exif = _exif(sideways)
    exif[0x0112] = 6  # Orientation: turn 90 degrees clockwise to see it upright
    _write(out, sideways.path, _encode(upright.transpose(Image.Transpose.ROTATE_90), exif))

    by_name = Sample(
        "Sanctuary/Sanctuary2_20251109_075312_001.jpg",
        "Sanctuary",
        datetime.fromisoformat("2025-11-09 07:53:12"),
        "filename",
        ("mid",),
    )
    _write(out, by_name.path, _encode(_render(by_name, 0, seed, backgrounds), None))

    undated = Sample(
        "Creek_Crossing/100MEDIA/copy of big one.jpg",
        "Creek_Crossing",
        None,
        "unknown",
        ("mature",),
        night=True,
    )
    _write(out, undated.path, _encode(_render(undated, 0, seed, backgrounds), None))

    broken = Sample(
        "270_Jason/IMG_0099.JPG",
        "270_Jason",
        datetime.fromisoformat("2025-02-09 06:12:00"),
        "exif",
        (),
        readable=False,
    )
    whole = _encode(_render(broken, 0, seed, backgrounds), _exif(broken))
    _write(out, broken.path, whole[: len(whole) // 3])  # as a card pulled out while the camera writes
    return [sideways, by_name, undated, broken]


def _photographs(out: Path) -> list[Sample]:
    made = []
    for package, name, when, drawn in _PHOTOGRAPHS:
        source = _shipped(package, name)
        if source is None:
            continue
        sample = Sample(
            f"Camphouse/DCIM/100GATE/{name}", "Camphouse", datetime.fromisoformat(when), "exif", drawn
        )
        with Image.open(source) as photo:
            buffer = io.BytesIO()
            photo.save(buffer, "JPEG", quality="keep", exif=_exif(sample))
        _write(out, sample.path, buffer.getvalue())
        made.append(sample)
    return made


def _shipped(package: str, name: str) -> Path | None:
    """Where an installed package keeps a file, found without importing the package."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        found = Path(str(file.locate()))
        if file.name == name and found.is_file():
            return found
    return None


def _clips(out: Path, seed: int, backgrounds: dict[tuple[str, bool, str], Image.Image]) -> list[Sample]:
    made = []
    for station, name, begins, light, kinds, source in _CLIPS:
        path = "/".join(part for part in (station, _CAMERAS[station].folder, name) if part)
        at = datetime.fromisoformat(begins)
        sample = Sample(path, station, at, source, tuple(kinds.split()), night=light == "n")
        frames = [_render(sample, n / _CLIP_FPS, seed, backgrounds) for n in range(_CLIP_S * _CLIP_FPS)]
        jpegs = [_encode(frame, None) for frame in frames]
        _write(out, path, avi_of(jpegs, size=frames[0].size, fps=_CLIP_FPS))
        made.append(sample)
    return made


def _render(
    sample: Sample, i: float, seed: int, backgrounds: dict[tuple[str, bool, str], Image.Image]
) -> Image.Image:
    """One frame of a visit; in its ``i``-th second the animals have walked on. A clip has half the size."""
    camera = _CAMERAS[sample.station]
    view = replace(camera.view, seed=camera.view.seed + 1000 * seed)
    month = sample.captured_at.month if sample.captured_at else 11
    season = "summer" if month in _SUMMER_MONTHS else "winter"
    key = (sample.station, sample.night, season)
    if key not in backgrounds:
        backgrounds[key] = background(view, night=sample.night, season=season)
    image = backgrounds[key].copy()
    if sample.is_video:
        view = replace(view, width=view.width // 2, height=view.height // 2)
        image = image.resize((view.width, view.height), Image.Resampling.BOX)
    rng = np.random.default_rng([seed, zlib.crc32(f"{sample.station} {_visit(sample, i)}".encode())])
    for animal in sorted(_animals(sample.drawn, i, rng), key=lambda a: a.ground):
        place(
            image,
            view,
            _walking(animal, i) if sample.is_video else animal,
            rng,
            night=sample.night,
            season=season,
        )
    return finish(image, rng, night=sample.night, strip=_strip(sample, camera, rng))


def _visit(sample: Sample, i: float) -> str:
    """What keeps the animals the same in all photos of a burst, which is numbered on, and in a clip."""
    if sample.captured_at is None:
        return sample.path
    first = sample.captured_at if sample.is_video else sample.captured_at - timedelta(seconds=i)
    return first.isoformat()[:19]


def _walking(animal: Animal, seconds: float) -> Animal:
    """With its legs as they are by then."""
    return replace(animal, pose=replace(animal.pose, stride=0.7 * math.sin(4.5 * seconds)))


def _animals(kinds: tuple[str, ...], i: float, rng: np.random.Generator) -> list[Animal]:
    animals = []
    faces_left = bool(rng.integers(0, 2))
    for n, kind in enumerate(kinds):
        ground = rng.uniform(0.70, 0.86)
        size = 0.16 + 0.55 * (ground - 0.62)  # the nearer, the larger
        middle = 0.5 if len(kinds) == 1 else (0.30, 0.68)[n]
        x = middle + rng.uniform(-0.07, 0.07) + (-0.06 if faces_left else 0.06) * i
        head = 1.45 if kind in ("doe", "fawn") and rng.random() < 0.3 else rng.uniform(0.3, 0.8)
        animals.append(Animal(kind, x, ground, size, Pose(head, rng.uniform(0.2, 0.8), faces_left)))
    return animals


def _strip(sample: Sample, camera: _Camera, rng: np.random.Generator) -> str:
    name = sample.station.replace("_", " ").upper()
    if (sample.time_source != "exif" and not sample.is_video) or sample.captured_at is None:
        return f"{name}   SAMPLE"
    warm = 27 if sample.captured_at.month in _SUMMER_MONTHS else 6
    celsius = round(warm - (6 if sample.night else 0) + rng.uniform(-5, 5))
    degrees = f"{round(celsius * 1.8 + 32):03d}F {celsius:03d}C   " if camera.temperature else ""
    return f"{name}   SAMPLE   {degrees}{sample.captured_at:%m/%d/%Y %H:%M:%S}"


def _exif(sample: Sample) -> Image.Exif:
    """EXIF 2.32 as a camera writes it: local time, make and model that say what they are."""
    camera = _CAMERAS.get(sample.station)
    exif = Image.Exif()
    padding = "  \0\0\0" if camera and camera.padded else ""
    exif[0x010F] = "SAMPLE" + padding  # Make
    exif[0x0110] = f"RENDERED {sample.station}" + padding if camera else "PHOTOGRAPH"  # Model
    if sample.captured_at is not None:
        stamp = f"{sample.captured_at:%Y:%m:%d %H:%M:%S}"
        exif[0x0132] = stamp  # DateTime
        times = exif.get_ifd(0x8769)
        times[0x9003] = times[0x9004] = stamp  # DateTimeOriginal, DateTimeDigitized
        if camera and camera.subsec:
            times[0x9291] = f"{sample.captured_at.microsecond // 1000:03d}"  # SubSecTimeOriginal
        if camera and camera.offset:
            times[0x9011] = camera.offset  # OffsetTimeOriginal
    return exif


def _encode(image: Image.Image, exif: Image.Exif | None) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY, exif=exif.tobytes() if exif is not None else b"")
    return buffer.getvalue()


def _write(out: Path, path: str, data: bytes) -> None:
    target = out / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
