"""Where an export may write, and how: inside its target, whole files, never over a photo."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from trailcam.errors import OutputError, UsageError
from trailcam.files.home import at_home
from trailcam.files.write import clear_drafts, draft_of, explained, replace_by, replacing
from trailcam.words.text import printable

PHOTO_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic"})
OTHER_ENDINGS = frozenset(
    {
        *(".xlsx", ".xls", ".xlsm", ".ods", ".pdf", ".docx", ".doc", ".sqlite", ".db", ".duckdb"),
        *(".csv", ".tsv", ".json", ".parquet", ".html", ".htm", ".xml", ".zip", ".gz"),
    }
)
"""What programs open by its name; a file of another format isn't called so."""
_LONGEST = 96  # of a part of a path: most systems allow 255 bytes, and a character may take four in UTF-8
_UNSAFE = re.compile(
    r'[\x00-\x1f\x7f-\x9f\ud800-\udfff<>:"/\\|?*\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]'
)
# Windows' devices, with any ending; the superscript digits count there too.
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\..*)?", re.IGNORECASE
)


def safe_part(text: str) -> str:
    """``text`` as one part of a path that every system takes and that leads nowhere else.

    A text that is fine stays as it is. Of any other the offending characters become ``_``, and a hash of
    the whole is added, so that two texts never meet in one name but by that name itself.
    """
    safe = _UNSAFE.sub("_", text).rstrip(". ").lstrip(" ")
    if safe.startswith(".") or _RESERVED.fullmatch(safe):
        safe = "_" + safe
    if safe and safe == text and len(safe) <= _LONGEST:
        return safe
    return f"{safe[:_LONGEST]}-{short_hash(text)}" if safe else f"_-{short_hash(text)}"


def short_hash(*texts: str, digits: int = 10) -> str:
    """Hexadecimal digits that stand for ``texts``; the same at all times and places.

    Ten are enough beside a readable name. Alone, among a million, two would meet in about one of three cases:
    an id needs 16 (less than one in ten million).
    """
    joined = "\0".join(texts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:digits]


def safe_path(path: str) -> PurePosixPath:
    """A stored relative path with each part made safe; ``..`` and a leading ``/`` can't survive."""
    return PurePosixPath(*(safe_part(part) for part in path.split("/") if part))


def flat_name(root: str, path: str) -> str:
    """One file name (without ending) for a photo: readable, and never that of another photo."""
    readable = safe_part(path.rpartition(".")[0].replace("/", "__") or path)
    return f"{readable[:_LONGEST]}-{short_hash(root, path)}"


def inside(target: Path, relative: str | PurePosixPath) -> Path:
    """``target / relative`` if that really lies in ``target``, links followed. Raises OutputError.

    That its last part is a link is refused as well: what is written there would go where it leads.
    """
    path = target / relative
    home = target.resolve()
    named = path.name not in ("", ".", "..")
    if not named or path.is_symlink() or not path.parent.resolve().is_relative_to(home):
        raise OutputError(
            f"{printable(str(path))} would be written outside {printable(str(target))}.",
            "A link inside the target leads out of it. Remove the link, or name an empty folder with -o.",
        )
    return path


def check_file(path: Path, database: Path, own: str) -> Path:
    """``path`` if it may become an export's file, of a format whose ending is ``own`` (".csv").

    Raises UsageError for a photo's, the database's, another format's and ``-``.
    """
    if path.suffix.lower() in PHOTO_ENDINGS:
        raise UsageError(
            f"{printable(str(path))} has the file ending of a photo.",
            "An export never replaces a photo: name another file with -o.",
        )
    if str(path) == "-":
        raise UsageError("An export can't be written to the terminal.", "Name a file with -o.")
    with suppress(OSError, ValueError):
        if path.exists() and path.samefile(database):
            raise UsageError("That file is the database itself.", "Name another file with -o.")
    if path.suffix.lower() in OTHER_ENDINGS - {own}:
        raise UsageError(
            f"{printable(str(path))} has the file ending of another format.",
            f"Name it for what it is: -o {printable(path.stem)}{own}",
        )
    return path


def check_folder(path: Path, roots: list[str]) -> Path:
    """The absolute path of a folder for copies of photos; nothing is made. Raises UsageError inside a root.

    There the next scan would take the copies for photos.
    """
    target = Path(os.path.abspath(at_home(path)))  # noqa: PTH100 - links are looked at below
    for root in roots:
        if target.resolve().is_relative_to(Path(root).resolve()):
            raise UsageError(
                f"{printable(str(target))} lies inside the scanned folder {printable(root)}.",
                "The next scan would take the copies for new photos: name a folder elsewhere with -o.",
            )
    return target


def make_folder(path: Path, roots: list[str]) -> Path:
    """As :func:`check_folder`, and the folder is made. Raises UsageError and OutputError."""
    target = check_folder(path, roots)
    create_folder(target)
    return target


def create_folder(target: Path) -> None:
    """Make the folder ``target``, and those above it. Raises OutputError."""
    with explained(target):
        target.mkdir(parents=True, exist_ok=True)


@contextmanager
def whole_file(path: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """A file to stream into. It takes the place of ``path`` when the block ends well, and is gone when not.

    ``sync`` waits until it is on the disk: not for one of very many that are easily made again. Raises
    OutputError.
    """
    with explained(path):
        target = _file_at(path)
        if sync:
            clear_drafts(target.parent)
        with replacing(target, sync=sync) as file:
            yield file


@contextmanager
def draft_beside(path: Path) -> Iterator[tuple[Path, Path]]:
    """A file's name for another program to write, and a folder for what it needs meanwhile.

    The file takes the place of ``path`` when the block ends well. Raises OutputError.
    """
    with explained(path):
        target = _file_at(path)
        clear_drafts(target.parent)
    folder = draft_of(target)
    draft = folder / "draft"
    try:
        with explained(path):
            folder.mkdir(mode=0o700)
        yield draft, folder
        with explained(path):
            replace_by(target, draft)
        shutil.rmtree(folder, ignore_errors=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _file_at(path: Path) -> Path:
    target = at_home(path).resolve()
    if target.is_dir():
        raise IsADirectoryError("it is a folder")
    return target
