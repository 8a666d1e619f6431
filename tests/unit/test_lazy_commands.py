"""The list of commands that `trailcam --help` prints without loading them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from trailcam.cli.app import app
from trailcam.cli.lazy import COMMANDS, SECTIONS, load


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_is_there_and_says_of_itself_what_the_list_says(name: str) -> None:
    _, sentence = COMMANDS[name]
    command = load(name)
    assert command.name == name
    assert command.get_short_help_str(limit=1000) == sentence


def test_the_list_is_printed_and_loads_no_command() -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    for name, (_, sentence) in COMMANDS.items():
        assert f"  {name} " in shown.output
        assert sentence.split()[0] in shown.output


def test_the_list_is_grouped_and_no_line_is_cut_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    shown = CliRunner().invoke(app, ["--help"]).output
    assert [line.rstrip(":") for line in shown.splitlines() if line.rstrip(":") in SECTIONS] == list(SECTIONS)
    for _, sentence in COMMANDS.values():
        assert sentence in shown
    assert max(map(len, shown.splitlines())) <= 80


def all_commands() -> Iterator[tuple[str, ...]]:
    """Every command and group, as words to type."""
    for name in COMMANDS:
        waiting: list[tuple[tuple[str, ...], Any]] = [((name,), load(name))]
        while waiting:
            words, command = waiting.pop()
            yield words
            waiting += [((*words, n), sub) for n, sub in getattr(command, "commands", {}).items()]


def test_no_help_is_cut_and_each_usage_reads_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    found = list(all_commands())
    assert ("static", "area", "add") in found
    for words in found:
        shown = CliRunner().invoke(app, [*words, "--help"]).output
        usage = shown.partition("\n\n")[0]
        assert "[[" not in usage, words
        assert "..." not in shown.partition("Commands:")[2], words
        arguments = re.findall(r"[\[{](\w+)[\]}]", usage.replace("[OPTIONS]", "").replace("[ARGS]", ""))
        assert all(name.isupper() or "." in name for name in arguments), usage
        assert max(map(len, shown.splitlines())) <= 80, words


def test_a_mistyped_command_is_guessed() -> None:
    shown = CliRunner().invoke(app, ["repotr"])
    assert shown.exit_code == 2
    assert "Did you mean 'report'" in shown.output


def test_an_unknown_command_is_refused() -> None:
    assert CliRunner().invoke(app, ["xyzzy"]).exit_code == 2
    with pytest.raises(KeyError):
        load("xyzzy")
