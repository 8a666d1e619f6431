"""Buckets of object storage as if they were folders: ``s3://bucket/cards``, ``gs://...``, by fsspec.

A root's URL travels as a path, like any root: ``Path`` makes one slash of two, and :func:`url_of` tells the
one from the other where a file or folder is opened. All that can go wrong is an OSError, as with a drive.
"""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from trailcam.machine import add_extra

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

PACKAGES = {"s3": "s3fs", "gs": "gcsfs"}
"""Scheme, which is also the name of the extra, -> the package that speaks it."""

# What a header needs lies in the first block of a photo; each block is one request.
_BLOCK_BYTES = 64 << 10
_URL = re.compile(rf"({'|'.join(PACKAGES)}):/+(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FileStatus:
    """Bytes, and the time of the last change in nanoseconds since 1970, under the names of os.stat_result."""

    st_size: int
    st_mtime_ns: int


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """What lies in a folder of a bucket, with what a walk asks of an os.DirEntry."""

    name: str
    path: str
    is_folder: bool
    status: FileStatus

    def is_dir(self) -> bool:
        """Whether it is a folder: a common beginning of keys."""
        return self.is_folder

    def is_file(self) -> bool:
        """Whether it is an object."""
        return not self.is_folder

    def is_symlink(self) -> bool:
        """Never: buckets have no links."""
        return False

    def stat(self) -> FileStatus:
        """Its size and time, as the listing had them; a folder has neither."""
        return self.status


def url_of(path: str | Path) -> str | None:
    """``s3://bucket/key`` of a path that stands for it, without a slash at the end; None for a drive."""
    found = _URL.fullmatch(os.fspath(path).replace(os.sep, "/"))
    return f"{found[1]}://{found[2].rstrip('/')}" if found else None


def as_given(path: Path) -> str:
    """A root's path as people write it."""
    return url_of(path) or str(path)


def list_folder(url: str) -> list[ObjectEntry]:
    """What lies in a folder now, folders too. Empty where there is no such folder. Raises OSError."""
    with _as_os_error(url) as system:
        system.invalidate_cache()
        try:
            found = system.ls(url, detail=True)
        except FileNotFoundError:
            bucket = url.split("/")[2]
            system.ls(bucket, detail=False)  # raises where there is no such bucket
            return []
        own = system._strip_protocol(url)
        return [_entry(url, info) for info in found if info["name"].rstrip("/") != own]


def open_object(url: str) -> io.BufferedReader:
    """An object for reading, seekable; what is read is fetched in blocks. Raises OSError, also later."""
    return io.BufferedReader(_Object(url), _BLOCK_BYTES)


class _Object(io.RawIOBase):
    """fsspec's file, whose failures are OSErrors."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        with _as_os_error(url) as system:
            self._file = cast(
                "IO[bytes]", system.open(url, "rb", block_size=_BLOCK_BYTES, cache_type="readahead")
            )

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        with _as_os_error(self._url):
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def read_object(url: str) -> bytes:
    """All bytes of an object in one request. Raises OSError."""
    with _as_os_error(url) as system:
        return cast("bytes", system.cat_file(url))


def object_status(url: str) -> FileStatus:
    """Size and time of an object now. Raises OSError."""
    with _as_os_error(url) as system:
        system.invalidate_cache()
        return _status(system.info(url))


def _entry(folder: str, info: dict[str, Any]) -> ObjectEntry:
    name = str(info["name"]).rstrip("/").rpartition("/")[2]
    return ObjectEntry(name, f"{folder}/{name}", info["type"] == "directory", _status(info))


def _status(info: dict[str, Any]) -> FileStatus:
    at = info.get("LastModified") or info.get("mtime") or info.get("updated")  # each store has its own word
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return FileStatus(int(info.get("size") or 0), int(at.timestamp() * 1e9) if at else 0)


@contextmanager
def _as_os_error(url: str) -> Iterator[AbstractFileSystem]:
    """The store's file system; any failure of it is an OSError."""
    scheme = url.partition(":")[0]
    try:
        import fsspec

        yield fsspec.filesystem(scheme)
    except OSError:
        raise
    except ImportError as error:
        package = PACKAGES[scheme]
        raise OSError(errno.EIO, f"{scheme}:// needs the package {package}: {add_extra(scheme)}") from error
    except Exception as error:  # each store's client has exceptions of its own
        raise OSError(errno.EIO, f"{type(error).__name__}: {error}") from error
