"""`trailcam models`, and a pair from its TOML file to `report species`, as a user runs them."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from tests.conftest import Cli, SampleLibrary
from tests.helpers import networks

TOML = """
name = "ranch"
description = "for the tests"
[detector]
weights = "md.pt"
[classifier]
weights = "species.pt"
least = 0.0
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained: it finds everywhere, and names whatever it finds."""
    folder = tmp_path_factory.mktemp("models")
    networks.save_yolov5(folder / "md.pt", networks.yolov5_net(), opt={"imgsz": 128})
    networks.save_classifier(folder / "species.pt", ["bobcat", "skunk"])
    (folder / "ranch.toml").write_text(TOML)
    return folder / "ranch.toml"


def test_a_pair_from_toml_to_report_species(cli: Cli, sample_library: SampleLibrary, pair: Path) -> None:
    assert cli("scan", str(sample_library.root)).returncode in (0, 1)
    dry = cli("detect", "--weights", str(pair), "--limit", "4", "--dry-run")
    assert "with md.pt + species.pt" in dry.stderr
    done = cli("detect", "--weights", str(pair), "--limit", "4", "--backend", "torch", timeout=300)
    assert done.returncode in (0, 1), done.stderr
    assert "128 px (as the weights say)" in done.stderr
    report = cli("report", "species", "--confidence", "0.05", "--format", "json")
    rows = json.loads(report.stdout)["rows"]
    assert {"bobcat", "skunk"} & {row["class"] for row in rows}
    table = cli("export", "csv", "--confidence", "0.05", "-o", str(pair.parent / "boxes.csv"))
    assert table.returncode == 0, table.stderr


def test_both_scores_are_kept(cli: Cli, sample_library: SampleLibrary, pair: Path, tmp_path: Path) -> None:
    cli("scan", str(sample_library.root))
    args = ("--weights", str(pair.parent / "md.pt"), "--classifier", str(pair.parent / "species.pt"))
    done = cli("detect", *args, "--limit", "2", "--backend", "torch", timeout=300)
    assert done.returncode in (0, 1), done.stderr
    target = tmp_path / "boxes.csv"
    assert cli("export", "csv", "--confidence", "0.05", "-o", str(target)).returncode == 0
    rows = [row for row in csv.DictReader(target.read_text(encoding="utf-8").splitlines()) if row["class"]]
    named = [row for row in rows if row["class"] in ("bobcat", "skunk")]
    assert named
    assert all(0 < float(row["class_probability"]) <= 1 for row in named)
    assert all(not row["class_probability"] for row in rows if row["class"] == "person")
    target = tmp_path / "md.json"
    cli("export", "megadetector", "-o", str(target))
    boxes = [box for image in json.loads(target.read_text())["images"] for box in image["detections"] or []]
    assert any(box["classifications"][0][1] != box["conf"] for box in boxes)
    again = cli("detect", *args, "--limit", "2", "--dry-run")
    assert "nothing to do" not in again.stderr  # other photos are left
    assert cli("db", "check").returncode == 0


def test_no_bobcats_in_hawaii(cli: Cli, sample_library: SampleLibrary, pair: Path) -> None:
    """The list of a place holds for detect, with a pair too: each change is counted, named, recorded."""
    cli("scan", str(sample_library.root))
    args = ("detect", "--weights", str(pair), "--limit", "4", "--backend", "torch")
    done = cli(*args, env={"TRAILCAM_SPECIES_PLACE": "HI"}, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    told = dict(re.findall(r"Not on the species list: ([\d,]+ box\w*) called (\w+)", done.stderr))
    assert told
    assert set(told.values()) <= {"bobcat", "skunk"}
    rows = json.loads(cli("report", "species", "--confidence", "0.05", "--format", "json").stdout)["rows"]
    found = {row["class"] for row in rows}
    assert not {"bobcat", "skunk"} & found
    assert {"Felidae", "Carnivora"} & found
    shown = cli("runs", "show", "1", "--format", "json")
    assert '"Felidae"' in shown.stdout
    assert cli("db", "check").returncode == 0
    model = cli("models", "show", str(pair), env={"TRAILCAM_SPECIES_PLACE": "Hawaii"})
    assert "Not on the species list: boxes of bobcat count as Felidae." in model.stdout


def test_add_list_show(cli: Cli, pair: Path) -> None:
    assert cli("models", "list").returncode == 0
    added = cli("models", "add", str(pair), "--name", "north")
    assert added.returncode == 0, added.stderr
    assert "trailcam detect --weights north" in added.stderr
    again = cli("models", "add", str(pair), "--name", "north")
    assert again.returncode == 2
    assert "installed already" in again.stderr
    rows = json.loads(cli("models", "list", "--format", "json").stdout)["rows"]
    assert [row["name"] for row in rows] == ["starter", "north"]
    assert rows[1]["what"] == "pair: md.pt + species.pt"
    shown = json.loads(cli("models", "show", "north", "--format", "json").stdout)
    classes = {row["class"]: row for row in shown["rows"]}
    assert set(classes) == {"animal", "person", "bobcat", "skunk"}
    assert classes["bobcat"]["species"] == "Lynx rufus"
    assert cli("models", "add", str(pair.parent / "md.pt")).returncode == 0
    assert "md" in cli("models", "list").stdout


def test_a_model_that_cannot_be_used_is_not_added(cli: Cli, tmp_path: Path, pair: Path) -> None:
    bad = tmp_path / "half.pt"
    bad.write_bytes(pair.with_name("md.pt").read_bytes()[:5000])
    done = cli("models", "add", str(bad))
    assert done.returncode == 2
    assert "interrupted download" in done.stderr
    elsewhere = tmp_path / "pair.toml"
    elsewhere.write_text(TOML.replace('"md.pt"', f"'{pair.with_name('md.pt')}'"))
    done = cli("models", "add", str(elsewhere))
    assert done.returncode == 2
    rows = json.loads(cli("models", "list", "--format", "json").stdout)["rows"]
    assert [row["name"] for row in rows] == ["starter"]


def test_bad_models_get_one_message_each_and_nothing_is_run(
    cli: Cli, sample_library: SampleLibrary, pair: Path, tmp_path: Path
) -> None:
    """Bad pairs have theirs in tests/unit/test_pair.py."""
    mark = tmp_path / "ran"
    whole = (pair.parent / "md.pt").read_bytes()
    (tmp_path / "half.pt").write_bytes(whole[: len(whole) // 2])
    with (tmp_path / "huge.pt").open("wb") as file:
        file.truncate(3 << 30)
    networks.save_yolov5(tmp_path / "code.pt", networks.yolov5_net(), payload=Touch(mark))
    cli("scan", str(sample_library.root))
    for name, words in {
        "half.pt": "can't be loaded",
        "huge.pt": "has 3.0 GB; trailcam loads models of up to 2 GB",
        "code.pt": "hold more than a YOLO model",
    }.items():
        done = cli("detect", "--weights", str(tmp_path / name), "--limit", "2", "--backend", "torch")
        assert done.returncode == 2, (name, done.stderr)
        assert words in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
        assert len(re.findall("^error: ", done.stderr, re.MULTILINE)) == 1
    assert not mark.exists()
    counts = json.loads(cli("status", "--format", "json").stdout)["coverage"]
    assert counts["pending"] == counts["photos"] - counts.get("failed", 0)


class Touch:
    """Makes the file ``mark`` when it is unpickled by a reader that trusts."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.mark,))
