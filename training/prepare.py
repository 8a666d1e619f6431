"""Finish what assemble.py wrote: correct labels and shapes, and add each photo's scene to its manifest.

    python prepare.py --dataset DIR --photos DIR

Afterwards `trailcam evaluate DIR/data.yaml` knows the corrections (label_fixes.jsonl, species.jsonl), which photos are completely
labelled, and which are near-duplicates of each other. Running it twice changes nothing.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import yaml
from data import LABELS, SPECIES, load
from PIL import Image

SQUASHED = ("mikeyEcology/MLWIC_examples",)
"""Sources whose 4:3 photos were stretched to squares."""


def unsquash(path: Path) -> None:
    """Give a square photo its 4:3 again; boxes are shares of the sides and stay as they are."""
    with Image.open(path) as image:
        width, height = image.size
        if width == height:
            image.resize((round(width * 4 / 3), height), Image.Resampling.BICUBIC).save(path, quality=92)


def main() -> None:
    """Rewrite labels and manifest."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--dataset", type=Path, required=True)
    p.add_argument("--photos", type=Path, required=True)
    p.add_argument("--fixes", type=Path, default=Path(__file__).parent / "label_fixes.jsonl")
    a = p.parse_args()
    table = yaml.safe_load((a.photos / "data.yaml").read_text())
    names = list(table["names"].values())
    names += [name for name in sorted(set(SPECIES.values())) if name not in names]
    table["names"] = dict(enumerate(names))
    (a.photos / "data.yaml").write_text(yaml.safe_dump(table, sort_keys=False))
    numbers = {name: number for number, name in enumerate(names)}
    photos = load(a.dataset, a.photos, ("train", "val", "test"), a.fixes)
    for photo in photos:
        if photo.source in SQUASHED:
            unsquash(photo.path)
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
    for name in LABELS:  # each label file as a data set of its own: data-labels.yaml, data-labels2.yaml
        if (a.dataset / name).exists():
            blobs = {json.loads(line)["blob"] for line in (a.dataset / name).read_text().splitlines()}
            stem, lists = Path(name).stem, {}
            for split in ("train", "val", "test"):
                files = [
                    f"./images/{split}/{p.path.name}" for p in photos if p.split == split and p.blob in blobs
                ]
                lists[split] = f"{stem}-{split}.txt"
                (a.photos / lists[split]).write_text("\n".join(files))
            (a.photos / f"data-{stem}.yaml").write_text(yaml.safe_dump(table | lists, sort_keys=False))
    print(len(photos), "photos")


if __name__ == "__main__":
    main()
