"""First stage: a YOLOX of one class, "object", trained further on the data set's boxes.

    python train_finder.py --dataset DIR --photos DIR --start yolox_tiny_640_20220528.pth --out DIR [--hours 0.5]

Starts from DrivenData's MegadetectorLite (MIT, in the wheel zamba), which knows animals of the whole world and hardly
any person or vehicle. The early layers stay as they are; normalisations keep their statistics. Afterwards the new
weights may be averaged with the old ones (`blend`): what was learned here, without losing what was known.
While the file named by --pause exists, the training waits.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import augment
import cv2
import numpy as np
import torch
from data import Photo, load
from torch import Tensor, nn
from torch.nn import functional

from trailcam.detect.model.yolox import STRIDES, Yolox, adapted, decode

TINY = {"classes": 1, "depth": 0.33, "width": 0.375}
RADIUS = 2.5  # cells around a box's centre that may answer for it
LOW_WEIGHT = ("marshallclinesmith/sandcreekwhitetail.com",)  # a deer farm, hand-held
RARE = frozenset(
    ("person", "vehicle", "bird", "squirrel", "turkey", "cow", "bear", "bobcat", "dog", "coyote")
)


def read_state(path: Path) -> dict[str, Tensor]:
    """Tensors of a training's checkpoint, or of a published one (turned to RGB 0..1)."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    return dict(saved["ema"]) if "ema" in saved else adapted(saved["model"])


def blend(old: Mapping[str, Tensor], new: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """``share`` of the new weights and the rest of the old ones."""
    return {k: torch.lerp(old[k], v, share) if v.is_floating_point() else v for k, v in new.items()}


def sample(photo: Photo, size: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One augmented photo and its boxes (xyxy px)."""
    image = photo.image()
    h, w = image.shape[:2]
    boxes = photo.xyxy() * np.array([w, h, w, h], np.float32)
    if len(boxes) and rng.random() < 0.12:  # a close-up: one animal fills the frame and is cut by it
        image, boxes = close_up(image, boxes, rng)
    small = rng.random() < 0.25
    scale = (0.35, 0.8) if small else (0.8, 1.35)
    image, boxes = augment.warp(image, boxes, size, rng, scale, 0.12)
    boxes, kept = augment.clip(boxes, (0, 0, size[1], size[0]), 0.2)
    boxes = boxes[kept]
    image = augment.photometric(image, boxes, rng, night=0.25)
    if rng.random() < 0.3:
        image, top, bottom = augment.strip(image, rng)
        boxes, kept = augment.clip(boxes, (0, top, size[1], size[0] - bottom), 0.2)
        boxes = boxes[kept]
    return image, boxes.astype(np.float32)


def close_up(image: np.ndarray, boxes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A part of the photo that one box fills or more than fills."""
    h, w = image.shape[:2]
    x1, y1, x2, y2 = boxes[rng.integers(len(boxes))]
    side = max(x2 - x1, (y2 - y1) * w / h) * rng.uniform(0.6, 1.2)
    cw, ch = min(max(side, 48), w), min(max(side * h / w, 36), h)
    cx, cy = rng.uniform(x1, x2), rng.uniform(y1, y2)
    left, top = float(np.clip(cx - cw / 2, 0, w - cw)), float(np.clip(cy - ch / 2, 0, h - ch))
    region = (left, top, left + cw, top + ch)
    inside, kept = augment.clip(boxes, region, 0.2)
    part = image[int(top) : int(top + ch), int(left) : int(left + cw)]
    return part, inside[kept] - np.array([left, top, left, top], np.float32)


def iou_of(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of xyxy boxes, row by row or broadcast."""
    wh = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    both = wh[..., 0] * wh[..., 1]
    areas = [(x[..., 2] - x[..., 0]) * (x[..., 3] - x[..., 1]) for x in (a, b)]
    return both / (areas[0] + areas[1] - both).clamp(min=1e-6)


def corners(xywh: Tensor) -> Tensor:
    return torch.cat([xywh[..., :2] - xywh[..., 2:] / 2, xywh[..., :2] + xywh[..., 2:] / 2], -1)


def anchors_of(answers: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Centres (n, 2) px and strides (n,) of all anchors, in the order of `decode`."""
    centres, strides = [], []
    for answer, stride in zip(answers, STRIDES, strict=True):
        h, w = answer.shape[2:]
        y, x = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
        centres.append(torch.stack([x, y], 2).reshape(-1, 2) * stride)
        strides.append(torch.full((h * w,), float(stride)))
    return torch.cat(centres), torch.cat(strides)


@torch.no_grad()
def assign(
    truth: Tensor, boxes: Tensor, scores: Tensor, centres: Tensor, strides: Tensor
) -> tuple[Tensor, Tensor]:
    """SimOTA: which anchors answer for which box. Indices of anchors, and of their boxes."""
    middle = (truth[:, :2] + truth[:, 2:]) / 2
    inside = ((centres[None] > truth[:, None, :2]) & (centres[None] < truth[:, None, 2:])).all(2)
    near = ((centres[None] - middle[:, None]).abs() < RADIUS * strides[None, :, None]).all(2)
    candidates = torch.nonzero((inside | near).any(0))[:, 0]
    if not len(candidates):
        return candidates, candidates
    best = (inside & near)[:, candidates]
    overlap = iou_of(truth[:, None], boxes[candidates][None])
    wanted = -scores[candidates].clamp(1e-6, 1 - 1e-6).sqrt().log()
    cost = wanted[None] + 3 * -(overlap + 1e-8).log() + 1e5 * ~best
    chosen = torch.zeros_like(cost, dtype=torch.bool)
    k = min(10, overlap.shape[1])
    counts = overlap.topk(k, 1).values.sum(1).int().clamp(min=1)
    for row, count in enumerate(counts.tolist()):
        chosen[row, cost[row].topk(min(count, cost.shape[1]), largest=False).indices] = True
    several = chosen.sum(0) > 1
    if several.any():
        winner = cost[:, several].argmin(0)
        chosen[:, several] = False
        chosen[winner, several] = True
    rows, picks = torch.nonzero(chosen, as_tuple=True)
    return candidates[picks], rows


def loss_of(answers: list[Tensor], truths: list[Tensor], complete: list[bool]) -> Tensor:
    """YOLOX's loss; on a photo that isn't completely labelled, what is found without a box isn't punished."""
    found = decode(answers).transpose(1, 2)
    raw = torch.cat([a.float().flatten(2) for a in answers], 2)
    place, there, what = corners(found[..., :4]), raw[:, 4], raw[:, 5]
    centres, strides = anchors_of(answers)
    total, n = raw.new_zeros(()), 0
    for i, truth in enumerate(truths):
        target, weight = torch.zeros_like(there[i]), torch.ones_like(there[i])
        if not complete[i]:
            weight = (found[i, :, 4].detach() < 0.1).float()
        if len(truth):
            picks, rows = assign(truth, place[i].detach(), found[i, :, 4].detach(), centres, strides)
            overlap = iou_of(place[i, picks], truth[rows])
            total = total + 5 * (1 - overlap**2).sum()
            sure = functional.binary_cross_entropy_with_logits(
                what[i, picks], overlap.detach(), reduction="sum"
            )
            total = total + sure
            target[picks], weight[picks] = 1.0, 1.0
            n += len(picks)
        total = total + functional.binary_cross_entropy_with_logits(
            there[i], target, weight=weight, reduction="sum"
        )
    return total / max(n, 4 * len(truths))


def main() -> None:
    """Train."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--dataset", type=Path, required=True)
    ap.add_argument("--photos", type=Path, required=True)
    ap.add_argument("--start", type=Path, required=True)
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument("--fixes", type=Path, default=Path(__file__).parent / "label_fixes.jsonl")
    ap.add_argument("--hours", type=float, default=0.6, help="of training; the schedule ends then")
    ap.add_argument("--batch", type=int, default=8)
    ap.add_argument("--size", type=int, default=512, help="long side of the frames")
    ap.add_argument(
        "--frozen", choices=("dark3", "dark4", "dark5"), default="dark4", help="last layer kept as it is"
    )
    ap.add_argument("--lr", type=float, default=3e-4)
    ap.add_argument("--seed", type=int, default=3)
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--pause", type=Path, help="wait while this file exists")
    a = ap.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    a.out.mkdir(parents=True, exist_ok=True)
    photos = [p for p in load(a.dataset, a.photos, ("train",), a.fixes) if "screenshot" not in p.flags]
    weights = np.array([weight_of(p) for p in photos])
    weights /= weights.sum()
    net = Yolox(**TINY)
    net.load_state_dict(read_state(a.start))
    net = net.to(memory_format=torch.channels_last).eval()  # normalisations keep their statistics
    trunk = net.backbone.backbone
    for name in ("stem", "dark2", "dark3", "dark4", "dark5"):
        getattr(trunk, name).requires_grad_(False)
        if name == a.frozen:
            break
    ema = copy.deepcopy(net)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trunk.parameters() if p.requires_grad], "scale": 0.3},
        {"params": [p for n, p in net.named_parameters() if p.requires_grad and "backbone.backbone" not in n], "scale": 1.0},
    ]  # fmt: skip
    optimiser = torch.optim.AdamW([g for g in groups if g["params"]], a.lr, weight_decay=0.01)
    saved, spent, step = a.out / "last.pt", 0.0, 0
    if saved.exists():
        state = torch.load(saved, map_location="cpu", weights_only=True)
        net.load_state_dict(state["model"])
        ema.load_state_dict(state["ema"])
        optimiser.load_state_dict(state["optimiser"])
        spent, step = state["spent"], state["step"]
    whole, losses, kept = a.hours * 3600, [], time.time()
    while spent < whole:
        while a.pause is not None and a.pause.exists():
            time.sleep(1)
        begun = time.time()
        rng = np.random.default_rng((a.seed, step))
        long = a.size - 32 * int(rng.integers(0, 4))
        size = (long * 3 // 4 // 32 * 32, long)
        drawn = [photos[k] for k in rng.choice(len(photos), a.batch, p=weights)]
        ready = [sample(p, size, rng) for p in drawn]
        x = torch.from_numpy(np.stack([image for image, _ in ready])).permute(0, 3, 1, 2)
        done = spent / whole
        for group in optimiser.param_groups:
            warm = min((step + 1) / 50, 1.0)
            group["lr"] = a.lr * group["scale"] * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            answers = net.head(net.backbone(x.float().div_(255)))
        loss = loss_of(answers, [torch.from_numpy(b) for _, b in ready], [p.complete for p in drawn])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        step += 1
        d = 0.995 * (1 - math.exp(-step / 100))
        with torch.no_grad():
            for e, m in zip(ema.parameters(), net.parameters(), strict=True):
                if m.requires_grad:
                    e.lerp_(m, 1 - d)
        losses.append(float(loss.detach()))
        spent += time.time() - begun
        if time.time() - kept > 120 or spent >= whole:
            line = {
                "step": step,
                "views": step * a.batch,
                "loss": float(np.mean(losses)),
                "minutes": round(spent / 60, 1),
            }
            print(json.dumps(line), flush=True)
            losses, kept = [], time.time()
            state = {"model": net.state_dict(), "ema": ema.state_dict(), "optimiser": optimiser.state_dict(),
                     "spent": spent, "step": step}  # fmt: skip
            torch.save(state, saved.with_suffix(".new"))
            saved.with_suffix(".new").replace(saved)


def weight_of(photo: Photo) -> float:
    """How often a photo is drawn."""
    if photo.source in LOW_WEIGHT:
        return 0.3
    if not photo.boxes:
        return 2.0
    return 2.0 if any(b.label in RARE for b in photo.boxes) else 1.0


if __name__ == "__main__":
    main()
