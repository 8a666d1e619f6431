"""What makes a file the same file elsewhere: a hash of its size, head and tail, and one of all its bytes.

A camera writes the moment, a counter and a small picture into a photo's head, and its tail ends in what the
sensor saw last, noise included: two photos that share size, head and tail and aren't the same to the byte
have to be made on purpose. Where a decision rests on it and both files are there, all bytes are compared.
"""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

from trailcam.files.photo_file import open_photo

# The head lies in the buffer that EXIF was read from; the tail is one more read, which a share answers in one
# packet train. Hashing both takes a tenth of a millisecond.
HEAD_BYTES = 32 << 10
TAIL_BYTES = 16 << 10
_ID_BYTES = 16  # 128 bits: among 10^9 photos two alike by chance are a matter of 10^-21


def content_id(file: io.RawIOBase | io.BufferedReader, size: int) -> str:
    """32 hexadecimal digits of SHA-256 over size, head and tail of ``file`` (seekable), ``size`` bytes long.

    A file of up to 48 KiB is covered whole. Raises OSError from reading.
    """
    digest = hashlib.sha256(size.to_bytes(8, "big"))
    file.seek(0)
    digest.update(file.read(min(size, HEAD_BYTES)) or b"")
    if size > HEAD_BYTES:
        file.seek(max(HEAD_BYTES, size - TAIL_BYTES))
        digest.update(file.read(TAIL_BYTES) or b"")
    return digest.digest()[:_ID_BYTES].hex()


def read_content_id(path: Path | str) -> str | None:
    """The content id of a file, None where it can't be read or is no regular file."""
    try:
        with open_photo(path) as file:
            size = file.seek(0, os.SEEK_END)
            return content_id(file, size) if size else None
    except (OSError, ValueError):  # ValueError: a path with a NUL
        return None


def read_whole_id(path: Path | str) -> str:
    """32 hexadecimal digits of SHA-256 over all bytes of a file. Raises OSError."""
    with open_photo(path) as file:
        return hashlib.file_digest(file, "sha256").digest()[:_ID_BYTES].hex()
