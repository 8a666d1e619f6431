"""Parquet files, written and read by DuckDB."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from trailcam.errors import UsageError
from trailcam.store.columns import insert
from trailcam.store.database import NO_NETWORK, Connection, quoted
from trailcam.store.interrupt import stop_when_interrupted
from trailcam.words.text import printable


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


def in_memory() -> Connection:
    """DuckDB without a database, for files alone; it opens no connection to anywhere."""
    return stop_when_interrupted(duckdb.connect(config=dict(NO_NETWORK)))


def one_file(path: Path) -> str:
    """A path as DuckDB's file functions take it: this very file, no service and no pattern.

    Raises UsageError for a name that is no Unicode.
    """
    text = str(path.absolute())
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"The name {printable(text)} isn't readable text.", "Rename the file or its folder."
        ) from None
    return re.sub(r"[*?\[]", lambda m: f"[{m[0]}]", text)


def copy_rows(
    db: Connection, sql: str, parameters: Mapping[str, Any], target: Path, metadata: Mapping[str, str]
) -> None:
    """Write the rows of a query to a Parquet file, with ``metadata`` for the whole file."""
    pairs = ", ".join(f"{key}: {quoted(value)}" for key, value in metadata.items())
    db.execute(
        f"COPY ({sql}) TO {quoted(str(target.absolute()))}"
        f" (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{pairs}}})",
        dict(parameters),
    )


def read_metadata(path: Path, key: str) -> str | None:
    """What a Parquet file says under ``key``, None where it has no such key. Raises UsageError."""
    shown = printable(str(path))
    if not path.is_file():
        raise UsageError(f"There is no file {shown}.", "Check the path.")
    try:
        with in_memory() as db:
            found = db.execute(
                "SELECT decode(value) FROM parquet_kv_metadata(?) WHERE decode(key) = ?",
                [one_file(path), key],
            ).fetchone()
    except duckdb.Error as error:
        raise UsageError(
            f"{shown} is no whole Parquet file: {printable(str(error).splitlines()[0])}",
            "It was cut off, or is something else. Copy it again, or make it again.",
        ) from error
    return None if found is None else str(found[0])
