"""The one way to open a photo: a regular file on a drive, or an object in object storage."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

from trailcam.files.object_store import FileStatus, object_status, open_object, read_object, url_of

_BUFFER_BYTES = 1 << 16
# A file may turn into a FIFO between the walk and here; without O_NONBLOCK, opening one waits for ever.
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)


class NotAFileError(OSError):
    """A folder, FIFO, socket or device stands where a photo was."""


def open_photo(path: Path | str) -> io.BufferedReader:
    """A photo for reading, seekable. Raises NotAFileError, other OSErrors, and ValueError for a NUL in it."""
    if url := url_of(path):
        return open_object(url)
    raw = io.FileIO(path, opener=lambda name, flags: os.open(name, flags | _NONBLOCK))
    try:
        if not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
            raise NotAFileError("this is not a regular file")
        return io.BufferedReader(raw, _BUFFER_BYTES)
    except BaseException:
        raw.close()
        raise


def read_photo(path: Path | str) -> bytes:
    """All bytes of a photo. Raises as :func:`open_photo` does."""
    if url := url_of(path):
        return read_object(url)
    with open_photo(path) as file:
        return file.read()


def photo_status(path: Path | str) -> FileStatus | os.stat_result:
    """Size and time of the last change. Raises OSError."""
    url = url_of(path)
    return object_status(url) if url else os.stat(path)  # noqa: PTH116 - a Path costs as much again
