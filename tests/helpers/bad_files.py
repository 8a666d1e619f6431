"""Files as broken cameras, cards and people leave them, each with what trailcam makes of it.

All are made by script, so that nobody has to trust a blob. docs/bad-input.md has the same table for readers.
"""

from __future__ import annotations

import base64
import io
import os
import random
import socket
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.helpers.odd_jpegs import END, blocks_jpeg, gaps, pixels_begin, random_bytes

LOOKED_AT = "completed"
SKIPPED = "skipped"  # no row: it is not a file
_DAMAGED = frozenset({LOOKED_AT, "truncated", "corrupt", "not_an_image"})
ESCAPE = "\x1b[31mred\x1b]0;title\x07"


@dataclass(frozen=True)
class Bad:
    """One file: ``name`` is relative to the root, ``ends`` the outcomes allowed.

    An outcome is ``completed``, a failure's code, or ``skipped``. ``kind`` is the table's line in the docs.
    """

    kind: str
    name: bytes
    content: bytes
    ends: frozenset[str]


def _picture(width: int = 160, height: int = 120, seed: int = 0) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def _saved(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def photo(seed: int = 0) -> bytes:
    """A whole JPEG of 160 x 120 noise, about 15 kB."""
    return _saved(_picture(seed=seed), quality=90)


def _png(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + end


def _with_exif(tiff: bytes) -> bytes:
    body = b"Exif\0\0" + tiff
    whole = photo()
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + whole[2:]


def _directory(entries: list[bytes], following: int) -> bytes:
    return struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following)


def _entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


def _exif_cases() -> Iterator[tuple[str, bytes]]:
    start = b"II*\0" + struct.pack("<I", 8)
    yield "directory follows itself", start + _directory([_entry(0x112, 3, 1, 1)], 8)
    yield "sub-directory is its parent", start + _directory([_entry(0x8769, 4, 1, 8)], 0)
    yield "offset past the end", start + _directory([_entry(0x10F, 2, 40, 0xFFFF_FFF0)], 0)
    yield "count of four billion", start + _directory([_entry(0x10F, 2, 0xFFFF_FFFF, 8)], 0)
    yield "first directory past the end", b"II*\0" + struct.pack("<I", 0x7FFF_FFFF)
    yield "65,535 entries", start + struct.pack("<H", 0xFFFF)
    yield "type unknown", start + _directory([_entry(0x112, 200, 1, 1)], 0)
    text = ESCAPE.encode() + b"\0"
    made = start + _directory([_entry(0x10F, 2, len(text), 26), _entry(0x112, 3, 1, 1)][:1], 0)
    yield "terminal escapes in the maker's name", made + text


# 32 x 24 px, arithmetic-coded (SOF9). Pillow can't write such files: cjpeg -arithmetic drew it.
_ARITHMETIC = base64.b64decode(
    b"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxO"
    b"UlNSMj5aYVpQYEpRUk//2wBDAQ4ODhMREyYVFSZPNS01T09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09PT09P"
    b"T09PT09PT0//yQARCAAYACADASIAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/AJGjEbiF0MYKiYdXEJv9kPnoBgyd"
    b"DKU9g/rZg5Vn3PxYAFIxn+15sbLRqw3CUPfVjfWzctgzJ39PgP/Z"
)


def _pictures() -> Iterator[tuple[str, bytes, bytes]]:
    image = _picture()
    yield "CMYK", b"cmyk.jpg", _saved(image.convert("CMYK"))
    yield "greyscale", b"grey.jpg", _saved(image.convert("L"))
    deep = Image.fromarray(np.arange(160 * 120, dtype=np.uint16).reshape(120, 160) * 3)
    yield "16 bits a channel", b"deep.png", _saved(deep, "PNG")
    yield "16 bits a channel", b"deep.tif", _saved(deep, "TIFF")
    yield "progressive", b"progressive.jpg", _saved(image, progressive=True)
    yield "arithmetic-coded", b"arithmetic.jpg", _ARITHMETIC
    for form, name in (("WEBP", b"moving.webp"), ("PNG", b"moving.png")):
        frames = [_picture(seed=n) for n in (1, 2)]
        yield "animated", name, _saved(image, form, save_all=True, append_images=frames, duration=40)
    yield "wrong extension", b"png-inside.jpg", _saved(image, "PNG")
    yield "wrong extension", b"jpeg-inside.png", photo(500)
    yield "a pixel wide", b"thin.png", _saved(_picture(1, 500), "PNG")


def _odd_and_damaged() -> Iterator[tuple[str, bytes, frozenset[str]]]:
    whole, other, looked = photo(), photo(1), frozenset({LOOKED_AT})
    failed = frozenset({"truncated", "corrupt"})
    gap, middle = gaps(whole)[2], (pixels_begin(whole) + len(whole)) // 2
    yield "stray bytes between header segments", whole[:gap] + random_bytes(1, 24) + whole[gap:], looked
    yield "stray bytes between header segments", whole[:2] + random_bytes(2, 7) + whole[2:], looked
    for length in (b"\0\0", b"\0\1"):
        segment = b"\xff\xe5" + length
        yield "header segment of an impossible length", whole[:gap] + segment + whole[gap:], looked
    yield "odd JFIF revision", whole[:11] + b"\x02\x01" + whole[13:], looked
    yield "unusual sampling", blocks_jpeg([(4, 2), (1, 1), (1, 1)]), looked
    yield "unusual sampling", blocks_jpeg([(1, 1), (2, 2), (2, 2)]), looked
    yield "no end marker", whole[:-2], looked
    yield "no end marker, padding", whole[:-2] + bytes(500), looked
    yield "no end marker, trailer", whole[:-2] + b"CAMERA 7 30/11/2026 04:11:22" * 9, looked
    yield "padding, then the end marker", whole[:-2] + bytes(500) + END, looked
    yield "trailer behind the end marker", whole + other, looked
    yield "zeros to the end", whole[:middle] + bytes(len(whole) - middle), failed
    yield "zeros to the end", whole[:middle] + bytes(9 * len(whole)), failed
    yield "rest of another photo", whole[:middle] + other[middle + 500 :], failed
    yield "data left over before the end marker", whole[:-2] + random_bytes(3, 60) + END, failed
    yield "unusual sampling, cut short", blocks_jpeg([(4, 2), (1, 1), (1, 1)])[:-400], failed
    yield "odd header before damage", whole[:11] + b"\x02\x01" + whole[13:middle] + END, failed


def _names() -> Iterator[tuple[str, bytes]]:
    yield "name of 255 bytes", b"x" * 251 + b".jpg"
    yield "name that isn't UTF-8", b"caf\xe9 \xff.jpg"
    yield "control characters in the name", b"a\nb\tc\x07\x7f.jpg"
    yield "terminal escapes in the name", ESCAPE.encode().replace(b"/", b"") + b".jpg"
    yield "name that turns text around", "\u202egpj.exe.jpg".encode()
    for name in (b"CON.jpg", b"aux.jpg", b"nul.jpg", b"a:b?.jpg", b"dots. .jpg", b"LPT1.tar.jpg"):
        yield "name reserved on Windows", name
    yield "name that looks like SQL", b"';DROP TABLE images;--.jpg"
    yield "name that looks like a formula", b"=1+1.jpg"
    yield "name that looks like a page", b"<script>alert(1)<!--.jpg"


def corpus() -> list[Bad]:
    """All files that are bad by content or by name; 110 and more, each name once."""
    whole, looked = photo(), frozenset({LOOKED_AT})
    found = [Bad("whole", b"whole.jpg", whole, looked)]
    for percent in range(5, 100, 5):
        cut = whole[: len(whole) * percent // 100]
        found.append(Bad("cut short", b"cut/%02d.jpg" % percent, cut, frozenset({"truncated"})))
    for seed in range(20):
        rng, flipped = random.Random(seed), bytearray(whole)
        for _ in range(1 + seed):
            flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        found.append(Bad("flipped bits", b"flip/%02d.jpg" % seed, bytes(flipped), _DAMAGED))
    no_image = frozenset({"not_an_image"})
    found += [
        Bad("no bytes", b"empty.jpg", b"", frozenset({"empty_file"})),
        Bad("zeros", b"zeros.jpg", bytes(5000), no_image),
        Bad("text", b"text.jpg", b"no photo\n", no_image),
        Bad("text", b"page.png", b"<html>" + ESCAPE.encode() + b"</html>", no_image),
        Bad("an archive", b"archive.jpg", b"PK\x03\x04" + bytes(range(256)), no_image),
        Bad("decompression bomb", b"bomb.png", _png(60_000, 60_000), frozenset({"too_large"})),
        Bad("sizes of zero", b"nothing.png", _png(0, 0), frozenset({"corrupt", "not_an_image", "truncated"})),
    ]
    found += [Bad(kind, b"kinds/" + name, data, looked) for kind, name, data in _pictures()]
    for n, (kind, data, ends) in enumerate(_odd_and_damaged()):
        found.append(Bad(kind, b"odd-jpegs/%02d.jpg" % n, data, ends))
    for n, (kind, tiff) in enumerate(_exif_cases()):
        found.append(Bad(f"EXIF: {kind}", b"exif/%d.jpg" % n, _with_exif(tiff), looked))
    for n, (kind, name) in enumerate(_names()):
        found.append(Bad(kind, b"names/" + name, photo(100 + n), looked))
    return found


def write(root: Path, files: list[Bad], n_whole: int) -> None:
    """``files`` below ``root``, with ``n_whole`` good photos beside them in ``good/``."""
    for file in files:
        path = os.fsencode(root) + b"/" + file.name
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - a name of bytes
        with open(path, "wb") as out:  # noqa: PTH123 - a name of bytes
            out.write(file.content)
    (root / "good").mkdir(parents=True, exist_ok=True)
    for n in range(n_whole):
        (root / "good" / f"{n:04d}.jpg").write_bytes(photo(1000 + n))


def write_odd(root: Path) -> set[str]:
    """Things with a photo's name that are not files; the paths made, relative to ``root``."""
    folder = root / "odd"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "folder.jpg").mkdir()
    (folder / "dangling.jpg").symlink_to(folder / "gone.jpg")
    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(folder)  # a socket's path holds 107 bytes
        try:
            server.bind("socket.jpg")
        finally:
            os.chdir(here)
    return {"odd/pipe.jpg", "odd/folder.jpg", "odd/dangling.jpg", "odd/socket.jpg"}
