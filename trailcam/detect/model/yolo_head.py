"""A YOLO network of ultralytics' layers: its number format, its boxes, its export. Imports torch."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import TYPE_CHECKING, Any

import torch

from trailcam.detect.model.memory_order import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trailcam.detect.model.openvino import Exports


def set_precision(model: Any, dtype: torch.dtype) -> None:  # noqa: ANN401 - untyped
    """A YOLO model's layers in ``dtype``; the step from grid cells to pixels in float32.

    bfloat16 has 8 bits: at 600 px its neighbours are 4 px apart, and boxes would jump. The
    head's raw output is small, so decoding it in full precision costs next to nothing.
    """
    device = next(model.parameters()).device
    model.to(dtype=dtype, memory_format=layout_of(device))
    head = model.model[-1]
    head.dfl.float()
    head.stride = head.stride.float()
    head._inference = BoxDecoder(head)


class BoxDecoder:
    """The step from a YOLO head's raw answer to boxes, in float32; may run in several threads.

    The grids of a frame shape are made once. Made for every batch, as the head does it where shapes change,
    they cost a GPU nine waits for the host.
    """

    def __init__(self, head: Any) -> None:  # noqa: ANN401 - untyped
        self._head = head
        self._grids: dict[tuple[Any, ...], tuple[torch.Tensor, torch.Tensor]] = {}

    def __call__(self, raw: dict[str, Any]) -> torch.Tensor:
        """Boxes in px and scores, (n, 4 + classes, anchors) float32.

        ``raw``: "boxes" (n, 4 x reg_max, anchors), "scores" (n, classes, anchors), and "feats", of which only
        the shapes (n, any, h, w) of the grids matter.
        """
        feats = raw["feats"]
        # A copy of the head (not of its layers): in itself it keeps the grids of one frame shape, and two
        # threads with photos of different shapes would decode with each other's.
        head = copy(self._head)
        head.anchors, head.strides = self._grids_of(feats, raw["boxes"].device)
        head.shape = feats[0].shape  # what it goes by
        whole = {**raw, "boxes": raw["boxes"].float(), "scores": raw["scores"].float()}
        decoded: torch.Tensor = type(head)._inference(head, whole)
        return decoded

    def _grids_of(
        self, feats: Sequence[torch.Tensor], device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Middles (2, anchors) and strides (1, anchors) of the grids' cells, float32, on ``device``."""
        key = (device, *(tuple(f.shape[2:]) for f in feats))
        kept = self._grids.get(key)
        if kept is None:
            with torch.inference_mode(mode=False):  # a copy of the model may hold them, too
                kept = self._grids[key] = _grids([f.shape[2:] for f in feats], self._head.stride, device)
        return kept


def _grids(
    shapes: Sequence[Sequence[int]], strides: torch.Tensor, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of all cells of grids (rows, columns), row after row: their middles in cells, their strides in px."""
    middles, widths = [], []
    for (rows, columns), stride in zip(shapes, strides.tolist(), strict=True):
        y, x = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
        middles.append(torch.stack([x, y]).flatten(1))
        widths.append(torch.full((1, rows * columns), stride))
    return torch.cat(middles, 1).to(device), torch.cat(widths, 1).to(device)


class _Raw(torch.nn.Module):
    """A YOLO model up to its head's raw answer: (n, 3, h, w) 0..1 -> its boxes and scores, undecoded."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - untyped
        super().__init__()
        self.model = deepcopy(model).float()
        head = self.model.model[-1]
        head._inference = self._keep
        head.postprocess = lambda answer: answer

    def _keep(self, raw: dict[str, Any]) -> torch.Tensor:
        self._kept: tuple[torch.Tensor, torch.Tensor] = raw["boxes"], raw["scores"]
        return self._kept[0]

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.model(images)
        boxes, scores = self._kept
        return boxes, scores


def exported_finder(exports: Exports, part: str, model: Any) -> Callable[[torch.Tensor], torch.Tensor]:  # noqa: ANN401 - untyped
    """A YOLO model by OpenVINO: (n, h, w, 3) uint8 -> what the model itself answers of it, in float32."""
    compiled = exports.compiled(part, lambda: _Raw(model), uint8=True)
    head = model.model[-1]
    strides = [int(s) for s in head.stride]
    decode = BoxDecoder(head)

    def answer(pixels: torch.Tensor) -> torch.Tensor:
        boxes, scores = compiled(pixels)
        n, height, width = pixels.shape[:3]
        feats = [torch.empty(n, 1, height // s, width // s) for s in strides]
        output = decode({"boxes": boxes, "scores": scores, "feats": feats})
        if head.end2end:
            best: torch.Tensor = type(head).postprocess(head, output.permute(0, 2, 1))
            return best
        return output

    return answer
