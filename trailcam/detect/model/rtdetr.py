"""What sets RT-DETR apart: a photo stretched to a square, and boxes as shares of it. Imports torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from trailcam.detect.model.frame import FrameSpec

RTDETR_HEAD = "RTDETRDecoder"
"""ultralytics' class of its last layer."""


def is_transformer(backend: Any, frame: FrameSpec, device: torch.device) -> bool:  # noqa: ANN401 - untyped
    """Whether ultralytics' ``backend`` holds an RT-DETR.

    An export doesn't say so; but it always finds as many boxes as it has queries, each a share of the frame.
    """
    if backend.format == "pt":
        layers = getattr(backend.backend.model, "model", None)
        return isinstance(layers, torch.nn.Sequential) and type(layers[-1]).__name__ == RTDETR_HEAD
    height, width = frame.fixed or (frame.imgsz, frame.imgsz)
    with torch.inference_mode():
        answer = backend(torch.full((1, 3, height, width), 0.447, device=device))
    output = answer[0] if isinstance(answer, list | tuple) else answer
    if not isinstance(output, torch.Tensor) or output.ndim != 3 or output.shape[1] <= output.shape[2]:
        return False
    boxes = output[..., :4]
    return bool(boxes.max() <= 2 and (boxes[..., 2:] > 0).all())


def rows_of_transformer(output: Tensor, height: int, width: int, n_classes: int) -> Tensor:
    """RT-DETR's answer -> end-to-end rows (n, k, 6): x1, y1, x2, y2 in px of the frame, confidence, class.

    ``output``: (n, k, 6) with centre, size, score and class, or (n, k, 4 + n_classes) with every class's
    score.
    """
    output = output.float()
    centre, size = output[..., :2], output[..., 2:4]
    corners = torch.cat([centre - size / 2, centre + size / 2], 2)
    px = output.new_tensor([width, height, width, height])
    scored = output[..., 4:]
    if scored.shape[2] == n_classes and not (n_classes == 2 and _is_class(scored[..., 1])):
        score, best = scored.max(2)
        scored = torch.stack([score, best.to(score.dtype)], 2)
    return torch.cat([corners * px, scored], 2)


def _is_class(column: Tensor) -> bool:
    """Of two columns: whether the second is a class's number, and no score."""
    return bool((column == column.round()).all())
