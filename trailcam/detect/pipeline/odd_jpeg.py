"""A second opinion on a JPEG that the fast decoder complains of: is all of its picture there?

The fast decoder stops at its first warning, which may be about a header that nobody needs, and tells nothing
of the next. So the file is rewritten with what decoding needs and nothing else: tables, frame, scans. What
the decoder still complains of is the picture itself:

- It ends early, or holds codes that don't exist: the rest of the picture is grey or garbage.
- The picture is complete and bytes are left over. Padding (00 or FF) is harmless, and so is a trailer where
  the file has no end marker; anything else is picture data that the decoder could not place, which means
  that bytes were lost or added somewhere before.

Samplings that the fast decoder doesn't know go to Pillow, whose decoder knows all of them but reports no
damage short of a missing end: there the bytes left over are counted.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from trailcam.detect.pipeline.failures import FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

_SOS, _DRI = 0xDA, 0xDD
_APP0, _APP1, _APP14 = 0xE0, 0xE1, 0xEE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD})  # DHT, DAC, DQT, DNL, DRI
_BETWEEN_SCANS = _TABLES | {_SOS, 0xFE, *range(0xE0, 0xF0)}
_END = b"\xff\xd9"
_JFIF = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
# Within picture data FF is followed by 00 (it stands for itself), a restart marker, or another FF.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_ENDS_EARLY = re.compile(
    r"truncat|premature|not enough data|unexpected end|\beof\b|end of file", re.IGNORECASE
)
_ABOUT_DATA = re.compile(r"corrupt jpeg data|premature|inconsistent progression", re.IGNORECASE)
_PRINTED = re.compile(rb"[\t\n\r -~]{8}")
# What a decoder may have read ahead of the last pixel, and what it wants to see behind it.
_READ_AHEAD = 16
_TRAILER_START = 64
_ZEROED = "the JPEG ends early: the rest of the file is zeros"


class DamagedJpegError(Exception):
    """Pixels are missing or wrong. ``code`` says which, the text why."""

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def ends_early(message: str) -> bool:
    """Whether a decoder's message says that the data stop too soon."""
    return _ENDS_EARLY.search(message) is not None


@dataclass(frozen=True, slots=True)
class Essence:
    """What decoding needs of a JPEG.

    ``data`` has no end marker; ``last_scan`` is where its last scan's picture data begin, ``frame`` its
    start-of-frame segment. ``ended``: it had an end marker, or another picture began. ``has_scans``:
    every coefficient of every component has come, down to its last bit. ``has_restarts``: no restart marker
    is missing.
    """

    data: bytes
    last_scan: int
    frame: bytes
    ended: bool
    has_scans: bool
    has_restarts: bool

    @property
    def start_of_padding(self) -> int:
        """Where the bytes of 00 and FF at the end of the picture data begin."""
        return max(self.last_scan, len(self.data.rstrip(b"\0\xff")))

    @property
    def padding(self) -> int:
        """How many they are."""
        return len(self.data) - self.start_of_padding


def decode_odd_jpeg(data: bytes, decode: Callable[[bytes, bool], Pixels], complaint: str) -> Pixels:
    """RGB pixels (h, w, 3) of a JPEG of which ``decode`` said ``complaint``.

    ``decode`` takes a JPEG and whether to be strict; it raises ValueError at the first warning then. Raises
    DamagedJpegError where the picture isn't all there.
    """
    essence = essence_of(data)
    if essence is None:
        code = FailureCode.TRUNCATED if ends_early(complaint) else FailureCode.CORRUPT
        raise DamagedJpegError(code, f"no picture data: {complaint}")
    if not essence.has_scans and not essence.ended:
        raise DamagedJpegError(FailureCode.TRUNCATED, "the JPEG ends early: scans are missing")
    whole = essence.data + _END
    try:
        return decode(whole, True)
    except ValueError as error:
        warning = str(error)
    if not _ABOUT_DATA.search(warning):
        return _decode_with_pillow(essence, warning)
    if not _only_left_over(essence, warning, decode):
        if ends_early(warning):
            raise DamagedJpegError(FailureCode.TRUNCATED, f"the JPEG ends early: {warning}")
        raise DamagedJpegError(FailureCode.CORRUPT, f"the JPEG is damaged: {warning}")
    return decode(whole, False)


def essence_of(data: bytes) -> Essence | None:
    """Tables, frame and scans of a JPEG; None where no scan begins."""
    kept: list[bytes] = [b"\xff\xd8"]
    at, last_scan, frame = 2, 0, b""
    scans: list[bytes] = []
    interval, has_restarts = 0, True
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if not _has_length(marker) or length < 2 or at + 2 + length > len(data):
            if last_scan and marker != 0xFF:
                break  # the end marker, or something that no JPEG has here: the end, as decoders take it
            at += 1
            continue
        segment = data[at : at + 2 + length]
        at += len(segment)
        frame = segment if marker in _FRAMES else frame
        interval = int.from_bytes(segment[4:6], "big") if marker == _DRI else interval
        kept.append(_needed(marker, segment, _is_sequential(frame)))
        if marker == _SOS:
            last_scan = sum(map(len, kept))
            scans.append(kept[-1])
            end = _end_of_scan(data, at)
            kept.append(data[at:end])
            has_restarts &= _has_restarts(frame, segment, interval, kept[-1])
            at = end
            if _is_sequential(frame) and segment[4:5] == frame[9:10]:
                break  # all components in one scan: whatever follows is another picture, or none
    if not last_scan:
        return None
    rest = data[at:].lstrip(b"\xff")[:1] if at >= 0 else b""
    ended = rest in (b"\xd9", b"\xd8")
    return Essence(b"".join(kept), last_scan, frame, ended, _has_scans(frame, scans), has_restarts)


def _has_scans(frame: bytes, scans: list[bytes]) -> bool:
    if len(frame) < 13:
        return False
    missing = {(part, k) for part in frame[10 : 10 + 3 * frame[9] : 3] for k in range(64)}
    for scan in scans:
        if len(scan) < 10:
            continue
        parts = scan[5 : 5 + 2 * scan[4] : 2]
        first, last, bits = scan[-3], scan[-2], scan[-1]
        if bits & 15 == 0:  # down to the lowest bit
            missing -= {(part, k) for part in parts for k in range(first, last + 1)}
    return not missing


def _has_restarts(frame: bytes, scan: bytes, interval: int, body: bytes) -> bool:
    """Whether a restart marker stands behind each ``interval`` units of a scan, counted 0 to 7 round."""
    if not interval or len(frame) < 13:
        return True
    high, wide = int.from_bytes(frame[5:7], "big"), int.from_bytes(frame[7:9], "big")
    factors = {part: (f >> 4, f & 15) for part, f in zip(frame[10::3], frame[11::3], strict=False)}
    most = [max(f[axis] for f in factors.values()) or 1 for axis in (0, 1)]
    unit = (8 * most[0], 8 * most[1])
    if scan[4:5] == b"\x01" and len(scan) > 5 and scan[5] in factors:  # one component: its own blocks
        own = factors[scan[5]]
        wide, high, unit = -(-wide * own[0] // most[0]), -(-high * own[1] // most[1]), (8, 8)
    units = -(-wide // unit[0]) * -(-high // unit[1])
    found = re.findall(rb"\xff+([\xd0-\xd7])", body)
    expected = max(0, (units - 1) // interval)
    return len(found) == expected and all(mark[0] == 0xD0 + n % 8 for n, mark in enumerate(found))


def _is_sequential(frame: bytes) -> bool:
    return frame[1:2] in (b"\xc0", b"\xc1")


def _has_length(marker: int) -> bool:
    return marker in _FRAMES or marker in _BETWEEN_SCANS or 0xF0 <= marker <= 0xFD


def _needed(marker: int, segment: bytes, sequential: bool) -> bytes:
    """A segment as decoding needs it, empty where it doesn't."""
    if marker == _APP0 and segment[4:9] == b"JFIF\0":
        return _JFIF  # says that the colours are YCbCr; some cameras write revisions that never were
    if marker == _APP14 and segment[4:9] == b"Adobe" and len(segment) >= 16:
        known = segment[15] if segment[15] <= 2 else 1  # decoders take an unknown transform for YCbCr
        return segment[:15] + bytes([known]) + segment[16:]
    if marker == _APP1 and segment[4:9] == b"Exif\0":
        return segment  # not for decoding, but the header is read from here where nothing else can read it
    if marker == _SOS and sequential:
        return segment[:-3] + b"\0\x3f\0"  # the only values possible; some cameras write others
    return segment if marker in _FRAMES | _TABLES | {_SOS} else b""


def _end_of_scan(data: bytes, start: int) -> int:
    """Where picture data end: before a marker, whatever it is, as decoders take it; or with the file."""
    found = _MARKER.search(data, start)
    return found.start() if found else len(data)


def _only_left_over(essence: Essence, warning: str, decode: Callable[[bytes, bool], Pixels]) -> bool:
    """Whether the picture is complete, and what follows it can't be picture data.

    Raises DamagedJpegError where zeros were taken for a picture: the end of a file that was never written.
    """
    left_over = _LEFT_OVER.search(warning)
    if left_over is None or not essence.has_restarts:
        return False
    if int(left_over[1]) > essence.padding:
        return not essence.ended and is_trailer(essence.data[_end_of_pixels(essence, decode) :])
    if not _is_complete(essence.data[: essence.start_of_padding + _READ_AHEAD], decode):
        raise DamagedJpegError(FailureCode.TRUNCATED, _ZEROED)
    return True


def _is_complete(data: bytes, decode: Callable[[bytes, bool], Pixels]) -> bool:
    try:
        decode(data + _END, True)
    except ValueError as error:
        return _LEFT_OVER.search(str(error)) is not None
    return True


def _end_of_pixels(essence: Essence, decode: Callable[[bytes, bool], Pixels]) -> int:
    """The shortest part of ``essence.data`` that holds the whole picture, by bisection."""
    low, high = essence.last_scan, len(essence.data)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _is_complete(essence.data[:middle], decode) else (middle + 1, high)
    return low


def is_trailer(rest: bytes) -> bool:
    """Whether bytes behind a picture, in a file without an end marker, are something else than picture data:
    padding, text, or another block that begins after a run of padding or with a marker."""
    rest = rest[:_TRAILER_START]
    bare = rest.lstrip(b"\0\xff")
    padding = len(rest) - len(bare)
    starts_with_marker = padding > 0 and rest[padding - 1] == 0xFF and _MARKER.match(rest, padding - 1)
    return not bare or padding >= _READ_AHEAD or bool(starts_with_marker) or bool(_PRINTED.search(bare[:16]))


class _Metered(io.BytesIO):
    """A file whose end is handed out a few bytes at a time: its position tells where a decoder was done."""

    def __init__(self, data: bytes, slow_from: int) -> None:
        super().__init__(data)
        self._slow_from = slow_from

    def read(self, size: int | None = -1, /) -> bytes:
        at = self.tell()
        if size is None or size < 0:
            return super().read(size)
        return super().read(min(size, self._slow_from - at if at < self._slow_from else _READ_AHEAD))


def _decode_with_pillow(essence: Essence, complaint: str) -> Pixels:
    """Decode in full, and compare where the picture ends with where its data do."""
    # Two bytes of the padding may be the picture's own last ones.
    body = essence.data[: essence.start_of_padding + 2].rstrip(b"\xff")
    try:
        pixels, done = _metered(essence, body, max(essence.last_scan, len(body) - 16 * _READ_AHEAD))
        left_over = done + _READ_AHEAD < len(body)
        if left_over and not essence.ended:
            _, done = _metered(essence, body, essence.last_scan)
            left_over = not is_trailer(essence.data[done:])
        is_short = not (pixels == _metered(essence, body, len(body), b"\xaa")[0]).all()
    except (OSError, SyntaxError) as error:
        code = FailureCode.TRUNCATED if ends_early(str(error)) else FailureCode.CORRUPT
        raise DamagedJpegError(code, f"the JPEG can't be decoded: {complaint}; {error}") from error
    if is_short:
        raise DamagedJpegError(FailureCode.TRUNCATED, "the JPEG ends early")
    if left_over or not essence.has_restarts:
        raise DamagedJpegError(
            FailureCode.CORRUPT, "the JPEG is damaged: picture data are left over or missing"
        )
    return pixels


def _metered(essence: Essence, body: bytes, slow_from: int, behind: bytes = b"\0") -> tuple[Pixels, int]:
    """RGB pixels, and how many bytes were read for them, to 16 from ``slow_from`` on. Raises OSError.

    Where an end marker comes too early, Pillow fills up with grey and says nothing. Without one it asks for
    more and gets a few times ``behind``, which it reads ahead: pixels that depend on it aren't the photo's.
    Progressive pictures are decoded when their end marker comes.
    """
    is_progressive = essence.ended and not _is_sequential(essence.frame)
    file = _Metered(body + (_END if is_progressive else behind * _READ_AHEAD), slow_from)
    with Image.open(file, formats=("JPEG",)) as image:
        image.load()
        return np.asarray(image.convert("RGB"), dtype=np.uint8), file.tell()
