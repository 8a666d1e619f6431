"""``trailcam show``."""

from __future__ import annotations

from trailcam.cli.groups import with_options
from trailcam.cli.options import LibraryOpts, OutputOpts, PhotoArg


@with_options
def show(image: PhotoArg, *, output: OutputOpts, library: LibraryOpts) -> None:
    """Show everything that is known about one photo. Boxes, times and what the camera noted."""
    from trailcam.reports.photo import photo_report
    from trailcam.store.find import find_image

    with library.read() as db:
        report = photo_report(db, find_image(db, image))
    output.write(report)
