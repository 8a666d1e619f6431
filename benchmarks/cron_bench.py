"""A day of cron in minutes: scan, detect and digest every five minutes on a library that grows.

    python -m benchmarks.cron_bench [--photos N] [--rounds N] [--new N] [--results FILE]

The database begins with N photos (by SQL: there is no such disk here); every round --new photos appear in
another folder, and one of them is replaced. Each command is a process of its own with the tests' fake model.
They are forked from a process that has imported the libraries, so that starting costs nothing and the memory
of all of them holds those; what grows comes on top. Prints a line for each hour; leaves with 1 when something
grows that should not: see LIMITS.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from tests.chaos.world import Launcher, photo_bytes
from tests.conftest import isolated_environment
from tests.helpers.old_schemas import fill
from trailcam.store.database import Database

PER_HOUR = 12
COMMANDS = ("scan", "detect", "digest")
# The last hour against the second: seconds may waver with the machine, memory and disk may not.
LIMITS = {"seconds": 1.5, "memory": 1.1, "handles": 1.0, "database": 1.25, "files": 1.0}


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds and peak memory (MB) by command, open files at a command's end (the most), size of the database

    (MB), and the files beside it."""

    seconds: dict[str, float]
    memory: dict[str, float]
    handles: int
    database: float
    files: int


class Day:
    """The folder, the database and the launcher of one simulated day."""

    def __init__(self, folder: Path, n_known: int, n_new: int) -> None:
        self._folder, self._n_new, self._n = folder, n_new, 0
        self._root, self._home = folder / "photos", folder / "home"
        for path in (self._root / "Hayfield", self._root / "Sanctuary", self._home):
            path.mkdir(parents=True)
        (folder / "fake.pt").write_bytes(b"only the fake reads it")
        self._db = self._home / "trailcam.duckdb"
        Database(self._db).migrate()
        with duckdb.connect(str(self._db)) as db:
            fill(db, n_known)
            db.execute("UPDATE images SET status = 'missing' WHERE status = 'pending'")  # nothing to look for
        self._launcher = Launcher(folder)
        self._began = datetime(2024, 11, 1)

    def close(self) -> None:
        self._launcher.close()

    def round(self) -> Round:
        """Five minutes: photos arrive, then scan, detect and digest."""
        self._arrive()
        seconds, memory, handles = {}, {}, 0
        commands = {
            "scan": ["scan", str(self._root), "-q"],
            "detect": ["detect", "-q", "--workers", "0", "--weights", str(self._folder / "fake.pt")],
            "digest": ["report", "digest", "-o", str(self._home / "digest.html")],
        }
        for name, argv in commands.items():
            env = isolated_environment(self._home) | {"CHAOS_HANDLES": str(self._folder / "handles")}
            self._launcher.start(argv, env, self._folder)
            done = self._launcher.wait(600)
            if done is None or done.code != 0:
                raise SystemExit(f"{name} failed: {done}")
            seconds[name], memory[name] = round(done.seconds, 3), round(done.peak_mb, 1)
            handles = max(handles, int((self._folder / "handles").read_text(encoding="ascii")))
        files = sum(1 for path in self._home.rglob("*") if path.is_file())
        return Round(seconds, memory, handles, round(self._db.stat().st_size / 1e6, 2), files)

    def _arrive(self) -> None:
        for _ in range(self._n_new):
            self._n += 1
            at = self._began + timedelta(minutes=3 * self._n)
            station = ("Hayfield", "Sanctuary")[self._n % 2]
            path = self._root / station / f"IMG_{self._n:06}.JPG"
            path.write_bytes(photo_bytes(self._n, at, station))
        if self._n > self._n_new:
            path = self._root / "Hayfield" / "IMG_000002.JPG"
            station_file = path if path.exists() else next((self._root / "Hayfield").iterdir())
            station_file.write_bytes(photo_bytes(self._n, self._began, f"replaced {self._n}"))


def main() -> int:
    """Simulate; 0 when nothing grows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=288)
    parser.add_argument("--new", type=int, default=20, help="photos that appear in a round")
    parser.add_argument("--results", type=Path)
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="trailcam-cron-") as folder:
        day = Day(Path(folder), given.photos, given.new)
        try:
            rounds = []
            for n in range(given.rounds):
                rounds.append(day.round())
                if (n + 1) % PER_HOUR == 0:
                    print(_line(n + 1, rounds[-PER_HOUR:]), flush=True)
                    if given.results:
                        save(given.results, given, rounds, time.monotonic() - began)
        finally:
            day.close()
    grown = growth(rounds)
    over = [name for name, factor in grown.items() if factor > LIMITS[name]]
    print("last hour against the second:", ", ".join(f"{k} x{v:.2f}" for k, v in grown.items()))
    if over:
        print(f"grows: {', '.join(over)}")
    return 1 if over else 0


def save(path: Path, given: argparse.Namespace, rounds: list[Round], seconds: float) -> None:
    """The figures so far, for docs/reliability.md (see tests/chaos/tell.py)."""
    record = {
        "photos": given.photos,
        "new_per_round": given.new,
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds),
        "growth": {k: round(v, 3) for k, v in growth(rounds).items()},
        "rounds": [asdict(r) for r in rounds],
    }
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")


def growth(rounds: list[Round]) -> dict[str, float]:
    """The last hour's median over the second hour's, by what is measured; a short run's halves."""
    hour = min(PER_HOUR, max(1, len(rounds) // 2))
    first = rounds[hour : 2 * hour] if len(rounds) >= 3 * hour else rounds[:hour]
    last = rounds[-hour:]
    figures = {
        "seconds": lambda r: sum(r.seconds.values()),
        "memory": lambda r: max(r.memory.values()),
        "handles": lambda r: r.handles,
        "database": lambda r: r.database,
        "files": lambda r: r.files,
    }
    return {
        name: statistics.median(map(figure, last)) / statistics.median(map(figure, first))
        for name, figure in figures.items()
    }


def _line(n: int, rounds: list[Round]) -> str:
    middle = statistics.median
    times = ", ".join(f"{c} {middle(r.seconds[c] for r in rounds):.2f} s" for c in COMMANDS)
    memory = max(max(r.memory.values()) for r in rounds)
    last = rounds[-1]
    return (
        f"{n // PER_HOUR:3d} h: {times}; {memory:.0f} MB, {last.handles} files open, "
        f"database {last.database:.1f} MB, {last.files} files"
    )


if __name__ == "__main__":
    sys.exit(main())
