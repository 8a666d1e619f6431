"""Finish what assemble.py wrote: correct its labels, and add each photo's scene to its manifest.

    python prepare.py --dataset DIR --photos DIR

Afterwards `trailcam evaluate DIR/data.yaml` knows the corrections (label_fixes.jsonl), which photos are completely
labelled, and which are near-duplicates of each other. Running it twice changes nothing.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import yaml
from data import load


def main() -> None:
    """Rewrite labels and manifest."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--dataset", type=Path, required=True)
    p.add_argument("--photos", type=Path, required=True)
    p.add_argument("--fixes", type=Path, default=Path(__file__).parent / "label_fixes.jsonl")
    a = p.parse_args()
    names = yaml.safe_load((a.photos / "data.yaml").read_text())["names"]
    numbers = {name: number for number, name in names.items()}
    photos = load(a.dataset, a.photos, ("train", "val", "test"), a.fixes)
    with (a.photos / "manifest.csv").open("w", newline="") as f:
        manifest = csv.writer(f)
        manifest.writerow(["file", "source", "blob", "split", "complete", "scene"])
        for photo in photos:
            manifest.writerow(
                [photo.path.name, photo.source, photo.blob, photo.split, photo.complete, photo.scene]
            )
            lines = []
            for box in photo.boxes:
                x1, y1, x2, y2 = box.xyxy
                lines.append(
                    f"{numbers[box.label]} {(x1 + x2) / 2:.6f} {(y1 + y2) / 2:.6f} {x2 - x1:.6f} {y2 - y1:.6f}"
                )
            labels = a.photos / "labels" / photo.split / f"{photo.path.stem}.txt"
            labels.write_text("\n".join(lines))
    print(len(photos), "photos")


if __name__ == "__main__":
    main()
