"""``trailcam detect`` as a user runs it: twice, interrupted, killed, beside another."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import Cli
from tests.helpers.fake_command import Fake, N, make_photos, scanned


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("library")
    make_photos(root)
    return root


@pytest.fixture
def fake(tmp_path: Path, library: Path) -> Fake:
    return scanned(tmp_path, library)


def status(fake: Fake) -> dict[str, Any]:
    code, out, err = fake.run("status", "--format", "json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_the_second_run_does_nothing(fake: Fake) -> None:
    code, out, err = fake.detect("--include-undated", "-v")
    assert (code, out) == (1, ""), err  # 1: the broken photo failed
    assert "Next: trailcam report bucks" in err
    assert "photos/s" in err
    assert "of the wall time" in err
    assert "limits the speed" in err
    before = fake.tables()
    assert [row[1] for row in before["images"]].count("completed") == N
    assert len(before["detections"]) == N
    code, out, err = fake.detect("--include-undated")
    assert (code, out) == (0, "")
    assert "nothing to do" in err
    assert fake.tables() == before


def test_failed_photos_are_tried_again_when_asked(fake: Fake) -> None:
    assert fake.detect()[0] == 1
    code, _, err = fake.detect("--status", "failed")
    assert code == 1, err
    tables = fake.tables()
    assert [row[1] for row in tables["images"]].count("failed") == 1
    assert [row[2:4] for row in tables["runs"]] == [(N, 1), (0, 1)]


def test_months_choose_and_undated_are_named(fake: Fake) -> None:
    code, _, err = fake.detect("--months", "9-1", "--quiet")
    assert (code, err) == (0, "")
    with duckdb.connect(str(fake.db), read_only=True) as db:
        months = db.execute(
            "SELECT DISTINCT month(captured_at) FROM images WHERE status = 'completed'"
        ).fetchall()
    assert {m for (m,) in months} == {9, 10, 11, 12, 1}
    code, _, err = fake.detect("--months", "9-1")
    assert code == 0
    assert "12 photos without a capture time left out" in err
    assert "nothing to do" in err


def test_dry_run_changes_nothing(fake: Fake) -> None:
    before = fake.db.read_bytes()
    code, _, err = fake.detect("--dry-run", "--limit", "5", "--station", "hayfield")
    assert code == 0
    assert "5 photos to look at" in err
    assert fake.db.read_bytes() == before


def test_other_weights_add_results_and_become_current(fake: Fake, tmp_path: Path) -> None:
    fake.detect()
    other = tmp_path / "other.pt"
    other.write_bytes(b"other weights")
    code, _, _ = fake.run("detect", "--weights", str(other), "--status", "all")
    assert code == 1
    tables = fake.tables()
    assert len(tables["runs"]) == 2
    assert {row[3] for row in tables["images"] if row[1] == "completed"} == {2}
    assert len(tables["detections"]) == 2 * N


def begun(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    """A detect that has begun its run."""
    assert process.stderr is not None
    said = ""
    while "Run 1 on" not in said:
        line = process.stderr.readline()
        said += line
        if not line:
            process.communicate()
            pytest.fail(f"the run never began: {said}")
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_in_order_and_the_next_run_carries_on(fake: Fake, number: signal.Signals) -> None:
    process = begun(fake.start_detect(photo_s=0.1))
    time.sleep(2.0)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert "carry on" in err
    assert "Traceback" not in err
    done = [row[1] for row in fake.tables()["images"]].count("completed")
    assert 0 < done < N
    assert fake.tables()["runs"][0][1] == "interrupted"
    assert fake.detect()[0] == 1
    tables = fake.tables()
    assert [row[1] for row in tables["images"]].count("completed") == N
    assert tables["runs"] == [(1, "completed", N, 1, 0, N)]


@pytest.mark.timeout(600)
def test_sigkill_at_20_random_moments_loses_and_doubles_nothing(
    fake: Fake, library: Path, tmp_path: Path
) -> None:
    random.seed(20)
    kills = 0
    while kills < 20:
        process = fake.start_detect("--quiet", photo_s=0.01)
        try:
            process.communicate(timeout=random.uniform(0.5, 4.0))
            break  # it finished in between: everything is done
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
        with duckdb.connect(str(fake.db), read_only=True) as db:
            half = db.execute(
                "SELECT count(*) FROM images i WHERE (status = 'completed')"
                " <> EXISTS"
                " (SELECT 1 FROM results r WHERE r.image_id = i.image_id AND r.status = 'completed')"
            ).fetchall()
        assert half == [(0,)]
    assert fake.detect("--quiet")[0] in (0, 1)
    home = tmp_path / "undisturbed"
    home.mkdir()
    calm = Fake(home, library, fake.weights)
    assert calm.run("scan", str(library))[0] == 0
    assert calm.detect("--quiet")[0] == 1
    assert fake.tables() == calm.tables()


def test_reports_answer_meanwhile_and_a_second_writer_leaves_or_waits(fake: Fake) -> None:
    process = begun(fake.start_detect(photo_s=2.0))  # far longer than this test
    try:
        assert status(fake)["report"] == "status"
        code, _, err = fake.run("report", "bucks", "--format", "json")
        assert code == 0, err
        for command in (("detect", "--weights", str(fake.weights)), ("scan", str(fake.library))):
            code, _, err = fake.run(*command)
            assert code == 2, err
            assert str(process.pid) in err
        waiting = fake.start("detect", "--weights", str(fake.weights), "--wait", "100")
        time.sleep(1)
    finally:
        process.kill()
        process.communicate()
    _, err = waiting.communicate(timeout=100)
    assert waiting.returncode == 1, err
    assert [row[1] for row in fake.tables()["images"]].count("completed") == N


def test_files_that_vanished_become_missing_and_come_back(fake: Fake, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(fake.library), str(copy)], check=True)
    home = tmp_path / "home2"
    home.mkdir()
    mine = Fake(home, copy, fake.weights)
    mine.run("scan", str(copy))
    gone = copy / "Hayfield" / "IMG_0003.JPG"
    data, times = gone.read_bytes(), gone.stat()
    gone.unlink()
    code, _, err = mine.detect()
    assert code == 1, err
    assert "1 missing" in err
    gone.write_bytes(data)
    os.utime(gone, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert mine.run("scan", str(copy))[0] == 0
    assert ("Hayfield/IMG_0003.JPG", "pending", None, None) in mine.tables()["images"]


def test_photos_that_are_no_longer_there_are_reported_by_the_exit_code(fake: Fake, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(fake.library), str(copy)], check=True)
    home = tmp_path / "home2"
    home.mkdir()
    mine = Fake(home, copy, fake.weights)
    mine.run("scan", str(copy))
    (copy / "Sanctuary" / "IMG_0002.JPG").unlink()
    code, _, err = mine.detect("--station", "Sanctuary")
    assert code == 1, err
    assert "0 failed, 1 missing" in err


def test_a_root_that_is_gone_marks_nothing(fake: Fake, tmp_path: Path) -> None:
    copy = tmp_path / "drive"
    subprocess.run(["cp", "-r", str(fake.library), str(copy)], check=True)
    home = tmp_path / "home2"
    home.mkdir()
    mine = Fake(home, copy, fake.weights)
    mine.run("scan", str(copy))
    before = mine.tables()
    copy.rename(tmp_path / "unplugged")
    code, out, err = mine.detect()
    assert (code, out) == (2, "")
    assert "There is no folder" in err
    copy.mkdir()
    code, _, err = mine.detect()
    assert code == 2
    assert "empty" in err
    assert mine.tables() == before


def test_no_weights_and_bad_weights_are_clear(cli: Cli, library: Path, tmp_path: Path) -> None:
    cli("scan", library)
    done = cli("detect", "--weights", tmp_path / "absent.pt")
    assert done.returncode == 2
    assert "absent.pt" in done.stderr
    (tmp_path / "bad.pt").write_bytes(b"not a model")
    done = cli("detect", "--weights", tmp_path / "bad.pt")
    assert (done.returncode, done.stdout) == (2, "")
    assert "can't be loaded" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("says", ["nan", "0"])
def test_a_model_that_fails_its_test_writes_no_row(fake: Fake, says: str) -> None:
    before = fake.tables()
    code, out, err = fake.detect(env={"TRAILCAM_FAKE_RAW": says})
    assert (code, out) == (2, ""), err
    assert "failed its test before the run" in err
    assert fake.tables() == before
    assert before["runs"] == []


def test_the_model_is_tested_when_device_weights_or_versions_are_new_and_before_many_photos(
    fake: Fake, tmp_path: Path
) -> None:
    broken = {"TRAILCAM_FAKE_RAW": "nan"}
    assert fake.detect("--limit", "5")[0] == 0
    assert fake.detect("--limit", "5", env=broken)[0] == 0  # nothing is new since it answered five photos
    other = tmp_path / "other.pt"
    other.write_bytes(b"other weights")
    assert fake.run("detect", "--weights", str(other), env=broken)[0] == 2
    for column, value in (("device", "another GPU"), ("versions", '{"torch": "1.0"}')):
        with duckdb.connect(str(fake.db)) as db:
            ((kept,),) = db.execute(f"SELECT DISTINCT {column} FROM runs").fetchall()
            db.execute(f"UPDATE runs SET {column} = ?", [value])
        assert fake.detect("--limit", "1", env=broken)[0] == 2
        with duckdb.connect(str(fake.db)) as db:
            db.execute(f"UPDATE runs SET {column} = ?", [kept])
    assert fake.detect("--limit", "1", env=broken)[0] == 0
    many = tmp_path / "many"
    many.mkdir()
    photo = (fake.library / "Hayfield" / "IMG_0001.JPG").read_bytes()
    for n in range(1001):
        (many / f"{n}.jpg").write_bytes(photo + n.to_bytes(2, "big"))  # no copies of each other
    assert fake.run("scan", str(many))[0] == 0
    code, _, err = fake.detect("--include-undated", env=broken)
    assert code == 2, err
    assert "failed its test" in err


def test_more_than_half_failing_marks_nothing_unless_accepted(fake: Fake, tmp_path: Path) -> None:
    broken = tmp_path / "zeros"
    broken.mkdir()
    data = (fake.library / "Hayfield" / "IMG_0001.JPG").read_bytes()
    for n in range(30):
        # No two with the same bytes: copies would be looked at once.
        (broken / f"{n:02}.jpg").write_bytes(data + bytes([n]) if n < 5 else data[: -200 - n])
    mine = Fake(tmp_path / "home", broken, fake.weights)
    mine.db.unlink()
    assert mine.run("scan", str(broken))[0] == 0
    code, out, err = mine.detect()
    assert (code, out) == (2, ""), err
    assert "of 30 photos failed, more than half (truncated: " in err
    assert "Traceback" not in err
    assert [row[1] for row in mine.tables()["images"]].count("failed") == 0
    code, _, err = mine.detect("--accept-failures")
    assert code == 1, err
    assert [row[1] for row in mine.tables()["images"]].count("failed") == 25
    code, _, err = mine.detect("--status", "all")  # they fail again, which nobody has to be told
    assert code == 1, err


@pytest.mark.timeout(600)
def test_the_whole_way_with_a_real_model(cli: Cli, shared_images: Path, coco_weights: Path) -> None:
    """Counts that were checked by eye against the photos."""
    assert cli("scan", shared_images).returncode == 0
    done = cli("detect", "--weights", coco_weights, timeout=400)
    assert done.returncode == 0, done.stderr
    done = cli("status", "--format", "json")
    found = json.loads(done.stdout)
    assert found["coverage"]["completed"] == 30
    assert found["coverage"]["failed"] == 0
