"""The photos of a page: their pictures inside it, or in a folder beside it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from trailcam.errors import OutputError
from trailcam.files.mount_guard import check_root
from trailcam.files.object_store import url_of
from trailcam.pages.html import Shown
from trailcam.pages.pictures import Cache, NoPicture, Request, make_pictures
from trailcam.words.text import printable

# One file holds large pictures while it stays a size that can be mailed or opened at once.
MOST_LARGE = 800
_LARGE_PX = ((150, 1280), (MOST_LARGE, 1024))  # up to so many photos
_SMALLEST_PX = 360
_OUR_FILE = re.compile(r"[0-9a-f]{32}\.jpg")

Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class PageReport:
    """What was made, out of ``candidates`` photos. ``problems``: those without a picture, "name: reason"."""

    path: Path
    n_photos: int
    candidates: int
    size_bytes: int
    problems: Sequence[str]


def check_target(target: Path, files: Sequence[Path], roots: Sequence[Path]) -> None:
    """Before an hour's work: is there a place for the page, and are the photos there at all?

    Raises OutputError and RootError.
    """
    shown = printable(str(target))
    if target.suffix.lower() not in ("", ".html", ".htm"):
        raise OutputError(
            f"Cannot write {shown}: a page is HTML.", f"Name it so: -o {printable(target.stem)}.html"
        )
    if target.is_dir():
        raise OutputError(f"Cannot write {shown}: it is a folder.", f"Name a file: -o {shown}/gallery.html")
    if not target.absolute().parent.is_dir():
        raise OutputError(f"Cannot write {shown}: its folder doesn't exist.", "Make the folder first.")
    for root in roots:
        if any(file.is_relative_to(root) for file in files):
            check_root(root)


def link_to(file: Path, page: Path) -> str:
    """A relative link from a page to a file, which plays as long as both stay where they are.

    "" for an object of a bucket: a browser has no key to it.
    """
    if url_of(file):
        return ""
    try:
        relative = os.path.relpath(file, page.absolute().parent)
    except ValueError:  # another drive
        return file.as_uri()
    return quote(Path(relative).as_posix().encode("utf-8", "surrogateescape"))


def large_px(n_photos: int, *, split: bool = False) -> int:
    """How large a page's large pictures are, in px of the longer side."""
    fits = [px for most, px in _LARGE_PX if split or n_photos <= most]
    return fits[0] if fits else _SMALLEST_PX


def encoded(picture: bytes) -> str:
    """A picture as text inside the page."""
    return base64.b64encode(picture).decode()


def show_photos(
    requests: Sequence[Request],
    names: Sequence[str],
    cache: Cache | None,
    progress: Progress,
    save: Callable[[bytes], str] = encoded,
) -> tuple[list[Shown], list[str]]:
    """What a page shows of each photo, and "name: reason" of those without a picture.

    ``save`` puts a picture away and returns what finds it.
    """
    shown, problems = [], []
    for name, made in zip(names, make_pictures(requests, cache, progress), strict=True):
        if isinstance(made, NoPicture):
            problems.append(f"{name}: {made.message}")
            shown.append(Shown(problem=f"{made.reason}: {made.message}"))
        else:
            large = save(made.large) if made.large else ""
            shown.append(Shown(save(made.thumb), large, made.ratio))
    return shown, problems


class PictureFolder:
    """The folder beside a split page. A picture is named by its content, so an old page's stay right."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._used: dict[str, int] = {}
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"Cannot make the folder {printable(str(path))}: {error.strerror or error}.",
                "Nothing was changed. Choose another place with -o.",
            ) from error

    def __call__(self, picture: bytes) -> str:
        """Save a picture, unless it is there already; its name."""
        name = f"{hashlib.blake2b(picture, digest_size=16).hexdigest()}.jpg"
        if name not in self._used:
            file = self._path / name
            if not file.is_file() or file.stat().st_size != len(picture):
                _save(file, picture)
            self._used[name] = len(picture)
        return name

    def tidy(self) -> int:
        """Remove pictures that only an older page used, and nothing else. Returns the bytes in use."""
        for file in self._path.iterdir():
            if _OUR_FILE.fullmatch(file.name) and file.name not in self._used:
                with contextlib.suppress(OSError):
                    file.unlink()
        return sum(self._used.values())


def _save(file: Path, picture: bytes) -> None:
    """Whole or not at all; not flushed to the disk one by one, as any of them can be made again."""
    draft = file.with_suffix(".part")
    try:
        draft.write_bytes(picture)
        draft.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise OutputError(
            f"Cannot write {printable(str(file))}: {error.strerror or error}.",
            "The page was not changed. Free some space, or choose another place with -o.",
        ) from error
