"""The options of every command that answers a question: in which format, and where to."""

from __future__ import annotations

from typing import Annotated

import typer

from trailcam.reports.formats import Format

FormatOpt = Annotated[
    Format | None,
    typer.Option("--format", help="How to write it.", show_default="table, or what FILE's ending says"),
]
OutputOpt = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Write to this file; - is stdout.", show_default=False
    ),
]
