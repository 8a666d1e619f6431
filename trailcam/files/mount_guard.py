"""The mount guard: is there really a library at this path? Asked before anything else.

A drive that isn't mounted looks like an empty folder on Linux, like a missing one on
Windows, and like deletion to a program that doesn't ask.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

from trailcam.errors import RootError
from trailcam.files.object_store import as_given, list_folder, url_of
from trailcam.words.text import count, printable
from trailcam.words.unread import what_is_read

# Where WSL mounts Windows drives, what Docker and Podman put into a container, and where WSL's kernel tells.
MOUNTS = "/mnt"
CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")
OS_RELEASE = Path("/proc/sys/kernel/osrelease")

_BUCKET_ADVICE = (
    "Check the name, the network and your credentials: does the store's own tool list it (`aws s3 ls`, "
    "`gcloud storage ls`)?"
)
_WINDOWS_PATH = re.compile(r"^([A-Za-z]):[\\/]*(.*)$", re.DOTALL)
_WSL_PATH = re.compile(r"^/mnt/([a-z])(?:/(.*))?$", re.DOTALL)


def check_root(given: str | Path) -> Path:
    """The absolute path of a root that exists, is a folder, can be listed and isn't empty.

    Raises RootError with a hint for the system at hand. Reads only; touches no database.
    """
    text = os.fspath(given)
    if url := url_of(text):
        return _check_bucket(url)
    shown = printable(text)
    path = Path(text)
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            raise RootError(f"{shown} is a file, not a folder.", "Name the folder that holds the photos.")
        with os.scandir(path) as entries:
            empty = next(entries, None) is None
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RootError(f"There is no folder {shown}.", _advice(text)) from error
    except OSError as error:
        raise RootError(
            f"The folder {shown} can't be read: {error.strerror or error}.",
            f"Check its permissions and that its drive answers. {_advice(text)}",
        ) from error
    if empty:
        raise RootError(f"The folder {shown} is empty.", f"Probably its drive isn't mounted. {_advice(text)}")
    return Path(os.path.abspath(path))  # noqa: PTH100 - links stay as the user wrote them


def _check_bucket(url: str) -> Path:
    """The same of a folder in object storage, which looks empty where there is none."""
    shown = printable(url)
    try:
        found = list_folder(url)
    except FileNotFoundError as error:
        raise RootError(f"There is no bucket for {shown}.", _BUCKET_ADVICE) from error
    except OSError as error:
        raise RootError(f"{shown} can't be read: {error.strerror or error}.", _BUCKET_ADVICE) from error
    if not found:
        raise RootError(f"There is nothing at {shown}.", _BUCKET_ADVICE)
    return Path(url)


def no_photos(root: Path, n_other: int, unread: str = "") -> RootError:
    """The error for a root with files but no photo; ``unread`` says which videos and pictures it holds."""
    what = " and ".join(part for part in (unread, count(n_other, "other file") if n_other else "") if part)
    return RootError(
        f"There is not a single photo under {printable(as_given(root))}{f' ({what} seen)' if what else ''}.",
        f"{what_is_read()} Is this the right folder, and is its drive mounted? {_advice(as_given(root))}",
    )


def too_many_gone(name: str, root: Path, n_gone: int, n_known: int, limit: float) -> RootError:
    """The error for a root of which more than ``limit`` (0..1) of the known photos vanished."""
    return RootError(
        f"{n_gone:,} of the {n_known:,} known photos of {printable(name)!r} are gone from "
        f"{printable(as_given(root))} ({n_gone / n_known:.1%}, more than the limit of {limit:.0%}).",
        "Nothing was changed. Probably a drive or share isn't fully mounted. If you moved them into another "
        "folder, scan that one first; if you did delete them, run the scan again with --accept-missing. "
        f"{_advice(as_given(root))}",
    )


def alive(root: Path) -> bool:
    """Whether a root can still be listed and holds anything: asked when photos turn up missing."""
    try:
        if url := url_of(root):
            return bool(list_folder(url))
        with os.scandir(root) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def _advice(text: str) -> str:
    """What to try, in the terms of the system that trailcam runs on."""
    if url_of(text):
        return _BUCKET_ADVICE
    windows, wsl = _WINDOWS_PATH.match(text), _WSL_PATH.match(text)
    if sys.platform == "win32":
        if wsl:
            there = f"{wsl[1].upper()}:\\{(wsl[2] or '').replace('/', chr(92))}"
            found = "which exists: use that" if _exists(there) else "if the drive is connected"
            return f"This is a WSL path; on Windows the same folder is {printable(there)}, {found}."
        return "Is the drive connected, and its letter the same as before? Check in Explorer."
    if windows or text.startswith("\\\\"):
        return _advice_for_windows_path(text, windows)
    if _in_container():
        return (
            "Inside a container only the folders given to it exist: start it with "
            "`-v /folder/on/host:/photos` and scan /photos."
        )
    if wsl and is_wsl():
        return (
            f"In WSL a drive that was plugged in later must be mounted: `{_wsl_mount(wsl[1])}`. "
            f"In Windows it is {wsl[1].upper()}:."
        )
    return "Check with `ls` and `mount` that its drive or share is there; mount it, then run again."


def _advice_for_windows_path(text: str, windows: re.Match[str] | None) -> str:
    """For ``I:\\Pics`` or ``\\\\nas\\pics``, given where such paths mean nothing."""
    if windows:
        there = f"{MOUNTS}/{windows[1].lower()}/{windows[2].replace(chr(92), '/')}".rstrip("/")
        if _exists(there):
            return (
                f"This is a Windows path; here the same folder is {printable(there)}, which exists: use that."
            )
    told = f"This is a Windows path, and trailcam runs {_system()}."
    if _in_container():
        return f"{told} Start the container with `-v {printable(text)}:/photos` and scan /photos."
    if windows and is_wsl():
        return (
            f"{told} Here the folder would be {printable(there)}, but that doesn't exist; if the drive was "
            f"plugged in later: `{_wsl_mount(windows[1].lower())}`."
        )
    return f"{told} Mount the drive or share, and give the path where it is mounted."


def _wsl_mount(letter: str) -> str:
    return f"sudo mkdir -p {MOUNTS}/{letter} && sudo mount -t drvfs {letter.upper()}: {MOUNTS}/{letter}"


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a folder that nobody may look into
        return False


def _in_container() -> bool:
    """Docker and Podman leave these files."""
    return any(_exists(mark) for mark in CONTAINER_MARKS)


def _system() -> str:
    """Where trailcam runs, to follow "runs"."""
    if _in_container():
        return "in a container"
    system = {"darwin": "macOS", "linux": "Linux"}.get(sys.platform, sys.platform)
    return "in WSL" if is_wsl() else f"on {system}"


def is_wsl() -> bool:
    """Whether this is Linux inside Windows, a container there included."""
    try:
        return "microsoft" in OS_RELEASE.read_text(encoding="ascii").lower()
    except (OSError, ValueError):
        return False
