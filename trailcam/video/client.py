"""Asks the process that decodes videos, one for each process of ours, and ends it where it stands still."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import numpy.typing as npt

from trailcam.video.facts import Span, VideoCode, VideoFacts, VideoFailed
from trailcam.words.text import clean_message

SILENCE_S = 60.0
"""A decoder that says nothing for so long is ended; it gives a sign of life every second."""
LONGEST_S = 240.0
"""So is one that works on one part of a video for so long, less than what a run takes for a standstill."""

Pixels = npt.NDArray[np.uint8]
_Answer = TypeVar("_Answer")
Fit = Callable[[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class FrameAt:
    """``pixels``: (h, w, 3) uint8 RGB, upright; ``at_s`` seconds since the video began."""

    at_s: float
    pixels: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Frames of a video in the order of time.

    ``width`` and ``height`` are the upright video's px, 0 if none.
    """

    frames: tuple[FrameAt, ...]
    width: int = 0
    height: int = 0


class _DiedError(Exception):
    """The process ended in the middle of an answer."""


class VideoProcess:
    """The process that decodes.

    Started when it is first needed, and again where it crashed. Safe in threads.
    """

    def __init__(self, silence_s: float = SILENCE_S, longest_s: float = LONGEST_S) -> None:
        self._limits = silence_s, longest_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stalled = self._closing = False

    def probe(self, path: Path | str) -> VideoFacts | VideoFailed:
        """What a video says of itself; its first frame is decoded. Never raises for what a file can hold."""

        def ask() -> VideoFacts | VideoFailed:
            for answer, _ in self._answers({"do": "probe", "path": os.fspath(path)}):
                return _failed(answer) or VideoFacts(**answer["facts"])
            raise _DiedError

        return self._guarded(ask)

    def frames(self, path: Path | str, span: Span, fit: Fit) -> Frames | VideoFailed:
        """The frames of ``span``, scaled to what ``fit`` says of the upright video's width and height in px.

        A span that begins behind the end has none. Never raises for what a file can hold.
        """
        request = {"do": "frames", "path": os.fspath(path), "span": asdict(span)}

        def ask() -> Frames | VideoFailed:
            size = inner = (0, 0)
            found: list[FrameAt] = []
            for answer, data in self._answers(request):
                if failed := _failed(answer):
                    return failed
                if "size" in answer:
                    size = (answer["size"][0], answer["size"][1])
                    inner = fit(*size)
                    self._tell({"inner": inner})
                elif "frame_s" in answer:
                    pixels = np.frombuffer(data, np.uint8).reshape(inner[1], inner[0], 3)
                    found.append(FrameAt(answer["frame_s"], pixels))
            return Frames(tuple(found), *size)

        return self._guarded(ask)

    def close(self, patience_s: float = 2.0) -> None:
        """End the process, if there is one; after ``patience_s`` even in the middle of a decode."""
        if not self._lock.acquire(timeout=patience_s):
            self._closing = True
            process = self._process
            if process is not None:
                process.kill()  # whoever waits for its answer gets the failure of that video
            self._lock.acquire()
        try:
            self._end()
        finally:
            self._closing = False
            self._lock.release()

    def _guarded(self, ask: Callable[[], _Answer | VideoFailed]) -> _Answer | VideoFailed:
        """Ask; once more where the process ended, as a system short of memory may have killed it."""
        status = ""
        with self._lock:
            for _ in range(2):
                try:
                    return ask()
                except (_DiedError, OSError):
                    stalled, status = self._stalled, self._end()
                if stalled:
                    return VideoFailed(VideoCode.STALLED, "the decoder stood still on it and was ended")
                if self._closing:
                    break
        return VideoFailed(VideoCode.CORRUPT, f"the decoder crashed on it ({status})")

    def _answers(self, request: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Ask; yields answers with the bytes behind them, up to the last one."""
        process = self._started()
        self._tell(request)
        watch = _Watch(process, *self._limits)
        try:
            while True:
                answer, data = _read(process.stdout)
                watch.heard()
                if "alive" in answer:
                    continue
                if "done" in answer:
                    return
                yield answer, data
                if "failed" in answer or "facts" in answer:
                    return
        finally:
            watch.end()
            self._stalled = watch.killed

    def _tell(self, message: dict[str, Any]) -> None:
        stdin = self._started().stdin
        assert stdin is not None
        stdin.write(json.dumps(message).encode() + b"\n")
        stdin.flush()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None:
            return self._process
        code = f"import sys; sys.path[:] = {sys.path!r}; from trailcam.video.child import main; main()"
        # A group of its own: Ctrl-C goes to all of a group, and the frame in hand is still wanted.
        own_group: dict[str, Any] = (
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined, unused-ignore]
            if sys.platform == "win32"
            else {"start_new_session": True}
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **own_group,
        )
        return self._process

    def _end(self) -> str:
        """End the process; returns how it ended."""
        process, self._process = self._process, None
        if process is None:
            return "it was not running"
        process.kill() if self._stalled else _shut(process.stdin)
        try:
            status = process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        _shut(process.stdin)
        _shut(process.stdout)
        return f"signal {-status}" if status < 0 else f"exit code {status}"


class _Watch:
    """Kills a process that is silent for too long, or works for too long."""

    def __init__(self, process: subprocess.Popen[bytes], silence_s: float, longest_s: float) -> None:
        self._process = process
        self._silence_s = silence_s
        self._last = time.monotonic() + longest_s
        self._heard = time.monotonic()
        self._over = threading.Event()
        self.killed = False
        threading.Thread(target=self._work, name="trailcam-video-watch", daemon=True).start()

    def heard(self) -> None:
        self._heard = time.monotonic()

    def end(self) -> None:
        self._over.set()

    def _work(self) -> None:
        while True:
            left = min(self._heard + self._silence_s, self._last) - time.monotonic()
            if left <= 0:
                self.killed = True
                self._process.kill()
                return
            if self._over.wait(left):
                return


def _read(stdout: IO[bytes] | None) -> tuple[dict[str, Any], bytes]:
    assert stdout is not None
    line = stdout.readline()
    if not line.endswith(b"\n"):
        raise _DiedError
    answer = dict(json.loads(line))
    data = stdout.read(answer["bytes"])
    if len(data) < answer["bytes"]:
        raise _DiedError
    return answer, data


def _failed(answer: dict[str, Any]) -> VideoFailed | None:
    if "failed" not in answer:
        return None
    return VideoFailed(VideoCode(answer["failed"]), clean_message(answer["message"]))


def _shut(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        with contextlib.suppress(OSError):  # what was still to be sent has no reader any more
            pipe.close()


_PROCESS = VideoProcess()
atexit.register(_PROCESS.close)


def video_process() -> VideoProcess:
    """The one of this process."""
    return _PROCESS
