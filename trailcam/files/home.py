"""Folders of the user: home (``~`` in paths), and where the system wants data, settings and caches to lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import platformdirs

from trailcam.errors import UsageError
from trailcam.words.text import printable


def at_home(path: Path) -> Path:
    """``path`` with a leading ``~`` or ``~name`` as that user's folder. Raises UsageError for no user.

    Most shells have done so before; not in ``--output=~/page.html``, and not on Windows.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise UsageError(
            f"{printable(str(path))} begins with the folder of a user who isn't known here.",
            "Write the whole path, or ./~name for a file that is called so.",
        ) from error


def data_folder() -> Path:
    """For the database and weights. Raises UsageError for an account without a home."""
    return _folder(platformdirs.user_data_dir)


def config_folder() -> Path:
    """For the configuration file. Raises UsageError for an account without a home."""
    return _folder(platformdirs.user_config_dir)


def cache_folder() -> Path:
    """For what can be made again. Raises UsageError for an account without a home."""
    return _folder(platformdirs.user_cache_dir)


def _folder(find: Callable[..., str]) -> Path:
    try:
        return Path(find("trailcam", appauthor=False))
    except RuntimeError as error:  # a user number without an account, as containers have, and no HOME
        raise UsageError(
            "This account has no home folder: the system doesn't know the user, and HOME isn't set.",
            "Set HOME to a folder that you may write to: export HOME=/tmp/me",
        ) from error
