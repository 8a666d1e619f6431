"""Draw strips in ten layouts, read them, and count: right, unknown, wrong. Prints a Markdown table.

PYTHONPATH=. python benchmarks/strip_bench.py --images 2000 --folder build/strips
"""

from __future__ import annotations

import argparse
import platform
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.helpers.strips import LAYOUTS, Truth, render_folder
from trailcam.strip.folder import read_folder
from trailcam.strip.ocr import Ocr
from trailcam.strip.records import StripImage, StripReading


def main() -> None:
    """Draw, read, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--per-folder", type=int, default=50)
    parser.add_argument("--folder", type=Path, default=Path("build/strips"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layout", action="append", help="only this one; may be repeated")
    parser.add_argument("--show", action="store_true", help="name each photo that isn't right")
    args = parser.parse_args()
    layouts = [layout for layout in LAYOUTS if layout.name in (args.layout or [layout.name])]
    folders = -(-args.images // (args.per_folder * len(layouts)))
    ocr = Ocr(threads=1)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    spent: dict[str, float] = defaultdict(float)
    reading_cpu = 0.0
    for n, layout in enumerate(layouts):
        for k in range(folders):
            folder = args.folder / f"{layout.name}-{k}"
            truths = render_folder(folder, layout, args.per_folder, args.seed * 1000 + n * 100 + k)
            images = [StripImage(truth.path.name, truth.path) for truth in truths]
            started, busy = time.perf_counter(), time.process_time()
            readings = list(read_folder(images, ocr, now=datetime(2026, 12, 1), threads=args.threads))
            spent[layout.name] += time.perf_counter() - started
            reading_cpu += time.process_time() - busy
            for truth, reading in zip(truths, readings, strict=True):
                tally(counts[layout.name], truth, reading, args.show)
    show(counts, spent)
    total = sum(count["photos"] for count in counts.values())
    print(f"\n{args.threads} threads; {total / (reading_cpu or 1):.1f} photos per second of processor time")


def tally(count: Counter[str], truth: Truth, reading: StripReading, verbose: bool) -> None:
    """Add one photo to the counts."""
    at = reading.captured_at
    verdict = "unknown" if at is None else "right" if at == truth.at else "wrong"
    count[verdict] += 1
    count["photos"] += 1
    celsius = reading.raw.temperature_c
    if celsius is not None:
        count["temperature read"] += 1
        count["temperature right"] += abs(celsius - truth.celsius) <= 0.6
    if verbose and verdict != "right":
        print(verdict, truth.path, truth.at, at, reading.reason, reading.confidence, repr(reading.raw.text))


def show(counts: dict[str, Counter[str]], spent: dict[str, float]) -> None:
    """Print the table, and what it was measured with."""
    heads = ("photos", "right", "unknown", "wrong", "temperature read", "temperature right")
    print(f"| layout | {' | '.join(heads)} | photos/s |")
    print("|---" * (len(heads) + 2) + "|")
    total: Counter[str] = Counter()
    for name, count in counts.items():
        total.update(count)
        cells = " | ".join(str(count[head]) for head in heads)
        print(f"| {name} | {cells} | {count['photos'] / spent[name]:.1f} |")
    cells = " | ".join(str(total[head]) for head in heads)
    print(f"| all | {cells} | {total['photos'] / sum(spent.values()):.1f} |")
    packages = ", ".join(f"{name} {version(name)}" for name in ("rapidocr", "onnxruntime", "opencv-python"))
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {packages}")


if __name__ == "__main__":
    main()
