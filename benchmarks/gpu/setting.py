"""What all parts share: the device, made photos, models, frames; and the machine in words."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image

from trailcam.detect.model.device import GpuMonitor, describe, resolve
from trailcam.detect.model.find_weights import STARTER, Weights, find_weights, sha256_of
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.protocol import Detector
from trailcam.detect.model.two_stage import build_finder
from trailcam.detect.model.two_stage_file import read_container
from trailcam.detect.model.vision_ops import library, works_on
from trailcam.detect.pipeline.decode import Decoded, decode
from trailcam.machine import usable_cores
from trailcam.samples.deer import Pose
from trailcam.samples.scene import Animal, View, background, place

SETS = {"3MP": (2048, 1536, 48, 3000), "16MP": (4608, 3456, 16, 1000), "2MP_wide": (1920, 1080, 16, 64)}
"""Width and height, px, of a set; how many photos are drawn for it, and how many copies are made."""

_DRAWN_HEIGHT = 768  # px; then enlarged
_LOADER = """
import time; began = time.perf_counter()
import trailcam.detect.pipeline.processes
import psutil; memory = psutil.Process().memory_full_info()
print(round(time.perf_counter() - began, 2), round(memory.rss / 1e6), round(memory.uss / 1e6))
"""


@dataclass(slots=True)
class Setting:
    """``scale`` (0..1) of the sets and of what is tried; ``budget``: seconds; ``work``: a folder to fill."""

    name: str
    scale: float
    budget: float
    work: Path
    weights: Path | None = None
    began: float = field(default_factory=time.monotonic)
    _detectors: dict[tuple[str, str, str], Detector] = field(default_factory=dict)
    _frames: dict[str, list[np.ndarray]] = field(default_factory=dict)

    @property
    def on_cuda(self) -> bool:
        """Whether it is an NVIDIA GPU."""
        return self.name.startswith("cuda")

    @property
    def device(self) -> torch.device:
        """The device, as detect finds it."""
        return resolve(self.name)

    def left(self) -> float:
        """Seconds until the time is over."""
        return self.budget - (time.monotonic() - self.began)

    def scaled(self, n: float, least: int = 1) -> int:
        """``n`` in a whole check."""
        return max(least, round(n * self.scale))

    def sync(self) -> None:
        """Wait until the device is done."""
        if self.on_cuda:
            torch.cuda.synchronize()

    def photos(self, name: str) -> Path:
        """The folder of a set."""
        return self.work / "photos" / name / "station"

    def drawn(self, name: str) -> list[Path]:
        """The different photos of a set."""
        return sorted((self.work / "drawn" / name).iterdir())

    def model(self, which: str) -> Weights:
        """``starter``; or ``one_stage``: the weights that were given, else the starter's first stage."""
        if which == "starter":
            return find_weights(STARTER)
        path = self.weights or self.work / "first_stage.pt"
        if not path.is_file():
            container = read_container(STARTER)
            assert container is not None
            net: Any = build_finder(container, "starter", fuse=False).train()
            net.args, net.task = {"imgsz": 640, "task": "detect"}, "detect"
            saved = {"model": net.half(), "train_args": net.args, "version": "8", "date": ""}
            torch.save(saved, path)
        return Weights(path, sha256_of(path), "the check")

    def detector(
        self, which: str = "starter", precision: str = "auto", on: torch.device | None = None
    ) -> Any:  # noqa: ANN401 - its parts are looked at
        """A model on the device, or ``on`` another; each is opened once."""
        where = on or self.device
        key = (which, precision, str(where))
        if key not in self._detectors:
            options = ModelOptions(precision=Precision(precision))
            self._detectors[key] = open_detector(self.model(which), where, options)
        return self._detectors[key]

    def frames(self, n: int, name: str = "3MP") -> list[np.ndarray]:
        """Decoded frames (h, w, 3) of one shape, over and over."""
        if name not in self._frames:
            seen = [decode(path.read_bytes(), self.detector().frame) for path in self.drawn(name)]
            self._frames[name] = [one.pixels for one in seen if isinstance(one, Decoded)]
        kept = self._frames[name]
        return [kept[i % len(kept)] for i in range(n)]

    def batch(self, n: int, name: str = "3MP") -> torch.Tensor:
        """Frames as a detector takes them, (n, h, w, 3) uint8."""
        return torch.from_numpy(np.stack(self.frames(n, name)))


def env(setting: Setting) -> dict[str, Any]:
    """The machine, the versions, and what a process that decodes costs to start."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": usable_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "shm_gb": _size("/dev/shm"),
        "torch": torch.__version__,
        "torch_cuda": torch.version.cuda,
        "versions": {name: _version(name) for name in ("torchvision", "ultralytics", "duckdb", "simplejpeg")},
        "device": describe(setting.device),
        "monitor": str(GpuMonitor(setting.device).read()),
        "torchvision_library": getattr(library(), "name", None),
        "torchvision_on_the_device": works_on(setting.device.type),
    }
    if setting.on_cuda:
        properties = torch.cuda.get_device_properties(setting.device)
        found["gpu"] = {
            "name": properties.name,
            "capability": f"{properties.major}.{properties.minor}",
            "gb": round(properties.total_memory / 2**30, 1),
            "built_for": torch.cuda.get_arch_list(),
        }
    done = subprocess.run(
        [sys.executable, "-c", _LOADER], capture_output=True, text=True, check=True, timeout=120
    )
    seconds, rss, uss = done.stdout.split()
    found["decoding_process"] = {"s": float(seconds), "rss_mb": int(rss), "uss_mb": int(uss)}
    return found


def photos(setting: Setting) -> dict[str, Any]:
    """Draw the sets, and copy each photo under a number of its own."""
    result = {}
    with ProcessPoolExecutor(min(usable_cores(), 16), mp_context=get_context("spawn")) as pool:
        for name, (width, height, n_drawn, n_files) in SETS.items():
            began = time.perf_counter()
            folder = setting.work / "drawn" / name
            folder.mkdir(parents=True, exist_ok=True)
            n = max(4, round(n_drawn * min(1.0, setting.scale * 4)))
            list(pool.map(_draw, [(str(folder), i, width, height) for i in range(n)]))
            n_made = setting.scaled(n_files, 24)
            _copy(setting.drawn(name), setting.photos(name), n_made)
            result[name] = {"drawn": n, "files": n_made, "s": round(time.perf_counter() - began, 1)}
    return result


def _draw(job: tuple[str, int, int, int]) -> None:
    """One rendered view with none to three deer and a sensor's noise, as JPEG."""
    folder, number, width, height = job
    rng = np.random.default_rng(number)
    view = View(round(_DRAWN_HEIGHT * width / height), _DRAWN_HEIGHT, 7 + number % 6)
    night, season = number % 4 == 3, ("summer", "winter")[number % 2]
    image = background(view, night=night, season=season)
    for n in range((0, 1, 2, 1, 3, 0, 1, 2)[number % 8]):
        ground = rng.uniform(0.66, 0.88)
        kind = ("doe", "mature", "young", "fawn", "mid")[int(rng.integers(5))]
        x = min(0.85, max(0.15, 0.25 + 0.25 * n + rng.uniform(-0.1, 0.1)))
        pose = Pose(rng.uniform(0.1, 1.2), rng.uniform(0.2, 0.8), bool(rng.integers(2)))
        animal = Animal(kind, x, ground, 0.16 + 0.5 * (ground - 0.6), pose)
        place(image, view, animal, rng, night=night, season=season)
    pixels = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    tile = rng.normal(0, 5.0, (512, 512, 1)).astype(np.int16)
    noise = np.tile(tile, (height // 512 + 1, width // 512 + 1, 1))[:height, :width]
    whole = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    Image.fromarray(whole).save(Path(folder, f"drawn_{number:04}.jpg"), "JPEG", quality=88)


def _copy(drawn: list[Path], folder: Path, n: int) -> None:
    """``n`` files of their own bytes: a drawn one with a comment that holds the number."""
    folder.mkdir(parents=True, exist_ok=True)
    data = [path.read_bytes() for path in drawn]
    for i in range(n):
        note = f"copy {i:08}".encode()
        comment = b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note
        whole = data[i % len(data)]
        (folder / f"IMG_{i:05}.JPG").write_bytes(whole[:2] + comment + whole[2:])


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _size(folder: str) -> float | None:
    return round(shutil.disk_usage(folder).total / 1e9, 2) if os.path.isdir(folder) else None  # noqa: PTH112
