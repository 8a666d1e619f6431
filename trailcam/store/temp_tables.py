"""Temporary tables have an owner: an object that is handed on to whoever asks them."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar, Self

import duckdb

from trailcam.store.database import Connection


@dataclass(frozen=True, slots=True)
class TempTables:
    """What was made for a question on one connection. ``DROPS`` are statements that take it away.

    That happens at the end of a ``with`` block, else when the connection is closed. A connection has one of
    each kind at a time; making a second is an error, so nobody asks the wrong one.
    """

    db: Connection
    DROPS: ClassVar[str] = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        # After an error a transaction takes no statement; it is rolled back anyway.
        with suppress(duckdb.Error) if kind else nullcontext():
            self.db.execute(self.DROPS)
