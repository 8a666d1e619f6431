"""What the second stage learns from: crops of labelled boxes, of boxes that the first stage really gives, of scenery.

Imported by train_namer.py. Classes that the data can't bear are merged: bear (8 training boxes), dog (10), opossum,
skunk, horse and all tropical or farm animals are `animal`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import augment
import cv2
import numpy as np
from data import ANTLERED, DEER, DEER_LABELS, Photo
from metrics import ious, letterbox
from train_classifier import Crop

NAMES = (
    *DEER, "other_deer", "coyote", "hog", "turkey", "raccoon", "fox", "bobcat", "squirrel", "bird", "cow", "person",
    "vehicle", "animal", "none",
)  # fmt: skip
NEW = ("other_deer", "bobcat", "squirrel", "bird", "cow")  # since 0.4
DEER_PART, NONE = len(DEER), NAMES.index("none")
SHARE = {
    "doe": 0.145, "fawn": 0.06, "young": 0.085, "mid": 0.085, "mature": 0.075, "buck": 0.02, "deer": 0.03,
    "other_deer": 0.06, "coyote": 0.05, "hog": 0.05, "turkey": 0.05, "raccoon": 0.045, "fox": 0.045, "bobcat": 0.025,
    "squirrel": 0.025, "bird": 0.03, "cow": 0.035, "person": 0.06, "vehicle": 0.03, "animal": 0.065, "none": 0.115,
}  # fmt: skip
WEAK_SHARE = 0.35  # of a class's views, where it has both labelled boxes and photos that nobody boxed
LOW_WEIGHT = "marshallclinesmith/sandcreekwhitetail.com"  # a deer farm, hand-held
LOW_SHARE = 0.3
EMPTY = "27"
WEAK = {  # what the sources' own folders and tables say of photos that nobody boxed
    EMPTY: "none", "25": "vehicle", "person": "person", "vehicle": "vehicle", "1": "cow", "3": "coyote", "4": "other_deer", "13": "bobcat", "14": "animal", "20": "animal", "21": "squirrel",
    "22": "hog", "23": "fox", "Eastern Gray Squirrel": "squirrel",
    "Eastern Fox Squirrel": "squirrel", "Red Fox": "fox", "Gray Fox": "fox",
}  # fmt: skip


def name_of(label: str) -> str:
    """A raw label as this stage knows it; buck and deer stay open."""
    return label if label in DEER_LABELS or label in NAMES else "animal"


def framed(image: np.ndarray, boxes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A photo as the program frames it, and normalised boxes in its px."""
    frame, scale, left, top = letterbox(image, size)
    h, w = image.shape[:2]
    return frame, boxes * np.array([w, h, w, h]) * scale + np.array([left, top, left, top])


def crops_of(
    photo: Photo, found: np.ndarray, scores: np.ndarray, size: int, rng: np.random.Generator
) -> list[Crop]:
    """Crops of one labelled photo; ``found`` (n, 4) normalised and ``scores`` are the first stage's."""
    truth = photo.xyxy()
    image = photo.image()
    frame, boxes = framed(image, truth, size)
    out = []
    for box, b in zip(boxes, photo.boxes, strict=True):
        if max(box[2] - box[0], box[3] - box[1]) >= 12:
            out.append(Crop(frame, box, name_of(b.label), b.sure, 0.9))
    if len(found):
        _, seen = framed(image, found, size)
        overlap = ious(found, truth) if len(truth) else np.zeros((len(found), 0))
        for k in range(len(found)):
            best = int(overlap[k].argmax()) if overlap.shape[1] else -1
            if best >= 0 and overlap[k, best] >= 0.5:
                b = photo.boxes[best]
                if overlap[k, best] < 0.85:  # nearer ones are as good as the label's box itself
                    out.append(Crop(frame, seen[k], name_of(b.label), b.sure, 0.9))
            elif best >= 0 and part(found[k], truth).max() > 0.7:  # a part of an animal: its species alone
                b = photo.boxes[int(part(found[k], truth).argmax())]
                label = "deer" if b.label in DEER_LABELS else name_of(b.label)
                out.append(Crop(frame, seen[k], label, False, 0.9))
            elif photo.complete and (best < 0 or overlap[k].max() < 0.2) and scores[k] >= 0.03:
                out.append(Crop(frame, seen[k], "none", True, 0.9))
    if photo.complete:
        h, w = frame.shape[:2]
        for _ in range(1 if len(boxes) else 4):
            side = rng.uniform(30, 300)
            x, y = rng.uniform(0, max(w - side, 1)), rng.uniform(0, max(h - side, 1))
            _, inside = augment.clip(boxes, (x, y, x + side, y + side), 0.1)
            if not inside.any():
                out.append(Crop(frame, np.array([x, y, x + side, y + side]), "none", True, 0.9))
    for crop in out:
        crop.source = photo.source
    return out


def part(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Share of a box that lies in each of the others."""
    wh = (np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])).clip(0)
    return wh[:, 0] * wh[:, 1] / max(float((box[2] - box[0]) * (box[3] - box[1])), 1e-9)


def weak_crops(folder: Path, table: Path, size: int) -> list[Crop]:
    """Crops of photos without labels: the surest box of the first stage, named as the source names the photo."""
    out = []
    for row in json.loads(table.read_text()):
        empty = row["weak"] == EMPTY
        if row["weak"] not in WEAK or not row["boxes"] or not (empty or row["scores"][0] >= 0.35):
            continue
        image = cv2.imread(str(folder / f"{row['blob'][:16]}.jpg"))
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        frame, boxes = framed(image, np.array(row["boxes"], np.float32), size)
        for box in boxes[: 3 if empty else 1]:
            crop = Crop(frame, box, WEAK[row["weak"]], True, 0.9)
            crop.source = row["source"]
            out.append(crop)
    return out


def view(crop: Crop, pixels: int, margin: float, rng: np.random.Generator) -> np.ndarray:
    """A jittered, augmented crop as the second stage might see it."""
    n = crop.image.shape[0]
    side = crop.side * (1 + 2 * margin) * rng.uniform(0.78, 1.25)
    shift = 0.09
    if rng.random() < 0.08:  # a close-up: the frame shows a part
        side, shift = side * rng.uniform(0.55, 0.8), 0.2
    cx, cy = n / 2 + rng.uniform(-shift, shift) * crop.side, n / 2 + rng.uniform(-shift, shift) * crop.side
    s = pixels / side
    angle = np.deg2rad(rng.uniform(-10, 10)) if rng.random() < 0.5 else 0.0
    flip = -1 if rng.random() < 0.5 else 1
    stretch = rng.uniform(0.88, 1.14)
    c, sn = math.cos(angle), math.sin(angle)
    m = np.array([[s * stretch * c * flip, -s * sn], [s * stretch * sn * flip, s * c]])
    t = np.array([pixels / 2, pixels / 2]) - m @ np.array([cx, cy])
    image = cv2.warpAffine(
        crop.image, np.hstack([m, t[:, None]]), (pixels, pixels), flags=cv2.INTER_LINEAR, borderValue=(114, 114, 114)
    )  # fmt: skip
    if rng.random() < (0.2 if crop.label in DEER_LABELS else 0.08):
        image = against_the_light(image, rng)
    q = 0.15 * pixels
    inner = np.array([[q, q, pixels - q, pixels - q]], np.float32)
    image = augment.photometric(image, inner, rng, night=0.3)
    if rng.random() < 0.2:  # something stands before it, rarely before the head
        w, h = int(pixels * rng.uniform(0.05, 0.3)), int(pixels * rng.uniform(0.05, 0.3))
        x, y = int(rng.integers(0, pixels - w)), int(rng.integers(pixels // 3, pixels - h))
        image = image.copy()
        image[y : y + h, x : x + w] = rng.integers(0, 256, 3)
    return image


def against_the_light(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A bright sky behind: what is light goes white, what is dark goes black."""
    grey = image.mean(2, keepdims=True) / 255
    pivot = float(np.quantile(grey, rng.uniform(0.35, 0.6)))
    curve = 1 / (1 + np.exp(-rng.uniform(6, 12) * (grey - pivot)))
    mix = rng.uniform(0.4, 0.9)
    return np.clip(image * (1 - mix) + 255 * curve * mix + image * curve * mix * 0.3, 0, 255).astype(np.uint8)


def targets(label: str, *, sure: bool) -> tuple[list[float], int]:
    """Soft target over all classes, and what it leaves open: 0 nothing, 1 a buck's size, 2 a deer's sex."""
    t = [0.0] * len(NAMES)
    if label in ("buck", "deer"):
        return t, 1 if label == "buck" else 2
    i = NAMES.index(label)
    t[i] = 1.0
    if label in ANTLERED:  # neighbours on the scale of antlers
        lost = 0.1 if sure else 0.25
        near = [j for j in (i - 1, i + 1) if NAMES[j] in ANTLERED]
        t[i] -= lost
        for j in near:
            t[j] += lost / len(near)
    elif label in ("doe", "fawn") and not sure:
        t[i], t[1 - i] = 0.85, 0.15
    return t, 0
