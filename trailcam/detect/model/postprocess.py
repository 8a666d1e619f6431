"""A model's output -> detections: threshold, class-agnostic suppression, no time limit. Imports torch.

Class-agnostic: one animal gets one box with its best class, not a doe and a buck at once.
There is no time limit, ever: a slow machine may not turn photos into blanks.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from trailcam.detect.model.protocol import SUPPRESSION_IOU, RawDetections, RawOutput
from trailcam.detect.model.vision_ops import nms
from trailcam.errors import PipelineError

if TYPE_CHECKING:
    from torch import Tensor

MAX_DETECTIONS = 300
"""Boxes kept for one photo, the most confident ones."""


def detections(
    output: Tensor, *, n_classes: int, threshold: float, iou: float = SUPPRESSION_IOU
) -> list[RawDetections]:
    """Model output of a batch of n -> n results.

    ``output`` is (n, 4 + n_classes, anchors): centre x, centre y, width, height in px of the
    frame, then class probabilities; or, from end-to-end heads, (n, k, 6): x1, y1, x2, y2,
    confidence, class. Boxes at or above ``threshold`` stay. Raises PipelineError for NaN or
    infinity, and for a shape that is neither.
    """
    if output.ndim != 3:
        raise _nonsense(f"output of shape {tuple(output.shape)}")
    output = output.float()
    end_to_end = output.shape[2] == 6
    if end_to_end:
        scores, classes, boxes = output[..., 4], output[..., 5].long(), output[..., :4]
    elif output.shape[1] == 4 + n_classes:
        scores, classes = output[:, 4:].max(dim=1)
        boxes = output[:, :4].transpose(1, 2)
    else:
        raise _nonsense(f"output of shape {tuple(output.shape)} for {n_classes} classes")
    rows, picks = torch.nonzero(scores >= threshold, as_tuple=True)
    kept = boxes[rows, picks] if end_to_end else _corners(boxes[rows, picks])
    # max() hands NaN on, so this one look at the scores sees every NaN among the classes.
    if not bool(torch.isfinite(scores).all() & torch.isfinite(kept).all()):
        raise _nonsense("NaN or infinity in its output")
    order = _suppress(kept, scores[rows, picks], rows, iou)
    rows, picks, kept = rows[order], picks[order], kept[order]
    return _by_photo(output.shape[0], rows, kept, scores[rows, picks], classes[rows, picks])


def raw_output(output: Tensor, n_classes: int) -> RawOutput:
    """The model's output for one frame (shapes as in :func:`detections`), on the host and in float32.

    Raises PipelineError for a shape that is neither.
    """
    if output.ndim != 3 or len(output) != 1:
        raise _nonsense(f"output of shape {tuple(output.shape)}")
    one = output[0].float().cpu().numpy()
    if one.shape[1] == 6:
        return RawOutput(np.ascontiguousarray(one[:, 4:5]))
    if one.shape[0] != 4 + n_classes:
        raise _nonsense(f"output of shape {tuple(output.shape)} for {n_classes} classes")
    return RawOutput(np.ascontiguousarray(one[4:].T), np.ascontiguousarray(one[:4].T))


def _corners(centred: Tensor) -> Tensor:
    half = centred[:, 2:] / 2
    return torch.cat([centred[:, :2] - half, centred[:, :2] + half], dim=1)


def _suppress(boxes: Tensor, scores: Tensor, rows: Tensor, iou: float) -> Tensor:
    """Indices that stay, grouped by photo, descending in score."""
    if boxes.device.type != "cpu":
        # One call for the batch: each photo's boxes are moved to where no other photo's are.
        lowest, highest = boxes.amin() if len(boxes) else 0.0, boxes.amax() if len(boxes) else 0.0
        apart = boxes - lowest + (rows.to(boxes.dtype) * (highest - lowest + 1))[:, None]
        keep = nms(apart, scores, iou)
        return keep[torch.argsort(rows[keep], stable=True)]
    kept = []
    for row in torch.unique(rows):  # a call's cost grows with the square of its boxes
        members = torch.nonzero(rows == row)[:, 0]
        kept.append(members[nms(boxes[members], scores[members], iou)])
    return torch.cat(kept) if kept else torch.zeros(0, dtype=torch.long)


def _by_photo(n: int, rows: Tensor, boxes: Tensor, scores: Tensor, classes: Tensor) -> list[RawDetections]:
    packed = torch.cat([rows[:, None].float(), boxes, scores[:, None], classes[:, None].float()], dim=1)
    host = packed.cpu().numpy()  # one transfer for the batch
    bounds = np.searchsorted(host[:, 0], np.arange(n + 1))
    results = []
    for start, stop in pairwise(bounds):
        part = host[start : min(stop, start + MAX_DETECTIONS)]
        results.append(
            RawDetections(
                np.ascontiguousarray(part[:, 1:5]),
                np.ascontiguousarray(part[:, 5]),
                part[:, 6].astype(np.int16),
            )
        )
    return results


def _nonsense(detail: str) -> PipelineError:
    return PipelineError(
        f"The model gave an impossible answer on this device: {detail}.",
        "No photo of this batch was marked. Try --device cpu, or full precision; if it happens there too, "
        "the weights are damaged or of a kind that trailcam does not know.",
    )
