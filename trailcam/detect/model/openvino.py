"""A detector's networks computed by OpenVINO on a processor. Imports torch, and openvino where it is used.

The networks are exported from the very layers that torch would compute with, once, and kept in the user's
cache folder under the hash of the weights. What turns a network's answer into boxes stays torch's, in
float32. Before such a detector is used, it looks at the known frame beside torch; where
the two disagree, torch is used and a warning says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
import uuid
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from trailcam.detect.model.backend import Backend, openvino_version
from trailcam.detect.model.known_frame import EXACT, HEIGHT, ROUNDED, WIDTH, difference, frame
from trailcam.detect.model.precision import Precision
from trailcam.errors import DeviceError, TrailcamError
from trailcam.files.home import cache_folder as users_cache
from trailcam.machine import add_extra
from trailcam.words.text import clean_message, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from trailcam.detect.model.frame import FrameSpec
    from trailcam.detect.model.protocol import RawOutput

_LOG = logging.getLogger(__name__)

EXPORT = 1
"""Raised when the export changes, so that what an older trailcam left in the cache is not taken."""

WORTH_PHOTOS = 300
"""An export takes seconds, which fewer photos than this do not give back."""


def cache_folder() -> Path:
    """Where exported networks are kept; it may be deleted at any time."""
    return users_cache() / "openvino"


class Exportable(Protocol):
    """A detector whose networks OpenVINO can compute; its fields are those of a detector."""

    model_key: str
    precision: Precision
    frame: FrameSpec
    parts: tuple[str, ...]

    def raw(self, pixels: Tensor) -> RawOutput: ...

    def computed_by(self, exports: Exports) -> Self:
        """The same detector whose networks are of ``exports``."""
        ...


_D = TypeVar("_D", bound=Exportable)


def with_openvino(
    detector: _D,
    asked: Backend,
    device: torch.device,
    *,
    lanes: int,
    photos: int | None = None,
) -> _D:
    """``detector`` computed by OpenVINO, or itself where that was not ``asked`` for or does not serve.

    ``lanes``: batches that are computed at once, each on one core (0: one batch on all cores).
    ``photos``: how many are to be looked at, None for unknown. Raises DeviceError where OpenVINO was
    demanded and can't be used.
    """
    if asked is Backend.TORCH:
        return detector
    reason = _unfit(detector, device)
    if reason is None:
        exports = Exports(detector.model_key, detector.precision, lanes)
        few = photos is not None and photos < WORTH_PHOTOS
        if asked is Backend.AUTO and few and not exports.is_cached(detector.parts):
            return detector
        try:
            twin = detector.computed_by(exports)
            _compare(detector, twin)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong there, torch still works
            reason = error.message if isinstance(error, TrailcamError) else clean_message(error)
        else:
            return twin
        if asked is Backend.AUTO:
            _LOG.warning("OpenVINO is not used, torch computes instead: %s", reason)
    if asked is Backend.OPENVINO:
        raise DeviceError(
            f"OpenVINO can't compute this model here: {reason}.",
            f"Use --backend auto or torch. To install it: {add_extra('openvino')}",
        )
    return detector


def _unfit(detector: Exportable, device: torch.device) -> str | None:
    if device.type != "cpu":
        return f"it is for processors, and the device is {device}"
    if not detector.parts:
        return "the model comes in a format of its own; a .pt file is needed"
    if openvino_version() is None:
        return "the package openvino is not installed"
    return None


def _compare(by_torch: Exportable, twin: Exportable) -> None:
    """Raises DeviceError when the two see the known frame differently."""
    pixels = torch.from_numpy(frame(*(by_torch.frame.fixed or (HEIGHT, WIDTH)))[None])
    score, box = difference(by_torch.raw(pixels), twin.raw(pixels))
    allowed = EXACT if by_torch.precision is Precision.FLOAT32 else ROUNDED
    # Not "greater than": NaN is no agreement either.
    if not (score <= allowed.score and box <= allowed.box_px):
        raise DeviceError(
            f"on a known frame it disagrees with torch by {score:.3f} in a score and {box:.1f} px in a box"
        )


@dataclass(slots=True)
class Exports:
    """Networks of one weights file, compiled for ``lanes`` batches at once."""

    weights_sha256: str
    precision: Precision
    lanes: int
    folder: Path = field(default_factory=lambda: cache_folder())

    def is_cached(self, parts: tuple[str, ...]) -> bool:
        """True when no part of the model needs an export any more."""
        return all(self.file(part).is_file() for part in parts)

    def file(self, part: str) -> Path:
        """Where a part is kept. Whatever changes the export is in its name."""
        what = (EXPORT, self.weights_sha256, self.precision, openvino_version(), torch.__version__)
        digest = hashlib.sha256(repr(what).encode()).hexdigest()[:32]
        return self.folder / f"{digest}-{part}.xml"

    def compiled(self, part: str, net: Callable[[], nn.Module], *, uint8: bool) -> Compiled:
        """The network, from the cache or exported now.

        ``net()``: (n, 3, h, w) float32 -> one tensor or several. With ``uint8`` the compiled one takes
        (n, h, w, 3) uint8 and scales to 0..1 itself; else (n, 3, h, w) float32.
        """
        import openvino

        core = openvino.Core()
        file = self.file(part)
        model = None
        if file.is_file():
            with contextlib.suppress(Exception):  # cut short or damaged: made again
                model = core.read_model(file)
        if model is None:
            model = _exported(net(), uint8=uint8)
            try:
                _save(model, file)
            except OSError as error:
                _LOG.info("%s can't be written, the export is made anew each time: %s", file, error)
        return Compiled(core.compile_model(model, "CPU", self._settings(openvino)))

    def _settings(self, openvino: Any) -> dict[str, Any]:  # noqa: ANN401 - the module
        bits = openvino.Type.bf16 if self.precision is Precision.BFLOAT16 else openvino.Type.f32
        settings = {"INFERENCE_PRECISION_HINT": bits, "ENABLE_CPU_PINNING": False}
        if self.lanes:
            settings |= {"NUM_STREAMS": self.lanes, "INFERENCE_NUM_THREADS": self.lanes}
        return settings


class Compiled:
    """A compiled network, called from any number of threads; each has a request of its own."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - openvino is untyped
        self._model = model
        self._mine = threading.local()

    def __call__(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The network's answers. They are good until this thread's next call."""
        request = getattr(self._mine, "request", None)
        if request is None:
            request = self._mine.request = self._model.create_infer_request()
        request.infer([np.ascontiguousarray(pixels.numpy())], share_inputs=True)
        return tuple(
            torch.from_numpy(request.get_output_tensor(i).data) for i in range(len(self._model.outputs))
        )


def _exported(net: nn.Module, *, uint8: bool) -> Any:  # noqa: ANN401 - openvino is untyped
    import openvino
    from openvino.preprocess import PrePostProcessor

    example = torch.rand(1, 3, HEIGHT, WIDTH)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer's, on what it can't see: the comparison sees it
        traced = torch.jit.trace(net.eval(), example, check_trace=False)  # type: ignore[no-untyped-call]
        model = openvino.convert_model(traced, example_input=example, input=[(-1, 3, -1, -1)])
    if uint8:
        steps = PrePostProcessor(model)
        steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
        steps.input().model().set_layout(openvino.Layout("NCHW"))
        steps.input().preprocess().convert_element_type(openvino.Type.f32).scale(255.0)
        model = steps.build()
    return model


def _save(model: Any, file: Path) -> None:  # noqa: ANN401 - openvino is untyped
    """Under its name only when it is whole: another trailcam may look for it at this moment.

    Raises OSError.
    """
    import openvino

    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.stem}-{uuid.uuid4().hex}.xml")
    try:
        try:
            openvino.save_model(model, draft, compress_to_fp16=False)
        except RuntimeError as error:
            raise OSError(printable(str(error))) from error
        draft.with_suffix(".bin").replace(file.with_suffix(".bin"))
        draft.replace(file)
    finally:
        for rest in (draft, draft.with_suffix(".bin")):
            rest.unlink(missing_ok=True)
