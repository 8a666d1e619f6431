"""Is a device right? Beside the processor, row by row, and when its memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.gpu.setting import Setting
from trailcam.detect.choose import canary
from trailcam.detect.model.known_frame import difference, frame
from trailcam.detect.model.protocol import RawDetections
from trailcam.detect.pipeline.loader import LoaderOptions
from trailcam.detect.pipeline.loop import PipelineOptions, PipelineReport, run
from trailcam.detect.pipeline.outcomes import Control, Job, PhotoSource
from trailcam.domain import Outcome
from trailcam.errors import TrailcamError
from trailcam.geometry import iou

_MODELS = ("starter", "one_stage")
_CPU = torch.device("cpu")


def right(setting: Setting) -> dict[str, Any]:
    """Boxes in each number format beside those of the processor in float32, and the test before a run."""
    formats = ("float16", "bfloat16", "float32") if setting.on_cuda else ("float32",)
    formats = ("bfloat16",) if setting.device.type == "cpu" else formats
    batches = [setting.batch(len(setting.drawn(name)), name).split(8) for name in ("3MP", "2MP_wide")]
    result: dict[str, Any] = {}
    for which in _MODELS:
        on_cpu = setting.detector(which, "float32", _CPU)
        expected = [found for parts in batches for part in parts for found in on_cpu.detect(part)]
        for precision in formats:
            detector = setting.detector(which, precision)
            here = [found for parts in batches for part in parts for found in detector.detect(part)]
            pixels = torch.from_numpy(frame()[None])
            score, box = difference(detector.raw(pixels), on_cpu.raw(pixels))
            result[f"{which} {precision}"] = {
                "sure": {s: matched(expected, here, s) for s in (0.5, 0.25)},
                "known_frame": {"score": round(score, 5), "box_px": round(box, 4)},
                "test_before_a_run": _verdict(setting, which, detector),
            }
    return result


def _verdict(setting: Setting, which: str, detector: Any) -> str:  # noqa: ANN401 - a detector
    try:
        canary.check(detector, setting.model(which), setting.device)
    except TrailcamError as error:
        return f"REFUSED: {error.message}"
    return "passes"


def steady(setting: Setting) -> dict[str, Any]:
    """A photo's answer may not depend on its row, on its company, nor on what is under way."""
    rng = np.random.default_rng(0)
    result: dict[str, Any] = {}
    n, rounds = (64, 60) if setting.on_cuda else (4, 4)
    for which in _MODELS:
        detector = setting.detector(which)
        pixels = setting.batch(n)
        alone = [detector.detect(pixels[i : i + 1])[0] for i in range(n)]
        result[f"{which}, alone and in rows"] = apart(alone, detector.detect(pixels))
        company = [rng.integers(0, n, int(rng.integers(1, n + 1))).tolist() for _ in range(rounds)]
        one_by_one = [detector.detect(pixels[picks]) for picks in company]
        setting.sync()
        flights: list[Callable[[], list[RawDetections]]] = []
        together: list[list[RawDetections]] = []
        for picks in company:
            flights.append(detector.submit(pixels[picks]))
            while len(flights) > max(1, detector.depth - 1):
                together.append(flights.pop(0)())
        together += [results() for results in flights]
        flat = [[found for batch in side for found in batch] for side in (one_by_one, together)]
        result[f"{which}, {rounds} batches under way"] = apart(*flat)
    return result


def matched(expected: Sequence[RawDetections], here: Sequence[RawDetections], sure: float) -> dict[str, Any]:
    """Of the boxes of ``expected`` that are ``sure`` (0..1): those with one at the same place in ``here``."""
    n, same, scores, px = 0, 0, [0.0], [0.0]
    n_matched = 0
    for a, b in zip(expected, here, strict=True):
        keep = a.confidence >= sure
        n += int(keep.sum())
        if not keep.any() or not len(b.confidence):
            continue
        overlap = iou(a.xyxy[keep], b.xyxy)
        for i, j in enumerate(overlap.argmax(1)):
            if overlap[i, j] >= 0.9:
                n_matched += 1
                same += int(a.class_id[keep][i] == b.class_id[j])
                scores.append(abs(float(a.confidence[keep][i] - b.confidence[j])))
                px.append(float(abs(a.xyxy[keep][i] - b.xyxy[j]).max()))
    return {
        "boxes": n,
        "matched": n_matched,
        "same_class": same,
        "confidence_max": round(max(scores), 4),
        "px_max": round(max(px), 3),
    }


def apart(a: Sequence[RawDetections], b: Sequence[RawDetections]) -> dict[str, Any]:
    """Sure boxes that the other side misses, and the largest differences of the others."""
    there, back = matched(a, b, 0.3), matched(b, a, 0.3)
    missing = sum(side["boxes"] - side["matched"] for side in (there, back))
    return {**there, "missing_on_either_side": missing}


class _Kept:
    """A sink that keeps the confidences of every photo."""

    def __init__(self) -> None:
        self.found: dict[int, np.ndarray] = {}

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Keep them."""
        for outcome in outcomes:
            self.found[outcome.image_id] = outcome.confidence


def memory(setting: Setting) -> dict[str, Any]:
    """The room for more than some 20 photos (3 on a processor) goes, later or before the warm-up."""
    detector = setting.detector()
    names = sorted(path.name for path in setting.photos("3MP").iterdir())[: setting.scaled(384, 24)]
    jobs = [Job(i + 1, 1, name) for i, name in enumerate(names)]
    options = PipelineOptions(batch=64 if setting.on_cuda else 8, loader=LoaderOptions(workers=0))

    def look(stop: Callable[[], bool] = lambda: False) -> tuple[_Kept, PipelineReport]:
        sink = _Kept()
        source = PhotoSource(jobs, {1: setting.photos("3MP")}, lambda _: True)
        return sink, run(source, detector, sink, options, Control(stop))

    whole, report = look()
    result: dict[str, Any] = {"with_room": {"batch": report.batch, "photos_per_s": report.photos_per_s}}
    room = _Room(setting, detector)
    for when in ("later", "from the beginning"):
        if when == "from the beginning":
            room.take()
        try:
            tight, report = look(room.take_once)
        finally:
            room.give()
        other = sum(len(whole.found[i]) != len(tight.found[i]) for i in whole.found)
        result[when] = {
            "batch": report.batch,
            "completed": report.completed,
            "photos_per_s": round(report.photos_per_s, 1),
            "photos_with_other_boxes": other,
        }
    return result


class _Room:
    """The device's memory, which can be taken away and given back; on a processor only in pretence."""

    def __init__(self, setting: Setting, detector: Any) -> None:  # noqa: ANN401 - a detector
        self._setting, self._detector, self._taken = setting, detector, False
        self._need = 0
        if setting.on_cuda:
            before = torch.cuda.memory_allocated()
            torch.cuda.reset_peak_memory_stats()
            detector.detect(setting.batch(20))
            self._need = torch.cuda.max_memory_allocated() - before

    def take_once(self) -> bool:
        """Take it at the first call; False, as what is asked whether to stop."""
        if not self._taken:
            self.take()
        return False

    def take(self) -> None:
        self._taken = True
        if self._setting.on_cuda:
            self._setting.sync()
            gc.collect()
            torch.cuda.empty_cache()
            total = torch.cuda.get_device_properties(self._setting.device).total_memory
            limit = torch.cuda.memory_reserved() + self._need * 1.6
            torch.cuda.set_per_process_memory_fraction(limit / total, self._setting.device)
            return
        submit = type(self._detector).submit.__get__(self._detector)

        def small(pixels: torch.Tensor) -> Any:  # noqa: ANN401 - as the original
            if len(pixels) > 3:
                raise torch.OutOfMemoryError("pretended")
            return submit(pixels)

        self._detector.submit = small

    def give(self) -> None:
        self._taken = False
        if self._setting.on_cuda:
            torch.cuda.set_per_process_memory_fraction(1.0, self._setting.device)
        else:
            vars(self._detector).pop("submit", None)
