"""A model as the settings ask for it, and settings fitted to the photos at hand. Imports torch."""

from __future__ import annotations

import itertools
import logging
import statistics
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from trailcam.detect.choose.plan import Memory, Pace, Plan, fitted, plan, within_gpu
from trailcam.detect.model.backend import Backend
from trailcam.detect.model.device import free_on_device, resolve, unused_gpu
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision
from trailcam.detect.pipeline.decode import Decoded, decode
from trailcam.detect.pipeline.read_file import read_file
from trailcam.machine import free_bytes, usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trailcam.detect.model.find_weights import Weights
    from trailcam.detect.model.protocol import Detector
    from trailcam.detect.pipeline.decode import Pixels
    from trailcam.settings.config import DetectSettings

_LOG = logging.getLogger(__name__)

FITTED_FROM = 200
"""Photos: in a shorter run, better settings don't make up for the time it takes to find them."""

_SAMPLE = 8
_READ_S = 5.0  # a slower drive can't be measured in time; the run itself will show it


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A model on its device, and batch, workers and lanes to run it with."""

    detector: Detector
    device: torch.device
    plan: Plan


def open_chosen(
    weights: Weights, chosen: DetectSettings, *, photos: int, store_confidence: float | None = None
) -> Opened:
    """The model as ``chosen``, for a run of so many ``photos``. Raises WeightsError, DeviceError.

    ``store_confidence``: 0..1, in place of that of the settings.
    """
    device = resolve(chosen.device)
    if chosen.device == "auto" and device.type == "cpu" and (unused := unused_gpu()):
        _LOG.warning("%s", unused)
    best = plan(
        device.type,
        batch=None if chosen.batch == "auto" else chosen.batch,
        workers=None if chosen.workers == "auto" else chosen.workers,
        photos=photos,
    )
    detector = open_detector(
        weights,
        device,
        ModelOptions(
            imgsz=chosen.imgsz,
            store_confidence=chosen.store_confidence if store_confidence is None else store_confidence,
            precision=Precision(chosen.precision),
            lanes=best.lanes,
            backend=Backend(chosen.backend),
            photos=photos,
        ),
    )
    return Opened(detector, device, best)


def fit(opened: Opened, files: Sequence[Path], stop: Callable[[], bool] = lambda: False) -> Opened:
    """Choose what the user left open: on a GPU to fit the memory, on a processor by a short look as well.

    The look, at some of ``files``, takes a second or two. With few photos, none that can be read, or nothing
    left open, it stays as it was. Raises PipelineError when the model gives an impossible answer.
    """
    if not opened.plan.open or stop():
        return opened
    memory = Memory(free_bytes(), free_on_device(opened.device))
    if opened.device.type != "cpu":
        return replace(opened, plan=within_gpu(opened.plan, memory))
    if len(files) < FITTED_FROM:
        return opened
    spread = np.linspace(0, len(files) - 1, _SAMPLE).astype(int).tolist()
    pace = look(opened, [files[i] for i in spread])
    if pace is None:
        return opened
    return replace(opened, plan=fitted(opened.plan, pace, cores=usable_cores(), memory=memory))


def look(opened: Opened, files: Sequence[Path]) -> Pace | None:
    """What photos like ``files`` cost. None when none of them could be read and decoded in time."""
    read = _read(files)
    decoded, decode_s = [], []
    for data, _ in read:
        started = time.perf_counter()
        photo = decode(data, opened.detector.frame)
        if isinstance(photo, Decoded):
            decode_s.append(time.perf_counter() - started)
            decoded.append(photo.pixels)
    if not decoded:
        return None
    like = [pixels for pixels in decoded if pixels.shape == decoded[0].shape]
    return Pace(
        len(decoded),
        statistics.median(seconds for _, seconds in read),
        statistics.median(decode_s),
        _infer_s(opened, like),
    )


def _read(files: Sequence[Path]) -> list[tuple[bytes, float]]:
    """Bytes and seconds of those files that could be read; a drive that hangs holds up its thread alone."""
    found: list[tuple[bytes, float]] = []

    def work() -> None:
        for file in files:
            started = time.perf_counter()
            data = read_file(file)
            if isinstance(data, bytes):
                found.append((data, time.perf_counter() - started))

    thread = threading.Thread(target=work, name="trailcam-look", daemon=True)
    thread.start()
    thread.join(_READ_S)
    return found[:]


def _infer_s(opened: Opened, photos: Sequence[Pixels]) -> float:
    """Seconds of the processor for a photo, with as many batches under way as a run has."""
    detector, size = opened.detector, opened.plan.batch
    pixels = torch.from_numpy(np.stack(list(itertools.islice(itertools.cycle(photos), size))))
    n_batches = max(1, detector.depth - 1)
    detector.warmup(pixels.shape[1], pixels.shape[2], size)
    started = time.perf_counter()
    for result in [detector.submit(pixels) for _ in range(n_batches)]:
        result()
    return (time.perf_counter() - started) / (n_batches * size)
