"""``trailcam bucks``: names of bucks, given by people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import with_options
from trailcam.cli.options import LibraryOpts, OutputOpts, PhotoArg, WritingOpts
from trailcam.errors import UsageError
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailcam.cli.open_library import Library
    from trailcam.store.names import Naming

app = typer.Typer(help="Which buck: names that people give.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(help="A buck's name.", show_default=False)]
_AuthorOpt = Annotated[
    str | None, typer.Option("--author", help="Who says so.", show_default="the user's name")
]


@app.command("name")
@with_options
def name(
    photo: PhotoArg,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help='Its name: "Split Brow".', show_default=False)
    ] = None,
    *,
    box: Annotated[
        int | None,
        typer.Option(
            "--box",
            min=1,
            help="The number of its box, as `correct` lists them.",
            show_default="the only buck",
        ),
    ] = None,
    seen: Annotated[
        str | None,
        typer.Option(
            "--list", metavar="CODE", help="The list that --box refers to; refused if the boxes have changed."
        ),
    ] = None,
    not_sure: Annotated[
        bool, typer.Option("--not-sure", help="Nobody can tell which buck it is; ends a name given before.")
    ] = False,
    author: _AuthorOpt = None,
    library: WritingOpts,
) -> None:
    """Name a buck on a photo. The name stays with the animal, whatever model looks at the photo later."""
    from trailcam.machine import user_name
    from trailcam.store.find import find_image
    from trailcam.store.name_photo import name_photo

    if (name is None) is not not_sure:
        raise UsageError(
            "Give a name, or --not-sure.", 'Example: trailcam bucks name PHOTO --box 1 "Split Brow"'
        )
    if seen and not box:
        raise UsageError("--list goes with --box.", "It names the list in which --box counts.")
    with library.read() as db:
        image_id = find_image(db, photo)
    with library.writing() as db:
        done = name_photo(db, image_id, name, box=box, seen=seen, author=author or user_name())
        if done.refused:
            raise UsageError(
                f"{done.refused[0].why[0].upper()}{done.refused[0].why[1:]}.",
                "Two bucks of one photo can't have one name. Nothing was changed.",
            )
    called = f"is called {printable(name)}" if name is not None else "has no name: nobody can tell it"
    already = " already" if done.agreed else ""
    library.say(f"The buck on photo {image_id} {called}{already}.")
    _say_doubts(library, [name] if name is not None else [])


@app.command("rename")
@with_options
def rename(
    name: _Name,
    new_name: Annotated[str, typer.Argument(help="What to call it.", show_default=False)],
    *,
    author: _AuthorOpt = None,
    library: WritingOpts,
) -> None:
    """Give a buck another name; `bucks undo` undoes it."""
    from trailcam.machine import user_name
    from trailcam.store.names import rename as change

    with library.writing() as db:
        made = change(db, name, new_name, author=author or user_name())
    library.say(f"{_told(made)}. `trailcam bucks undo` undoes it.")


@app.command("merge")
@with_options
def merge(
    name: _Name,
    into: Annotated[str, typer.Argument(help="The buck that it is.", show_default=False)],
    *,
    author: _AuthorOpt = None,
    library: WritingOpts,
) -> None:
    """Say that two names mean one buck; `bucks undo` separates them."""
    from trailcam.machine import user_name
    from trailcam.store.names import merge as change

    with library.writing() as db:
        made = change(db, name, into, author=author or user_name())
    library.say(f"{_told(made)}. `trailcam bucks undo` undoes it.")
    _say_doubts(library, [made.into or ""])


@app.command("undo")
@with_options
def undo(
    number: Annotated[
        int | None,
        typer.Argument(metavar="NAMING", help="Its number in `bucks list`.", show_default="the latest"),
    ] = None,
    *,
    author: _AuthorOpt = None,
    library: WritingOpts,
) -> None:
    """Take back the latest naming, rename or merge; run it again for the one before."""
    from trailcam.machine import user_name
    from trailcam.store.names import undo as take_back

    with library.writing() as db:
        made = take_back(db, author or user_name(), number)
    what = f"{made.kind} of {printable(made.name or '')} to {printable(made.into or '')}"
    library.say(f"Taken back: {_told(made) if made.kind == 'name' else what}.")


@app.command("list")
@with_options
def list_(*, output: OutputOpts, library: LibraryOpts) -> None:
    """All names, what was last changed of them, and bucks at two stations in the same minute."""
    from trailcam.reports.name_list import name_list

    with library.read() as db:
        report = name_list(db, library.settings.report.gap)
    output.write(report)


def _told(made: Naming) -> str:
    name, into = printable(made.name or ""), printable(made.into or "")
    if made.kind == "rename":
        return f"{name} is now called {into}"
    if made.kind == "merge":
        return f"{name} is {into}"
    what = name or "not sure"
    return f"{what} on {count(made.photos, 'photo')} ({printable(made.author)})"


def _say_doubts(library: Library, names: Sequence[str]) -> None:
    """Name bucks that were at two stations in the same minute. The names were recorded all the same."""
    from trailcam.reports.name_doubts import doubt_sentences

    if not names:
        return
    with library.read() as db:
        sentences = doubt_sentences(db, names)
    for sentence in sentences:
        console.say(sentence)
