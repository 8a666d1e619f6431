"""What a command starts from: its settings, how much it says, and the library, locked in its name."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trailcam.cli import console
from trailcam.errors import UsageError

if TYPE_CHECKING:
    from trailcam.files.lock import Holder
    from trailcam.settings.config import Settings
    from trailcam.store.database import Connection, Database

_NAMED = 10  # of a long list on stderr; -v names all


@dataclass(frozen=True, slots=True)
class App:
    """A command's name ("times shift"), its settings, and how much it says.

    ``same`` are the options that make another command read the same settings and library.
    """

    command: str
    settings: Settings
    quiet: bool
    verbose: bool
    same: tuple[str, ...]

    def say(self, text: str) -> None:
        """A line for people on stderr, unless they asked for silence."""
        if not self.quiet:
            console.say(text)

    def advice(self, arguments: str) -> str:
        """A command to type next, such that it works here: ``trailcam detect --db other.duckdb``."""
        return " ".join([_program(), arguments, *self.same])

    def say_next(self, *commands: str) -> None:
        """The next useful commands, on stderr."""
        if not self.quiet:
            for n, command in enumerate(commands):
                console.say(f"{'Next:' if n == 0 else '     '} {self.advice(command)}", soft_wrap=True)

    def name_some(self, lines: Sequence[str]) -> None:
        """Lines on stderr, also with --quiet: the first ten, or all with --verbose."""
        for line in lines if self.verbose else lines[:_NAMED]:
            console.say(line)
        if len(lines) > _NAMED and not self.verbose:
            console.say(f"... and {len(lines) - _NAMED:,} more; -v names them all.")


@dataclass(frozen=True, slots=True)
class Library(App):
    """A library: its database, and its lock, for which a command waits up to ``wait`` seconds."""

    database: Database
    wait: float

    def read(self) -> AbstractContextManager[Connection]:
        """The database to read. Raises DatabaseError, also where there is none."""
        return self.database.read()

    @contextmanager
    def locked(self, *, probe: bool = True) -> Iterator[Database]:
        """The database, locked in the command's name.

        Raises LockedError, and DatabaseError where there is no database that opens, before a file is made;
        without ``probe`` there need be none.
        """
        from trailcam.files.lock import WriterLock

        if probe:
            with self.read():
                pass
        with WriterLock(self.database.path, self.command).acquire(self.wait, self._say_waiting):
            yield self.database

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction under the lock."""
        with self.locked() as database, database.write() as connection:
            yield connection

    def in_use(self) -> bool:
        """Whether a process holds the lock now."""
        from trailcam.files.lock import WriterLock

        return WriterLock(self.database.path, self.command).held()

    def _say_waiting(self, holder: Holder | None) -> None:
        self.say(f"Waiting for {holder or 'another trailcam'} to finish.")


def open_app(
    command: str, config: Path | None, quiet: bool, verbose: bool, flags: Mapping[str, object]
) -> App:
    """Merge the settings and set up logging. ``flags``: dotted key -> value, None for not given.

    Raises ConfigError and UsageError.
    """
    from trailcam.settings.config import load

    if quiet and verbose:
        raise UsageError("--quiet and --verbose exclude each other.", "Give one of them.")
    console.set_up_logging(-1 if quiet else int(verbose))
    given = {"--db": flags.get("db"), "--config": config}
    same = tuple(shlex.join([flag, str(value)]) for flag, value in given.items() if value is not None)
    return App(command, load(config, flags, os.environ), quiet, verbose, same)


def _program() -> str:
    """The program as it can be called again: by its name, or by the path that was typed."""
    typed = Path(sys.argv[0])
    found = shutil.which("trailcam")
    if typed.stem != "trailcam" or (found and Path(found).resolve() == typed.resolve()):
        return "trailcam"
    return shlex.quote(str(typed)) if found is None or len(typed.parts) > 1 else "trailcam"


def open_library(app: App, wait: float) -> Library:
    """The library that the settings of ``app`` name; nothing is opened yet."""
    from trailcam.store.database import Database

    return Library(
        app.command, app.settings, app.quiet, app.verbose, app.same, Database(app.settings.db), wait
    )
