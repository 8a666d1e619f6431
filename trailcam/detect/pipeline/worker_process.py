"""Processes that decode: silent from the first moment, and ended rather than stuck. Imports no torch.

Short of memory, a process may fail long before its work begins, while it imports torch; Python would print a
traceback beside the message of the main process, which alone knows what the failure means.
"""

from __future__ import annotations

import faulthandler
import os
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from threading import Thread
from typing import Any

PATIENCE_S = 30.0
"""How long a thread may take to begin, s; usually a thousandth of one."""


class _Silence:
    """Taking it out of a pickle silences the process that does."""

    def __reduce__(self) -> tuple[Any, ...]:
        return silence, ()


def silence() -> None:
    """Send what this process writes to stderr nowhere, what libraries and Python itself write included."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


class QuietProcess(SpawnProcess):
    """Silent before it takes its work out of the pickle, which imports all that the work needs."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (_Silence(), type(self), self.__dict__)


def _restored(_: None, kind: type[QuietProcess], state: dict[str, Any]) -> QuietProcess:
    process = kind.__new__(kind)
    process.__dict__.update(state)
    return process


class QuietContext(SpawnContext):
    """Makes quiet processes. Spawned: the only way on Windows, and a fork after torch or DuckDB hangs."""

    Process = QuietProcess


def end_rather_than_wait(patience_s: float = PATIENCE_S) -> None:
    """From now on, end this process with exit code 1 where a thread doesn't begin in time.

    A thread that finds no memory for its first steps ends without a word, and ``Thread.start`` would wait for
    it for ever.
    """
    start = Thread.start
    nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process

    def start_in_time(thread: Thread) -> None:
        faulthandler.dump_traceback_later(patience_s, exit=True, file=nowhere)
        try:
            start(thread)
        finally:
            faulthandler.cancel_dump_traceback_later()

    setattr(Thread, "start", start_in_time)  # noqa: B010 - mypy knows no other way to put it there
