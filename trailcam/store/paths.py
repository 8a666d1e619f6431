"""File names as DuckDB can hold them.

Python shows what is no Unicode in a file name as lone surrogates: on POSIX bytes that are
not UTF-8 (U+DC80..U+DCFF, PEP 383), on Windows unpaired UTF-16 units (U+D800..U+DFFF). No
VARCHAR may hold those. They are stored as U+10F600..U+10FDFF, code points of plane 16's
private use area, and turned back when read.
"""

from __future__ import annotations

import re

_SHIFT = 0x10F600 - 0xD800
_SURROGATE = re.compile("[\ud800-\udfff]")
_STORED = re.compile("[\U0010f600-\U0010fdff]")


def to_db(path: str) -> str:
    """A path as Python has it -> as the database holds it."""
    return _SURROGATE.sub(lambda m: chr(ord(m[0]) + _SHIFT), path) if not path.isascii() else path


def from_db(path: str) -> str:
    """A path as the database holds it -> as Python's file functions want it."""
    return _STORED.sub(lambda m: chr(ord(m[0]) - _SHIFT), path) if not path.isascii() else path
