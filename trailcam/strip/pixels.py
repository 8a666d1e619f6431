"""The top and the bottom edge of a photo in grey, which is where cameras write."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import simplejpeg
from PIL import Image

from trailcam.files.photo_file import read_photo
from trailcam.media.file_kinds import is_video
from trailcam.media.heif import is_heif, teach_pillow
from trailcam.video.still import still_of

if TYPE_CHECKING:
    from trailcam.strip.ocr import Gray

SHARE = 0.12  # of the height: the highest known strip takes 8 %
_FULL_PIXELS = 12_500_000  # up to here all pixels are decoded: small print on a photo of 8 MP is 26 px high
_LARGE_WIDTH = 3000  # px kept of a larger photo, whose print is larger too
_MAX_PIXELS = 250_000_000


@dataclass(frozen=True, slots=True)
class Bands:
    """``top`` and ``bottom``: H x W, uint8, upright. ``size``: width, height of the decoded photo in px."""

    top: Gray
    bottom: Gray
    size: tuple[int, int]

    def side(self, name: str) -> Gray:
        """The band called ``top`` or ``bottom``."""
        return self.top if name == "top" else self.bottom


def load_bands(path: Path, orientation: int = 1) -> Bands:
    """Decode a photo's edges. Raises OSError or ValueError for a file that can't be decoded."""
    if is_video(path.name):
        data, orientation = _frame(path), 1
    else:
        data = read_photo(path)
    gray = _jpeg(data) if data.startswith(b"\xff\xd8") else None
    if gray is None:
        gray = _any(data)
    gray = _turn(gray, orientation)
    high, wide = gray.shape
    band = max(min(high, 32), round(high * SHARE))
    return Bands(np.ascontiguousarray(gray[:band]), np.ascontiguousarray(gray[high - band :]), (wide, high))


def _frame(path: Path) -> bytes:
    """The first frame of a video. Raises ValueError."""
    frame = still_of(path)
    if isinstance(frame, bytes):
        return frame
    raise ValueError(frame.message)


def _jpeg(data: bytes) -> Gray | None:
    # Some cameras forget the end marker; Pillow would call such a file truncated.
    for jpeg in (data, data.rstrip(b"\0\xff") + b"\xff\xd9"):
        gray = _whole_jpeg(jpeg)
        if gray is not None:
            return gray
    return None


def _whole_jpeg(data: bytes) -> Gray | None:
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
        wanted = {} if height * width <= _FULL_PIXELS else {"min_width": _LARGE_WIDTH, "min_height": 1}
        decoded: Any = simplejpeg.decode_jpeg(data, colorspace="GRAY", **wanted)
    except ValueError:  # CMYK, or damaged: Pillow decides
        return None
    gray: Gray = decoded[:, :, 0]
    return gray


def _any(data: bytes) -> Gray:
    if is_heif(data[:32]):
        teach_pillow()
    with Image.open(io.BytesIO(data)) as image:
        if image.width * image.height > _MAX_PIXELS:
            raise ValueError("more pixels than any camera makes")
        try:
            return np.asarray(image.convert("L"))
        except SyntaxError as error:  # Pillow's word for a broken PNG
            raise ValueError(str(error)) from error


def _turn(gray: Gray, orientation: int) -> Gray:
    """Apply the EXIF orientation 1..8 (CIPA DC-008, tag 274)."""
    if orientation in (5, 6, 7, 8):
        gray = gray.T
    if orientation in (2, 3, 6, 7):
        gray = gray[:, ::-1]
    if orientation in (3, 4, 7, 8):
        gray = gray[::-1]
    return gray
