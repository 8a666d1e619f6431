"""A Selection as SQL. Every query about "these images" starts from the view made here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, ClassVar

from trailcam.errors import UsageError
from trailcam.selection import Selection
from trailcam.store.database import Connection, query, quoted, rows
from trailcam.store.hidden import Hidden
from trailcam.store.judged import Judged, make_judged
from trailcam.store.moments import MOMENT_DROPS, make_moments
from trailcam.store.paths import from_db
from trailcam.store.temp_tables import TempTables
from trailcam.words.text import printable


@dataclass(frozen=True, slots=True)
class Selected(TempTables):
    """The view ``selected``: the images that fit, with their station's name; ``moments`` and ``stills``.

    Columns: image_id, root_id, path, station_id, station, captured_at, captured_at_source,
    captured_at_suspect, is_video, duration_s, status, run_id (of the run whose boxes count, None where
    none's do) and by_person: whether all that is known of the photo is a correction. A photo that a person
    judged was looked at: its status is completed where it would be pending or failed. (A selection by
    status goes by what detect made of a photo.) Exact copies of other photos and thumbnails are left out.
    ``moments``, with the same columns, are what counts of photos count: a photo and the video of the same
    trigger are one (see :mod:`trailcam.store.moments`). ``judged`` are the corrections in force, None where
    there are none; ``hidden`` what static places and areas take out of the counts.
    """

    selection: Selection
    judged: Judged | None
    hidden: Hidden
    DROPS: ClassVar[str] = f"{MOMENT_DROPS}; DROP VIEW selected; {Judged.DROPS}; {Hidden.DROPS}"

    def undated_left_out(self) -> int:
        """See :func:`count_undated_left_out`."""
        return count_undated_left_out(self.db, self.selection)

    def count_stills(self) -> int:
        """How many videos lie beside the photo of the same trigger."""
        ((n,),) = self.db.execute("SELECT count(*) FROM stills").fetchall()
        return int(n)

    def clips(self) -> list[dict[str, Any]]:
        """The videos beside photos of the same trigger: clip_id, still_id, root_id and path of the video."""
        sql = (
            "SELECT t.clip_id, t.still_id, s.root_id, s.path FROM stills t"
            " JOIN selected s ON s.image_id = t.clip_id ORDER BY t.clip_id"
        )
        return [{**row, "path": from_db(row["path"])} for row in rows(self.db, sql)]

    def count_judged(self) -> int:
        """How many of the photos rest, all or in part, on a correction."""
        if not self.judged:
            return 0
        ((n,),) = self.db.execute("SELECT count(*) FROM selected JOIN judged USING (image_id)").fetchall()
        return int(n)

    def models(self) -> list[dict[str, Any]]:
        """The runs whose results count for them, as rows of ``report_models.sql``."""
        return rows(self.db, query("report_models"))


def select(db: Connection, selection: Selection) -> Selected:
    """Select photos. Works on a read-only connection. Raises UsageError for a station that doesn't exist."""
    check_stations(db, selection.stations)
    judged = make_judged(db)
    base = _base(judged=judged is not None)
    db.execute(f"CREATE TEMP VIEW selected AS {base} WHERE {_where(selection)}")
    make_moments(db)
    return Selected(db, selection, judged, Hidden(db))


def count_undated_left_out(db: Connection, selection: Selection) -> int:
    """How many images fit in all but the capture time, which they lack."""
    if not selection.by_date or selection.include_undated:
        return 0
    rest = Selection(stations=selection.stations, statuses=selection.statuses)
    sql = f"SELECT count(*) FROM ({_base(judged=False)} WHERE {_where(rest)}) WHERE captured_at IS NULL"
    ((n,),) = db.execute(sql).fetchall()
    return int(n)


def _base(*, judged: bool) -> str:
    place = (
        "i.image_id, i.root_id, i.path, i.station_id, s.name AS station, i.captured_at, i.captured_at_source,"
        " i.captured_at_suspect, i.is_video, i.duration_s"
    )
    photos = "FROM images i JOIN stations s USING (station_id)"
    if not judged:
        return f"SELECT {place}, i.status, i.run_id, false AS by_person {photos}"
    return (
        f"SELECT {place},"
        " CASE WHEN j.image_id IS NOT NULL AND i.status IN ('pending', 'failed') THEN 'completed'"
        " ELSE i.status END AS status,"
        " CASE WHEN NOT coalesce(j.whole, false) THEN i.run_id END AS run_id,"
        " coalesce(j.whole OR i.run_id IS NULL, false) AS by_person"
        f" {photos} LEFT JOIN judged j ON j.image_id = i.image_id"
    )


def _where(selection: Selection) -> str:
    """The condition in SQL. A view takes no parameters: numbers and times are formatted by
    Python's own types, and station names are quoted as SQL asks for."""
    terms = []
    dates = []
    if selection.months:
        dates.append(f"month(i.captured_at) IN ({', '.join(str(int(m)) for m in selection.months)})")
    if selection.since:
        dates.append(f"i.captured_at >= TIMESTAMP '{selection.since.isoformat(sep=' ')}'")
    if selection.until:
        dates.append(f"i.captured_at <= TIMESTAMP '{selection.until.isoformat(sep=' ')}'")
    if dates:
        dated = " AND ".join(dates)
        terms.append(f"(i.captured_at IS NULL OR ({dated}))" if selection.include_undated else f"({dated})")
    if selection.stations:
        terms.append(f"lower(s.name) IN ({', '.join(quoted(n.lower()) for n in selection.stations)})")
    if selection.statuses:
        terms.append(f"i.status IN ({', '.join(quoted(s.value) for s in selection.statuses)})")
    # Exact copies and thumbnails are photos that are there already.
    return " AND ".join(["i.duplicate_of IS NULL", "i.thumbnail_of IS NULL", *terms])


def check_stations(db: Connection, names: Sequence[str]) -> None:
    """Raise UsageError for the first of ``names`` that is not a station, in any case."""
    known = [str(name) for (name,) in db.execute("SELECT name FROM stations ORDER BY name").fetchall()]
    by_lower = {name.lower(): name for name in known}
    for name in names:
        if name.lower() in by_lower:
            continue
        near = get_close_matches(name.lower(), by_lower, n=1)
        guess = f"Did you mean {printable(by_lower[near[0]])}? " if near else ""
        listed = ", ".join(printable(n) for n in known) or "none yet: run `trailcam scan` first"
        raise UsageError(f"There is no station {printable(name)!r}.", f"{guess}Known stations: {listed}.")


def sample_paths(db: Connection, root_id: int, n: int) -> list[str]:
    """Up to ``n`` photos of a root that were there at the last scan, spread evenly; as Python has paths."""
    found = db.execute(
        "SELECT path FROM (SELECT path, row_number() OVER (ORDER BY path) AS k, count(*) OVER () AS total"
        " FROM images WHERE root_id = $root AND status <> 'missing' AND NOT is_video)"
        " WHERE (k - 1) % greatest(total // $n, 1) = 0 ORDER BY k LIMIT $n",
        {"root": root_id, "n": n},
    ).fetchall()
    return [from_db(str(path)) for (path,) in found]


def count_thumbnails(db: Connection) -> int:
    """How many files that are there are a photo in a smaller size."""
    ((n,),) = db.execute(
        "SELECT count(*) FROM images WHERE thumbnail_of IS NOT NULL AND status <> 'missing'"
    ).fetchall()
    return int(n)


def count_copies(db: Connection) -> int:
    """How many files that are there repeat a photo."""
    ((n,),) = db.execute(
        "SELECT count(*) FROM images WHERE duplicate_of IS NOT NULL AND status <> 'missing'"
    ).fetchall()
    return int(n)
