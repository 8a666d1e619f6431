"""Photos to measure with: a sample of a folder's own, else rendered ones. Imports no torch and no duckdb."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trailcam.files.mount_guard import check_root, no_photos
from trailcam.media.walk import WalkNotes, walk
from trailcam.words.unread import unread_words

SIZES = {"640x480": (640, 480), "3 MP": (2048, 1536), "16 MP": (4608, 3456)}
"""Width and height, px, of the sets that are rendered."""

# At this quality a rendered photo has as many bytes per pixel as real day photos (0.15 to 0.35).
_QUALITY = 88


@dataclass(frozen=True, slots=True)
class Photos:
    """``paths`` relative to ``root``, of ``n_found`` photos there; ``what`` says in words what they are.

    ``rendered``: made for the measurement, so that their number says nothing.
    """

    root: Path
    paths: Sequence[str]
    n_found: int
    what: str
    bytes_each: float
    rendered: bool = False


def sample(given: Path, at_most: int) -> Photos:
    """Up to ``at_most`` photos of a folder, spread over all of it; always the same. Raises RootError."""
    root = check_root(given)
    notes = WalkNotes()
    keys = list(walk(root, notes))
    if not keys:
        raise no_photos(root, notes.n_other, unread_words(notes.n_videos, notes.pictures))
    chosen = keys if len(keys) <= at_most else sorted(random.Random(0).sample(keys, at_most), key=_path)
    size = sum(key.size_bytes for key in chosen) / len(chosen)
    return Photos(root, [key.path for key in chosen], len(keys), f"{len(chosen)} of {len(keys)} photos", size)


def _path(key: object) -> str:
    return str(getattr(key, "path", ""))


def render(folder: Path, n: int, width: int, height: int, *, first: int = 0) -> Photos:
    """Write ``n`` rendered day photos of that size below ``folder``, which is made; all of them differ.

    One view is drawn in full; each photo is a piece of its own of it, enlarged a little, with a noise of its
    own, as a sensor adds. The same arguments give the same files.
    """
    import numpy as np
    from PIL import Image

    from trailcam.samples.scene import View, background

    folder.mkdir(parents=True, exist_ok=True)
    base = np.asarray(background(View(width, height, 7), night=False, season="winter"))
    total = 0
    names = []
    for number in range(first, first + n):
        rng = np.random.default_rng(number)
        shifted = np.roll(base, int(rng.integers(width)), axis=1).astype(np.int16)
        tile = rng.normal(0, 4.0, (512, 512, 1)).astype(np.int16)
        noise = np.tile(tile, (height // 512 + 1, width // 512 + 1, 1))[:height, :width]
        image = Image.fromarray(np.clip(shifted + noise, 0, 255).astype(np.uint8))
        name = f"IMG_{number:05d}.JPG"
        image.save(folder / name, "JPEG", quality=_QUALITY)
        total += (folder / name).stat().st_size
        names.append(name)
    what = f"{n} rendered photos of {width}x{height} px"
    return Photos(folder, names, n, what, total / max(n, 1), rendered=True)


def mixed(folder: Path, n: int) -> Photos:
    """``n`` rendered photos of all :data:`SIZES` in turn: as many of each, and no two neighbours alike."""
    each = -(-n // len(SIZES))
    found = [render(folder / name.replace(" ", ""), each, *size) for name, size in SIZES.items()]
    paths = [
        f"{p.root.name}/{name}"
        for group in zip(*(p.paths for p in found), strict=True)
        for p, name in zip(found, group, strict=True)
    ][:n]
    whole = replace(found[0], root=folder, paths=paths, n_found=n, what=f"{n} rendered photos of three sizes")
    return replace(whole, bytes_each=sum((folder / path).stat().st_size for path in paths) / n)
