"""The photos that a detect has to look at, as a file for other machines, and the share of one of them.

Parquet, one row for each photo in the order of the disk; the file's metadata hold what a share needs to
know: the roots, the model, and the settings that change boxes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from trailcam.errors import UsageError
from trailcam.selection import Selection
from trailcam.store.database import Connection
from trailcam.store.parquet import copy_rows, in_memory, one_file, read_metadata
from trailcam.store.run_sink import TODO, Todo, todo_of, todo_parameters
from trailcam.store.select import select
from trailcam.words.text import count, printable

_KEY = "trailcam_plan"
_VERSION = 1

# A photo as it was when the list was made: a merge leaves out one that was rescanned since. MD5 is the one
# hash of DuckDB's that is the same in all its versions.
PHOTO = "md5_number_lower(concat_ws('/', i.root_id, i.size_bytes, i.mtime_ns, i.path))"


@dataclass(frozen=True, slots=True)
class ListHead:
    """What a work list says of itself. ``roots`` maps root ids, as texts, to paths.

    ``list_id`` is another for every list; ``library_id`` tells databases apart; ``settings`` are those of
    ``[detect]`` that change boxes. ``trailcam`` is the version that wrote it, ``made_at`` ISO 8601 in UTC.
    """

    list_id: str
    library_id: str
    model_key: str
    weights_sha256: str
    weights_name: str
    settings: Mapping[str, Any]
    roots: Mapping[str, str]
    n_photos: int
    trailcam: str
    made_at: str
    version: int = _VERSION


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """Photos of a work list, and in ``photo`` (n,) uint64 each as it was when the list was made."""

    todo: Todo
    photo: npt.NDArray[np.uint64]

    def without(self, image_ids: npt.NDArray[np.int64]) -> Share:
        """The share without some of its photos."""
        left = ~np.isin(self.todo.image_id, image_ids)
        todo = self.todo
        return Share(
            Todo(
                image_id=todo.image_id[left],
                root_id=todo.root_id[left],
                path=[todo.path[k] for k in np.flatnonzero(left)],
                failed=todo.failed[left],
                video=todo.video[left],
                duration_s=todo.duration_s[left],
                n_undated_left_out=0,
            ),
            self.photo[left],
        )


def count_list(
    db: Connection, selection: Selection, model_key: str, limit: int | None
) -> tuple[int, tuple[int, ...]]:
    """How many photos a work list would hold, and the ids of their roots."""
    with select(db, selection):
        found = db.execute(
            f"SELECT root_id, count(*) FROM ({TODO}) GROUP BY root_id ORDER BY root_id",
            todo_parameters(model_key, limit),
        ).fetchall()
    return sum(int(n) for _, n in found), tuple(int(root_id) for root_id, _ in found)


def write_list(db: Connection, selection: Selection, head: ListHead, limit: int | None, target: Path) -> None:
    """Write the photos that ``head.model_key`` hasn't completed to ``target``."""
    sql = (
        "SELECT row_number() OVER (ORDER BY i.root_id, i.path) - 1 AS n, i.image_id, i.root_id, i.path,"
        f" t.failed, {PHOTO} AS photo, i.is_video, i.duration_s FROM ({TODO}) t"
        " JOIN images i USING (image_id) ORDER BY n"
    )
    with select(db, selection):
        text = json.dumps(asdict(head), sort_keys=True)
        copy_rows(db, sql, todo_parameters(head.model_key, limit), target, {_KEY: text})


def read_list(path: Path) -> ListHead:
    """What a work list says of itself. Raises UsageError for a file that is none, or a newer trailcam's."""
    return read_head(path, _KEY, ListHead, _VERSION, "work list (`trailcam detect --plan FILE` writes one)")


def read_share(path: Path, n_photos: int, shards: int, shard: int) -> Share:
    """Share number ``shard`` (from 0) of ``shards`` of a list of ``n_photos``: neighbours on the disk.

    Raises UsageError for a list that has lost rows.
    """
    first, end = (n_photos * k // shards for k in (shard, shard + 1))
    with in_memory() as db:
        found = db.execute(
            "SELECT * FROM read_parquet($path) WHERE n >= $first AND n < $end ORDER BY n",
            {"path": one_file(path), "first": first, "end": end},
        ).fetchnumpy()
    todo = todo_of(found, 0)
    if len(todo.path) != end - first:
        raise UsageError(
            f"{printable(str(path))} has {len(todo.path):,} of this share's {count(end - first, 'photo')}.",
            "Copy it again from where it was written.",
        )
    return Share(todo, np.asarray(found["photo"], np.uint64))


Head = TypeVar("Head")


def read_head(path: Path, key: str, record: type[Head], version: int, what: str) -> Head:
    """What a file says of itself under ``key``, as a dataclass ``record``.

    Raises UsageError for a file that is none of ``what``, was written by a newer trailcam, or lacks
    something.
    """
    shown = printable(str(path))
    text = read_metadata(path, key)
    if text is None:
        raise UsageError(f"{shown} is no {what}.", "Give the right file.")
    found = json.loads(text)
    names = set(record.__dataclass_fields__)  # type: ignore[attr-defined]  # mypy knows no bound for dataclasses
    if found.get("version", version) > version:
        raise UsageError(
            f"{shown} was written by trailcam {printable(str(found.get('trailcam')))}, which is newer.",
            "Use one version on all machines.",
        )
    if missing := sorted(names - set(found)):
        raise UsageError(f"{shown} doesn't say its {', '.join(missing)}.", "Make it again.")
    return record(**{name: found[name] for name in names})
