"""A job's file -> bytes, or what became of it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trailcam.detect.pipeline.decode import Failed
from trailcam.detect.pipeline.failures import FailureCode
from trailcam.files.object_store import object_status, read_object, url_of
from trailcam.media.file_kinds import is_video
from trailcam.video.facts import VideoCode, VideoFailed
from trailcam.video.still import still_of
from trailcam.words.text import clean_message

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1 << 30
"""Larger files are refused unread: no photo has 1 GiB, and every worker would hold one."""

# O_NONBLOCK: opening a named pipe would otherwise wait for a writer for ever.
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, slots=True)
class Missing:
    """The file is not there; whether its root still is, is for the pipeline to ask."""

    message: str


def read_file(path: Path, at_s: float = 0.0) -> bytes | Failed | Missing:
    """All bytes of a regular file or of an object; of a video, its frame at ``at_s`` seconds as a JPEG.

    Never raises for what a file system can do.
    """
    if is_video(path.name):
        frame = still_of(path, at_s)
        return frame if isinstance(frame, bytes) else failure_of(frame)
    if url := url_of(path):
        return _read_object(url)
    try:
        descriptor = os.open(path, _FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        return Missing("the file is no longer there")
    except (OSError, ValueError) as error:
        return _unreadable(error)
    try:
        with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor, not a path
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode):
                return Failed(FailureCode.UNREADABLE, "not a regular file")
            if info.st_size > MAX_BYTES:
                return _too_large(info.st_size)
            return file.readall() or b""
    except OSError as error:
        return _unreadable(error)
    except MemoryError:
        return Failed(FailureCode.TOO_LARGE, "not enough memory to read it")


def _read_object(url: str) -> bytes | Failed | Missing:
    try:
        size = object_status(url).st_size
        return read_object(url) if size <= MAX_BYTES else _too_large(size)
    except FileNotFoundError:
        return Missing("the file is no longer there")
    except OSError as error:
        return _unreadable(error)


def _too_large(size: int) -> Failed:
    return Failed(FailureCode.TOO_LARGE, f"{size / (1 << 30):.1f} GiB; the limit is 1 GiB")


def failure_of(found: VideoFailed) -> Failed | Missing:
    """Why a video has no frames, as of a photo."""
    if found.code is VideoCode.VANISHED:
        return Missing(found.message)
    return Failed(FailureCode(found.code.value), found.message)


def _unreadable(error: OSError | ValueError) -> Failed:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return Failed(FailureCode.UNREADABLE, clean_message(reason))
