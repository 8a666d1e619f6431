"""What each deer of a visit is, by all photos of the visit: the rule that docs/visits.md explains.

Pure functions on columns, a row for each box. What people said is never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trailcam.domain import AgeClass, ClassInfo, Kind

SURE_ANTLERS = np.float32(0.6)
"""From this confidence (0..1) antlers that were seen once are there in the whole visit."""

_PLAIN = (Kind.DOE, Kind.FAWN, Kind.DEER)
_AGES = (AgeClass.UNKNOWN, AgeClass.YOUNG, AgeClass.MID, AgeClass.MATURE)
_LOOKS = len(_PLAIN) + len(_AGES)
_BUCK = len(_PLAIN)  # looks from here on have antlers; this one tells no age
NO_DEER = -1

_Numbers = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]
_Table = npt.NDArray[Any]
"""(visits, looks): a row for each visit, a column for each look."""


def look_of(info: ClassInfo) -> int:
    """What tells one deer from another, as a small number; NO_DEER for other animals."""
    if info.kind is Kind.BUCK:
        return _BUCK + _AGES.index(info.age_class or AgeClass.UNKNOWN)
    return _PLAIN.index(info.kind) if info.kind in _PLAIN else NO_DEER


@dataclass(frozen=True, slots=True, eq=False)
class Deer:
    """Boxes of deer in columns of n, sorted by visit and photo.

    ``visit`` and ``image`` are numbers of any kind, ``look`` is 0 or more (see :func:`look_of`). ``weight``
    says how much a box has to say: its confidence times its side. ``by_person``: a person said so.
    """

    visit: _Numbers
    image: _Numbers
    look: _Numbers
    confidence: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float64]
    by_person: _Flags

    def where(self, places: _Numbers) -> Deer:
        """Those at ``places``."""
        return Deer(*(getattr(self, name)[places] for name in self.__slots__))


def settle(deer: Deer) -> _Numbers:
    """What each deer is by all photos of its visit.

    Returns a column of n: the place of the box that speaks loudest for that in the visit, a box's own place
    where it keeps its look.
    """
    places = np.arange(len(deer.look))
    mixed = np.flatnonzero(_in_mixed_visits(deer))
    if len(mixed):
        places[mixed] = mixed[_settle_mixed(deer.where(mixed))]
    return places


def _in_mixed_visits(deer: Deer) -> _Flags:
    """Which boxes are of visits whose deer were called more than one thing."""
    starts = _starts(deer.visit)
    if not len(starts):
        return np.zeros(0, np.bool_)
    mixed = np.minimum.reduceat(deer.look, starts) != np.maximum.reduceat(deer.look, starts)
    return np.repeat(mixed, np.diff(np.append(starts, len(deer.visit))))


def _settle_mixed(deer: Deer) -> _Numbers:
    starts = _starts(deer.visit)
    row = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(deer.visit))))
    most, most_bucks = _most_at_once(deer, row)
    single = most == 1
    said_anything = np.bincount(row, deer.by_person) > 0
    # Of a single animal, what a person said decides alone.
    votes = np.flatnonzero(deer.by_person | ~(single & said_anything)[row])
    new, loudest = _decide(_poll(deer, row, votes, len(starts)), single, most_bucks)
    look = np.where(deer.by_person, deer.look, new[row, deer.look])
    return np.where(look != deer.look, votes[loudest[row, look]], np.arange(len(look)))


@dataclass(frozen=True, slots=True, eq=False)
class _Poll:
    """What was said in each visit, by look: sum of weights (0 where nothing), highest confidence (-1 there),
    whether a person said so, and the place (among the votes) of the weightiest box."""

    weight: _Table
    surest: _Table
    by_person: _Table
    loudest: _Table

    @property
    def seen(self) -> _Table:
        return self.surest >= 0


def _poll(deer: Deer, row: _Numbers, votes: _Numbers, n: int) -> _Poll:
    shape = (n, _LOOKS)
    cell = (row * _LOOKS + deer.look)[votes]
    weight, confidence = deer.weight[votes], deer.confidence[votes]
    surest = np.full(n * _LOOKS, -1, np.float32)
    np.maximum.at(surest, cell, confidence)
    loudest = np.zeros(n * _LOOKS, np.int64)
    by_weight = np.argsort(weight, kind="stable")
    loudest[cell[by_weight]] = by_weight  # of several the last is kept
    return _Poll(
        weight=np.bincount(cell, weight, n * _LOOKS).reshape(shape),
        surest=surest.reshape(shape),
        by_person=(np.bincount(cell, deer.by_person[votes], n * _LOOKS) > 0).reshape(shape),
        loudest=loudest.reshape(shape),
    )


def _decide(poll: _Poll, single: _Flags, most_bucks: _Numbers) -> tuple[_Table, _Table]:
    """What each look is taken for in each visit, and each look's loudest box."""
    plain, antlered = slice(0, _BUCK), slice(_BUCK, _LOOKS)
    # Antlers that were seen surely once, or outweigh their absence, are there: other photos don't show them.
    has = poll.surest[:, antlered].max(axis=1) >= SURE_ANTLERS
    has |= poll.weight[:, antlered].sum(axis=1) > poll.weight[:, plain].sum(axis=1)
    has |= ~poll.seen[:, plain].any(axis=1)
    plain_rank, buck_rank = _ranks(poll, plain), _ranks(poll, antlered)
    best = np.where(has, buck_rank.argmin(axis=1) + _BUCK, plain_rank.argmin(axis=1))
    new = np.tile(np.arange(_LOOKS), (len(best), 1))
    new[single] = best[single, np.newaxis]  # what it surely is in one photo, it is in all
    # Several at once keep their classes; bucks for as many ages as there were bucks at once.
    several = np.where(has[:, np.newaxis], buck_rank >= np.maximum(most_bucks, 1)[:, np.newaxis], True)
    several &= ~single[:, np.newaxis]
    new[:, antlered] = np.where(several, best[:, np.newaxis], new[:, antlered])
    return new, poll.loudest


def _ranks(poll: _Poll, looks: slice) -> _Table:
    """The rank of each of ``looks`` in each visit, from 0: what people said, then ages that are known, then
    by weight."""
    seen = poll.seen[:, looks]
    weight = np.where(seen, poll.weight[:, looks], -1.0)
    unknown = np.broadcast_to(np.arange(_LOOKS)[looks] == _BUCK, weight.shape) | ~seen
    order = np.lexsort((-weight, unknown, ~(poll.by_person[:, looks] & seen)), axis=1)
    return order.argsort(axis=1)


def _most_at_once(deer: Deer, row: _Numbers) -> tuple[_Numbers, _Numbers]:
    """The most deer and the most bucks in one photo of each visit; ``row`` numbers the visits from 0."""
    photos = np.flatnonzero(np.append(True, (np.diff(row) != 0) | (np.diff(deer.image) != 0)))
    n_deer = np.diff(np.append(photos, len(row)))
    n_bucks = np.add.reduceat((deer.look >= _BUCK).astype(np.int64), photos)
    visits = _starts(row[photos])
    return np.maximum.reduceat(n_deer, visits), np.maximum.reduceat(n_bucks, visits)


def _starts(sorted_numbers: _Numbers) -> _Numbers:
    """Where each run of equal numbers starts."""
    if not len(sorted_numbers):
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.append(True, np.diff(sorted_numbers) != 0))
