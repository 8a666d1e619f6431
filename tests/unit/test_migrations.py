"""From every schema there was, with data in it, to today's: nothing lost, broken off or not."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from trailcam.errors import DatabaseError
from trailcam.store import migrations
from trailcam.store.check_database import check, fingerprint
from trailcam.store.database import Connection, Database
from trailcam.store.images import Root, roots

CHECKOUT = Path(__file__).resolve().parents[2]
AT = "TIMESTAMP '2024-11-03 06:10:00'"
# What each schema can hold, as a scan, a detect and people left it there.
DATA = {
    1: f"""
        INSERT INTO roots VALUES (1, 'ranch', '/ranch', {AT}, {AT}, 2);
        INSERT INTO stations VALUES (1, 'Hayfield', 30.5, -97.5, 'America/Chicago', 'gate'),
            (2, 'TinMan', NULL, NULL, NULL, NULL);
        INSERT INTO images BY NAME
        SELECT range AS image_id, 1 AS root_id, 'Hayfield/' || range || '.jpg' AS path, 1000 AS size_bytes,
            1 AS mtime_ns, 1 + range % 2 AS station_id, CASE WHEN range < 8 THEN {AT} END AS captured_at,
            CASE WHEN range < 8 THEN 'exif' ELSE 'unknown' END AS captured_at_source, 1 AS orientation,
            CASE range WHEN 3 THEN 'failed' WHEN 4 THEN 'missing' ELSE 'pending' END AS status,
            CASE range WHEN 3 THEN 'truncated' END AS error_code, {AT} AS first_seen_at, {AT} AS scanned_at
        FROM range(1, 11);
    """,
    2: f"""
        INSERT INTO runs BY NAME SELECT 1 AS run_id, 'completed' AS state, 'key' AS model_key, 'sha' AS
            weights_sha256, 'w.pt' AS weights_name, '{{}}' AS settings, '{{}}' AS versions, 'cpu' AS device,
            {AT} AS started_at, {AT} AS finished_at, 9 AS n_completed, 0 AS n_failed, 7 AS n_detections;
        INSERT INTO classes VALUES (1, 0, 'doe', 'doe', NULL, NULL, 0.4);
        INSERT INTO results SELECT 1, image_id, 'completed', NULL, NULL, {AT} FROM images WHERE image_id < 3;
        INSERT INTO detections SELECT 1, image_id, 0, 0.9, 0.1, 0.1, 0.5, 0.5 FROM images WHERE image_id < 3;
        UPDATE images SET status = 'completed', run_id = 1 WHERE image_id < 3;
    """,
    3: f"INSERT INTO station_aliases VALUES ('hay', 1, {AT}); UPDATE images SET latitude = 30;",
    4: f"""
        INSERT INTO digests VALUES (1, 'digest', {AT});
        INSERT INTO digest_photos VALUES (1, 1, {AT});
        INSERT INTO digest_silences VALUES (1, 2, DATE '2024-11-01');
    """,
    5: f"""
        INSERT INTO judgements VALUES (1, 1, true, 'Ann', 'correct', NULL, {AT}, {AT}, NULL, NULL);
        INSERT INTO judged_boxes VALUES (1, 1, 'mature', 'buck', 'mature', NULL, 0.1, 0.1, 0.5, 0.5);
    """,
    6: f"INSERT INTO fitted_thresholds VALUES ('sha', 'doe', 0.6, 0.4, 'Ann', {AT});",
}
COUNTS = {"images": 10, "stations": 2, "roots": 1}


def make(path: Path, schema: int) -> None:
    """A database of that schema, with the data of all schemas up to it."""
    with duckdb.connect(str(path)) as db:
        for number, step in enumerate(migrations.MIGRATIONS[:schema], start=1):
            with migrations.transaction(db):
                db.execute(
                    "CREATE TABLE IF NOT EXISTS migrations"
                    " (version INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
                )
                step(db)
                db.execute(f"INSERT INTO migrations VALUES (?, ?, {AT})", [number, step.__name__])
                db.execute(DATA.get(number, "SELECT 1"))


def counts(db: Connection) -> dict[str, int]:
    return {name: n for name, (n, _) in fingerprint(db).items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trailcam.duckdb"


@pytest.mark.parametrize("schema", range(1, migrations.LATEST))
def test_every_schema_with_data_comes_to_the_latest(
    path: Path, schema: int, caplog: pytest.LogCaptureFixture
) -> None:
    make(path, schema)
    with duckdb.connect(str(path), read_only=True) as db:
        before = fingerprint(db)
    caplog.set_level(logging.WARNING, "trailcam")
    logging.getLogger("trailcam").propagate = True
    health = check(Database(path))
    assert health.broken == []
    kept = {name: n for name, (n, _) in before.items() if name not in ("migrations", "time_readings")}
    assert {name: health.tables[name] for name in kept} == kept
    assert health.tables["images"] == COUNTS["images"]
    with Database(path).read() as db:
        assert roots(db) == [Root(1, "ranch", "/ranch")]
        if schema >= 2:
            assert db.execute("SELECT n_completed, n_detections FROM runs").fetchall() == [(2, 2)]
    backup = path.with_name(f"{path.name}.schema-{schema}.backup")
    assert str(backup) in caplog.text
    with duckdb.connect(str(backup), read_only=True) as db:
        assert fingerprint(db) == before


def test_a_step_that_breaks_off_anywhere_is_done_the_next_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step fails once after all its work; then the whole way goes through."""
    make(path, 1)
    steps = migrations.MIGRATIONS
    for n in range(1, len(steps)):

        def dies(db: Connection, step: object = steps[n]) -> None:
            step(db)  # type: ignore[operator]
            raise MemoryError

        with monkeypatch.context() as patch:
            patch.setattr(migrations, "MIGRATIONS", (*steps[:n], dies, *steps[n + 1 :]))
            with pytest.raises(MemoryError):
                Database(path).migrate()
        with duckdb.connect(str(path), read_only=True) as db:
            assert migrations.current(db) == n
    health = check(Database(path))
    assert health.sound
    assert health.tables["images"] == COUNTS["images"]
    left = sorted(file.name for file in path.parent.iterdir())
    newest = [f"{path.name}.schema-{n}.backup" for n in (len(steps) - 2, len(steps) - 1)]
    assert left == sorted([path.name, *newest])  # and older copies are gone


NO_SPACE = """
import resource, sys
from pathlib import Path
from trailcam.errors import DatabaseError
from trailcam.store.database import Database
limit = Path(sys.argv[1]).stat().st_size // 2
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    Database(Path(sys.argv[1])).migrate()
except DatabaseError as error:
    print(error.message)
    sys.exit(2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_no_space_for_the_copy_changes_nothing(path: Path) -> None:
    make(path, 1)
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", NO_SPACE, str(path)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert check(Database(path)).sound


READ = """
import sys
from pathlib import Path
from trailcam.store.database import Database
with Database(Path(sys.argv[1])).read() as db:
    print(db.execute("SELECT count(*) FROM images").fetchall())
"""


def test_many_that_find_an_old_schema_at_once(path: Path) -> None:
    """As after an update under cron: one migrates, and the copy is of what there was before."""
    make(path, 2)
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-c", READ, str(path)]
    processes = [
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(6)
    ]
    assert [process.communicate(timeout=120)[0] for process in processes] == ["[(10,)]\n"] * 6
    with duckdb.connect(str(path.with_name(f"{path.name}.schema-2.backup")), read_only=True) as db:
        assert migrations.current(db) == 2


def test_a_newer_schema_is_refused_by_every_part(path: Path, tmp_path: Path) -> None:
    from trailcam.store.check_database import back_up

    Database(path).migrate()
    with duckdb.connect(str(path)) as db:
        db.execute(f"INSERT INTO migrations VALUES (999, 'm999', {AT})")
    for use in (lambda: check(Database(path)), lambda: back_up(Database(path), tmp_path / "copy")):
        with pytest.raises(DatabaseError, match="schema 999"):
            use()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
