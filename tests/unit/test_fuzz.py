"""Readers of what others wrote, for a moment: `make fuzz` does it for longer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS

CASES = Path(__file__).resolve().parents[1] / "fuzz" / "cases"
SLOW = {"megadetector", "coco", "camtrap-dp", "camtrap-tables"}  # each opens a database


def cases() -> Iterator[tuple[str, Path]]:
    for path in sorted(CASES.glob("*/*")):
        yield path.parent.name, path


@pytest.mark.parametrize(("name", "path"), [pytest.param(n, p, id=f"{n}-{p.name}") for n, p in cases()])
def test_what_once_broke_it_no_longer_does(name: str, path: Path) -> None:
    TARGETS[name].check(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_its_seeds_and_their_mutations_break_nothing(name: str) -> None:
    target, rng = TARGETS[name], random.Random(20)
    seeds = target.seeds()
    for seed in seeds:
        target.check(seed)
    for _ in range(15 if name in SLOW else 300):
        target.check(mutated(rng, seeds))


@pytest.mark.parametrize("name", [name for name in TARGETS if name not in SLOW])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda t: t.encode("utf-8"))))
def test_any_bytes_break_nothing(name: str, data: bytes) -> None:
    TARGETS[name].check(data)
