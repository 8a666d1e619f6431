"""A two-stage container with random weights, as small as its layers allow."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import torch

from trailcam.detect.model.two_stage_crops import BACKBONE, BackboneNet, LiteNet

FINE = ("doe", "fawn", "young", "mid", "mature", "turkey", "animal")
COARSE = ("deer", "turkey", "animal")


def container(arch: str = "yolo11n-backbone-crop", *, seed: int = 1) -> dict[str, Any]:
    """What the file holds. Its first stage answers with about even scores everywhere."""
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(seed)
    kind: Any = DetectionModel
    with contextlib.redirect_stdout(io.StringIO()):
        finder = kind("yolo11n.yaml", nc=len(COARSE), verbose=False)
        backbone = kind("yolo11n.yaml", nc=1, verbose=False).model[:BACKBONE]
    kinds = (*FINE, "none")
    namer = BackboneNet(backbone, len(kinds)) if arch.startswith("yolo") else LiteNet(len(kinds), 64)
    finder.yaml.pop("yaml_file", None)
    with torch.no_grad():
        namer.fc.weight.mul_(20)
        for layers in finder.model[-1].cv3:  # else no score of an untrained head reaches the floor
            layers[-1].bias.fill_(-1.0)
            layers[-1].weight.mul_(20)
    return {
        "format": "trailcam-two-stage-1",
        "detector": {
            "names": dict(enumerate(COARSE)),
            "yaml": dict(finder.yaml),
            "state_dict": finder.state_dict(),
        },
        "classifier": {
            **{"arch": arch, "names": list(kinds), "state_dict": namer.state_dict(), "width": 64},
            **{"input_px": 64, "margin": 0.12, "mean": [0.1, 0.2, 0.3], "std": [0.9, 1.0, 1.1]},
            **{"temperature": 1.3, "sharpness": 0.25, "group_sharpness": 0.7, "antlered_at": 0.45},
            "flip": True,
        },
        **{"names": list(FINE), "thresholds": dict.fromkeys(FINE, 0.3) | {"mature": 0.42}},
        **{"imgsz": 128, "iou": 0.6, "max_crops": 5},
    }


def save(path: Path, content: dict[str, Any]) -> Path:
    """Write it as the training does."""
    torch.save(content, path)
    return path
