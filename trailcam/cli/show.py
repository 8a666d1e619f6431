"""``trailcam show``."""

from __future__ import annotations

from typing import Annotated

import typer

from trailcam.cli.options import ConfigOpt, DbOpt, Quiet, Verbose, app_context
from trailcam.cli.output_options import FormatOpt, OutputOpt


def show(
    image: Annotated[str, typer.Argument(help="A photo: its path, or its number in the library.")],
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """All that is known of one photo: boxes, times and their sources, and what the camera noted."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.reports.photo import photo_report
    from trailcam.store.find import find_image

    context = app_context(db, config, quiet, verbose)
    chosen = chosen_format(format_, output)
    with context.database.read() as connection:
        report = photo_report(connection, find_image(connection, image))
    emit(report, chosen, output)
