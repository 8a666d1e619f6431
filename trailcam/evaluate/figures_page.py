"""An evaluation as one offline HTML page: the figures, the confusion, and the worst mistakes as pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from trailcam import __version__
from trailcam.evaluate.figures import BoxRow, Evaluation
from trailcam.evaluate.judge_model import EvaluationReport
from trailcam.evaluate.metrics import percent
from trailcam.evaluate.mistakes import Mistake
from trailcam.geometry import Boxes
from trailcam.pages.html import render
from trailcam.pages.pictures import NoPicture, Pictures, Request, make_pictures
from trailcam.pages.shown import encoded

_PICTURE_PX = 640
_UNIT = 1000  # width of a picture's drawing, whose height follows

Table = dict[str, Sequence[Any]]


def render_page(report: EvaluationReport) -> bytes:
    """The whole file, UTF-8. Photos are read again for the pictures."""
    looked, evaluation = report.looked, report.evaluation
    return render(
        "evaluate",
        images="data:",
        title=f"{looked.weights.name} on {looked.dataset.path.name}, {looked.dataset.split}",
        sentence=_sentence(report),
        photos=_photos(evaluation),
        empty=_empty(evaluation),
        kinds=_boxes(evaluation.groups),
        classes=_boxes(evaluation.classes),
        confusion=_confusion(evaluation),
        mistakes=[(sort, list(own)) for sort, own in _mistakes(report)],
        notes=evaluation.notes,
        version=__version__,
    )


def _sentence(report: EvaluationReport) -> str:
    looked, evaluation = report.looked, report.evaluation
    failed = f", {len(looked.failed)} more could not be read" if looked.failed else ""
    return (
        f"{evaluation.photos} photos of {evaluation.scenes} scenes{failed}. mAP50"
        f" {percent(evaluation.map50)}, mAP50-95 {percent(evaluation.map50_95)}. In brackets: 95 %"
        " intervals, scenes drawn with"
        f" replacement. {looked.device}, {looked.precision}, {looked.imgsz} px."
    )


def _photos(evaluation: Evaluation) -> Table:
    return {
        "heads": ["photos", "found", "share", "of those reported, right", "share"],
        "rows": [
            [
                f"with {row.name}",
                f"{row.found} of {row.with_it}",
                percent(row.recall),
                f"{row.right} of {row.said}",
                percent(row.precision),
            ]
            for row in evaluation.by_photo
        ],
    }


def _empty(evaluation: Evaluation) -> str:
    if not evaluation.empties:
        return ""
    return (
        f"Of {evaluation.empties} empty photos, {evaluation.alarms} raised a false alarm:"
        f" {percent(evaluation.alarm_share)}."
    )


def _boxes(rows: Sequence[BoxRow]) -> Table:
    return {
        "heads": ["", "true boxes", "AP50", "precision", "recall", "counted from"],
        "rows": [
            [
                row.name,
                row.truths,
                percent(row.ap50),
                percent(row.precision),
                percent(row.recall),
                "" if row.threshold is None else f"{row.threshold:.2f}",
            ]
            for row in rows
        ],
    }


def _confusion(evaluation: Evaluation) -> Table:
    labels = sorted({label for label, _ in evaluation.confusion if label is not None})
    said = sorted({name for _, name in evaluation.confusion if name is not None})
    return {
        "heads": ["label", *said, "missed"],
        "rows": [
            [
                label or "nothing there",
                *(evaluation.confusion.get((label, name)) or "" for name in (*said, None)),
            ]
            for label in (*labels, None)
        ],
    }


def _mistakes(report: EvaluationReport) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """The figures of each sort of mistake."""
    judge = report.looked.judge
    requests = [Request(judge.photos[m.photo].file, _PICTURE_PX) for m in report.mistakes]
    pictures = make_pictures(requests, None, lambda *_: None)
    pairs = zip(report.mistakes, pictures, strict=True)
    for sort, own in groupby(pairs, key=lambda pair: pair[0].sort):
        yield sort, (_figure(report, *pair) for pair in own)


def _figure(report: EvaluationReport, mistake: Mistake, picture: Pictures | NoPicture) -> dict[str, Any]:
    judge = report.looked.judge
    photo, seen = judge.photos[mistake.photo], judge.found[mistake.photo]
    sure = judge.sure(seen)
    truth = [judge.labels[int(c)].name for c in photo.class_id]
    said = [
        f"{judge.model[int(c)].name} {confidence:.2f}"
        for c, confidence in zip(seen.class_id[sure], seen.confidence[sure], strict=True)
    ]
    words = f"{photo.file.name}: label {', '.join(truth) or 'nothing'}; model {', '.join(said) or 'nothing'}"
    if isinstance(picture, NoPicture):
        return {"words": words, "picture": ""}
    height = round(_UNIT / picture.ratio)
    return {
        "words": words,
        "picture": encoded(picture.large or picture.thumb),
        "width": _UNIT,
        "height": height,
        "truth": _rectangles(photo.boxes, truth, height, below=False),
        "said": _rectangles(seen.boxes[sure], said, height, below=True),
    }


def _rectangles(boxes: Boxes, names: Sequence[str], height: int, *, below: bool) -> list[dict[str, Any]]:
    """Boxes with their names, the model's below them: a label's box is often in the same place."""
    drawn = []
    for (x, y, w, h), name in zip(boxes.tolist(), names, strict=True):
        top, bottom = y * height, (y + h) * height
        baseline = min(height - 8, bottom - 10) if below else max(34, top + 36)
        sides = {"x": x * _UNIT, "y": top, "width": w * _UNIT, "height": bottom - top, "baseline": baseline}
        drawn.append({"name": name, **{side: round(value) for side, value in sides.items()}})
    return drawn
