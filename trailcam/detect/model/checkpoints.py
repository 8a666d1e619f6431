"""Checkpoints of networks that trailcam has code of its own for: YOLOv5's, and YOLOX's. Imports torch."""

from __future__ import annotations

import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.model.memory_order import images_of, layout_of
from trailcam.detect.model.plain import Network
from trailcam.detect.model.precision import Precision, choose_precision
from trailcam.detect.model.yolov5 import IOU as YOLOV5_IOU
from trailcam.detect.model.yolov5 import exported_yolov5, read_yolov5
from trailcam.detect.model.yolox import Yolox, adapted, exported_yolox
from trailcam.detect.model.yolox import fuse as fuse_yolox
from trailcam.errors import WeightsError
from trailcam.settings.classmap import load_class_map
from trailcam.words.text import clean_message, printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from trailcam.detect.model.find_weights import Weights

YOLOX_IOU = 0.65
"""Of two boxes that overlap more the less confident one goes: YOLOX's own."""

_DAMAGE = (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError, OSError)


def read_checkpoint(
    weights: Weights, device: torch.device, imgsz: int, precision: Precision
) -> Network | None:
    """The network of a ``.pt`` or ``.pth`` file; None where it is ultralytics'.

    Raises WeightsError for a damaged file, and for a ``.pth`` that is no YOLOX.
    """
    precision = choose_precision(precision, device)
    suffix = weights.path.suffix.lower()
    if suffix not in (".pt", ".pth"):
        return None
    found = read_yolov5(weights.path)
    if found is not None:
        net = _placed(found.net, device, precision)
        return Network(
            look=_by_torch(net, precision),
            names=found.names,
            frame=FrameSpec(imgsz, max(found.net.strides)),
            iou=YOLOV5_IOU,
            precision=precision,
            exported=lambda exports: exported_yolov5(exports, found.net),
        )
    return _yolox(weights.path, device, imgsz, precision) if suffix == ".pth" else None


def _yolox(path: Path, device: torch.device, imgsz: int, precision: Precision) -> Network:
    state = _yolox_state(path)
    try:
        width = state["backbone.backbone.stem.conv.conv.weight"].shape[0] / 64
        n = len({key.split(".")[5] for key in state if key.startswith("backbone.backbone.dark3.1.m.")})
        classes = state["head.cls_preds.0.weight"].shape[0]
        net = Yolox(classes, n / 9, width).eval()
        net.load_state_dict({key: value.float() for key, value in adapted(state).items()})
    except (KeyError, RuntimeError, IndexError) as error:
        raise WeightsError(
            f"{printable(str(path))} is no YOLOX that trailcam knows: {clean_message(error)[:200]}",
            "It takes the checkpoints of YOLOX tiny, s, m, l and x; nano has other layers.",
        ) from error
    fuse_yolox(net)
    net = _placed(net, device, precision)
    side = -(-imgsz // 32) * 32
    return Network(
        look=_by_torch(net, precision),
        names=class_names(classes),
        # A square, as it was trained with: at its edge it sees grey. In a smaller frame boxes move.
        frame=FrameSpec(imgsz, 32, fixed=(side, side), corner=True),
        iou=YOLOX_IOU,
        precision=precision,
        exported=lambda exports: exported_yolox(exports, "whole", net),
    )


def _yolox_state(path: Path) -> dict[str, Tensor]:
    shown = printable(str(path))
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGE as error:
        whole = zipfile.is_zipfile(path)
        raise WeightsError(
            f"The weights {shown} can't be loaded: "
            + (clean_message(error)[:200] if whole else "the file is damaged or not complete."),
            "Nothing in it was run. Is it a whole YOLOX checkpoint? An interrupted download, or a file that "
            "holds more than tensors, can cause this.",
        ) from error
    found: Any = saved.get("model", saved) if isinstance(saved, dict) else {}
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        found = {}
    return dict(found)


def class_names(n: int) -> dict[int, str]:
    """The classes of a file without names: one is an animal, 80 are COCO's; else class 0 and so on."""
    if n == 1:
        return {0: "animal"}
    coco = list(load_class_map("coco").classes)
    return dict(enumerate(coco)) if n == len(coco) else {i: f"class {i}" for i in range(n)}


def _placed(net: nn.Module, device: torch.device, precision: Precision) -> Any:  # noqa: ANN401 - the same type
    return net.to(device, precision.dtype).to(memory_format=layout_of(device))


def _by_torch(net: nn.Module, precision: Precision) -> Callable[[Tensor], Tensor]:
    def look(pixels: Tensor) -> Tensor:
        output: Tensor = net(images_of(pixels, precision.dtype))
        return output

    return look
