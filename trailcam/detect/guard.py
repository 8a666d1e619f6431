"""Failures are held back until it is sure that they are not most of a run.

A few broken photos are the photos' fault. When most of them fail, the fault is elsewhere: a share that hands
out zeros, a decoder that came with a bad update. Then no photo may be marked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trailcam.detect.outcomes import Outcome
from trailcam.domain import Status
from trailcam.errors import PipelineError
from trailcam.text import count

if TYPE_CHECKING:
    from trailcam.detect.report import PipelineReport

FEW = 20
"""So many failed photos or fewer prove nothing about the rest: they are marked, whatever their share."""


class HeldFailures:
    """Keeps failed outcomes of a run of ``total`` photos (None: not known) until they may be marked."""

    def __init__(self, total: int | None, *, accept: bool) -> None:
        self._total = total
        self._accept = accept
        self._held: list[Outcome] = []

    def sift(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes that did not fail; the others are held."""
        self._held += (o for o in outcomes if o.status is Status.FAILED)
        return [o for o in outcomes if o.status is not Status.FAILED]

    def released(self, report: PipelineReport) -> list[Outcome]:
        """The failures that may be marked by now. Raises PipelineError once more than half have failed."""
        if self._total is None:
            return []
        if not self._accept and report.failed > FEW and 2 * report.failed > self._total:
            raise _refused(report, self._total)
        sure = self._accept or 2 * (report.done - report.failed) >= self._total
        return self._take() if sure else []

    def rest(self, report: PipelineReport) -> list[Outcome]:
        """At the end. A run that was stopped early marks none while more than half of its photos failed."""
        mostly = report.failed > FEW and 2 * report.failed > report.done
        if mostly and not self._accept:
            if report.interrupted:
                return []
            raise _refused(report, report.done)
        return self._take()

    def _take(self) -> list[Outcome]:
        held, self._held = self._held, []
        return held


def _refused(report: PipelineReport, total: int) -> PipelineError:
    reasons = ", ".join(f"{code}: {n:,}" for code, n in report.failures.most_common())
    return PipelineError(
        f"{report.failed:,} of {count(total, 'photo')} failed, more than half ({reasons}).",
        "Not one of them was marked as failed; what was seen of the others is saved. Open one of the photos: "
        "if it is fine, the drive, the share or this installation is not. If they really are broken, "
        "--accept-failures marks them.",
    )
