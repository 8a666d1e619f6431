"""What a file or a folder is by its name: photo, video, picture that isn't read, another program's folder."""

from __future__ import annotations

import re
from functools import cache

from trailcam.words.unread import reads_heif

JPEG_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp", ".mpo", ".jps"}
)
IMAGE_SUFFIXES = JPEG_SUFFIXES | {".png", ".tif", ".tiff", ".webp", ".bmp"}
VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mov", ".m4v", ".mkv"})
HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif", ".heics"})
PICTURE_SUFFIXES = HEIF_SUFFIXES | frozenset(
    {
        *(".avif", ".avifs", ".gif", ".jxl", ".jp2", ".j2k", ".jpf", ".jpx", ".jxr", ".hdp", ".wdp", ".bpg"),
        *(".apng", ".psd", ".psb", ".tga", ".ppm", ".pgm", ".pnm", ".pcx", ".exr", ".hdr", ".qoi"),
        # Raw pictures of cameras.
        *(
            ".dng",
            ".cr2",
            ".cr3",
            ".crw",
            ".nef",
            ".nrw",
            ".arw",
            ".srf",
            ".sr2",
            ".raf",
            ".orf",
            ".rw2",
            ".rwl",
        ),
        *(
            ".raw",
            ".pef",
            ".srw",
            ".3fr",
            ".fff",
            ".iiq",
            ".erf",
            ".kdc",
            ".dcr",
            ".mrw",
            ".mos",
            ".mef",
            ".x3f",
            ".gpr",
        ),
    }
)
"""Pictures that aren't looked at: a scan counts them, so that nobody takes its photos for all there are."""
_BACKUP = re.compile(r"\.(\w{2,5}_original)", re.IGNORECASE)  # exiftool's, of a file that it changed

# Beside everything that begins with a dot: recycle bins and system folders of Windows, snapshots of Synology,
# QNAP and NetApp, left-overs of macOS archives. In lower case.
SYSTEM_FOLDERS = frozenset(
    {
        "system volume information",
        "#snapshot",
        "@recently-snapshot",
        "~snapshot",
        "__macosx",
        "network trash folder",
    }
)
# Bins, deleted photos, thumbnails, previews and earlier versions. In lower case.
OTHER_PROGRAMS_FOLDERS = frozenset(
    {
        *(
            "$recycle.bin",
            "recycler",
            "recycled",
            "#recycle",
            "@recycle",
            "lost+found",
            "lost.dir",
            ".trashes",
        ),
        *(".trash", ".dtrash", "deletedfiles"),  # DeletedFiles: Timelapse
        *("@eadir", ".@__thumb", "thumbnails", ".thumbnails", "ipod photo cache", ".picasaoriginals"),
        *(".stversions", ".dropbox.cache", "_gsdata_"),  # versions that Syncthing, Dropbox, GoodSync keep
    }
)
# Lightroom's previews, and the thumbnails that some cameras put beside their photos.
_OTHER_PROGRAMS = re.compile(r".*\.lrdata|[1-9][0-9]{2}_?thumb|\.trash-[0-9]+", re.IGNORECASE)
# Apple's packages hold the photos in one folder, and smaller pictures of them in others.
PHOTO_PACKAGES = (".photoslibrary", ".photolibrary", ".migratedphotolibrary", ".aplibrary")
_PACKAGE_PHOTOS = frozenset({"originals", "masters"})


def is_video(name: str) -> bool:
    """Whether a file is a video by its name or path."""
    return name[name.rfind(".") :].lower() in VIDEO_SUFFIXES


@cache
def photo_suffixes() -> frozenset[str]:
    """The endings of what is looked at, as `.jpg`: HEIC's too where its extra is installed."""
    return IMAGE_SUFFIXES | HEIF_SUFFIXES if reads_heif() else IMAGE_SUFFIXES


def picture_kind(name: str) -> str | None:
    """The kind of a picture that isn't looked at: its ending in capitals (HEIC); None for other files."""
    dot = name.rfind(".")
    ending = name[dot:].lower() if dot > 0 else ""
    if ending in PICTURE_SUFFIXES:
        return ending[1:].upper()
    backup = _BACKUP.fullmatch(ending)
    return backup[1].upper() if backup else None


def is_other_programs_folder(name: str, parent: str) -> bool:
    """Whether a folder holds another program's thumbnails, or photos that somebody deleted with it.

    ``parent`` is the name of the folder that it lies in.
    """
    name = name.lower()
    if name in OTHER_PROGRAMS_FOLDERS or _OTHER_PROGRAMS.fullmatch(name):
        return True
    return parent.lower().endswith(PHOTO_PACKAGES) and name not in _PACKAGE_PHOTOS
