"""Each kind of weights: that it opens, the size it is used at, and photos a second.

    python benchmarks/kinds_of_weights.py PHOTOS WEIGHTS... [--rounds 3]

PHOTOS is a folder of JPEGs. Each of WEIGHTS (files, or the TOML file of a pair) is opened as a detect opens
it, by torch on the processor, in float32 and one thread. A round reads, decodes and looks at all photos in
batches of 8, one after the other without the pipeline's overlap; rounds go in turn through all weights. The
median is shown, as a table for docs/models.md.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from trailcam.detect.model.find_weights import find_weights
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.protocol import Detector
from trailcam.detect.pipeline.decode import Decoded, decode

BATCH = 8


def look(detector: Detector, photos: list[bytes]) -> int:
    """Decode and look at all photos; how many boxes there are."""
    shapes: dict[tuple[int, ...], list[np.ndarray]] = {}
    for data in photos:
        decoded = decode(data, detector.frame)
        assert isinstance(decoded, Decoded)
        shapes.setdefault(decoded.pixels.shape, []).append(decoded.pixels)
    boxes = 0
    for frames in shapes.values():
        for first in range(0, len(frames), BATCH):
            batch = torch.from_numpy(np.stack(frames[first : first + BATCH]))
            boxes += sum(len(found.confidence) for found in detector.detect(batch))
    return boxes


def main() -> None:
    """Open all, measure in turn, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("weights", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    photos = [path.read_bytes() for path in sorted(asked.photos.rglob("*.jpg"))]
    options = ModelOptions(precision=Precision.FLOAT32)
    models = {path: open_detector(find_weights(path), torch.device("cpu"), options) for path in asked.weights}
    boxes = {path: look(detector, photos[:BATCH]) for path, detector in models.items()}
    rates: dict[Path, list[float]] = {path: [] for path in models}
    for _ in range(asked.rounds):
        for path, detector in models.items():
            began = time.perf_counter()
            boxes[path] = look(detector, photos)
            rates[path].append(len(photos) / (time.perf_counter() - began))
    print("| file | opened as | px | boxes | photos/s |\n| --- | --- | --- | --- | --- |")
    for path, detector in models.items():
        found = statistics.median(rates[path])
        kind = type(detector).__name__
        print(f"| {path.name} | {kind} | {detector.frame.imgsz} | {boxes[path]:,} | {found:.1f} |")


if __name__ == "__main__":
    main()
