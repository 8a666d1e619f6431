"""What every export command has in common: its options, its start and its last words."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trailcam.cli import console
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
    app_context,
    build_selection,
)
from trailcam.errors import ExitCode
from trailcam.selection import Selection
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.export.summary import Summary
    from trailcam.store.database import Database

_SHOWN = 5
FileOpt = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")]
FolderOpt = Annotated[
    Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to write into.")
]
ConfidenceOpt = Annotated[
    float | None,
    typer.Option(
        "--confidence",
        min=0,
        max=1,
        help="Only boxes from this confidence on.",
        show_default="what the weights recommend, else 0.5",
    ),
]
AllBoxesOpt = Annotated[
    float | None,
    typer.Option(
        "--confidence",
        min=0,
        max=1,
        help="Only boxes from this confidence on.",
        show_default="every stored box",
    ),
]
GapOpt = Annotated[
    str | None, typer.Option("--gap", help="A longer pause begins a new visit: 30m, 1h.", show_default="30m")
]

_ASKED = "What no photo tells"
# Options that stand for settings: name, annotation, the setting's key.
PROJECT: tuple[tuple[str, Any, str], ...] = (
    (
        "title",
        Annotated[
            str | None,
            typer.Option("--title", help="The project's title.", rich_help_panel=_ASKED),
        ],
        "project.title",
    ),
    (
        "contributors",
        Annotated[
            str | None,
            typer.Option(
                "--contributors",
                help="Who made it, with commas between: 'Ann Example <ann@example.org>,Bob'.",
                rich_help_panel=_ASKED,
            ),
        ],
        "project.contributors",
    ),
    (
        "sampling_design",
        Annotated[
            str | None,
            typer.Option(
                "--sampling-design",
                help="How the cameras' places were chosen: targeted, opportunistic, simpleRandom, ...",
                rich_help_panel=_ASKED,
            ),
        ],
        "project.sampling_design",
    ),
    (
        "capture_method",
        Annotated[
            str | None,
            typer.Option(
                "--capture-method",
                help="What triggers the cameras: activityDetection, timeLapse, or both with a comma.",
                rich_help_panel=_ASKED,
            ),
        ],
        "project.capture_method",
    ),
)

_SELECTORS: tuple[tuple[str, Any, Any], ...] = (
    ("months", Months, None),
    ("season", SeasonOpt, None),
    ("since", Since, None),
    ("until", Until, None),
    ("station", Stations, None),
    ("include_undated", IncludeUndated, False),
)
_GENERAL: tuple[tuple[str, Any, Any], ...] = (
    ("db", DbOpt, None),
    ("config", ConfigOpt, None),
    ("quiet", Quiet, False),
    ("verbose", Verbose, False),
)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked of an export.

    ``confidence`` is 0..1, None where none is named: what that means the format decides. ``gap`` is the
    pause that ends a visit.
    """

    context: AppContext
    selection: Selection
    output: Path
    confidence: float | None
    gap: timedelta

    @property
    def database(self) -> Database:
        """The database to read."""
        return self.context.database


def export_command(
    app: typer.Typer,
    name: str,
    *,
    output: Any = FileOpt,  # noqa: ANN401 - a type with typer's annotation
    confidence: Any = ConfidenceOpt,  # noqa: ANN401
    gap: bool = False,
    settings: tuple[tuple[str, Any, str], ...] = (),
) -> Callable[[Callable[..., Summary]], Callable[..., Summary]]:
    """Register ``function(request, **own options) -> Summary`` as ``trailcam export NAME``.

    The selectors, --confidence, --output and the general options come before and after its own, so that they
    are the same for all formats. With ``AllBoxesOpt`` the configuration's confidence doesn't count.
    ``settings`` are options that go before settings, as :data:`PROJECT`.
    """

    def register(function: Callable[..., Summary]) -> Callable[..., Summary]:
        function.__annotations__.pop("return", None)  # a name that only type checkers import
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        shared = [("confidence", confidence, None)] + ([("gap", GapOpt, None)] if gap else [])
        before, after = [*_SELECTORS, shared[0]], [*shared[1:], *_GENERAL]

        def command(**values: Any) -> None:  # noqa: ANN401 - typer gives each its type
            given = {dotted: values[option] for option, _, dotted in settings}
            request = _request(values, given, all_boxes=confidence is AllBoxesOpt)
            _show(function(request, **{option.name: values[option.name] for option in own}), request.context)

        parameters = [
            inspect.Parameter("output", inspect.Parameter.KEYWORD_ONLY, annotation=output),
            *map(_parameter, before),
            *(option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in own),
            *(_parameter((option, annotation, None)) for option, annotation, _ in settings),
            *map(_parameter, after),
        ]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {option.name: option.annotation for option in parameters}
        command.__doc__ = function.__doc__
        app.command(name)(command)
        return function

    return register


def _parameter(option: tuple[str, Any, Any]) -> inspect.Parameter:
    name, annotation, default = option
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _request(values: dict[str, Any], given: dict[str, Any], *, all_boxes: bool) -> Request:
    flags = {"report.gap": values.get("gap"), **given}
    flags |= {} if all_boxes else {"report.confidence": values["confidence"]}
    context = app_context(values["db"], values["config"], values["quiet"], values["verbose"], flags)
    settings = context.settings
    selection = build_selection(settings, *(values[name] for name, _, _ in _SELECTORS))
    confidence = values["confidence"] if all_boxes else settings.report.confidence
    return Request(context, selection, values["output"], confidence, settings.report.gap)


def _show(summary: Summary, context: AppContext) -> None:
    """Say what was written. Leaves with SOME_FAILED where a photo could not be exported."""
    if not context.quiet:
        parts = [count(summary.photos, "photo"), count(summary.boxes, "box")]
        parts += [f"{summary.blanks:,} blank"] if summary.blanks else []
        parts += [f"{summary.failed:,} failed"] if summary.failed else []
        parts += [f"{summary.already_there:,} there already"] if summary.already_there else []
        console.say(f"Wrote {printable(str(summary.target))}: {', '.join(parts)}.")
        if summary.not_looked_at:
            verb = "has" if summary.not_looked_at == 1 else "have"
            console.say(f"{count(summary.not_looked_at, 'photo')} {verb} no result: `trailcam detect` looks.")
        if summary.undated_left_out:
            console.say(
                f"{count(summary.undated_left_out, 'photo')} without a capture time left out "
                "(--include-undated takes them)."
            )
        for note in summary.notes:
            console.say(note)
    shown = summary.problems if context.verbose else summary.problems[:_SHOWN]
    for path, reason in shown:
        console.say(f"  {printable(path)}: {printable(reason)}")
    if summary.problems:
        console.say(f"{count(len(summary.problems), 'photo')} could not be exported.")
        raise typer.Exit(ExitCode.SOME_FAILED)
