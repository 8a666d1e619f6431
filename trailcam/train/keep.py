"""What the model that a training starts from knows beside the classes of the data set.

Trained on deer alone, a model learns that a coyote is background. So the old model looks at the training
photos first, and what it is sure of where no label is becomes a label, too. The idea: Li and Hoiem 2016,
"Learning without Forgetting"; for detectors Shmelkov, Schmid and Alahari 2017.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trailcam.domain import DEER_KINDS, AgeClass, ClassInfo, Kind
from trailcam.evaluate.dataset import DataSet, LabelledPhoto
from trailcam.evaluate.judge_model import Looked
from trailcam.evaluate.meaning import label_meanings
from trailcam.evaluate.metrics import Found
from trailcam.geometry import Boxes, share_of_smaller, xywhn_to_xyxy
from trailcam.settings.classmap import fold

_KINDS = (*DEER_KINDS, Kind.ANIMAL, Kind.PERSON, Kind.VEHICLE)
_TAKEN = 0.5  # of the smaller of two boxes: with more of it shared, both are of one animal


@dataclass(frozen=True, slots=True)
class Kept:
    """Classes that are trained beside those of the data set.

    ``names``: class id -> name of all that is trained. ``boxes``: photo -> ``xywhn`` (k, 4) and class ids
    (k,) to add to its labels. ``counts``: each class that is kept -> how many boxes were added.
    """

    names: Mapping[int, str]
    boxes: Mapping[Path, tuple[Boxes, npt.NDArray[np.int64]]]
    counts: Mapping[str, int]


def keep_classes(data: DataSet, old: Looked) -> Kept:
    """Choose what is kept. ``old``: what the old model makes of the photos of ``data``."""
    told = tuple(label_meanings(data.names).values())
    kept = [
        info
        for info in old.judge.model.values()
        if info.kind in _KINDS and not any(_means(label, info) for label in told)
    ]
    first = max(data.names) + 1
    names = {**data.names, **{first + n: info.name for n, info in enumerate(kept)}}
    ids = {info.class_id: first + n for n, info in enumerate(kept)}
    boxes = {}
    counts = Counter({info.name: 0 for info in kept})
    for photo, found in zip(old.judge.photos, old.judge.found, strict=True):
        sure = _sure(photo, found, ids, old.judge.thresholds)
        if len(sure):
            class_id = np.array([ids[int(i)] for i in found.class_id[sure]], np.int64)
            boxes[photo.file] = found.boxes[sure], class_id
            counts.update(names[int(i)] for i in class_id)
    return Kept(names, boxes, dict(counts))


def _means(label: ClassInfo, info: ClassInfo) -> bool:
    """Whether the label speaks of animals that the old class speaks of; then they are the labels' own."""
    if fold(label.name) == fold(info.name):
        return True
    if Kind.DEER in (label.kind, info.kind):  # deer of unknown sex may be any of them
        return {label.kind, info.kind} <= set(DEER_KINDS)
    vague = (None, AgeClass.UNKNOWN)
    same_size = label.age_class == info.age_class or label.age_class in vague or info.age_class in vague
    return label.kind is info.kind and info.kind is not Kind.ANIMAL and same_size


def _sure(
    photo: LabelledPhoto, found: Found, ids: Mapping[int, int], thresholds: Mapping[int, float]
) -> Sequence[int]:
    """Indices of the boxes of kept classes that count and lie on no label."""
    on_label = share_of_smaller(xywhn_to_xyxy(found.boxes, 1, 1), xywhn_to_xyxy(photo.boxes, 1, 1)) > _TAKEN
    return [
        n
        for n, class_id in enumerate(found.class_id.tolist())
        if class_id in ids and found.confidence[n] >= thresholds[class_id] and not on_label[n].any()
    ]
