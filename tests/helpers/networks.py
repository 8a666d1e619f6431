"""Small networks in files, as other programs write them: random weights, made in seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from trailcam.detect.model import yolov5
from trailcam.detect.model.yolox import Yolox, decode

YOLOV5_YAML: dict[str, Any] = {
    **{"nc": 2, "ch": 3, "depth_multiple": 0.33, "width_multiple": 0.125},
    "anchors": [[10, 13, 16, 30, 33, 23], [30, 61, 62, 45, 59, 119], [116, 90, 156, 198, 373, 326]],
    "backbone": [
        *([-1, 1, "Conv", [64, 6, 2, 2]], [-1, 1, "Conv", [128, 3, 2]], [-1, 3, "C3", [128]]),
        *([-1, 1, "Conv", [256, 3, 2]], [-1, 6, "C3", [256]], [-1, 1, "Conv", [512, 3, 2]]),
        *([-1, 1, "Conv", [1024, 3, 2]], [-1, 1, "SPPF", [1024, 5]]),
    ],
    "head": [
        *([-1, 1, "Conv", [512, 1, 1]], [-1, 1, "nn.Upsample", ["None", 2, "nearest"]]),
        *([[-1, 5], 1, "Concat", [1]], [-1, 3, "C3", [512, False]]),
        [[4, 11, 7], 1, "Detect", ["nc", "anchors"]],
    ],
}
"""A description as YOLOv5 keeps it, shorter than any published one."""


def four_grids() -> dict[str, Any]:
    """The same with a fourth grid, of stride 64, as MegaDetector v5 has."""
    yaml = deepcopy(YOLOV5_YAML)
    yaml["anchors"] = [*yaml["anchors"], [100, 100, 200, 200, 300, 300]]
    yaml["head"].insert(-1, [-1, 1, "Conv", [512, 3, 2]])
    yaml["head"][-1][0] = [4, 11, 7, 12]
    return yaml


def yolov5_net(yaml: dict[str, Any] | None = None, *, seed: int = 0) -> yolov5.Yolov5:
    """An untrained network whose scores are spread over 0..1."""
    torch.manual_seed(seed)
    described = yaml or YOLOV5_YAML
    grids = len(described["head"][-1][0])
    net = yolov5.Yolov5(described, [8, 16, 32, 64][:grids]).eval()
    head: Any = net.model[-1]
    with torch.no_grad():
        for layer in head.m:
            layer.weight.mul_(30)
        head.anchors.copy_(torch.rand_like(head.anchors) * 4 + 1)
    return net


def save_yolov5(path: Path, net: yolov5.Yolov5, yaml: dict[str, Any] | None = None, **more: object) -> Path:
    """Write it as YOLOv5's own training does: a pickle of layers of its modules ``models``.

    ``more``: entries of the checkpoint, such as ``opt``.
    """
    with _their_modules() as kinds:
        model = _disguised(net, kinds)
        head = model._modules["model"]._modules[str(len(net.model) - 1)]
        head.stride = torch.tensor(net.strides, dtype=torch.float32)
        model.yaml = yaml or YOLOV5_YAML
        model.names = {0: "animal", 1: "person"}
        torch.save({"epoch": -1, "model": model, "ema": None, "optimizer": None, **more}, path)
    return path


@contextmanager
def _their_modules() -> Iterator[dict[str, type]]:
    """Modules of YOLOv5's names for as long as something is pickled."""
    kinds: dict[str, type] = {}
    made = {name: ModuleType(name) for name in ("models", "models.yolo", "models.common")}
    for name, kind in {
        **{"Yolov5": "models.yolo.DetectionModel", "_Detect": "models.yolo.Detect"},
        **{
            k: f"models.common.{k.strip('_')}" for k in ("_Conv", "_C3", "_Bottleneck", "_Pyramid", "_Concat")
        },
    }.items():
        module, _, theirs = kind.rpartition(".")
        kinds[name] = type(theirs, (nn.Module,), {"__module__": module})
        setattr(made[module], theirs, kinds[name])
    before = {name: sys.modules.get(name) for name in made}
    sys.modules.update(made)
    try:
        yield kinds
    finally:
        for name, module_before in before.items():
            if module_before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module_before


def _disguised(layer: nn.Module, kinds: dict[str, type]) -> Any:  # noqa: ANN401 - a class made above
    """The same layer as an object of their class, holding the same tensors."""
    name = type(layer).__name__
    twin: Any = layer
    if name in kinds:
        twin = kinds[name]()
        twin._parameters, twin._buffers = layer._parameters, layer._buffers
    twin._modules = {key: _disguised(part, kinds) for key, part in layer._modules.items() if part is not None}
    return twin


def save_yolox(path: Path, *, classes: int = 1, seed: int = 0) -> Path:
    """A YOLOX-tiny checkpoint, as large as one is; its layers as published weights want them."""
    torch.manual_seed(seed)
    net = Yolox(classes, 0.33, 0.375)
    with torch.no_grad():
        for head in (net.head.cls_preds, net.head.obj_preds):
            for layer in head:
                assert isinstance(layer, nn.Conv2d)
                layer.weight.mul_(20)
    state = net.state_dict()
    torch.save({"model": state, "start_epoch": 3}, path)
    return path


def save_classifier(path: Path, names: Sequence[str], *, seed: int = 0, imgsz: int = 32) -> Path:
    """ultralytics' smallest classification model, untrained."""
    from ultralytics.nn.tasks import ClassificationModel

    torch.manual_seed(seed)
    kind: Any = ClassificationModel
    model = kind("yolo11n-cls.yaml", nc=len(names), verbose=False)
    model.names = dict(enumerate(names))
    with torch.no_grad():
        model.model[-1].linear.weight.mul_(200)
    torch.save({"model": model, "train_args": {"imgsz": imgsz}, "epoch": -1}, path)
    return path


class Mean(nn.Module):
    """Crops -> logits that tell red from green from blue."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) * 20


class Yolov5Answers(nn.Module):
    """What YOLOv5's own export answers: (n, boxes, 5 + classes), the objectness apart from the classes."""

    def __init__(self, net: yolov5.Yolov5) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        answers = self.net.heads(x)
        head: Any = self.net.model[-1]
        scores = []
        for answer in answers:
            n, _, height, width = answer.shape
            raw = answer.view(n, head.n_anchors, -1, height, width).sigmoid()[:, :, 4:]
            scores.append(raw.permute(0, 1, 3, 4, 2).flatten(1, 3))
        return torch.cat([self.net.decode(answers)[:, :4].transpose(1, 2), torch.cat(scores, 1)], 2)


class YoloxAnswers(nn.Module):
    """What YOLOX's own export answers: (n, cells, 5 + classes); boxes ``decoded`` to px, or left in cells."""

    def __init__(self, net: Yolox, *, decoded: bool) -> None:
        super().__init__()
        self.net, self.decoded = net, decoded

    def forward(self, x: Tensor) -> Tensor:
        answers = self.net.head(self.net.backbone(x))
        raw = torch.cat([answer.flatten(2) for answer in answers], 2)
        boxes = decode(answers)[:, :4] if self.decoded else raw[:, :4]
        return torch.cat([boxes, raw[:, 4:].sigmoid()], 1).transpose(1, 2)


def save_onnx(path: Path, net: nn.Module, height: int, width: int, **told: str) -> Path:
    """``net`` as an ONNX file for one image of that size; ``told``: its description."""
    import onnx

    torch.onnx.export(net.eval(), (torch.zeros(1, 3, height, width),), path, opset_version=17, dynamo=False)
    made = onnx.load(path)
    for key, value in told.items():
        made.metadata_props.add(key=key, value=value)
    onnx.save(made, path)
    return path


def save_detect_onnx(
    path: Path, sides: Sequence[int | str] = (64, 64), n: int | str = 1, **told: str
) -> Path:
    """An export as ultralytics describes one: (``n``, 3, ``*sides``) -> (n, 5, cells of 8 px), all 0.5.

    ``told`` overrides entries of its description.
    """
    import onnx
    from onnx import TensorProto, helper

    kernel = helper.make_tensor("kernel", TensorProto.FLOAT, [5, 3, 8, 8], [0.0] * (5 * 3 * 64))
    shape = helper.make_tensor("shape", TensorProto.INT64, [3], [0, 5, -1])
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["cells"], strides=[8, 8]),
        helper.make_node("Reshape", ["cells", "shape"], ["rows"]),
        helper.make_node("Sigmoid", ["rows"], ["output0"]),
    ]
    graph = helper.make_graph(
        nodes,
        "detect",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [n, 3, *sides])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [n, 5, None])],
        [kernel, shape],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    described = {"task": "detect", "stride": "32", "batch": "1", "imgsz": "[64, 64]", "names": "{0: 'deer'}"}
    for key, value in ({**described, "args": "{}"} | told).items():
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, path)
    return path
