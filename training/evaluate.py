"""Figures of a weights file on one split, with bootstrap intervals over scenes.

python evaluate.py --weights starter.pt --dataset DIR --photos DIR --split test [--out metrics.json]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import metrics as m
import numpy as np
import torch
from data import ANTLERED, DEER, DEER_LABELS, FINE, Photo, load

BUCKS = frozenset(("young", "mid", "mature"))
GROUPS = {"antlered": BUCKS, "antlerless": frozenset(("doe", "fawn")), "deer": frozenset(DEER)}


def at_thresholds(
    found: list[m.Detections], names: tuple[str, ...], thresholds: dict[str, float]
) -> list[m.Detections]:
    """Only detections at or above their class's threshold."""
    limits = np.array([thresholds[n] for n in names])
    out = []
    for d in found:
        keep = d["scores"] >= limits[d["classes"].astype(int)] if len(d["scores"]) else np.zeros(0, bool)
        out.append({k: v[keep] for k, v in d.items()})
    return out


def image_figures(said: np.ndarray, truth: np.ndarray, usable: np.ndarray) -> tuple[float, float]:
    """Precision and recall over photos."""
    said, truth = said[usable], truth[usable]
    precision = float(truth[said].mean()) if said.any() else float("nan")
    return precision, float(said[truth].mean()) if truth.any() else float("nan")


def statistics(
    photos: list[Photo], found: list[m.Detections], thresholds: dict[str, float]
) -> Callable[[np.ndarray], dict[str, float]]:
    """A function from photo indices (with repetitions) to all figures."""
    per_class = {iou: m.class_matches(photos, found, FINE, iou) for iou in (0.5,)}
    groups = {g: m.group_matches(photos, found, FINE, g) for g in GROUPS}
    sure = at_thresholds(found, FINE, thresholds)
    sure_matches = m.class_matches(photos, sure, FINE)
    has_deer, has_buck = m.has(photos, DEER_LABELS), m.has(photos, ANTLERED)
    says_deer = m.photo_scores(sure, FINE, frozenset(DEER)) > 0
    says_buck = m.photo_scores(sure, FINE, BUCKS) > 0
    complete = np.array([p.complete for p in photos])
    unsexed = np.array([any(b.label == "deer" for b in p.boxes) for p in photos])
    deer_usable = complete | has_deer
    buck_usable = has_buck | (complete & ~unsexed)  # a deer of unknown sex may be a buck
    empty = np.array([not p.boxes and p.complete for p in photos])
    alarms = np.array([len(d["scores"]) > 0 for d in sure])

    def figures(index: np.ndarray) -> dict[str, float]:
        out: dict[str, float] = {}
        ap = {n: m.average_precision([x[i] for i in index]) for n, x in per_class[0.5].items()}
        out["map50"] = float(np.nanmean(list(ap.values())))
        for n, v in ap.items():
            out[f"ap50/{n}"] = v
        for g, x in groups.items():
            out[f"ap50/{g}"] = m.average_precision([x[i] for i in index])
        p, r = image_figures(says_deer[index], has_deer[index], deer_usable[index])
        out["any_deer_precision"], out["any_deer_recall"] = p, r
        p, r = image_figures(says_buck[index], has_buck[index], buck_usable[index])
        out["buck_photo_precision"], out["buck_photo_recall"] = p, r
        e = empty[index]
        out["false_alarms_on_empty"] = float(alarms[index][e].mean()) if e.any() else float("nan")
        for n in FINE:
            hits = np.concatenate([sure_matches[n][i][1] for i in index]) if len(index) else np.zeros(0)
            total = sum(sure_matches[n][i][2] for i in index)
            tp, fp = (hits == 1).sum(), (hits == 0).sum()
            out[f"precision/{n}"] = float(tp / (tp + fp)) if tp + fp else float("nan")
            out[f"recall/{n}"] = float(tp / total) if total else float("nan")
        return out

    return figures


def bootstrap(
    photos: list[Photo], figures: Callable[[np.ndarray], dict[str, float]], times: int = 400, seed: int = 1
) -> dict[str, Any]:
    """Every figure with a 95 % interval, scenes drawn with replacement."""
    rng = np.random.default_rng(seed)
    scenes: dict[str, list[int]] = {}
    for i, p in enumerate(photos):
        scenes.setdefault(p.scene, []).append(i)
    members = [np.array(v) for v in scenes.values()]
    value = figures(np.arange(len(photos)))
    draws: dict[str, list[float]] = {k: [] for k in value}
    for _ in range(times):
        index = np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
        for k, v in figures(index).items():
            draws[k].append(v)
    out = {}
    for k, v in value.items():
        low, high = (
            (float("nan"),) * 2 if np.isnan(draws[k]).all() else np.nanpercentile(draws[k], (2.5, 97.5))
        )
        out[k] = {"value": round(v, 4), "low": round(float(low), 4), "high": round(float(high), 4)}
    return out


def confusion(
    photos: list[Photo], found: list[m.Detections], thresholds: dict[str, float]
) -> dict[str, dict[str, int]]:
    """Truth to best overlapping detection at the thresholds, `missed` where there is none."""
    table: dict[str, dict[str, int]] = {}
    for photo, d in zip(photos, at_thresholds(found, FINE, thresholds), strict=True):
        overlap = m.ious(photo.xyxy(), d["boxes"]) if len(d["scores"]) else np.zeros((len(photo.boxes), 0))
        for k, b in enumerate(photo.boxes):
            label = b.label if b.label in FINE or b.label in DEER_LABELS else "animal"
            hit = overlap[k].argmax() if overlap.shape[1] and overlap[k].max() >= 0.5 else None
            said = FINE[int(d["classes"][hit])] if hit is not None else "missed"
            row = table.setdefault(label, {})
            row[said] = row.get(said, 0) + 1
    return table


def detections(
    model: torch.nn.Module, photos: list[Photo], size: int, floor: float = 0.02
) -> list[m.Detections]:
    """What the two-stage model finds."""
    return m.run(photos, size, lambda x: model(x, floor))


def main() -> None:
    """Evaluate."""
    from two_stage import load as load_weights

    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--weights", type=Path, required=True)
    p.add_argument("--dataset", type=Path, required=True)
    p.add_argument("--photos", type=Path, required=True)
    p.add_argument("--fixes", type=Path, default=Path(__file__).parent / "label_fixes.jsonl")
    p.add_argument("--split", default="test")
    p.add_argument("--out", type=Path)
    p.add_argument("--save", type=Path, help="write the detections, too")
    a = p.parse_args()
    model = load_weights(a.weights)
    photos = load(a.dataset, a.photos, (a.split,), a.fixes)
    found = detections(model, photos, model.imgsz)
    result = bootstrap(photos, statistics(photos, found, model.thresholds))
    for k, v in result.items():
        print(f"{k:26} {v['value']:.3f}  [{v['low']:.3f}, {v['high']:.3f}]")
    table = confusion(photos, found, model.thresholds)
    if a.out:
        a.out.write_text(
            json.dumps(
                {"split": a.split, "photos": len(photos), "figures": result, "confusion": table}, indent=1
            )
        )
    if a.save:
        torch.save([{k: v.tolist() for k, v in d.items()} for d in found], a.save)


if __name__ == "__main__":
    main()
