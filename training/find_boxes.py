"""What a delivered file's first stage finds on photos that the second is to learn from.

    python find_boxes.py --weights starter.pt --dataset DIR --photos DIR --out boxes.json
    python find_boxes.py --weights starter.pt --folder extra --table extra.json --out extra-boxes.json

The first writes blob -> [boxes, scores] of the training photos; the second adds "boxes" and "scores" to the rows of a table
of photos without labels, and says which of those with people or vehicles show which. Boxes are normalised, the surest first.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from choose import Frames, find, name, suppressed
from data import load

from trailcam.detect.model.two_stage_file import Container, read_container

MOST, FLOOR = 12, 0.02
EITHER = "11"  # MLWIC_examples: people, and cars that they drive
AT_ONCE = 100


def boxes_of(read: Container, files: list[Path]) -> tuple[Frames, list[torch.Tensor]]:
    """Frames, and (k, 5) xyxy px and score of each photo's boxes."""
    frames = Frames(tuple(SimpleNamespace(file=file) for file in files))  # type: ignore[arg-type]
    return frames, [one[:MOST] for one in suppressed(find(read, frames, torch.bfloat16), read.iou, FLOOR)]


def normalised(boxes: torch.Tensor, place: Any) -> tuple[list[list[float]], list[float]]:
    """Boxes as shares of the photo, and their scores."""
    size, (left, top, _, _) = place
    xyxy = ((boxes[:, :4].numpy() - np.tile([left, top], 2)) / np.tile(size, 2)).clip(0, 1)
    return xyxy.round(4).tolist(), boxes[:, 4].numpy().round(4).tolist()


def either(read: Container, frames: Frames, boxes: list[torch.Tensor], i: int) -> str:
    """Person or vehicle, whichever the second stage sees in the surest box; else what the table says."""
    (logits,) = name(read, Frames((frames.photos[i],)), [boxes[i][:1]], torch.bfloat16)
    assert read.two is not None
    if not len(logits):
        return EITHER
    share = logits[0].softmax(0)
    person, vehicle = (float(share[read.two.names.index(n)]) for n in ("person", "vehicle"))
    return EITHER if max(person, vehicle) < 0.5 else "person" if person > vehicle else "vehicle"


def main() -> None:
    """Find and write."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--weights", type=Path, required=True)
    p.add_argument("--dataset", type=Path)
    p.add_argument("--photos", type=Path)
    p.add_argument("--folder", type=Path)
    p.add_argument("--table", type=Path)
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    read = read_container(a.weights)
    assert read is not None
    rows: list[dict[str, Any]]
    if a.table is None:
        fixes = Path(__file__).parent / "label_fixes.jsonl"
        rows = [{"blob": q.blob, "file": q.path} for q in load(a.dataset, a.photos, ("train",), fixes)]
    else:
        rows = [
            row | {"file": a.folder / f"{row['blob'][:16]}.jpg"} for row in json.loads(a.table.read_text())
        ]
    for k in range(0, len(rows), AT_ONCE):
        some = rows[k : k + AT_ONCE]
        frames, found = boxes_of(read, [row["file"] for row in some])
        for i, (row, boxes) in enumerate(zip(some, found, strict=True)):
            row["boxes"], row["scores"] = normalised(boxes, frames[i][1:])
            if row.get("weak") == EITHER:
                row["weak"] = either(read, frames, found, i)
            del row["file"]
        print(k + len(some), flush=True)
    if a.table is None:
        a.out.write_text(json.dumps({row["blob"]: [row["boxes"], row["scores"]] for row in rows}))
    else:
        a.out.write_text(json.dumps(rows))


if __name__ == "__main__":
    main()
