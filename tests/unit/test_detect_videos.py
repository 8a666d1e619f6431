"""Videos in the pipeline: frames in batches with photos, one outcome for each video, nothing half done."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.clips import red_square, write_clip
from tests.unit.test_detect_pipeline import Memory, RedSquares, library
from trailcam.detect.model.protocol import RawDetections
from trailcam.detect.pipeline.clips import parts_of
from trailcam.detect.pipeline.loader import LoaderOptions
from trailcam.detect.pipeline.loop import PipelineOptions, run
from trailcam.detect.pipeline.outcomes import Control, Job, PhotoSource, Video
from trailcam.detect.pipeline.run_report import PipelineReport
from trailcam.domain import Status
from trailcam.errors import RootError

THREADS = LoaderOptions(workers=0, threads=2, chunk=3)


def go(
    folder: Path,
    jobs: list[Job],
    sink: Memory,
    *,
    detector: RedSquares | None = None,
    loader: LoaderOptions = THREADS,
    control: Control | None = None,
    alive: bool = True,
) -> PipelineReport:
    source = PhotoSource(jobs, {1: folder}, lambda root: alive)
    return run(source, detector or RedSquares(), sink, PipelineOptions(batch=4, loader=loader), control)


def clip(folder: Path, image_id: int, seconds: float, *, every_s: float = 1.0, gop: int = 10) -> Job:
    """A square that appears after two seconds and moves on by 16 px a second."""
    moving = red_square(place=lambda at_s: 16 * int(at_s) if at_s >= 2 else None)
    write_clip(folder / f"{image_id}.mp4", moving, seconds=seconds, gop=gop)
    return Job(image_id, 1, f"{image_id}.mp4", Video(every_s, seconds))


@pytest.mark.parametrize("loader", [THREADS, LoaderOptions(workers=1, chunk=3)], ids=["threads", "processes"])
def test_frames_and_photos_share_batches(tmp_path: Path, loader: LoaderOptions) -> None:
    jobs = [*library(tmp_path, 7), clip(tmp_path, 100, 11), clip(tmp_path, 101, 3)]
    sink, detector = Memory(), RedSquares()
    report = go(tmp_path, jobs, sink, detector=detector, loader=loader)
    assert (report.completed, report.failed, report.frames) == (9, 0, 14)
    assert len(sink.by_id) == 9
    long, short, photo = sink.by_id[100], sink.by_id[101], sink.by_id[1]
    assert long.frames == pytest.approx(range(11))
    assert long.frame_s is not None
    assert sorted(long.frame_s.tolist()) == pytest.approx(range(2, 11))
    for at_s, box in zip(long.frame_s, long.boxes, strict=True):
        assert box[0] * 320 == pytest.approx(16 * round(float(at_s)), abs=4)
    assert (long.width, long.height) == (320, 240)
    assert short.frames == pytest.approx(range(3))
    assert (photo.frames, photo.frame_s) == (None, None)


def test_a_video_without_anything_is_a_blank_of_its_frames(tmp_path: Path) -> None:
    sink = Memory()
    go(tmp_path, [clip(tmp_path, 5, 2)], sink)
    (outcome,) = sink.by_id.values()
    assert (outcome.status, len(outcome.confidence), outcome.frames) == (Status.COMPLETED, 0, (0.0, 1.0))


def test_memory_is_bounded_by_frames_in_flight(tmp_path: Path) -> None:
    """Ten minutes are parts of some frames each, like ten seconds."""
    long = Job(1, 1, "a.mp4", Video(1.0, 600.0))
    parts = parts_of(long, 8)
    assert all(part.span.most == 8 for part in parts)
    assert [part.span.first for part in parts] == list(range(0, 601, 8))
    assert {part.of for part in parts} == {76}
    assert parts[-1].span.stop is None
    assert [part.span.stop for part in parts[:-1]] == [part.span.first for part in parts[1:]]
    assert len(parts_of(Job(1, 1, "a.mp4", Video(1.0, None)), 8)) == 1
    assert len(parts_of(Job(1, 1, "a.mp4", Video(1.0, 7.9)), 8)) == 1
    assert len(parts_of(Job(1, 1, "a.mp4", Video(1.0, 10.0)), 8)) == 2


@pytest.mark.parametrize("seconds", [5, 10, 30, 60])
def test_clips_of_any_length_are_seen_once_a_second(tmp_path: Path, seconds: int) -> None:
    sink = Memory()
    go(tmp_path, [clip(tmp_path, 1, seconds, gop=50)], sink)
    assert sink.by_id[1].frames == pytest.approx(range(seconds), abs=0.4)


def test_a_length_that_is_wrong_loses_nothing_and_fills_no_memory(tmp_path: Path) -> None:
    sink = Memory()
    short, long = clip(tmp_path, 1, 9), clip(tmp_path, 2, 9)
    jobs = [Job(1, 1, short.path, Video(1.0, 30.0)), Job(2, 1, long.path, Video(1.0, 2.0))]
    report = go(tmp_path, jobs, sink)
    assert report.completed == 2
    assert sink.by_id[1].frames == pytest.approx(range(9))
    assert sink.by_id[2].frames == pytest.approx(range(0, 9, 4))  # at most three at once, spread over all


def test_a_video_that_fails_or_is_gone_is_one_outcome(tmp_path: Path) -> None:
    whole = clip(tmp_path, 1, 9)
    (tmp_path / "cut.mp4").write_bytes((tmp_path / whole.path).read_bytes()[:2000])
    jobs = [whole, Job(2, 1, "cut.mp4", Video(1.0, 9.0)), Job(3, 1, "gone.mp4", Video(1.0, 9.0))]
    sink = Memory()
    report = go(tmp_path, jobs, sink)
    assert (report.completed, report.failed, report.missing) == (1, 1, 1)
    assert (sink.by_id[2].status, sink.by_id[2].error_code) == (Status.FAILED, "no_index")
    assert sink.by_id[3].status is Status.MISSING
    with pytest.raises(RootError):
        go(tmp_path, [Job(3, 1, "gone.mp4", Video(1.0, 9.0))], Memory(), alive=False)


class StopsAfter(RedSquares):
    """Asks for a stop after its first batch."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = False

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        self.asked = True
        return super().detect(pixels)


def test_a_stop_leaves_no_video_half_done(tmp_path: Path) -> None:
    detector, sink = StopsAfter(), Memory()
    jobs = [clip(tmp_path, n, 12) for n in range(3)]
    report = go(tmp_path, jobs, sink, detector=detector, control=Control(stop=lambda: detector.asked))
    assert report.interrupted
    done = {image_id for flush in sink.flushes for image_id in (o.image_id for o in flush)}
    assert len(done) < 3
    for flush in sink.flushes:
        for outcome in flush:
            assert outcome.frames == pytest.approx(range(12))
    rest = Memory()
    go(tmp_path, [job for job in jobs if job.image_id not in done], rest)
    assert set(rest.by_id) | done == {0, 1, 2}


def test_boxes_are_the_surest_first(tmp_path: Path) -> None:
    class Rising(RedSquares):
        def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
            found = super().detect(pixels)
            return [
                RawDetections(
                    one.xyxy, one.confidence * np.float32(0.1 + one.xyxy[:, 0].sum() / 200), one.class_id
                )
                for one in found
            ]

    sink = Memory()
    go(tmp_path, [clip(tmp_path, 1, 8)], sink, detector=Rising())
    (outcome,) = sink.by_id.values()
    assert outcome.frame_s is not None
    assert outcome.confidence.tolist() == sorted(outcome.confidence.tolist(), reverse=True)
    assert outcome.frame_s[0] == pytest.approx(7)
