"""Is this checkout as fast as an older one? The same commands by turns, each a process as a user runs it.

    python benchmarks/by_turns.py OLD NEW [--parts start,reports,detect,scan] [--rounds 5] [--work FOLDER]
        [--photos FOLDER] [--count 150] [--weights FILE] [--only "own starter"] [--sizes "640x480,3 MP,16 MP"]
        [--output FILE.json]

OLD and NEW are checkouts, each with its own ``.venv/bin/trailcam``. reports: a million rows without photos,
made by OLD; NEW works on a copy, which its first command migrates. detect: --count photos of each size, from
--photos and scaled, else rendered; by OLD's starter and --weights on both sides, and by each side's own
starter; the boxes of the last round are compared. scan: 35,251 small photos, each time into a new database.
What was made stays in --work, so that a part can be run again. A difference below the spread of the rounds
is noise.
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

import duckdb
from make_library import make_library
from peers import facts
from PIL import Image, ImageOps

from trailcam.bench.photos import SIZES, render

PARTS = ("start", "reports", "detect", "scan")
REPORTS = (
    ("status",),
    ("report", "bucks"),
    ("report", "species"),
    ("report", "activity", "--class", "mature"),
    ("report", "herd"),
)
SAME_BOXES = """
WITH found AS (
    SELECT 'old' AS side, path, class_id, confidence, x, y, w, h
    FROM old.detections JOIN old.images USING (image_id) WHERE confidence >= 0.25
    UNION ALL
    SELECT 'new', path, class_id, confidence, x, y, w, h FROM new.detections JOIN new.images USING (image_id)
), pairs AS (
    SELECT a.path, a.x, a.y, a.w, a.h, a.confidence,
        greatest(least(a.x + a.w, b.x + b.w) - greatest(a.x, b.x), 0)
        * greatest(least(a.y + a.h, b.y + b.h) - greatest(a.y, b.y), 0) AS shared,
        shared / (a.w * a.h + b.w * b.h - shared) >= 0.9 AND abs(a.confidence - b.confidence) <= 0.05 AS same
    FROM found a LEFT JOIN found b ON b.side = 'new' AND b.path = a.path AND b.class_id = a.class_id
    WHERE a.side = 'old'
)
SELECT count(*), count(*) FILTER (matched)
FROM (SELECT bool_or(coalesce(same, false)) AS matched FROM pairs GROUP BY path, x, y, w, h, confidence)
"""
"""Boxes are stored by their left upper corner and size, as shares of the photo."""

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
    parser.add_argument("--photos", type=Path, help="detect: photos with animals")
    parser.add_argument("--count", type=int, default=150, help="detect: photos of each size")
    parser.add_argument(
        "--weights", type=Path, action="append", default=[], help="detect: beside the starter"
    )
    parser.add_argument("--only", default="", help="detect: cases whose name holds this")
    parser.add_argument("--sizes", default=",".join(SIZES))
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    sides = {"old": options.old.resolve(), "new": options.new.resolve()}
    before = json.loads(options.output.read_text()) if options.output and options.output.exists() else {}
    rows = before.get("rows", [])
    for part in options.parts.split(","):
        for name, turn in globals()[f"{part}_turns"](sides, options):
            row = compared(name, turn, sides, options.rounds)
            if part == "detect":
                row["boxes"] = agreement(*(options.work / f"{side}-detect.duckdb" for side in ("old", "new")))
            rows = [*(r for r in rows if r["command"] != name), row]
            print(
                f"{name:45} old {row['old']['median']:7.3f} s  new {row['new']['median']:7.3f} s",
                *row.get("boxes", {}).values(),
                flush=True,
            )
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


def start_turns(sides: dict[str, Path], options: argparse.Namespace) -> Iterator[tuple[str, Turn]]:
    """Commands that do next to nothing."""
    yield "trailcam --help", lambda _: ["--help"]
    yield "trailcam status --help", lambda _: ["status", "--help"]
    one = render(options.work / "one", 1, *SIZES["640x480"])
    for side, checkout in sides.items():
        run(checkout, ["scan", one.root, "--db", options.work / f"{side}-one.duckdb"])
    yield "trailcam status, one photo", lambda side: ["status", "--db", options.work / f"{side}-one.duckdb"]


def reports_turns(sides: dict[str, Path], options: argparse.Namespace) -> Iterator[tuple[str, Turn]]:
    """Reports on a million photos."""
    old, new = (options.work / f"{side}-million.duckdb" for side in ("old", "new"))
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
        yield name, lambda side, report=report: [*report, "--db", options.work / f"{side}-million.duckdb"]


def detect_turns(sides: dict[str, Path], options: argparse.Namespace) -> Iterator[tuple[str, Turn]]:
    """Detects of all photos of a size: the same weights on both sides, then each side's own starter."""
    starter = {side: sides[side] / "trailcam" / "weights" / "starter.pt" for side in sides}
    cases: list[tuple[str, dict[str, tuple[Path, str]]]] = []
    for backend in ("torch", "openvino"):
        for weights in (starter["old"], *options.weights):
            name = "OLD's starter" if weights == starter["old"] else weights.stem
            cases.append((f"{name}, {backend}", dict.fromkeys(sides, (weights, backend))))
        own = {"old": (starter["old"], "torch"), "new": (starter["new"], backend)}
        cases.append((f"own starter, OLD by torch, NEW by {backend}", own))
    cases = [case for case in cases if options.only in case[0]]
    for size, photos in detect_photos(options):
        for case, how in cases:
            yield (
                f"trailcam detect, {options.count} photos of {size}, {case}",
                lambda side, how=how, photos=photos: detect_turn(
                    sides[side], options.work / f"{side}-detect.duckdb", photos, *how[side]
                ),
            )


def detect_turn(
    checkout: Path, database: Path, photos: Path, weights: Path, backend: str
) -> list[str | Path]:
    """Scan into a new database; what remains is to detect."""
    database.unlink(missing_ok=True)
    run(checkout, ["scan", photos, "--db", database])
    return ["detect", "--weights", weights, "--backend", backend, "--include-undated", "--db", database, "-q"]


def detect_photos(options: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    """Folders of each size: the photos of --photos, enlarged or reduced, else rendered ones."""
    real = sorted(options.photos.rglob("*.jpg"))[: options.count] if options.photos else []
    for size in options.sizes.split(","):
        kind = "real" if real else "rendered"
        folder = options.work / f"detect-{kind}-{options.count}-{size.replace(' ', '-')}"
        if not folder.exists() and not real:
            render(folder, options.count, *SIZES[size])
        elif not folder.exists():
            folder.mkdir()
            for n, path in enumerate(real):
                with Image.open(path) as image:
                    ImageOps.fit(image.convert("RGB"), SIZES[size]).save(
                        folder / f"IMG_{n:04d}.JPG", quality=90
                    )
        yield size, folder


def agreement(old: Path, new: Path) -> dict[str, int]:
    """OLD's boxes of 0.25 and more, and how many NEW has: IoU 0.9, same class, confidence within 0.05."""
    with duckdb.connect() as db:
        for side, path in (("old", old), ("new", new)):
            db.execute(f"ATTACH '{path}' AS {side} (READ_ONLY)")
        boxes, same = db.execute(SAME_BOXES).fetchall()[0]
    return {"boxes": boxes, "same": same}


def scan_turns(sides: dict[str, Path], options: argparse.Namespace) -> Iterator[tuple[str, Turn]]:
    """A first scan and one that finds nothing new."""
    library = options.work / "library"
    if not library.exists():
        make_library(library)

    def first(side: str) -> list[str | Path]:
        database = options.work / f"{side}-scan.duckdb"
        database.unlink(missing_ok=True)
        return ["scan", library, "--db", database]

    yield "trailcam scan, 35,251 new photos", first
    yield (
        "trailcam scan, nothing new",
        lambda side: ["scan", library, "--db", options.work / f"{side}-scan.duckdb"],
    )


if __name__ == "__main__":
    main()
