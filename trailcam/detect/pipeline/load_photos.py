"""A few jobs -> their decoded photos: what threads and processes that decode run. Imports torch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import torch

from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.pipeline.batching import Batch, Chunk, Shape
from trailcam.detect.pipeline.clips import ClipPart, Group, PartDone, decode_part
from trailcam.detect.pipeline.decode import Decoded, Failed, decode
from trailcam.detect.pipeline.failures import FailureCode
from trailcam.detect.pipeline.outcomes import Job
from trailcam.detect.pipeline.read_file import Missing, read_file
from trailcam.domain import Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

READERS = 8  # files of a chunk that are opened side by side

Places = Callable[[Sequence[tuple[int, Shape]]], list[torch.Tensor]]
"""Gives, for each (n, (height, width)), memory for such frames (n, height, width, 3) uint8."""


def _own(shapes: Sequence[tuple[int, Shape]]) -> list[torch.Tensor]:
    return [torch.empty((n, *shape, 3), dtype=torch.uint8) for n, shape in shapes]


@dataclass(frozen=True, slots=True)
class PhotoReader:
    """Jobs -> their chunk. ``roots``: paths by id; ``full``: never decode at a smaller size."""

    roots: Mapping[int, str]
    frame: FrameSpec
    full: bool

    def load(self, jobs: Group, places: Places = _own) -> Chunk:
        """The chunk of ``jobs``, whose frames are written into ``places``."""
        if isinstance(jobs, ClipPart):
            return self._part(jobs, places)
        started = time.perf_counter()
        good: dict[Shape, list[tuple[int, Decoded]]] = {}
        others: list[Outcome] = []
        suspects: set[int] = set()
        for job, result in self._loaded(jobs):
            if isinstance(result, Decoded):
                shape = (result.pixels.shape[0], result.pixels.shape[1])
                good.setdefault(shape, []).append((job.image_id, result))
                continue
            others.append(_outcome(job, result))
            if isinstance(result, Missing) or result.code is FailureCode.UNREADABLE:
                suspects.add(job.root_id)
        into = places([(len(photos), shape) for shape, photos in good.items()])
        return Chunk(
            tuple(_stack(photos, pixels) for photos, pixels in zip(good.values(), into, strict=True)),
            tuple(others),
            frozenset(suspects),
            time.perf_counter() - started,
        )

    def _part(self, part: ClipPart, places: Places) -> Chunk:
        started = time.perf_counter()
        job = part.job
        found = decode_part(Path(self.roots[job.root_id], job.path), part.span, self.frame)
        if not isinstance(found, list):
            suspect = isinstance(found, Missing) or found.code is FailureCode.UNREADABLE
            done = PartDone(job.image_id, part.of, failed=_outcome(job, found))
            roots = frozenset({job.root_id} if suspect else ())
            return Chunk((), (), roots, time.perf_counter() - started, parts=(done,))
        times = tuple(at_s for at_s, _ in found)
        batches: tuple[Batch, ...] = ()
        if found:
            height, width = found[0][1].pixels.shape[:2]
            (pixels,) = places([(len(found), (height, width))])
            frames = [(job.image_id, frame) for _, frame in found]
            batches = (replace(_stack(frames, pixels), frame_s=times),)
        done = PartDone(job.image_id, part.of, times)
        return Chunk(batches, (), frozenset(), time.perf_counter() - started, parts=(done,))

    def _loaded(self, jobs: tuple[Job, ...]) -> Iterator[tuple[Job, Decoded | Failed | Missing]]:
        """All files are read side by side while the first is decoded: opens on a share wait together."""
        with ThreadPoolExecutor(min(len(jobs), READERS), thread_name_prefix="trailcam-read") as readers:
            for job, data in zip(jobs, readers.map(self._read, jobs), strict=True):
                yield job, decode(data, self.frame, full=self.full) if isinstance(data, bytes) else data

    def _read(self, job: Job) -> bytes | Failed | Missing:
        return read_file(Path(self.roots[job.root_id], job.path))


def _outcome(job: Job, result: Failed | Missing) -> Outcome:
    if isinstance(result, Missing):
        return Outcome(
            job.image_id,
            Status.MISSING,
            error_code=FailureCode.VANISHED.value,
            error_message=result.message,
        )
    return Outcome(job.image_id, Status.FAILED, error_code=result.code.value, error_message=result.message)


def _stack(photos: list[tuple[int, Decoded]], pixels: torch.Tensor) -> Batch:
    for row, (_, photo) in zip(pixels.numpy(), photos, strict=True):
        row[...] = photo.pixels
    return Batch(tuple(i for i, _ in photos), pixels, tuple(p.place for _, p in photos))


def quiet_decoders() -> None:
    """For a process whose photos are decoded side by side."""
    cv2.setNumThreads(1)  # one thread per photo: the photos run in parallel
    warnings.filterwarnings("ignore", module=r"PIL(\..*)?$")
