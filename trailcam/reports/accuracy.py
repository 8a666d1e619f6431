"""``report accuracy``: a model compared with corrections of the same photos.

A model's box is right when it overlaps a person's box of its class by an IoU of 0.5. On a photo that was
judged as a whole every other box is wrong; where single places were judged, only the boxes there are
compared. Intervals are Wilson's score intervals (E. B. Wilson 1927, "Probable inference, the law of
succession, and statistical inference") at 95 %, with scenes in place of boxes as the size of the sample, as
photos of one scene are alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from trailcam.domain import FALLBACK_CONFIDENCE, AgeClass, ClassInfo, Kind
from trailcam.errors import UnanswerableError, UsageError
from trailcam.evaluate.dataset import LabelledPhoto
from trailcam.evaluate.figures import Judge
from trailcam.evaluate.meaning import Target, class_targets, group_targets
from trailcam.evaluate.metrics import Found, Matched, match
from trailcam.geometry import iou
from trailcam.reports.base import CellType, Column, Report, Row, Section
from trailcam.reports.common import Question, basis_of
from trailcam.store.counted import COVERS
from trailcam.store.database import Connection
from trailcam.store.judged_boxes import judged_models, judging_authors, model_of_run, people_and_model
from trailcam.store.run_sink import class_infos
from trailcam.store.select import Selected
from trailcam.words.text import count, printable

LIMIT = 0.5
"""The IoU from which a box is on the animal."""
_Z = 1.959964  # of the normal distribution, for 95 %
_BINS = tuple(n / 10 for n in range(11))
_FEW_SCENES = 10

_FIGURES = (
    Column("people_saw", "people saw", CellType.COUNT),
    Column("model_said", "model said", CellType.COUNT),
    Column("right", "right", CellType.COUNT),
    Column("precision", "precision", CellType.SHARE),
    Column("precision_low", "from", CellType.SHARE),
    Column("precision_high", "to", CellType.SHARE),
    Column("recall", "recall", CellType.SHARE),
    Column("recall_low", "from", CellType.SHARE),
    Column("recall_high", "to", CellType.SHARE),
    Column("visits", "scenes", CellType.COUNT, spare=0),
)
_COLUMNS = (
    Column("class", "class", CellType.TEXT, wraps=True),
    Column("threshold", "counts from", CellType.NUMBER),
    *_FIGURES,
)
_CALIBRATION = (
    Column("confidence_from", "confidence from", CellType.NUMBER),
    Column("confidence_to", "to", CellType.NUMBER),
    Column("boxes", "boxes", CellType.COUNT),
    Column("mean_confidence", "mean", CellType.NUMBER),
    Column("right", "right", CellType.COUNT),
    Column("share_right", "share right", CellType.SHARE),
    Column("share_low", "from", CellType.SHARE),
    Column("share_high", "to", CellType.SHARE),
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the figures rest on. ``model``: the row of ``judged_models``; ``others`` looked at other photos.

    ``random`` (n,) tells which photos were drawn at random, ``whole`` which were judged as a whole.
    """

    judge: Judge
    model: Mapping[str, Any]
    others: Sequence[Mapping[str, Any]]
    authors: Sequence[str]
    random: Sequence[bool]
    whole: Sequence[bool]

    @property
    def scenes(self) -> int:
        """How many scenes the photos are of."""
        return len({photo.scene for photo in self.judge.photos})


def accuracy(
    db: Connection, question: Question, *, run_id: int | None = None, only_random: bool = False
) -> tuple[Report, Evidence]:
    """Precision and recall of each class and group, and the calibration, with what they rest on.

    ``run_id`` names a run whose model is meant, by default that of most judged photos. ``only_random`` takes
    the photos that ``review --random`` drew. Raises UnanswerableError where nobody judged a photo that the
    model looked at, UsageError for an unknown station or run.
    """
    with basis_of(db, question, []) as basis:
        evidence = _evidence(basis.photos, question, run_id, only_random)
    judge = evidence.judge
    classes = class_targets(judge.model, judge.labels)
    matched = {target.name: match(judge.photos, judge.found, target, LIMIT) for target in classes}
    rows = [_class_row(judge, target, matched[target.name]) for target in classes]
    groups = [_group_row(judge, target) for target in group_targets(judge.model, judge.labels)]
    report = Report(
        name="accuracy",
        title="Accuracy",
        filters=question.describe(
            model=evidence.model["weights_name"], run_id=evidence.model["run_id"], only_random=only_random
        ),
        coverage=basis.coverage,
        columns=_COLUMNS,
        rows=[row for row in rows if row["people_saw"] or row["model_said"]],
        notes=_notes(evidence),
        sections=(
            Section(
                "groups",
                "Groups of classes",
                (Column("group", "group", CellType.TEXT), *_FIGURES),
                [row for row in groups if row["people_saw"] or row["model_said"]],
            ),
            Section(
                "calibration",
                "Calibration: of boxes this sure, so many are right",
                _CALIBRATION,
                _calibration(judge, list(matched.values())),
            ),
        ),
    )
    return report, evidence


def wilson(right: int, of: int, size: int | None = None) -> tuple[float | None, float | None, float | None]:
    """The share ``right / of`` and its 95 % interval; all None of nothing.

    ``size`` is the number of independent trials, by default ``of``.
    """
    if of == 0:
        return None, None, None
    p, n = right / of, float(min(of, size) if size else of)
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
    return p, max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))


def _evidence(photos: Selected, question: Question, run_id: int | None, only_random: bool) -> Evidence:
    db, models = photos.db, judged_models(photos)
    if run_id is not None:
        chosen = model_of_run(db, run_id)
        if chosen is None:
            raise UsageError(f"There is no run {run_id}.", "Leave --run out for the model that counts.")
    else:
        chosen = models[0] if models else None
    key = chosen["model_key"] if chosen else ""
    found = people_and_model(photos, key, question.gap, only_random=only_random)
    if not found or chosen is None:
        what = "drawn at random and judged" if only_random else "judged"
        raise UnanswerableError(
            f"No photo that the model looked at was {what} by a person.",
            f"Judge some: trailcam review {'--random ' if only_random else ''}-o review.html",
        )
    model = {info.class_id: info for info in class_infos(db, found[0]["run_id"])}
    labels = _labels(model, found)
    by_photo = [list(group) for _, group in groupby(found, key=lambda row: row["image_id"])]
    asked = question.confidence
    pairs = [_pair(group, labels) for group in by_photo]
    judge = Judge(
        photos=[photo for photo, _ in pairs],
        found=[seen for _, seen in pairs],
        model=model,
        labels=labels,
        thresholds={
            number: asked
            if asked is not None
            else info.threshold
            if info.threshold is not None
            else FALLBACK_CONFIDENCE
            for number, info in model.items()
        },
    )
    return Evidence(
        judge,
        chosen,
        [other for other in models if other["model_key"] != chosen["model_key"]],
        judging_authors(photos),
        [bool(group[0]["random"]) for group in by_photo],
        [bool(group[0]["whole"]) for group in by_photo],
    )


def _labels(model: Mapping[int, ClassInfo], found: Sequence[Mapping[str, Any]]) -> dict[int, ClassInfo]:
    """What may be true: every class of the model, and those that people named; numbers are our own."""
    labels = dict(enumerate(model.values()))
    known = {info.name for info in labels.values()}
    for row in found:
        if row["truth"] and row["class"] is not None and row["class"] not in known:
            age = AgeClass(row["age_class"]) if row["age_class"] else None
            info = ClassInfo(len(labels), row["class"], Kind(row["kind"]), age, row["species"])
            labels[len(labels)] = info
            known.add(info.name)
    return labels


def _pair(group: Sequence[Mapping[str, Any]], labels: Mapping[int, ClassInfo]) -> tuple[LabelledPhoto, Found]:
    """The truth on one photo and what the model said, without boxes that no person judged."""
    numbers = {info.name: number for number, info in labels.items()}
    people = [row for row in group if row["truth"]]
    said = [row for row in group if row["truth"] is False]
    if not group[0]["whole"]:
        overlap = iou(_corners(said), _corners(people))
        said = [row for n, row in enumerate(said) if (overlap[n] >= COVERS).any()]
    true = [row for row in people if row["class"] is not None]
    photo = LabelledPhoto(
        Path(str(group[0]["image_id"])),
        _places(true),
        np.array([numbers[row["class"]] for row in true], np.int64),
        complete=True,
        scene=group[0]["scene"],
    )
    return photo, Found(
        _places(said),
        np.array([row["confidence"] for row in said], np.float32),
        np.array([row["class_id"] for row in said], np.int16),
    )


def _places(rows: Sequence[Mapping[str, Any]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array([[row[side] for side in "xywh"] for row in rows], np.float32).reshape(-1, 4)


def _corners(rows: Sequence[Mapping[str, Any]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    places = _places(rows)
    return np.concatenate([places[:, :2], places[:, :2] + places[:, 2:]], axis=1)


def _class_row(judge: Judge, target: Target, matched: Matched) -> Row:
    threshold = judge.thresholds[next(iter(target.said))]
    sure = matched.confidence >= float(np.float32(threshold))
    return {"class": target.name, "threshold": threshold, **_figures(judge, matched, sure)}


def _group_row(judge: Judge, target: Target) -> Row:
    only = [
        Found(seen.boxes[keep], seen.confidence[keep], seen.class_id[keep])
        for seen in judge.found
        for keep in (judge.sure(seen),)
    ]
    matched = match(judge.photos, only, target, LIMIT)
    return {"group": target.name, **_figures(judge, matched, np.ones(len(matched.photo), np.bool_))}


def _figures(judge: Judge, matched: Matched, sure: np.ndarray[Any, np.dtype[np.bool_]]) -> Row:
    scenes = np.array([photo.scene for photo in judge.photos], dtype=object)
    truths, said = int(matched.truths.sum()), int(sure.sum())
    right = int((matched.right & sure).sum())
    with_truth = set(scenes[matched.truths > 0])
    with_said = set(scenes[matched.photo[sure]])
    precision = wilson(right, said, len(with_said))
    recall = wilson(right, truths, len(with_truth))
    return {
        "people_saw": truths,
        "model_said": said,
        "right": right,
        **dict(zip(("precision", "precision_low", "precision_high"), precision, strict=True)),
        **dict(zip(("recall", "recall_low", "recall_high"), recall, strict=True)),
        "visits": len(with_truth | with_said),
    }


def _calibration(judge: Judge, matched: Sequence[Matched]) -> list[Row]:
    """Every box of a model's class that can be judged, by its confidence."""
    photo = np.concatenate([np.zeros(0, np.int64), *(m.photo for m in matched)])
    # Stored in single precision: 0.9 belongs into the bin that begins at 0.9.
    confidence = np.round(np.concatenate([np.zeros(0), *(m.confidence for m in matched)]), 6)
    right = np.concatenate([np.zeros(0, np.bool_), *(m.right for m in matched)])
    scenes = np.array([p.scene for p in judge.photos], dtype=object)
    rows = []
    for low, high in pairwise(_BINS):
        here = (confidence >= low) & ((confidence < high) | (high == 1.0))
        n, good = int(here.sum()), int(right[here].sum())
        if n:
            share = wilson(good, n, len(set(scenes[photo[here]])))
            rows.append(
                {
                    "confidence_from": low,
                    "confidence_to": high,
                    "boxes": n,
                    "mean_confidence": round(float(confidence[here].mean()), 4),
                    "right": good,
                    **dict(zip(("share_right", "share_low", "share_high"), share, strict=True)),
                }
            )
    return rows


def _notes(evidence: Evidence) -> list[str]:
    n, scenes = len(evidence.judge.photos), evidence.scenes
    parts = n - sum(evidence.whole)
    notes = [
        f"The model {printable(evidence.model['weights_name'])} compared with corrections by"
        f" {', '.join(map(printable, evidence.authors))} on {count(n, 'photo')} of {count(scenes, 'scene')}"
        + (f"; on {parts:,} of them only single places were judged." if parts else ".")
    ]
    drawn = sum(evidence.random)
    if drawn < n:
        how_many = "None" if not drawn else f"{drawn:,}"
        notes.append(
            f"{how_many} of these photos {'were' if drawn != 1 else 'was'} drawn at random (`trailcam review"
            " --random`). The others were judged because something was doubtful or wrong, so on all photos"
            " together the model is probably better than this."
        )
    notes.append(
        "People saw the model's boxes when they judged, and easily miss what it missed: the true recall is"
        " probably lower. Intervals: 95 %, Wilson, with scenes as the sample."
    )
    if scenes < _FEW_SCENES:
        notes.append(f"{count(scenes, 'scene')} say little: see how wide the intervals are.")
    for other in evidence.others:
        notes.append(
            f"{count(other['photos'], 'judged photo')} of {printable(other['weights_name'])} left out:"
            f" --run {other['run_id']} reports on that model."
        )
    return notes
