"""How fast is a device? Its stages alone, where the host waits for it, and the pipeline."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.gpu.setting import Setting
from trailcam.bench import ceilings
from trailcam.bench.machine import Machine
from trailcam.bench.photos import Photos
from trailcam.detect.choose.plan import plan
from trailcam.machine import usable_cores

_CROPS = (1, 8, 32, 64, 128, 256)
_NEW_CROPS = [k for k in range(3, 60) if k not in _CROPS]  # numbers that the libraries never saw


def syncs(setting: Setting) -> dict[str, Any]:
    """The lines in which the host waits for the device, and when submit() comes back."""
    if not setting.on_cuda:
        return {"skipped": "no CUDA"}
    result: dict[str, Any] = {}
    for which in ("starter", "one_stage"):
        detector, pixels = setting.detector(which), setting.batch(64)
        detector.detect(pixels)
        results: list[Any] = []
        result[f"{which} submit"] = _waits(lambda d=detector, p=pixels, r=results: r.append(d.submit(p)))
        result[f"{which} results"] = _waits(lambda r=results: r.pop()())
        setting.sync()
        began = time.perf_counter()
        ask = detector.submit(pixels)
        back = time.perf_counter() - began
        setting.sync()
        done = time.perf_counter() - began
        ask()
        result[f"{which} submit, ms"] = {"back": round(back * 1e3, 2), "done": round(done * 1e3, 2)}
    return result


def _waits(work: Callable[[], Any]) -> dict[str, int]:
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        work()
    torch.cuda.set_sync_debug_mode("default")
    where: dict[str, int] = {}
    for warning in seen:
        if "synchroniz" in str(warning.message).lower():
            line = f"{Path(warning.filename).name}:{warning.lineno}"
            where[line] = where.get(line, 0) + 1
    return where


def device(setting: Setting) -> dict[str, Any]:
    """Batches, numbers of crops and staging, ms; and photos/s from pixels in memory to boxes."""
    detector, result = setting.detector(), dict[str, Any]()
    for n in (1, 8, 16, 32, 64, 128, 256) if setting.on_cuda else (1, 4):
        pixels = setting.batch(n)
        cold = _ms(setting, lambda p=pixels: detector.detect(p), repeats=1)
        warm = _ms(setting, lambda p=pixels: detector.detect(p), repeats=3)
        result[f"batch {n}"] = {"first_ms": cold, "ms": warm, "photos_per_s": round(n / warm * 1e3)}
    result["crops"] = _crops(setting, detector)
    result["staging"] = _staging(setting)
    machine = _machine(setting, 64 if setting.on_cuda else 4, 0)
    shown = _photos(setting, "3MP")
    _, batches = ceilings.decode_rate(machine, shown, 0, 1.0)
    seconds = 3.0 if setting.on_cuda else 1.0
    result["photos_per_s"] = round(ceilings.infer_rate(machine, batches, seconds), 1)
    return result


def _crops(setting: Setting, detector: Any) -> dict[str, Any]:  # noqa: ANN401 - a detector
    """Crops of a number that was never met, and the same number again."""
    namer, first, again = detector._namer, [], []
    frames = setting.batch(1).to(setting.device).permute(0, 3, 1, 2)
    for k in _NEW_CROPS if setting.on_cuda else (2, 3):
        corner = torch.arange(k, device=setting.device)[:, None] * 4.0
        boxes = [torch.cat([corner, corner, corner + 80, corner + 60], 1)]
        with torch.inference_mode():
            for into in (first, again):
                into.append(_ms(setting, lambda b=boxes: namer.probabilities(frames, b), repeats=1))
    return {
        "first_ms": statistics.median(first),
        "first_ms_max": max(first),
        "again_ms": statistics.median(again),
    }


def _staging(setting: Setting) -> dict[str, float]:
    """A batch of 64 frames on its way: joined, pinned, copied, ms."""
    pixels = setting.batch(64 if setting.on_cuda else 8)
    parts = pixels.clone().split(8)
    into = torch.empty_like(pixels, pin_memory=setting.on_cuda)

    def join() -> None:
        for i, part in enumerate(parts):
            np.copyto(into[8 * i : 8 * i + len(part)].numpy(), part.numpy())

    found = {"join_ms": _ms(setting, join)}
    if setting.on_cuda:
        found["pageable_ms"] = _ms(setting, lambda: pixels.to(setting.device))
        found["pin_ms"] = _ms(setting, pixels.pin_memory)
        found["pinned_ms"] = _ms(setting, lambda: into.to(setting.device, non_blocking=True))
    return found


def _ms(setting: Setting, work: Callable[[], Any], repeats: int = 10) -> float:
    """Milliseconds of one of ``repeats``, until the device is done."""
    setting.sync()
    began = time.perf_counter()
    for _ in range(repeats):
        work()
    setting.sync()
    return round((time.perf_counter() - began) / repeats * 1e3, 3)


def decode(setting: Setting) -> dict[str, Any]:
    """The loader alone, and what it takes to start and end."""
    cores, result = usable_cores(), dict[str, Any]()
    seconds = 2.5 if setting.on_cuda else 1.0
    for name in ("3MP", "16MP"):
        for workers in (cores - 1, 0, max(1, cores // 2)) if setting.on_cuda else (1, 0):
            if setting.left() < 30:
                return {**result, "cut": "no time"}
            began = time.perf_counter()
            machine = _machine(setting, 64, workers)
            rate, _ = ceilings.decode_rate(machine, _photos(setting, name), workers, seconds)
            beside = time.perf_counter() - began - seconds
            result[f"{name}, workers {workers}"] = {
                "photos_per_s": round(rate, 1),
                "start_and_end_s": round(beside, 1),
            }
    return result


def grid(setting: Setting) -> dict[str, Any]:
    """The pipeline into a scratch database, with settings by hand."""
    cores, result = usable_cores(), dict[str, Any]()
    tries = [("3MP", 4, 1, 600), ("3MP", 4, 0, 600)]
    if setting.on_cuda:
        tries = [
            *(("3MP", batch, cores - 1, 3500) for batch in (64, 32, 128)),
            ("16MP", 64, cores - 1, 1500),
            ("3MP", 64, 0, 3000),
            ("3MP", 64, cores // 2, 3000),
            ("16MP", 64, 0, 1200),
        ]
    for name, batch, workers, n in tries:
        if setting.left() < 45:
            return {**result, "cut": "no time"}
        machine = _machine(setting, batch, workers)
        done = ceilings.pipeline(
            machine,
            _photos(setting, name),
            setting.scaled(n, 16),
            stop=lambda: setting.left() < 20,
            watch=True,
        )
        result[f"{name}, batch {batch}, workers {workers}"] = {
            "photos_per_s": round(done.report.photos_per_s, 1),
            "warmup_s": round(done.report.warmup_s, 2),
            "stages_s": {stage: round(spent, 2) for stage, spent in done.report.stages.items()},
            "peak_mb": round(done.peak_mb),
        }
    return result


def profile(setting: Setting) -> dict[str, Any]:
    """The kernels that take longest in three batches of 64."""
    if not setting.on_cuda:
        return {"skipped": "no CUDA"}
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    detector, pixels = setting.detector(), setting.batch(64)
    detector.detect(pixels)
    with torch.profiler.profile(activities=activities) as recorded:
        for _ in range(3):
            detector.detect(pixels)
        setting.sync()
    table = recorded.key_averages().table(sort_by="self_cuda_time_total", row_limit=25)
    return {"table": table.splitlines()}


def _machine(setting: Setting, batch: int, workers: int) -> Machine:
    chosen = replace(plan(setting.device.type), batch=batch, workers=workers)
    return Machine(setting.detector(), setting.device, chosen, "starter")


def _photos(setting: Setting, name: str) -> Photos:
    folder = setting.photos(name)
    paths = sorted(path.name for path in folder.iterdir())
    return Photos(folder, paths, len(paths), name, 0.0)
