"""Memory that decoding processes write frames into and the main process reads, over and over. Imports torch.

A frame that travels in a message costs the main process its time twice: to take over its memory, and to give
that back. Here messages hold the number of a slot; the frames lie there already.
"""

from __future__ import annotations

import queue
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailcam.detect.model.frame import FrameSpec
    from trailcam.detect.pipeline.batching import Shape

SHARED = Path("/dev/shm")
_SHARE = 0.9  # of what is free there


def slot_bytes(frame: FrameSpec, chunk: int) -> int:
    """Bytes of ``chunk`` frames, however large."""
    height, width = frame.largest
    return chunk * height * width * 3


def room(shared: Path = SHARED) -> int | None:
    """Bytes of shared memory that can be had; None where nothing limits it but memory itself."""
    try:
        return int(shutil.disk_usage(shared).free * _SHARE)
    except OSError:  # not on Windows and macOS
        return None


def frames_in(slot: torch.Tensor, shapes: Sequence[tuple[int, Shape]]) -> list[torch.Tensor]:
    """For each (n, (height, width)) such frames in a slot (bytes,): (n, height, width, 3) uint8.

    They lie one after the other, in that order.
    """
    found, begin = [], 0
    for n, (height, width) in shapes:
        end = begin + n * height * width * 3
        found.append(slot[begin:end].view(n, height, width, 3))
        begin = end
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Ring:
    """``memory`` (slots, bytes) uint8, shared with processes that it is sent to; and which slots are free."""

    memory: torch.Tensor
    _free: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)

    @classmethod
    def of(cls, n_slots: int, n_bytes: int) -> Ring:
        """A ring whose slots are all free. Its memory goes back to the system with the last process."""
        memory = torch.empty((n_slots, n_bytes), dtype=torch.uint8)
        ring = cls(memory.share_memory_())  # type: ignore[no-untyped-call]
        for number in range(n_slots):
            ring.release(number)
        return ring

    def take(self, timeout_s: float) -> int | None:
        """The number of a slot that was free; None where none becomes free in time."""
        try:
            return self._free.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def release(self, number: int) -> None:
        """What lies in that slot is no longer needed."""
        self._free.put(number)
