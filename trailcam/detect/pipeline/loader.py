"""Jobs -> chunks of decoded photos, in worker processes or threads, a bounded distance ahead.

Jobs reach the workers a few at a time, as the "index" that DataLoader hands to a dataset, so
no worker holds the list of jobs and memory does not grow with the library. A photo that
cannot be read is a result like any other. Order is not kept: a slow photo delays only itself.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.pipeline.batching import Chunk
from trailcam.detect.pipeline.clips import Group, parts_of
from trailcam.detect.pipeline.load_photos import PhotoReader, quiet_decoders
from trailcam.detect.pipeline.outcomes import Job
from trailcam.detect.pipeline.processes import Processes
from trailcam.detect.pipeline.ring import slot_bytes
from trailcam.errors import PipelineError
from trailcam.machine import usable_cores
from trailcam.video.client import video_process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_QUEUED_CHUNKS = 2


@dataclass(frozen=True, slots=True)
class LoaderOptions:
    """``workers`` processes, or with 0 ``threads`` threads of this process.

    ``chunk`` jobs travel to a worker together; each worker has ``ahead`` chunks in hand or
    finished, so at most (workers x ahead + 2) x chunk photos are in memory.
    """

    workers: int = 2
    threads: int = field(default_factory=lambda: max(2, usable_cores()))
    chunk: int = 8
    ahead: int = 2
    full_decode: bool = False
    stall_s: float = 300.0

    def __post_init__(self) -> None:
        if self.workers < 0 or min(self.threads, self.chunk, self.ahead) < 1 or self.stall_s <= 0:
            raise ValueError(f"impossible loader options: {self}")


@dataclass(slots=True)
class _End:
    error: BaseException | None = None


@dataclass(slots=True)
class Loader:
    """Reads ahead while the caller works. Use as a context manager: leaving it stops all workers."""

    jobs: Iterable[Job]
    roots: Mapping[int, Path]
    frame: FrameSpec
    options: LoaderOptions = field(default_factory=LoaderOptions)
    finished: bool = field(default=False, init=False)
    _queue: queue.Queue[Chunk | _End] = field(init=False)
    _last: Chunk | None = field(default=None, init=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread = field(init=False)
    _heard_at: float = field(default=0.0, init=False)

    def __enter__(self) -> Loader:
        self._queue = queue.Queue(maxsize=_QUEUED_CHUNKS)
        # A thread of its own, because DataLoader created in the main thread reports a dead
        # worker by raising from a signal handler, wherever the main thread happens to be.
        self._thread = threading.Thread(target=self._feed, name="trailcam-loader", daemon=True)
        self._heard_at = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        deadline = time.monotonic() + 30
        while self._thread.is_alive() and time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                self._queue.get_nowait()  # the feeder may wait for room
            self._thread.join(0.05)
        video_process().close()  # threads of this process decoded with it

    def get(self, timeout_s: float) -> Chunk | None:
        """The next chunk, or None after ``timeout_s`` without one, or when ``finished`` has become True.

        The pixels of the chunk before may be overwritten from now on. Raises PipelineError when a worker died
        or nothing came for ``stall_s``; an exception from ``jobs`` comes through as it is.
        """
        if self.finished:
            return None
        if self._last is not None and self._last.lent is not None:
            self._last.lent()
        self._last = None
        try:
            item = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            self._check_stall()
            return None
        self._heard_at = time.monotonic()
        if isinstance(item, Chunk):
            self._last = item
            return item
        self.finished = True
        if item.error is not None:
            raise item.error
        return None

    def waited(self, seconds: float) -> None:
        """Tell that the caller was busy for that long, which is not a sign of a stall."""
        self._heard_at += seconds

    def _check_stall(self) -> None:
        silent_s = time.monotonic() - self._heard_at
        if silent_s > self.options.stall_s:
            raise PipelineError(
                f"No photo could be read for {silent_s:.0f} seconds.",
                "The disk or network drive has probably stopped answering, or a process that decodes has no "
                "memory left. Check that the photos can be opened, then run the same command again: all "
                "finished photos are saved.",
            )

    def _feed(self) -> None:
        end = _End()
        try:
            for chunk in self._chunks():
                if not self._put(chunk):
                    break
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that calls get()
            end = _End(_named(error))
        self._put(end)

    def _put(self, item: Chunk | _End) -> bool:
        """False when the loader was told to stop while waiting for room."""
        while not self._stop.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put(item, timeout=0.1)
                return True
        return False

    def _chunks(self) -> Iterator[Chunk]:
        options = self.options
        photos = PhotoReader({k: str(v) for k, v in self.roots.items()}, self.frame, options.full_decode)
        groups = _groups(self.jobs, options.chunk)
        size = slot_bytes(self.frame, options.chunk)
        # Held beyond the processes: what the feeder has in hand, the queue, what was last got.
        wanted = Processes(options.workers, options.ahead, _QUEUED_CHUNKS + 2, self._stop.is_set)
        processes = wanted.that_fit(size)
        ring = processes.ring(size) if processes.workers else None
        if ring is not None:
            return processes.chunks(photos, groups, ring)
        return _in_threads(photos, groups, options.threads, options.ahead)


def _groups(jobs: Iterable[Job], size: int) -> Iterator[Group]:
    """Photos ``size`` at a time, and videos in parts of as many frames."""
    photos: list[Job] = []
    for job in jobs:
        if job.video is not None:
            yield from parts_of(job, size)
            continue
        photos.append(job)
        if len(photos) == size:
            yield tuple(photos)
            photos.clear()
    if photos:
        yield tuple(photos)


def _in_threads(photos: PhotoReader, groups: Iterator[Group], threads: int, ahead: int) -> Iterator[Chunk]:
    quiet_decoders()
    pending: set[Future[Chunk]] = set()
    ready: deque[Future[Chunk]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="trailcam-decode") as pool:
        try:
            while True:
                for group in itertools.islice(groups, threads * ahead - len(pending)):
                    pending.add(pool.submit(photos.load, group))
                if not pending:
                    return
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                ready.extend(done)
                while ready:
                    yield ready.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _named(error: BaseException) -> BaseException:
    """DataLoader's "exited unexpectedly" or "Caught MemoryError in", said so that a user can act on it."""
    if isinstance(error, RuntimeError | MemoryError | OSError) and "DataLoader worker" in str(error):
        died = PipelineError(
            f"A process that decodes photos died: {str(error).splitlines()[0]}.",
            "Usually the system ran out of memory (on Windows: its paging file is too small). Use fewer "
            "workers (--workers 1, or 0 for none) or a smaller --batch. All finished photos are saved: run "
            "the same command again.",
        )
        died.__cause__ = error
        return died
    return error
