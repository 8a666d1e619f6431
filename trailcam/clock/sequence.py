"""File numbers against times: a camera numbers its photos in the order in which it takes them. Pure.

Flags the smallest set of photos whose removal makes times rise with file numbers; the correction that would
fix them names the doubt. Where a clock was set for good, either side may be wrong: the smaller is flagged.
Names in no order at all (two cards in one folder) flag nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from trailcam.clock.doubt import (
    DAY_FOR_MONTH,
    FROZEN,
    HALF_DAY_OFF,
    HOUR_OFF,
    OUT_OF_ORDER,
    YEAR_OFF,
    Doubt,
)
from trailcam.errors import UsageError
from trailcam.media.capture_time import CLOCK_RESET
from trailcam.strip.order import growing
from trailcam.words.span import Amount

SLACK = timedelta(minutes=2)  # photos of a burst may be written in another order
_FEW = 12  # photos; among fewer, one that doesn't fit may as well be the one that's right
_UNORDERED = 0.15  # share of steps backwards from which names are in no order
_BACKWARDS = 0.9
_RUNS_ON = timedelta(days=45)  # a clock that was reset runs on until it is set: a leap forward
_FRESH = timedelta(hours=12)  # a camera takes its first photo soon after its batteries are changed
_CONTINUES = timedelta(days=3)
_NEAR = timedelta(days=30)
_YEAR_SLACK = timedelta(days=4)
_BURST = 12  # photos of one second: more than any camera takes
_BURST_OF_MINUTES = 100  # where a strip shows no seconds
_COUNTER_FULL = 9000  # file numbers of four digits begin again


@dataclass(frozen=True, slots=True)
class Frame:
    """One photo of a sequence. ``number`` is that of its name, None without one; ``own`` its own doubt."""

    at: datetime | None
    number: int | None = None
    own: str | None = None


@dataclass(slots=True)
class Verdict:
    """``doubts`` by place in the sequence; None there clears the photo's own doubt."""

    doubts: dict[int, Doubt | None] = field(default_factory=dict)
    backwards: bool = False


def judge_sequence(frames: Sequence[Frame], zone: ZoneInfo | None) -> Verdict:
    """What the numbers say of the times of one camera's photos, which come in the order of their names.

    ``zone`` tells when summer time ends: the hour that repeats then flags nothing.
    """
    verdict = Verdict()
    order = _unwrapped([i for i, frame in enumerate(frames) if frame.at is not None], frames)
    if len(order) < _FEW:
        return verdict
    times = _smoothed(order, frames, zone)
    back = [k for k in range(1, len(order)) if times[order[k]] < times[order[k - 1]]]
    if len(back) >= _BACKWARDS * (len(order) - 1):
        verdict.backwards = True
        return verdict
    if len(back) >= max(4, _UNORDERED * len(order)):
        return verdict
    _find_resets(order, times, frames, verdict)
    rest = [i for i in order if not verdict.doubts.get(i)]
    kept = set(growing(rest, times, [1.0] * len(times)))
    for block, before, after in _blocks(rest, kept):
        own = [times[i] for i in block]
        doubt = name_doubt(
            own, None if before is None else times[before], None if after is None else times[after]
        )
        verdict.doubts.update((i, doubt) for i in block)
    _find_leaps([i for i in rest if i in kept], times, frames, verdict)
    return verdict


def frozen(times: Sequence[datetime | None]) -> dict[int, Doubt]:
    """Places of photos that share one second with more others than a burst has."""
    seconds = [at.replace(microsecond=0) if at else None for at in times]
    n_of = Counter(at for at in seconds if at)
    stuck = {at for at, n in n_of.items() if n >= (_BURST if at.second else _BURST_OF_MINUTES)}
    return {i: Doubt(FROZEN) for i, at in enumerate(seconds) if at in stuck}


def name_doubt(block: Sequence[datetime], before: datetime | None, after: datetime | None) -> Doubt:
    """What is wrong with times that stand between two others (None: at that end there is nothing)."""
    for word, by, fix in _repairs():
        fixed = [fix(at) for at in block]
        if None not in fixed and _fits([at for at in fixed if at], before, after):
            return Doubt(word, by)
    return Doubt(OUT_OF_ORDER)


def _repairs() -> Iterator[tuple[str, str | None, Callable[[datetime], datetime | None]]]:
    """From the smallest fault to the largest; the first that fixes it is taken."""
    for hours, word in ((1, HOUR_OFF), (12, HALF_DAY_OFF)):
        for sign in (1, -1):
            delta = timedelta(hours=sign * hours)
            yield word, f"{'+' if sign > 0 else '-'}{hours}h", lambda at, d=delta: at + d  # type: ignore[misc]
    yield DAY_FOR_MONTH, None, _swapped
    for years in range(1, 16):
        for sign in (1, -1):
            amount = Amount(sign * 12 * years, timedelta(0))
            by = f"{'+' if sign > 0 else '-'}{years}y"
            yield YEAR_OFF, by, lambda at, a=amount: _moved(at, a)  # type: ignore[misc]


def _moved(at: datetime, amount: Amount) -> datetime | None:
    try:
        return amount.after(at)
    except UsageError:
        return None


def _swapped(at: datetime) -> datetime | None:
    if at.day > 12 or at.day == at.month:
        return None
    return at.replace(month=at.day, day=at.month)


def _fits(fixed: Sequence[datetime], before: datetime | None, after: datetime | None) -> bool:
    if any(b < a - SLACK for a, b in pairwise(fixed)):
        return False
    if (before and fixed[0] < before - SLACK) or (after and fixed[-1] > after + SLACK):
        return False
    # At an end of the sequence nothing bounds it: it must join on to what is there.
    return bool((before and fixed[0] - before <= _NEAR) or (after and after - fixed[-1] <= _NEAR))


def _unwrapped(order: list[int], frames: Sequence[Frame]) -> list[int]:
    """The order of taking, where four digits ran out: after 9999 came 0001, which stands before it."""
    numbers = [frames[i].number for i in order]
    if len(order) < _FEW or None in numbers:
        return order
    known = [n for n in numbers if n is not None]
    if known[0] > known[-1] or max(known) < _COUNTER_FULL or min(known) > len(known):
        return order
    cut = max(range(1, len(known)), key=lambda k: known[k] - known[k - 1])
    late, early = order[:cut], order[cut:]
    first, last = frames[order[0]].at, frames[order[-1]].at
    if known[cut] - known[cut - 1] < 100 or first is None or last is None or last > first:
        return order
    return early + late


def _smoothed(order: Sequence[int], frames: Sequence[Frame], zone: ZoneInfo | None) -> list[datetime]:
    """Times by place, without the small steps back that mean nothing."""
    times = [frame.at or datetime.min for frame in frames]  # noqa: DTZ901 - camera time; never read
    for a, b in pairwise(order):
        slack = timedelta(hours=1) + SLACK if _hour_repeats(times[a], zone) else SLACK
        if times[a] - slack <= times[b] < times[a]:
            times[b] = times[a]
    return times


def _hour_repeats(at: datetime, zone: ZoneInfo | None) -> bool:
    """Whether clocks go back about now. Without a zone: a Sunday of the months in which some do."""
    if zone is None:
        return at.weekday() == 6 and at.month in (3, 4, 10, 11)
    day = timedelta(days=1)
    try:
        before, after = (at - day).replace(tzinfo=zone), (at + day).replace(tzinfo=zone)
    except OverflowError:
        return False
    return (after.utcoffset() or timedelta()) < (before.utcoffset() or timedelta())


def _find_resets(
    order: Sequence[int], times: Sequence[datetime], frames: Sequence[Frame], verdict: Verdict
) -> None:
    """Mark photos from a reset on, until the clock was set; clear those of a real New Year."""
    running = False
    for k, i in enumerate(order):
        step = times[i] - times[order[k - 1]] if k else None
        if running and step is not None and timedelta(0) <= step <= _RUNS_ON:
            verdict.doubts[i] = Doubt(CLOCK_RESET)
            continue
        running = False
        at = times[i]
        fresh = at.month == 1 and at.day == 1 and at - at.replace(hour=0, minute=0, second=0) < _FRESH
        fell = step is not None and step < -_CONTINUES
        if fresh and (fell or (k == 0 and frames[i].own == CLOCK_RESET)):
            verdict.doubts[i] = Doubt(CLOCK_RESET)
            running = True
        elif frames[i].own == CLOCK_RESET and step is not None and timedelta(0) <= step <= _CONTINUES:
            previous = order[k - 1]
            if frames[previous].own is None or verdict.doubts.get(previous, frames[previous]) is None:
                verdict.doubts[i] = None


def _blocks(rest: Sequence[int], kept: set[int]) -> Iterator[tuple[list[int], int | None, int | None]]:
    """Runs of photos that are not kept, with the places of the kept ones before and after."""
    before, block = None, []
    for i in rest:
        if i not in kept:
            block.append(i)
            continue
        if block:
            yield block, before, i
            block = []
        before = i
    if block:
        yield block, before, None


def _find_leaps(
    kept: Sequence[int], times: Sequence[datetime], frames: Sequence[Frame], verdict: Verdict
) -> None:
    """A leap of just about whole years between two numbers in a row: the year was set wrong on one side.

    The smaller side is flagged.
    """
    for k in range(1, len(kept)):
        a, b = kept[k - 1], kept[k]
        years = round((times[b] - times[a]) / timedelta(days=365.2425))
        numbers = frames[a].number, frames[b].number
        if years < 1 or None in numbers or numbers[1] - numbers[0] not in range(6):  # type: ignore[operator]
            continue
        fixed = _moved(times[b], Amount(-12 * years, timedelta(0)))
        if fixed is None or not -SLACK <= fixed - times[a] <= _YEAR_SLACK:
            continue
        early, late = kept[:k], kept[k:]
        side, sign = (late, "-") if len(late) <= len(early) else (early, "+")
        verdict.doubts.update((i, Doubt(YEAR_OFF, f"{sign}{years}y")) for i in side)
        return
