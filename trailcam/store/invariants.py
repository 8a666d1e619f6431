"""What holds in every trailcam database between two transactions, whatever happened to the processes.

One list for `trailcam db check`, for the tests, and for whatever attacks the program: each rule is a query
for the rows that break it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trailcam.store.database import Connection


@dataclass(frozen=True, slots=True)
class Rule:
    """``never`` is what must not be, for people; ``sql`` finds it: one row a case, its columns say which."""

    never: str
    sql: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that ``n`` rows break; ``examples`` are up to three of them, as ``column value`` pairs."""

    rule: Rule
    n: int
    examples: tuple[str, ...]


def _twice(table: str, *key: str) -> str:
    names = ", ".join(key)
    return f"SELECT {names}, count(*) AS rows FROM {table} GROUP BY ALL HAVING count(*) > 1"


def _lost(table: str, key: str, other: str, shown: str = "") -> str:
    return f"SELECT DISTINCT {shown or key} FROM {table} ANTI JOIN {other} USING ({key})"


STATES = (
    Rule("an image twice", _twice("images", "image_id")),
    Rule("two images of one file", _twice("images", "root_id", "path")),
    Rule(
        "an image in no known state",
        """
        SELECT image_id, status FROM images
        WHERE status NOT IN ('pending', 'completed', 'failed', 'missing')
        """,
    ),
    Rule(
        "completed without a current run",
        "SELECT image_id FROM images WHERE status = 'completed' AND run_id IS NULL",
    ),
    Rule(
        "a current run without a completed result",
        """
        SELECT i.image_id, i.run_id FROM images i ANTI JOIN results r
        ON r.run_id = i.run_id AND r.image_id = i.image_id AND r.status = 'completed'
        WHERE i.run_id IS NOT NULL
        """,
    ),
    Rule(
        "a completed result that counts for nothing",
        """
        SELECT i.image_id FROM images i SEMI JOIN (SELECT * FROM results WHERE status = 'completed') r
        ON r.image_id = i.image_id WHERE i.run_id IS NULL
        """,
    ),
    Rule(
        "pending or failed with a current run",
        "SELECT image_id, status FROM images WHERE status IN ('pending', 'failed') AND run_id IS NOT NULL",
    ),
    Rule(
        "completed or pending with an error",
        """
        SELECT image_id, error_code FROM images
        WHERE status IN ('pending', 'completed') AND error_code IS NOT NULL
        """,
    ),
    Rule(
        "failed without an error",
        "SELECT image_id FROM images WHERE status = 'failed' AND error_code IS NULL",
    ),
)

RESULTS = (
    Rule("two results of one run and image", _twice("results", "run_id", "image_id")),
    Rule("a result of no run", _lost("results", "run_id", "runs")),
    Rule("a result of no image", _lost("results", "image_id", "images", "run_id, image_id")),
    Rule(
        "a detection without a completed result",
        """
        SELECT DISTINCT d.run_id, d.image_id FROM detections d
        ANTI JOIN (SELECT * FROM results WHERE status = 'completed') r
        ON r.run_id = d.run_id AND r.image_id = d.image_id
        """,
    ),
    Rule(
        "a detection of a class that its run hasn't",
        "SELECT DISTINCT run_id, class_id FROM detections ANTI JOIN classes USING (run_id, class_id)",
    ),
    Rule(
        "a box or confidence outside of 0..1",
        """
        SELECT run_id, image_id, confidence, x, y, w, h FROM detections
        WHERE class_probability NOT BETWEEN 0 AND 1 OR NOT (confidence BETWEEN 0 AND 1 AND w >= 0 AND h >= 0
            AND x >= -0.001 AND y >= -0.001 AND x + w <= 1.001 AND y + h <= 1.001)
        """,
    ),
    Rule(
        "a box on a frame that its run didn't look at",
        """
        SELECT d.run_id, d.image_id, d.frame_s
        FROM detections d JOIN results r ON r.run_id = d.run_id AND r.image_id = d.image_id
        WHERE d.frame_s IS NOT NULL AND NOT coalesce(list_contains(r.frames, d.frame_s), false)
        """,
    ),
    Rule(
        "a photo whose boxes all repeat one another",
        "SELECT run_id, image_id FROM detections GROUP BY ALL HAVING bool_and(coalesce(repeats, true))",
    ),
)

RUNS = (
    Rule("a run twice", _twice("runs", "run_id")),
    Rule("two runs at work", "SELECT count(*) AS runs FROM runs WHERE state = 'running' HAVING count(*) > 1"),
    Rule(
        "two chosen runs",
        "SELECT count(*) AS runs FROM runs WHERE chosen_at IS NOT NULL HAVING count(*) > 1",
    ),
    Rule(
        "a completed run without an end",
        "SELECT run_id FROM runs WHERE state = 'completed' AND finished_at IS NULL",
    ),
    Rule(
        "a run whose counts are not those of its rows",
        """
        SELECT run_id, r.n_completed, r.n_failed, r.n_detections, coalesce(f.completed, 0) AS completed,
            coalesce(f.failed, 0) AS failed, coalesce(b.boxes, 0) AS boxes
        FROM runs r LEFT JOIN (
            SELECT run_id, count(*) FILTER (status = 'completed') AS completed,
                count(*) FILTER (status = 'failed') AS failed
            FROM results GROUP BY run_id
        ) f USING (run_id)
        LEFT JOIN (SELECT run_id, count(*) AS boxes FROM detections GROUP BY run_id) b USING (run_id)
        WHERE r.n_completed <> coalesce(f.completed, 0) OR r.n_failed <> coalesce(f.failed, 0)
            OR r.n_detections <> coalesce(b.boxes, 0)
        """,
    ),
    Rule("a class twice in one run", _twice("classes", "run_id", "class_id")),
    Rule("a class of no run", _lost("classes", "run_id", "runs")),
)

PLACES = (
    Rule("a root twice", _twice("roots", "root_id")),
    Rule("two roots of one name", _twice("roots", "name")),
    Rule(
        "a copy of no photo",
        """
        SELECT c.image_id, c.duplicate_of FROM images c
        ANTI JOIN (SELECT * FROM images WHERE duplicate_of IS NULL) p ON p.image_id = c.duplicate_of
        WHERE c.duplicate_of IS NOT NULL
        """,
    ),
    Rule(
        "a copy of which something is known apart from its photo",
        """
        SELECT image_id FROM images WHERE duplicate_of IS NOT NULL AND (
            run_id IS NOT NULL OR image_id IN (SELECT image_id FROM results)
            OR image_id IN (SELECT image_id FROM judgements)
            OR image_id IN (SELECT image_id FROM named_boxes)
            OR image_id IN (SELECT image_id FROM static_boxes)
        )
        """,
    ),
    Rule(
        "a thumbnail of no photo",
        """
        SELECT t.image_id, t.thumbnail_of FROM images t
        ANTI JOIN (SELECT * FROM images WHERE duplicate_of IS NULL AND thumbnail_of IS NULL) p
            ON p.image_id = t.thumbnail_of
        WHERE t.thumbnail_of IS NOT NULL
        """,
    ),
    Rule(
        "two files compared twice",
        _twice("thumbnails", "image_id", "original_id", "image_bytes", "original_bytes"),
    ),
    Rule(
        "two photos of the same bytes",
        """
        SELECT whole_id, count(*) AS photos FROM images
        WHERE duplicate_of IS NULL AND whole_id IS NOT NULL AND NOT EXISTS (FROM roots WHERE unsettled)
        GROUP BY whole_id HAVING count(*) > 1
        """,
    ),
    Rule("a gap of no station", _lost("effort_gaps", "station_id", "stations", "station_id")),
    Rule(
        "a gap that ends before it begins",
        "SELECT station_id, first_day, last_day FROM effort_gaps WHERE last_day < first_day",
    ),
    Rule("a kind of unread pictures twice", _twice("unread_pictures", "root_id", "kind")),
    Rule("unread pictures of no root", _lost("unread_pictures", "root_id", "roots", "root_id")),
    Rule("an image of no root", _lost("images", "root_id", "roots")),
    Rule("a station twice", _twice("stations", "station_id")),
    Rule("an image of no station", _lost("images", "station_id", "stations")),
    Rule("a folder's name that means two stations", _twice("station_aliases", "name")),
    Rule("a folder's name that means no station", _lost("station_aliases", "station_id", "stations", "name")),
    Rule("a change of stations twice", _twice("station_changes", "change_id")),
)

TIMES = (
    Rule("two readings of one image and source", _twice("time_readings", "image_id", "source")),
    Rule("a reading without an image", _lost("time_readings", "image_id", "images")),
    Rule(
        "a capture time that no reading gives",
        """
        SELECT i.image_id FROM images i ANTI JOIN time_readings r
        ON r.image_id = i.image_id AND r.counts
            AND r.source = i.captured_at_source AND r.value = i.captured_at
        WHERE i.captured_at IS NOT NULL
        """,
    ),
    Rule("a shift twice", _twice("time_shifts", "shift_id")),
    Rule("a photo moved twice by one shift", _twice("shifted_images", "shift_id", "image_id")),
    Rule("a photo moved by no shift", _lost("shifted_images", "shift_id", "time_shifts")),
    Rule("a shift of no image", _lost("shifted_images", "image_id", "images", "shift_id, image_id")),
    Rule("light of no image", _lost("image_light", "image_id", "images")),
)

PEOPLE = (
    Rule("a judgement twice", _twice("judgements", "judgement_id")),
    Rule("a judgement of no image", _lost("judgements", "image_id", "images", "judgement_id, image_id")),
    Rule(
        "a judged box of no judgement",
        """
        SELECT DISTINCT judgement_id, image_id FROM judged_boxes
        ANTI JOIN judgements USING (judgement_id, image_id)
        """,
    ),
    Rule("a naming twice", _twice("namings", "naming_id")),
    Rule("a named box of no naming", _lost("named_boxes", "naming_id", "namings")),
    Rule("a named box of no image", _lost("named_boxes", "image_id", "images", "naming_id, image_id")),
    Rule("an animal named twice in one naming", _twice("named_boxes", "naming_id", "spot")),
    Rule(
        "an animal on two photos",
        "SELECT spot, count(DISTINCT image_id) AS photos FROM named_boxes GROUP BY spot"
        " HAVING count(DISTINCT image_id) > 1",
    ),
    Rule(
        "a rename or merge without its names",
        "SELECT naming_id FROM namings WHERE (kind <> 'name') = (name IS NULL OR into_name IS NULL)",
    ),
    Rule("an import twice", _twice("imports", "import_id")),
    Rule(
        "a judgement of no import",
        "SELECT judgement_id, import_id FROM judgements ANTI JOIN imports USING (import_id)"
        " WHERE import_id IS NOT NULL",
    ),
    Rule(
        "a naming of no import",
        "SELECT naming_id, import_id FROM namings ANTI JOIN imports USING (import_id)"
        " WHERE import_id IS NOT NULL",
    ),
    Rule(
        "an import whose run is gone",
        "SELECT import_id, run_id FROM imports ANTI JOIN runs USING (run_id)"
        " WHERE run_id IS NOT NULL AND undone_at IS NULL",
    ),
    Rule("two fitted thresholds of one class", _twice("fitted_thresholds", "weights_sha256", "class")),
    Rule("a digest twice", _twice("digests", "digest_id")),
    Rule("what no digest told", _lost("digest_photos", "digest_id", "digests")),
    Rule("a silence that no digest told", _lost("digest_silences", "digest_id", "digests")),
    Rule("a digest of no image", _lost("digest_photos", "image_id", "images", "digest_id, image_id")),
    Rule(
        "a silence of no station",
        """
        SELECT DISTINCT s.station_id FROM digest_silences s ANTI JOIN stations USING (station_id)
        WHERE s.station_id NOT IN (SELECT station_id FROM station_changes WHERE kind = 'merge')
        """,
    ),
)


def _nowhere(table: str, key: str) -> str:
    return (
        f"SELECT {key}, station_id FROM {table} ANTI JOIN stations USING (station_id)"
        f" WHERE station_id NOT IN (SELECT station_id FROM station_changes WHERE kind = 'merge')"
    )


STATIC = (
    Rule("a static place twice", _twice("static_places", "place_id")),
    Rule("a static place of no station", _nowhere("static_places", "place_id")),
    Rule("an answer on a static place twice", _twice("static_answers", "answer_id")),
    Rule(
        "an answer on no static place",
        _lost("static_answers", "place_id", "static_places", "answer_id, place_id"),
    ),
    Rule("a photo twice in an answer on a static place", _twice("static_boxes", "answer_id", "image_id")),
    Rule("a photo of no answer on a static place", _lost("static_boxes", "answer_id", "static_answers")),
    Rule("a static box of no image", _lost("static_boxes", "image_id", "images", "answer_id, image_id")),
    Rule("an excluded area twice", _twice("static_areas", "area_id")),
    Rule("an excluded area of no station", _nowhere("static_areas", "area_id")),
    Rule(
        "an excluded area without three corners",
        "SELECT area_id FROM static_areas WHERE len(points) < 6 OR len(points) % 2 <> 0",
    ),
)

ALL: tuple[Rule, ...] = (*STATES, *RESULTS, *RUNS, *PLACES, *TIMES, *PEOPLE, *STATIC)
"""Every rule; their ``never`` are all different."""


def broken(db: Connection, rules: Sequence[Rule] = ALL) -> list[Broken]:
    """The rules that the database breaks, in their order. Works on a read-only connection."""
    found = []
    for rule in rules:
        cursor = db.execute(f"SELECT *, count(*) OVER () FROM ({rule.sql}) ORDER BY ALL LIMIT 3")
        names = [column[0] for column in cursor.description or []][:-1]
        cases = cursor.fetchall()
        if cases:
            examples = tuple(_named(names, case) for case in cases)
            found.append(Broken(rule, int(cases[0][-1]), examples))
    return found


def _named(names: Sequence[str], case: Sequence[Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(names, case, strict=False))
