"""Shift times: plan, do, take back, and keep shifts in force when photos are read again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trailcam.domain import CaptureTime, TimeSource
from trailcam.errors import UsageError
from trailcam.media.capture_time import BEFORE_2000, FUTURE, best, suspicion
from trailcam.store.clock_shifts import (
    Moved,
    ToShift,
    any_shifts,
    corrected,
    drop_corrections,
    save_shift,
    to_shift,
    too_few,
    undo_shift,
)
from trailcam.store.database import utc_now
from trailcam.store.readings import Reading, counting_readings, save_choices, save_readings
from trailcam.store.select import select
from trailcam.words.span import Amount

if TYPE_CHECKING:
    from trailcam.selection import Selection
    from trailcam.store.database import Connection


@dataclass(frozen=True, slots=True)
class ShiftPlan:
    """``by`` is what is added to every photo's time; ``asked`` are the user's words."""

    by: timedelta
    asked: str
    photos: ToShift

    @property
    def moved(self) -> list[Moved]:
        """The photos by station."""
        return self.photos.moved

    @property
    def n_photos(self) -> int:
        return sum(part.photos for part in self.moved)


def plan_shift(
    db: Connection,
    selection: Selection,
    folder: str | None,
    asked: str,
    by: Amount | None,
    to: datetime | None,
) -> ShiftPlan:
    """What a shift of the selection's dated photos would do. Works on a read-only connection.

    Years and months of ``by`` are counted from the first photo; the same time is then added to all, because a
    wrong clock runs on evenly. ``to`` is the first photo's true time. Nothing at all is a word too: the times
    are right as they are. Raises UsageError.
    """
    with select(db, selection) as chosen:
        photos = to_shift(chosen, folder)
    parts = photos.moved
    if not parts:
        raise too_few("that choice")
    first = min(part.first_at for part in parts)
    last = max(part.last_at for part in parts)
    try:
        target = by.after(first) if by else to
        assert target is not None
        last + (target - first)
    except (OverflowError, UsageError):
        raise UsageError(
            "The result is outside the years 1 to 9999.",
            f"Nothing was changed. The chosen photos are dated {first.date()} to {last.date()}; --since and"
            " --until leave out those of impossible years.",
        ) from None
    return ShiftPlan(target - first, asked, photos)


def apply_shift(db: Connection, plan: ShiftPlan, note: str | None, now: datetime) -> int:
    """Do what :func:`plan_shift` said, on the same connection; returns the shift's number.

    ``now`` is naive local time.
    """
    with plan.photos:
        shift_id, image_ids = save_shift(plan.photos, plan.asked, plan.by, note)
    restore(db, image_ids, now)
    return shift_id


def take_back(db: Connection, shift_id: int | None, now: datetime) -> tuple[int, int]:
    """Undo a shift, the newest by default; returns its number and how many photos. Raises UsageError."""
    undone, image_ids = undo_shift(db, shift_id)
    restore(db, image_ids, now)
    return undone, len(image_ids)


def restore(db: Connection, image_ids: Collection[int], now: datetime) -> None:
    """Give images the times that the shifts in force say, and their own where none does."""
    if not image_ids:
        return
    drop_corrections(db, image_ids)
    readings = [
        Reading(image_id, CaptureTime(at, TimeSource.CORRECTION, _doubt(at, now)))
        for image_id, at in corrected(db, image_ids).items()
    ]
    save_readings(db, readings, utc_now())
    found = counting_readings(db, image_ids)
    save_choices(db, [(image_id, *_with_offset(found.get(image_id, []))) for image_id in image_ids])


def restore_reread(db: Connection, image_ids: Collection[int], now: datetime) -> None:
    """After a scan has read changed files of these images again."""
    if image_ids and any_shifts(db):
        restore(db, image_ids, now)


def _doubt(at: datetime, now: datetime) -> str | None:
    # A person may well say that a photo is of New Year 2015; nobody takes photos tomorrow.
    doubt = suspicion(at, now)
    return doubt if doubt in (BEFORE_2000, FUTURE) else None


def _with_offset(found: list[CaptureTime]) -> tuple[CaptureTime, str | None]:
    """The time to choose; a correction keeps the UTC offset that the file states: the zone wasn't wrong."""
    time, reason = best(found)
    if time.source is TimeSource.CORRECTION:
        own, _ = best([one for one in found if one.source is not TimeSource.CORRECTION])
        time = CaptureTime(time.at, time.source, time.suspect, own.utc_offset_min)
    return time, reason
