"""In which order a GPU is told what, with a pretended GPU: real ones are not to be had here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import torch

from trailcam.detect.model.streams import Streams


class FakeStream:
    def __init__(self, told: list[str], name: str) -> None:
        self.told, self.name = told, name

    def wait_stream(self, other: FakeStream) -> None:
        self.told.append(f"{self.name} waits for all of {other.name}")

    def record_event(self) -> str:
        self.told.append(f"{self.name} marks")
        return "the mark"

    def wait_event(self, event: str) -> None:
        self.told.append(f"{self.name} waits for {event}")


class Cuda:
    """What of torch.cuda is used, on no GPU."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._names = iter(("copying", "taking"))
        self._now = FakeStream(self.told, "model")

    def Stream(self, _device: torch.device, priority: int = 0) -> FakeStream:
        assert priority < 0, "it would wait for gaps in the next batch's model"
        return FakeStream(self.told, next(self._names))

    def current_stream(self, _device: torch.device) -> FakeStream:
        return self._now

    @contextlib.contextmanager
    def stream(self, stream: FakeStream) -> Iterator[None]:
        before, self._now = self._now, stream
        yield
        self._now = before


class Pixels:
    """A tensor that tells where it is copied and who holds its memory."""

    def __init__(self, cuda: Cuda, *, pinned: bool = False) -> None:
        self._cuda, self._pinned = cuda, pinned

    def pin_memory(self) -> Pixels:
        return Pixels(self._cuda, pinned=True)

    def to(self, _device: torch.device, *, non_blocking: bool = False) -> Pixels:
        assert self._pinned
        assert non_blocking, "the host would wait for each copy"
        self._cuda.told.append(f"{self._cuda.current_stream(_device).name} copies")
        return Pixels(self._cuda)

    def record_stream(self, stream: FakeStream) -> None:
        self._cuda.told.append(f"held for {stream.name}")


@pytest.fixture
def cuda() -> Cuda:
    return Cuda()


def test_a_copy_has_a_stream_of_its_own_and_the_model_waits_for_it(cuda: Cuda) -> None:
    streams = Streams(torch.device("cuda:0"), cuda)
    streams.upload(Pixels(cuda))  # type: ignore[arg-type]
    assert cuda.told == ["copying copies", "model waits for all of copying", "held for model"]


def test_boxes_are_taken_beside_the_next_batch_not_behind_it(cuda: Cuda) -> None:
    streams = Streams(torch.device("cuda:0"), cuda)
    taken = streams.mark(Pixels(cuda))  # type: ignore[arg-type]
    assert cuda.told == ["model marks"]
    streams.mark()  # the next batch, queued before the first one's boxes are asked for
    with taken():
        assert cuda.current_stream(torch.device("cuda:0")).name == "taking"
    assert cuda.told[2:] == ["taking waits for the mark", "held for taking"], "nothing of the next batch"


def test_a_processor_needs_none_of_it(cuda: Cuda) -> None:
    streams = Streams(torch.device("cpu"), cuda)
    pixels = torch.arange(6, dtype=torch.uint8)
    assert streams.upload(pixels) is pixels
    with streams.mark(pixels)():
        pass
    assert cuda.told == []
