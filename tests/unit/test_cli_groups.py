"""Options in groups, the table of reports, and completion in a shell."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from trailcam.cli.groups import Group, Only, with_options
from trailcam.cli.open_library import App
from trailcam.cli.options import AppOpts, GapOpt, LibraryOpts, WritingOpts
from trailcam.reports.all_reports import REPORTS, ReportEntry


@dataclass(frozen=True, slots=True)
class PairGroup(Group):
    first: Annotated[int, typer.Option("--first")] = 1
    second: Annotated[int, typer.Option("--second")] = 2

    def make(self, app: App) -> int:
        return self.first * 10 + self.second


PairOpts = Annotated[int, PairGroup]
OneOpts = Annotated[int, PairGroup, Only("second")]


def run(function: Any, *arguments: str) -> tuple[int, str]:  # noqa: ANN401
    outer = typer.Typer()
    inner = typer.Typer()
    outer.add_typer(inner, name="outer")
    inner.command("inner")(with_options(function))
    inner.command("other")(lambda: None)
    outer.command("top")(lambda: None)
    done = CliRunner().invoke(outer, ["outer", "inner", *arguments])
    return done.exit_code, done.output


def test_a_group_becomes_one_object_and_keeps_its_place_in_the_help() -> None:
    def command(
        *, before: Annotated[bool, typer.Option("--before")] = False, pair: PairOpts, app: AppOpts
    ) -> None:
        typer.echo(f"{before} {pair} {app.command}")

    assert run(command, "--second", "7") == (0, "False 17 outer inner\n")
    _, text = run(command, "--help")
    assert text.index("--before") < text.index("--first") < text.index("--second") < text.index("--config")
    assert "--db" not in text


def test_a_command_may_take_a_part_of_a_group() -> None:
    def command(*, pair: OneOpts, library: LibraryOpts) -> None:
        typer.echo(str(pair))

    assert run(command) == (0, "12\n")
    assert run(command, "--first", "3")[0] == 2
    assert run(command, "--wait", "3")[0] == 2


def test_an_option_overrides_the_setting_that_it_names() -> None:
    def command(*, gap: GapOpt = None, library: WritingOpts) -> None:
        typer.echo(f"{library.settings.report.gap} {library.database.path} {library.wait}")

    assert run(command, "--gap", "1h", "--db", "x.duckdb", "--wait", "3") == (0, "1:00:00 x.duckdb 3.0\n")


def test_what_a_command_returns_goes_to_then() -> None:
    told = []

    def command(*, app: AppOpts) -> str:
        return "done"

    single = typer.Typer()
    single.command()(with_options(command, then=lambda result, app: told.append((result, app.quiet))))
    assert CliRunner().invoke(single, ["--quiet"]).exit_code == 0
    assert told == [("done", True)]


@pytest.mark.parametrize("entry", REPORTS, ids=[entry.name for entry in REPORTS])
def test_each_report_takes_what_its_options_give(entry: ReportEntry) -> None:
    module, _, name = entry.function.partition(":")
    function = getattr(import_module(f"trailcam.reports.{module}"), name)
    given = {option.parameter for option in entry.options} | (
        {"parts", "one_table"} if entry.parts else set()
    )
    own = {p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY}
    assert given == own
    flags = [option.flag for option in entry.options]
    assert len(set(flags)) == len(flags)
    assert set(entry.shown) & set(entry.beside)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("trailcam re", {"report", "review"}),
        ("trailcam report bucks --conf", {"--confidence", "--config"}),
        ("trailcam report herd --by ", {"month", "season", "station"}),
    ],
)
def test_a_shell_completes(words: str, expected: set[str]) -> None:
    asked = {"_TRAILCAM_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    code = "from trailcam.cli.app import main; import sys; sys.argv = ['trailcam']; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert set(done.stdout.split()) == expected, done.stderr
