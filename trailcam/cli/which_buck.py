"""``trailcam bucks``: names of bucks, given by people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import Only, with_options
from trailcam.cli.model_options import ModelGroup
from trailcam.cli.options import (
    AnsweredOpts,
    AuthorOpt,
    CacheOpt,
    CountingOpts,
    LibraryOpts,
    OutputOpts,
    PhotoArg,
    SelectionOpts,
    WritingOpts,
)
from trailcam.errors import ExitCode, UsageError
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailcam.bucks_page.apply_names import AppliedNames
    from trailcam.cli.open_library import Library
    from trailcam.settings.config import DetectSettings
    from trailcam.store.names import Naming

app = typer.Typer(help="Which buck: names that people give.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="A buck's name.", show_default=False)]


_ModelOpts = Annotated["DetectSettings", ModelGroup, Only("weights", "device")]


@app.command("page")
@with_options
def page(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.html", help="The page to write.")],
    selection: SelectionOpts,
    counting: CountingOpts,
    by_time: Annotated[
        bool, typer.Option("--by-time", help="In the order of time: no model looks at the pictures.")
    ] = False,
    model: _ModelOpts,
    cache: CacheOpt = True,
    library: LibraryOpts,
) -> None:
    """Write an offline page to name bucks on, look-alikes side by side. `bucks apply` records the names."""
    from trailcam.bucks_page.look_cache import default_folder
    from trailcam.bucks_page.make_page import BucksPageOptions, build_bucks_page
    from trailcam.pages.pictures import default_cache

    looks = None
    if not by_time:
        from trailcam.detect.model.looks import choose_looks

        looks = choose_looks(model.weights, model.device)
    options = BucksPageOptions(
        gap=counting.gap,
        confidence=counting.confidence,
        looks=looks,
        cache=default_cache() if cache else None,
        looks_folder=default_folder() if cache else None,
    )
    report = build_bucks_page(
        library.database,
        selection,
        output,
        options,
        lambda step: console.progress(step, quiet=library.quiet),
    )
    console.out.print(
        f"{printable(str(report.path))}: {count(report.candidates, 'visit')} of bucks,"
        f" {count(report.n_photos, 'card')}, {report.size_bytes / 1e6:.1f} MB.",
        markup=False,
        soft_wrap=True,
    )
    library.name_some([f"No picture of {problem}" for problem in report.problems])
    if report.problems:
        raise typer.Exit(ExitCode.SOME_FAILED)


@app.command("apply")
@with_options
def apply(
    *,
    answered: AnsweredOpts,
    library: WritingOpts,
) -> None:
    """Record the names that a page saved; `bucks undo` takes them back. A file twice changes nothing."""
    from trailcam.bucks_page.apply_names import apply_answers
    from trailcam.bucks_page.name_answers import read_answers

    answers = read_answers(answered.file)
    who = answered.who(answers.author)
    with library.locked() as database:
        done = apply_answers(database, answers, author=who, overwrite=answered.overwrite)
    _show_applied(done, who)
    _say_doubts(library, done.names)
    if done.conflicts:
        library.name_some([f"{conflict.photo}: {conflict.why}" for conflict in done.conflicts])
        raise typer.Exit(ExitCode.SOME_FAILED)


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
    author: AuthorOpt = None,
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
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="What to call it.", show_default=False)],
    *,
    author: AuthorOpt = None,
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
    into: Annotated[str, typer.Argument(metavar="INTO", help="The buck that it is.", show_default=False)],
    *,
    author: AuthorOpt = None,
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
    author: AuthorOpt = None,
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


def _show_applied(done: AppliedNames, who: str) -> None:
    parts = [f"Recorded {count(done.recorded, 'box')} of {printable(who)}"]
    parts += [f"{done.known:,} known before"] if done.known else []
    parts += [f"{done.agreed:,} had this name already"] if done.agreed else []
    parts += [f"{len(done.conflicts):,} left out"] if done.conflicts else []
    console.out.print("; ".join(parts) + ".", markup=False, soft_wrap=True)


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
