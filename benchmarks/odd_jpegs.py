"""Judge the JPEGs of folders by djpeg, Pillow and trailcam: the first table of docs/bad-input.md.

    PYTHONPATH=. python benchmarks/odd_jpegs.py FOLDER... [--show]

A row for each FOLDER, a Markdown table on stdout. A file counts if it begins as a JPEG does, whatever its
name is. Needs djpeg (Debian: libjpeg-turbo-progs). Among the files of docs/bad-input.md are the tests of
libjpeg-turbo, Pillow, Exiv2, TwelveMonkeys, sharp and image-rs, metadata-extractor-images, exif-samples,
corkami's pics, and libjpeg-turbo's seed-corpora.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from trailcam.detect.pipeline.decode import Failed, decode_whole

TIMEOUT_S = 60
AGREED = (("clean", "reads", "looked at"), ("refuses", "rejects", "failed"))


def main() -> int:
    """Judge, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--show", action="store_true", help="name each file that the three don't agree on")
    given = parser.parse_args()
    print("| JPEGs of | files | djpeg: clean / warns / refuses | Pillow: reads / rejects |", end="")
    print(" trailcam: looked at / failed |\n|---|---|---|---|---|")
    for folder in given.folders:
        counts: Counter[str] = Counter()
        for path, data in jpegs(folder):
            verdicts = (djpeg(data), pillow(data), trailcam(data))
            counts.update(("files", *verdicts))
            if given.show and verdicts not in AGREED:
                words = "djpeg {}, Pillow {}, trailcam {}".format(*verdicts)
                print(f"{path}: {words}", file=sys.stderr)
        row = (("files",), ("clean", "warns", "refuses"), ("reads", "rejects"), ("looked at", "failed"))
        cells = (" / ".join(f"{counts[word]:,}" for word in words) for words in row)
        print(f"| {folder.name} | {' | '.join(cells)} |")
    return 0


def jpegs(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """The files below ``folder`` that begin with a JPEG's first marker."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                start = file.read(3)
            if start == b"\xff\xd8\xff":
                yield path, path.read_bytes()


def djpeg(data: bytes) -> str:
    """clean, warns or refuses: what libjpeg-turbo's own program makes of it."""
    command = ["djpeg", "-outfile", "/dev/null"]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return "refuses"
    if done.returncode not in (0, 2):  # 2: there were warnings
        return "refuses"
    return "warns" if done.stderr or done.returncode else "clean"


def pillow(data: bytes) -> str:
    """reads or rejects."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                image.load()
    except Exception:  # noqa: BLE001 - damaged files raise nearly anything
        return "rejects"
    return "reads"


def trailcam(data: bytes) -> str:
    """looked at or failed."""
    return "failed" if isinstance(decode_whole(data), Failed) else "looked at"


if __name__ == "__main__":
    sys.exit(main())
