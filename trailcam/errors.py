"""Errors a user can cause. Each owns its message, its hint and its exit code.

Only :mod:`trailcam.cli.app` catches them: it prints ``message`` and ``hint`` on
stderr and leaves with ``exit_code``. Anything else that escapes is a bug.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What scripts and cron can rely on."""

    OK = 0
    SOME_FAILED = 1
    COULD_NOT_RUN = 2
    INTERRUPTED = 130


INTERRUPTED = "Interrupted. Everything saved so far stays; run the same command again to continue."


class TrailcamError(Exception):
    """Something a user can fix.

    ``message`` says what happened; ``hint`` says the likely cause and what to do.
    Both may hold several lines.
    """

    exit_code = ExitCode.COULD_NOT_RUN

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(TrailcamError):
    """An option or a value that makes no sense."""


class ConfigError(TrailcamError):
    """A configuration file that can't be read or holds what it may not."""


class RootError(TrailcamError):
    """A root that is missing, empty, unreadable, or has lost too many photos."""


class DatabaseError(TrailcamError):
    """A database that can't be opened, or was written by a newer trailcam."""


class DamagedError(DatabaseError):
    """A database file, or its log, whose blocks are not what was written."""


class LockedError(TrailcamError):
    """Another trailcam process works on the same database."""


class WeightsError(TrailcamError):
    """Weights that are absent, unreadable or of an unknown kind."""


class DataSetError(TrailcamError):
    """Labelled photos that aren't there, or aren't laid out as they must be."""


class DeviceError(TrailcamError):
    """A device that isn't there or doesn't work."""


class PipelineError(TrailcamError):
    """The pipeline can't go on: a worker died, the model answered nonsense."""


class UnanswerableError(TrailcamError):
    """A question that the data or the model can't answer."""


class OutputError(TrailcamError):
    """A result that can't be written where it was asked for."""


class Interrupted(TrailcamError):
    """Ctrl-C or SIGTERM, after everything in hand was saved."""

    exit_code = ExitCode.INTERRUPTED
