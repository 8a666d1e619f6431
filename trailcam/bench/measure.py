"""``trailcam bench``: the ceilings one by one, the pipeline beside them, and what limits it."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trailcam import __version__
from trailcam.bench.photos import SIZES, Photos, render, sample
from trailcam.files.windows_drive import SLOW_MB_S, advice, windows_drive
from trailcam.machine import usable_cores
from trailcam.reports.base import CellType, Column, Report, Row
from trailcam.words.text import count

if TYPE_CHECKING:
    from trailcam.settings.config import Settings

SOME = 10_000  # photos whose time is estimated if no folder is named
_RENDERED = 16
_MEASURED_S = 1.0  # a shorter run says nothing about its speed
_NOISE = 0.05  # further above a ceiling than this, the ceiling was measured wrongly
_COLUMNS = (
    Column("stage", "stage", CellType.TEXT),
    Column("photos_per_s", "photos/s", CellType.NUMBER, null="none"),
    Column("limits", "", CellType.TEXT, null=""),
    Column("how", "what was measured", CellType.TEXT, wraps=True),
)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Photos per second of each stage alone; None where there is no such stage.

    ``both`` is what decoding and inference reach together where they share the cores: the photo's time in one
    and in the other, each measured with all cores, add up.
    """

    read: float
    decode: float
    transfer: float | None
    infer: float
    write: float
    both: float | None

    @property
    def slowest(self) -> tuple[str, float]:
        """The stage that nothing can be faster than, and its photos per second."""
        named = {name: getattr(self, name) for name in self.__slots__}
        known = {name: float(rate) for name, rate in named.items() if rate is not None}
        return min(known.items(), key=lambda item: item[1])


def together(decode: float, infer: float) -> float:
    """Photos per second of two stages that take turns on the same cores."""
    return 1 / (1 / decode + 1 / infer)


def efficiency(speed: float, ceiling: float, measured_s: float) -> float | None:
    """The pipeline's photos per second over the slowest ceiling's; about 1 at most.

    None where too little was measured to say: the pipeline ran for ``measured_s`` below a second without its
    warm-up, or seems faster than its ceiling by more than noise makes it.
    """
    found = speed / ceiling
    return found if measured_s >= _MEASURED_S and found <= 1 + _NOISE else None


@contextmanager
def photos_for(root: Path | None, size: str, at_most: int, say: Say) -> Iterator[Photos]:
    """The photos to measure with: those of ``root``, else rendered ones of ``size`` (see SIZES)."""
    if root is not None:
        yield sample(root, at_most)
        return
    with tempfile.TemporaryDirectory(prefix="trailcam-bench-") as folder:
        say(f"Rendering {_RENDERED} photos of {size}.")
        yield render(Path(folder), _RENDERED, *SIZES[size])


def bench(
    settings: Settings,
    photos: Photos,
    *,
    seconds: float,
    stop: Callable[[], bool],
    say: Say,
) -> Report:
    """Measure each stage for ``seconds``, then the pipeline about as long. Writes to temporary files alone.

    Raises WeightsError, DeviceError, PipelineError.
    """
    from trailcam.bench import ceilings
    from trailcam.bench.machine import open_machine
    from trailcam.detect.model.device import describe

    say("Loading the model.")
    machine = open_machine(settings, photos)
    chosen, cores = machine.plan, usable_cores()
    # A ceiling is what the machine can do: on a processor, with all its cores.
    decoders = max(chosen.workers, cores) if machine.shares_cores else chosen.workers
    say("Reading and decoding.")
    read = ceilings.read_rate(photos, decoders, seconds)
    decode, batches = ceilings.decode_rate(machine, photos, decoders, seconds)
    say("Inference and writing.")
    transfer = ceilings.transfer_rate(machine, batches, seconds)
    infer = ceilings.infer_rate(machine, batches, seconds)
    found = Ceilings(
        read=read,
        decode=decode,
        transfer=transfer,
        infer=infer,
        write=ceilings.write_rate(),
        both=together(decode, infer) if machine.shares_cores else None,
    )
    say("The whole pipeline.")
    n = max(8 * chosen.batch, round(found.slowest[1] * seconds))
    whole = ceilings.pipeline(machine, photos, n, stop=stop, watch=True)
    facts = {
        "photos": photos.what,
        "bytes_per_photo": round(photos.bytes_each),
        "device": describe(machine.device),
        "precision": str(machine.detector.precision),
        "backend": str(machine.detector.backend),
        "weights": machine.weights,
        "batch": chosen.batch,
        "workers": chosen.workers,
        "cores": cores,
        "seconds": seconds,
        "versions": {"trailcam": __version__, "python": platform.python_version()},
    }
    report = _report(found, whole, decoders, facts, SOME if photos.rendered else photos.n_found)
    slow = _drive_note(photos.root, found.read * photos.bytes_each / 1e6)
    return replace(report, notes=[*report.notes, *slow])


def _drive_note(folder: Path, mb_s: float) -> list[str]:
    """A sentence where WSL reads the photos from a Windows drive, and slowly."""
    drive = windows_drive(folder)
    if drive is None or mb_s >= SLOW_MB_S:
        return []
    return [f"The photos lie on the Windows drive {drive}, which gave {mb_s:.0f} MB/s. {advice(drive)}"]


def _report(found: Ceilings, whole: Any, decoders: int, facts: dict[str, Any], library: int) -> Report:  # noqa: ANN401 - ceilings.Run, whose module imports torch
    limit, rate = found.slowest
    how = {
        "read": f"files opened and read by {max(1, decoders)} threads; from memory if the system has them",
        "decode": f"read and decoded by {decoders} workers, nothing else running",
        "transfer": "pixels moved to the device",
        "infer": "the model, from pixels in memory to boxes, nothing else running",
        "write": "results into a database of its own",
        "both": "decoding and inference on the same cores: their times for a photo add up",
    }
    rows: list[Row] = [
        {
            "stage": "decode + infer" if name == "both" else name,
            "photos_per_s": value and round(value, 1),
            "limits": "limits" if name == limit else None,
            "how": how[name],
        }
        for name in found.__slots__
        if (value := getattr(found, name)) is not None or name == "transfer"
    ]
    speed = whole.report.photos_per_s
    reached = efficiency(speed, rate, whole.report.wall_s - whole.report.warmup_s)
    settings = f"{facts['photos']}, batch {facts['batch']}, workers {facts['workers']}"
    rows.append({"stage": "pipeline", "photos_per_s": round(speed, 1), "limits": None, "how": settings})
    limits = "Decoding and inference together limit" if limit == "both" else f"{limit.capitalize()} limits"
    share = whole.database_s / whole.report.wall_s
    notes = [
        f"{facts['weights']} on {facts['device']}, {facts['backend']}, {facts['precision']}.",
        _reaches(reached),
        f"Peak memory {whole.peak_mb:,.0f} MB; the database took {share:.1%} of the pipeline's time.",
        *busy(int(facts["cores"])),
    ]
    coverage = {
        "efficiency": reached and round(reached, 3),
        "limit": limit,
        "pipeline_photos_per_s": round(speed, 2),
        "photos": whole.report.done,
        "failed": whole.report.failed,
        "peak_mb": round(whole.peak_mb, 1),
        "database_share": round(share, 5),
        "library": library,
        "library_s": round(library / speed, 1) if speed else None,
    }
    takes = f" {count(library, 'photo')} like these take {_duration(library / speed)}." if speed else ""
    return Report(
        "bench",
        "How fast this machine can go",
        facts,
        coverage,
        _COLUMNS,
        rows,
        notes=notes,
        headline=f"detect looks at {speed:.1f} photos/s here. {limits} the speed.{takes}",
    )


def _reaches(reached: float | None) -> str:
    if reached is None:
        return "Efficiency: the measurement was too short; try more photos or a larger --seconds."
    return f"Efficiency: the pipeline reaches {reached:.0%} of the slowest ceiling."


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return (
        f"{seconds:.0f} s"
        if minutes < 2
        else f"{minutes:.0f} min"
        if minutes < 120
        else f"{minutes / 60:.1f} h"
    )


def busy(cores: int) -> list[str]:
    """A sentence on other programs, if the machine had more work than cores."""
    try:
        load = os.getloadavg()[0]
    except (AttributeError, OSError):  # Windows has none
        return []
    # The measurement itself keeps all cores busy, with decoders waiting.
    if load <= 2 * cores + 1:
        return []
    return [
        f"Other programs were running (load {load:.0f} on {cores} cores): without them the figures would be "
        "higher."
    ]
