"""``trailcam doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import Only, with_options
from trailcam.cli.model_options import ModelGroup
from trailcam.cli.options import LibraryOpts, OutputOpts
from trailcam.errors import ExitCode
from trailcam.reports.formats import Format

if TYPE_CHECKING:
    from trailcam.doctor import Check
    from trailcam.settings.config import DetectSettings

_ModelOpts = Annotated["DetectSettings", ModelGroup, Only("weights", "device")]
_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}


@with_options
def doctor(*, model: _ModelOpts, output: OutputOpts, library: LibraryOpts) -> None:
    """Try each part of a detect, and say how to fix what fails. Writes nothing.

    Exit code 0: all is well, or only warnings; 2: something keeps trailcam from working.
    """
    from trailcam.doctor import Severity, examine
    from trailcam.reports.doctor import doctor_report

    found = examine(library.database, library.settings)
    if output.format is Format.TABLE and output.file is None:
        _show([f for f in found if not library.quiet or f.level is not Severity.OK])
    else:
        output.write(doctor_report(found))
    if any(finding.level is Severity.ERROR for finding in found):
        raise typer.Exit(ExitCode.COULD_NOT_RUN)


def _show(found: list[Check]) -> None:
    width = max((len(finding.what) for finding in found), default=0)
    for finding in found:
        console.out.print(f"{finding.level:<8}", style=_STYLES[finding.level], end="")
        console.out.print(f"{finding.what:<{width}}  {finding.found}", markup=False, soft_wrap=True)
        for line in finding.remedy.splitlines():
            console.out.print(f"{'':<{width + 10}}-> {line}", markup=False, soft_wrap=True)
