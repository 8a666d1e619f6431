"""``trailcam report accuracy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli.options import (
    AppContext,
    ConfigOpt,
    DbOpt,
    IncludeUndated,
    Months,
    Quiet,
    SeasonOpt,
    Since,
    Stations,
    Until,
    Verbose,
)
from trailcam.cli.output_options import FormatOpt, OutputOpt
from trailcam.cli.report_options import ConfidenceOpt, GapOpt, asked, one_question
from trailcam.errors import UsageError

if TYPE_CHECKING:
    from trailcam.reports.base import Report
    from trailcam.reports.common import Question


def accuracy(
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    run: Annotated[
        int | None,
        typer.Option("--run", help="The model of this run.", show_default="that of most judged photos"),
    ] = None,
    random_only: Annotated[
        bool, typer.Option("--random-only", help="Only photos that `review --random` drew: without bias.")
    ] = False,
    fit_thresholds: Annotated[
        bool,
        typer.Option(
            "--fit-thresholds", help="Choose by the corrections from when classes count, and let it count."
        ),
    ] = False,
    forget_thresholds: Annotated[
        bool, typer.Option("--forget-thresholds", help="Let what the weights recommend count again.")
    ] = False,
    confidence: ConfidenceOpt = None,
    gap: GapOpt = None,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """A model against people's corrections: precision and recall by class, and calibration."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.reports.accuracy import accuracy as report

    chosen = chosen_format(format_, output)
    context, questions = asked(
        months, season, since, until, station, include_undated, confidence, gap, db, config, quiet, verbose
    )
    question = one_question(questions)
    if fit_thresholds and (forget_thresholds or confidence is not None):
        raise UsageError(
            "--fit-thresholds goes with neither --forget-thresholds nor --confidence.", "Give one of them."
        )
    if fit_thresholds or forget_thresholds:
        answer = _changed(context, question, run, random_only, fit_thresholds)
    else:
        with context.database.read() as connection:
            answer, _ = report(connection, question, run_id=run, only_random=random_only)
    emit(answer, chosen, output)


def _changed(
    context: AppContext, question: Question, run: int | None, random_only: bool, fit_thresholds: bool
) -> Report:
    """The report after thresholds were fitted or forgotten."""
    import dataclasses

    from trailcam.cli.correct import user_name
    from trailcam.files.lock import WriterLock
    from trailcam.reports.accuracy import accuracy as report
    from trailcam.reports.fitting import fit
    from trailcam.store.judged_boxes import forget_fitted, save_fitted
    from trailcam.words.text import printable

    with context.database.read():  # says that there is no database, rather than making one
        pass
    with (
        WriterLock(context.settings.db, "report accuracy").acquire(0),
        context.database.write() as db,
    ):
        before, evidence = report(db, question, run_id=run, only_random=random_only)
        weights = evidence.model["weights_sha256"]
        if fit_thresholds:
            fitted = fit(evidence)
            save_fitted(db, weights, fitted.thresholds, user_name())
            section = [fitted.section]
            names = ", ".join(f"{printable(name)} {t:g}" for name, t in fitted.thresholds.items())
            said = [
                f"Counts from now on, in every report and later run of these weights: {names}. Taken back by"
                " --forget-thresholds."
                if names
                else "No threshold did better on visits left out than what counts now: nothing was changed.",
                *fitted.notes,
            ]
        else:
            section = []
            names = ", ".join(map(printable, forget_fitted(db, weights)))
            said = [
                f"Counts as the weights recommend again: {names}." if names else "No threshold was fitted."
            ]
        after = report(db, question, run_id=run, only_random=random_only)[0] if names else before
    return dataclasses.replace(after, sections=[*section, *after.sections], notes=[*said, *after.notes])


def register(app: typer.Typer) -> None:
    """Add the command to ``trailcam report``."""
    app.command("accuracy")(accuracy)
