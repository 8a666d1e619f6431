"""What people call their bucks: naming boxes, renaming, merging, and taking each of these back.

A name belongs to a photo's id and a place on it, as a correction does, so it survives rescans, moves and
other models. On one photo no two animals have one name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from trailcam.errors import UsageError
from trailcam.geometry import iou, xywhn_to_xyxy
from trailcam.selection import Selection
from trailcam.settings.classmap import fold
from trailcam.store.clean_name import clean_name, tidied
from trailcam.store.columns import asked, insert, insert_row, next_id, texts, times
from trailcam.store.contents import photos_of
from trailcam.store.corrections import is_place
from trailcam.store.counted import COVERS, count_boxes
from trailcam.store.database import Connection, one, rows, utc_now
from trailcam.store.named import join_names, read_names
from trailcam.store.select import select
from trailcam.words.text import count, printable

Box = tuple[float, float, float, float]
"""``xywhn``: left, top, width, height, 0..1 of the upright photo."""

KEYWORDS = ("trailcam", "individual")
"""The branch of a photo manager's keywords that names single bucks."""


class NamedBox(NamedTuple):
    """Which buck a person saw where; ``name`` None: nobody can tell. A ``uid``, any text, is recorded once.

    ``said_at`` is UTC without zone, None: now. ``based_on``: the newest naming that the person knew of; a
    later one that says something else is not overruled, unless it is of the same page (``uid`` up to its
    first /). None: any is.
    """

    image_id: int
    name: str | None
    box: Box
    uid: str | None = None
    said_at: datetime | None = None
    based_on: int | None = None


class RefusedName(NamedTuple):
    """A box that was not named: ``n`` is its place among those given, ``why`` begins in lower case."""

    n: int
    why: str


@dataclass(slots=True)
class Recorded:
    """What became of named boxes. ``naming_id`` 0: nothing was new. ``agreed`` had this name already."""

    naming_id: int = 0
    recorded: int = 0
    known: int = 0
    agreed: int = 0
    refused: list[RefusedName] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Naming:
    """One act: ``kind`` is name, rename or merge; a name has ``boxes`` on ``photos``."""

    naming_id: int
    kind: str
    name: str | None
    into: str | None
    author: str
    made_at: datetime
    boxes: int
    photos: int


@dataclass(slots=True)
class _Animal:
    """One animal of a photo. ``spot`` 0: it has none yet. ``ended``: a correction says that it is no buck."""

    spot: int
    name: str | None
    box: Box
    naming_id: int = 0
    page: str = ""
    ended: bool = False
    said: bool = False


def name_boxes(
    db: Connection,
    given: Sequence[NamedBox],
    *,
    author: str,
    source: str,
    import_id: int | None = None,
) -> Recorded:
    """Record names in one naming, the later of ``given`` before the earlier. Call it in a transaction.

    Names known in another case are taken as they are known. Refused are a name that another animal of the
    photo has, and an animal that somebody named since (see ``NamedBox.based_on``). A box means the animal
    that was named there before where they overlap as the same (see :mod:`trailcam.store.counted`). Raises
    UsageError for a name that can't be one and ValueError for a place that is none or an unknown image; then
    nothing is recorded.
    """
    _check(db, given)
    copies = photos_of(db, [one.image_id for one in given])
    known = {str(u) for (u,) in db.execute("SELECT uid FROM named_boxes WHERE uid IS NOT NULL").fetchall()}
    done = Recorded()
    fresh: dict[int, list[tuple[int, NamedBox]]] = {}
    spelled = _known(db)  # a new name is written as it was written first
    for n, box in enumerate(given):
        if box.uid is not None and box.uid in known:
            done.known += 1
            continue
        known |= {box.uid} if box.uid is not None else set()
        image_id = copies.get(box.image_id, box.image_id)
        name = spelled.setdefault(fold(box.name), clean_name(box.name)) if box.name is not None else None
        fresh.setdefault(image_id, []).append((n, box._replace(image_id=image_id, name=name)))
    animals = _animals(db, list(fresh)) if fresh else {}
    rows_: list[tuple[NamedBox, _Animal]] = []
    for image_id, boxes in fresh.items():
        rows_ += _settle(animals.get(image_id, []), boxes, done)
    if rows_:
        done.naming_id = _save(db, rows_, author, source, import_id)
        done.recorded = sum(animal.said for _, animal in rows_)
    done.refused.sort()
    return done


def rename(db: Connection, name: str, into: str, *, author: str) -> Naming:
    """Give a buck another name. Raises UsageError for an unknown name, and for one that another buck has."""
    known = _known(db)
    old, new = _find(known, name), clean_name(into)
    if fold(new) != fold(old) and fold(new) in known:
        raise UsageError(
            f"There is a buck called {known[fold(new)]} already.",
            f'If both are one buck: trailcam bucks merge "{old}" "{known[fold(new)]}"',
        )
    if new == old:
        raise UsageError(f"It is called {old} already.", "Nothing was changed.")
    return _move(db, "rename", old, new, author)


def merge(db: Connection, name: str, into: str, *, author: str) -> Naming:
    """Say that two names mean one buck. Raises UsageError for unknown names, and bucks seen in one photo."""
    known = _known(db)
    old, new = _find(known, name), _find(known, into)
    if old == new:
        raise UsageError(f"{old} is one buck already.", "Nothing was changed.")
    with read_names(db):
        together = db.execute(
            "SELECT i.path FROM names_in_force a JOIN names_in_force b USING (image_id)"
            " JOIN images i USING (image_id) WHERE a.name = ? AND b.name = ? ORDER BY 1",
            [old, new],
        ).fetchall()
    if together:
        raise UsageError(
            f"{old} and {new} are two bucks: {count(len(together), 'photo')} shows both.",
            f"Nothing was changed. One of them is {printable(str(together[0][0]))}.",
        )
    return _move(db, "merge", old, new, author)


def undo(db: Connection, author: str, naming_id: int | None = None) -> Naming:
    """Take back a naming, None: the newest in force. It stays in the history. Raises UsageError."""
    if naming_id is None:
        found = one(db, "SELECT max(naming_id) FROM namings WHERE undone_at IS NULL")
        if found is None or found[0] is None:
            raise UsageError("There is no name to take back.", "Nothing was changed.")
        naming_id = int(found[0])
    standing = {naming.naming_id: naming for naming in history(db)}
    if naming_id not in standing:
        raise UsageError(
            f"There is no naming {naming_id} to take back.", "`trailcam bucks list` shows their numbers."
        )
    db.execute(
        "UPDATE namings SET undone_at = ?, undone_by = ? WHERE naming_id = ?", [utc_now(), author, naming_id]
    )
    return standing[naming_id]


def history(db: Connection) -> list[Naming]:
    """The namings in force, the newest first."""
    found = rows(
        db,
        "SELECT n.*, coalesce(b.boxes, 0) AS boxes, coalesce(b.photos, 0) AS photos, b.called FROM namings n"
        " LEFT JOIN (SELECT naming_id, count(*) AS boxes, count(DISTINCT image_id) AS photos,"
        " string_agg(DISTINCT name, ', ' ORDER BY name) AS called"
        " FROM named_boxes GROUP BY naming_id) b USING (naming_id)"
        " WHERE n.undone_at IS NULL ORDER BY n.naming_id DESC",
    )
    return [
        Naming(
            int(row["naming_id"]),
            row["kind"],
            row["name"] or row["called"],
            row["into_name"],
            row["author"],
            row["made_at"],
            int(row["boxes"]),
            int(row["photos"]),
        )
        for row in found
    ]


def find_name(db: Connection, name: str) -> str:
    """A buck's name in any case, as it is known. Raises UsageError where no buck is called so."""
    return _find(_known(db), name)


def note_import(db: Connection, naming_id: int, import_id: int) -> None:
    """Note which import a naming belongs to, so that it is undone with it."""
    db.execute("UPDATE namings SET import_id = ? WHERE naming_id = ?", [import_id, naming_id])


def forget_names(db: Connection, import_id: int, author: str) -> None:
    """Take back what an import named; the same file can name it again."""
    db.execute(
        "UPDATE named_boxes SET uid = NULL"
        " WHERE naming_id IN (SELECT naming_id FROM namings WHERE import_id = ?)",
        [import_id],
    )
    db.execute(
        "UPDATE namings SET undone_at = ?, undone_by = ? WHERE import_id = ? AND undone_at IS NULL",
        [utc_now(), author, import_id],
    )


def _check(db: Connection, given: Sequence[NamedBox]) -> None:
    for box in given:
        if not is_place(*box.box):
            raise ValueError(f"no place on a photo: {box.box}")
    with asked(db, (box.image_id for box in given)):
        lost = db.execute("SELECT image_id FROM asked ANTI JOIN images USING (image_id)").fetchall()
    if lost:
        raise ValueError(f"no such image: {lost[0][0]}")


def _known(db: Connection) -> dict[str, str]:
    with read_names(db) as names:
        return {fold(name): name for name in names.names()}


def _find(known: Mapping[str, str], name: str) -> str:
    wanted = fold(tidied(name))
    if wanted in known:
        return known[wanted]
    near = get_close_matches(wanted, known, n=1)
    guess = f"Did you mean {known[near[0]]}? " if near else ""
    listed = ", ".join(known.values()) or "none yet: `trailcam bucks name` gives one"
    raise UsageError(f'No buck is called "{printable(name)}".', f"{guess}Known: {listed}.")


def _move(db: Connection, kind: str, old: str, new: str, author: str) -> Naming:
    number = next_id(db, "namings", "naming_id")
    at = utc_now()
    row = {"naming_id": number, "kind": kind, "name": old, "into_name": new, "author": author}
    insert_row(db, "namings", {**row, "source": "bucks", "made_at": at})
    return Naming(number, kind, old, new, author, at, 0, 0)


def _animals(db: Connection, image_ids: Sequence[int]) -> dict[int, list[_Animal]]:
    """Photo -> its animals: those that were named, and the boxes that count without a name."""
    found: dict[int, list[_Animal]] = {}
    with (
        select(db, Selection()) as photos,
        count_boxes(photos, None) as counted,
        join_names(counted),
        asked(db, image_ids),
    ):
        named = rows(
            db,
            "SELECT n.image_id, n.spot, n.name, n.naming_id, b.uid, d.spot IS NULL AS ended,"
            " coalesce(d.x, n.x) AS x,"
            " coalesce(d.y, n.y) AS y, coalesce(d.w, n.w) AS w, coalesce(d.h, n.h) AS h"
            " FROM names_in_force n JOIN asked USING (image_id) LEFT JOIN named d USING (spot)"
            " JOIN named_boxes b ON b.spot = n.spot AND b.naming_id = n.naming_id ORDER BY ALL",
        )
        boxes = rows(
            db,
            "SELECT c.image_id, c.x, c.y, c.w, c.h FROM counted c JOIN asked USING (image_id)"
            " WHERE NOT EXISTS (FROM named d WHERE d.image_id = c.image_id AND d.kind IS NOT NULL"
            " AND (d.x, d.y, d.w, d.h) = (c.x, c.y, c.w, c.h)) ORDER BY ALL",
        )
    for row in named:
        page = str(row["uid"] or "").partition("/")[0]
        animal = _Animal(
            int(row["spot"]), row["name"], _box(row), int(row["naming_id"]), page, bool(row["ended"])
        )
        found.setdefault(int(row["image_id"]), []).append(animal)
    for row in boxes:
        found.setdefault(int(row["image_id"]), []).append(_Animal(0, None, _box(row)))
    return found


def _box(row: Mapping[str, Any]) -> Box:
    x, y, w, h = (float(row[side]) for side in "xywh")
    return x, y, w, h


def _settle(
    animals: list[_Animal], boxes: Sequence[tuple[int, NamedBox]], done: Recorded
) -> list[tuple[NamedBox, _Animal]]:
    """The rows to record for one photo. A name that an ended animal had moves to the new one."""
    wanted: dict[int, tuple[int, NamedBox]] = {}
    for n, box in boxes:
        wanted[_which(animals, box.box)] = (n, box)
    for k, (n, box) in list(wanted.items()):
        if _named_since(animals[k], box):
            called = animals[k].name
            why = f"somebody has named it since: {called}" if called else "somebody has said since: not sure"
            done.refused.append(RefusedName(n, why))
            del wanted[k]
    while clash := next(_clashes(animals, wanted), None):
        name = wanted[clash][1].name
        done.refused.append(
            RefusedName(wanted.pop(clash)[0], f"another animal of the photo is called {name}")
        )
    found = []
    for k, (_, box) in wanted.items():
        animal = animals[k]
        if animal.spot and animal.name == box.name and not animal.ended:
            done.agreed += 1
            continue
        animal.said = True
        found.append((box, animal))
        for other in animals:
            if other.ended and other is not animal and box.name is not None and other.name == box.name:
                found.append((NamedBox(box.image_id, None, other.box, None, box.said_at), other))
    return found


def _named_since(animal: _Animal, box: NamedBox) -> bool:
    """Whether somebody gave the animal another name that the speaker of ``box`` didn't know of."""
    if box.based_on is None or not animal.spot or animal.ended or animal.name == box.name:
        return False
    same_page = box.uid is not None and animal.page == box.uid.partition("/")[0]
    return animal.naming_id > box.based_on and not same_page


def _clashes(animals: Sequence[_Animal], wanted: Mapping[int, tuple[int, NamedBox]]) -> Iterator[int]:
    """Those of ``wanted`` that would give an animal the name of another, the last first."""
    names = {k: animal.name for k, animal in enumerate(animals) if animal.spot and not animal.ended}
    names |= {k: box.name for k, (_, box) in wanted.items()}
    for k in reversed(list(wanted)):
        if names[k] is not None and list(names.values()).count(names[k]) > 1:
            yield k


def _which(animals: list[_Animal], box: Box) -> int:
    """The animal that ``box`` is of; a new one at the end where it is none of those there."""
    if animals:
        places = xywhn_to_xyxy(np.array([box, *(a.box for a in animals)], np.float32), 1, 1)
        overlaps = iou(places[:1], places[1:])[0]
        best = int(overlaps.argmax())
        if overlaps[best] >= COVERS:
            return best
    animals.append(_Animal(0, None, box))
    return len(animals) - 1


def _save(
    db: Connection,
    found: Sequence[tuple[NamedBox, _Animal]],
    author: str,
    source: str,
    import_id: int | None,
) -> int:
    number, free = next_id(db, "namings", "naming_id"), next_id(db, "named_boxes", "spot")
    at = utc_now()
    for _, animal in found:
        if not animal.spot:
            animal.spot, free = free, free + 1
    row = {"naming_id": number, "kind": "name", "author": author, "source": source, "made_at": at}
    insert_row(db, "namings", {**row, "import_id": import_id})
    columns = {
        "naming_id": np.full(len(found), number, np.int64),
        "image_id": np.array([box.image_id for box, _ in found], np.int64),
        "spot": np.array([animal.spot for _, animal in found], np.int64),
        "name": texts(box.name for box, _ in found),
        **{
            side: np.array([box.box[k] for box, _ in found], np.float32)
            for k, side in enumerate(("x", "y", "w", "h"))
        },
        "said_at": times([box.said_at or at for box, _ in found]),
        "uid": texts(box.uid for box, _ in found),
    }
    insert(db, "named_boxes", columns)
    return number
