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

# Name -> where it is below trailcam.cli, and what it does. A test holds the sentences against the commands'
# own; written down here they need no import.
COMMANDS = {
    "scan": ("scan:scan", "Walk folders of photos, read what is new, and note what is gone."),
    "detect": (
        "detect:detect",
        "Look at photos and save every box; a photo that was looked at is never looked at twice.",
    ),
    "report": ("report:app", "Answers from the database, each with its coverage."),
    "correct": ("correct:correct", "Say what a photo really shows; it goes before any model."),
    "review": (
        "review:app",
        "Write an offline page to judge photos on, the most useful first; `review apply` takes its answers.",
    ),
    "runs": ("runs:app", "Runs: what each model said, and which of them counts."),
    "times": ("times:app", "When photos were taken: check, correct, read strips."),
    "stations": ("stations:app", "Stations: places, time zones, names, and the cameras there."),
    "status": (
        "status:status",
        "Where every photo stands, which folders can be reached, and how the last run went.",
    ),
    "duplicates": (
        "duplicates:duplicates",
        "List exact copies of photos, each below the photo that it repeats.",
    ),
    "show": (
        "show:show",
        "All that is known of one photo: boxes, times and their sources, and what the camera noted.",
    ),
    "gallery": (
        "gallery:gallery",
        "Write an offline page of the visits: their best photos, with filters and statistics.",
    ),
    "export": ("export:app", "Results into the formats that other programs read."),
    "import": ("import_:app", "What others found and labelled, into the library."),
    "doctor": (
        "doctor:doctor",
        "Try each part of a detect in small, and say what to do about what doesn't work.",
    ),
    "db": ("db:app", "The database file: check it, copy it, mend it."),
    "evaluate": ("evaluate:evaluate", "Say how often a model is right, on photos with labels."),
    "train": (
        "train:train",
        "Train a model on labelled photos of your own, and compare it with the one it started from.",
    ),
    "bench": (
        "bench:bench",
        "Measure how fast each stage of detect could go here, and how near the whole comes to that.",
    ),
    "tune": (
        "tune:tune",
        "Find the batch size and workers that are fastest here, and write them to the configuration.",
    ),
}


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
        outer.add_typer(found, name=name)
        group = typer.main.get_command(outer)
        return group.commands[name]  # type: ignore[attr-defined]
    outer.command(name)(found)
    return typer.main.get_command(outer)


class LazyGroup(TyperGroup):
    """A group over :data:`COMMANDS`."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - what typer hands to any group
        super().__init__(**attributes)
        self.commands = _Commands()

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            rows = [
                (name, TyperCommand(name, help=sentence).get_short_help_str(limit))
                for name, (_, sentence) in COMMANDS.items()
            ]
            formatter.write_dl(rows)
