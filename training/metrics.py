"""Detections on labelled photos and the figures that come of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from data import ANTLERED, ANTLERLESS, COARSE, DEER, DEER_LABELS, FINE, Photo, coarse, fine
from torch import nn
from torchvision.ops import nms

from trailcam.detect.model.precision import Precision, choose_precision

Detections = dict[str, np.ndarray]  # boxes (n, 4) normalised xyxy, scores (n,), classes (n,)


def letterbox(image: np.ndarray, size: int) -> tuple[np.ndarray, float, int, int]:
    """Fit the long side to `size`, pad to multiples of 32; also scale and the padding at left and top."""
    h, w = image.shape[:2]
    s = size / max(h, w)
    nh, nw = round(h * s), round(w * s)
    image = cv2.resize(image, (nw, nh), interpolation=cv2.INTER_AREA if s < 1 else cv2.INTER_LINEAR)
    height, width = -(-nh // 32) * 32, -(-nw // 32) * 32
    top, left = (height - nh) // 2, (width - nw) // 2
    out = np.full((height, width, 3), 114, np.uint8)
    out[top : top + nh, left : left + nw] = image
    return out, s, left, top


def run(
    photos: list[Photo], size: int, forward: Callable[[torch.Tensor], list], batch: int = 16
) -> list[Detections]:
    """Letterbox, group by shape, call `forward` and give normalised boxes in the photos' order."""
    prepared: dict[tuple[int, int], list] = {}
    for i, photo in enumerate(photos):
        image = photo.image()
        boxed, s, left, top = letterbox(image, size)
        prepared.setdefault(boxed.shape[:2], []).append((i, boxed, s, left, top, image.shape))
    found: list[Detections] = [{} for _ in photos]
    for group in prepared.values():
        for k in range(0, len(group), batch):
            part = group[k : k + batch]
            x = torch.from_numpy(np.stack([g[1] for g in part]).transpose(0, 3, 1, 2).copy())
            with torch.inference_mode():
                results = forward(x)
            for (i, _, s, left, top, (h, w, _)), (boxes, scores, classes) in zip(part, results, strict=True):
                b = boxes.float().cpu().numpy() - np.array([left, top, left, top], np.float32)
                b = (b / s / np.array([w, h, w, h], np.float32)).clip(0, 1)
                found[i] = {
                    "boxes": b,
                    "scores": scores.float().cpu().numpy(),
                    "classes": classes.cpu().numpy(),
                }
    return found


def decode(raw: torch.Tensor, floor: float, iou: float, most: int) -> list[tuple]:
    """One class-agnostic NMS an image over (batch, 4 + classes, anchors)."""
    out = []
    for one in raw.float():
        scores, classes = one[4:].max(0)
        keep = scores > floor
        scores, classes, xywh = scores[keep], classes[keep], one[:4, keep].T
        boxes = torch.cat([xywh[:, :2] - xywh[:, 2:] / 2, xywh[:, :2] + xywh[:, 2:] / 2], 1)
        order = nms(boxes, scores, iou)[:most]
        out.append((boxes[order], scores[order], classes[order]))
    return out


def mixed(device: torch.device) -> torch.autocast:
    """bfloat16 where the hardware computes it; a processor that only imitates it is several times slower."""
    native = device.type != "cpu" or choose_precision(Precision.AUTO, device) is Precision.BFLOAT16
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=native)


def detect(model: nn.Module, photos: list[Photo], size: int, floor: float = 0.01) -> list[Detections]:
    """What a YOLO model alone finds."""
    model.eval()
    device = next(model.parameters()).device

    def forward(x: torch.Tensor) -> list:
        x = x.to(device).float().div_(255).contiguous(memory_format=torch.channels_last)
        with mixed(device):
            raw = model(x)
        return decode(raw[0] if isinstance(raw, tuple) else raw, floor, 0.6, 100)

    return run(photos, size, forward)


def ious(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union, all pairs."""
    lt, rb = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    wh = (rb - lt).clip(0)
    inter = wh[..., 0] * wh[..., 1]
    area = lambda x: (x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1])
    return inter / np.maximum(area(a)[:, None] + area(b)[None] - inter, 1e-9)


Matches = list[
    tuple[np.ndarray, np.ndarray, int]
]  # a photo's scores, hits (1, 0, -1 ignored) and number of truths


def match(
    photos: list[Photo], found: list[Detections], wanted: Callable[[str], bool], open_: Callable[[str], bool],
    scores_of: Callable[[Detections], np.ndarray], iou: float = 0.5,
) -> Matches:  # fmt: skip
    """Match detections to the boxes of one class; boxes for which `open_` holds and incomplete photos don't punish."""
    out: Matches = []
    for photo, d in zip(photos, found, strict=True):
        scores = scores_of(d)
        order = np.argsort(-scores)
        order = order[scores[order] > 0]
        truth = photo.xyxy()
        want = np.array([wanted(b.label) for b in photo.boxes], bool)
        maybe = np.array([open_(b.label) for b in photo.boxes], bool)
        hits = np.zeros(len(order), np.int8)
        if len(order) and len(truth):
            overlap = ious(d["boxes"][order], truth)
            taken = np.zeros(len(truth), bool)
            for k in range(len(order)):
                free = np.where(want & ~taken, overlap[k], 0)
                if free.size and free.max() >= iou:
                    taken[free.argmax()] = True
                    hits[k] = 1
                elif maybe.any() and overlap[k][maybe].max() >= iou:
                    hits[k] = -1
        if not photo.complete:
            hits[hits == 0] = -1
        out.append((scores[order], hits, int(want.sum())))
    return out


def average_precision(matches: Matches) -> float:
    """Area under the precision-recall curve, 101 points; NaN without truths."""
    total = sum(m[2] for m in matches)
    if not total:
        return float("nan")
    scores = np.concatenate([m[0] for m in matches])
    hits = np.concatenate([m[1] for m in matches])
    scores, hits = scores[hits >= 0], hits[hits >= 0]
    order = np.argsort(-scores, kind="stable")
    tp = np.cumsum(hits[order] == 1)
    fp = np.cumsum(hits[order] == 0)
    recall, precision = tp / total, tp / np.maximum(tp + fp, 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1] if len(precision) else precision
    grid = np.linspace(0, 1, 101)
    at = np.searchsorted(recall, grid, side="left")
    return float(np.mean([precision[i] if i < len(precision) else 0.0 for i in at]))


def of_class(names: tuple[str, ...], name: str) -> Callable[[Detections], np.ndarray]:
    """Scores of one class, 0 elsewhere."""
    index = names.index(name)
    return lambda d: np.where(d["classes"] == index, d["scores"], 0.0)


def of_group(names: tuple[str, ...], group: set[str]) -> Callable[[Detections], np.ndarray]:
    """Scores of a group of classes, 0 elsewhere."""
    indices = [i for i, n in enumerate(names) if n in group]
    return lambda d: np.where(np.isin(d["classes"], indices), d["scores"], 0.0)


def class_matches(
    photos: list[Photo], found: list[Detections], names: tuple[str, ...], iou: float = 0.5
) -> dict[str, Matches]:
    """Matches of every class; deer of unknown sex or size are open for the classes they may belong to."""
    out = {}
    for name in names:
        if len(names) == len(COARSE):
            wanted, open_ = (lambda x, n=name: coarse(x) == n), (lambda x: False)
        else:
            wanted = lambda x, n=name: fine(x) == n
            bucks = {"deer", "buck"} if name in ANTLERED else {"deer"}
            open_ = lambda x, n=name, u=bucks: n in DEER and x in u
        out[name] = match(photos, found, wanted, open_, of_class(names, name), iou)
    return out


def group_matches(
    photos: list[Photo], found: list[Detections], names: tuple[str, ...], group: str
) -> Matches:
    """Matches of `antlered`, `antlerless` or `deer`, whatever the fine class."""
    labels = {"antlered": ANTLERED, "antlerless": ANTLERLESS, "deer": DEER_LABELS}[group]
    own = set(labels) | ({"deer"} if len(names) == len(COARSE) else set())
    return match(
        photos, found, lambda x: x in labels, lambda x: x == "deer" and group != "deer",
        of_group(names, own & set(names)),
    )  # fmt: skip


def photo_scores(
    found: list[Detections], names: tuple[str, ...], group: set[str] | frozenset[str]
) -> np.ndarray:
    """Each photo's best score for a group of classes."""
    scores = of_group(names, set(group))
    return np.array([max(scores(d), default=0.0) for d in found])


def precision_recall(scores: np.ndarray, truth: np.ndarray, threshold: float) -> tuple[float, float]:
    """Image-level precision and recall."""
    said = scores >= threshold
    return float(truth[said].mean()) if said.any() else 1.0, float(
        said[truth].mean()
    ) if truth.any() else float("nan")


def best_f1(scores: np.ndarray, truth: np.ndarray) -> float:
    """The threshold with the best image-level F1, in the middle of its gap."""
    order = np.argsort(-scores)
    tp = np.cumsum(truth[order])
    f1 = 2 * tp / (np.arange(1, len(order) + 1) + truth.sum())
    k = int(f1.argmax())
    after = scores[order[k + 1]] if k + 1 < len(order) else 0.0
    return float((scores[order[k]] + after) / 2)


def has(photos: list[Photo], labels: frozenset[str] | set[str]) -> np.ndarray:
    """Which photos hold one of the labels."""
    return np.array([any(b.label in labels for b in p.boxes) for p in photos])


def quick(found: list[Detections], photos: list[Photo], names: tuple[str, ...]) -> dict[str, Any]:
    """A few figures to watch a training by."""
    ap = {n: average_precision(m) for n, m in class_matches(photos, found, names).items()}
    deer = {"deer"} if len(names) == len(COARSE) else set(DEER)
    usable = np.array([p.complete or any(b.label in DEER_LABELS for b in p.boxes) for p in photos])
    scores, truth = photo_scores(found, names, deer)[usable], has(photos, DEER_LABELS)[usable]
    at = best_f1(scores, truth)
    precision, recall = precision_recall(scores, truth, at)
    out = {"map50": float(np.nanmean(list(ap.values()))), "ap50": {k: round(v, 3) for k, v in ap.items()}}
    out |= {"deer_at": round(at, 3), "deer_precision": precision, "deer_recall": recall}
    if len(names) == len(FINE):
        for group in ("antlered", "antlerless", "deer"):
            out[group] = average_precision(group_matches(photos, found, names, group))
    return out
