"""A data package in a folder or a ZIP file, read where it lies: nothing of it is ever unpacked.

Only the files that datapackage.json names are opened, and only below the folder it lies in.
"""

from __future__ import annotations

import csv
import io
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from trailcam.imports.reading import Malformed, as_list, as_object, as_text

_DESCRIPTOR = "datapackage.json"
_LARGEST = 1 << 26  # bytes of datapackage.json
# What zipfile raises for archives that are cut short, encrypted, of an unknown compression, or that lie about
# where their files begin; and what a drive says that stops answering.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
)
_LINE = 1 << 20  # characters of a line: an observation has a few hundred


class Package:
    """An open data package; ``tables`` maps a resource's name to its file. Use :func:`open_package`."""

    def __init__(self, folder: Path | None, archive: zipfile.ZipFile | None) -> None:
        self._folder = folder
        self._archive = archive
        self._below = self._find_descriptor()
        with self._open(_DESCRIPTOR) as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise Malformed(_DESCRIPTOR, "is too large")
        try:
            self.descriptor: Mapping[str, Any] = as_object(json.loads(text), _DESCRIPTOR)
        except (ValueError, RecursionError) as error:
            raise Malformed(_DESCRIPTOR, f"is no JSON: {error}") from error
        self.tables = self._tables()

    def rows(self, table: str, needed: frozenset[str]) -> Iterator[tuple[str, dict[str, str]]]:
        """Each row of a table with its place ("media.csv line 7"). Raises Malformed.

        ``needed``: the columns that must be there; others may lack.
        """
        if table not in self.tables:
            raise Malformed(f"{_DESCRIPTOR} resources", f"hold no {table}")
        name = self.tables[table]
        with self._open(name) as binary, io.TextIOWrapper(binary, "utf-8-sig", newline="") as file:
            reader = csv.DictReader(_lines(file, name), strict=True)
            try:
                lacking = sorted(needed - set(reader.fieldnames or ()))
                if lacking:
                    raise Malformed(name, f"has no column {', '.join(lacking)}")
                for row in reader:
                    place = f"{name} line {reader.line_num}"
                    if None in row or None in row.values():
                        raise Malformed(place, "has more or fewer cells than the header")
                    yield place, row
            except csv.Error as error:
                raise Malformed(f"{name} line {reader.line_num}", f"is no CSV: {error}") from error
            except _DAMAGED as error:
                raise self._unreadable(name, error) from error

    def _find_descriptor(self) -> PurePosixPath:
        """The folder of datapackage.json: the package's own, or one that an archive packs it in."""
        if self._archive is None:
            return PurePosixPath()
        found = [
            PurePosixPath(name) for name in self._archive.namelist() if name.split("/")[-1] == _DESCRIPTOR
        ]
        if not found:
            raise Malformed(_DESCRIPTOR, "is missing in the archive")
        return min(found, key=lambda path: (len(path.parts), str(path))).parent

    def _tables(self) -> dict[str, str]:
        tables = {}
        for n, value in enumerate(as_list(self.descriptor.get("resources"), f"{_DESCRIPTOR} resources")):
            place = f"{_DESCRIPTOR} resources[{n}]"
            row = as_object(value, place)
            name = as_text(row.get("name"), f"{place}.name")
            path = row.get("path")
            path = path[0] if isinstance(path, list) and len(path) == 1 else path
            if name in ("media", "observations"):
                tables[name] = _inside(as_text(path, f"{place}.path"), f"{place}.path")
        return tables

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        with ExitStack() as stack:
            try:
                opened: IO[bytes]
                if self._archive is not None:
                    opened = self._archive.open(str(self._below / name))
                else:
                    opened = _file_below(self._folder or Path(), name).open("rb")
                yield stack.enter_context(opened)
            except KeyError:
                raise Malformed(name, "is missing in the archive") from None
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                raise Malformed(name, "is missing") from None
            except _DAMAGED as error:
                raise self._unreadable(name, error) from error

    def _unreadable(self, name: str, error: Exception) -> Malformed:
        where = "" if self._archive is None else " from the archive"
        return Malformed(name, f"can't be read{where}: {error}")


@contextmanager
def open_package(path: Path) -> Iterator[Package]:
    """The package in a folder, a ZIP file, or beside a datapackage.json. Raises Malformed."""
    if path.name == _DESCRIPTOR:
        path = path.parent
    if path.is_dir():
        yield Package(path, None)
        return
    if not path.is_file():
        raise Malformed("", "it isn't there")
    try:
        archive = zipfile.ZipFile(path)
    except (*_DAMAGED, ValueError) as error:
        raise Malformed("", f"it is neither a folder nor a ZIP file: {error}") from error
    with archive:
        yield Package(None, archive)


def _inside(path: str, place: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in path or not pure.parts:
        raise Malformed(place, "leads out of the package: a relative path without .. is wanted")
    return str(pure)


def _file_below(folder: Path, name: str) -> Path:
    """A file of the folder, links followed. Raises Malformed where a link leads out."""
    found = (folder / name).resolve()
    if not found.is_relative_to(folder.resolve()):
        raise Malformed(name, "is a link that leads out of the package")
    return found


def _lines(file: io.TextIOWrapper, name: str) -> Iterator[str]:
    n = 0
    while line := file.readline(_LINE):
        n += 1
        if len(line) >= _LINE:
            raise Malformed(f"{name} line {n}", "is too long")
        yield line
