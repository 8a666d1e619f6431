"""Two models as one detector: YOLO finds, a classifier of crops names. Imports torch.

Antlers are a few pixels of a whole photo, and bucks are rare in any training set; a crop
shows them larger, and a classifier can be trained on a balanced set of crops.
"""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from trailcam.detect.model.backend import Backend
from trailcam.detect.model.frame import PAD_VALUE, FrameSpec
from trailcam.detect.model.memory_order import images_of, layout_of
from trailcam.detect.model.nested import outer
from trailcam.detect.model.postprocess import detections, raw_output
from trailcam.detect.model.precision import Precision, choose_precision
from trailcam.detect.model.protocol import Detector, RawDetections, RawOutput
from trailcam.detect.model.streams import Streams
from trailcam.detect.model.two_stage_crops import (
    BACKBONE,
    BackboneNet,
    LiteNet,
    cut,
    decide,
    filled_up,
    fuse,
)
from trailcam.detect.model.two_stage_file import (
    ANTLERED,
    ANTLERLESS,
    BUCK,
    DEER,
    NONE,
    YOLOX,
    Container,
    StageTwo,
)
from trailcam.detect.model.two_stage_naming import name_boxes
from trailcam.detect.model.yolo import build_detection_model
from trailcam.detect.model.yolo_head import exported_finder, set_precision
from trailcam.detect.model.yolox import Yolox, exported_yolox
from trailcam.detect.model.yolox import fuse as fuse_yolox
from trailcam.errors import PipelineError, WeightsError
from trailcam.words.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from trailcam.detect.model.find_weights import Weights
    from trailcam.detect.model.openvino import Exports

Floats = np.ndarray[tuple[int], np.dtype[np.float32]]

_STRIDE = 32  # of YOLO11, and of YOLOX


class TwoStageDetector(Detector):
    """A container's two models on a device.

    ``store_confidence`` 0..1: boxes that either stage leaves below it are never seen again.
    Raises WeightsError for tensors that do not fit the layers, and DeviceError for a precision
    that the device hasn't.
    """

    precision: Precision
    threadsafe = True

    def __init__(
        self,
        container: Container,
        weights: Weights,
        device: torch.device,
        *,
        imgsz: int | None = None,
        store_confidence: float = 0.05,
        precision: Precision = Precision.AUTO,
    ) -> None:
        self.precision = choose_precision(precision, device)
        self.device = device
        self.model_key = weights.sha256
        self.names = dict(enumerate(container.names))
        self.thresholds = {
            i: container.thresholds[name] for i, name in self.names.items() if name in container.thresholds
        }
        self.iou = container.iou
        self.frame = FrameSpec(imgsz or container.imgsz, _STRIDE)
        self.pinned = device.type == "cuda"
        self.depth = 2 if self.pinned else 1
        self._store_confidence = store_confidence
        # A rule makes a confidence of its own, which may be above the first stage's score.
        named = container.two is not None and container.two.rule is not None
        self._floor = container.floor if named else store_confidence
        self._container = container
        shown = printable(str(weights.path))
        self._finder = build_finder(container, shown).to(device)
        if isinstance(self._finder, Yolox):  # which decodes in float32 by itself
            self._finder.to(self.precision.dtype).to(memory_format=layout_of(device))
        else:
            set_precision(self._finder, self.precision.dtype)
        self._streams = Streams(device)
        self._network: Callable[[Tensor], Tensor] = self._looking(self._by_torch)
        two = container.two
        self._namer = None if two is None else _Namer(two, container, shown, device, self.precision.dtype)
        place = container.names.index
        self.parts = ("first",) if two is None else ("first", "second")
        # For boxes that the second stage is not asked about; -1 stands for deer, which it always is.
        self._final = np.array([place(n) if n in container.names else -1 for n in container.one.names])
        # All deer are of one kind: a buck that lies within a doe's box is the same animal.
        deer = (DEER, BUCK, *ANTLERLESS, *ANTLERED)
        self._kinds = np.array([-1 if n in deer else i for i, n in enumerate(container.names)])

    def computed_by(self, exports: Exports) -> TwoStageDetector:
        """The same detector whose networks are of ``exports``."""
        twin = copy(self)
        export = exported_yolox if isinstance(self._finder, Yolox) else exported_finder
        twin._network = self._looking(export(exports, "first", self._finder))
        if self._namer is not None:
            twin._namer = self._namer.computed_by(exports)
        twin.backend = Backend.OPENVINO
        return twin

    def detect(self, pixels: Tensor) -> list[RawDetections]:
        return self.submit(pixels)()

    def submit(self, pixels: Tensor) -> Callable[[], list[RawDetections]]:
        with torch.inference_mode():
            frames, output = self._find(pixels)
            taken = self._streams.mark(frames, output)
        return partial(self._finish_beside, frames, output, taken)

    @torch.inference_mode()
    def raw(self, pixels: Tensor) -> RawOutput:
        frames, output = self._find(pixels)
        found = raw_output(output, len(self._container.one.names))
        if self._namer is None:
            return found
        height, width = pixels.shape[1:3]
        middle = torch.tensor([[width / 4, height / 4, width * 3 / 4, height * 3 / 4]], device=self.device)
        return replace(found, second=self._namer.probabilities(frames, [middle])[0].cpu().numpy())

    def _find(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        pixels = self._streams.upload(pixels)
        return pixels.permute(0, 3, 1, 2), self._network(pixels)

    def _looking(self, network: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """``network`` on frames as large as it wants them, its boxes in px of the whole frame."""
        px = self._container.one.input_px
        return network if px is None else looking_smaller(network, px / self._container.imgsz)

    def _by_torch(self, pixels: Tensor) -> Tensor:
        answer = self._finder(images_of(pixels, self.precision.dtype))
        output: Tensor = answer[0] if isinstance(answer, list | tuple) else answer
        return output

    def warmup(self, height: int, width: int, batch: int) -> None:
        grey = torch.full((batch, height, width, 3), PAD_VALUE, dtype=torch.uint8)
        self.detect(grey)
        if self._namer is not None:
            with torch.inference_mode():
                frame = grey[:1].to(self.device).permute(0, 3, 1, 2)
                whole = torch.tensor([[0.0, 0.0, width, height]], device=self.device)
                self._namer(frame, [whole], np.ones(1, np.float32))

    def _finish_beside(
        self, frames: Tensor, output: Tensor, taken: Callable[[], AbstractContextManager[None]]
    ) -> list[RawDetections]:
        with taken():
            return self._finish(frames, output)

    @torch.inference_mode()
    def _finish(self, frames: Tensor, output: Tensor) -> list[RawDetections]:
        found = detections(
            output,
            n_classes=len(self._container.one.names),
            threshold=self._floor,
            iou=self._container.iou,
        )
        most = self._container.max_crops
        found = [RawDetections(r.xyxy[:most], r.confidence[:most], r.class_id[:most]) for r in found]
        if self._namer is None:
            return [RawDetections(r.xyxy, r.confidence, self._to_final(r)) for r in found]
        return self._named(frames, found, self._namer)

    def _to_final(self, raw: RawDetections) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        return self._final[raw.class_id].astype(np.int16)

    def _named(self, frames: Tensor, found: Sequence[RawDetections], namer: _Namer) -> list[RawDetections]:
        """Ask the second stage about every box that it can judge, of the whole batch at once."""
        deer = -1 if namer.knows_others else self._container.one.names.index(DEER)
        asked = [np.ones(len(r.class_id), bool) if namer.knows_others else r.class_id == deer for r in found]
        rows = [i for i, some in enumerate(asked) if some.any()]
        if not rows:
            return [RawDetections(r.xyxy, r.confidence, self._to_final(r)) for r in found]
        boxes = [torch.from_numpy(found[i].xyxy[asked[i]]).to(self.device) for i in rows]
        scores = np.concatenate([found[i].confidence[asked[i]] for i in rows])
        classes, scores = namer(frames[rows], boxes, scores)
        results, begin = [], 0
        for raw, some in zip(found, asked, strict=True):
            end = begin + int(some.sum())
            class_id, confidence = self._to_final(raw), raw.confidence.copy()
            class_id[some] = classes[begin:end]
            confidence[some] = scores[begin:end]
            results.append(self._ranked(raw, confidence, class_id))
            begin = end
        return results

    def _ranked(
        self,
        raw: RawDetections,
        confidence: np.ndarray[tuple[int], np.dtype[np.float32]],
        class_id: np.ndarray[tuple[int], np.dtype[np.int16]],
    ) -> RawDetections:
        order = np.argsort(-confidence, kind="stable")
        order = order[confidence[order] >= self._store_confidence]
        if self._container.nested < 1:
            kinds = self._kinds[class_id[order]]
            order = order[outer(raw.xyxy[order], kinds, self._container.nested)]
        return RawDetections(raw.xyxy[order], confidence[order], class_id[order])


class _Namer:
    """The second stage on a device."""

    def __init__(
        self, two: StageTwo, container: Container, shown: str, device: torch.device, dtype: torch.dtype
    ) -> None:
        self._two = two
        self._names = container.names
        self._dtype = dtype
        self.knows_others = len(two.names) > 1 + len(ANTLERLESS) + len(ANTLERED)
        net = build_namer(two, container, shown).to(device, dtype)
        self._net: Callable[[Tensor], Tensor] = net.to(memory_format=layout_of(device))
        self._mean = torch.tensor(two.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(two.std, device=device).view(1, 3, 1, 1)
        # "none" never wins, but indexing needs a value in its place.
        self._final = np.array([container.names.index(n) if n != NONE else -1 for n in two.names])

    def computed_by(self, exports: Exports) -> _Namer:
        """The same stage by OpenVINO."""
        twin, net = copy(self), self._net
        assert isinstance(net, nn.Module)
        compiled = exports.compiled("second", lambda: deepcopy(net).float(), uint8=False)
        twin._net = lambda crops: compiled(crops)[0].clone()
        twin._dtype = torch.float32
        return twin

    def __call__(
        self, frames: Tensor, boxes: Sequence[Tensor], scores: Floats
    ) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Floats]:
        """Final classes and confidences of all boxes in order; ``frames`` (n, 3, h, w) uint8.

        ``scores``: the first stage's.
        """
        p = self.probabilities(frames, boxes).cpu()  # what follows is many small steps
        if not bool(torch.isfinite(p).all()):
            raise PipelineError(
                "The model's second stage gave an impossible answer on this device.",
                "No photo of this batch was marked. Try --device cpu, or full precision.",
            )
        if self._two.rule is not None:
            found = torch.from_numpy(scores)
            classes, sure = name_boxes(p, found, self._two.names, self._names, self._two.rule)
            return classes.numpy(), sure.numpy().astype(np.float32)
        classes, factors = decide(p, self._two)
        return self._final[classes.numpy()], scores * factors.numpy().astype(np.float32)

    def probabilities(self, frames: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """(boxes of all frames in order, classes) float32; ``frames`` (n, 3, h, w) uint8."""
        crops = cut(frames, boxes, self._two.input_px, self._two.margin)
        crops = ((crops - self._mean) / self._std).to(self._dtype, memory_format=layout_of(crops.device))
        n, crops = len(crops), filled_up(crops)
        logits = self._net(crops)[:n]
        if self._two.flip:
            logits = (logits + self._net(crops.flip(3))[:n]) / 2
        p: Tensor = (logits.float() / self._two.temperature).softmax(1)
        return p


def looking_smaller(network: Callable[[Tensor], Tensor], scale: float) -> Callable[[Tensor], Tensor]:
    """``network`` for frames ``scale`` times as large (0..1): (n, h, w, 3) uint8 -> what it says of them.

    Each side is scaled to the nearest multiple of the largest stride; boxes come in px of the whole frame.
    """

    def look(pixels: Tensor) -> Tensor:
        whole = pixels.shape[1:3]
        height, width = (max(1, round(side * scale / _STRIDE)) * _STRIDE for side in whole)
        frames = pixels.permute(0, 3, 1, 2)
        if frames.device.type != "cpu":  # where no 8-bit frame can be scaled
            frames = frames.float()
        small = functional.interpolate(frames, (height, width), mode="bilinear", antialias=True)
        output = network(small.round().to(torch.uint8).permute(0, 2, 3, 1))
        factors = output.new_tensor([whole[1] / width, whole[0] / height]).repeat(2)
        return torch.cat([output[:, :4] * factors[:, None], output[:, 4:]], 1)

    return look


def build_finder(container: Container, shown: str, *, fuse: bool = True) -> nn.Module:
    """The first stage in evaluation mode, ultralytics' or a YOLOX. ``shown``: what to call the file.

    ``fuse`` merges each convolution with its normalisation: faster, but no longer trainable.
    Raises WeightsError when the tensors do not fit.
    """
    if container.one.arch == YOLOX:
        layers = container.one.yaml
        net = Yolox(len(container.one.names), float(layers["depth"]), float(layers["width"])).eval()
        _fill(net, container.one.state, shown)
        if fuse:
            fuse_yolox(net)
        return net
    model = build_detection_model(container.one.yaml, container.one.names)
    _fill(model, container.one.state, shown)
    finder: nn.Module = (model.fuse(verbose=False) if fuse else model).eval()
    return finder


def build_namer(two: StageTwo, container: Container, shown: str) -> nn.Module:
    """The second stage in evaluation mode, each normalisation merged. ``shown``: what to call the file.

    Raises WeightsError when the tensors do not fit, or for a network that is not known here.
    """
    net: nn.Module
    if two.arch == "efficientnet-lite0":
        net = LiteNet(len(two.names), two.width)
        _fill(net, two.state, shown)
        fuse(net.eval())
        return net
    if two.arch == "yolo11n-backbone-crop":
        whole = build_detection_model(container.one.yaml, container.one.names)
        net = BackboneNet(whole.model[:BACKBONE], len(two.names))
        _fill(net, two.state, shown)
        whole.fuse(verbose=False)  # the layers that both share
        return net.eval()
    raise WeightsError(
        f"The second stage of {shown} is a {printable(two.arch)}, which this trailcam doesn't know.",
        "The weights were made for another version; upgrade trailcam.",
    )


def _fill(net: nn.Module, state: Mapping[str, Tensor], shown: str) -> None:
    """Load tensors in any float format; only the counters of training may be left out."""
    try:
        result = net.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in state.items()}, strict=False
        )
    except RuntimeError as error:
        raise _misfit(shown) from error
    if result.unexpected_keys or any(not k.endswith("num_batches_tracked") for k in result.missing_keys):
        raise _misfit(shown)


def _misfit(shown: str) -> WeightsError:
    return WeightsError(
        f"The tensors in {shown} do not fit its layers.", "The file is damaged; get it again."
    )
