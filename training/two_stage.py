"""Two-stage trail-camera detector: YOLO11n finds animals, people and vehicles, a small classifier on crops names them.

`load(path)` gives a module in eval mode; calling it with a batch (n, 3, h, w) of RGB photos, letterboxed to sides
divisible by 32, uint8 or float in 0..1, gives for each photo boxes (xyxy in pixels of the batch), scores and class
indices into `model.names`.

One class-agnostic NMS a photo, at most `max_crops` boxes a photo, all crops of the batch in one go. The classifier
knows the final classes and `none`. With its probabilities p:

    object  = 1 - p[none]
    species = the likeliest of deer (doe + fawn + young + mid + mature) and every other class, given an object
    group   = antlered (young + mid + mature) where its share of deer is at least `antlered_at`, else antlerless
    score   = p_detector * object * species ** group_sharpness      (not a deer)
    score   = p_detector * object * (species * group) ** group_sharpness * class ** sharpness    (a deer)

where `group` is the chosen group's share of deer (at least 0.5) and `class` the likeliest class's share of
the group. A classifier that knows deer only is asked about the detector's deer boxes only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import nms, roi_align

FORMAT = "trailcam-two-stage-1"
BACKBONE = 11  # layers of YOLO11n before its neck
LEVELS = (4, 6, 10)  # layers whose pooled outputs the classifier reads


class CropNet(nn.Module):
    """The backbone of YOLO11n with a small head: pooled features of three levels, then one linear layer."""

    def __init__(self, layers: nn.Sequential, classes: int, dropout: float = 0.3) -> None:
        """Build on the first layers of a detection model."""
        super().__init__()
        self.layers = layers
        width = 128 + 128 + 2 * 256
        self.norm = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of crops in 0..1."""
        pooled = []
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if i in LEVELS:
                pooled.append(x.amax((2, 3)))
        pooled.append(x.mean((2, 3)))
        return self.fc(self.dropout(self.norm(torch.cat(pooled, 1))))


def crop_net(yaml: Mapping[str, Any], classes: int) -> CropNet:
    """An untrained classifier."""
    from ultralytics.nn.tasks import DetectionModel

    return CropNet(DetectionModel(dict(yaml), nc=1, verbose=False).model[:BACKBONE], classes)


# EfficientNet-Lite0: expansion, channels, blocks, stride, kernel.
LITE0 = (
    (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3),
)  # fmt: skip


class SameConv(nn.Conv2d):
    """Convolution padded as TensorFlow does for even sides: what is left over goes right and below."""

    def forward(self, x: Tensor) -> Tensor:
        """Pad and convolve."""
        total = self.kernel_size[0] - self.stride[0]
        return super().forward(F.pad(x, (total // 2, total - total // 2) * 2) if total > 0 else x)


class Block(nn.Module):
    """Inverted residual without squeeze-and-excitation."""

    def __init__(self, inside: int, expand: int, outside: int, stride: int, kernel: int) -> None:
        """Build."""
        super().__init__()
        wide = inside * expand
        self.expand = (
            nn.Sequential(nn.Conv2d(inside, wide, 1, bias=False), nn.BatchNorm2d(wide, 1e-3))
            if expand > 1
            else None
        )
        self.depth = nn.Sequential(
            SameConv(wide, wide, kernel, stride, groups=wide, bias=False), nn.BatchNorm2d(wide, 1e-3)
        )
        self.project = nn.Sequential(nn.Conv2d(wide, outside, 1, bias=False), nn.BatchNorm2d(outside, 1e-3))
        self.skip = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        """Apply."""
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depth(y)))
        return x + y if self.skip else y


class Lite0(nn.Module):
    """EfficientNet-Lite0 with a narrower last layer."""

    def __init__(self, classes: int, width: int = 512, dropout: float = 0.3) -> None:
        """Build."""
        super().__init__()
        layers: list[nn.Module] = [
            nn.Sequential(SameConv(3, 32, 3, 2, bias=False), nn.BatchNorm2d(32, 1e-3), nn.ReLU6())
        ]
        inside = 32
        for expand, outside, count, stride, kernel in LITE0:
            for i in range(count):
                layers.append(Block(inside, expand, outside, stride if i == 0 else 1, kernel))
                inside = outside
        layers.append(
            nn.Sequential(nn.Conv2d(inside, width, 1, bias=False), nn.BatchNorm2d(width, 1e-3), nn.ReLU6())
        )
        self.layers = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of normalised crops."""
        return self.fc(self.dropout(self.layers(x).mean((2, 3))))


def build_classifier(arch: str, yaml: Mapping[str, Any], classes: int, width: int = 512) -> CropNet | Lite0:
    """An untrained classifier of either kind."""
    return Lite0(classes, width) if arch == "efficientnet-lite0" else crop_net(yaml, classes)


def crops(batch: Tensor, boxes: list[Tensor], pixels: int, margin: float) -> Tensor:
    """Square crops around boxes, all of one size, from a float batch; outside of the photo is grey."""
    edge = 64
    padded = F.pad(batch, (edge,) * 4, value=114 / 255)
    squares = []
    for b in boxes:
        centre = (b[:, :2] + b[:, 2:]) / 2 + edge
        half = (b[:, 2:] - b[:, :2]).amax(1, keepdim=True) * (0.5 + margin)
        squares.append(torch.cat([centre - half, centre + half], 1).to(batch.dtype))
    return roi_align(padded, squares, pixels, sampling_ratio=2, aligned=True)


class TwoStage(nn.Module):
    """Detector and classifier as one module."""

    def __init__(self, saved: Mapping[str, Any]) -> None:
        """Build from what `starter.pt` holds."""
        super().__init__()
        from ultralytics.nn.tasks import DetectionModel

        if saved.get("format") != FORMAT:
            raise ValueError(f"not a {FORMAT} file")
        d, c = saved["detector"], saved["classifier"]
        self.detector = DetectionModel(dict(d["yaml"]), nc=len(d["names"]), verbose=False)
        self.detector.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in d["state_dict"].items()}, strict=False
        )
        self.names: list[str] = list(saved["names"])
        coarse = [d["names"][i] for i in range(len(d["names"]))]
        self.deer = coarse.index("deer") if c is not None else -1
        # Index of each coarse class among the final names; deer is set by the classifier.
        self.register_buffer(
            "final", torch.tensor([self.names.index(n) if n in self.names else -1 for n in coarse]), False
        )
        self.thresholds: dict[str, float] = dict(saved["thresholds"])
        self.imgsz: int = saved["imgsz"]
        self.iou: float = saved.get("iou", 0.6)
        self.most: int = saved.get("max_crops", 30)
        self.classifier: CropNet | Lite0 | None = None
        self.meta: dict[str, Any] = dict(saved.get("meta", {}))
        if c is not None:
            self.classifier = build_classifier(c["arch"], d["yaml"], len(c["names"]), c.get("width", 512))
            self.classifier.load_state_dict(
                {k: v.float() if v.is_floating_point() else v for k, v in c["state_dict"].items()},
                strict=False,
            )
            self.pixels, self.margin = c["input_px"], c["margin"]
            self.temperature, self.sharpness = c["temperature"], c["sharpness"]
            self.group_sharpness = c["group_sharpness"]
            self.antlered_at, self.flip = c["antlered_at"], c.get("flip", False)
            self.register_buffer("mean", torch.tensor(c["mean"]).view(1, 3, 1, 1), False)
            self.register_buffer("std", torch.tensor(c["std"]).view(1, 3, 1, 1), False)
            kinds: list[str] = list(c["names"])
            self.none = kinds.index("none")
            self.groups = [[kinds.index(n) for n in g] for g in (("doe", "fawn"), ("young", "mid", "mature"))]
            inside = {self.none, *self.groups[0], *self.groups[1]}
            self.others = [i for i in range(len(kinds)) if i not in inside]
            self.register_buffer(
                "kind_final",
                torch.tensor([self.names.index(n) if n in self.names else -1 for n in kinds]),
                False,
            )
        self.eval()

    @torch.inference_mode()
    def forward(self, batch: Tensor, floor: float = 0.05) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Boxes, scores and final classes of every photo; nothing below `floor`."""
        parameter = next(self.detector.parameters())
        x = batch.to(parameter.device)
        x = (x.to(parameter.dtype) / 255) if x.dtype == torch.uint8 else x.to(parameter.dtype)
        raw = self.detector(x)
        found = [
            self.suppress(one, floor) for one in (raw[0] if isinstance(raw, tuple | list) else raw).float()
        ]
        if self.classifier is None:
            return found
        asked = [torch.ones_like(c, dtype=torch.bool) if self.others else c == self.deer for _, _, c in found]
        kinds, factors = self.classify(x, [boxes[q] for (boxes, _, _), q in zip(found, asked, strict=True)])
        out, begin = [], 0
        for (boxes, scores, classes), q in zip(found, asked, strict=True):
            end = begin + int(q.sum())
            final, scores = cast(Tensor, self.final)[classes], scores.clone()
            final[q] = kinds[begin:end]
            scores[q] = scores[q] * factors[begin:end]
            keep = scores > floor
            out.append((boxes[keep], scores[keep], final[keep]))
            begin = end
        return out

    def suppress(self, one: Tensor, floor: float) -> tuple[Tensor, Tensor, Tensor]:
        """Class-agnostic NMS of one photo's raw predictions (4 + classes, anchors)."""
        scores, classes = one[4:].max(0)
        keep = scores > floor
        scores, classes, xywh = scores[keep], classes[keep], one[:4, keep].T
        boxes = torch.cat([xywh[:, :2] - xywh[:, 2:] / 2, xywh[:, :2] + xywh[:, 2:] / 2], 1)
        order = nms(boxes, scores, self.iou)[: self.most]
        return boxes[order], scores[order], classes[order]

    def probabilities(self, x: Tensor, boxes: list[Tensor]) -> Tensor:
        """The classifier's probabilities for all boxes of a float batch, in order."""
        assert self.classifier is not None
        parts = (crops(x, boxes, self.pixels, self.margin) - cast(Tensor, self.mean)) / cast(Tensor, self.std)
        parts = parts.to(next(self.classifier.parameters()).dtype)
        logits = self.classifier(parts)
        if self.flip:
            logits = (logits + self.classifier(parts.flip(3))) / 2
        return (logits.float() / self.temperature).softmax(1)

    def classify(self, x: Tensor, boxes: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Final class and score factor of every box that the classifier is asked about."""
        if not sum(len(b) for b in boxes):
            return torch.zeros(0, dtype=torch.long, device=x.device), torch.zeros(0, device=x.device)
        return self.decide(self.probabilities(x, boxes))

    def decide(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Final class and score factor from the classifier's probabilities."""
        is_object = 1 - p[:, self.none]
        whole = is_object.clamp(min=1e-6)[:, None]
        groups = torch.stack([p[:, g].sum(1) for g in self.groups], 1)
        deer = groups.sum(1, keepdim=True)
        species, which = (torch.cat([deer, p[:, self.others]], 1) / whole).max(1)
        factors = is_object * species**self.group_sharpness
        number = torch.tensor([-1, *self.others], device=p.device)
        kinds = cast(Tensor, self.kind_final)[number[which]]
        groups = groups / deer.clamp(min=1e-9)
        antlered = groups[:, 1] >= self.antlered_at
        for i, mask in enumerate((~antlered, antlered)):
            members = torch.tensor(self.groups[i], device=p.device)
            inside = p[:, members] / p[:, members].sum(1, keepdim=True).clamp(min=1e-9)
            best, first = inside.max(1)
            mask = mask & (which == 0)
            kinds = torch.where(mask, cast(Tensor, self.kind_final)[members[first]], kinds)
            # A group that won by a shifted threshold is not less sure than the other one.
            sure = groups[:, i].clamp(min=0.5) ** self.group_sharpness * best**self.sharpness
            factors = torch.where(mask, factors * sure, factors)
        return kinds, factors


def load(path: str | Path) -> TwoStage:
    """Read a weights file; nothing in it is executed."""
    return TwoStage(torch.load(path, map_location="cpu", weights_only=True))
