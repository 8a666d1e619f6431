"""Options that several commands share, and what they add up to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli.console import set_up_logging
from trailcam.domain import Status
from trailcam.errors import UsageError
from trailcam.selection import Selection
from trailcam.words.dates import parse_date, parse_until
from trailcam.words.months import parse_months

if TYPE_CHECKING:
    from trailcam.settings.config import Settings
    from trailcam.store.database import Connection, Database

DbOpt = Annotated[
    Path | None,
    typer.Option(
        "--db", help="The database file. Also TRAILCAM_DB.", show_default="in the user's data folder"
    ),
]
ConfigOpt = Annotated[
    Path | None,
    typer.Option("--config", help="A configuration file (TOML). Also TRAILCAM_CONFIG.", show_default=False),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Results and errors only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more, and show where an error arose.")]

_SELECT = "Which photos"
Months = Annotated[
    str | None,
    typer.Option("--months", help="Months of the year: 9-1, 9,10,11 or sep-jan.", rich_help_panel=_SELECT),
]
SeasonOpt = Annotated[
    str | None,
    typer.Option(
        "--season", help="A season from the configuration; rut is built in.", rich_help_panel=_SELECT
    ),
]
Since = Annotated[
    str | None,
    typer.Option("--since", help="From this day on: 2024-11-03, 2024-11.", rich_help_panel=_SELECT),
]
Until = Annotated[
    str | None,
    typer.Option("--until", help="Up to the end of this day: 2025-01-31, 2025-01.", rich_help_panel=_SELECT),
]
Stations = Annotated[
    list[str] | None,
    typer.Option("--station", help="Only this station; may be repeated.", rich_help_panel=_SELECT),
]
IncludeUndated = Annotated[
    bool,
    typer.Option("--include-undated", help="Also photos without a capture time.", rich_help_panel=_SELECT),
]


@dataclass(frozen=True, slots=True)
class AppContext:
    """What every command starts from."""

    settings: Settings
    database: Database
    quiet: bool
    verbose: bool


def app_context(
    db: Path | None,
    config: Path | None,
    quiet: bool,
    verbose: bool,
    flags: Mapping[str, object] | None = None,
) -> AppContext:
    """Merge the settings, set up logging. ``flags``: dotted key -> value, None for not given."""
    from trailcam.settings.config import load
    from trailcam.store.database import Database

    if quiet and verbose:
        raise UsageError("--quiet and --verbose exclude each other.", "Give one of them.")
    set_up_logging(-1 if quiet else int(verbose))
    settings = load(config, {"db": db, **(flags or {})}, os.environ)
    return AppContext(settings, Database(settings.db), quiet, verbose)


def build_selection(
    settings: Settings,
    months: str | None,
    season: str | None,
    since: str | None,
    until: str | None,
    station: Sequence[str] | None,
    include_undated: bool,
    statuses: tuple[Status, ...] = (),
) -> Selection:
    """The selectors as one value. Raises UsageError."""
    if months is not None and season is not None:
        raise UsageError(
            "--months and --season exclude each other.", "A season is a range of months: give one."
        )
    chosen: tuple[int, ...] = parse_months(months) if months is not None else ()
    if season is not None:
        chosen = settings.season(season).months
    first = parse_date(since) if since is not None else None
    last = parse_until(until) if until is not None else None
    if first and last and first > last:
        raise UsageError(f"--since {since} is after --until {until}.", "Swap them.")
    return Selection(
        months=chosen,
        since=first,
        until=last,
        stations=tuple(station or ()),
        statuses=statuses,
        include_undated=include_undated,
        season=season,
    )


@contextmanager
def writing(context: AppContext, command: str, wait: float) -> Iterator[Connection]:
    """One transaction under the lock, held in the name of ``command``; a library must be there."""
    from trailcam.files.lock import WriterLock

    with context.database.read():  # says what to do where there is no library, before any file is made
        pass
    with WriterLock(context.settings.db, command).acquire(wait), context.database.write() as connection:
        yield connection
