"""Bytes of a photo -> upright pixels in the model's frame, or the reason why not.

JPEGs are decoded straight to about the size that the model needs: the decoder scales while
it transforms, which makes a 25 MP photo three times cheaper. The smallest of 1/8, 1/4, 1/2 and
the whole size that still covers the frame is taken, then resized. The decoder knows other eighths
too, but has vector code for these alone: 5/8 of a 3 MP photo takes longer than the whole of it.
All else is decoded in full by Pillow. JPEGs that the fast decoder complains of get a second opinion
(:mod:`trailcam.detect.pipeline.odd_jpeg`) before they fail.

simplejpeg is used because it measured best of simplejpeg, Pillow's draft mode and OpenCV's
reduced modes, and because it lets other threads run while it decodes.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image, UnidentifiedImageError

from trailcam.detect.model.frame import PAD_VALUE, FrameSpec
from trailcam.detect.pipeline.failures import FailureCode
from trailcam.detect.pipeline.odd_jpeg import DamagedJpegError, decode_odd_jpeg, ends_early, essence_of
from trailcam.geometry import Letterbox, upright_size
from trailcam.media.heif import is_heif, teach_pillow
from trailcam.words.text import clean_message
from trailcam.words.unread import reads_heif, what_is_read

if TYPE_CHECKING:
    from collections.abc import Callable

Pixels = npt.NDArray[np.uint8]
_T = TypeVar("_T")

MAX_PIXELS = 250_000_000
"""Photos with more pixels are refused undecoded: no camera makes them, and they could fill memory."""

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF")
"""Pillow's names of the formats read; its JPEG reader also takes MPO (several JPEGs in a file)."""

# decode() has its own, larger limit; Pillow's would refuse stitched panoramas.
Image.MAX_IMAGE_PIXELS = None

_SOI = b"\xff\xd8"
_MAGIC = (
    *(_SOI, b"\x89PNG\r\n\x1a\n", b"RIFF", b"BM", b"GIF8"),
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),  # TIFF and BigTIFF, in either byte order
)
_ORIENTATION_TAG = 0x0112
_FAST_EIGHTHS = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A photo as the model sees it.

    ``pixels``: (frame height, frame width, 3) uint8 RGB, padded with 114, upright.
    ``place.width`` and ``place.height`` are the upright photo's full size in px.
    """

    pixels: Pixels
    place: Letterbox


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a photo has no pixels; ``message`` is one printable line."""

    code: FailureCode
    message: str


class _DecodeError(Exception):
    def __init__(self, code: FailureCode, message: object) -> None:
        super().__init__(code, message)
        self.failed = Failed(code, clean_message(message))


def decode(data: bytes, frame: FrameSpec, *, full: bool = False) -> Decoded | Failed:
    """Decode a photo, turn it upright, and letterbox it into the model's frame.

    EXIF orientation is applied once, by whoever holds the pixels last: here, or Pillow for
    TIFF. ``full`` decodes JPEGs at full size before resizing, to compare with. Never raises
    for bad bytes: whatever they hold, the answer is a :class:`Failed`.
    """
    return _or_failed(lambda: _decode(data, frame, full))


def decode_whole(data: bytes) -> Pixels | Failed:
    """(h, w, 3) RGB of a whole photo, upright and at full size. Never raises for bad bytes."""

    def whole() -> Pixels:
        image = _open(data)
        return np.ascontiguousarray(_TURNS[_orientation(image)](_stored_pixels(data, image, None)))

    return _or_failed(whole)


def _or_failed(work: Callable[[], _T]) -> _T | Failed:
    try:
        return work()
    except _DecodeError as error:
        return error.failed
    except MemoryError:
        return Failed(FailureCode.TOO_LARGE, "not enough memory to decode it")
    except Exception as error:  # noqa: BLE001 - damaged files make decoders raise nearly anything
        early = isinstance(error, EOFError) or ends_early(f"{error}")
        code = FailureCode.TRUNCATED if early else FailureCode.CORRUPT
        return Failed(code, clean_message(f"{error}" or type(error).__name__))


def _decode(data: bytes, frame: FrameSpec, full: bool) -> Decoded:
    image = _open(data)
    orientation = _orientation(image)
    upright_w, upright_h = upright_size(*image.size, orientation)
    (frame_h, frame_w), place = frame.fit(upright_w, upright_h)
    inner_w, inner_h = place.inner
    stored_inner = upright_size(inner_w, inner_h, orientation)  # its own inverse
    raw = _stored_pixels(data, image, None if full else _fast_size(image.size, stored_inner))
    raw = _resize(raw, image.size, stored_inner)
    pixels = np.full((frame_h, frame_w, 3), PAD_VALUE, dtype=np.uint8)
    inner = pixels[place.pad_y : place.pad_y + inner_h, place.pad_x : place.pad_x + inner_w]
    np.copyto(inner, _TURNS[orientation](raw))
    return Decoded(pixels, place)


def _stored_pixels(data: bytes, image: Image.Image, at_least: tuple[int, int] | None) -> Pixels:
    """(h, w, 3) RGB as stored; of a JPEG scaled down to no less than ``at_least`` (width, height) px."""
    if image.format not in ("JPEG", "MPO") or image.mode not in ("RGB", "L", "CMYK"):
        return _to_rgb8(image)
    raw = _decode_jpeg(data, at_least, "CMYK" if image.mode == "CMYK" else "RGB")
    _check_size(raw, image.size)
    return raw


def _open(data: bytes) -> Image.Image:
    """Read the header alone. Raises _DecodeError when there is none or it promises too much."""
    if not data:
        raise _DecodeError(FailureCode.EMPTY_FILE, "the file is empty (0 bytes)")
    if is_heif(data[:32]):
        return _open_heif(data)
    if not data.startswith(_MAGIC) or (data.startswith(b"RIFF") and data[8:12] != b"WEBP"):
        raise _DecodeError(FailureCode.NOT_AN_IMAGE, "not a JPEG, PNG, TIFF, WebP, BMP or GIF image")
    image = _open_header(data)
    if image is None:
        code = FailureCode.TRUNCATED if _header_ends_early(data) else FailureCode.CORRUPT
        raise _DecodeError(code, "the image header is cut short or damaged")
    return _not_too_large(image)


def _open_heif(data: bytes) -> Image.Image:
    if not reads_heif():
        raise _DecodeError(FailureCode.NOT_AN_IMAGE, f"a HEIC or HEIF picture; {what_is_read()}")
    teach_pillow()
    return _not_too_large(Image.open(io.BytesIO(data), formats=("HEIF",)))


def _not_too_large(image: Image.Image) -> Image.Image:
    if image.width * image.height > MAX_PIXELS:
        raise _DecodeError(
            FailureCode.TOO_LARGE,
            f"{image.width}x{image.height} px; the limit is {MAX_PIXELS // 1_000_000} million pixels",
        )
    return image


def _open_header(data: bytes) -> Image.Image | None:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        # A JPEG with stray bytes in front of its header, or with segments that nobody else would read.
        essence = essence_of(data) if data.startswith(_SOI) else None
    try:
        return Image.open(io.BytesIO(essence.data), formats=("JPEG",)) if essence else None
    except UnidentifiedImageError:
        return None


def _header_ends_early(data: bytes) -> bool:
    if data.startswith(_SOI):
        return b"\xff\xda" not in data  # no start of scan: the pixels never begin
    if data.startswith(b"RIFF") and len(data) >= 8:
        return int(struct.unpack_from("<I", data, 4)[0]) + 8 > len(data)
    return len(data) < 64


def _orientation(image: Image.Image) -> int:
    """EXIF orientation that is still to be applied, 1..8; anything else a file claims is 1."""
    if image.format == "TIFF":
        return 1  # Pillow turns TIFFs itself, size included
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 - a broken EXIF block must not cost the photo; scan tells of it
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _fast_size(stored: tuple[int, int], at_least: tuple[int, int]) -> tuple[int, int] | None:
    """The smallest size that is decoded fast and covers ``at_least`` (width, height) px; None: the whole."""
    for n in _FAST_EIGHTHS:
        width, height = -(-stored[0] * n // 8), -(-stored[1] * n // 8)
        if width >= at_least[0] and height >= at_least[1]:
            return width, height
    return None


def _decode_jpeg(data: bytes, at_least: tuple[int, int] | None, colours: str = "RGB") -> Pixels:
    """JPEG -> (h, w, 3) RGB as stored, scaled down to no less than ``at_least`` (width, height) px.

    ``colours``: the decoder's, RGB (also for grey) or CMYK.
    """
    min_w, min_h = at_least or (0, 0)

    def attempt(jpeg: bytes, strict: bool) -> Pixels:
        pixels: Pixels = simplejpeg.decode_jpeg(
            jpeg, colorspace=colours, min_width=min_w, min_height=min_h, strict=strict
        )
        return _cmyk_to_rgb(pixels) if colours == "CMYK" else pixels

    try:
        return attempt(data, True)
    except ValueError as error:
        complaint = str(error)
    try:
        return decode_odd_jpeg(data, attempt, complaint)
    except DamagedJpegError as error:
        raise _DecodeError(error.code, error) from error


def _cmyk_to_rgb(pixels: Pixels) -> Pixels:
    """(h, w, 4) to (h, w, 3). JPEGs hold these colours inverted, as Adobe began it: 255 is no ink."""
    colours, black = pixels[:, :, :3].astype(np.uint16), pixels[:, :, 3:].astype(np.uint16)
    return ((colours * black + 127) // 255).astype(np.uint8)


def _check_size(pixels: Pixels, stored: tuple[int, int]) -> None:
    """Raises _DecodeError where a decoder found another picture than the header speaks of: a thumbnail."""
    height, width = pixels.shape[:2]
    if not any((-(-stored[0] * n // 8), -(-stored[1] * n // 8)) == (width, height) for n in range(1, 9)):
        raise _DecodeError(
            FailureCode.CORRUPT, f"the header promises {stored[0]}x{stored[1]} px, another picture follows"
        )


def _to_rgb8(image: Image.Image) -> Pixels:
    """Any image that Pillow reads -> (h, w, 3) uint8 RGB of its first frame. Alpha is dropped."""
    image.load()
    if image.mode.startswith("I") or image.mode == "F":
        grey = _to_grey8(np.asarray(image))
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def _to_grey8(values: npt.NDArray[np.generic]) -> Pixels:
    """16-bit, 32-bit or float grey -> uint8.

    Up to 16 bits: 0..65535 becomes 0..255. Float in 0..1: times 255. Anything else has no
    known white, so its own range is stretched over 0..255.
    """
    floats = np.nan_to_num(values.astype(np.float32))
    low, high = float(floats.min()), float(floats.max())
    if values.dtype.kind in "iu" and low >= 0 and high <= 65535:
        offset, gain = 0.0, 1 / 257
    elif values.dtype.kind == "f" and low >= 0 and high <= 1:
        offset, gain = 0.0, 255.0
    else:
        offset, gain = low, 255 / max(high - low, 1e-12)
    grey: Pixels = np.rint((floats - offset) * gain).astype(np.uint8)
    return grey


def _resize(pixels: Pixels, stored: tuple[int, int], size: tuple[int, int]) -> Pixels:
    """Scale ``pixels``, decoded from a photo of ``stored`` (width, height) px, to ``size`` px.

    A JPEG decoded at n/8 has ceil(width x n/8) columns, of which the last may show less than
    a column's worth of photo. Stretching them all evenly would shift boxes by up to 0.5 % of
    the width; so the photo's true extent decides, where the two differ.
    """
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return pixels
    n = min(8, round(8 * max(width, height) / max(stored)))
    true_w, true_h = stored[0] * n / 8, stored[1] * n / 8
    if (true_w, true_h) == (width, height):
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    step_x, step_y = true_w / size[0], true_h / size[1]
    # Centre of target pixel i is at (i + 0.5) steps; a pixel's centre is half a pixel from its corner.
    to_source = np.array([[step_x, 0, step_x / 2 - 0.5], [0, step_y, step_y / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(pixels, to_source, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.uint8)


# EXIF 2.32, table 6: which sides of the upright picture the stored row 0 and column 0 are.
_TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: p.swapaxes(0, 1)[:, ::-1],
    7: lambda p: p.swapaxes(0, 1)[::-1, ::-1],
    8: lambda p: p.swapaxes(0, 1)[::-1],
}
