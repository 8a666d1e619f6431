"""``trailcam evaluate``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import Only, with_options
from trailcam.cli.model_options import ModelGroup, TrustOpt, vouch
from trailcam.cli.options import AppOpts
from trailcam.cli.tables import line, text_table
from trailcam.errors import ExitCode
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.detect.pipeline.outcomes import Snapshot
    from trailcam.evaluate.figures import BoxRow, Evaluation
    from trailcam.evaluate.judge_model import EvaluationReport
    from trailcam.settings.config import DetectSettings

_ModelOpts = Annotated["DetectSettings", ModelGroup, Only("weights", "device", "batch", "workers", "imgsz")]


class Split(StrEnum):
    """Which part of a data set."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class EvaluationFormat(StrEnum):
    """What stdout gets."""

    TABLE = "table"
    JSON = "json"


@with_options
def evaluate(
    data: Annotated[Path, typer.Argument(metavar="DATA.yaml", help="Labelled photos in YOLO's layout.")],
    *,
    model: _ModelOpts,
    trust_weights: TrustOpt = False,
    split: Annotated[Split, typer.Option("--split", help="Which photos of it.")] = Split.TEST,
    confidence: Annotated[
        float | None,
        typer.Option(
            "--confidence",
            min=0,
            max=1,
            help="Count boxes from this confidence on.",
            show_default="what the weights recommend, else 0.5",
        ),
    ] = None,
    form: Annotated[
        EvaluationFormat, typer.Option("--format", help="What is printed.")
    ] = EvaluationFormat.TABLE,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Also write evaluation.json and evaluation.html (with the worst mistakes) there.",
            show_default=False,
        ),
    ] = None,
    app: AppOpts,
) -> None:
    """Measure how often a model is right, on labelled photos."""
    from trailcam.cli.signals import stoppable
    from trailcam.detect.model.find_weights import find_weights
    from trailcam.detect.pipeline.outcomes import Control
    from trailcam.evaluate.judge_model import run_evaluation

    chosen = find_weights(configured=model.weights, classifier=model.classifier)
    if trust_weights:
        vouch(chosen)
    with stoppable("Stopping.") as stop, console.progress("Looking", quiet=app.quiet) as bar:
        report = run_evaluation(
            data,
            split.value,
            chosen,
            app.settings,
            Control(stop, EvaluationProgress(bar)),
            confidence=confidence,
        )
    if output is not None:
        _write(report, output)
    if form is EvaluationFormat.JSON:
        typer.echo(as_json(report), nl=False)
    else:
        show(report)
    for file, why in report.looked.failed:
        console.say(f"Left out, can't be read: {printable(str(file))}: {printable(why)}")
    if report.looked.failed:
        raise typer.Exit(ExitCode.SOME_FAILED)


class EvaluationProgress:
    """How far an evaluation is."""

    def __init__(self, bar: console.BarProgress | console.LineProgress) -> None:
        self._bar = bar

    def update(self, snapshot: Snapshot) -> None:
        """Move the bar."""
        self._bar(snapshot.done, snapshot.total or snapshot.done)


def as_json(report: EvaluationReport) -> str:
    """The whole report, as text that no terminal obeys."""
    return json.dumps(report.as_dict(), indent=1, allow_nan=False) + "\n"


def show(report: EvaluationReport) -> None:
    """The report as tables on stdout."""
    from trailcam.evaluate.metrics import percent

    evaluation = report.evaluation
    looked = report.looked
    line(_answer(report), console.out)
    line(
        f"Tried on {count(evaluation.photos, 'photo')} of {count(evaluation.scenes, 'scene')}"
        f" ({printable(str(looked.dataset.path))}, {looked.dataset.split}).\n",
        console.out,
    )
    _show_photos(evaluation)
    _show_boxes("any class of a kind", evaluation.groups)
    _show_boxes("class", evaluation.classes)
    lines = [
        f"mAP50 {percent(evaluation.map50)}, mAP50-95 {percent(evaluation.map50_95)}.",
        "In brackets: 95 % intervals, scenes drawn with replacement.",
        *evaluation.notes,
    ]
    for text in lines:
        line(printable(text), console.out)


def _answer(report: EvaluationReport) -> str:
    """What was found out, in a sentence: ``starter.pt found 93 % of the photos with a deer, ...``."""
    from trailcam.evaluate.metrics import percent

    name = printable(report.looked.weights.name)
    told = [
        f"{percent(row.recall)} of photos with {row.name} ({percent(row.precision)} of its reports right)"
        for row in report.evaluation.by_photo[:2]
    ]
    return f"{name} found {' and '.join(told)}." if told else f"{name} was tried."


def _show_photos(evaluation: Evaluation) -> None:
    from trailcam.evaluate.metrics import percent

    rows = [
        [
            f"with {row.name}",
            f"{row.found} of {row.with_it}",
            percent(row.recall),
            f"{row.right} of {row.said}",
            percent(row.precision),
        ]
        for row in evaluation.by_photo
    ]
    _print_table(["photos", "found", "", "right of those reported", ""], rows)
    if evaluation.empties:
        console.out.print(
            f"Empty photos with a false alarm: {evaluation.alarms} of {evaluation.empties}, "
            f"{percent(evaluation.alarm_share)}.\n",
            markup=False,
            soft_wrap=True,
        )


def _show_boxes(title: str, rows: Sequence[BoxRow]) -> None:
    from trailcam.evaluate.metrics import percent

    body = [
        [
            printable(row.name),
            f"{row.truths:,}",
            percent(row.ap50),
            percent(row.precision),
            percent(row.recall),
            "" if row.threshold is None else f"{row.threshold:.2f}",
        ]
        for row in rows
    ]
    _print_table([title, "boxes", "AP50", "precision", "recall", "from"], body)


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        text_table(heads, rows, console.out)
        console.out.print()


def _write(report: EvaluationReport, folder: Path) -> None:
    from trailcam.evaluate.figures_page import render_page
    from trailcam.files.target import make_folder
    from trailcam.files.write import write_file

    folder = make_folder(folder, [])
    write_file(folder / "evaluation.json", as_json(report).encode())
    write_file(folder / "evaluation.html", render_page(report))
    console.say(f"Written: {printable(str(folder / 'evaluation.json'))} and evaluation.html beside it.")
