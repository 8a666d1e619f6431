"""A training keeps what the labels don't speak of, and only reads the user's data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.conftest import TinyJpeg
from trailcam.detect.model.find_weights import find_weights
from trailcam.evaluate.dataset import DataSet, LabelledPhoto, read_dataset
from trailcam.evaluate.figures import Judge
from trailcam.evaluate.judge_model import Looked
from trailcam.evaluate.meaning import label_meanings
from trailcam.evaluate.metrics import Found
from trailcam.train.keep import Kept, keep_classes
from trailcam.train.lay_out import lay_out

OLD = {0: "doe", 1: "mature", 2: "coyote", 3: "person", 4: "vehicle", 5: "none"}
Box = tuple[float, float, float, float]


def photo(file: Path, *labels: tuple[int, Box]) -> LabelledPhoto:
    boxes = np.array([box for _, box in labels], np.float32).reshape(-1, 4)
    return LabelledPhoto(file, boxes, np.array([i for i, _ in labels], np.int64))


def looked(data: DataSet, said: Sequence[Sequence[tuple[int, float, Box]]]) -> Looked:
    """What an old model with the classes OLD says: class, confidence and box, for each photo."""
    found = [
        Found(
            np.array([box for *_, box in boxes], np.float32).reshape(-1, 4),
            np.array([confidence for _, confidence, _ in boxes], np.float32),
            np.array([class_id for class_id, *_ in boxes], np.int16),
        )
        for boxes in said
    ]
    judge = Judge(
        data.photos, found, label_meanings(OLD), label_meanings(data.names), dict.fromkeys(OLD, 0.5)
    )
    return Looked(data, judge, (), find_weights(), "cpu", "float32", 640, 1.0)


def test_sure_boxes_beside_the_labels_are_kept(tmp_path: Path) -> None:
    deer: Box = (0.1, 0.1, 0.4, 0.4)
    away: Box = (0.6, 0.6, 0.2, 0.2)
    apart: Box = (0.0, 0.6, 0.1, 0.1)
    one, two = (photo(tmp_path / name, (0, deer)) for name in ("one.jpg", "two.jpg"))
    data = DataSet(tmp_path / "data.yaml", "train", {0: "buck", 3: "vehicle"}, (one, two))
    said = [
        [(2, 0.9, away), (2, 0.4, apart), (0, 0.9, apart), (1, 0.9, away), (4, 0.9, away)],
        [(2, 0.9, (0.15, 0.15, 0.2, 0.2)), (3, 0.5, away)],
    ]
    kept = keep_classes(data, looked(data, said))
    # Bucks of any size and vehicles are the labels' own subject; "none" is no animal.
    assert kept.names == {0: "buck", 3: "vehicle", 4: "doe", 5: "coyote", 6: "person"}
    assert kept.counts == {"doe": 1, "coyote": 1, "person": 1}
    boxes, class_id = kept.boxes[one.file]
    np.testing.assert_allclose(boxes, [away, apart])
    assert class_id.tolist() == [5, 4]
    assert kept.boxes[two.file][1].tolist() == [6]


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        ({0: "coyote"}, {"doe", "mature", "person", "vehicle"}),
        ({0: "DEER"}, {"coyote", "person", "vehicle"}),
        ({0: "person", 1: "car", 2: "truck"}, {"doe", "mature", "coyote"}),
        ({0: "buck", 1: "person", 2: "Coyote"}, {"doe", "vehicle"}),
        ({0: "doe", 1: "young", 2: "fawn"}, {"mature", "coyote", "person", "vehicle"}),
    ],
)
def test_what_the_labels_name_is_theirs(tmp_path: Path, names: dict[int, str], kept: set[str]) -> None:
    data = DataSet(tmp_path / "data.yaml", "train", names, (photo(tmp_path / "one.jpg"),))
    assert set(keep_classes(data, looked(data, [[]])).counts) == kept


def test_the_data_set_is_only_read(tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    ranch = tmp_path / "ranch"
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (ranch / kind / split).mkdir(parents=True)
        (ranch / "images" / split / "whole photo.JPG").write_bytes(tiny_jpeg())
        (ranch / "images" / split / "cut.jpg").write_bytes(tiny_jpeg()[:-2])
        (ranch / "labels" / split / "cut.txt").write_text("1 0.5 0.5 0.2 0.4\n")
    (ranch / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [doe, mature]\n")
    before = {path: path.read_bytes() for path in ranch.rglob("*") if path.is_file()}
    sets = {split: read_dataset(ranch / "data.yaml", split) for split in ("train", "val")}
    whole = ranch / "images" / "train" / "whole photo.JPG"
    added = {whole: (np.array([[0.5, 0.5, 0.2, 0.2]], np.float32), np.array([2]))}
    kept = Kept({0: "doe", 1: "mature", 2: "coyote"}, added, {"coyote": 1})
    file = lay_out(tmp_path / "there", sets, kept)
    assert list(yaml.safe_load(file.read_text())["names"].values()) == ["doe", "mature", "coyote"]
    there = {split: read_dataset(file, split) for split in ("train", "val")}
    labels = {split: [photo.class_id.tolist() for photo in data.photos] for split, data in there.items()}
    assert labels == {"train": [[1], [2]], "val": [[1], []]}
    np.testing.assert_allclose(there["train"].photos[0].boxes, [[0.4, 0.3, 0.2, 0.4]], atol=1e-6)
    for data in there.values():
        cut, other = (photo.file for photo in data.photos)
        assert other.samefile(other.resolve())
        assert not cut.is_symlink()  # a JPEG without its end is written anew by ultralytics
        cut.write_bytes(b"anew")
    lay_out(tmp_path / "there", sets, kept)  # again, over what is there
    assert {path: path.read_bytes() for path in ranch.rglob("*") if path.is_file()} == before
