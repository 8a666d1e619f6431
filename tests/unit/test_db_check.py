"""Each rule is broken once, found, and fixed where it can be; damage is named, copies are the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.helpers.library import Library, Photo, make_library
from trailcam.errors import DatabaseError, OutputError
from trailcam.store import invariants
from trailcam.store.check_database import back_up, check, copies, fingerprint
from trailcam.store.database import quoted
from trailcam.store.invariants import broken
from trailcam.store.repair import repair
from trailcam.store.rescue import set_aside_log

NOW = "TIMESTAMP '2026-01-01'"
BY = f"'a' AS author, 'b' AS source, {NOW} AS made_at"
BOX = f"1 AS image_id, 1 AS spot, 'A' AS name, 0 AS x, 0 AS y, 1 AS w, 1 AS h, {NOW} AS said_at"
NAMING = f"INSERT INTO namings BY NAME SELECT 1 AS naming_id, 'name' AS kind, {BY}"
_SAID = f"'Ann' AS author, {NOW} AS made_at, {NOW} AS recorded_at;"
PLACE = (
    "INSERT INTO static_places BY NAME SELECT 1 AS place_id, 1 AS station_id, '' AS camera, 0 AS x, 0 AS y,"
    " 0.1 AS w, 0.1 AS h, 20 AS photos, 5 AS days, false AS is_sure, 0 AS waiting;"
)
ANSWER = (
    "INSERT INTO static_answers BY NAME SELECT 1 AS answer_id, 1 AS place_id, true AS is_thing,"
    f" false AS automatic, {_SAID}"
)
AREA = (
    "INSERT INTO static_areas BY NAME SELECT 1 AS area_id, 1 AS station_id,"
    f" [0.1, 0.1, 0.9, 0.1, 0.9, 0.9] AS points, {_SAID}"
)
# Rule -> what breaks it.
BREAKS = {
    "an image twice": "INSERT INTO images SELECT * FROM images WHERE image_id = 1",
    "two images of one file": "UPDATE images SET path = (SELECT path FROM images WHERE image_id = 1)"
    " WHERE image_id = 2",
    "completed without a current run": "UPDATE images SET run_id = NULL WHERE image_id = 1;"
    " DELETE FROM results WHERE image_id = 1; DELETE FROM detections WHERE image_id = 1",
    "a current run without a completed result": "DELETE FROM results WHERE image_id = 1",
    "a completed result that counts for nothing": "UPDATE images SET run_id = NULL, status = 'pending'"
    " WHERE image_id = 1",
    "pending or failed with a current run": "UPDATE images SET status = 'pending' WHERE image_id = 1",
    "completed or pending with an error": "UPDATE images SET error_code = 'x' WHERE image_id = 1",
    "failed without an error": "UPDATE images SET error_code = NULL WHERE status = 'failed'",
    "two results of one run and image": "INSERT INTO results SELECT * FROM results WHERE image_id = 1",
    "a result of no run": f"INSERT INTO results VALUES (9, 1, 'failed', 'x', 'x', {NOW}, NULL)",
    "a result of no image": f"INSERT INTO results VALUES (1, 99, 'completed', NULL, NULL, {NOW}, NULL)",
    "a detection without a completed result": "INSERT INTO detections"
    " VALUES (1, 3, 0, 1, 0, 0, 1, 1, 0, 0, NULL)",
    "a detection of a class that its run hasn't": "INSERT INTO detections"
    " SELECT * REPLACE (7 AS class_id) FROM detections WHERE image_id = 1 LIMIT 1",
    "a box or confidence outside of 0..1": "UPDATE detections SET class_probability = 2",
    "a box on a frame that its run didn't look at": "UPDATE detections SET frame_s = 1.5 WHERE image_id = 1",
    "a photo whose boxes all repeat one another": "UPDATE detections SET repeats = true",
    "a run twice": "INSERT INTO runs SELECT * FROM runs",
    "two runs at work": "UPDATE runs SET state = 'running';"
    " INSERT INTO runs SELECT * REPLACE (2 AS run_id) FROM runs",
    "two chosen runs": f"UPDATE runs SET chosen_at = {NOW};"
    f" INSERT INTO runs SELECT * REPLACE (2 AS run_id, {NOW} + INTERVAL 1 DAY AS chosen_at) FROM runs",
    "a completed run without an end": "UPDATE runs SET finished_at = NULL",
    "a run whose counts are not those of its rows": "UPDATE runs SET n_completed = 7, n_detections = 0",
    "a class twice in one run": "INSERT INTO classes SELECT * FROM classes LIMIT 1",
    "a class of no run": "INSERT INTO classes SELECT * REPLACE (9 AS run_id) FROM classes LIMIT 1",
    "a root twice": "INSERT INTO roots SELECT * REPLACE ('other' AS name) FROM roots",
    "two roots of one name": "INSERT INTO roots SELECT * REPLACE (9 AS root_id) FROM roots",
    "a copy of no photo": "UPDATE images SET duplicate_of = 99 WHERE image_id = 2",
    "a copy of which something is known apart from its photo": "UPDATE images SET duplicate_of = 2"
    " WHERE image_id = 1",
    "two photos of the same bytes": "UPDATE images SET whole_id = 'same' WHERE image_id IN (1, 2)",
    "a kind of unread pictures twice": "INSERT INTO unread_pictures VALUES (1, 'HEIC', 2), (1, 'HEIC', 3)",
    "unread pictures of no root": "INSERT INTO unread_pictures VALUES (9, 'HEIC', 2)",
    "a thumbnail of no photo": "UPDATE images SET thumbnail_of = 99 WHERE image_id = 2",
    "two files compared twice": "INSERT INTO thumbnails SELECT 1, 2, 10, 20, false FROM range(2)",
    "a gap of no station": "INSERT INTO effort_gaps"
    f" VALUES (9, DATE '2024-11-01', DATE '2024-11-02', 'lens', 'a', {NOW})",
    "a gap that ends before it begins": "INSERT INTO effort_gaps"
    f" VALUES (1, DATE '2024-11-02', DATE '2024-11-01', 'lens', 'a', {NOW})",
    "an image of no root": "UPDATE images SET root_id = 9 WHERE image_id = 1",
    "a station twice": "INSERT INTO stations SELECT * FROM stations",
    "an image of no station": "UPDATE images SET station_id = 9 WHERE image_id = 1",
    "a folder's name that means two stations": "INSERT INTO station_aliases"
    f" SELECT 'a', 1, {NOW} FROM range(2)",
    "a folder's name that means no station": f"INSERT INTO station_aliases VALUES ('a', 9, {NOW})",
    "a change of stations twice": "INSERT INTO station_changes BY NAME"
    f" SELECT 1 AS change_id, 'rename' AS kind, 1 AS station_id, 'a' AS name,"
    f" 'b' AS into_name, {NOW} AS made_at FROM range(2)",
    "two readings of one image and source": "INSERT INTO time_readings SELECT * FROM time_readings",
    "a reading without an image": "INSERT INTO time_readings"
    " SELECT * REPLACE (99 AS image_id) FROM time_readings",
    "a capture time that no reading gives": "UPDATE time_readings SET value = NULL",
    "a shift twice": f"INSERT INTO time_shifts SELECT 1, 'x', 1, NULL, {NOW}, NULL FROM range(2)",
    "a photo moved twice by one shift": f"INSERT INTO time_shifts VALUES (1, 'x', 1, NULL, {NOW}, NULL);"
    f" INSERT INTO shifted_images SELECT 1, 1, {NOW}, {NOW} FROM range(2)",
    "a photo moved by no shift": f"INSERT INTO shifted_images VALUES (9, 1, {NOW}, {NOW})",
    "a shift of no image": f"INSERT INTO time_shifts VALUES (1, 'x', 1, NULL, {NOW}, NULL);"
    f" INSERT INTO shifted_images VALUES (1, 99, {NOW}, {NOW})",
    "light of no image": "INSERT INTO image_light VALUES (99, 1)",
    "a judgement twice": "INSERT INTO judgements"
    f" SELECT 1, 1, true, 'a', 'b', NULL, {NOW}, {NOW}, NULL, NULL, NULL FROM range(2)",
    "a judgement of no image": "INSERT INTO judgements"
    f" VALUES (1, 99, true, 'a', 'b', NULL, {NOW}, {NOW}, NULL, NULL, NULL)",
    "a naming twice": f"{NAMING} FROM range(2)",
    "a named box of no naming": f"INSERT INTO named_boxes BY NAME SELECT 9 AS naming_id, {BOX}",
    "a named box of no image": f"{NAMING}; INSERT INTO named_boxes BY NAME SELECT * REPLACE (99 AS image_id)"
    f" FROM (SELECT 1 AS naming_id, {BOX})",
    "an animal named twice in one naming": f"{NAMING}; INSERT INTO named_boxes BY NAME"
    f" SELECT 1 AS naming_id, {BOX} FROM range(2)",
    "an animal on two photos": f"{NAMING}; {NAMING.replace('1 AS naming_id', '2 AS naming_id')};"
    f" INSERT INTO named_boxes BY NAME SELECT * EXCLUDE (n) REPLACE (n AS image_id)"
    f" FROM (SELECT n AS naming_id, {BOX}, n FROM range(1, 3) t(n))",
    "a rename or merge without its names": "INSERT INTO namings BY NAME"
    f" SELECT 1 AS naming_id, 'merge' AS kind, 'a' AS name, {BY}",
    "a naming of no import": "INSERT INTO namings BY NAME"
    f" SELECT 1 AS naming_id, 'name' AS kind, 9 AS import_id, {BY}",
    "an import twice": "INSERT INTO imports BY NAME SELECT 7 AS import_id, 'coco' AS format, 'x' AS file,"
    f" {NOW} AS made_at FROM range(2)",
    "a judgement of no import": "INSERT INTO judgements BY NAME SELECT 5 AS judgement_id, 1 AS image_id,"
    f" true AS whole, 'a' AS author, 'b' AS source, {NOW} AS made_at, {NOW} AS recorded_at, 9 AS import_id",
    "an import whose run is gone": "INSERT INTO imports BY NAME SELECT 7 AS import_id,"
    f" 'megadetector' AS format, 'x' AS file, 77 AS run_id, {NOW} AS made_at",
    "a judged box of no judgement": "INSERT INTO judged_boxes"
    " VALUES (9, 1, NULL, NULL, NULL, NULL, 0, 0, 1, 1)",
    "two fitted thresholds of one class": "INSERT INTO fitted_thresholds"
    f" SELECT 'w', 'doe', .5, NULL, 'a', {NOW} FROM range(2)",
    "a digest twice": f"INSERT INTO digests VALUES (1, 'a', {NOW}), (1, 'b', {NOW})",
    "what no digest told": f"INSERT INTO digest_photos VALUES (9, 1, {NOW})",
    "a silence that no digest told": "INSERT INTO digest_silences VALUES (9, 1, DATE '2026-01-01')",
    "a digest of no image": f"INSERT INTO digests VALUES (1, 'a', {NOW});"
    f" INSERT INTO digest_photos VALUES (1, 99, {NOW})",
    "a silence of no station": f"INSERT INTO digests VALUES (1, 'a', {NOW});"
    " INSERT INTO digest_silences VALUES (1, 9, DATE '2026-01-01')",
    "a static place twice": f"{PLACE} {PLACE}",
    "a static place of no station": PLACE.replace("1 AS station_id", "9 AS station_id"),
    "an answer on a static place twice": f"{PLACE} {ANSWER} {ANSWER}",
    "an answer on no static place": ANSWER,
    "a photo twice in an answer on a static place": f"{PLACE} {ANSWER}"
    " INSERT INTO static_boxes VALUES (1, 1), (1, 1)",
    "a photo of no answer on a static place": "INSERT INTO static_boxes VALUES (9, 1)",
    "a static box of no image": f"{PLACE} {ANSWER} INSERT INTO static_boxes VALUES (1, 99)",
    "an excluded area twice": f"{AREA} {AREA}",
    "an excluded area of no station": AREA.replace("1 AS station_id", "9 AS station_id"),
    "an excluded area without three corners": AREA.replace("0.9, 0.9]", "]"),
}
# A CHECK of the table keeps it out; the rule is there for damaged files.
UNREACHABLE = {"an image in no known state"}
# What only the user can decide, or is a correction.
STAYS = {
    "two images of one file",
    "a run twice",
    "a class twice in one run",
    "a root twice",
    "two roots of one name",
    "a station twice",
    "a folder's name that means two stations",
    "a change of stations twice",
    "a shift twice",
    "a photo moved twice by one shift",
    "a judgement twice",
    "a judgement of no image",
    "a naming twice",
    "a named box of no image",
    "an animal named twice in one naming",
    "an animal on two photos",
    "a rename or merge without its names",
    "two fitted thresholds of one class",
    "a digest twice",
    "a static place twice",
    "an answer on a static place twice",
    "an answer on no static place",
    "an excluded area twice",
    "an excluded area of no station",
    "an excluded area without three corners",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Library:
    photos = [Photo("1.jpg", "2024-11-03 06:10"), Photo("2.jpg"), Photo("3.jpg"), Photo("4.jpg")]
    library = make_library(tmp_path_factory.mktemp("library"), photos)
    library.detect({"1.jpg": [("doe", 0.9), ("mid", 0.4)], "2.jpg": []}, failed=["3.jpg"])
    return library


@pytest.fixture
def library(template: Library, tmp_path: Path) -> Library:
    """A copy of the template: making one takes a hundred times as long."""
    template.database.path.parent.joinpath("photos").mkdir(exist_ok=True)
    shutil.copy2(template.database.path, tmp_path / "trailcam.duckdb")
    copy = Library.__new__(Library)
    copy.__dict__.update(template.__dict__)
    copy.database = type(template.database)(tmp_path / "trailcam.duckdb")
    return copy


def damage(library: Library, sql: str) -> None:
    with duckdb.connect(str(library.database.path)) as db:
        db.execute(sql)


def test_every_rule_has_a_case() -> None:
    names = [rule.never for rule in invariants.ALL]
    assert len(set(names)) == len(names)
    assert set(names) == set(BREAKS) | UNREACHABLE
    assert set(BREAKS) >= STAYS


@pytest.fixture(scope="module")
def memory(template: Library) -> Iterator[duckdb.DuckDBPyConnection]:
    """The template in memory; each test undoes what it does."""
    with duckdb.connect() as db:
        db.execute(f"ATTACH {quoted(str(template.database.path))} AS source (READ_ONLY)")
        db.execute("COPY FROM DATABASE source TO memory")
        db.execute("DETACH source")
        yield db


@pytest.mark.parametrize("never", BREAKS)
def test_a_broken_rule_is_found_and_fixed(memory: duckdb.DuckDBPyConnection, never: str) -> None:
    assert broken(memory) == []
    memory.begin()
    try:
        memory.execute(BREAKS[never])
        found = broken(memory)
        report = repair(memory)
        assert report.left == broken(memory)
        assert repair(memory).fixed == {} or never in STAYS
    finally:
        memory.rollback()
    assert never in [case.rule.never for case in found]
    assert all(case.n >= 1 and case.examples for case in found)
    assert (never in [case.rule.never for case in report.left]) is (never in STAYS)
    assert report.fixed or never in STAYS


def test_a_sound_database_is_left_as_it_is(library: Library) -> None:
    with library.database.read() as db:
        before = fingerprint(db)
    assert check(library.database).sound
    with library.database.write() as db:
        assert repair(db).fixed == {}
    with library.database.read() as db:
        assert fingerprint(db) == before


def test_doubtful_results_are_looked_at_again(library: Library) -> None:
    damage(library, BREAKS["two results of one run and image"])
    with library.database.write() as db:
        repair(db)
        found = dict(db.execute("SELECT image_id, status FROM images").fetchall())
        boxes = db.execute("SELECT count(*) FROM detections").fetchall()
    assert found == {1: "pending", 2: "completed", 3: "failed", 4: "pending"}
    assert boxes == [(0,)]


def test_a_copy_is_the_same_and_opens(library: Library, tmp_path: Path) -> None:
    target = tmp_path / "copies" / "copy's.duckdb"
    target.parent.mkdir()
    target.write_text("an older copy")
    back_up(library.database, target)
    back_up(library.database, target)
    assert [p.name for p in target.parent.iterdir()] == [target.name]
    with library.database.read() as db:
        was = fingerprint(db)
    copy = type(library.database)(target)
    with copy.read() as db:
        assert fingerprint(db) == was
    assert check(copy).sound
    damage(library, "UPDATE detections SET confidence = 0.8 WHERE class_id = 0")
    with library.database.read() as db:
        assert fingerprint(db) != was  # or the comparison above proved nothing


def test_what_can_not_be_copied_is_said_and_changes_nothing(library: Library, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="itself"):
        back_up(library.database, library.database.path)
    with pytest.raises(OutputError, match="is a folder"):
        back_up(library.database, tmp_path)
    with pytest.raises((OutputError, DatabaseError)):
        back_up(library.database, tmp_path / "none" / "copy")
    with pytest.raises(DatabaseError, match="There is no database"):
        back_up(type(library.database)(tmp_path / "no.duckdb"), tmp_path / "copy")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["trailcam.duckdb"]


def test_damaged_blocks_are_named_by_table(library: Library, tmp_path: Path) -> None:
    damage(
        library,
        "INSERT INTO results SELECT 1, range, 'failed', uuid(), uuid(), now(), NULL FROM range(100000)",
    )
    content = bytearray(library.database.path.read_bytes())
    content[len(content) // 2] ^= 255
    library.database.path.write_bytes(content)
    health = check(library.database)
    assert len(health.unreadable) == 1  # the flipped byte lies in one block, of one large table
    (name,) = health.unreadable
    assert "damaged" in health.unreadable[name]
    assert name not in health.tables
    with duckdb.connect(str(library.database.path), read_only=True) as db, pytest.raises(duckdb.Error):
        db.execute(f"SELECT bit_xor(hash(t)) FROM {name} t").fetchall()
    with pytest.raises(DatabaseError, match="damaged"):
        back_up(library.database, tmp_path / "copy")
    assert copies(library.database.path) == []


DIE_WITH_A_LOG = """
import duckdb, os, sys
db = duckdb.connect(sys.argv[1])
db.execute("UPDATE roots SET name = 'changed'")
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_damaged_log_is_set_aside(library: Library, tmp_path: Path) -> None:
    path = library.database.path
    subprocess.run([sys.executable, "-c", DIE_WITH_A_LOG, str(path)], check=False)
    log = path.with_name("trailcam.duckdb.wal")
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 255
    log.write_bytes(content)
    with pytest.raises(DatabaseError, match="damaged") as caught, library.database.read():
        pass
    assert "db check" in caught.value.hint
    aside = tmp_path / "trailcam.duckdb.damaged.backup"
    assert set_aside_log(path, aside, dry_run=True) == aside
    assert log.exists()
    assert set_aside_log(path, aside, dry_run=False) == aside
    assert (tmp_path / f"{aside.name}.wal").read_bytes() == bytes(content)
    assert check(library.database).sound
    assert set_aside_log(path, aside, dry_run=False) is None
    assert copies(path) == [aside]


def test_a_killed_writer_leaves_a_log_that_counts(library: Library) -> None:
    subprocess.run(
        [sys.executable, "-c", DIE_WITH_A_LOG, str(library.database.path)], check=False, env=os.environ
    )
    with library.database.read() as db:
        assert db.execute("SELECT name FROM roots").fetchall() == [("changed",)]
    assert check(library.database).sound
