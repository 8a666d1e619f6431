"""Second stage: EfficientNet-Lite0 of the delivered file, its later layers trained further on a processor.

    python train_namer.py --weights starter.pt --dataset DIR --photos DIR --boxes FILE --out DIR [--hours 1.2]

The early layers stay as they are. So what they make of an augmented crop is computed once and kept, 512 views to a file,
and each view is learned from about twice. The later layers are trained by `folded.py`. The learning rate falls and starts anew
in each cycle; every cycle ends in a file of its own, for a mean of several. While the file named by --pause exists, all waits.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from data import load
from folded import folded
from namer_data import (
    DEER_PART,
    LOW_SHARE,
    LOW_WEIGHT,
    NAMES,
    NEW,
    SHARE,
    WEAK_SHARE,
    crops_of,
    targets,
    view,
    weak_crops,
)
from torch import Tensor, nn
from train_classifier import STATISTICS, Crop
from two_stage import lite0

from trailcam.detect.model.two_stage_crops import LiteNet, fuse
from trailcam.detect.model.two_stage_file import Container, read_container

CHUNK, FRESH, OLDER = 512, 2, 2  # views in a file; new and older files that are mixed at once
ONCE_FROZEN = 13  # layers that 0.5's training left alone
MEAN, STD = (torch.tensor(v).view(1, 3, 1, 1) for v in STATISTICS["efficientnet-lite0"])


def start(weights: Path) -> LiteNet:
    """The second stage of a delivered file; new classes begin as the old "animal"."""
    container = read_container(weights)
    assert isinstance(container, Container)
    assert container.two is not None
    old = list(container.two.names)
    model = lite0(len(NAMES), container.two.width)
    state = {k: v.float() for k, v in container.two.state.items()}
    rows = [old.index(n) if n in old else old.index("animal") for n in NAMES]
    if "other_deer" not in old:
        rows[NAMES.index("other_deer")] = old.index("doe")
    for key in ("fc.weight", "fc.bias"):
        state[key] = state[key][rows].clone()
    state["fc.bias"][[i for i, n in enumerate(NAMES) if n not in old]] -= 1.0
    model.load_state_dict(state, strict=False)
    return model


def wait(pause: Path | None) -> None:
    """Wait while the file is there."""
    while pause is not None and pause.exists():
        time.sleep(1)


class Views:
    """Augmented crops, and what the frozen layers make of them."""

    def __init__(self, a: argparse.Namespace) -> None:
        """Cut out all crops; about a minute."""
        self.a = a
        rng = np.random.default_rng(a.seed)
        found = json.loads(a.boxes.read_text())
        pool: list[Crop] = []
        for photo in load(a.dataset, a.photos, ("train",), a.fixes):
            boxes, scores = found.get(photo.blob, ([], []))
            pool += crops_of(photo, np.array(boxes, np.float32).reshape(-1, 4), np.array(scores), a.size, rng)
            photo.data = b""
        weak = weak_crops(a.weak, a.weak_boxes, a.size) if a.weak else []
        self.crops = {n: [[c for c in some if c.label == n] for some in (pool, weak)] for n in SHARE}
        print({n: [len(some) for some in both] for n, both in self.crops.items()}, flush=True)
        layers = copy.deepcopy(start(a.weights).layers[: a.frozen]).eval()
        fuse(layers)
        self.layers = layers.to(torch.bfloat16, memory_format=torch.channels_last)

    def draw(self, rng: np.random.Generator) -> Crop:
        """A crop, classes by their share, deer farms rarely."""
        names, share = list(SHARE), np.array(list(SHARE.values())) / sum(SHARE.values())
        while True:
            pool, weak = self.crops[str(rng.choice(names, p=share))]
            some = weak if weak and (not pool or rng.random() < WEAK_SHARE) else pool
            crop = some[rng.integers(len(some))]
            if crop.source != LOW_WEIGHT or rng.random() < LOW_SHARE:
                return crop

    def make(self, number: int) -> Path:
        """A file of views."""
        file: Path = self.a.out / f"views-{self.a.seed}-{number:04}.pt"
        if file.exists():
            return file
        rng = np.random.default_rng((self.a.seed, number))
        drawn = [self.draw(rng) for _ in range(CHUNK)]
        kept = []
        for k in range(0, CHUNK, 32):
            wait(self.a.pause)
            images = np.stack([view(c, self.a.pixels, self.a.margin, rng) for c in drawn[k : k + 32]])
            x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - MEAN) / STD
            with torch.inference_mode():
                kept.append(self.layers(x.to(torch.bfloat16, memory_format=torch.channels_last)))
        rows = [targets(c.label, sure=c.sure) for c in drawn]
        saved = {
            "features": torch.cat(kept), "target": torch.tensor([t for t, _ in rows]),
            "open": torch.tensor([o for _, o in rows]), "sure": torch.tensor([float(c.sure) for c in drawn]),
        }  # fmt: skip
        save(saved, file)
        return file


def save(what: dict[str, Any], file: Path) -> None:
    """Write whole or not at all."""
    torch.save(what, file.with_suffix(".new"))
    file.with_suffix(".new").replace(file)


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
    t = torch.where(left_open == 1, torch.ones_like(sure), target[:, 2:DEER_PART].sum(1)) * 0.96 + 0.02
    grouped = -(t * (antlered - deer) + (1 - t) * (less - deer)) * trust
    total = total + 1.5 * grouped * (is_deer & (left_open < 2))
    inner = torch.cat([log_p[:, :2] - less[:, None], log_p[:, 2:DEER_PART] - antlered[:, None]], 1)
    return (total - 0.7 * (inner * target[:, :DEER_PART]).sum(1) * trust).mean()


class Training:
    """The later layers, their mean over time, and where the training stands."""

    def __init__(self, a: argparse.Namespace) -> None:
        """Begin, or go on."""
        self.a = a
        self.model = start(a.weights).to(memory_format=torch.channels_last).train()
        self.model.layers[: a.frozen].requires_grad_(False)
        self.parts = nn.ModuleDict({"layers": self.model.layers[a.frozen :], "fc": self.model.fc})
        self.ema = copy.deepcopy(self.parts).eval()
        groups = [
            {"params": list(self.model.layers[a.frozen :].parameters()), "scale": 1.0},
            {"params": list(self.model.fc.parameters()), "scale": 3.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, a.lr, weight_decay=0.03)
        self.spent, self.step, self.cycle, self.files = 0.0, 0, 0, 0
        self.file = a.out / "last.pt"
        if self.file.exists():
            state = torch.load(self.file, map_location="cpu", weights_only=True)
            self.parts.load_state_dict(state["model"])
            self.ema.load_state_dict(state["ema"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.spent, self.step, self.cycle, self.files = (
                state[k] for k in ("spent", "step", "cycle", "files")
            )

    def keep(self) -> None:
        """Save, and at the end of a cycle in a file of its own as well."""
        state = {
            "model": self.parts.state_dict(), "ema": self.ema.state_dict(), "optimiser": self.optimiser.state_dict(),
            "spent": self.spent, "step": self.step, "cycle": self.cycle, "files": self.files, "frozen": self.a.frozen,
        }  # fmt: skip
        done = int(min(self.spent / 3600 / self.a.hours, 1.0) * self.a.cycles + 1e-9)
        if done > self.cycle:
            save({"ema": state["ema"], "frozen": self.a.frozen}, self.a.out / f"cycle-{done}.pt")
            self.cycle = state["cycle"] = done
        save(state, self.file)

    def rate(self) -> float:
        """Share of the learning rate: a cosine in each cycle."""
        done = min(self.spent / 3600 / self.a.hours, 1.0) * self.a.cycles
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(done - self.cycle, 1.0)))

    def learn(self, data: dict[str, Tensor]) -> float:
        """One step; returns the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.a.lr * group["scale"] * min((self.step + 1) / 60, 1.0) * self.rate()
        logits = folded(self.model, self.a.frozen, data["features"])
        loss = loss_of(logits, data["target"], data["open"], data["sure"])
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parts.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        d = 0.998 * (1 - math.exp(-self.step / 100))
        with torch.no_grad():
            for e, m in zip(self.ema.parameters(), self.parts.parameters(), strict=True):
                e.lerp_(m, 1 - d)
        return float(loss.detach())

    def round(self, views: Views) -> None:
        """Make new views and learn from these and from older ones."""
        begun, started = time.process_time(), time.time()
        rng = np.random.default_rng((self.a.seed, self.files))
        older = rng.permutation(self.files)[:OLDER].tolist()
        files = [views.make(int(n)) for n in [*range(self.files, self.files + FRESH), *older]]
        self.files += FRESH
        loaded = [torch.load(file, weights_only=True) for file in files]
        data = {k: torch.cat([one[k] for one in loaded]) for k in loaded[0]}
        before, losses = self.spent, []
        for picks in torch.from_numpy(rng.permutation(len(data["sure"]))).split(self.a.batch):
            wait(self.a.pause)
            self.spent = before + time.process_time() - begun
            losses.append(self.learn({k: v[picks] for k, v in data.items()}))
        self.spent = before + time.process_time() - begun
        self.keep()
        line = {"files": self.files, "samples": self.step * self.a.batch, "loss": round(float(np.mean(losses)), 4),
                "minutes": round(self.spent / 60, 1), "seconds": round(time.time() - started)}  # fmt: skip
        print(json.dumps(line), flush=True)


def trained(weights: Path, checkpoints: Path | Sequence[Path], share: float = 1.0) -> LiteNet:
    """The whole network, in evaluation mode: the mean of checkpoints, ``share`` of it in a mean with what they started from.

    Half of what a class learned that 0.4 didn't know is nothing: its row of the last layer is the checkpoints' alone.
    """
    model = start(weights)
    files = [checkpoints] if isinstance(checkpoints, Path) else list(checkpoints)
    saved = [torch.load(file, map_location="cpu", weights_only=True) for file in files]
    frozen = saved[0].get("frozen", ONCE_FROZEN)
    parts = nn.ModuleDict({"layers": model.layers[frozen:], "fc": model.fc})
    mean = {}
    for key, old in parts.state_dict().items():
        if not old.is_floating_point():
            mean[key] = old
            continue
        new = torch.stack([one["ema"][key] for one in saved]).mean(0)
        mean[key] = torch.lerp(old, new, share)
        if key.startswith("fc."):
            rows = [NAMES.index(name) for name in NEW]
            mean[key][rows] = new[rows]
    parts.load_state_dict(mean)
    return model.eval()


def main() -> None:
    """Train."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument("--weights", type=Path, required=True, help="the delivered file to start from")
    ap.add_argument("--dataset", type=Path, required=True)
    ap.add_argument("--photos", type=Path, required=True)
    ap.add_argument("--fixes", type=Path, default=Path(__file__).parent / "label_fixes.jsonl")
    ap.add_argument(
        "--boxes",
        type=Path,
        required=True,
        help="JSON: blob -> [boxes, scores] of the first stage on training photos",
    )
    ap.add_argument("--weak", type=Path, help="folder of photos without labels")
    ap.add_argument("--weak-boxes", type=Path, help="JSON: their boxes, and what their source says of each")
    ap.add_argument("--frozen", type=int, default=5, help="layers that stay as they are")
    ap.add_argument("--pixels", type=int, default=224)
    ap.add_argument("--margin", type=float, default=0.12)
    ap.add_argument("--size", type=int, default=640, help="long side of the frame that crops are cut from")
    ap.add_argument("--hours", type=float, default=1.0, help="of processor time; the schedule ends then")
    ap.add_argument("--cycles", type=int, default=3)
    ap.add_argument("--batch", type=int, default=64)
    ap.add_argument("--lr", type=float, default=5e-4)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--pause", type=Path)
    a = ap.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    a.out.mkdir(parents=True, exist_ok=True)
    views, training = Views(a), Training(a)
    while training.spent < a.hours * 3600:
        training.round(views)
    print("done", flush=True)


if __name__ == "__main__":
    main()
