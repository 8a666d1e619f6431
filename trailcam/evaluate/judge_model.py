"""Evaluate, from a data set to figures: the same pipeline as detect, on labelled photos."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trailcam.detect.model.find_weights import Weights
from trailcam.detect.model.protocol import Detector, class_map_of
from trailcam.detect.pipeline.outcomes import Control, Job, PhotoSource
from trailcam.domain import Outcome, Status
from trailcam.errors import DataSetError, Interrupted
from trailcam.evaluate.dataset import DataSet, LabelledPhoto, read_dataset
from trailcam.evaluate.figures import Evaluation, Judge, evaluate
from trailcam.evaluate.meaning import label_meanings
from trailcam.evaluate.metrics import Found
from trailcam.evaluate.mistakes import Mistake, worst_mistakes
from trailcam.settings.config import FALLBACK_CONFIDENCE, Settings

FLOOR = 0.01
"""Boxes are kept from this confidence on: average precision needs the unsure ones, too."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a model made of a data set. ``failed``: photos that can't be read, with the reason."""

    dataset: DataSet
    judge: Judge
    failed: tuple[tuple[Path, str], ...]
    weights: Weights
    device: str
    precision: str
    imgsz: int
    photos_per_s: float


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """Everything that `trailcam evaluate` shows."""

    looked: Looked
    evaluation: Evaluation
    mistakes: tuple[Mistake, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: numbers, texts and lists; what is unknown is None. Intervals are 95 %."""
        looked, evaluation = self.looked, dataclasses.asdict(self.evaluation)
        evaluation["confusion"] = [
            {"label": label, "said": said, "boxes": n}
            for (label, said), n in self.evaluation.confusion.items()
        ]
        names = {i: info.name for i, info in looked.judge.model.items()}
        document: dict[str, Any] = _plain(
            {
                "data": str(looked.dataset.path),
                "split": looked.dataset.split,
                "weights": looked.weights.name,
                "weights_sha256": looked.weights.sha256,
                "device": looked.device,
                "precision": looked.precision,
                "imgsz": looked.imgsz,
                "photos_per_s": round(looked.photos_per_s, 1),
                "thresholds": {names[i]: value for i, value in looked.judge.thresholds.items()},
                **evaluation,
                "failed": [{"file": str(file), "why": why} for file, why in looked.failed],
            }
        )
        return document


def run_evaluation(
    data: Path,
    split: str,
    weights: Weights,
    settings: Settings,
    control: Control | None = None,
    *,
    confidence: float | None = None,
) -> EvaluationReport:
    """Look at a split and count right and wrong.

    ``confidence`` (0..1) takes the place of the weights' own thresholds. Raises DataSetError, WeightsError,
    DeviceError, PipelineError, and Interrupted.
    """
    looked = look(read_dataset(data, split), weights, settings, confidence, control)
    return EvaluationReport(looked, evaluate(looked.judge), tuple(worst_mistakes(looked.judge)))


def look(
    dataset: DataSet,
    weights: Weights,
    settings: Settings,
    confidence: float | None,
    control: Control | None = None,
) -> Looked:
    """Every photo of the data set through detect's own pipeline. Errors: see :func:`run_evaluation`."""
    from trailcam.detect.choose.fit import open_chosen
    from trailcam.detect.model.device import describe
    from trailcam.detect.pipeline.loader import LoaderOptions
    from trailcam.detect.pipeline.loop import PipelineOptions, run

    opened = open_chosen(weights, settings.detect, photos=len(dataset.photos), store_confidence=FLOOR)
    detector, best = opened.detector, opened.plan
    jobs, roots = _jobs(dataset.photos)
    sink = _Kept()
    options = PipelineOptions(batch=best.batch, loader=LoaderOptions(workers=best.workers))
    report = run(PhotoSource(jobs, roots, lambda _: True), detector, sink, options, control)
    if report.interrupted:
        raise Interrupted("Stopped before the end; nothing was written.")
    judge, failed = _judge(dataset, sink.outcomes, detector, settings, confidence)
    judge = dataclasses.replace(judge, weights_sha256=weights.sha256)
    return Looked(
        dataset,
        judge,
        failed,
        weights,
        describe(opened.device),
        str(detector.precision),
        detector.frame.imgsz,
        report.photos_per_s,
    )


class _Kept:
    """A sink that keeps what it is given, by image id."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Outcome] = {}

    def write(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes.update((outcome.image_id, outcome) for outcome in outcomes)


def _jobs(photos: Sequence[LabelledPhoto]) -> tuple[list[Job], dict[int, Path]]:
    """A job for each photo; each folder is a root."""
    numbers = {folder: n for n, folder in enumerate(dict.fromkeys(photo.file.parent for photo in photos))}
    jobs = [Job(n, numbers[photo.file.parent], photo.file.name) for n, photo in enumerate(photos)]
    return jobs, {n: folder for folder, n in numbers.items()}


def _judge(
    dataset: DataSet,
    outcomes: Mapping[int, Outcome],
    detector: Detector,
    settings: Settings,
    confidence: float | None,
) -> tuple[Judge, tuple[tuple[Path, str], ...]]:
    """Photos that were looked at, with what was found; and those that couldn't be."""
    photos, found, failed = [], [], []
    for n, photo in enumerate(dataset.photos):
        outcome = outcomes[n]
        if outcome.status is Status.COMPLETED:
            photos.append(photo)
            found.append(Found(outcome.boxes, outcome.confidence, outcome.class_id))
        else:
            failed.append((photo.file, outcome.error_message or str(outcome.status)))
    if not photos:
        raise DataSetError(
            f"None of the {len(dataset.photos)} photos of the split {dataset.split} can be read.",
            f"The first: {failed[0][0]}: {failed[0][1]}",
        )
    chosen = class_map_of(detector, settings.detect.class_map)
    model = {info.class_id: info for info in chosen.describe(detector.names, settings.classes)}
    thresholds = {
        i: confidence if confidence is not None else detector.thresholds.get(i, FALLBACK_CONFIDENCE)
        for i in model
    }
    return Judge(photos, found, model, label_meanings(dataset.names), thresholds), tuple(failed)


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON's types name themselves
    match value:
        case float():
            return round(value, 4) if math.isfinite(value) else None
        case np.generic():
            return _plain(value.item())
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
