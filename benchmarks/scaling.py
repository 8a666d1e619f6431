"""How the pace depends on workers, batch size, size of the library and a slow disk.

    python benchmarks/scaling.py --weights FILE [--parts workers,batch,library,disk] [--budget 240]
        [--seconds 10] [--rounds 3] [--sizes 1000,10000,100000] [--output FILE.json]

Each part may run alone; after --budget seconds of one no new run of it begins, and what is missing then is
said. workers and batch: the real model on rendered photos (--size), in turn. library: small files of their
own, a cheap detector, but the real loader, loop, writer and database; each size in a process of its own, so
that peak memory is its own. disk: the same with 20 ms more for each open, in threads of one process. Every
figure is of the pipeline without its warm-up, medians with the lowest and highest.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from peers import facts, spread

from trailcam.bench import ceilings
from trailcam.bench.machine import Machine, open_machine
from trailcam.bench.photos import SIZES, Photos, render
from trailcam.detect.choose.plan import Plan
from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.model.protocol import Detector, RawDetections
from trailcam.detect.pipeline import loader
from trailcam.machine import usable_cores
from trailcam.settings.config import load

if TYPE_CHECKING:
    import torch

PARTS = ("workers", "batch", "library", "disk")
WORKERS = (0, 1, 2, 4, 8, 16)
BATCHES = (1, 2, 4, 8, 16, 32)
SMALL = (160, 120)
SLOW_S = 0.02
_SLOW_PHOTOS = 2000

Point = dict[str, Any]


class Cheap(Detector):
    """One box a photo, at the cost of a sum: what is left is the loop around a model."""

    def __init__(self) -> None:
        self.names = {0: "any"}
        self.frame = FrameSpec(160, 32)
        self.model_key = "0" * 64

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        box = np.array([[8, 8, 60, 60]], np.float32)
        sure = pixels.float().mean(dim=(1, 2, 3)).div(255).clamp(0.05, 1).tolist()
        return [RawDetections(box, np.array([one], np.float32), np.zeros(1, np.int16)) for one in sure]

    def warmup(self, height: int, width: int, batch: int) -> None:
        """Nothing to warm."""


def cheap_machine(workers: int) -> Machine:
    """The cheap detector on the processor."""
    import torch

    return Machine(Cheap(), torch.device("cpu"), Plan(32, workers, 1, ""), "none")


def by_turns(
    values: Sequence[int], one: Callable[[int, int], ceilings.Run], asked: argparse.Namespace
) -> list[Point]:
    """Each value in each round; ``one(value, n)`` sends n photos through. A first short run sets n."""
    until = time.monotonic() + asked.budget
    runs: dict[int, list[ceilings.Run]] = {}
    rates: dict[int, float] = {}
    for number in range(asked.rounds + 1):
        for value in values:
            if time.monotonic() > until:
                break
            n = max(32, 2 * value, round(rates.get(value, 0.0) * asked.seconds))
            done = one(value, n)
            rates[value] = done.report.photos_per_s
            print(f"{value:7} {n:7} photos {rates[value]:8.1f} photos/s", flush=True)
            if number:
                runs.setdefault(value, []).append(done)
    points = [
        {
            "value": value,
            "photos": sum(run.report.done for run in found),
            "photos_per_s": spread([run.report.photos_per_s for run in found]),
            "peak_mb": round(max(run.peak_mb for run in found), 1),
        }
        for value, found in runs.items()
    ]
    return points + [{"value": value, "missing": "budget"} for value in values if value not in runs]


def settings_part(name: str, asked: argparse.Namespace) -> list[Point]:
    """Over workers or over batch, the other as detect chooses it."""
    machine = open_machine(load(None, {"detect.weights": asked.weights, "detect.device": asked.device}, {}))
    with tempfile.TemporaryDirectory(prefix="trailcam-scaling-") as folder:
        photos = render(Path(folder), 16, *SIZES[asked.size])

        def one(value: int, n: int) -> ceilings.Run:
            batch = value if name == "batch" else machine.plan.batch
            workers = value if name == "workers" else machine.plan.workers
            chosen = machine.with_settings(batch, workers)
            return ceilings.pipeline(chosen, photos, n, stop=lambda: False, watch=True)

        most = max(8, usable_cores())
        return by_turns(BATCHES if name == "batch" else [n for n in WORKERS if n <= most], one, asked)


def small_files(folder: Path, n: int) -> Photos:
    """``n`` small JPEGs, a thousand a folder, none a copy of another."""
    some = render(folder / "drawn", 8, *SMALL)
    contents = [(some.root / name).read_bytes() for name in some.paths]
    paths = []
    for number in range(n):
        path = f"photos/{number // 1000:03}/IMG_{number:06}.JPG"
        if number % 1000 == 0:
            (folder / path).parent.mkdir(parents=True)
        # Behind a JPEG's end, where nothing reads.
        (folder / path).write_bytes(contents[number % 8] + number.to_bytes(4, "big"))
        paths.append(path)
    return Photos(folder, paths, n, f"{n} small files", float(len(contents[0])))


def one_library(n: int, workers: int) -> Point:
    """A library of ``n`` files looked at once, in this process."""
    with tempfile.TemporaryDirectory(prefix="trailcam-scaling-") as folder:
        photos = small_files(Path(folder), n)
        run = ceilings.pipeline(cheap_machine(workers), photos, n, stop=lambda: False, watch=True)
    report = run.report
    return {
        "value": n,
        "failed": report.failed,
        "rate": report.photos_per_s,
        "peak_mb": run.peak_mb,
        "database_share": run.database_s / report.wall_s,
    }


def library_part(asked: argparse.Namespace) -> list[Point]:
    """Each size in a process of its own, in turn."""
    until = time.monotonic() + asked.budget
    sizes = [int(size) for size in asked.sizes.split(",")]
    found: dict[int, list[Point]] = {}
    for _ in range(asked.rounds):
        for n in sizes:
            if time.monotonic() > until:
                break
            command = [
                sys.executable,
                __file__,
                "--one-library",
                str(n),
                "--one-workers",
                str(usable_cores()),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            point = json.loads(done.stdout.splitlines()[-1])
            print(f"{n:7} files {point['rate']:8.1f} photos/s {point['peak_mb']:7.0f} MB", flush=True)
            found.setdefault(n, []).append(point)
    points: list[Point] = [
        {
            "value": n,
            "failed": sum(point["failed"] for point in taken),
            "photos_per_s": spread([point["rate"] for point in taken]),
            "peak_mb": round(statistics.median(point["peak_mb"] for point in taken), 1),
            "database_share": round(statistics.median(point["database_share"] for point in taken), 4),
        }
        for n, taken in found.items()
    ]
    return points + [{"value": n, "missing": "budget"} for n in sizes if n not in found]


def disk_part(asked: argparse.Namespace) -> list[Point]:
    """Opens as they are, and each 20 ms later."""
    real = loader.read_file

    def slow(path: Path) -> Any:  # noqa: ANN401 - as the loader's own
        time.sleep(SLOW_S)
        return real(path)

    with tempfile.TemporaryDirectory(prefix="trailcam-scaling-") as folder:
        photos = small_files(Path(folder), _SLOW_PHOTOS)

        def one(delay_ms: int, n: int) -> ceilings.Run:
            loader.read_file = slow if delay_ms else real
            try:
                return ceilings.pipeline(cheap_machine(0), photos, n, stop=lambda: False, watch=True)
            finally:
                loader.read_file = real

        return by_turns([0, round(SLOW_S * 1000)], one, asked)


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", help="a model for workers and batch; default: the starter model")
    parser.add_argument("--device", help="for workers and batch: cpu, cuda:0")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--size", default="3 MP", choices=SIZES, help="of rendered photos")
    parser.add_argument("--sizes", default="1000,10000,100000", help="of libraries")
    parser.add_argument("--seconds", type=float, default=10, help="for one run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", type=float, default=240, help="seconds for one part")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--one-library", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--one-workers", type=int, default=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one_library:
        print(json.dumps(one_library(asked.one_library, asked.one_workers)))
        return
    wanted = asked.parts.split(",")
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    how = {"size": asked.size, "seconds": asked.seconds, "rounds": asked.rounds, "budget_s": asked.budget}
    found: dict[str, Any] = {
        **facts(),
        "weights": Path(asked.weights or "starter.pt").name,
        **how,
        "parts": {},
    }
    for name in wanted:
        print(name, flush=True)
        parts = {"library": library_part, "disk": disk_part}
        found["parts"][name] = parts[name](asked) if name in parts else settings_part(name, asked)
    found["load_after"] = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    text = json.dumps(found, indent=2) + "\n"
    if asked.output:
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        asked.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
