"""A scan of real folders into a real database, as a function."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TinyJpeg
from tests.helpers.clips import without_decoder
from trailcam.errors import Interrupted, RootError, UsageError
from trailcam.files.photo_file import open_photo
from trailcam.media import exif
from trailcam.scan import read_files
from trailcam.scan.scan_job import ScanOptions
from trailcam.scan.scan_root import ScanReport, known_roots, scan
from trailcam.store.database import Database, rows
from trailcam.store.paths import from_db

ORIGINAL = 0x9003


class Scene:
    """A library on disk, a database, and a short way to scan one into the other."""

    def __init__(self, folder: Path, tiny_jpeg: TinyJpeg) -> None:
        self.root = folder / "lib"
        self.root.mkdir()
        self.database = Database(folder / "trailcam.duckdb")
        self._jpeg = tiny_jpeg()

    def add(self, *names: str) -> None:
        for name in names:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._jpeg + os.fsencode(name))  # photos are no copies of each other

    def scan(self, root: str | Path | None = None, /, **options: Any) -> ScanReport:  # noqa: ANN401
        stop: Callable[[], bool] = options.pop("stop", lambda: False)
        progress = options.pop("progress", None)
        given = self.root if root is None else root
        return scan(self.database, given, ScanOptions(**options), stop=stop, progress=progress)

    def images(self) -> dict[str, dict[str, Any]]:
        with self.database.read() as db:
            found = rows(db, "SELECT i.*, s.name AS station FROM images i JOIN stations s USING (station_id)")
        return {from_db(row["path"]): row for row in found}

    def status(self) -> dict[str, str]:
        return {path: row["status"] for path, row in self.images().items()}

    def bytes(self) -> bytes:
        return self.database.path.read_bytes()


@pytest.fixture
def scene(tmp_path: Path, tiny_jpeg: TinyJpeg) -> Scene:
    return Scene(tmp_path, tiny_jpeg)


def numbers(report: ScanReport) -> tuple[int, int, int, int, int]:
    return report.n_new, report.n_changed, report.n_unchanged, report.n_missing, report.n_unreadable


def test_first_and_second_scan(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    without_decoder(monkeypatch)
    scene.add("A/1.jpg", "A/2.JPG", "B/DCIM/100RECNX/3.jpg")
    (scene.root / "B" / "clip.mp4").touch()
    first = scene.scan()
    assert numbers(first) == (3, 0, 0, 0, 0)
    assert first.n_videos == 1
    assert [(s["station"], s["photos"], s["undated"]) for s in first.stations] == [("A", 2, 2), ("B", 1, 1)]
    before = scene.images()
    second = scene.scan()
    assert numbers(second) == (0, 0, 3, 0, 0)
    assert second.root == first.root
    assert second.stations == first.stations
    assert scene.images() == before


def test_what_lies_in_folders_left_out_now_does_not_look_like_a_lost_drive(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier trailcam scanned DeletedFiles too: more photos than the guard lets vanish."""
    scene.add("A/1.jpg", *(f"A/DeletedFiles/{n}.jpg" for n in range(5)), "A/DeletedFilesToo/1.jpg")
    with monkeypatch.context() as patch:
        patch.setattr("trailcam.media.walk.is_other_programs_folder", lambda name, parent: False)
        assert scene.scan().n_new == 7
    report = scene.scan()
    assert (report.n_missing, report.n_unchanged, report.left_out) == (5, 2, ["A/DeletedFiles"])
    (scene.root / "A" / "DeletedFilesToo" / "1.jpg").unlink()
    with pytest.raises(RootError):
        scene.scan()


def test_no_date_is_never_now(scene: Scene) -> None:
    scene.add("A/1.jpg")
    scene.scan()
    image = scene.images()["A/1.jpg"]
    assert (image["captured_at"], image["captured_at_source"]) == (None, "unknown")


def test_exif_padded_with_nuls(scene: Scene, tiny_jpeg: TinyJpeg) -> None:
    padded = tiny_jpeg(
        exif={0x010F: "RECONYX\0\0\0  ", 0x0110: "  HF2\0"}, exif_ifd={ORIGINAL: "2024:11:03 06:10:00\0\0"}
    )
    (scene.root / "1.jpg").write_bytes(padded)
    scene.scan()
    image = scene.images()["1.jpg"]
    assert (image["make"], image["model"], str(image["captured_at"])) == (
        "RECONYX",
        "HF2",
        "2024-11-03 06:10:00",
    )
    assert image["captured_at_source"] == "exif"


def test_a_photo_that_cannot_be_read_just_now_stays_as_it_was(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.add("A/1.jpg", "A/2.jpg")
    scene.scan()
    before = scene.images()
    os.utime(scene.root / "A" / "1.jpg", (1, 1))  # as copies onto another drive
    read = open_photo

    def failing(path: Path | str) -> Any:  # noqa: ANN401 - as the original
        if str(path).endswith("1.jpg"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(path)

    with monkeypatch.context() as patch:
        patch.setattr(exif, "open_photo", failing)
        report = scene.scan()
    assert numbers(report) == (0, 0, 1, 0, 1)
    assert report.errors == [("A/1.jpg", "the file can't be read: Input/output error")]
    assert scene.images() == before
    assert numbers(scene.scan()) == (0, 0, 2, 0, 0)
    assert scene.images()["A/1.jpg"]["image_id"] == before["A/1.jpg"]["image_id"]


def test_bad_files_are_rows_with_a_reason(scene: Scene) -> None:
    scene.add("A/good.jpg")
    (scene.root / "A" / "zero_20241103_061000.jpg").touch()
    (scene.root / "A" / "text.jpg").write_text("no photo")
    report = scene.scan()
    assert numbers(report) == (3, 0, 0, 0, 2)
    assert [path for path, _ in report.errors] == ["A/text.jpg", "A/zero_20241103_061000.jpg"]
    images = scene.images()
    assert images["A/zero_20241103_061000.jpg"]["error_code"] == "empty_file"
    assert str(images["A/zero_20241103_061000.jpg"]["captured_at"]) == "2024-11-03 06:10:00"
    assert images["A/text.jpg"]["error_code"] == "not_an_image"
    assert scene.status() == {
        "A/good.jpg": "pending",
        "A/text.jpg": "failed",
        "A/zero_20241103_061000.jpg": "failed",
    }
    assert numbers(scene.scan()) == (0, 0, 3, 0, 0)
    scene.add("A/text.jpg")
    assert numbers(scene.scan()) == (0, 1, 2, 0, 0)
    assert scene.status()["A/text.jpg"] == "pending"


@pytest.mark.skipif(sys.platform == "win32", reason="such names and files need POSIX")
def test_any_file_name_and_odd_kinds_of_files(scene: Scene) -> None:
    raw = os.fsdecode(b"caf\xe9 \xff.jpg")
    names = [
        "A/" + raw,
        "A/a\nb\tc.jpg",
        "A/" + "x" * 251 + ".jpg",
        "A/;'\"\\%.jpg",
        os.fsdecode(b"\xfe\xff/1.jpg"),
    ]
    scene.add(*names)
    os.mkfifo(scene.root / "A" / "fifo.jpg")
    (scene.root / "A" / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(scene.root / "s.jpg"))
        report = scene.scan()
    assert sorted(path for path, _ in report.skipped) == ["A/fifo.jpg", "A/folder.jpg", "s.jpg"]
    assert set(scene.images()) == set(names)
    for path in scene.images():
        assert (scene.root / path).is_file()
    assert numbers(scene.scan()) == (0, 0, 5, 0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="such names need POSIX")
def test_a_root_whose_name_is_no_utf8(tmp_path: Path, scene: Scene) -> None:
    scene.add("A/1.jpg")
    odd = tmp_path / os.fsdecode(b"lib\xff")
    scene.root.rename(odd)
    assert numbers(scene.scan(odd)) == (1, 0, 0, 0, 0)
    assert numbers(scene.scan(odd)) == (0, 0, 1, 0, 0)
    (known,) = known_roots(scene.database)
    assert (known.name, known.path) == (odd.name, str(odd))


@pytest.mark.parametrize("n_gone", [1, 2])
def test_a_few_gone_are_missing_and_come_back(scene: Scene, n_gone: int) -> None:
    names = [f"A/{n}.jpg" for n in range(10)]
    scene.add(*names)
    scene.scan()
    before = scene.images()
    for name in names[:n_gone]:  # 20 % is not more than 20 %
        (scene.root / name).rename(scene.root.parent / Path(name).name)
    assert numbers(scene.scan()) == (0, 0, 10 - n_gone, n_gone, 0)
    assert [scene.status()[name] for name in names] == ["missing"] * n_gone + ["pending"] * (10 - n_gone)
    assert numbers(scene.scan()) == (0, 0, 10 - n_gone, 0, 0)
    for name in names[:n_gone]:
        (scene.root.parent / Path(name).name).rename(scene.root / name)
    report = scene.scan()
    assert report.n_returned == n_gone
    assert scene.images() == before


def test_many_gone_change_nothing(scene: Scene) -> None:
    scene.add(*(f"A/{n}.jpg" for n in range(10)))
    scene.scan()
    before = scene.bytes()
    for n in range(3):
        (scene.root / "A" / f"{n}.jpg").unlink()
    scene.add("A/new.jpg")
    with pytest.raises(RootError, match="3 of the 10 known photos"):
        scene.scan()
    assert scene.bytes() == before
    with pytest.raises(RootError):
        scene.scan(missing_limit=0.29)
    assert scene.bytes() == before
    assert numbers(scene.scan(missing_limit=0.3)) == (1, 0, 7, 3, 0)


def test_accept_missing(scene: Scene) -> None:
    scene.add(*(f"A/{n}.jpg" for n in range(10)))
    scene.scan()
    for n in range(9):
        (scene.root / "A" / f"{n}.jpg").unlink()
    assert numbers(scene.scan(accept_missing=True)) == (0, 0, 1, 9, 0)
    assert numbers(scene.scan()) == (0, 0, 1, 0, 0)


@pytest.mark.parametrize("state", ["missing", "empty", "file", "no_photo", "other_library"])
def test_a_root_that_is_not_what_it_was_changes_nothing(scene: Scene, state: str) -> None:
    scene.add(*(f"A/{n}.jpg" for n in range(10)))
    scene.scan()
    before = scene.bytes()
    shutil.rmtree(scene.root)
    if state == "file":
        scene.root.touch()
    elif state != "missing":
        scene.root.mkdir()
    if state == "no_photo":
        (scene.root / "lost+found").mkdir()
        (scene.root / "README.txt").touch()
    if state == "other_library":
        scene.add(*(f"Z/{n}.jpg" for n in range(50)))
    with pytest.raises(RootError):
        scene.scan()
    assert scene.bytes() == before
    assert sorted(p.name for p in scene.root.parent.iterdir() if p.name.startswith("trailcam")) == [
        "trailcam.duckdb"
    ]


@pytest.mark.parametrize("state", ["missing", "empty", "no_photo"])
def test_a_bad_first_root_makes_no_database(scene: Scene, state: str) -> None:
    if state == "missing":
        scene.root.rmdir()
    if state == "no_photo":
        (scene.root / "README.txt").touch()
    with pytest.raises(RootError):
        scene.scan()
    assert not scene.database.exists()


def test_a_folder_that_nobody_can_see_into_does_not_make_its_photos_missing(scene: Scene) -> None:
    scene.add("A/1.jpg", "B/1.jpg", "B/2.jpg", "B/3.jpg")
    scene.scan()
    # A link to a drive that isn't mounted in the folder's place: unreadable to root, too.
    shutil.rmtree(scene.root / "B")
    (scene.root / "B").symlink_to("/nowhere/at/all")
    report = scene.scan()
    assert numbers(report) == (0, 0, 1, 0, 0)
    assert ("B", "broken_link") in report.skipped
    assert set(scene.status().values()) == {"pending"}


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_a_locked_folder_does_not_make_its_photos_missing(scene: Scene) -> None:
    scene.add("A/1.jpg", "B/1.jpg", "B/2.jpg", "B/3.jpg")
    scene.scan()
    (scene.root / "B").chmod(0)
    try:
        assert numbers(scene.scan()) == (0, 0, 1, 0, 0)
    finally:
        (scene.root / "B").chmod(0o700)
    assert set(scene.status().values()) == {"pending"}


def test_a_root_moves_by_its_name_and_nothing_is_read_again(scene: Scene, tmp_path: Path) -> None:
    scene.add("A/1.jpg", "B/2.jpg")
    scene.scan()
    before = scene.images()
    moved = tmp_path / "mnt" / "elsewhere"
    moved.parent.mkdir()
    scene.root.rename(moved)
    assert numbers(scene.scan(moved, root_name="lib")) == (0, 0, 2, 0, 0)
    assert scene.images() == before
    assert [(r.name, r.path) for r in known_roots(scene.database)] == [("lib", str(moved))]
    assert numbers(scene.scan(moved)) == (0, 0, 2, 0, 0)


def test_a_root_does_not_move_onto_another_library(scene: Scene, tmp_path: Path) -> None:
    scene.add("A/1.jpg")
    scene.scan()
    before = scene.bytes()
    (tmp_path / "other" / "Z").mkdir(parents=True)
    (tmp_path / "other" / "Z" / "9.jpg").write_bytes((scene.root / "A" / "1.jpg").read_bytes() + b"else")
    with pytest.raises(RootError, match="1 of the 1 known photos"):
        scene.scan(tmp_path / "other", root_name="lib")
    assert scene.bytes() == before


def test_the_same_name_at_another_path_is_refused(scene: Scene, tmp_path: Path) -> None:
    scene.add("A/1.jpg")
    scene.scan()
    before = scene.bytes()
    shutil.copytree(scene.root, tmp_path / "copy" / "lib")
    with pytest.raises(UsageError, match="'lib' is known already") as caught:
        scene.scan(tmp_path / "copy" / "lib")
    assert "--root-name" in caught.value.hint
    assert scene.bytes() == before
    copy = scene.scan(tmp_path / "copy" / "lib", root_name="copy")
    assert (numbers(copy), copy.n_copies) == ((0, 0, 0, 0, 0), 1)


def test_a_known_path_under_another_name_is_refused(scene: Scene) -> None:
    scene.add("A/1.jpg")
    scene.scan()
    with pytest.raises(UsageError, match="known already as the root 'lib'"):
        scene.scan(root_name="ranch")
    assert numbers(scene.scan(root_name="lib")) == (0, 0, 1, 0, 0)


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_is_refused(scene: Scene, name: str) -> None:
    scene.add("A/1.jpg")
    with pytest.raises(UsageError, match="--root-name is empty"):
        scene.scan(root_name=name)


def test_overlapping_roots_are_refused(scene: Scene) -> None:
    scene.add("A/1.jpg", "B/2.jpg")
    scene.scan(scene.root / "A")
    before = scene.bytes()
    for outer in (scene.root, scene.root / "A" / ".."):
        with pytest.raises(UsageError, match="overlaps the root 'A'"):
            scene.scan(outer)
    scene.add("A/deep/3.jpg")
    with pytest.raises(UsageError, match="overlaps"):
        scene.scan(scene.root / "A" / "deep")
    assert scene.bytes() == before
    assert numbers(scene.scan(scene.root / "B")) == (1, 0, 0, 0, 0)
    scene.add("AB/4.jpg")  # begins like A but lies beside it
    assert numbers(scene.scan(scene.root / "AB")) == (1, 0, 0, 0, 0)


def test_a_root_reached_through_a_link_is_the_same_root(scene: Scene, tmp_path: Path) -> None:
    scene.add("A/1.jpg")
    scene.scan()
    (tmp_path / "link").symlink_to(scene.root)
    assert numbers(scene.scan(tmp_path / "link")) == (0, 0, 1, 0, 0)
    assert len(known_roots(scene.database)) == 1
    with pytest.raises(UsageError, match="overlaps"):
        scene.scan(tmp_path / "link" / "A")


@pytest.mark.parametrize(
    ("rule", "station"),
    [
        ("folder", "Hayfield"),
        ("^[^/]+/[^/]+/([A-Za-z]+)_", "Cam"),
        (r"(?P<station>\d{3})\.", "001"),
        ("(nope)", "unassigned"),
    ],
)
def test_station_rules(scene: Scene, rule: str, station: str) -> None:
    scene.add("Hayfield/100RECNX/Cam_001.jpg")
    assert [s["station"] for s in scene.scan(station_from=rule).stations] == [station]


def test_a_bad_station_rule_makes_no_database(scene: Scene) -> None:
    scene.add("A/1.jpg")
    with pytest.raises(UsageError, match="--station-from"):
        scene.scan(station_from="(")
    assert not scene.database.exists()


def test_stopped_between_chunks_then_carried_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_files, "CHUNK", 5)
    scene.add(*(f"A/{n:02}.jpg" for n in range(40)))
    read: list[int] = []
    with pytest.raises(Interrupted, match="Stopped after reading 15 files of 40"):
        scene.scan(progress=lambda n, _: read.append(n), stop=lambda: len(read) >= 3)
    assert len(scene.images()) == 15
    assert numbers(scene.scan(stop=lambda: False)) == (25, 0, 15, 0, 0)
    uninterrupted = Database(scene.database.path.with_name("other.duckdb"))
    scan(uninterrupted, scene.root, ScanOptions())
    sql = "SELECT * EXCLUDE (first_seen_at, scanned_at) FROM images ORDER BY image_id"
    with scene.database.read() as a, uninterrupted.read() as b:
        assert rows(a, sql) == rows(b, sql)


def test_stopped_while_listing(scene: Scene) -> None:
    scene.add("A/1.jpg", "A/2.jpg")
    with pytest.raises(Interrupted, match="nothing was changed"):
        scene.scan(stop=lambda: True)
    assert not scene.database.exists()


def test_a_drive_that_drops_out_while_files_are_read(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_files, "CHUNK", 5)
    monkeypatch.setattr(read_files, "READ_AHEAD", 1)
    scene.add(*(f"A/{n:02}.jpg" for n in range(40)))

    def pull_the_plug(n: int, _: int) -> None:
        if n == 10:
            shutil.rmtree(scene.root)

    with pytest.raises(RootError, match="stopped answering") as caught:
        scene.scan(progress=pull_the_plug, workers=1)
    assert "are saved" in caught.value.hint
    kept = scene.images()
    assert 10 <= len(kept) < 40
    assert {image["status"] for image in kept.values()} == {"pending"}


def test_a_file_that_goes_while_others_are_read(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_files, "CHUNK", 5)
    monkeypatch.setattr(read_files, "READ_AHEAD", 1)
    scene.add(*(f"A/{n:02}.jpg" for n in range(20)))
    report = scene.scan(progress=lambda *_: (scene.root / "A" / "19.jpg").unlink(missing_ok=True), workers=1)
    assert len(scene.images()) == 19
    assert report.errors == []


@pytest.mark.parametrize("workers", [1, 3, None])
def test_workers_change_nothing(scene: Scene, workers: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_files, "CHUNK", 2)
    scene.add(*(f"A/{n:02}.jpg" for n in range(9)))
    scene.scan(workers=workers)
    assert [row["path"] for row in sorted(scene.images().values(), key=lambda r: r["image_id"])] == [
        f"A/{n:02}.jpg" for n in range(9)
    ]
