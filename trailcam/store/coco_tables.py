"""Images and labels of a COCO file in temporary tables: they may come in any order, and in any number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from trailcam.store.columns import degrees, insert, integers, texts
from trailcam.store.database import Connection, rows
from trailcam.store.imported import upright_sizes


class ImageRow(NamedTuple):
    """Element ``n`` of ``images``. Sizes are px, None: unknown. ``bad``: why it can't be used."""

    n: int
    id: str | None = None
    path: str = ""
    width: float | None = None
    height: float | None = None
    corrupt: bool = False
    bad: str | None = None


class LabelRow(NamedTuple):
    """Element ``i`` of ``annotations``. The box is px from the top left, None: it has none."""

    i: int
    image: str | None = None
    category: int | None = None
    x: float | None = None
    y: float | None = None
    w: float | None = None
    h: float | None = None
    bad: str | None = None


class CocoTables:
    """The tables ``coco_images`` and ``coco_labels`` of one file, within a transaction of ``db``."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        db.execute(
            "CREATE OR REPLACE TEMP TABLE coco_images (n BIGINT, id VARCHAR, path VARCHAR, width DOUBLE,"
            " height DOUBLE, corrupt BOOLEAN, bad VARCHAR);"
            "CREATE OR REPLACE TEMP TABLE coco_labels (i BIGINT, image VARCHAR, category BIGINT,"
            " x DOUBLE, y DOUBLE, w DOUBLE, h DOUBLE, bad VARCHAR)"
        )

    def add_images(self, images: Sequence[ImageRow]) -> None:
        """The next images."""
        insert(
            self._db,
            "coco_images",
            {
                "n": np.array([row.n for row in images], np.int64),
                "id": texts(row.id for row in images),
                "path": texts(row.path for row in images),
                "width": degrees([row.width for row in images]),
                "height": degrees([row.height for row in images]),
                "corrupt": np.array([row.corrupt for row in images], np.bool_),
                "bad": texts(row.bad for row in images),
            },
        )

    def add_labels(self, labels: Sequence[LabelRow]) -> None:
        """The next labels."""
        columns = {
            "i": np.array([row.i for row in labels], np.int64),
            "image": texts(row.image for row in labels),
            "category": integers([row.category for row in labels], np.int64),
            "bad": texts(row.bad for row in labels),
        }
        columns |= {side: degrees([getattr(row, side) for row in labels]) for side in "xywh"}
        insert(self._db, "coco_labels", columns)

    def settle(self) -> None:
        """Once all are there: an id that two different images have is no id, and what repeats is equal.

        Gives every entry of a :class:`trailcam.store.match.Matcher` its content: the labels it has.
        """
        self._db.execute(
            """
            UPDATE coco_images SET bad = 'has the id of another image' WHERE id IN (
                SELECT id FROM coco_images WHERE id IS NOT NULL GROUP BY id HAVING count(DISTINCT path) > 1
            );
            UPDATE theirs SET content = said.content FROM (
                SELECT c.n, coalesce(string_agg(concat_ws(' ', coalesce(l.bad, ''), l.category, l.x / c.width,
                    l.y / c.height, l.w / c.width, l.h / c.height), ';' ORDER BY l.category, l.x, l.y, l.w),
                    '') AS content
                FROM coco_images c LEFT JOIN (SELECT DISTINCT * EXCLUDE (i) FROM coco_labels) l
                ON l.image = c.id GROUP BY c.n
            ) said WHERE said.n = theirs.n
            """
        )

    def bad_images(self) -> Iterator[tuple[int, str, str]]:
        """Number, path and fault of the images that can't be used."""
        found = self._db.execute("SELECT n, path, bad FROM coco_images WHERE bad IS NOT NULL ORDER BY n")
        yield from ((int(n), str(path), str(bad)) for n, path, bad in found.fetchall())

    def lost_labels(self) -> Iterator[tuple[int, str, str | None]]:
        """Number, image and fault of the labels that belong to no image."""
        found = self._db.execute(
            "SELECT i, coalesce(image, ''), bad FROM coco_labels l ANTI JOIN coco_images c ON c.id = l.image"
            " ORDER BY i"
        )
        yield from ((int(i), str(image), bad) for i, image, bad in found.fetchall())

    def entries(
        self, photos: Mapping[int, int], first: int, last: int
    ) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """The matched images of number ``first`` to before ``last``, each with its labels.

        ``photos``: image -> photo of the library. ``own_size`` is what the library knows of it, or None.
        """
        span = {"first": first, "last": last}
        sizes = upright_sizes(self._db, list(photos.values()))
        labels: dict[int, list[dict[str, Any]]] = {}
        for row in rows(
            self._db,
            "SELECT c.n, l.* FROM coco_labels l JOIN coco_images c ON c.id = l.image"
            " WHERE c.n >= $first AND c.n < $last ORDER BY l.i",
            span,
        ):
            labels.setdefault(row["n"], []).append(row)
        for image in rows(
            self._db, "SELECT * FROM coco_images WHERE n >= $first AND n < $last ORDER BY n", span
        ):
            if image["n"] in photos:
                yield image | {"own_size": sizes.get(photos[image["n"]])}, labels.get(image["n"], [])
