"""Time the rescan of a library whose every photo was moved elsewhere, and show that nothing is lost.

    python benchmarks/move_bench.py [--photos N]

The library is made, scanned, and every photo is marked as looked at, with a box. Then all files go into
folders by year and month under new names, and the library is scanned again, twice. Each scan is a process of
its own. Leaves with 1 if a photo is pending or missing, or lost its box. Prints a table on stderr and JSON on
stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from make_library import make_library
from scan_bench import cpu, step

PHOTOS = 10_000
_LOOKED_AT = """
    INSERT INTO runs BY NAME SELECT 1 AS run_id, 'completed' AS state, 'bench' AS model_key,
        '0' AS weights_sha256, 'bench.pt' AS weights_name, '{}' AS settings, '{}' AS versions,
        'cpu' AS device,
        now()::TIMESTAMP AS started_at, now()::TIMESTAMP AS finished_at,
        (SELECT count(*) FROM images) AS n_completed, (SELECT count(*) FROM images) AS n_detections;
    INSERT INTO classes BY NAME SELECT 1 AS run_id, 0 AS class_id, 'doe' AS name, 'doe' AS kind;
    INSERT INTO results BY NAME
        SELECT 1 AS run_id, image_id, 'completed' AS status, now()::TIMESTAMP AS looked_at FROM images;
    INSERT INTO detections BY NAME SELECT 1 AS run_id, image_id, 0 AS class_id, 0.9 AS confidence,
        0.1 AS x, 0.1 AS y, 0.2 AS w, 0.2 AS h FROM images;
    UPDATE images SET status = 'completed', run_id = 1;
"""
_LEFT = """
    SELECT count(*) FILTER (status = 'completed') AS completed,
        count(*) FILTER (status = 'pending') AS pending,
        count(*) FILTER (status = 'missing') AS missing, (SELECT count(*) FROM detections) AS boxes
    FROM images
"""


def main() -> int:
    """Run the benchmark; 0 when nothing was lost."""
    import duckdb

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=PHOTOS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trailcam-bench-") as folder:
        library, db = Path(folder, "library"), Path(folder, "bench.duckdb")
        make_library(library, arguments.photos)
        steps = [step("first scan", db, library)]
        with duckdb.connect(str(db)) as connection:
            connection.execute(_LOOKED_AT)
        _reorganise(library)
        steps += [step("all moved", db, library), step("rescan", db, library)]
        with duckdb.connect(str(db), read_only=True) as connection:
            ((completed, pending, missing, boxes),) = connection.execute(_LEFT).fetchall()
    left = {"completed": completed, "pending": pending, "missing": missing, "boxes": boxes}
    for one in steps:
        print(f"{one.name:12} {one.wall_s:7.2f} s {one.peak_mb:7.1f} MB", file=sys.stderr)
    print(", ".join(f"{n:,} {what}" for what, n in left.items()), file=sys.stderr)
    figures = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"system": platform.platform(), "cpu": cpu(), "cores": os.cpu_count()},
        "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "photos": arguments.photos,
        "left": left,
        "steps": [asdict(one) for one in steps],
    }
    print(json.dumps(figures, indent=2))
    wanted = {"completed": arguments.photos, "pending": 0, "missing": 0, "boxes": arguments.photos}
    return 0 if left == wanted else 1


def _reorganise(library: Path) -> None:
    """Every photo into a new folder, under a new name."""
    photos = sorted(path for path in library.rglob("*") if path.is_file())
    for n, photo in enumerate(photos):
        target = library / "sorted" / f"{2023 + n % 3}" / f"{n % 12 + 1:02}" / f"photo_{n:06}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        photo.rename(target)


if __name__ == "__main__":
    sys.exit(main())
