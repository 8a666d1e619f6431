"""``trailcam gallery``: rows and pictures into one file, or into a file and a folder beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trailcam.files.home import at_home
from trailcam.files.write import write_file
from trailcam.gallery.content import read_content
from trailcam.gallery.gallery_options import GalleryOptions
from trailcam.gallery.gallery_page import render_page
from trailcam.pages.pictures import Request
from trailcam.pages.shown import MOST_LARGE, PictureFolder, check_target, encoded, large_px, show_photos
from trailcam.selection import Selection
from trailcam.store.database import Database
from trailcam.store.images import roots


@dataclass(frozen=True, slots=True)
class GalleryReport:
    """What was made. ``too_many``: so many photos that their large pictures had to be small.

    ``problems`` are the photos without a picture, "name: reason".
    """

    path: Path
    folder: Path | None
    n_photos: int
    n_visits: int
    n_stations: int
    size_bytes: int
    too_many: bool
    problems: Sequence[str]


def build_gallery(
    database: Database,
    selection: Selection,
    target: Path,
    options: GalleryOptions,
    progress: Callable[[int, int], object],
) -> GalleryReport:
    """Write the page of the selected photos to ``target``; with ``split`` its pictures go to ``NAME_files``.

    The page appears whole or not at all, and the old one stays until then. Raises RootError when the photos'
    folder isn't there, OutputError when the page can't be written, UsageError and DatabaseError.
    """
    target = at_home(target)
    with database.read() as db:
        content = read_content(db, selection, options)
        paths = [Path(root.path) for root in roots(db)]
    check_target(target, [photo.file for photo in content.photos], paths)
    large = large_px(len(content.photos), split=options.split)
    folder = target.with_name(f"{target.stem}_files") if options.split else None
    save = PictureFolder(folder) if folder else encoded
    requests = [
        Request(photo.file, large, photo.people, photo.show, photo.at_s or 0.0) for photo in content.photos
    ]
    names = [photo.name for photo in content.photos]
    shown, problems = show_photos(requests, names, options.cache, progress, save)
    page = render_page(
        content,
        shown,
        options,
        selection=selection.in_words(),
        folder=folder.name if folder else None,
        target=target,
    )
    write_file(target, page)
    pictures_bytes = save.tidy() if isinstance(save, PictureFolder) else 0
    return GalleryReport(
        path=target,
        folder=folder,
        n_photos=len(content.photos),
        n_visits=content.n_visits,
        n_stations=len({photo.station_index for photo in content.photos}),
        size_bytes=len(page) + pictures_bytes,
        too_many=not options.split and len(content.photos) > MOST_LARGE,
        problems=problems,
    )
