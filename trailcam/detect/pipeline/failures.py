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
    VANISHED = "vanished"
    """The file is not where the scan saw it. The photo becomes ``missing``, not ``failed``."""
