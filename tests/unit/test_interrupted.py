"""Ctrl-C and SIGTERM at inconvenient moments: one word for people, and nothing that looks like a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

import trailcam.cli.app
import trailcam.cli.options
import trailcam.store.interrupt
from trailcam.cli.app import main
from trailcam.errors import DatabaseError
from trailcam.store.database import explained
from trailcam.store.interrupt import interrupt


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


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command, env = [sys.executable, *arguments], os.environ | environment
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


# Four threads, and many small pieces: DuckDB looks for a signal between two of them, in one thread only.
QUERY_WITHOUT_END = """
import signal, sys
from pathlib import Path
from trailcam.store.database import Database
from trailcam.store.interrupt import interrupt, was_interrupted

database = Database(Path(sys.argv[1]))
database.migrate()
with database.read() as db:  # DuckDB's first query tries imports, which swallow a signal
    db.execute("SELECT 1").fetchall()
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.3, 2.0)  # again, should one be lost on the way
try:
    with database.read() as db:
        db.execute("SET threads = 4")
        db.execute("SELECT max(sin(range)) FROM range(1000000000000)").fetchall()
except KeyboardInterrupt:
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert was_interrupted()
with database.read() as db:
    print(db.execute("SELECT count(*) FROM images").fetchall())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a timer's signal")
def test_a_signal_ends_a_query_in_all_its_threads(tmp_path: Path) -> None:
    done = python("-c", QUERY_WITHOUT_END, str(tmp_path / "t.duckdb"))
    assert (done.returncode, done.stdout) == (0, "[(0,)]\n"), done.stderr


@pytest.mark.parametrize("error", [RuntimeError("Query interrupted"), duckdb.InterruptException("INTERRUPT")])
def test_what_duckdb_makes_of_a_signal_is_an_interruption(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(KeyboardInterrupt), explained(tmp_path):
        raise error


@pytest.mark.parametrize("error", [ValueError("of a library"), DatabaseError("in use", "by itself")])
def test_what_fails_after_a_signal_is_an_interruption(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: Exception
) -> None:
    def half_way(*_: object) -> None:
        with suppress(KeyboardInterrupt):
            interrupt(signal.SIGINT, None)
        raise error

    monkeypatch.setattr(trailcam.store.interrupt, "_asked", threading.Event())
    monkeypatch.setattr(trailcam.cli.options, "open_app", half_way)
    monkeypatch.setattr(sys, "argv", ["trailcam", "status"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 130
    err = capfd.readouterr().err
    assert err.startswith("Interrupted.")
    assert "error" not in err


def test_a_signal_while_the_program_is_loaded_is_an_interruption(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = python("-m", "trailcam", "status", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.startswith("Interrupted.")
    assert "Traceback" not in done.stderr


def test_a_signal_that_a_callback_swallowed_comes_again() -> None:
    code = """
import signal, sys, time, weakref
from trailcam.store.interrupt import interrupt, interrupt_again

class Thing: pass
def swallows(_):
    signal.raise_signal(signal.SIGINT)
    for _ in range(9): pass
signal.signal(signal.SIGINT, interrupt)
sys.unraisablehook = interrupt_again
try:
    thing = Thing()
    reference = weakref.ref(thing, swallows)
    del thing
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted")
"""
    done = python("-c", code)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


def test_a_signal_that_was_ignored_before_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def run() -> int:
        seen.append(signal.getsignal(signal.SIGINT))
        return 0

    monkeypatch.setattr(trailcam.cli.app, "_run", run)
    for before, within in ((signal.SIG_IGN, signal.SIG_IGN), (signal.default_int_handler, interrupt)):
        signal.signal(signal.SIGINT, before)
        with pytest.raises(SystemExit):
            main()
        assert seen.pop() is within
