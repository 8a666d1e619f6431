"""The loop closes: detect, correct, export, train on it, and detect with what was trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.conftest import Cli, TinyJpeg
from tests.helpers.two_stage import FINE, container, save
from trailcam.evaluate.dataset import read_dataset
from trailcam.selection import Selection
from trailcam.store.corrections import shown_boxes
from trailcam.store.counted import count_boxes
from trailcam.store.database import Database
from trailcam.store.review_rows import library_id
from trailcam.store.select import select

pytestmark = [pytest.mark.timeout(600)]
N = 10


def test_from_corrections_to_weights_of_ones_own(cli: Cli, tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    folder = tmp_path / "photos" / "Hayfield"
    folder.mkdir(parents=True)
    for n in range(N):
        taken = {0x9003: f"2024:11:{n + 1:02} 06:00:00"}
        (folder / f"{n}.jpg").write_bytes(tiny_jpeg((128, 96), color=(20 * n, 90, 60), exif_ifd=taken))
    start = save(tmp_path / "start.pt", container())
    quick = ("--device", "cpu", "--workers", "0", "-q")
    assert cli("scan", tmp_path / "photos", "-q").returncode == 0
    detected = cli("detect", "--weights", start, *quick)
    assert detected.returncode == 0, detected.stderr
    none_yet = cli("export", "yolo", "--corrected-only", "-o", tmp_path / "ranch")
    assert (none_yet.returncode, (tmp_path / "ranch").exists()) == (2, False)
    applied = cli("review", "apply", answers(tmp_path))
    assert applied.stdout == f"Recorded {N - 1} answers of Ann.\n", applied.stderr
    assert cli("correct", str(N), "--no-animal", "--author", "Ann").returncode == 0
    exported = cli("export", "yolo", "--corrected-only", "--blanks", "--val", "0.4", "-o", tmp_path / "ranch")
    assert exported.returncode == 0, exported.stderr
    labels = [read_dataset(tmp_path / "ranch" / "data.yaml", split) for split in ("train", "val")]
    assert sum(len(split.photos) for split in labels) == N
    assert sum(len(photo.boxes) for split in labels for photo in split.photos) == N - 1
    trained = cli(
        *("train", tmp_path / "ranch" / "data.yaml", "--from", start, "--epochs", "1"),
        *("--imgsz", "64", "--batch", "3", "--device", "cpu"),
        timeout=500,
    )
    assert trained.returncode == 0, trained.stderr
    again = cli("detect", "--status", "all", "--weights", "ranch", *quick)
    assert again.returncode == 0, again.stderr
    names = set(yaml.safe_load((tmp_path / "ranch" / "data.yaml").read_text())["names"].values())
    with Database(tmp_path / "home" / "trailcam.duckdb").read() as db:
        newest = db.execute(
            "SELECT name FROM classes WHERE run_id = (SELECT max(run_id) FROM runs)"
        ).fetchall()
        assert names >= {"doe", "mature"}
        assert {name for (name,) in newest} == names | set(FINE)  # with what the old model knew beside
        assert db.execute("SELECT state FROM runs ORDER BY run_id").fetchall() == [("completed",)] * 2
        shown = shown_boxes(count_boxes(select(db, Selection()), None), range(1, N + 1))
    assert all(box.by_person for boxes in shown.values() for box in boxes)
    assert sum(len(boxes) for boxes in shown.values()) == N - 1
    accuracy = cli("report", "accuracy", "--format", "json")
    assert accuracy.returncode == 0, accuracy.stderr
    assert json.loads(accuracy.stdout)["filters"]["model"] == "ranch.pt"


def answers(tmp_path: Path) -> Path:
    """What a review page saves: a doe or a mature buck on every photo but the last."""
    with Database(tmp_path / "home" / "trailcam.duckdb").read() as db:
        library = library_id(db)
        photos = db.execute("SELECT image_id, path, size_bytes FROM images ORDER BY image_id").fetchall()
    kinds = ("doe", "mature")
    given = [
        {
            **{"image_id": image_id, "path": path, "size_bytes": size, "based_on": None},
            "decided_at": "2024-11-20T09:00:00.000Z",
            "shows": [{"class": kinds[image_id % 2], "box": [0.25, 0.25, 0.5, 0.5]}],
        }
        for image_id, path, size in photos[:-1]
    ]
    file = tmp_path / "answers.json"
    head = {"format": "trailcam review", "version": 1, "review": "r", "library": library, "random": False}
    file.write_text(json.dumps({**head, "author": "Ann", "answers": given}), encoding="utf-8")
    return file
