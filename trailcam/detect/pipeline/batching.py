"""Photos of equal frame shape, gathered into batches. Imports torch."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trailcam.detect.pipeline.clips import PartDone
    from trailcam.domain import Outcome
    from trailcam.geometry import Letterbox

Shape = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Photos that share a frame shape.

    ``pixels``: (n, height, width, 3) uint8 RGB on the CPU; ``image_ids`` and ``places`` have
    length n and the same order. So has ``frame_s`` where frames of videos are among them: their times in
    seconds, None for photos.
    """

    image_ids: tuple[int, ...]
    pixels: torch.Tensor
    places: tuple[Letterbox, ...]
    frame_s: tuple[float | None, ...] | None = None

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def shape(self) -> Shape:
        return int(self.pixels.shape[1]), int(self.pixels.shape[2])

    def split(self, size: int) -> list[Batch]:
        """Parts of at most ``size`` photos, which share this batch's memory."""
        return [self.part(i, i + size) for i in range(0, len(self), size)]

    def part(self, first: int, end: int) -> Batch:
        """The photos ``first`` to ``end`` (excluded), which share this batch's memory."""
        here = slice(first, end)
        frame_s = self.frame_s[here] if self.frame_s else None
        return Batch(self.image_ids[here], self.pixels[here], self.places[here], frame_s)

    @property
    def times(self) -> tuple[float | None, ...]:
        """Of each the time of its frame, None of a photo."""
        return self.frame_s or (None,) * len(self)


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """What a loader's worker hands back for a few jobs: good photos by shape, and the others.

    ``suspect_roots`` are the roots of photos that were missing or unreadable: reason to ask
    whether the root itself is still there. ``lent``: the pixels lie in memory that is used again after
    this is called, as the loader does when it is asked for the next chunk; None where they don't.
    ``parts`` are those of videos whose frames are among the good.
    """

    batches: tuple[Batch, ...]
    outcomes: tuple[Outcome, ...]
    suspect_roots: frozenset[int]
    decode_s: float
    lent: Callable[[], None] | None = None
    parts: tuple[PartDone, ...] = ()


@dataclass(slots=True)
class _Bucket:
    """Photos of one shape, in memory for a whole batch."""

    since: float
    pixels: torch.Tensor
    image_ids: list[int] = field(default_factory=list)
    places: list[Letterbox] = field(default_factory=list)
    frame_s: list[float | None] = field(default_factory=list)

    def fill(self, part: Batch) -> None:
        """Put ``part`` behind what is there. One thread copies: those of torch would take decoders' cores."""
        begin = len(self.image_ids)
        np.copyto(self.pixels[begin : begin + len(part)].numpy(), part.pixels.numpy())
        self.image_ids += part.image_ids
        self.places += part.places
        self.frame_s += part.times

    @property
    def batch(self) -> Batch:
        """What is there, in the bucket's own memory."""
        n = len(self.image_ids)
        frame_s = tuple(self.frame_s) if self.frame_s.count(None) < n else None
        return Batch(tuple(self.image_ids), self.pixels[:n], tuple(self.places), frame_s)


class Batcher:
    """Merges chunks into batches of ``size``, one bucket for each frame shape.

    A camera's photos share a shape, so buckets are few. One that isn't full after
    ``max_wait_s`` is given out as it is, so that no photo waits for a shape that never comes.
    ``pinned``: merge into memory that an NVIDIA GPU reads by itself; torch keeps it for the next batches.
    """

    def __init__(self, size: int, max_wait_s: float = 2.0, *, pinned: bool = False) -> None:
        if size < 1:
            raise ValueError(f"batch size {size}")
        self._size = size
        self._max_wait_s = max_wait_s
        self._pinned = pinned
        self._buckets: dict[Shape, _Bucket] = {}

    def shrink(self, size: int) -> None:
        """Give out batches of at most ``size`` from now on."""
        self._size = min(self._size, size)

    def add(self, chunk: Chunk) -> Iterator[Batch]:
        """Take a chunk's good photos; give the batches that are now full or waited too long."""
        for batch in chunk.batches:
            yield from self._add(batch, lent=chunk.lent is not None)
        yield from self.overdue()

    def overdue(self) -> Iterator[Batch]:
        """The batches of buckets that have waited longer than ``max_wait_s``."""
        limit = time.monotonic() - self._max_wait_s
        for shape in [s for s, b in self._buckets.items() if b.since < limit]:
            yield from self._emptied(shape)

    def rest(self) -> Iterator[Batch]:
        """All that is left, at the end."""
        while self._buckets:
            yield from self._emptied(next(iter(self._buckets)))

    def _add(self, batch: Batch, *, lent: bool) -> Iterator[Batch]:
        while len(batch):
            bucket = self._buckets.get(batch.shape)
            if bucket is None and len(batch) >= self._size and not lent:
                whole, batch = _cut(batch, self._size)  # needs no copy
                yield whole
                continue
            if bucket is None:
                bucket = self._buckets[batch.shape] = self._new(batch.shape)
            part, batch = _cut(batch, len(bucket.pixels) - len(bucket.image_ids))
            bucket.fill(part)
            if len(bucket.image_ids) >= self._size:
                yield from self._emptied(part.shape)

    def _new(self, shape: Shape) -> _Bucket:
        pixels = torch.empty((self._size, *shape, 3), dtype=torch.uint8, pin_memory=self._pinned)
        return _Bucket(time.monotonic(), pixels)

    def _emptied(self, shape: Shape) -> list[Batch]:
        """All of a bucket: more than one batch where batches became smaller while it was filling."""
        return self._buckets.pop(shape).batch.split(self._size)


def _cut(batch: Batch, n: int) -> tuple[Batch, Batch]:
    return batch.part(0, n), batch.part(n, len(batch))
