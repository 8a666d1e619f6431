"""A database as years of trail cameras leave it, made by SQL alone: rows without photos.

    python benchmarks/made_database.py FILE.duckdb [--photos N] [--stations N]

A million photos and two million boxes by default: 50 stations over four years, bursts of three, more by dusk
and dawn than by day; the 11 classes of a whitetail model, half of the boxes too unsure to count. One photo in
100 is pending, one in 250 failed, one in 400 has no capture time, one in 500 a doubtful one, and one in 200
was corrected by a person. The same numbers give the same rows.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

from trailcam.store.database import Database

PHOTOS = 1_000_000
STATIONS = 50
# Class, kind, age class, species, how many of 100 boxes.
CLASSES = (
    ("UTV", "vehicle", None, None, 3),
    ("cow", "animal", None, "Bos taurus", 14),
    ("coyote", "animal", None, "Canis latrans", 4),
    ("doe", "doe", None, "Odocoileus virginianus", 36),
    ("fawn", "fawn", None, "Odocoileus virginianus", 9),
    ("mature", "buck", "mature", "Odocoileus virginianus", 5),
    ("mid", "buck", "mid", "Odocoileus virginianus", 6),
    ("person", "person", None, "Homo sapiens", 4),
    ("raccoon", "animal", None, "Procyon lotor", 9),
    ("turkey", "animal", None, "Meleagris gallopavo", 3),
    ("young", "buck", "young", "Odocoileus virginianus", 7),
)
_FILL = """
INSERT INTO stations BY NAME
    SELECT (i + 1)::INTEGER AS station_id, printf('Station_%02d', i) AS name, 30.0 + i / 100 AS latitude,
        -98.0 - i / 100 AS longitude, 'America/Chicago' AS timezone FROM range($stations) t(i);
CREATE TEMP TABLE shots AS
    SELECT i, (i // 3) % $stations + 1 AS station_id,
        -- bursts of three, 4 s apart, over four years of days, at hours around 7 and 18
        TIMESTAMP '2021-09-01' + to_seconds(
            86400 * ((i // 3) * 1461 // ($n // 3 + 1))
            + CASE WHEN hash(i // 3) % 2 = 0 THEN 25200 ELSE 64800 END
            + (hash(i // 3, 1) % 10800)::BIGINT - (hash(i // 3, 2) % 10800)::BIGINT + i % 3 * 4) AS shot_at
    FROM range($n) t(i);
INSERT INTO images BY NAME
    SELECT i + 1 AS image_id, 1 AS root_id,
        printf('Station_%02d/DCIM/100RECNX/IMG_%07d.JPG', station_id - 1, i) AS path,
        100000 + i % 1000 AS size_bytes, 1700000000000000000 + i AS mtime_ns,
        station_id::INTEGER AS station_id,
        CASE WHEN i % 400 <> 0 THEN shot_at END AS captured_at,
        CASE WHEN i % 400 <> 0 THEN 'exif' ELSE 'unknown' END AS captured_at_source,
        CASE WHEN i % 500 = 7 THEN 'reset' END AS captured_at_suspect,
        'RECONYX' AS make, 'HF2 PRO' AS model, 'H600' || station_id AS serial,
        2048 AS width, 1536 AS height, 1::SMALLINT AS orientation,
        CASE WHEN i % 100 = 0 THEN 'pending' WHEN i % 250 = 1 THEN 'failed' ELSE 'completed' END AS status,
        CASE WHEN i % 250 = 1 THEN 'truncated' END AS error_code,
        CASE WHEN i % 250 = 1 THEN 'the file ends too early' END AS error_message,
        CASE WHEN i % 100 <> 0 AND i % 250 <> 1 THEN 1 END AS run_id,
        TIMESTAMP '2025-09-02' AS first_seen_at, TIMESTAMP '2025-09-02' AS scanned_at
    FROM shots ORDER BY path;
INSERT INTO results BY NAME
    SELECT 1 AS run_id, image_id, 'completed' AS status, TIMESTAMP '2025-09-03' AS looked_at
    FROM images WHERE run_id = 1;
INSERT INTO detections BY NAME
    SELECT 1 AS run_id, image_id,
        -- the photos of a burst show the same animals
        $picks[(1 + hash(image_id // 3, k) % 100)::BIGINT]::SMALLINT AS class_id,
        (0.05 + hash(image_id, k) % 950 / 1000)::REAL AS confidence,
        (0.05 + hash(image_id, k, 1) % 400 / 1000)::REAL AS x, 0.3::REAL AS y, 0.2::REAL AS w, 0.4::REAL AS h
    FROM images, range((hash(image_id // 3) % 4 + hash(image_id) % 2)::BIGINT) t(k) WHERE run_id = 1;
INSERT INTO judgements BY NAME
    SELECT image_id AS judgement_id, image_id, true AS whole, 'Ann' AS author, 'benchmark' AS source,
        TIMESTAMP '2025-10-01' AS made_at, TIMESTAMP '2025-10-01' AS recorded_at
    FROM images WHERE $judged AND image_id % 200 = 3;
INSERT INTO judged_boxes BY NAME
    SELECT image_id AS judgement_id, image_id, 'doe' AS class, 'doe' AS kind,
        'Odocoileus virginianus' AS species, 0.1::REAL AS x, 0.1::REAL AS y, 0.3::REAL AS w, 0.3::REAL AS h
    FROM judgements WHERE image_id % 400 = 3;
"""


def make_database(path: Path, root: Path, n: int = PHOTOS, stations: int = STATIONS, *, judged: bool) -> None:
    """Write the database to ``path``. ``judged``: with corrections. ``root`` is made, to be reachable."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "keep.jpg").touch()
    now = datetime(2025, 9, 2)
    picks = [number for number, (*_, share) in enumerate(CLASSES) for _ in range(share)]
    values = {"$stations": stations, "$n": n, "$picks": picks, "$judged": str(judged).lower()}
    sql = _FILL
    for key, value in values.items():
        sql = sql.replace(key, str(value))
    with Database(path).write() as db:
        db.execute(
            "INSERT INTO roots BY NAME SELECT 1 AS root_id, 'photos' AS name, ? AS path, ? AS added_at",
            [str(root), now],
        )
        db.execute(
            "INSERT INTO runs BY NAME SELECT 1 AS run_id, 'completed' AS state, 'k' AS model_key,"
            " 'w' AS weights_sha256, 'bench.pt' AS weights_name, '{}' AS settings, '{}' AS versions,"
            " 'cpu' AS device, ? AS started_at, ? AS finished_at",
            [now, now],
        )
        for number, (name, kind, age, species, _) in enumerate(CLASSES):
            db.execute(
                "INSERT INTO classes BY NAME SELECT 1 AS run_id, ?::SMALLINT AS class_id, ? AS name,"
                " ? AS kind, ? AS age_class, ? AS species",
                [number, name, kind, age, species],
            )
        db.execute(sql)


def main() -> None:
    """Read the arguments, make the database, say what it holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--photos", type=int, default=PHOTOS)
    parser.add_argument("--stations", type=int, default=STATIONS)
    parser.add_argument("--no-corrections", action="store_true")
    asked = parser.parse_args()
    judged = not asked.no_corrections
    make_database(asked.file, asked.file.parent / "photos", asked.photos, asked.stations, judged=judged)
    with Database(asked.file).read() as db:
        for table in ("images", "detections", "judgements"):
            ((n,),) = db.execute(f"SELECT count(*) FROM {table}").fetchall()
            print(f"{table:11} {n:9,}")


if __name__ == "__main__":
    main()
