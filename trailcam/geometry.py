"""Box forms, and the only conversions between them.

Two forms exist, and every array says which it is:

``xyxy``
    ``(n, 4) float32``: left, top, right, bottom in pixels of a named frame.
``xywhn``
    ``(n, 4) float32``: left, top, width, height, 0..1 of the upright image. This is the
    database's form, and that of MegaDetector's JSON and Camtrap DP.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How an upright image of ``width`` x ``height`` px was laid into a model's input.

    The image was scaled by ``scale_x`` and ``scale_y`` (they differ by less than one pixel's rounding, but
    where it was stretched to the frame) and its top-left corner put at (``pad_x``, ``pad_y``) px of the
    input frame.
    """

    width: int
    height: int
    scale_x: float
    scale_y: float
    pad_x: int
    pad_y: int

    @classmethod
    def fit(cls, width: int, height: int, frame_width: int, frame_height: int) -> Letterbox:
        """Centre an image in a frame, as large as fits, keeping its shape.

        Same rounding as ultralytics' LetterBox (scale, round, pad half with -0.1), so the
        same pixels land on the same places. Raises ValueError for an empty image or frame.
        """
        if min(width, height, frame_width, frame_height) < 1:
            raise ValueError(f"cannot fit {width}x{height} into {frame_width}x{frame_height}")
        scale = min(frame_width / width, frame_height / height)
        inner_w, inner_h = max(1, round(width * scale)), max(1, round(height * scale))
        return cls(
            width=width,
            height=height,
            scale_x=inner_w / width,
            scale_y=inner_h / height,
            pad_x=round((frame_width - inner_w) / 2 - 0.1),
            pad_y=round((frame_height - inner_h) / 2 - 0.1),
        )

    @property
    def inner(self) -> tuple[int, int]:
        """Width and height in px that the image takes up inside the frame."""
        return round(self.width * self.scale_x), round(self.height * self.scale_y)

    def to_xywhn(self, xyxy: Boxes) -> Boxes:
        """``xyxy`` px of the input frame -> ``xywhn`` of the upright image, clipped to it."""
        boxes = np.asarray(xyxy, dtype=np.float32).reshape(-1, 4)
        scaled_w, scaled_h = self.width * self.scale_x, self.height * self.scale_y
        left = np.clip((boxes[:, 0] - self.pad_x) / scaled_w, 0, 1)
        top = np.clip((boxes[:, 1] - self.pad_y) / scaled_h, 0, 1)
        right = np.clip((boxes[:, 2] - self.pad_x) / scaled_w, 0, 1)
        bottom = np.clip((boxes[:, 3] - self.pad_y) / scaled_h, 0, 1)
        return np.stack([left, top, right - left, bottom - top], axis=1).astype(np.float32)


def xywhn_to_xyxy(xywhn: Boxes, width: int, height: int) -> Boxes:
    """``xywhn`` -> ``xyxy`` in pixels of an upright image of ``width`` x ``height``."""
    boxes = np.asarray(xywhn, dtype=np.float32).reshape(-1, 4)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    return (corners * np.array([width, height, width, height], dtype=np.float32)).astype(np.float32)


def iou(a: Boxes, b: Boxes) -> npt.NDArray[np.float32]:
    """Intersection over union of ``xyxy`` (n, 4) and ``xyxy`` (m, 4): (n, m), 0..1."""
    a = np.asarray(a, dtype=np.float32).reshape(-1, 4)
    b = np.asarray(b, dtype=np.float32).reshape(-1, 4)
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = np.prod(np.clip(bottom_right - top_left, 0, None), axis=2)
    area_a = np.prod(a[:, 2:] - a[:, :2], axis=1)
    area_b = np.prod(b[:, 2:] - b[:, :2], axis=1)
    union = area_a[:, None] + area_b[None, :] - inter
    ratio: npt.NDArray[np.float32] = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return ratio.astype(np.float32)


def share_of_smaller(a: Boxes, b: Boxes) -> npt.NDArray[np.float32]:
    """How much of the smaller of two boxes lies in the other: ``xyxy`` (n, 4) and (m, 4) -> (n, m), 0..1."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1) for boxes in (a, b)]
    smaller = np.minimum(areas[0][:, None], areas[1][None, :])
    share: npt.NDArray[np.float32] = np.divide(both, smaller, out=np.zeros_like(both), where=smaller > 0)
    return share


def stored_xywhn(
    box: tuple[float, float, float, float], orientation: int
) -> tuple[float, float, float, float]:
    """A box ``xywhn`` of the upright image as it lies on the pixels as stored.

    ``orientation`` is the EXIF value 1..8 that turns the stored image upright.
    """
    x, y, w, h = box
    if orientation in (2, 3, 6, 7):
        x = 1 - x - w
    if orientation in (3, 4, 7, 8):
        y = 1 - y - h
    return (y, x, h, w) if orientation in (5, 6, 7, 8) else (x, y, w, h)


def upright_xywhn(
    box: tuple[float, float, float, float], orientation: int
) -> tuple[float, float, float, float]:
    """The other way round: a box on the pixels as stored, ``xywhn`` of the upright image."""
    return stored_xywhn(box, {6: 8, 8: 6}.get(orientation, orientation))


def upright_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Width and height in px after EXIF ``orientation`` (1..8) is applied."""
    return (height, width) if orientation in (5, 6, 7, 8) else (width, height)
