"""Which boxes of a video show an animal that another of its boxes shows better: docs/videos.md has the rule.

Pure functions on columns, a row for each box. One animal keeps one box; the others repeat it, as a second box
of one animal on a photo does, and are in no count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FURTHEST = 2.0
"""How far an animal gets from one frame to the next, in lengths of its box. At a second between them a
walking deer, who makes a length and a half, is followed; a running one is met again by its class."""
_GONE_AFTER = 2  # frames without it: whatever is there then may be another one

_Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class FrameBoxes:
    """Boxes of one video in columns of n: ``frame`` numbers the frames by time from 0; ``boxes`` (n, 4) are

    ``xywhn``; ``class_id`` is what the model says; ``flock`` numbers what visits together (deer of any kind
    are one); ``sure`` says whether a box reaches the confidence that counts.
    """

    frame: npt.NDArray[np.int64]
    boxes: _Boxes
    confidence: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int64]
    flock: npt.NDArray[np.int64]
    sure: npt.NDArray[np.bool_]


@dataclass(slots=True)
class _Animal:
    """One animal: its boxes by place in the columns, and by frame."""

    by_frame: dict[int, int] = field(default_factory=dict)

    @property
    def last(self) -> int:
        return max(self.by_frame)


def repeats_of(video: FrameBoxes) -> npt.NDArray[np.bool_]:
    """Whether each box repeats another one: all but the best of each animal.

    There are as many animals of a class as were seen at once: those that are never seen together and are
    called the same are one. What the model is sure of decides first, so that doubtful boxes make no animals
    of sure ones.
    """
    repeats = np.ones(len(video.frame), np.bool_)
    for flock in np.unique(video.flock):
        places = np.flatnonzero(video.flock == flock)
        animals = _merge(video, _follow(video, places[video.sure[places]]))
        doubtful = _merge(video, _follow(video, places[~video.sure[places]]))
        for animal in [*animals, *_apart(video, doubtful, animals)]:
            repeats[_best(video, animal)] = False
    return repeats


def _follow(video: FrameBoxes, places: npt.NDArray[np.int64]) -> list[_Animal]:
    """Boxes joined from frame to frame, the nearest first."""
    animals: list[_Animal] = []
    for frame in np.unique(video.frame[places]).tolist():
        here = places[video.frame[places] == frame].tolist()
        near = [animal for animal in animals if frame - animal.last <= _GONE_AFTER]
        for animal, place in _pairs(video, near, list(here)):
            animal.by_frame[frame] = place
            here.remove(place)
        animals += [_Animal({frame: place}) for place in here]
    return animals


def _pairs(video: FrameBoxes, animals: list[_Animal], places: list[int]) -> Iterator[tuple[_Animal, int]]:
    """Which of the boxes at ``places`` is which animal; each is one, and each animal one of them."""
    if not animals or not places:
        return
    old = video.boxes[[animal.by_frame[animal.last] for animal in animals]][:, None]
    new = video.boxes[places][None]
    middles = (old[..., :2] + old[..., 2:] / 2) - (new[..., :2] + new[..., 2:] / 2)
    length = np.maximum(old[..., 2:].max(axis=2), new[..., 2:].max(axis=2))
    apart = np.hypot(middles[..., 0], middles[..., 1]) / np.maximum(length, 1e-6)
    for _ in range(min(apart.shape)):
        row, column = np.unravel_index(int(apart.argmin()), apart.shape)
        if apart[row, column] > FURTHEST:
            return
        yield animals[int(row)], places[int(column)]
        apart[row, :] = apart[:, column] = np.inf


def _merge(video: FrameBoxes, found: list[_Animal]) -> list[_Animal]:
    """Of each class as many animals as were seen at once: those never seen together are one."""
    by_class: dict[int, list[_Animal]] = {}
    for animal in sorted(found, key=lambda a: -len(a.by_frame)):
        by_class.setdefault(_class(video, animal), []).append(animal)
    return [animal for alike in by_class.values() for animal in _most_at_once(alike)]


def _most_at_once(alike: list[_Animal]) -> list[_Animal]:
    most = max(Counter(frame for animal in alike for frame in animal.by_frame).values())
    kept: list[_Animal] = []
    for animal in alike:
        beside = [len(one.by_frame.keys() & animal.by_frame.keys()) for one in kept]
        if kept and (min(beside) == 0 or len(kept) == most):
            one = kept[beside.index(min(beside))]
            one.by_frame = animal.by_frame | one.by_frame
        else:
            kept.append(animal)
    return kept


def _apart(video: FrameBoxes, doubtful: list[_Animal], sure: list[_Animal]) -> list[_Animal]:
    """The doubtful animals that are no more than were surely seen.

    One is a sure one that it is never beside.
    """
    left = []
    for animal in doubtful:
        same = next(
            (
                one
                for one in sure
                if _class(video, one) == _class(video, animal)
                and not one.by_frame.keys() & animal.by_frame.keys()
            ),
            None,
        )
        if same is None:
            left.append(animal)
        else:
            same.by_frame |= animal.by_frame
    return left


def _class(video: FrameBoxes, animal: _Animal) -> int:
    """What most of its boxes say, by confidence."""
    places = list(animal.by_frame.values())
    classes, said = np.unique(video.class_id[places], return_inverse=True)
    return int(classes[np.bincount(said, video.confidence[places]).argmax()])


def _best(video: FrameBoxes, animal: _Animal) -> int:
    """The surest of its boxes that say what most of them do; of those that count, if any does."""
    places = np.array(sorted(animal.by_frame.values()))
    places = places[video.sure[places]] if video.sure[places].any() else places
    _, said = np.unique(video.class_id[places], return_inverse=True)
    alike = places[said == np.bincount(said, video.confidence[places]).argmax()]
    return int(alike[video.confidence[alike].argmax()])
