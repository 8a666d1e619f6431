"""HEIC and HEIF, as phones write them: read where the extra ``heif`` (pillow-heif) is installed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

from trailcam.words.unread import reads_heif

# ISO/IEC 23008-12, annex B: the brands of pictures coded with HEVC, and of collections of them.
_BRANDS = frozenset(
    {*(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), *(b"mif1", b"msf1")}
)


@dataclass(frozen=True, slots=True)
class HeifHeader:
    """Size of the primary picture in px, upright, and what stands beside it: EXIF with orientation 1, XMP."""

    width: int
    height: int
    exif: bytes
    xmp: bytes


def is_heif(head: bytes) -> bool:
    """Whether a file that begins with ``head`` (32 bytes) is a HEIC or HEIF; an AVIF is not."""
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, 32, 4))}
    return head[4:8] == b"ftyp" and bool(brands & _BRANDS) and b"avif" not in brands


def read_heif(file: BinaryIO) -> HeifHeader | None:
    """What the header says; None where it is damaged or the extra isn't installed. Decodes no pixel."""
    if not reads_heif():
        return None
    import pillow_heif

    file.seek(0)
    try:
        heif = pillow_heif.open_heif(file)
        info = dict(heif.info)
        pillow_heif.set_orientation(info)  # the picture is turned by the container, not by EXIF
        return HeifHeader(heif.size[0], heif.size[1], info.get("exif") or b"", info.get("xmp") or b"")
    except Exception:  # noqa: BLE001 - a damaged file makes libheif raise nearly anything
        return None


@cache
def teach_pillow() -> None:
    """Let Pillow open HEIC and HEIF, where the extra is installed."""
    if reads_heif():
        import pillow_heif

        pillow_heif.register_heif_opener()
