"""From which confidence a class counts, chosen on the validation split."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from trailcam.evaluate.figures import Judge
from trailcam.evaluate.meaning import class_targets
from trailcam.evaluate.metrics import match
from trailcam.files.write import write_file

_GRID = np.round(np.arange(0.05, 0.91, 0.01), 2)
_FEW = 5  # true boxes: with fewer, any choice is luck


def choose_thresholds(judge: Judge) -> dict[str, float]:
    """Class name -> the confidence (0..1) with the best F1 of its boxes at IoU 0.5, van Rijsbergen's measure.

    Of several as good, the middle one; classes with fewer than 5 true boxes get none.
    """
    chosen: dict[str, float] = {}
    for target in class_targets(judge.model, judge.labels):
        matched = match(judge.photos, judge.found, target, 0.5)
        total = int(matched.truths.sum())
        if total < _FEW:
            continue
        said = np.array([(matched.confidence >= t).sum() for t in _GRID])
        right = np.array([(matched.right & (matched.confidence >= t)).sum() for t in _GRID])
        f1 = 2 * right / (said + total)
        best = _GRID[f1 >= f1.max() - 1e-9]
        if f1.max() > 0:
            chosen[target.name] = float(best[len(best) // 2])
    return chosen


def save_thresholds(weights: Path, thresholds: Mapping[str, float]) -> None:
    """Write them beside ``weights``, where the detector looks for them. Raises OutputError."""
    from trailcam.detect.model.find_weights import thresholds_file

    write_file(thresholds_file(weights), (json.dumps(thresholds, indent=1) + "\n").encode())
