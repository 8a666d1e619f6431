"""The process that opens videos: the one place where PyAV is imported.

Decoders are written in C and meet bytes of strangers: they may crash, or never end. Here that costs one
video. A request is a line of JSON on stdin; answers are lines of JSON on stdout, some with bytes behind them.
The process ends when its stdin does, even in the middle of a decode.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import IO, Any

import av
import numpy as np

from trailcam.files.photo_file import open_photo
from trailcam.video.facts import Span, VideoCode

_SIGN_OF_LIFE_S = 1.0
_TAGS = 40  # of a container, at most
_TAG_LENGTH = 200
_MANY = 8  # frames in a slot: of so many some are needed by others
_EARLY = 1e-3  # seconds: a frame that rounding puts just before its slot belongs to it
_ATOMS = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"})
_Channel = IO[bytes]


class UnreadableVideoError(Exception):
    """Why there are no frames."""

    def __init__(self, code: VideoCode, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class Talk:
    """Requests and answers. Reading stdin all the time, so that its end is noticed at once."""

    def __init__(self, asked: _Channel, answers: _Channel) -> None:
        self._answers = answers
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._told_at = 0.0
        threading.Thread(target=self._listen, args=(asked,), daemon=True).start()

    def _listen(self, asked: _Channel) -> None:
        for line in asked:
            self._lines.put(line)
        os._exit(0)

    def hear(self) -> dict[str, Any]:
        """The next line from the other side."""
        return dict(json.loads(self._lines.get()))

    def tell(self, answer: dict[str, Any], data: bytes = b"") -> None:
        """Send an answer, with ``data`` behind it."""
        self._told_at = time.monotonic()
        self._answers.write(json.dumps({**answer, "bytes": len(data)}).encode() + b"\n" + data)
        self._answers.flush()

    def alive(self) -> None:
        """Say now and then that the work goes on."""
        if time.monotonic() - self._told_at >= _SIGN_OF_LIFE_S:
            self.tell({"alive": True})


def main() -> None:
    """Answer requests until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # when to stop is the main process's decision
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    av.logging.set_level(av.logging.PANIC)
    talk = Talk(sys.stdin.buffer, answers)
    while True:
        request = talk.hear()
        try:
            with _opened(request["path"]) as file:
                _answer(talk, request, file)
        except UnreadableVideoError as refused:
            talk.tell({"failed": refused.code.value, "message": refused.message})
        except MemoryError:
            talk.tell({"failed": VideoCode.CORRUPT.value, "message": "not enough memory to decode it"})
        except av.FFmpegError as error:
            talk.tell({"failed": VideoCode.CORRUPT.value, "message": _said(error)})
        except OSError as error:  # FFmpeg's own are above: this one is of the drive or the store
            talk.tell({"failed": VideoCode.UNREADABLE.value, "message": _why(error)})
        except (ValueError, OverflowError, TypeError) as error:  # numbers that no container may hold
            talk.tell({"failed": VideoCode.CORRUPT.value, "message": f"impossible values: {error}"})


def _answer(talk: Talk, request: dict[str, Any], file: IO[bytes]) -> None:
    kind = _kind(file)
    try:
        container = av.open(file, format=kind, metadata_errors="replace")
    except av.FFmpegError as error:
        _check_index(kind, file)
        raise UnreadableVideoError(VideoCode.CORRUPT, _said(error)) from None
    with container:
        try:
            stream = _stream(container)
            if request["do"] == "probe":
                talk.tell({"facts": _facts(container, stream)})
                return
            span = Span(**request["span"])
            _send(talk, _samples(talk, container, stream, span), span)
        except UnreadableVideoError as error:
            if error.code is VideoCode.NO_FRAMES:
                _check_index(kind, file)
            raise


def _opened(path: str) -> IO[bytes]:
    try:
        file = open_photo(path)
    except (FileNotFoundError, NotADirectoryError):
        raise UnreadableVideoError(VideoCode.VANISHED, "the file is no longer there") from None
    except (OSError, ValueError) as error:
        raise UnreadableVideoError(VideoCode.UNREADABLE, _why(error)) from None
    if not file.seek(0, os.SEEK_END):
        file.close()
        raise UnreadableVideoError(VideoCode.EMPTY_FILE, "the file is empty (0 bytes)")
    file.seek(0)
    return file


def _kind(file: IO[bytes]) -> str:
    """FFmpeg's name of the container. It is told FFmpeg: its own guess may be a playlist of URLs."""
    head = file.read(16)
    file.seek(0)
    if head[4:8] in _ATOMS:
        return "mov"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "matroska"
    if not head.strip(b"\0"):
        raise UnreadableVideoError(
            VideoCode.NOT_A_VIDEO, "the file begins with zeros: the card or the copy lost its content"
        )
    raise UnreadableVideoError(VideoCode.NOT_A_VIDEO, "the file holds no MP4, MOV, AVI or MKV video")


def _check_index(kind: str, file: IO[bytes]) -> None:
    if kind == "mov" and not _has_index(file):
        raise UnreadableVideoError(
            VideoCode.NO_INDEX, "its index is missing: the camera or the copy stopped before the end"
        )


def _has_index(file: IO[bytes]) -> bool:
    """Whether a whole ``moov`` atom stands in the file."""
    size, at = file.seek(0, os.SEEK_END), 0
    for _ in range(1000):
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if len(head) < 8 or length < 8:
            return False
        at += length
        if head[4:8] == b"moov":
            return at <= size
    return False


def _stream(container: Any) -> Any:  # noqa: ANN401 - PyAV's
    """The first stream of pictures, ready to decode in one thread."""
    streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not streams:
        raise UnreadableVideoError(VideoCode.NO_FRAMES, "it holds no pictures")
    stream = streams[0]
    if stream.codec_context is None:
        raise UnreadableVideoError(VideoCode.UNKNOWN_CODEC, "its codec is not known to the decoder")
    stream.codec_context.thread_count = 1  # other videos and photos are decoded beside it
    return stream


def _facts(container: Any, stream: Any) -> dict[str, Any]:  # noqa: ANN401
    duration = None
    if stream.duration and stream.time_base:
        duration = float(stream.duration * stream.time_base)
    elif container.duration:
        duration = container.duration / av.time_base
    first = next(_decoded(container, stream), None)
    if first is None:
        raise UnreadableVideoError(VideoCode.NO_FRAMES, "not one of its pictures can be decoded")
    rate = float(stream.average_rate or 0)
    tags = {**stream.metadata, **container.metadata}
    return {
        "width": first.width,
        "height": first.height,
        "turn": _turn(first),
        "duration_s": duration if duration and 0 < duration < 1e6 else None,
        "frame_rate": rate if 0 < rate < 1e4 else None,
        "codec": stream.codec_context.name,
        "tags": {k.lower()[:_TAG_LENGTH]: v[:_TAG_LENGTH] for k, v in list(tags.items())[:_TAGS]},
    }


def _decoded(container: Any, stream: Any) -> Iterator[Any]:  # noqa: ANN401
    """Whole frames; where the data ends early or breaks off, those before."""
    try:
        for packet in container.demux(stream):
            yield from _frames_of(packet)
    except av.FFmpegError:
        return


def _frames_of(packet: Any) -> list[Any]:  # noqa: ANN401
    """The frames that a packet completes; none where it is damaged."""
    try:
        return [frame for frame in packet.decode() if not frame.is_corrupt]
    except av.FFmpegError:
        return []


def _turn(frame: Any) -> int:  # noqa: ANN401
    # FFmpeg counts counter-clockwise, and what it says turns the picture for showing.
    return int(round(-frame.rotation / 90) * 90 % 360)


def _time(thing: Any, stream: Any) -> float | None:  # noqa: ANN401
    """Seconds since the start of the stream, of a packet or frame. AVI has times of decoding alone."""
    stamp = thing.pts if thing.pts is not None else thing.dts
    return None if stamp is None else float((stamp - (stream.start_time or 0)) * stream.time_base)


def _samples(
    talk: Talk,
    container: Any,  # noqa: ANN401
    stream: Any,  # noqa: ANN401
    span: Span,
) -> Iterator[tuple[float, Any]]:
    """(time, frame) of the first frame of each slot of ``span``.

    Where key frames come often enough, of these alone those that are wanted are decoded: three times faster
    in H.264, and more where every frame is one (MJPEG).
    """
    keys_alone = _keys_suffice(container, stream, span.every_s)
    # Of many frames in a slot any will do: those that no other one needs are passed over.
    many = float(stream.average_rate or 0) * span.every_s >= _MANY
    stream.codec_context.skip_frame = "NONKEY" if keys_alone else "NONREF" if many else "DEFAULT"
    if span.first and len(stream.index_entries):
        _seek(container, stream, span)
    taken, asked = span.first - 1, span.first - 1
    try:
        for packet in container.demux(stream):
            talk.alive()
            at = _time(packet, stream) if packet.size else None
            if keys_alone and at is not None:
                if not packet.is_keyframe or _slot(at, span) <= asked:
                    continue
                asked = _slot(at, span)
            for frame in _frames_of(packet):
                at = _time(frame, stream)
                slot = taken + 1 if at is None else _slot(at, span)
                if span.stop is not None and slot >= span.stop:
                    return
                if slot > taken:
                    taken = slot
                    yield slot * span.every_s if at is None else at, frame
    except av.FFmpegError:  # the data end early: what was seen was seen
        return


def _slot(at: float, span: Span) -> int:
    return math.floor((at + _EARLY) / span.every_s)


def _keys_suffice(container: Any, stream: Any, every_s: float) -> bool:  # noqa: ANN401
    """Whether each slot has a key frame, by the container's index."""
    keys = [e.timestamp for e in stream.index_entries if e.is_keyframe]
    if not keys or not stream.time_base:
        return False
    # Matroska's index has some key frames alone: without an end the last step would be 0.
    end = max(float(container.duration or 0) / av.time_base / float(stream.time_base), *keys, 0)
    steps = np.diff(np.array([*keys, end], np.float64)) * float(stream.time_base)
    return bool(steps.max() <= every_s + _EARLY)


def _seek(container: Any, stream: Any, span: Span) -> None:  # noqa: ANN401
    """Go to the last key frame before the span. Where the container can't, all before it is read instead."""
    target = int(span.first * span.every_s / stream.time_base) + (stream.start_time or 0)
    with contextlib.suppress(av.FFmpegError):
        container.seek(target, stream=stream, backward=True)


def _send(talk: Talk, samples: Iterator[tuple[float, Any]], span: Span) -> None:
    """Scale the frames to what the other side wants, and send them."""
    inner: tuple[int, int] | None = None
    found: list[tuple[float, bytes]] = []
    kept_every = 1
    for n, (at, frame) in enumerate(samples):
        turn = _turn(frame)
        if inner is None:
            size = (frame.width, frame.height) if turn % 180 == 0 else (frame.height, frame.width)
            talk.tell({"size": size})
            inner = tuple(talk.hear()["inner"])
        if n % kept_every:
            continue
        found.append((at, _pixels(frame, inner, turn)))
        if len(found) > span.most:
            found, kept_every = found[::2], 2 * kept_every
    if not found and not span.first:
        raise UnreadableVideoError(VideoCode.NO_FRAMES, "not one of its pictures can be decoded")
    for at, pixels in found:
        talk.tell({"frame_s": at}, pixels)
    talk.tell({"done": True})


def _pixels(frame: Any, inner: tuple[int, int], turn: int) -> bytes:  # noqa: ANN401
    """RGB of an upright frame, ``inner`` (width, height) px."""
    width, height = inner if turn % 180 == 0 else inner[::-1]
    small = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    return np.ascontiguousarray(np.rot90(small, -turn // 90)).tobytes()


def _why(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


def _said(error: av.FFmpegError) -> str:
    return error.strerror or type(error).__name__
