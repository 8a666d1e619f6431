"""All figures of one evaluation, from what was found and what is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from trailcam.domain import ClassInfo, Kind
from trailcam.evaluate.dataset import LabelledPhoto
from trailcam.evaluate.meaning import DEER_KINDS, Target, class_targets, group_targets
from trailcam.evaluate.metrics import (
    Bools,
    Floats,
    Found,
    Interval,
    Ints,
    Matched,
    average_precision,
    bootstrap,
    confusion,
    match,
    over_photos,
    precision_recall,
)
from trailcam.words.text import count

IOUS = tuple(np.round(np.arange(0.5, 1.0, 0.05), 2).tolist())
"""The IoU limits of mAP50-95."""


@dataclass(frozen=True, slots=True)
class BoxRow:
    """One class or group, box by box. ``truths``: true boxes; precision and recall at the thresholds."""

    name: str
    truths: int
    ap50: Interval
    precision: Interval
    recall: Interval
    threshold: float | None  # None for a group, whose classes have one each


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """A hunter's question: of ``with_it`` photos ``found`` were found, of ``said`` ``right`` were right."""

    name: str
    with_it: int
    found: int
    said: int
    right: int
    recall: Interval
    precision: Interval


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out. ``map50`` and ``map50_95`` are means over ``classes``.

    ``empties``: photos without anything; ``alarms``: those of them on which the model saw something.
    ``confusion``: (label or None, class or None) -> boxes, by name.
    """

    photos: int
    scenes: int
    map50: Interval
    map50_95: Interval
    classes: tuple[BoxRow, ...]
    groups: tuple[BoxRow, ...]
    by_photo: tuple[PhotoRow, ...]
    empties: int
    alarms: int
    alarm_share: Interval
    confusion: Mapping[tuple[str | None, str | None], int]
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Judge:
    """Everything that the figures rest on. ``model`` and ``labels``: class id -> what it means.

    ``thresholds``: class id -> confidence (0..1) from which a box counts. ``weights_sha256``: of the model
    that is judged, "" where that is unknown.
    """

    photos: Sequence[LabelledPhoto]
    found: Sequence[Found]
    model: Mapping[int, ClassInfo]
    labels: Mapping[int, ClassInfo]
    thresholds: Mapping[int, float]
    weights_sha256: str = ""

    def sure(self, seen: Found) -> Bools:
        """Which boxes of a photo count."""
        limits = np.array([self.thresholds[int(c)] for c in seen.class_id], np.float32)
        return np.asarray(seen.confidence >= limits, np.bool_)

    def says(self, class_ids: frozenset[int]) -> Bools:
        """(n,) whether a box of one of the classes counts on each photo."""
        return np.array(
            [bool((self.sure(seen) & np.isin(seen.class_id, list(class_ids))).any()) for seen in self.found],
            np.bool_,
        )

    def has(self, label_ids: frozenset[int]) -> Bools:
        """(n,) whether each photo has a true box of one of the labels."""
        return np.array(
            [bool(np.isin(photo.class_id, list(label_ids)).any()) for photo in self.photos], np.bool_
        )


def evaluate(judge: Judge, times: int = 400) -> Evaluation:
    """All figures with bootstrap intervals of ``times`` draws."""
    classes = class_targets(judge.model, judge.labels)
    groups = group_targets(judge.model, judge.labels)
    boxes = {t.name: [match(judge.photos, judge.found, t, limit) for limit in IOUS] for t in classes}
    grouped = {t.name: _counted(judge, t) for t in groups}
    questions = _questions(judge)
    empty = np.array([photo.complete and not len(photo.class_id) for photo in judge.photos], np.bool_)
    alarms = np.array([bool(judge.sure(seen).any()) for seen in judge.found], np.bool_)

    def figures(weights: Floats | Ints) -> dict[str, float]:
        aps = {name: [average_precision(m, weights) for m in found] for name, found in boxes.items()}
        out = {f"ap50/{name}": values[0] for name, values in aps.items()}
        out["map50"] = _mean([values[0] for values in aps.values()])
        out["map50_95"] = _mean([_mean(values) for values in aps.values()])
        for target in classes:
            at = judge.thresholds[next(iter(target.said))]
            pair = precision_recall(boxes[target.name][0], at, weights)
            out[f"precision/{target.name}"], out[f"recall/{target.name}"] = pair
        for name, (whole, counted) in grouped.items():
            out[f"ap50/group/{name}"] = average_precision(whole, weights)
            pair = precision_recall(counted, 0.0, weights)
            out[f"precision/group/{name}"], out[f"recall/group/{name}"] = pair
        for name, (said, truth, usable) in questions.items():
            pair = over_photos(said, truth, usable, weights)
            out[f"precision/photo/{name}"], out[f"recall/photo/{name}"] = pair
        whole_weight = float(empty @ weights)
        out["alarms"] = float((empty & alarms) @ weights) / whole_weight if whole_weight else float("nan")
        return out

    value = bootstrap([photo.scene for photo in judge.photos], figures, times)
    return Evaluation(
        photos=len(judge.photos),
        scenes=len({photo.scene for photo in judge.photos}),
        map50=value["map50"],
        map50_95=value["map50_95"],
        classes=tuple(
            _box_row(value, t.name, "", boxes[t.name][0], judge.thresholds[next(iter(t.said))])
            for t in classes
        ),
        groups=tuple(_box_row(value, t.name, "group/", grouped[t.name][0], None) for t in groups),
        by_photo=tuple(_photo_row(value, name, *flags) for name, flags in questions.items()),
        empties=int(empty.sum()),
        alarms=int((empty & alarms).sum()),
        alarm_share=value["alarms"],
        confusion=_named_confusion(judge),
        notes=tuple(_notes(judge, classes)),
    )


def _counted(judge: Judge, target: Target) -> tuple[Matched, Matched]:
    """A group's matches: of all detections, and of those alone that reach their own class's threshold."""
    only = [
        Found(seen.boxes[keep], seen.confidence[keep], seen.class_id[keep])
        for seen in judge.found
        for keep in (judge.sure(seen),)
    ]
    return match(judge.photos, judge.found, target, 0.5), match(judge.photos, only, target, 0.5)


def _questions(judge: Judge) -> dict[str, tuple[Bools, Bools, Bools]]:
    """Name -> what is said, what is true, and which photos can tell, for each photo.

    A photo with a deer of unknown sex can't prove that there is no buck, nor one that isn't completely
    labelled that there is nothing.
    """
    complete = np.array([photo.complete for photo in judge.photos], np.bool_)
    unsexed = judge.has(frozenset(i for i, info in judge.labels.items() if info.kind is Kind.DEER))
    unsized = judge.has(
        frozenset(
            i
            for i, info in judge.labels.items()
            if info.kind is Kind.BUCK and info.age_class in (None, "unknown")
        )
    )
    asked: list[tuple[str, Callable[[ClassInfo], bool], Bools]] = [
        ("a deer", lambda info: info.kind in DEER_KINDS, complete),
        ("a buck", lambda info: info.kind is Kind.BUCK, complete & ~unsexed),
        ("a mature buck", lambda info: info.age_class == "mature", complete & ~unsexed & ~unsized),
        ("a person", lambda info: info.kind is Kind.PERSON, complete),
        ("anything", lambda _: True, complete),
    ]
    questions = {}
    for name, is_it, can_deny in asked:
        said = frozenset(i for i, info in judge.model.items() if is_it(info))
        wanted = frozenset(i for i, info in judge.labels.items() if is_it(info))
        if said and wanted:
            truth = judge.has(wanted)
            questions[name] = judge.says(said), truth, truth | can_deny
    return questions


def _box_row(
    value: Mapping[str, Interval], name: str, kind: str, matched: Matched, threshold: float | None
) -> BoxRow:
    key = f"{kind}{name}"
    return BoxRow(
        name,
        int(matched.truths.sum()),
        value[f"ap50/{key}"],
        value[f"precision/{key}"],
        value[f"recall/{key}"],
        threshold,
    )


def _photo_row(
    value: Mapping[str, Interval], name: str, said: Bools, truth: Bools, usable: Bools
) -> PhotoRow:
    right = int((said & truth & usable).sum())
    return PhotoRow(
        name,
        with_it=int((truth & usable).sum()),
        found=right,
        said=int((said & usable).sum()),
        right=right,
        recall=value[f"recall/photo/{name}"],
        precision=value[f"precision/photo/{name}"],
    )


def _named_confusion(judge: Judge) -> dict[tuple[str | None, str | None], int]:
    table = confusion(judge.photos, judge.found, judge.sure)
    return {
        (
            None if label is None else judge.labels[label].name,
            None if said is None else judge.model[said].name,
        ): n
        for (label, said), n in table.items()
    }


def _origin(judge: Judge) -> list[str]:
    """Who made the labels, where that was a model: first of all whether it was the one that is judged."""
    own = sum(
        bool(photo.labelled_by) and photo.weights_sha256 == judge.weights_sha256 != ""
        for photo in judge.photos
    )
    others = Counter(
        photo.labelled_by
        for photo in judge.photos
        if photo.labelled_by and not photo.weights_sha256 == judge.weights_sha256 != ""
    )
    n = len(judge.photos)
    notes = []
    if own:
        notes.append(
            f"The labels of {own:,} of {count(n, 'photo')} are this model's own answers, uncorrected: on"
            " these it agrees with itself. Correct them first; `trailcam export yolo --corrected-only` leaves"
            " the rest out."
        )
    notes += [
        f"The labels of {k:,} of {count(n, 'photo')} were made by {maker}, not by a person: the figures say"
        " how far the two agree."
        for maker, k in others.most_common()
    ]
    return notes


def _notes(judge: Judge, classes: Sequence[Target]) -> list[str]:
    notes = _origin(judge)
    known = {target.name for target in classes}
    absent = [info.name for info in judge.model.values() if info.name not in known]
    if absent:
        notes.append(f"Not judged, because no label names them: {', '.join(absent)}.")
    reached = frozenset().union(*(t.wanted | t.open_ for t in classes)) if classes else frozenset()
    present = {int(c) for photo in judge.photos for c in photo.class_id}
    unknown = [judge.labels[i].name for i in sorted(present - reached)]
    if unknown:
        notes.append(
            f"The model has no class for the labels {', '.join(unknown)}: its answers there count as wrong."
        )
    incomplete = sum(not photo.complete for photo in judge.photos)
    if incomplete:
        notes.append(
            f"{incomplete} photos are not completely labelled: extra boxes there don't count as wrong."
        )
    return notes


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
