"""``trailcam correct``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli.groups import with_options
from trailcam.cli.options import PhotoArg, WritingOpts
from trailcam.errors import UsageError
from trailcam.words.text import printable

if TYPE_CHECKING:
    from trailcam.cli.open_library import Library


@with_options
def correct(
    image: PhotoArg,
    *,
    class_: Annotated[
        str | None, typer.Option("--class", help="What it is: a class, a kind, or the age class of a buck.")
    ] = None,
    box: Annotated[
        int | None, typer.Option("--box", min=1, help="The number of the box in the list.")
    ] = None,
    seen: Annotated[
        str | None,
        typer.Option(
            "--list", metavar="CODE", help="The list that --box refers to; refused if the boxes have changed."
        ),
    ] = None,
    no_animal: Annotated[
        bool,
        typer.Option("--no-animal", help="There is no animal in the box, or, without --box, in the photo."),
    ] = False,
    add: Annotated[
        str | None,
        typer.Option("--add", help="A box that the model missed: x,y,w,h as shares of the photo, 0 to 1."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Undo the latest correction.")] = False,
    author: Annotated[
        str | None, typer.Option("--author", help="Whose correction this is.", show_default="the user's name")
    ] = None,
    library: WritingOpts,
) -> None:
    """Say what a photo shows; this overrides every model. Without an option: list its boxes and history."""
    from trailcam.machine import user_name
    from trailcam.store.correct_photo import Correction, correct_photo, take_back
    from trailcam.store.find import find_image

    _check(class_, box, no_animal, add, undo)
    if seen and not box:
        raise UsageError("--list goes with --box.", "It names the list in which --box counts.")
    with library.read() as db:
        image_id = find_image(db, image)
    if class_ or no_animal or undo:
        who = author or user_name()
        with library.writing() as db:
            if undo:
                take_back(db, image_id, who)
            else:
                said = Correction(class_, box, add, seen)
                correct_photo(db, image_id, said, author=who, rules=library.settings.classes)
        if library.quiet:
            return
    _list(library, image_id)


def _check(class_: str | None, box: int | None, no_animal: bool, add: str | None, undo: bool) -> None:
    if undo and (class_ or no_animal or add or box):
        raise UsageError("--undo takes no other option.", "It undoes the latest correction of the photo.")
    if class_ and no_animal:
        raise UsageError("--class and --no-animal exclude each other.", "Give one of them.")
    if add and (box or no_animal):
        raise UsageError("--add goes with --class alone.", "Example: --add 0.1,0.2,0.3,0.3 --class doe")
    if class_ and not (box or add):
        raise UsageError("--class needs a box.", "Name a box with --box N, or draw one with --add x,y,w,h.")
    if (box or add) and not (class_ or no_animal):
        raise UsageError(
            "--box and --add need to know what is there.", "Add --class NAME, or --no-animal to a --box."
        )


def _list(library: Library, image_id: int) -> None:
    from trailcam.store.correct_photo import boxes_of, hidden_of, list_code, path_of
    from trailcam.store.corrections import history

    with library.read() as db:
        path = path_of(db, image_id)
        shown, faint = boxes_of(db, image_id)
        hidden = hidden_of(db, image_id)
        past = history(db, image_id)
    lines = [f"Photo {image_id}: {printable(path)}"]
    for n, box in enumerate(shown + faint, 1):
        says = "a person" if box.by_person else f"model, {box.confidence:.2f}"
        says += ": doesn't count" if n > len(shown) else ""
        lines.append(f"{n}  {printable(box.info.name)}  ({says})  {_where(box.x, box.y, box.w, box.h)}")
    lines += hidden if shown else ["No box counts.", *hidden]
    if shown + faint:
        code = list_code(shown + faint)
        lines.append(f"Add `--list {code}` to make sure that --box means this list.")
    for row in past:
        what = ", ".join(
            f"{printable(b['class'] or 'nothing')} at {_where(b['x'], b['y'], b['w'], b['h'])}"
            for b in row["boxes"]
        )
        undone = f" (undone by {printable(row['undone_by'])})" if row["undone_at"] else ""
        lines.append(
            f"{row['made_at']:%Y-%m-%d %H:%M} UTC  {printable(row['author'])}: {what or 'no animal'}{undone}"
        )
    typer.echo("\n".join(lines))


def _where(x: float, y: float, w: float, h: float) -> str:
    return f"{x:.3f},{y:.3f},{w:.3f},{h:.3f}"
