"""Batch size and decoding workers that suit a machine, when the user names none. Imports no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """``batch`` photos at once; ``workers`` processes that decode (0: threads instead);

    ``threads`` that the model computes with on a processor; ``reason`` in a line, for people.
    """

    batch: int
    workers: int
    threads: int
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

    On a GPU every core but one decodes, because the GPU empties faster than a core fills. On
    a processor both share the cores: inference takes about as long as decoding a 3 MP photo
    does, so a third of the cores decode, and batches stay small, because they gain nothing.
    The model gets the cores that are left: its threads wait for each other after every layer,
    and one that has to share its core with a decoder holds up all of them.
    """
    n = usable_cores() if cores is None else cores
    on_cpu = device_type == "cpu"
    chosen_workers = (
        (max(1, round(n / 3)) if on_cpu else max(1, min(16, n - 1))) if workers is None else workers
    )
    chosen_batch = (8 if on_cpu else 64) if batch is None else batch
    if chosen_batch < 1 or chosen_workers < 0:
        raise ValueError(f"batch {chosen_batch}, workers {chosen_workers}")
    how = f"{n} core{'s' if n != 1 else ''}, {'no GPU' if on_cpu else device_type}"
    who = "as asked" if None not in (batch, workers) else f"chosen for {how}"
    return Plan(
        chosen_batch,
        chosen_workers,
        max(1, n - max(1, chosen_workers)),
        f"batch {chosen_batch}, workers {chosen_workers}: {who}",
    )
