"""The commands by name, each loaded when it is asked for: `trailcam --help` loads none of them."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    Base = MutableMapping[str, Any]
else:
    Base = MutableMapping

# Section -> name -> where the command is below trailcam.cli, and what it does. A test compares the sentences
# with the commands' own, and lets each fit into 80 columns; written down here they need no import.
SECTIONS = {
    "Start": {
        "scan": ("scan:scan", "Read folders of photos: what is new, changed, moved or gone."),
        "detect": ("detect:detect", "Find the animals in photos; no photo is looked at twice."),
        "status": ("status:status", "Where every photo stands, and which folders are reachable."),
        "doctor": ("doctor:doctor", "Try each part of a detect, and say how to fix what fails."),
    },
    "Look": {
        "report": ("report:app", "Answers from the database, each with its coverage."),
        "gallery": ("gallery:gallery", "Write an offline page of visits, each with its best photo."),
        "show": ("show:show", "Show everything that is known about one photo."),
        "duplicates": ("duplicates:duplicates", "List exact copies of photos, each below its original."),
    },
    "Correct": {
        "review": ("review:app", "Write a page to check photos on, and record its answers."),
        "correct": ("correct:correct", "Say what a photo shows; this overrides every model."),
        "bucks": ("which_buck:app", "Which buck: names that people give."),
        "static": ("static:app", "Leave out what never moves: stumps, feeders, areas."),
        "times": ("times:app", "When photos were taken: check, correct, read strips."),
        "stations": ("stations:app", "Stations: places, time zones, names and cameras."),
    },
    "Exchange": {
        "export": ("export:app", "Write results in the formats that other programs read."),
        "import": ("import_:app", "Take in results and labels of other programs."),
    },
    "Care": {
        "runs": ("runs:app", "Runs: what each model found, and which of them counts."),
        "models": ("models:app", "Models that --weights knows by name."),
        "evaluate": ("evaluate:evaluate", "Measure how often a model is right, on labelled photos."),
        "train": ("train:train", "Train a model on labelled photos of your own."),
        "bench": ("bench:bench", "Measure how fast each stage of detect can go here."),
        "tune": ("tune:tune", "Find the fastest batch size and workers, and keep them."),
        "db": ("db:app", "The database file: check it, copy it, repair it."),
    },
}
COMMANDS = {name: found for section in SECTIONS.values() for name, found in section.items()}


class _Commands(Base):
    """click's mapping of commands; a value is made when it is taken."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - typer keeps its click to itself
        if name not in self._loaded:
            self._loaded[name] = load(name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:  # noqa: ANN401
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS


def load(name: str) -> Any:  # noqa: ANN401 - typer keeps its click to itself
    """The command of that name, as click wants it. Raises KeyError for a name that is none."""
    where, _ = COMMANDS[name]
    module, _, attribute = where.partition(":")
    found = getattr(import_module(f"trailcam.cli.{module}"), attribute)
    outer = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    if isinstance(found, typer.Typer):
        outer.add_typer(found, name=name, cls=SubcommandGroup)
        group = typer.main.get_command(outer)
        return group.commands[name]  # type: ignore[attr-defined]
    outer.command(name)(found)
    return typer.main.get_command(outer)


class SubcommandGroup(TyperGroup):
    """A group that lists its commands with their whole sentences, on as many lines as they take."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        commands = [self.get_command(ctx, name) for name in self.list_commands(ctx)]
        rows = [
            (command.name or "", command.get_short_help_str(limit=10_000)) for command in commands if command
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class LazyGroup(TyperGroup):
    """A group over :data:`COMMANDS`."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - what typer hands to any group
        super().__init__(**attributes)
        self.commands = _Commands()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                rows = [
                    (
                        name.ljust(max(map(len, COMMANDS))),
                        TyperCommand(name, help=sentence).get_short_help_str(limit),
                    )
                    for name, (_, sentence) in commands.items()
                ]
                formatter.write_dl(rows)
