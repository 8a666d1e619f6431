"""Put both stages into one file and choose, on the validation split, how their scores are combined and cut.

python export.py --detector DIR/last.pt --classifier DIR/last.pt --dataset DIR --photos DIR --out starter.pt
"""

from __future__ import annotations

import argparse
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import evaluate as ev
import metrics as m
import numpy as np
import torch
from data import ANTLERED, DEER, DEER_LABELS, FINE, OTHERS, Photo, load
from train_classifier import NAMES, STATISTICS
from two_stage import TwoStage
from two_stage import load as load_weights

from trailcam.detect.model.two_stage_file import FORMAT

COMBINED = ("antlered_at", "group_sharpness", "sharpness")
WANTED = {"deer": 0.95, "antlered": 0.85}
"""Of photos: the share to find of those that hold one, and to be right about of those reported."""


def half(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights in 16 bits, counters left out."""
    return {
        k: v.half().contiguous() if v.dtype.is_floating_point else v
        for k, v in state.items()
        if not k.endswith("num_batches_tracked")
    }


def plain(value: Any) -> Any:
    """The same in dicts, lists, numbers and strings only."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def container(detector: Path, classifier: Path | None, flip: bool) -> dict[str, Any]:
    """What is saved, before calibration. ``detector``: of a training, or a delivered file whose first stage stays."""
    d = torch.load(detector, map_location="cpu", weights_only=True)
    if "format" in d:
        first, epochs = d["detector"], d["meta"]["detector_epochs"]
    else:
        first = {"names": dict(enumerate(d["names"])), "yaml": plain(d["yaml"]), "state_dict": half(d["ema"])}
        epochs = d["epoch"] + 1
    c = torch.load(classifier, map_location="cpu", weights_only=True) if classifier else None
    if c:
        c.setdefault("arch", "yolo11n-backbone-crop")
    return {
        "format": FORMAT,
        "detector": first,
        "classifier": c and {
            "arch": c["arch"], "names": list(NAMES), "state_dict": half(c["ema"]), "input_px": c["pixels"],
            "margin": c["margin"], "mean": list(STATISTICS[c["arch"]][0]), "std": list(STATISTICS[c["arch"]][1]), "width": 512, "temperature": 1.0, "sharpness": 0.5,
            "group_sharpness": 0.5, "antlered_at": 0.5, "flip": flip,
        },
        "names": list(FINE), "thresholds": dict.fromkeys(FINE, 0.25), "imgsz": 640, "iou": 0.6, "max_crops": 30,
        "meta": {"detector_epochs": epochs, "classifier_epochs": c["epoch"] + 1 if c else 0},
    }  # fmt: skip


class Raw:
    """Detections of both stages on a split, with the classifier's probabilities, so that settings can be tried quickly."""

    def __init__(
        self, model: TwoStage, photos: list[Photo], cache: Path | None = None, floor: float = 0.05
    ) -> None:
        """Run once; what the first stage found is kept in `cache`."""
        self.model, self.photos = model, photos
        if cache is not None and cache.exists():
            self.found = [
                {k: np.array(v, np.int64 if k == "classes" else np.float32) for k, v in d.items()}
                for d in torch.load(cache, weights_only=True)
            ]
            for d in self.found:
                d["boxes"] = d["boxes"].reshape(-1, 4)
        else:
            self.found = m.run(photos, model.imgsz, self.first)
            if cache is not None:
                torch.save([{k: v.tolist() for k, v in d.items()} for d in self.found], cache)
        for d in self.found:
            keep = d["scores"] > floor
            for k in d:
                d[k] = d[k][keep]
        self.p = [self.second(photo, d) for photo, d in zip(photos, self.found, strict=True)]

    def first(self, batch: torch.Tensor) -> list:
        """The first stage alone."""
        with m.mixed(torch.device("cpu")):
            raw = self.model.detector((batch.float() / 255).contiguous(memory_format=torch.channels_last))
        raw = raw[0] if isinstance(raw, tuple | list) else raw
        return m.decode(raw, 0.02, self.model.iou, self.model.most)

    def second(self, photo: Photo, d: m.Detections) -> torch.Tensor:
        """The classifier's probabilities for one photo's boxes."""
        model = self.model
        if model.classifier is None or not len(d["scores"]):
            return torch.zeros(len(d["scores"]), len(NAMES))
        image = photo.image()
        boxed, s, left, top = m.letterbox(image, model.imgsz)
        h, w = image.shape[:2]
        boxes = d["boxes"] * np.array([w, h, w, h], np.float32) * s + np.array(
            [left, top, left, top], np.float32
        )
        x = torch.from_numpy(boxed.transpose(2, 0, 1).copy())[None].float() / 255
        with torch.inference_mode():
            return model.probabilities(x, [torch.from_numpy(boxes.astype(np.float32))])

    def final(self) -> list[m.Detections]:
        """Detections under the model's present settings."""
        model, out = self.model, []
        t = model.two.temperature if model.two is not None else 1.0
        for d, p in zip(self.found, self.p, strict=True):
            classes, scores = d["classes"], d["scores"].copy()
            if model.classifier is None:
                out.append(d)
                continue
            deer = np.ones(len(classes), bool) if model.others else classes == model.deer
            named = model.final.numpy()[classes] if len(classes) else classes
            if deer.any():
                q = (p[torch.from_numpy(deer)].clamp(min=1e-9).log() / t).softmax(1)
                kinds, factors = model.decide(q)
                named = named.copy()
                named[deer] = kinds.numpy()
                scores[deer] *= factors.numpy()
            out.append({"boxes": d["boxes"], "scores": scores, "classes": named})
        return out


def temperature(raw: Raw) -> float:
    """The temperature under which the labels of matched validation boxes are likeliest."""
    logs, labels = [], []
    for photo, d, p in zip(raw.photos, raw.found, raw.p, strict=True):
        if not len(p) or not photo.boxes:
            continue
        overlap = m.ious(d["boxes"], photo.xyxy())
        for k in range(len(p)):
            j = overlap[k].argmax()
            if overlap[k][j] > 0.6 and p[k].sum() > 0 and photo.boxes[j].label in DEER:
                logs.append(p[k, : len(DEER)].clamp(min=1e-9).log())
                labels.append(DEER.index(photo.boxes[j].label))
    x, y = torch.stack(logs), torch.tensor(labels)
    grid = np.geomspace(0.4, 3, 25)
    return float(grid[int(np.argmin([torch.nn.functional.cross_entropy(x / t, y).item() for t in grid]))])


def choose(raw: Raw) -> dict[str, Any]:
    """Set the combination on the model; returns what was chosen."""
    model = raw.model
    if model.classifier is None:
        return {}
    model.two = replace(model.two, temperature=round(temperature(raw), 3))
    best: tuple[float, tuple] = (-1.0, ())
    for combination in itertools.product((0.4, 0.5, 0.6), (0.0, 0.5, 1.0), (0.25, 0.5, 1.0)):
        model.two = replace(model.two, **dict(zip(COMBINED, combination, strict=True)))
        found = raw.final()
        ap = {
            n: m.average_precision(x)
            for n, x in m.class_matches(raw.photos, found, FINE).items()
            if n in DEER
        }
        groups = {g: m.average_precision(m.group_matches(raw.photos, found, FINE, g)) for g in ev.GROUPS}
        value = float(np.mean(list(ap.values()))) + groups["antlered"] + groups["antlerless"] + groups["deer"]
        if value > best[0] + 1e-4:
            best = (value, combination)
    chosen = dict(zip(COMBINED, best[1], strict=True))
    model.two = replace(model.two, **chosen)
    return {"temperature": model.two.temperature, **chosen}


class Truth:
    """Which photos hold a deer or a buck, and which can tell that they don't."""

    def __init__(self, photos: list[Photo]) -> None:
        """Look once."""
        complete = np.array([p.complete for p in photos])
        unsexed = np.array([any(b.label == "deer" for b in p.boxes) for p in photos])
        self.deer, self.buck = m.has(photos, DEER_LABELS), m.has(photos, ANTLERED)
        self.tells_deer, self.tells_buck = complete | self.deer, self.buck | (complete & ~unsexed)


def loudest(photos: list[Photo], found: list[m.Detections], name: str) -> float:
    """The highest score that a class has on a photo of nothing."""
    nothing = [d for photo, d in zip(photos, found, strict=True) if photo.complete and not photo.boxes]
    return max(
        (float(s) for d in nothing for s in d["scores"][d["classes"] == FINE.index(name)]), default=0.0
    )


def cut(photos: list[Photo], found: list[m.Detections]) -> dict[str, float]:
    """Thresholds: by boxes for other classes; for deer those that come nearest to what is wanted of photos."""
    out = {}
    matches = m.class_matches(photos, found, FINE)
    grid = np.round(np.arange(0.08, 0.85, 0.02), 2)
    for n in OTHERS:
        scores = np.concatenate([x[0] for x in matches[n]])
        hits = np.concatenate([x[1] for x in matches[n]])
        total = sum(x[2] for x in matches[n])
        f = [
            2 * (hits[scores >= t] == 1).sum() / max((hits[scores >= t] >= 0).sum() + total, 1) for t in grid
        ]
        good = grid[
            np.array(f) >= max(f) - 0.01
        ]  # of thresholds as good as the best, one in the upper middle
        out[n] = float(np.clip(good[int(len(good) * 0.6)], 0.1, 0.8))
    for n in OTHERS:  # and no alarm where nothing is
        loud = loudest(photos, found, n)
        out[n] = max(out[n], next((float(t) for t in grid if t > loud), 0.85))
    truth = Truth(photos)
    doe = m.photo_scores(found, FINE, ev.GROUPS["antlerless"])
    buck = m.photo_scores(found, FINE, ev.GROUPS["antlered"])

    def short(said: np.ndarray, true: np.ndarray, usable: np.ndarray, wanted: float) -> float:
        return sum(max(wanted - x, 0.0) for x in ev.image_figures(said, true, usable) if not np.isnan(x))

    smooth = np.zeros((len(grid), len(grid)))
    for i, td in enumerate(grid):
        for j, tb in enumerate(grid):
            deer = short((doe >= td) | (buck >= tb), truth.deer, truth.tells_deer, WANTED["deer"])
            # A point of bucks is two photos, one of deer is ten: half as much trust.
            bucks = short(buck >= tb, truth.buck, truth.tells_buck, WANTED["antlered"])
            smooth[i, j] = -deer - bucks / 2
    padded = np.pad(smooth, 1, mode="edge")  # a plateau rather than a peak
    mean = sum(padded[a : a + len(grid), b : b + len(grid)] for a in range(3) for b in range(3))
    i, j = np.unravel_index(mean.argmax(), mean.shape)
    out |= dict.fromkeys(("doe", "fawn"), float(grid[i])) | dict.fromkeys(
        ("young", "mid", "mature"), float(grid[j])
    )
    return {n: round(out[n], 3) for n in FINE}


def main() -> None:
    """Export."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--weights", type=Path, help="an exported file: only its thresholds are chosen anew")
    p.add_argument("--detector", type=Path, help="not with --weights")
    p.add_argument("--classifier", type=Path, help="left out for a one-stage model")
    p.add_argument("--dataset", type=Path, required=True)
    p.add_argument("--photos", type=Path, required=True)
    p.add_argument("--fixes", type=Path, default=Path(__file__).parent / "label_fixes.jsonl")
    p.add_argument("--flip", action="store_true", help="average over each crop and its mirror image")
    p.add_argument("--pixels", type=int, help="side of the crops asked about, instead of the one trained on")
    p.add_argument("--cache", type=Path, help="keeps what the first stage finds on the validation split")
    p.add_argument("--version", default="0.1")
    p.add_argument("--date", default="")
    p.add_argument(
        "--meta", type=Path, help="JSON to add to the meta part, such as figures on the test split"
    )
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    if (a.weights is None) == (a.detector is None):
        p.error("either --weights or --detector")
    saved = (
        torch.load(a.weights, map_location="cpu", weights_only=True)
        if a.weights
        else container(a.detector, a.classifier, a.flip)
    )
    if saved["classifier"]:
        saved["classifier"] |= {"flip": a.flip, "input_px": a.pixels or saved["classifier"]["input_px"]}
    new = a.out.with_suffix(".new")
    torch.save(saved, new)
    model = load_weights(new)
    val = load(a.dataset, a.photos, ("val",), a.fixes)
    kept = model.two
    if kept is not None:
        model.two = replace(kept, temperature=1.0)  # Raw.final divides by it
    raw = Raw(model, val, a.cache)
    if a.weights:
        model.two, chosen = kept, {}
    else:
        chosen = choose(raw)
    found = raw.final()
    saved["thresholds"] = cut(val, found)
    if saved["classifier"]:
        saved["classifier"] |= chosen
    result = ev.bootstrap(val, ev.statistics(val, found, saved["thresholds"]), 200)
    saved["meta"] |= {"version": a.version, "date": a.date, "licence": "AGPL-3.0-or-later", "val": result}
    if a.meta:
        saved["meta"] |= json.loads(a.meta.read_text())
    torch.save(saved, new)
    new.replace(a.out)
    a.out.with_name("thresholds.json").write_text(
        json.dumps({**saved["thresholds"], "_settings": chosen}, indent=1)
    )
    print(json.dumps(chosen), json.dumps(saved["thresholds"]))
    for k, v in result.items():
        print(f"{k:26} {v['value']:.3f}  [{v['low']:.3f}, {v['high']:.3f}]")
    print("bytes", a.out.stat().st_size)


if __name__ == "__main__":
    main()
