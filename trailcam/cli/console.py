"""The two consoles: results on stdout, everything else on stderr."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trailcam.errors import TrailcamError

LINE_EVERY_S = 30.0


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Nobody reads any more (`| head`): fall silent and work on. Rich would end the process."""
        self.quiet = True


# Names of folders are shown as they are: ":deer:" is no emoji.
out = _Console(highlight=False, emoji=False)
err = _Console(stderr=True, highlight=False, emoji=False)


def set_up_logging(verbosity: int) -> None:
    """-1 quiet (errors only), 0 normal, 1 verbose. Logs go to stderr."""
    level = {-1: logging.ERROR, 0: logging.WARNING}.get(verbosity, logging.DEBUG)
    logger = logging.getLogger("trailcam")
    logger.setLevel(level)
    if err.is_terminal:
        handler: logging.Handler = RichHandler(console=err, show_path=False)
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.handlers[:] = [handler]


def say(text: str) -> None:
    """A line for people, on stderr; never parsed as markup."""
    err.print(text, markup=False, soft_wrap=True)


def show_error(error: TrailcamError) -> None:
    """What happened, and what to do about it."""
    err.print("error:", style="bold red", end=" ")
    err.print(error.message, markup=False, soft_wrap=True)
    if error.hint:
        err.print(error.hint, markup=False, soft_wrap=True)


class LineProgress:
    """Progress for logs: one line every LINE_EVERY_S seconds."""

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        self._what = what
        self._quiet = quiet
        self._next = time.monotonic() + LINE_EVERY_S

    def __call__(self, done: int, total: int) -> None:
        """Say how far it is if it's time."""
        if self._quiet or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LINE_EVERY_S
        say(f"{self._what}: {done:,} of {total:,}")


class BarProgress:
    """A progress bar on a terminal, with a line of facts below it."""

    def __init__(self, bar: Progress, what: str) -> None:
        self._bar = bar
        self._task = bar.add_task(what, total=None, facts="")

    def __call__(self, done: int, total: int, facts: str = "") -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total, facts=facts)


class _Facts(TextColumn):
    def __init__(self) -> None:
        super().__init__("{task.fields[facts]}", markup=False)


@contextmanager
def progress(what: str, *, quiet: bool) -> Iterator[BarProgress | LineProgress]:
    """A bar on a terminal, else a line now and then, else (quiet) nothing."""
    if quiet or not err.is_terminal:
        yield LineProgress(what, quiet=quiet)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        _Facts(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        yield BarProgress(bar, what)
