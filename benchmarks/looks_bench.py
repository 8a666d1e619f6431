"""How good neighbours are: of crops of one visit, how often another is among the nearest five.

    python benchmarks/looks_bench.py PHOTOS LABELS.jsonl ... [--out FILE]

PHOTOS is a folder of labelled photos, named by the first 16 digits of the `blob` in the labels (one
photo a line: source, blob, scene, boxes: label, x, y, w, h as shares). Crops of bucks are compared;
those of photos that share a source and a scene are one visit. A crop counts as found where one of its
visit, of another photo, is among the nearest five of all.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.nn import functional

from trailcam.bucks_page.cut_crops import cut_square
from trailcam.detect.model.find_weights import find_weights
from trailcam.detect.model.looks import open_looks
from trailcam.detect.model.two_stage import build_finder, build_namer
from trailcam.detect.model.two_stage_file import read_container

BUCKS = {"young", "mid", "mature", "buck"}
PX, MARGIN, BATCH = 224, 0.12, 32
Embedding = Callable[[np.ndarray], np.ndarray]


def read(folder: Path, labels: list[Path]) -> tuple[np.ndarray, list[tuple[str, Any]]]:
    """Crops (n, px, px, 3), and photo and visit (None: none) of each."""
    files = {file.stem: file for file in folder.rglob("*.jpg")}
    rows = [json.loads(line) for path in labels for line in path.open(encoding="utf-8")]
    crops, told = [], []
    for row in rows:
        boxes = [box[1:5] for box in row["boxes"] if box[0] in BUCKS]
        file = files.get(row["blob"][:16])
        if not boxes or file is None:
            continue
        pixels = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
        scene = None if row.get("scene") is None else (row["source"], row["scene"])
        for box in boxes:
            crops.append(cut_square(pixels, tuple(box), PX, MARGIN))
            told.append((row["blob"], scene))
    return np.array(crops), told


def embeddings() -> Iterator[tuple[str, Embedding]]:
    """Name and function of each, (n, px, px, 3) -> (n, d) of length 1."""
    weights = find_weights()
    looks = open_looks(weights, torch.device("cpu"))
    container = read_container(weights.path)
    assert looks is not None
    assert container is not None
    assert container.two is not None
    net = build_namer(container.two, container, "starter")
    finder: Any = build_finder(container, "starter")
    mean = torch.tensor(container.two.mean).view(1, 3, 1, 1)
    std = torch.tensor(container.two.std).view(1, 3, 1, 1)
    layers: Any = net.layers

    @torch.inference_mode()
    def blocks(crops: np.ndarray, skip: int) -> np.ndarray:
        x = (torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255 - mean) / std
        for layer in list(layers)[: len(layers) - skip]:
            x = layer(x)
        return functional.normalize(x.mean((2, 3)), dim=1).numpy()

    @torch.inference_mode()
    def probabilities(crops: np.ndarray) -> np.ndarray:
        x = (torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255 - mean) / std
        return functional.normalize(net(x).softmax(1), dim=1).numpy()

    @torch.inference_mode()
    def backbone(crops: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
        for layer in finder.model[: len(container.one.yaml["backbone"])]:
            x = layer(x)
        return functional.normalize(x.mean((2, 3)), dim=1).numpy()

    def grey(crops: np.ndarray) -> np.ndarray:
        small = [
            cv2.resize(cv2.cvtColor(c, cv2.COLOR_RGB2GRAY), (16, 16), interpolation=3).ravel() for c in crops
        ]
        flat = np.array(small, float)
        flat -= flat.mean(1, keepdims=True)
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    def colours(crops: np.ndarray) -> np.ndarray:
        found = []
        for crop in crops:
            hsv = cv2.cvtColor(crop, cv2.COLOR_RGB2HSV)
            found.append(cv2.calcHist([hsv], [0, 1, 2], None, [8, 4, 4], [0, 180, 0, 256, 0, 256]).ravel())
        flat = np.array(found)
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    yield "second stage, last features", looks
    yield "second stage, two blocks earlier", lambda crops: blocks(crops, 2)
    yield "second stage, probabilities", probabilities
    yield "first stage, backbone", backbone
    yield "colour histogram", colours
    yield "grey picture of 16 x 16 px", grey


def measure(vectors: np.ndarray, told: list[tuple[str, Any]], k: int = 5) -> dict[str, float]:
    """Of crops that have another of their visit: shares found among the nearest ``k``, and as the nearest."""
    scenes = [scene for _, scene in told]
    near = vectors @ vectors.T
    for n, (blob, _) in enumerate(told):
        near[n, [other == blob for other, _ in told]] = -np.inf
    photos = {scene: {b for b, s in told if s == scene} for scene in set(scenes) - {None}}
    asked = [n for n, scene in enumerate(scenes) if scene is not None and len(photos[scene]) > 1]
    best = {n: np.argsort(-near[n])[:k] for n in asked}
    same = {n: [scenes[m] == scenes[n] for m in best[n]] for n in asked}
    others = {n: min(k, len(photos[scenes[n]]) - 1) for n in asked}
    return {
        "crops": len(asked),
        "visits": len({scenes[n] for n in asked}),
        "among_nearest_5": round(float(np.mean([any(same[n]) for n in asked])), 3),
        "nearest": round(float(np.mean([same[n][0] for n in asked])), 3),
        "share_of_possible": round(sum(sum(same[n]) for n in asked) / sum(others.values()), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("labels", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    crops, told = read(args.photos, args.labels)
    rows = []
    for name, embed in embeddings():
        began = time.process_time()
        vectors = np.concatenate([embed(crops[n : n + BATCH]) for n in range(0, len(crops), BATCH)])
        cost = 1000 * (time.process_time() - began) / len(crops)
        row = {
            "embedding": name,
            "numbers": vectors.shape[1],
            "cpu_ms": round(cost, 1),
            **measure(vectors, told),
        }
        rows.append(row)
        print(json.dumps(row), flush=True)
    if args.out:
        args.out.write_text(
            json.dumps({"crops": len(crops), "rows": rows}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
