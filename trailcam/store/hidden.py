"""Boxes that are in no count because of where they are: at a confirmed static place, or in an excluded area.

Nothing is deleted. A person's own boxes always count. What makes a place or an area stands in
:mod:`trailcam.store.static_rows`; how boxes are found in ``queries/hidden.sql``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from trailcam.domain import SAME_PLACE
from trailcam.store.database import Connection, query
from trailcam.words.text import count


class Hidden:
    """The table ``hidden``, made when it is first needed: row (rowid of ``detections``), place_id or area_id,
    and automatic. It belongs to a selection of photos; works on a read-only connection.
    """

    DROPS = "DROP TABLE IF EXISTS temp.hidden"

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._any: bool | None = None

    def make(self) -> bool:
        """Find the hidden boxes, as things are now; returns whether there can be some."""
        if self._any is None:
            ((known,),) = self._db.execute(
                "SELECT EXISTS (FROM static_answers WHERE is_thing AND undone_at IS NULL)"
                " OR EXISTS (FROM static_areas WHERE undone_at IS NULL)"
            ).fetchall()
            self._any = bool(known)
            self._db.execute(query("hidden").replace("$exactly", repr(SAME_PLACE)) if known else _EMPTY)
        return self._any


_EMPTY = "CREATE TEMP TABLE hidden (row BIGINT, place_id INTEGER, area_id INTEGER, automatic BOOLEAN)"


@dataclass(frozen=True, slots=True)
class HiddenCounts:
    """How many boxes of a selection would count, but are hidden.

    ``events``: the visits that they would make by themselves. ``at_places`` and ``in_areas`` are boxes, of
    ``places`` and ``areas``; ``automatic`` those that no person confirmed.
    """

    boxes: int = 0
    events: int = 0
    at_places: int = 0
    places: int = 0
    in_areas: int = 0
    areas: int = 0
    automatic: int = 0

    def describe(self) -> dict[str, Any]:
        """The keys that they have in a report's coverage."""
        told = asdict(self)
        return {f"hidden_{name}": told[name] for name in ("boxes", "events", "automatic")}

    def in_words(self, *, visits: bool = True) -> list[str]:
        """What a reader of counts must know, as one sentence; nothing where nothing is hidden.

        Without ``visits``: of boxes alone.
        """
        if not self.boxes:
            return []
        parts = [count(self.places, "static place")] if self.places else []
        parts += [count(self.areas, "excluded area")] if self.areas else []
        verb = "is" if self.boxes == 1 else "are"
        auto = f", {self.automatic:,} of them by [static] auto" if self.automatic else ""
        events = f" in {count(self.events, 'visit')}" if visits else ""
        return [
            f"{count(self.boxes, 'box', 'boxes')}{events} {verb} hidden:"
            f" {' and '.join(parts)}{auto} (`trailcam static list`)."
        ]
