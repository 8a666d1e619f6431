"""Rows as a Parquet file, written by DuckDB."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from trailcam.store.columns import insert


def to_parquet(types: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The content of a Parquet file with the columns ``types`` (name -> DuckDB type), in that order.

    Each row has a value or None for every name. A file of no rows has its columns anyway.
    """
    with tempfile.TemporaryDirectory(prefix="trailcam-") as folder, duckdb.connect() as db:
        target = Path(folder, "rows.parquet")
        columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
        db.execute(f"CREATE TABLE result ({columns})")
        if rows:
            # The extra None keeps numpy from choosing a type of its own.
            insert(
                db,
                "result",
                {name: np.array([*(row[name] for row in rows), None], dtype=object)[:-1] for name in types},
            )
        db.table("result").write_parquet(str(target))
        return target.read_bytes()
