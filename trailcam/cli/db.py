"""``trailcam db``: is the database sound, copies of it, and what to do when it isn't."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import with_options
from trailcam.cli.options import DryRunOpt, LibraryOpts, WritingOpts
from trailcam.errors import DamagedError, DatabaseError, ExitCode
from trailcam.files.home import at_home
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailcam.store.database import Database
    from trailcam.store.invariants import Broken

app = typer.Typer(help="The database file: check it, copy it, repair it.", no_args_is_help=True)


@app.command("check")
@with_options
def check(*, library: LibraryOpts) -> None:
    """Read every block and check that the rows agree. Works while a detect runs.

    Exit code 0: sound; 1: rows contradict each other; 2: something can't be read.
    """
    from trailcam.store.check_database import check as run_check
    from trailcam.store.check_database import copies_hint

    health = run_check(library.database) if _opens(library.database) else None
    if health is None:
        raise DatabaseError(
            f"The database {printable(str(library.database.path))} is damaged and can't be opened.",
            f"`trailcam db repair` repairs a damaged log. {copies_hint(library.database.path)}",
        )
    for table, why in health.unreadable.items():
        console.say(f"unreadable: {table}: {why}")
    _say_broken(health.broken)
    if health.unreadable:
        raise DatabaseError(
            f"{count(len(health.unreadable), 'table')} can't be read: {', '.join(health.unreadable)}.",
            copies_hint(library.database.path),
        )
    if health.broken:
        console.say("`trailcam db repair` repairs what it can, after making a copy.")
        raise typer.Exit(ExitCode.SOME_FAILED)
    rows, photos = sum(health.tables.values()), health.tables["images"]
    console.out.print(
        f"Sound: {count(len(health.tables), 'table')}, {count(rows, 'row')}, {count(photos, 'photo')}.",
        markup=False,
    )


@app.command("backup")
@with_options
def backup(
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The copy; an existing file is replaced.",
            show_default="beside the database, with the time in its name",
        ),
    ] = None,
    library: LibraryOpts,
) -> None:
    """Copy the database and read the copy back. Safe at any time: other writers wait a moment."""
    from trailcam.store.check_database import back_up, copy_name

    target = copy_name(library.database.path, "copy") if output is None else at_home(output)
    tables = back_up(library.database, target)
    console.out.print(
        f"{printable(str(target))}: {tables['images'][0]:,} photos, {target.stat().st_size / 1e6:.1f} MB,"
        " read back and identical.",
        markup=False,
        soft_wrap=True,
    )


@app.command("repair")
@with_options
def repair(*, dry_run: DryRunOpt = False, library: WritingOpts) -> None:
    """Repair rows that contradict each other, after making a copy. Corrections are never touched.

    What can't be known is removed, and the next detect looks at those photos again.
    """
    from trailcam.store.repair import repair_database

    if not library.database.exists():
        with library.read():  # says that there is none
            return
    with library.locked(probe=False) as database:
        done = repair_database(database, dry_run=dry_run, say=console.say)
    if done is None:
        return
    if not done.fixed and not done.left:
        console.out.print("Sound: nothing to repair.", markup=False)
        return
    for what, n in done.fixed.items():
        console.out.print(f"{n:>9,}  {what}", markup=False)
    if dry_run:
        console.say("Nothing was changed: --dry-run.")
    if done.left:
        console.say("This can't be repaired; it was left as it is:")
        _say_broken(done.left)
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
