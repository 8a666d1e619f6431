"""``trailcam doctor``."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import Only, with_options
from trailcam.cli.model_options import ModelGroup
from trailcam.cli.options import LibraryOpts, OutputOpts
from trailcam.cli.tables import UNLIMITED, line
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
    from trailcam.reports.doctor import doctor_report, headline

    found = examine(library.database, library.settings)
    if output.format is Format.TABLE and output.file is None:
        shown = [f for f in found if not library.quiet or f.level is not Severity.OK]
        if shown:
            line(f"{headline(found)}\n", console.out)
            _show(shown)
    else:
        output.write(doctor_report(found))
    if any(finding.level is Severity.ERROR for finding in found):
        raise typer.Exit(ExitCode.COULD_NOT_RUN)


def _show(found: list[Check]) -> None:
    width = max((len(finding.what) for finding in found), default=0)
    for finding in found:
        first, *more = _in_lines(finding.found, width + 10)
        console.out.print(f"{finding.level:<8}", style=_STYLES[finding.level], end="")
        console.out.print(f"{finding.what:<{width}}  {first}", markup=False, soft_wrap=True)
        for remedy in finding.remedy.splitlines():
            begun, *rest = _in_lines(remedy, width + 13)
            more += [f"-> {begun}", *(f"   {text}" for text in rest)]
        for text in more:
            console.out.print(f"{'':<{width + 10}}{text}", markup=False, soft_wrap=True)


def _in_lines(text: str, left: int) -> list[str]:
    """Lines for a terminal whose first ``left`` columns are taken; one line for anything else."""
    room = console.out.width - left if console.out.is_terminal else UNLIMITED
    return textwrap.wrap(text, max(room, 20), break_long_words=False, break_on_hyphens=False) or [""]
