"""The two consoles: results on stdout, everything else on stderr."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.text import Text

from trailcam.errors import TrailcamError
from trailcam.words.span import in_words

LINE_EVERY_S = 30.0
_BAR_WIDTH = 12


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


def say(text: str, *, soft_wrap: bool = False) -> None:
    """A line for people, on stderr; never parsed as markup.

    On a terminal it is broken between words, unless it is to be copied (``soft_wrap``); in a log it is not.
    """
    err.print(text, markup=False, soft_wrap=soft_wrap or not err.is_terminal)


def show_error(error: TrailcamError) -> None:
    """What happened, and what to do about it."""
    err.print(Text.assemble(("error:", "bold red"), " ", error.message), soft_wrap=not err.is_terminal)
    if error.hint:
        say(error.hint)


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
    """One line on a terminal: how many of how many, then facts, as many as fit."""

    def __init__(self, bar: Progress, what: str) -> None:
        self._bar = bar
        self._task = bar.add_task(what, total=None, facts=())

    def __call__(self, done: int, total: int, facts: Sequence[str] = ()) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total, facts=tuple(facts))


class _Line(ProgressColumn):
    """``Looking  3,412 of 6,115  56 %  44 s left`` and as many facts as there is room for."""

    def render(self, task: Task) -> Text:
        parts = [str(task.description)]
        if task.total is not None:
            parts += [f"{task.completed:,.0f} of {task.total:,.0f}", f"{task.percentage:.0f} %"]
            if task.time_remaining is not None:
                parts.append(f"{in_words(task.time_remaining)} left")
        room = err.width - _BAR_WIDTH - 2
        told = parts[0]
        for part in (*parts[1:], *task.fields["facts"]):
            if len(told) + 2 + len(part) > room:
                break
            told += f"  {part}"
        return Text(told, no_wrap=True)


@contextmanager
def progress(what: str, *, quiet: bool) -> Iterator[BarProgress | LineProgress]:
    """A bar on a terminal, else a line now and then, else (quiet) nothing."""
    if quiet or not err.is_terminal:
        yield LineProgress(what, quiet=quiet)
        return
    with Progress(_Line(), BarColumn(_BAR_WIDTH), console=err, transient=True) as bar:
        yield BarProgress(bar, what)
