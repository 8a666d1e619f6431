"""Windows drives as WSL sees them: slow, and easy to avoid."""

from __future__ import annotations

import re
from pathlib import Path

from trailcam.files.mount_guard import is_wsl

MOUNTS = Path("/proc/mounts")
SLOW_MB_S = 400.0
"""MB/s (10^6 bytes): what a drive gives more than that, WSL doesn't hold up."""

_ESCAPED = re.compile(r"\\([0-7]{3})")
_LETTER = re.compile(r"(?:^|path=)([A-Za-z]):")


def windows_drive(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """The Windows drive that a folder in WSL lies on, as ``D:``; None elsewhere, and where nothing tells.

    Of the file systems that hold the folder, the one mounted deepest counts. WSL 2 mounts a drive by 9p or
    virtiofs and calls it drvfs, WSL 1 by drvfs itself; so it is in a container that was given the folder.
    """
    if not is_wsl():
        return None
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    place = folder.absolute()
    deepest, found = -1, None
    for line in lines:
        source, where, kind, options = (
            _ESCAPED.sub(_character, part) for part in [*line.split(), *[""] * 4][:4]
        )
        if where and place.is_relative_to(where) and len(Path(where).parts) >= deepest:
            deepest = len(Path(where).parts)
            found = _letter(source, kind, options)
    return found


def advice(drive: str) -> str:
    """What to do about photos on a Windows drive."""
    return (
        f"WSL reads {drive} through Windows, which is slow with large photos. Install trailcam in Windows "
        "itself and scan the folder by its Windows path, or copy the photos into WSL, as to ~/photos."
    )


def _letter(source: str, kind: str, options: str) -> str | None:
    is_drive = kind == "drvfs" or (kind in ("9p", "virtiofs") and "drvfs" in f"{source} {options}")
    letter = _LETTER.search(source) or _LETTER.search(options)
    return f"{letter[1].upper()}:" if is_drive and letter else None


def _character(escaped: re.Match[str]) -> str:
    return chr(int(escaped[1], 8))
