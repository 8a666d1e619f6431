"""Databases as earlier versions of the program left them, with data."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from trailcam.store.migrations import MIGRATIONS, transaction


def make_old_database(path: Path, version: int, n_images: int) -> None:
    """A database of schema ``version`` (2 or more) with one run over half of its ``n_images`` photos."""
    with duckdb.connect(str(path)) as db:
        db.execute(
            "CREATE TABLE migrations"
            " (version INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
        )
        for number, step in enumerate(MIGRATIONS[:version], start=1):
            with transaction(db):
                step(db)
                now = datetime.now(UTC).replace(tzinfo=None)
                db.execute("INSERT INTO migrations VALUES (?, ?, ?)", [number, step.__name__, now])
        fill(db, n_images)


def fill(db: duckdb.DuckDBPyConnection, n_images: int) -> None:
    """Rows as a scan and a detect write them, in the columns that every schema from 2 on has."""
    db.execute(
        """
        INSERT INTO roots BY NAME SELECT 1 AS root_id, 'old' AS name, '/nowhere/old' AS path,
            TIMESTAMP '2025-01-01' AS added_at;
        INSERT INTO stations BY NAME SELECT n AS station_id, 'Station ' || n AS name FROM range(1, 8) t(n);
        INSERT INTO runs BY NAME SELECT 1 AS run_id, 'completed' AS state, 'key' AS model_key,
            repeat('0', 64) AS weights_sha256, 'old.pt' AS weights_name, '{}' AS settings, '{}' AS versions,
            'cpu' AS device, TIMESTAMP '2025-01-02' AS started_at, TIMESTAMP '2025-01-03' AS finished_at;
        INSERT INTO classes BY NAME SELECT 1 AS run_id, c AS class_id, 'class ' || c AS name,
            'animal' AS kind FROM range(3) t(c);
        """
    )
    db.execute(
        """
        INSERT INTO images BY NAME SELECT n AS image_id, 1 AS root_id,
            'Station ' || (n % 7 + 1) || '/' || n || '.jpg' AS path, 1000 + n AS size_bytes, n AS mtime_ns,
            n % 7 + 1 AS station_id, TIMESTAMP '2024-01-01' + to_minutes(n::BIGINT * 7) AS captured_at,
            'exif' AS captured_at_source, 640 AS width, 480 AS height, 1 AS orientation,
            CASE n % 20 WHEN 0 THEN 'failed' WHEN 1 THEN 'missing'
                ELSE CASE WHEN n % 2 = 0 THEN 'completed' ELSE 'pending' END END AS status,
            CASE WHEN n % 20 = 0 THEN 'truncated' END AS error_code,
            CASE WHEN n % 20 = 0 THEN 'cut off' END AS error_message,
            CASE WHEN n % 2 = 0 AND n % 20 <> 0 THEN 1 END AS run_id,
            TIMESTAMP '2025-01-01' AS first_seen_at, TIMESTAMP '2025-01-01' AS scanned_at
        FROM range(1, $n + 1) t(n)
        """,
        {"n": n_images},
    )
    db.execute(
        """
        INSERT INTO results BY NAME SELECT 1 AS run_id, image_id,
            CASE WHEN status = 'failed' THEN 'failed' ELSE 'completed' END AS status, error_code,
            error_message, TIMESTAMP '2025-01-02' AS looked_at
        FROM images WHERE status IN ('completed', 'failed');
        INSERT INTO detections BY NAME SELECT 1 AS run_id, image_id, (image_id % 3)::SMALLINT AS class_id,
            0.5 + (image_id % 50) / 100 AS confidence, 0.1 AS x, 0.1 AS y, 0.5 AS w, 0.5 AS h
        FROM images WHERE status = 'completed';
        UPDATE runs SET n_completed = (SELECT count(*) FROM results WHERE status = 'completed'),
            n_failed = (SELECT count(*) FROM results WHERE status = 'failed'),
            n_detections = (SELECT count(*) FROM detections);
        """
    )
    if db.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'time_readings'").fetchall():
        db.execute(
            """
            INSERT INTO time_readings BY NAME SELECT image_id, captured_at_source AS source,
                captured_at AS value, true AS counts, scanned_at AS read_at FROM images
            """
        )
