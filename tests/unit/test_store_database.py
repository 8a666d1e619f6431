"""The database file: when it is opened, what happens when it can't be, how it is migrated."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Cli
from trailcam.errors import DatabaseError
from trailcam.store import database, migrations
from trailcam.store.columns import insert, texts
from trailcam.store.database import Connection, Database, one, rows

CHECKOUT = Path(__file__).resolve().parents[2]

HOLD = """
import sys, time, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("held", flush=True)
time.sleep(float(sys.argv[3]))
"""

DIE_IN_STEP_2 = """
import os, signal, sys
from pathlib import Path
from trailcam.store import migrations
from trailcam.store.database import Database
first, second = migrations.MIGRATIONS[:2]
def m002_dies(db):
    second(db)
    os.kill(os.getpid(), signal.SIGKILL)
migrations.MIGRATIONS = (first, m002_dies)
migrations.LATEST = 2
Database(Path(sys.argv[1])).migrate()
"""

# Files may grow to so many bytes: the log of a new database fits, the database does not.
NO_ROOM = """
import resource, sys
from pathlib import Path
import duckdb
from trailcam.errors import DatabaseError
from trailcam.store.database import Database, copy_database, explained
path = Path(sys.argv[1])
if sys.argv[2] == "copy":
    Database(path.with_name("source")).migrate()
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    if sys.argv[2] == "make":
        Database(path).migrate()
    with Database(path.with_name("source")).read() as db, explained(path):
        copy_database(db, path)
except DatabaseError as error:
    sys.exit(f"refused: {error.message}")
"""


def hold(db: Path, mode: str, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(db), mode, str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tables(db: Connection) -> set[str]:
    return {str(name) for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


def write_then_fail(db: Connection, error: BaseException) -> None:
    insert(db, "stations", {"station_id": texts(["1"]), "name": texts(["A"])})
    raise error


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "trailcam.duckdb"


@pytest.fixture
def made(path: Path) -> Database:
    made = Database(path)
    made.migrate()
    return made


def old_schema(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database as the first schema left it, with a station in it."""
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
        patch.setattr(migrations, "LATEST", 1)
        with Database(path).write() as db:
            insert(db, "stations", {"station_id": texts(["7"]), "name": texts(["Hayfield"])})


def test_reading_makes_no_database(path: Path) -> None:
    with pytest.raises(DatabaseError, match="There is no database") as caught, Database(path).read():
        pass
    assert "trailcam scan" in caught.value.hint
    assert not path.parent.exists()


def test_writing_makes_folder_and_database(path: Path) -> None:
    with Database(path).write() as db:
        assert {"images", "roots", "stations", "runs", "results", "detections", "classes"} <= tables(db)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_of_no_bytes_is_no_database_yet(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert not Database(path).exists()
    with Database(path).write() as db:
        assert migrations.current(db) == migrations.LATEST


def test_reading_and_migrating_again_change_no_byte(made: Database) -> None:
    before = sha256(made.path)
    with made.read() as db:
        assert rows(db, "SELECT version, name FROM migrations ORDER BY version")[0]["name"] == "m001_images"
    Database(made.path).migrate()
    assert sha256(made.path) == before
    assert [file.name for file in made.path.parent.iterdir()] == [made.path.name]


def test_an_error_inside_write_leaves_nothing_and_is_not_hidden(made: Database) -> None:
    with pytest.raises(ZeroDivisionError), made.write() as db:
        write_then_fail(db, ZeroDivisionError())
    with made.read() as db:
        assert one(db, "SELECT count(*) FROM stations") == (0,)


def test_a_wrong_query_is_a_bug_with_its_own_name(made: Database) -> None:
    with pytest.raises(duckdb.BinderException, match="colour"), made.write() as db:
        insert(db, "stations", {"station_id": texts(["1"]), "colour": texts(["A"])})


def test_an_interrupt_inside_write_leaves_nothing(made: Database) -> None:
    with pytest.raises(KeyboardInterrupt), made.write() as db:
        write_then_fail(db, KeyboardInterrupt())
    with made.read() as db:
        assert one(db, "SELECT count(*) FROM stations") == (0,)


def test_one_finishes_its_result(made: Database) -> None:
    with made.read() as db:
        assert one(db, "SELECT n FROM range(100000) t(n) ORDER BY n") == (0,)
        assert one(db, "SELECT 1 WHERE false") is None  # refused if the result above were unfinished


def test_not_a_duckdb_file(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("station,photos\n" * 1000)
    before = sha256(path)
    for use in (Database(path).read, Database(path).write):
        with pytest.raises(DatabaseError, match="is not a DuckDB database"), use():
            pass
    assert sha256(path) == before


def test_another_programs_duckdb_file_is_refused_unchanged(path: Path) -> None:
    path.parent.mkdir()
    with duckdb.connect(str(path)) as db:
        db.execute("CREATE TABLE sales (n INTEGER)")
    before = sha256(path)
    for use in (Database(path).read, Database(path).write):
        with pytest.raises(DatabaseError, match="not made by trailcam"), use():
            pass
    assert sha256(path) == before


def test_a_newer_schema_is_refused_unchanged(made: Database) -> None:
    with made.write() as db:
        db.execute("INSERT INTO migrations VALUES (99, 'm099_future', now()::TIMESTAMP)")
    before = sha256(made.path)
    for use in (Database(made.path).read, Database(made.path).write):
        with pytest.raises(DatabaseError, match="schema 99") as caught, use():
            pass
        assert "newer trailcam" in caught.value.hint
    assert sha256(made.path) == before


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="is a folder"), Database(tmp_path).write():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with (
        pytest.raises(DatabaseError, match="can't be used"),
        Database(tmp_path / "data" / "x.duckdb").write(),
    ):
        pass


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_folder_that_nobody_may_write_to(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with (
        pytest.raises(DatabaseError, match="can't be used"),
        Database(tmp_path / "locked" / "x.duckdb").write(),
    ):
        pass


@pytest.mark.parametrize("mode", ["read", "write"])
def test_whoever_holds_the_file_is_waited_for(made: Database, mode: str) -> None:
    holder = hold(made.path, mode, 1.0)
    started = time.monotonic()
    try:
        with made.write() as db:
            assert one(db, "SELECT count(*) FROM images") == (0,)
        assert time.monotonic() - started > 0.3
    finally:
        end(holder)


def test_another_thread_that_holds_the_file_is_waited_for(made: Database) -> None:
    other = duckdb.connect()
    other.execute(f"ATTACH {database.quoted(str(made.path))} AS held")
    free = threading.Timer(0.3, other.close)
    free.start()
    try:
        with made.write() as db:
            assert db.execute("SELECT count(*) FROM images").fetchall() == [(0,)]
    finally:
        free.join()


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of a POSIX process")
@pytest.mark.parametrize("what", ["make", "copy"])
def test_a_disk_that_fills_up_leaves_no_half_of_a_database(path: Path, what: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", NO_ROOM, str(path), what], capture_output=True, text=True, cwd=CHECKOUT
    )
    assert done.stderr.startswith("refused: The database"), done.stderr
    assert {file.name for file in path.parent.iterdir()} == ({"source"} if what == "copy" else set())


def test_whoever_holds_the_file_for_long_is_named(made: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "READ_WAIT_S", 0.2)
    monkeypatch.setattr(database, "WRITE_WAIT_S", 0.2)
    holder = hold(made.path, "write", 60)
    try:
        for use in (made.read, made.write):
            with pytest.raises(DatabaseError, match=rf"is held by process {holder.pid} \(python"), use():
                pass
    finally:
        end(holder)


def test_a_wait_is_not_silent(
    made: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("trailcam"), "propagate", True)
    holder = hold(made.path, "write", 2)
    try:
        with made.read() as db:
            assert db.execute("SELECT 1").fetchall() == [(1,)]
    finally:
        end(holder)
    told = [record.getMessage() for record in caplog.records]
    assert len([text for text in told if f"is held by process {holder.pid} (python" in text]) == 1


SERVICES = ["md:x", "md:", "motherduck:x", "s3://bucket/x.duckdb", "http://host/x", "https://h/x", "gs://b/x"]
SERVICES += ["postgres:dbname=x", "mysql:x", "ducklake:x", "sqlite:x.db", "file:x.duckdb", ":memory:"]


@pytest.mark.parametrize("name", [*SERVICES, "a?b.duckdb", "folder?/x.duckdb", "x.duckdb?access_mode=x"])
def test_a_path_that_duckdb_would_take_for_something_else_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is opened: no connection, no file, and the way out."""
    monkeypatch.chdir(tmp_path)

    def opened(*_: object, **__: object) -> None:
        pytest.fail("DuckDB was asked to open it")

    monkeypatch.setattr(duckdb, "connect", opened)
    with pytest.raises(DatabaseError) as caught:
        Database(Path(name))
    assert "--db" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["md:x", "s3:x", "a b;c", "a'b", "a#b", "a*b", "a[1]b", "a%20b", "é", "a.wal"]
)
def test_a_whole_path_is_a_file_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    database = Database(tmp_path / name)
    with database.write() as db:
        db.execute("INSERT INTO station_aliases VALUES ('x', 1, now()::TIMESTAMP)")
    with database.read() as db:
        assert db.execute("SELECT name FROM station_aliases").fetchall() == [("x",)]
    assert {file.name for file in tmp_path.iterdir()} == {name}


def test_duckdb_never_fetches_an_extension(made: Database) -> None:
    with made.read() as db:
        found = db.execute(
            "SELECT name, value FROM duckdb_settings() WHERE name LIKE 'auto%_known_extensions' ORDER BY 1"
        ).fetchall()
    assert found == [("autoinstall_known_extensions", "false"), ("autoload_known_extensions", "false")]


# What a network share answers that has no locks: for flock (the writer's lock) and fcntl (DuckDB's).
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
static int refuse(void) { errno = atoi(getenv("REFUSED_LOCKS")); return -1; }
int flock(int fd, int what) { return refuse(); }
static int any(const char *name, int fd, int what, void *more) {
    if (what == F_SETLK || what == F_GETLK || what == F_OFD_SETLK) return refuse();
    return ((int (*)(int, int, void *))dlsym(RTLD_NEXT, name))(fd, what, more);
}
int fcntl(int fd, int what, ...) {
    va_list list; va_start(list, what); void *more = va_arg(list, void *); va_end(list);
    return any("fcntl", fd, what, more);
}
int fcntl64(int fd, int what, ...) {
    va_list list; va_start(list, what); void *more = va_arg(list, void *); va_end(list);
    return any("fcntl64", fd, what, more);
}
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs LD_PRELOAD")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_share_without_locks_is_called_that(made: Database, cli: Cli, tmp_path: Path, number: int) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: nothing can refuse locks here")
    (tmp_path / "shim.c").write_text(SHIM)
    shim = tmp_path / "shim.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", shim, tmp_path / "shim.c", "-ldl"], check=True, timeout=60
    )
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    env = {"LD_PRELOAD": str(shim), "REFUSED_LOCKS": str(number)}
    for command in (["scan", tmp_path / "photos"], ["db", "check"]):
        done = cli(*command, "--db", made.path, env=env)
        if done.returncode == 0:
            assert command[0] == "db"  # DuckDB reads without locks where there are none
            continue
        assert done.returncode == 2
        assert "a file system without locks" in done.stderr
        assert "--db" in done.stderr


def test_many_may_read(made: Database) -> None:
    holder = hold(made.path, "read", 60)
    try:
        with made.read() as db:
            assert one(db, "SELECT count(*) FROM images") == (0,)
    finally:
        end(holder)


@pytest.mark.parametrize("how", ["read", "write"])
def test_an_old_schema_is_migrated_and_a_copy_kept(
    path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_schema(path, monkeypatch)
    with getattr(Database(path), how)() as db:
        assert migrations.current(db) == migrations.LATEST
        assert one(db, "SELECT station_id, name FROM stations") == (7, "Hayfield")
        assert "runs" in tables(db)
    backup = path.with_name(f"{path.name}.schema-1.backup")
    assert {file.name for file in path.parent.iterdir()} == {path.name, backup.name}
    with duckdb.connect(str(backup), read_only=True) as db:
        assert migrations.current(db) == 1
        assert one(db, "SELECT name FROM stations") == ("Hayfield",)
        assert "runs" not in tables(db)


def test_a_step_that_fails_leaves_nothing_of_itself(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old_schema(path, monkeypatch)

    def m002_half(db: Connection) -> None:
        db.execute(
            "CREATE TABLE runs (run_id INTEGER); INSERT INTO stations (station_id, name) VALUES (8, 'B')"
        )
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (migrations.MIGRATIONS[0], m002_half))
        with pytest.raises(ZeroDivisionError):
            Database(path).migrate()
    with duckdb.connect(str(path), read_only=True) as db:
        assert migrations.current(db) == 1
        assert "runs" not in tables(db)
        assert rows(db, "SELECT name FROM stations") == [{"name": "Hayfield"}]
    Database(path).migrate()  # and the fixed step goes through
    with Database(path).read() as db:
        assert migrations.current(db) == migrations.LATEST


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("exists", [False, True])
def test_killed_in_the_middle_of_a_migration(
    path: Path, exists: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if exists:
        old_schema(path, monkeypatch)
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    killed = subprocess.run([sys.executable, "-c", DIE_IN_STEP_2, str(path)], env=env, check=False)
    assert killed.returncode == -9
    assert path.exists() == exists
    with Database(path).write() as db:
        assert migrations.current(db) == migrations.LATEST
        assert one(db, "SELECT count(*) FROM stations") == (int(exists),)
        assert one(db, "SELECT count(*) FROM runs") == (0,)
    backup = {f"{path.name}.schema-1.backup"} if exists else set()
    assert {file.name for file in path.parent.iterdir()} == {path.name} | backup


def test_what_the_system_says_of_another_file_is_not_blamed_on_the_database(tmp_path: Path) -> None:
    found = Database(tmp_path / "b.duckdb")
    with found.write():
        pass
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(FileNotFoundError), found.read():
        (tmp_path / "elsewhere" / "x").read_bytes()
    for own in (tmp_path / "b.duckdb.wal", tmp_path):
        with pytest.raises(DatabaseError, match=r"b\.duckdb can't be used"), found.read():
            raise OSError(errno.EACCES, "Permission denied", str(own))
