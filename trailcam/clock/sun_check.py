"""Infrared or colour against the sun: what the pictures say of a camera's clock.

A camera switches to infrared at dusk and back at dawn, each at a light of its own. How far its clock was off,
in whole hours, is followed through its photos in the order of their names: that sequence of offsets is sought
which leaves the fewest photos in infrared by day or in colour by night, where each change of the offset has
to save several of them (Viterbi's algorithm). What no offset explains (a filter that is stuck) is no matter
of the clock and flags none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from trailcam.clock.doubt import HALF_DAY_OFF, HOUR_OFF, LIGHT_DIFFERS, Doubt
from trailcam.sun.sky import Observer, Sun, utc_of

INFRARED_BELOW, COLOUR_ABOVE = 2.0, 5.0
"""Levels of `clock.infrared.colour_of`. Of 30 real photos all 15 in infrared had at most 0.8, all
15 in colour at least 8."""

_SOME = 3  # of each kind, or the camera doesn't switch
_CHANGE = 5.0  # photos that a change of the offset must explain
_RETURN = 1.0  # and one back to the right time: somebody set the clock
_EXPLAINED = 0.25  # of the contradictions may stay under another offset
_UNEXPLAINED = 0.1  # of a period's photos may contradict it
_MARGIN = 20.0  # minutes about the camera's switching: clouds and woods
# Minutes after sunset (before sunrise) at which cameras switch: in woods long before.
_SWITCHES = np.arange(-80.0, 61.0, 10.0)
_OFFSETS = np.array([0, *(sign * hours for hours in range(1, 12) for sign in (1, -1)), 12])  # hours, 0 first
_HALF = np.array([0, 12])
_NOON, _MIDNIGHT = range(10, 14), (22, 23, 0, 1)  # hours of day and night anywhere below the polar circles

Costs = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lit:
    """One photo: the camera's time, the UTC offset that the file states, and if it is infrared or None."""

    at: datetime
    utc_offset_min: int | None
    infrared: bool | None


def is_infrared(colour: float | None) -> bool | None:
    """Whether a photo is infrared by its colour; None in between, and where nobody looked."""
    if colour is None or INFRARED_BELOW < colour < COLOUR_ABOVE:
        return None
    return colour <= INFRARED_BELOW


def judge_light(photos: Sequence[Lit], place: Observer, sun: Sun) -> dict[int, Doubt]:
    """Places of photos, in the order of their names, that a wrong clock took.

    Without coordinates or a zone only noon and midnight are told apart. Photos of which nobody knows whether
    they are infrared go with those beside them.
    """
    looked = [i for i, one in enumerate(photos) if one.infrared is not None]
    n_infrared = sum(bool(photos[i].infrared) for i in looked)
    if min(n_infrared, len(looked) - n_infrared) < _SOME:
        return {}
    known = [photos[i] for i in looked]
    by_sun = _by_sun(known, place, sun)
    costs, offsets = (_by_the_clock(known), _HALF) if by_sun is None else (by_sun, _OFFSETS)
    found: dict[int, Doubt] = {}
    for first, last, offset in _stretches(costs, offsets):
        word = {1: HOUR_OFF, 12: HALF_DAY_OFF}.get(abs(offset), LIGHT_DIFFERS)
        doubt = Doubt(word, "-12h or +12h" if offset == 12 else f"{offset:+d}h")
        found.update((i, doubt) for i in range(looked[first], looked[last] + 1))
    return found


def _by_sun(photos: Sequence[Lit], place: Observer, sun: Sun) -> Costs | None:
    """(switches, photos, offsets) 1 where a photo contradicts the sun; None where the sun isn't known."""
    if place.latitude is None or place.longitude is None:
        return None
    minutes, rises, sets = [], [], []
    for one in photos:
        moment = utc_of(one.at, place.zone, one.utc_offset_min)
        if moment is None:
            return None
        local = moment + timedelta(hours=place.longitude / 15)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        day = sun.day(place.latitude, place.longitude, local.date())
        if day is None:
            return None
        minutes.append((local - midnight) / timedelta(minutes=1))
        rises.append((day.sunrise - moment + (local - midnight)) / timedelta(minutes=1))
        sets.append((day.sunset - moment + (local - midnight)) / timedelta(minutes=1))
    shown = (np.array(minutes)[:, None] + 60.0 * _OFFSETS) % 1440
    depth = np.maximum(np.array(rises)[:, None] - shown, shown - np.array(sets)[:, None])
    night = depth - _SWITCHES[:, None, None]
    infrared = np.array([bool(one.infrared) for one in photos])[:, None]
    costs: Costs = np.where(infrared, night < -_MARGIN, night > _MARGIN).astype(np.float64)
    return costs


def _by_the_clock(photos: Sequence[Lit]) -> Costs:
    """(1, photos, 2) 1 where a photo is infrared at noon or in colour at midnight, as shown and 12 h off."""
    noon = np.array([one.at.hour in _NOON for one in photos])
    told = noon | np.array([one.at.hour in _MIDNIGHT for one in photos])
    infrared = np.array([bool(one.infrared) for one in photos])
    wrong = told & (noon == infrared)
    return np.stack([wrong, told & ~wrong], axis=1)[None].astype(np.float64)


def _stretches(costs: Costs, offsets: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """First and last photo of each period under one offset that isn't 0, and the offset in hours."""
    if costs[..., 0].sum(axis=1).min() < _CHANGE:
        return  # at one light of switching all is well, or nearly so
    switch, path = _cheapest(costs)
    cuts = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    for first, end in pairwise(cuts):
        state = int(path[first])
        before, after = costs[switch, first:end, 0].sum(), costs[switch, first:end, state].sum()
        if state and after <= _EXPLAINED * before and after <= _UNEXPLAINED * (end - first):
            yield first, end - 1, int(offsets[state])


def _cheapest(costs: Costs) -> tuple[int, npt.NDArray[np.int8]]:
    """The switch and the sequence of states that cost least, for (switches, photos, states) ``costs``."""
    n_switches, n_photos, n_states = costs.shape
    change = np.full((n_states, n_states), _CHANGE)  # from, to
    change[:, 0] = _RETURN
    np.fill_diagonal(change, 0.0)
    total = costs[:, 0] + change[0]
    came_from = np.zeros((n_photos, n_switches, n_states), np.int8)
    for n in range(1, n_photos):
        ways = total[:, :, None] + change
        came_from[n] = ways.argmin(axis=1)
        total = ways.min(axis=1) + costs[:, n]
    switch = int(total.min(axis=1).argmin())
    path = np.zeros(n_photos, np.int8)
    path[-1] = total[switch].argmin()
    for n in range(n_photos - 1, 0, -1):
        path[n - 1] = came_from[n, switch, path[n]]
    return switch, path
