"""Real command lines beside each other on one database, as cron and people start them."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.chaos.world import Begun, Done, Launcher, make_library
from tests.conftest import isolated_environment
from trailcam.store.invariants import broken

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the launcher forks"),
    pytest.mark.timeout(600),
]

N_SMALL, N_BIG, N_BROKEN = 100, 60, 3
N = N_SMALL + N_BIG


class Commands:
    """Commands on one home and one library, as many at once as a test likes."""

    def __init__(self, launcher: Launcher, folder: Path) -> None:
        self.launcher, self.folder = launcher, folder
        self.root, self.home, self.gate = folder / "photos", folder / "home", folder / "gate"
        self.home.mkdir()
        self.db = self.home / "trailcam.duckdb"
        make_library(self.root, N_SMALL, N_BIG)
        (folder / "fake.pt").write_bytes(b"fake")

    def begin(self, *argv: str | Path, **env: str) -> Begun:
        return self.launcher.begin(
            [str(part) for part in argv], isolated_environment(self.home) | env, self.folder
        )

    def run(self, *argv: str | Path) -> Done:
        return self.launcher.end(self.begin(*argv))

    def begin_detect(self) -> Begun:
        """A detect that writes now and then, and can't end before :meth:`let_go`."""
        env = {"TRAILCAM_FAKE_S": "0.005", "TRAILCAM_FAKE_HOLD": f"{N - 20} {self.gate}"}
        detect = self.begin(
            "detect", "--include-undated", "--workers", "0", "--batch", "4",
            "--weights", self.folder / "fake.pt", **env,
        )  # fmt: skip
        while "Run 1 on" not in detect.streams[1].read_text():
            assert Path(f"/proc/{detect.pid}").exists() or sys.platform != "linux"
            time.sleep(0.01)
        return detect

    def let_go(self, detect: Begun) -> Done:
        self.gate.touch()
        return self.launcher.end(detect)


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    made = Launcher(tmp_path_factory.mktemp("launcher"))
    yield made
    made.close()


@pytest.fixture
def commands(launcher: Launcher, tmp_path: Path) -> Iterator[Commands]:
    made = Commands(launcher, tmp_path)
    yield made
    made.gate.touch()  # a detect of a test that failed must not wait for ever


def faults(db: Path) -> list[str]:
    with duckdb.connect(str(db), read_only=True) as connection:
        return [case.rule.never for case in broken(connection)]


def completed(db: Path) -> int:
    with duckdb.connect(str(db), read_only=True) as connection:
        ((n,),) = connection.execute("SELECT count(*) FROM results WHERE status = 'completed'").fetchall()
    return int(n)


def test_copies_and_reports_beside_a_detect_disturb_nothing(commands: Commands) -> None:
    assert commands.run("scan", commands.root).code == 0
    detect = commands.begin_detect()
    copies = [commands.home / f"copy-{n}.duckdb" for n in range(2)]
    for n, copy in enumerate(copies):  # from its first photos to the last that it may look at
        side = [
            commands.begin("db", "backup", "-o", copy),
            commands.begin("report", "bucks", "--format", "json"),
            commands.begin("status", "--format", "json"),
            commands.begin("db", "check"),
        ]
        ends = [commands.launcher.end(command) for command in side]
        assert [(end.code, end.err) for end in ends if end.code or "Traceback" in end.err] == [], n
        for end in ends[1:3]:
            coverage = json.loads(end.out)["coverage"]
            assert coverage["completed"] + coverage["pending"] + coverage["failed"] == N
            assert coverage["pending"] >= 20, "the detect was over before the others asked"
    done = commands.let_go(detect)
    assert done.code == 1, done.err  # photos that are cut short
    assert "Traceback" not in done.err
    assert faults(commands.db) == []
    assert completed(commands.db) == N - N_BROKEN
    seen = [completed(copy) for copy in copies]
    assert [faults(copy) for copy in copies] == [[]] * len(copies)
    assert seen == sorted(seen)  # each copy is of one moment
    assert seen[-1] <= N - 20


def test_scans_beside_a_detect_leave_or_wait(commands: Commands) -> None:
    assert commands.run("scan", commands.root).code == 0
    detect = commands.begin_detect()
    patient = [commands.begin("scan", "--wait", "100") for _ in range(4)]
    hasty = [commands.begin("scan") for _ in range(6)]
    refused = [commands.launcher.end(command) for command in hasty]
    assert [end.code for end in refused] == [2] * 6
    assert all(f"in use by detect (PID {detect.pid})" in end.err for end in refused), refused[0].err
    assert commands.let_go(detect).code == 1
    ends = [commands.launcher.end(command) for command in patient]
    assert [end.code for end in ends] == [0] * 4, [end.err for end in ends if end.code]
    assert not any("Traceback" in end.err for end in ends)
    assert faults(commands.db) == []
    assert completed(commands.db) == N - N_BROKEN


def test_of_twenty_first_scans_at_once_some_work_and_the_others_name_one(commands: Commands) -> None:
    begun = [commands.begin("scan", commands.root) for _ in range(20)]
    pids = {command.pid for command in begun}
    ends = [commands.launcher.end(command) for command in begun]
    worked = [end for end in ends if end.code == 0]
    assert worked
    for end in ends:
        assert end.code in (0, 2), end.err
        assert "Traceback" not in end.err
        if end.code == 2:
            named = re.search(r"in use by scan \(PID (\d+)\)", end.err)
            assert named, end.err
            assert int(named[1]) in pids - {end.pid}
    assert faults(commands.db) == []
    with duckdb.connect(str(commands.db), read_only=True) as connection:
        assert connection.execute("SELECT count(*), count(DISTINCT path) FROM images").fetchall() == [(N, N)]
