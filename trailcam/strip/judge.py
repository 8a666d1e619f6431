"""What a folder's photos say together about each of their strips. Pure functions.

Nothing is decided from one photo alone. The folder says which formats are normal, in which order the camera
writes dates, and which readings contradict the sequence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from trailcam.strip.order import agrees, contradictions, decide_order
from trailcam.strip.parse import Stamp, find_stamp
from trailcam.strip.records import DateOrder, RawReading, Reason, StripReading

BAR = 0.75
"""Confidence below which a time stays unknown; chosen on rendered strips (docs/strips.md)."""

_RARE = 0.1  # share of the photos under which another format is a misreading
_MOSTLY = 0.8  # share of a format's photos that tells whether it writes 5 as 05
_WITH_EXIF = 0.99
_DOUBT = 0.3  # what is left of the confidence in a reading that the folder contradicts

Read = tuple[RawReading, Stamp | None]


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts IMG_2 before IMG_10, whatever the case."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple((0, int(p), p) if p.isascii() and p.isdigit() else (1, 0, p.casefold()) for p in parts)


def judge(
    raws: Sequence[RawReading], now: datetime, order: DateOrder | None = None, bar: float = BAR
) -> Iterator[StripReading]:
    """Readings of one camera's photos in one folder, in the order of their names.

    ``now`` (naive local time) bounds the future, ``order`` is the order of day and month where a person knows
    it, ``bar`` (0..1) the confidence from which a time counts.
    """
    read = [(raw, find_stamp(raw.text)) for raw in sorted(raws, key=lambda raw: natural_key(raw.name))]
    odd = _odd(read)
    orders: dict[str, DateOrder | None] = {}
    halved = set()
    for shape in {stamp.shape for i, (_, stamp) in enumerate(read) if stamp and i not in odd}:
        mine = [
            (raw, stamp)
            for i, (raw, stamp) in enumerate(read)
            if stamp and stamp.shape == shape and i not in odd
        ]
        orders[shape] = _known(order, mine) or _order_of(mine, now, bar)
        if _half_lost(mine, orders[shape]):
            halved.add(shape)
    times = [
        stamp.when(at) if stamp and (at := orders.get(stamp.shape)) and i not in odd else None
        for i, (_, stamp) in enumerate(read)
    ]
    accused = contradictions(times, [raw.certainty for raw, _ in read])
    for i, (raw, stamp) in enumerate(read):
        if stamp is None:
            yield StripReading(raw, None, 0.0, raw.failure or Reason.NO_STRIP)
            continue
        doubt = Reason.ODD_FORMAT if i in odd else Reason.OUT_OF_ORDER if i in accused else None
        if stamp.shape in halved:
            doubt = Reason.HALF_UNKNOWN
        reason, confidence = _verdict(raw, times[i], doubt, now, bar)
        yield StripReading(raw, times[i], confidence, reason, stamp.has_seconds)


def _verdict(
    raw: RawReading, at: datetime | None, doubt: Reason | None, now: datetime, bar: float
) -> tuple[Reason, float]:
    if doubt is Reason.ODD_FORMAT:
        return doubt, round(raw.certainty * _DOUBT, 3)
    if at is None:
        return Reason.ORDER_UNKNOWN, 0.0
    if (at - now).days >= 1 or at.year < 2000:
        return Reason.IMPOSSIBLE, 0.0
    if raw.exif_at is not None:
        if agrees(at, raw.exif_at):
            return Reason.OK, max(_WITH_EXIF, round(raw.certainty, 3))
        return Reason.EXIF_DIFFERS, round(raw.certainty * 0.5, 3)
    if doubt is not None:
        return doubt, round(raw.certainty * _DOUBT, 3)
    return (Reason.OK if raw.certainty >= bar else Reason.UNSURE), round(raw.certainty, 3)


def _odd(read: Sequence[Read]) -> set[int]:
    """Places of stamps that aren't written as the folder's others are: they lost a digit or an AM."""
    counts = Counter(stamp.shape for _, stamp in read if stamp)
    normal = {shape for shape, n in counts.items() if n >= _RARE * counts.total()}
    for shape in list(normal):
        twin = _twin(shape)
        if counts[twin] and not _proves_24h([stamp for _, stamp in read if stamp and stamp.shape == shape]):
            normal.discard(shape)
    padded = {
        (shape, k): _padding([stamp.padded[k] for _, stamp in read if stamp and stamp.shape == shape])
        for shape in normal
        for k in (0, 1)
    }
    return {
        i
        for i, (_, stamp) in enumerate(read)
        if stamp
        and (
            stamp.shape not in normal
            or any(
                padded[stamp.shape, k] is not None and stamp.padded[k] not in (None, padded[stamp.shape, k])
                for k in (0, 1)
            )
        )
    }


def _twin(shape: str) -> str:
    """The same format with AM and PM, for one without; else nothing."""
    return shape.replace("24", "12") if "24" in shape else ""


def _proves_24h(stamps: Sequence[Stamp]) -> bool:
    """Whether a clock without AM and PM shows the hours that only a clock of 24 hours has, often enough.

    Where both kinds are found in one folder, a single 10:51 of many may be a 10:51 PM that lost its end.
    """
    return sum(stamp.at.hour in (0, *range(13, 24)) for stamp in stamps) >= max(2, 0.2 * len(stamps))


def _padding(seen: Sequence[bool | None]) -> bool | None:
    """Whether numbers below 10 have a leading zero, None where the photos don't say it clearly."""
    told = [one for one in seen if one is not None]
    if not told:
        return None
    for answer in (True, False):
        if told.count(answer) >= _MOSTLY * len(told):
            return answer
    return None


def _known(order: DateOrder | None, mine: Sequence[tuple[RawReading, Stamp]]) -> DateOrder | None:
    """The order that a person named, if this format can be written in it."""
    return order if order and any(order in stamp.orders for _, stamp in mine) else None


def _order_of(mine: Sequence[tuple[RawReading, Stamp]], now: datetime, bar: float) -> DateOrder | None:
    """From those that were read with confidence: a misread 17 would rule out an order."""
    sure = [(raw, stamp) for raw, stamp in mine if raw.certainty >= bar]
    return decide_order([stamp for _, stamp in sure], [raw.exif_at for raw, _ in sure], now)


def _half_lost(mine: Sequence[tuple[RawReading, Stamp]], order: DateOrder | None) -> bool:
    """Whether a clock without AM and PM is one of 12 hours: no hour of the afternoon, and days that run
    backwards from 11:58 to 1:05."""
    stamps = [stamp for _, stamp in mine]
    if order is None or stamps[0].is_12h or any(stamp.at.hour in (0, *range(13, 24)) for stamp in stamps):
        return False
    moments = [at for stamp in stamps if (at := stamp.when(order))]
    return any(after < before and after.date() == before.date() for before, after in pairwise(moments))
