"""Marks that programs put on copies' names: ``IMG_0001 (2).JPG``, ``DCIM - Copy``, ``IMG_0001_1.JPG``."""

from __future__ import annotations

import re
from functools import lru_cache

_COPY = r"(?:copy|kopie|copie|copia|cópia)"
# Windows: " (2)", " - Copy", " - Copy (2)", "Copy of X"; macOS: " copy", " copy 2"; browsers: "(1)"; GNOME:
# " (copy)", " (another copy)", " (3rd copy)".
_MARK = (
    rf"(?:\s*\([0-9]{{1,3}}\)|\s*-\s*{_COPY}(?:\s*\([0-9]{{1,3}}\))?|\s+{_COPY}(?:\s+[0-9]{{1,3}})?"
    rf"|\s\((?:another |[0-9]{{1,3}}[a-zª°º.]{{0,2}} )?{_COPY}(?: [0-9]{{1,3}})?\))"
)
_BEHIND = re.compile(rf"(?P<plain>.*?\w)(?P<mark>{_MARK}+)", re.IGNORECASE)
_BEFORE = re.compile(
    rf"(?P<mark>{_COPY}\s+(?:\([0-9]{{1,3}}\)\s+)?(?:of|von|de|di)\s+)(?P<plain>.+)", re.IGNORECASE
)
# What exports append, and what people and backups write behind the names of folders.
_NUMBERED = re.compile(r"(?P<plain>.*\w)(?P<mark>[ _.-][0-9]{1,2})")
_BACKUP = re.compile(r"(?P<plain>.*\w)(?P<mark>[ _.-](?:bak|old|backup))", re.IGNORECASE)


def split_copy_mark(stem: str) -> tuple[str, str]:
    """A name without its ending -> the name copied and the mark, "" for no copy's: ("IMG_0001", " (2)")."""
    for pattern in (_BEFORE, _BEHIND):
        found = pattern.fullmatch(stem)
        if found:
            return found["plain"], found["mark"]
    return stem, ""


def split_number_mark(stem: str) -> tuple[str, str]:
    """As :func:`split_copy_mark`, of ``IMG_0001_1``. It may as well be a counter: only where the plain name
    is there too is it a copy's mark."""
    found = _NUMBERED.fullmatch(stem)
    return (found["plain"], found["mark"]) if found else (stem, "")


@lru_cache(maxsize=4096)  # a scan asks for each photo
def plain_folder(name: str) -> str:
    """A folder's name without what copying and backing up may have added: ``DCIM.bak (2)`` -> ``DCIM``."""
    while True:
        plain, mark = split_copy_mark(name)
        for pattern in (_BACKUP, _NUMBERED):
            found = None if mark else pattern.fullmatch(plain)
            if found:
                plain, mark = found["plain"], found["mark"]
        if not mark:
            return name
        name = plain
