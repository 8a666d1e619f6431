"""What the head of an image file says: camera, size, orientation and times. No pixel is decoded.

One open and, for nearly every JPEG, one read of 64 KiB, as EXIF and the frame header lie at the front, and
one of the tail, for its identity. That matters on a network share, where each read is a round trip.
"""

from __future__ import annotations

import io
import logging
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import exifread

from trailcam.domain import MakerNote
from trailcam.files.photo_file import NotAFileError, open_photo
from trailcam.media.beside_exif import iptc_of_resources, iptc_time, png_time, xmp_time
from trailcam.media.capture_time import NO_TIMES, ExifTimes
from trailcam.media.content_id import content_id
from trailcam.media.heif import is_heif
from trailcam.media.image_format import ImageContainer, open_container
from trailcam.media.makernote import read_maker_note
from trailcam.media.tiff import Distilled, distil
from trailcam.media.time_text import NO_TIME, ExifTime, parse_exif
from trailcam.words.unread import what_is_read

# It warns on stderr of every tag it dislikes; what it can't read is simply absent here.
logging.getLogger("exifread").setLevel(logging.CRITICAL + 1)

EMPTY_FILE = "empty_file"
NOT_AN_IMAGE = "not_an_image"
TOO_LARGE = "too_large"
UNREADABLE = "unreadable"
VANISHED = "vanished"

_MAX_TEXT = 200
_MAX_SIDE = 1_000_000  # px: no format that cameras write goes so far, and sums of such sides fit anywhere

_Tags = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Header:
    """What one file's header says.

    ``width``, ``height``: pixels as stored, from the format's own header. ``orientation``: EXIF value 1..8
    that turns them upright. Texts are cleaned of padding and control characters, at most 200 characters, None
    when empty. ``latitude``, ``longitude``: degrees of WGS 84, both or neither. ``serial`` is EXIF's, else
    that of the maker note ``note``. ``content_id``: see
    :mod:`trailcam.media.content_id`.
    """

    width: int
    height: int
    orientation: int = 1
    make: str | None = None
    model: str | None = None
    serial: str | None = None
    times: ExifTimes = NO_TIMES
    latitude: float | None = None
    longitude: float | None = None
    content_id: str | None = field(default=None, compare=False)
    note: MakerNote | None = None


class UnreadableImageError(Exception):
    """A file that yields no header. ``code``: empty_file, not_an_image, too_large, unreadable or vanished."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


def read_header(path: Path | str) -> Header:
    """Read the header of a JPEG, PNG, TIFF, WebP or BMP file, whatever its name.

    EXIF that is broken counts as absent, as far as it is broken. Raises UnreadableImageError, nothing else.
    """
    try:
        with open_photo(path) as file:
            return _read(file)
    except NotAFileError as error:
        raise UnreadableImageError(UNREADABLE, str(error)) from None
    except (FileNotFoundError, NotADirectoryError):
        raise UnreadableImageError(VANISHED, "the file is gone") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UnreadableImageError(UNREADABLE, f"the file can't be read: {reason}") from None


def _read(file: io.BufferedReader) -> Header:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        raise UnreadableImageError(EMPTY_FILE, "the file is empty (0 bytes)")
    file.seek(0)
    container = open_container(file)
    if container is None:
        raise UnreadableImageError(NOT_AN_IMAGE, _what_instead(file))
    blocks = [block for stream in container.exif if (block := distil(stream)) is not None]
    width, height = container.width, container.height
    if width is None and blocks:
        width, height = blocks[0].width, blocks[0].height
    if not width or not height:
        raise UnreadableImageError(NOT_AN_IMAGE, "this TIFF file holds no picture")
    if max(width, height) > _MAX_SIDE:
        message = f"the header claims {width:,} x {height:,} pixels, which no camera writes: it is damaged"
        raise UnreadableImageError(TOO_LARGE, message)
    tags = _merged([_tags(block.block) for block in blocks])
    position = next((block.position for block in blocks if block.position), None)
    make = _clean(_text(tags, "Image Make"))
    raw_note = next((block.maker_note for block in blocks if block.maker_note), b"")
    note = read_maker_note(raw_note, make)
    serial = _clean(_text(tags, "EXIF BodySerialNumber", "Image BodySerialNumber", "Image Tag 0xC62F"))
    return Header(
        width=width,
        height=height,
        orientation=_orientation(tags),
        make=make,
        model=_clean(_text(tags, "Image Model")),
        serial=serial or (note.serial if note else None),
        times=_times(tags, container, blocks),
        latitude=position[0] if position else None,
        longitude=position[1] if position else None,
        content_id=content_id(file, size),
        note=note,
    )


def _what_instead(file: io.BufferedReader) -> str:
    file.seek(0)
    head = file.read(4096)
    if not head.strip(b"\0"):
        return "the file begins with zeros: the card or the copy lost its content"
    if is_heif(head):
        return f"the file holds a HEIC or HEIF picture; {what_is_read()}"
    if head.startswith(b"\xff\xd8"):
        return "the JPEG file ends before its picture begins"
    return "the file holds no JPEG, PNG, TIFF, WebP or BMP picture"


def _tags(block: bytes) -> _Tags:
    try:
        tags: _Tags = exifread.process_file(io.BytesIO(block), details=False, extract_thumbnail=False)
    except Exception:  # noqa: BLE001 - the one place where bytes of strangers meet a parser that isn't ours
        return {}
    return tags


def _merged(found: list[_Tags]) -> _Tags:
    """The tags of all EXIF blocks of a file: some cameras write a stub before the real one."""
    if len(found) == 1:
        return found[0]
    merged: dict[str, Any] = {}
    for tags in found:
        merged |= {name: tag for name, tag in tags.items() if name not in merged or _is_blank(merged[name])}
    return merged


def _is_blank(tag: Any) -> bool:  # noqa: ANN401 - exifread has no types
    return not str(tag.printable).strip(" :0\0")


def _text(tags: _Tags, *names: str) -> str | None:
    """The first of the named tags that is there, as text; cameras store text as bytes, too."""
    for name in names:
        value = tags[name].values if name in tags else None
        if isinstance(value, list) and all(isinstance(code, int) and 0 <= code < 256 for code in value):
            value = bytes(value)
        if isinstance(value, bytes):
            value = value.split(b"\0", 1)[0].decode("latin-1")
        if isinstance(value, str) and value:
            return value
    return None


def _clean(text: str | None) -> str | None:
    """Without padding, control characters and lone surrogates; None when nothing remains."""
    if text is None:
        return None
    if text.isascii() and text.isprintable():  # nearly all are: most of what a scan would spend here
        return text.strip()[:_MAX_TEXT].rstrip() or None
    kept = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp"))
    return kept.strip()[:_MAX_TEXT].rstrip() or None


def _orientation(tags: _Tags) -> int:
    values = tags["Image Orientation"].values if "Image Orientation" in tags else []
    first = values[0] if isinstance(values, list) and values else 1
    return first if isinstance(first, int) and 1 <= first <= 8 else 1


def _times(tags: _Tags, container: ImageContainer, blocks: list[Distilled]) -> ExifTimes:
    """The times of EXIF; where it has no word of the shutter, also those kept beside it."""
    original, digitized = (
        _time(tags, "DateTimeOriginal", "Original"),
        _time(tags, "DateTimeDigitized", "Digitized"),
    )
    modified = _time(tags, "DateTime", "")
    if parse_exif(original) or parse_exif(digitized):
        return ExifTimes(original, digitized, modified)
    first = blocks[0] if blocks else None
    resources = container.photoshop or (first.photoshop if first else b"")
    xmp, xmp_saved = xmp_time(container.xmp or (first.xmp if first else b""))
    gps_at = next((block.gps_at for block in blocks if block.gps_at), None)
    return ExifTimes(
        original,
        digitized,
        modified,
        xmp=xmp,
        iptc=iptc_time((first.iptc if first else b"") or iptc_of_resources(resources)),
        png_text=png_time(container.texts),
        gps=ExifTime(gps_at, None, "Z") if gps_at else NO_TIME,
        xmp_saved=xmp_saved,
    )


def _time(tags: _Tags, name: str, which: str) -> ExifTime:
    """A time and its companions; TIFF files keep them in the first directory, exifread's ``Image``."""
    return ExifTime(
        at=_text(tags, f"EXIF {name}", f"Image {name}"),
        subsec=_text(tags, f"EXIF SubSecTime{which}", f"Image SubSecTime{which}"),
        offset=_text(tags, f"EXIF OffsetTime{which}", f"Image OffsetTime{which}"),
    )
