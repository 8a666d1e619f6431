"""The corrections in force, as tables: what people say of photos, the later before the earlier."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.store.database import Connection, query, rows
from trailcam.store.temp_tables import TempTables

SAME = 0.9
"""Two boxes that people drew or took over are one from this IoU on."""


@dataclass(frozen=True, slots=True)
class Judged(TempTables):
    """The tables ``in_force``, ``judged`` and ``person_boxes``.

    judged: image_id, whole, made_at (the newest's). person_boxes: image_id, class_id (numbers the persons'
    classes), class, kind, age_class, species (None: nothing is there), x, y, w, h.
    """

    DROPS: ClassVar[str] = (
        "DROP TABLE IF EXISTS temp.person_boxes; DROP TABLE IF EXISTS temp.judged;"
        " DROP TABLE IF EXISTS temp.in_force"
    )

    def classes(self) -> tuple[ClassInfo, ...]:
        """The classes that people named, by the ``class_id`` of their boxes."""
        found = rows(
            self.db,
            "SELECT DISTINCT class_id, class, kind, age_class, species FROM person_boxes"
            " WHERE class IS NOT NULL ORDER BY 1",
        )
        return tuple(
            ClassInfo(
                int(row["class_id"]),
                str(row["class"]),
                Kind(row["kind"]),
                AgeClass(row["age_class"]) if row["age_class"] else None,
                row["species"],
            )
            for row in found
        )

    def newest(self) -> datetime:
        """When the newest of them was made (UTC, naive)."""
        ((at,),) = self.db.execute("SELECT max(made_at) FROM judged").fetchall()
        assert isinstance(at, datetime)  # there is one
        return at


def make_judged(db: Connection) -> Judged | None:
    """The corrections in force, as they are now; None: there are none. Works on a read-only connection."""
    ((known,),) = db.execute("SELECT count(*) > 0 FROM judgements WHERE undone_at IS NULL").fetchall()
    if not known:
        return None
    db.execute(query("judged").replace("{same}", repr(SAME)))
    return Judged(db)
