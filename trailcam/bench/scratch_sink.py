"""A sink into a temporary database, so that measuring never touches the user's. Imports no torch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from trailcam.domain import ClassInfo, Kind, Outcome, Status
from trailcam.store.database import Database
from trailcam.store.run_sink import RunFacts, RunSink, begin_run
from trailcam.store.scratch import fill

FLUSH = 8192  # photos of a transaction, as the pipeline has it


@contextmanager
def scratch_sink(n: int) -> Iterator[RunSink]:
    """The real writer, into a database of ``n`` pending images in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="trailcam-bench-") as folder:
        database = Database(Path(folder, "bench.duckdb"))
        classes = tuple(ClassInfo(number, f"class {number}", Kind.OTHER) for number in range(16))
        with database.write() as db:
            fill(db, folder, n)
            run_id = begin_run(db, RunFacts("bench", "0" * 64, "bench", {}, {}, "bench", classes))
        yield RunSink(database, run_id)


def outcomes(first: int, n: int) -> list[Outcome]:
    """Made-up results of images first..first+n-1: none to four boxes each."""
    rng = np.random.default_rng(first)
    counts = rng.integers(0, 5, n)
    return [
        Outcome(
            first + i,
            Status.COMPLETED,
            2048,
            1536,
            rng.uniform(0.1, 0.4, (k, 4)).astype(np.float32),
            np.sort(rng.uniform(0.05, 1, k).astype(np.float32))[::-1],
            rng.integers(0, 11, k).astype(np.int16),
        )
        for i, k in enumerate(counts.tolist())
    ]


def write_seconds(n: int) -> float:
    """Seconds that the writer takes for the results of ``n`` photos, in the pipeline's flushes."""
    with scratch_sink(n) as sink:
        for first in range(1, n + 1, FLUSH):
            sink.write(outcomes(first, min(FLUSH, n + 1 - first)))
        return sink.seconds
