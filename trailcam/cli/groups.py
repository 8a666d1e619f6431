"""How options become a command: those that several commands share come in groups.

A group is a dataclass whose fields are options; ``make`` turns them into the one object that a command gets.
So a command names only what is its own::

    @with_options
    def show(image: PhotoArg, *, output: OutputOpts, library: LibraryOpts) -> None:
        with library.read() as db:
            output.write(photo_report(db, find_image(db, image)))

An option that stands for a setting says so with :class:`Sets`, and is merged into the settings.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from trailcam.cli.open_library import App


class Group:
    """Options that belong together; beside the type of what ``make`` returns in an annotation."""

    __slots__ = ()

    def make(self, app: App) -> Any:  # noqa: ANN401 - the annotation tells the type
        """What a command gets of them. Raises UsageError."""
        raise NotImplementedError


class StartGroup(Group):
    """The options that every command has; what they make is what the other groups are made with."""

    __slots__ = ()

    def open(self, command: str, flags: Mapping[str, object]) -> App:
        """What the command starts from. ``flags``: a setting's key -> value, None for not given."""
        raise NotImplementedError


class Sets:
    """Beside an option: the setting that it overrides."""

    def __init__(self, key: str) -> None:
        self.key = key


class Only:
    """Beside a group: the options of it that a command has; the others keep their defaults."""

    def __init__(self, *names: str) -> None:
        self.names = names


def with_options(
    function: Callable[..., Any], then: Callable[[Any, App], None] | None = None
) -> Callable[..., None]:
    """``function`` as typer takes it: with the options of its groups one by one, where the group stands.

    Exactly one of its groups is a StartGroup. ``then`` gets what the function returns.
    """
    function.__annotations__.pop("return", None)  # may be a name that only type checkers import
    parameters = list(inspect.signature(function, eval_str=True).parameters.values())
    groups = {p.name: found for p in parameters if (found := _group_of(p.annotation))}
    shown = []
    for parameter in parameters:
        if parameter.name in groups:
            shown += _options_of(*groups[parameter.name])
        elif parameter.annotation is not typer.Context:
            shown.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
    settings = {p.name: key for p in shown for key in _marks(p.annotation, Sets)}
    context = next((p.name for p in parameters if p.annotation is typer.Context), None)

    def command(ctx: typer.Context, **values: Any) -> None:  # noqa: ANN401 - typer gives each its type
        flags = {mark.key: values[name] for name, mark in settings.items()}
        made = {
            name: group(**{option.name: values.pop(option.name) for option in _options_of(group, only)})
            for name, (group, only) in groups.items()
        }
        start = next(group for group in made.values() if isinstance(group, StartGroup))
        app = start.open(_name_of(ctx), flags)
        objects = {name: app if group is start else group.make(app) for name, group in made.items()}
        result = function(**({context: ctx} if context else {}), **values, **objects)
        if then is not None:
            then(result, app)

    command.__name__, command.__doc__ = function.__name__, function.__doc__
    first = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    command.__signature__ = inspect.Signature([first, *shown])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in (first, *shown)}
    return command


def _marks(annotation: object, kind: type) -> list[Any]:
    return [mark for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, kind)]


def _group_of(annotation: object) -> tuple[Any, Only | None] | None:
    found = [mark for mark in _marks(annotation, type) if issubclass(mark, Group)]
    return (found[0], next(iter(_marks(annotation, Only)), None)) if found else None


def _options_of(group: Any, only: Only | None) -> list[inspect.Parameter]:  # noqa: ANN401 - a Group's class
    types = get_type_hints(group, include_extras=True)
    return [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=types[name])
        for name, parameter in inspect.signature(group).parameters.items()
        if only is None or name in only.names
    ]


def _name_of(context: typer.Context) -> str:
    """``times shift``: the command without the program's name."""
    names: list[str] = []
    here: Any = context
    while here.parent is not None:
        names.insert(0, str(here.info_name))
        here = here.parent
    return " ".join(names)
