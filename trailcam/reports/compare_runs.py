"""``trailcam runs compare``: what one run says and another doesn't, box by box.

Two boxes are of the same animal when they overlap by an IoU of 0.5 or more, each taken once: first those that
agree on the class, then the others, the best overlap first. A box of B without one of A is gained, one of A
without one of B is lost, and one whose class differs has changed. So A beside B is the mirror of B beside A.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from trailcam.reports.base import CellType, Column, Report, Row, Section
from trailcam.selection import Selection
from trailcam.store.counted import COVERS
from trailcam.store.database import Connection
from trailcam.store.select import count_undated_left_out, select
from trailcam.store.two_runs import BothSaid, RunBox, Sides, both_said, make_sides, photo_facts_of
from trailcam.words.text import count, printable

CLASSES, CHANGES, BOXES = "classes", "changes", "boxes"
_SHOWN = 20


class Difference(NamedTuple):
    """A box that two runs don't agree on. ``a`` None: gained, ``b`` None: lost, else its class changed."""

    image_id: int
    a: RunBox | None
    b: RunBox | None

    @property
    def change(self) -> str:
        """gained, lost or changed."""
        return "gained" if self.a is None else "lost" if self.b is None else "changed"

    @property
    def confidence(self) -> float:
        """0..1, the higher of the two."""
        return max(box.confidence for box in (self.a, self.b) if box is not None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both runs, every difference by photo, and the boxes by class (in lower case) that agree."""

    sides: Sides
    differences: Sequence[Difference]
    same: Counter[str]
    names: dict[str, str]


def compare(sides: Sides, confidence: float | None) -> Comparison:
    """Compare two runs on the photos that both completed.

    ``confidence`` (0..1, inclusive) is what boxes count from; None: what each run's weights recommend, else
    0.5.
    """
    differences: list[Difference] = []
    same: Counter[str] = Counter()
    names: dict[str, str] = {}
    for photo in both_said(sides, confidence):
        for box in (*photo.a, *photo.b):
            names.setdefault(box.name.lower(), box.name)
        found, agreed = differ(photo)
        differences += found
        same.update(agreed)
    return Comparison(sides, differences, same, names)


def differ(photo: BothSaid) -> tuple[list[Difference], list[str]]:
    """One photo's differences, and the class (in lower case) of each pair of boxes that agree."""
    # The order doesn't depend on which side is which: the mirror of a comparison is the same comparison.
    pairs = sorted(
        (box_a.name.lower() != box_b.name.lower(), -overlap, *sorted((box_a, box_b)), i, j)
        for i, box_a in enumerate(photo.a)
        for j, box_b in enumerate(photo.b)
        if (overlap := _iou(box_a, box_b)) >= COVERS
    )
    left_a, left_b = set(range(len(photo.a))), set(range(len(photo.b)))
    found, agreed = [], []
    for differs, _, _, _, i, j in pairs:
        if i not in left_a or j not in left_b:
            continue
        left_a.remove(i)
        left_b.remove(j)
        if differs:
            found.append(Difference(photo.image_id, photo.a[i], photo.b[j]))
        else:
            agreed.append(photo.a[i].name.lower())
    found += [Difference(photo.image_id, photo.a[i], None) for i in sorted(left_a)]
    found += [Difference(photo.image_id, None, photo.b[j]) for j in sorted(left_b)]
    return found, agreed


def _iou(a: RunBox, b: RunBox) -> float:
    width = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    height = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a.w * a.h + b.w * b.h - width * height)


_CLASS_COLUMNS = (
    Column("class", "class", CellType.TEXT, wraps=True),
    Column("boxes_a", "in A", CellType.COUNT),
    Column("boxes_b", "in B", CellType.COUNT),
    Column("same", "same", CellType.COUNT),
    Column("gained", "gained", CellType.COUNT),
    Column("lost", "lost", CellType.COUNT),
    Column("changed_to", "changed to it", CellType.COUNT),
    Column("changed_from", "from it", CellType.COUNT),
    Column("photos", "photos", CellType.COUNT),
)
_CHANGE_COLUMNS = (
    Column("class_a", "class in A", CellType.TEXT, wraps=True),
    Column("class_b", "class in B", CellType.TEXT, wraps=True),
    Column("boxes", "boxes", CellType.COUNT),
    Column("photos", "photos", CellType.COUNT),
)
_PLACE = tuple(Column(f"{s}_{n}", f"{s} {n}", CellType.NUMBER, shown=False) for n in "ab" for s in "xywh")
_BOX_COLUMNS = (
    Column("path", "photo", CellType.TEXT, wraps=True),
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("captured_at", "taken", CellType.TEXT, null="undated"),
    Column("change", "change", CellType.TEXT),
    Column("class_a", "class in A", CellType.TEXT),
    Column("confidence_a", "conf. A", CellType.NUMBER),
    Column("class_b", "class in B", CellType.TEXT),
    Column("confidence_b", "conf. B", CellType.NUMBER),
    *_PLACE,
)


def comparison_report(
    db: Connection, selection: Selection, a: int, b: int, confidence: float | None, part: str | None
) -> Report:
    """A comparison as a report. ``part``: classes, changes or boxes alone; None: all.

    Raises UsageError for a run or a station that doesn't exist.
    """
    with select(db, selection) as photos, make_sides(photos, a, b) as sides:
        found = compare(sides, confidence)
        boxes = _box_rows(sides, found.differences) if part in (None, BOXES) else []
    tables: dict[str, tuple[str, Sequence[Column], list[Row]]] = {
        CLASSES: ("By class", _CLASS_COLUMNS, class_rows(found)),
        CHANGES: ("Gained, lost and changed", _CHANGE_COLUMNS, change_rows(found)),
        BOXES: ("Boxes that differ", _BOX_COLUMNS, boxes),
    }
    _, columns, first = tables[part or CLASSES]
    headline, *told = notes(found, count_undated_left_out(db, selection))
    rest = [] if part else [CHANGES, BOXES]
    return Report(
        name="runs_compare",
        title=f"Run {b} beside run {a}",
        filters={
            **selection.describe(),
            "run_a": a,
            "run_b": b,
            "confidence": confidence if confidence is not None else "recommended by the weights",
        },
        coverage={
            "photos": found.sides.both,
            "only_a": found.sides.only_a,
            "only_b": found.sides.only_b,
            "differ": len({difference.image_id for difference in found.differences}),
        },
        columns=columns,
        rows=first,
        notes=told,
        headline=headline,
        sections=[
            Section(name, tables[name][0], tables[name][1], tables[name][2], _drawn(*tables[name]))
            for name in rest
        ],
    )


def class_rows(found: Comparison) -> list[Row]:
    """One row for each class that either run has, by name."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    photos: dict[str, set[int]] = defaultdict(set)
    for difference in found.differences:
        names = {side: box.name.lower() for side, box in zip("ab", difference[1:], strict=True) if box}
        for name in names.values():
            photos[name].add(difference.image_id)
        if difference.change == "changed":
            counts[names["a"]]["changed_from"] += 1
            counts[names["b"]]["changed_to"] += 1
        else:
            (name,) = names.values()
            counts[name][difference.change] += 1
    rows = []
    for name in sorted(found.names):
        n, same = counts[name], found.same[name]
        rows.append(
            {
                "class": found.names[name],
                "boxes_a": same + n["lost"] + n["changed_from"],
                "boxes_b": same + n["gained"] + n["changed_to"],
                "same": same,
                **{key: n[key] for key in ("gained", "lost", "changed_to", "changed_from")},
                "photos": len(photos[name]),
            }
        )
    return rows


def change_rows(found: Comparison) -> list[Row]:
    """From what to what, the most frequent first; a class of None: no box there."""
    boxes: Counter[tuple[str | None, str | None]] = Counter()
    photos: dict[tuple[str | None, str | None], set[int]] = defaultdict(set)
    for image_id, a, b in found.differences:
        key = (found.names[a.name.lower()] if a else None, found.names[b.name.lower()] if b else None)
        boxes[key] += 1
        photos[key].add(image_id)
    order = sorted(boxes, key=lambda key: (-boxes[key], key[0] or "", key[1] or ""))
    return [
        {"class_a": key[0], "class_b": key[1], "boxes": boxes[key], "photos": len(photos[key])}
        for key in order
    ]


def _box_rows(sides: Sides, differences: Sequence[Difference]) -> list[Row]:
    """One row for each difference, the surest first."""
    facts = photo_facts_of(sides, sorted({difference.image_id for difference in differences}))
    rows = []
    for difference in sorted(differences, key=lambda d: (-d.confidence, d.image_id)):
        own = facts[difference.image_id]
        at = own["captured_at"]
        row: Row = {
            "path": own["path"],
            "station": own["station"],
            "captured_at": at.isoformat(sep=" ") if at else None,
            "change": difference.change,
        }
        for side, box in (("a", difference.a), ("b", difference.b)):
            row[f"class_{side}"] = box.name if box else None
            row[f"confidence_{side}"] = box.confidence if box else None
            row |= {f"{name}_{side}": getattr(box, name) if box else None for name in "xywh"}
        rows.append(row)
    return rows


def _drawn(_: str, columns: Sequence[Column], rows: list[Row]) -> tuple[Sequence[Column], Sequence[Row]]:
    """People see the first of them; JSON has all."""
    return columns, rows[:_SHOWN]


def notes(found: Comparison, undated_left_out: int) -> list[str]:
    """What was compared, in the first sentence, and what a difference does not mean."""
    sides = found.sides
    (a, name_a), (b, name_b) = ((run["run_id"], _name(run)) for run in (sides.a, sides.b))
    differ = len({difference.image_id for difference in found.differences})
    told = [
        f"A is run {a} ({name_a}), B is run {b} ({name_b}): {count(sides.both, 'photo')} completed by both,"
        f" {differ:,} of them differ."
    ]
    told += [
        f"{count(n, 'photo')} completed by {side} alone {'is' if n == 1 else 'are'} not compared."
        for side, n in (("A", sides.only_a), ("B", sides.only_b))
        if n
    ]
    if sides.by_model:
        told.append("Where a run didn't complete a photo, another run of the same model takes its place.")
    for side, known in (("A", sides.names_a), ("B", sides.names_b)):
        if foreign := sorted(found.names[name] for name in found.names.keys() - known):
            listed = ", ".join(map(printable, foreign))
            told.append(f"{side} has no class {listed}: finding none doesn't mean that there are none.")
    if undated_left_out:
        told.append(f"{count(undated_left_out, 'photo')} without a capture time can't be in this selection.")
    told.append("Only models are compared: corrections play no part.")
    if len(found.differences) > _SHOWN:
        told.append(f"A table lists {_SHOWN} boxes; --part boxes with --format csv or json has all.")
    return told


def _name(run: dict[str, Any]) -> str:
    return printable(run["weights_name"] or "no weights named")
