"""What people say of photos: recorded, taken back, listed. What it does to counts stands in ``counted``.

A judgement belongs to a photo's id and to places on it, not to the boxes of one run; so it survives rescans,
moves and reruns. Judgements are only ever added, and marked as undone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import UsageError
from trailcam.settings.classmap import ClassRule, describe_class, fold
from trailcam.settings.species import COMMON_SPECIES, common_name
from trailcam.store.columns import asked, insert, integers, next_id, texts, times
from trailcam.store.contents import photos_of
from trailcam.store.counted import PERSON_RUN, Counted
from trailcam.store.database import Connection, one, rows, utc_now
from trailcam.store.named_classes import named_classes
from trailcam.words.text import printable


class JudgedBox(NamedTuple):
    """A place on a photo and what a person saw there, None: nothing. ``xywhn``: 0..1 of the upright photo."""

    info: ClassInfo | None
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one person says of one photo.

    ``whole``: the photo shows ``boxes`` and nothing else (none: it is blank). Otherwise it is about the
    places of ``boxes`` alone. ``made_at`` is UTC without zone. A ``uid``, any text, is recorded once and for
    all.
    """

    image_id: int
    boxes: tuple[JudgedBox, ...]
    whole: bool
    made_at: datetime
    uid: str | None = None


class ShownBox(NamedTuple):
    """A box that counts on a photo. ``by_person`` tells whose it is; a person's confidence is 1.

    ``frame_s``: when it was seen, in seconds since a video began; None on a photo.
    """

    info: ClassInfo
    confidence: float
    x: float
    y: float
    w: float
    h: float
    by_person: bool
    class_probability: float | None = None
    frame_s: float | None = None


def record(
    db: Connection,
    judgements: Sequence[Judgement],
    *,
    author: str,
    source: str,
    import_id: int | None = None,
) -> int:
    """Record judgements in their order, the later before the earlier; returns how many were new.

    ``source`` names the command, ``import_id`` the import they belong to. A word on a copy of a photo is
    one on the photo. Those whose uid is known
    are left out, also where it was undone since. The connection must be one for writing. Raises ValueError
    for a place outside 0..1 or without extent, and for an image that doesn't exist; then nothing is recorded.
    """
    _check(db, judgements)
    photos = photos_of(db, [j.image_id for j in judgements])
    judgements = [replace(j, image_id=photos.get(j.image_id, j.image_id)) for j in judgements]
    known = {uid for (uid,) in db.execute("SELECT uid FROM judgements WHERE uid IS NOT NULL").fetchall()}
    new: list[Judgement] = []
    for judgement in judgements:
        if judgement.uid is None or judgement.uid not in known:
            new.append(judgement)
            known.add(judgement.uid)
    if not new:
        return 0
    first = next_id(db, "judgements", "judgement_id")
    n = len(new)
    columns = {
        "judgement_id": np.arange(first, first + n, dtype=np.int64),
        "image_id": np.array([j.image_id for j in new], np.int64),
        "whole": np.array([j.whole for j in new], np.bool_),
        "author": texts([author] * n),
        "source": texts([source] * n),
        "uid": texts(j.uid for j in new),
        "made_at": times([j.made_at for j in new]),
        "recorded_at": np.full(n, utc_now(), dtype="datetime64[us]"),
        "import_id": integers([import_id] * n, np.int32),
    }
    insert(db, "judgements", columns)
    placed = [(first + i, j.image_id, box) for i, j in enumerate(new) for box in j.boxes]
    if placed:
        infos = [box.info for _, _, box in placed]
        insert(
            db,
            "judged_boxes",
            {
                "judgement_id": np.array([number for number, _, _ in placed], np.int64),
                "image_id": np.array([image_id for _, image_id, _ in placed], np.int64),
                "class": texts(i.name if i else None for i in infos),
                "kind": texts(i.kind.value if i else None for i in infos),
                "age_class": texts(i.age_class.value if i and i.age_class else None for i in infos),
                "species": texts(i.species if i else None for i in infos),
                **{
                    side: np.array([getattr(box, side) for _, _, box in placed], np.float32)
                    for side in "xywh"
                },
            },
        )
    return n


def undo(db: Connection, image_id: int, author: str) -> dict[str, Any] | None:
    """Take back the newest judgement in force on a photo: what was said before counts again.

    Returns its row, None where there is nothing to take back. It stays in the history.
    """
    found = one(
        db,
        "SELECT max(judgement_id) FROM judgements WHERE image_id = ? AND undone_at IS NULL",
        [image_id],
    )
    if found is None or found[0] is None:
        return None
    db.execute(
        "UPDATE judgements SET undone_at = ?, undone_by = ? WHERE judgement_id = ?",
        [utc_now(), author, found[0]],
    )
    return rows(db, "SELECT * FROM judgements WHERE judgement_id = ?", [found[0]])[0]


def history(db: Connection, image_id: int) -> list[dict[str, Any]]:
    """Every judgement of a photo, the oldest first, each with its ``boxes`` as dictionaries."""
    boxes = rows(db, "SELECT * FROM judged_boxes WHERE image_id = ? ORDER BY ALL", [image_id])
    found = rows(db, "SELECT * FROM judgements WHERE image_id = ? ORDER BY judgement_id", [image_id])
    return [
        {**row, "boxes": [box for box in boxes if box["judgement_id"] == row["judgement_id"]]}
        for row in found
    ]


def newest(db: Connection) -> dict[int, int]:
    """Photo -> its newest judgement in force, for all photos that have one."""
    found = db.execute(
        "SELECT image_id, max(judgement_id) FROM judgements WHERE undone_at IS NULL GROUP BY image_id"
    ).fetchall()
    return {int(image_id): int(number) for image_id, number in found}


def shown_boxes(counted: Counted, image_ids: Sequence[int]) -> dict[int, tuple[ShownBox, ...]]:
    """The boxes that count on photos, as every command numbers them: from left to right, then top to bottom.

    Photos without any are not in it.
    """
    with asked(counted.db, image_ids):
        found = rows(
            counted.db,
            "SELECT c.* FROM counted c JOIN asked USING (image_id)"
            " ORDER BY image_id, x, y, w, h, confidence DESC, class",
        )
    by_photo: dict[int, list[ShownBox]] = {}
    for row in found:
        by_photo.setdefault(int(row["image_id"]), []).append(_shown(row))
    return {image_id: tuple(boxes) for image_id, boxes in by_photo.items()}


def faint_boxes(counted: Counted, image_id: int) -> tuple[ShownBox, ...]:
    """The boxes of a photo that its model stored but that don't count, the surest first."""
    found = rows(
        counted.db,
        "SELECT * FROM boxes WHERE image_id = ? AND NOT counts ORDER BY confidence DESC, x, y, w, h, class",
        [image_id],
    )
    return tuple(_shown(row) for row in found)


def known_classes(db: Connection, rules: Mapping[str, ClassRule] | None = None) -> dict[str, ClassInfo]:
    """What people may call an animal: folded name -> class, the best known first.

    Classes of models, the newest first; those that people named before; those of the configuration
    (``rules``, by folded or plain name); plain kinds and ages of bucks; and common species.
    """
    known: dict[str, ClassInfo] = {}
    for info in named_classes(db):
        known.setdefault(fold(info.name), info)
    for name, rule in (rules or {}).items():
        known.setdefault(fold(name), describe_class(0, name, rule))
    for kind in Kind:
        age = AgeClass.UNKNOWN if kind is Kind.BUCK else None
        known.setdefault(kind.value, ClassInfo(0, kind.value, kind, age))
    for age in (AgeClass.YOUNG, AgeClass.MID, AgeClass.MATURE):
        known.setdefault(age.value, ClassInfo(0, age.value, Kind.BUCK, age))
    for name, species in COMMON_SPECIES.items():
        known.setdefault(name, ClassInfo(0, name, Kind.ANIMAL, None, species))
    return known


def find_class(known: Mapping[str, ClassInfo], name: str) -> ClassInfo:
    """The class called ``name``, in any case and by any name of an animal. Raises UsageError for no class."""
    if info := known.get(fold(name)) or known.get(common_name(name)):
        return info
    near = get_close_matches(fold(name), known, n=1)
    guess = f"Did you mean {printable(known[near[0]].name)}? " if near else ""
    listed = ", ".join(printable(info.name) for key, info in known.items() if key not in COMMON_SPECIES)
    raise UsageError(
        f'There is no class "{printable(name)}".',
        f"{guess}Known: {listed}, and common species."
        " Another one is named in the configuration, under [classes.NAME].",
    )


def _check(db: Connection, judgements: Sequence[Judgement]) -> None:
    for judgement in judgements:
        for box in judgement.boxes:
            if not is_place(box.x, box.y, box.w, box.h):
                raise ValueError(f"no place on a photo: {box[1:]}")
    with asked(db, (j.image_id for j in judgements)):
        lost = db.execute("SELECT image_id FROM asked ANTI JOIN images USING (image_id)").fetchall()
    if lost:
        raise ValueError(f"no such image: {lost[0][0]}")


def is_place(x: float, y: float, w: float, h: float) -> bool:
    """Whether ``xywhn`` is a place on a photo: finite, inside 0..1 (rounding aside), and with an extent."""
    slack = 1e-4
    inside = x >= -slack and y >= -slack and x + w <= 1 + slack and y + h <= 1 + slack
    return bool(np.isfinite([x, y, w, h]).all()) and inside and w > 0 and h > 0


def _shown(row: Mapping[str, Any]) -> ShownBox:
    x, y, w, h = (float(row[side]) for side in "xywh")
    probability = row["class_probability"]
    return ShownBox(
        *(_info(row), float(row["confidence"]), x, y, w, h, row["run_id"] == PERSON_RUN),
        class_probability=None if probability is None else float(probability),
        frame_s=row["frame_s"],
    )


def _info(row: Mapping[str, Any]) -> ClassInfo:
    age = AgeClass(row["age_class"]) if row["age_class"] else None
    return ClassInfo(0, str(row["class"]), Kind(row["kind"]), age, row["species"])
