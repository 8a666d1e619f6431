"""A look at one known frame before a run: does the model compute here what it computes elsewhere?

A wrong build of torch, a broken driver or damaged weights need not fail: they may answer every photo with
nothing, and a library of blanks looks like a quiet season. Imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from trailcam.detect.model.backend import Backend
from trailcam.detect.model.find_weights import STARTER, Weights
from trailcam.detect.model.open import open_detector
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.protocol import RawOutput
from trailcam.errors import PipelineError, TrailcamError

if TYPE_CHECKING:
    from pathlib import Path

    from trailcam.detect.model.protocol import Detector

WIDTH, HEIGHT = 320, 256
STORED = STARTER.with_suffix(".canary.npz")
"""What the starter says of the frame; ``python -m training.canary`` makes it."""

_CPU = torch.device("cpu")
_TOP = 20  # places whose boxes are compared: where no score is, a box means nothing


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two outputs may differ: scores and probabilities (0..1), boxes in px of the frame."""

    score: float
    box_px: float


# The largest differences measured: docs/reliability.md, "The canary".
EXACT = Tolerance(score=0.005, box_px=1.0)
ROUNDED = Tolerance(score=0.1, box_px=4.0)


def frame(height: int = HEIGHT, width: int = WIDTH) -> npt.NDArray[np.uint8]:
    """The fixed frame, (height, width, 3) uint8 RGB: grass, sky, and a body on legs. Integers alone.

    No random numbers, fonts or floating point, so that it is the same to the bit on every machine.
    """
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    grain = (x * 7919 + y * 104729 + (x * y) % 8191 * 31) % 23
    picture = np.stack([70 + grain + y * 60 // height, 100 + grain, 50 + grain // 2], axis=2)
    sky = y < height // 3
    picture[sky] = np.stack([120 + x * 60 // width, 150 + y // 4, 190 - y // 4], axis=2)[sky]
    cx, cy, rx, ry = width // 2, height // 2, width // 5, height // 9
    body = (x - cx) ** 2 * ry**2 + (y - cy) ** 2 * rx**2 < rx**2 * ry**2
    head = (x - cx - rx) ** 2 + 2 * (y - cy + ry) ** 2 < (height // 12) ** 2
    legs = (np.abs((x - cx + rx) % (rx * 2 // 3) - rx // 3) < width // 80) & (np.abs(x - cx) < rx)
    legs &= (y > cy) & (y < cy + 2 * ry + height // 12)
    for part, brown in ((legs, 84), (body, 122), (head, 110)):
        picture[part] = np.stack([brown + grain, brown - 24 + grain, brown - 52 + grain], axis=2)[part]
    pixels: npt.NDArray[np.uint8] = np.clip(picture, 0, 255).astype(np.uint8)
    return pixels


def check(detector: Detector, weights: Weights, device: torch.device, stored: Path = STORED) -> None:
    """Let ``detector``, opened from ``weights`` on ``device``, look at the frame and judge its raw output.

    It must agree with the same weights in float32 on the processor, and where those weights are the starter,
    that with ``stored``. Raises PipelineError when it doesn't, or when an output is empty or not a number.
    Exported models that only run on the device they were made for are judged by their own output alone.
    """
    pixels = torch.from_numpy(frame(*(detector.frame.fixed or (HEIGHT, WIDTH)))[None])
    here = detector.raw(pixels)
    _judge(here, f"on {device} in {detector.precision}")
    reference: RawOutput | None = here
    if device.type != "cpu" or (detector.precision, detector.backend) != (Precision.FLOAT32, Backend.TORCH):
        reference = _reference(weights, pixels)
        if reference is not None:
            _judge(reference, "on the processor in float32")
            _compare(
                here, reference, ROUNDED, f"{device} in {detector.precision} and the processor in float32"
            )
    kept = _stored(weights, stored)
    if kept is not None and reference is not None:
        _compare(reference, kept, EXACT, "this machine and the machine that the starter was made on")


def difference(a: RawOutput, b: RawOutput) -> tuple[float, float]:
    """The largest difference of scores (0..1), and the median of the best places' boxes in px."""
    if a.scores.shape != b.scores.shape:
        return 1.0, float("inf")
    score = float(np.abs(a.scores - b.scores).max(initial=0.0))
    if a.second is not None and b.second is not None:
        score = max(score, float(np.abs(a.second - b.second).max(initial=0.0)))
    box = 0.0
    if a.boxes is not None and b.boxes is not None:
        best = np.argsort(-b.scores.max(axis=1), kind="stable")[:_TOP]
        box = float(np.median(np.abs(a.boxes[best] - b.boxes[best]).max(axis=1)))
    return score, box


def save(output: RawOutput, sha256: str, path: Path) -> None:
    """Write what the weights of that hash say of the frame."""
    parts = {name: getattr(output, name) for name in ("scores", "boxes", "second")}
    np.savez_compressed(
        path, sha256=np.array(sha256), **{name: part for name, part in parts.items() if part is not None}
    )


def _stored(weights: Weights, path: Path) -> RawOutput | None:
    """What the file beside the starter holds; None for other weights, also other starters."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as kept:
        if str(kept["sha256"]) != weights.sha256:
            return None
        return RawOutput(
            kept["scores"],
            kept.get("boxes"),
            kept.get("second"),
        )


def _reference(weights: Weights, pixels: torch.Tensor) -> RawOutput | None:
    """The same weights in float32 on the processor; None where such a model doesn't run there."""
    try:
        return open_detector(weights, _CPU, precision=Precision.FLOAT32).raw(pixels)
    except TrailcamError:
        if weights.path.suffix.lower() == ".pt":
            raise
        return None


def _judge(output: RawOutput, where: str) -> None:
    parts = [output.scores, output.boxes, output.second]
    if not all(bool(np.isfinite(part).all()) for part in parts if part is not None):
        raise _refused(f"{where} its answer holds NaN or infinity")
    scores = output.scores
    # In fewer bits a hardly trained model's scores may all round to one value; there the comparison decides.
    same = scores.size > 1 and where.endswith(Precision.FLOAT32) and np.ptp(scores) < 1e-7
    if not scores.size or scores.max() <= 0 or same:
        raise _refused(f"{where} its answer is empty: the same everywhere")


def _compare(a: RawOutput, b: RawOutput, allowed: Tolerance, between: str) -> None:
    score, box = difference(a, b)
    if score > allowed.score or box > allowed.box_px:
        raise _refused(
            f"{between} disagree by {score:.3f} in a score and {box:.1f} px in a box "
            f"(allowed: {allowed.score:g} and {allowed.box_px:g} px)"
        )


def _refused(what: str) -> PipelineError:
    return PipelineError(
        f"The model failed its test before the run: {what}.",
        "Not one photo was looked at. A broken or unfit build of torch, a driver that doesn't fit it, or "
        "damaged weights look like this. Try --device cpu, then TRAILCAM_DETECT_PRECISION=float32 as well.",
    )
