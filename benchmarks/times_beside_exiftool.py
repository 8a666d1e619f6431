"""Compare the times and positions that trailcam and exiftool read: the second table of docs/bad-input.md.

    PYTHONPATH=. python benchmarks/times_beside_exiftool.py FOLDER... [--show]

Every JPEG, PNG, TIFF, WebP and BMP below the FOLDERs, by content. Needs exiftool (Debian:
libimage-exiftool-perl). A file's own name is not read: exiftool knows no times there. Prints the counts as a
Markdown table; --show also names every file on which the two don't agree.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trailcam.media.capture_time import best, readings
from trailcam.media.exif import Header, UnreadableImageError, read_header
from trailcam.media.time_text import ExifTime, parse_exif

KINDS = {"image/" + kind for kind in ("jpeg", "png", "tiff", "webp", "bmp", "x-ms-bmp", "apng", "x-tiff-big")}
_IS_TIME = re.compile(
    r"(DateTimeOriginal|CreateDate|DateTimeDigitized|CreationTime|DateCreated|TimeCreated|ModifyDate|"
    r"DateTimeCreated|GPSDateTime|DateTime)$"
)
_NOT_THE_PHOTOS = ("ICC", "File:", "System", "MPF")
# In the order of trust; of these exiftool's first that is a time is compared.
ORDER = (
    *("ExifIFD:DateTimeOriginal", "IFD0:DateTimeOriginal", "ExifIFD:CreateDate", "IFD0:CreateDate"),
    *("XMP-exif:DateTimeOriginal", "Composite:DateTimeOriginal", "XMP-photoshop:DateCreated"),
    *("XMP-exif:DateTimeDigitized", "XMP-xmp:CreateDate", "IPTC:DateCreated", "PNG:CreationTime"),
    *("IFD0:ModifyDate", "Composite:GPSDateTime"),
)
SAME_DEGREES = 1e-5


def main() -> int:
    """Read with both, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    parser.add_argument("--show", action="store_true", help="name each file on which they don't agree")
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    for tags in by_exiftool(given.folders):
        if tags.get("File:MIMEType") not in KINDS:
            continue
        path = tags["SourceFile"]
        try:
            verdicts = beside(read_header(path), tags)
        except UnreadableImageError as error:
            verdicts = (f"refused by trailcam: {error.code}",)
        counts.update(("files", *verdicts))
        if given.show and not all(verdict.endswith(("same", "neither")) for verdict in verdicts):
            print(f"{path}: {', '.join(verdicts)}", file=sys.stderr)
    print("| | files |\n|---|---|")
    for verdict, n in sorted(counts.items()):
        print(f"| {verdict} | {n:,} |")
    return 0


def by_exiftool(folders: list[str]) -> list[dict[str, Any]]:
    """exiftool's tags of every file, each with its group: "ExifIFD:DateTimeOriginal"."""
    command = ["exiftool", "-r", "-j", "-G1", "-n", "-q", "-q", "-api", "LargeFileSupport=1"]
    command += ["-SourceFile", "-File:MIMEType", "-time:all", "-gps:all", "-composite:all", *folders]
    found: list[dict[str, Any]] = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    return found


def beside(header: Header, tags: Mapping[str, Any]) -> tuple[str, str]:
    """What both say of one file's time, and of its position."""
    note = header.note.at if header.note else None
    ours, _ = best(readings(header.times, "x", datetime(2100, 1, 1), note))
    named = [key for key in tags if _IS_TIME.search(key) and not key.startswith(_NOT_THE_PHOTOS)]
    parsed = [parse_exif(ExifTime(str(tags[key]))) for key in ORDER if key in tags]
    theirs = next((found[0] for found in parsed if found), None)
    time = _compared(ours.at, theirs, has_theirs=bool(named))
    return f"time: {time}", f"position: {_position(header, tags)}"


def _compared(ours: datetime | None, theirs: datetime | None, *, has_theirs: bool) -> str:
    if ours is None or not has_theirs:
        return ("neither", "only exiftool", "only trailcam")[has_theirs + 2 * (ours is not None)]
    if theirs is None:
        return "exiftool's is no time that trailcam knows"
    return "same" if ours.replace(microsecond=0) == theirs.replace(microsecond=0) else "differs"


def _position(header: Header, tags: Mapping[str, Any]) -> str:
    theirs = [_degrees(tags, name, minus) for name, minus in (("Latitude", "S"), ("Longitude", "W"))]
    if None in theirs or header.latitude is None or header.longitude is None:
        return ("neither", "only exiftool", "only trailcam")[
            (None not in theirs) + 2 * (header.latitude is not None)
        ]
    ours = (header.latitude, header.longitude)
    near = all(abs(a - b) < SAME_DEGREES for a, b in zip(ours, theirs, strict=True) if b is not None)
    return "same" if near else "differs"


def _degrees(tags: Mapping[str, Any], name: str, minus: str) -> float | None:
    try:
        degrees = float(tags[f"GPS:GPS{name}"])
    except (KeyError, TypeError, ValueError):
        return None
    return -degrees if str(tags.get(f"GPS:GPS{name}Ref", "")).upper().startswith(minus) else degrees


if __name__ == "__main__":
    sys.exit(main())
