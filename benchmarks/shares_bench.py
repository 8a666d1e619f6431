"""Time what shares cost beside the looking: the work list, the parts, their merge, for a made library.

    python benchmarks/shares_bench.py [--photos N] [--shards N] > FIGURES.json

A million photos in 128 shares by default, two boxes a photo: rows without photos, outcomes without a model.
List and merge are processes of their own, as a user runs them; peak memory is what the system says of each.
Prints JSON on stdout.
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
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from trailcam.domain import Outcome, Status
from trailcam.store.database import Database
from trailcam.store.parts import PartHead, PartSink
from trailcam.store.scratch import fill
from trailcam.store.work_list import read_list, read_share

FLUSH = 8192
BOXES = 2


def main() -> None:
    """Run it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--photos", type=int, default=1_000_000)
    options.add_argument("--shards", type=int, default=128)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="trailcam-bench-") as folder:
        figures = measure(Path(folder), asked.photos, asked.shards)
    print(json.dumps(figures, indent=2))


def measure(folder: Path, photos: int, shards: int) -> dict[str, Any]:
    """All figures of one library."""
    (folder / "photos").mkdir()
    (folder / "photos" / "one.jpg").write_bytes(b"")
    database = Database(folder / "bench.duckdb")
    with database.write() as db:
        fill(db, str(folder / "photos"), photos)
    listed = folder / "plan.parquet"
    plan = timed("detect", "--db", database.path, "--plan", listed)
    began = time.perf_counter()
    parts = [write_part(folder, listed, shards, shard) for shard in range(shards)]
    parts_s = time.perf_counter() - began
    merge = timed("detect", "--db", database.path, "--merge", *parts)
    again = timed("detect", "--db", database.path, "--merge", *parts)
    return {
        "made": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in ("duckdb", "numpy")},
        "photos": photos,
        "shards": shards,
        "plan": plan | {"bytes": listed.stat().st_size},
        "parts": {"s": round(parts_s, 1), "bytes": sum(part.stat().st_size for part in parts)},
        "merge": merge | {"photos_per_s": round(photos / merge["s"])},
        "merge_again": again,
    }


def timed(*words: object) -> dict[str, float]:
    """Seconds and peak memory of one command. Raises RuntimeError where it fails."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "trailcam", *map(str, words)])
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"trailcam {words[0]} ended with {os.waitstatus_to_exitcode(status)}")
    return {"s": round(time.perf_counter() - began, 1), "peak_mb": round(used.ru_maxrss / 1024)}


def write_part(folder: Path, listed: Path, shards: int, shard: int) -> Path:
    """The part of one share: two boxes in every photo."""
    head = read_list(listed)
    share = read_share(listed, head.n_photos, shards, shard)
    target = folder / f"part-{shard}.parquet"
    sink = PartSink(target, share, {})
    boxes = np.array([[0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.2, 0.2]], np.float32)[:BOXES]
    confidence, classes = np.array([0.9, 0.6], np.float32)[:BOXES], np.zeros(BOXES, np.int16)
    ids = share.todo.image_id.tolist()
    for first in range(0, len(ids), FLUSH):
        sink.write(
            [
                Outcome(i, Status.COMPLETED, boxes=boxes, confidence=confidence, class_id=classes)
                for i in ids[first : first + FLUSH]
            ]
        )
    sink.finish(
        PartHead(
            list_id=head.list_id,
            library_id=head.library_id,
            model_key=head.model_key,
            weights_sha256=head.weights_sha256,
            weights_name=head.weights_name,
            shards=shards,
            shard=shard,
            n_photos=len(ids),
            settings={},
            versions={},
            device="cpu",
            host="bench",
            classes=[
                {
                    **dict.fromkeys(("age_class", "species", "threshold")),
                    **{"class_id": 0, "name": "doe", "kind": "doe"},
                }
            ],
            seconds={"wall": 1.0},
            trailcam=head.trailcam,
        )
    )
    return target


if __name__ == "__main__":
    main()
