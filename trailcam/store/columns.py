"""Python values as the numpy columns that DuckDB reads in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import numpy.typing as npt

from trailcam.store.database import Connection, lent

Column = npt.NDArray[Any]


def texts(values: Iterable[str | None]) -> Column:
    """A VARCHAR column; None becomes NULL."""
    # The extra None keeps numpy from making a fixed-width string array of them.
    return np.array([*values, None], dtype=object)[:-1]


def integers(values: Sequence[int | None], dtype: type[np.integer[Any]]) -> Column:
    """An integer column; None becomes NULL."""
    return np.ma.masked_array(np.array([v or 0 for v in values], dtype), mask=[v is None for v in values])


def numbers(values: Sequence[float | None]) -> Column:
    """A REAL column; None becomes NULL."""
    return np.ma.masked_array(
        np.array([v or 0.0 for v in values], np.float32), mask=[v is None for v in values]
    )


def degrees(values: Sequence[float | None]) -> Column:
    """A DOUBLE column; None becomes NULL."""
    return np.ma.masked_array(
        np.array([v or 0.0 for v in values], np.float64), mask=[v is None for v in values]
    )


def times(values: Sequence[object]) -> Column:
    """A TIMESTAMP column of naive datetimes, microseconds; None becomes NULL."""
    return np.array(values, dtype="datetime64[us]")


def asked(db: Connection, image_ids: Iterable[int]) -> AbstractContextManager[None]:
    """Lend images' ids to queries, each once, as the table ``asked`` (``image_id``)."""
    return lent(db, asked={"image_id": np.array(sorted(set(image_ids)), np.int64)})


def insert(db: Connection, table: str, columns: Mapping[str, Column]) -> None:
    """Bulk insert by column name, never by position. ``table`` is never a user's text."""
    with lent(db, incoming=columns):
        db.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")


def insert_row(db: Connection, table: str, row: Mapping[str, object]) -> None:
    """Insert one row by column name."""
    insert(db, table, {key: np.array([value], dtype=object) for key, value in row.items()})


def next_id(db: Connection, table: str, column: str) -> int:
    """One more than the largest id in use; one process writes at a time."""
    ((free,),) = db.execute(f"SELECT coalesce(max({column}), 0) + 1 FROM {table}").fetchall()
    return int(free)
