"""Cores and memory that this process may use, and who runs it. Imports no torch."""

from __future__ import annotations

import getpass
import os
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")

# Without parts that need a screen, as in containers; and with more parts.
_SAME_MODULES = {
    "opencv-python": (
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    )
}


def usable_cores() -> int:
    """Cores that this process may use; in a container or under taskset fewer than the machine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # Windows and macOS have no such call
        return os.cpu_count() or 1


def free_bytes(cgroup: Path = _CGROUP) -> int:
    """Bytes that can be had without swapping, within the container's limit where there is one.

    The limit is read from cgroup v2 or v1 (kernel.org, admin-guide/cgroup-v2.rst, "Memory"); files that the
    system holds in memory count as free, as it gives them up when asked.
    """
    free = int(psutil.virtual_memory().available)
    for folder, limit, used in (
        (cgroup, "memory.max", "memory.current"),
        (cgroup / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            most = int((folder / limit).read_text(encoding="ascii"))  # "max" where there is none
            now = int((folder / used).read_text(encoding="ascii"))
            free = min(free, max(0, most - now + _files_held(folder / "memory.stat")))
        except (OSError, ValueError):
            continue
    return free


def _files_held(stat: Path) -> int:
    found = dict(line.split() for line in stat.read_text(encoding="ascii").splitlines())
    return int(found.get("inactive_file", 0))


def installed_version(name: str) -> str | None:
    """The version of a package, or of one that brings the same modules; None where neither is installed."""
    for same in (name, *_SAME_MODULES.get(name, ())):
        with suppress(PackageNotFoundError):
            return version(same)
    return None


def user_name() -> str:
    """The name of who runs this, "unknown" where the account has none, as in a container."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def add_extra(name: str) -> str:
    """The command that adds an extra to this trailcam, be it a checkout's or a wheel's.

    It names the installed package: pip adds what the extra needs and leaves trailcam itself as it is. A path
    (``.[ocr]``) would put a copy in the place of an editable install. Double quotes suit every shell.
    """
    here = Path(sys.executable)
    with suppress(ValueError):
        here = here.relative_to(Path.cwd())
    python = f'"{here}"' if " " in str(here) else str(here)
    return f'{python} -m pip install "trailcam[{name}]"'
