"""Labels from other programs as corrections: each once, none against a correction made here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from trailcam.domain import ClassInfo
from trailcam.errors import UsageError
from trailcam.geometry import iou
from trailcam.imports.reading import Malformed
from trailcam.machine import user_name
from trailcam.settings.classmap import ClassRule, fold
from trailcam.store.corrections import JudgedBox, Judgement, record
from trailcam.store.database import Connection
from trailcam.store.import_batches import begin_import
from trailcam.store.imported import Said, known_uids_of, said_of
from trailcam.store.judged import SAME, make_judged
from trailcam.store.match import BATCH, TWICE, Matcher, Problem
from trailcam.words.text import count, printable

CONFLICT = "another correction exists; --overwrite replaces it"
UNLABELLED_BOX = "one of its labels has no box"
_NAMED = 10
_ROBOFLOW = re.compile(r"(.*)_(jpe?g|png|bmp|tiff?|webp)\.rf\.[0-9a-z]+\.[a-z]+", re.IGNORECASE)
CONTRADICTION = "it is labelled as empty and as not empty"


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """How labels are taken in.

    ``author`` None: whom the file names, else the user. ``rules`` are the configuration's classes. ``base``
    is the folder that the file's paths are relative to, None: found out. ``overwrite`` replaces corrections
    made here. With ``dry_run`` nothing is kept. ``accept_scores`` takes labels that carry a model's scores.
    """

    rules: Mapping[str, ClassRule]
    author: str | None = None
    base: Path | None = None
    overwrite: bool = False
    dry_run: bool = False
    accept_scores: bool = False

    @property
    def fallback_author(self) -> str:
        """Who speaks where the file names nobody."""
        return self.author or user_name()


@dataclass(slots=True)
class Labelled:
    """What became of a file's labels, in photos.

    ``import_id`` is 0 where nothing was recorded.
    ``recorded`` new ones, ``known`` from the same file before, ``agreed`` with a correction made here.
    ``entries``: all that the file names; ``unlabelled`` of them tell nothing. ``unknown``: class -> photos
    left out because trailcam doesn't know it. ``notes`` are sentences for the user.
    """

    import_id: int = 0
    entries: int = 0
    recorded: int = 0
    known: int = 0
    agreed: int = 0
    unlabelled: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    authors: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Word:
    """What a file says of its entry ``n``, whose path is ``path`` there."""

    n: int
    path: str
    judgement: Judgement
    author: str


class Recorder:
    """Records words within one transaction of ``db``; call :meth:`finish` at the end.

    ``form`` names the command, ``file`` the file. With ``overwrite`` it replaces corrections made here.
    """

    def __init__(self, db: Connection, form: str, file: str, done: Labelled, *, overwrite: bool) -> None:
        self._db = db
        self._form = form
        self._file = file
        self._done = done
        self._overwrite = overwrite
        self._judged = make_judged(db)  # before this import
        self._waiting: list[Word] = []

    def add(self, word: Word) -> None:
        """Take one word; there must be one at most for each photo."""
        self._waiting.append(word)
        if len(self._waiting) >= BATCH:
            self._flush()

    def finish(self) -> None:
        """Record what is left, and put the problems in the order of the file."""
        self._flush()
        done = self._done
        done.problems.sort(key=lambda problem: (problem.place != "", problem.n))
        if done.unknown:
            named = ", ".join(f'"{printable(name)}" ({n:,})' for name, n in done.unknown.most_common(_NAMED))
            more = f" and {len(done.unknown) - _NAMED:,} more" if len(done.unknown) > _NAMED else ""
            done.notes.append(
                f"Classes that trailcam doesn't know, with their photos: {named}{more}. Name them in the"
                " configuration, under [classes.NAME], and import the file again."
            )

    def _flush(self) -> None:
        words, self._waiting = self._waiting, []
        known = known_uids_of(self._db, [str(word.judgement.uid) for word in words])
        ids = [word.judgement.image_id for word in words]
        said = said_of(self._judged, ids) if self._judged else {}
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
            self._done.import_id = self._done.import_id or begin_import(self._db, self._form, self._file)
            self._done.recorded += record(
                self._db,
                judgements,
                author=author,
                source=f"import {self._form}",
                import_id=self._done.import_id,
            )
            if author not in self._done.authors:
                self._done.authors.append(author)


def agrees(judgement: Judgement, said: Said) -> bool:
    """Whether the correction in force on a photo is ``judgement``: the same classes at the same places."""
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


def find_info(name: str, known: Mapping[str, ClassInfo], done: Labelled) -> ClassInfo:
    """The class called ``name``. Raises Malformed for one that trailcam doesn't know, and counts it."""
    info = known.get(fold(name))
    if info is None:
        done.unknown[name] += 1
        raise Malformed("", f'names the class "{printable(name)}", which trailcam doesn\'t know')
    return info


def refuse_scores(n: int, file: str, *, accept: bool, done: Labelled) -> None:
    """Refuse a file of which ``n`` labels carry a score, unless told otherwise. Raises UsageError."""
    if n and not accept:
        verb = "carries" if n == 1 else "carry"
        raise UsageError(
            f"{count(n, 'label')} in {file} {verb} a score, as a model's do: imported as corrections they"
            " would override every model.",
            "Nothing was changed. --accept-scores records them as yours: use it if you checked them.",
        )
    if n:
        done.notes.append(f"Taken as corrections although a model made them: {count(n, 'label')}.")


def refuse_unmatched(matcher: Matcher, n: int, entries: str, file: str) -> NoReturn:
    """Say why none of the ``n`` ``entries`` ("images") of ``file`` could be used. Raises UsageError."""
    if not n:
        raise UsageError(f"{file} has no {entries}: there is nothing to import.", "Nothing was changed.")
    first = next(matcher.problems(), None)
    if first is not None and first.why == TWICE:
        raise UsageError(
            f"None of the {n:,} {entries} of {file} can be used: {printable(first.path)}: {TWICE}.",
            "Nothing was changed. Of entries that contradict each other, keep one in the file.",
        )
    raise UsageError(
        f"None of the {n:,} {entries} of {file} is a photo of the library.",
        "Nothing was changed. --base FOLDER says which scanned folder its paths are relative to.",
    )


def note_matches(matcher: Matcher, done: Labelled) -> None:
    """What the user should know of how a file's entries were matched."""
    if matcher.note:
        done.notes.append(matcher.note)
    if matcher.n_repeated:
        done.notes.append(f"Entries that repeat another one were skipped: {matcher.n_repeated:,}.")
    if misdated := matcher.misdated():
        first = misdated[0]
        dated = "photo of the file has a time" if len(misdated) == 1 else "photos of the file have times"
        done.notes.append(
            f"{len(misdated):,} {dated} more than 26 hours from the library's, such as"
            f" {printable(first.path)}: {first.theirs} there, {first.ours} here. They were matched by path;"
            " check that they are the same photos. The library keeps its times."
        )


def original_name(name: str) -> str:
    """The name that a file had before Roboflow gave it another (``IMG_1_JPG.rf.HASH.jpg``)."""
    renamed = _ROBOFLOW.fullmatch(name)
    return f"{renamed[1]}.{renamed[2]}" if renamed else name
