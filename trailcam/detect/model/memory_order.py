"""Frames as a network takes them, and in which order their numbers lie in memory. Imports torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

ROW_AFTER_ROW = frozenset({"mps"})
"""Devices that computed convolutions wrongly from channels_last (pytorch/pytorch, pull request 180992)."""


def layout_of(device: torch.device) -> torch.memory_format:
    """The order that convolutions like best on ``device``, of those that they compute rightly there."""
    return torch.contiguous_format if device.type in ROW_AFTER_ROW else torch.channels_last


def images_of(pixels: Tensor, dtype: torch.dtype) -> Tensor:
    """Frames (n, h, w, 3) uint8 -> images (n, 3, h, w) 0..1 in ``dtype``, on the same device.

    (n, h, w, 3) seen as (n, 3, h, w) is channels_last already, so that nothing is moved for most devices.
    """
    images = pixels.permute(0, 3, 1, 2).to(dtype).div_(255)
    return images.contiguous(memory_format=layout_of(pixels.device))
