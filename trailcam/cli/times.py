"""``trailcam times``: commands about when photos were taken."""

from __future__ import annotations

import typer

from trailcam.cli import times_check, times_read_strip, times_shift

app = typer.Typer(help="When photos were taken: check, correct, read strips.", no_args_is_help=True)
app.command("shift")(times_shift.shift)
app.command("undo")(times_shift.undo)
app.command("list")(times_shift.list_)
app.command("check")(times_check.check)
app.command("read-strip")(times_read_strip.read_strip)
