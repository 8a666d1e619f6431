"""``python -m trailcam.samples OUT``: write the sample library."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from trailcam.samples.library import build_library


def main(argv: list[str] | None = None) -> int:
    """Build the library and say on stderr what is in it; 2 if it can't be written."""
    parser = argparse.ArgumentParser(prog="python -m trailcam.samples", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to; made if absent")
    parser.add_argument(
        "--seed", type=int, default=0, help="another number, other trees and poses (default 0)"
    )
    options = parser.parse_args(argv)
    try:
        samples = build_library(options.out, options.seed)
    except OSError as error:
        sys.stderr.write(f"The sample library can't be written: {error}\n")
        return 2
    stations = Counter(sample.station for sample in samples)
    n_clips = sum(sample.is_video for sample in samples)
    sys.stderr.write(
        f"Sample library in {options.out}: {len(samples) - n_clips} photos and {n_clips} video clips,"
        " drawn except Camphouse\n"
    )
    for station, n_files in sorted(stations.items()):
        sys.stderr.write(f"  {station:<15} {n_files:3d}\n")
    n_bucks = sum(1 for s in samples if {"young", "mid", "mature"} & set(s.drawn))
    n_empty = sum(1 for s in samples if not s.drawn and s.readable)
    sys.stderr.write(f"  with bucks {n_bucks}, empty {n_empty}, broken 1, undated 1\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
