"""``trailcam db`` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.conftest import Cli
from tests.helpers.library import Photo, make_library


def test_check_backup_and_repair(cli: Cli, tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("1.jpg"), Photo("2.jpg")], {"1.jpg": [("doe", 0.9)]})
    db = library.database.path

    sound = cli("db", "check", "--db", db)
    assert (sound.returncode, sound.stderr) == (0, "")
    assert sound.stdout.startswith("Sound: ")
    assert "2 photos" in sound.stdout

    copied = cli("db", "backup", "--db", db, "-o", tmp_path / "copy.duckdb")
    assert copied.returncode == 0, copied.stderr
    assert "2 photos" in copied.stdout
    assert cli("db", "check", "--db", tmp_path / "copy.duckdb").returncode == 0

    with duckdb.connect(str(db)) as connection:
        connection.execute(
            "UPDATE runs SET n_completed = 5; UPDATE images SET run_id = NULL WHERE image_id = 1"
        )
    broken = cli("db", "check", "--db", db)
    assert broken.returncode == 1
    assert "broken: completed without a current run: 1 (image_id 1)" in broken.stderr
    assert "trailcam db repair" in broken.stderr

    before = db.read_bytes()
    planned = cli("db", "repair", "--db", db, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert "runs counted again" in planned.stdout
    assert cli("db", "check", "--db", db).returncode == 1
    assert not list(tmp_path.glob("*before-repair*"))
    assert len(before) == len(db.read_bytes())

    fixed = cli("db", "repair", "--db", db)
    assert fixed.returncode == 0, fixed.stderr
    (copy,) = tmp_path.glob("trailcam.duckdb.before-repair-*.backup")
    assert copy.name in fixed.stderr
    assert cli("db", "check", "--db", copy).returncode == 1  # as it was
    assert cli("db", "check", "--db", db).returncode == 0
    assert cli("db", "repair", "--db", db).stdout == "Sound: nothing to repair.\n"


def test_no_database_is_said_and_none_is_made(cli: Cli, tmp_path: Path) -> None:
    for what in ("check", "backup", "repair"):
        done = cli("db", what, "--db", tmp_path / "none" / "t.duckdb")
        assert done.returncode == 2
        assert "There is no database" in done.stderr
    assert not (tmp_path / "none").exists()
