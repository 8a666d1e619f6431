"""``trailcam duplicates``."""

from __future__ import annotations

from trailcam.cli.groups import with_options
from trailcam.cli.options import LibraryOpts, OutputOpts


@with_options
def duplicates(*, output: OutputOpts, library: LibraryOpts) -> None:
    """List exact copies of photos, each below its original."""
    from trailcam.reports.duplicates import duplicate_list

    with library.read() as db:
        answer = duplicate_list(db)
    output.write(answer)
