"""Steps 1 to 8 of the schema; the later ones, and what runs them, are in :mod:`trailcam.store.migrations`."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

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


FIRST_STEPS: tuple[Callable[[Connection], None], ...] = (
    m001_images,
    m002_runs,
    m003_identity,
    m004_digests,
    m005_corrections,
    m006_fitted_thresholds,
    m007_readings,
    m008_runs,
)
