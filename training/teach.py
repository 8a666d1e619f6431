"""A teacher's boxes on photos that nobody boxed, for train_further.py.

    python teach.py --finder runs/finder/last.pt --coco yolo11n-coco.pt --folder DIR --table FILE --out teacher.json

Animals are boxed by the wildlife detector (train_finder.py), people and vehicles by COCO's YOLO11n, on the photos whose source
says that they show some. ``--table`` is what `find_boxes.py` reads. Of the three commonest kinds of photos some are drawn.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import torch
from choose import Frames, container, find, first_stage, suppressed
from find_boxes import EITHER, MOST, normalised
from namer_data import EMPTY, WEAK
from torch import Tensor
from ultralytics import YOLO

from trailcam.detect.model.two_stage_file import Container, read_container
from trailcam.detect.model.vision_ops import nms

AT_MOST = {"1": 150, "21": 110, EMPTY: 150}  # cattle, squirrels, empty frames
VEHICLE = next(kind for kind, name in WEAK.items() if name == "vehicle")
COCO = {"person": "person", "car": "vehicle", "truck": "vehicle", "bus": "vehicle", "motorcycle": "vehicle"}
FLOOR, IOU, MOST_PEOPLE = 0.1, 0.6, 20


def drawn(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows, but of the commonest kinds the first few of a fixed order."""
    rows, n, kept = list(rows), dict.fromkeys(AT_MOST, 0), []
    random.Random(1).shuffle(rows)
    for row in rows:
        kind = row["weak"]
        if kind in AT_MOST:
            n[kind] += 1
        if n.get(kind, 0) <= AT_MOST.get(kind, 0):
            kept.append(row)
    return kept


def people(model: torch.nn.Module, names: dict[int, str], frames: Frames) -> list[list[Any]]:
    """People and vehicles of one photo: [label, xyxy, score], boxes as shares of the photo."""
    who = [number for number, name in names.items() if name in COCO]
    frame, *place = frames[0]
    answer = model(frame[None].permute(0, 3, 1, 2).float() / 255)
    rows: Tensor = (answer[0] if isinstance(answer, list | tuple) else answer)[0]
    scores, best = rows[4:][who].max(0)
    sure = scores > FLOOR
    middle, half, scores = rows[:2, sure].T, rows[2:4, sure].T / 2, scores[sure]
    boxes = torch.cat([middle - half, middle + half, scores[:, None]], 1)
    kept = nms(boxes[:, :4], scores, IOU)[:MOST_PEOPLE]
    labels = [COCO[names[who[i]]] for i in best[sure].tolist()]
    return [
        [labels[i], xyxy, score]
        for i, xyxy, score in zip(kept.tolist(), *normalised(boxes[kept], place), strict=True)
    ]


def taught(row: dict[str, Any], folder: Path, finder: Container, coco: YOLO) -> dict[str, Any]:
    """The row with the teacher's boxes in place of its own."""
    frames = Frames((SimpleNamespace(file=folder / f"{row['blob'][:16]}.jpg"),))  # type: ignore[arg-type]
    kind, row = row["weak"], {"boxes": [], "scores": []} | row
    if kind in (EITHER, VEHICLE):
        return row | {"weak": VEHICLE, "people": people(coco.model, coco.names, frames)}
    if kind == EMPTY:
        return row
    (found,) = suppressed(find(finder, frames, torch.bfloat16), IOU, FLOOR)
    boxes, scores = normalised(found[:MOST], frames[0][1:])
    return row | {"boxes": boxes, "scores": scores}


def main() -> None:
    """Teach."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("finder", "coco", "folder", "table", "out"):
        p.add_argument(f"--{name}", type=Path, required=True)
    a = p.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    whole = a.out.with_suffix(".pt")
    torch.save(
        container(first_stage(a.finder, None, 1.0, 512), {}), whole
    )  # names nothing: only its boxes count
    finder = read_container(whole)
    whole.unlink()
    assert finder is not None
    coco = YOLO(a.coco)
    coco.model.fuse().eval()
    with torch.inference_mode():
        rows = [taught(row, a.folder, finder, coco) for row in drawn(json.loads(a.table.read_text()))]
    a.out.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
