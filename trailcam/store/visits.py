"""Visits: photos of one flock at one station with no more than the gap between one and the next.

All deer are one flock. What is told apart within a visit is a :class:`Level`; a young and a mature buck in
one visit are a row each, and totals count the visit once. It belongs to the month, hour and season-year of
its first photo, and photos without a capture time belong to none. Where files state UTC offsets, the gap is a
real one also across the change of clocks. Every report, gallery and export takes visits from here. In JSON,
CSV, Parquet and in these tables a visit is called an event. docs/visits.md has the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from trailcam.domain import DEER_KINDS, AgeClass, ClassInfo, Kind
from trailcam.errors import UsageError
from trailcam.settings.class_words import is_meant, words_of
from trailcam.settings.species import COMMON_SPECIES
from trailcam.store.counted import Counted
from trailcam.store.database import Connection, lent, query, rows
from trailcam.store.keys import key_columns
from trailcam.store.named_classes import named_classes
from trailcam.store.notes import TEMPERATURE, TEMPERATURES
from trailcam.store.temp_tables import TempTables
from trailcam.sun.legal_light import NO_OFFSET
from trailcam.words.text import printable

if TYPE_CHECKING:
    from trailcam.store.animals import Animals

_SIGHTINGS = "CREATE TEMP VIEW sightings AS SELECT *, image_id AS moment FROM image_sightings"
_LONGEST_US = 2**61  # keeps any timedelta within the 64 bits that it is compared in


class Level(StrEnum):
    """What makes two animals alike: the model's class, its kind, or a buck's age class."""

    CLASS = "class"
    KIND = "kind"
    HERD = "herd"  # as KIND, with bucks, does, fawns and deer of unknown sex as one, "deer"
    AGE = "age"


@dataclass(frozen=True, slots=True)
class Visits(TempTables):
    """The table ``image_sightings`` and the views ``sightings`` and ``visits``, made of ``counted``.

    sightings, a row for each photo and what was seen on it, where a photo and the video of its trigger are
    one: image_id (of the two the one that shows more), moment (of the two the photo), station, captured_at,
    what (the name of the level), animals (boxes), by_model (those of a model), confidence_sum (of these),
    confidence_max, sure (the confidence of a box that says so itself, 0 where only other photos of the visit
    do), steady_at (captured_at by a clock that isn't set for summer time: it orders a visit's photos), event
    (the number of the visit, None without a capture time), begins (its first row of this ``what``) and
    begins_visit (its first row). image_sightings, the same for each image, without moment. visits, a row for
    each visit and what: station, what, event, begins_at, ends_at, photos, animals (most in one photo),
    saying_so (how many of the photos say so themselves) and sure (mean over the photos).
    """

    counted: Counted
    DROPS: ClassVar[str] = (
        "DROP VIEW visits; DROP VIEW sightings; DROP TABLE image_sightings;"
        " DROP TABLE IF EXISTS temp.moment_sightings"
    )

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
            f"SELECT {key_columns(keys, first_month)} count(*) FILTER (begins_visit) AS events FROM sightings"
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
        """The first photo of each visit, by time: keys, what, station, time, UTC offset (min), suspect,
        offset_sure as in :meth:`photos_in_columns`, and temperature_c.
        """
        return self.db.execute(
            f"SELECT {key_columns(keys, first_month, 's.captured_at', 's.station')} s.what, s.station,"
            " s.captured_at, i.utc_offset_min, i.captured_at_suspect IS NOT NULL,"
            f" i.captured_at_source IN ('filename', 'gps'), {TEMPERATURE}"
            f" FROM sightings s JOIN images i USING (image_id){TEMPERATURES} WHERE s.begins"
            " ORDER BY s.captured_at, s.station, s.what"
        ).fetchall()

    def latest(self, what: str | None, limit: int) -> list[dict[str, Any]]:
        """The latest visits, of one ``what`` or of any: what, station, begins_at, begins_us, photos, animals,
        saying_so (photos that say so themselves), sure (mean over the photos), image_id (the photo that says
        so most surely) and its temperature_c.
        """
        return rows(
            self.db,
            "WITH latest AS (SELECT s.what, s.station, min(s.captured_at) FILTER (s.begins) AS begins_at,"
            " count(*) AS photos, max(s.animals)::BIGINT AS animals,"
            " count(*) FILTER (s.sure > 0) AS saying_so, avg(s.sure)::DOUBLE AS sure,"
            " arg_max(s.image_id, (s.sure, s.confidence_max, -s.image_id)) AS image_id"
            " FROM sightings s WHERE s.event IS NOT NULL AND ($1 IS NULL OR s.what = $1)"
            " GROUP BY s.station, s.what, s.event ORDER BY begins_at DESC, s.station, s.what LIMIT $2)"
            f" SELECT l.*, epoch_us(l.begins_at) AS begins_us, {TEMPERATURE} AS temperature_c"
            f" FROM latest l JOIN images i USING (image_id){TEMPERATURES}"
            " ORDER BY l.begins_at DESC, l.station, l.what",
            [what, limit],
        )

    def undated_animals(self) -> int:
        """How many boxes are on photos without a capture time, and so in no visit."""
        ((n,),) = self.db.execute(
            "SELECT coalesce(sum(animals), 0) FROM sightings WHERE captured_at IS NULL"
        ).fetchall()
        return int(n)

    def count_blank(self) -> int:
        """How many of the photos were looked at and show nothing that counts."""
        ((n,),) = self.db.execute(
            "SELECT count(*) FROM moments m ANTI JOIN sightings s ON s.moment = m.image_id"
            " WHERE m.status = 'completed'"
        ).fetchall()
        return int(n)


def join_visits(
    counted: Counted,
    gap: timedelta,
    level: Level,
    *,
    per_visit: bool = True,
    kinds: Sequence[Kind] | None = None,
    only: Sequence[str] | None = None,
) -> Visits:
    """Join what counts into visits. Works on a read-only connection.

    ``per_visit``: a deer has one class in all photos of its visit (see :mod:`trailcam.store.visit_classes`);
    otherwise each box keeps its own. ``kinds`` are those to take; ``only`` names classes, kinds or age
    classes among them, in any case. None takes all. Both choose among what the visits show.
    "deer" is all deer, their sex told or not.
    """
    from trailcam.store.animals import animals_of, flock_of  # numpy takes as long as all of `status`

    flocks = {flock_of(info) for _, info in counted.classes() if _is_wanted(info, kinds, only)}
    animals = animals_of(counted, gap_us(gap), per_visit=per_visit, flocks=flocks)
    return visits_among(counted, animals, level, kinds=kinds, only=only)


def visits_among(
    counted: Counted,
    animals: Animals,
    level: Level,
    *,
    kinds: Sequence[Kind] | None = None,
    only: Sequence[str] | None = None,
) -> Visits:
    """As :func:`join_visits`, of animals that are joined already."""
    _see(counted.db, animals, level, [_is_wanted(info, kinds, only) for _, info in animals.classes])
    counted.db.execute(
        "CREATE TEMP VIEW visits AS SELECT station, what, event,"
        " min(captured_at) FILTER (begins) AS begins_at, max(captured_at) AS ends_at,"
        " count(*) AS photos, max(animals)::BIGINT AS animals,"
        " count(*) FILTER (sure > 0) AS saying_so, avg(sure) AS sure"
        " FROM sightings WHERE event IS NOT NULL GROUP BY station, what, event"
    )
    return Visits(counted.db, counted)


def _see(db: Connection, animals: Animals, level: Level, wanted: Sequence[bool]) -> None:
    """Make the table ``sightings`` of the boxes whose class is ``wanted`` by its place in ``classes``."""
    import numpy as np

    whats = [_what(info, level) for _, info in animals.classes]
    names = sorted(set(whats))
    number = np.array([names.index(what) for what in whats], np.int64)
    places = np.flatnonzero(np.array(wanted, np.bool_)[animals.shown])
    visit, called = animals.visit[places], number[animals.shown[places]]
    # The first box of each visit, and of each `what` in it, as they come by time.
    begins, begins_visit = np.zeros((2, len(places)), np.bool_)
    begins[np.unique(visit * len(names) + called, return_index=True)[1]] = True
    begins_visit[np.unique(visit, return_index=True)[1]] = True
    dated = visit != 0
    rows_ = animals.rows(places) | {
        "called": called,
        "begins": begins & dated,
        "begins_visit": begins_visit & dated,
    }
    with lent(db, joined=rows_):
        db.execute(query("sightings"), {"whats": names})
    ((any_stills,),) = db.execute("SELECT EXISTS (FROM stills)").fetchall()
    db.execute(query("moment_sightings") if any_stills else _SIGHTINGS)


def _what(info: ClassInfo, level: Level) -> str:
    if level is Level.HERD:
        return Kind.DEER.value if info.kind in DEER_KINDS else info.kind.value
    age = info.age_class or AgeClass.UNKNOWN
    return {Level.CLASS: info.name, Level.KIND: info.kind.value}.get(level, age.value)


def _is_wanted(info: ClassInfo, kinds: Sequence[Kind] | None, only: Sequence[str] | None) -> bool:
    return (kinds is None or info.kind in kinds) and (only is None or is_meant(words_of(info), only))


def gap_us(gap: timedelta) -> int:
    """A gap in microseconds, as queries compare it."""
    return min(gap // timedelta(microseconds=1), _LONGEST_US)


def check_names(db: Connection, names: Sequence[str]) -> None:
    """Raise UsageError for the first name that is no class of a run or person, kind, age or common animal."""
    infos = named_classes(db)
    known = set[str]({*Kind, *AgeClass, *COMMON_SPECIES}).union(*map(words_of, infos))
    classes = sorted({info.name for info in infos})
    for name in names:
        if not is_meant(known, [name]):
            listed = ", ".join(map(printable, classes)) or "none yet: run `trailcam detect` first"
            raise UsageError(
                f'There is no class "{printable(name)}".',
                f"Classes: {listed}. Kinds: {', '.join(Kind)}. Ages of bucks: {', '.join(AgeClass)}."
                " Common animals of North America are known as well.",
            )
