"""One photo's boxes as ``bucks name`` numbers them, and a name for one of them."""

from __future__ import annotations

from collections.abc import Sequence

from trailcam.domain import Kind
from trailcam.errors import UsageError
from trailcam.selection import Selection
from trailcam.store.columns import asked
from trailcam.store.correct_photo import boxes_of, list_code
from trailcam.store.corrections import ShownBox, shown_boxes
from trailcam.store.counted import count_boxes
from trailcam.store.database import Connection
from trailcam.store.named import join_names
from trailcam.store.names import Box, NamedBox, Recorded, name_boxes
from trailcam.store.select import select
from trailcam.words.text import count, printable


def names_on(db: Connection, image_id: int) -> dict[int, str | None]:
    """Number of a box, as ``correct`` and ``show`` number them, -> its name; None: nobody can tell.

    A name that lies on no box that counts has no number.
    """
    shown, _ = boxes_of(db, image_id)
    with (
        select(db, Selection()) as photos,
        count_boxes(photos, None) as counted,
        join_names(counted),
        asked(db, [image_id]),
    ):
        found = db.execute(
            "SELECT x, y, w, h, name FROM named JOIN asked USING (image_id) WHERE kind IS NOT NULL"
        ).fetchall()
    named = {(x, y, w, h): name for x, y, w, h, name in found}
    return {n: named[box[2:6]] for n, box in enumerate(shown, 1) if box[2:6] in named}


def buck_places(db: Connection, image_ids: Sequence[int]) -> dict[int, list[Box]]:
    """Photo -> the boxes (``xywhn``) of the bucks that count on it; photos without any are not in it."""
    with select(db, Selection()) as photos, count_boxes(photos, None) as counted:
        shown = shown_boxes(counted, image_ids)
    found = {
        image_id: [box[2:6] for box in boxes if box.info.kind is Kind.BUCK]
        for image_id, boxes in shown.items()
    }
    return {image_id: boxes for image_id, boxes in found.items() if boxes}


def name_photo(
    db: Connection, image_id: int, name: str | None, *, box: int | None, seen: str | None, author: str
) -> Recorded:
    """Name a buck on a photo; without ``box`` the only one. Call it in a transaction.

    Raises UsageError where ``box`` is no buck that counts, without ``box`` where there are several bucks,
    where the boxes are no longer those of the list that ``seen`` names, and for a name that can't be one.
    """
    shown, faint = boxes_of(db, image_id)
    if seen and seen != list_code(shown + faint):
        raise UsageError(
            "The boxes of the photo have changed since they were listed.",
            "Nothing was changed. List them again: trailcam correct PHOTO",
        )
    at = _buck(shown, faint, box)
    return name_boxes(db, [NamedBox(image_id, name, at[2:6])], author=author, source="bucks")


def _buck(shown: tuple[ShownBox, ...], faint: tuple[ShownBox, ...], box: int | None) -> ShownBox:
    bucks = [n for n, one in enumerate(shown, 1) if one.info.kind is Kind.BUCK]
    if box is None:
        if len(bucks) == 1:
            return shown[bucks[0] - 1]
        if not bucks:
            raise UsageError(
                "No buck counts on this photo.",
                "If there is one: trailcam correct PHOTO --box N --class mature, then name it.",
            )
        raise UsageError(
            f"The photo shows {len(bucks)} bucks.", f"Say which: --box {' or '.join(map(str, bucks))}"
        )
    if box > len(shown) + len(faint):
        raise UsageError(
            f"The photo has no box {box}.", f"It has {count(len(shown + faint), 'box', 'boxes')}."
        )
    if box not in bucks:
        what = (shown + faint)[box - 1].info.name
        why = f"is a {printable(what)}" if box <= len(shown) else "doesn't count"
        raise UsageError(
            f"Box {box} {why}, and names are for bucks.",
            f"If it is one: trailcam correct PHOTO --box {box} --class mature, then name it.",
        )
    return shown[box - 1]
