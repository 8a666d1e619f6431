"""Chunks decoded in processes of their own, by torch's DataLoader. Imports torch.

Its items are numbers of slots: a process writes its frames into shared memory, and what travels between
processes is a short message (docs/decisions/0031-frames-in-a-ring.md).
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, Dataset

from trailcam.detect.pipeline.batching import Batch, Chunk, Shape
from trailcam.detect.pipeline.clips import Group
from trailcam.detect.pipeline.load_photos import PhotoReader, quiet_decoders
from trailcam.detect.pipeline.ring import Ring, frames_in, room
from trailcam.detect.pipeline.worker_process import QuietContext, end_rather_than_wait
from trailcam.geometry import Letterbox
from trailcam.words.text import clean_message

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Frames:
    """Those of a chunk that share a shape; their pixels lie in its slot."""

    image_ids: tuple[int, ...]
    places: tuple[Letterbox, ...]
    shape: Shape
    frame_s: tuple[float | None, ...] | None


@dataclass(frozen=True, slots=True)
class _Message:
    """A chunk on its way between processes; its frames lie in the slot, one shape after the other."""

    slot: int
    frames: tuple[_Frames, ...]
    rest: Chunk  # without batches


@dataclass(frozen=True, slots=True)
class _InSlots(Dataset[_Message]):
    """Runs in the processes. An item is a slot's number and a group of jobs."""

    photos: PhotoReader
    memory: torch.Tensor

    def __getitem__(self, item: tuple[int, Group]) -> _Message:
        slot, jobs = item
        chunk = self.photos.load(jobs, partial(frames_in, self.memory[slot]))
        frames = tuple(
            _Frames(batch.image_ids, batch.places, batch.shape, batch.frame_s) for batch in chunk.batches
        )
        return _Message(slot, frames, replace(chunk, batches=()))


@dataclass(frozen=True, slots=True)
class Processes:
    """``workers`` processes, each with ``ahead`` groups in hand or done.

    ``held``: chunks that whoever takes them may have before the first of them is taken back. ``stopped``: no
    more are wanted.
    """

    workers: int
    ahead: int
    held: int
    stopped: Callable[[], bool]

    @property
    def slots(self) -> int:
        """One for each group with the processes and each chunk beyond, and one on its way."""
        return self.workers * self.ahead + self.held + 1

    def that_fit(self, slot_bytes: int) -> Processes:
        """As many as shared memory has room for, and a warning where these are fewer."""
        free, fit = room(), self
        while free is not None and fit.workers and fit.slots * slot_bytes > free:
            fit = replace(fit, workers=fit.workers - 1)
        if fit.workers < self.workers:
            _LOG.warning(
                "shared memory (/dev/shm) has room for %d of %d workers%s; Docker: --shm-size=1g gives more",
                fit.workers,
                self.workers,
                "" if fit.workers else ", so threads decode",
            )
        return fit

    def ring(self, slot_bytes: int) -> Ring | None:
        """Memory for all slots; None, and a warning, where the system gives none."""
        try:
            return Ring.of(self.slots, slot_bytes)
        except (RuntimeError, OSError) as error:  # torch's own, and the system's
            _LOG.warning("there is no shared memory, so threads decode: %s", clean_message(error))
            return None

    def chunks(self, photos: PhotoReader, groups: Iterator[Group], ring: Ring) -> Iterator[Chunk]:
        """The chunks of ``groups``, in any order; their pixels are lent."""
        # The workers inherit this thread's mask: a Ctrl-C while they start would otherwise end
        # them with a traceback each. It is blocked here alone; the main thread still gets it.
        if hasattr(signal, "pthread_sigmask"):
            resource_tracker.ensure_running()  # starting it later would unblock the signal again
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        loader: DataLoader[_Message] = DataLoader(
            _InSlots(photos, ring.memory),
            batch_size=None,
            sampler=self._placed(groups, ring),  # any iterable will do: each of its items reaches __getitem__
            num_workers=self.workers,
            prefetch_factor=self.ahead,
            collate_fn=_as_is,
            worker_init_fn=_start_worker,
            multiprocessing_context=QuietContext(),
            in_order=False,
        )
        iterator: Any = iter(loader)
        try:
            for message in iterator:
                yield _received(message, ring)
        finally:
            # Not left to the garbage collector: an error's traceback would keep the workers alive.
            iterator._shutdown_workers()

    def _placed(self, groups: Iterator[Group], ring: Ring) -> Iterator[tuple[int, Group]]:
        for group in groups:
            while (slot := ring.take(0.1)) is None:
                if self.stopped():
                    return
            yield slot, group


def _received(message: _Message, ring: Ring) -> Chunk:
    shapes = [(len(some.image_ids), some.shape) for some in message.frames]
    pixels = frames_in(ring.memory[message.slot], shapes)
    batches = [
        Batch(some.image_ids, frames, some.places, some.frame_s)
        for some, frames in zip(message.frames, pixels, strict=True)
    ]
    return replace(message.rest, batches=tuple(batches), lent=partial(ring.release, message.slot))


def _as_is(message: Any) -> Any:  # noqa: ANN401 - as DataLoader declares it
    return message


def _start_worker(_worker_id: int) -> None:
    # Ctrl-C goes to the whole process group; when to stop is the main process's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_rather_than_wait()
    quiet_decoders()
