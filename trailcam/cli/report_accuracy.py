"""``trailcam report accuracy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli.groups import Only, with_options
from trailcam.cli.options import LibraryOpts, OutputOpts, QuestionGroup
from trailcam.errors import UsageError

if TYPE_CHECKING:
    from trailcam.reports.common import Question

# All but --per: a model is compared box by box.
_QuestionOpts = Annotated[
    "Question",
    QuestionGroup,
    Only("months", "season", "since", "until", "station", "include_undated", "confidence", "gap"),
]


@with_options
def accuracy(
    *,
    question: _QuestionOpts,
    run: Annotated[
        int | None,
        typer.Option("--run", help="The model of this run.", show_default="that of most judged photos"),
    ] = None,
    random_only: Annotated[
        bool, typer.Option("--random-only", help="Only photos that `review --random` chose: without bias.")
    ] = False,
    fit_thresholds: Annotated[
        bool,
        typer.Option(
            "--fit-thresholds",
            help="Choose from the corrections the confidence at which each class counts, and use it.",
        ),
    ] = False,
    forget_thresholds: Annotated[
        bool, typer.Option("--forget-thresholds", help="Use again what the weights recommend.")
    ] = False,
    output: OutputOpts,
    library: LibraryOpts,
) -> None:
    """A model compared with corrections: precision and recall by class, and calibration."""
    from trailcam.machine import user_name
    from trailcam.reports.accuracy import accuracy as report
    from trailcam.reports.fitting import fit_thresholds as fit
    from trailcam.reports.fitting import forget_thresholds as forget

    if fit_thresholds and (forget_thresholds or question.confidence is not None):
        raise UsageError(
            "--fit-thresholds goes with neither --forget-thresholds nor --confidence.", "Give one of them."
        )
    if fit_thresholds:
        with library.writing() as db:
            answer = fit(db, question, run_id=run, only_random=random_only, author=user_name())
    elif forget_thresholds:
        with library.writing() as db:
            answer = forget(db, question, run_id=run, only_random=random_only)
    else:
        with library.read() as db:
            answer, _ = report(db, question, run_id=run, only_random=random_only)
    output.write(answer)
