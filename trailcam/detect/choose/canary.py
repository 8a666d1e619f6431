"""A look at one known frame before a run: does the model give the same answer here as elsewhere?

A wrong build of torch, a broken driver or damaged weights need not raise an error: they may find nothing in
any photo, and a library of blanks looks like a quiet season. Imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from trailcam.detect.model.backend import Backend
from trailcam.detect.model.find_weights import STARTER, Weights
from trailcam.detect.model.known_frame import EXACT, HEIGHT, ROUNDED, WIDTH, Tolerance, difference, frame
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.protocol import RawDetections, RawOutput
from trailcam.errors import PipelineError, TrailcamError
from trailcam.geometry import iou

if TYPE_CHECKING:
    from pathlib import Path

    from trailcam.detect.model.protocol import Detector

STORED = STARTER.with_suffix(".canary.npz")
"""What the starter says of the frame; ``python -m training.canary`` makes it."""

_CPU = torch.device("cpu")
_SURE = 0.05 + ROUNDED.score  # a box below may have been left out elsewhere


def check(detector: Detector, weights: Weights, device: torch.device, stored: Path = STORED) -> None:
    """Let ``detector``, opened from ``weights`` on ``device``, look at the frame and judge its raw output.

    It must agree with what the same weights say in float32 on a processor: for the starter that is
    ``stored``, others are asked here. Raises PipelineError when it doesn't, or when an output is empty or
    not a number. Exported models that only run on the device they were made for are judged by their own
    output alone.
    """
    if device.type != "cpu":
        check_rows(detector, f"on {device} in {detector.precision}")
    pixels = torch.from_numpy(frame(*(detector.frame.fixed or (HEIGHT, WIDTH)))[None])
    here = detector.raw(pixels)
    where = f"{device} in {detector.precision}"
    _judge(here, f"on {where}")
    plain = (device.type, detector.precision, detector.backend) == ("cpu", Precision.FLOAT32, Backend.TORCH)
    if (kept := _stored(weights, stored)) is not None:
        allowed = EXACT if plain else ROUNDED
        _compare(here, kept, allowed, f"{where} and the machine that made the starter")
    elif not plain and (reference := _reference(weights, pixels)) is not None:
        _judge(reference, "on the processor in float32")
        _compare(here, reference, ROUNDED, f"{where} and the processor in float32")


def check_rows(detector: Detector, where: str) -> None:
    """Let ``detector`` look at three photos at once, with two such batches under way, as in a run.

    Each photo must get the boxes that it gets alone: a driver may compute only the first row of a batch, an
    engine may overwrite one batch's answer with the next one's. Raises PipelineError.
    """
    known = frame(*(detector.frame.fixed or (HEIGHT, WIDTH)))
    photos = torch.from_numpy(np.stack([known[:, ::-1], known[::-1], known]))
    alone = [detector.detect(photos[i : i + 1])[0] for i in range(len(photos))]
    under_way = [detector.submit(photos), detector.submit(photos.flip(0))]
    together = [found for results in under_way for found in results()]
    for row, (found, expected) in enumerate(zip(together, [*alone, *reversed(alone)], strict=True)):
        if not (_has_all(found, expected) and _has_all(expected, found)):
            raise _refused(f"{where} photo {row % 3 + 1} of a batch gets other boxes than it gets alone")


def _has_all(found: RawDetections, wanted: RawDetections) -> bool:
    """Whether each sure box of ``wanted`` is one of ``found``, about as sure."""
    sure = wanted.confidence >= _SURE
    overlap = iou(wanted.xyxy[sure], found.xyxy) > 0.7
    close = np.abs(wanted.confidence[sure][:, None] - found.confidence[None]) <= ROUNDED.score
    return bool((overlap & close).any(axis=1).all())


def save(output: RawOutput, sha256: str, path: Path) -> None:
    """Save what the weights with that hash answer to the frame."""
    parts = {name: getattr(output, name) for name in ("scores", "boxes", "second")}
    np.savez_compressed(
        path, sha256=np.array(sha256), **{name: part for name, part in parts.items() if part is not None}
    )


def _stored(weights: Weights, path: Path) -> RawOutput | None:
    """The stored answer of the starter; None for other weights, other starters included."""
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
    """The same weights in float32 on the processor; None if it doesn't run there."""
    try:
        return open_detector(weights, _CPU, ModelOptions(precision=Precision.FLOAT32)).raw(pixels)
    except TrailcamError:
        if all(part.path.suffix.lower() == ".pt" for part in weights.files):
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
        raise _refused(f"{where} its answer is empty: every score is the same")


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
        "No photo was processed. A broken or unsuitable build of torch, a driver that doesn't match it, or "
        "damaged weights can cause this. Try --device cpu, then TRAILCAM_DETECT_PRECISION=float32 as well.",
    )
