"""From a folder's stamps to moments: which number is the day, and which readings contradict the sequence.

Day before month or month before day is a setting of the camera. It is taken from what all photos of a folder
say together, in this order: a number above 12; agreement with EXIF; dates in the future; the sequence of the
photos, if one order makes it run backwards and the other doesn't. Where none of these decides, it stays
unknown: the usual order of some country is no evidence.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from trailcam.strip.parse import Stamp
from trailcam.strip.records import DateOrder

EXIF_SLACK = timedelta(seconds=90)  # the strip is drawn seconds after the shutter, or shows minutes only
_FUTURE_SLACK = timedelta(days=1)
_MOSTLY = 0.9  # a share of the evidence that outweighs misread digits
_A_SEQUENCE = 0.85  # of a folder's photos that must run forward for the names to be a sequence
_DAYS = 5  # different dates from which a sequence tells the order
_NARROW, _WIDE = timedelta(days=730), timedelta(days=3650)
_FEW = 5  # photos; among fewer, one that doesn't fit may as well be the one that's right


def decide_order(
    stamps: Sequence[Stamp | None], exif: Sequence[datetime | None], now: datetime
) -> DateOrder | None:
    """The order of the dates of one camera, its photos in sequence; None where it can't be known.

    ``stamps`` share one shape; None stands for a photo that wasn't read. ``exif`` belongs to the same photos.
    """
    read = [(stamp, at) for stamp, at in zip(stamps, exif, strict=True) if stamp is not None]
    possible = _valid(read)
    if len(possible) <= 1:
        return possible[0] if possible else None
    by_exif = _by_exif(read)
    if by_exif:
        # Evidence for two orders is a camera that was reset: no winner.
        ((best, n),) = by_exif.most_common(1)
        return best if n >= _MOSTLY * by_exif.total() and best in possible else None
    possible = [order for order in possible if not _mostly_future(read, order, now)]
    possible = _without_too_wide(read, possible)
    if len(possible) <= 1:
        return possible[0] if possible else None
    backwards = {order: _steps_back([stamp.when(order) for stamp, _ in read]) for order in possible}
    forward = [order for order, n in backwards.items() if n == 0]
    # Names in no order at all would run forward by chance: over five days in one case of 120.
    long = len({stamp.numbers for stamp, _ in read}) >= _DAYS
    return forward[0] if len(forward) == 1 and long else None


def contradictions(times: Sequence[datetime | None], weights: Sequence[float]) -> set[int]:
    """Indices of times that break an otherwise growing sequence; None stands for unknown.

    The fewest readings are given up (the heaviest growing subsequence stays, by ``weights``, 0..1 each). A
    camera whose clock was set back gives two long runs: both are what the strip says, so a break between two
    runs of at least three photos flags none. Where the photos are in no order at all, nothing follows.
    """
    accused: set[int] = set()
    for run in _runs([index for index, at in enumerate(times) if at is not None], times):
        kept = set(growing(run, times, weights))
        lost = [index for index in run if index not in kept]
        if len(run) < _FEW or len(lost) > max(1, (1 - _A_SEQUENCE) * len(run)):
            continue
        accused.update(lost)
    return accused


def agrees(at: datetime, exif_at: datetime) -> bool:
    """Whether a strip's time and EXIF's can be the same moment."""
    return abs(at - exif_at) <= EXIF_SLACK


def _valid(read: Sequence[tuple[Stamp, datetime | None]]) -> list[DateOrder]:
    """The orders under which the stamps are dates, except for a few that may be misread."""
    refused = {
        order: sum(order not in stamp.orders for stamp, _ in read)
        for order in DateOrder
        if any(order in stamp.orders for stamp, _ in read)
    }
    allowed = max((1 - _MOSTLY) * max(refused.values(), default=0), 1 if len(read) >= 10 else 0)
    return [order for order, n in refused.items() if n <= allowed]


def _by_exif(read: Sequence[tuple[Stamp, datetime | None]]) -> Counter[DateOrder]:
    votes: Counter[DateOrder] = Counter()
    for stamp, exif_at in read:
        if exif_at is None:
            continue
        fits = [order for order in stamp.orders if (at := stamp.when(order)) and agrees(at, exif_at)]
        if len({stamp.when(order) for order in stamp.orders}) == len(stamp.orders) and len(fits) == 1:
            votes[fits[0]] += 1
    return votes


def _mostly_future(read: Sequence[tuple[Stamp, datetime | None]], order: DateOrder, now: datetime) -> bool:
    moments = [at for stamp, _ in read if (at := stamp.when(order))]
    late = sum(at > now + _FUTURE_SLACK for at in moments)
    return not moments or late > (1 - _MOSTLY) * len(moments)


def _without_too_wide(
    read: Sequence[tuple[Stamp, datetime | None]], possible: Sequence[DateOrder]
) -> list[DateOrder]:
    """Without an order that spreads the photos over a decade, where another one keeps them together.

    A year of two digits that is taken for a day makes every day a year of its own.
    """
    spans = {}
    for order in possible:
        moments = [at for stamp, _ in read if (at := stamp.when(order))]
        spans[order] = max(moments) - min(moments)
    narrow = any(span <= _NARROW for span in spans.values())
    return [order for order, span in spans.items() if not narrow or span <= _WIDE]


def _steps_back(moments: Sequence[datetime | None]) -> int:
    known = [at for at in moments if at is not None]
    return sum(after < before for before, after in pairwise(known)) + len(moments) - len(known)


def _runs(known: Sequence[int], times: Sequence[datetime | None]) -> list[list[int]]:
    """Cut the sequence where the clock was set back for good: three photos on each side agree about it."""
    cuts = [0]
    for place in range(3, len(known) - 2):
        before = [_at(times, i) for i in known[place - 3 : place]]
        after = [_at(times, i) for i in known[place : place + 3]]
        fine = before == sorted(before) and after == sorted(after)
        if fine and max(after) < min(before) and place - cuts[-1] >= 3:
            cuts.append(place)
    return [list(known[a:b]) for a, b in zip(cuts, [*cuts[1:], len(known)], strict=True)]


def _at(times: Sequence[datetime | None], index: int) -> datetime:
    at = times[index]
    assert at is not None
    return at


def growing(run: Sequence[int], times: Sequence[datetime | None], weights: Sequence[float]) -> list[int]:
    """The heaviest non-decreasing subsequence, in n log n: a staircase of (time, weight) ends."""
    ends: list[datetime] = []  # growing
    best: list[float] = []  # growing with it
    last: list[int] = []
    before: dict[int, int | None] = {}
    for index in run:
        at = _at(times, index)
        place = bisect_right(ends, at)
        before[index] = last[place - 1] if place else None
        weight = (best[place - 1] if place else 0.0) + 0.5 + weights[index]
        while place < len(ends) and best[place] <= weight:
            del ends[place], best[place], last[place]
        ends.insert(place, at)
        best.insert(place, weight)
        last.insert(place, index)
    kept: list[int] = []
    at_index = last[-1] if last else None
    while at_index is not None:
        kept.append(at_index)
        at_index = before[at_index]
    return kept[::-1]
