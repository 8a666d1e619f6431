"""What training adds to trailcam's two stages: dropout, and settings that can be tried without loading anew.

Networks, crops and the formula of the scores are trailcam's own (trailcam/detect/model/two_stage_crops.py), so that what is chosen
here is what the program does. `load(path)` gives a module in eval mode; calling it with a batch (n, 3, h, w) of RGB
photos, letterboxed to sides divisible by 32, uint8 or float in 0..1, gives for each photo boxes (xyxy in pixels of the
batch), scores and class indices into `model.names`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from metrics import decode
from torch import Tensor, nn

from trailcam.detect.model.two_stage import build_finder, build_namer
from trailcam.detect.model.two_stage_crops import BACKBONE, BackboneNet, LiteNet, cut, decide
from trailcam.detect.model.two_stage_file import (
    ANTLERED,
    ANTLERLESS,
    DEER,
    NONE,
    Container,
    StageTwo,
    read_container,
)


def with_dropout(net: BackboneNet | LiteNet, share: float = 0.3) -> BackboneNet | LiteNet:
    """The same network, its last layer fed through dropout while it trains; the names of its tensors stay."""
    net.fc.register_forward_pre_hook(lambda layer, x: (F.dropout(x[0], share, layer.training),))
    return net


def crop_net(yaml: Mapping[str, Any], classes: int) -> BackboneNet:
    """An untrained classifier on the backbone of YOLO11n."""
    from ultralytics.nn.tasks import DetectionModel

    return with_dropout(
        BackboneNet(DetectionModel(dict(yaml), nc=1, verbose=False).model[:BACKBONE], classes)
    )


def lite0(classes: int, width: int = 512) -> LiteNet:
    """An untrained EfficientNet-Lite0 with a narrower last layer."""
    return with_dropout(LiteNet(classes, width))


class TwoStage(nn.Module):
    """Detector and classifier as one module; `two` holds the settings and may be replaced."""

    def __init__(self, container: Container) -> None:
        """Build from what a weights file holds."""
        super().__init__()
        self.detector = build_finder(container, "the weights")
        self.names = list(container.names)
        self.thresholds = dict(container.thresholds)
        self.imgsz, self.iou, self.most = container.imgsz, container.iou, container.max_crops
        place = container.names.index
        # Each coarse class among the final ones; a deer's is the classifier's to say.
        self.final = torch.tensor([place(n) if n in container.names else -1 for n in container.one.names])
        self.two: StageTwo | None = container.two
        self.classifier: nn.Module | None = None
        if container.two is not None:
            two = container.two
            self.classifier = build_namer(two, container, "the weights")
            self.others = len(two.names) > 1 + len(ANTLERLESS) + len(ANTLERED)
            self.deer = container.one.names.index(DEER)
            self.mean, self.std = (torch.tensor(v).view(1, 3, 1, 1) for v in (two.mean, two.std))
            self.kind_final = torch.tensor([place(n) if n != NONE else -1 for n in two.names])
        self.eval()

    @torch.inference_mode()
    def forward(self, batch: Tensor, floor: float = 0.05) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Boxes, scores and final classes of every photo; nothing below `floor`."""
        x = batch if batch.dtype == torch.uint8 else (batch * 255).round().to(torch.uint8)
        raw = self.detector(x.float() / 255)
        found = decode(raw[0] if isinstance(raw, tuple | list) else raw, floor, self.iou, self.most)
        out = []
        for one, (boxes, scores, classes) in zip(x, found, strict=True):
            final, scores = self.final[classes], scores.clone()
            if self.classifier is not None and len(boxes):
                asked = torch.ones_like(classes, dtype=torch.bool) if self.others else classes == self.deer
                kinds, factors = self.decide(self.probabilities(one[None], [boxes[asked]]))
                final[asked], scores[asked] = kinds, scores[asked] * factors
            keep = scores > floor
            out.append((boxes[keep], scores[keep], final[keep]))
        return out

    def probabilities(self, x: Tensor, boxes: list[Tensor]) -> Tensor:
        """The classifier's probabilities for all boxes of an 8-bit batch, in order."""
        assert self.classifier is not None
        assert self.two is not None
        parts = (cut(x, boxes, self.two.input_px, self.two.margin) - self.mean) / self.std
        logits = self.classifier(parts)
        if self.two.flip:
            logits = (logits + self.classifier(parts.flip(3))) / 2
        return (logits.float() / self.two.temperature).softmax(1)

    def decide(self, p: Tensor) -> tuple[Tensor, Tensor]:
        """Final class and score factor from the classifier's probabilities."""
        assert self.two is not None
        kinds, factors = decide(p, self.two)
        return self.kind_final[kinds], factors


def load(path: Path) -> TwoStage:
    """Read a weights file; nothing in it is executed."""
    container = read_container(path)
    if container is None:
        raise SystemExit(f"{path} holds no two-stage weights")
    return TwoStage(container)
