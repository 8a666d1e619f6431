"""Failures that are most of a run mark nothing; a few are marked as ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailcam.detect.pipeline.held_failures import FEW, HeldFailures
from trailcam.domain import Outcome, Status
from trailcam.errors import PipelineError


def go(fates: list[bool], *, known: bool = True, accept: bool = False, stopped: bool = False) -> set[int]:
    """A run over photos that are fine (True) or fail; returns which were marked as failed."""
    held = HeldFailures(len(fates) if known else None, accept=accept)
    marked: list[Outcome] = []
    for n, fine in enumerate(fates):
        outcome = Outcome(
            n, Status.COMPLETED if fine else Status.FAILED, error_code=None if fine else "corrupt"
        )
        assert held.sift([outcome]) == ([outcome] if fine else [])
        marked += held.released()
    marked += held.rest(interrupted=stopped)
    return {outcome.image_id for outcome in marked}


@given(
    st.lists(st.booleans(), max_size=80),
    st.integers(0, 60),
    st.integers(0, 60),
    st.booleans(),
    st.booleans(),
)
def test_all_failures_are_marked_or_none(
    fates: list[bool], good: int, bad: int, known: bool, accept: bool
) -> None:
    fates = [False] * bad + fates + [True] * good
    failed = {n for n, fine in enumerate(fates) if not fine}
    if not accept and len(failed) > FEW and 2 * len(failed) > len(fates):
        with pytest.raises(PipelineError, match="more than half"):
            go(fates, known=known)
    else:
        assert go(fates, known=known, accept=accept) == failed


def test_a_run_that_was_stopped_early_waits_with_the_verdict() -> None:
    assert go([False] * 40, known=False, stopped=True) == set()
    assert len(go([False] * 40 + [True] * 40, known=False, stopped=True)) == 40


def failures(n: range) -> list[Outcome]:
    return [Outcome(i, Status.FAILED, error_code="corrupt") for i in n]


def test_photos_that_failed_before_say_nothing_of_this_run() -> None:
    held = HeldFailures(40, accept=False, known=frozenset(range(38)))
    assert [o.image_id for o in held.sift(failures(range(38)))] == list(range(38))
    assert held.released() == []
    fine = Outcome(38, Status.COMPLETED)
    assert held.sift([fine, *failures(range(39, 40))]) == [fine]
    assert [o.image_id for o in held.released()] == [39]
    assert held.rest(interrupted=False) == []


def test_new_failures_count_beside_known_ones() -> None:
    held = HeldFailures(70, accept=False, known=frozenset(range(30)))
    held.sift(failures(range(50)))
    assert held.released() == []
    held.sift(failures(range(50, 51)))
    with pytest.raises(PipelineError, match=r"21 of 40 photos failed.*besides 30 that had failed before"):
        held.released()
