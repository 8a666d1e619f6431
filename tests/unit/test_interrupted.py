"""Ctrl-C and SIGTERM at inconvenient moments: one word for people, and nothing that looks like a crash."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import trailcam.cli.options
from trailcam.cli.app import main
from trailcam.detect.pipeline.loader import _start_worker
from trailcam.store.database import Database


@pytest.fixture(autouse=True)
def signals_as_they_were() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_command_that_is_interrupted_says_so(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(trailcam.cli.options, "open_app", interrupted)
    monkeypatch.setattr(sys, "argv", ["trailcam", "status"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 130
    err = capfd.readouterr().err
    assert err.startswith("Interrupted. Everything saved so far stays")
    # What comes now would meet a Python that takes itself apart.
    assert signal.getsignal(signal.SIGINT) is signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def query_without_end(database: Database) -> None:
    with database.read() as db:
        # With several threads DuckDB 2.0 now and then waits for ever for them (Executor::CancelTasks).
        db.execute("SET threads = 1")
        # Many small pieces: DuckDB looks for an interruption between two of them only.
        db.execute("SELECT max(sin(range)) FROM range(1000000000000)").fetchall()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a timer's signal")
def test_a_signal_during_a_query_is_not_an_unknown_failure(tmp_path: Path) -> None:
    database = Database(tmp_path / "t.duckdb")
    database.migrate()
    with database.read() as db:  # DuckDB's first query tries imports, which swallow a signal
        db.execute("SELECT 1").fetchall()
    before = signal.signal(signal.SIGALRM, interrupted)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3, 2.0)  # again, should one be lost on the way
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            query_without_end(database)
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert time.monotonic() - began < 60
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with database.read() as db:
        assert db.execute("SELECT count(*) FROM images").fetchall() == [(0,)]


def test_a_worker_prints_no_traceback_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", sys.stderr)  # back again afterwards
    _start_worker(0)
    with sys.stderr:
        sys.stderr.write("Traceback (most recent call last)\n")
    assert capfd.readouterr().err == ""
