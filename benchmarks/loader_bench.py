"""What does a frame cost the main process, on its way from a process that decodes into a batch? One command.

    python benchmarks/loader_bench.py PHOTOS [--workers 2] [--batch 64] [--frames 2000]

PHOTOS: a folder of JPEGs. The loader alone, its chunks merged into batches that nobody looks at. Given are
photos per second, and the processor time of the main process for each of them: with that, no GPU can be fed
faster.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.pipeline.batching import Batcher
from trailcam.detect.pipeline.loader import Loader, LoaderOptions
from trailcam.detect.pipeline.outcomes import Job


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--frames", type=int, default=2000)
    asked = parser.parse_args()
    paths = sorted(p for p in asked.photos.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    names = [str(p.relative_to(asked.photos)) for p in paths]
    frames, wall, busy = measured(asked.photos, names, asked)
    each = f"{busy / frames * 1000:.2f} ms of the main process for each"
    print(f"{frames} frames, {asked.workers} workers: {frames / wall:.0f} photos/s, {each}")


def measured(root: Path, names: list[str], asked: argparse.Namespace) -> tuple[int, float, float]:
    """Frames in chunks after the first, the seconds they took, and the main process's own seconds."""

    def jobs() -> Iterator[Job]:
        for i, name in zip(range(asked.frames), itertools.cycle(names), strict=False):
            yield Job(i, 1, name)

    batcher, n, began, busy = Batcher(asked.batch), 0, 0.0, 0.0
    with Loader(jobs(), {1: root}, FrameSpec(640), LoaderOptions(workers=asked.workers)) as loader:
        while not loader.finished:
            chunk = loader.get(0.5)
            if chunk is None:
                continue
            if not began:
                began, busy = time.perf_counter(), time.process_time()
                list(batcher.add(chunk))
                continue
            n += sum(len(batch) for batch in chunk.batches)
            list(batcher.add(chunk))
    return n, time.perf_counter() - began, time.process_time() - busy


if __name__ == "__main__":
    main()
