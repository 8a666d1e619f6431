"""``trailcam status``."""

from __future__ import annotations

from trailcam.cli.options import ConfigOpt, DbOpt, Quiet, Verbose, app_context
from trailcam.cli.output_options import FormatOpt, OutputOpt


def status(
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Where every photo stands, which folders can be reached, and how the last run went."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.files.lock import WriterLock
    from trailcam.reports import status as report

    chosen = chosen_format(format_, output)
    context = app_context(db, config, quiet, verbose)
    working = WriterLock(context.settings.db, "status").held()
    with context.database.read() as connection:
        answer = report.status(connection, working=working)
    emit(answer, chosen, output)
