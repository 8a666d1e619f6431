"""A thread that hands results to the sink while the main loop goes on. Imports no torch."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailcam.detect.pipeline.outcomes import Sink
    from trailcam.domain import Outcome

_PENDING = 2


class Writer:
    """Writes flushes in order, at most two waiting. An error of the sink surfaces at the next call.

    ``busy_s``, ``last_s``: seconds that all writes took, and the last one.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._queue: queue.Queue[Sequence[Outcome] | None] = queue.Queue(maxsize=_PENDING)
        self._error: BaseException | None = None
        self.busy_s = 0.0
        self.last_s = 0.0
        self._thread = threading.Thread(target=self._work, name="trailcam-writer")
        self._thread.start()

    def submit(self, outcomes: Sequence[Outcome]) -> None:
        """Queue a flush; waits while two are pending. Raises what the sink raised."""
        while True:
            self.check()
            with contextlib.suppress(queue.Full):
                self._queue.put(outcomes, timeout=0.1)
                return

    def check(self) -> None:
        """Raise what the sink raised, if it did."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Wait until all is written, then end the thread. Does not raise: call :meth:`check` after it."""
        while self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._queue.put(None, timeout=0.1)
                break
        self._thread.join()

    def _work(self) -> None:
        while (outcomes := self._queue.get()) is not None:
            started = time.perf_counter()
            try:
                self._sink.write(outcomes)
            except BaseException as error:  # noqa: BLE001 - raised again in the main thread
                self._error = error
                return
            finally:
                self.last_s = time.perf_counter() - started
                self.busy_s += self.last_s
