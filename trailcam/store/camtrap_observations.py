"""A Camtrap DP package while it is imported: its media and observations as temporary tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trailcam.store.columns import insert, texts, times
from trailcam.store.database import Connection, rows

_TEXTS = ("media", "kind", "species", "stage", "sex", "tags", "author", "place")


class CamtrapObservations:
    """Media (n, id, path, place) and what was observed on them; ``place`` names a row of the package."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._n_media = 0
        db.execute(
            "CREATE OR REPLACE TEMP TABLE dp_media (n BIGINT, id VARCHAR, path VARCHAR, place VARCHAR);"
            "CREATE OR REPLACE TEMP TABLE dp_seen (media VARCHAR, human BOOLEAN, kind VARCHAR,"
            " species VARCHAR, stage VARCHAR, sex VARCHAR, tags VARCHAR, author VARCHAR,"
            " place VARCHAR, said_at TIMESTAMP,"
            " x DOUBLE, y DOUBLE, w DOUBLE, h DOUBLE)"
        )

    def add_media(self, media: Sequence[tuple[str, str, str]]) -> int:
        """(id, path, place) of the next media; returns how many there are by now."""
        ids, paths, places = zip(*media, strict=True)
        n = np.arange(self._n_media, self._n_media + len(media), dtype=np.int64)
        columns = {"n": n, "id": texts(ids), "path": texts(paths), "place": texts(places)}
        insert(self._db, "dp_media", columns)
        self._n_media += len(media)
        return self._n_media

    def add_observations(self, observed: Sequence[dict[str, Any]]) -> None:
        """Rows with the texts of the table, human, said_at (UTC or None) and box (``xywhn`` or None)."""
        columns = {key: texts(row[key] for row in observed) for key in _TEXTS}
        columns["human"] = np.array([row["human"] for row in observed], np.bool_)
        columns["said_at"] = times([row["said_at"] for row in observed])
        for n, side in enumerate("xywh"):  # NaN becomes NULL
            sides = [row["box"][n] if row["box"] else np.nan for row in observed]
            columns[side] = np.array(sides, np.float64)
        insert(self._db, "dp_seen", columns)

    def repeated_media(self) -> str | None:
        """The place of a medium whose id is another's too, None where there is none."""
        return self._place("SELECT max(place) FROM dp_media GROUP BY id HAVING count(*) > 1 LIMIT 1")

    def without_media(self) -> str | None:
        """The place of the first observation of a medium that isn't there, None where there is none."""
        return self._place(
            "SELECT place FROM dp_seen s ANTI JOIN dp_media m ON m.id = s.media"
            " ORDER BY length(place), place LIMIT 1"
        )

    def of_people(self, first: int, last: int) -> dict[int, list[dict[str, Any]]]:
        """Medium -> all observations of it, for those from ``first`` to before ``last`` with a person's."""
        found: dict[int, list[dict[str, Any]]] = {}
        for row in rows(
            self._db,
            "SELECT m.n, m.path, s.* FROM dp_seen s JOIN dp_media m ON m.id = s.media"
            " WHERE m.n >= $first AND m.n < $last"
            " QUALIFY bool_or(s.human) OVER (PARTITION BY m.n) ORDER BY m.n, s.place",
            {"first": first, "last": last},
        ):
            found.setdefault(row["n"], []).append(row)
        return found

    def _place(self, sql: str) -> str | None:
        found = self._db.execute(sql).fetchall()
        return str(found[0][0]) if found else None
