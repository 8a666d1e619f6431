"""From which confidence classes should count, by people's corrections: ``report accuracy --fit-thresholds``.

The measure is F1 (van Rijsbergen's) of a class's boxes. What was fitted looks better on its own photos than
on others; so each threshold is also chosen on four fifths of the scenes and tried on the last, five times
(cross-validation), and one that does no better there than what counts now is not taken.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trailcam.errors import UnanswerableError
from trailcam.evaluate.meaning import class_targets
from trailcam.evaluate.metrics import Matched, match
from trailcam.reports.accuracy import LIMIT, Evidence, accuracy
from trailcam.reports.base import CellType, Column, Report, Row, Section
from trailcam.reports.common import Question
from trailcam.store.database import Connection
from trailcam.store.judged_boxes import forget_fitted, save_fitted
from trailcam.words.text import count, printable

NEED_BOXES = 20
NEED_SCENES = 10
_FOLDS = 5
_GRID = np.round(np.arange(0.05, 0.951, 0.01), 2)
_COLUMNS = (
    Column("class", "class", CellType.TEXT, wraps=True),
    Column("people_saw", "people saw", CellType.COUNT),
    Column("visits", "scenes", CellType.COUNT),
    Column("before", "counted from", CellType.NUMBER),
    Column("threshold", "best", CellType.NUMBER),
    Column("f1_before", "F1 before", CellType.NUMBER),
    Column("f1_fitted", "fitted", CellType.NUMBER),
    Column("f1_left_out", "on scenes left out", CellType.NUMBER),
    Column("taken", "taken", CellType.FLAG),
)

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came out: ``thresholds`` (class name -> 0..1) to take, and the table that says why."""

    thresholds: dict[str, float]
    section: Section
    notes: Sequence[str]


def fit(evidence: Evidence) -> Fitted:
    """A threshold for each class with NEED_BOXES true boxes of NEED_SCENES scenes.

    Raises UnanswerableError where no class has as many.
    """
    judge = evidence.judge
    scenes = np.array([photo.scene for photo in judge.photos], dtype=object)
    rows: list[Row] = []
    too_few: list[str] = []
    for target in class_targets(judge.model, judge.labels):
        matched = match(judge.photos, judge.found, target, LIMIT)
        boxes = int(matched.truths.sum())
        n_scenes = len(set(scenes[matched.truths > 0]))
        if boxes >= NEED_BOXES and n_scenes >= NEED_SCENES:
            before = judge.thresholds[next(iter(target.said))]
            rows.append(
                _row(target.name, matched, scenes, before) | {"people_saw": boxes, "visits": n_scenes}
            )
        elif boxes:
            too_few.append(f"{printable(target.name)} ({count(boxes, 'box')} of {count(n_scenes, 'scene')})")
    needed = f"a class needs {NEED_BOXES} boxes of {NEED_SCENES} scenes that people saw"
    if not rows:
        raise UnanswerableError(
            f"There are too few corrections to fit a threshold to: {needed}.",
            f"There are: {', '.join(too_few) or 'none'}. Nothing was changed. Judge more: trailcam review"
            " --random -o review.html",
        )
    notes = [f"Too few to fit ({needed}): {', '.join(too_few)}."] if too_few else []
    return Fitted(
        {row["class"]: row["threshold"] for row in rows if row["taken"]},
        Section("fitted", "Thresholds from corrections", _COLUMNS, rows),
        notes,
    )


def fit_thresholds(
    db: Connection, question: Question, *, run_id: int | None, only_random: bool, author: str
) -> Report:
    """Fit, let what was fitted count, and report. Call it in a transaction. Raises as ``fit`` does."""
    before, evidence = accuracy(db, question, run_id=run_id, only_random=only_random)
    fitted = fit(evidence)
    save_fitted(db, evidence.model["weights_sha256"], fitted.thresholds, author)
    names = ", ".join(f"{printable(name)} {t:g}" for name, t in fitted.thresholds.items())
    said = (
        f"These thresholds now apply in every report and to later runs of these weights: {names}."
        " --forget-thresholds takes them back."
        if names
        else "No threshold did better on scenes left out than what counts now: nothing was changed."
    )
    after = accuracy(db, question, run_id=run_id, only_random=only_random)[0] if names else before
    return dataclasses.replace(
        after, sections=[fitted.section, *after.sections], notes=[said, *fitted.notes, *after.notes]
    )


def forget_thresholds(db: Connection, question: Question, *, run_id: int | None, only_random: bool) -> Report:
    """Let what the weights recommend count again, and report. Call it in a transaction."""
    before, evidence = accuracy(db, question, run_id=run_id, only_random=only_random)
    names = ", ".join(map(printable, forget_fitted(db, evidence.model["weights_sha256"])))
    said = f"These count as the weights recommend again: {names}." if names else "No threshold was fitted."
    after = accuracy(db, question, run_id=run_id, only_random=only_random)[0] if names else before
    return dataclasses.replace(after, notes=[said, *after.notes])


def _row(name: str, matched: Matched, scenes: npt.NDArray[Any], before: float) -> Row:
    everywhere = np.ones(len(scenes), np.bool_)
    best = _best(matched, everywhere)
    f1_before, f1_fitted = _f1(matched, everywhere, before), _f1(matched, everywhere, best)
    left_out = _left_out(matched, scenes)
    return {
        "class": name,
        "before": round(float(before), 4),
        "threshold": best,
        "f1_before": round(f1_before, 4),
        "f1_fitted": round(f1_fitted, 4),
        "f1_left_out": round(left_out, 4),
        "taken": left_out > f1_before,
    }


def _best(matched: Matched, photos: Bools) -> float:
    """The threshold with the best F1 on ``photos`` (n,); of several as good the middle one."""
    f1 = np.array([_f1(matched, photos, t) for t in _GRID])
    best = _GRID[f1 >= f1.max() - 1e-9]
    return float(best[len(best) // 2])


def _f1(matched: Matched, photos: Bools, threshold: float) -> float:
    said, right, truths = _counts(matched, photos, threshold)
    return 2 * right / (said + truths) if said + truths else 0.0


def _counts(matched: Matched, photos: Bools, threshold: float) -> tuple[int, int, int]:
    sure = (matched.confidence >= float(np.float32(threshold))) & photos[matched.photo]
    return int(sure.sum()), int((sure & matched.right).sum()), int(matched.truths[photos].sum())


def _left_out(matched: Matched, scenes: npt.NDArray[Any]) -> float:
    """F1 over all photos, each counted from the threshold that the scenes of the other folds choose."""
    fold = np.array([zlib.crc32(str(scene).encode()) % _FOLDS for scene in scenes])
    sums = np.zeros(3, np.int64)
    for n in range(_FOLDS):
        sums += np.array(_counts(matched, fold == n, _best(matched, fold != n)))
    said, right, truths = (int(value) for value in sums)
    return 2 * right / (said + truths) if said + truths else 0.0
