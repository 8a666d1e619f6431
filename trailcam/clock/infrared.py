"""Whether photos are infrared, from their pixels: decoded small, by threads, once for each photo."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trailcam.errors import Interrupted, RootError
from trailcam.files.mount_guard import alive, check_root
from trailcam.files.photo_file import read_photo
from trailcam.media.file_kinds import is_video
from trailcam.store.clock_facts import save_light, unlit
from trailcam.store.images import roots
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.store.database import Database

_WIDE, _HIGH = 160, 120  # px that are enough
_STRIP = 0.15  # of the height at each edge, where cameras draw in colour
_SAVE_EVERY = 500


def colour_of(pixels: npt.NDArray[np.uint8]) -> float:
    """How far a picture's colours lie apart, in levels of 0..255: 0 for pure grey, whatever its tint.

    ``pixels``: (h, w, 3) RGB. The sum of the mean distances of red less green and blue less green from their
    medians, without the upper and lower edge.
    """
    high, wide = pixels.shape[:2]
    edge, step = int(high * _STRIP), max(1, wide // _WIDE)
    part = pixels[edge : max(edge + 1, high - edge) : step, ::step].astype(np.int16)
    apart = part[..., (0, 2)] - part[..., 1:2]
    return float(np.abs(apart - np.median(apart, axis=(0, 1))).mean(axis=(0, 1)).sum())


def colour_of_file(path: Path) -> float | None:
    """:func:`colour_of` a file's picture, None where it can't be read or decoded. Never raises."""
    import simplejpeg

    from trailcam.detect.model.frame import FrameSpec
    from trailcam.detect.pipeline.decode import Failed, decode
    from trailcam.video.still import still_of

    try:
        data = still_of(path) if is_video(path.name) else read_photo(path)
        if not isinstance(data, bytes):
            return None
        try:
            pixels = simplejpeg.decode_jpeg(data, colorspace="RGB", min_width=_WIDE, min_height=_HIGH)
        except ValueError:
            decoded = decode(data, FrameSpec(imgsz=_WIDE))
            if isinstance(decoded, Failed):
                return None
            (x, y), (w, h) = (decoded.place.pad_x, decoded.place.pad_y), decoded.place.inner
            pixels = decoded.pixels[y : y + h, x : x + w]
        return colour_of(pixels)
    except Exception:  # noqa: BLE001 - damaged files make decoders raise nearly anything; detect says of them
        return None


def look(
    database: Database,
    stations: Sequence[str],
    threads: int,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Note how colourful the photos of ``stations`` (none: of all) are; returns how many were looked at.

    Photos that were looked at before are passed over. Raises RootError where a root can't be reached, and
    Interrupted after a stop; what was seen is saved then.
    """
    with database.read() as db:
        todo = unlit(db, stations)
        paths = {root.root_id: Path(root.path) for root in roots(db)}
    for root_id in {root_id for _, root_id, _ in todo}:
        check_root(paths[root_id])
    jobs = ((image_id, root_id, os.path.join(paths[root_id], path)) for image_id, root_id, path in todo)  # noqa: PTH118
    done = 0
    with ThreadPoolExecutor(max(1, threads)) as pool:
        ahead = deque(pool.submit(_look_at, job) for job in islice(jobs, 4 * threads))
        seen: list[tuple[int, float]] = []
        while ahead:
            image_id, root_id, colour = ahead.popleft().result()
            done += 1
            if colour is not None:
                seen.append((image_id, colour))
            elif not alive(paths[root_id]):
                _save(database, seen)
                raise RootError(
                    f"The folder {printable(str(paths[root_id]))} stopped answering.",
                    "What was seen is saved. Check its drive or share, then run the same command again.",
                )
            if not stop():
                ahead.extend(pool.submit(_look_at, job) for job in islice(jobs, 1))
            if len(seen) >= _SAVE_EVERY:
                _save(database, seen)
            progress(done, len(todo))
        _save(database, seen)
    if done < len(todo):
        raise Interrupted(
            f"Stopped after looking at {count(done, 'photo')} of {len(todo):,}; what was seen is saved.",
            "Run the same command again to carry on.",
        )
    return done


def _look_at(job: tuple[int, int, str]) -> tuple[int, int, float | None]:
    image_id, root_id, path = job
    return image_id, root_id, colour_of_file(Path(path))


def _save(database: Database, seen: list[tuple[int, float]]) -> None:
    if seen:
        with database.write() as db:
            save_light(db, seen)
        seen.clear()
