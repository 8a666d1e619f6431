"""What goes into the pipeline and what comes out. No torch, no database: both sides import this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from trailcam.domain import Status
from trailcam.geometry import Boxes

Confidences = npt.NDArray[np.float32]
ClassIds = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Job:
    """One photo to look at. ``path`` is relative to its root, with ``/``, surrogate-escaped."""

    image_id: int
    root_id: int
    path: str


def _no_boxes() -> Boxes:
    return np.zeros((0, 4), dtype=np.float32)


def _no_confidence() -> Confidences:
    return np.zeros(0, dtype=np.float32)


def _no_classes() -> ClassIds:
    return np.zeros(0, dtype=np.int16)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of one photo.

    ``status`` is completed, failed or missing, never pending. ``width`` and ``height`` are the
    upright photo's px (None unless completed). ``boxes`` (k, 4) float32 ``xywhn``,
    ``confidence`` (k,) float32 0..1, descending, ``class_id`` (k,) int16: completed with
    k = 0 is a blank. ``error_code`` is a :class:`~trailcam.detect.pipeline.failures.FailureCode`.
    """

    image_id: int
    status: Status
    width: int | None = None
    height: int | None = None
    boxes: Boxes = field(default_factory=_no_boxes)
    confidence: Confidences = field(default_factory=_no_confidence)
    class_id: ClassIds = field(default_factory=_no_classes)
    error_code: str | None = None
    error_message: str | None = None

    def __post_init__(self) -> None:
        k = len(self.confidence)
        if self.boxes.shape != (k, 4) or self.class_id.shape != (k,):
            raise ValueError(f"{k} confidences, boxes {self.boxes.shape}, classes {self.class_id.shape}")
        if self.status is Status.PENDING:
            raise ValueError("an outcome is never pending")


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
