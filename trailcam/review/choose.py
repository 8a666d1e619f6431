"""Which photos a person should look at, and why: rows of the database -> what the page asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import UnanswerableError
from trailcam.media.file_kinds import is_video
from trailcam.selection import Selection
from trailcam.settings.classmap import ClassRule, fold
from trailcam.store.corrections import known_classes
from trailcam.store.counted import count_boxes
from trailcam.store.database import Connection
from trailcam.store.images import roots
from trailcam.store.paths import from_db
from trailcam.store.review_rows import boxes_to_judge, library_id, photos_by_id, worth_reviewing
from trailcam.store.select import select
from trailcam.words.text import count, printable

LOWEST = 0.1
"""Boxes below this confidence (0..1) aren't shown: they are nearly always nothing."""
_FAINT = 6  # boxes below their threshold that one photo shows at most
# What the keys 1, 2 ... say, deer first: the same on every page, whatever the model's classes are called.
_KEYS = (
    (Kind.DOE, None, "Doe"),
    (Kind.FAWN, None, "Fawn"),
    (Kind.BUCK, AgeClass.YOUNG, "Young buck"),
    (Kind.BUCK, AgeClass.MID, "Mid buck"),
    (Kind.BUCK, AgeClass.MATURE, "Mature buck"),
    (Kind.BUCK, AgeClass.UNKNOWN, "Buck, age unknown"),
    (Kind.DEER, None, "Deer, sex unknown"),
    (Kind.PERSON, None, "Person"),
    (Kind.VEHICLE, None, "Vehicle"),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A box to be judged: ``class_index`` points into :attr:`ToJudge.classes`, ``box`` is ``xywhn``.

    ``counts``: it is taken to be there until someone says otherwise. ``asked``: it doesn't count, but the
    photo is answered only when somebody has said what it is. ``confidence`` None: a person's.
    ``elsewhere_s``: when in the video it is, where another frame than its own is shown.
    """

    class_index: int
    confidence: float | None
    box: tuple[float, float, float, float]
    counts: bool
    asked: bool
    elsewhere_s: float | None = None


@dataclass(frozen=True, slots=True)
class PhotoToJudge:
    """One photo to be judged. ``path`` is as the database holds it, ``name`` for reading.

    ``why`` says in sentences what is in doubt, ``focus`` which box that is about; of a video the frame at
    ``at_s`` seconds is shown, on which that box is. ``based_on`` is the newest
    judgement that was in force. ``clip`` is the video to play: the file itself, or that of the same trigger.
    """

    image_id: int
    file: Path
    path: str
    name: str
    size_bytes: int
    station: str
    captured_us: int | None
    why: tuple[str, ...]
    based_on: int | None
    boxes: tuple[Candidate, ...]
    focus: int
    at_s: float = 0.0
    clip: Path | None = None


@dataclass(frozen=True, slots=True)
class ToJudge:
    """What a page asks, out of ``candidates`` photos.

    ``classes`` are (name, kind); ``keys`` their numbers by the keys 1, 2 ..., with what the button says: the
    same on every page.
    """

    library: str
    random: bool
    classes: tuple[tuple[str, Kind], ...]
    keys: tuple[tuple[int, str], ...]
    photos: tuple[PhotoToJudge, ...]
    candidates: int
    undated_left_out: int


def choose(
    db: Connection,
    selection: Selection,
    *,
    rules: Mapping[str, ClassRule],
    gap: timedelta,
    limit: int,
    random: bool = False,
) -> ToJudge:
    """At most ``limit`` photos that a model has looked at and nobody has judged, the most useful first.

    ``random`` draws them without regard to use, as figures of accuracy want them. Raises UsageError for an
    unknown station and UnanswerableError where there is no photo to ask about.
    """
    with select(db, selection) as photos, count_boxes(photos, None) as counted:
        found = worth_reviewing(counted, gap=gap, limit=limit, random=random)
        ids = [int(row["image_id"]) for row in found]
        boxes = boxes_to_judge(counted, ids)
        undated_left_out = photos.undated_left_out()
        clips = {row["still_id"]: row for row in photos.clips()}
    if not found:
        raise UnanswerableError(
            "There is no photo to review.",
            "Either no selected photo has been looked at by a model (run `trailcam detect`), or all of them"
            " have been judged.",
        )
    known = photos_by_id(db, ids)
    infos = list(known_classes(db, rules).values())
    index = {fold(info.name): n for n, info in enumerate(infos)}
    folders = {root.root_id: Path(root.path) for root in roots(db)}
    return ToJudge(
        library=library_id(db),
        random=random,
        classes=tuple((info.name, info.kind) for info in infos),
        keys=_keys(infos),
        photos=tuple(
            _with_clip(
                _photo(row, folders, known, boxes.get(int(row["image_id"]), ()), index, random=random),
                clips.get(row["image_id"]),
                folders,
            )
            for row in found
        ),
        candidates=int(found[0]["candidates"]),
        undated_left_out=undated_left_out,
    )


def _photo(
    row: Mapping[str, Any],
    folders: Mapping[int, Path],
    known: Mapping[int, Mapping[str, Any]],
    boxes: Sequence[dict[str, Any]],
    index: Mapping[str, int],
    *,
    random: bool,
) -> PhotoToJudge:
    image_id = int(row["image_id"])
    file = folders[row["root_id"]] / from_db(row["path"])
    shown, asked = _to_show(boxes, row)
    focus = next((n for n, box in enumerate(shown) if _is_near(box, row)), 0)
    frame_s = shown[focus]["frame_s"] if shown else None
    return PhotoToJudge(
        image_id=image_id,
        file=file,
        path=row["path"],
        name=printable(from_db(row["path"])),
        size_bytes=int(row["size_bytes"]),
        station=printable(from_db(row["station"])),
        captured_us=row["captured_us"],
        why=("Drawn at random.",) if random else _why(row),
        based_on=known[image_id]["judgement_id"],
        boxes=tuple(
            Candidate(
                class_index=index[fold(box["class"])],
                confidence=None if box["by_person"] else round(float(box["confidence"]), 4),
                box=(float(box["x"]), float(box["y"]), float(box["w"]), float(box["h"])),
                counts=bool(box["counts"]),
                asked=box in asked,
                elsewhere_s=None if box["frame_s"] == frame_s else box["frame_s"],
            )
            for box in shown
        ),
        focus=focus,
        at_s=frame_s or 0.0,
        clip=file if is_video(file.name) else None,
    )


def _with_clip(
    photo: PhotoToJudge, clip: Mapping[str, Any] | None, folders: Mapping[int, Path]
) -> PhotoToJudge:
    return photo if clip is None else replace(photo, clip=folders[clip["root_id"]] / clip["path"])


def _keys(infos: Sequence[ClassInfo]) -> tuple[tuple[int, str], ...]:
    """The class of each key and what its button says; ``infos`` are the best known first."""
    return tuple((_class_of(infos, kind, age), text) for kind, age, text in _KEYS)


def _class_of(infos: Sequence[ClassInfo], kind: Kind, age: AgeClass | None) -> int:
    """The first of a kind and age; where the configuration made it another kind, the one of that name."""
    alike = [n for n, info in enumerate(infos) if (info.kind, info.age_class) == (kind, age)]
    named = [n for n, info in enumerate(infos) if fold(info.name) in (kind.value, age and age.value)]
    return (alike or named)[0]


def _to_show(
    boxes: Sequence[dict[str, Any]], why: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The boxes that count and the surest of those below, and those of the latter that are a question."""
    sure = [box for box in boxes if box["counts"]]
    faint = [box for box in boxes if not box["counts"]]
    near = [box for box in faint if _is_near(box, why)]
    shown = [box for box in faint if box["confidence"] >= LOWEST][:_FAINT]
    shown += [box for box in near if box not in shown]  # the page speaks of it, so it must be seen
    # Where nothing counts the surest box is asked about, or to accept the photo would say that it is empty.
    return [*sure, *shown], near if sure else near or shown[:1]


def _is_near(row: Mapping[str, Any], why: Mapping[str, Any]) -> bool:
    """Whether a box is the one that lies nearest to its threshold."""
    return why["near_worth"] is not None and (row["class"], row["confidence"]) == (
        why["near_class"],
        why["near_confidence"],
    )


def _why(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What is in doubt, the greatest doubt first."""
    doubts: list[tuple[float, str]] = []
    if row["rival_worth"] is not None:
        own, other = _named(row["own_look"]), _named(row["rival_look"])
        doubts.append(
            (
                row["rival_worth"],
                f"Two models disagree: {own} here, {other} by {printable(row['rival_name'])}.",
            )
        )
    if row["odd_worth"] is not None:
        doubts.append(
            (
                row["odd_worth"],
                f"Unlike its scene: {_named(row['odd_look'])} here,"
                f" {_named(row['odd_usual'])} on {count(row['odd_n'], 'other photo')}.",
            )
        )
    if row["gap_worth"] is not None:
        doubts.append(
            (row["gap_worth"], f"Nothing found, but {_named(row['gap_look'])} just before and more after.")
        )
    if row["near_worth"] is not None:
        side = "counts" if row["near_confidence"] >= row["near_threshold"] else "doesn't count"
        has, least = _told_apart(row["near_confidence"], row["near_threshold"])
        doubts.append(
            (
                row["near_worth"],
                f"Near the threshold: {_named(row['near_class'])} {has} {side} (from {least}).",
            )
        )
    elif row["unsure_worth"] is not None:
        doubts.append(
            (
                row["unsure_worth"],
                f"Uncertain: the surest box is {_named(row['unsure_class'])} {row['unsure_confidence']:.2f}.",
            )
        )
    doubts.sort(key=lambda doubt: -doubt[0])
    return tuple(text for _, text in doubts) or ("Nothing suggests that it is wrong.",)


def _told_apart(one: float, other: float) -> tuple[str, str]:
    """Both with two decimals, or as many more as it takes to see which is larger; at most six."""
    for decimals in range(2, 6):
        shown = f"{one:.{decimals}f}", f"{other:.{decimals}f}"
        if one == other or shown[0] != shown[1]:
            return shown
    return f"{one:.6f}", f"{other:.6f}"


def _named(look: str | None) -> str:
    return printable(look) if look else "nothing"
