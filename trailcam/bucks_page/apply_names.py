"""``trailcam bucks apply``: a page's names into the database, each once, none over somebody else's."""

from __future__ import annotations

from dataclasses import dataclass, field

from trailcam.bucks_page.name_answers import NameAnswer, NameAnswers
from trailcam.errors import UsageError
from trailcam.store.database import Connection, Database
from trailcam.store.names import NamedBox, name_boxes
from trailcam.store.paths import from_db
from trailcam.store.review_rows import library_id, photos_by_id
from trailcam.words.text import printable

SOURCE = "bucks page"


@dataclass(frozen=True, slots=True)
class NameConflict:
    """A name that was not taken. ``photo`` is printable; ``why`` begins in lower case."""

    photo: str
    why: str


@dataclass(slots=True)
class AppliedNames:
    """What became of a file's names, in boxes. ``naming_id`` 0: nothing was new. ``names`` were given."""

    naming_id: int = 0
    recorded: int = 0
    known: int = 0
    agreed: int = 0
    names: tuple[str, ...] = ()
    conflicts: list[NameConflict] = field(default_factory=list)


def apply_answers(
    database: Database, given: NameAnswers, *, author: str, overwrite: bool = False
) -> AppliedNames:
    """Record ``given`` as names by ``author``, all in one naming, so that one undo takes them back.

    An answer that was recorded before changes nothing. Left out and reported are: a name that another animal
    of the photo has, and an animal that somebody named since the page was made, unless that is the same name
    or ``overwrite`` is given. Raises UsageError for a file of another database; then nothing is changed.
    """
    with database.write() as db:
        if given.library != library_id(db):
            raise UsageError(
                "These names are of bucks on the photos of another database.",
                "Nothing was changed. Name the database that the page was made from with --db.",
            )
        known, lost = _found(db, given.answers)
        boxes = [
            NamedBox(
                answer.image_id,
                answer.name,
                answer.box,
                answer.uid,
                answer.decided_at,
                None if overwrite else given.based_on,
            )
            for answer in known
        ]
        done = name_boxes(db, boxes, author=author, source=SOURCE)
    conflicts = [NameConflict(printable(from_db(a.path)), "this database has no such photo") for a in lost]
    conflicts += [NameConflict(printable(from_db(known[r.n].path)), r.why) for r in done.refused]
    names = tuple(dict.fromkeys(box.name for box in boxes if box.name is not None))
    return AppliedNames(done.naming_id, done.recorded, done.known, done.agreed, names, conflicts)


def _found(db: Connection, answers: tuple[NameAnswer, ...]) -> tuple[list[NameAnswer], list[NameAnswer]]:
    """The answers on photos that the database has, and the others. A moved file keeps its size."""
    photos = photos_by_id(db, [answer.image_id for answer in answers])
    known: list[NameAnswer] = []
    lost: list[NameAnswer] = []
    for answer in answers:
        photo = photos.get(answer.image_id)
        same = photo and (photo["path"] == answer.path or photo["size_bytes"] == answer.size_bytes)
        (known if same else lost).append(answer)
    return known, lost
