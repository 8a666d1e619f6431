"""Labels and photos of the starter model's training set."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

DEER = ("doe", "fawn", "young", "mid", "mature")
OTHERS = ("coyote", "hog", "turkey", "raccoon", "fox", "person", "vehicle", "animal")
FINE = DEER + OTHERS
COARSE = ("deer", *OTHERS)
DEER_LABELS = frozenset((*DEER, "buck", "deer"))
ANTLERED = frozenset(("young", "mid", "mature", "buck"))
ANTLERLESS = frozenset(("doe", "fawn"))
LABELS = ("labels.jsonl", "labels2.jsonl")
# Photos of the same sources, boxed later; for training alone.
MORE = Path(__file__).parent / "more_labels.jsonl"
SPECIES = {  # what a box labelled "other" is taken for once its species was read; all else stays "other"
    "elk": "other_deer", "moose": "other_deer", "pronghorn": "other_deer", "horse": "horse", "bobcat": "bobcat",
    "squirrel": "squirrel", "opossum": "opossum",
}  # fmt: skip


@dataclass
class Box:
    """One labelled box: normalised xyxy, the raw label and how sure it is."""

    label: str
    xyxy: tuple[float, float, float, float]
    sure: bool
    species: str = ""


@dataclass
class Photo:
    """One labelled photo and where its pixels are."""

    blob: str
    source: str
    split: str
    complete: bool
    path: Path
    boxes: list[Box] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    scene: str = ""
    data: bytes = b""

    def image(self) -> np.ndarray:
        """Decode to an RGB array."""
        if not self.data:
            self.data = self.path.read_bytes()
        return cv2.cvtColor(
            cv2.imdecode(np.frombuffer(self.data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
        )

    def xyxy(self) -> np.ndarray:
        """All boxes, normalised, as an (n, 4) array."""
        return np.array([b.xyxy for b in self.boxes], np.float32).reshape(-1, 4)


def coarse(label: str) -> str:
    """Class of the first stage for a raw label."""
    if label in DEER_LABELS:
        return "deer"
    return label if label in OTHERS else "animal"


def fine(label: str) -> str | None:
    """Final class of a raw label; None where the label does not say (a buck of any size, a deer of any sex)."""
    if label in FINE:
        return label
    return None if label in DEER_LABELS else "animal"


def assemble(dataset: Path, snapshots: Path, out: Path, size: int = 640) -> Path:
    """Write the photos with the data set's own script, once, and return their folder."""
    if not (out / "manifest.csv").exists():
        script = [sys.executable, str(dataset / "assemble.py")]
        subprocess.run(
            [*script, "--snapshots", str(snapshots), "--out", str(out), "--size", str(size)], check=True
        )
    return out


def load(dataset: Path, photos: Path, splits: tuple[str, ...], fixes: Path | None = None) -> list[Photo]:
    """Photos of some splits with corrected labels."""
    changes: dict[str, list[dict]] = {}
    if fixes is not None and fixes.exists():
        for line in fixes.read_text().splitlines():
            if line.strip():
                fix = json.loads(line)
                changes.setdefault(fix["blob"], []).append(fix)
    species = read_species()
    found = []
    files = [file for name in LABELS if (file := dataset / name).exists()] + [MORE]
    for line in (line for file in files for line in file.read_text().splitlines()):
        row = json.loads(line)
        if row["split"] not in splits:
            continue
        path = photos / "images" / row["split"] / f"{row['blob'][:16]}.jpg"
        if not path.exists():
            continue
        boxes: list[Box | None] = [
            Box(label, (x, y, x + w, y + h), bool(sure)) for label, x, y, w, h, sure in row["boxes"]
        ]
        for index, kind in species.get(row["blob"], {}).items():
            old = boxes[index]
            assert old is not None
            boxes[index] = Box(SPECIES.get(kind, old.label), old.xyxy, old.sure, kind)
        complete = row["complete"]
        for fix in changes.get(row["blob"], []):
            complete = apply(fix, boxes, complete)
        found.append(
            Photo(
                row["blob"], row["source"], row["split"], complete, path,
                [b for b in boxes if b is not None], row.get("flags") or [],
                str(row.get("scene") or row["blob"]),
            )
        )  # fmt: skip
    return found


def read_species() -> dict[str, dict[int, str]]:
    """Blob -> index of a box -> species, for boxes that the labels call "other" and nothing more."""
    found: dict[str, dict[int, str]] = {}
    for line in (Path(__file__).parent / "species.jsonl").read_text().splitlines():
        row = json.loads(line)
        found.setdefault(row["blob"], {})[row["box"]] = row["species"]
    return found


def apply(fix: dict, boxes: list[Box | None], complete: bool) -> bool:
    """Apply one line of the corrections to the boxes, in place; returns whether the photo is complete."""
    what, index = fix["what"], fix.get("box")
    if what == "label":
        old = boxes[index]
        assert old is not None
        boxes[index] = Box(fix["to"], old.xyxy, bool(fix.get("sure", 1)))
    elif what == "box":
        old = boxes[index]
        assert old is not None
        x, y, w, h = fix["xywh"]
        boxes[index] = Box(fix.get("to", old.label), (x, y, x + w, y + h), bool(fix.get("sure", 1)))
    elif what == "drop":
        boxes[index] = None
    elif what == "add":
        x, y, w, h = fix["xywh"]
        boxes.append(Box(fix["to"], (x, y, x + w, y + h), bool(fix.get("sure", 1))))
    elif what == "incomplete":
        return False
    else:
        raise ValueError(f"unknown correction {what!r}")
    return complete
