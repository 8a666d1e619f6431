"""Videos from a card to an answer, as a user runs it, and what a kill in the middle leaves."""

from __future__ import annotations

import csv
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import piexif
import pytest
from PIL import Image

from tests.helpers.clips import write_clip
from tests.helpers.fake_command import Fake
from tests.helpers.validators import run_validator

SECONDS = 4
N_CLIPS = 3
MADE = {"creation_time": "2024-11-03T07:12:00.000000Z"}


def shade(level: int) -> Any:  # noqa: ANN401 - what draws a clip
    return lambda at_s: np.full((48, 64, 3), (40 * level + 7 * int(at_s)) % 256, np.uint8)


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    root = tmp_path / "photos" / "Gate"
    root.mkdir(parents=True)
    for n in range(4):
        Image.new("RGB", (64, 48), (40 * n, 90, 120)).save(root / f"IMG_{n}.JPG")
    for n in range(N_CLIPS):
        write_clip(root / f"VID_{n}.MP4", shade(n), seconds=SECONDS, tags=MADE)
    (root / "cut.MP4").write_bytes((root / "VID_0.MP4").read_bytes()[:900])
    weights = tmp_path / "fake.pt"
    weights.write_bytes(b"fake weights")
    return Fake(tmp_path, root.parent, weights)


def rows(fake: Fake, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(fake.db), read_only=True) as db:
        return db.execute(sql).fetchall()


def done(fake: Fake, *args: str, code: int = 0) -> tuple[str, str]:
    found, out, err = fake.run(*args, "--db", str(fake.db))
    assert found == code, err
    return out, err


def looked_at(fake: Fake, *args: str) -> None:
    done(fake, "scan", str(fake.library), code=1)
    done(fake, "detect", "--weights", str(fake.weights), *args)


def test_a_card_with_videos_becomes_an_answer(fake: Fake, tmp_path: Path) -> None:
    _, said = done(fake, "scan", str(fake.library), code=1)
    assert "Gate/cut.MP4: its index is missing" in said
    assert "not looked at" not in said
    done(fake, "detect", "--weights", str(fake.weights), "--video-every", "2s")
    frames = rows(fake, "SELECT frames FROM results WHERE frames IS NOT NULL")
    assert frames == [([0.0, 2.0],)] * N_CLIPS
    status = json.loads(done(fake, "status", "--format", "json")[0])["coverage"]
    assert {name: n for name, n in status.items() if name.startswith("videos")} == {
        "videos": 4,
        "videos_completed": 3,
        "videos_pending": 0,
        "videos_failed": 1,
        "videos_unread": 0,
        "videos_with_photo": 0,
    }
    species = json.loads(done(fake, "report", "species", "--confidence", "0.1", "--format", "json")[0])
    assert species["coverage"]["completed"] == 7
    assert sum(row["photos"] for row in species["rows"]) <= 2 * 7
    ((clip,),) = rows(fake, "SELECT image_id FROM images WHERE path = 'Gate/VID_1.MP4'")
    shown = done(fake, "show", str(clip))[0]
    assert "frames looked at" in shown
    assert "0.0, 2.0 s" in shown
    assert "4.0 s, 10 frames/s" in shown
    told = json.loads(done(fake, "show", str(clip), "--format", "json")[0])
    assert {row["frame_s"] for row in told["rows"]} <= {0.0, 2.0}
    done(fake, "db", "check")


def test_a_photo_and_the_clip_of_its_trigger_are_one_photo(fake: Fake) -> None:
    gate = fake.library / "Gate"
    exif = piexif.dump({"Exif": {piexif.ExifIFD.DateTimeOriginal: b"2024:11:03 07:11:55"}})
    Image.new("RGB", (64, 48), (10, 200, 10)).save(gate / "IMG_0100.JPG", exif=exif)
    write_clip(gate / "IMG_0100.MP4", shade(5), seconds=2, tags=MADE)
    looked_at(fake)
    status = json.loads(done(fake, "status", "--format", "json")[0])["coverage"]
    assert (status["photos"], status["videos_with_photo"]) == (10, 1)
    assert "1 video lies beside the photo of the same trigger" in done(fake, "status")[0]
    for report in ("species", "bucks", "stations"):
        told = json.loads(done(fake, "report", report, "--confidence", "0.1", "--format", "json")[0])
        assert told["coverage"]["photos"] == 9, report
        assert told["coverage"]["completed"] == 8, report
    ((still,), (clip,)) = rows(fake, "SELECT image_id FROM images WHERE path LIKE '%IMG_0100%' ORDER BY path")
    assert f"video {clip}" in done(fake, "show", str(still))[0]
    done(fake, "db", "check")


def test_videos_go_out_and_come_back(fake: Fake, tmp_path: Path) -> None:
    looked_at(fake)
    out = tmp_path / "out"
    out.mkdir()
    done(fake, "export", "csv", "-o", str(out / "t.csv"), "--confidence", "0.1")
    with (out / "t.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert list(table[0])[-3:] == ["frame_s", "is_video", "duration_s"]
    films = [row for row in table if row["is_video"] == "true" and row["class"]]
    assert {float(row["frame_s"]) for row in films} <= {0.0, 1.0, 2.0, 3.0}
    assert all(row["frame_s"] == "" for row in table if row["is_video"] == "false")
    done(fake, "export", "megadetector", "-o", str(out / "md.json"))
    code = (
        "import json, sys\n"
        "from megadetector.postprocessing.validate_batch_results import validate_batch_results\n"
        "found = validate_batch_results(sys.argv[1])['validation_results']\n"
        "print()\nprint(json.dumps(found['errors']))\n"
    )
    assert run_validator("megadetector", code, out / "md.json") == []
    batch = json.loads((out / "md.json").read_text(encoding="utf-8"))
    clips = {entry["file"]: entry for entry in batch["images"] if entry["file"].endswith("MP4")}
    assert clips["Gate/VID_1.MP4"]["frame_rate"] == 10
    assert clips["Gate/VID_1.MP4"]["frames_processed"] == [0, 10, 20, 30]
    assert all(d["frame_number"] in (0, 10, 20, 30) for d in clips["Gate/VID_1.MP4"]["detections"])
    assert clips["Gate/cut.MP4"]["frames_processed"] == []
    done(fake, "import", "megadetector", str(out / "md.json"))
    back = rows(
        fake,
        "SELECT r.frames FROM results r JOIN images USING (image_id) JOIN runs ON runs.run_id = r.run_id"
        " WHERE runs.device = 'imported' AND path = 'Gate/VID_1.MP4'",
    )
    assert back == [([0.0, 1.0, 2.0, 3.0],)]
    kept = "SELECT path, class_id, frame_s FROM detections d JOIN images USING (image_id) WHERE NOT repeats"
    own, theirs = (
        sorted(str(row[2]) for row in rows(fake, f"{kept} AND is_video AND d.run_id = {run_id}"))
        for run_id in (1, 2)
    )
    assert own == theirs
    classes = [word for name in ("animal", "deer", "person", "vehicle") for word in ("--class", name)]
    done(fake, "export", "crops", "-o", str(out / "crops"), *classes, "--confidence", "0.1")
    assert any("VID" in path.name for path in (out / "crops").rglob("*.jpg"))
    said = done(fake, "export", "coco", "-o", str(out / "coco.json"))
    assert "3 videos left out" in said[0] + said[1]


def test_a_gallery_shows_the_frame_and_plays_the_clip(fake: Fake, tmp_path: Path) -> None:
    looked_at(fake)
    page = tmp_path / "gallery.html"
    done(fake, "gallery", "-o", str(page), "--confidence", "0.1", "--no-cache")
    text = page.read_text(encoding="utf-8")
    assert "photos/Gate/VID_1.MP4" in text
    assert '"clips"' in text
    assert "unreadable" not in text.split("<script", 1)[0]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_a_stop_leaves_is_carried_on(fake: Fake, how: signal.Signals) -> None:
    done(fake, "scan", str(fake.library), code=1)
    process = fake.start_detect("--db", str(fake.db), photo_s=0.3)
    time.sleep(8)
    process.send_signal(how)
    process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("it was faster")
    partly = rows(fake, "SELECT len(frames) FROM results WHERE frames IS NOT NULL")
    assert {n for (n,) in partly} <= {SECONDS}
    done(fake, "db", "check")
    done(fake, "detect", "--weights", str(fake.weights))
    assert rows(fake, "SELECT len(frames) FROM results WHERE frames IS NOT NULL") == [(SECONDS,)] * N_CLIPS
    done(fake, "db", "check")
