"""Is this checkout as fast as an older one? The same commands by turns, each a process as a user runs it.

    python benchmarks/by_turns.py OLD NEW [--parts start,reports,detect,scan] [--rounds 5] [--work FOLDER]
        [--output FILE.json]

OLD and NEW are checkouts, each with its own ``.venv/bin/trailcam``. reports: a million rows without photos,
made by OLD; NEW works on a copy, which its first command migrates. detect: 400 rendered photos of 3 MP, by
OLD's starter on both sides. scan: 35,251 small photos, each time into a new database. What was made stays in
--work, so that a part can be run again. A difference below the spread of the rounds is noise.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from make_library import make_library
from peers import facts

from trailcam.bench.photos import SIZES, render

PARTS = ("start", "reports", "detect", "scan")
REPORTS = (
    ("status",),
    ("report", "bucks"),
    ("report", "species"),
    ("report", "activity", "--class", "mature"),
    ("report", "herd"),
)
DETECT_PHOTOS = 400

Turn = Callable[[str], list[str | Path]]
"""What a side, "old" or "new", runs: the arguments of trailcam."""


def main() -> None:
    """Run the parts and print their medians; the file gets every round."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path("build/by_turns"))
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    sides = {"old": options.old.resolve(), "new": options.new.resolve()}
    before = json.loads(options.output.read_text()) if options.output and options.output.exists() else {}
    rows = before.get("rows", [])
    for part in options.parts.split(","):
        for name, turn in globals()[f"{part}_turns"](sides, options.work.resolve()):
            row = compared(name, turn, sides, options.rounds)
            rows = [*(r for r in rows if r["command"] != name), row]
            print(f"{name:45} old {row['old']['median']:7.3f} s  new {row['new']['median']:7.3f} s")
            if options.output:
                options.output.write_text(json.dumps({**facts(), "rows": rows}, indent=1) + "\n")


def compared(name: str, turn: Turn, sides: dict[str, Path], rounds: int) -> dict[str, Any]:
    """Seconds of each side; who begins changes from round to round."""
    spent: dict[str, list[float]] = {side: [] for side in sides}
    for n in range(rounds):
        for side in sorted(sides, reverse=bool(n % 2)):
            arguments = turn(side)
            began = time.perf_counter()
            run(sides[side], arguments)
            spent[side].append(round(time.perf_counter() - began, 3))
    return {"command": name} | {
        side: {"median": round(statistics.median(s), 3), "min": min(s), "max": max(s), "n": rounds}
        for side, s in spent.items()
    }


def run(checkout: Path, arguments: list[str | Path]) -> None:
    """One command, which must succeed."""
    done = subprocess.run(
        [checkout / ".venv/bin/trailcam", *arguments],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{checkout}: {' '.join(map(str, arguments))}: {done.stderr}")


def start_turns(sides: dict[str, Path], work: Path) -> Iterator[tuple[str, Turn]]:
    """Commands that do next to nothing."""
    yield "trailcam --help", lambda _: ["--help"]
    yield "trailcam status --help", lambda _: ["status", "--help"]
    one = render(work / "one", 1, *SIZES["640x480"])
    for side, checkout in sides.items():
        run(checkout, ["scan", one.root, "--db", work / f"{side}-one.duckdb"])
    yield "trailcam status, one photo", lambda side: ["status", "--db", work / f"{side}-one.duckdb"]


def reports_turns(sides: dict[str, Path], work: Path) -> Iterator[tuple[str, Turn]]:
    """Reports on a million photos."""
    old, new = (work / f"{side}-million.duckdb" for side in ("old", "new"))
    if not new.exists():
        script = sides["old"] / "benchmarks" / "made_database.py"
        subprocess.run(
            [sides["old"] / ".venv/bin/python", script, old],
            cwd=sides["old"],
            check=True,
            capture_output=True,
        )
        shutil.copy(old, new)
    run(sides["new"], ["status", "--db", new])  # migrates
    for report in REPORTS:
        name = f"trailcam {' '.join(report)}, a million photos"
        yield name, lambda side, report=report: [*report, "--db", work / f"{side}-million.duckdb"]


def detect_turns(sides: dict[str, Path], work: Path) -> Iterator[tuple[str, Turn]]:
    """A detect of all photos of a library."""
    folder = work / "three-megapixels"
    if not folder.exists():
        render(folder, DETECT_PHOTOS, *SIZES["3 MP"])
    weights = sides["old"] / "trailcam" / "weights" / "starter.pt"

    def turn(side: str) -> list[str | Path]:
        database = work / f"{side}-detect.duckdb"
        database.unlink(missing_ok=True)
        run(sides[side], ["scan", folder, "--db", database])
        return ["detect", "--weights", weights, "--db", database, "-q"]

    yield f"trailcam detect, {DETECT_PHOTOS} photos of 3 MP", turn


def scan_turns(sides: dict[str, Path], work: Path) -> Iterator[tuple[str, Turn]]:
    """A first scan and one that finds nothing new."""
    library = work / "library"
    if not library.exists():
        make_library(library)

    def first(side: str) -> list[str | Path]:
        database = work / f"{side}-scan.duckdb"
        database.unlink(missing_ok=True)
        return ["scan", library, "--db", database]

    yield "trailcam scan, 35,251 new photos", first
    yield "trailcam scan, nothing new", lambda side: ["scan", library, "--db", work / f"{side}-scan.duckdb"]


if __name__ == "__main__":
    main()
