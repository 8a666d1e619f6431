"""``trailcam report``: its commands, generated from the table of reports, except for three."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trailcam.cli.groups import with_options
from trailcam.cli.options import LibraryOpts, OutputOpts, QuestionsOpts
from trailcam.cli.report_accuracy import accuracy
from trailcam.cli.report_digest import digest
from trailcam.cli.report_summary import summary
from trailcam.reports.all_reports import REPORTS, ReportEntry, ReportOption

if TYPE_CHECKING:
    from trailcam.cli.open_library import Library
    from trailcam.cli.options import Output
    from trailcam.reports.common import Question

app = typer.Typer(help="Answers from the database, each with its coverage.", no_args_is_help=True)


def command_of(entry: ReportEntry) -> Callable[..., None]:
    """The command that asks for a report, with its options."""

    def report(*, questions: list[Question], output: Output, library: Library, **chosen: Any) -> None:  # noqa: ANN401
        given = {name: value for name, value in chosen.items() if value}
        with library.read() as db:
            answer = entry.answer(db, questions, given, one_table=output.one_table)
        output.write(answer)

    own = {option.parameter: _annotation(option) for option in entry.options}
    defaults = {o.parameter: None if o.choices or o.many or _is_argument(o) else False for o in entry.options}
    annotations = {"questions": QuestionsOpts, **own, "output": OutputOpts, "library": LibraryOpts}
    report.__doc__ = entry.sentence
    report.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=annotation,
                default=defaults.get(name, inspect.Parameter.empty),
            )
            for name, annotation in annotations.items()
        ]
    )
    return with_options(report)


def _is_argument(option: ReportOption) -> bool:
    return not option.flag.startswith("-")


def _annotation(option: ReportOption) -> Any:  # noqa: ANN401 - a type with typer's annotation
    if _is_argument(option):
        argument = typer.Argument(metavar=option.flag, help=option.help, show_default=False)
        return Annotated[str | None, argument]
    shown = option.default if option.default is not None else False
    what = typer.Option(option.flag, help=option.help, show_default=shown)
    if option.choices:
        members = [(name.upper(), name) for name in option.choices]
        choices: Any = StrEnum("Choice", members)  # type: ignore[misc]  # mypy wants them written out
        return Annotated[list[choices] | None, what]
    return Annotated[list[str] | None, what] if option.many else Annotated[bool, what]


for _entry in REPORTS:
    app.command(_entry.name)(command_of(_entry))
app.command("accuracy")(accuracy)
app.command("digest")(digest)
app.command("summary")(summary)
