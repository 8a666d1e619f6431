"""``trailcam tune``: the pipeline with one setting after another, on the photos at hand.

First every setting is tried shortly. The best of these run longer, in turn and three times each, so that
what else the machine does meets them all; the median decides.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trailcam.bench.measure import busy
from trailcam.machine import usable_cores
from trailcam.reports.base import CellType, Column, Report, Row

if TYPE_CHECKING:
    from trailcam.bench.ceilings import Run
    from trailcam.bench.machine import Machine
    from trailcam.bench.photos import Photos

FINALISTS = 4
ROUNDS = 3
CLOSE = 0.02  # settings this near to the fastest are as fast; of these the one with least memory wins

_COLUMNS = (
    Column("batch", "batch", CellType.COUNT),
    Column("workers", "workers", CellType.COUNT),
    Column("photos_per_s", "photos/s", CellType.NUMBER),
    Column("curve", "", CellType.SHARE, bar=1.0),
    Column("runs", "runs", CellType.COUNT),
    Column("load_share", "waits for photos", CellType.SHARE),
    Column("infer_share", "model", CellType.SHARE),
    Column("write_share", "waits to write", CellType.SHARE),
    Column("peak_mb", "MB", CellType.NUMBER),
    Column("chosen", "", CellType.TEXT, null=""),
)

Setting = tuple[int, int]
"""Batch and workers."""


@dataclass(slots=True)
class Tried:
    """What a setting did, run by run."""

    setting: Setting
    runs: list[Run] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Median photos per second."""
        return statistics.median(run.report.photos_per_s for run in self.runs)

    @property
    def peak_mb(self) -> float:
        """The most memory of all runs."""
        return max(run.peak_mb for run in self.runs)


def settings_to_try(device_type: str, cores: int) -> list[Setting]:
    """The grid: batches that a device can use, and workers up to one for each core (0: threads)."""
    on_cpu = device_type == "cpu"
    batches = (1, 2, 4, 8, 16) if on_cpu else (16, 32, 64, 128, 256)
    workers = sorted({0, 1, 2, max(1, cores // 2), cores} if on_cpu else {1, 2, 4, max(1, cores - 1)})
    return [(batch, n) for batch in batches for n in workers if n <= max(cores, 2)]


def tune(
    machine: Machine,
    *,
    seconds: float,
    run: Callable[[Machine, int], Run],
    stop: Callable[[], bool],
    say: Callable[[str], None],
    grid: Sequence[Setting] | None = None,
) -> list[Tried]:
    """Try the settings; ``run(machine, n)`` sends ``n`` photos through the pipeline. Fastest first.

    Each run is made to last about ``seconds``. A run that was stopped does not count.
    """
    wanted = list(grid or settings_to_try(machine.device.type, usable_cores()))
    rate = 0.0
    tried: dict[Setting, Tried] = {}

    def attempt(setting: Setting, lasting: float) -> None:
        nonlocal rate
        batch, workers = setting
        n = max(2 * batch, 16, round(rate * lasting))
        done = run(machine.with_settings(batch, workers), n)
        if done.report.interrupted or not done.report.completed:
            return
        rate = max(rate, done.report.photos_per_s)
        tried.setdefault(setting, Tried(setting)).runs.append(done)
        say(f"batch {batch}, workers {workers}: {done.report.photos_per_s:.1f} photos/s")

    for setting in wanted:
        if stop():
            break
        attempt(setting, seconds)
    best = sorted(tried.values(), key=lambda one: -one.rate)[:FINALISTS]
    for one in best:
        one.runs.clear()
    for _ in range(ROUNDS):
        for one in best:
            if not stop():
                attempt(one.setting, 2 * seconds)
    ranked = [one for one in tried.values() if one.runs]
    return sorted(ranked, key=lambda one: (one not in best, -one.rate))


def winner(tried: Sequence[Tried]) -> Tried:
    """Of those that are as fast as the fastest, the one that needs least memory. ``tried``: fastest first."""
    fastest = tried[0]
    compared = [one for one in tried if len(one.runs) == len(fastest.runs)]
    close = [one for one in compared if one.rate >= fastest.rate * (1 - CLOSE)]
    return min(close, key=lambda one: (one.peak_mb, one.setting))


def tune_report(tried: Sequence[Tried], chosen: Tried, photos: Photos, facts: Mapping[str, Any]) -> Report:
    """The table of all settings with their curve, the fastest first."""
    top = max(one.rate for one in tried)
    rows = [_row(one, top, one is chosen) for one in tried]
    batch, workers = chosen.setting
    notes = [
        f"Settings within {CLOSE:.0%} count as equal; of these the one that needs least memory is chosen.",
        *busy(usable_cores()),
        "Shares are of the main loop's time; memory is the total of all processes.",
    ]
    photos_seen = sum(run.report.done for one in tried for run in one.runs)
    coverage = {
        "batch": batch,
        "workers": workers,
        "photos_per_s": round(chosen.rate, 2),
        "photos": photos_seen,
    }
    return Report(
        "tune",
        "Settings tried",
        facts,
        coverage,
        _COLUMNS,
        rows,
        notes=notes,
        headline=f"Fastest: batch {batch}, workers {workers}, {chosen.rate:.1f} photos/s with {photos.what}.",
    )


def _row(one: Tried, top: float, chosen: bool) -> Row:
    stages = {name: sum(run.report.stages[name] for run in one.runs) for name in ("load", "infer", "write")}
    whole = sum(stages.values()) or 1.0
    batch, workers = one.setting
    return {
        "batch": batch,
        "workers": workers,
        "photos_per_s": round(one.rate, 1),
        "curve": round(one.rate / top, 3) if top else 0.0,
        "runs": len(one.runs),
        **{f"{name}_share": round(seconds / whole, 3) for name, seconds in stages.items()},
        "peak_mb": round(one.peak_mb),
        "chosen": "chosen" if chosen else None,
    }
