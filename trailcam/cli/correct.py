"""``trailcam correct``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli.options import AppContext, ConfigOpt, DbOpt, Quiet, Verbose, app_context
from trailcam.errors import UsageError
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.domain import ClassInfo
    from trailcam.store.corrections import Judgement, ShownBox


def correct(
    image: Annotated[str, typer.Argument(help="A photo: its path, or its number in the library.")],
    class_: Annotated[
        str | None, typer.Option("--class", help="What it is: a class, a kind, or an age of a buck.")
    ] = None,
    box: Annotated[int | None, typer.Option("--box", min=1, help="Which box, by the number listed.")] = None,
    seen: Annotated[
        str | None,
        typer.Option("--list", metavar="CODE", help="The list that --box counts in; refused if it changed."),
    ] = None,
    no_animal: Annotated[
        bool, typer.Option("--no-animal", help="Nothing is there: in the box, or without --box anywhere.")
    ] = False,
    add: Annotated[
        str | None, typer.Option("--add", help="A missed box: x,y,w,h as shares of the photo, 0 to 1.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the newest correction in force.")] = False,
    author: Annotated[
        str | None, typer.Option("--author", help="Who says so.", show_default="the user's name")
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to wait for another trailcam to finish.")
    ] = 0,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Say what a photo really shows; it goes before any model. Without an option: list boxes and history."""
    from trailcam.files.lock import WriterLock
    from trailcam.store.find import find_image

    _check(class_, box, no_animal, add, undo)
    if seen and not box:
        raise UsageError("--list goes with --box.", "It says which list the box's number is of.")
    context = app_context(db, config, quiet, verbose)
    with context.database.read() as connection:
        image_id = find_image(connection, image)
    if not (class_ or no_animal or undo):
        _list(context, image_id)
        return
    who = author or user_name()
    with WriterLock(context.settings.db, "correct").acquire(wait):
        if undo:
            _undo(context, image_id, who)
        else:
            _record(context, image_id, who, class_, box, add, seen)
    if not quiet:
        _list(context, image_id)


def _check(class_: str | None, box: int | None, no_animal: bool, add: str | None, undo: bool) -> None:
    if undo and (class_ or no_animal or add or box):
        raise UsageError("--undo stands alone.", "It takes back the newest correction of the photo.")
    if class_ and no_animal:
        raise UsageError("--class and --no-animal exclude each other.", "Give one of them.")
    if add and (box or no_animal):
        raise UsageError("--add goes with --class alone.", "Example: --add 0.1,0.2,0.3,0.3 --class doe")
    if class_ and not (box or add):
        raise UsageError("--class needs a place.", "Name a box with --box N, or draw one with --add x,y,w,h.")
    if (box or add) and not (class_ or no_animal):
        raise UsageError("It isn't said what is there.", "Add --class NAME, or --no-animal to a --box.")


def _record(
    context: AppContext,
    image_id: int,
    who: str,
    class_: str | None,
    box: int | None,
    add: str | None,
    seen: str | None,
) -> None:
    from trailcam.reports.photo import boxes_of
    from trailcam.store.corrections import find_class, known_classes, record

    with context.database.read() as connection:
        info = None
        if class_:
            info = find_class(known_classes(connection, context.settings.classes), class_)
        shown, faint = boxes_of(connection, image_id)
        if seen and seen != _code(shown + faint):
            raise UsageError(
                "The boxes of the photo have changed since they were listed.",
                "Nothing was changed. List them again: trailcam correct PHOTO",
            )
        judgement = _judgement(image_id, info, box, add, shown + faint)
    with context.database.write() as connection:
        record(connection, [judgement], author=who, source="correct")


def _judgement(
    image_id: int, info: ClassInfo | None, box: int | None, add: str | None, shown: tuple[ShownBox, ...]
) -> Judgement:
    from trailcam.store.corrections import JudgedBox, Judgement
    from trailcam.store.database import utc_now

    places: tuple[JudgedBox, ...] = ()
    if add:
        places = (JudgedBox(info, *_place(add)),)
    elif box:
        if box > len(shown):
            raise UsageError(f"The photo has no box {box}.", f"It has {count(len(shown), 'box', 'boxes')}.")
        at = shown[box - 1]
        places = (JudgedBox(info, at.x, at.y, at.w, at.h),)
    return Judgement(image_id, places, not places, utc_now())


def _place(text: str) -> tuple[float, float, float, float]:
    from trailcam.store.corrections import is_place

    try:
        x, y, w, h = (float(part) for part in text.split(","))
    except ValueError:
        x = y = w = h = -1.0
    if not is_place(x, y, w, h):
        raise UsageError(
            f'--add "{printable(text)}" is no place on a photo.',
            "Give the left and upper edge, width and height as shares of the photo: 0.1,0.2,0.3,0.3",
        )
    return x, y, w, h


def _undo(context: AppContext, image_id: int, who: str) -> None:
    from trailcam.store.corrections import undo

    with context.database.write() as connection:
        if undo(connection, image_id, who) is None:
            raise UsageError("There is no correction of this photo to take back.", "Nothing was changed.")


def _code(boxes: tuple[ShownBox, ...]) -> str:
    """Six letters that tell one list of boxes from another."""
    import hashlib

    told = repr([(box.info.name, *(round(side, 6) for side in box[1:6])) for box in boxes])
    return hashlib.blake2b(told.encode(), digest_size=3).hexdigest()


def _list(context: AppContext, image_id: int) -> None:
    from trailcam.reports.photo import boxes_of
    from trailcam.store.corrections import history
    from trailcam.store.paths import from_db

    with context.database.read() as db:
        ((path,),) = db.execute("SELECT path FROM images WHERE image_id = ?", [image_id]).fetchall()
        shown, faint = boxes_of(db, image_id)
        past = history(db, image_id)
    lines = [f"Photo {image_id}: {printable(from_db(path))}"]
    for n, box in enumerate(shown + faint, 1):
        says = "a person" if box.by_person else f"model, {box.confidence:.2f}"
        says += ": doesn't count" if n > len(shown) else ""
        lines.append(f"{n}  {printable(box.info.name)}  ({says})  {_where(box.x, box.y, box.w, box.h)}")
    lines += [] if shown else ["No box counts."]
    if shown + faint:
        lines.append(f"List {_code(shown + faint)}: --list with this makes --box sure of its number.")
    for row in past:
        what = ", ".join(
            f"{printable(b['class'] or 'nothing')} at {_where(b['x'], b['y'], b['w'], b['h'])}"
            for b in row["boxes"]
        )
        undone = f" (taken back by {printable(row['undone_by'])})" if row["undone_at"] else ""
        lines.append(
            f"{row['made_at']:%Y-%m-%d %H:%M} UTC  {printable(row['author'])}: {what or 'no animal'}{undone}"
        )
    typer.echo("\n".join(lines))


def _where(x: float, y: float, w: float, h: float) -> str:
    return f"{x:.3f},{y:.3f},{w:.3f},{h:.3f}"


def user_name() -> str:
    """The name of who runs this, for the history of corrections."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in a container
        return "unknown"
