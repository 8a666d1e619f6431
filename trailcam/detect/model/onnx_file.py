"""ONNX exports that ultralytics didn't make: YOLOv5's own and YOLOX's. By ONNX Runtime. Imports torch.

Which of the two a file is, its answer tells: both score "something is here" apart from the classes, YOLOv5
with three anchors in each cell and YOLOX with one.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from trailcam.detect.model.checkpoints import YOLOX_IOU, class_names
from trailcam.detect.model.frame import PAD_VALUE, FrameSpec
from trailcam.detect.model.input_size import BELIEVABLE
from trailcam.detect.model.plain import Network
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.yolov5 import IOU as YOLOV5_IOU
from trailcam.errors import WeightsError
from trailcam.words.text import clean_message, printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from trailcam.detect.model.find_weights import Weights


_LARGEST_BATCH = 1024  # photos that a file of a fixed batch may want at once


@dataclass(frozen=True, slots=True)
class Session:
    """An ONNX file ready to run. ``shape``: its input's, None for any; ``told``: its description."""

    run: Callable[[Tensor], Tensor]
    shape: tuple[int | None, ...]
    told: dict[str, str]


def open_session(path: Path, device: torch.device) -> Session:
    """ONNX Runtime for a file with one image input (n, 3, h, w). Raises WeightsError."""
    shown = printable(str(path))
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise WeightsError(
            f"{shown} needs the Python package onnxruntime, which isn't installed.",
            "Try: pip install onnxruntime",
        ) from error
    wanted = ["CUDAExecutionProvider"] if device.type == "cuda" else []
    providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
    try:
        session = onnxruntime.InferenceSession(str(path), providers=[*providers, "CPUExecutionProvider"])
    except Exception as error:  # its own classes, and the system's
        raise WeightsError(
            f"The weights {shown} can't be loaded: {clean_message(error)[:300]}",
            "Is it a complete ONNX file? An interrupted download can cause this.",
        ) from error
    inputs = session.get_inputs()
    shape = tuple(side if isinstance(side, int) else None for side in inputs[0].shape) if inputs else ()
    if len(inputs) != 1 or not _takes_photos(shape):
        raise WeightsError(
            f"{shown} takes {', '.join(clean_message(i.shape) for i in inputs) or 'nothing'}, not photos.",
            "trailcam gives one input of the shape (n, 3, height, width).",
        )
    name, half = inputs[0].name, "float16" in inputs[0].type

    def run(images: Tensor) -> Tensor:
        given = images.float().cpu().numpy().astype(np.float16 if half else np.float32)
        n = shape[0] or len(given)
        parts = [
            session.run(None, {name: _filled(given[i : i + n], n)})[0][: len(given) - i]
            for i in range(0, len(given), n)
        ]
        return torch.from_numpy(np.concatenate(parts)).float()

    return Session(run, shape, dict(session.get_modelmeta().custom_metadata_map))


def _takes_photos(shape: tuple[int | None, ...]) -> bool:
    """Whether an input is (n, 3, height, width), of sizes that fit into memory."""
    return (
        len(shape) == 4
        and (shape[0] or 1) <= _LARGEST_BATCH
        and shape[1] in (3, None)
        and all((side or 1) < BELIEVABLE.stop for side in shape[2:])
    )


def told_names(told: dict[str, str]) -> dict[int, str]:
    """The class names of a description, ``{0: 'animal'}`` or ``['animal']``; empty where there are none."""
    try:
        found = ast.literal_eval(told.get("names", ""))
        listed = found.items() if isinstance(found, dict) else enumerate(found)
        return {int(i): str(name) for i, name in listed}
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return {}


def read_onnx(weights: Weights, device: torch.device, imgsz: int) -> Network | None:
    """The network of an ONNX file; None where ultralytics made it. Raises WeightsError."""
    session = open_session(weights.path, device)
    if "task" in session.told:
        return None
    shown = printable(str(weights.path))
    height, width = (side or imgsz for side in session.shape[2:])
    first = _try(session, height, width, shown)
    rows, per_row = first.shape[1:]
    cells = sum(-(-height // stride) * -(-width // stride) for stride in (8, 16, 32))
    n_classes = per_row - 5
    names = told_names(session.told) or class_names(max(1, n_classes))
    fixed = (height, width) if session.shape[2] or session.shape[3] else None
    if n_classes != len(names) or n_classes < 1 or rows < cells:
        raise WeightsError(
            f"{shown} answers with {rows:,} rows of {per_row} numbers, which trailcam can't read as boxes.",
            "It reads detection models of YOLOv5 and YOLOX, and those that ultralytics exports.",
        )
    if rows == cells:
        return Network(
            look=_yolox(session, decoded=_is_decoded(first, height)),
            names=names,
            frame=FrameSpec(max(height, width), 32, (height, width), corner=True),
            iou=YOLOX_IOU,
            precision=Precision.FLOAT32,
        )
    stride = 32 if rows == 3 * cells else 64
    return Network(
        look=lambda pixels: _scored(session.run(_images(pixels) / 255)),
        names=names,
        frame=FrameSpec(max(height, width), stride, fixed),
        iou=YOLOV5_IOU,
        precision=Precision.FLOAT32,
    )


def _try(session: Session, height: int, width: int, shown: str) -> Tensor:
    grey = torch.full((1, 3, height, width), float(PAD_VALUE))
    try:
        answer = session.run(grey)
    except Exception as error:  # ONNX Runtime's own classes
        raise WeightsError(
            f"{shown} can't be run: {clean_message(error)[:300]}",
            "Is it a model for photos? Export it again.",
        ) from error
    if answer.ndim != 3 or min(answer.shape) < 1:
        raise WeightsError(
            f"{shown} answers with {tuple(answer.shape)} numbers, which are no boxes.",
            "Use a detection model.",
        )
    return answer


def _images(pixels: Tensor) -> Tensor:
    return pixels.permute(0, 3, 1, 2).float()


def _scored(answer: Tensor) -> Tensor:
    """(n, boxes, 5 + classes) -> (n, 4 + classes, boxes)."""
    rows = answer.transpose(1, 2)
    return torch.cat([rows[:, :4], rows[:, 4:5] * rows[:, 5:]], 1)


def _is_decoded(answer: Tensor, height: int) -> bool:
    """Whether boxes come in px: then centres are spread over the frame, else they are offsets in a cell."""
    return bool(answer[0, :, 1].max() > height / 2)


def _yolox(session: Session, *, decoded: bool) -> Callable[[Tensor], Tensor]:
    def look(pixels: Tensor) -> Tensor:
        answer = session.run(_images(pixels).flip(1))
        if not decoded:
            centres, strides = _cells(*pixels.shape[1:3])
            place = (answer[..., :2] + centres) * strides
            answer = torch.cat([place, answer[..., 2:4].exp() * strides, answer[..., 4:]], 2)
        return _scored(answer)

    return look


def _cells(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Of every cell, grid after grid and row after row: column and row (cells, 2), stride (cells, 1)."""
    centres, strides = [], []
    for stride in (8, 16, 32):
        rows, columns = torch.meshgrid(
            torch.arange(height // stride), torch.arange(width // stride), indexing="ij"
        )
        centres.append(torch.stack([columns, rows], 2).view(-1, 2))
        strides.append(torch.full((len(centres[-1]), 1), stride))
    return torch.cat(centres).float(), torch.cat(strides).float()


def _filled(images: Any, n: int) -> Any:  # noqa: ANN401 - numpy's
    """As many images as a file of a fixed batch takes; the last repeated."""
    missing = n - len(images)
    return np.concatenate([images, np.repeat(images[-1:], missing, 0)]) if missing > 0 else images
