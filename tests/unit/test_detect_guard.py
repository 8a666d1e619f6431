"""Failures that are most of a run mark nothing; a few are marked as ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailcam.detect.guard import FEW, HeldFailures
from trailcam.detect.outcomes import Outcome
from trailcam.detect.report import PipelineReport
from trailcam.domain import Status
from trailcam.errors import PipelineError


def go(fates: list[bool], *, known: bool = True, accept: bool = False, stopped: bool = False) -> set[int]:
    """A run over photos that are fine (True) or fail; returns which were marked as failed."""
    report = PipelineReport(batch=1)
    held = HeldFailures(len(fates) if known else None, accept=accept)
    marked: list[Outcome] = []
    for n, fine in enumerate(fates):
        outcome = Outcome(
            n, Status.COMPLETED if fine else Status.FAILED, error_code=None if fine else "corrupt"
        )
        assert held.sift([outcome]) == ([outcome] if fine else [])
        if fine:
            report.completed += 1
        else:
            report.failed += 1
            report.failures["corrupt"] += 1
        marked += held.released(report)
    report.interrupted = stopped
    marked += held.rest(report)
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
