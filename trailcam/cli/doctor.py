"""``trailcam doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from trailcam.cli import console
from trailcam.cli.model_options import DeviceOpt, WeightsOpt
from trailcam.cli.options import ConfigOpt, DbOpt, Quiet, Verbose, app_context
from trailcam.cli.output_options import FormatOpt, OutputOpt
from trailcam.errors import ExitCode

if TYPE_CHECKING:
    from trailcam.doctor import Finding

_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}


def doctor(
    weights: WeightsOpt = None,
    device: DeviceOpt = None,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Try each part of a detect in small, and say what to do about what doesn't work. Writes nothing.

    Exit code 0: all is well, or there are warnings alone; 2: something keeps trailcam from working.
    """
    from trailcam.cli.render import chosen_format, emit
    from trailcam.doctor import Level, examine
    from trailcam.reports.doctor import doctor_report
    from trailcam.reports.formats import Format

    chosen = chosen_format(format_, output)
    context = app_context(db, config, quiet, verbose, {"detect.weights": weights, "detect.device": device})
    found = examine(context.database, context.settings)
    if chosen is Format.TABLE and output is None:
        _show([f for f in found if not quiet or f.level is not Level.OK])
    else:
        emit(doctor_report(found), chosen, output)
    if any(finding.level is Level.ERROR for finding in found):
        raise typer.Exit(ExitCode.COULD_NOT_RUN)


def _show(found: list[Finding]) -> None:
    width = max((len(finding.what) for finding in found), default=0)
    for finding in found:
        console.out.print(f"{finding.level:<8}", style=_STYLES[finding.level], end="")
        console.out.print(f"{finding.what:<{width}}  {finding.found}", markup=False, soft_wrap=True)
        for line in finding.remedy.splitlines():
            console.out.print(f"{'':<{width + 10}}-> {line}", markup=False, soft_wrap=True)
