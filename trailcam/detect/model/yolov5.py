"""YOLOv5 (https://doi.org/10.5281/zenodo.3908559), in plain torch: MegaDetector v5a and v5b, redwood, spruce.

Their checkpoints are pickles of layers whose code isn't installed here, and none of it is run: the layers
come as plain attributes (``inert``), of which the description, the tensors and the class names are taken.
Names of layers and tensors are those of the published code, so that published weights fit. A box's score is
one number for each class, the product of "something is here" and "it is of this class". Imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from trailcam.detect.model.inert import attributes, read_inert, tensors_of
from trailcam.errors import WeightsError
from trailcam.words.text import clean_message, printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trailcam.detect.model.openvino import Exports

IOU = 0.45
"""Of two boxes that overlap more the less confident one goes: YOLOv5's own, and MegaDetector's."""

_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "nn.SiLU()": nn.SiLU,
    "nn.ReLU()": nn.ReLU,
    "nn.Hardswish()": nn.Hardswish,
    "nn.LeakyReLU(0.1)": lambda: nn.LeakyReLU(0.1),
}
_WORDS = {"None": None, "True": True, "False": False}


class _Conv(nn.Module):
    """Convolution, normalisation, activation."""

    def __init__(
        self, inside: int, outside: int, kernel: int = 1, stride: int = 1, padding: int | None = None
    ) -> None:
        super().__init__()
        padding = kernel // 2 if padding is None else padding
        self.conv = nn.Conv2d(inside, outside, kernel, stride, padding, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(outside, eps=1e-3, momentum=0.03)
        self.act: nn.Module = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.bn(self.conv(x)))
        return y


class _Bottleneck(nn.Module):
    def __init__(self, inside: int, outside: int, add: bool = True, share: float = 0.5) -> None:
        super().__init__()
        middle = int(outside * share)
        self.cv1 = _Conv(inside, middle)
        self.cv2 = _Conv(middle, outside, 3)
        self._add = add and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cv2(self.cv1(x))
        return x + y if self._add else y


class _C3(nn.Module):
    """Two paths, one through ``n`` bottlenecks, joined again."""

    def __init__(self, inside: int, outside: int, n: int = 1, add: bool = True) -> None:
        super().__init__()
        half = outside // 2
        self.cv1 = _Conv(inside, half)
        self.cv2 = _Conv(inside, half)
        self.cv3 = _Conv(2 * half, outside)
        self.m = nn.Sequential(*(_Bottleneck(half, half, add, 1.0) for _ in range(n)))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cv3(torch.cat([self.m(self.cv1(x)), self.cv2(x)], 1))
        return y


class _Pyramid(nn.Module):
    """Spatial pyramid pooling, SPP or SPPF: the strongest response nearby, at several distances."""

    def __init__(self, inside: int, outside: int, kernels: Sequence[int] | int = (5, 9, 13)) -> None:
        super().__init__()
        self._kernels = [kernels] * 3 if isinstance(kernels, int) else list(kernels)
        self._chained = isinstance(kernels, int)  # SPPF pools what it has pooled
        self.cv1 = _Conv(inside, inside // 2)
        self.cv2 = _Conv(inside // 2 * (len(self._kernels) + 1), outside)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.cv1(x)]
        for kernel in self._kernels:
            of = parts[-1] if self._chained else parts[0]
            parts.append(functional.max_pool2d(of, kernel, 1, kernel // 2))
        y: Tensor = self.cv2(torch.cat(parts, 1))
        return y


class _Focus(nn.Module):
    """Four neighbouring pixels become channels of one."""

    def __init__(self, inside: int, outside: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = _Conv(inside * 4, outside, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        parts = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
        y: Tensor = self.conv(torch.cat(parts, 1))
        return y


class _Concat(nn.Module):
    def forward(self, x: list[Tensor]) -> Tensor:
        return torch.cat(x, 1)


class _Detect(nn.Module):
    """For each anchor box of each cell of each grid: where, whether, and what."""

    def __init__(self, classes: int, inside: Sequence[int], n_anchors: int) -> None:
        super().__init__()
        self.n_anchors = n_anchors
        self.m = nn.ModuleList(nn.Conv2d(c, n_anchors * (classes + 5), 1) for c in inside)
        self.anchors: Tensor
        self.register_buffer("anchors", torch.zeros(len(inside), n_anchors, 2))

    def forward(self, grids: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """(n, anchors x (5 + classes), h, w) logits of each grid."""
        return tuple(layer(x) for layer, x in zip(self.m, grids, strict=True))


_LAYERS: Mapping[str, Callable[..., nn.Module]] = {
    **{"Conv": _Conv, "Bottleneck": _Bottleneck, "C3": _C3, "SPP": _Pyramid, "SPPF": _Pyramid},
    "Focus": _Focus,
}


class Yolov5(nn.Module):
    """A YOLOv5 detection network by its own description.

    ``strides``: px of a cell of each grid. Raises KeyError, ValueError, TypeError or IndexError for a
    description that is none, or names layers that aren't known here.
    """

    def __init__(self, yaml: Mapping[str, Any], strides: Sequence[int]) -> None:
        super().__init__()
        classes = int(yaml["nc"])
        head = [*yaml["backbone"], *yaml["head"]]
        anchors = yaml["anchors"]
        n_anchors = anchors if isinstance(anchors, int) else len(anchors[0]) // 2
        depth, width = float(yaml["depth_multiple"]), float(yaml["width_multiple"])
        layers: list[nn.Module] = []
        channels: list[int] = []
        self._froms: list[int | list[int]] = []
        for source, n, kind, given in head:
            args: list[Any] = [_WORDS.get(a, a) if isinstance(a, str) else a for a in given]
            inside = [channels[j] if channels else int(yaml.get("ch", 3)) for j in _listed(source)]
            n = max(round(n * depth), 1) if n > 1 else n
            if kind in _LAYERS:
                outside = math.ceil(args[0] * width / 8) * 8
                args = [inside[0], outside, *args[1:]]
                if kind == "C3":
                    args.insert(2, n)
                    n = 1
                made = [_LAYERS[kind](*args)]
                made += [_LAYERS[kind](outside, *args[1:]) for _ in range(n - 1)]
                layers.append(made[0] if n == 1 else nn.Sequential(*made))
            elif kind == "Concat":
                outside = sum(inside)
                layers.append(_Concat())
            elif kind == "nn.Upsample":
                outside = inside[0]
                layers.append(nn.Upsample(None, scale_factor=args[1], mode=args[2]))
            elif kind == "Detect":
                outside = 0
                layers.append(_Detect(classes, inside, n_anchors))
            else:
                raise ValueError(f"it has the layer {kind}, which trailcam doesn't know")
            channels.append(outside)
            self._froms.append(source)
        if not layers or not isinstance(layers[-1], _Detect) or len(layers[-1].m) != len(strides):
            raise ValueError("its last layer is no detection head")
        self.model = nn.Sequential(*layers)
        self.strides = tuple(strides)
        activation = _ACTIVATIONS[str(yaml.get("activation") or "nn.SiLU()")]
        for part in self.modules():
            if isinstance(part, _Conv):
                part.act = activation()

    def heads(self, x: Tensor) -> tuple[Tensor, ...]:
        """(n, 3, h, w) RGB 0..1 -> what the head says of each grid."""
        seen: list[Any] = []
        for source, layer in zip(self._froms, self.model, strict=True):
            if isinstance(source, int):
                given = x if not seen else seen[source]
            else:
                given = [seen[j] for j in source]
            seen.append(layer(given))
        answers: tuple[Tensor, ...] = seen[-1]
        return answers

    def forward(self, x: Tensor) -> Tensor:
        """(n, 3, h, w) RGB 0..1 -> (n, 4 + classes, anchors) float32: centre and size in px, scores 0..1."""
        return self.decode(self.heads(x))

    def decode(self, answers: Sequence[Tensor]) -> Tensor:
        """What :meth:`heads` gives -> boxes and scores, in float32."""
        head = self.model[-1]
        assert isinstance(head, _Detect)
        found = []
        for answer, anchors, stride in zip(answers, head.anchors.float(), self.strides, strict=True):
            n, _, height, width = answer.shape
            raw = answer.float().view(n, head.n_anchors, -1, height, width).sigmoid()
            columns = torch.arange(width, device=raw.device, dtype=raw.dtype) - 0.5
            rows = torch.arange(height, device=raw.device, dtype=raw.dtype)[:, None] - 0.5
            x = (raw[:, :, 0] * 2 + columns) * stride
            y = (raw[:, :, 1] * 2 + rows) * stride
            # The anchors' own device: theirs is the layers', an export's answers come from elsewhere.
            sizes = (anchors.to(raw.device) * stride)[None, :, :, None, None]
            size = (raw[:, :, 2:4] * 2) ** 2 * sizes
            score = raw[:, :, 4:5] * raw[:, :, 5:]
            parts = torch.cat([x[:, :, None], y[:, :, None], size, score], 2)
            found.append(parts.permute(0, 2, 1, 3, 4).flatten(2))
        return torch.cat(found, 2)

    def fuse(self) -> None:
        """Merge each normalisation into the convolution before it, in place; for evaluation only."""
        for part in self.modules():
            if isinstance(part, _Conv) and isinstance(part.bn, nn.BatchNorm2d):
                part.conv = fuse_conv_bn_eval(part.conv, part.bn)
                part.bn = nn.Identity()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a YOLOv5 checkpoint holds: the network in evaluation mode, fused, and its class names."""

    net: Yolov5
    names: dict[int, str]


def read_yolov5(path: Path) -> Checkpoint | None:
    """The network of a YOLOv5 checkpoint; None for any other file. Raises WeightsError for a damaged one."""
    saved = read_inert(path, "models.yolo.")
    if saved is None:
        return None
    shown = printable(str(path))
    try:
        whole = saved.get("ema") or saved["model"]
        told = attributes(whole)
        head = list(told["_modules"]["model"].__dict__["_modules"].values())[-1]
        strides = [int(s) for s in attributes(head)["stride"].tolist()]
        state = {k: v.float() for k, v in tensors_of(whole).items() if not k.endswith("anchor_grid")}
        net = Yolov5(told["yaml"], strides).eval()
        if "model.0.conv.bias" in state or "model.0.conv.conv.bias" in state:
            net.fuse()  # as the file was saved
        net.load_state_dict(state, strict=not _only_counters(net, state))
        net.fuse()
        names = told.get("names") or [f"class {i}" for i in range(int(told["yaml"]["nc"]))]
        listed = names.items() if isinstance(names, dict) else enumerate(names)
        return Checkpoint(net, {int(i): str(name) for i, name in listed})
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, RuntimeError) as error:
        raise WeightsError(
            f"The YOLOv5 checkpoint {shown} can't be used: {clean_message(error)}",
            "trailcam knows YOLOv5 detection models as published (5.0 to 7.0), not segmentation, "
            "classification or layers of one's own.",
        ) from error


def exported_yolov5(exports: Exports, net: Yolov5) -> Callable[[Tensor], Tensor]:
    """A YOLOv5 by OpenVINO: (n, h, w, 3) uint8 -> what the network itself answers of it, in float32."""
    compiled = exports.compiled("whole", lambda: _Undecoded(net), uint8=True)
    return lambda pixels: net.decode(compiled(pixels))


class _Undecoded(nn.Module):
    """A YOLOv5 up to what its head says of each grid."""

    def __init__(self, net: Yolov5) -> None:
        super().__init__()
        self.net = deepcopy(net).float()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.net.heads(x)


def _only_counters(net: nn.Module, state: Mapping[str, Tensor]) -> bool:
    """Whether the file lacks nothing but the counters of training."""
    missing = set(net.state_dict()) - set(state)
    return all(key.endswith("num_batches_tracked") for key in missing) and set(state) <= set(net.state_dict())


def _listed(source: int | list[int]) -> list[int]:
    return [source] if isinstance(source, int) else source
