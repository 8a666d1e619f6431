"""Days on which a camera saw nothing but one colour: a covered lens, or a sensor that failed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from trailcam.media.same_picture import is_one_colour
from trailcam.store.database import Database
from trailcam.store.effort_gaps import Gap, blank_days

_WORKERS = 4
_CHUNK = 64


def find_covered(database: Database, progress: Callable[[int, int], object]) -> list[Gap]:
    """Runs of days whose photos are all black or all grey; up to three photos of each blank day are opened.

    A day whose photos can't be opened says nothing.
    """
    with database.read() as db:
        days = blank_days(db)
    covered = []
    with ThreadPoolExecutor(_WORKERS) as pool:
        for start in range(0, len(days), _CHUNK):
            chunk = days[start : start + _CHUNK]
            looks = pool.map(lambda row: [is_one_colour(path) for path in row["paths"]], chunk)
            covered += [row for row, own in zip(chunk, looks, strict=True) if own and all(own)]
            progress(start + len(chunk), len(days))
    gaps: list[Gap] = []
    for row in covered:
        last = gaps[-1] if gaps else None
        if last and last.station == row["station"] and row["day"] - last.last_day == timedelta(days=1):
            gaps[-1] = Gap(last.station, last.first_day, row["day"], last.reason)
        else:
            gaps.append(Gap(row["station"], row["day"], row["day"], "lens"))
    return gaps
