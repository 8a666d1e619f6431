"""A detect on a Ray cluster of three nodes, simulated on this machine: nothing lost, nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import Cli, SampleLibrary
from trailcam.detect.by_ray import RayReport, detect_by_ray
from trailcam.detect.command import detect, prepare
from trailcam.detect.pipeline.outcomes import Control
from trailcam.detect.ray_crew import RayOptions
from trailcam.domain import Status
from trailcam.errors import PipelineError, UsageError
from trailcam.scan.scan_job import ScanOptions
from trailcam.scan.scan_root import scan
from trailcam.selection import Selection
from trailcam.settings.config import Settings, load
from trailcam.store.database import Database

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("ray")]
NODES = Path(__file__).resolve().parents[1] / "helpers" / "ray_node"
SHARE = 8
PENDING = Selection(statuses=(Status.PENDING,))


@pytest.fixture(scope="module")
def environment(sample_library: SampleLibrary) -> Iterator[pytest.MonkeyPatch]:
    """One thread a process, so that the simulated nodes don't fight; poison works everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("PYTHONPATH", str(NODES))
        yield patch


@pytest.fixture(scope="module")
def cluster(environment: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two nodes, ``one`` and ``two``."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "node_name": "one"})
    made.add_node(num_cpus=1, node_name="two")
    yield made
    made.shutdown()  # type: ignore[no-untyped-call]


def library_of(root: Path, folder: Path) -> tuple[Database, Settings]:
    """A scanned library; one photo at a time, so that no photo's neighbours can change a last digit."""
    folder.mkdir(exist_ok=True)
    file = folder / "library.duckdb"
    settings = load(None, {"db": str(file), "detect.batch": "1", "detect.workers": "0"}, {})
    database = Database(file)
    scan(database, root, ScanOptions())
    return database, settings


def by_ray(
    cluster: Any,  # noqa: ANN401 - ray has no types
    database: Database,
    settings: Settings,
    say: Callable[[str], None] = lambda _: None,
    share: int = SHARE,
) -> RayReport:
    options = RayOptions(cluster.address, share=share)
    return detect_by_ray(database, settings, PENDING, options, lambda: False, say)


def tables(database: Database) -> list[Any]:
    """What must not depend on who looked at the photos."""
    with duckdb.connect(str(database.path), read_only=True) as db:
        return [
            db.execute(sql).fetchall()
            for sql in (
                "SELECT path, status, error_code FROM images ORDER BY path",
                "SELECT path, r.status FROM results r JOIN images USING (image_id) ORDER BY ALL",
                "SELECT path, class_id, round(confidence, 3) AS c, round(x, 3) AS x, round(y, 3) AS y"
                " FROM detections JOIN images USING (image_id) ORDER BY ALL",
            )
        ]


@pytest.fixture(scope="module")
def alone(sample_library: SampleLibrary, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The tables of a detect by one process."""
    database, settings = library_of(sample_library.root, tmp_path_factory.mktemp("alone"))
    detect(database, settings, prepare(database, settings, Selection()), Control())
    return tables(database)


def test_a_cluster_gives_what_one_process_gives_and_a_node_without_the_drive_marks_nothing(
    cluster: Any,  # noqa: ANN401
    environment: pytest.MonkeyPatch,
    sample_library: SampleLibrary,
    alone: list[Any],
    tmp_path: Path,
) -> None:
    environment.setenv("TRAILCAM_TEST_NO_DRIVE", str(sample_library.root))
    third = cluster.add_node(num_cpus=1, node_name="three")
    environment.delenv("TRAILCAM_TEST_NO_DRIVE")
    database, settings = library_of(sample_library.root, tmp_path)
    said: list[str] = []
    report = by_ray(cluster, database, settings, said.append)
    cluster.remove_node(third)
    assert "by 3 actors on 3 nodes" in said[0]
    assert list(report.left_out) == ["three"]
    assert "There is no folder" in report.left_out["three"]
    assert report.given_up == []
    assert tables(database) == alone
    again = by_ray(cluster, database, settings)
    assert again.n_photos == 0


def test_a_killed_process_and_a_lost_node_cost_nothing(
    cluster: Any,  # noqa: ANN401
    sample_library: SampleLibrary,
    alone: list[Any],
    tmp_path: Path,
) -> None:
    third = cluster.add_node(num_cpus=1, node_name="three")
    database, settings = library_of(sample_library.root, tmp_path)
    said: list[str] = []

    def disturb(text: str) -> None:
        said.append(text)
        if len(said) == 2:
            cluster.remove_node(third, allow_graceful=False)
            found = subprocess.run(["pgrep", "-f", "ray::ShareActor"], capture_output=True, text=True)
            for pid in found.stdout.split()[:1]:
                os.kill(int(pid), signal.SIGKILL)

    report = by_ray(cluster, database, settings, disturb)
    assert report.given_up == []
    assert tables(database) == alone


def test_a_driver_that_died_goes_on_where_it_was(
    cluster: Any,  # noqa: ANN401
    sample_library: SampleLibrary,
    alone: list[Any],
    tmp_path: Path,
) -> None:
    database, settings = library_of(sample_library.root, tmp_path)
    said: list[str] = []

    def die(text: str) -> None:
        said.append(text)
        if len(said) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        by_ray(cluster, database, settings, die)
    rest = by_ray(cluster, database, settings)
    assert 0 < rest.n_photos < len(alone[0])
    assert tables(database) == alone


def test_a_share_that_kills_its_process_is_given_up_and_its_photos_named(
    cluster: Any,  # noqa: ANN401
    sample_library: SampleLibrary,
    tmp_path: Path,
) -> None:
    root = tmp_path / "photos" / "Gate"
    root.mkdir(parents=True)
    good = next(path for path in sorted(sample_library.root.rglob("*.JPG")) if path.stat().st_size > 50_000)
    for name in ("a.jpg", "b.jpg", "poison.jpg"):
        (root / name).write_bytes(good.read_bytes() + name.encode())
    database, settings = library_of(root.parent, tmp_path / "home")
    report = by_ray(cluster, database, settings, share=1)
    (given_up,) = report.given_up
    assert "Gate/poison.jpg" in given_up
    assert "after 3 tries" in given_up
    assert report.outcomes["completed"] == 2
    statuses = {path: status for path, status, _ in tables(database)[0]}
    assert statuses["Gate/poison.jpg"] == "pending"


def test_most_photos_failing_is_for_all_shares_together_to_say(
    cluster: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    root = tmp_path / "photos" / "Gate"
    root.mkdir(parents=True)
    for n in range(24):
        (root / f"{n}.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes([n]) * 50)
    library, settings = library_of(root.parent, tmp_path / "home")
    with duckdb.connect(str(library.path)) as db:  # as if their headers could be read
        db.execute("UPDATE images SET status = 'pending', error_code = NULL, error_message = NULL")
    with pytest.raises(PipelineError):
        by_ray(cluster, library, settings, share=6)


def test_the_command(
    cluster: Any,  # noqa: ANN401
    cli: Cli,
    sample_library: SampleLibrary,
) -> None:
    assert cli("scan", sample_library.root).returncode == 0
    done = cli("detect", "--ray", cluster.address, "--station", "Hayfield", timeout=400)
    assert done.returncode == 0, done.stderr
    assert "Looked at 13 of 13 photos: 13 completed, 0 failed, 0 missing." in done.stderr
    for wrong in (("--plan", "p.parquet"), ("--merge", "x.parquet")):
        assert cli("detect", "--ray", "auto", *wrong).returncode == 2
    assert "need --ray" in cli("detect", "--actors", "2").stderr
    assert "an address is HOST:PORT" in cli("detect", "--ray", "head").stderr
    nowhere = cli("detect", "--ray", "127.0.0.1:1", "--station", "Sanctuary", timeout=400)
    assert nowhere.returncode == 2
    assert "There is no Ray cluster at 127.0.0.1:1" in nowhere.stderr


def test_without_ray_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, sample_library: SampleLibrary, tmp_path: Path
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    database, settings = library_of(sample_library.root, tmp_path)
    with pytest.raises(UsageError, match="needs the package ray"):
        detect_by_ray(database, settings, PENDING, RayOptions(), lambda: False, lambda _: None)
