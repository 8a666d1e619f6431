"""Repair of a database that breaks its rules. What can't be known is looked at again, never invented.

A photo's results that contradict each other go, so that the next detect looks at it once more. What people
said is never touched. The rules stand in :mod:`trailcam.store.invariants`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trailcam.errors import DatabaseError
from trailcam.store.check_database import back_up, check, copies_hint, copy_name
from trailcam.store.database import Connection, Database
from trailcam.store.invariants import Broken, broken
from trailcam.store.migrations import RECOUNT_RUNS
from trailcam.store.repeats import mark_repeats
from trailcam.store.rescue import set_aside_log
from trailcam.store.run_choice import settle
from trailcam.words.text import count, printable

_ORPHANS = {
    "results of no run": "DELETE FROM results WHERE run_id NOT IN (SELECT run_id FROM runs)",
    "results of no image": "DELETE FROM results WHERE image_id NOT IN (SELECT image_id FROM images)",
    "classes of no run": "DELETE FROM classes WHERE run_id NOT IN (SELECT run_id FROM runs)",
    "times read of no image": "DELETE FROM time_readings WHERE image_id NOT IN (SELECT image_id FROM images)",
    "moves of no shift or image": "DELETE FROM shifted_images"
    " WHERE image_id NOT IN (SELECT image_id FROM images)"
    " OR shift_id NOT IN (SELECT shift_id FROM time_shifts)",
    "light of no image": "DELETE FROM image_light WHERE image_id NOT IN (SELECT image_id FROM images)",
    "digests' photos that are none": "DELETE FROM digest_photos"
    " WHERE image_id NOT IN (SELECT image_id FROM images)"
    " OR digest_id NOT IN (SELECT digest_id FROM digests)",
    "digests' silences of no station": "DELETE FROM digest_silences"
    " WHERE digest_id NOT IN (SELECT digest_id FROM digests) OR (station_id NOT IN"
    " (SELECT station_id FROM stations) AND station_id NOT IN"
    " (SELECT station_id FROM station_changes WHERE kind = 'merge'))",
    "pictures of no root, or counted twice": "DELETE FROM unread_pictures"
    " WHERE root_id NOT IN (SELECT root_id FROM roots) OR rowid NOT IN"
    " (SELECT max(rowid) FROM unread_pictures GROUP BY root_id, kind)",
    "photos of answers on static places that are none, or twice": "DELETE FROM static_boxes"
    " WHERE image_id NOT IN (SELECT image_id FROM images)"
    " OR answer_id NOT IN (SELECT answer_id FROM static_answers)"
    " OR rowid NOT IN (SELECT max(rowid) FROM static_boxes GROUP BY answer_id, image_id)",
    "static places of no station that nobody answered for": "DELETE FROM static_places"
    " WHERE station_id NOT IN (SELECT station_id FROM stations) AND station_id NOT IN"
    " (SELECT station_id FROM station_changes WHERE kind = 'merge')"
    " AND place_id NOT IN (SELECT place_id FROM static_answers)",
    "names that mean no station": "DELETE FROM station_aliases"
    " WHERE station_id NOT IN (SELECT station_id FROM stations)",
}

# Pairs of run and image where it is unknown what the run saw.
_DOUBTFUL = """
    CREATE OR REPLACE TEMP TABLE doubtful AS
    SELECT run_id, image_id FROM results GROUP BY ALL HAVING count(*) > 1
    UNION SELECT run_id, image_id FROM detections ANTI JOIN classes USING (run_id, class_id)
    UNION SELECT run_id, image_id FROM detections
    WHERE class_probability NOT BETWEEN 0 AND 1 OR NOT (confidence BETWEEN 0 AND 1 AND w >= 0 AND h >= 0
        AND x >= -0.001 AND y >= -0.001 AND x + w <= 1.001 AND y + h <= 1.001)
"""
_RESULTS = {
    "results that contradict each other": "DELETE FROM results"
    " WHERE (run_id, image_id) IN (SELECT (run_id, image_id) FROM doubtful)",
    "boxes without a completed result": "DELETE FROM detections WHERE NOT EXISTS (SELECT 1 FROM results r"
    " WHERE r.run_id = detections.run_id AND r.image_id = detections.image_id AND r.status = 'completed')",
}
_FRAMES = {
    "frames that boxes are on": """
        UPDATE results SET frames = list_sort(list_distinct(list_concat(coalesce(frames, []), d.seen)))
        FROM (
            SELECT run_id, image_id, list(frame_s) AS seen FROM detections
            WHERE frame_s IS NOT NULL GROUP BY ALL
        ) d
        WHERE d.run_id = results.run_id AND d.image_id = results.image_id
            AND NOT list_has_all(coalesce(frames, []), d.seen)
    """,
}
_RUNS = {
    "runs recorded as running that are not": "UPDATE runs SET state = 'interrupted' WHERE state = 'running'",
    "runs chosen beside a later choice": "UPDATE runs SET chosen_at = NULL"
    " WHERE chosen_at < (SELECT max(chosen_at) FROM runs)",
    "completed runs without an end": "UPDATE runs SET finished_at = coalesce("
    " (SELECT max(looked_at) FROM results r WHERE r.run_id = runs.run_id), started_at)"
    " WHERE state = 'completed' AND finished_at IS NULL",
}
_IMPORTS = {
    "imports noted twice": "DELETE FROM imports"
    " WHERE rowid NOT IN (SELECT max(rowid) FROM imports GROUP BY import_id)",
    "imports whose run is gone": "UPDATE imports SET undone_at = now()::TIMESTAMP WHERE undone_at IS NULL"
    " AND run_id IS NOT NULL AND run_id NOT IN (SELECT run_id FROM runs)",
    "corrections of no import": "UPDATE judgements SET import_id = NULL WHERE import_id IS NOT NULL"
    " AND import_id NOT IN (SELECT import_id FROM imports)",
    "names of no import": "UPDATE namings SET import_id = NULL WHERE import_id IS NOT NULL"
    " AND import_id NOT IN (SELECT import_id FROM imports)",
}
_PLACES = {
    "stations that photos name but were missing": """
        INSERT INTO stations BY NAME
        SELECT station_id, CASE WHEN count(DISTINCT scanned_station) = 1
                AND NOT bool_or(scanned_station IN (SELECT name FROM stations))
            THEN any_value(scanned_station) ELSE 'recovered ' || station_id END AS name
        FROM images ANTI JOIN stations USING (station_id) GROUP BY station_id
    """,
    "roots that photos name but were missing": """
        INSERT INTO roots BY NAME
        SELECT DISTINCT root_id, 'recovered ' || root_id AS name, 'recovered ' || root_id AS path,
            now()::TIMESTAMP AS added_at
        FROM images ANTI JOIN roots USING (root_id)
    """,
}
# What is left of copies is a photo of its own until the next scan holds equal ones together again.
_EQUALS = {
    "copies of no photo": """
        UPDATE images SET duplicate_of = NULL WHERE duplicate_of IS NOT NULL AND duplicate_of NOT IN (
            SELECT image_id FROM images WHERE duplicate_of IS NULL
        )
    """,
    "thumbnails of no photo": """
        UPDATE images SET thumbnail_of = NULL WHERE thumbnail_of IS NOT NULL AND thumbnail_of NOT IN (
            SELECT image_id FROM images WHERE duplicate_of IS NULL AND thumbnail_of IS NULL
        )
    """,
    "gaps that can't be": """
        DELETE FROM effort_gaps
        WHERE last_day < first_day OR station_id NOT IN (SELECT station_id FROM stations)
    """,
    "files compared twice": """
        DELETE FROM thumbnails WHERE rowid NOT IN (
            SELECT min(rowid) FROM thumbnails GROUP BY image_id, original_id, image_bytes, original_bytes
        )
    """,
    "copies that know what their photo does not": """
        UPDATE images SET duplicate_of = NULL WHERE duplicate_of IS NOT NULL AND (
            run_id IS NOT NULL OR image_id IN (SELECT image_id FROM results)
            OR image_id IN (SELECT image_id FROM judgements)
            OR image_id IN (SELECT image_id FROM named_boxes)
            OR image_id IN (SELECT image_id FROM static_boxes)
        )
    """,
}
_SAME_BYTES = """
    SELECT whole_id FROM images WHERE duplicate_of IS NULL AND whole_id IS NOT NULL
    GROUP BY whole_id HAVING count(*) > 1
"""
_TIMES = {
    "times read twice": """
        DELETE FROM time_readings WHERE rowid NOT IN (
            SELECT arg_max(rowid, (read_at, rowid)) FROM time_readings GROUP BY image_id, source
        )
    """,
    "readings that don't give the photo's time": """
        DELETE FROM time_readings USING images i WHERE i.image_id = time_readings.image_id
        AND i.captured_at IS NOT NULL AND i.captured_at_source = time_readings.source
        AND (time_readings.value IS DISTINCT FROM i.captured_at OR NOT time_readings.counts)
    """,
    "photos' times without a reading": """
        INSERT INTO time_readings BY NAME
        SELECT i.image_id, i.captured_at_source AS source, i.captured_at AS value, true AS counts,
            i.captured_at_suspect AS suspect, i.utc_offset_min, i.scanned_at AS read_at
        FROM images i ANTI JOIN time_readings r ON r.image_id = i.image_id AND r.source = i.captured_at_source
        WHERE i.captured_at IS NOT NULL
    """,
}
_ALL_REPEAT = "SELECT 1 FROM detections GROUP BY run_id, image_id HAVING bool_and(coalesce(repeats, true))"
_COPIES = """
    DELETE FROM images WHERE rowid NOT IN (
        SELECT max(rowid) FROM images GROUP BY image_id, root_id, path
    )
"""
_LOST_RUNS = """
    UPDATE images SET run_id = NULL WHERE run_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM results r WHERE r.run_id = images.run_id AND r.image_id = images.image_id
            AND r.status = 'completed'
    )
"""
_STATUSES = """
    UPDATE images SET status = w.status, error_code = w.error_code, error_message = w.error_message FROM (
        SELECT i.image_id, CASE
                WHEN i.status = 'missing' THEN 'missing' WHEN i.run_id IS NOT NULL THEN 'completed'
                WHEN coalesce(f.code, i.error_code) IS NOT NULL AND i.status <> 'pending' THEN 'failed'
                ELSE 'pending' END AS status,
            CASE WHEN i.status = 'missing' THEN i.error_code
                WHEN i.run_id IS NOT NULL OR i.status = 'pending' THEN NULL
                ELSE coalesce(i.error_code, f.code) END AS error_code,
            CASE WHEN i.status = 'missing' THEN i.error_message
                WHEN i.run_id IS NOT NULL OR i.status = 'pending' THEN NULL
                ELSE coalesce(i.error_message, f.message) END AS error_message
        FROM images i LEFT JOIN (
            SELECT image_id, arg_max(error_code, run_id) AS code, arg_max(error_message, run_id) AS message
            FROM results WHERE status = 'failed' GROUP BY image_id
        ) f ON f.image_id = i.image_id
    ) w
    WHERE w.image_id = images.image_id AND (images.status, images.error_code)
        IS DISTINCT FROM (w.status, w.error_code)
"""


@dataclass(frozen=True, slots=True)
class Repair:
    """``fixed``: what was done -> to how many rows. ``left``: rules that are broken anyway."""

    fixed: dict[str, int]
    left: list[Broken]


def repair(db: Connection) -> Repair:
    """Repair what breaks a rule, in the caller's transaction. The caller holds the writer's lock.

    A database that breaks none is left as it is.
    """
    if not broken(db):
        return Repair({}, [])
    fixed = {"images written twice": _count(db, _COPIES)}
    db.execute(_DOUBTFUL)
    for what, sql in {**_PLACES, **_EQUALS, **_RESULTS, **_FRAMES, **_ORPHANS}.items():
        fixed[what] = _count(db, sql)
    if any(fixed[what] for what in _EQUALS) or db.execute(_SAME_BYTES).fetchall():
        fixed["folders that the next scan searches for copies"] = _count(
            db, "UPDATE roots SET unsettled = true WHERE NOT unsettled"
        )
    # Results without a run are gone by now: their boxes go too.
    again = "boxes without a completed result"
    fixed[again] += _count(db, _RESULTS[again])
    fixed["boxes of people without their judgement"] = _count(
        db,
        "DELETE FROM judged_boxes WHERE (judgement_id, image_id) NOT IN"
        " (SELECT (judgement_id, image_id) FROM judgements)",
    )
    fixed["named boxes without their naming"] = _count(
        db, "DELETE FROM named_boxes WHERE naming_id NOT IN (SELECT naming_id FROM namings)"
    )
    for what, sql in {**_RUNS, **_IMPORTS, **_TIMES}.items():
        fixed[what] = _count(db, sql)
    fixed["photos whose run is not known"] = _count(db, _LOST_RUNS)
    settle(db, "SELECT image_id FROM images WHERE run_id IS NULL")
    fixed["photos in a wrong state"] = _count(db, _STATUSES)
    fixed["runs counted again"] = _count(db, RECOUNT_RUNS)
    fixed["photos whose boxes all repeated one another"] = len(db.execute(_ALL_REPEAT).fetchall())
    if fixed["photos whose boxes all repeated one another"]:
        mark_repeats(db)
    db.execute("DROP TABLE doubtful")
    return Repair({what: n for what, n in fixed.items() if n}, broken(db))


class _DryRun(Exception):
    """Ends a transaction without its changes."""


def repair_database(database: Database, *, dry_run: bool, say: Callable[[str], None]) -> Repair | None:
    """Mend the database after making a copy; None where a damaged log keeps a dry run from more.

    With ``dry_run`` nothing changes. ``say`` is told what is kept where, before anything can fail. The caller
    holds the writer's lock. Raises DatabaseError where tables can't be read, or the file doesn't open.
    """
    copy = copy_name(database.path, "damaged")
    if set_aside_log(database.path, copy, dry_run=dry_run) is not None:
        say(
            "The log of the last changes is damaged. Without it the database is as it was before them"
            + (
                "; repairing would set it aside."
                if dry_run
                else f". It and a copy of the database are kept: {printable(str(copy))}."
            )
        )
        if dry_run:
            return None
    health = check(database)
    if health.unreadable:
        raise DatabaseError(
            f"{count(len(health.unreadable), 'table')} can't be read: {', '.join(health.unreadable)}.",
            f"What is left is not enough to repair it. {copies_hint(database.path)}",
        )
    if health.sound:
        return Repair({}, [])
    if not dry_run:
        copy = copy_name(database.path, "before-repair")
        back_up(database, copy)
        say(f"As it was, the database is kept in {printable(str(copy))}.")
    try:
        with database.write() as db:
            report = repair(db)
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    return report


def _count(db: Connection, sql: str) -> int:
    """Run one change and say how many rows it changed."""
    ((n,),) = db.execute(sql).fetchall()
    return int(n)
