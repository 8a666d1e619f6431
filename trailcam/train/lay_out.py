"""A data set laid out for ultralytics in a folder of ours, so that the user's own is only read.

Ultralytics keeps a cache beside the labels and writes a JPEG anew whose end is missing. So every photo is a
link here, and one without its end a copy.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import yaml

from trailcam.errors import OutputError
from trailcam.evaluate.dataset import DataSet, LabelledPhoto
from trailcam.train.keep import Kept
from trailcam.words.text import printable

_END = b"\xff\xd9"


def lay_out(folder: Path, sets: Mapping[str, DataSet], kept: Kept) -> Path:
    """Write ``images``, ``labels`` and ``data.yaml`` to ``folder``; returns the last.

    The boxes of ``kept`` are added to the labels of the split train. Raises OutputError.
    """
    try:
        for split, data in sets.items():
            for kind in ("images", "labels"):
                (folder / kind / split).mkdir(parents=True, exist_ok=True)
            for n, photo in enumerate(data.photos):
                name = f"{n:06d}"
                _place(photo.file, folder / "images" / split / f"{name}{photo.file.suffix.lower()}")
                text = _label_text(photo, kept if split == "train" else None)
                (folder / "labels" / split / f"{name}.txt").write_text(text, encoding="ascii")
        names = {i: kept.names.get(i, f"class {i}") for i in range(max(kept.names) + 1)}
        table = {"path": str(folder), **{split: f"images/{split}" for split in sets}, "names": names}
        target = folder / "data.yaml"
        target.write_text(yaml.safe_dump(table, allow_unicode=True), encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"The training's files can't be written to {printable(str(folder))}: {error.strerror or error}.",
            "Free space there, or name another cache folder by XDG_CACHE_HOME.",
        ) from error
    return target


def _place(photo: Path, target: Path) -> None:
    """A link to the photo; a copy where links can't be made, and where ultralytics would write it anew."""
    target.unlink(missing_ok=True)
    if _ends(photo):
        for link in (os.symlink, os.link):
            try:
                link(photo.resolve(), target)
            except OSError:  # Windows allows links to developers alone; a hard link stays on its drive
                continue
            return
    shutil.copyfile(photo, target)


def _ends(photo: Path) -> bool:
    """Whether a JPEG ends as one. True of what can't be read: ultralytics leaves it out."""
    try:
        with photo.open("rb") as file:
            if file.read(2) != b"\xff\xd8":
                return True
            file.seek(-2, os.SEEK_END)
            return file.read() == _END
    except OSError:
        return True


def _label_text(photo: LabelledPhoto, kept: Kept | None) -> str:
    """Lines ``class cx cy w h``."""
    boxes, class_id = photo.boxes, photo.class_id
    if kept is not None and photo.file in kept.boxes:
        more_boxes, more_ids = kept.boxes[photo.file]
        boxes, class_id = np.concatenate([boxes, more_boxes]), np.concatenate([class_id, more_ids])
    return "".join(
        f"{i} {x + w / 2:.6f} {y + h / 2:.6f} {w:.6f} {h:.6f}\n"
        for i, (x, y, w, h) in zip(class_id.tolist(), boxes.tolist(), strict=True)
    )
