"""A Selection as SQL. Every query about "these images" starts from the table made here."""

from __future__ import annotations

from difflib import get_close_matches

from trailcam.errors import UsageError
from trailcam.selection import Selection
from trailcam.store.counted import make_judged
from trailcam.store.database import Connection, quoted
from trailcam.store.paths import from_db
from trailcam.words.text import printable


def make_selected(db: Connection, selection: Selection) -> None:
    """Create the temporary view ``selected``: the images that fit, with their station's name.

    Columns: image_id, root_id, path, station, captured_at, captured_at_source,
    captured_at_suspect, status, run_id (of the run whose boxes count,
    None where none's do) and by_person: whether what is known of the photo is a person's word alone. A photo
    that a person judged was looked at: its status is completed where it would be pending or failed. (A
    selection by status goes by what detect made of a photo.) Exact copies of other photos are left out.
    Works on a read-only connection. Raises UsageError for a station that doesn't exist.
    """
    _check_stations(db, selection)
    base = _base(judged=make_judged(db))
    db.execute(f"CREATE OR REPLACE TEMP VIEW selected AS {base} WHERE {_where(selection)}")


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
        "i.image_id, i.root_id, i.path, s.name AS station, i.captured_at, i.captured_at_source,"
        " i.captured_at_suspect"
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
    # Exact copies are photos that are there already.
    return " AND ".join(["i.duplicate_of IS NULL", *terms])


def _check_stations(db: Connection, selection: Selection) -> None:
    known = [str(name) for (name,) in db.execute("SELECT name FROM stations ORDER BY name").fetchall()]
    by_lower = {name.lower(): name for name in known}
    for name in selection.stations:
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
        " FROM images WHERE root_id = $root AND status <> 'missing')"
        " WHERE (k - 1) % greatest(total // $n, 1) = 0 ORDER BY k LIMIT $n",
        {"root": root_id, "n": n},
    ).fetchall()
    return [from_db(str(path)) for (path,) in found]


def count_copies(db: Connection) -> int:
    """How many files that are there repeat a photo."""
    ((n,),) = db.execute(
        "SELECT count(*) FROM images WHERE duplicate_of IS NOT NULL AND status <> 'missing'"
    ).fetchall()
    return int(n)
