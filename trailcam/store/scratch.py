"""A database to measure with: the rows that a scan would have made, without reading a photo."""

from __future__ import annotations

from trailcam.store.database import Connection


def fill(db: Connection, root: str, n: int) -> None:
    """One root, one station and ``n`` pending images with the ids 1..n, into a database that has none."""
    db.execute(
        "INSERT INTO roots BY NAME SELECT 1 AS root_id, 'bench' AS name, ? AS path,"
        " now()::TIMESTAMP AS added_at",
        [root],
    )
    db.execute("INSERT INTO stations BY NAME SELECT 1 AS station_id, 'bench' AS name")
    db.execute(
        "INSERT INTO images BY NAME SELECT i AS image_id, 1 AS root_id, i::VARCHAR AS path, 0 AS size_bytes,"
        " 0 AS mtime_ns, 1 AS station_id, 'unknown' AS captured_at_source, 1::SMALLINT AS orientation,"
        " 'pending' AS status, now()::TIMESTAMP AS first_seen_at, now()::TIMESTAMP AS scanned_at"
        " FROM range(1, $n + 1) t(i)",
        {"n": n},
    )
