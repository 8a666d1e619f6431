"""An evaluation as one offline HTML page: the figures, the confusion, and the worst mistakes as pictures.

The page loads nothing from anywhere (its content security policy forbids it); all text is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from importlib import resources

from trailcam import __version__
from trailcam.evaluate.figures import BoxRow, Evaluation, PhotoRow
from trailcam.evaluate.judge_model import EvaluationReport
from trailcam.evaluate.metrics import percent
from trailcam.evaluate.mistakes import Mistake
from trailcam.geometry import Boxes
from trailcam.pages.pictures import NoPicture, Pictures, Request, make_pictures

_PICTURE_PX = 640
_UNIT = 1000  # width of a picture's drawing, whose height follows


def render_page(report: EvaluationReport) -> bytes:
    """The whole file, UTF-8. Photos are read again for the pictures."""
    looked, evaluation = report.looked, report.evaluation
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    title = f"{looked.weights.path.name} on {looked.dataset.path.name}, {looked.dataset.split}"
    parts = [
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>",
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{style}</style></head><body>",
        f"<header><h1>{escape(title)}</h1><p>{_sentence(report)}</p></header><main>",
        _photo_section(evaluation.by_photo, evaluation),
        _box_section("Any class of a kind, box by box", evaluation.groups),
        _box_section("Class by class, box by box", evaluation.classes),
        _confusion_section(evaluation),
        _mistake_section(report),
        "".join(f"<p class=note>{escape(note)}</p>" for note in evaluation.notes),
        f"</main><footer>trailcam {escape(__version__)}</footer></body></html>\n",
    ]
    return "".join(parts).encode("utf-8", "backslashreplace")


def _sentence(report: EvaluationReport) -> str:
    looked, evaluation = report.looked, report.evaluation
    failed = f", {len(looked.failed)} more could not be read" if looked.failed else ""
    return escape(
        f"{evaluation.photos} photos of {evaluation.scenes} scenes{failed}. mAP50"
        f" {percent(evaluation.map50)}, mAP50-95 {percent(evaluation.map50_95)}. In brackets: 95 %"
        " intervals, scenes drawn with"
        f" replacement. {looked.device}, {looked.precision}."
    )


def _photo_section(rows: Sequence[PhotoRow], evaluation: Evaluation) -> str:
    body = [
        [
            f"with {row.name}",
            f"{row.found} of {row.with_it}",
            percent(row.recall),
            f"{row.right} of {row.said}",
            percent(row.precision),
        ]
        for row in rows
    ]
    table = _table(["photos", "found", "share", "of those reported, right", "share"], body)
    empty = (
        f"<p>Of {evaluation.empties} empty photos, {evaluation.alarms} raised a false alarm: "
        f"{escape(percent(evaluation.alarm_share))}.</p>"
        if evaluation.empties
        else ""
    )
    return f"<section><h2>Photo by photo</h2>{table}{empty}</section>"


def _box_section(title: str, rows: Sequence[BoxRow]) -> str:
    body = [
        [
            row.name,
            str(row.truths),
            percent(row.ap50),
            percent(row.precision),
            percent(row.recall),
            "" if row.threshold is None else f"{row.threshold:.2f}",
        ]
        for row in rows
    ]
    heads = ["", "true boxes", "AP50", "precision", "recall", "counted from"]
    return f"<section><h2>{escape(title)}</h2>{_table(heads, body)}</section>"


def _confusion_section(evaluation: Evaluation) -> str:
    labels = sorted({label for label, _ in evaluation.confusion if label is not None})
    said = sorted({name for _, name in evaluation.confusion if name is not None})
    body = []
    for label in (*labels, None):
        counts = [evaluation.confusion.get((label, name), 0) for name in (*said, None)]
        body.append([label or "nothing there", *(str(n) if n else "" for n in counts)])
    table = _table(["label", *said, "missed"], body)
    return (
        "<section><h2>What was taken for what</h2><p>True boxes by what the model called them (IoU 0.5 or "
        f"more, at the thresholds).</p><div class=wide>{table}</div></section>"
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in heads)
    body = "".join(
        f"<tr><th scope=row>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in rest)}</tr>"
        for first, *rest in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _mistake_section(report: EvaluationReport) -> str:
    if not report.mistakes:
        return "<section><h2>Worst mistakes</h2><p>None at these thresholds.</p></section>"
    judge = report.looked.judge
    requests = [Request(judge.photos[m.photo].file, _PICTURE_PX) for m in report.mistakes]
    pictures = make_pictures(requests, None, lambda *_: None)
    figures: list[str] = []
    sort = ""
    for mistake, picture in zip(report.mistakes, pictures, strict=True):
        if mistake.sort != sort:
            figures.append(f"<h3>{escape(mistake.sort)}</h3>")
            sort = mistake.sort
        figures.append(_figure(report, mistake, picture))
    return (
        "<section><h2>Worst mistakes</h2><p>Solid: what the label says. Dashed: what the model says, from"
        f" its threshold on.</p><div class=mistakes>{''.join(figures)}</div></section>"
    )


def _figure(report: EvaluationReport, mistake: Mistake, picture: Pictures | NoPicture) -> str:
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
        return f"<figure><p>No picture.</p><figcaption>{escape(words)}</figcaption></figure>"
    height = _UNIT / picture.ratio
    data = base64.b64encode(picture.large or picture.thumb).decode()
    shapes = _rectangles(photo.boxes, truth, height, "truth") + _rectangles(
        seen.boxes[sure], said, height, "said"
    )
    return (
        f'<figure><svg viewBox="0 0 {_UNIT} {height:.0f}" role=img aria-label="{escape(words)}">'
        f'<image href="data:image/jpeg;base64,{data}" width="{_UNIT}" height="{height:.0f}"/>{shapes}</svg>'
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )


def _rectangles(boxes: Boxes, names: Sequence[str], height: float, kind: str) -> str:
    parts = []
    for (x, y, w, h), name in zip(boxes.tolist(), names, strict=True):
        left, top = x * _UNIT, y * height
        below = kind == "said"
        baseline = min(height - 8, (top + h * height) - 10) if below else max(34, top + 36)
        parts.append(
            f'<rect class={kind} x="{left:.0f}" y="{top:.0f}" width="{w * _UNIT:.0f}"'
            f' height="{h * height:.0f}"/>'
            f'<text class={kind} x="{left + 8:.0f}" y="{baseline:.0f}">{escape(name)}</text>'
        )
    return "".join(parts)
