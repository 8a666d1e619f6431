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
from trailcam.store.first_migrations import FIRST_STEPS, Connection
from trailcam.store.repeats import mark_repeats_of_photos
from trailcam.store.sql import query


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
    mark_repeats_of_photos(db)


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


def m017_names(db: Connection) -> None:
    """What people call their bucks.

    A naming is one act of one person: it names boxes, or renames or merges names (``name`` becomes
    ``into_name`` in all namings before it). ``named_boxes.spot`` is one animal on one photo: its newest row
    of a naming in force counts. A ``name`` NULL says that nobody can tell which buck it is. ``uid`` names a
    row in the file it came from, so that it is taken once. Nothing is ever deleted.
    """
    db.execute(
        """
        CREATE TABLE namings (
            naming_id BIGINT NOT NULL, kind VARCHAR NOT NULL CHECK (kind IN ('name', 'rename', 'merge')),
            name VARCHAR, into_name VARCHAR, author VARCHAR NOT NULL, source VARCHAR NOT NULL,
            import_id INTEGER, made_at TIMESTAMP NOT NULL, undone_at TIMESTAMP, undone_by VARCHAR
        );
        CREATE TABLE named_boxes (
            naming_id BIGINT NOT NULL, image_id BIGINT NOT NULL, spot BIGINT NOT NULL, name VARCHAR,
            x REAL NOT NULL, y REAL NOT NULL, w REAL NOT NULL, h REAL NOT NULL,
            said_at TIMESTAMP NOT NULL, uid VARCHAR
        );
        """
    )


def m018_retired_stations(db: Connection) -> None:
    """The last day that a station's camera was meant to work (``until``), NULL while it is."""
    db.execute(
        "ALTER TABLE stations ADD COLUMN until DATE; ALTER TABLE station_changes ADD COLUMN until DATE"
    )


def m019_static(db: Connection) -> None:
    """Boxes that are in no count because of where they are: see ``queries/static_tables.sql``."""
    db.execute(query("static_tables"))


def m020_thumbnails(db: Connection) -> None:
    """Photos in two sizes: ``thumbnail_of`` names the original; ``thumbnails`` which pairs were compared."""
    db.execute(
        """
        ALTER TABLE images ADD COLUMN thumbnail_of BIGINT;
        CREATE TABLE thumbnails (
            image_id BIGINT NOT NULL, original_id BIGINT NOT NULL, image_bytes BIGINT NOT NULL,
            original_bytes BIGINT NOT NULL, same_picture BOOLEAN NOT NULL
        )
        """
    )


def m021_effort(db: Connection) -> None:
    """Days on which a station's camera didn't work, first and last included, as people declared them."""
    db.execute(
        """
        CREATE TABLE effort_gaps (
            station_id INTEGER NOT NULL, first_day DATE NOT NULL, last_day DATE NOT NULL,
            reason VARCHAR NOT NULL, author VARCHAR NOT NULL, made_at TIMESTAMP NOT NULL
        )
        """
    )


def m022_class_probability(db: Connection) -> None:
    """How sure a classifier is of a box's class (0..1), beside the detector's confidence; else NULL."""
    db.execute("ALTER TABLE detections ADD COLUMN class_probability REAL")


def m023_videos(db: Connection) -> None:
    """Videos: what their containers say, which frames a run looked at, and each box's frame.

    ``results.frames`` and ``detections.frame_s`` are seconds since a video began, NULL for photos.
    """
    for table, column in (
        ("images", "is_video BOOLEAN DEFAULT false"),
        *(("images", f"{name} DOUBLE") for name in ("duration_s", "frame_rate")),
        ("images", "codec VARCHAR"),
        *(("results", "frames REAL[]"), ("detections", "frame_s REAL")),
    ):
        db.execute(f"ALTER TABLE {table} ADD COLUMN {column}")


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    *FIRST_STEPS,
    m009_stations,
    m010_run_counts,
    m011_clocks,
    m012_maker_notes,
    m013_identity,
    m014_repeats,
    m015_imports,
    m016_unread_pictures,
    m017_names,
    m018_retired_stations,
    m019_static,
    m020_thumbnails,
    m021_effort,
    m022_class_probability,
    m023_videos,
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
