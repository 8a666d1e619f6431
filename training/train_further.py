"""First stage: that of a delivered file trained further, for a given time, on more photos.

    python train_further.py --weights starter.pt --dataset DIR --photos DIR --out DIR [--hours 1.25] [--extra DIR --extra-boxes FILE]

Beside the labelled photos it learns from photos that nobody boxed: there a teacher's boxes are taken for labels (teach.py).
The first two layers stay as they are; the other normalisations must follow, or the first steps ruin more than the rest can repair.
The last part of the time goes to larger frames. While the file named by --pause exists, the training waits. Started again, it goes on.
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

import cv2
import metrics
import numpy as np
import torch
from data import COARSE, Box, Photo, load
from namer_data import EMPTY, LOW_SHARE, LOW_WEIGHT, WEAK
from torch import nn
from train_detector import Canvas, Loss, collate, freeze, weight
from train_namer import save, wait
from ultralytics.nn.tasks import DetectionModel

from trailcam.detect.model.two_stage_file import read_container

SURE = 0.5  # a teacher's box is taken for a label from here on,
DOUBTED = 0.15  # and below that, from here on, keeps its photo from being complete
EXTRA_WEIGHT = 0.5
LATE = 0.7  # of the time: from here on frames are larger, and half of them little distorted
SHAPES = (0.75, 0.75, 0.5625, 1.0, 1.33)


def first_stage(weights: Path) -> DetectionModel:
    """The first stage of a delivered file, to be trained."""
    container = read_container(weights)
    assert container is not None
    model = DetectionModel(dict(container.one.yaml), nc=len(container.one.names), verbose=False)
    model.load_state_dict({k: v.float() for k, v in container.one.state.items()}, strict=False)
    model.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    assert container.one.names == COARSE
    return model


def unlabelled(folder: Path, table: Path) -> list[Photo]:
    """Photos without labels, the teacher's boxes as labels; those without any sure box are left out.

    A row is as `find_boxes.py` writes it. Where it has ``people``, a list of [label, xyxy, score], those count instead.
    """
    found = []
    for row in json.loads(table.read_text()):
        boxes, complete = [], True
        if row["weak"] != EMPTY:
            label = WEAK.get(row["weak"], "animal")
            told = [(label, *pair) for pair in zip(row["boxes"], row["scores"], strict=True)]
            told = row["people"] or [] if "people" in row else told
            boxes = [Box(name, tuple(xyxy), True) for name, xyxy, score in told if score >= SURE]
            complete = not any(DOUBTED <= score < SURE for _, _, score in told)
            if not boxes:
                continue
        path = folder / f"{row['blob'][:16]}.jpg"
        found.append(Photo(row["blob"], row["source"], "train", complete, path, boxes))
    return found


def often(photo: Photo) -> float:
    """How often a photo is drawn."""
    labels = {b.label for b in photo.boxes}
    w = weight(photo) * (LOW_SHARE if photo.source == LOW_WEIGHT else 1.0)
    return w * (2.5 if labels & {"person", "vehicle"} else 1.0)


def batch_of(
    canvas: Canvas, chances: np.ndarray, a: argparse.Namespace, step: int, sizes: list[int]
) -> dict[str, torch.Tensor]:
    """One batch of one shape."""
    rng = np.random.default_rng((a.seed, step))
    size, ratio = int(rng.choice(sizes)), float(rng.choice(SHAPES))
    short = 32 * round(size * min(ratio, 1 / ratio) / 32)
    height, width = (short, size) if ratio <= 1 else (size, short)
    chosen = rng.choice(len(chances), a.batch, replace=False, p=chances)
    return collate([canvas[int(i), height, width, bool(rng.random() < a.mosaic), step] for i in chosen])


class Training:
    """The network, its mean over time, and where the training stands."""

    def __init__(self, a: argparse.Namespace) -> None:
        """Begin, or go on."""
        self.a = a
        labelled = load(a.dataset, a.photos, ("train",), a.fixes)
        extra = unlabelled(a.extra, a.extra_boxes) if a.extra else []
        print(len(labelled), "photos,", len(extra), "without labels", flush=True)
        for photo in labelled + extra:
            photo.data = photo.path.read_bytes()
        self.canvas = Canvas(labelled + extra, COARSE, a.seed, mild=False)
        chances = np.array([often(p) for p in labelled] + [EXTRA_WEIGHT * often(p) for p in extra])
        self.chances = chances / chances.sum()
        self.model = first_stage(a.weights).to(memory_format=torch.channels_last)
        self.ema = copy.deepcopy(self.model).eval()
        freeze(self.model, a.frozen)
        learned = [q for q in self.model.parameters() if q.requires_grad]
        groups = [
            {"params": [q for q in learned if q.ndim > 1], "weight_decay": 0.02},
            {"params": [q for q in learned if q.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, a.lr)
        self.loss_of, self.spent, self.step, self.file = Loss(self.model), 0.0, 0, a.out / "last.pt"
        if self.file.exists():
            state = torch.load(self.file, map_location="cpu", weights_only=True)
            self.model.load_state_dict(state["model"])
            self.ema.load_state_dict(state["ema"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.spent, self.step = state["spent"], state["step"]
        self.model.train()
        freeze(self.model, a.frozen)

    def keep(self) -> None:
        """Save."""
        state = {
            "model": self.model.state_dict(), "ema": self.ema.state_dict(), "optimiser": self.optimiser.state_dict(),
            "spent": self.spent, "step": self.step, "names": list(COARSE), "yaml": self.model.yaml,
        }  # fmt: skip
        save(state, self.file)

    def learn(self) -> float:
        """One step; returns the loss."""
        begun = time.process_time()
        done = min(self.spent / 3600 / self.a.hours, 1.0)
        late = done > LATE
        self.canvas.mild = late and self.step % 2 == 0
        sizes = self.a.last_sizes if late else self.a.sizes
        batch = batch_of(self.canvas, self.chances, self.a, self.step, sizes)
        for group in self.optimiser.param_groups:
            fall = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))
            group["lr"] = self.a.lr * min((self.step + 1) / 150, 1.0) * fall
        x = batch["image"].float().div_(255).contiguous(memory_format=torch.channels_last)
        with metrics.mixed(torch.device("cpu")):
            found = self.model(x)
        loss = self.loss_of(found, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        self.optimiser.step()
        self.step += 1
        d = 0.998 * (1 - math.exp(-self.step / 200))
        with torch.no_grad():
            for e, m in zip(self.ema.state_dict().values(), self.model.state_dict().values(), strict=True):
                if e.dtype.is_floating_point:
                    e.lerp_(m, 1 - d)
        self.spent += time.process_time() - begun
        return float(loss.detach())


def train(a: argparse.Namespace) -> None:
    """Train until the time is over."""
    training, losses = Training(a), []
    while training.spent < a.hours * 3600:
        wait(a.pause)
        losses.append(training.learn())
        if training.step % 40 == 0 or training.spent >= a.hours * 3600:
            training.keep()
            speed = round(training.step * a.batch / training.spent, 1)
            line: dict[str, Any] = {"step": training.step, "loss": round(float(np.mean(losses[-40:])), 4),
                                    "minutes": round(training.spent / 60, 1), "photos a second": speed}  # fmt: skip
            print(json.dumps(line), flush=True)


def main() -> None:
    """Train."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--weights", type=Path, required=True, help="the delivered file to start from")
    p.add_argument("--dataset", type=Path, required=True)
    p.add_argument("--photos", type=Path, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--fixes", type=Path, default=Path(__file__).parent / "label_fixes.jsonl")
    p.add_argument("--extra", type=Path, help="folder of photos without labels")
    p.add_argument("--extra-boxes", type=Path, help="JSON: the teacher's boxes on them")
    p.add_argument("--hours", type=float, default=1.25, help="of processor time")
    p.add_argument("--sizes", type=int, nargs="+", default=[416, 448, 512])
    p.add_argument("--last-sizes", type=int, nargs="+", default=[512, 576, 640])
    p.add_argument("--mosaic", type=float, default=0.15)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--lr", type=float, default=5e-4)
    p.add_argument("--frozen", type=int, default=2, help="layers that stay as they are")
    p.add_argument("--seed", type=int, default=9)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--pause", type=Path)
    a = p.parse_args()
    cv2.setNumThreads(1)
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    a.out.mkdir(parents=True, exist_ok=True)
    train(a)


if __name__ == "__main__":
    main()
