"""What goes into the pipeline and what comes out. No torch, no database: both sides import this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from trailcam.domain import Outcome


@dataclass(frozen=True, slots=True)
class Job:
    """One photo to look at. ``path`` is relative to its root, with ``/``, surrogate-escaped."""

    image_id: int
    root_id: int
    path: str


class Sink(Protocol):
    """Where results go."""

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Store all of them, detections and status together, in one transaction.

        Called from one thread that is not the main thread, one call at a time. An exception
        stops the run and reaches the caller of ``run`` unchanged.
        """


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a run is. ``total`` is None when the jobs have no length."""

    completed: int
    failed: int
    missing: int
    total: int | None
    detections: Mapping[str, int]
    elapsed_s: float

    @property
    def done(self) -> int:
        return self.completed + self.failed + self.missing


class Progress(Protocol):
    """Whoever wants to show how far a run is."""

    def update(self, snapshot: Snapshot) -> None:
        """Called from the main thread, at most a few times a second, and once at the end."""
