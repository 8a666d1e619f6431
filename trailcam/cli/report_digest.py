"""``trailcam report digest``: what is new, for cron and mail."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli.groups import Only, with_options
from trailcam.cli.options import OutputOpts, QuestionGroup, WritingOpts
from trailcam.reports.formats import Format

if TYPE_CHECKING:
    from trailcam.reports.common import Question

_QuestionOpts = Annotated[
    "Question",
    QuestionGroup,
    Only("months", "season", "until", "station", "include_undated", "confidence", "gap", "per"),
]


class DigestKey(StrEnum):
    """What a digest can be counted by."""

    STATION = "station"
    MONTH = "month"
    SEASON = "season"


@with_options
def digest(
    *,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            help="last: what no digest has reported yet. A date (2024-11-03, 2024-11-03T02:15): what was "
            "first looked at since then, by this machine's clock, again.",
        ),
    ] = "last",
    class_: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            help="Report this class, kind (buck, doe, person) or age (mature); may be repeated.",
            show_default="mature, person, vehicle, coyote, or what the configuration says",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="A separate digest, for another reader or other classes.",
            show_default="default",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show it and remember nothing: the next one reports it again.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="List at most this many rows, in a table or HTML.")
    ] = 100,
    by: Annotated[
        list[DigestKey] | None,
        typer.Option(
            "--by",
            help="Count what is new by this key, instead of listing every visit; may be repeated.",
            show_default="each visit",
        ),
    ] = None,
    question: _QuestionOpts,
    output: OutputOpts,
    library: WritingOpts,
) -> None:
    """Only what is new since the last digest, and which cameras need a look."""
    from trailcam.reports import digest as report
    from trailcam.store.digests import remember_in

    first = None if since.strip().lower() == "last" else _moment(since)
    remembers = first is None and not dry_run
    memory = name or report.DEFAULT_NAME
    with library.locked() if remembers else nullcontext():
        with library.read() as db:
            asked = report.DigestOptions(
                classes=class_ or library.settings.report.digest,
                name=memory,
                since=first,
                by=[str(key) for key in by or ()],
                strict=bool(class_),
                limit=limit if output.format in (Format.TABLE, Format.HTML) else None,
            )
            made = report.digest(db, question, asked)
        output.write(made.report)
        if remembers:
            # What could not be written was not reported: an error here leaves the memory as it was.
            sys.stdout.flush()
            remember_in(library.database, memory, made.told)


def _moment(text: str) -> datetime:
    """A date as this machine's clock reads it. Raises UsageError."""
    from trailcam.errors import UsageError
    from trailcam.words.dates import parse_date

    try:
        return parse_date(text).astimezone()
    except UsageError as error:
        raise UsageError(error.message, f'{error.hint} Or "last".') from None
