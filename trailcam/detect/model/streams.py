"""Work on an NVIDIA GPU side by side: copying in, the model, and what follows it. Imports torch.

A GPU works through one stream in order. If everything went into one, the host would ask for the boxes of a
batch and wait until the next batch, queued meanwhile, was through the model too; and a copy would wait for
the model. So frames are copied in on one stream, boxes are taken out on another, and the model has the third.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


_FIRST = -1  # lower is sooner; the model's stream has 0


class Streams:
    """The streams of ``device``; on any other than CUDA nothing but plain copies.

    ``cuda``: the module that makes streams, to be replaced where there is no GPU.
    """

    def __init__(self, device: torch.device, cuda: Any = torch.cuda) -> None:  # noqa: ANN401 - a module
        self._device = device
        self._cuda = cuda
        self._apart = device.type == "cuda"
        if self._apart:
            # What is short goes first: else a batch's boxes would wait for gaps in the next batch's model.
            self._copying, self._taking = (cuda.Stream(device, priority=_FIRST) for _ in range(2))

    def upload(self, pixels: torch.Tensor) -> torch.Tensor:
        """``pixels`` on the device. On CUDA by way of pinned memory, without waiting for the copy.

        Whoever uses them on the current stream gets them whole: that stream waits, the host doesn't.
        """
        if not self._apart:
            return pixels.to(self._device)
        # torch keeps pinned memory for reuse, and takes it back only when the copy is done.
        staged = pixels.pin_memory()
        with self._cuda.stream(self._copying):
            there = staged.to(self._device, non_blocking=True)
        now = self._cuda.current_stream(self._device)
        now.wait_stream(self._copying)
        there.record_stream(now)  # else its memory could be given away while the model still reads it
        return there

    def mark(self, *tensors: torch.Tensor) -> Callable[[], contextlib.AbstractContextManager[None]]:
        """Call it when ``tensors`` are queued on the current stream.

        Within what it returns, they may be used: beside what is queued after them, not behind it.
        """
        if not self._apart:
            return contextlib.nullcontext
        ready = self._cuda.current_stream(self._device).record_event()

        @contextlib.contextmanager
        def taken() -> Iterator[None]:
            self._taking.wait_event(ready)
            for tensor in tensors:
                tensor.record_stream(self._taking)
            with self._cuda.stream(self._taking):
                yield

        return taken
