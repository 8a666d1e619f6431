"""Failures are held back until it is sure that they are not most of a run.

A few broken photos are the photos' fault. When most of them fail, the fault is elsewhere: a share that hands
out zeros, a decoder that came with a bad update. Then no photo may be marked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set

from trailcam.domain import Outcome, Status
from trailcam.errors import PipelineError
from trailcam.words.text import count

FEW = 20
"""So many failed photos or fewer prove nothing about the rest: they are marked, whatever their share."""


class HeldFailures:
    """Keeps failed outcomes of a run of ``total`` photos (None: not known) until they may be marked.

    ``known``: those of the run's photos that are marked as failed already. That they fail again says nothing
    of the drive or the decoder, so they are marked at once and left out of the count.
    """

    def __init__(self, total: int | None, *, accept: bool, known: Set[int] = frozenset()) -> None:
        self._total = None if total is None else total - len(known)
        self._accept = accept
        self._known = known
        self._held: list[Outcome] = []
        self._n_done = 0
        self._reasons: Counter[str] = Counter()

    @property
    def _n_failed(self) -> int:
        return self._reasons.total()

    def sift(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes that did not fail, or are known to; the others are held."""
        free = []
        for outcome in outcomes:
            if outcome.image_id in self._known:
                free.append(outcome)
                continue
            self._n_done += 1
            if outcome.status is Status.FAILED:
                self._held.append(outcome)
                self._reasons[outcome.error_code or ""] += 1
            else:
                free.append(outcome)
        return free

    def released(self) -> list[Outcome]:
        """The failures that may be marked by now. Raises PipelineError once more than half have failed."""
        if self._total is None:
            return []
        check_failures(self._total, self._reasons, len(self._known), accept=self._accept)
        sure = self._accept or 2 * (self._n_done - self._n_failed) >= self._total
        return self._take() if sure else []

    def rest(self, *, interrupted: bool) -> list[Outcome]:
        """At the end. A run that was stopped early marks none while more than half of its photos failed."""
        try:
            check_failures(self._n_done, self._reasons, len(self._known), accept=self._accept)
        except PipelineError:
            if interrupted:
                return []
            raise
        return self._take()

    def _take(self) -> list[Outcome]:
        held, self._held = self._held, []
        return held


def check_failures(total: int, reasons: Counter[str], n_known: int, *, accept: bool) -> None:
    """Raise PipelineError when more than half of ``total`` photos failed, unless they are accepted.

    ``reasons`` counts the failed ones by error code. Of photos that had failed before, which are in neither,
    there are ``n_known``.
    """
    n_failed = reasons.total()
    if accept or n_failed <= FEW or 2 * n_failed <= total:
        return
    named = ", ".join(f"{code}: {n:,}" for code, n in reasons.most_common())
    besides = f", besides {n_known:,} that had failed before" if n_known else ""
    raise PipelineError(
        f"{n_failed:,} of {count(total, 'photo')} failed, more than half ({named}){besides}.",
        "None of them was marked as failed; the results of the others are saved. Open one of the "
        "photos: if it opens, the fault lies with the drive, the share or this installation. If they are "
        "really broken, --accept-failures marks them.",
    )
