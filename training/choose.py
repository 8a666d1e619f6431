"""Put a first and a second stage into one file, and choose on the validation split how they are combined.

    python choose.py --finder last.pt [--old yolox_tiny_640_20220528.pth --share 0.7] --namer last.pt --weights starter.pt \
        --photos photos/data.yaml --px 512 --cache DIR --out new.pt

What the first stage finds is cached by its tensors, so that a new second stage is judged in a minute.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from export import half, plain
from metrics import ious, letterbox
from namer_data import DEER_PART, NAMES, NONE
from torch import Tensor
from train_classifier import STATISTICS
from train_finder import TINY, blend, read_state
from train_namer import start, trained

from trailcam.detect.model.nested import outer
from trailcam.detect.model.two_stage import build_finder, build_namer, looking_smaller
from trailcam.detect.model.two_stage_crops import cut
from trailcam.detect.model.two_stage_file import (
    ANTLERED,
    BUCK,
    DEER,
    FORMAT_2,
    YOLOX,
    Container,
    NamingRule,
    read_container,
)  # fmt: skip
from trailcam.detect.model.two_stage_naming import name_boxes
from trailcam.detect.model.vision_ops import nms
from trailcam.detect.model.yolo_head import set_precision
from trailcam.detect.model.yolox import Yolox
from trailcam.domain import Kind
from trailcam.evaluate.dataset import DataSet, LabelledPhoto, read_dataset
from trailcam.evaluate.figures import Judge
from trailcam.evaluate.meaning import DEER_KINDS, class_targets, group_targets, label_meanings
from trailcam.evaluate.metrics import Found, average_precision, match, over_photos
from trailcam.settings.classmap import load_class_map

OLD = (
    "doe",
    "fawn",
    "young",
    "mid",
    "mature",
    "coyote",
    "hog",
    "turkey",
    "raccoon",
    "fox",
    "person",
    "vehicle",
    "animal",
)
FINAL = (*[n for n in NAMES if n != "none"][:5], BUCK, DEER, *[n for n in NAMES if n != "none"][5:])
FRAME, MOST = 640, 40
LESS, MORE = ("doe", "fawn", DEER), (*ANTLERED, BUCK)
LEAST = 0.005  # of the first stage's score, for what is cached
RULE = NamingRule(
    bias=0.0, found=1.0, named=1.0, species_power=1.0, sex_power=1.0, antlered_at=0.4, antlerless_at=0.4, size_at=0.0
)  # fmt: skip


def first_stage(finder: Path, old: Path | None, share: float, px: int | None) -> dict[str, Any]:
    """That of a delivered file, or of a checkpoint, whose weights may be averaged with those of ``old``.

    ``px``: the longer side that it looks at, where that isn't the frame's.
    """
    saved = torch.load(finder, map_location="cpu", weights_only=True)
    if str(saved.get("format", "")).startswith("trailcam"):
        return dict(saved["detector"]) | ({"input_px": px} if px else {})
    if "yaml" in saved:  # of train_further.py
        assert old is not None
        before = dict(torch.load(old, map_location="cpu", weights_only=True)["detector"])
        state = {k: v.float() for k, v in before["state_dict"].items()}
        learned = half(blend(state, {k: saved["ema"][k] for k in state}, share))
        return before | {"state_dict": learned} | ({"input_px": px} if px else {})
    state = read_state(finder)
    return {
        "arch": "yolox", "names": {0: "object"}, "yaml": {"depth": TINY["depth"], "width": TINY["width"]},
        "input_px": px, "state_dict": half(blend(read_state(old), state, share) if old else state),
    }  # fmt: skip


def container(
    finder: dict[str, Any], namer: dict[str, Tensor], pixels: int = 224, margin: float = 0.12
) -> dict[str, Any]:
    """What is saved, before anything is chosen. ``pixels`` and ``margin``: of the second stage's crops."""
    return {
        "format": FORMAT_2, "detector": finder,
        "classifier": {
            "arch": "efficientnet-lite0", "names": list(NAMES), "state_dict": half(namer), "input_px": pixels,
            "margin": margin, "mean": list(STATISTICS["efficientnet-lite0"][0]),
            "std": list(STATISTICS["efficientnet-lite0"][1]), "width": 512, "temperature": 1.0, "flip": False,
            "rule": as_dict(RULE),
        },
        "names": list(FINAL), "thresholds": dict.fromkeys(FINAL, 0.25), "imgsz": FRAME, "iou": 0.6,
        "max_crops": MOST, "floor": 0.03, "nested": 1.0,
        "meta": {"licence": "AGPL-3.0-or-later"} | (
            {"first_stage": "after MegadetectorLite, MIT, DrivenData"} if finder.get("arch") == YOLOX else {}
        ),
    }  # fmt: skip


def as_dict(rule: NamingRule) -> dict[str, float]:
    return {name: float(getattr(rule, name)) for name in NamingRule.__slots__}


class Frames:
    """The photos of a split as the program frames them."""

    def __init__(self, photos: tuple[LabelledPhoto, ...]) -> None:
        self.photos = photos

    def __getitem__(self, i: int) -> tuple[Tensor, np.ndarray, tuple[int, int, int, int]]:
        """(h, w, 3) uint8; scale to px and offset as (4,) rows; the photo's place in the frame."""
        image = cv2.cvtColor(cv2.imread(str(self.photos[i].file)), cv2.COLOR_BGR2RGB)
        frame, s, left, top = letterbox(image, FRAME)
        h, w = image.shape[:2]
        return torch.from_numpy(frame), np.array([w * s, h * s]), (left, top, round(w * s), round(h * s))


def find(
    read: Container, frames: Frames, dtype: torch.dtype, chosen: list[int] | None = None
) -> list[Tensor]:
    """(k, 5) xyxy px and score of every photo's boxes, before suppression."""
    net = build_finder(read, "the weights")
    if isinstance(net, Yolox):
        net.to(dtype, memory_format=torch.channels_last)
    else:
        set_precision(net, dtype)

    def network(pixels: Tensor) -> Tensor:
        answer = net(pixels.permute(0, 3, 1, 2).to(dtype).div_(255))
        x: Tensor = answer[0] if isinstance(answer, list | tuple) else answer
        return x

    px = read.one.input_px
    look = network if px is None else looking_smaller(network, px / FRAME)
    out = []
    for i in range(len(frames.photos)) if chosen is None else chosen:
        with torch.inference_mode():
            one = look(frames[i][0][None])[0].float()
        one = torch.cat([one[:4], one[4:].amax(0, keepdim=True)])  # its class is the second stage's to say
        one = one[:, one[4] > LEAST].T
        one = one[one[:, 4].argsort(descending=True)[:400]]
        out.append(
            torch.cat([one[:, :2] - one[:, 2:4] / 2, one[:, :2] + one[:, 2:4] / 2, one[:, 4:]], 1).clone()
        )
    return out


def suppressed(found: list[Tensor], iou: float, floor: float) -> list[Tensor]:
    """As the program does it."""
    out = []
    for one in found:
        one = one[one[:, 4] >= floor]
        out.append(one[nms(one[:, :4], one[:, 4], iou)[:MOST]])
    return out


def name(read: Container, frames: Frames, boxes: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """(k, classes) logits of every photo's boxes."""
    assert read.two is not None
    net = build_namer(read.two, read, "the weights").to(dtype, memory_format=torch.channels_last)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (read.two.mean, read.two.std))
    out = []
    for i, some in enumerate(boxes):
        if not len(some):
            out.append(torch.zeros(0, len(read.two.names)))
            continue
        with torch.inference_mode():
            frame = frames[i][0].permute(2, 0, 1)[None]
            crops = (cut(frame, [some[:, :4]], read.two.input_px, read.two.margin) - mean) / std
            out.append(net(crops.to(dtype, memory_format=torch.channels_last)).float().clone())
    return out


class Seen:
    """All that the networks say of a split, so that everything else can be tried quickly."""

    def __init__(self, data: DataSet, boxes: list[Tensor], logits: list[Tensor], places: list[Any]) -> None:
        self.data, self.boxes, self.logits, self.places = data, boxes, logits, places
        self.model = {
            info.class_id: info for info in load_class_map("starter").describe(dict(enumerate(FINAL)))
        }
        self.labels = label_meanings(data.names)

    def found(self, rule: NamingRule, temperature: float, nested: float, floor: float) -> list[Found]:
        """Final boxes under some settings."""
        kinds_of = np.array([-1 if info.kind in DEER_KINDS else i for i, info in self.model.items()])
        out = []
        for boxes, logits, (size, place) in zip(self.boxes, self.logits, self.places, strict=True):
            keep = boxes[:, 4] >= floor
            boxes, p = boxes[keep], (logits[keep] / temperature).softmax(1)
            classes, sure = name_boxes(p, boxes[:, 4], NAMES, FINAL, rule)
            order = sure.argsort(descending=True, stable=True)
            xyxy, classes, sure = boxes[order, :4].numpy(), classes[order].numpy(), sure[order].numpy()
            if nested < 1:
                stay = outer(xyxy, kinds_of[classes], nested)
                xyxy, classes, sure = xyxy[stay], classes[stay], sure[stay]
            xy = ((xyxy - np.tile(place[:2], 2)) / np.tile(size, 2)).clip(0, 1)
            xywh = np.concatenate([xy[:, :2], xy[:, 2:] - xy[:, :2]], 1).astype(np.float32)
            out.append(Found(xywh, sure.astype(np.float32), classes.astype(np.int16)))
        return out

    def judge(self, found: list[Found], thresholds: dict[str, float]) -> Judge:
        limits = {i: thresholds[n] for i, n in enumerate(FINAL)}
        return Judge(self.data.photos, found, self.model, self.labels, limits)


def figures(judge: Judge, only: np.ndarray | None = None) -> dict[str, float]:
    """What the issue asks for; ``only`` (n,) bool: of some photos."""
    weights = np.ones(len(judge.photos)) if only is None else only.astype(float)
    out: dict[str, float] = {}
    for target in class_targets(judge.model, judge.labels):
        out[f"ap50/{target.name}"] = average_precision(match(judge.photos, judge.found, target, 0.5), weights)
    for target in group_targets(judge.model, judge.labels):
        out[f"group/{target.name}"] = average_precision(
            match(judge.photos, judge.found, target, 0.5), weights
        )
    out["map50_old"] = float(np.nanmean([out.get(f"ap50/{n}", float("nan")) for n in OLD]))
    complete = np.array([p.complete for p in judge.photos])
    unsexed = judge.has(frozenset(i for i, info in judge.labels.items() if info.kind is Kind.DEER))
    for key, kinds, deny in (
        ("deer", DEER_KINDS, complete), ("buck", (Kind.BUCK,), complete & ~unsexed),
        ("person", (Kind.PERSON,), complete), ("vehicle", (Kind.VEHICLE,), complete),
    ):  # fmt: skip
        said = judge.says(frozenset(i for i, info in judge.model.items() if info.kind in kinds))
        truth = judge.has(frozenset(i for i, info in judge.labels.items() if info.kind in kinds))
        out[f"{key}/right"], out[f"{key}/found"] = over_photos(said, truth, truth | deny, weights)
    alarm = np.array([bool(judge.sure(f).any()) for f in judge.found])
    holds = np.array([len(p.class_id) > 0 for p in judge.photos])
    empty = complete & ~holds
    out["any/found"] = float((alarm & holds) @ weights / max(holds @ weights, 1))
    out["empty/alarms"], out["empty/photos"] = float((alarm & empty) @ weights), float(empty @ weights)
    return out


def evidence(seen: Seen, rule: NamingRule, temperature: float, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits of the confidences that the rule gives, and whether the box holds a labelled object."""
    rows, right = [], []
    for photo, boxes, logits, (size, place) in zip(
        seen.data.photos, seen.boxes, seen.logits, seen.places, strict=True
    ):
        xy = (boxes[:, :4].numpy() - np.tile(place[:2], 2)) / np.tile(size, 2)
        truth = np.concatenate([photo.boxes[:, :2], photo.boxes[:, :2] + photo.boxes[:, 2:]], 1)
        best = ious(xy, truth).max(1) if len(truth) else np.zeros(len(xy))
        _, sure = name_boxes((logits / temperature).softmax(1), boxes[:, 4], NAMES, FINAL, rule)
        for k, confidence in enumerate(sure.tolist()):
            if boxes[k, 4] < floor or (best[k] < 0.5 and not photo.complete) or 0.3 < best[k] < 0.5:
                continue
            x = min(max(confidence, 1e-4), 1 - 1e-4)
            rows.append(np.log(x / (1 - x)))
            right.append(best[k] >= 0.5)
    return np.array(rows), np.array(right)


def calibrate(rows: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Logistic regression by Newton's steps, slightly held back: bias and factor of the logits."""
    x = np.stack([np.ones(len(rows)), rows], 1)
    w = np.zeros(2)
    for _ in range(30):
        p = 1 / (1 + np.exp(-(x @ w)))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.eye(2)
        w -= np.linalg.solve(hessian, x.T @ (p - right) + w)
    return float(w[0]), float(max(w[1], 0.05))


def temperature_of(seen: Seen) -> float:
    """Under which the labels of matched boxes are likeliest, scenery left out."""
    rows, labels = [], []
    for photo, boxes, logits, (size, place) in zip(
        seen.data.photos, seen.boxes, seen.logits, seen.places, strict=True
    ):
        xy = (boxes[:, :4].numpy() - np.tile(place[:2], 2)) / np.tile(size, 2)
        for k, label in enumerate(photo.class_id.tolist()):
            called = seen.labels[label].name
            wanted = called if called in NAMES else None if called in (DEER, BUCK) else "animal"
            if wanted is None or not len(xy):
                continue
            x, y, w, h = photo.boxes[k]
            overlap = ious(xy, np.array([[x, y, x + w, y + h]]))[:, 0]
            if overlap.max() > 0.6:
                rows.append(logits[int(overlap.argmax()), :NONE])
                labels.append(NAMES.index(wanted))
    x, y = torch.stack(rows), torch.tensor(labels)
    grid = np.geomspace(0.4, 2.5, 25)
    return round(
        float(grid[int(np.argmin([torch.nn.functional.cross_entropy(x / t, y).item() for t in grid]))]), 3
    )


def choose(seen: Seen, floor: float) -> tuple[NamingRule, float, float]:
    """Rule, temperature and nesting that serve the validation split best by average precision."""
    temperature, nested, rule = temperature_of(seen), 1.0, RULE
    equal = dict.fromkeys(FINAL, 0.3)

    def value(rule: NamingRule, nested: float) -> float:
        f = figures(seen.judge(seen.found(rule, temperature, nested, floor), equal))
        wanted = ("map50_old", "group/any deer", "group/antlered", "group/antlerless")
        return sum(f[key] for key in wanted) + 0.5 * f["group/person"]

    for key, options in (
        ("species_power", (0.5, 1.0, 2.0)), ("sex_power", (0.5, 1.0)), ("antlered_at", (0.4, 0.5, 0.6)),
    ):  # fmt: skip
        tries = [replace(rule, **{key: option}) for option in options]
        tries = [replace(r, antlerless_at=r.antlered_at) for r in tries]
        rule = max(tries, key=lambda r: round(value(r, nested), 3))
    nested = max((1.0, 0.9), key=lambda n: round(value(rule, n), 3))
    bias, found = calibrate(*evidence(seen, rule, temperature, floor))
    return replace(rule, bias=round(bias, 3), found=round(found, 3)), temperature, nested


def cut_points(seen: Seen, found: list[Found], sooner: float = 1.0) -> dict[str, float]:
    """Thresholds: one for deer, one for bucks, one for each other class, above what it says of photos of nothing.

    ``sooner``: of what is about the best F1 of another class; below 1 more is found than that would find.
    """
    grid = np.round(np.arange(0.1, 0.81, 0.02), 2)
    start = dict.fromkeys(FINAL, 0.25)
    others = by_boxes(seen.judge(found, start), grid)
    usual = float(
        np.median(list(others.values()))
    )  # for classes with too few boxes for a choice of their own
    chosen = {
        name: min(max(sooner * others.get(name, usual), loudest(seen, found, name) + 0.01), 0.85)
        for name in FINAL
    }
    best, judge = (-9.0, 0.3, 0.3), seen.judge(found, chosen)
    less, antlered, told = loudest_of(judge, LESS), loudest_of(judge, MORE), truths_of(judge)
    for deer, buck in itertools.product(grid[::2], grid[::2]):
        f = figures_of_photos(told, deer=(less >= deer) | (antlered >= buck), buck=antlered >= buck)
        short = sum(max(0.975 - f[k], 0) for k in ("deer/found", "deer/right")) + 0.5 * sum(
            max(0.92 - f[k], 0) for k in ("buck/found", "buck/right")
        )
        spare = 0.02 * (f["deer/found"] + f["deer/right"] + f["buck/found"] + f["buck/right"])
        if spare - short > best[0]:
            best = (spare - short, float(deer), float(buck))
    chosen |= for_deer(*best[1:])
    return {n: round(chosen[n], 2) for n in FINAL}


def for_deer(deer: float, buck: float) -> dict[str, float]:
    return dict.fromkeys(LESS, deer) | dict.fromkeys(MORE, buck)


def by_boxes(judge: Judge, grid: np.ndarray) -> dict[str, float]:
    """For each class that is no whitetail and has five boxes or more: a threshold about as good as the best F1."""
    weights, out = np.ones(len(judge.photos)), {}
    for target in class_targets(judge.model, judge.labels):
        if target.name in OLD[:5] or target.name in (DEER, BUCK):
            continue
        m = match(judge.photos, judge.found, target, 0.5)
        total = m.truths @ weights
        if total < 5:
            continue
        f = np.array(
            [
                2 * (m.right & (m.confidence >= t)).sum() / max((m.confidence >= t).sum() + total, 1)
                for t in grid
            ]
        )
        good = grid[f >= f.max() - 0.02]
        out[target.name] = float(max(good[int(len(good) * 0.35)], 0.15))
    return out


def loudest(seen: Seen, found: list[Found], name: str) -> float:
    """The highest confidence of a class on a photo of nothing."""
    nothing = [f for p, f in zip(seen.data.photos, found, strict=True) if p.complete and not len(p.class_id)]
    return max(
        (float(f.confidence[f.class_id == FINAL.index(name)].max(initial=0)) for f in nothing), default=0.0
    )


def loudest_of(judge: Judge, names: Collection[str]) -> np.ndarray:
    """(n,) the highest confidence of some classes on each photo, -1 without any."""
    ids = [FINAL.index(name) for name in names]
    return np.array([f.confidence[np.isin(f.class_id, ids)].max(initial=-1.0) for f in judge.found])


# "deer" and "buck" -> which photos show one, and which of them can tell
Told = dict[str, tuple[np.ndarray, np.ndarray]]


def truths_of(judge: Judge) -> Told:
    """What each photo shows, by its labels."""
    complete = np.array([p.complete for p in judge.photos])
    unsexed = judge.has(frozenset(i for i, info in judge.labels.items() if info.kind is Kind.DEER))
    out = {}
    for key, kinds, deny in (("deer", DEER_KINDS, complete), ("buck", (Kind.BUCK,), complete & ~unsexed)):
        truth = judge.has(frozenset(i for i, info in judge.labels.items() if info.kind in kinds))
        out[key] = truth, truth | deny
    return out


def figures_of_photos(told: Told, **said: np.ndarray) -> dict[str, float]:
    """Shares found and right, from whether each photo is said to show a deer and a buck."""
    out = {}
    for key, (truth, usable) in told.items():
        weights = np.ones(len(truth))
        out[f"{key}/right"], out[f"{key}/found"] = over_photos(said[key], truth, usable, weights)
    return out


def places_of(frames: Frames) -> list[Any]:
    return [frames[i][1:] for i in range(len(frames.photos))]


def digest(state: dict[str, Tensor], *more: object) -> str:
    h = hashlib.sha256(repr(more).encode())
    for key in sorted(state):
        h.update(state[key].float().numpy().tobytes())
    return h.hexdigest()[:16]


def look(saved: dict[str, Any], data: DataSet, cache: Path, iou: float, floor: float) -> Seen:
    """Both stages on a split, the first from the cache where it was there before."""
    new = cache / "trial.pt"
    torch.save(saved, new)
    read = read_container(new)
    assert read is not None
    frames = Frames(data.photos)
    one, two = saved["detector"], saved["classifier"]
    key = digest(one["state_dict"], one.get("input_px"), str(data.path.name), data.split)
    file = cache / f"found-{key}.pt"
    if not file.exists():
        torch.save(find(read, frames, torch.bfloat16), file)
    boxes = suppressed(torch.load(file, weights_only=True), iou, floor)
    file = cache / f"named-{key}-{digest(two['state_dict'], iou, floor, two['input_px'], two['margin'])}.pt"
    if not file.exists():
        torch.save(name(read, frames, boxes, torch.bfloat16), file)
    return Seen(data, boxes, torch.load(file, weights_only=True), places_of(frames))


def report(title: str, f: dict[str, float]) -> None:
    print(title, " ".join(f"{k}={v:.3f}" for k, v in f.items()), flush=True)


def main() -> None:
    """Choose and export."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument(
        "--finder",
        type=Path,
        required=True,
        help="checkpoint of train_further.py or train_finder.py, a published or a delivered file",
    )
    p.add_argument("--old", type=Path, help="a file to average with")
    p.add_argument("--share", type=float, default=1.0, help="of the new weights in that average")
    p.add_argument(
        "--namer", type=Path, nargs="+", help="checkpoints; the mean of several; else that of --weights"
    )
    p.add_argument(
        "--namer-share", type=float, default=1.0, help="of it in the mean with what it started from"
    )
    p.add_argument("--weights", type=Path, required=True, help="the file that the second stage started from")
    p.add_argument("--photos", type=Path, required=True, help="data.yaml")
    p.add_argument("--px", type=int, help="what the first stage looks at")
    p.add_argument("--pixels", type=int, default=224, help="what the second stage looks at")
    p.add_argument("--margin", type=float, default=0.12, help="around a box, as a share of its longer side")
    p.add_argument("--less-deer", type=float, default=0.0, help="taken off the five deer logits")
    p.add_argument("--sooner", type=float, default=1.0, help="factor of the thresholds of other animals")
    p.add_argument("--iou", type=float, default=0.6)
    p.add_argument("--floor", type=float, default=0.03)
    p.add_argument("--cache", type=Path, required=True)
    p.add_argument("--version", default="0.6.0")
    p.add_argument("--out", type=Path)
    a = p.parse_args()
    torch.set_num_threads(1)
    a.cache.mkdir(parents=True, exist_ok=True)
    finder = first_stage(a.finder, a.old, a.share, a.px)
    namer = trained(a.weights, a.namer, a.namer_share) if a.namer else start(a.weights)
    with torch.no_grad():
        namer.fc.bias[:DEER_PART] -= a.less_deer
    saved = container(finder, namer.state_dict(), a.pixels, a.margin)
    seen = look(saved, read_dataset(a.photos, "val"), a.cache, a.iou, a.floor)
    rule, temperature, nested = choose(seen, a.floor)
    found = seen.found(rule, temperature, nested, a.floor)
    thresholds = cut_points(seen, found, a.sooner)
    print(rule, temperature, nested, thresholds)
    report("val", figures(seen.judge(found, thresholds)))
    saved["classifier"] |= {"temperature": temperature, "rule": as_dict(rule)}
    saved |= {"thresholds": thresholds, "iou": a.iou, "floor": a.floor, "nested": nested}
    saved["meta"] |= {"version": a.version}
    if a.out:
        torch.save(plain(saved), a.out)
        print(a.out, a.out.stat().st_size, "bytes", json.dumps(as_dict(rule)))


if __name__ == "__main__":
    main()
