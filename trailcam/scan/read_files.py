"""Reads the new and changed files of a walk, photos and videos, some chunks ahead of the writing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from itertools import islice

import numpy as np

from trailcam.domain import FileKey, Image
from trailcam.media.file_kinds import is_video
from trailcam.media.read import read_image
from trailcam.media.read_video import read_video, stills_beside
from trailcam.media.station import StationRule
from trailcam.scan.scan_job import ScanJob
from trailcam.store.images import ScanDifference

# Files that one worker reads at a time, and chunks that are read ahead of the writing.
CHUNK = 500
READ_AHEAD = 16
_VIDEO_CHUNK = 10  # each is opened and its first frame decoded

Read = Callable[[FileKey], Image]


def without_videos(difference: ScanDifference, files: Sequence[FileKey]) -> ScanDifference:
    """What can be read without a decoder of videos. Those that were read before stay as they are."""
    fresh, changed = (
        np.array([not is_video(files[int(i)].path) for i in found], np.bool_)
        for found in (difference.fresh, difference.changed)
    )
    return replace(
        difference,
        fresh=difference.fresh[fresh],
        changed=difference.changed[changed],
        changed_ids=difference.changed_ids[changed],
    )


def reader(job: ScanJob, rule: StationRule, files: Sequence[FileKey]) -> Read:
    """What reads one file of ``files``, the photos and videos of a walk."""
    now = local_now()
    videos = [key for key in files if is_video(key.path)]
    stills = stills_beside(files[: len(files) - len(videos)], videos) if videos else {}

    def read(key: FileKey) -> Image:
        if is_video(key.path):
            return read_video(job.path, key, rule, now, stills.get(key.path))
        return read_image(job.path, key, rule, now)

    return read


def read_ahead(job: ScanJob, unread: Sequence[FileKey], read: Read) -> Generator[list[Image]]:
    """Images of ``unread`` in chunks, in order."""

    def read_all(files: Sequence[FileKey]) -> list[Image]:
        return [read(key) for key in files]

    chunks = _chunks(unread)
    with ThreadPoolExecutor(job.workers) as pool:
        ahead = deque(pool.submit(read_all, chunk) for chunk in islice(chunks, READ_AHEAD))
        try:
            while ahead:
                images = ahead.popleft().result()
                ahead.extend(pool.submit(read_all, chunk) for chunk in islice(chunks, 1))
                yield images
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _chunks(files: Sequence[FileKey]) -> Iterator[Sequence[FileKey]]:
    """Photos many at a time, videos few."""
    n_photos = sum(not is_video(key.path) for key in files)
    for first, end, size in ((0, n_photos, CHUNK), (n_photos, len(files), _VIDEO_CHUNK)):
        for at in range(first, end, size):
            yield files[at : min(at + size, end)]


def local_now() -> datetime:
    """The wall clock of this machine."""
    # Trail cameras know no zone, so "the future" is by this machine's own wall clock.
    return datetime.now().astimezone().replace(tzinfo=None)
