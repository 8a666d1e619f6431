"""Visits: photos of one kind of animal at one station with no more than the gap between one and the next.

What kinds are told apart is a :class:`Level`. A visit belongs to the month, hour and season-year of its first
photo, and photos without a capture time belong to none. Where files state UTC offsets, the gap is a real one
also across the change of clocks. Every report, gallery and export takes
them from here. In JSON, CSV, Parquet and in these tables a visit is called an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, ClassVar

from trailcam.domain import AgeClass, Kind
from trailcam.errors import UsageError
from trailcam.store.counted import Counted
from trailcam.store.database import Connection, query, rows
from trailcam.store.keys import key_columns
from trailcam.store.temp_tables import TempTables
from trailcam.sun.legal_light import NO_OFFSET
from trailcam.words.text import printable

_LONGEST_US = 2**61  # keeps any timedelta within the 64 bits that it is compared in


class Level(StrEnum):
    """What makes two animals alike: the model's class, its kind, or a buck's age class."""

    CLASS = "class"
    KIND = "kind"
    AGE = "age"
    LOOK = "look"  # what a gallery calls it: "buck/mature", "animal/coyote"


@dataclass(frozen=True, slots=True)
class Visits(TempTables):
    """The table ``sightings`` and the view ``visits``, made of the boxes of ``counted``.

    sightings, a row for each image and what was seen on it: image_id, station, captured_at, what (the name of
    the level), animals (boxes), by_model (those of a model), confidence_sum (of these), confidence_max,
    steady_at (captured_at by a clock that isn't set for summer time: it orders a visit's photos), begins
    (first photo of a visit) and event (the number of the visit within station and what, None without a
    capture time). visits, a row for each: station, what, event, begins_at, ends_at, photos and animals (most
    in one photo).
    """

    counted: Counted
    DROPS: ClassVar[str] = "DROP VIEW visits; DROP TABLE sightings"

    def counts(self, keys: Sequence[str], first_month: int) -> list[dict[str, Any]]:
        """By class (``what``) and keys: photos, detections, events and max_animals (most in one photo)."""
        return rows(
            self.db,
            f"SELECT what AS class, {key_columns(keys, first_month)} count(*) AS photos,"
            " sum(animals)::BIGINT AS detections, count(*) FILTER (begins) AS events,"
            " max(animals) AS max_animals FROM sightings GROUP BY ALL",
        )

    def n_by(self, keys: Sequence[str], first_month: int) -> dict[tuple[Any, ...], int]:
        """How many visits began, by keys."""
        found = rows(
            self.db,
            f"SELECT {key_columns(keys, first_month)} count(*) FILTER (begins) AS events FROM sightings"
            " GROUP BY ALL",
        )
        return {tuple(row[key] for key in keys): row["events"] for row in found}

    def bucks(self, keys: Sequence[str], first_month: int) -> list[dict[str, Any]]:
        """The rows of ``report_bucks.sql``, of visits of bucks by age class. ``keys`` are all but the age."""
        wanted = {f"by_{key}": key in keys for key in ("month", "season", "station", "hour")}
        return rows(self.db, query("report_bucks"), {**wanted, "first_month": first_month})

    def photos_in_columns(self, first_month: int) -> tuple[dict[str, list[str]], dict[str, Any]]:
        """The photos with a time, by visit and time, in columns: a million leave too many for an object each.

        Returns the names of whats ("age"), stations and seasons, and the columns, numpy arrays of equal
        length: age, station and season (int64, places in these lists), at (int64, microseconds since 1970 by
        the camera's clock), begins and suspect (bool), animals (int64), shift (int64, the UTC offset in
        minutes that the file states, else NO_OFFSET) and offset_sure (bool: a name or satellites state it).
        """
        season = key_columns(["season"], first_month, "s.captured_at").removesuffix(" AS season, ")
        asked = {"age": "s.what", "station": "s.station", "season": season}
        names: dict[str, list[str]] = {}
        for word, column in asked.items():
            sql = f"SELECT DISTINCT {column} FROM sightings s WHERE event IS NOT NULL ORDER BY 1"
            names[word] = [str(name) for (name,) in self.db.execute(sql).fetchall()]
        found = self.db.execute(
            "SELECT epoch_us(s.captured_at) AS at, s.begins, s.animals,"
            f" coalesce(i.utc_offset_min, {NO_OFFSET})::BIGINT AS shift,"
            " i.captured_at_suspect IS NOT NULL AS suspect,"
            " i.captured_at_source IN ('filename', 'gps') AS offset_sure,"
            # Numbers, as a text for each photo would take longer to fetch than all the rest.
            + ", ".join(
                f" list_position(${word}, {column})::BIGINT - 1 AS {word}" for word, column in asked.items()
            )
            + " FROM sightings s JOIN images i USING (image_id) WHERE s.event IS NOT NULL"
            " ORDER BY s.station, s.what, s.event, s.steady_at, s.image_id",
            names,
        ).fetchnumpy()
        return names, found

    def each(self, keys: Sequence[str], first_month: int) -> list[dict[str, Any]]:
        """Each visit: kind (``what``), place (station), day, animals and keys; by place and day."""
        return rows(
            self.db,
            f"SELECT {key_columns(keys, first_month, 'begins_at')} what AS kind, station AS place,"
            " begins_at::DATE AS day, animals FROM visits ORDER BY place, day, kind",
        )

    def first_photos(self, keys: Sequence[str], first_month: int) -> list[tuple[Any, ...]]:
        """The first photo of each visit, by time: keys, what, station, time, UTC offset (min), suspect and,
        as in :meth:`photos_in_columns`, offset_sure.
        """
        return self.db.execute(
            f"SELECT {key_columns(keys, first_month, 's.captured_at', 's.station')} s.what, s.station,"
            " s.captured_at, i.utc_offset_min, i.captured_at_suspect IS NOT NULL,"
            " i.captured_at_source IN ('filename', 'gps')"
            " FROM sightings s JOIN images i USING (image_id) WHERE s.begins"
            " ORDER BY s.captured_at, s.station, s.what"
        ).fetchall()

    def undated_animals(self) -> int:
        """How many boxes are on photos without a capture time, and so in no visit."""
        ((n,),) = self.db.execute(
            "SELECT coalesce(sum(animals), 0) FROM sightings WHERE captured_at IS NULL"
        ).fetchall()
        return int(n)

    def count_blank(self) -> int:
        """How many of the photos were looked at and show nothing that counts."""
        ((n,),) = self.db.execute(
            "SELECT count(*) FROM selected ANTI JOIN sightings USING (image_id) WHERE status = 'completed'"
        ).fetchall()
        return int(n)


def join_visits(
    counted: Counted,
    gap: timedelta,
    level: Level,
    *,
    kinds: Sequence[Kind] | None = None,
    only: Sequence[str] | None = None,
) -> Visits:
    """Join what counts into visits. Works on a read-only connection.

    ``kinds`` are those to take; ``only`` names classes, kinds or age classes among them, in any case. None
    takes all.
    """
    counted.db.execute(
        query("visits"),
        {
            "level": level.value,
            "kinds": None if kinds is None else [kind.value for kind in kinds],
            "only": None if only is None else [name.lower() for name in only],
            "gap_us": gap_us(gap),
        },
    )
    counted.db.execute(
        "CREATE TEMP VIEW visits AS SELECT station, what, event,"
        " min(captured_at) FILTER (begins) AS begins_at, max(captured_at) AS ends_at,"
        " count(*) AS photos, max(animals)::BIGINT AS animals"
        " FROM sightings WHERE event IS NOT NULL GROUP BY station, what, event"
    )
    return Visits(counted.db, counted)


def gap_us(gap: timedelta) -> int:
    """A gap in microseconds, as queries compare it."""
    return min(gap // timedelta(microseconds=1), _LONGEST_US)


def check_names(db: Connection, names: Sequence[str]) -> None:
    """Raise UsageError for the first of ``names`` that is no class of a run or person, no kind and no age."""
    found = db.execute(
        "SELECT name FROM classes UNION SELECT class FROM judged_boxes WHERE class IS NOT NULL ORDER BY 1"
    ).fetchall()
    classes = [str(name) for (name,) in found]
    known = {name.lower() for name in (*classes, *Kind, *AgeClass)}
    for name in names:
        if name.lower() not in known:
            listed = ", ".join(map(printable, classes)) or "none yet: run `trailcam detect` first"
            raise UsageError(
                f'There is no class "{printable(name)}".',
                f"Classes: {listed}. Kinds: {', '.join(Kind)}. Ages of bucks: {', '.join(AgeClass)}.",
            )
