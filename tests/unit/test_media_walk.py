from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trailcam.media.file_kinds import HEIF_SUFFIXES, IMAGE_SUFFIXES
from trailcam.media.walk import WalkNotes, walk

REAL_SCANDIR = os.scandir
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX files")


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def paths(root: Path, notes: WalkNotes | None = None) -> list[str]:
    return [key.path for key in walk(root, WalkNotes() if notes is None else notes)]


def test_every_suffix_in_any_case_and_nothing_else(tmp_path: Path) -> None:
    photos = ["a.jpg", "b.JPEG", "c.Png", "d.tif", "e.TIFF", "f.webp", "g.BMP"]
    for name in [*photos, "h.MP4", "i.avi", "j.mov", "k.txt", "jpg", "l.jpg.part"]:
        put(tmp_path / name)
    notes = WalkNotes()
    assert paths(tmp_path, notes) == photos
    assert (notes.n_videos, notes.n_other, notes.skipped) == (3, 3, [])


def test_key_holds_size_and_mtime_and_a_posix_path(tmp_path: Path) -> None:
    photo = put(tmp_path / "Hayfield" / "DCIM" / "a.jpg", b"12345")
    os.utime(photo, ns=(1, 1_700_000_000_123_456_700))
    [key] = walk(tmp_path, WalkNotes())
    assert key.path == "Hayfield/DCIM/a.jpg"
    assert (key.size_bytes, key.mtime_ns) == (5, photo.stat().st_mtime_ns)


def test_hidden_trash_and_nas_folders_are_passed_over(tmp_path: Path) -> None:
    hidden = ("$RECYCLE.BIN", ".Trash-1000", "System Volume Information", "@eaDir", "#recycle", "lost+found")
    for folder in (*hidden, ".thumbnails", ".AppleDouble", "@Recycle", ".@__thumb", "__MACOSX", "sub/@eaDir"):
        put(tmp_path / folder / "a.jpg")
    put(tmp_path / "._b.jpg")
    put(tmp_path / ".c.jpg")
    put(tmp_path / "sub" / "d.jpg")
    notes = WalkNotes()
    assert paths(tmp_path, notes) == ["sub/d.jpg"]
    programs = {"$RECYCLE.BIN", ".Trash-1000", "@eaDir", "#recycle", "lost+found", ".thumbnails", "@Recycle"}
    assert set(notes.left_out) == programs | {".@__thumb", "sub/@eaDir"}
    notes.left_out.clear()
    assert notes == WalkNotes()


@pytest.mark.parametrize("ending", ["jpg", "jpeg", "jpe", "jfif", "jif", "jfi", "pjpeg", "pjp", "mpo", "jps"])
def test_a_jpeg_is_a_photo_by_any_of_its_endings(tmp_path: Path, ending: str) -> None:
    names = [f"a.{ending}", f"b.{ending.upper()}", f"c.{ending.title()}"]
    for name in names:
        put(tmp_path / name)
    assert paths(tmp_path) == names


def test_pictures_that_are_not_read_are_counted_by_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trailcam.media.walk.photo_suffixes", lambda: IMAGE_SUFFIXES)
    unread = ["a.HEIC", "b.heic", "c.heif", "d.dng", "e.avif", "f.gif", "g.jxl", "h.CR2", "i.nef", "j.psd"]
    for name in [*unread, "k.JPG.jpg_original", "l.jpg", "m.xmp", "n.txt", "heic", ".o.heic", "p.heic.part"]:
        put(tmp_path / name)
    (tmp_path / "folder.heic").mkdir()
    notes = WalkNotes()
    assert paths(tmp_path, notes) == ["l.jpg"]
    assert notes.pictures == {
        **{"HEIC": 2, "HEIF": 1, "DNG": 1, "AVIF": 1, "GIF": 1, "JXL": 1, "CR2": 1, "NEF": 1, "PSD": 1},
        "JPG_ORIGINAL": 1,
    }
    assert notes.n_other == 4


def test_heic_is_a_photo_where_the_extra_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trailcam.media.walk.photo_suffixes", lambda: IMAGE_SUFFIXES | HEIF_SUFFIXES)
    for name in ("a.HEIC", "b.heif", "c.hif", "d.avif"):
        put(tmp_path / name)
    notes = WalkNotes()
    assert paths(tmp_path, notes) == ["a.HEIC", "b.heif", "c.hif"]
    assert notes.pictures == {"AVIF": 1}


@pytest.mark.parametrize(
    "folder",
    [
        *(
            "DeletedFiles",
            "deletedfiles",
            "thumbnails",
            "Thumbnails",
            ".Trashes",
            ".picasaoriginals",
            "@eaDir",
        ),
        *(
            "$RECYCLE.BIN",
            ".dtrash",
            "Catalog Previews.lrdata",
            "iPod Photo Cache",
            "100THUMB",
            ".Trash-1000",
        ),
        *(
            "P.photoslibrary/resources",
            "P.photoslibrary/private",
            "Old.photolibrary/Thumbnails",
            ".stversions",
        ),
    ],
)
def test_folders_of_other_programs_are_left_out_and_named(tmp_path: Path, folder: str) -> None:
    put(tmp_path / "Gate" / "a.jpg")
    put(tmp_path / "Gate" / folder / "deeper" / "b.jpg")
    put(tmp_path / "Gate" / "P.photoslibrary" / "originals" / "0" / "c.jpg")
    notes = WalkNotes()
    assert paths(tmp_path, notes) == ["Gate/a.jpg", "Gate/P.photoslibrary/originals/0/c.jpg"]
    assert notes.left_out == [f"Gate/{folder}"]


@pytest.mark.parametrize(
    "folder", ["Thumb Creek", "Deleted", "resources", "derivatives", "Trash", "Recycle Road"]
)
def test_folders_that_people_may_have_named_are_walked(tmp_path: Path, folder: str) -> None:
    put(tmp_path / folder / "a.jpg")
    notes = WalkNotes()
    assert paths(tmp_path, notes) == [f"{folder}/a.jpg"]
    assert notes.left_out == []


def test_order_is_that_of_names_inside_a_folder(tmp_path: Path) -> None:
    for name in ("z.jpg", "b/2.jpg", "b/10.jpg", "a/1.jpg", "A.jpg"):
        put(tmp_path / name)
    assert paths(tmp_path) == ["A.jpg", "z.jpg", "a/1.jpg", "b/10.jpg", "b/2.jpg"]


def test_a_folder_named_like_a_photo_is_noted_and_entered(tmp_path: Path) -> None:
    put(tmp_path / "x.jpg" / "inside.jpg")
    notes = WalkNotes()
    assert paths(tmp_path, notes) == ["x.jpg/inside.jpg"]
    assert notes.skipped == [("x.jpg", "not_a_file")]


@posix_only
def test_fifo_and_socket_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "fifo.jpg")
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.chdir(tmp_path)  # the names of sockets are limited to 108 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        notes = WalkNotes()
        assert paths(tmp_path, notes) == []
    assert notes.skipped == [("fifo.jpg", "not_a_file"), ("socket.png", "not_a_file")]
    assert notes.n_other == 1


@posix_only
def test_links_are_followed_but_no_folder_twice(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    put(root / "m" / "a.jpg")
    put(outside / "b.jpg")
    (root / "m" / "up").symlink_to(root)
    (root / "above").symlink_to(tmp_path)
    (root / "again").symlink_to(root / "m")
    (root / "other").symlink_to(outside)
    (outside / "back").symlink_to(root)
    (root / "c.jpg").symlink_to(outside / "b.jpg")
    (root / "self").symlink_to(root / "self")
    notes = WalkNotes()
    # "again" sorts before "m", and yet the photo keeps its real path.
    assert paths(root, notes) == ["c.jpg", "m/a.jpg", "other/b.jpg"]
    assert dict(notes.skipped) == {
        "above": "symlink_loop",
        "again": "duplicate_folder",
        "m/up": "symlink_loop",
        "other/back": "duplicate_folder",
        "self": "unreadable_file",
    }


@posix_only
def test_a_broken_link_to_a_folder_hides_what_lay_there(tmp_path: Path) -> None:
    (tmp_path / "Hayfield").symlink_to(tmp_path / "unmounted")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "unmounted.jpg")
    notes = WalkNotes()
    assert paths(tmp_path, notes) == []
    assert notes.skipped == [("Hayfield", "broken_link"), ("gone.jpg", "broken_link")]
    assert notes.unreadable_folders == ["Hayfield"]  # a file that is gone hides nothing else


@posix_only
def test_any_file_name(tmp_path: Path) -> None:
    names = [
        b"caf\xe9.jpg",
        b"new\nline.jpg",
        b"x" * 251 + b".jpg",
        "Hoch\u0308sitz.jpg".encode(),
        b"-rf.jpg",
    ]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    assert sorted(os.fsencode(path) for path in paths(tmp_path)) == sorted(names)


@posix_only
def test_deep_trees_need_no_recursion(tmp_path: Path) -> None:
    deep = tmp_path / Path(*["d"] * 300)
    put(deep / "a.jpg")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        found = paths(tmp_path)
    finally:
        sys.setrecursionlimit(limit)
    assert found == ["d/" * 300 + "a.jpg"]


def test_a_missing_root_raises(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="absent"):
        paths(tmp_path / "absent")
    with pytest.raises(NotADirectoryError):
        paths(put(tmp_path / "file.txt"))


class FailingListing:
    """What os.scandir gives on a drive that drops out after ``n`` entries."""

    def __init__(self, path: str, n: int) -> None:
        self._real = REAL_SCANDIR(path)
        self._n = n

    def __enter__(self) -> FailingListing:
        return self

    def __exit__(self, *_: object) -> None:
        self._real.close()

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        for _ in range(self._n):
            yield next(self._real)
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("n", [None, 0, 1])
def test_a_listing_that_breaks_off_hides_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int | None
) -> None:
    for name in ("bad/1.jpg", "bad/2.jpg", "good/3.jpg"):
        put(tmp_path / name)

    def scandir(path: str) -> object:
        if not path.endswith("bad"):
            return REAL_SCANDIR(path)
        if n is None:
            raise PermissionError(13, "Permission denied")
        return FailingListing(path, n)

    monkeypatch.setattr(os, "scandir", scandir)
    notes = WalkNotes()
    found = paths(tmp_path, notes)
    assert len([path for path in found if path.startswith("bad/")]) == (n or 0)
    assert "good/3.jpg" in found
    assert notes.skipped == [("bad", "unreadable_folder")]
    assert "bad" in notes.unreadable_folders


def test_a_root_that_breaks_off_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "1.jpg")
    monkeypatch.setattr(os, "scandir", lambda path: FailingListing(path, 1))
    with pytest.raises(OSError, match="Input/output"):
        paths(tmp_path)


@posix_only
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_folder_is_noted(tmp_path: Path) -> None:
    put(tmp_path / "locked" / "a.jpg")
    put(tmp_path / "b.jpg")
    (tmp_path / "locked").chmod(0)
    notes = WalkNotes()
    try:
        assert paths(tmp_path, notes) == ["b.jpg"]
    finally:
        (tmp_path / "locked").chmod(0o700)
    assert notes.skipped == [("locked", "unreadable_folder")]
    assert "locked" in notes.unreadable_folders


def test_a_file_that_vanishes_meanwhile_was_never_there(tmp_path: Path) -> None:
    for name in ("1.jpg", "2.jpg"):
        put(tmp_path / name)
    notes = WalkNotes()
    walking = walk(tmp_path, notes)
    assert next(walking).path == "1.jpg"
    (tmp_path / "2.jpg").unlink()
    if sys.platform != "win32":  # there, a listing carries the sizes with it
        assert list(walking) == []
    assert notes == WalkNotes()
