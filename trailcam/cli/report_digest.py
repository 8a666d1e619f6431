"""``trailcam report digest``: what is new, for cron and mail."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from trailcam.cli.options import (
    ConfigOpt,
    DbOpt,
    IncludeUndated,
    Months,
    Quiet,
    SeasonOpt,
    Stations,
    Until,
    Verbose,
)
from trailcam.cli.output_options import FormatOpt, OutputOpt
from trailcam.cli.report_options import ConfidenceOpt, GapOpt, asked, one_question


class DigestKey(StrEnum):
    """What a digest can be counted by."""

    STATION = "station"
    MONTH = "month"
    SEASON = "season"


def digest(
    since: Annotated[
        str,
        typer.Option(
            "--since",
            help="last: what no digest has told of yet. A date (2024-11-03, 2024-11-03T02:15): what was "
            "first looked at from then on, by this machine's clock, once more.",
        ),
    ] = "last",
    class_: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            help="Tell of this class, kind (buck, doe, person) or age (mature); may be repeated.",
            show_default="mature, person, vehicle, coyote, or what the configuration says",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="A digest with a memory of its own, for another reader or other classes.",
            show_default="default",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show it and remember nothing: the next one tells it again.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="List at most so many rows, in a table or HTML.")
    ] = 100,
    by: Annotated[
        list[DigestKey] | None,
        typer.Option(
            "--by",
            help="Count what is new by this key, in place of listing every event; may be repeated.",
            show_default="each event",
        ),
    ] = None,
    months: Months = None,
    season: SeasonOpt = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    confidence: ConfidenceOpt = None,
    gap: GapOpt = None,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to wait for another trailcam to finish.")
    ] = 0,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Only what is new since the last digest, and which cameras need a look; remembers what it told."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.files.lock import WriterLock
    from trailcam.reports import digest as report
    from trailcam.reports.formats import Format
    from trailcam.store.digests import remember

    chosen = chosen_format(format_, output)
    context, questions = asked(
        months, season, None, until, station, include_undated, confidence, gap, db, config, quiet, verbose
    )
    first = None if since.strip().lower() == "last" else _moment(since)
    remembers = first is None and not dry_run
    memory = name or report.DEFAULT_NAME
    with context.database.read():
        pass  # that there is a database is said before anything is made beside it
    lock = WriterLock(context.settings.db, "report digest").acquire(wait) if remembers else nullcontext()
    with lock:
        with context.database.read() as connection:
            made = report.digest(
                connection,
                one_question(questions),
                name=memory,
                since=first,
                classes=class_ or context.settings.report.digest,
                by=[str(key) for key in by or ()],
                strict=bool(class_),
                limit=limit if chosen in (Format.TABLE, Format.HTML) else None,
            )
        emit(made.report, chosen, output)
        if remembers:
            # What nobody could read is not told: an error here leaves the memory as it was.
            sys.stdout.flush()
            with context.database.write() as connection:
                remember(connection, memory, made.told)


def _moment(text: str) -> datetime:
    """A date as this machine's clock reads it. Raises UsageError."""
    from trailcam.errors import UsageError
    from trailcam.words.dates import parse_date

    try:
        return parse_date(text).astimezone()
    except UsageError as error:
        raise UsageError(error.message, f'{error.hint} Or "last".') from None


def register(app: typer.Typer) -> None:
    """Add the command to ``trailcam report``."""
    app.command("digest")(digest)
