"""Right and wrong boxes, and the figures made of them.

Average precision is the area under the precision-recall curve at 101 points, as COCO defines it
(cocodataset.org, "Detection evaluation"); a detection is right when its IoU with a free true box of its
class is at least the limit, taken greedily by confidence. Intervals come of a bootstrap over scenes: photos
of one scene are near-duplicates, and drawing them one by one would make any model look surer than it is
(Efron and Tibshirani 1993, chapter 8, on dependent data).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trailcam.evaluate.dataset import LabelledPhoto
from trailcam.evaluate.meaning import Target
from trailcam.geometry import Boxes, iou

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_GRID = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a model said of a photo: ``boxes`` (k, 4) ``xywhn``, ``confidence`` (k,), ``class_id`` (k,)."""

    boxes: Boxes
    confidence: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its 95 % interval; NaN where unknown."""

    value: float
    low: float
    high: float


def percent(interval: Interval) -> str:
    """``87.1 % (81.9 to 91.2)``; a dash where unknown. ``interval`` is 0..1."""
    if math.isnan(interval.value):
        return "-"
    if math.isnan(interval.low):
        return f"{interval.value * 100:.1f} %"
    return f"{interval.value * 100:.1f} % ({interval.low * 100:.1f} to {interval.high * 100:.1f})"


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The detections of one target, the surest first, without those that can't be judged.

    ``photo`` (k,) indexes the photos, ``confidence`` (k,), ``right`` (k,); ``truths`` (n,): of each photo.
    """

    photo: Ints
    confidence: Floats
    right: Bools
    truths: Ints


def match(photos: Sequence[LabelledPhoto], found: Sequence[Found], target: Target, limit: float) -> Matched:
    """Compare all detections of ``target`` with the truth. ``limit``: the least IoU (0..1) that counts.

    A detection on a box that may be the target, or any stray one in a photo that isn't completely labelled,
    is neither right nor wrong, and is left out.
    """
    rows: list[tuple[int, float, bool]] = []
    truths = np.zeros(len(photos), np.int64)
    for n, (photo, seen) in enumerate(zip(photos, found, strict=True)):
        wanted = np.isin(photo.class_id, list(target.wanted))
        maybe = np.isin(photo.class_id, list(target.open_))
        truths[n] = wanted.sum()
        mine = np.flatnonzero(np.isin(seen.class_id, list(target.said)))
        if not len(mine):
            continue
        mine = mine[np.argsort(-seen.confidence[mine], kind="stable")]
        overlap = iou(_corners(seen.boxes[mine]), _corners(photo.boxes))
        free = wanted.copy()
        for k, which in enumerate(mine):
            hit = _best(overlap[k], free, limit)
            if hit is not None:
                free[hit] = False
            elif not photo.complete or _best(overlap[k], maybe, limit) is not None:
                continue
            rows.append((n, float(seen.confidence[which]), hit is not None))
    rows.sort(key=lambda row: -row[1])
    return Matched(
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.float64),
        np.array([row[2] for row in rows], np.bool_),
        truths,
    )


def average_precision(matched: Matched, weights: Floats | Ints) -> float:
    """0..1; NaN without a true box. ``weights``: how often each photo counts."""
    total = float(matched.truths @ weights)
    if total == 0:
        return float("nan")
    w = weights[matched.photo]
    right = np.cumsum(w * matched.right)
    wrong = np.cumsum(w * ~matched.right)
    said = right + wrong
    keep = said > 0
    recall, precision = right[keep] / total, right[keep] / said[keep]
    if not len(precision):
        return 0.0
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, _GRID - 1e-12, side="left")
    return float(np.where(at < len(best), best[np.minimum(at, len(best) - 1)], 0.0).mean())


def precision_recall(matched: Matched, threshold: float, weights: Floats | Ints) -> tuple[float, float]:
    """Precision and recall of the boxes from ``threshold`` on; NaN where there is nothing to divide by."""
    w = weights[matched.photo] * (matched.confidence >= float(np.float32(threshold)))
    right, said = float(w @ matched.right), float(w.sum())
    total = float(matched.truths @ weights)
    return _ratio(right, said), _ratio(right, total)


def over_photos(said: Bools, truth: Bools, usable: Bools, weights: Floats | Ints) -> tuple[float, float]:
    """Precision and recall of a yes or no for each photo."""
    both = float((said & truth & usable) @ weights)
    return _ratio(both, float((said & usable) @ weights)), _ratio(both, float((truth & usable) @ weights))


def bootstrap(
    scenes: Sequence[str],
    figures: Callable[[Floats | Ints], Mapping[str, float]],
    times: int = 400,
    seed: int = 1,
) -> dict[str, Interval]:
    """Each figure with its 95 % percentile interval, whole scenes drawn with replacement.

    ``figures`` maps the weight of each photo to the figures; with all ones it gives the values themselves.
    """
    names, scene = np.unique(np.array(scenes, dtype=object).astype(str), return_inverse=True)
    value = figures(np.ones(len(scenes), np.int64))
    rng = np.random.default_rng(seed)
    draws: dict[str, list[float]] = {name: [] for name in value}
    for _ in range(times if len(names) > 1 else 0):
        counts = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
        for name, drawn in figures(counts[scene]).items():
            if not np.isnan(drawn):
                draws[name].append(drawn)
    return {name: Interval(point, *_percentiles(draws[name])) for name, point in value.items()}


def confusion(
    photos: Sequence[LabelledPhoto],
    found: Sequence[Found],
    sure: Callable[[Found], Bools],
    limit: float = 0.5,
) -> dict[tuple[int | None, int | None], int]:
    """How often a true box of a label met a box of a class: (label id or None, class id or None) -> boxes.

    Pairs are taken by the highest IoU, whatever the classes; (label, None) is missed, (None, class) is a
    stray box, which only completely labelled photos can prove.
    """
    table: dict[tuple[int | None, int | None], int] = {}

    def add(label: int | None, said: int | None) -> None:
        table[label, said] = table.get((label, said), 0) + 1

    for photo, seen in zip(photos, found, strict=True):
        kept = np.flatnonzero(sure(seen))
        overlap = iou(_corners(photo.boxes), _corners(seen.boxes[kept]))
        pairs = pair_up(overlap, limit)
        for t, label in enumerate(photo.class_id.tolist()):
            add(label, int(seen.class_id[kept[pairs[t]]]) if t in pairs else None)
        if photo.complete:
            met = set(pairs.values())
            for k in range(len(kept)):
                if k not in met:
                    add(None, int(seen.class_id[kept[k]]))
    return table


def pair_up(overlap: npt.NDArray[np.float32], limit: float) -> dict[int, int]:
    """Rows to columns, one to one, the highest overlap first, none below ``limit``."""
    pairs: dict[int, int] = {}
    left = overlap.copy()
    while left.size and left.max() >= limit:
        row, column = np.unravel_index(int(left.argmax()), left.shape)
        pairs[int(row)] = int(column)
        left[row, :] = -1
        left[:, column] = -1
    return pairs


def _best(overlap: npt.NDArray[np.float32], allowed: Bools, limit: float) -> int | None:
    if not allowed.any():
        return None
    masked = np.where(allowed, overlap, -1)
    best = int(masked.argmax())
    return best if masked[best] >= limit else None


def _corners(boxes: Boxes) -> Boxes:
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return float("nan"), float("nan")
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
