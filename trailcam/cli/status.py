"""``trailcam status``."""

from __future__ import annotations

from trailcam.cli.groups import with_options
from trailcam.cli.options import LibraryOpts, OutputOpts


@with_options
def status(*, output: OutputOpts, library: LibraryOpts) -> None:
    """Where every photo stands, and which folders are reachable. Also how the last run went."""
    from trailcam.reports import status as report

    in_use = library.in_use()
    with library.read() as db:
        answer = report.status(db, working=in_use)
    output.write(answer)
