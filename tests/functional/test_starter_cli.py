"""The starter model itself, through the real command line: scan, detect, report."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Cli, SampleLibrary
from trailcam.detect.model.find_weights import STARTER

LIMITS = "The model: trailcam's starter model"
ENV = {"TRAILCAM_DETECT_WORKERS": "0", "TRAILCAM_DETECT_DEVICE": "cpu"}


@pytest.fixture
def gate(sample_library: SampleLibrary, tmp_path: Path) -> Path:
    """The photographs of the sample library: what people look like is not drawn in them."""
    source = sample_library.root / "Camphouse"
    if not list(source.rglob("*.jpg")):
        pytest.skip("no installed package ships a photograph")
    return Path(shutil.copytree(source, tmp_path / "photos" / "Camphouse")).parent


def boxes(db: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(db), read_only=True) as connection:
        return connection.execute(
            "SELECT i.path, c.name, round(d.confidence, 3), round(d.x, 3), round(d.y, 3) FROM detections AS d"
            " JOIN images AS i USING (image_id)"
            " JOIN classes AS c ON c.run_id = d.run_id AND c.class_id = d.class_id ORDER BY ALL"
        ).fetchall()


@pytest.mark.timeout(300)
def test_out_of_the_box_a_person_is_found_and_the_models_limits_are_said_once(
    cli: Cli, gate: Path, tmp_path: Path
) -> None:
    assert cli("scan", gate).returncode == 0
    done = cli("detect", env=ENV, timeout=200)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(LIMITS) == 1
    assert "antler classes, no measured age" in done.stderr.replace("\n", " ")
    seen = cli("report", "species", "--format", "csv")
    assert seen.returncode == 0, seen.stderr
    rows = list(csv.DictReader(io.StringIO(seen.stdout)))
    assert any("person" in row.values() for row in rows), seen.stdout

    again = cli("detect", env=ENV)
    assert again.returncode == 0
    assert LIMITS not in again.stderr, "nothing is looked at, so there is nothing to warn of"


@pytest.mark.timeout(300)
def test_the_pair_can_be_given_as_a_file(cli: Cli, gate: Path, tmp_path: Path) -> None:
    pair = tmp_path / "pair.pt"
    shutil.copyfile(STARTER, pair)
    found: list[list[tuple[object, ...]]] = []
    for weights in ((), ("--weights", pair)):
        db = tmp_path / f"{len(found)}.duckdb"
        assert cli("scan", "--db", db, gate).returncode == 0
        done = cli("detect", "--db", db, "--limit", "1", *weights, env=ENV, timeout=200)
        assert done.returncode == 0, done.stderr
        assert LIMITS in done.stderr  # the file says it, whatever its name
        found.append(boxes(db))
    assert found[0]
    assert found[0] == found[1]
