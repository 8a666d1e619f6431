"""A photo by what a user calls it."""

from __future__ import annotations

from pathlib import Path

from trailcam.errors import UsageError
from trailcam.store.contents import photos_of
from trailcam.store.database import Connection
from trailcam.store.paths import from_db, to_db
from trailcam.words.text import printable


def find_image(db: Connection, name: str) -> int:
    """The id of the photo ``name``: its number, its path, or its path from the scanned folder on.

    A copy of a photo means the photo.

    Raises UsageError where there is none, or where several could be meant.
    """
    number = int(name) if name.isascii() and name.isdigit() and len(name) < 19 else None
    if number and db.execute("SELECT 1 FROM images WHERE image_id = ?", [number]).fetchall():
        return photos_of(db, [number]).get(number, number)
    here = Path(name).absolute()
    wanted = {(None, Path(name).as_posix())}
    for root_id, path in db.execute("SELECT root_id, path FROM roots").fetchall():
        root = Path(from_db(path))
        for full in (here, here.resolve()):
            if full.is_relative_to(root):
                wanted.add((root_id, full.relative_to(root).as_posix()))
    found = {
        int(image_id)
        for root_id, path in wanted
        for (image_id,) in db.execute(
            "SELECT image_id FROM images WHERE path = $path AND root_id = coalesce($root, root_id)",
            {"path": to_db(path), "root": root_id},
        ).fetchall()
    }
    copies = photos_of(db, sorted(found))
    found = {copies.get(image_id, image_id) for image_id in found}
    if len(found) == 1:
        return found.pop()
    if found:
        numbers = ", ".join(map(str, sorted(found)))
        raise UsageError(f'Several photos are called "{printable(name)}".', f"Name one by number: {numbers}.")
    raise UsageError(
        f'There is no photo "{printable(name)}" in the library.',
        "Give its path, whole or from the scanned folder on, or its number.",
    )
