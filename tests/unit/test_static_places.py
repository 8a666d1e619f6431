"""What is taken for a static box, and what isn't: twenty kinds of things before a camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trailcam.domain import SAME_PLACE
from trailcam.static_boxes.static_places import LEAST_PHOTOS, StaticPlace, overlap_with, static_places

Floats = npt.NDArray[np.float32]
START = np.datetime64("2024-11-01T00:00:00")


@dataclass
class Seen:
    """Boxes ``xywhn``, with the hour after the start at which each was seen."""

    boxes: Floats
    hours: Floats


def still(
    rng: np.random.Generator,
    n: int = 80,
    days: float = 20,
    size: tuple[float, float] = (0.1, 0.15),
    px: float = 1.5,
) -> Seen:
    """A thing that doesn't move: each side is drawn within ``px`` pixels of 640, now and then much worse."""
    w, h = size
    x, y = rng.uniform(0, 1 - w), rng.uniform(0, 1 - h)
    sides = np.array([x, y, x + w, y + h]) + rng.normal(0, px / 640, (n, 4))
    bad = rng.random(n) < 0.06
    sides[bad] += rng.normal(0, 0.15 * w, (int(bad.sum()), 4))
    return seen(sides, np.sort(rng.uniform(0, days * 24, n)))


def coming_and_going(
    rng: np.random.Generator, n: int = 150, days: float = 20, size: float = 0.2, apart: float = 0.08
) -> Seen:
    """Animals at one spot (a feeder): the same place more or less, another box each time."""
    w = size * rng.uniform(0.6, 1.3, n)
    h = size * rng.uniform(0.7, 1.2, n)
    x, y = 0.4 + rng.normal(0, apart, n), 0.5 + rng.normal(0, apart / 2, n)
    return seen(np.stack([x, y, x + w, y + h], axis=1), np.sort(rng.uniform(0, days * 24, n)))


def walking(rng: np.random.Generator, visits: int = 30, photos: int = 6) -> Seen:
    """Deer on one trail, always the same way: three photos a second apart, a few steps between them."""
    found, hours = [], []
    for _ in range(visits):
        begin, scale = rng.uniform(0, 480), rng.uniform(0.85, 1.15)
        for k in range(photos):
            x, y = 0.05 + 0.14 * k + rng.normal(0, 0.03), 0.5 + rng.normal(0, 0.02)
            found.append((x, y, x + 0.22 * scale, y + 0.25 * scale))
            hours.append(begin + k / 3600)
    return seen(np.array(found), np.array(hours))


def lying(rng: np.random.Generator, hours: float = 6, n: int = 100) -> Seen:
    """A deer that lies before the camera for hours of one night."""
    thing = still(rng, n, size=(0.25, 0.15), px=2)
    return Seen(thing.boxes, np.sort(rng.uniform(20, 20 + hours, n)).astype(np.float32))


def parked(rng: np.random.Generator) -> Seen:
    thing = still(rng, 200, size=(0.4, 0.3), px=1)
    return Seen(thing.boxes, np.sort(rng.uniform(8, 30, 200)).astype(np.float32))


def resting_herd(rng: np.random.Generator) -> Seen:
    """Cattle under the same tree each noon: each day they lie a little elsewhere."""
    days = []
    for day in range(15):
        thing = still(rng, 12, size=(0.2, 0.14), px=2)
        moved = thing.boxes.copy()
        moved[:, :2] = moved[:, :2] - moved[0, :2] + np.array([0.4, 0.5]) + rng.normal(0, 0.05, 2)
        days.append(Seen(moved, (day * 24 + 12 + np.sort(rng.uniform(0, 3, 12))).astype(np.float32)))
    return together(*days)


def bumped(rng: np.random.Generator) -> Seen:
    """A stump, before and after somebody knocked against the camera."""
    before, after = still(rng, 40, 10), still(rng, 40, 10)
    return together(before, Seen(after.boxes, after.hours + 240))


def in_bursts(rng: np.random.Generator) -> Seen:
    thing = still(rng, 90, 1)
    hours = np.repeat(np.sort(rng.uniform(0, 480, 30)), 3) + np.tile([0, 1 / 3600, 2 / 3600], 30)
    return Seen(thing.boxes, hours.astype(np.float32))


def by_night(rng: np.random.Generator) -> Seen:
    thing = still(rng, 60, 1)
    hours = np.sort(rng.integers(0, 20, 60) * 24 + rng.uniform(21, 29, 60))
    return Seen(thing.boxes, hours.astype(np.float32))


def together(*things: Seen) -> Seen:
    return Seen(np.concatenate([t.boxes for t in things]), np.concatenate([t.hours for t in things]))


def seen(sides: npt.NDArray[np.float64], hours: npt.NDArray[np.float64]) -> Seen:
    inside = np.clip(np.sort(sides.reshape(-1, 2, 2), axis=1).reshape(-1, 4), 0, 1)
    inside[:, 2:] = np.maximum(inside[:, 2:] - inside[:, :2], 1e-3)
    return Seen(inside.astype(np.float32), np.asarray(hours, np.float32))


def places(thing: Seen) -> list[StaticPlace]:
    at = START + (thing.hours * 3600).astype("timedelta64[s]")
    return static_places(thing.boxes, np.arange(len(at), dtype=np.int64), at)


Kind = Callable[[np.random.Generator], Seen]
STATIC: dict[str, tuple[int, Kind]] = {
    "a stump": (1, still),
    "a sign, small": (1, lambda rng: still(rng, size=(0.03, 0.04), px=0.8)),
    "a round bale, large": (1, lambda rng: still(rng, size=(0.6, 0.5), px=4)),
    "a feeder that shakes": (1, lambda rng: still(rng, size=(0.12, 0.3), px=4)),
    "a bush, seen seldom": (1, lambda rng: still(rng, n=20)),
    "two stumps": (2, lambda rng: together(still(rng, size=(0.07, 0.1)), still(rng, size=(0.15, 0.2)))),
    "a stump in bursts": (1, in_bursts),
    "a reflection by night": (1, by_night),
    "a stump, the camera was knocked": (2, bumped),
    "a feeder, and hogs at it": (1, lambda rng: together(still(rng, 150), coming_and_going(rng))),
}
MOVING: dict[str, Kind] = {
    "hogs at a feeder": coming_and_going,
    "raccoons at a feeder, small": lambda rng: coming_and_going(rng, size=0.08, apart=0.03),
    "a doe at a lick, close": lambda rng: coming_and_going(rng, size=0.5, apart=0.1),
    "deer on a trail": walking,
    "a deer that lies for hours": lying,
    "a deer that lies for a day": lambda rng: lying(rng, hours=20),
    "a parked truck": parked,
    "cattle under a tree each noon": resting_herd,
    "turkeys over a field": lambda rng: coming_and_going(rng, n=300, size=0.06, apart=0.2),
    "one deer, seen seldom": lambda rng: coming_and_going(rng, n=LEAST_PHOTOS - 1),
}


SEEDS = range(20)


@pytest.mark.parametrize("name", STATIC)
def test_what_stays_is_found(name: str) -> None:
    wanted, make = STATIC[name]
    right = [seed for seed in SEEDS if len(places(make(np.random.default_rng(seed)))) == wanted]
    assert len(right) >= 19, right  # a camera that is knocked by a little shows two places as one, and none


@pytest.mark.parametrize("name", MOVING)
def test_what_moves_is_not(name: str) -> None:
    wrong = [seed for seed in SEEDS if places(MOVING[name](np.random.default_rng(seed)))]
    assert len(wrong) <= 1, wrong  # a herd may lie in the same place to a pixel on four days of fifteen


CROWDED: dict[str, Kind] = {
    "years of hogs at a feeder": lambda rng: coming_and_going(rng, n=6000, days=1000),
    "years of hogs in a line": lambda rng: Seen(
        np.column_stack([rng.uniform(0.05, 0.45, 6000), np.tile([0.3, 0.2, 0.4], (6000, 1))]).astype(
            np.float32
        ),
        np.sort(rng.uniform(0, 24000, 6000)).astype(np.float32),
    ),
    "years of turkeys on a field": lambda rng: coming_and_going(rng, n=6000, days=1000, size=0.06, apart=0.1),
}


@pytest.mark.parametrize("name", CROWDED)
def test_a_crowd_is_no_thing_however_many_come(name: str) -> None:
    """Among thousands many lie exactly somewhere; those about it say that nothing stays there."""
    for seed in range(5):
        assert places(CROWDED[name](np.random.default_rng(seed))) == []


def test_a_thing_in_a_crowd_is_found() -> None:
    rng = np.random.default_rng(3)
    thing = together(coming_and_going(rng, n=3000, days=300, apart=0.15), still(rng, 600, 300))
    (place,) = places(thing)
    assert len(place.members) > 500


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**31), st.integers(0, 60))
def test_a_place_holds_its_members_and_nothing_is_in_two(seed: int, undated: int) -> None:
    rng = np.random.default_rng(seed)
    thing = together(*(make(rng) for _, make in list(STATIC.values())[:3]), coming_and_going(rng))
    at = START + (thing.hours * 3600).astype("timedelta64[s]")
    at[rng.permutation(len(at))[:undated]] = np.datetime64("NaT")
    found = static_places(thing.boxes, np.arange(len(at), dtype=np.int64), at)
    taken = np.concatenate([place.members for place in found]) if found else np.zeros(0)
    assert len(np.unique(taken)) == len(taken)
    for place in found:
        assert np.mean(overlap_with(thing.boxes[place.members], place.box) >= SAME_PLACE) > 0.9


def test_nothing_is_found_in_nothing() -> None:
    assert (
        static_places(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, "datetime64[s]")) == []
    )
