"""``duplicates``: exact copies of photos, as the last scans found them."""

from __future__ import annotations

from trailcam.reports.base import CellType, Column, Report, laid_out
from trailcam.store.contents import duplicates
from trailcam.store.database import Connection
from trailcam.words.text import count

COLUMNS = (
    Column("n", "group", CellType.COUNT),
    Column("role", "role", CellType.TEXT),
    Column("root", "root", CellType.TEXT, spare=1, wraps=True),
    Column("path", "path", CellType.TEXT, wraps=True),
    Column("station", "station", CellType.TEXT, spare=0, wraps=True),
    Column("size_bytes", "bytes", CellType.COUNT),
    Column("status", "status", CellType.TEXT),
    Column("verified", "verified", CellType.FLAG),
    Column("image_id", "image", CellType.COUNT, shown=False),
)


def duplicate_list(db: Connection) -> Report:
    """Every photo with copies or thumbnails: a row for each file, the photo itself (``role`` photo) first.

    ``n`` numbers the photos. ``status`` is the photo's. ``verified``: all bytes of both files were read and
    are equal; else head, tail and size are, and one of the files couldn't be read since.
    """
    found = duplicates(db)
    copies = [row for row in found if row["role"] == "copy"]
    unverified = sum(not row["verified"] for row in copies)
    thumbnails = [row for row in found if row["role"] == "thumbnail"]
    notes = ["There are no exact copies."]
    if copies:
        size = sum(row["size_bytes"] for row in copies) / 1e6
        photos = count(len({row["n"] for row in copies}), "photo")
        notes = [
            f"{count(len(copies), 'exact copy', 'exact copies')} of {photos}, {size:,.1f} MB."
            " Reports, galleries and exports count each photo once: the file whose role is photo."
        ]
    if thumbnails:
        notes.append(
            f"{count(len(thumbnails), 'thumbnail')} of photos that are here in full: one moment in two sizes."
        )
    if unverified:
        notes.append(
            f"{count(unverified, 'copy', 'copies')} could not be compared to the last byte, as one of the two"
            " files wasn't there. The next scan with both drives connected does it."
        )
    return Report(
        name="duplicates",
        title="Duplicates",
        filters={},
        coverage={
            "photos": len({row["n"] for row in found}),
            "copies": len(copies),
            "unverified": unverified,
            "thumbnails": len(thumbnails),
        },
        columns=COLUMNS,
        rows=laid_out(found, COLUMNS),
        notes=notes,
    )
