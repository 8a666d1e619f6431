"""A video is one image: what a scan reads of it, when it was taken, and what happens without a decoder."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import piexif
import pytest

from tests.conftest import TinyJpeg
from tests.helpers.clips import without_decoder, write_clip, write_sound
from trailcam.domain import FileKey, TimeSource
from trailcam.errors import RootError
from trailcam.media.read_video import stills_beside
from trailcam.scan.scan_job import ScanOptions
from trailcam.scan.scan_root import ScanReport, scan
from trailcam.store.database import Database, rows
from trailcam.store.invariants import broken
from trailcam.store.unread import count_unread

MADE = {"creation_time": "2024-11-03T07:12:00.000000Z"}


class Scene:
    """A folder of clips, and its database."""

    def __init__(self, folder: Path, tiny_jpeg: TinyJpeg) -> None:
        self.root = folder / "photos"
        self.root.mkdir()
        self.database = Database(folder / "t.duckdb")
        self._jpeg = tiny_jpeg

    def photo(self, name: str, at: str | None = None) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._jpeg() + name.encode())
        if at:
            piexif.insert(piexif.dump({"Exif": {piexif.ExifIFD.DateTimeOriginal: at.encode()}}), str(path))

    def clip(self, name: str, **how: Any) -> None:  # noqa: ANN401 - as write_clip
        write_clip(self.root / name, seconds=1, **how)

    def scan(self) -> ScanReport:
        report = scan(self.database, self.root, ScanOptions(missing_limit=1))
        with self.database.read() as db:
            assert broken(db) == []
        return report

    def images(self) -> dict[str, dict[str, Any]]:
        with self.database.read() as db:
            return {row["path"]: row for row in rows(db, "SELECT * FROM images")}

    def unread(self) -> dict[str, Any]:
        with self.database.read() as db:
            found = count_unread(db)
        return {name: n for name, n in found.items() if name.startswith("videos")}


@pytest.fixture
def scene(tmp_path: Path, tiny_jpeg: TinyJpeg) -> Scene:
    return Scene(tmp_path, tiny_jpeg)


def test_a_video_is_an_image_of_its_own(scene: Scene) -> None:
    scene.photo("Gate/1.jpg")
    scene.clip("Gate/2.MP4", tags=MADE, turn=90)
    first = scene.scan()
    assert (first.n_new, first.n_unreadable, first.n_videos) == (2, 0, 0)
    row = scene.images()["Gate/2.MP4"]
    assert (row["is_video"], row["status"], row["codec"], row["frame_rate"]) == (
        True,
        "pending",
        "h264",
        10.0,
    )
    assert (row["width"], row["height"], row["orientation"], row["duration_s"]) == (320, 240, 6, 1.0)
    assert (row["captured_at"], row["captured_at_source"]) == (datetime(2024, 11, 3, 7, 12), "container")
    assert row["content_id"]
    assert not scene.images()["Gate/1.jpg"]["is_video"]
    assert scene.unread() == {
        **{"videos": 1, "videos_completed": 0, "videos_pending": 1, "videos_failed": 0, "videos_unread": 0}
    }
    again = scene.scan()
    assert (again.n_new, again.n_unchanged) == (0, 2)


def test_what_can_not_be_read_is_a_row_with_a_code(scene: Scene) -> None:
    scene.photo("1.jpg")
    scene.clip("whole.mp4")
    whole = (scene.root / "whole.mp4").read_bytes()
    (scene.root / "empty.mp4").touch()
    (scene.root / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    shutil.copy(scene.root / "1.jpg", scene.root / "photo.mp4")
    write_sound(scene.root / "sound.mp4")
    report = scene.scan()
    codes = {path: row["error_code"] for path, row in scene.images().items() if row["error_code"]}
    assert codes == {
        "empty.mp4": "empty_file",
        "cut.mp4": "no_index",
        "photo.mp4": "not_a_video",
        "sound.mp4": "no_frames",
    }
    assert report.n_unreadable == 4
    assert scene.unread()["videos_failed"] == 4


def test_without_a_decoder_videos_are_counted_and_no_rows(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.photo("1.jpg")
    scene.clip("a.mp4")
    scene.clip("b.avi", codec="mjpeg")
    with monkeypatch.context() as patch:
        without_decoder(patch)
        report = scene.scan()
        assert (report.n_new, report.n_videos) == (1, 2)
        assert (scene.unread()["videos"], scene.unread()["videos_unread"]) == (2, 2)
    installed = scene.scan()
    assert (installed.n_new, installed.n_videos) == (2, 0)
    with monkeypatch.context() as patch:
        without_decoder(patch)
        (scene.root / "a.mp4").unlink()
        later = scene.scan()  # on another machine: what was read before stays, and what is gone is gone
    assert (later.n_missing, later.n_unchanged) == (1, 2)
    assert {path: row["status"] for path, row in scene.images().items()} == {
        "1.jpg": "pending",
        "a.mp4": "missing",
        "b.avi": "pending",
    }


def test_a_folder_of_videos_alone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.clip("a.mp4")
    with monkeypatch.context() as patch:
        without_decoder(patch)
        with pytest.raises(RootError, match="not a single photo"):
            scene.scan()
    assert scene.scan().n_new == 1


def test_a_moved_video_keeps_its_results_and_a_copy_is_one(scene: Scene) -> None:
    scene.clip("A/a.mp4")
    scene.scan()
    (before,) = scene.images().values()
    (scene.root / "B").mkdir()
    (scene.root / "A/a.mp4").rename(scene.root / "B/b.mp4")
    assert scene.scan().n_moved == 1
    shutil.copy(scene.root / "B/b.mp4", scene.root / "B/copy.mp4")
    assert scene.scan().n_copies == 1
    assert {row["image_id"] for row in scene.images().values() if not row["duplicate_of"]} == {
        before["image_id"]
    }


@pytest.mark.parametrize(
    ("tags", "at", "source", "offset"),
    [
        pytest.param(MADE, datetime(2024, 11, 3, 7, 12), "container", None, id="a trail camera's own clock"),
        pytest.param(
            {**MADE, "com.apple.quicktime.creationdate": "2024-11-03T01:12:00-0600"},
            *(datetime(2024, 11, 3, 1, 12), "container", -360),
            id="an iPhone says where it was",
        ),
        pytest.param(
            {**MADE, "com.android.version": "14"},
            *(datetime(2024, 11, 3, 7, 12), "container", 0),
            id="an Android phone writes UTC",
        ),
        pytest.param({}, None, "unknown", None, id="nothing"),
    ],
)
def test_when_a_container_says_it_was_begun(
    scene: Scene, tags: dict[str, str], at: datetime | None, source: str, offset: int | None
) -> None:
    scene.clip("a.mov", tags=tags, options={"movflags": "use_metadata_tags"})
    scene.scan()
    (row,) = scene.images().values()
    assert (row["captured_at"], row["captured_at_source"], row["utc_offset_min"]) == (at, source, offset)


def test_a_clock_that_was_reset_is_doubted(scene: Scene) -> None:
    scene.clip("a.mp4", tags={"creation_time": "2015-01-01T00:00:30.000000Z"})
    scene.scan()
    (row,) = scene.images().values()
    assert row["captured_at_suspect"] == "clock_reset"


def test_the_photo_of_the_same_trigger_tells_the_time(scene: Scene) -> None:
    scene.photo("A/IMG_0012.JPG", "2024:11:03 01:11:55")
    scene.clip("A/IMG_0012.MP4", tags=MADE)  # in UTC: six hours and five seconds later
    scene.photo("B/IMG_0007.JPG", "2024:11:03 05:00:00")
    scene.clip("B/VID_0007.MP4", tags=MADE)  # of a counter of its own
    scene.photo("C/EK000001.JPG", "2024:11:03 06:00:00")
    scene.clip("C/EK000001.AVI", codec="mjpeg")
    scene.clip("C/20241103_071500.AVI", codec="mjpeg", fps=12)
    scene.scan()
    found = {
        path: (row["captured_at"], row["captured_at_source"])
        for path, row in scene.images().items()
        if row["is_video"]
    }
    assert found == {
        "A/IMG_0012.MP4": (datetime(2024, 11, 3, 1, 11, 55), "still"),
        "B/VID_0007.MP4": (datetime(2024, 11, 3, 7, 12), "container"),
        "C/EK000001.AVI": (datetime(2024, 11, 3, 6), "still"),
        "C/20241103_071500.AVI": (datetime(2024, 11, 3, 7, 15), "filename"),
    }
    with scene.database.read() as db:
        read = db.execute("SELECT DISTINCT source FROM time_readings ORDER BY 1").fetchall()
    assert {"container", "still"} <= {source for (source,) in read}


def test_which_photo_is_beside_a_video() -> None:
    def key(path: str) -> FileKey:
        return FileKey(path, 1, 1)

    photos = [key(name) for name in ("a/IMG_0001.JPG", "a/IMG_0002.JPG", "a/X_0002.JPG", "b/IMG_0003.JPG")]
    videos = [key(name) for name in ("a/IMG_0001.AVI", "a/VID_0002.AVI", "a/IMG_0003.AVI", "a/clip.AVI")]
    assert stills_beside(photos, videos) == {"a/IMG_0001.AVI": "a/IMG_0001.JPG"}
    assert list(TimeSource).index(TimeSource.STILL) < list(TimeSource).index(TimeSource.CONTAINER)
