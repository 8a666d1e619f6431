"""Photos that move, are renamed, copied, edited and overwritten keep, or lose, what they should."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.conftest import TinyJpeg
from tests.helpers.clips import without_decoder
from tests.helpers.contents import Scene, move
from tests.helpers.library import WHITETAIL
from trailcam.cli.app import app
from trailcam.errors import Interrupted, RootError
from trailcam.media.content_id import HEAD_BYTES, TAIL_BYTES, read_content_id, read_whole_id
from trailcam.reports.common import Question
from trailcam.reports.digest import DigestOptions, digest
from trailcam.store.database import one
from trailcam.store.digests import remember
from trailcam.store.station_facts import merge, rename

DOE = WHITETAIL[0]


@pytest.fixture
def scene(tmp_path: Path, tiny_jpeg: TinyJpeg) -> Scene:
    return Scene(tmp_path, tiny_jpeg)


@pytest.mark.parametrize("size", [1, HEAD_BYTES, HEAD_BYTES + 1, HEAD_BYTES + TAIL_BYTES, 200_000])
def test_a_content_id_tells_head_tail_and_size(tmp_path: Path, size: int) -> None:
    def content(data: bytes) -> str | None:
        (tmp_path / "f").write_bytes(data)
        return read_content_id(tmp_path / "f")

    data = os.urandom(size)
    first = content(data)
    assert first == content(data)
    assert first not in (content(b"?" + data[1:]), content(data + b"x"), content(data[:-1] + b"?"))
    covered = size <= HEAD_BYTES + TAIL_BYTES
    middle = data[: size // 2] + bytes([data[size // 2] ^ 1]) + data[size // 2 + 1 :]
    assert (content(middle) != first) is covered
    (tmp_path / "g").write_bytes(data)
    assert read_whole_id(tmp_path / "f") != read_whole_id(tmp_path / "g")


def test_no_content_id_of_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert [read_content_id(tmp_path / n) for n in ("empty", "absent", ".", "a\0b")] == [None] * 4


def test_a_reorganised_library_costs_no_inference(scene: Scene) -> None:
    scene.fill()
    scene.scan()
    assert scene.detect() == 4
    scene.judge("Hayfield/IMG_0.jpg")
    before = scene.images()
    for k in range(4):
        move(scene.a / "Hayfield" / f"IMG_{k}.jpg", scene.a / "2024" / f"Creek_{k}.jpg")
    report = scene.scan()
    assert (report.n_moved, report.n_new, report.n_missing, report.n_unchanged) == (4, 0, 0, 0)
    assert scene.status() == {f"2024/Creek_{k}.jpg": "completed" for k in range(4)}
    after = scene.images()
    for k in range(4):
        old, new = before[f"Hayfield/IMG_{k}.jpg"], after[f"2024/Creek_{k}.jpg"]
        kept = ("image_id", "run_id", "captured_at", "first_seen_at", "content_id")
        assert {key: new[key] for key in kept} == {key: old[key] for key in kept}
        assert (new["station"], new["scanned_station"]) == ("2024", "2024")
    assert scene.judged() == {"2024/Creek_0.jpg"}
    assert scene.detect() == 0
    again = scene.scan()
    assert (again.n_unchanged, again.n_moved, again.n_new) == (4, 0, 0)


def test_the_photos_own_time_moves_on_but_modification_times_may_change(scene: Scene) -> None:
    scene.fill(1)
    scene.scan()
    scene.detect()
    os.utime(scene.a / "Hayfield" / "IMG_0.jpg", ns=(1, 1))
    report = scene.scan()
    assert (report.n_unchanged, report.n_changed, report.n_moved) == (1, 0, 0)
    assert scene.status() == {"Hayfield/IMG_0.jpg": "completed"}
    assert scene.scan().n_unchanged == 1


def test_another_file_takes_the_old_path(scene: Scene) -> None:
    scene.fill(1)
    scene.scan()
    scene.detect()
    photo = scene.ids()["Hayfield/IMG_0.jpg"]
    move(scene.a / "Hayfield" / "IMG_0.jpg", scene.a / "Creek" / "IMG_0.jpg")
    scene.put(scene.a / "Hayfield" / "IMG_0.jpg", "another", "2024:12:24 18:00:00")
    report = scene.scan()
    assert (report.n_moved, report.n_new + report.n_changed, report.n_missing) == (1, 1, 0)
    assert scene.status() == {"Creek/IMG_0.jpg": "completed", "Hayfield/IMG_0.jpg": "pending"}
    assert scene.ids()["Creek/IMG_0.jpg"] == photo


def test_two_names_swapped(scene: Scene) -> None:
    scene.fill(2)
    scene.scan()
    scene.detect()
    before = scene.ids()
    one_, two = scene.a / "Hayfield" / "IMG_0.jpg", scene.a / "Hayfield" / "IMG_1.jpg"
    os.utime(one_, ns=(1, 1))
    move(one_, scene.a / "x")
    move(two, one_)
    move(scene.a / "x", two)
    report = scene.scan()
    assert (report.n_moved, report.n_new, report.n_changed, report.n_missing) == (2, 0, 0, 0)
    after = scene.ids()
    assert after["Hayfield/IMG_0.jpg"] == before["Hayfield/IMG_1.jpg"]
    assert after["Hayfield/IMG_1.jpg"] == before["Hayfield/IMG_0.jpg"]
    assert scene.detect() == 0


@pytest.mark.parametrize("scan_between", [True, False])
def test_copied_then_the_original_deleted(scene: Scene, scan_between: bool) -> None:
    scene.fill(1)
    scene.scan()
    scene.detect()
    scene.judge("Hayfield/IMG_0.jpg")
    photo = scene.ids()["Hayfield/IMG_0.jpg"]
    copy = scene.a / "Copies" / "IMG_0.jpg"
    copy.parent.mkdir()
    shutil.copyfile(scene.a / "Hayfield" / "IMG_0.jpg", copy)
    if scan_between:
        report = scene.scan()
        assert (report.n_copies, report.n_new) == (1, 0)
        assert scene.status() == {
            "Hayfield/IMG_0.jpg": "completed",
            "Copies/IMG_0.jpg": "copy of Hayfield/IMG_0.jpg",
        }
        assert scene.detect() == 0
        assert scene.counted() == 1
        assert scene.scan().n_unchanged == 2
    (scene.a / "Hayfield" / "IMG_0.jpg").unlink()
    assert scene.scan().n_missing == 0
    assert scene.status() == {"Copies/IMG_0.jpg": "completed"}
    assert scene.ids() == {"Copies/IMG_0.jpg": photo}
    assert scene.judged() == {"Copies/IMG_0.jpg"}
    assert scene.boxes() == 1


@pytest.mark.parametrize(
    "copy",
    [
        *(
            "Hayfield/IMG_0 (1).jpg",
            "Hayfield/IMG_0 - Copy.jpg",
            "Hayfield/IMG_0(2).jpg",
            "Hayfield/IMG_0 copy 2.jpg",
        ),
        *(
            "Hayfield/Copy of IMG_0.jpg",
            "Hayfield - Copy/IMG_0.jpg",
            "A (2)/IMG_0.jpg",
            "Hayfield/IMG_0_1.jpg",
        ),
        *("Copy of Hayfield/IMG_0.jpg", "Hayfield/IMG_0 - Kopie (3).jpg"),
        *("Hayfield/IMG_0 (copy).jpg", "Hayfield/IMG_0 (another copy).jpg", "Hayfield/IMG_0 (3rd copy).jpg"),
        *("Hayfield/IMG_0 (copia).jpg", "Hayfield/IMG_0 copia 2.jpg", "Hayfield (copy)/IMG_0.jpg"),
    ],
)
def test_of_a_photo_and_its_copy_the_plain_name_is_the_photo(scene: Scene, copy: str) -> None:
    scene.fill(1)
    (scene.a / copy).parent.mkdir(exist_ok=True)
    shutil.copy2(scene.a / "Hayfield" / "IMG_0.jpg", scene.a / copy)
    assert scene.scan().n_copies == 1
    images = scene.images()
    assert images["Hayfield/IMG_0.jpg"]["duplicate_of"] is None
    assert images[copy]["duplicate_of"] == images["Hayfield/IMG_0.jpg"]["image_id"]


def test_a_photo_that_was_looked_at_stays_the_photo_though_its_name_is_a_copys(scene: Scene) -> None:
    scene.fill(1)
    move(scene.a / "Hayfield" / "IMG_0.jpg", scene.a / "Hayfield" / "IMG_0 (1).jpg")
    scene.scan()
    scene.detect()
    shutil.copy2(scene.a / "Hayfield" / "IMG_0 (1).jpg", scene.a / "Hayfield" / "IMG_0.jpg")
    scene.scan()
    assert scene.images()["Hayfield/IMG_0 (1).jpg"]["duplicate_of"] is None
    assert scene.detect() == 0
    move(scene.a / "Hayfield" / "IMG_0.jpg", scene.a / "Hayfield" / "IMG_1.jpg")
    (scene.a / "Hayfield" / "IMG_0 (1).jpg").unlink()
    scene.scan()
    assert scene.detect() == 0


def test_a_copy_deleted_is_no_loss(scene: Scene) -> None:
    scene.fill(2)
    for k in range(2):
        shutil.copy(scene.a / "Hayfield" / f"IMG_{k}.jpg", scene.a / f"copy_{k}.jpg")
    first = scene.scan()
    assert (first.n_new, first.n_copies) == (2, 2)
    for path in scene.images():
        if scene.images()[path]["duplicate_of"]:
            (scene.a / path).unlink()
    report = scene.scan()
    assert (report.n_missing, report.n_moved) == (0, 0)
    assert list(scene.status().values()) == ["pending", "pending"]


def test_edited_in_place(scene: Scene) -> None:
    """Tags written into a file change its bytes, not what it shows: results go, corrections stay."""
    path = scene.put(scene.a / "1.jpg", "before", "2024:11:01 06:00:00")
    scene.scan()
    scene.detect()
    scene.judge("1.jpg")
    before = scene.images()["1.jpg"]
    scene.put(path, "after it got tags", "2024:11:01 06:00:00")
    report = scene.scan()
    assert (report.n_changed, report.n_new, report.n_missing) == (1, 0, 0)
    after = scene.images()["1.jpg"]
    assert (after["status"], after["run_id"]) == ("pending", None)
    assert (after["image_id"], after["first_seen_at"]) == (before["image_id"], before["first_seen_at"])
    assert scene.judged() == {"1.jpg"}
    assert scene.boxes() == 0


def test_overwritten_by_another_photo(scene: Scene) -> None:
    """EXIF tells of another shot: nothing said of the old one is true of it. The old one may return."""
    path = scene.put(scene.a / "1.jpg", "first", "2024:11:01 06:00:00")
    scene.scan()
    scene.detect()
    scene.judge("1.jpg")
    photo = scene.ids()["1.jpg"]
    scene.put(path, "second", "2024:11:05 18:00:00")
    scene.scan()
    assert scene.status() == {f".replaced/{photo}/1.jpg": "missing", "1.jpg": "pending"}
    assert scene.judged() == {f".replaced/{photo}/1.jpg"}
    assert scene.scan().n_unchanged == 1
    scene.put(scene.a / "back.jpg", "first", "2024:11:01 06:00:00")
    assert scene.scan().n_moved == 1
    assert scene.status() == {"1.jpg": "pending", "back.jpg": "completed"}
    assert scene.ids()["back.jpg"] == photo


def test_missing_photos_come_back_elsewhere(scene: Scene) -> None:
    scene.fill(6)
    scene.scan()
    scene.detect()
    kept = scene.a / "Hayfield" / "IMG_0.jpg"
    aside = scene.a.parent / "aside.jpg"
    kept.rename(aside)
    assert scene.scan().n_missing == 1
    assert scene.scan().n_missing == 0
    move(aside, scene.a / "Found" / "again.jpg")
    report = scene.scan()
    assert (report.n_moved, report.n_new) == (1, 0)
    assert scene.status()["Found/again.jpg"] == "completed"
    assert "missing" not in scene.status().values()


def test_the_guard_counts_what_moved_as_there(scene: Scene) -> None:
    scene.fill(5)
    scene.scan()
    for k in range(3):
        move(scene.a / "Hayfield" / f"IMG_{k}.jpg", scene.a / "new" / f"{k}.jpg")
    for k in (3, 4):
        (scene.a / "Hayfield" / f"IMG_{k}.jpg").unlink()
    state = scene.database.path.read_bytes()
    with pytest.raises(RootError, match="2 of the 5 known photos"):
        scene.scan()
    assert scene.database.path.read_bytes() == state
    assert scene.scan(missing_limit=0.4).n_moved == 3


def test_moved_between_roots_by_scanning_the_new_one(scene: Scene) -> None:
    scene.fill(5)
    scene.put(scene.b / "other.jpg", "other")
    scene.scan()
    scene.detect()
    ids = scene.ids()
    move(scene.a / "Hayfield" / "IMG_0.jpg", scene.b / "Creek" / "IMG_0.jpg")
    report = scene.scan(scene.b)
    assert (report.n_moved, report.n_new, report.n_copies) == (1, 1, 0)
    assert scene.images()["b:Creek/IMG_0.jpg"]["image_id"] == ids["Hayfield/IMG_0.jpg"]
    assert scene.scan().n_missing == 0
    assert scene.detect() == 1  # other.jpg


def test_most_of_a_root_moved_to_another(scene: Scene) -> None:
    """More than the limit: nobody but a scan of that root itself may say that its photos are gone."""
    scene.fill(5)
    scene.scan()
    scene.detect()
    for k in range(4):
        move(scene.a / "Hayfield" / f"IMG_{k}.jpg", scene.b / f"{k}.jpg")
    report = scene.scan(scene.b)
    assert (report.n_copies, report.n_moved, report.n_new) == (4, 0, 0)
    assert scene.counted() == 5
    assert scene.detect() == 0
    report = scene.scan()
    assert (report.n_moved, report.n_missing) == (4, 0)
    assert sorted(scene.status()) == ["Hayfield/IMG_4.jpg", *(f"b:{k}.jpg" for k in range(4))]
    assert set(scene.status().values()) == {"completed"}


def test_a_drive_that_is_not_there_loses_nothing_to_its_backup(scene: Scene) -> None:
    scene.fill()
    scene.scan()
    scene.detect()
    shutil.copytree(scene.a, scene.b, dirs_exist_ok=True)
    scene.a.rename(scene.a.with_name("unplugged"))
    scene.a.mkdir()
    report = scene.scan(scene.b)
    assert (report.n_copies, report.n_moved) == (4, 0)
    assert [s for s in scene.status().values() if s == "completed"] == ["completed"] * 4
    with pytest.raises(RootError, match="empty"):
        scene.scan()
    with scene.database.read() as db:
        assert one(db, "SELECT count(*) FROM images WHERE whole_id IS NOT NULL AND root_id = 1") == (0,)
    scene.a.rmdir()
    scene.a.with_name("unplugged").rename(scene.a)
    assert scene.scan().n_unchanged == 4
    assert scene.counted() == 4
    # The drive is gone for good: a person says so.
    shutil.rmtree(scene.a)
    scene.put(scene.b / "new.jpg", "new")
    assert scene.scan(scene.b, accept_missing=True).n_moved == 4
    assert {path for path, s in scene.status().items() if s == "completed"} == {
        f"b:Hayfield/IMG_{k}.jpg" for k in range(4)
    }


def test_equal_heads_and_tails_are_not_enough_for_a_copy(scene: Scene) -> None:
    one_ = scene.put(scene.a / "1.jpg", "tail", size=100_000)
    other = bytearray(one_.read_bytes())
    other[60_000] = 1
    (scene.a / "2.jpg").write_bytes(other)
    assert read_content_id(one_) == read_content_id(scene.a / "2.jpg")
    report = scene.scan()
    assert (report.n_new, report.n_copies) == (2, 0)
    assert scene.detect() == 2
    scene.judge("2.jpg", DOE)
    photo = scene.ids()["2.jpg"]
    move(scene.a / "2.jpg", scene.a / "3.jpg")
    assert scene.scan(missing_limit=1).n_moved == 1
    assert scene.ids()["3.jpg"] == photo
    assert scene.judged() == {"3.jpg"}
    assert scene.detect() == 0


def test_a_copy_that_becomes_another_photo(scene: Scene) -> None:
    scene.fill(1)
    shutil.copy(scene.a / "Hayfield" / "IMG_0.jpg", scene.a / "copy.jpg")
    scene.scan()
    scene.detect()
    path = next(path for path, row in scene.images().items() if row["duplicate_of"])
    scene.put(scene.a / path, "something else", "2025:01:01 00:00:00")
    scene.scan()
    assert sorted(scene.status().values()) == ["completed", "pending"]


def test_the_original_of_a_copy_is_overwritten(scene: Scene) -> None:
    scene.fill(1)
    scene.scan()
    scene.detect()
    shutil.copy(scene.a / "Hayfield" / "IMG_0.jpg", scene.a / "copy.jpg")
    scene.scan()
    photo = scene.ids()["Hayfield/IMG_0.jpg"]
    scene.put(scene.a / "Hayfield" / "IMG_0.jpg", "edited", "2024:11:01 06:00:00")
    scene.scan()
    assert scene.status() == {"copy.jpg": "completed", "Hayfield/IMG_0.jpg": "pending"}
    assert scene.ids()["copy.jpg"] == photo


def test_a_library_of_an_earlier_trailcam_is_read_once_more(scene: Scene) -> None:
    scene.fill()
    shutil.copy(scene.a / "Hayfield" / "IMG_1.jpg", scene.a / "Hayfield" / "again.jpg")
    scene.scan()
    with scene.database.write() as db:
        db.execute("UPDATE images SET content_id = NULL, whole_id = NULL, duplicate_of = NULL")
    assert scene.detect() == 5
    scene.judge("Hayfield/again.jpg", DOE)
    report = scene.scan()
    assert (report.n_known_again, report.n_copies, report.n_unchanged) == (5, 1, 5)
    assert scene.counted() == 4
    assert scene.boxes() == 4
    photo = scene.images()["Hayfield/again.jpg"]["duplicate_of"] or scene.ids()["Hayfield/again.jpg"]
    with scene.database.read() as db:
        assert one(db, "SELECT image_id FROM judgements JOIN judged_boxes USING (image_id)") == (photo,)
    assert scene.scan().n_known_again == 0


def test_a_library_of_an_earlier_trailcam_that_moved_before(scene: Scene) -> None:
    """Nobody can read what is gone: size, time and name have to do, where they mean one file alone."""
    scene.fill()
    scene.scan()
    scene.detect()
    with scene.database.write() as db:
        db.execute("UPDATE images SET content_id = NULL")
    for k in range(4):
        move(scene.a / "Hayfield" / f"IMG_{k}.jpg", scene.a / "new" / f"IMG_{k}.jpg")
    assert scene.scan().n_moved == 4
    assert scene.detect() == 0
    with scene.database.read() as db:
        assert one(db, "SELECT count(content_id) FROM images") == (4,)


def test_broken_files_move_by_size_time_and_name(scene: Scene) -> None:
    scene.fill(1)
    (scene.a / "Hayfield" / "broken.jpg").write_bytes(bytes(500))
    scene.scan()
    move(scene.a / "Hayfield" / "broken.jpg", scene.a / "new" / "broken.jpg")
    assert scene.scan(missing_limit=0.9).n_moved == 1
    assert scene.status() == {"Hayfield/IMG_0.jpg": "pending", "new/broken.jpg": "failed"}


def test_two_broken_files_of_zeros_are_no_copies(scene: Scene) -> None:
    """The content of both is lost: they were two photos."""
    for name in ("1.jpg", "2.jpg"):
        (scene.a / name).write_bytes(bytes(500))
    assert scene.scan().n_copies == 0
    assert scene.status() == {"1.jpg": "failed", "2.jpg": "failed"}


def test_a_digest_reports_no_moved_photo_again(scene: Scene) -> None:
    def new_photos() -> int:
        with scene.database.write() as db:
            answer = digest(db, Question(), DigestOptions(["doe"]))
            remember(db, "default", answer.told)
            return sum(row["new_photos"] for row in answer.report.rows)

    scene.fill()
    scene.scan()
    scene.detect()
    assert new_photos() == 4
    for k in range(4):
        move(scene.a / "Hayfield" / f"IMG_{k}.jpg", scene.a / "Creek" / f"{k}.jpg")
    shutil.copytree(scene.a / "Creek", scene.a / "Copies")
    scene.scan()
    scene.detect()
    assert new_photos() == 0


def test_the_folder_decides_the_station_and_renames_hold(scene: Scene) -> None:
    scene.fill(2)
    scene.put(scene.a / "Creek" / "1.jpg", "creek")
    scene.scan()
    with scene.database.write() as db:
        rename(db, "Creek", "Cedar Creek")
        merge(db, "Hayfield", "Cedar Creek")
    move(scene.a / "Hayfield" / "IMG_0.jpg", scene.a / "Pond" / "IMG_0.jpg")
    move(scene.a / "Hayfield" / "IMG_1.jpg", scene.a / "Creek" / "IMG_1.jpg")
    scene.scan()
    stations = {path: (r["station"], r["scanned_station"]) for path, r in scene.images().items()}
    assert stations == {
        "Creek/1.jpg": ("Cedar Creek", "Creek"),
        "Creek/IMG_1.jpg": ("Cedar Creek", "Creek"),
        "Pond/IMG_0.jpg": ("Pond", "Pond"),
    }


def test_a_new_name_may_state_the_time(scene: Scene) -> None:
    scene.put(scene.a / "plain.jpg", "no exif")
    scene.put(scene.a / "20241103_061000.jpg", "named")
    scene.scan()
    move(scene.a / "plain.jpg", scene.a / "20241105_070000.jpg")
    move(scene.a / "20241103_061000.jpg", scene.a / "IMG_2.jpg")
    assert scene.scan().n_moved == 2
    times = {path: (row["captured_at"], row["captured_at_source"]) for path, row in scene.images().items()}
    assert times == {
        "20241105_070000.jpg": (datetime(2024, 11, 5, 7), "filename"),
        "IMG_2.jpg": (None, "unknown"),
    }


def test_stopped_before_contents_were_compared(scene: Scene) -> None:
    scene.fill()
    scene.scan()
    scene.detect()
    for k in range(4):
        shutil.copy(scene.a / "Hayfield" / f"IMG_{k}.jpg", scene.a / f"{k}.jpg")
    asked = iter([False] * 8 + [True] * 100)
    with pytest.raises(Interrupted, match="comparing"):
        scene.scan(stop=lambda: next(asked))
    report = scene.scan()
    assert (report.n_unchanged, report.n_copies) == (8, 4)
    assert scene.counted() == 4


def test_copies_are_listed_and_videos_named(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_decoder(monkeypatch)
    scene.fill(2)
    shutil.copy(scene.a / "Hayfield" / "IMG_0.jpg", scene.a / "copy.jpg")
    (scene.a / "clip.MP4").touch()
    scene.scan()
    database = str(scene.database.path)
    shown = CliRunner().invoke(app, ["duplicates", "--db", database])
    assert shown.exit_code == 0, shown.output
    assert "1 exact copy of 1 photo" in shown.output
    told = json.loads(CliRunner().invoke(app, ["duplicates", "--format", "json", "--db", database]).stdout)
    assert told["coverage"] == {"photos": 1, "copies": 1, "unverified": 0, "thumbnails": 0}
    assert [(row["role"], row["verified"]) for row in told["rows"]] == [("photo", True), ("copy", True)]
    assert {row["path"] for row in told["rows"]} == {"Hayfield/IMG_0.jpg", "copy.jpg"}
    for ending in ("csv", "parquet"):
        file = tmp_path / f"copies.{ending}"
        assert CliRunner().invoke(app, ["duplicates", "-o", str(file), "--db", database]).exit_code == 0
        assert file.stat().st_size > 100
    report = CliRunner().invoke(app, ["report", "species", "--db", database])
    assert "0 of 2 photos looked at" in report.output
    assert "1 video not looked at." in report.output
    status = json.loads(CliRunner().invoke(app, ["status", "--format", "json", "--db", database]).stdout)
    assert (status["coverage"]["copies"], status["coverage"]["videos"]) == (1, 1)


def test_a_word_on_a_copy_is_one_on_the_photo(scene: Scene) -> None:
    scene.fill(1)
    shutil.copy(scene.a / "Hayfield" / "IMG_0.jpg", scene.a / "copy.jpg")
    scene.scan()
    (copy,) = (row["image_id"] for row in scene.images().values() if row["duplicate_of"])
    database = str(scene.database.path)
    done = CliRunner().invoke(app, ["correct", str(copy), "--no-animal", "--author", "Ann", "--db", database])
    assert done.exit_code == 0, done.output
    (photo,) = (row["image_id"] for row in scene.images().values() if not row["duplicate_of"])
    with scene.database.read() as db:
        assert one(db, "SELECT image_id FROM judgements") == (photo,)
