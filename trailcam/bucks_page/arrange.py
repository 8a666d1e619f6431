"""An order for visits of bucks in which look-alikes of neighbouring days and stations lie together.

Generic likeness of crops, no claim of identity: a person decides. Visits are joined from the nearest pair on
(average linkage, by chains of nearest neighbours: F. Murtagh (1983), A survey of recent advances in
hierarchical clustering algorithms, The Computer Journal 26:354-359); the tree's leaves are the order, turned
at each join so that the ends that meet are the most alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
MOST = 3000  # visits that are compared with each other; more are arranged in stretches of time
DAYS_APART = 30.0  # further apart in time is all the same
METRES_APART = 3000.0
# What time and place add to the distance of looks, whose usual value is 1.
_TIME, _PLACE = 0.25, 0.15
_NEVER = 10.0  # two that were in one photo are two bucks
_GROUP = 0.62  # joins below this share of the usual distance make a group
_LARGEST_GROUP = 24


@dataclass(frozen=True, slots=True, eq=False)
class ToArrange:
    """Visits in columns of n: ``vectors`` (n, d) float32 of length 1, 0 where there is no picture; ``day``
    (n,) float64 days since any day, NaN without a time; ``place`` (n, 2) float64 in metres, NaN where it
    isn't known; ``station`` (n,) int; ``apart``: visits of one number show different bucks, -1 for any.
    """

    vectors: Floats
    day: npt.NDArray[np.float64]
    place: npt.NDArray[np.float64]
    station: npt.NDArray[np.int64]
    apart: npt.NDArray[np.int64]


def arrange(visits: ToArrange) -> list[list[int]]:
    """Every visit once, in groups of look-alikes, in the order to show them in."""
    n = len(visits.day)
    by_time = np.argsort(np.where(np.isnan(visits.day), np.inf, visits.day), kind="stable")
    groups: list[list[int]] = []
    n_parts = max(1, -(-n // MOST))
    for part in np.array_split(by_time, n_parts):
        if len(part):
            distances = _distances(visits, part)
            groups += [[int(part[k]) for k in group] for group in _ordered(distances)]
    return groups


def _distances(visits: ToArrange, part: npt.NDArray[np.int64]) -> Floats:
    """(k, k) float32: 1 is the usual distance of looks."""
    vectors = visits.vectors[part]
    looks = np.clip(1 - vectors @ vectors.T, 0, 2).astype(np.float32)
    seen = np.linalg.norm(vectors, axis=1) > 0
    both = seen[:, None] & seen[None, :]
    usual = float(np.median(looks[both])) if both.any() else 1.0
    looks = np.where(both, looks / max(usual, 1e-6), 1.0).astype(np.float32)
    day = visits.day[part]
    with np.errstate(invalid="ignore"):
        days = np.minimum(np.abs(day[:, None] - day[None, :]) / DAYS_APART, 1)
        metres = np.linalg.norm(visits.place[part][:, None] - visits.place[part][None, :], axis=2)
    days = np.where(np.isnan(days), 0.5, days)
    other = visits.station[part][:, None] != visits.station[part][None, :]
    places = np.where(other, np.where(np.isnan(metres), 0.5, np.minimum(metres / METRES_APART, 1)), 0)
    apart = visits.apart[part]
    never = (apart[:, None] == apart[None, :]) & (apart[:, None] >= 0)
    found = looks + _TIME * days + _PLACE * places + _NEVER * never
    np.fill_diagonal(found, 0)
    return np.asarray(found, np.float32)


def _ordered(distances: Floats) -> list[list[int]]:
    """The leaves of the tree, in groups."""
    joins = _joins(distances)
    n = len(distances)
    runs: dict[int, list[int]] = {k: [k] for k in range(n)}
    group: dict[int, bool] = dict.fromkeys(range(n), True)  # whether all of a run is one group
    closed: dict[int, list[list[int]]] = {k: [[k]] for k in range(n)}
    off = np.triu_indices(n, 1)
    usual = float(np.median(distances[off])) if n > 1 else 1.0
    for k, (one, other, height) in enumerate(joins):
        a, b = _facing(distances, runs.pop(one), runs.pop(other))
        new = n + k
        runs[new] = a + b
        together = height <= _GROUP * usual and len(a) + len(b) <= _LARGEST_GROUP
        group[new] = group[one] and group[other] and together
        turned = [_in_order(closed.pop(one), a), _in_order(closed.pop(other), b)]
        closed[new] = [a + b] if group[new] else turned[0] + turned[1]
    return closed[n + len(joins) - 1] if joins else [[0]] if n else []


def _in_order(groups: Sequence[list[int]], run: Sequence[int]) -> list[list[int]]:
    """The groups of a run, as it lies now."""
    if groups[0][0] == run[0]:
        return list(groups)
    return [group[::-1] for group in groups[::-1]]


def _facing(distances: Floats, a: list[int], b: list[int]) -> tuple[list[int], list[int]]:
    """Two runs, each turned or not, so that the ends that meet are the nearest."""
    ends = [(a[-1], b[0], False, False), (a[0], b[0], True, False), (a[-1], b[-1], False, True)]
    ends.append((a[0], b[-1], True, True))
    _, _, turn_a, turn_b = min(ends, key=lambda end: float(distances[end[0], end[1]]))
    return (a[::-1] if turn_a else a), (b[::-1] if turn_b else b)


def _joins(distances: Floats) -> list[tuple[int, int, float]]:
    """The joins of average linkage, the lowest first: numbers of what is joined (n + k is the kth join's)."""
    n = len(distances)
    left = distances.astype(np.float64)
    np.fill_diagonal(left, np.inf)
    size = np.ones(n)
    alive = np.ones(n, bool)
    found: list[tuple[int, int, float]] = []
    chain: list[int] = []
    for _ in range(n - 1):
        if not chain:
            chain.append(int(np.argmax(alive)))
        while True:
            here = chain[-1]
            row = left[here]
            near = int(np.argmin(row))
            if len(chain) > 1 and row[chain[-2]] <= row[near]:
                near = chain[-2]
                break
            chain.append(near)
        del chain[-2:]
        a, b = sorted((here, near))
        found.append((a, b, float(left[a, b])))
        whole = size[a] + size[b]
        merged = (size[a] * left[a] + size[b] * left[b]) / whole
        left[a], left[:, a] = merged, merged
        left[b], left[:, b] = np.inf, np.inf
        left[a, a] = np.inf
        size[a], alive[b] = whole, False
    return _numbered(found, n)


def _numbered(found: list[tuple[int, int, float]], n: int) -> list[tuple[int, int, float]]:
    """Joins in the order of their heights, each naming the run that its places belong to by then."""
    root = list(range(n))
    number = list(range(n))

    def top(k: int) -> int:
        while root[k] != k:
            root[k] = root[root[k]]
            k = root[k]
        return k

    joins = []
    for k, (a, b, height) in enumerate(sorted(found, key=lambda join: join[2])):
        one, other = top(a), top(b)
        joins.append((number[one], number[other], height))
        root[other] = one
        number[one] = n + k
    return joins
