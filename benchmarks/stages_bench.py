"""What does the second stage cost? One command, a table.

    python benchmarks/stages_bench.py PHOTOS [PHOTOS ...] [--weights FILE] [--at-most 20] [--threads 1]

PHOTOS: folders, searched with what lies below; of each, a sample that is always the same. Photos are decoded
once; then both stages and the first alone take turns over each folder, five times. The medians of wall time
and of processor time are given: on a busy machine the second is the steadier one.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from dataclasses import replace
from pathlib import Path

import torch

from trailcam.detect.model.find_weights import Weights, find_weights
from trailcam.detect.model.protocol import Detector
from trailcam.detect.model.two_stage import TwoStageDetector
from trailcam.detect.model.two_stage_file import Container, read_container
from trailcam.detect.pipeline.decode import Decoded, decode

ROUNDS = 5
SUFFIXES = (".jpg", ".jpeg")


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path, help="two stages in one file; default: the starter model")
    parser.add_argument("--at-most", type=int, default=20, help="photos of each folder")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    weights = find_weights(asked.weights)
    container = read_container(weights.path)
    if container is None or container.two is None:
        raise SystemExit(f"{weights.path} has no second stage")
    models = {"first": opened(replace(container, two=None), weights), "both": opened(container, weights)}
    print(f"{torch.get_num_threads()} thread(s), {models['both'].precision}, medians of {ROUNDS}")
    print("folder            photos  boxes  stages  photos/s  processor ms a photo")
    for folder in asked.photos:
        frames = decoded(folder, asked.at_most, models["both"])
        boxes = sum(len(models["both"].detect(frame)[0].confidence) for frame in frames)
        for name, (wall, busy) in measured(models, frames).items():
            each = f"{boxes / len(frames):6.1f}  {name:6}  {len(frames) / wall:8.1f}"
            print(f"{folder.name:16}  {len(frames):6}  {each}  {1000 * busy / len(frames):8.0f}")


def opened(container: Container, weights: Weights) -> Detector:
    """The stages of ``container`` on the processor."""
    return TwoStageDetector(container, weights, torch.device("cpu"))


def decoded(folder: Path, at_most: int, model: Detector) -> list[torch.Tensor]:
    """Frames (1, h, w, 3) of a sample of a folder's photos."""
    photos = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    chosen = random.Random(0).sample(photos, min(at_most, len(photos)))
    seen = [decode(p.read_bytes(), model.frame) for p in chosen]
    return [torch.from_numpy(s.pixels)[None] for s in seen if isinstance(s, Decoded)]


def measured(models: dict[str, Detector], frames: list[torch.Tensor]) -> dict[str, tuple[float, float]]:
    """Median seconds of wall and of processor time for all frames, the models in turn."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    for _ in range(ROUNDS):
        for name, model in models.items():
            wall, busy = time.perf_counter(), time.process_time()
            for frame in frames:
                model.detect(frame)
            times[name].append((time.perf_counter() - wall, time.process_time() - busy))
    return {
        name: (statistics.median(w for w, _ in t), statistics.median(b for _, b in t))
        for name, t in times.items()
    }


if __name__ == "__main__":
    main()
