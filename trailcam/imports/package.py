"""A data package in a folder or a ZIP file, read where it lies: nothing of it is ever unpacked.

Only the files that datapackage.json names are opened, and only below the folder it lies in.
"""

from __future__ import annotations

import codecs
import csv
import gzip
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
_OTHER_DESCRIPTOR = "metadata.json"  # as older exports of Trapper have it
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
    """An open data package; ``tables`` maps a resource's name to it. Use :func:`open_package`.

    ``bad_rows``: place and fault of the rows that :meth:`rows` left out.
    """

    def __init__(self, folder: Path | None, archive: zipfile.ZipFile | None) -> None:
        self._folder = folder
        self._archive = archive
        self._below, self._name = self._find_descriptor()
        self.bad_rows: list[tuple[str, str]] = []
        with self._open(self._name) as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise Malformed(self._name, "is too large")
        try:
            self.descriptor: Mapping[str, Any] = as_object(json.loads(text), self._name)
        except (ValueError, RecursionError) as error:
            raise Malformed(self._name, f"is not JSON: {error}") from error
        self.tables = self._tables()

    def rows(self, table: str, needed: frozenset[str]) -> Iterator[tuple[str, dict[str, str]]]:
        """Each row of a table with its place ("media.csv line 7"). Raises Malformed.

        ``needed``: the columns that must be there; others may lack. A row that is none (of other cells than
        the header, too long) is left out and noted in ``bad_rows``.
        """
        if table not in self.tables:
            raise Malformed(f"{self._name} resources", f"hold no {table}")
        resource = self.tables[table]
        if "path" not in resource:
            yield from self._inline(table, resource["data"], needed)
            return
        name = resource["path"]
        with self._text(name, resource) as file:
            lines = _lines(file, name, self.bad_rows)
            told = _dialect(resource, f"{self._name} {table}")
            try:
                reader = csv.reader(lines, strict=True, **told)
            except (TypeError, ValueError) as error:  # a line break, or one character for two roles
                raise Malformed(f"{self._name} {table} dialect", f"can't be used: {error}") from error
            try:
                head = [cell.strip() for cell in next(reader, [])]
                _check_head(head, needed, name)
                for cells in self._cells(reader, name):
                    if len(cells) == len(head):
                        yield f"{name} line {reader.line_num}", dict(zip(head, cells, strict=True))
                    elif cells:
                        fault = f"has {len(cells)} cells, the header {len(head)}"
                        self.bad_rows.append((f"{name} line {reader.line_num}", fault))
            except csv.Error as error:
                raise Malformed(f"{name} line {reader.line_num}", f"is not CSV: {error}") from error
            except _DAMAGED as error:
                raise self._unreadable(name, error) from error

    def _cells(self, reader: Any, name: str) -> Iterator[list[str]]:  # noqa: ANN401 - csv's reader
        """The rows of a file; one that the reader refuses is noted. Raises csv.Error for a file cut short."""
        while True:
            try:
                yield next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if "unexpected end" in str(error):  # an open quote has swallowed all that follows
                    raise
                self.bad_rows.append((f"{name} line {reader.line_num}", f"is not CSV: {error}"))

    def _inline(
        self, table: str, data: list[Any], needed: frozenset[str]
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Rows in the descriptor itself: objects, or lists of which the first names the columns."""
        head: list[str] | None = None
        for n, value in enumerate(data):
            place = f"{self._name} {table}[{n}]"
            if isinstance(value, list) and head is None:
                head = [str(cell) for cell in value]
                _check_head(head, needed, place)
                continue
            if isinstance(value, list) and head is not None and len(value) == len(head):
                value = dict(zip(head, value, strict=True))
            if isinstance(value, dict) and needed <= value.keys():
                yield place, {str(k): "" if v is None else str(v) for k, v in value.items()}
            else:
                self.bad_rows.append((place, "isn't a row with the columns of the table"))

    @contextmanager
    def _text(self, name: str, resource: Mapping[str, Any]) -> Iterator[io.TextIOWrapper]:
        encoding = str(resource.get("encoding") or "utf-8")
        try:
            encoding = codecs.lookup(encoding).name
            "".encode(encoding)
        except (LookupError, UnicodeError):  # also for what Python calls so, but is no text: base64
            raise Malformed(name, f"has an unknown encoding: {encoding}") from None
        if encoding == "utf-8":
            encoding = "utf-8-sig"
        with ExitStack() as stack:
            binary: Any = stack.enter_context(self._open(name))
            if name.endswith(".gz") or resource.get("compression") in ("gz", "gzip"):
                binary = stack.enter_context(gzip.GzipFile(fileobj=binary))
            yield stack.enter_context(io.TextIOWrapper(binary, encoding, "replace", newline=""))

    def _find_descriptor(self) -> tuple[PurePosixPath, str]:
        """The descriptor's folder and name: in the package's own, or in one that an archive packs it in."""
        names = (_DESCRIPTOR, _OTHER_DESCRIPTOR)
        if self._archive is None:
            there = [name for name in names if (self._folder or Path()).joinpath(name).is_file()]
            return PurePosixPath(), (there or [_DESCRIPTOR])[0]
        found = [PurePosixPath(name) for name in self._archive.namelist() if name.split("/")[-1] in names]
        if not found:
            raise Malformed(_DESCRIPTOR, "is missing in the archive")
        best = min(found, key=lambda path: (names.index(path.name), len(path.parts), str(path)))
        return best.parent, best.name

    def _tables(self) -> dict[str, dict[str, Any]]:
        tables = {}
        for n, value in enumerate(as_list(self.descriptor.get("resources"), f"{self._name} resources")):
            place = f"{self._name} resources[{n}]"
            row = as_object(value, place)
            name = as_text(row.get("name"), f"{place}.name")
            if name not in ("media", "observations"):
                continue
            path = row.get("path")
            path = path[0] if isinstance(path, list) and len(path) == 1 else path
            if path is None and isinstance(row.get("data"), list):
                tables[name] = dict(row)
            else:
                tables[name] = dict(row) | {"path": _inside(as_text(path, f"{place}.path"), f"{place}.path")}
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
    if path.name in (_DESCRIPTOR, _OTHER_DESCRIPTOR):
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
        raise Malformed(place, "leads out of the package: use a relative path without ..")
    return str(pure)


def _file_below(folder: Path, name: str) -> Path:
    """A file of the folder, links followed. Raises Malformed where a link leads out."""
    found = (folder / name).resolve()
    if not found.is_relative_to(folder.resolve()):
        raise Malformed(name, "is a link that leads out of the package")
    return found


def _lines(file: io.TextIOWrapper, name: str, bad: list[tuple[str, str]]) -> Iterator[str]:
    """The lines of a file; of one that is too long the place is noted, and a blank stands for it."""
    n = 0
    while line := file.readline(_LINE):
        n += 1
        if len(line) >= _LINE:
            bad.append((f"{name} line {n}", "is too long"))
            while line and not line.endswith(("\n", "\r")):
                line = file.readline(_LINE)
            line = "\n"
        yield line


def _check_head(head: list[str], needed: frozenset[str], name: str) -> None:
    if lacking := sorted(needed - set(head)):
        raise Malformed(name, f"has no column {', '.join(lacking)}")
    if len(set(head)) < len(head):
        raise Malformed(name, "names a column twice")


def _dialect(resource: Mapping[str, Any], place: str) -> dict[str, Any]:
    """How the cells of a resource are parted, as csv.reader wants it. Raises Malformed."""
    told = as_object(resource.get("dialect") or {}, f"{place} dialect")
    if told.get("header") is False:
        raise Malformed(f"{place} dialect", "says that there is no header")
    found: dict[str, Any] = {"delimiter": ",", "quotechar": '"', "doublequote": True}
    names = {"delimiter": "delimiter", "quoteChar": "quotechar", "escapeChar": "escapechar"}
    for key, name in names.items():
        value = told.get(key)
        if value is not None:
            if not isinstance(value, str) or len(value) != 1:
                raise Malformed(f"{place} dialect.{key}", "must be one character")
            found[name] = value
    found["doublequote"] = told.get("doubleQuote", True) is not False
    found["skipinitialspace"] = told.get("skipInitialSpace", False) is True
    return found
