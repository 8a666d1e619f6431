"""Do scaled and full decoding find the same boxes? One command, a table, figures as JSON.

    python benchmarks/agreement.py PHOTOS [PHOTOS ...] [--weights FILE] [--labels FOLDER] [--output FILE]
        [--backend torch|openvino] [--against-float32]

PHOTOS: folders, searched with what lies below. Each photo is decoded in full and resized, as
ultralytics does, and decoded as trailcam does; the same model looks at both. A box of confidence 0.5 or
more is matched if the other decoding has one with an IoU of at least 0.5, whatever its class and
confidence (from 0.05). With --labels (YOLO's text files, named as the photos, and their data.yaml in a
folder above), AP50 of both decodings is computed for each class that model and labels share; labels of
other classes are neither asked for nor compared with a box that covers one.

With --against-float32 the photo decoded in full is looked at in float32 by torch, whatever precision and
library look at the other: so all that makes trailcam faster is compared with what is slow and plain.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import yaml

from trailcam.detect.model.backend import Backend
from trailcam.detect.model.find_weights import find_weights
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.protocol import Detector
from trailcam.detect.pipeline.decode import Decoded, decode
from trailcam.geometry import iou, xywhn_to_xyxy

SUFFIXES = (".jpg", ".jpeg")
SURE = 0.5
SAME = 0.5  # IoU


@dataclass(frozen=True, eq=False)
class Found:
    """Boxes of one photo: ``xyxy`` 0..1, confidences, class names."""

    xyxy: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    names: list[str]


def main() -> None:
    """Read the arguments, compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path, help="default: the starter model")
    parser.add_argument("--labels", type=Path, help="a folder of YOLO labels")
    parser.add_argument("--at-most", type=int, help="so many photos, chosen at random, always the same ones")
    parser.add_argument("--precision", default="auto", choices=[p.value for p in Precision])
    parser.add_argument("--backend", default="torch", choices=["torch", "openvino"])
    parser.add_argument("--against-float32", action="store_true", help="full decoding, in float32 by torch")
    parser.add_argument("--output", type=Path, help="a JSON file for the figures")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    photos = sorted(p for root in asked.photos for p in root.rglob("*") if p.suffix.lower() in SUFFIXES)
    if asked.at_most and asked.at_most < len(photos):
        photos = sorted(random.Random(0).sample(photos, asked.at_most))
    weights, device = find_weights(asked.weights), torch.device("cpu")
    model = open_detector(
        weights,
        device,
        ModelOptions(precision=Precision(asked.precision), backend=Backend(asked.backend)),
    )
    plain = (
        open_detector(weights, device, ModelOptions(precision=Precision.FLOAT32))
        if asked.against_float32
        else model
    )
    pairs = [(look(plain, p, full=True), look(model, p, full=False)) for p in photos]
    figures = agreement(pairs) | {
        "photos": len(photos),
        "precision": str(model.precision),
        "backend": str(model.backend),
        "against": str(plain.precision),
    }
    if asked.labels:
        figures |= accuracy(photos, pairs, asked.labels, set(model.names.values()))
    for name, value in figures.items():
        print(f"{name:28} {value:.4f}" if isinstance(value, float) else f"{name:28} {value}")
    if asked.output:
        asked.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def look(model: Detector, photo: Path, *, full: bool) -> Found:
    """What the model finds in a photo."""
    seen = decode(photo.read_bytes(), model.frame, full=full)
    if not isinstance(seen, Decoded):
        raise SystemExit(f"{photo}: {seen.message}")
    raw = model.detect(torch.from_numpy(seen.pixels)[None])[0]
    boxes = xywhn_to_xyxy(seen.place.to_xywhn(raw.xyxy), 1, 1)
    return Found(boxes, raw.confidence, [model.names[int(c)] for c in raw.class_id])


def agreement(pairs: list[tuple[Found, Found]]) -> dict[str, float | int]:
    """Share of sure boxes matched, in both directions, and how far confidences and edges move."""
    sure = matched = same_class = 0
    moved: list[float] = []
    shifts: list[float] = []
    for full, scaled in pairs:
        for a, b in ((full, scaled), (scaled, full)):
            overlap = iou(a.xyxy, b.xyxy)
            for i in np.nonzero(a.confidence >= SURE)[0]:
                sure += 1
                if not overlap.shape[1] or overlap[i].max() < SAME:
                    continue
                j = int(overlap[i].argmax())
                matched += 1
                same_class += a.names[i] == b.names[j]
                moved.append(abs(float(a.confidence[i] - b.confidence[j])))
                shifts.append(float(np.abs(a.xyxy[i] - b.xyxy[j]).max()))
    return {
        "sure boxes": sure,
        "matched": matched / max(sure, 1),
        "matched, same class": same_class / max(sure, 1),
        "confidence moves, mean": float(np.mean(moved or [0])),
        "confidence moves, most": float(np.max(moved or [0])),
        "edge moves, mean": float(np.mean(shifts or [0])),
    }


def accuracy(
    photos: list[Path], pairs: list[tuple[Found, Found]], labels: Path, known: set[str]
) -> dict[str, float | int]:
    """mAP50 of both decodings over the classes that model and labels share."""
    names = _class_names(labels)
    truths = [_truth(labels / f"{photo.stem}.txt", names) for photo in photos]
    wanted = sorted(known & {name for _, present in truths for name in present})
    both = []
    for which in (0, 1):
        found = [pair[which] for pair in pairs]
        both.append([average_precision(truths, found, name, known) for name in wanted])
    full, scaled = (float(np.mean(values)) for values in both)
    return {"classes": len(wanted), "mAP50 full": full, "mAP50 scaled": scaled, "mAP50 gain": scaled - full}


def average_precision(
    truths: list[tuple[npt.NDArray[np.float32], list[str]]], found: list[Found], name: str, known: set[str]
) -> float:
    """Area under the precision-recall curve, precision made monotone, at IoU 0.5."""
    rows: list[tuple[float, bool]] = []
    total = 0
    for (boxes, labelled), seen in zip(truths, found, strict=True):
        mine = np.array([label == name for label in labelled], bool)
        open_ = np.array([label not in known for label in labelled], bool)
        total += int(mine.sum())
        taken = np.zeros(len(labelled), bool)
        picks = [i for i, n in enumerate(seen.names) if n == name]
        overlap = iou(seen.xyxy, boxes)
        for i in sorted(picks, key=lambda i: -seen.confidence[i]):
            free = np.where(mine & ~taken, overlap[i], 0)
            if len(free) and free.max() >= SAME:
                taken[int(free.argmax())] = True
                rows.append((float(seen.confidence[i]), True))
            elif not (open_.any() and overlap[i][open_].max() >= SAME):
                rows.append((float(seen.confidence[i]), False))
    if not rows:
        return 0.0
    hits = np.array([hit for _, hit in sorted(rows, key=lambda row: -row[0])], float)
    recall = np.concatenate([[0.0], hits.cumsum() / total])
    precision = np.maximum.accumulate((hits.cumsum() / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float((np.diff(recall) * precision).sum())


def _class_names(labels: Path) -> dict[int, str]:
    for folder in labels.resolve().parents:
        if (folder / "data.yaml").is_file():
            names = yaml.safe_load((folder / "data.yaml").read_text(encoding="utf-8"))["names"]
            return dict(names) if isinstance(names, dict) else dict(enumerate(names))
    raise SystemExit(f"no data.yaml above {labels}")


def _truth(file: Path, names: dict[int, str]) -> tuple[npt.NDArray[np.float32], list[str]]:
    lines = file.read_text(encoding="utf-8").split("\n") if file.is_file() else []
    rows = [[float(v) for v in line.split()] for line in lines if line.strip()]
    centred = np.array([row[1:5] for row in rows], np.float32).reshape(-1, 4)
    half = centred[:, 2:] / 2
    return np.concatenate([centred[:, :2] - half, centred[:, :2] + half], 1), [names[int(r[0])] for r in rows]


if __name__ == "__main__":
    main()
