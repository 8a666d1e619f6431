"""What trailcam reads, and what it found and doesn't read, in words."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from trailcam.words.text import count


def reads_heif() -> bool:
    """Whether the extra that reads HEIC and HEIF is installed, without importing it."""
    return find_spec("pillow_heif") is not None


def reads_videos() -> bool:
    """Whether the extra that reads videos is installed, without importing it."""
    return find_spec("av") is not None


def what_is_read() -> str:
    """Which photos trailcam reads, as a sentence."""
    if reads_heif():
        return "trailcam reads photos as JPEG, PNG, TIFF, WebP, BMP, HEIC and HEIF."
    from trailcam.machine import add_extra  # here, as it is slow to import and rarely needed

    return (
        "trailcam reads photos as JPEG, PNG, TIFF, WebP and BMP;"
        f" with `{add_extra('heif')}` also HEIC and HEIF."
    )


def why_unread(videos: int, pictures: Mapping[str, int]) -> str:
    """What trailcam reads, for whoever has videos or pictures that it doesn't, as sentences."""
    from trailcam.machine import add_extra

    told = [what_is_read()] if pictures or not videos else []
    if videos:
        told.append(f"`{add_extra('video')}`, and then `trailcam scan`, reads videos.")
    return " ".join(told)


def unread_words(videos: int, pictures: Mapping[str, int]) -> str:
    """``12 videos and 9 other pictures (8 HEIC, 1 DNG)``; "" where there are none."""
    parts = [count(videos, "video")] if videos else []
    if pictures:
        kinds = ", ".join(
            f"{n:,} {kind}" for kind, n in sorted(pictures.items(), key=lambda k: (-k[1], k[0]))
        )
        parts.append(f"{count(sum(pictures.values()), 'other picture')} ({kinds})")
    return " and ".join(parts)
