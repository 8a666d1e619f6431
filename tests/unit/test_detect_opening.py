"""Batch and workers from what photos cost, and the short look that finds it out."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import TinyJpeg
from tests.helpers.fake_trailcam import FakeDetector
from trailcam.detect.choose import fit as opening
from trailcam.detect.choose.fit import FITTED_FROM, Opened, fit, look
from trailcam.detect.choose.plan import Memory, Pace, Plan, fitted, plan, within_gpu
from trailcam.detect.model.find_weights import Weights
from trailcam.detect.model.protocol import RawDetections
from trailcam.machine import free_bytes

CPU = torch.device("cpu")
SECONDS = st.floats(1e-4, 10)


@pytest.fixture(autouse=True)
def _nobody_limits_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # torch's helpers set it in a process that used them


class Detector(FakeDetector):
    """Takes 2 ms for each batch."""

    def __init__(self) -> None:
        super().__init__(Weights(Path("none.pt"), "0" * 64, "test"), CPU)
        self.batches: list[int] = []

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        self.batches.append(len(pixels))
        time.sleep(0.002)
        return super().detect(pixels)


def opened(device: str = "cpu", detector: Detector | None = None, **asked: int) -> Opened:
    return Opened(detector or Detector(), torch.device(device), plan(device, cores=4, **asked))


def photos(folder: Path, tiny_jpeg: TinyJpeg, n: int) -> list[Path]:
    files = [folder / f"{i}.jpg" for i in range(n)]
    for file in files:
        file.write_bytes(tiny_jpeg())
    return files


# ---- what is chosen


@given(
    read_s=SECONDS,
    decode_s=SECONDS,
    infer_s=SECONDS,
    cores=st.integers(1, 64),
    on_cpu=st.booleans(),
    free=st.none() | st.integers(0, 10**12),
)
def test_what_is_chosen_can_be_run(
    read_s: float, decode_s: float, infer_s: float, cores: int, on_cpu: bool, free: int | None
) -> None:
    def choose(first: Plan) -> Plan:
        if on_cpu:
            pace = Pace(8, read_s, decode_s, infer_s)
            return fitted(first, pace, cores=cores, memory=Memory(free))
        return within_gpu(first, Memory(free, free))

    device = "cpu" if on_cpu else "cuda"
    first = plan(device, cores=cores)
    best = choose(first)
    assert 1 <= best.batch <= first.batch
    assert (best.workers == 0) == (on_cpu and cores <= 4)
    assert best.workers <= max(1, cores)
    assert best.reason.startswith(f"batch {best.batch}, workers {best.workers}")
    assert f": chosen for {cores} core" in best.reason
    assert ("free memory" in best.reason) <= (free is not None)
    asked = choose(plan(device, batch=3, workers=0, cores=cores))
    assert (asked.batch, asked.workers) == (3, 0)


@pytest.mark.parametrize(
    ("decode_ms", "infer_ms", "workers"),
    [
        (1, 20, 1),  # small photos: 16 cores compute one in 20 ms, and a sixteenth of a core decodes it
        (20, 20, 1),
        (320, 20, 8),  # large ones take as much of the cores to decode as to look at
        (5000, 1, 16),
    ],
)
def test_on_a_processor_decoding_gets_its_share_of_the_cores(
    decode_ms: float, infer_ms: float, workers: int
) -> None:
    pace = Pace(8, 0.0, decode_ms / 1000, infer_ms / 1000)
    best = fitted(plan("cpu", cores=16), pace, cores=16)
    assert best.workers == workers
    assert f"after 8 photos (decoding {decode_ms} ms of a core, model {infer_ms} ms)" in best.reason


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 1), (16, 15), (128, 32)])
def test_a_gpu_gets_its_batch_and_workers_by_rule(cores: int, workers: int) -> None:
    """Nothing is timed: a look would see kernels that are cold and memory that is new."""
    first = plan("cuda", cores=cores, photos=5000)
    assert (first.batch, first.workers) == (64, workers)
    machine = Opened(Detector(), torch.device("meta"), first)
    assert fit(machine, [Path("not there.jpg")] * 5000).plan.batch == 64


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_few_photos_are_decoded_in_threads(device: str) -> None:
    """Before processes would have started, they are done."""
    few, many = (plan(device, cores=16, photos=n) for n in (100, 1000))
    assert few.workers == 0
    assert many.workers > 0
    assert plan(device, cores=16, photos=100, workers=3).workers == 3


def test_files_that_come_slowly_get_more_workers() -> None:
    first = plan("cpu", cores=16)
    near, far = (fitted(first, Pace(8, read_s, 0.02, 0.004), cores=16) for read_s in (0.0, 0.2))
    assert (near.workers, far.workers) == (4, 9)


def test_little_memory_makes_batches_small_and_then_workers_few() -> None:
    pace = Pace(8, 0.0, 0.1, 0.01)
    first = plan("cpu", cores=8)
    sizes = [
        (best.batch, best.workers)
        for free in (64 * 10**9, 2 * 10**9, 10**9, 10**8)
        for best in [fitted(first, pace, cores=8, memory=Memory(free))]
    ]
    assert sizes[0] == (8, 5)
    assert sizes[-1] == (1, 1)
    assert sizes == sorted(sizes, reverse=True)
    tight = fitted(first, pace, cores=8, memory=Memory(10**8))
    assert tight.reason.endswith("reduced to fit the free memory")


def test_few_photos_are_spread_over_the_lanes() -> None:
    assert plan("cpu", cores=4, photos=12).batch == 3
    assert plan("cpu", cores=4, photos=1).batch == 1
    assert plan("cpu", cores=4, photos=1000).batch == 8


# ---- the look


def test_the_look_times_reading_decoding_and_the_model(tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    detector = Detector()
    pace = look(opened(detector=detector), photos(tmp_path, tiny_jpeg, 3))
    assert pace is not None
    assert pace.n_photos == 3
    assert pace.read_s > 0
    assert pace.decode_s > 0
    assert pace.infer_s >= 0.002 / 8
    assert set(detector.batches) == {8}


def test_broken_photos_are_left_out_and_nothing_but_these_tells_nothing(
    tmp_path: Path, tiny_jpeg: TinyJpeg
) -> None:
    (good,) = photos(tmp_path, tiny_jpeg, 1)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(good.read_bytes()[:100])
    gone = tmp_path / "gone.jpg"
    pace = look(opened(), [broken, gone, good])
    assert pace is not None
    assert pace.n_photos == 1
    assert look(opened(), [broken, gone]) is None


def test_a_drive_that_hangs_holds_nothing_up(
    tmp_path: Path, tiny_jpeg: TinyJpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, hangs = photos(tmp_path, tiny_jpeg, 2)

    def read(path: Path) -> bytes:
        if path == hangs:
            time.sleep(5)
        return path.read_bytes()

    monkeypatch.setattr(opening, "read_file", read)
    monkeypatch.setattr(opening, "_READ_S", 0.2)
    pace = look(opened(), [good, hangs])
    assert pace is not None
    assert pace.n_photos == 1


def test_a_short_run_and_one_with_nothing_open_is_not_looked_at(
    tmp_path: Path, tiny_jpeg: TinyJpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = photos(tmp_path, tiny_jpeg, 1)
    many = [file] * FITTED_FROM
    machine = opened()
    assert "after 8 photos" in fit(machine, many).plan.reason
    monkeypatch.setattr(opening, "look", lambda *_: pytest.fail("looked"))
    assert fit(machine, many[1:]) is machine
    assert fit(machine, many, stop=lambda: True) is machine
    settled = opened(batch=2, workers=1)
    assert fit(settled, many) is settled


def test_a_batch_that_was_asked_for_is_the_one_looked_at(tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    (file,) = photos(tmp_path, tiny_jpeg, 1)
    machine = opened(batch=5)
    best = fit(machine, [file] * FITTED_FROM).plan
    assert best == replace(machine.plan, workers=best.workers, reason=best.reason)
    assert best.batch == 5


# ---- memory


def test_free_memory_heeds_the_container(tmp_path: Path) -> None:
    assert 0 < free_bytes(tmp_path) == pytest.approx(free_bytes(tmp_path / "none"), rel=0.5)
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 100\ninactive_file 200\n")
    (tmp_path / "memory.max").write_text("1000\n")
    assert free_bytes(tmp_path) == 500
    (tmp_path / "memory.max").write_text("max\n")
    assert free_bytes(tmp_path) > 10**6


def test_free_memory_heeds_an_old_container(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("1000")
    (tmp_path / "memory" / "memory.usage_in_bytes").write_text("900")
    (tmp_path / "memory" / "memory.stat").write_text("inactive_file 0")
    assert free_bytes(tmp_path) == 100
