"""The corrections of the starter's training labels."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import CHECKOUT, SHARED

FIXES = CHECKOUT / "training" / "label_fixes.jsonl"
LABELS = SHARED / "dataset" / "labels.jsonl"
LATER = ("bobcat", "squirrel", "bird", "cow", "dog", "skunk", "rabbit", "other")


@pytest.fixture(scope="module")
def data() -> ModuleType:
    """training/data.py, which is not a package."""
    spec = importlib.util.spec_from_file_location("training_data", CHECKOUT / "training" / "data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["training_data"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def fixes() -> list[dict[str, Any]]:
    return [json.loads(line) for line in FIXES.read_text(encoding="utf-8").splitlines()]


def test_a_correction_changes_what_it_names_and_nothing_else(data: ModuleType) -> None:
    doe, fox = data.Box("doe", (0.1, 0.2, 0.3, 0.4), True), data.Box("fox", (0.5, 0.5, 0.6, 0.6), True)
    boxes = [doe, fox]
    assert data.apply({"what": "label", "box": 0, "to": "young", "sure": 0}, boxes, True)
    assert boxes == [data.Box("young", doe.xyxy, False), fox]
    assert data.apply({"what": "box", "box": 1, "xywh": [0.5, 0.5, 0.25, 0.25]}, boxes, True)
    assert boxes[1] == data.Box("fox", (0.5, 0.5, 0.75, 0.75), True)
    assert data.apply({"what": "add", "to": "hog", "xywh": [0, 0, 0.5, 0.5]}, boxes, True)
    assert boxes[2] == data.Box("hog", (0, 0, 0.5, 0.5), True)
    assert data.apply({"what": "drop", "box": 0}, boxes, True)
    assert boxes[0] is None
    before = list(boxes)
    assert not data.apply({"what": "incomplete"}, boxes, True)
    assert boxes == before
    with pytest.raises(ValueError, match="unknown correction"):
        data.apply({"what": "guess"}, boxes, True)


def test_every_correction_says_why_and_fits_the_labels(data: ModuleType) -> None:
    assert all(fix["why"] for fix in fixes())
    if not LABELS.exists():
        pytest.skip("needs shared/dataset beside the checkout")
    labelled = {
        row["blob"]: row
        for row in (json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines())
    }
    known = {label for row in labelled.values() for label, *_ in row["boxes"]}
    for fix in fixes():
        row = labelled[fix["blob"]]
        boxes = [
            data.Box(label, (x, y, x + w, y + h), bool(sure)) for label, x, y, w, h, sure in row["boxes"]
        ]
        before = list(boxes)
        complete = data.apply(fix, boxes, row["complete"])
        assert boxes != before or complete != row["complete"], f"changes nothing: {fix}"
        for box in boxes:
            assert box is None or (box.label in known and 0 <= min(box.xyxy) < max(box.xyxy) <= 1.001)


def rows_of(*files: Path) -> Iterator[dict[str, Any]]:
    for file in files:
        yield from (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())


def test_photos_boxed_later_are_for_training_alone_and_their_boxes_lie_in_them(data: ModuleType) -> None:
    more = list(rows_of(data.MORE))
    assert len({row["blob"] for row in more}) == len(more)
    for row in more:
        assert row["split"] == "train"
        assert row["boxes"] or row["complete"], "says nothing"
        for label, x, y, w, h, sure in row["boxes"]:
            assert label in (*data.DEER_LABELS, *data.OTHERS, *LATER)
            assert sure in (0, 1)
            assert min(x, y) >= 0
            assert min(w, h) > 0
            assert max(x + w, y + h) <= 1.001
    if not LABELS.exists():
        pytest.skip("needs shared/dataset beside the checkout")
    known = {row["blob"] for row in rows_of(*(LABELS.parent / name for name in data.LABELS))}
    assert not known & {row["blob"] for row in more}
