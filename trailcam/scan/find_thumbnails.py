"""What a scan does to find photos in two sizes. Only files that share a camera's second are opened."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trailcam.media.same_picture import is_same_picture, small_picture
from trailcam.scan.scan_job import ScanJob
from trailcam.store.thumbnails import ThumbnailPair, any_compared, pairs_to_compare, save_compared

_CHUNK = 400


def find_thumbnails(job: ScanJob) -> int:
    """Compare what may be one photo; returns how many thumbnails are new. Stops between chunks.

    A file that isn't there (its drive isn't connected) is compared by a later scan.
    """
    with job.database.read() as db:
        pairs = pairs_to_compare(db)
        again = any_compared(db)
    compared: dict[ThumbnailPair, bool] = {}
    for start in range(0, len(pairs), _CHUNK):
        if job.stop():
            break
        compared |= _compare(pairs[start : start + _CHUNK], job.workers)
    if not compared and not again:
        return 0
    with job.database.write() as db:
        return save_compared(db, compared)


def _compare(pairs: Sequence[ThumbnailPair], workers: int) -> dict[ThumbnailPair, bool]:
    paths = list({path for pair in pairs for path in (pair.image, pair.original)})
    with ThreadPoolExecutor(workers) as pool:
        small = dict(zip(paths, pool.map(small_picture, paths), strict=True))
        there = dict(zip(paths, pool.map(Path.is_file, paths), strict=True))
    compared = {}
    for pair in pairs:
        one, other = small[pair.image], small[pair.original]
        if there[pair.image] and there[pair.original]:
            compared[pair] = one is not None and other is not None and is_same_picture(one, other)
    return compared
