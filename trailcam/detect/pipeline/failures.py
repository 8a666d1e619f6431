"""Why a photo could not be looked at: stable codes for the database and for scripts."""

from __future__ import annotations

from enum import StrEnum


class FailureCode(StrEnum):
    """Stable error codes. Never renamed: they are stored with the photos and filtered on."""

    EMPTY_FILE = "empty_file"
    """The file has no bytes (a card pulled out while the camera wrote)."""
    NOT_AN_IMAGE = "not_an_image"
    """The bytes are no JPEG, PNG, TIFF, WebP, BMP or GIF."""
    TRUNCATED = "truncated"
    """The picture data ends early. It is not shown to the model: the missing part would be
    grey, and "nothing found" would be untrue."""
    CORRUPT = "corrupt"
    """The picture data is damaged: it starts like an image but cannot be decoded as one."""
    TOO_LARGE = "too_large"
    """More pixels or bytes than :data:`trailcam.detect.pipeline.decode.MAX_PIXELS` and
    :data:`trailcam.detect.pipeline.read_file.MAX_BYTES` allow, or than memory holds."""
    UNREADABLE = "unreadable"
    """The system doesn't give out the bytes: permission, input/output error, no regular file."""
    NOT_A_VIDEO = "not_a_video"
    """The bytes are no MP4, MOV, AVI or MKV."""
    NO_INDEX = "no_index"
    """An MP4 or MOV without its index: the camera or the copy stopped before it was written."""
    NO_FRAMES = "no_frames"
    """A video without a picture that can be decoded: sound alone, or its first part is lost."""
    UNKNOWN_CODEC = "unknown_codec"
    """The decoder doesn't know how the video's pictures were compressed."""
    STALLED = "stalled"
    """The decoder stood still on a video and was ended."""
    VANISHED = "vanished"
    """The file is not where the scan saw it. The photo becomes ``missing``, not ``failed``."""
