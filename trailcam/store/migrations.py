"""The schema, as numbered steps. A step and the record that it ran commit together.

Times named ``*_at`` are UTC without zone, except ``captured_at``: that is the camera's
own clock, local and zoneless, as the field writes it.

There are no key indexes: one process writes, it hands out the ids, and an index would
be rebuilt by every bulk update. See docs/decisions/0003-no-key-indexes.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import duckdb

from trailcam.errors import DatabaseError
from trailcam.store.repeats import mark_repeats

Connection = duckdb.DuckDBPyConnection


def m001_images(db: Connection) -> None:
    """Roots, stations and images."""
    db.execute(
        """
        CREATE TABLE roots (
            root_id INTEGER NOT NULL, name VARCHAR NOT NULL, path VARCHAR NOT NULL,
            added_at TIMESTAMP NOT NULL, scanned_at TIMESTAMP,
            n_videos INTEGER NOT NULL DEFAULT 0
        );
        CREATE TABLE stations (
            station_id INTEGER NOT NULL, name VARCHAR NOT NULL,
            latitude DOUBLE, longitude DOUBLE, timezone VARCHAR, notes VARCHAR
        );
        CREATE TABLE images (
            image_id BIGINT NOT NULL, root_id INTEGER NOT NULL, path VARCHAR NOT NULL,
            size_bytes BIGINT NOT NULL, mtime_ns BIGINT NOT NULL,
            station_id INTEGER NOT NULL,
            captured_at TIMESTAMP, captured_at_source VARCHAR NOT NULL, captured_at_suspect VARCHAR,
            utc_offset_min SMALLINT,
            make VARCHAR, model VARCHAR, serial VARCHAR,
            width INTEGER, height INTEGER, orientation SMALLINT NOT NULL,
            status VARCHAR NOT NULL CHECK (status IN ('pending', 'completed', 'failed', 'missing')),
            error_code VARCHAR, error_message VARCHAR,
            run_id INTEGER,
            first_seen_at TIMESTAMP NOT NULL, scanned_at TIMESTAMP NOT NULL
        );
        """
    )


def m002_runs(db: Connection) -> None:
    """Runs, their classes, what each made of each image, and the boxes.

    ``images.run_id`` names the run whose result counts for an image (NULL: none yet).
    """
    db.execute(
        """
        CREATE TABLE runs (
            run_id INTEGER NOT NULL,
            state VARCHAR NOT NULL CHECK (state IN ('running', 'interrupted', 'completed')),
            model_key VARCHAR NOT NULL, weights_sha256 VARCHAR NOT NULL, weights_name VARCHAR NOT NULL,
            settings VARCHAR NOT NULL, versions VARCHAR NOT NULL, device VARCHAR NOT NULL,
            started_at TIMESTAMP NOT NULL, finished_at TIMESTAMP,
            n_completed BIGINT NOT NULL DEFAULT 0, n_failed BIGINT NOT NULL DEFAULT 0,
            n_missing BIGINT NOT NULL DEFAULT 0, n_detections BIGINT NOT NULL DEFAULT 0,
            wall_s DOUBLE, warmup_s DOUBLE, load_s DOUBLE, infer_s DOUBLE, write_s DOUBLE
        );
        CREATE TABLE classes (
            run_id INTEGER NOT NULL, class_id SMALLINT NOT NULL, name VARCHAR NOT NULL,
            kind VARCHAR NOT NULL, age_class VARCHAR, species VARCHAR,
            threshold REAL  -- what the weights recommend to count from; NULL: nothing
        );
        CREATE TABLE results (
            run_id INTEGER NOT NULL, image_id BIGINT NOT NULL,
            status VARCHAR NOT NULL CHECK (status IN ('completed', 'failed')),
            error_code VARCHAR, error_message VARCHAR, looked_at TIMESTAMP NOT NULL
        );
        CREATE TABLE detections (
            run_id INTEGER NOT NULL, image_id BIGINT NOT NULL, class_id SMALLINT NOT NULL,
            confidence REAL NOT NULL, x REAL NOT NULL, y REAL NOT NULL, w REAL NOT NULL, h REAL NOT NULL
        );
        """
    )


def m003_identity(db: Connection) -> None:
    """What makes a file the same file elsewhere, where it says it was taken, and stations' other names.

    ``content_id`` NULL: not known yet. ``whole_id`` is the hash of all bytes, kept once it was needed.
    ``duplicate_of`` names the image that an exact copy repeats; reports leave copies out. ``latitude`` and
    ``longitude`` are what the file's EXIF says. ``station_aliases``: a folder's name -> the station it means.
    """
    db.execute(
        """
        ALTER TABLE images ADD COLUMN content_id VARCHAR;
        ALTER TABLE images ADD COLUMN whole_id VARCHAR;
        ALTER TABLE images ADD COLUMN duplicate_of BIGINT;
        ALTER TABLE images ADD COLUMN latitude DOUBLE;
        ALTER TABLE images ADD COLUMN longitude DOUBLE;
        CREATE TABLE station_aliases (
            name VARCHAR NOT NULL, station_id INTEGER NOT NULL, made_at TIMESTAMP NOT NULL
        );
        """
    )


def m004_digests(db: Connection) -> None:
    """Digests, and what each has told: photos and stations that fell silent.

    ``digest_photos.looked_at`` is when the photo was first looked at; NULL: it told that the photo failed.
    """
    db.execute(
        """
        CREATE TABLE digests (
            digest_id INTEGER NOT NULL, name VARCHAR NOT NULL, made_at TIMESTAMP NOT NULL
        );
        CREATE TABLE digest_photos (
            digest_id INTEGER NOT NULL, image_id BIGINT NOT NULL, looked_at TIMESTAMP
        );
        CREATE TABLE digest_silences (
            digest_id INTEGER NOT NULL, station_id INTEGER NOT NULL, last_day DATE NOT NULL
        );
        """
    )


def m005_corrections(db: Connection) -> None:
    """What people say of photos.

    A judgement is one act of one person on one photo; nothing of it is ever deleted. ``whole``: the photo
    shows its boxes and nothing else. Otherwise it is about the places of its boxes alone. A box without a
    class says that nothing is there. ``uid`` names a judgement in the file it came from, so that it is taken
    once.
    """
    db.execute(
        """
        CREATE TABLE judgements (
            judgement_id BIGINT NOT NULL, image_id BIGINT NOT NULL, whole BOOLEAN NOT NULL,
            author VARCHAR NOT NULL, source VARCHAR NOT NULL, uid VARCHAR,
            made_at TIMESTAMP NOT NULL, recorded_at TIMESTAMP NOT NULL,
            undone_at TIMESTAMP, undone_by VARCHAR
        );
        CREATE TABLE judged_boxes (
            judgement_id BIGINT NOT NULL, image_id BIGINT NOT NULL,
            class VARCHAR, kind VARCHAR, age_class VARCHAR, species VARCHAR,
            x REAL NOT NULL, y REAL NOT NULL, w REAL NOT NULL, h REAL NOT NULL
        );
        """
    )


def m006_fitted_thresholds(db: Connection) -> None:
    """From which confidence classes count by people's corrections, for all runs of the same weights.

    ``before`` is what counted until then; NULL: the weights recommended nothing.
    """
    db.execute(
        """
        CREATE TABLE fitted_thresholds (
            weights_sha256 VARCHAR NOT NULL, class VARCHAR NOT NULL, threshold REAL NOT NULL, before REAL,
            author VARCHAR NOT NULL, fitted_at TIMESTAMP NOT NULL
        );
        """
    )


def m007_readings(db: Connection) -> None:
    """Every time that was read of a photo; ``images.captured_at`` is the chosen one, with its reason.

    At most one row for an image and a source (see ``domain.TimeSource``). ``value`` NULL: looked at, no time.
    ``counts``: it may be chosen; ``reason`` says why not. ``confidence`` is 0..1, NULL where the source knows
    none. ``detail`` is JSON: what else was read. Of photos scanned before, the chosen time alone is known.
    """
    db.execute(
        """
        CREATE TABLE time_readings (
            image_id BIGINT NOT NULL, source VARCHAR NOT NULL,
            value TIMESTAMP, counts BOOLEAN NOT NULL, confidence REAL,
            suspect VARCHAR, utc_offset_min SMALLINT, reason VARCHAR, detail VARCHAR,
            read_at TIMESTAMP NOT NULL
        );
        ALTER TABLE images ADD COLUMN captured_at_reason VARCHAR;
        INSERT INTO time_readings BY NAME
        SELECT image_id, captured_at_source AS source, captured_at AS value, true AS counts,
            captured_at_suspect AS suspect, utc_offset_min, scanned_at AS read_at
        FROM images WHERE captured_at IS NOT NULL;
        """
    )


def m008_runs(db: Connection) -> None:
    """Which run a person chose to count; ``chosen_at`` is NULL except for that one."""
    db.execute("ALTER TABLE runs ADD COLUMN chosen_at TIMESTAMP")


def m009_stations(db: Connection) -> None:
    """Renames and merges of stations, so that they hold in later scans and can be taken back.

    ``scanned_station`` is the name that the path gave a photo. A merge keeps the merged station's facts, the
    scanned names that were its own (``folders``), and which facts the other one took over (``filled``).
    """
    db.execute(
        """
        ALTER TABLE images ADD COLUMN scanned_station VARCHAR;
        UPDATE images SET scanned_station = s.name FROM stations s WHERE s.station_id = images.station_id;
        CREATE TABLE station_changes (
            change_id INTEGER NOT NULL, kind VARCHAR NOT NULL CHECK (kind IN ('rename', 'merge')),
            station_id INTEGER NOT NULL, name VARCHAR NOT NULL, into_id INTEGER, into_name VARCHAR NOT NULL,
            folders VARCHAR[], filled VARCHAR[],
            latitude DOUBLE, longitude DOUBLE, timezone VARCHAR, notes VARCHAR,
            made_at TIMESTAMP NOT NULL, undone_at TIMESTAMP
        );
        """
    )


RECOUNT_RUNS = """
    UPDATE runs SET n_completed = n.completed, n_failed = n.failed, n_detections = n.boxes
    FROM (
        SELECT run_id, coalesce(r.completed, 0) AS completed, coalesce(r.failed, 0) AS failed,
            coalesce(d.boxes, 0) AS boxes
        FROM runs LEFT JOIN (
            SELECT run_id, count(*) FILTER (status = 'completed') AS completed,
                count(*) FILTER (status = 'failed') AS failed
            FROM results GROUP BY run_id
        ) r USING (run_id)
        LEFT JOIN (SELECT run_id, count(*) AS boxes FROM detections GROUP BY run_id) d USING (run_id)
    ) n
    WHERE n.run_id = runs.run_id AND (runs.n_completed, runs.n_failed, runs.n_detections)
        IS DISTINCT FROM (n.completed, n.failed, n.boxes)
"""
"""Set the counts of all runs to what is kept of them: what was said of pixels that are gone is gone."""


def m010_run_counts(db: Connection) -> None:
    """Runs count the results that they have. Those of files that were replaced had stayed in the counts."""
    db.execute(RECOUNT_RUNS)


def m011_clocks(db: Connection) -> None:
    """What people say of cameras' clocks, and what pictures tell of the light.

    ``by_s`` is how many seconds a shift added, ``asked`` its words. ``before_at`` and ``after_at`` are a
    photo's time before and after it. ``image_light.colour``: how far the picture's colours lie apart, 0 in
    pure grey (infrared), in levels of 0..255. ``stations.clock_checked_at`` NULL: to be checked again.
    """
    db.execute(
        """
        CREATE TABLE time_shifts (
            shift_id INTEGER NOT NULL, asked VARCHAR NOT NULL, by_s BIGINT NOT NULL, note VARCHAR,
            made_at TIMESTAMP NOT NULL, undone_at TIMESTAMP
        );
        CREATE TABLE shifted_images (
            shift_id INTEGER NOT NULL, image_id BIGINT NOT NULL,
            before_at TIMESTAMP NOT NULL, after_at TIMESTAMP NOT NULL
        );
        CREATE TABLE image_light (image_id BIGINT NOT NULL, colour REAL NOT NULL);
        ALTER TABLE stations ADD COLUMN clock_checked_at TIMESTAMP;
        """
    )


def m012_maker_notes(db: Connection) -> None:
    """What the camera says of a photo in its maker note; see ``domain.MakerNote``.

    ``maker_note`` is the layout, NULL where there was no note of a known one. Of photos scanned before,
    nothing is known until their files change.
    """
    for column in (
        *("maker_note VARCHAR", "trigger_mode VARCHAR", "camera_event BIGINT"),
        *("sequence_position SMALLINT", "sequence_length SMALLINT"),
        *("temperature_c SMALLINT", "temperature_f SMALLINT", "moon_phase VARCHAR", "infrared BOOLEAN"),
        *("battery_v DOUBLE", "camera_label VARCHAR"),
    ):
        db.execute(f"ALTER TABLE images ADD COLUMN {column}")


def m013_identity(db: Connection) -> None:
    """Whether what a scan of a root saved has yet to be held together by content (it was cut off)."""
    db.execute("ALTER TABLE roots ADD COLUMN unsettled BOOLEAN DEFAULT false")


def m014_repeats(db: Connection) -> None:
    """Which boxes repeat another of their photo: stored, but in no count. See ``queries/repeats.sql``."""
    db.execute("ALTER TABLE detections ADD COLUMN repeats BOOLEAN DEFAULT false")
    mark_repeats(db)


def m015_imports(db: Connection) -> None:
    """Which import brought a run (``run_id``) or corrections (``judgements.import_id``), to undo it.

    Of imports made before, those of runs are known, and the corrections are not.
    """
    db.execute(
        """
        CREATE TABLE imports (
            import_id INTEGER NOT NULL, format VARCHAR NOT NULL, file VARCHAR NOT NULL, run_id INTEGER,
            made_at TIMESTAMP NOT NULL, undone_at TIMESTAMP, undone_by VARCHAR
        );
        ALTER TABLE judgements ADD COLUMN import_id INTEGER;
        INSERT INTO imports BY NAME
        SELECT row_number() OVER (ORDER BY run_id) AS import_id, 'megadetector' AS format,
            weights_name AS file, run_id, started_at AS made_at
        FROM runs WHERE device = 'imported';
        """
    )


def m016_unread_pictures(db: Connection) -> None:
    """How many pictures that trailcam doesn't read (``kind``: HEIC, DNG) the last scan of a root saw."""
    db.execute(
        "CREATE TABLE unread_pictures (root_id INTEGER NOT NULL, kind VARCHAR NOT NULL, n INTEGER NOT NULL)"
    )


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    m001_images,
    m002_runs,
    m003_identity,
    m004_digests,
    m005_corrections,
    m006_fitted_thresholds,
    m007_readings,
    m008_runs,
    m009_stations,
    m010_run_counts,
    m011_clocks,
    m012_maker_notes,
    m013_identity,
    m014_repeats,
    m015_imports,
    m016_unread_pictures,
)
LATEST = len(MIGRATIONS)


def current(db: Connection) -> int:
    """The schema's number, 0 for an empty file. Raises DatabaseError for a newer trailcam's."""
    tables = {name for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if "migrations" not in tables:
        if tables:
            raise DatabaseError(
                "This DuckDB file was not made by trailcam: it holds other tables.",
                "Name another file with --db. Nothing was changed.",
            )
        return 0
    ((newest,),) = db.execute("SELECT max(version) FROM migrations").fetchall()
    version = int(newest or 0)
    if version > LATEST:
        raise DatabaseError(
            f"The database has schema {version}; this trailcam knows schemas up to {LATEST}.",
            "It was written by a newer trailcam. Update this one. Nothing was changed.",
        )
    return version


def apply(db: Connection) -> None:
    """Bring the open database to the latest schema. A step that fails leaves nothing behind."""
    version = current(db)
    for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
        with transaction(db):
            db.execute(
                "CREATE TABLE IF NOT EXISTS migrations"
                " (version INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
            )
            step(db)
            db.execute(
                "INSERT INTO migrations BY NAME SELECT ? AS version, ? AS name, ? AS applied_at",
                [number, step.__name__, datetime.now(UTC).replace(tzinfo=None)],
            )


@contextmanager
def transaction(db: Connection, *, keep: bool = True) -> Iterator[None]:
    """Commit on leaving, or roll back on any error; without ``keep`` always roll back."""
    db.begin()
    try:
        yield
    except BaseException:
        # DuckDB has ended the transaction itself where the disk is full or its memory is used up.
        with suppress(duckdb.Error):
            db.rollback()
        raise
    if keep:
        db.commit()
    else:
        db.rollback()
