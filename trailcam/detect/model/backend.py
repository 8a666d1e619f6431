"""Which library computes the networks. Imports no torch."""

from __future__ import annotations

from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version


class Backend(StrEnum):
    """AUTO: OpenVINO on a processor where it is installed, pays and agrees with torch; else torch."""

    AUTO = "auto"
    TORCH = "torch"
    OPENVINO = "openvino"


def openvino_version() -> str | None:
    """The installed OpenVINO's version; None without one."""
    try:
        return version("openvino")
    except PackageNotFoundError:
        return None
