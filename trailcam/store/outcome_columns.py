"""Outcomes of photos as the columns that are written in bulk, from a detect or from a part of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trailcam.domain import Outcome, Status
from trailcam.store.columns import Column, texts
from trailcam.store.database import utc_now
from trailcam.words.text import printable


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeColumns:
    """Outcomes of n photos with k boxes in all.

    For each photo, in (n,) arrays: ``image_id`` int64; ``status``, ``error_code``, ``error_message`` texts or
    None; ``looked_at`` datetime64[us], UTC. For each box: ``owner`` (k,), the index of its photo;
    ``class_id`` (k,) int16; ``confidence`` (k,) float32, 0..1; ``boxes`` (k, 4) float32 ``xywhn``;
    ``class_probability`` (k,) float32, NaN where no classifier named a box. Of videos ``frames`` (n,) are the
    times of the frames that were looked at, as text (``[0.0, 1.0]``), and ``frame_s`` (k,) float32 is each
    box's; None and NaN of photos.
    """

    image_id: npt.NDArray[np.int64]
    status: Column
    error_code: Column
    error_message: Column
    looked_at: Column
    owner: npt.NDArray[np.int64]
    class_id: npt.NDArray[np.int16]
    confidence: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]
    class_probability: npt.NDArray[np.float32]
    frames: Column
    frame_s: npt.NDArray[np.float32]

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> OutcomeColumns:
        """The same as columns, looked at now."""
        n = len(outcomes)
        none = np.zeros(0)
        return cls(
            image_id=np.fromiter((o.image_id for o in outcomes), np.int64, n),
            status=texts(o.status.value for o in outcomes),
            error_code=texts(o.error_code for o in outcomes),
            error_message=texts(_clean(o.error_message) for o in outcomes),
            looked_at=np.full(n, utc_now(), dtype="datetime64[us]"),
            owner=np.repeat(np.arange(n), [len(o.confidence) for o in outcomes]),
            class_id=np.concatenate([none, *(o.class_id for o in outcomes)]).astype(np.int16),
            confidence=np.concatenate([none, *(o.confidence for o in outcomes)]).astype(np.float32),
            boxes=np.concatenate([np.zeros((0, 4), np.float32), *(o.boxes.reshape(-1, 4) for o in outcomes)]),
            class_probability=np.concatenate([none, *map(_probability, outcomes)]).astype(np.float32),
            frames=texts(None if o.frames is None else str(list(o.frames)) for o in outcomes),
            frame_s=np.concatenate([none, *map(_frame_s, outcomes)]).astype(np.float32),
        )

    def of_status(self, status: Status) -> npt.NDArray[np.bool_]:
        """Which of the photos have that status: (n,)."""
        return np.asarray(self.status == status.value, np.bool_)

    def photos(self, which: npt.NDArray[np.bool_]) -> dict[str, Column]:
        """The columns of some of the photos."""
        names = ("image_id", "status", "error_code", "error_message", "looked_at", "frames")
        return {name: getattr(self, name)[which] for name in names}

    def detections(self, which: npt.NDArray[np.bool_]) -> dict[str, Column]:
        """The columns of the boxes of some of the photos."""
        kept = which[self.owner]
        return {
            "image_id": self.image_id[self.owner[kept]],
            "class_id": self.class_id[kept],
            "confidence": self.confidence[kept],
            "class_probability": self.class_probability[kept],
            "frame_s": self.frame_s[kept],
            **{name: np.ascontiguousarray(self.boxes[kept, n]) for n, name in enumerate("xywh")},
        }


def _probability(outcome: Outcome) -> npt.NDArray[np.float32]:
    """The database keeps NaN as NULL."""
    if outcome.class_probability is None:
        return np.full(len(outcome.confidence), np.nan, np.float32)
    return outcome.class_probability


def _frame_s(outcome: Outcome) -> npt.NDArray[np.float32]:
    if outcome.frame_s is None:
        return np.full(len(outcome.confidence), np.nan, np.float32)
    return outcome.frame_s


def _clean(message: str | None) -> str | None:
    return None if message is None else printable(message)
