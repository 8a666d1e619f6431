"""Boxes of bucks -> the rows of the page: one for each buck of a visit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trailcam.bucks_page.cut_crops import Box

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sight:
    """One buck on one photo, or on a video's frame at ``at_s`` seconds.

    ``name`` None: it has none; ``asked``: somebody said a name, or "not sure".
    """

    image_id: int
    file: Path
    path: str
    size_bytes: int
    mtime_ns: int
    content_id: str | None
    station: str
    captured_us: int | None
    suspect: bool
    age: str
    confidence: float
    box: Box
    name: str | None
    asked: bool
    at_s: float = 0.0

    @property
    def worth(self) -> float:
        """How good a picture it is: a close, sure animal shows the most."""
        return self.confidence * math.sqrt(self.box[2] * self.box[3])


@dataclass(slots=True)
class VisitRow:
    """One buck of a visit, as far as anybody can tell. ``visit`` numbers the visits of the page from 0."""

    visit: int
    sights: list[Sight] = field(default_factory=list)

    @property
    def best(self) -> Sight:
        """The sight that shows the most of it."""
        return max(self.sights, key=lambda sight: (sight.worth, -sight.image_id))

    @property
    def name(self) -> str | None:
        """The name that its photos have; None where none has one."""
        names = Counter(sight.name for sight in self.sights if sight.name is not None)
        return names.most_common(1)[0][0] if names else None

    @property
    def age(self) -> str:
        """The commonest age class."""
        return Counter(sight.age for sight in self.sights).most_common(1)[0][0]


def sights_of(boxes: Iterable[Mapping[str, Any]], folders: Mapping[int, Path]) -> list[tuple[int, Sight]]:
    """Number of the visit and sight of each row of ``buck_boxes``; a photo without a time is a visit."""
    found: list[tuple[int, Sight]] = []
    number, last = -1, None
    for row in boxes:
        key = (row["station"], row["event"] if row["event"] is not None else f"photo {row['image_id']}")
        number, last = (number, key) if key == last else (number + 1, key)
        sight = Sight(
            image_id=int(row["image_id"]),
            file=folders[row["root_id"]] / row["path"],
            path=row["path"],
            size_bytes=int(row["size_bytes"]),
            mtime_ns=int(row["mtime_ns"]),
            content_id=row["content_id"],
            station=row["station"],
            captured_us=row["captured_us"],
            suspect=row["suspect"] is not None,
            age=row["age_class"] or "unknown",
            confidence=float(row["confidence"]),
            box=(float(row["x"]), float(row["y"]), float(row["w"]), float(row["h"])),
            name=row["name"],
            asked=row["spot"] is not None,
            at_s=row["frame_s"] or 0.0,
        )
        found.append((number, sight))
    return found


def crowded(sights: Sequence[tuple[int, Sight]]) -> set[int]:
    """The visits in which a photo shows several bucks, so that it takes more than time to tell them apart."""
    seen = Counter((visit, sight.image_id) for visit, sight in sights)
    return {visit for (visit, _), n in seen.items() if n > 1}


def rows_of(sights: Sequence[tuple[int, Sight]], vectors: Mapping[Sight, Vector]) -> list[VisitRow]:
    """The rows: of a visit as many as bucks were at once, each photo's given to the row that it fits best.

    ``vectors`` are of the sights of crowded visits. Names that people gave overrule looks. A wrong guess is
    put right on the page, where a row can be split.
    """
    found: list[VisitRow] = []
    for visit, group in groupby(sights, key=lambda pair: pair[0]):
        rows: list[VisitRow] = []
        for _, photo in groupby((sight for _, sight in group), key=lambda sight: sight.image_id):
            _add(rows, list(photo), visit, vectors)
        found += rows
    return found


def _add(rows: list[VisitRow], photo: list[Sight], visit: int, vectors: Mapping[Sight, Vector]) -> None:
    """Give each buck of one photo to a row of its visit, or a new one."""
    costs = sorted(
        ((_cost(row, sight, vectors), r, s) for r, row in enumerate(rows) for s, sight in enumerate(photo)),
        key=lambda cost: cost,
    )
    taken: dict[int, int] = {}
    for cost, r, s in costs:
        if math.isfinite(cost) and s not in taken and r not in taken.values():
            taken[s] = r
    for s, sight in enumerate(photo):
        if s in taken:
            rows[taken[s]].sights.append(sight)
        else:
            rows.append(VisitRow(visit, [sight]))


def _cost(row: VisitRow, sight: Sight, vectors: Mapping[Sight, Vector]) -> float:
    """How unlike a row's latest sight this is; infinite where names differ."""
    if sight.name is not None and row.name is not None:
        return 0.0 if sight.name == row.name else math.inf
    last = row.sights[-1]
    apart = math.dist(_middle(last.box), _middle(sight.box))
    size = abs(math.log(max(sight.box[3], 1e-6) / max(last.box[3], 1e-6)))
    looks = 0.0
    if sight in vectors and last in vectors:
        looks = float(1 - vectors[sight] @ vectors[last])
    return looks + 0.5 * apart + 0.3 * size + 0.2 * (sight.age != last.age)


def _middle(box: Box) -> tuple[float, float]:
    return box[0] + box[2] / 2, box[1] + box[3] / 2
