"""``trailcam train``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import Only, with_options
from trailcam.cli.model_options import ModelGroup, TrustOpt, vouch
from trailcam.cli.options import AppOpts
from trailcam.cli.signals import stoppable
from trailcam.cli.tables import line, text_table
from trailcam.errors import ExitCode, Interrupted
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.cli.open_library import App
    from trailcam.settings.config import DetectSettings
    from trailcam.train.train_model import TrainReport

_ModelOpts = Annotated["DetectSettings", ModelGroup, Only("device")]


@with_options
def train(
    data: Annotated[Path, typer.Argument(metavar="DATA.yaml", help="Labelled photos in YOLO's layout.")],
    *,
    start: Annotated[
        Path,
        typer.Option("--from", metavar="starter|FILE", help="The model to start from."),
    ] = Path("starter"),
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="The name by which --weights finds it.",
            show_default="the name of the data set's folder",
        ),
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Times through all photos.")] = 60,
    imgsz: Annotated[
        int, typer.Option("--imgsz", min=32, help="Longer side in px that the model sees.")
    ] = 640,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Photos in each step.")] = 16,
    model: _ModelOpts,
    trust_weights: TrustOpt = False,
    app: AppOpts,
) -> None:
    """Train a model on labelled photos of your own. It is compared with the one it started from.

    Animals that your labels don't have stay known: what the old model sees of them is trained, too. If it
    was stopped, the same command continues.
    """
    from trailcam.detect.model.find_weights import find_weights
    from trailcam.train.train_model import Training
    from trailcam.train.train_model import train as run_train

    chosen = name if name is not None else data.resolve().parent.name
    origin = find_weights(start)
    if trust_weights:
        vouch(origin)
    training = Training(
        data=data,
        start=origin,
        name=chosen,
        epochs=epochs,
        imgsz=imgsz,
        batch=batch,
        device=model.device,
    )

    def say_epoch(done: int, total: int, map50: float) -> None:
        app.say(f"Epoch {done} of {total}: mAP50 {map50:.1%} on the validation photos.")

    try:
        # A signal that is raised during a step of torch's may be lost there: it is polled instead.
        with stoppable("Stopping after the current batch; press again to stop at once.") as stop:
            report = run_train(training, app.settings, epoch_done=say_epoch, stop=stop)
    except (KeyboardInterrupt, Interrupted):
        console.say("Stopped; run the same command again to carry on after the last whole epoch.")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    _show(report, app)


def _show(report: TrainReport, app: App) -> None:
    """What came out, and whether to use it: a model that is worse is not recommended."""
    from trailcam.evaluate.metrics import percent
    from trailcam.train.verdict import verdict

    before, after = report.before.evaluation, report.after.evaluation
    answer = verdict(before, after)
    line(f"Trained {printable(report.weights.name)}: {answer.sentence}", console.out)
    rows = [
        ("mAP50", percent(before.map50), percent(after.map50)),
        ("mAP50-95", percent(before.map50_95), percent(after.map50_95)),
    ]
    old = {row.name: row for row in before.by_photo}
    for row in after.by_photo:
        was = old.get(row.name)
        rows += [
            (f"photos with {row.name}: found", percent(was.recall) if was else "-", percent(row.recall)),
            ("of those reported, right", percent(was.precision) if was else "-", percent(row.precision)),
        ]
    text_table((f"on the {report.split} photos", "before", "after"), rows, console.out)
    if report.kept:
        line(f"\n{_kept_text(report.kept)}", console.out)
    line(f"\nWeights: {printable(str(report.weights))}", console.out)
    name = report.weights.stem
    if answer.better:
        word, arguments = "Use them", f"detect --weights {name} --status all"
    else:
        word, arguments = "To look at what they find, all the same", f"detect --weights {name} --status all"
    console.out.print(f"{word}: {app.advice(arguments)}", markup=False, soft_wrap=True)


def _kept_text(kept: Mapping[str, int]) -> str:
    """Which classes of the old model were trained beside those of the labels, and on how much."""
    seen = [f"{printable(name)} ({count(n, 'box', 'boxes')})" for name, n in kept.items() if n]
    unseen = [printable(name) for name, n in kept.items() if not n]
    parts = []
    if seen:
        parts.append(
            f"Classes that the labels don't have, trained on what the old model saw: {', '.join(seen)}."
        )
    if unseen:
        parts.append(f"Not seen on the training photos, so these may be forgotten: {', '.join(unseen)}.")
    return " ".join(parts)
