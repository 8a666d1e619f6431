"""Batch size and decoding workers that suit a machine, when the user names none. Imports no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """``batch`` photos at once; ``workers`` processes that decode (0: threads instead);

    ``lanes``: batches that a processor works on at the same time; ``reason`` in a line, for people.
    """

    batch: int
    workers: int
    lanes: int
    reason: str


def usable_cores() -> int:
    """Cores that this process may use, which in a container or under taskset are fewer than there are."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Windows and macOS have no such call
        return os.cpu_count() or 1


def plan(
    device_type: str, *, batch: int | None = None, workers: int | None = None, cores: int | None = None
) -> Plan:
    """Fill in what the caller left open (None).

    On a GPU every core but one decodes, because the GPU empties faster than a core fills.
    On a processor each core computes a batch of its own, and decoding takes its share of the
    cores from them: 6 in 10 photos' worth at most, for the largest photos. Batches stay small there:
    beyond 8 photos they gain nothing, and each lane keeps one in memory.
    """
    n = usable_cores() if cores is None else cores
    on_cpu = device_type == "cpu"
    chosen_workers = (
        (max(1, round(0.6 * n)) if on_cpu else max(1, min(16, n - 1))) if workers is None else workers
    )
    chosen_batch = (8 if on_cpu else 64) if batch is None else batch
    if chosen_batch < 1 or chosen_workers < 0:
        raise ValueError(f"batch {chosen_batch}, workers {chosen_workers}")
    how = f"{n} core{'s' if n != 1 else ''}, {'no GPU' if on_cpu else device_type}"
    who = "as asked" if None not in (batch, workers) else f"chosen for {how}"
    return Plan(
        chosen_batch,
        chosen_workers,
        _lanes(n) if on_cpu else 1,
        f"batch {chosen_batch}, workers {chosen_workers}: {who}",
    )


def _lanes(cores: int) -> int:
    """As many as cores, up to 32: each holds a batch's intermediate results, about 100 MB."""
    asked = os.environ.get("OMP_NUM_THREADS", "")  # whoever sets it wants the model to take no more
    limit = int(asked) if asked.isdecimal() and int(asked) else 32
    return min(cores, limit, 32)
