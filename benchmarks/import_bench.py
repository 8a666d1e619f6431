"""What importing a big MegaDetector file costs: time and peak memory, in a process of its own.

    python benchmarks/import_bench.py 1000000 FOLDER

Makes a database of that many photos (no pictures) and a file that names them all with a drive's letter and
backslashes, 1.5 boxes a photo with classifications; imports it and prints one line.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from trailcam.store.database import Database

CODE = (
    "import sys; from pathlib import Path; from trailcam.store.database import Database;"
    "from trailcam.imports.megadetector import import_megadetector as take;"
    "done = take(Database(Path(sys.argv[1])), Path(sys.argv[2]), rules={});"
    "print(done.fresh, done.boxes, len(done.problems))"
)


def make(n: int, folder: Path) -> tuple[Path, Path]:
    """The database and the file."""
    database, file = folder / f"import-{n}.duckdb", folder / f"import-{n}.json"
    database.unlink(missing_ok=True)
    with Database(database).write() as db:
        db.execute(
            "INSERT INTO roots BY NAME SELECT 1 AS root_id, 'cams' AS name, '/data/cams' AS path,"
            " now()::TIMESTAMP AS added_at"
        )
        db.execute("INSERT INTO stations BY NAME SELECT 1 AS station_id, 'A' AS name")
        db.execute(
            "INSERT INTO images BY NAME SELECT i + 1 AS image_id, 1 AS root_id,"
            " format('Station{}/IMG_{:05d}.JPG', i // 10000, i % 10000) AS path, 1000 AS size_bytes,"
            " 1 AS mtime_ns, 1 AS station_id, 'unknown' AS captured_at_source, 1 AS orientation,"
            " 'pending' AS status, now()::TIMESTAMP AS first_seen_at, now()::TIMESTAMP AS scanned_at"
            " FROM range(?) t(i)",
            [n],
        )
    box = {"category": "1", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4], "classifications": [["1", 0.8]]}
    head = {"info": {"format_version": "1.6"}, "detection_categories": {"1": "animal"}}
    head |= {"classification_categories": {"1": "doe"}}
    with file.open("w", encoding="utf-8") as out:
        out.write(json.dumps(head)[:-1] + ', "images": [\n')
        for i in range(n):
            name = f"E:\\cards\\Station{i // 10000}\\IMG_{i % 10000:05d}.JPG"
            row = {"file": name, "detections": [box] * (1 + i % 2)}
            out.write((",\n" if i else "") + json.dumps(row))
        out.write("]}\n")
    return database, file


def main() -> None:
    """Make, import, tell."""
    n, folder = int(sys.argv[1]), Path(sys.argv[2])
    database, file = make(n, folder)
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(
        [sys.executable, "-c", CODE, str(database), str(file)], check=True, capture_output=True, text=True
    )
    wall, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    size, cpu = file.stat().st_size / 1e6, used.ru_utime - before.ru_utime
    sys.stdout.write(
        f"{n:,} photos, {size:.0f} MB: {wall:.1f} s, processor {cpu:.1f} s,"
        f" peak {used.ru_maxrss / 1024:.0f} MB; fresh, boxes, problems: {told.stdout}"
    )


if __name__ == "__main__":
    main()
