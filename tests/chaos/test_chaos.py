"""A few rounds of the chaos harness; `make chaos` plays hundreds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.rounds import choices, play
from tests.chaos.world import World, may_mount

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the launcher forks, and signals are POSIX's"),
    pytest.mark.timeout(1200),
]

SEED = 20
SLOW = {"worker killed", "out of memory in a worker"}  # processes that import torch: the long run has them


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("chaos")
    made = World(folder / "world", n_small=80, n_big=40, mounts=may_mount(folder / "try") is None)
    yield made
    made.close()


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.name not in SLOW], ids=lambda f: f.name)
def test_nothing_is_lost_and_the_same_command_carries_on(
    world: World, fault: type[Fault], tmp_path: Path
) -> None:
    if fault.needs_mounts and not world.mounts:
        pytest.skip(may_mount(tmp_path) or "nothing can be mounted here")
    assert fault.name in {made.name for _, made in choices(world)}
    play(world, SEED, only=fault.name)
