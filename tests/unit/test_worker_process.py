"""Processes that decode and find no memory: no traceback, no waiting for ever."""

from __future__ import annotations

import subprocess
import sys
import time
from multiprocessing import get_context
from multiprocessing.context import BaseContext

import pytest

from trailcam.detect.pipeline.loader import _named
from trailcam.detect.pipeline.worker_process import QuietContext
from trailcam.errors import PipelineError


def no_memory() -> None:
    raise MemoryError("no memory to import torch")


class Work:
    """What a process is to do; taking it out of the pickle finds no memory, as importing torch may."""

    def __reduce__(self) -> tuple[object, ...]:
        return no_memory, ()


@pytest.mark.parametrize(("context", "says"), [(QuietContext(), ""), (get_context("spawn"), "Traceback")])
def test_a_process_that_dies_while_it_starts_says_nothing(
    context: BaseContext, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Python's own kind, beside it, prints a traceback."""
    process = context.Process(target=print, args=(Work(),))  # type: ignore[attr-defined]
    process.start()
    process.join(60)
    assert process.exitcode == 1
    said = capfd.readouterr().err
    assert (says in said) if says else not said


def test_a_quiet_process_does_its_work(capfd: pytest.CaptureFixture[str]) -> None:
    process = QuietContext().Process(target=print, args=("done",))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert capfd.readouterr().out == "done\n"


def test_a_thread_that_never_begins_ends_the_process() -> None:
    code = (
        "import threading; from trailcam.detect.pipeline.worker_process import end_rather_than_wait;"
        "end_rather_than_wait(1.0);"
        "t = threading.Thread(target=print, args=('begun',)); t.start(); t.join();"
        "threading._start_new_thread = lambda *_: 0;"  # as if it had found no memory
        "threading.Thread(target=print).start(); print('not reached')"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stdout == "begun\n"
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("kind", [RuntimeError, MemoryError, OSError])
def test_what_a_process_died_of_has_a_name(kind: type[Exception]) -> None:
    told = _named(kind("Caught MemoryError in DataLoader worker process 0.\nOriginal Traceback: ..."))
    assert isinstance(told, PipelineError)
    assert "--workers" in told.hint
    other = kind("something else")
    assert _named(other) is other
