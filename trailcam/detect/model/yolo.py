"""YOLO models by ultralytics, in any format that it loads. Beside train.command, which runs its trainer,
the one module that imports ultralytics.

ultralytics serves as a library of layers and as a reader of model files. Its predictor is not
used: it drops photos that it cannot read and returns empty results past a time limit.
"""

from __future__ import annotations

import logging
import os
import pickle
import re
import sys
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

from trailcam.detect.model.backend import Backend
from trailcam.detect.model.find_weights import read_thresholds
from trailcam.detect.model.frame import PAD_VALUE, FrameSpec
from trailcam.detect.model.input_size import BELIEVABLE
from trailcam.detect.model.memory_order import images_of
from trailcam.detect.model.postprocess import detections, raw_output
from trailcam.detect.model.precision import Precision, choose_precision
from trailcam.detect.model.protocol import SUPPRESSION_IOU, Detector, RawDetections, RawOutput
from trailcam.detect.model.rtdetr import RTDETR_HEAD, is_transformer, rows_of_transformer
from trailcam.detect.model.streams import Streams
from trailcam.detect.model.trust import is_trusted
from trailcam.detect.model.yolo_head import exported_finder, set_precision
from trailcam.errors import TrailcamError, WeightsError
from trailcam.files.home import cache_folder
from trailcam.words.text import clean_message, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from trailcam.detect.model.find_weights import Weights
    from trailcam.detect.model.openvino import Exports

_LOG = logging.getLogger(__name__)
_DETECTION_HEADS = ("Detect", "v10Detect", RTDETR_HEAD)


class UltralyticsDetector(Detector):
    """A YOLO detection model on a device.

    ``store_confidence`` 0..1: boxes below it are never seen again. ``iou``: see
    :mod:`trailcam.detect.model.postprocess`. Raises WeightsError for a file that is not a detection
    model, and DeviceError for a precision that the device hasn't.
    """

    precision: Precision
    _network: Callable[[torch.Tensor], torch.Tensor]

    def __init__(
        self,
        weights: Weights,
        device: torch.device,
        *,
        imgsz: int = 640,
        store_confidence: float = 0.05,
        iou: float = SUPPRESSION_IOU,
        precision: Precision = Precision.AUTO,
    ) -> None:
        self.precision = choose_precision(precision, device)
        self.device = device
        self.model_key = weights.sha256
        self.iou = iou
        self._threshold = store_confidence
        recommended = read_thresholds(weights.path)
        with quiet_ultralytics():
            self._backend = _load(weights, device, half=self.precision is Precision.FLOAT16)
        _check_task(self._backend, weights)
        self.names = {int(k): str(v) for k, v in self._backend.names.items()}
        self.thresholds = {i: recommended[name] for i, name in self.names.items() if name in recommended}
        self.frame = _frame_of(self._backend, imgsz, weights)
        self._native = self._backend.format == "pt"
        # A TensorRT engine of changing shape takes no more at once than it was exported for.
        self._most = int(self._backend.batch) if self._backend.format == "engine" else None
        with _first_look(weights):
            self._transformer = is_transformer(self._backend, self.frame, device)
        if self._transformer:
            self.frame = replace(self.frame, stretch=True)
        self.threadsafe = (
            self._native and not self._transformer
        )  # its head keeps the last frame's grid in itself
        if self._native and not self._transformer:
            set_precision(self._backend.backend.model, self.precision.dtype)
        elif self.precision is Precision.BFLOAT16 or self._transformer:
            self.precision = Precision.FLOAT32  # an exported model brings its own format
            self._backend.fp16 = False
        self.parts = ("whole",) if self._native and not self._transformer else ()
        self._network = self._by_torch
        self._streams = Streams(device)
        self.pinned = device.type == "cuda"
        self.depth = 2 if self.pinned else 1

    def computed_by(self, exports: Exports) -> UltralyticsDetector:
        """The same detector whose network is one of ``exports``."""
        twin = copy(self)
        twin._network = exported_finder(exports, "whole", self._backend.backend.model)
        twin.backend = Backend.OPENVINO
        return twin

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        return self.submit(pixels)()

    def submit(self, pixels: torch.Tensor) -> Callable[[], list[RawDetections]]:
        with torch.inference_mode():
            output = self._network(pixels)
            taken = self._streams.mark(output)
        return partial(self._finish, output, taken)

    @torch.inference_mode()
    def raw(self, pixels: torch.Tensor) -> RawOutput:
        return raw_output(self._network(pixels), len(self.names))

    def warmup(self, height: int, width: int, batch: int) -> None:
        grey = torch.full((batch, height, width, 3), PAD_VALUE, dtype=torch.uint8)
        self.detect(grey)

    def _by_torch(self, pixels: torch.Tensor) -> torch.Tensor:
        there = self._streams.upload(pixels)
        images = images_of(there, self.precision.dtype if self._native else torch.float32)
        output = self._answer(images) if self._native else self._exported(images)
        if self._transformer:
            return rows_of_transformer(output, pixels.shape[1], pixels.shape[2], len(self.names))
        return output

    def _exported(self, images: torch.Tensor) -> torch.Tensor:
        """What an exported model says, in batches that it takes."""
        images = images.contiguous()  # an engine reads the memory of its input row after row, however it lies
        most = self._most or len(images)
        # An engine (TensorRT, ONNX of a fixed shape) writes every answer into the same memory, and the next
        # batch starts before this one's boxes are taken: hence the copies.
        parts = [self._answer(images[i : i + most]).clone() for i in range(0, len(images), most)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _answer(self, images: torch.Tensor) -> torch.Tensor:
        answer = self._backend(images)
        output = answer[0] if isinstance(answer, list | tuple) else answer
        if not isinstance(output, torch.Tensor):
            raise WeightsError(
                f"The model answered with {type(output).__name__}.", "It is not a YOLO detection model."
            )
        return output

    @torch.inference_mode()
    def _finish(
        self, output: torch.Tensor, taken: Callable[[], AbstractContextManager[None]]
    ) -> list[RawDetections]:
        with taken():
            return detections(output, n_classes=len(self.names), threshold=self._threshold, iou=self.iou)


def _load(weights: Weights, device: torch.device, *, half: bool, fuse: bool = True) -> Any:  # noqa: ANN401 - ultralytics is untyped
    """The model by ultralytics' AutoBackend, fused and in evaluation mode.

    A .pt file is a pickle, which may run any code. Of one that nobody vouched for, only what makes up YOLO
    models is built: ultralytics' and torch's layers, numbers and texts. All else raises WeightsError.
    """
    backend = _import_ultralytics()
    try:
        with _safe_load(wanted=not is_trusted(weights.sha256)):
            return _open(backend, weights, device, half=half, fuse=fuse)
    except TrailcamError:
        raise
    except ModuleNotFoundError as error:
        raise WeightsError(
            f"{printable(str(weights.path))} needs the Python package {error.name}, which isn't installed.",
            f"Try: {sys.executable} -m pip install {error.name}",
        ) from error
    except Exception as error:  # damage can raise anything
        foreign = _foreign_code(error, weights.path)
        if foreign is not None:
            raise WeightsError(
                f"The weights {printable(str(weights.path))} hold more than a YOLO model: {foreign}.",
                "Loading it would run code that the file's author wrote, with your permissions; so nothing "
                "was loaded. If you made the file, or trust whoever did, give --trust-weights once: "
                "trailcam then remembers this exact file.",
            ) from error
        raise WeightsError(
            f"The weights {printable(str(weights.path))} can't be loaded: {clean_message(error)}",
            "Is it a complete YOLO model made by ultralytics? An interrupted download, or weights saved by "
            "other software, can cause this.",
        ) from error


def _open(backend: Any, weights: Weights, device: torch.device, *, half: bool, fuse: bool) -> Any:  # noqa: ANN401
    # As str: given a Path, it insists on a suffix and rejects OpenVINO's folders.
    model = backend(str(weights.path), device=device, fp16=half, fuse=fuse, verbose=False)
    model.eval()
    return model


@contextmanager
def _safe_load(*, wanted: bool) -> Iterator[None]:
    """Whether ultralytics restricts what a .pt file may build, inside the block; outside it always does."""
    tasks: Any = import_module("ultralytics.nn.tasks")
    tasks.SAFE_LOAD = wanted
    try:
        yield
    finally:
        tasks.SAFE_LOAD = True


def _foreign_code(error: BaseException | None, path: Path) -> str | None:
    """What a file wanted to build that no YOLO model needs, None where something else is wrong with it."""
    while error is not None:
        text = str(error)
        named = re.search(r"GLOBAL (\S+)|(unsafe getattr\([^)]*\))", text)
        if isinstance(error, pickle.UnpicklingError) and named:
            return clean_message(named[1] or named[2])
        if isinstance(error, pickle.UnpicklingError) and "Unsupported operand" in text and _is_pickled(path):
            return "steps that torch does not take"
        error = error.__cause__
    return None


def _is_pickled(path: Path) -> bool:
    """Whether the file begins as torch writes it: a zip, or a pickle of protocol 2 or later."""
    with path.open("rb") as file:
        return file.read(4).startswith((b"PK\x03\x04", b"\x80"))


def _import_ultralytics() -> Any:  # noqa: ANN401 - ultralytics is untyped
    """AutoBackend, imported with everything switched off that reaches beyond this process.

    Its import writes a settings file (sent to a folder of ours), looks up host names, may
    install packages, sets OMP_NUM_THREADS=1, which child processes would inherit, and puts its
    own function in the place of Pillow's Image.open. All of that is undone or kept from it.
    """
    cache = str(cache_folder())
    defaults = {
        "YOLO_CONFIG_DIR": cache,
        "YOLO_VERBOSE": "false",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_OFFLINE": "true",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    threads, pillow_open = os.environ.get("OMP_NUM_THREADS"), Image.open
    from ultralytics.nn.autobackend import AutoBackend

    tasks: Any = import_module("ultralytics.nn.tasks")
    tasks.SAFE_LOAD = True
    if threads is None:
        os.environ.pop("OMP_NUM_THREADS", None)
    Image.open = pillow_open
    return AutoBackend


@contextmanager
def quiet_ultralytics() -> Iterator[None]:
    """ultralytics may be imported inside. Its log goes to ours, not to stdout, where results go."""
    _import_ultralytics()
    log = logging.getLogger("ultralytics")
    log.handlers.clear()
    log.propagate = True
    log.setLevel(logging.WARNING)
    yield


def load_yolo(weights: Weights) -> Any:  # noqa: ANN401 - ultralytics is untyped
    """The network of a .pt file as it was trained: not fused, with its description. Raises WeightsError."""
    with quiet_ultralytics():
        backend = _load(weights, torch.device("cpu"), half=False, fuse=False)
    _check_task(backend, weights)
    return backend.backend.model


def load_classifier(
    weights: Weights, device: torch.device
) -> tuple[Callable[..., torch.Tensor], tuple[str, ...]]:
    """ultralytics' classification model: crops (n, 3, h, w) 0..1 -> probabilities (n, classes); its classes.

    Raises WeightsError.
    """
    with quiet_ultralytics():
        backend = _load(weights, device, half=False)
    layers = getattr(backend.backend.model, "model", None)
    kind = type(layers[-1]).__name__ if isinstance(layers, torch.nn.Sequential) else "unknown"
    if kind != "Classify":
        raise WeightsError(
            f"{printable(str(weights.path))} is not a classification model but another kind "
            f"({clean_message(kind)}).",
            "A pair's classifier has -cls in its usual file name.",
        )
    net = backend.backend.model.float()

    def answer(crops: torch.Tensor) -> torch.Tensor:
        found = net(crops)
        first: torch.Tensor = found[0] if isinstance(found, list | tuple) else found
        return first

    return answer, tuple(str(backend.names[i]) for i in range(len(backend.names)))


def build_detection_model(yaml: Mapping[str, Any], names: Sequence[str]) -> Any:  # noqa: ANN401 - untyped
    """An untrained YOLO detection model by ultralytics' description of its layers, for those classes."""
    with quiet_ultralytics():
        from ultralytics.nn.tasks import DetectionModel

        build: Any = DetectionModel  # it has no types
        model = build(deepcopy(dict(yaml)), nc=len(names), verbose=False)
    model.names = dict(enumerate(names))
    return model


def _check_task(backend: Any, weights: Weights) -> None:  # noqa: ANN401 - untyped
    shown = printable(str(weights.path))
    if backend.format == "pt":
        # By its last layer: the task a file claims may be a default that somebody left in.
        layers = getattr(backend.backend.model, "model", None)
        kind = type(layers[-1]).__name__ if isinstance(layers, torch.nn.Sequential) else "unknown"
        fits = kind in _DETECTION_HEADS
    else:
        kind = str(backend.task or "detect")
        fits = kind == "detect"
    if not fits:
        raise WeightsError(
            f"{shown} is not a detection model but another kind ({clean_message(kind)}).",
            "Use a YOLO detection model: its file name has no -seg, -cls, -pose or -obb.",
        )
    if backend.channels != 3:
        raise WeightsError(f"{shown} needs {backend.channels} channels; photos have 3.", "Use an RGB model.")
    if not (backend.names if backend.format == "pt" else backend.metadata.get("names")):
        raise WeightsError(f"{shown} names no classes.", "Export it again with ultralytics.")


@contextmanager
def _first_look(weights: Weights) -> Iterator[None]:
    """What whoever runs an export has against its first frame, as a WeightsError."""
    try:
        yield
    except Exception as error:  # ONNX Runtime's, OpenVINO's, TensorRT's own classes
        raise WeightsError(
            f"{printable(str(weights.path))} can't be run: {clean_message(error)}",
            "Export it again: what it says of itself (imgsz, batch) isn't what it takes.",
        ) from error


def _frame_of(backend: Any, imgsz: int, weights: Weights) -> FrameSpec:  # noqa: ANN401 - untyped
    """The frames that the model takes. Raises WeightsError for sizes that can be none."""
    stride = int(backend.stride)
    sides = _sides(backend, imgsz)
    possible = sides is None or (len(sides) == 2 and all(_is_side(side) for side in sides))
    if not possible or stride not in range(1, BELIEVABLE.stop):
        raise WeightsError(
            f"{printable(str(weights.path))} says that it takes frames of {clean_message(sides or imgsz)} px"
            f" in steps of {stride}, which is impossible.",
            "Export it again with ultralytics.",
        )
    if sides is None:
        return FrameSpec(imgsz, stride)
    height, width = sides
    if max(height, width) != imgsz:
        _LOG.warning("the model was exported for %dx%d px and is used at that size", width, height)
    return FrameSpec(max(height, width), stride, fixed=(height, width))


def _is_side(value: object) -> bool:
    return type(value) is int and value in BELIEVABLE


def _sides(backend: Any, imgsz: int) -> list[Any] | None:  # noqa: ANN401 - untyped
    """Height and width of an export's frames, None for any; an ONNX file's as its network has them."""
    if backend.format == "pt":
        return None
    if backend.format == "onnx":
        own = [side if isinstance(side, int) else None for side in backend.session.get_inputs()[0].shape[2:]]
        if any(own):
            return [side or imgsz for side in own]
    said = getattr(backend, "imgsz", None)
    if backend.dynamic or not said:
        return None
    return list(said) if isinstance(said, list | tuple) else [said, said]
