from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from trailcam.errors import DatabaseError, LockedError
from trailcam.files.lock import Holder, WriterLock

HOLD = """
import sys, time
from pathlib import Path
from trailcam.files.lock import WriterLock
with WriterLock(Path(sys.argv[1]), "trailcam detect").acquire():
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""
# Each appends two lines while it holds the lock: without it they would mix.
TAKE_TURNS = """
import sys, time
from pathlib import Path
from trailcam.files.lock import WriterLock
db, log, name = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
with WriterLock(db, "trailcam scan").acquire(wait_s=60):
    for word in ("in", "out"):
        with log.open("a") as file:
            file.write(f"{name} {word}\\n")
        time.sleep(0.02)
"""


# The one that gets the lock keeps it until all others have had their answer.
TRY = """
import sys, time
from pathlib import Path
from trailcam.errors import LockedError
from trailcam.files.lock import WriterLock
db = Path(sys.argv[1])
try:
    with WriterLock(db, "trailcam scan").acquire():
        while len(list(db.parent.glob("refused-*"))) < 19:
            time.sleep(0.02)
        print("worked")
except LockedError as error:
    print(error.message)
    db.with_name(f"refused-{id(error)}-{time.monotonic_ns()}").touch()
"""


def start(script: str, *args: object) -> subprocess.Popen[str]:
    checkout = Path(__file__).resolve().parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, args)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
    )


def start_holder(db: Path, seconds: float) -> subprocess.Popen[str]:
    process = start(HOLD, db, seconds)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "trailcam.duckdb"


def test_a_second_process_is_told_who_holds_the_lock(db: Path) -> None:
    process = start_holder(db, 60)
    try:
        with pytest.raises(LockedError) as caught, WriterLock(db, "trailcam scan").acquire():
            pytest.fail("the lock was given twice")
    finally:
        end(process)
    assert f"PID {process.pid}" in caught.value.message
    assert "trailcam detect" in caught.value.message
    assert "since 20" in caught.value.message
    assert "--wait" in caught.value.hint
    assert caught.value.exit_code == 2


def test_the_lock_of_a_killed_process_never_blocks(db: Path) -> None:
    process = start_holder(db, 60)
    end(process)  # SIGKILL: it can't release anything
    lock = WriterLock(db, "trailcam scan")
    stale = lock.holder()
    assert stale is not None
    assert stale.pid == process.pid
    with lock.acquire():
        holder = lock.holder()
        assert holder is not None
        assert (holder.pid, holder.command) == (os.getpid(), "trailcam scan")
    assert lock.holder() is None


def test_waiting_gets_the_lock_when_the_holder_ends(db: Path) -> None:
    process = start_holder(db, 1.0)
    told: list[Holder | None] = []
    try:
        with WriterLock(db, "trailcam scan").acquire(wait_s=30, on_wait=told.append):
            assert process.wait(timeout=10) == 0
    finally:
        end(process)
    assert [holder and holder.pid for holder in told] == [process.pid]


def test_waiting_ends_when_its_time_is_over(db: Path) -> None:
    with WriterLock(db, "trailcam detect").acquire():
        started = time.monotonic()
        with (
            pytest.raises(LockedError, match=r"waited 0\.3 s"),
            WriterLock(db, "trailcam scan").acquire(wait_s=0.3),
        ):
            pytest.fail("the lock was given twice")
        assert 0.3 <= time.monotonic() - started < 10


def test_a_refused_process_takes_nothing_from_the_holder(db: Path) -> None:
    first = WriterLock(db, "trailcam detect")
    with first.acquire():
        before = first.holder()
        for _ in range(2):
            with pytest.raises(LockedError), WriterLock(db, "trailcam scan").acquire():
                pytest.fail("the lock was given twice")
        assert first.holder() == before is not None


def test_five_processes_take_turns(db: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    processes = [start(TAKE_TURNS, db, log, name) for name in "abcde"]
    assert [process.wait(timeout=60) for process in processes] == [0] * 5
    for process in processes:
        process.communicate()
    lines = log.read_text().split()
    assert sorted(lines[0::4]) == list("abcde")
    assert lines[0::4] == lines[2::4]
    assert lines[1::2] == ["in", "out"] * 5


def test_of_twenty_at_once_one_works_and_the_others_say_who(db: Path) -> None:
    processes = [start(TRY, db) for _ in range(20)]
    told = [process.communicate(timeout=120)[0] for process in processes]
    assert told.count("worked\n") == 1
    refused = [text for text in told if text != "worked\n"]
    assert all("in use by trailcam scan (PID " in text for text in refused)
    worker = processes[told.index("worked\n")].pid
    assert all(f"(PID {worker}" in text for text in refused)
    with WriterLock(db, "trailcam scan").acquire():  # and nobody left anything behind
        pass


def test_the_lock_is_released_when_the_work_fails(db: Path) -> None:
    lock = WriterLock(db, "trailcam scan")
    with pytest.raises(RuntimeError, match="broken"), lock.acquire():
        raise RuntimeError("broken")
    with lock.acquire():
        pass
    assert lock.holder() is None


def test_the_folder_of_a_new_database_is_made(tmp_path: Path) -> None:
    db = tmp_path / "new" / "er" / "t.duckdb"
    with WriterLock(db, "trailcam scan").acquire():
        assert db.parent.is_dir()
        assert not db.exists()
        entry = json.loads((db.parent / "t.duckdb.lock.json").read_text())
    assert entry["pid"] == os.getpid()
    assert entry["since"].endswith("+00:00")
    assert [path.name for path in db.parent.iterdir()] == ["t.duckdb.lock"]


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"pid": "x"}', "\xff", '{"pid": 1}', "[" * 20000])
def test_a_holder_file_that_is_rubbish_is_overwritten(db: Path, content: str) -> None:
    lock = WriterLock(db, "trailcam scan")
    holder_file = db.with_name(db.name + ".lock.json")
    with lock.acquire():
        holder_file.write_bytes(content.encode("latin-1"))
        assert lock.holder() is None
        with pytest.raises(LockedError, match="another trailcam process"), WriterLock(db, "x").acquire():
            pytest.fail("the lock was given twice")
    holder_file.write_bytes(content.encode("latin-1"))
    with lock.acquire():
        assert lock.holder() is not None


def test_a_holder_can_not_write_to_the_terminal(db: Path) -> None:
    with (
        WriterLock(db, "\x1b[2Jtrailcam").acquire(),
        pytest.raises(LockedError) as caught,
        WriterLock(db, "trailcam").acquire(),
    ):
        pytest.fail("the lock was given twice")
    assert "\x1b" not in caught.value.message


def test_a_folder_that_can_not_be_made_is_a_database_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError) as caught, WriterLock(tmp_path / "file" / "t.duckdb", "x").acquire():
        pytest.fail("locked in a folder that is a file")
    assert "--db" in caught.value.hint


def test_a_lock_file_that_can_not_be_opened_is_a_database_error(db: Path) -> None:
    db.with_name(db.name + ".lock").mkdir()
    with pytest.raises(DatabaseError, match="Cannot lock"), WriterLock(db, "x").acquire():
        pytest.fail("locked a folder")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_a_database_error(tmp_path: Path) -> None:
    folder = tmp_path / "ro"
    folder.mkdir(mode=0o500)
    with pytest.raises(DatabaseError) as caught, WriterLock(folder / "t.duckdb", "x").acquire():
        pytest.fail("locked in a read-only folder")
    assert "--db" in caught.value.hint


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be two users")
def test_a_lock_file_of_another_user_is_called_that() -> None:
    """As after one `sudo trailcam scan`: the file can't be written to by anybody else, and holds nothing."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        db = Path(folder) / "t.duckdb"
        with WriterLock(db, "trailcam scan").acquire():
            pass
        db.with_name(db.name + ".lock").chmod(0o644)
        os.seteuid(65534)
        try:
            started = time.monotonic()
            with pytest.raises(DatabaseError) as caught, WriterLock(db, "x").acquire():
                pytest.fail("locked by a file that can't be written to")
            assert time.monotonic() - started < 10
        finally:
            os.seteuid(0)
    assert "t.duckdb.lock belongs to the user root" in caught.value.message
    assert "--db" in caught.value.hint


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_share_without_locks_is_called_that(db: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    import fcntl

    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(DatabaseError, match="a file system without locks"), WriterLock(db, "x").acquire():
        pytest.fail("locked where there are no locks")
