"""How fast each stage goes alone. Every figure is photos per second. Imports torch."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import torch

from trailcam.bench.scratch_sink import scratch_sink, write_seconds
from trailcam.detect.pipeline.batching import Batch, Batcher
from trailcam.detect.pipeline.inference import Inference
from trailcam.detect.pipeline.loader import Loader, LoaderOptions
from trailcam.detect.pipeline.loop import PipelineOptions, PipelineReport, run
from trailcam.detect.pipeline.outcomes import Control, Job, PhotoSource
from trailcam.detect.pipeline.read_file import read_file
from trailcam.errors import PipelineError

if TYPE_CHECKING:
    from trailcam.bench.machine import Machine
    from trailcam.bench.photos import Photos

_WRITTEN = 20_000  # photos
_DECODED_AT_LEAST = 32
_BATCHES_AT_LEAST = 4
_KEPT = 8  # batches to feed the model with
_POLL_S = 0.05


class _Jobs(Sequence[Job]):
    """``n`` photos, the sample over and over, each as a photo of its own."""

    def __init__(self, paths: Sequence[str], n: int) -> None:
        self._paths = paths
        self._n = n

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, i: int) -> Job:  # type: ignore[override]  # slices are not asked for
        if not 0 <= i < self._n:
            raise IndexError(i)
        return Job(i + 1, 1, self._paths[i % len(self._paths)])


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the whole pipeline; ``peak_mb`` (10^6 bytes) of all its processes, 0.0 unless watched."""

    report: PipelineReport
    database_s: float
    peak_mb: float = 0.0


def read_rate(photos: Photos, workers: int, seconds: float) -> float:
    """Files opened and read in ``workers`` threads (at least one); no file is read twice within a round."""

    def read(path: str) -> bool:
        return isinstance(read_file(Path(photos.root, path)), bytes)

    n, began = 0, time.perf_counter()
    with ThreadPoolExecutor(max(1, workers)) as pool:
        while time.perf_counter() - began < seconds:
            n += sum(pool.map(read, photos.paths))
    return n / (time.perf_counter() - began)


def decode_rate(machine: Machine, photos: Photos, workers: int, seconds: float) -> tuple[float, list[Batch]]:
    """The loader alone, reading included; and some of its batches, to feed the model with."""
    kept: list[Batch] = []
    began, n = 0.0, 0
    done = threading.Event()
    batcher = Batcher(machine.plan.batch)

    def jobs() -> Iterator[Job]:  # they run out, so that the workers end by themselves
        for number, path in enumerate(cycle(photos.paths), start=1):
            if done.is_set():
                return
            yield Job(number, 1, path)

    with Loader(jobs(), {1: photos.root}, machine.detector.frame, LoaderOptions(workers=workers)) as loader:
        rate = 0.0
        while not loader.finished:
            chunk = loader.get(0.5)
            if chunk is None or done.is_set():
                continue
            if began:
                n += sum(len(batch) for batch in chunk.batches) + len(chunk.outcomes)
                rate = n / (time.perf_counter() - began)
                if time.perf_counter() - began >= seconds and n >= _DECODED_AT_LEAST:
                    done.set()
            began = began or time.perf_counter()  # processes that start are no ceiling
            if len(kept) < _KEPT:
                kept += batcher.add(chunk)
    kept = kept or list(batcher.rest())
    if not kept:
        raise PipelineError("None of these photos can be read.", "Try another folder.")
    return rate, kept


def transfer_rate(machine: Machine, batches: Sequence[Batch], seconds: float) -> float | None:
    """Pixels to the device; None where it is the processor, which has them."""
    if machine.shares_cores:
        return None
    return _rate(batches, lambda batch: _moved(batch, machine.device), seconds)


def _moved(batch: Batch, device: torch.device) -> None:
    batch.pixels.to(device)
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def infer_rate(machine: Machine, batches: Sequence[Batch], seconds: float) -> float:
    """The model with as many batches under way as it takes, from pixels in memory to boxes."""
    inference = Inference(machine.detector, machine.plan.batch)
    for batch in {batch.pixels.shape: batch for batch in batches}.values():
        inference.collect(inference.submit(batch))
    flights = deque(inference.submit(batch) for batch in islice(cycle(batches), machine.detector.depth))
    feed = cycle(batches)
    n, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds or n < _BATCHES_AT_LEAST * machine.plan.batch:
        flight = flights.popleft()
        n += len(inference.collect(flight))
        flights.append(inference.submit(next(feed)))
    elapsed = time.perf_counter() - began
    for flight in flights:
        inference.collect(flight)
    return n / elapsed


def write_rate() -> float:
    """The writer, into a database of its own."""
    return _WRITTEN / write_seconds(_WRITTEN)


def pipeline(
    machine: Machine, photos: Photos, n: int, *, stop: Callable[[], bool], watch: bool = False
) -> Run:
    """``n`` photos (the sample over and over) all the way into a database of its own."""
    options = PipelineOptions(
        batch=machine.plan.batch, loader=LoaderOptions(workers=machine.plan.workers), accept_failures=True
    )
    with scratch_sink(n) as sink, _Watch(watch) as memory:
        source = PhotoSource(_Jobs(photos.paths, n), {1: photos.root}, lambda _: True)
        report = run(source, machine.detector, sink, options, Control(stop))
    return Run(report, sink.seconds, memory.peak / 1e6)


class _Watch:
    """The most memory that this process and its children hold together while it lasts."""

    def __init__(self, wanted: bool) -> None:
        self.peak = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True) if wanted else None

    def __enter__(self) -> _Watch:
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._thread:
            self._thread.join()

    def _look(self) -> None:
        me = psutil.Process(os.getpid())
        while not self._done.wait(_POLL_S):
            self.peak = max(self.peak, sum(_resident([me, *me.children(recursive=True)])))


def _resident(processes: Sequence[psutil.Process]) -> Iterator[int]:
    for process in processes:
        try:
            yield int(process.memory_info().rss)
        except psutil.Error:  # it has just ended
            continue


def _rate(batches: Sequence[Batch], work: Callable[[Batch], None], seconds: float) -> float:
    n, began = 0, time.perf_counter()
    for batch in cycle(batches):
        work(batch)
        n += len(batch)
        if time.perf_counter() - began >= seconds:
            break
    return n / (time.perf_counter() - began)
