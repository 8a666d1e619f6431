"""The options of every report, and what they add up to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli.options import AppContext, app_context, build_selection
from trailcam.errors import UsageError
from trailcam.words.text import printable

if TYPE_CHECKING:
    from trailcam.reports.base import Report
    from trailcam.reports.common import Question
    from trailcam.settings.config import Settings

ConfidenceOpt = Annotated[
    str | None,
    typer.Option(
        "--confidence",
        help="Count boxes from this confidence on, 0 to 1.",
        show_default="what the weights recommend, else 0.5",
    ),
]
ConfidencesOpt = Annotated[
    str | None,
    typer.Option(
        "--confidence",
        help="Count boxes from this confidence on, 0 to 1; 0.3,0.5,0.7 puts columns beside each other.",
        show_default="what the weights recommend, else 0.5",
    ),
]
GapOpt = Annotated[
    str | None,
    typer.Option("--gap", help="A longer pause begins a new event: 30m, 1h.", show_default="30m"),
]
ClassesOpt = Annotated[
    list[str] | None,
    typer.Option(
        "--class",
        help="A class of the model, a kind (buck, doe, person) or an age (mature); may be repeated.",
        show_default=False,
    ),
]


def confidences(text: str | None) -> list[float]:
    """``"0.3,0.5"`` -> ``[0.3, 0.5]``; nothing for None. Raises UsageError."""
    found = []
    for part in text.split(",") if text is not None else ():
        try:
            value = float(part)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            raise UsageError(
                f'"{printable(part.strip())}" is no confidence.',
                "Give a number from 0 to 1, or several: --confidence 0.3,0.5,0.7",
            )
        found.append(value)
    return list(dict.fromkeys(found))


def first_month(settings: Settings, season: str | None) -> int:
    """The month that begins a season-year: that of the season asked for, else September."""
    from trailcam.words.months import DEFAULT_FIRST_MONTH

    if season is None:
        return DEFAULT_FIRST_MONTH
    found = settings.season(season)
    return found.first_month if found.wraps else 1


def asked(
    months: str | None,
    season: str | None,
    since: str | None,
    until: str | None,
    station: Sequence[str] | None,
    include_undated: bool,
    confidence: str | None,
    gap: str | None,
    db: Path | None,
    config: Path | None,
    quiet: bool,
    verbose: bool,
) -> tuple[AppContext, list[Question]]:
    """The context and one question for each confidence. Raises UsageError and ConfigError."""
    import dataclasses

    from trailcam.reports.common import Question

    chosen = confidences(confidence)
    context = app_context(db, config, quiet, verbose, {"report.gap": gap})
    settings = context.settings
    question = Question(
        selection=build_selection(settings, months, season, since, until, station, include_undated),
        confidence=chosen[0] if chosen else settings.report.confidence,
        gap=settings.report.gap,
        first_month=first_month(settings, season),
        silent_days=settings.report.silent_days,
        timezone=settings.timezone,
    )
    return context, [dataclasses.replace(question, confidence=c) for c in chosen] or [question]


def one_question(questions: list[Question]) -> Question:
    """The only question. Raises UsageError where several confidences were given."""
    if len(questions) > 1:
        raise UsageError("This report takes one confidence.", "Ask once for each.")
    return questions[0]


def answer_all(
    questions: list[Question],
    keys: Sequence[str],
    report: Callable[[Question], Report],
    *,
    names: Sequence[str] | None = None,
    shown: Sequence[str] | None = None,
) -> Report:
    """The report; at several confidences, with columns for each. ``keys`` tell its rows apart.

    ``names`` are the columns to put beside each other, ``shown`` those of them that people see; see
    ``beside``. Raises UnanswerableError, with the confidence, where the report does.
    """
    from trailcam.errors import UnanswerableError
    from trailcam.reports.several_confidences import BESIDE, SHOWN, beside

    if len(questions) == 1:
        return report(questions[0])
    answers = {}
    for question in questions:
        confidence = question.confidence or 0.0
        try:
            answers[confidence] = report(question)
        except UnanswerableError as error:
            raise UnanswerableError(f"At confidence {confidence:g}: {error.message}", error.hint) from None
    return beside(answers, keys, names=names or BESIDE, shown=shown or SHOWN)
