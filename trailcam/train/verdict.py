"""Whether a trained model is better than the one it started from. Decided by what people count: photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trailcam.evaluate.metrics import percent

if TYPE_CHECKING:
    from trailcam.evaluate.figures import Evaluation, PhotoRow

_WORSE_BY = 0.02  # of photos found or right: less is chance in a few hundred photos


@dataclass(frozen=True, slots=True)
class TrainingVerdict:
    """A sentence, and whether to recommend the new model."""

    sentence: str
    better: bool


def verdict(before: Evaluation, after: Evaluation) -> TrainingVerdict:
    """Better: no kind of photo is found, or reported rightly, less often; and mAP50 or one of these rose."""
    old = {row.name: row for row in before.by_photo}
    pairs = [(old[row.name], row) for row in after.by_photo if row.name in old]
    worse = [text for was, now in pairs for text in _worse(was, now)]
    if worse:
        return TrainingVerdict(f"worse than the model it started from: {'; '.join(worse)}.", better=False)
    rose = [now for was, now in pairs if _share(now.found, now.with_it) > _share(was.found, was.with_it)]
    if not rose and after.map50.value <= before.map50.value:
        return TrainingVerdict("no better than the model it started from.", better=False)
    return TrainingVerdict(
        f"better than the model it started from (mAP50 {percent(before.map50)}, now {percent(after.map50)}).",
        better=True,
    )


def _worse(was: PhotoRow, now: PhotoRow) -> list[str]:
    told = []
    for what, then, here in (
        (f"photos with {now.name} found", (was.found, was.with_it), (now.found, now.with_it)),
        (f"photos reported with {now.name} that were right", (was.right, was.said), (now.right, now.said)),
    ):
        before, after = _share(*then), _share(*here)
        if after < before - _WORSE_BY:
            told.append(f"{what} {100 * before:.0f} %, now {100 * after:.0f} %")
    return told


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
