"""Photos of equal frame shape, gathered into batches. Imports torch."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trailcam.domain import Outcome
    from trailcam.geometry import Letterbox

Shape = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Photos that share a frame shape.

    ``pixels``: (n, height, width, 3) uint8 RGB on the CPU; ``image_ids`` and ``places`` have
    length n and the same order.
    """

    image_ids: tuple[int, ...]
    pixels: torch.Tensor
    places: tuple[Letterbox, ...]

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def shape(self) -> Shape:
        return int(self.pixels.shape[1]), int(self.pixels.shape[2])

    def split(self, size: int) -> list[Batch]:
        """Parts of at most ``size`` photos, which share this batch's memory."""
        return [
            Batch(self.image_ids[i : i + size], self.pixels[i : i + size], self.places[i : i + size])
            for i in range(0, len(self), size)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """What a loader's worker hands back for a few jobs: good photos by shape, and the others.

    ``suspect_roots`` are the roots of photos that were missing or unreadable: reason to ask
    whether the root itself is still there.
    """

    batches: tuple[Batch, ...]
    outcomes: tuple[Outcome, ...]
    suspect_roots: frozenset[int]
    decode_s: float


@dataclass(slots=True)
class _Bucket:
    since: float
    parts: list[Batch] = field(default_factory=list)
    n: int = 0


class Batcher:
    """Merges chunks into batches of ``size``, one bucket for each frame shape.

    A camera's photos share a shape, so buckets are few. One that isn't full after
    ``max_wait_s`` is given out as it is, so that no photo waits for a shape that never comes.
    """

    def __init__(self, size: int, max_wait_s: float = 2.0) -> None:
        if size < 1:
            raise ValueError(f"batch size {size}")
        self._size = size
        self._max_wait_s = max_wait_s
        self._buckets: dict[Shape, _Bucket] = {}

    def shrink(self, size: int) -> None:
        """Give out batches of at most ``size`` from now on."""
        self._size = min(self._size, size)

    def add(self, chunk: Chunk) -> Iterator[Batch]:
        """Take a chunk's good photos; give the batches that are now full or waited too long."""
        for batch in chunk.batches:
            bucket = self._buckets.setdefault(batch.shape, _Bucket(time.monotonic()))
            bucket.parts.append(batch)
            bucket.n += len(batch)
            while bucket.n >= self._size:
                yield self._take(bucket)
            if bucket.n == 0:
                del self._buckets[batch.shape]
        yield from self.overdue()

    def overdue(self) -> Iterator[Batch]:
        """The batches of buckets that have waited longer than ``max_wait_s``."""
        limit = time.monotonic() - self._max_wait_s
        for shape in [s for s, b in self._buckets.items() if b.since < limit]:
            yield from self._empty(self._buckets.pop(shape))

    def rest(self) -> Iterator[Batch]:
        """All that is left, at the end."""
        while self._buckets:
            yield from self._empty(self._buckets.popitem()[1])

    def _empty(self, bucket: _Bucket) -> Iterator[Batch]:
        """All of a bucket: more than one batch where batches became smaller while it was filling."""
        while bucket.n:
            yield self._take(bucket)

    def _take(self, bucket: _Bucket) -> Batch:
        """Up to ``size`` photos of one bucket; never copies when one part fills the batch."""
        parts: list[Batch] = []
        wanted = self._size
        while wanted and bucket.parts:
            part = bucket.parts.pop(0)
            if len(part) > wanted:
                head, tail = _cut(part, wanted)
                bucket.parts.insert(0, tail)
                part = head
            parts.append(part)
            wanted -= len(part)
        bucket.n -= self._size - wanted
        bucket.since = time.monotonic()
        return parts[0] if len(parts) == 1 else _merge(parts)


def _cut(batch: Batch, n: int) -> tuple[Batch, Batch]:
    return (
        Batch(batch.image_ids[:n], batch.pixels[:n], batch.places[:n]),
        Batch(batch.image_ids[n:], batch.pixels[n:], batch.places[n:]),
    )


def _merge(parts: list[Batch]) -> Batch:
    return Batch(
        tuple(i for part in parts for i in part.image_ids),
        torch.cat([part.pixels for part in parts]),
        tuple(p for part in parts for p in part.places),
    )
