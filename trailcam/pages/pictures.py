"""Photos -> the small upright JPEGs that a gallery shows, kept in a cache by what is in the file.

A picture holds pixels alone: no EXIF, so no position of a camera leaves the house with a page.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import struct
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.pipeline.decode import Failed, decode
from trailcam.detect.pipeline.read_file import Missing, read_file
from trailcam.files.home import cache_folder
from trailcam.files.photo_file import open_photo, photo_status
from trailcam.machine import usable_cores
from trailcam.media.walk import file_key

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""``xywhn``: left, top, width, height, 0..1 of the upright photo."""

THUMB_PX = 400
"""Longer side of a thumbnail: a card is about 320 px wide, on a phone nearly 400."""
_QUALITY = 76
_FORM = 2  # raise it when the same photo would give other pictures than before
_ENDS = 65536
_ORIENTATION = 0x0112
_HEADER = struct.Struct("<dII")
# Boxes are drawn tight: a tenth more on each side covers what they cut off.
_MARGIN = 0.10
_BLOCKS = 6
# How much wider and higher than the animal a card's picture is: antlers and what it does can be judged.
_ROOM = 1.7
_SMALLEST_CUT = 0.3  # of the photo's width: what is far away isn't blown up beyond its pixels
_CARD_RATIO = 4 / 3


@dataclass(frozen=True, slots=True)
class Request:
    """One photo to make pictures of.

    ``large_px`` is the longer side of the large one, None for a thumbnail alone; no picture is larger than
    its photo. ``blur`` are boxes to make unrecognisable. ``show`` is what the thumbnail is cut around,
    None for the whole photo.
    """

    file: Path
    large_px: int | None
    blur: tuple[Box, ...] = ()
    show: Box | None = None
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Pictures:
    """JPEG bytes. ``ratio`` is width by height of the upright photo. ``large`` is None unless asked for."""

    thumb: bytes
    large: bytes | None
    ratio: float


@dataclass(frozen=True, slots=True)
class NoPicture:
    """Why there is none: ``reason`` is "missing" or "unreadable", ``message`` one printable line."""

    reason: str
    message: str


class Cache:
    """Pictures by the content of their photo, in ``folder``, which is made when first needed.

    The key is the file's size, modification time, first and last 64 KiB, and all that shapes the pictures:
    a photo that was moved or renamed is found again, and one that was replaced is not mistaken for the old.
    Safe for several threads and processes; what can't be read or written costs time, never the page.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> Pictures | None:
        """What was put under ``key``, None if there is nothing whole."""
        try:
            data = self._path(key).read_bytes()
            ratio, n_thumb, n_large = _HEADER.unpack_from(data)
        except (OSError, struct.error):
            return None
        start = _HEADER.size
        if len(data) != start + n_thumb + n_large:
            return None
        large = data[start + n_thumb :]
        return Pictures(data[start : start + n_thumb], large or None, ratio)

    def put(self, key: str, pictures: Pictures) -> None:
        """Keep ``pictures``. Written beside and renamed, so that no reader ever sees half of one."""
        large = pictures.large or b""
        head = _HEADER.pack(pictures.ratio, len(pictures.thumb), len(large))
        path = self._path(key)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(head + pictures.thumb + large)
                Path(draft).replace(path)
            except OSError:
                Path(draft).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.pictures"


def default_cache() -> Cache:
    """The cache in the user's own cache folder, as the system defines it. It may be deleted at any time."""
    return Cache(cache_folder() / "gallery")


def make_pictures(
    requests: Sequence[Request], cache: Cache | None, progress: Callable[[int, int], object]
) -> Iterator[Pictures | NoPicture]:
    """The pictures of each request, in order, made by as many threads as there are cores.

    The decoders let other threads run. ``progress`` is told (done, total). Never raises for what a photo
    holds.
    """
    ahead = 4 * _threads()  # enough to keep all busy without holding a library's pictures in memory
    pool = ThreadPoolExecutor(_threads(), "pictures")
    try:
        waiting = deque(pool.submit(_pictures, request, cache) for request in requests[:ahead])
        for n in range(len(requests)):
            made = waiting.popleft().result()
            if n + ahead < len(requests):
                waiting.append(pool.submit(_pictures, requests[n + ahead], cache))
            progress(n + 1, len(requests))
            yield made
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _threads() -> int:
    return min(usable_cores(), 16)


def _pictures(request: Request, cache: Cache | None) -> Pictures | NoPicture:
    key = _key(request) if cache else None
    if cache and key and (known := cache.get(key)):
        return known
    data = read_file(request.file, request.at_s)
    if isinstance(data, Missing):
        return NoPicture("missing", data.message)
    if isinstance(data, Failed):
        return NoPicture("unreadable", data.message)
    made = render(data, request)
    if cache and key and isinstance(made, Pictures):
        cache.put(key, made)
    return made


def cut_around(show: Box | None, ratio: float) -> Box:
    """The part of a photo of this ``ratio`` about ``show``, with room, in a card's shape where that fits.

    The whole photo for None.
    """
    if show is None:
        return (0.0, 0.0, 1.0, 1.0)
    x, y, w, h = show
    width = max(w * _ROOM, h * _ROOM * _CARD_RATIO / ratio, _SMALLEST_CUT)
    height = width * ratio / _CARD_RATIO
    width, height = min(width, 1.0), min(height, 1.0)
    left, top = x + w / 2 - width / 2, y + h / 2 - height / 2
    return (min(max(left, 0.0), 1 - width), min(max(top, 0.0), 1 - height), width, height)


def render(data: bytes, request: Request) -> Pictures | NoPicture:
    """A photo's bytes -> its pictures, decoded at about the size they have."""
    width, height = photo_size(data)
    _, _, part, part_high = cut_around(request.show, width / height)
    enough = THUMB_PX * max(width, height) / max(part * width, part_high * height)
    side = min(max(request.large_px or 0, round(enough)), max(width, height))
    decoded = decode(data, FrameSpec(imgsz=side, stride=1))  # a stride of 1 leaves nothing to pad
    if isinstance(decoded, Failed):
        return NoPicture("unreadable", decoded.message)
    pixels = decoded.pixels
    for box in request.blur:
        _blur(pixels, box)
    ratio = decoded.place.width / decoded.place.height
    thumb = _scaled(_part(pixels, cut_around(request.show, ratio)), THUMB_PX)
    large = encode_picture(_scaled(pixels, request.large_px)) if request.large_px else None
    return Pictures(encode_picture(thumb), large, ratio)


def _part(pixels: Pixels, cut: Box) -> Pixels:
    height, width = pixels.shape[:2]
    left, top = round(cut[0] * width), round(cut[1] * height)
    right, bottom = round((cut[0] + cut[2]) * width), round((cut[1] + cut[3]) * height)
    return pixels[top : max(bottom, top + 1), left : max(right, left + 1)]


def _scaled(pixels: Pixels, longer: int) -> Pixels:
    """The picture with its longer side at most ``longer`` px."""
    height, width = pixels.shape[:2]
    scale = longer / max(width, height)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def photo_size(data: bytes) -> tuple[int, int]:
    """Width and height in px of the upright photo, as the header says.

    Far too many where it says nothing, which decoding will complain of.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            turned = image.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
            return image.size[::-1] if turned else image.size
    except Exception:  # noqa: BLE001 - damaged files make Pillow raise nearly anything
        return 1 << 16, 1 << 16


def _blur(pixels: Pixels, box: Box) -> None:
    """Make what is in ``box`` unrecognisable, in place: a few averages are all that is left of it."""
    height, width = pixels.shape[:2]
    x, y, w, h = box
    left, top = max(0, int((x - _MARGIN * w) * width)), max(0, int((y - _MARGIN * h) * height))
    right = min(width, int(np.ceil((x + w * (1 + _MARGIN)) * width)))
    bottom = min(height, int(np.ceil((y + h * (1 + _MARGIN)) * height)))
    if right <= left or bottom <= top:
        return
    part = pixels[top:bottom, left:right]
    few = cv2.resize(
        part, (min(_BLOCKS, right - left), min(_BLOCKS, bottom - top)), interpolation=cv2.INTER_AREA
    )
    part[:] = cv2.resize(few, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)


def encode_picture(pixels: Pixels) -> bytes:
    """The JPEG of a small picture (height, width, 3) uint8 RGB."""
    return bytes(
        simplejpeg.encode_jpeg(
            np.ascontiguousarray(pixels), quality=_QUALITY, colorspace="RGB", colorsubsampling="420"
        )
    )


def _key(request: Request) -> str | None:
    """What the pictures depend on, None for a file that can't be read: that is found out with the whole."""
    shape = (_FORM, THUMB_PX, _QUALITY, request.large_px, request.blur, request.show)
    frame = f" {request.at_s}" if request.at_s else ""
    digest = hashlib.blake2b(f"{shape!r}{frame}".encode(), digest_size=20)
    try:
        info = photo_status(request.file)
        with open_photo(request.file) as file:
            digest.update(struct.pack("<qq", info.st_size, file_key("", info).mtime_ns))
            digest.update(file.read(_ENDS))
            file.seek(max(0, info.st_size - _ENDS))
            digest.update(file.read(_ENDS))
    except (OSError, ValueError):
        return None
    return digest.hexdigest()
