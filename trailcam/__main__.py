"""``python -m trailcam``, and the command ``trailcam``."""

from __future__ import annotations

import sys
from typing import NoReturn

from trailcam.errors import INTERRUPTED, ExitCode


def start() -> NoReturn:
    """Load the command line and run it. Loading takes a moment, in which Ctrl-C means the same as later."""
    try:
        from trailcam.cli.app import main
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)  # noqa: T201 - there is no console yet
        sys.exit(ExitCode.INTERRUPTED)
    main()


if __name__ == "__main__":
    start()
