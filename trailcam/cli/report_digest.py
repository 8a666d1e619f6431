"""``trailcam report digest``: what is new, for cron and mail."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import Only, with_options
from trailcam.cli.options import OutputOpts, QuestionGroup, WritingOpts
from trailcam.errors import UsageError
from trailcam.reports.formats import Format

if TYPE_CHECKING:
    from trailcam.cli.options import Output
    from trailcam.reports.common import Question
    from trailcam.reports.digest import Digest
    from trailcam.store.database import Connection

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
    eml: Annotated[
        Path | None,
        typer.Option(
            "--eml",
            metavar="FILE",
            help="Write it as a mail with pictures, for: sendmail -t < FILE",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to", help="Whom the mail is to; may be repeated.", show_default="this machine's user"
        ),
    ] = None,
    question: _QuestionOpts,
    output: OutputOpts,
    library: WritingOpts,
) -> None:
    """Only what is new since the last digest; no output when nothing is."""
    from trailcam.reports import digest as report
    from trailcam.store.digests import remember_in

    if to and eml is None:
        raise UsageError("--to goes with --eml.", "Add --eml FILE.")
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
            if made.news and (eml or output.format is Format.HTML):
                _write_pages(db, question, made, output, eml, to)
        if not (made.news and output.format is Format.HTML) and (eml is None or output.file):
            _write(made, output)
        if remembers:
            # What could not be written was not reported: an error here leaves the memory as it was.
            sys.stdout.flush()
            remember_in(library.database, memory, made.told)


def _write(made: Digest, output: Output) -> None:
    """Write it; where nothing is new nothing at all, but for programs that read JSON or CSV from stdout."""
    to_file = output.file is not None and output.file != "-"
    if made.news or (not to_file and output.format in (Format.JSON, Format.CSV)):
        output.write(made.report)
    elif console.out.is_terminal:
        console.say(made.report.headline)


def _write_pages(
    db: Connection,
    question: Question,
    made: Digest,
    output: Output,
    eml: Path | None,
    to: Sequence[str] | None,
) -> None:
    from trailcam.cli.render import plain_text, write_content
    from trailcam.digest_page.make_digest import digest_mail, digest_page, thumbs
    from trailcam.files.write import write_file
    from trailcam.pages.pictures import default_cache

    shown = thumbs(db, question, made.photos, default_cache())
    if output.format is Format.HTML:
        write_content(digest_page(made.report, shown), output.file)
    if eml is not None:
        user = os.environ.get("LOGNAME") or getpass.getuser()
        write_file(eml, digest_mail(made.report, plain_text(made.report), shown, to or [user]))


def _moment(text: str) -> datetime:
    """A date as this machine's clock reads it. Raises UsageError."""
    from trailcam.words.dates import parse_date

    try:
        return parse_date(text).astimezone()
    except UsageError as error:
        raise UsageError(error.message, f'{error.hint} Or "last".') from None
