"""Paths as other programs write them, matched with the photos of the library.

Programs name photos relative to some folder, absolute, with backslashes or with a drive's letter. What is
sure goes first, for each photo by itself: its path relative to a root as it is stored; the root's own path
before it; then the same without regard to case, slashes and Unicode forms, also behind a folder that is
called as the root.

Where no photo of a file is found so, its paths are relative to another folder, which is one for all: what has
to be put before or taken off their paths is voted on by a sample, and must win. Camera file names repeat from
card to card, so a photo is never matched by its file name alone against the vote.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import numpy as np

from trailcam.errors import UsageError
from trailcam.store.columns import insert, integers, texts
from trailcam.store.database import Connection, rows
from trailcam.store.images import Root, roots
from trailcam.store.paths import from_db, to_db
from trailcam.words.text import printable

_SAMPLE = 500  # entries that vote
_DRIVE = re.compile(r"(?:/*[?.]/)?[A-Za-z]:/?")
BATCH = 20_000  # entries to match and write at once
NOT_FOUND = "no photo of the library has this path"
AMBIGUOUS = "several photos of the library could be meant"
TWICE = "another entry means the same photo"


class Problem(NamedTuple):
    """An entry ``n`` that was not matched; ``path`` as the file has it, ``why`` begins in lower case."""

    n: int
    path: str
    why: str


def tidy(path: str) -> str:
    """A path with ``/``, without a drive's letter, a leading slash, ``.`` and ``..``."""
    parts: list[str] = []
    for part in _DRIVE.sub("", path.replace("\\", "/"), count=1).split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


class Matcher:
    """Matches the entries 0.. of one file. Call :meth:`add` for all, then :meth:`match` once.

    Everything lies in temporary tables of ``db``. ``base``: the folder that the paths are relative to, None:
    found out. Raises UsageError where ``base`` lies in no scanned folder.
    """

    def __init__(self, db: Connection, base: Path | None = None) -> None:
        self._db = db
        self._roots = roots(db)
        self._base = None if base is None else self._within(base)
        self._n = 0
        self.note = ""
        db.execute(
            """
            CREATE OR REPLACE TEMP MACRO folded(t) AS lower(nfc_normalize(t));
            CREATE OR REPLACE TEMP TABLE theirs (n BIGINT, path VARCHAR, tidy VARCHAR);
            CREATE OR REPLACE TEMP TABLE tails (n BIGINT, rank TINYINT, root_id INTEGER, tail VARCHAR);
            CREATE OR REPLACE TEMP TABLE places AS
            SELECT image_id, root_id, path, folded(replace(path, '\\', '/')) AS key,
                coalesce(duplicate_of, image_id) AS photo_id
            FROM images;
            """
        )

    def add(self, paths: Sequence[str]) -> None:
        """The paths of the next entries."""
        numbers = range(self._n, self._n + len(paths))
        stored = [to_db(path) for path in paths]
        tidied = [to_db(tidy(path)) for path in paths]
        insert(
            self._db,
            "theirs",
            {"n": np.array(numbers, np.int64), "path": texts(stored), "tidy": texts(tidied)},
        )
        found = [
            (n, rank, root_id, tail)
            for n, path, plain in zip(numbers, stored, tidied, strict=True)
            for rank, root_id, tail in self._tails(path, plain)
        ]
        if found:
            insert(
                self._db,
                "tails",
                {
                    "n": np.array([row[0] for row in found], np.int64),
                    "rank": np.array([row[1] for row in found], np.int8),
                    "root_id": integers([row[2] for row in found], np.int32),
                    "tail": texts(row[3] for row in found),
                },
            )
        self._n += len(paths)

    def match(self) -> int:
        """Decide what each entry means; returns for how many a photo was found."""
        self._db.execute(
            """
            CREATE OR REPLACE TEMP TABLE certain AS
            WITH found AS (
                SELECT t.n, t.rank, p.image_id FROM tails t JOIN places p
                ON t.rank = 0 AND p.path = t.tail AND p.root_id = coalesce(t.root_id, p.root_id)
                UNION ALL
                SELECT t.n, t.rank, p.image_id FROM tails t JOIN places p
                ON t.rank > 0 AND p.key = folded(t.tail) AND p.root_id = coalesce(t.root_id, p.root_id)
            )
            SELECT n, min(image_id) AS image_id, count(DISTINCT image_id) AS k
            FROM (SELECT *, min(rank) OVER (PARTITION BY n) AS best FROM found) WHERE rank = best GROUP BY n
            """
        )
        ((n_certain,),) = self._db.execute("SELECT count(*) FROM certain").fetchall()
        if not n_certain and self._base is None:
            self._match_by_vote()
        self._db.execute(
            """
            CREATE OR REPLACE TEMP TABLE matched AS
            SELECT n, photo_id AS image_id
            FROM (
                SELECT n, image_id FROM certain WHERE k = 1
                QUALIFY count(*) OVER (PARTITION BY image_id) = 1
            )
            JOIN places USING (image_id)
            -- Of the entries for a photo and its exact copies one counts, the photo's own before a copy's.
            QUALIFY row_number() OVER (PARTITION BY photo_id ORDER BY image_id <> photo_id, n) = 1
            """
        )
        ((n_matched,),) = self._db.execute("SELECT count(*) FROM matched").fetchall()
        return int(n_matched)

    def photos(self, first: int, last: int) -> dict[int, int]:
        """Entry -> image, for the matched ones of ``first`` to before ``last``."""
        found = self._db.execute(
            "SELECT n, image_id FROM matched WHERE n >= ? AND n < ?", [first, last]
        ).fetchall()
        return {int(n): int(image_id) for n, image_id in found}

    def problems(self) -> Iterator[Problem]:
        """The entries without a photo, in the file's order."""
        found = rows(
            self._db,
            "SELECT n, t.path, c.k FROM theirs t LEFT JOIN certain c USING (n)"
            " WHERE n NOT IN (SELECT n FROM matched) ORDER BY n",
        )
        for row in found:
            why = NOT_FOUND if row["k"] is None else TWICE if row["k"] == 1 else AMBIGUOUS
            yield Problem(int(row["n"]), from_db(row["path"]), why)

    def _tails(self, path: str, plain: str) -> Iterator[tuple[int, int | None, str]]:
        """Where a path would surely be meant: rank (the lowest goes first), root, path below it."""
        if self._base is not None:
            root_id, folder = self._base
            yield 1, root_id, f"{folder}/{plain}" if folder else plain
            return
        yield 0, None, path
        yield 2, None, plain
        if "%" in path:  # as Camtrap DP writes what it forbids
            yield 3, None, to_db(os.fsdecode(unquote_to_bytes(path)))
        for root in self._roots:
            name, whole = to_db(root.name), to_db(tidy(root.path))
            if path.startswith(f"{name}/"):
                yield 0, root.root_id, path[len(name) + 1 :]
            if whole and plain.casefold().startswith(f"{whole.casefold()}/"):
                yield 1, root.root_id, plain[len(whole) + 1 :]
            parts = plain.split("/")
            for n, part in enumerate(parts[:-1], start=1):
                if part.casefold() == name.casefold():
                    yield 2, root.root_id, "/".join(parts[n:])

    def _match_by_vote(self) -> None:
        step = max(1, self._n // _SAMPLE)
        pairs = self._db.execute(
            "SELECT DISTINCT t.n, folded(t.tidy), p.root_id, p.key FROM theirs t JOIN places p"
            " ON split_part(p.key, '/', -1) = split_part(folded(t.tidy), '/', -1) WHERE t.n % ? = 0",
            [step],
        ).fetchall()
        votes: Counter[tuple[int, str, str]] = Counter()
        for _, theirs, root_id, ours in pairs:
            if ours.endswith(f"/{theirs}"):
                votes[root_id, "", ours[: -len(theirs)]] += 1
            elif theirs.endswith(f"/{ours}"):
                votes[root_id, theirs[: -len(ours)], ""] += 1
        if not votes:
            return
        (best, most), *others = votes.most_common(2)
        winners = [best] + [way for way, n in others if n == most]
        for root_id, off, before in winners:
            self._db.execute(
                "INSERT INTO certain SELECT t.n, p.image_id, 1 FROM theirs t JOIN places p"
                " ON p.root_id = ? AND starts_with(folded(t.tidy), ?)"
                " AND p.key = ? || substr(folded(t.tidy), ?)",
                [root_id, off, before, len(off) + 1],
            )
        self._db.execute(
            "CREATE OR REPLACE TEMP TABLE certain AS SELECT n, min(image_id) AS image_id,"
            " greatest(count(DISTINCT image_id), ?) AS k FROM certain GROUP BY n",
            [len(winners)],
        )
        if len(winners) == 1:
            self.note = self._explain(*best)

    def _explain(self, root_id: int, off: str, before: str) -> str:
        (name,) = [root.name for root in self._roots if root.root_id == root_id]
        if before:
            return f"Its paths were taken as relative to {printable(from_db(before))} in {printable(name)}."
        return f"Its paths were taken as below {printable(from_db(off))}, which stands for {printable(name)}."

    def _within(self, base: Path) -> tuple[int, str]:
        found = [(root, _below(root, base)) for root in self._roots]
        fitting = [(root.root_id, to_db(below)) for root, below in found if below is not None]
        if not fitting:
            raise UsageError(
                f"{printable(str(base))} lies in no scanned folder.",
                "--base names the folder that the file's paths are relative to: a scanned one, or one in it.",
            )
        return min(fitting, key=lambda pair: len(pair[1]))


def _below(root: Root, folder: Path) -> str | None:
    here = folder.expanduser().absolute()
    for path in (here, here.resolve()):
        if path.is_relative_to(root.path):
            below = path.relative_to(root.path).as_posix()
            return "" if below == "." else below
    return None
