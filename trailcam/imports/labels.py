"""Labels of others as a person's word: each once, none against what somebody said here already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trailcam.geometry import iou
from trailcam.settings.classmap import fold
from trailcam.store.corrections import JudgedBox, Judgement, record
from trailcam.store.counted import SAME, make_judged
from trailcam.store.database import Connection
from trailcam.store.imported import Said, known_uids_of, said_of
from trailcam.store.match import BATCH, Problem

CONFLICT = "somebody said something else of it here; --overwrite lets the file go before"
UNLABELLED_BOX = "a label of it has no box"


@dataclass(slots=True)
class Labelled:
    """What became of a file's labels, in photos.

    ``recorded`` new ones, ``known`` from the same file before, ``agreed`` with what was said here.
    ``entries``: all that the file names; ``unlabelled`` of them tell nothing. ``notes`` are sentences for the
    user.
    """

    entries: int = 0
    recorded: int = 0
    known: int = 0
    agreed: int = 0
    unlabelled: int = 0
    authors: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Word:
    """What a file says of its entry ``n``, called ``path`` there."""

    n: int
    path: str
    judgement: Judgement
    author: str


class Recorder:
    """Records words within one transaction of ``db``; call :meth:`finish` at the end.

    ``source`` names the command. With ``overwrite`` the file goes before what people said here.
    """

    def __init__(self, db: Connection, source: str, done: Labelled, *, overwrite: bool) -> None:
        self._db = db
        self._source = source
        self._done = done
        self._overwrite = overwrite
        self._judged = make_judged(db)  # what was said before this import
        self._waiting: list[Word] = []

    def add(self, word: Word) -> None:
        """Take one word; there must be one at most for each photo."""
        self._waiting.append(word)
        if len(self._waiting) >= BATCH:
            self._flush()

    def finish(self) -> None:
        """Record what is left, and put the problems in the order of the file."""
        self._flush()
        self._done.problems.sort()

    def _flush(self) -> None:
        words, self._waiting = self._waiting, []
        known = known_uids_of(self._db, [str(word.judgement.uid) for word in words])
        ids = [word.judgement.image_id for word in words]
        said = said_of(self._db, ids) if self._judged else {}
        fresh: dict[str, list[Judgement]] = {}
        for word in words:
            earlier = said.get(word.judgement.image_id)
            if word.judgement.uid in known:
                self._done.known += 1
            elif earlier is not None and agrees(word.judgement, earlier):
                self._done.agreed += 1
            elif earlier is not None and not self._overwrite:
                self._done.problems.append(Problem(word.n, word.path, CONFLICT))
            else:
                fresh.setdefault(word.author, []).append(word.judgement)
        for author, judgements in fresh.items():
            self._done.recorded += record(self._db, judgements, author=author, source=self._source)
            if author not in self._done.authors:
                self._done.authors.append(author)


def agrees(judgement: Judgement, said: Said) -> bool:
    """Whether people's word in force on a photo is ``judgement``: the same classes at the same places."""
    if judgement.whole is not said.whole or len(judgement.boxes) != len(said.boxes):
        return False
    left = list(said.boxes)
    for box in judgement.boxes:
        for other in left:
            if _name(box) == _name(other) and iou(_corners([box]), _corners([other]))[0, 0] >= SAME:
                left.remove(other)
                break
        else:
            return False
    return True


def _name(box: JudgedBox) -> str:
    return fold(box.info.name) if box.info else ""


def _corners(boxes: Sequence[JudgedBox]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([(b.x, b.y, b.x + b.w, b.y + b.h) for b in boxes], np.float32)
