"""First stage: fine-tune YOLO11n on coarse classes (or, as a one-stage recipe, on all thirteen).

    python train_detector.py --dataset DIR --photos DIR --out DIR [--classes coarse|fine] [--epochs 20]

Runs on a GPU where there is one; on a CPU it trains with the first layers frozen, in bfloat16 if the CPU computes that.
Every epoch is saved: the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import augment
import cv2
import metrics
import numpy as np
import torch
from data import ANTLERED, COARSE, DEER, DEER_LABELS, FINE, Photo, coarse, fine, load
from torch import nn
from torch.utils.data import DataLoader, Dataset, Sampler
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils.loss import v8DetectionLoss
from ultralytics.utils.tal import make_anchors

# COCO rows from which a new class row of the head starts.
NEAREST = {
    "deer": ("horse", "sheep", "cow", "giraffe", "zebra"), "coyote": ("dog",), "hog": ("cow", "bear", "sheep"),
    "turkey": ("bird",), "raccoon": ("cat", "bear", "dog"), "fox": ("dog", "cat"), "person": ("person",),
    "vehicle": ("car", "truck", "bus"), "animal": ("cow", "dog", "bird", "cat", "bear", "horse"),
}  # fmt: skip


class Canvas(Dataset):
    """Augmented canvases; an index is (photo, height, width, mosaic)."""

    def __init__(self, photos: list[Photo], names: tuple[str, ...], seed: int, mild: bool = False) -> None:
        """Keep the photos' bytes in memory; `mild` is for the last epochs."""
        self.photos, self.names, self.seed, self.mild = photos, names, seed, mild
        self.anchored = [i for i, p in enumerate(photos) if p.complete]

    def __getitem__(self, index: tuple[int, int, int, bool, int]) -> dict[str, Any]:
        """One canvas with its targets."""
        number, height, width, mosaic, draw = index
        rng = np.random.default_rng((self.seed, draw, number))
        photo = self.photos[number]
        if mosaic:
            image, boxes, labels, complete = self.mosaic(number, height, width, rng)
        else:
            image, boxes, labels, complete = self.single(photo, height, width, rng)
        image = augment.photometric(image, boxes, rng)
        top = bottom = 0
        if rng.random() < 0.3:
            image, top, bottom = augment.strip(image, rng)
        cut, keep = augment.clip(boxes, (0, top, width, height - bottom), 0.2)
        boxes, labels = cut[keep], [x for x, k in zip(labels, keep, strict=True) if k]
        return {
            "image": torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))),
            "boxes": torch.from_numpy(boxes.astype(np.float32)).reshape(-1, 4),
            "target": torch.tensor([self.target(x) for x in labels], dtype=torch.float32).reshape(-1, 2),
            "complete": complete,
        }

    def target(self, label: str) -> tuple[int, int]:
        """Class to assign, and what the label leaves open: 0 nothing, 1 a buck's size, 2 a deer's sex."""
        if len(self.names) == len(COARSE):
            return COARSE.index(coarse(label)), 0
        if label == "buck":
            return FINE.index("mid"), 1
        if label == "deer":
            return FINE.index("doe"), 2
        return FINE.index(fine(label) or "animal"), 0

    def single(self, photo: Photo, height: int, width: int, rng: np.random.Generator) -> tuple:
        """One photo, sometimes cropped to a part without animals."""
        image, boxes = photo.image(), photo.xyxy()
        h, w = image.shape[:2]
        boxes = boxes * np.array([w, h, w, h], np.float32)
        labels = [b.label for b in photo.boxes]
        if photo.complete and len(boxes) and rng.random() < 0.05:
            for _ in range(12):
                s = rng.uniform(0.3, 0.7)
                x, y = rng.uniform(0, 1 - s) * w, rng.uniform(0, 1 - s) * h
                _, inside = augment.clip(boxes, (x, y, x + s * w, y + s * h), 0)
                if not inside.any():
                    image = image[int(y) : int(y + s * h), int(x) : int(x + s * w)]
                    boxes, labels = np.zeros((0, 4), np.float32), []
                    break
        scale, shift = ((0.8, 1.2), 0.05) if self.mild else ((0.55, 1.5), 0.2)
        image, boxes = augment.warp(image, boxes, (height, width), rng, scale, shift)
        return image, boxes, labels, photo.complete

    def mosaic(self, number: int, height: int, width: int, rng: np.random.Generator) -> tuple:
        """Four photos around a random centre."""
        cx, cy = int(width * rng.uniform(0.3, 0.7)), int(height * rng.uniform(0.3, 0.7))
        canvas = np.full((height, width, 3), augment.GREY, np.uint8)
        all_boxes, labels, complete = [np.zeros((0, 4), np.float32)], [], True
        others = rng.choice(self.anchored, 3)
        cells = [(0, 0, cx, cy), (cx, 0, width, cy), (0, cy, cx, height), (cx, cy, width, height)]
        for i, (x1, y1, x2, y2) in zip((number, *others), cells, strict=True):
            photo = self.photos[int(i)]
            image, boxes = photo.image(), photo.xyxy()
            h, w = image.shape[:2]
            boxes = boxes * np.array([w, h, w, h], np.float32)
            part, boxes = augment.warp(image, boxes, (y2 - y1, x2 - x1), rng, (0.9, 1.8), 0.15)
            canvas[y1:y2, x1:x2] = part
            boxes, keep = augment.clip(boxes, (0, 0, x2 - x1, y2 - y1), 0.2)
            all_boxes.append(boxes[keep] + np.array([x1, y1, x1, y1], np.float32))
            labels += [b.label for b, k in zip(photo.boxes, keep, strict=True) if k]
            complete = complete and photo.complete
        return canvas, np.concatenate(all_boxes), labels, complete

    def __len__(self) -> int:
        """Photos, not canvases."""
        return len(self.photos)


class Batches(Sampler):
    """Batches of one shape each, photos drawn by how rare and how camera-like they are."""

    def __init__(
        self, photos: list[Photo], args: argparse.Namespace, epoch: int, sizes: list[int], mosaic: float
    ) -> None:
        """Plan one epoch."""
        rng = np.random.default_rng((args.seed, 7, epoch))
        weights = np.array([weight(p) for p in photos])
        count = args.batch * (len(photos) // args.batch)
        whole = np.floor(weights * count / weights.sum()).astype(int)
        rest = weights * count / weights.sum() - whole
        order = np.repeat(np.arange(len(photos)), whole)
        extra = rng.choice(len(photos), count - len(order), replace=False, p=rest / rest.sum())
        order = rng.permutation(np.concatenate([order, extra]))
        self.plan = []
        for k in range(0, count, args.batch):
            size = int(rng.choice(sizes))
            ratio = rng.choice([0.75, 0.75, 0.5625, 1.0, 1.33])
            short = max(32 * round(size * min(ratio, 1 / ratio) / 32), 192)
            height, width = (short, size) if ratio <= 1 else (size, short)
            self.plan.append(
                [
                    (int(i), height, width, bool(rng.random() < mosaic), epoch * 100003 + k)
                    for i in order[k : k + args.batch]
                ]
            )

    def __iter__(self):
        """Batch after batch."""
        return iter(self.plan)

    def __len__(self) -> int:
        """Number of batches."""
        return len(self.plan)


def weight(photo: Photo) -> float:
    """How often a photo is drawn, 1 for an ordinary one."""
    labels = {b.label for b in photo.boxes}
    w = 1.0
    if labels & {"coyote", "hog", "squirrel", "bear", "dog"}:
        w = 3.0
    elif not labels or labels & {"turkey", "fox", "other", "bird", "vehicle"}:
        w = 2.0
    elif labels & ANTLERED or not labels & DEER_LABELS:
        w = 1.4
    if "trail-cam" in photo.source:
        w *= 1.5
    return w


def collate(items: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Pad the boxes of a batch."""
    most = max(1, max(len(i["boxes"]) for i in items))
    boxes, target = torch.zeros(len(items), most, 4), torch.zeros(len(items), most, 2)
    for k, i in enumerate(items):
        boxes[k, : len(i["boxes"])] = i["boxes"]
        target[k, : len(i["boxes"])] = i["target"]
    return {
        "image": torch.stack([i["image"] for i in items]), "boxes": boxes, "target": target,
        "complete": torch.tensor([i["complete"] for i in items]),
    }  # fmt: skip


class Loss(v8DetectionLoss):
    """The YOLO loss, silent about what the labels leave open."""

    def __call__(self, preds: dict[str, torch.Tensor], batch: dict[str, torch.Tensor]) -> torch.Tensor:  # type: ignore[override]
        """Box, class and distribution loss, summed."""
        distances = preds["boxes"].float().permute(0, 2, 1).contiguous()
        scores = preds["scores"].float().permute(0, 2, 1).contiguous()
        anchors, strides = make_anchors(preds["feats"], self.stride, 0.5)
        anchors, strides = anchors.float(), strides.float()
        size = (
            torch.tensor(preds["feats"][0].shape[2:], device=self.device, dtype=torch.float32)
            * self.stride[0]
        )
        labels, boxes = batch["target"][..., :1], batch["boxes"]
        mask = boxes.sum(2, keepdim=True).gt(0.0)
        decoded = self.bbox_decode(anchors, distances)
        _, target_boxes, target_scores, front, which = self.assigner(
            scores.detach().sigmoid(),
            decoded.detach() * strides,
            anchors * strides,
            labels,
            boxes,
            mask.float(),
        )
        norm = max(float(target_scores.sum()), 1.0)
        weights = torch.ones_like(scores)
        weights[~batch["complete"]] *= front[~batch["complete"]].unsqueeze(
            -1
        )  # unlabelled animals may be anywhere
        if self.nc == len(FINE):
            left_open = batch["target"][..., 1].gather(1, which) * front
            first, last = FINE.index("doe"), FINE.index("mature") + 1
            weights[..., first:last] *= (left_open != 2).unsqueeze(-1)
            weights[..., FINE.index("young") : last] *= (left_open != 1).unsqueeze(-1)
        cls = (self.bce(scores, target_scores) * weights).sum() / norm
        iou, dfl = self.bbox_loss(
            distances, decoded, anchors, target_boxes / strides, target_scores, norm, front, size, strides
        )
        return iou * self.hyp.box + cls * self.hyp.cls + dfl * self.hyp.dfl


def start(weights: Path, names: tuple[str, ...]) -> DetectionModel:
    """A model for our classes, everything but its class rows from a COCO checkpoint."""
    coco = torch.load(weights, map_location="cpu", weights_only=False)["model"].float()
    model = DetectionModel(copy.deepcopy(coco.yaml), nc=len(names), verbose=False)
    old, new = coco.state_dict(), model.state_dict()
    rows = {v: k for k, v in coco.names.items()}
    nearest = [[rows[n] for n in NEAREST.get("deer" if name in DEER else name, ("dog",))] for name in names]
    for k in range(3):
        tower = f"model.23.cv3.{k}"
        width = new[f"{tower}.2.weight"].shape[1]
        last = torch.stack([old[f"{tower}.2.weight"][near].mean(0) for near in nearest])
        # The class tower is as wide as COCO has classes: keep the channels that matter most to ours.
        out = strongest(last.abs().sum((0, 2, 3)) * old[f"{tower}.1.1.bn.weight"].abs(), width)
        point = old[f"{tower}.1.1.conv.weight"][out]
        middle = strongest(point.abs().sum((0, 2, 3)) * old[f"{tower}.1.0.bn.weight"].abs(), width)
        for key in [key for key in old if key.startswith(tower)]:
            value, part = old[key], key[len(tower) + 1 :]
            if part.startswith(("0.1.", "1.0.")) and value.ndim:
                value = value[middle]
            elif part == "1.1.conv.weight":
                value = point[:, middle]
            elif part.startswith("1.1.") and value.ndim:
                value = value[out]
            elif part == "2.weight":
                value = last[:, out]
            elif part == "2.bias":
                value = torch.stack([value[near].mean() for near in nearest])
            old[key] = value
    for key, value in old.items():
        assert value.shape == new[key].shape, key
        new[key] = value
    model.load_state_dict(new)
    model.names = dict(enumerate(names))
    model.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    return model


def strongest(score: torch.Tensor, count: int) -> torch.Tensor:
    """Indices of the `count` highest scores, in order."""
    return score.topk(min(count, len(score))).indices.sort().values


def freeze(model: nn.Module, layers: int) -> None:
    """Train nothing before layer number `layers`; its normalisation statistics stay, too."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(int(name.split(".")[1]) >= layers and ".dfl." not in name)
    for i in range(layers):
        model.model[i].eval()


def main() -> None:
    """Train."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--dataset", type=Path, required=True, help="folder of labels.jsonl and yolo11n-coco.pt")
    p.add_argument("--photos", type=Path, required=True, help="what assemble.py wrote")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--fixes", type=Path, default=Path(__file__).parent / "label_fixes.jsonl")
    p.add_argument("--classes", choices=("coarse", "fine"), default="coarse")
    p.add_argument("--start", type=Path, help="a checkpoint of this script to start from instead of COCO")
    p.add_argument("--epochs", type=int, default=20)
    p.add_argument(
        "--last", type=int, default=4, help="how many of them are mild, at full size, without mosaic"
    )
    p.add_argument("--sizes", type=int, nargs="+", default=[384, 416, 448, 512])
    p.add_argument("--last-sizes", type=int, nargs="+", default=[640])
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--lr", type=float, default=8e-4)
    p.add_argument("--warmup", type=int, default=150, help="steps")
    p.add_argument("--frozen", type=int, default=2)
    p.add_argument("--seed", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    cv2.setNumThreads(0)
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    a.out.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    names = COARSE if a.classes == "coarse" else FINE
    photos = load(a.dataset, a.photos, ("train",), a.fixes)
    val = load(a.dataset, a.photos, ("val",), a.fixes)
    for photo in photos:
        photo.data = photo.path.read_bytes()
    model = start(a.dataset / "yolo11n-coco.pt", names).to(device, memory_format=torch.channels_last)
    if a.start:
        model.load_state_dict(
            compatible(model, torch.load(a.start, map_location="cpu", weights_only=True)["ema"])
        )
    ema = copy.deepcopy(model).eval()
    model.train()
    freeze(model, a.frozen)
    decay = [q for n, q in model.named_parameters() if q.requires_grad and q.ndim > 1]
    rest = [q for n, q in model.named_parameters() if q.requires_grad and q.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.02}, {"params": rest, "weight_decay": 0.0}], a.lr
    )
    loss_of = Loss(model)
    first, step = 0, 0
    saved = a.out / "last.pt"
    if saved.exists():
        state = torch.load(saved, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        ema.load_state_dict(state["ema"])
        optimiser.load_state_dict(state["optimiser"])
        first, step = state["epoch"] + 1, state["step"]
    per_epoch = len(photos) // a.batch
    for epoch in range(first, a.epochs):
        mild = epoch >= a.epochs - a.last
        sizes = a.last_sizes if mild else a.sizes
        batches = Batches(photos, a, epoch, sizes, 0.0 if mild else 0.3)
        loader = DataLoader(
            Canvas(photos, names, a.seed, mild), batch_sampler=batches, collate_fn=collate,
            num_workers=1 if device.type == "cpu" else 8, prefetch_factor=6,
        )  # fmt: skip
        model.train()
        freeze(model, a.frozen)
        begun, total = time.time(), 0.0
        for k, batch in enumerate(loader):
            done = step / (per_epoch * a.epochs)
            rate = min((step + 1) / a.warmup, 1.0) * (
                0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(done, 1)))
            )
            for group in optimiser.param_groups:
                group["lr"] = a.lr * rate
            batch = {key: value.to(device) for key, value in batch.items()}
            x = batch["image"].float().div_(255).contiguous(memory_format=torch.channels_last)
            with metrics.mixed(device):
                preds = model(x)
            loss = loss_of(preds, batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimiser.step()
            step += 1
            total += float(loss.detach())
            d = 0.998 * (1 - math.exp(-step / 300))
            with torch.no_grad():
                for e, m in zip(ema.state_dict().values(), model.state_dict().values(), strict=True):
                    if e.dtype.is_floating_point:
                        e.lerp_(m, 1 - d)
            if k % 20 == 0:
                speed = a.batch * (k + 1) / (time.time() - begun)
                print(
                    f"epoch {epoch} {k}/{len(batches)} loss {total / (k + 1):.3f} {speed:.1f}/s", flush=True
                )
        state = {
            "model": model.state_dict(), "ema": ema.state_dict(), "optimiser": optimiser.state_dict(),
            "epoch": epoch, "step": step, "names": list(names), "yaml": model.yaml,
        }  # fmt: skip
        torch.save(state, saved.with_suffix(".new"))
        saved.with_suffix(".new").replace(saved)
        line: dict[str, Any] = {"epoch": epoch, "loss": total / len(batches), "seconds": time.time() - begun}
        if epoch % 3 == 2 or epoch == a.epochs - 1:
            line |= metrics.quick(metrics.detect(ema, val, 640), val, names)
        print(json.dumps(line), flush=True)
        with (a.out / "log.jsonl").open("a") as f:
            f.write(json.dumps(line) + "\n")


def compatible(model: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state with the tensors of another class list left as the model has them."""
    own = model.state_dict()
    return {k: state[k] if k in state and state[k].shape == v.shape else v for k, v in own.items()}


if __name__ == "__main__":
    main()
