"""Batch size and decoding workers that suit machine and photos, where the user names none. No torch."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace

from trailcam.machine import usable_cores

_CPU_BATCH, _GPU_BATCH = 8, 64
_MOST_WORKERS = 32  # of a GPU: they decode some 4,500 photos of 3 MP a second
_FEW = 300  # photos: a process needs two seconds of a core to start, in which threads decode as many
_THREADS_UP_TO = 4  # cores: on so few, which also compute, decoding processes cost more than they bring
_READERS = 8  # files that a worker has open at once; see trailcam.detect.pipeline.loader
# Peaks of `trailcam bench`, two cores, 16 MP photos (2026-11-27); libraries that processes share included.
_WORKER_BYTES = 640_000_000  # one decoding process more
_LANE_BYTES = 37_000_000  # one photo more in the batches of each lane
# On a GPU the layers' results lie in its own memory; main memory holds pixels. Both figures are estimates, no
# GPU was measured; a batch that doesn't fit after all is halved.
_PIXEL_BYTES = 4_000_000  # one photo more in the batches under way
_DEVICE_BYTES = 60_000_000  # one photo more at 640 px
_MEMORY_SHARE = 0.7  # of what is free; the rest is for the database and whatever else there is


@dataclass(frozen=True, slots=True)
class Plan:
    """``batch`` photos at once; ``workers`` processes that decode (0: threads instead);

    ``lanes``: batches that a processor works on at the same time; ``reason`` in a line, for people.
    ``asked_batch``, ``asked_workers``: what the user named, None for what is to be chosen.
    """

    batch: int
    workers: int
    lanes: int
    reason: str
    asked_batch: int | None = None
    asked_workers: int | None = None

    @property
    def open(self) -> bool:
        """Whether anything is left to choose."""
        return self.asked_batch is None or self.asked_workers is None


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that are free: ``main`` memory, and ``device`` memory of a GPU; None where unknown."""

    main: int | None = None
    device: int | None = None


NO_LIMIT = Memory()


@dataclass(frozen=True, slots=True)
class Pace:
    """What a photo of the user's costs here, seen on ``n_photos`` of them.

    ``read_s`` waiting for its file, ``decode_s`` of one core, ``infer_s`` of the whole processor.
    """

    n_photos: int
    read_s: float
    decode_s: float
    infer_s: float


def plan(
    device_type: str,
    *,
    batch: int | None = None,
    workers: int | None = None,
    cores: int | None = None,
    photos: int | None = None,
) -> Plan:
    """Fill in what the caller left open (None), before any photo has been read.

    On a GPU every core but one decodes, because the GPU empties faster than a core fills: nothing that a
    short look at photos could see would change that.
    On a processor each core computes a batch of its own, and decoding takes its share of the
    cores from them: in threads where there are few cores (docs/decisions/0007), else in processes, of
    which 6 for 10 cores are enough for the largest photos. A few photos are decoded in threads everywhere,
    before processes would have started. Batches stay small there:
    beyond 8 photos they gain nothing, and each lane keeps one in memory; for fewer ``photos`` than
    would fill all lanes they are smaller still.
    """
    n = usable_cores() if cores is None else cores
    on_cpu = device_type == "cpu"
    lanes = _lanes(n) if on_cpu else 1
    most_workers = _workers_of_cpu(n) if on_cpu else max(1, min(_MOST_WORKERS, n - 1))
    if photos is not None and photos < _FEW:
        most_workers = 0
    most_batch = _CPU_BATCH if on_cpu else _GPU_BATCH
    if photos is not None:
        most_batch = max(1, min(most_batch, math.ceil(photos / lanes)))
    chosen_batch = most_batch if batch is None else batch
    chosen_workers = most_workers if workers is None else workers
    if chosen_batch < 1 or chosen_workers < 0:
        raise ValueError(f"batch {chosen_batch}, workers {chosen_workers}")
    how = f"{n} core{'s' if n != 1 else ''}, {'no GPU' if on_cpu else device_type}"
    who = "as asked" if None not in (batch, workers) else f"chosen for {how}"
    reason = f"batch {chosen_batch}, workers {_workers(chosen_workers)}: {who}"
    return Plan(chosen_batch, chosen_workers, lanes, reason, batch, workers)


def fitted(first: Plan, pace: Pace, *, cores: int, memory: Memory = NO_LIMIT) -> Plan:
    """``first``, of a processor, with what is open chosen by what photos cost, and to fit the ``memory``.

    Workers are as many as keep up with the cores' other half of the work, inference.
    """
    workers = first.workers
    if first.asked_workers is None and workers and pace.infer_s:  # threads need no number
        busy_s = pace.decode_s + pace.read_s / _READERS  # of a worker, for each photo
        photo_s = pace.infer_s + pace.decode_s / cores
        workers = max(1, min(cores, math.ceil(busy_s / photo_s)))
    seen = (
        f", after {pace.n_photos} photo{'s' if pace.n_photos != 1 else ''} "
        f"(decoding {pace.decode_s * 1000:.0f} ms of a core, model {pace.infer_s * 1000:.0f} ms)"
    )
    within = _within_processor(memory, first.batch, workers, first)
    return _changed(first, within, seen, reduced=within != (first.batch, workers))


def within_gpu(first: Plan, memory: Memory) -> Plan:
    """``first``, of a GPU, with a batch that its memory holds, and no more workers than main memory does.

    What the user asked for stays. Workers go first: a small batch leaves a GPU idle, and hardly takes main
    memory.
    """
    batch, workers = first.batch, first.workers
    if first.asked_batch is None and memory.device is not None:
        while batch > 1 and batch * _DEVICE_BYTES > memory.device * _MEMORY_SHARE:
            batch //= 2
    if first.asked_workers is None and memory.main is not None and workers:
        room = memory.main * _MEMORY_SHARE - 2 * batch * _PIXEL_BYTES
        workers = max(1, min(workers, int(room // _WORKER_BYTES)))
    within = (batch, workers)
    return _changed(first, within, "", reduced=within != (first.batch, first.workers))


def _changed(first: Plan, within: tuple[int, int], seen: str, *, reduced: bool) -> Plan:
    batch, workers = within
    short = ", reduced to fit the free memory" if reduced else ""
    reason = f"batch {batch}, workers {_workers(workers)}: {first.reason.partition(': ')[2]}{seen}{short}"
    return replace(first, batch=batch, workers=workers, reason=reason)


def _within_processor(memory: Memory, batch: int, workers: int, first: Plan) -> tuple[int, int]:
    """Smaller batches, then fewer workers, until they fit; what the user asked for stays."""

    def needed() -> float:
        return workers * _WORKER_BYTES + first.lanes * batch * _LANE_BYTES

    while memory.main is not None and needed() > memory.main * _MEMORY_SHARE:
        if first.asked_batch is None and batch > 1:
            batch //= 2
        elif first.asked_workers is None and workers > 1:
            workers -= 1
        else:
            break
    return batch, workers


def _workers_of_cpu(cores: int) -> int:
    return 0 if cores <= _THREADS_UP_TO else round(0.6 * cores)


def _workers(n: int) -> str:
    return f"{n}" if n else "0 (threads)"


def _lanes(cores: int) -> int:
    """As many as cores, up to 32: each holds a batch's intermediate results, about 100 MB."""
    asked = os.environ.get("OMP_NUM_THREADS", "")  # set by users who want the model to take no more
    limit = int(asked) if asked.isdecimal() and int(asked) else 32
    return min(cores, limit, 32)
