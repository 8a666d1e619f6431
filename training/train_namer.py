"""Second stage of 0.5: EfficientNet-Lite0 of the delivered file, its later layers trained further on a processor.

    python train_namer.py views --dataset DIR --photos DIR --out DIR [--boxes FILE] [--weak DIR --weak-boxes FILE]
    python train_namer.py train --out DIR --hours 0.5

The early layers stay as they are. So `views` computes what they make of many augmented crops once and keeps it, 512 to
a file, and `train` reads these files as often as it likes: it costs a quarter of training on the crops themselves.
New files are found each epoch. While the file named by --pause exists, both wait.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from data import load
from namer_data import (
    DEER_PART,
    LOW_SHARE,
    LOW_WEIGHT,
    NAMES,
    SHARE,
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

FROZEN = 13  # layers
CHUNK = 512
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
    rows[NAMES.index("other_deer")] = old.index("doe")
    for key in ("fc.weight", "fc.bias"):
        state[key] = state[key][rows].clone()
    state["fc.bias"][[i for i, n in enumerate(NAMES) if n not in old]] -= 1.0
    model.load_state_dict(state, strict=False)
    return model


def front(model: LiteNet) -> nn.Sequential:
    """The frozen layers, fused, in bfloat16."""
    layers = copy.deepcopy(model.layers[:FROZEN]).eval()
    fuse(layers)
    return layers.to(torch.bfloat16, memory_format=torch.channels_last)


def wait(pause: Path | None) -> None:
    """Wait while the file is there."""
    while pause is not None and pause.exists():
        time.sleep(1)


def make_views(a: argparse.Namespace) -> None:
    """Write files of cached features."""
    rng = np.random.default_rng(a.seed)
    found = json.loads(a.boxes.read_text()) if a.boxes else {}
    pool: list[Crop] = []
    for photo in load(a.dataset, a.photos, ("train",), a.fixes):
        boxes, scores = found.get(photo.blob, ([], []))
        pool += crops_of(photo, np.array(boxes, np.float32).reshape(-1, 4), np.array(scores), a.size, rng)
        photo.data = b""
    if a.weak:
        pool += weak_crops(a.weak, a.weak_boxes, a.size)
    by_label = {n: [c for c in pool if c.label == n] for n in SHARE}
    print({k: len(v) for k, v in by_label.items()}, flush=True)
    layers = front(start(a.weights))
    names, share = list(SHARE), np.array(list(SHARE.values())) / sum(SHARE.values())
    for number in range(a.count):
        file = a.out / f"views-{a.seed}-{number:04}.pt"
        if file.exists():
            continue
        rng = np.random.default_rng((a.seed, number))
        drawn: list[Crop] = []
        while len(drawn) < CHUNK:
            name = rng.choice(names, p=share)
            crop = by_label[name][rng.integers(len(by_label[name]))]
            if crop.source != LOW_WEIGHT or rng.random() < LOW_SHARE:
                drawn.append(crop)
        kept = []
        for k in range(0, CHUNK, 32):
            wait(a.pause)
            images = np.stack([view(c, a.pixels, a.margin, rng) for c in drawn[k : k + 32]])
            x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - MEAN) / STD
            with torch.inference_mode():
                kept.append(layers(x.to(torch.bfloat16, memory_format=torch.channels_last)))
        rows = [targets(c.label, sure=c.sure) for c in drawn]
        saved = {
            "features": torch.cat(kept), "target": torch.tensor([t for t, _ in rows]),
            "open": torch.tensor([o for _, o in rows]), "sure": torch.tensor([float(c.sure) for c in drawn]),
        }  # fmt: skip
        torch.save(saved, file.with_suffix(".new"))
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


def read_views(file: Path, deeper: nn.Module) -> dict[str, Tensor]:
    """A file of views; one that was made after nine layers is carried on to the last frozen one, once."""
    data: dict[str, Tensor] = torch.load(file, weights_only=True)
    if data["features"].shape[1] == 80:
        with torch.inference_mode():
            data["features"] = torch.cat([deeper(x) for x in data["features"].split(64)])
        torch.save(data, file.with_suffix(".new"))
        file.with_suffix(".new").replace(file)
        data = torch.load(file, weights_only=True)
    return data


def steady(module: nn.Module) -> None:
    """Let depthwise convolutions compute in float32."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d) and part.groups > 1:
            usual = part.forward

            def forward(x: Tensor, usual: Any = usual) -> Tensor:
                with torch.autocast("cpu", enabled=False):
                    y: Tensor = usual(x.float())
                    return y

            part.forward = forward


def train(a: argparse.Namespace) -> None:
    """Train the later layers on cached features."""
    model = start(a.weights)
    deeper = copy.deepcopy(model.layers[9:FROZEN]).eval()
    fuse(deeper)
    deeper = deeper.to(torch.bfloat16, memory_format=torch.channels_last)
    back = nn.Sequential(*model.layers[FROZEN:]).to(memory_format=torch.channels_last)
    fc = model.fc
    parts = nn.ModuleDict({"layers": back, "fc": fc})
    for module in parts.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.02
    ema = copy.deepcopy(parts).eval()
    steady(parts)
    optimiser = torch.optim.AdamW(
        [{"params": back.parameters(), "scale": 1.0}, {"params": fc.parameters(), "scale": 3.0}], a.lr, weight_decay=0.03
    )  # fmt: skip
    saved, spent, step, epoch = a.out / "last.pt", 0.0, 0, 0
    if saved.exists():
        state = torch.load(saved, map_location="cpu", weights_only=True)
        parts.load_state_dict(state["model"])
        ema.load_state_dict(state["ema"])
        optimiser.load_state_dict(state["optimiser"])
        spent, step, epoch = state["spent"], state["step"], state["epoch"]

    def keep() -> None:
        state = {"model": parts.state_dict(), "ema": ema.state_dict(), "optimiser": optimiser.state_dict(),
                 "spent": spent, "step": step, "epoch": epoch}  # fmt: skip
        torch.save(state, saved.with_suffix(".new"))
        saved.with_suffix(".new").replace(saved)

    whole = a.hours * 3600
    while spent < whole:
        rng = np.random.default_rng((a.seed, epoch, step))
        files = sorted(a.out.glob("views-*.pt"))
        losses, begun_epoch = [], time.time()
        parts.train()
        for pair in np.array_split(rng.permutation(len(files)), max(1, len(files) // 4)):
            begun = time.process_time()
            loaded = [read_views(files[i], deeper) for i in pair]  # four files at once are mixed
            data = {k: torch.cat([one[k] for one in loaded]) for k in loaded[0]}
            order = torch.from_numpy(rng.permutation(len(data["sure"])))
            for picks in order.split(a.batch):
                wait(a.pause)
                if len(picks) < a.batch // 2:
                    continue
                done = min((spent + time.process_time() - begun) / whole, 1.0)
                for group in optimiser.param_groups:
                    warm = min((step + 1) / 60, 1.0)
                    group["lr"] = (
                        a.lr * group["scale"] * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))
                    )
                x = data["features"][picks]
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.mixed):
                    y = back(
                        x.to(torch.bfloat16 if a.mixed else torch.float32, memory_format=torch.channels_last)
                    )
                logits = fc(y.float().mean((2, 3)))
                loss = loss_of(logits, data["target"][picks], data["open"][picks], data["sure"][picks])
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(parts.parameters(), 5.0)
                optimiser.step()
                step += 1
                losses.append(float(loss.detach()))
                d = 0.997 * (1 - math.exp(-step / 100))
                with torch.no_grad():
                    for e, m in zip(ema.state_dict().values(), parts.state_dict().values(), strict=True):
                        if e.dtype.is_floating_point:
                            e.lerp_(m, 1 - d)
            spent += time.process_time() - begun
            keep()  # a training that is stopped loses four files at most
            if spent >= whole:
                break
        epoch += 1
        keep()
        line: dict[str, Any] = {"epoch": epoch, "files": len(files), "samples": step * a.batch, "loss": float(np.mean(losses)),
                                "minutes": round(spent / 60, 1), "seconds": round(time.time() - begun_epoch)}  # fmt: skip
        print(json.dumps(line), flush=True)
    print("done", flush=True)


def trained(weights: Path, checkpoint: Path, share: float = 1.0) -> LiteNet:
    """The whole network of a checkpoint, ``share`` of it in the mean with what it started from, in evaluation mode."""
    model = start(weights)
    ema = torch.load(checkpoint, map_location="cpu", weights_only=True)["ema"]
    parts = nn.ModuleDict({"layers": nn.Sequential(*model.layers[FROZEN:]), "fc": model.fc})
    old = parts.state_dict()
    mean = {k: torch.lerp(old[k], v, share) if v.is_floating_point() else v for k, v in ema.items()}
    parts.load_state_dict(mean)
    return model.eval()


def main() -> None:
    """Cache or train."""
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("what", choices=("views", "train"))
    ap.add_argument("--out", type=Path, required=True)
    ap.add_argument("--weights", type=Path, required=True, help="the delivered file to start from")
    ap.add_argument("--dataset", type=Path)
    ap.add_argument("--photos", type=Path)
    ap.add_argument("--fixes", type=Path, default=Path(__file__).parent / "label_fixes.jsonl")
    ap.add_argument(
        "--boxes", type=Path, help="JSON: blob -> [boxes, scores] of the first stage on training photos"
    )
    ap.add_argument("--weak", type=Path, help="folder of photos without labels")
    ap.add_argument("--weak-boxes", type=Path, help="JSON: their boxes, and what their source says of each")
    ap.add_argument("--pixels", type=int, default=224)
    ap.add_argument("--margin", type=float, default=0.12)
    ap.add_argument("--size", type=int, default=640, help="long side of the frame that crops are cut from")
    ap.add_argument("--count", type=int, default=60, help=f"files of {CHUNK} views")
    ap.add_argument("--hours", type=float, default=0.5, help="of processor time; the schedule ends then")
    ap.add_argument("--batch", type=int, default=64)
    ap.add_argument("--lr", type=float, default=5e-4)
    ap.add_argument("--mixed", action="store_true", help="bfloat16 where torch's autocast takes it")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--pause", type=Path)
    a = ap.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    a.out.mkdir(parents=True, exist_ok=True)
    if a.what == "views":
        make_views(a)
    else:
        train(a)


if __name__ == "__main__":
    main()
