"""Ctrl-C amid a query.

DuckDB hands a signal to Python between two pieces of its main thread's work. When the handler raises, DuckDB
waits for its other threads, which know nothing of it and first finish their share: as long as the query would
have taken. So the handler tells every open connection to stop before it raises.
"""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, NoReturn
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_AGAIN_S = 0.02
_asked = threading.Event()
_open: WeakValueDictionary[int, DuckDBPyConnection] = WeakValueDictionary()


def stop_when_interrupted(connection: DuckDBPyConnection) -> DuckDBPyConnection:
    """The connection itself, whose queries :func:`interrupt` ends from now on."""
    _open[id(connection)] = connection
    return connection


def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    """What to do on SIGINT and SIGTERM: end the queries under way, and raise KeyboardInterrupt."""
    _asked.set()
    for reference in _open.valuerefs():
        connection = reference()
        if connection is not None:
            with suppress(Exception):  # it is closed
                connection.interrupt()
    raise KeyboardInterrupt


def interrupt_again(unraisable: sys.UnraisableHookArgs) -> None:
    """``sys.unraisablehook``: a callback of Python's own swallows what a signal in it raises.

    So the signal comes once more, from a thread: here it would be swallowed too.
    """
    if unraisable.exc_type is KeyboardInterrupt:
        threading.Timer(_AGAIN_S, _signal_main).start()
    else:
        sys.__unraisablehook__(unraisable)


def _signal_main() -> None:
    main = threading.main_thread().ident
    if sys.platform == "win32" or main is None:
        signal.raise_signal(signal.SIGINT)
    else:
        signal.pthread_kill(main, signal.SIGINT)  # which also ends a wait


def was_interrupted() -> bool:
    """Whether this process got such a signal: what fails after it is no fault."""
    return _asked.is_set()
