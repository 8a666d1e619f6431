"""Paths as other programs write them, matched with the photos of the library.

Programs write paths relative to some folder, absolute, with backslashes or with a drive letter. Certain
matches come first, each photo by itself: its path relative to a root as it is stored; the root's own path
before it; then the same without regard to case, slashes and Unicode forms, also below a folder that has the
root's name.

If no path of a file is found that way, all of them are relative to one other folder: a sample votes on what
to take off the paths and to put before them, and one answer must win. Camera file names repeat from card to
card, so the file name alone never matches a photo against the vote.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import numpy as np

from trailcam.errors import UsageError
from trailcam.files.home import at_home
from trailcam.store.columns import insert, integers, texts, times
from trailcam.store.database import Connection, rows
from trailcam.store.images import Root, roots
from trailcam.store.paths import from_db, to_db
from trailcam.words.text import printable

_SAMPLE = 500  # entries that vote
_DRIVE = re.compile(r"(?:/*[?.]/)?[A-Za-z]:/?")
BATCH = 20_000  # entries to match and write at once
NOT_FOUND = "no photo of the library has this path"
AMBIGUOUS = "several photos of the library could be meant"
TWICE = "another entry contradicts it about the same photo"
_ZONES_APART_S = 26 * 3600  # what a program that writes times of another zone may differ by


class Problem(NamedTuple):
    """Entry ``n`` of a file, left out; ``path`` as the file has it, ``why`` begins in lower case.

    ``place`` names what belongs to no entry ("annotations[7]"); then ``n`` only orders the list.
    """

    n: int
    path: str
    why: str
    place: str = ""


class Misdated(NamedTuple):
    """An entry's path and time, and its photo's capture time; both times are naive."""

    path: str
    theirs: datetime
    ours: datetime


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
    found out. ``note`` says what was found out; ``n_repeated`` entries repeat another's photo and content.
    Raises UsageError where ``base`` lies in no scanned folder.
    """

    def __init__(self, db: Connection, base: Path | None = None) -> None:
        self._db = db
        self._roots = roots(db)
        self._base = None if base is None else self._within(base)
        self._n = 0
        self.note = ""
        self.n_repeated = 0
        db.execute(
            """
            CREATE OR REPLACE TEMP MACRO folded(t) AS lower(nfc_normalize(t));
            CREATE OR REPLACE TEMP TABLE theirs
                (n BIGINT, path VARCHAR, tidy VARCHAR, content VARCHAR, taken TIMESTAMP);
            CREATE OR REPLACE TEMP TABLE tails (n BIGINT, rank TINYINT, root_id INTEGER, tail VARCHAR);
            CREATE OR REPLACE TEMP TABLE places AS
            SELECT image_id, root_id, path, folded(replace(path, '\\', '/')) AS key,
                coalesce(duplicate_of, thumbnail_of, image_id) AS photo_id, captured_at
            FROM images;
            """
        )

    def add(
        self,
        paths: Sequence[str],
        contents: Sequence[str] | None = None,
        taken: Sequence[datetime | None] | None = None,
    ) -> None:
        """The paths of the next entries; "" for one that has none.

        ``contents``: texts that are equal where two entries say the same, so that a repetition counts once;
        without it no two do. ``taken``: times by the camera's clock, naive.
        Where no photo has the path, it means the one of its file name and time.
        """
        numbers = range(self._n, self._n + len(paths))
        stored = [to_db(path) for path in paths]
        tidied = [to_db(tidy(path)) for path in paths]
        insert(
            self._db,
            "theirs",
            {
                "n": np.array(numbers, np.int64),
                "path": texts(stored),
                "tidy": texts(tidied),
                "content": texts(contents or [None] * len(paths)),
                "taken": times(taken or [None] * len(paths)),
            },
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
                SELECT t.n, 9, p.image_id FROM theirs t JOIN places p
                ON t.taken IS NOT NULL AND split_part(p.key, '/', -1) = split_part(folded(t.tidy), '/', -1)
                    AND p.captured_at BETWEEN t.taken - INTERVAL 2 SECOND AND t.taken + INTERVAL 2 SECOND
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
        # Of entries for one photo that say the same, and of entries for a photo and its exact copies, one
        # counts: the photo's own before a copy's, else the first. Entries that contradict each other don't.
        self._db.execute(
            """
            CREATE OR REPLACE TEMP TABLE claims AS
            SELECT n, photo_id, image_id <> photo_id AS by_copy, coalesce(content, n::VARCHAR) AS content,
                count(DISTINCT coalesce(content, n::VARCHAR)) OVER (PARTITION BY image_id) AS answers
            FROM certain JOIN theirs USING (n) JOIN places USING (image_id) WHERE k = 1;
            CREATE OR REPLACE TEMP TABLE matched AS
            SELECT n, photo_id AS image_id, content FROM claims WHERE answers = 1
            QUALIFY row_number() OVER (PARTITION BY photo_id ORDER BY by_copy, n) = 1;
            CREATE OR REPLACE TEMP TABLE repeated AS
            SELECT c.n FROM claims c JOIN matched m ON m.image_id = c.photo_id
            WHERE c.answers = 1 AND c.content = m.content AND c.n <> m.n
            """
        )
        ((n_matched,),) = self._db.execute("SELECT count(*) FROM matched").fetchall()
        ((self.n_repeated,),) = self._db.execute("SELECT count(*) FROM repeated").fetchall()
        return int(n_matched)

    def photos(self, first: int, last: int) -> dict[int, int]:
        """Entry -> image, for the matched ones of ``first`` to before ``last``."""
        found = self._db.execute(
            "SELECT n, image_id FROM matched WHERE n >= ? AND n < ?", [first, last]
        ).fetchall()
        return {int(n): int(image_id) for n, image_id in found}

    def misdated(self) -> list[Misdated]:
        """Matched entries whose time is more than 26 hours from all that their photo says of its time."""
        found = self._db.execute(
            """
            SELECT t.path, t.taken, p.captured_at
            FROM matched JOIN theirs t USING (n) JOIN places p USING (image_id)
            WHERE abs(epoch(t.taken) - epoch(p.captured_at)) > $apart AND NOT EXISTS (
                FROM time_readings r
                WHERE r.image_id = p.image_id AND abs(epoch(t.taken) - epoch(r.value)) <= $apart
            ) ORDER BY n
            """,
            {"apart": _ZONES_APART_S},
        ).fetchall()
        return [Misdated(from_db(path), theirs, ours) for path, theirs, ours in found]

    def problems(self) -> Iterator[Problem]:
        """The entries without a photo, in the file's order."""
        found = rows(
            self._db,
            "SELECT n, t.path, c.k FROM theirs t LEFT JOIN certain c USING (n)"
            " WHERE n NOT IN (SELECT n FROM matched) AND n NOT IN (SELECT n FROM repeated) ORDER BY n",
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
            votes[root_id, *_ways(theirs, ours)] += 1
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
        if before and off:
            old, new = printable(from_db(off)), printable(from_db(before))
            return f"Its paths were taken as below {old}, which stands for {new} in {printable(name)}."
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


def _ways(theirs: str, ours: str) -> tuple[str, str]:
    """What to take off a path and to put before it, so that it is ours: all that they don't end in alike."""
    while True:
        theirs, _, last = theirs.rpartition("/")
        ours, _, own = ours.rpartition("/")
        if last != own:
            return "/".join([theirs, last][not theirs :]) + "/", "/".join([ours, own][not ours :]) + "/"
        if not theirs or not ours:
            return theirs and f"{theirs}/", ours and f"{ours}/"


def _below(root: Root, folder: Path) -> str | None:
    here = at_home(folder).absolute()
    for path in (here, here.resolve()):
        if path.is_relative_to(root.path):
            below = path.relative_to(root.path).as_posix()
            return "" if below == "." else below
    return None
