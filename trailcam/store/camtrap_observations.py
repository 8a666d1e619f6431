"""A Camtrap DP package while it is imported: its media and observations as temporary tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trailcam.store.columns import insert, texts, times
from trailcam.store.database import Connection, rows
from trailcam.store.paths import from_db, to_db

_TEXTS = ("media", "kind", "species", "stage", "sex", "tags", "author", "place", "bad")


class CamtrapObservations:
    """Media (n, id, path) and what was observed on them; ``place`` names a row, ``bad`` its fault."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._n_media = 0
        db.execute(
            "CREATE OR REPLACE TEMP TABLE dp_media (n BIGINT, id VARCHAR, path VARCHAR);"
            "CREATE OR REPLACE TEMP TABLE dp_seen (media VARCHAR, human BOOLEAN, kind VARCHAR,"
            " species VARCHAR, stage VARCHAR, sex VARCHAR, tags VARCHAR, author VARCHAR, place VARCHAR,"
            " said_at TIMESTAMP, x DOUBLE, y DOUBLE, w DOUBLE, h DOUBLE, bad VARCHAR)"
        )

    def add_media(self, media: Sequence[tuple[str, str]]) -> None:
        """(id, path) of the next media; "" for an id that is lacking."""
        ids, paths = zip(*media, strict=True)
        n = np.arange(self._n_media, self._n_media + len(media), dtype=np.int64)
        columns = {"n": n, "id": texts(i or None for i in ids), "path": texts(map(to_db, paths))}
        insert(self._db, "dp_media", columns)
        self._n_media += len(media)

    def add_observations(self, observed: Sequence[dict[str, Any]]) -> None:
        """Rows with the texts of the table, human, said_at (UTC or None) and box (``xywhn`` or None)."""
        columns = {key: texts(row[key] for row in observed) for key in _TEXTS}
        columns["human"] = np.array([row["human"] for row in observed], np.bool_)
        columns["said_at"] = times([row["said_at"] for row in observed])
        for n, side in enumerate("xywh"):  # NaN becomes NULL
            sides = [row["box"][n] if row["box"] else np.nan for row in observed]
            columns[side] = np.array(sides, np.float64)
        insert(self._db, "dp_seen", columns)

    def settle(self) -> list[tuple[int, str]]:
        """Once all are there: number and path of media with the id of another one, which is none then.

        Gives every entry of a :class:`trailcam.store.match.Matcher` its content: what was observed on it.
        """
        bad = self._db.execute(
            "SELECT n, path FROM dp_media WHERE id IN (SELECT id FROM dp_media GROUP BY id"
            " HAVING count(DISTINCT path) > 1) ORDER BY n"
        ).fetchall()
        self._db.execute(
            """
            UPDATE theirs SET content = said.content FROM (
                SELECT m.n, coalesce(string_agg(concat_ws(' ', s.human, s.kind, s.species, s.stage, s.sex,
                    s.tags, s.author, s.x, s.y, s.w, s.h, s.bad), ';' ORDER BY s.human, s.kind, s.species,
                    s.x, s.y, s.w, s.h, s.tags), '') AS content
                FROM dp_media m LEFT JOIN dp_seen s ON s.media = m.id GROUP BY m.n
            ) said WHERE said.n = theirs.n
            """
        )
        return [(int(n), from_db(str(path))) for n, path in bad]

    def without_media(self) -> list[tuple[str, str | None, str]]:
        """Medium, fault and place of the observations of media that aren't there."""
        return self._db.execute(
            "SELECT media, bad, place FROM dp_seen s ANTI JOIN dp_media m ON m.id = s.media"
            " ORDER BY length(place), place"
        ).fetchall()

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
            found.setdefault(row["n"], []).append(row | {"path": from_db(row["path"])})
        return found
