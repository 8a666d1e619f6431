"""Jobs -> chunks of decoded photos, in worker processes or threads, a bounded distance ahead.

Jobs reach the workers a few at a time, as the "index" that DataLoader hands to a dataset, so
no worker holds the list of jobs and memory does not grow with the library. A photo that
cannot be read is a result like any other. Order is not kept: a slow photo delays only itself.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import signal
import threading
import time
import warnings
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.pipeline.batching import Batch, Chunk, Shape
from trailcam.detect.pipeline.decode import Decoded, Failed, decode
from trailcam.detect.pipeline.failures import FailureCode
from trailcam.detect.pipeline.outcomes import Job
from trailcam.detect.pipeline.read_file import Missing, read_file
from trailcam.detect.pipeline.worker_process import QuietContext, end_rather_than_wait
from trailcam.domain import Outcome, Status
from trailcam.errors import PipelineError
from trailcam.machine import usable_cores

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_QUEUED_CHUNKS = 2
_READERS = 8


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


@dataclass(frozen=True, slots=True)
class _Photos(Dataset[Chunk]):
    """Runs in the workers. An item is a tuple of jobs, its value their chunk."""

    roots: Mapping[int, str]
    frame: FrameSpec
    full: bool

    def __getitem__(self, jobs: tuple[Job, ...]) -> Chunk:
        started = time.perf_counter()
        good: dict[Shape, list[tuple[int, Decoded]]] = {}
        others: list[Outcome] = []
        suspects: set[int] = set()
        for job, result in self._loaded(jobs):
            if isinstance(result, Decoded):
                shape = (result.pixels.shape[0], result.pixels.shape[1])
                good.setdefault(shape, []).append((job.image_id, result))
                continue
            others.append(_outcome(job, result))
            if isinstance(result, Missing) or result.code is FailureCode.UNREADABLE:
                suspects.add(job.root_id)
        return Chunk(
            tuple(_stack(photos) for photos in good.values()),
            tuple(others),
            frozenset(suspects),
            time.perf_counter() - started,
        )

    def _loaded(self, jobs: tuple[Job, ...]) -> Iterator[tuple[Job, Decoded | Failed | Missing]]:
        """All files are read side by side while the first is decoded: opens on a share wait together."""
        with ThreadPoolExecutor(min(len(jobs), _READERS), thread_name_prefix="trailcam-read") as readers:
            for job, data in zip(jobs, readers.map(self._read, jobs), strict=True):
                yield job, decode(data, self.frame, full=self.full) if isinstance(data, bytes) else data

    def _read(self, job: Job) -> bytes | Failed | Missing:
        return read_file(Path(self.roots[job.root_id], job.path))


def _outcome(job: Job, result: Failed | Missing) -> Outcome:
    if isinstance(result, Missing):
        return Outcome(
            job.image_id,
            Status.MISSING,
            error_code=FailureCode.VANISHED.value,
            error_message=result.message,
        )
    return Outcome(job.image_id, Status.FAILED, error_code=result.code.value, error_message=result.message)


def _stack(photos: list[tuple[int, Decoded]]) -> Batch:
    height, width = photos[0][1].pixels.shape[:2]
    pixels = torch.empty((len(photos), height, width, 3), dtype=torch.uint8)
    for row, (_, photo) in zip(pixels, photos, strict=True):
        row.copy_(torch.from_numpy(photo.pixels))
    return Batch(tuple(i for i, _ in photos), pixels, tuple(p.place for _, p in photos))


def _as_is(chunk: Any) -> Any:  # noqa: ANN401 - as DataLoader declares it
    return chunk


def _quiet_decoders() -> None:
    cv2.setNumThreads(1)  # one thread per photo: the photos run in parallel
    warnings.filterwarnings("ignore", module=r"PIL(\..*)?$")


def _start_worker(_worker_id: int) -> None:
    # Ctrl-C goes to the whole process group; when to stop is the main process's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_rather_than_wait()
    _quiet_decoders()


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

    def get(self, timeout_s: float) -> Chunk | None:
        """The next chunk, or None after ``timeout_s`` without one, or when ``finished`` has become True.

        Raises PipelineError when a worker died or nothing came for ``stall_s``; an exception
        from ``jobs`` comes through as it is.
        """
        if self.finished:
            return None
        try:
            item = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            self._check_stall()
            return None
        self._heard_at = time.monotonic()
        if isinstance(item, Chunk):
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
        photos = _Photos({k: str(v) for k, v in self.roots.items()}, self.frame, self.options.full_decode)
        groups = _groups(self.jobs, self.options.chunk)
        if self.options.workers == 0:
            return _in_threads(photos, groups, self.options.threads, self.options.ahead)
        return _in_processes(photos, groups, self.options.workers, self.options.ahead)


def _groups(jobs: Iterable[Job], size: int) -> Iterator[tuple[Job, ...]]:
    iterator = iter(jobs)
    while group := tuple(itertools.islice(iterator, size)):
        yield group


def _in_processes(
    photos: _Photos, groups: Iterator[tuple[Job, ...]], workers: int, ahead: int
) -> Iterator[Chunk]:
    # The workers inherit this thread's mask: a Ctrl-C while they start would otherwise end
    # them with a traceback each. It is blocked here alone; the main thread still gets it.
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # starting it later would unblock the signal again
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    loader: DataLoader[Chunk] = DataLoader(
        photos,
        batch_size=None,
        sampler=groups,  # any iterable will do: each of its items reaches __getitem__
        num_workers=workers,
        prefetch_factor=ahead,
        collate_fn=_as_is,
        worker_init_fn=_start_worker,
        multiprocessing_context=QuietContext(),
        in_order=False,
    )
    iterator: Any = iter(loader)
    try:
        yield from iterator
    finally:
        # Not left to the garbage collector: an error's traceback would keep the workers alive.
        iterator._shutdown_workers()


def _in_threads(
    photos: _Photos, groups: Iterator[tuple[Job, ...]], threads: int, ahead: int
) -> Iterator[Chunk]:
    _quiet_decoders()
    pending: set[Future[Chunk]] = set()
    ready: deque[Future[Chunk]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="trailcam-decode") as pool:
        try:
            while True:
                for group in itertools.islice(groups, threads * ahead - len(pending)):
                    pending.add(pool.submit(photos.__getitem__, group))
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
            "Usually the system ran out of memory (on Windows: its paging file is too small). Use fewer workers "
            "(--workers 1, or 0 for none) or a smaller --batch. All finished photos are saved: run the same "
            "command again.",
        )
        died.__cause__ = error
        return died
    return error
