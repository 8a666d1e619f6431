"""Time a first scan and rescans of a made library, with peak memory and the size of the database.

    python benchmarks/scan_bench.py [--photos N] [--library FOLDER] [--rescans N]

Every scan is a process of its own, as a user runs it, so start-up is in the figures. The library is made in
a temporary folder unless one is named. Files just written are in the system's cache: a cold disk or a
network share adds its own time. Prints a table on stderr and JSON on stdout; leaves with 1 when a goal is
missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from make_library import PHOTOS, make_library

GOAL_PHOTOS_PER_S = 1_500
GOAL_RESCAN_S = 4.0
GOAL_PEAK_MB = 500
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Step:
    """One process: wall seconds, peak resident memory in MB (10^6), size of the database after it in MB."""

    name: str
    wall_s: float
    peak_mb: float
    db_mb: float


def main() -> int:
    """Run the benchmark; 0 when every goal is met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=PHOTOS)
    parser.add_argument("--library", type=Path, help="a library that exists already")
    parser.add_argument("--rescans", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trailcam-bench-") as folder:
        library = arguments.library or Path(folder, "library")
        if arguments.library is None:
            make_library(library, arguments.photos)
        db = Path(folder, "bench.duckdb")
        steps = [step("first scan", db, library)]
        steps += [step(f"rescan {n}", db, library) for n in range(1, arguments.rescans + 1)]
        n_photos = _count(db)
    return _tell(steps, n_photos)


def step(name: str, db: Path, library: Path) -> Step:
    """Scan ``library`` into ``db`` in a process of its own, and measure it."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "trailcam", "scan", str(library), "--db", str(db), "--quiet"]
    checkout = str(Path(__file__).resolve().parents[1])
    process = subprocess.Popen(command, cwd=checkout, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{name}: trailcam left with {os.waitstatus_to_exitcode(status)}")
    wall_s = time.perf_counter() - started
    size = sum(file.stat().st_size for file in (db, Path(f"{db}.wal")) if file.exists())
    return Step(name, round(wall_s, 2), round(usage.ru_maxrss * _MAXRSS_BYTES / 1e6, 1), round(size / 1e6, 2))


def _count(db: Path) -> int:
    import duckdb

    with duckdb.connect(str(db), read_only=True) as connection:
        ((n,),) = connection.execute("SELECT count(*) FROM images").fetchall()
    return int(n)


def _tell(steps: list[Step], n_photos: int) -> int:
    first, *rescans = steps
    rate = n_photos / first.wall_s
    slowest = max((step.wall_s for step in rescans), default=0.0)
    peak = max(step.peak_mb for step in steps)
    met = {
        f"first scan >= {GOAL_PHOTOS_PER_S:,} photos/s": rate >= GOAL_PHOTOS_PER_S,
        f"rescan <= {GOAL_RESCAN_S:g} s": slowest <= GOAL_RESCAN_S,
        f"peak memory < {GOAL_PEAK_MB} MB": peak < GOAL_PEAK_MB,
        "rescans don't grow the database": steps[-1].db_mb <= first.db_mb * 1.1,
    }
    for step in steps:
        print(
            f"{step.name:12} {step.wall_s:7.2f} s {step.peak_mb:7.1f} MB {step.db_mb:7.2f} MB",
            file=sys.stderr,
        )
    print(f"{n_photos:,} photos, first scan {rate:,.0f} photos/s", file=sys.stderr)
    for goal, is_met in met.items():
        print(f"{'met   ' if is_met else 'MISSED'} {goal}", file=sys.stderr)
    figures = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"system": platform.platform(), "cpu": cpu(), "cores": os.cpu_count()},
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("duckdb", "exifread", "numpy")},
        },
        "photos": n_photos,
        "first_scan_photos_per_s": round(rate),
        "slowest_rescan_s": slowest,
        "peak_mb": peak,
        "goals": met,
        "steps": [asdict(step) for step in steps],
    }
    print(json.dumps(figures, indent=2))
    return 0 if all(met.values()) else 1


def cpu() -> str:
    """The processor's name where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.processor(),
    )


if __name__ == "__main__":
    sys.exit(main())
