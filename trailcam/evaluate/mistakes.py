"""The mistakes worth looking at, the worst first: the ones that would annoy an owner most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trailcam.domain import Kind
from trailcam.evaluate.figures import Judge
from trailcam.evaluate.meaning import ANTLERLESS_KINDS, DEER_KINDS


@dataclass(frozen=True, slots=True)
class Mistake:
    """``photo`` indexes the photos; ``sort`` says what went wrong; ``confidence`` 0..1 of what was said."""

    photo: int
    sort: str
    confidence: float


def worst_mistakes(judge: Judge, each: int = 8) -> list[Mistake]:
    """At most ``each`` of every sort, one sort after the other."""
    by_sort: dict[str, list[Mistake]] = {}
    for mistake in _mistakes(judge):
        by_sort.setdefault(mistake.sort, []).append(mistake)
    order = (
        "Something seen on an empty photo",
        "A buck reported where there is none",
        "A buck missed, called a doe or a fawn",
        "A buck missed",
        "A deer missed",
        "A deer reported where there is none",
        "Another class than the label",
    )
    return [
        mistake
        for sort in order
        for mistake in sorted(by_sort.get(sort, []), key=lambda m: (-m.confidence, m.photo))[:each]
    ]


def _mistakes(judge: Judge) -> Iterator[Mistake]:
    """For each photo the gravest thing that went wrong."""
    bucks, bucks_said = _ids(judge, Kind.BUCK)
    deer, deer_said = _ids(judge, *DEER_KINDS)
    _, antlerless_said = _ids(judge, *ANTLERLESS_KINDS)
    unsexed = frozenset(i for i, info in judge.labels.items() if info.kind is Kind.DEER)
    has_deer, has_buck, has_unsexed = judge.has(deer), judge.has(bucks), judge.has(unsexed)
    for n, (photo, seen) in enumerate(zip(judge.photos, judge.found, strict=True)):
        sure = judge.sure(seen)
        buck, any_deer = _top(judge, n, bucks_said), _top(judge, n, deer_said)
        if photo.complete and not len(photo.class_id):
            if sure.any():
                yield Mistake(n, "Something seen on an empty photo", float(seen.confidence[sure].max()))
        elif buck and photo.complete and not has_buck[n] and not has_unsexed[n]:
            yield Mistake(n, "A buck reported where there is none", buck)
        elif has_buck[n] and bucks_said and not buck:
            doe = _top(judge, n, antlerless_said)
            sort = "A buck missed, called a doe or a fawn" if doe else "A buck missed"
            yield Mistake(n, sort, doe)
        elif has_deer[n] and deer_said and not any_deer:
            yield Mistake(n, "A deer missed", 0.0)
        elif any_deer and photo.complete and not has_deer[n]:
            yield Mistake(n, "A deer reported where there is none", any_deer)
        elif wrong := _other_class(judge, n):
            yield Mistake(n, "Another class than the label", wrong)


def _ids(judge: Judge, *kinds: Kind) -> tuple[frozenset[int], frozenset[int]]:
    """Label ids and class ids of some kinds."""
    return (
        frozenset(i for i, info in judge.labels.items() if info.kind in kinds),
        frozenset(i for i, info in judge.model.items() if info.kind in kinds),
    )


def _top(judge: Judge, n: int, class_ids: frozenset[int]) -> float:
    """The highest confidence that counts of some classes on photo ``n``, 0.0 for none."""
    seen = judge.found[n]
    mine = judge.sure(seen) & np.isin(seen.class_id, list(class_ids))
    return float(seen.confidence[mine].max()) if mine.any() else 0.0


def _other_class(judge: Judge, n: int) -> float:
    """The highest confidence of a box whose kind is another than that of every label of the photo."""
    photo, seen = judge.photos[n], judge.found[n]
    kinds = {judge.labels[int(c)].kind for c in photo.class_id}
    if not photo.complete:
        return 0.0
    wrong = [
        float(c)
        for c, which, counts in zip(seen.confidence, seen.class_id, judge.sure(seen), strict=True)
        if counts
        and judge.model[int(which)].kind not in kinds | (DEER_KINDS if kinds & DEER_KINDS else set())
    ]
    return max(wrong, default=0.0)
