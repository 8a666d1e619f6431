"""Results into files: whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from trailcam.errors import OutputError
from trailcam.files.home import at_home
from trailcam.words.text import printable

DRAFT = ".trailcam-"
"""How the names of files begin that are still being written."""

_FORGOTTEN_S = 24 * 3600  # nobody who is at work leaves a draft untouched for so long


def write_file(path: Path, content: bytes) -> None:
    """Replace ``path`` by a file with ``content``. Raises OutputError; then the old file is as it was.

    A link is followed. What exists and is no regular file (a pipe, a device) is written to as it is.
    """
    try:
        target = at_home(path).resolve()
        if target.exists() and not target.is_file() and not target.is_dir():
            target.write_bytes(content)
        else:
            _replace(target, content)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _explained(path, error) from error


def _replace(target: Path, content: bytes) -> None:
    if target.is_dir():
        raise IsADirectoryError("it is a folder")
    clear_drafts(target.parent)
    with replacing(target) as file:
        file.write(content)


@contextlib.contextmanager
def replacing(target: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``target`` when the block ends well, and is gone when not.

    ``sync``: it is on the disk before. Raises what the system says.
    """
    draft = draft_of(target, ".part")
    try:
        with draft.open("xb") as file:
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        replace_by(target, draft)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def draft_of(target: Path, suffix: str = "") -> Path:
    """A name for what is to become ``target``; nothing has it yet.

    Beside it, because only within one file system a file replaces another in one step. And a name first, so
    that a signal in the moment in which the file comes about finds it known already.
    """
    return target.with_name(f"{DRAFT}{secrets.token_hex(8)}{suffix}")


def clear_drafts(folder: Path) -> None:
    """Remove what processes that were killed have left in ``folder`` for a day or longer."""
    before = time.time() - _FORGOTTEN_S
    with contextlib.suppress(OSError):
        for left in folder.glob(f"{DRAFT}*"):
            with contextlib.suppress(OSError):
                if left.lstat().st_mtime >= before:
                    continue
                if left.is_dir() and not left.is_symlink():
                    shutil.rmtree(left, ignore_errors=True)
                elif left.suffix == ".part":
                    left.unlink()


def replace_by(target: Path, draft: Path) -> None:
    """Put ``draft``, a whole file of the same file system, in the place of ``target``, in one step."""
    draft.chmod(_mode(target))
    draft.replace(target)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system says about writing ``path`` into an OutputError."""
    try:
        yield
    except OSError as error:
        raise _explained(path, error) from error


def _mode(target: Path) -> int:
    """The permissions of the file that is replaced, else those any new file gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    umask = os.umask(0)  # there is no other way to ask
    os.umask(umask)
    return 0o666 & ~umask


def _explained(path: Path, error: Exception) -> OutputError:
    why = getattr(error, "strerror", None) or str(error)
    shown = printable(str(path))
    if isinstance(error, FileNotFoundError):
        return OutputError(f"Cannot write {shown}: its folder doesn't exist.", "Make the folder first.")
    return OutputError(
        f"Cannot write {shown}: {printable(str(why))}.",
        "Nothing was changed. Choose another place with -o, or -o - for the terminal.",
    )
