"""The names in force, as tables: which bucks people have named on which boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from trailcam.settings.classmap import fold
from trailcam.store.columns import insert, texts
from trailcam.store.counted import COVERS, Counted
from trailcam.store.database import Connection, query, rows
from trailcam.store.judged import SAME
from trailcam.store.temp_tables import TempTables

_NEVER = 2**62  # after every naming


@dataclass(frozen=True, slots=True)
class NamesInForce(TempTables):
    """The table ``names_in_force``: image_id, spot, name (None: nobody can tell), naming_id, author, said_at
    and the place x, y, w, h (``xywhn``) that was named.
    """

    DROPS: ClassVar[str] = "DROP TABLE names_in_force; DROP TABLE names_since"

    def names(self) -> list[str]:
        """Every name, in alphabetical order."""
        found = self.db.execute(
            "SELECT DISTINCT name FROM names_in_force WHERE name IS NOT NULL ORDER BY lower(name), name"
        ).fetchall()
        return [str(name) for (name,) in found]


@dataclass(frozen=True, slots=True)
class Named(NamesInForce):
    """``names_in_force`` and the table ``named``: the spots on the photos of ``counted``.

    named has a row for each: image_id, station, captured_at, spot, name, naming_id, author, said_at, the box
    that counts there (x, y, w, h, class, kind, age_class, confidence, by_person), or the place that was named
    (then kind is None), and said_x, said_y, said_w, said_h, which is always that. A correction that leaves no
    buck there ends a name; a model's answer never does.
    """

    counted: Counted
    DROPS: ClassVar[str] = f"DROP TABLE named; {NamesInForce.DROPS}"

    def each(self) -> list[dict[str, Any]]:
        """Every row, by photo and place."""
        return rows(self.db, "SELECT * FROM named ORDER BY image_id, x, y, spot")


def read_names(db: Connection) -> NamesInForce:
    """The names as they are now. Works on a read-only connection."""
    _make_called(db)
    db.execute(query("names_in_force").replace("{same}", repr(SAME)))
    return NamesInForce(db)


def join_names(counted: Counted) -> Named:
    """The names on the photos of ``counted``. Works on a read-only connection."""
    db = counted.db
    read_names(db)
    ended = "f.by_person AND f.kind <> 'buck'"
    if counted.photos.judged:
        ended += (
            " OR f.spot IS NULL AND (EXISTS (FROM judged j WHERE j.image_id = n.image_id AND j.whole)"
            " OR EXISTS (FROM person_boxes p WHERE p.image_id = n.image_id AND p.class IS NULL"
            f" AND iou(p.x, p.y, p.w, p.h, n.x, n.y, n.w, n.h) >= {COVERS!r}))"
        )
    db.execute(
        query("named").replace("{covers}", repr(COVERS)).rstrip() + f" WHERE NOT coalesce({ended}, false)"
    )
    return Named(db, counted)


def _make_called(db: Connection) -> None:
    """What each name that was ever said is called now, by when it was said."""
    db.execute("CREATE TEMP TABLE names_since (said VARCHAR, from_id BIGINT, to_id BIGINT, name VARCHAR)")
    said = [
        str(name)
        for (name,) in db.execute(
            "SELECT DISTINCT name FROM named_boxes WHERE name IS NOT NULL ORDER BY 1"
        ).fetchall()
    ]
    moves = db.execute(
        "SELECT naming_id, name, into_name FROM namings WHERE kind <> 'name' AND undone_at IS NULL"
        " ORDER BY naming_id"
    ).fetchall()
    found = [step for name in said for step in called_since(name, moves)]
    if found:
        names, starts, ends, now = zip(*found, strict=True)
        columns = {
            "said": texts(names),
            "from_id": np.array(starts, np.int64),
            "to_id": np.array(ends, np.int64),
            "name": texts(now),
        }
        insert(db, "names_since", columns)


def called_since(said: str, moves: Sequence[tuple[int, str, str]]) -> list[tuple[str, int, int, str]]:
    """(said, from, to, name): what ``said`` in a naming of from <= number < to is called after ``moves``.

    ``moves`` are renames and merges (number, name, into) in their order; each is about what was said before.
    """
    starts = [0, *(number for number, _, _ in moves)]
    ends = [*starts[1:], _NEVER]
    steps = []
    for n, (start, end) in enumerate(zip(starts, ends, strict=True)):
        name = said
        for _, old, new in moves[n:]:
            name = new if fold(name) == fold(old) else name
        steps.append((said, start, end, name))
    return steps
