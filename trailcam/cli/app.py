"""The command line: the commands, and the one place where errors become exit codes."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

from trailcam import __version__
from trailcam.cli.lazy import LazyGroup
from trailcam.errors import INTERRUPTED, DeviceError, ExitCode, OutputError, TrailcamError, UsageError
from trailcam.store.interrupt import interrupt, interrupt_again, was_interrupted

_PAGING_FILE_TOO_SMALL = 1455  # Windows' numbers of errors
_UNLOADABLE = (126, 127, 193, 1114)

app = typer.Typer(
    cls=LazyGroup,
    name="trailcam",
    help="Turns a folder of trail-camera photos into answers about deer.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trailcam {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Turns a folder of trail-camera photos into answers about deer."""


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    for _ in range([sys.stdin, sys.stdout, sys.stderr].count(None)):  # closed, as by `2>&-`
        os.open(os.devnull, os.O_RDWR)  # or the database would get the number of stderr
    for stream in (sys.stdout, sys.stderr):  # a cron mail in ASCII must not crash on a file name
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as `nohup` and `&` in a script leave it
        signal.signal(signal.SIGINT, interrupt)
    sys.unraisablehook = interrupt_again
    try:
        code = _run()
        _ignore_signals()
    except KeyboardInterrupt:
        _ignore_signals()
        code = _say_interrupted()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # `trailcam report bucks | head`
        _discard_stdout()
    except OSError as error:
        code = _show_refusal(error)
    sys.exit(code)


def _ignore_signals() -> None:
    """What is left takes a moment; a signal then would print a traceback or swallow the last message."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _discard_stdout() -> None:
    """Send what stdout still holds nowhere, or Python would fail on it once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run() -> int:
    try:
        app()
    except SystemExit as left:  # usage errors and --help, as typer words them: 2 and 0
        if left.__context__ is not None and isinstance(left.__context__.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from left  # typer would leave without a message
        return left.code if isinstance(left.code, int) else ExitCode.COULD_NOT_RUN
    except TrailcamError as error:
        if was_interrupted():  # a connection in the middle of a query can't be used for another
            raise KeyboardInterrupt from error
        return _show_error(error)
    except BrokenPipeError:
        _discard_stdout()
        return ExitCode.OK
    except OSError as error:
        return _show_refusal(error)
    except ImportError as error:
        return _show_error(_unloadable(error))
    except Exception as error:  # the boundary: a user never sees a traceback unasked
        if was_interrupted():  # what a library made of it
            raise KeyboardInterrupt from error
        _show_bug(error)
        return ExitCode.COULD_NOT_RUN
    return ExitCode.OK


def _say_interrupted() -> int:
    from trailcam.cli.console import say

    with suppress(OSError, RuntimeError):  # stderr is closed, or the signal came while it was written to
        say(INTERRUPTED)
    return ExitCode.INTERRUPTED


def _verbose() -> bool:
    return any(argument in ("-v", "--verbose") for argument in sys.argv[1:])


def _show_error(error: TrailcamError) -> int:
    # Here as below: rich is slow to import, and `trailcam --help` has no use for it.
    from trailcam.cli.console import err, show_error

    show_error(error)
    if _verbose():
        err.print(traceback.format_exc(), markup=False)
    return error.exit_code


def _show_refusal(error: OSError) -> int:
    """What the system refused: above all `trailcam status > /full/disk`, and memory for torch."""
    if getattr(error, "winerror", None) == _PAGING_FILE_TOO_SMALL:
        return _show_error(
            DeviceError(
                "Windows has no memory left for torch's libraries: its paging file is too small.",
                "Use fewer workers (--workers 4), close other programs, or let Windows manage the size of "
                "the paging file: Advanced system settings, Performance, Advanced, Virtual memory.",
            )
        )
    # Who loads a library has no number of an error on Linux, and one of these on Windows.
    if error.errno is None or getattr(error, "winerror", None) in _UNLOADABLE:
        return _show_error(_unloadable(error))
    if error.filename is not None:  # stdout has no name
        return _show_error(_refused_path(error))
    _discard_stdout()
    return _show_error(
        OutputError(f"The output can't be written: {error.strerror or error}.", "Is the disk full?")
    )


def _refused_path(error: OSError) -> TrailcamError:
    """What the system refused about a file or folder where nobody expected it."""
    from trailcam.words.text import printable

    return UsageError(
        f"The system refused {printable(str(error.filename))}: {error.strerror or error}.",
        "Check the path and its permissions, and that its drive is mounted and not full.",
    )


def _unloadable(error: OSError | ImportError) -> TrailcamError:
    """A package, or a library that it needs, isn't there or doesn't fit."""
    from trailcam.words.text import clean_message

    return DeviceError(
        f"A library can't be loaded: {clean_message(error)}",
        "Install trailcam again in an environment of its own: pip install -c constraints.txt . On Windows "
        "torch also needs the Microsoft Visual C++ Redistributable.",
    )


def _show_bug(error: Exception) -> None:
    from trailcam.cli.console import err, say
    from trailcam.words.text import printable

    err.print("error:", style="bold red", end=" ")
    say(f"Unexpected error (a bug): {type(error).__name__}: {printable(str(error))}")
    if _verbose():
        err.print(traceback.format_exc(), markup=False)
    else:
        say("Nothing that was saved is lost. Please report it, with the output of the same command with -v.")
