"""``trailcam db``: is the database sound, copies of it, and what to do when it isn't."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.options import ConfigOpt, DbOpt, Quiet, Verbose, app_context
from trailcam.errors import DamagedError, DatabaseError, ExitCode
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailcam.store.database import Database
    from trailcam.store.invariants import Broken

app = typer.Typer(help="The database file: check it, copy it, mend it.", no_args_is_help=True)

WaitOpt = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for another trailcam to finish.")
]


@app.callback()
def _db() -> None:
    """The database file: check it, copy it, mend it."""


@app.command("check")
def check(
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Read every block and hold the rows against each other. Works while a detect runs.

    Exit code 0: sound; 1: rows contradict each other; 2: something can't be read.
    """
    from trailcam.store.check_database import check as run_check

    context = app_context(db, config, quiet, verbose)
    health = run_check(context.database) if _opens(context.database) else None
    if health is None:
        raise DatabaseError(
            f"The database {printable(str(context.database.path))} is damaged and can't be opened.",
            f"`trailcam db repair` mends a damaged log. {_copies_hint(context.database.path)}",
        )
    for table, why in health.unreadable.items():
        console.say(f"unreadable: {table}: {why}")
    _say_broken(health.broken)
    if health.unreadable:
        raise DatabaseError(
            f"{count(len(health.unreadable), 'table')} can't be read: {', '.join(health.unreadable)}.",
            _copies_hint(context.database.path),
        )
    if health.broken:
        console.say("`trailcam db repair` mends what can be mended, after making a copy.")
        raise typer.Exit(ExitCode.SOME_FAILED)
    rows, photos = sum(health.tables.values()), health.tables["images"]
    console.out.print(
        f"Sound: {count(len(health.tables), 'table')}, {count(rows, 'row')}, {count(photos, 'photo')}.",
        markup=False,
    )


@app.command("backup")
def backup(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The copy; one that is there is replaced.",
            show_default="beside the database, with the time in its name",
        ),
    ] = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Copy the database and read the copy back. Safe at any time: who wants to write waits a moment."""
    from trailcam.store.check_database import back_up

    context = app_context(db, config, quiet, verbose)
    target = _stamped(context.database.path, "copy") if output is None else output.expanduser()
    tables = back_up(context.database, target)
    console.out.print(
        f"{printable(str(target))}: {tables['images'][0]:,} photos, {target.stat().st_size / 1e6:.1f} MB,"
        " read back and the same.",
        markup=False,
        soft_wrap=True,
    )


@app.command("repair")
def repair(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    wait: WaitOpt = 0,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Mend rows that contradict each other, after making a copy. What people said is never touched.

    What can't be told is forgotten, so that the next detect looks at those photos again.
    """
    from trailcam.files.lock import WriterLock

    context = app_context(db, config, quiet, verbose)
    if not context.database.exists():
        with context.database.read():  # says that there is none
            return
    with WriterLock(context.settings.db, "db repair").acquire(wait):
        _repair(context.database, dry_run)


def _repair(database: Database, dry_run: bool) -> None:
    from trailcam.store.check_database import back_up
    from trailcam.store.check_database import check as run_check
    from trailcam.store.rescue import set_aside_log

    aside = set_aside_log(database.path, _stamped(database.path, "damaged"), dry_run=dry_run)
    if aside is not None:
        console.say(
            "The log of the last changes is damaged. Without it the database is as it was before them"
            + (
                "; repairing would set it aside."
                if dry_run
                else f". It and a copy of the database are kept: {printable(str(aside))}."
            )
        )
        if dry_run:
            return
    health = run_check(database)
    if health.unreadable:
        raise DatabaseError(
            f"{count(len(health.unreadable), 'table')} can't be read: {', '.join(health.unreadable)}.",
            f"That can't be mended from what is left. {_copies_hint(database.path)}",
        )
    if health.sound:
        console.out.print("Sound: nothing to mend.", markup=False)
        return
    if not dry_run:
        copy = _stamped(database.path, "before-repair")
        back_up(database, copy)
        console.say(f"As it was, the database is kept in {printable(str(copy))}.")
    _mend(database, dry_run)


class _Undo(Exception):
    """Ends a transaction without its changes."""


def _mend(database: Database, dry_run: bool) -> None:
    from trailcam.store.repair import repair as run_repair

    try:
        with database.write() as connection:
            report = run_repair(connection)
            if dry_run:
                raise _Undo
    except _Undo:
        pass
    for what, n in report.mended.items():
        console.out.print(f"{n:>9,}  {what}", markup=False)
    if dry_run:
        console.say("Nothing was changed: --dry-run.")
    if report.left:
        console.say("This can't be mended; nothing of it was thrown away:")
        _say_broken(report.left)
        raise typer.Exit(ExitCode.SOME_FAILED)


def _opens(database: Database) -> bool:
    """False for a damaged file. Raises DatabaseError where it is another's, or isn't there."""
    try:
        with database.read():
            return True
    except DamagedError:
        return False


def _say_broken(found: Sequence[Broken]) -> None:
    for case in found:
        examples = "; ".join(printable(example) for example in case.examples)
        more = "; ..." if case.n > len(case.examples) else ""
        console.say(f"broken: {case.rule.never}: {case.n:,} ({examples}{more})")


def _stamped(path: Path, why: str) -> Path:
    return path.with_name(f"{path.name}.{why}-{datetime.now().astimezone():%Y-%m-%d-%H%M%S}.backup")


def _copies_hint(path: Path) -> str:
    from trailcam.store.check_database import copies

    found = [printable(str(copy)) for copy in copies(path)[:5]]
    if not found:
        return (
            "There is no copy of it beside it. If you have one elsewhere, put it in its place; else move the "
            "file away and scan and detect again: the photos are untouched."
        )
    return (
        f"Copies of it, the newest first: {', '.join(found)}. Put one in its place: all it takes is its name."
    )
