"""The second stage: crops of boxes, networks that name them, what follows for the score. Imports torch.

With a crop's class probabilities p::

    object  = 1 - p[none]
    species = the likeliest of deer (all five classes) and every other class, given an object
    group   = antlered where its share of deer is at least ``antlered_at``, else antlerless
    factor  = object * species ** group_sharpness                                    not a deer
    factor  = object * (species * group) ** group_sharpness * inside ** sharpness    a deer

``group`` is that group's share of deer (at least 0.5: one that won by a shifted threshold is
no less sure), ``inside`` the likeliest class's share of the group. Antlers are asked about
before their size, because three buck classes that share the votes would lose to one doe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from trailcam.detect.model.frame import PAD_VALUE
from trailcam.detect.model.two_stage_file import ANTLERED, ANTLERLESS, NONE, StageTwo
from trailcam.detect.model.vision_ops import roi_align

if TYPE_CHECKING:
    from collections.abc import Sequence

_EDGE = 64  # px of grey around the frame, for boxes that reach beyond it
_AT_ONCE = 16  # frames that are floats at the same time
FILLED_UP_TO = {"cuda": 16}
"""On which devices the number of crops becomes a multiple, and of what."""
_LEVELS = (4, 6, 10)  # layers of YOLO11n whose strongest responses are read
BACKBONE = 11  # layers of YOLO11n before its neck

# EfficientNet-Lite0 (https://arxiv.org/abs/1905.11946, without squeeze-and-excitation):
# expansion, channels, blocks, stride, kernel.
_LITE0 = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)


class BackboneNet(nn.Module):
    """The backbone of YOLO11n, pooled at three depths, and one linear layer."""

    def __init__(self, layers: nn.Sequential, classes: int) -> None:
        super().__init__()
        self.layers = layers
        width = 128 + 128 + 2 * 256
        self.norm = nn.BatchNorm1d(width)
        self.fc = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, side, side) normalised -> (n, classes) logits."""
        logits: Tensor = self.fc(self.pooled(x))
        return logits

    def pooled(self, x: Tensor) -> Tensor:
        """(n, 3, side, side) normalised -> (n, width), what the linear layer reads."""
        pooled = []
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i in _LEVELS:
                pooled.append(x.amax((2, 3)))
        pooled.append(x.mean((2, 3)))
        found: Tensor = self.norm(torch.cat(pooled, 1))
        return found


class _SameConv(nn.Conv2d):
    """Padded as TensorFlow does for even sides: of an odd number the odd pixel goes right and below."""

    def forward(self, input: Tensor) -> Tensor:
        total = self.kernel_size[0] - self.stride[0]
        around = (total // 2, total - total // 2) * 2
        return super().forward(functional.pad(input, around))


def _conv(inside: int, outside: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    both, odd = divmod(kernel - stride, 2)  # px of padding on the two sides together
    convolution = (
        _SameConv(inside, outside, kernel, stride, groups=groups, bias=False)
        if odd
        else nn.Conv2d(inside, outside, kernel, stride, both, groups=groups, bias=False)
    )
    return nn.Sequential(convolution, nn.BatchNorm2d(outside, 1e-3))


class _Block(nn.Module):
    """Inverted residual."""

    def __init__(self, inside: int, expand: int, outside: int, stride: int, kernel: int) -> None:
        super().__init__()
        wide = inside * expand
        self.expand = _conv(inside, wide) if expand > 1 else None
        self.depth = _conv(wide, wide, kernel, stride, wide)
        self.project = _conv(wide, outside)
        self._skip = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.depth(y)))
        result: Tensor = x + y if self._skip else y
        return result


class LiteNet(nn.Module):
    """EfficientNet-Lite0 whose last layer is ``width`` wide."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Sequential(*_conv(3, 32, 3, 2), nn.ReLU6())]
        inside = 32
        for expand, outside, blocks, stride, kernel in _LITE0:
            for i in range(blocks):
                layers.append(_Block(inside, expand, outside, stride if i == 0 else 1, kernel))
                inside = outside
        layers.append(nn.Sequential(*_conv(inside, width), nn.ReLU6()))
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, side, side) normalised -> (n, classes) logits."""
        logits: Tensor = self.fc(self.layers(x).mean((2, 3)))
        return logits


def fuse(net: nn.Module) -> None:
    """Merge each normalisation into the convolution before it, in place; for evaluation only.

    Saves up to a quarter of a :class:`LiteNet`'s time on a processor.
    """
    for layers in net.modules():
        if not isinstance(layers, nn.Sequential) or len(layers) < 2:
            continue
        convolution, norm = layers[0], layers[1]
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            layers[0], layers[1] = fuse_conv_bn_eval(convolution, norm), nn.Identity()


def cut(frames: Tensor, boxes: Sequence[Tensor], side: int, margin: float) -> Tensor:
    """Square crops around boxes, (k, 3, side, side) float32 0..1, in the order of the boxes.

    ``frames``: (n, 3, h, w) uint8; ``boxes``: for each frame (k_i, 4) ``xyxy`` px. A crop is as wide as its
    box's longer side and ``margin`` of that on each side, in whole px; what lies beyond the frame is grey.
    """
    squares = [_squares(box, margin) for box in boxes]
    if frames.device.type == "cpu":
        return _scaled(frames, squares, side)
    parts = [
        roi_align(
            functional.pad(frames[i : i + _AT_ONCE].float() / 255, (_EDGE,) * 4, value=PAD_VALUE / 255),
            [square + _EDGE for square in squares[i : i + _AT_ONCE]],
            side,
            sampling=2,
        )
        for i in range(0, len(frames), _AT_ONCE)
    ]
    return torch.cat(parts)


def _squares(box: Tensor, margin: float) -> Tensor:
    """(k, 4) ``xyxy`` px, float32 that are whole numbers."""
    wide = ((box[:, 2:] - box[:, :2]).amax(1, keepdim=True) * (1 + 2 * margin)).round().clamp(min=1)
    corner = ((box[:, :2] + box[:, 2:] - wide) / 2).round()
    return torch.cat([corner, corner + wide], 1).float()


def _scaled(frames: Tensor, squares: Sequence[Tensor], side: int) -> Tensor:
    """Crops on a processor, where only the part of a frame that a crop shows is read, as 8-bit numbers.

    This is about 18 times as fast as torchvision's operator, which wants whole frames of floats.
    """
    height, width = frames.shape[2:]
    crops = frames.new_full((sum(map(len, squares)), side, side, 3), PAD_VALUE).permute(0, 3, 1, 2)
    places = [(frame, xyxy) for frame, some in zip(frames, squares, strict=True) for xyxy in some.tolist()]
    for crop, (frame, (x1, y1, x2, y2)) in zip(crops, places, strict=True):
        left, top, right, bottom = int(max(x1, 0)), int(max(y1, 0)), int(min(x2, width)), int(min(y2, height))
        scale = side / (x2 - x1)
        a, c = round((left - x1) * scale), round((right - x1) * scale)
        b, d = round((top - y1) * scale), round((bottom - y1) * scale)
        # A single px of a crop shows nothing, and torch may fail to scale to one.
        if left < right and top < bottom and a < c and b < d and (c - a) * (d - b) > 1:
            part = frame[None, :, top:bottom, left:right]
            crop[:, b:d, a:c] = functional.interpolate(part, (d - b, c - a), mode="bilinear", antialias=True)[
                0
            ]
    return crops.float() / 255


def filled_up(crops: Tensor) -> Tensor:
    """``crops`` (k, 3, side, side) and zeros, up to a number that a GPU meets often.

    For each number of crops that it meets first it chooses its kernels anew, which takes as long as the
    answer for hundreds of them.
    """
    missing = -len(crops) % FILLED_UP_TO.get(crops.device.type, 1)
    if not missing:
        return crops
    zeros = torch.zeros_like(crops[:1]).expand(missing, *crops.shape[1:])
    return torch.cat([crops, zeros])


def decide(p: Tensor, two: StageTwo) -> tuple[Tensor, Tensor]:
    """Probabilities (k, classes) -> class index into ``two.names`` (k,) and factor of the score (k,).

    See the module's text for the formula.
    """
    none = two.names.index(NONE)
    groups = [[two.names.index(name) for name in group] for group in (ANTLERLESS, ANTLERED)]
    others = [i for i in range(len(two.names)) if i != none and i not in groups[0] + groups[1]]
    is_object = 1 - p[:, none]
    sums = torch.stack([p[:, group].sum(1) for group in groups], 1)
    deer = sums.sum(1, keepdim=True)
    whole = is_object.clamp(min=1e-6)[:, None]
    species, which = (torch.cat([deer, p[:, others]], 1) / whole).max(1)
    factors = is_object * species**two.group_sharpness
    classes = torch.tensor([none, *others], device=p.device)[which]
    shares = sums / deer.clamp(min=1e-9)
    antlered = shares[:, 1] >= two.antlered_at
    for group, share, chosen in zip(groups, shares.unbind(1), (~antlered, antlered), strict=True):
        members = p[:, group]
        inside, first = (members / members.sum(1, keepdim=True).clamp(min=1e-9)).max(1)
        sure = share.clamp(min=0.5) ** two.group_sharpness * inside**two.sharpness
        is_it = chosen & (which == 0)
        classes = torch.where(is_it, torch.tensor(group, device=p.device)[first], classes)
        factors = torch.where(is_it, factors * sure, factors)
    return classes, factors
