"""``trailcam gallery``: rows and pictures into one file, or into a file and a folder beside it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from trailcam.errors import OutputError
from trailcam.files.mount_guard import check_root
from trailcam.files.write import write_file
from trailcam.gallery.content import read_content
from trailcam.gallery.gallery_page import render_page
from trailcam.pages.html import Shown
from trailcam.pages.pictures import Cache, NoPicture, Pictures, Request, make_pictures
from trailcam.selection import Selection
from trailcam.store.database import Database
from trailcam.store.images import roots
from trailcam.words.months import Season
from trailcam.words.text import printable

BLUR_FROM = 0.10
"""People are blurred from this confidence on, far below what counts: a face too many costs little."""

# One file holds large pictures while it stays a size that can be mailed or opened at once.
_LARGE_PX = 1280
_SMALLER_PX = 1024
_ALL_LARGE = 150
_ANY_LARGE = 800
_OUR_FILE = re.compile(r"[0-9a-f]{32}\.jpg")


@dataclass(frozen=True, slots=True)
class Options:
    """How a gallery is made. ``confidence`` and ``lowest`` are 0..1, see :func:`read_content`.

    ``first_month`` (1..12) begins a season-year; ``cache`` None keeps no pictures.
    """

    confidence: float | None
    lowest: float
    gap: timedelta
    seasons: Mapping[str, Season]
    first_month: int
    blur_people: bool = False
    split: bool = False
    cache: Cache | None = None


@dataclass(frozen=True, slots=True)
class GalleryReport:
    """What was made. ``problems`` are the photos without a picture, "name: reason"."""

    path: Path
    folder: Path | None
    n_photos: int
    n_events: int
    n_stations: int
    size_bytes: int
    large_px: int | None
    problems: Sequence[str]


def build_gallery(
    database: Database,
    selection: Selection,
    target: Path,
    options: Options,
    progress: Callable[[int, int], object],
) -> GalleryReport:
    """Write the page of the selected photos to ``target``; with ``split`` its pictures go to ``NAME_files``.

    The page appears whole or not at all, and the old one stays until then. Raises RootError when the photos'
    folder isn't there, OutputError when the page can't be written, UsageError and DatabaseError.
    """
    target = target.expanduser()
    with database.read() as db:
        content = read_content(
            db,
            selection,
            confidence=options.confidence,
            lowest=options.lowest,
            gap=options.gap,
            blur_from=BLUR_FROM if options.blur_people else None,
        )
        paths = [Path(root.path) for root in roots(db)]
    check(target, [photo.file for photo in content.photos], paths)
    large = large_px(len(content.photos), options.split)
    folder = target.with_name(f"{target.stem}_files") if options.split else None
    save = _Folder(folder) if folder else encoded
    shown, problems = [], []
    requests = [Request(photo.file, large, photo.people) for photo in content.photos]
    for photo, made in zip(content.photos, make_pictures(requests, options.cache, progress), strict=True):
        if isinstance(made, NoPicture):
            problems.append(f"{photo.name}: {made.message}")
        shown.append(as_shown(made, save))
    page = render_page(
        content,
        shown,
        seasons=options.seasons,
        first_month=options.first_month,
        selection=in_words(selection),
        folder=folder.name if folder else None,
    )
    write_file(target, page)
    pictures_bytes = save.tidy() if isinstance(save, _Folder) else 0
    return GalleryReport(
        path=target,
        folder=folder,
        n_photos=len(content.photos),
        n_events=content.n_events,
        n_stations=len({photo.station_index for photo in content.photos}),
        size_bytes=len(page) + pictures_bytes,
        large_px=large,
        problems=problems,
    )


def check(target: Path, files: Sequence[Path], paths: Sequence[Path]) -> None:
    """Before an hour's work: is there a place for the page, and are the photos there at all?

    ``paths`` are the roots. Raises OutputError and RootError.
    """
    shown = printable(str(target))
    if target.is_dir():
        raise OutputError(f"Cannot write {shown}: it is a folder.", f"Name a file: -o {shown}/gallery.html")
    if not target.absolute().parent.is_dir():
        raise OutputError(f"Cannot write {shown}: its folder doesn't exist.", "Make the folder first.")
    for path in paths:
        if any(file.is_relative_to(path) for file in files):
            check_root(path)


def large_px(n_photos: int, split: bool = False) -> int | None:
    """How large a page's large pictures are in px of the longer side, None for thumbnails alone."""
    if split or n_photos <= _ALL_LARGE:
        return _LARGE_PX
    return _SMALLER_PX if n_photos <= _ANY_LARGE else None


def as_shown(made: Pictures | NoPicture, save: Callable[[bytes], str]) -> Shown:
    """What a page shows of a photo; ``save`` puts a picture away and returns what finds it."""
    if isinstance(made, NoPicture):
        return Shown(problem=f"{made.reason}: {made.message}")
    return Shown(save(made.thumb), save(made.large) if made.large else "", made.ratio)


def encoded(picture: bytes) -> str:
    """A picture as text inside the page."""
    return base64.b64encode(picture).decode()


class _Folder:
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


def in_words(selection: Selection) -> str:
    """``season rut, since 2024-09-01, stations Hayfield, TinMan``; empty for all photos."""
    parts = []
    for name, value in selection.describe().items():
        if name == "include_undated" or (name == "months" and selection.season):
            continue
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        parts.append(f"{name} {printable(text)}")
    return "; ".join(parts)
