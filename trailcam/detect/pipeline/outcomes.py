"""What goes into the pipeline and what comes out. No torch, no database: both sides import this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from trailcam.domain import Outcome


@dataclass(frozen=True, slots=True)
class Video:
    """What a job has to know of a video: one frame of every ``every_s`` seconds is looked at.

    ``duration_s`` None: not known.
    """

    every_s: float
    duration_s: float | None


@dataclass(frozen=True, slots=True)
class Job:
    """One photo or video to look at. ``path`` is relative to its root, with ``/``, surrogate-escaped."""

    image_id: int
    root_id: int
    path: str
    video: Video | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PhotoSource:
    """The photos of a run.

    ``jobs`` is iterated once, in another thread. ``roots``: root id -> folder. ``alive`` is asked whether a
    root is still there whenever photos are missing or unreadable.
    """

    jobs: Iterable[Job]
    roots: Mapping[int, Path]
    alive: Callable[[int], bool]


class Sink(Protocol):
    """Where results go."""

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Store all of them, detections and status together, in one transaction.

        Called from one thread that is not the main thread, one call at a time. An exception
        stops the run and reaches the caller of ``run`` unchanged.
        """


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a run is. ``total`` is None when the jobs have no length; ``counting``: see PipelineReport."""

    completed: int
    failed: int
    missing: int
    total: int | None
    detections: Mapping[str, int]
    counting: Mapping[str, int]
    elapsed_s: float

    @property
    def done(self) -> int:
        return self.completed + self.failed + self.missing


class Progress(Protocol):
    """Shows how far a run is."""

    def update(self, snapshot: Snapshot) -> None:
        """Called from the main thread, at most a few times a second, and once at the end."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, eq=False)
class Control:
    """What is asked and told while photos are looked at.

    ``stop`` is asked between batches: once it says True, the batch in hand is finished and all results are
    written.
    """

    stop: Callable[[], bool] = _never
    progress: Progress | None = None
