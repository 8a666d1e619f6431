"""torchvision's two operators, without the rest of torchvision. Imports torch.

``import torchvision`` brings torch's compiler along: 1.7 s of every start, for two functions that live in
one shared library. So that library is loaded by itself; where it isn't found under the names known
here, torchvision is imported as usual and says what it misses.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_LIBRARIES = ("_C_stable", "_C")  # since torchvision 0.29, and before


def library() -> Path | None:
    """The file of torchvision's operators; None where it has another name. Imports nothing."""
    spec = importlib.util.find_spec("torchvision")
    folders = spec.submodule_search_locations if spec is not None else None
    for folder in folders or ():
        for name in _LIBRARIES:
            for suffix in importlib.machinery.EXTENSION_SUFFIXES:
                file = Path(folder) / f"{name}{suffix}"
                if file.is_file():
                    return file
    return None


def _load() -> None:
    file = library()
    try:
        if file is not None:
            torch.ops.load_library(str(file))  # type: ignore[no-untyped-call]
            return
    except OSError:  # built for another torch, or it misses a neighbour that torchvision knows how to find
        pass
    importlib.import_module("torchvision.ops")


_load()


def works_on(device_type: str) -> bool:
    """Whether the installed torchvision has both operators for such a device, as ``cuda`` or ``mps``."""
    has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key
    return all(has_kernel(f"torchvision::{name}", device_type.upper()) for name in ("nms", "roi_align"))


def nms(boxes: Tensor, scores: Tensor, iou: float) -> Tensor:
    """Indices (int64) of the boxes that stay, best first.

    ``boxes``: (n, 4) ``xyxy``; ``scores``: (n,). Of two that overlap more than ``iou`` the less certain goes.
    """
    kept: Tensor = torch.ops.torchvision.nms(boxes, scores, iou)
    return kept


def roi_align(frames: Tensor, boxes: Sequence[Tensor], side: int, *, sampling: int) -> Tensor:
    """Parts of ``frames`` (n, c, h, w) as (k, c, side, side), in the order of the boxes.

    ``boxes``: for each frame (k_i, 4) ``xyxy`` px, in the frames' dtype. ``sampling``: points taken along
    each side of an output pixel; half a pixel is subtracted from the corners (``aligned``).
    """
    numbered = [torch.cat([torch.full_like(box[:, :1], i), box], 1) for i, box in enumerate(boxes)]
    rois = torch.cat(numbered) if numbered else frames.new_zeros((0, 5))
    parts: Tensor = torch.ops.torchvision.roi_align(frames, rois, 1.0, side, side, sampling, True)
    return parts
