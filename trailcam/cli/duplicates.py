"""``trailcam duplicates``."""

from __future__ import annotations

from trailcam.cli.options import ConfigOpt, DbOpt, Quiet, Verbose, app_context
from trailcam.cli.output_options import FormatOpt, OutputOpt


def duplicates(
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """List exact copies of photos, each below the photo that it repeats."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.reports.duplicates import duplicate_list

    chosen = chosen_format(format_, output)
    context = app_context(db, config, quiet, verbose)
    with context.database.read() as connection:
        answer = duplicate_list(connection)
    emit(answer, chosen, output)
