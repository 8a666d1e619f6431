"""YOLOX (https://arxiv.org/abs/2107.08430), in plain torch: a first stage of two-stage files. Imports torch.

Names of layers and tensors are those of the published code, so that published weights fit. Two things differ.
A frame is RGB 0..1, where published weights want BGR 0..255: :func:`adapted` turns their first layer. And a
box's score is one number for each class, the product of "something is here" and "it is of this class".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

if TYPE_CHECKING:
    from trailcam.detect.model.openvino import Exports

STRIDES = (8, 16, 32)
"""Of the three grids of anchors; a frame's sides are multiples of the last."""

_FIRST = "backbone.backbone.stem.conv.conv.weight"


class _Conv(nn.Module):
    """Convolution, normalisation, SiLU."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, kernel, stride, (kernel - 1) // 2, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(outside, eps=1e-3, momentum=0.03)

    def forward(self, x: Tensor) -> Tensor:
        return functional.silu(self.bn(self.conv(x)), inplace=True)


class _Bottleneck(nn.Module):
    def __init__(self, channels: int, *, add: bool) -> None:
        super().__init__()
        self.conv1 = _Conv(channels, channels, 1)
        self.conv2 = _Conv(channels, channels, 3)
        self._add = add

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(self.conv1(x))
        return x + y if self._add else y


class _Csp(nn.Module):
    """Two paths, one through ``n`` bottlenecks, joined again."""

    def __init__(self, inside: int, outside: int, n: int, *, add: bool) -> None:
        super().__init__()
        half = outside // 2
        self.conv1 = _Conv(inside, half, 1)
        self.conv2 = _Conv(inside, half, 1)
        self.conv3 = _Conv(2 * half, outside, 1)
        self.m = nn.Sequential(*(_Bottleneck(half, add=add) for _ in range(n)))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv3(torch.cat([self.m(self.conv1(x)), self.conv2(x)], 1))
        return y


class _Pyramid(nn.Module):
    """Spatial pyramid pooling: the strongest response nearby, at three distances."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = _Conv(channels, half, 1)
        self.conv2 = _Conv(half * 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        near = functional.max_pool2d(x, 5, 1, 2)
        far = functional.max_pool2d(near, 5, 1, 2)  # of 5 and 5 pixels: 9
        farther = functional.max_pool2d(far, 5, 1, 2)  # 13
        y: Tensor = self.conv2(torch.cat([x, near, far, farther], 1))
        return y


class _Focus(nn.Module):
    """Four neighbouring pixels become channels of one."""

    def __init__(self, outside: int) -> None:
        super().__init__()
        self.conv = _Conv(12, outside, 3)

    def forward(self, x: Tensor) -> Tensor:
        parts = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
        y: Tensor = self.conv(torch.cat(parts, 1))
        return y


class _Darknet(nn.Module):
    """The backbone; gives what it sees at strides 8, 16 and 32."""

    def __init__(self, depth: float, width: float) -> None:
        super().__init__()
        base, n = int(width * 64), max(round(depth * 3), 1)
        self.stem = _Focus(base)
        self.dark2 = nn.Sequential(_Conv(base, base * 2, 3, 2), _Csp(base * 2, base * 2, n, add=True))
        self.dark3 = nn.Sequential(_Conv(base * 2, base * 4, 3, 2), _Csp(base * 4, base * 4, 3 * n, add=True))
        self.dark4 = nn.Sequential(_Conv(base * 4, base * 8, 3, 2), _Csp(base * 8, base * 8, 3 * n, add=True))
        self.dark5 = nn.Sequential(
            _Conv(base * 8, base * 16, 3, 2), _Pyramid(base * 16), _Csp(base * 16, base * 16, n, add=False)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine = self.dark3(self.dark2(self.stem(x)))
        middle = self.dark4(fine)
        return fine, middle, self.dark5(middle)


class _Neck(nn.Module):
    """Hands what the coarse grids see down to the fine ones, and back up."""

    def __init__(self, depth: float, width: float) -> None:
        super().__init__()
        a, b, c, n = int(256 * width), int(512 * width), int(1024 * width), round(3 * depth)
        self.backbone = _Darknet(depth, width)
        self.lateral_conv0 = _Conv(c, b, 1)
        self.C3_p4 = _Csp(2 * b, b, n, add=False)
        self.reduce_conv1 = _Conv(b, a, 1)
        self.C3_p3 = _Csp(2 * a, a, n, add=False)
        self.bu_conv2 = _Conv(a, a, 3, 2)
        self.C3_n3 = _Csp(2 * a, b, n, add=False)
        self.bu_conv1 = _Conv(b, b, 3, 2)
        self.C3_n4 = _Csp(2 * b, c, n, add=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine, middle, coarse = self.backbone(x)
        high = self.lateral_conv0(coarse)
        middle = self.C3_p4(torch.cat([_doubled(high), middle], 1))
        low = self.reduce_conv1(middle)
        fine = self.C3_p3(torch.cat([_doubled(low), fine], 1))
        middle = self.C3_n3(torch.cat([self.bu_conv2(fine), low], 1))
        return fine, middle, self.C3_n4(torch.cat([self.bu_conv1(middle), high], 1))


class _Head(nn.Module):
    """For each anchor of each grid: where, whether, and what."""

    def __init__(self, classes: int, width: float) -> None:
        super().__init__()
        inside = [int(channels * width) for channels in (256, 512, 1024)]
        wide = inside[0]

        def twice() -> nn.Sequential:
            return nn.Sequential(_Conv(wide, wide, 3), _Conv(wide, wide, 3))

        self.stems = nn.ModuleList(_Conv(channels, wide, 1) for channels in inside)
        self.cls_convs = nn.ModuleList(twice() for _ in inside)
        self.reg_convs = nn.ModuleList(twice() for _ in inside)
        self.cls_preds = nn.ModuleList(nn.Conv2d(wide, classes, 1) for _ in inside)
        self.reg_preds = nn.ModuleList(nn.Conv2d(wide, 4, 1) for _ in inside)
        self.obj_preds = nn.ModuleList(nn.Conv2d(wide, 1, 1) for _ in inside)

    def forward(self, grids: Sequence[Tensor]) -> list[Tensor]:
        """(n, 5 + classes, h, w) for each grid: place, size, logits of "something" and of the classes."""
        answers = []
        for k, x in enumerate(grids):
            shared = self.stems[k](x)
            what, where = self.cls_convs[k](shared), self.reg_convs[k](shared)
            parts = [self.reg_preds[k](where), self.obj_preds[k](where), self.cls_preds[k](what)]
            answers.append(torch.cat(parts, 1))
        return answers


class Yolox(nn.Module):
    """A YOLOX of a given depth and width (tiny: 0.33 and 0.375)."""

    def __init__(self, classes: int, depth: float, width: float) -> None:
        super().__init__()
        self.backbone = _Neck(depth, width)
        self.head = _Head(classes, width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, h, w) RGB 0..1 -> (n, 4 + classes, anchors) float32.

        Centre x, centre y, width and height in px of the frame, then each class's score 0..1. The anchors
        are those of the fine grid row by row, then those of the others.
        """
        return decode(self.head(self.backbone(x)))


def decode(answers: Sequence[Tensor]) -> Tensor:
    """What the head says of each grid -> boxes and scores, see :meth:`Yolox.forward`; always in float32."""
    found = []
    for answer, stride in zip(answers, STRIDES, strict=True):
        raw = answer.float()
        rows = torch.arange(raw.shape[2], device=raw.device, dtype=raw.dtype)
        columns = torch.arange(raw.shape[3], device=raw.device, dtype=raw.dtype)
        x = (raw[:, 0] + columns) * stride
        y = (raw[:, 1] + rows[:, None]) * stride
        centre = torch.stack([x, y], 1)
        size = raw[:, 2:4].exp() * stride
        score = raw[:, 4:5].sigmoid() * raw[:, 5:].sigmoid()
        found.append(torch.cat([centre, size, score], 1).flatten(2))
    return torch.cat(found, 2)


class _Undecoded(nn.Module):
    """A YOLOX up to what its head says of each grid."""

    def __init__(self, net: Yolox) -> None:
        super().__init__()
        self.net = deepcopy(net).float()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.net.head(self.net.backbone(x)))


def exported_yolox(exports: Exports, part: str, net: nn.Module) -> Callable[[Tensor], Tensor]:
    """A YOLOX by OpenVINO: (n, h, w, 3) uint8 -> what the network itself answers of it, in float32."""
    assert isinstance(net, Yolox)
    compiled = exports.compiled(part, lambda: _Undecoded(net), uint8=True)
    return lambda pixels: decode(compiled(pixels))


def fuse(net: nn.Module) -> None:
    """Merge each normalisation into the convolution before it, in place; for evaluation only."""
    for part in net.modules():
        if isinstance(part, _Conv) and isinstance(part.bn, nn.BatchNorm2d):
            part.conv = fuse_conv_bn_eval(part.conv, part.bn)
            part.bn = nn.Identity()


def adapted(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published weights, which look at BGR 0..255, for a frame of RGB 0..1."""
    turned = dict(state)
    first = state[_FIRST]
    parts = first.view(first.shape[0], 4, 3, *first.shape[2:])
    turned[_FIRST] = parts.flip(2).reshape(first.shape) * 255
    return turned


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
