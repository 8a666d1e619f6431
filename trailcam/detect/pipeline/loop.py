"""The loop: load, infer, write, and time each stage.

Reading and decoding happen in workers, writing in a thread, inference here. Results are
handed to the sink in flushes, each one transaction; a photo is done when its flush is. What
is in memory when a run ends early is simply not done, and the next run does it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sized
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from trailcam.detect.model.device import device_failures
from trailcam.detect.pipeline.batching import Batch, Batcher, Chunk
from trailcam.detect.pipeline.clips import Clips
from trailcam.detect.pipeline.held_failures import HeldFailures
from trailcam.detect.pipeline.inference import Inference, InFlight
from trailcam.detect.pipeline.loader import Loader, LoaderOptions
from trailcam.detect.pipeline.outcomes import Control, Job, PhotoSource, Progress, Sink, Snapshot
from trailcam.detect.pipeline.run_report import PipelineReport
from trailcam.detect.pipeline.writer import Writer
from trailcam.domain import FALLBACK_CONFIDENCE, Outcome, Status
from trailcam.errors import PipelineError, RootError
from trailcam.words.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trailcam.detect.model.protocol import Detector, RawDetections
    from trailcam.geometry import Letterbox

__all__ = ["Job", "Outcome", "PipelineOptions", "PipelineReport", "Progress", "Sink", "Snapshot", "run"]

_TICK_S = 0.2
_PROGRESS_S = 0.25
_PAUSE = 150  # between two writes, as a multiple of the last one's time
_LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """``batch`` photos go to the device at once. Results are written after ``flush_rows`` photos

    or ``flush_seconds``, whichever is first: what a crash can cost. Where a write is slow that may be up to
    a minute, so that writing takes no more than a 150th of the time. ``accept_failures`` marks photos
    as failed even where more than half of the run's photos fail. ``known_failures``: the ids of those of the
    run's photos that are marked as failed already; they don't count there.
    """

    batch: int = 8
    flush_rows: int = 8192
    flush_seconds: float = 10.0
    loader: LoaderOptions = field(default_factory=LoaderOptions)
    accept_failures: bool = False
    known_failures: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if self.batch < 1 or self.flush_rows < 1 or self.flush_seconds < 0:
            raise ValueError(f"impossible pipeline options: {self}")


def run(
    source: PhotoSource,
    detector: Detector,
    sink: Sink,
    options: PipelineOptions,
    control: Control | None = None,
) -> PipelineReport:
    """Look at every photo of ``source`` and write each outcome to the sink.

    After a stop by ``control`` the report says ``interrupted``. If a root is gone, RootError is raised and
    nothing that wasn't flushed is marked.

    Raises RootError; PipelineError when a worker dies, nothing can be read any more, or the
    model answers nonsense, or more than half of the photos fail (then none is marked as failed);
    DeviceError when the device fails or not even one photo fits it; and whatever
    the sink raises. No process or thread is left behind in any case.
    """
    with device_failures():
        return _Run(source, detector, sink, options, control or Control()).go()


class _Run:
    def __init__(
        self, source: PhotoSource, detector: Detector, sink: Sink, options: PipelineOptions, control: Control
    ) -> None:
        self._roots = source.roots
        self._detector = detector
        self._options = options
        self._root_alive = source.alive
        self._stop = control.stop
        self._progress = control.progress
        self._total = len(source.jobs) if isinstance(source.jobs, Sized) else None
        self._loader = Loader(source.jobs, source.roots, detector.frame, options.loader)
        self._batcher = Batcher(options.batch, pinned=detector.pinned)
        self._inference = Inference(detector, options.batch)
        self._flights: deque[InFlight] = deque()
        self._writer = Writer(sink)
        self._buffer: list[Outcome] = []
        self._clips = Clips()
        self._failures = HeldFailures(
            self._total, accept=options.accept_failures, known=options.known_failures
        )
        self._suspects: set[int] = set()
        self._report = PipelineReport(batch=options.batch)
        self._started = self._flushed = time.perf_counter()
        self._shown = 0.0

    def go(self) -> PipelineReport:
        try:
            with self._loader:
                self._loop()
                self._land(0)
            self._buffer += self._failures.rest(interrupted=self._report.interrupted)
            self._flush()
        finally:
            self._writer.close()
            self._report.write_s = self._writer.busy_s
        self._writer.check()
        self._report.batch = self._inference.limit
        self._report.wall_s = time.perf_counter() - self._started
        self._show(last=True)
        return self._report

    def _loop(self) -> None:
        for batch in self._batches():
            if batch is not None:
                self._infer(batch)
            self._writer.check()
            if self._due():
                self._flush()
            self._show()
            if self._stop():
                self._report.interrupted = True
                return

    def _batches(self) -> Iterator[Batch | None]:
        """Batches as they fill; None now and then, so that the loop can do other things."""
        chunk = self._warm_up()
        while chunk is not None or not self._loader.finished:
            if chunk is None:
                yield from self._batcher.overdue()
            else:
                self._note(chunk)
                yield from self._batcher.add(chunk)
            yield None
            chunk = self._next_chunk(_TICK_S)
        yield from self._batcher.rest()

    def _warm_up(self) -> Chunk | None:
        """Warm the model for the first photos' shape while the workers start; wait for those photos."""
        side = self._detector.frame.imgsz
        chunk: Chunk | None = None
        shape = self._detector.frame.fit(4 * side, 3 * side)[0]
        self._inference.warmup(*shape)
        self._batcher.shrink(self._inference.limit)
        while chunk is None and not self._loader.finished and not self._stop():
            chunk = self._next_chunk(_TICK_S)
        self._report.load_wait_s = 0.0
        self._report.warmup_s = time.perf_counter() - self._started
        self._loader.waited(self._report.warmup_s)
        return chunk

    def _next_chunk(self, timeout_s: float) -> Chunk | None:
        started = time.perf_counter()
        try:
            return self._loader.get(timeout_s)
        except PipelineError:
            # A signal to the whole process group ends the workers too. That is no error.
            if not self._stop():
                raise
            self._loader.finished = True
            return None
        finally:
            self._report.load_wait_s += time.perf_counter() - started

    def _note(self, chunk: Chunk) -> None:
        self._report.decode_s += chunk.decode_s
        if chunk.suspect_roots:
            self._suspects |= chunk.suspect_roots
            self._check_roots()
        self._keep(chunk.outcomes)
        for part in chunk.parts:
            self._keep(self._clips.decoded(part))

    def _infer(self, batch: Batch) -> None:
        started = time.perf_counter()
        self._flights.append(self._inference.submit(batch))
        self._report.infer_s += time.perf_counter() - started
        self._land(self._detector.depth - 1)

    def _land(self, allowed: int) -> None:
        """Collect results until at most ``allowed`` batches are with the device."""
        while len(self._flights) > allowed:
            started = time.perf_counter()
            flight = self._flights.popleft()
            results = self._inference.collect(flight)
            self._batcher.shrink(self._inference.limit)
            spent = time.perf_counter() - started
            self._report.infer_s += spent
            self._loader.waited(spent)
            batch = flight.batch
            rows = zip(batch.image_ids, batch.places, results, strict=True)
            seen = [_completed(image_id, place, raw) for image_id, place, raw in rows]
            self._keep(seen if batch.frame_s is None else self._gather(batch.frame_s, seen))

    def _gather(self, frame_s: Sequence[float | None], seen: Sequence[Outcome]) -> list[Outcome]:
        """The photos of a batch that has frames of videos, too, and the videos that are done with it."""
        done: list[Outcome] = []
        for at_s, outcome in zip(frame_s, seen, strict=True):
            done += [outcome] if at_s is None else self._clips.looked_at(at_s, outcome)
        self._report.frames += len(frame_s) - frame_s.count(None)
        return done

    def _keep(self, outcomes: Sequence[Outcome]) -> None:
        self._buffer.extend(self._failures.sift(outcomes))
        names, thresholds = self._detector.names, self._detector.thresholds
        for outcome in outcomes:
            if outcome.status is Status.COMPLETED:
                self._report.completed += 1
                for c, sure in zip(outcome.class_id.tolist(), outcome.confidence.tolist(), strict=True):
                    name = names.get(c, str(c))
                    self._report.detections[name] += 1
                    self._report.counting[name] += sure >= thresholds.get(c, FALLBACK_CONFIDENCE)
            elif outcome.status is Status.MISSING:
                self._report.missing += 1
            else:
                self._report.failed += 1
                self._report.failures[outcome.error_code or ""] += 1
        self._buffer.extend(self._failures.released())

    def _due(self) -> bool:
        if not self._buffer:
            return False
        if len(self._buffer) >= self._options.flush_rows:
            return True
        pause = max(self._options.flush_seconds, min(self._writer.last_s * _PAUSE, _LONGEST_PAUSE_S))
        return time.perf_counter() - self._flushed >= pause

    def _flush(self) -> None:
        self._flushed = time.perf_counter()
        if not self._buffer:
            return
        self._check_roots()
        self._suspects.clear()
        outcomes, self._buffer = self._buffer, []
        started = time.perf_counter()
        self._writer.submit(outcomes)
        spent = time.perf_counter() - started
        self._report.write_wait_s += spent
        self._loader.waited(spent)

    def _check_roots(self) -> None:
        for root_id in sorted(self._suspects):
            if not self._root_alive(root_id):
                raise RootError(
                    f"The folder {printable(str(self._roots[root_id]))} disappeared during the run.",
                    "The drive was probably unmounted or the network share dropped. No photo was marked"
                    " as missing because of that. Bring it back and run the same command again: finished"
                    " photos are saved.",
                )

    def _show(self, *, last: bool = False) -> None:
        now = time.perf_counter()
        if self._progress is None or (now - self._shown < _PROGRESS_S and not last):
            return
        self._shown = now
        report = self._report
        self._progress.update(
            Snapshot(
                completed=report.completed,
                failed=report.failed,
                missing=report.missing,
                total=self._total,
                detections=dict(report.detections),
                counting=dict(+report.counting),
                elapsed_s=now - self._started,
            )
        )


def _completed(image_id: int, place: Letterbox, raw: RawDetections) -> Outcome:
    boxes = place.to_xywhn(raw.xyxy)
    inside = (boxes[:, 2] > 0) & (boxes[:, 3] > 0)  # a box that lay in the padding alone is gone now
    return Outcome(
        image_id,
        Status.COMPLETED,
        width=place.width,
        height=place.height,
        boxes=boxes[inside],
        confidence=np.clip(raw.confidence[inside], 0, 1),
        class_id=raw.class_id[inside],
        class_probability=None if raw.probability is None else np.clip(raw.probability[inside], 0, 1),
    )
