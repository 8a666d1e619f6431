"""Ctrl-C and SIGTERM as a wish to stop, not as a crash."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from trailcam.cli.console import say
from trailcam.store.interrupt import interrupt


@contextmanager
def stoppable(what_now: str) -> Iterator[Callable[[], bool]]:
    """Inside the block the first signal only sets what the yielded function returns.

    ``what_now`` is said then ("Finishing the current batch ..."). A second signal raises
    KeyboardInterrupt: whatever was flushed is saved anyway.
    """
    asked = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            interrupt(number, frame)
        asked = True
        with suppress(
            RuntimeError, OSError
        ):  # the signal came during another write to stderr, or it is closed
            say(what_now)

    old = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
