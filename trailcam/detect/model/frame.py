"""The model's input frame: how large it is for a photo, and how the photo is laid into it."""

from __future__ import annotations

from dataclasses import dataclass

from trailcam.geometry import Letterbox

PAD_VALUE = 114
"""Grey of the padding, 0..255 in each channel: the value that YOLO models are trained with."""


@dataclass(frozen=True, slots=True)
class FrameSpec:
    """Which frames a model takes.

    ``imgsz`` is the long side in px, ``stride`` what both sides must be divisible by. ``fixed``
    is (height, width) in px for models exported with one input shape, else None: then the
    frame is the smallest that holds the photo, so that a 4:3 photo costs 640x480 and not
    640x640. ``stretch``: the photo fills a square, whatever its shape (RT-DETR). ``corner``: it lies at the
    top left and the padding beyond it (YOLOX), else in the middle.
    """

    imgsz: int = 640
    stride: int = 32
    fixed: tuple[int, int] | None = None
    stretch: bool = False
    corner: bool = False

    def __post_init__(self) -> None:
        if self.imgsz < 1 or self.stride < 1 or (self.fixed and min(self.fixed) < 1):
            raise ValueError(f"impossible frame: {self}")

    def fit(self, width: int, height: int) -> tuple[tuple[int, int], Letterbox]:
        """Frame (height, width) px for an upright photo of ``width`` x ``height`` px, and its place in it.

        The arithmetic (scale by the long side, round, pad to the next multiple of the stride,
        half of it before, with a rounding bias of 0.1) is that of ultralytics' predict for
        one photo, so that both show the model the same pixels. Raises ValueError for a photo
        without pixels.
        """
        if min(width, height) < 1:
            raise ValueError(f"cannot frame a photo of {width}x{height} px")
        limit_h, limit_w = self.largest
        if self.stretch:
            place = Letterbox(width, height, limit_w / width, limit_h / height, pad_x=0, pad_y=0)
            return (limit_h, limit_w), place
        scale = min(limit_w / width, limit_h / height)
        inner_w, inner_h = max(1, round(width * scale)), max(1, round(height * scale))
        if self.fixed is None:
            limit_h, limit_w = self._pad(inner_h), self._pad(inner_w)
        place = Letterbox(
            width=width,
            height=height,
            scale_x=inner_w / width,
            scale_y=inner_h / height,
            pad_x=0 if self.corner else round((limit_w - inner_w) / 2 - 0.1),
            pad_y=0 if self.corner else round((limit_h - inner_h) / 2 - 0.1),
        )
        return (limit_h, limit_w), place

    @property
    def largest(self) -> tuple[int, int]:
        """Height and width, px, that no frame exceeds."""
        return self.fixed or (self._long_side, self._long_side)

    @property
    def _long_side(self) -> int:
        return self._pad(self.imgsz)

    def _pad(self, side: int) -> int:
        return -(-side // self.stride) * self.stride
