"""Visits of named bucks, what is left unnamed, and names that can't all be right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from trailcam.domain import AgeClass, Kind
from trailcam.store.counted import Counted
from trailcam.store.database import query, rows
from trailcam.store.keys import key_columns
from trailcam.store.named import Named, join_names
from trailcam.store.paths import from_db
from trailcam.store.temp_tables import TempTables
from trailcam.store.visits import Level, gap_us, join_visits
from trailcam.sun.legal_light import NO_OFFSET

SAME_MINUTE = timedelta(minutes=1)


class Twice(NamedTuple):
    """One name at two stations within a minute; times are the cameras' (naive).

    ``places``: latitude and longitude of both stations, None where one isn't known.
    """

    name: str
    stations: tuple[str, str]
    times: tuple[datetime, datetime]
    photos: tuple[int, int]
    places: tuple[tuple[float, float], tuple[float, float]] | None


class Sighting(NamedTuple):
    """A visit of a named buck; ``is_new``: one of its photos was named since a moment."""

    name: str
    station: str
    begins_at: datetime
    is_new: bool


@dataclass(frozen=True, slots=True)
class NamedVisits(TempTables):
    """The table ``named_sightings``, made of ``named``: see ``named_visits.sql``."""

    named: Named
    DROPS: ClassVar[str] = f"DROP TABLE named_sightings; {Named.DROPS}"

    def photos_in_columns(self, first_month: int) -> tuple[dict[str, list[str]], dict[str, Any]]:
        """As :meth:`trailcam.store.visits.Visits.photos_in_columns`; names stand where ages do there."""
        season = key_columns(["season"], first_month, "s.captured_at").removesuffix(" AS season, ")
        asked = {"age": "s.name", "station": "s.station", "season": season}
        names: dict[str, list[str]] = {}
        for word, column in asked.items():
            sql = f"SELECT DISTINCT {column} FROM named_sightings s WHERE event IS NOT NULL ORDER BY 1"
            names[word] = [str(name) for (name,) in self.db.execute(sql).fetchall()]
        found = self.db.execute(
            "SELECT epoch_us(s.captured_at) AS at, s.begins, 1::BIGINT AS animals,"
            f" coalesce(i.utc_offset_min, {NO_OFFSET})::BIGINT AS shift,"
            " i.captured_at_suspect IS NOT NULL AS suspect,"
            " i.captured_at_source IN ('filename', 'gps') AS offset_sure,"
            + ", ".join(
                f" list_position(${word}, {column})::BIGINT - 1 AS {word}" for word, column in asked.items()
            )
            + " FROM named_sightings s JOIN images i USING (image_id) WHERE s.event IS NOT NULL"
            " ORDER BY s.station, s.name, s.event, s.steady_at, s.image_id",
            names,
        ).fetchnumpy()
        return names, found

    def counts(self, keys: list[str], first_month: int) -> list[dict[str, Any]]:
        """By name and keys (month, season, station, hour): photos, events (visits), stations, the first and
        last time, the commonest age, and the path and number of the photo that shows most of the buck.
        """
        found = rows(
            self.db,
            f"SELECT name, {key_columns(keys, first_month, 'captured_at', 's.station')}"
            " count(*) AS photos, count(*) FILTER (begins) AS events,"
            " count(DISTINCT s.station) AS stations, mode(age_class) AS age,"
            " min(captured_at) FILTER (i.captured_at_suspect IS NULL) AS first_at,"
            " max(captured_at) FILTER (i.captured_at_suspect IS NULL) AS last_at,"
            " arg_max(image_id, (coalesce(confidence, 0) * sqrt(w::DOUBLE * h), image_id)) AS best_id,"
            " arg_max(i.path, (coalesce(confidence, 0) * sqrt(w::DOUBLE * h), image_id)) AS best"
            " FROM (SELECT * FROM named_sightings) s"
            " JOIN (SELECT image_id, path, captured_at_suspect FROM images) i USING (image_id)"
            " GROUP BY ALL ORDER BY ALL",
        )
        return [{**row, "best": from_db(row["best"])} for row in found]

    def unnamed(self, gap: timedelta, keys: list[str], first_month: int) -> list[dict[str, Any]]:
        """By keys: visits of mature bucks, as ``report bucks`` counts them, that show more of them at once
        than bucks were named in them; with their photos and first and last time.
        """
        with join_visits(self.named.counted, gap, Level.AGE, kinds=[Kind.BUCK], only=[AgeClass.MATURE]):
            found = rows(
                self.db,
                "WITH told AS ("
                "SELECT v.station, v.what, v.event, count(DISTINCT n.name) AS names FROM visits v"
                " JOIN named n ON n.station = v.station AND n.name IS NOT NULL"
                " AND n.captured_at BETWEEN v.begins_at AND v.ends_at GROUP BY ALL)"
                f" SELECT {key_columns(keys, first_month, 'v.begins_at', 'v.station')}"
                " count(*) AS events, sum(v.photos)::BIGINT AS photos,"
                " count(DISTINCT v.station) AS stations, min(v.begins_at) AS first_at,"
                " max(v.ends_at) AS last_at"
                " FROM visits v LEFT JOIN told t USING (station, what, event)"
                " WHERE v.animals > coalesce(t.names, 0) GROUP BY ALL ORDER BY ALL",
            )
        return [row for row in found if row["events"]]

    def seasons(self, first_month: int) -> list[dict[str, Any]]:
        """By season-year: named bucks, the most unnamed bucks in one photo, and the most bucks in one."""
        season = key_columns(["season"], first_month)
        return rows(
            self.db,
            "WITH photo AS ("
            "SELECT image_id, captured_at, count(*) AS bucks,"
            " count(*) FILTER (NOT is_named) AS unnamed FROM ("
            "SELECT c.image_id, c.captured_at, EXISTS (FROM named n WHERE n.image_id = c.image_id"
            " AND n.name IS NOT NULL AND n.kind IS NOT NULL"
            " AND (n.x, n.y, n.w, n.h) = (c.x, c.y, c.w, c.h)) AS is_named"
            " FROM counted c WHERE c.kind = 'buck'"
            " UNION ALL SELECT image_id, captured_at, true FROM named"
            " WHERE name IS NOT NULL AND kind IS DISTINCT FROM 'buck') GROUP BY ALL),"
            f" most AS (SELECT {season} max(bucks) AS at_once, max(unnamed) AS unnamed_at_once FROM photo"
            " WHERE captured_at IS NOT NULL GROUP BY ALL),"
            f" called AS (SELECT {season} count(DISTINCT name) AS named FROM named"
            " WHERE name IS NOT NULL AND captured_at IS NOT NULL GROUP BY ALL)"
            " SELECT season, coalesce(named, 0) AS named, at_once, unnamed_at_once"
            " FROM most LEFT JOIN called USING (season) ORDER BY season",
        )

    def begun(self, since: datetime) -> list[Sighting]:
        """Every visit, by name and time; ``since`` (UTC without zone): which of them are new."""
        found = self.db.execute(
            "SELECT s.name, s.station, min(s.captured_at) AS begins_at, bool_or(n.made_at > ?) AS is_new"
            " FROM named_sightings s JOIN namings n USING (naming_id) WHERE s.event IS NOT NULL"
            " GROUP BY s.name, s.station, s.event ORDER BY s.name, begins_at, s.station",
            [since],
        ).fetchall()
        return [Sighting(str(name), str(station), at, bool(new)) for name, station, at, new in found]

    def twice(self) -> list[Twice]:
        """Names at two stations within a minute, where neither clock is in doubt; the latest first."""
        found = self.db.execute(
            "SELECT a.name, a.station, b.station, a.captured_at, b.captured_at, a.image_id, b.image_id,"
            " s.latitude, s.longitude, t.latitude, t.longitude"
            " FROM named_sightings a JOIN named_sightings b ON b.name = a.name AND b.station > a.station"
            " AND b.captured_at BETWEEN a.captured_at - $within AND a.captured_at + $within"
            " JOIN images i ON i.image_id = a.image_id AND i.captured_at_suspect IS NULL"
            " JOIN images j ON j.image_id = b.image_id AND j.captured_at_suspect IS NULL"
            " JOIN stations s ON s.name = a.station JOIN stations t ON t.name = b.station"
            " QUALIFY row_number() OVER (PARTITION BY a.name, a.station, b.station,"
            " date_trunc('hour', a.captured_at) ORDER BY a.captured_at, a.image_id, b.image_id) = 1"
            " ORDER BY a.captured_at DESC, a.name, a.station, b.station",
            {"within": SAME_MINUTE},
        ).fetchall()
        return [
            Twice(
                *(str(name), (one, other), (at, then), (int(first), int(second))),
                None if None in place else ((place[0], place[1]), (place[2], place[3])),
            )
            for name, one, other, at, then, first, second, *place in found
        ]


def join_named_visits(counted: Counted, gap: timedelta) -> NamedVisits:
    """Join the sightings of named bucks into visits. Works on a read-only connection."""
    named = join_names(counted)
    counted.db.execute(query("named_visits"), {"gap_us": gap_us(gap)})
    return NamedVisits(counted.db, named)
