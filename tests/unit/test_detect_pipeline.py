"""The loop from jobs to sink, with a detector that finds coloured squares and real files."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.model.protocol import Detector, RawDetections
from trailcam.detect.pipeline import load_photos, processes
from trailcam.detect.pipeline.batching import Batch, Batcher, Chunk
from trailcam.detect.pipeline.inference import Inference
from trailcam.detect.pipeline.loader import LoaderOptions
from trailcam.detect.pipeline.loop import PipelineOptions, run
from trailcam.detect.pipeline.outcomes import Control, Job, PhotoSource, Snapshot
from trailcam.detect.pipeline.processes import Processes
from trailcam.detect.pipeline.read_file import read_file
from trailcam.detect.pipeline.ring import Ring, slot_bytes
from trailcam.detect.pipeline.run_report import PipelineReport
from trailcam.domain import Outcome, Status
from trailcam.errors import DeviceError, PipelineError, RootError
from trailcam.geometry import Letterbox

THREADS = LoaderOptions(workers=0, threads=2, chunk=3)


class RedSquares(Detector):
    """Finds the bounding box of strongly red pixels; class 1, confidence 0.9. Exact where they are sharp."""

    def __init__(self, *, delay_s: float = 0.0, most: int = 10**9) -> None:
        self.names = {0: "other", 1: "red"}
        self.frame = FrameSpec(160)
        self.model_key = "0" * 64
        self.sizes: list[int] = []
        self.warmed: tuple[int, int, int] | None = None
        self._delay_s = delay_s
        self._most = most

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        if len(pixels) > self._most:
            raise torch.OutOfMemoryError("pretended")
        time.sleep(self._delay_s)
        self.sizes.append(len(pixels))
        return [self._one(photo.numpy().astype(int)) for photo in pixels]

    def _one(self, photo: np.ndarray) -> RawDetections:
        ys, xs = np.nonzero((photo[..., 0] > 180) & (photo[..., 1] < 70))
        if not len(xs):
            return RawDetections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int16))
        box = np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], dtype=np.float32)
        return RawDetections(box, np.array([0.9], np.float32), np.array([1], np.int16))

    def warmup(self, height: int, width: int, batch: int) -> None:
        self.warmed = (height, width, batch)


class Memory:
    """A sink that keeps what it is given, flush by flush."""

    def __init__(self, write: Callable[[int], None] = lambda n: None) -> None:
        self.flushes: list[list[Outcome]] = []
        self._write = write

    def write(self, outcomes: Sequence[Outcome]) -> None:
        self._write(len(self.flushes))
        self.flushes.append(list(outcomes))

    @property
    def by_id(self) -> dict[int, Outcome]:
        rows = [o for flush in self.flushes for o in flush]
        assert len({o.image_id for o in rows}) == len(rows), "a photo was written twice"
        return {o.image_id: o for o in rows}


def photo(index: int, size: tuple[int, int] = (320, 240)) -> bytes:
    """Grey, with a red square whose place depends on ``index``; every third has none."""
    image = Image.new("RGB", size, (120, 120, 120))
    if index % 3:
        x, y = 16 * (index % 7), 16 * (index % 5)
        image.paste((255, 0, 0), (x, y, x + 80, y + 64))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def library(folder: Path, n: int) -> list[Job]:
    shapes = [(320, 240), (320, 240), (320, 240), (240, 320), (320, 180)]
    for i in range(n):
        (folder / f"{i:04}.jpg").write_bytes(photo(i, shapes[i % len(shapes)]))
    return [Job(i, 1, f"{i:04}.jpg") for i in range(n)]


def go(
    folder: Path,
    jobs: Sequence[Job] | Iterator[Job],
    sink: Memory,
    detector: Detector | None = None,
    *,
    batch: int = 4,
    flush_rows: int = 10,
    flush_seconds: float = 10.0,
    loader: LoaderOptions = THREADS,
    alive: Callable[[int], bool] = lambda root: True,
    stop: Callable[[], bool] = lambda: False,
) -> PipelineReport:
    options = PipelineOptions(batch, flush_rows, flush_seconds, loader)
    return run(PhotoSource(jobs, {1: folder}, alive), detector or RedSquares(), sink, options, Control(stop))


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    yield
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        names = [t.name for t in threading.enumerate() if t.name.startswith("trailcam")]
        children = multiprocessing.active_children()
        if not names and not children:
            return
        time.sleep(0.05)
    pytest.fail(f"left behind: {names} {children}")


def test_every_photo_gets_its_own_boxes_in_its_own_coordinates(tmp_path: Path) -> None:
    jobs, sink, detector = library(tmp_path, 40), Memory(), RedSquares()
    report = go(tmp_path, jobs, sink, detector)
    assert sink.by_id.keys() == set(range(40))
    for i, outcome in sink.by_id.items():
        assert outcome.status is Status.COMPLETED
        width, height = [(320, 240), (320, 240), (320, 240), (240, 320), (320, 180)][i % 5]
        assert (outcome.width, outcome.height) == (width, height)
        if i % 3 == 0:
            assert len(outcome.boxes) == 0
            continue
        x, y = 16 * (i % 7), 16 * (i % 5)
        right, bottom = min(x + 80, width), min(y + 64, height)
        wanted = [x / width, y / height, (right - x) / width, (bottom - y) / height]
        assert outcome.boxes[0] == pytest.approx(wanted, abs=1.5 / 160)
        assert outcome.class_id.tolist() == [1]
    assert report.completed == report.done == 40
    assert report.detections == {"red": 26}
    assert not report.interrupted
    assert detector.warmed == (128, 160, 4)
    assert max(detector.sizes) == 4


def test_results_do_not_depend_on_batches_workers_or_order(tmp_path: Path) -> None:
    jobs, first, second = library(tmp_path, 25), Memory(), Memory()
    go(tmp_path, jobs, first, batch=1, flush_rows=1)
    go(tmp_path, jobs[::-1], second, batch=16, loader=LoaderOptions(workers=0, threads=4, chunk=5))
    for i, outcome in first.by_id.items():
        other = second.by_id[i]
        assert (outcome.width, outcome.height) == (other.width, other.height)
        np.testing.assert_array_equal(outcome.boxes, other.boxes)


def test_failures_stand_beside_the_good_ones(tmp_path: Path) -> None:
    jobs = library(tmp_path, 12)
    (tmp_path / "0003.jpg").write_bytes(b"")
    (tmp_path / "0005.jpg").write_bytes(photo(5)[:900])
    (tmp_path / "0007.jpg").write_bytes(b"no image at all")
    (tmp_path / "0009.jpg").unlink()
    sink = Memory()
    report = go(tmp_path, jobs, sink)
    codes = {i: o.error_code for i, o in sink.by_id.items() if o.status is not Status.COMPLETED}
    assert codes == {3: "empty_file", 5: "truncated", 7: "not_an_image", 9: "vanished"}
    assert sink.by_id[9].status is Status.MISSING
    assert sink.by_id[9].width is None
    assert (report.completed, report.failed, report.missing) == (8, 3, 1)
    assert report.failures == {"empty_file": 1, "truncated": 1, "not_an_image": 1}


def test_jobs_may_come_from_a_generator_and_be_none(tmp_path: Path) -> None:
    jobs, sink = library(tmp_path, 7), Memory()
    assert go(tmp_path, (job for job in jobs), sink).completed == 7
    report = go(tmp_path, [], sink)
    assert (report.done, report.interrupted) == (0, False)
    assert report.bottleneck == "Nothing was measured."


def test_an_error_of_the_jobs_comes_through(tmp_path: Path) -> None:
    def jobs() -> Iterator[Job]:
        yield from library(tmp_path, 5)
        raise LookupError("the query failed")

    with pytest.raises(LookupError, match="the query failed"):
        go(tmp_path, jobs(), Memory())


def test_stop_finishes_the_batch_and_flushes_it(tmp_path: Path) -> None:
    jobs, sink, detector = library(tmp_path, 60), Memory(), RedSquares()
    report = go(tmp_path, jobs, sink, detector, flush_rows=1000, stop=lambda: len(detector.sizes) >= 3)
    assert report.interrupted
    assert 0 < report.completed < 60
    assert len(sink.by_id) == report.completed == sum(detector.sizes)
    rest = [job for job in jobs if job.image_id not in sink.by_id]
    assert not go(tmp_path, rest, sink).interrupted
    assert sink.by_id.keys() == set(range(60))


def test_stop_is_heard_while_nothing_comes(tmp_path: Path) -> None:
    library(tmp_path, 3)
    released = threading.Event()

    def jobs() -> Iterator[Job]:
        yield from library(tmp_path, 3)
        released.wait(30)

    began = time.monotonic()

    def stop() -> bool:
        asked = time.monotonic() - began > 1
        if asked:
            released.set()
        return asked

    report = go(tmp_path, jobs(), Memory(), stop=stop)
    assert report.interrupted
    assert time.monotonic() - began < 15


def test_a_failing_sink_ends_the_run_with_its_own_error(tmp_path: Path) -> None:
    jobs, detector = library(tmp_path, 60), RedSquares()

    def refuse(flush: int) -> None:
        if flush == 1:
            raise OSError(28, "No space left on device")

    sink = Memory(refuse)
    with pytest.raises(OSError, match="No space left"):
        go(tmp_path, jobs, sink, detector, flush_rows=4)
    assert len(sink.flushes) == 1


def test_a_sink_that_fails_at_the_last_flush_is_not_overlooked(tmp_path: Path) -> None:
    def refuse(flush: int) -> None:
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        go(tmp_path, library(tmp_path, 5), Memory(refuse), flush_rows=1000)


def test_a_failing_detector_keeps_what_was_flushed(tmp_path: Path) -> None:
    class Breaks(RedSquares):
        def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
            if len(self.sizes) == 4:
                raise PipelineError("nonsense")
            return super().detect(pixels)

    sink = Memory()
    with pytest.raises(PipelineError, match="nonsense"):
        go(tmp_path, library(tmp_path, 60), sink, Breaks(), flush_rows=4)
    assert sink.flushes


def test_a_root_that_goes_away_marks_nothing(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    jobs, sink = library(photos, 60), Memory()

    class Unplugs(RedSquares):
        def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
            if len(self.sizes) == 4 and photos.exists():
                photos.rename(tmp_path / "unplugged")
            return super().detect(pixels)

    with pytest.raises(RootError, match="disappeared") as raised:
        go(photos, jobs, sink, Unplugs(), flush_rows=8, alive=lambda root: photos.is_dir())
    assert "run the same command again" in raised.value.hint
    assert all(o.status is Status.COMPLETED for o in sink.by_id.values())
    assert len(sink.by_id) < 60


def test_a_slow_sink_does_not_stop_the_device(tmp_path: Path) -> None:
    jobs, detector = library(tmp_path, 30), RedSquares(delay_s=0.02)
    report = go(tmp_path, jobs, Memory(lambda n: time.sleep(0.05)), detector, batch=3, flush_rows=9)
    assert report.write_s >= 0.15
    assert report.write_wait_s < report.write_s / 2
    assert report.write_share == pytest.approx(report.write_s / report.wall_s)


def test_the_slowest_stage_is_named(tmp_path: Path) -> None:
    jobs = library(tmp_path, 30)
    slow_model = go(tmp_path, jobs, Memory(), RedSquares(delay_s=0.05))
    assert slow_model.bottleneck.startswith("The model")
    assert slow_model.infer_s >= 30 / 4 * 0.05
    slow_sink = go(tmp_path, jobs[:12], Memory(lambda n: time.sleep(0.1)), flush_rows=1, batch=1)
    assert slow_sink.bottleneck.startswith("The database")
    assert slow_sink.photos_per_s > 0


def test_flushes_come_with_time_too(tmp_path: Path) -> None:
    sink = Memory()
    go(tmp_path, library(tmp_path, 30), sink, RedSquares(delay_s=0.05), flush_rows=9999, flush_seconds=0.1)
    assert len(sink.flushes) > 2


def test_slow_writes_come_less_often(tmp_path: Path) -> None:
    """Due after each of 15 batches; but one write of 0.05 s is followed by a pause of 7.5 s."""
    sink = Memory(lambda n: time.sleep(0.05))
    go(tmp_path, library(tmp_path, 60), sink, RedSquares(delay_s=0.05), flush_rows=9999, flush_seconds=0)
    assert 2 <= len(sink.flushes) < 8
    by_number = Memory(lambda n: time.sleep(0.05))
    go(tmp_path, library(tmp_path, 60), by_number, flush_rows=4, flush_seconds=0)
    assert len(by_number.flushes) >= 8


def test_progress_ends_with_the_whole(tmp_path: Path) -> None:
    seen: list[Snapshot] = []

    class Watch:
        def update(self, snapshot: Snapshot) -> None:
            seen.append(snapshot)

    jobs = library(tmp_path, 9)
    options = PipelineOptions(batch=2, loader=THREADS)
    source = PhotoSource(jobs, {1: tmp_path}, lambda root: True)
    run(source, RedSquares(), Memory(), options, Control(progress=Watch()))
    assert (seen[-1].done, seen[-1].total, seen[-1].detections) == (9, 9, {"red": 6})


@pytest.mark.parametrize("most", [1, 3, 5])
def test_a_batch_too_large_for_the_device_is_halved(tmp_path: Path, most: int) -> None:
    jobs, sink, detector = library(tmp_path, 40), Memory(), RedSquares(most=most)
    report = go(tmp_path, jobs, sink, detector, batch=16)
    assert len(sink.by_id) == report.completed == 40
    assert 1 <= report.batch <= most
    assert max(detector.sizes) <= most


def test_memory_that_runs_out_late_is_met_too(tmp_path: Path) -> None:
    """On a GPU the shortage may show only when results are fetched, with another batch under way."""

    class Late(RedSquares):
        depth = 2

        def submit(self, pixels: torch.Tensor) -> Callable[[], list[RawDetections]]:
            return lambda: self.detect(pixels)

    jobs, sink = library(tmp_path, 40), Memory()
    assert go(tmp_path, jobs, sink, Late(most=2), batch=8).batch == 2
    assert sink.by_id.keys() == set(range(40))
    assert sum(len(o.boxes) for o in sink.by_id.values()) == 26


def test_a_device_without_room_for_one_photo_says_so(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="too little memory"):
        go(tmp_path, library(tmp_path, 4), Memory(), RedSquares(most=0))


def test_worker_processes_do_the_same_and_end(tmp_path: Path) -> None:
    jobs, alone, together = library(tmp_path, 30), Memory(), Memory()
    (tmp_path / "0004.jpg").write_bytes(b"")
    go(tmp_path, jobs, alone)
    report = go(tmp_path, jobs, together, loader=LoaderOptions(workers=2, chunk=4))
    assert report.completed == 29
    for i, outcome in alone.by_id.items():
        assert together.by_id[i].error_code == outcome.error_code
        np.testing.assert_array_equal(together.by_id[i].boxes, outcome.boxes)


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_a_killed_worker_is_an_error_with_a_name(tmp_path: Path) -> None:
    class Kills(RedSquares):
        def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
            for child in multiprocessing.active_children():
                child.kill()
            return super().detect(pixels)

    sink, began = Memory(), time.monotonic()
    jobs = library(tmp_path, 120)
    with pytest.raises(PipelineError, match="process that decodes photos died") as raised:
        go(tmp_path, jobs, sink, Kills(), loader=LoaderOptions(workers=1, chunk=4, ahead=1))
    assert "--workers" in raised.value.hint
    assert time.monotonic() - began < 60
    sink.by_id  # noqa: B018 - asserts that none was written twice


INTERRUPTED = """
import signal, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import torch
sys.path.insert(0, str(Path(sys.argv[2], "tests", "unit")))
from test_detect_pipeline import LoaderOptions, Memory, RedSquares, go, library

if __name__ == "__main__":
    asked = []
    signal.signal(signal.SIGINT, lambda *_: asked.append(1))
    folder, sink = Path(sys.argv[1]), Memory()
    jobs = library(folder, 200)
    print("ready", flush=True)
    report = go(folder, jobs, sink, RedSquares(delay_s=0.2), loader=LoaderOptions(workers=2, chunk=4),
                stop=lambda: bool(asked))
    print(report.interrupted, report.completed == len(sink.by_id), report.completed < 200, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a process group")
@pytest.mark.parametrize("after_s", [0.3, 6.0])
def test_ctrl_c_reaches_the_whole_group_and_ends_in_order(tmp_path: Path, after_s: float) -> None:
    """While the workers start, and while they work: no traceback, no lost result, no error."""
    script, root = tmp_path / "interrupted.py", Path(__file__).resolve().parents[2]
    script.write_text(INTERRUPTED)
    command = [sys.executable, str(script), str(tmp_path), str(root)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after_s)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (out, process.returncode) == ("True True True\n", 0)
    assert "Traceback" not in err


def test_silence_becomes_an_error(tmp_path: Path) -> None:
    released = threading.Event()

    def jobs() -> Iterator[Job]:
        yield from library(tmp_path, 4)
        released.wait(20)

    def stop() -> bool:
        return False

    timer = threading.Timer(4, released.set)
    timer.start()
    with pytest.raises(PipelineError, match="No photo could be read"):
        go(tmp_path, jobs(), Memory(), loader=LoaderOptions(workers=0, chunk=2, stall_s=1), stop=stop)
    timer.join()


def batch_of(n: int, shape: tuple[int, int] = (32, 64), first: int = 0) -> Batch:
    place = Letterbox(64, 32, 1, 1, 0, 0)
    pixels = torch.arange(first, first + n, dtype=torch.uint8)[:, None, None, None].expand(n, *shape, 3)
    return Batch(tuple(range(first, first + n)), pixels.contiguous(), (place,) * n)


def chunk_of(*batches: Batch) -> Chunk:
    return Chunk(batches, (), frozenset(), 0.0)


def test_the_batcher_keeps_photos_with_their_ids() -> None:
    batcher = Batcher(4)
    given = [batch_of(3), batch_of(6, first=3), batch_of(1, (64, 32), first=9), batch_of(4, first=10)]
    taken = [b for g in given for b in batcher.add(chunk_of(g))]
    assert all(len(b) == 4 for b in taken)
    taken += batcher.rest()
    assert sorted(i for b in taken for i in b.image_ids) == list(range(14))
    for batch in taken:
        assert batch.pixels[:, 0, 0, 0].tolist() == list(batch.image_ids)
    assert list(batcher.rest()) == []


def test_what_the_loader_lends_is_copied_before_it_is_taken_back() -> None:
    batcher = Batcher(4)
    lent = batch_of(4)
    (taken,) = batcher.add(replace(chunk_of(lent), lent=lambda: None))
    lent.pixels.fill_(99)  # the next chunk is written there
    assert taken.pixels[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    own = batch_of(4)
    (taken,) = batcher.add(chunk_of(own))
    assert taken.pixels.data_ptr() == own.pixels.data_ptr(), "copied without need"


def test_slots_are_used_over_and_over_by_photos_of_changing_shapes(tmp_path: Path) -> None:
    """Many more chunks than slots, and a consumer that is slower: nothing is overwritten too early."""
    jobs, alone, together = library(tmp_path, 60), Memory(), Memory()
    go(tmp_path, jobs, alone)
    again = [Job(60 * turn + job.image_id, 1, job.path) for turn in range(3) for job in jobs]
    options = LoaderOptions(workers=2, chunk=3, ahead=1)
    report = go(tmp_path, again, together, RedSquares(delay_s=0.01), loader=options)
    assert report.completed == 180
    for i, outcome in together.by_id.items():
        np.testing.assert_array_equal(alone.by_id[i % 60].boxes, outcome.boxes)


def test_little_shared_memory_leaves_fewer_workers_or_threads(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Docker gives 64 MB of it; a process that writes beyond dies of a bus error."""
    wanted = Processes(workers=15, ahead=2, held=4, stopped=lambda: False)
    each = slot_bytes(FrameSpec(640), 8)
    assert each == 8 * 640 * 640 * 3
    for free, workers in ((10**9, 15), (20 * each, 7), (5 * each, 0), (None, 15)):
        caplog.clear()
        monkeypatch.setattr(processes, "room", lambda free=free: free)
        fit = wanted.that_fit(each)
        assert fit.workers == workers
        assert not workers or free is None or fit.slots * each <= free
        assert ("--shm-size" in caplog.text) == (workers < 15)


@pytest.mark.parametrize("how", ["too little", "none"])
def test_a_run_without_shared_memory_uses_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def refused(*_: int) -> Ring:
        raise RuntimeError("unable to open shared memory object </torch_1_2> in read-write mode")

    if how == "none":
        monkeypatch.setattr(Ring, "of", refused)
    else:
        monkeypatch.setattr(processes, "room", lambda: 0)
    monkeypatch.setattr(processes, "DataLoader", lambda *_, **__: pytest.fail("a process was started"))
    report = go(tmp_path, library(tmp_path, 10), Memory(), loader=LoaderOptions(workers=2))
    assert report.completed == 10


def test_an_odd_shape_does_not_wait_for_ever() -> None:
    batcher = Batcher(4, max_wait_s=0.05)
    assert list(batcher.add(chunk_of(batch_of(1, (64, 32))))) == []
    time.sleep(0.06)
    assert [len(b) for b in batcher.add(chunk_of(batch_of(1)))] == [1]


@pytest.mark.parametrize("waits", [True, False])
def test_no_photo_is_lost_where_batches_become_smaller_meanwhile(waits: bool) -> None:
    batcher = Batcher(8, max_wait_s=60.0)
    assert [list(batcher.add(chunk_of(part))) for part in (batch_of(4), batch_of(3, first=4))] == [[], []]
    batcher.shrink(2)
    batcher._max_wait_s = 0.0 if waits else 60.0
    taken = list(batcher.overdue() if waits else batcher.rest())
    assert [batch.image_ids for batch in taken] == [(0, 1), (2, 3), (4, 5), (6,)]
    assert list(batcher.rest()) == []


def test_inference_returns_results_in_order_after_halving() -> None:
    inference = Inference(RedSquares(most=3), 8)
    pixels = torch.full((8, 32, 64, 3), 120, dtype=torch.uint8)
    for i in range(8):
        pixels[i, :4, : 4 + i] = torch.tensor([255, 0, 0], dtype=torch.uint8)
    batch = Batch(tuple(range(8)), pixels, (Letterbox(64, 32, 1, 1, 0, 0),) * 8)
    results = inference.collect(inference.submit(batch))
    assert [int(r.xyxy[0, 2]) for r in results] == [4 + i for i in range(8)]
    assert inference.limit == 2


@pytest.mark.parametrize(
    ("module", "banned"),
    [
        ("trailcam.detect.pipeline.loop", {"duckdb", "ultralytics"}),
        ("trailcam.detect.pipeline.loader", {"duckdb", "ultralytics"}),
        ("trailcam.detect.pipeline.outcomes", {"duckdb", "ultralytics", "torch", "cv2", "PIL"}),
        ("trailcam.detect.model.find_weights", {"duckdb", "ultralytics", "torch"}),
        ("trailcam.detect.model.device", {"duckdb", "ultralytics", "torch"}),
        ("trailcam.detect.choose.plan", {"duckdb", "ultralytics", "torch"}),
        ("trailcam.detect.pipeline.run_report", {"duckdb", "ultralytics", "torch"}),
        ("trailcam.detect.pipeline.decode", {"duckdb", "ultralytics", "torch"}),
    ],
)
def test_heavy_imports_stay_where_they_belong(module: str, banned: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert not banned & set(done.stdout.split())


def test_slow_opens_of_a_chunk_wait_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files of a chunk are asked for before the first is decoded, so that slow ones wait together."""
    together = threading.Barrier(8, timeout=20)

    def slow(path: Path) -> object:
        together.wait()  # one file after the other would never get past this
        return read_file(path)

    monkeypatch.setattr(load_photos, "read_file", slow)
    sink = Memory()
    report = go(tmp_path, library(tmp_path, 16), sink, loader=LoaderOptions(workers=0, threads=1, chunk=8))
    assert report.completed == len(sink.by_id) == 16
