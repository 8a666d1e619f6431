"""What a search for static boxes finds, and what it and its answers cost.

    python benchmarks/static_bench.py kinds [--seeds N]
    python benchmarks/static_bench.py times FILE.duckdb

``kinds``: the twenty kinds of things of tests/unit/test_static_places.py, each at N seeds that no test uses.
``times``: on a copy of a database of benchmarks/made_database.py, with two stumps before each camera on one
photo in 25 each: a search, answers that confirm every place, ten areas, and reports before and after.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np

from tests.unit.test_static_places import MOVING, STATIC, places
from trailcam.reports.bucks import bucks
from trailcam.reports.common import Question
from trailcam.reports.species import species
from trailcam.static_boxes.areas import add_area
from trailcam.static_boxes.find_static import find_static
from trailcam.store.database import Database, utc_now
from trailcam.store.static_rows import PlaceAnswer, record_answers

Made = TypeVar("Made")
STUMPS = """
INSERT INTO detections BY NAME
    SELECT 1 AS run_id, image_id, 3::SMALLINT AS class_id, 0.9::REAL AS confidence,
        (0.12 + k * 0.5 + hash(image_id, k, 7) % 100 / 30000)::REAL AS x,
        (0.20 + hash(image_id, k, 8) % 100 / 30000)::REAL AS y, 0.10::REAL AS w,
        0.15::REAL AS h, false AS repeats
    FROM images, range(2) t(k) WHERE run_id = 1 AND hash(image_id // 3, 9 + k) % 25 = 0
"""


def kinds(seeds: int) -> None:
    """A line for each kind: how often all of it was found, less, or what isn't there."""
    print("| thing | there | all found | missed | found wrongly | sure |\n|---|---|---|---|---|---|")
    for name, (wanted, make) in STATIC.items():
        found = [places(make(np.random.default_rng(1000 + seed))) for seed in range(seeds)]
        counts = [len(one) for one in found]
        print(
            f"| {name} | {wanted} | {sum(n == wanted for n in counts)} | {sum(n < wanted for n in counts)}"
            f" | {sum(n > wanted for n in counts)} | {sum(p.is_sure for one in found for p in one)} |"
        )
    for name, make in MOVING.items():
        found = [places(make(np.random.default_rng(1000 + seed))) for seed in range(seeds)]
        wrong, sure = sum(bool(one) for one in found), sum(p.is_sure for one in found for p in one)
        print(f"| {name} | 0 | {seeds - wrong} | 0 | {wrong} | {sure} |")


def times(path: Path) -> None:
    """Seconds of each step, the best of three for reports."""
    copy = path.with_name("static_bench.duckdb")
    shutil.copy2(path, copy)
    database = Database(copy)
    with database.write() as db:
        db.execute(STUMPS)

    def reports(when: str) -> None:
        for name, ask in (("species", species), ("bucks", bucks)):

            def answer(ask: Callable[..., object] = ask) -> None:
                with database.read() as db:
                    ask(db, Question())

            _timed(f"report {name}, {when}", answer, 3)

    reports("nothing hidden")
    with database.write() as db:
        found = _timed("static find", lambda: find_static(db, None))
        print(f"{'places found':38} {len(found.proposals)}")
        now = utc_now()
        said = [PlaceAnswer(one.place_id, True, now, now) for one in found.proposals]
        _timed("answers", lambda: record_answers(db, said, author="benchmark", now=now))
        _timed("static find again", lambda: find_static(db, None))
    reports("places hidden")
    with database.write() as db:
        for n in range(10):
            add_area(db, f"Station_{n:02d}", ((0.0, 0.3), (0.3, 0.3), (0.3, 0.7), (0.0, 0.7)), "benchmark")
    reports("ten areas besides")
    with database.read() as db:
        print(species(db, Question(gap=timedelta(minutes=30))).notes)
    copy.unlink()


def _timed(what: str, do: Callable[[], Made], rounds: int = 1) -> Made:
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        made = do()
        best = min(best, time.perf_counter() - began)
    print(f"{what:38} {best:6.2f} s")
    return made


def main() -> None:
    """Read the arguments and run a part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    parts.add_parser("kinds").add_argument("--seeds", type=int, default=100)
    parts.add_parser("times").add_argument("file", type=Path)
    asked = parser.parse_args()
    if asked.part == "kinds":
        kinds(asked.seeds)
    else:
        times(asked.file)


if __name__ == "__main__":
    main()
