"""torchvision's operators without torchvision: the same answers, and no compiler loaded for a detection."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from trailcam.detect.model import vision_ops

# What a detection imports, and whether that brought torchvision or torch's compiler along.
ASK = """
import sys
import trailcam.detect.model.open, trailcam.detect.choose.fit
from trailcam.detect.model.vision_ops import nms, roi_align
import torch
boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [30, 30, 40, 40]])
assert nms(boxes, torch.tensor([0.5, 0.9, 0.7]), 0.5).tolist() == [1, 2]
print([name for name in ("torchvision", "torch._dynamo", "torch._inductor") if name in sys.modules])
"""


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_detection_does_not_import_torchvision() -> None:
    assert run(ASK) == "[]"


def test_without_the_known_file_torchvision_is_imported() -> None:
    """By name, for a torchvision whose library is called otherwise."""
    found = run(
        "import importlib.util as u, sys\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'torchvision' else find(name, *more)\n"
        "import trailcam.detect.model.vision_ops as v\n"
        "print(v.library(), 'torchvision.ops' in sys.modules)\n"
    )
    assert found == "None True"


def test_a_library_that_does_not_load_is_left_to_torchvision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "_C.so"
    broken.write_bytes(b"no library")
    monkeypatch.setattr(vision_ops, "library", lambda: broken)
    imported: list[str] = []
    monkeypatch.setattr(importlib, "import_module", imported.append)
    vision_ops._load()
    assert imported == ["torchvision.ops"]


def test_the_answers_are_torchvisions_own() -> None:
    from torchvision import ops

    torch.manual_seed(4)
    corner, size = torch.rand(200, 2) * 80, torch.rand(200, 2) * 30 + 1
    boxes, scores = torch.cat([corner, corner + size], 1), torch.rand(200)
    assert torch.equal(vision_ops.nms(boxes, scores, 0.4), ops.nms(boxes, scores, 0.4))
    frames = torch.rand(3, 3, 96, 128)
    each = [boxes[:5], boxes[5:5], boxes[5:12]]
    own = vision_ops.roi_align(frames, each, 24, sampling=2)
    assert torch.equal(own, ops.roi_align(frames, each, 24, sampling_ratio=2, aligned=True))
    assert vision_ops.roi_align(frames, [], 24, sampling=2).shape == (0, 3, 24, 24)
