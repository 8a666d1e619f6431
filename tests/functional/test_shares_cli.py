"""A detect in shares, as a user runs it: a list, a part from each share, and their merge."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import duckdb
import pytest

from tests.helpers.fake_command import Fake, N, make_photos, scanned

SHARDS = 3


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("library")
    make_photos(root)
    return root


@pytest.fixture
def fake(tmp_path: Path, library: Path) -> Fake:
    return scanned(tmp_path, library)


def plan(fake: Fake, *args: str) -> Path:
    """A work list of the library."""
    target = fake.home / "plan.parquet"
    code, out, err = fake.detect("--plan", str(target), *args)
    assert (code, out) == (0, ""), err
    return target


def share(fake: Fake, listed: Path, shard: int, *args: str, photo_s: float = 0.0) -> subprocess.Popen[str]:
    slow = {"TRAILCAM_FAKE_S": str(photo_s), "TRAILCAM_DB": str(fake.home / "no.duckdb")}
    return fake.start(
        "detect", "--weights", str(fake.weights), "--plan", str(listed),
        "--shards", str(SHARDS), "--shard", str(shard), "-o", str(part(fake, shard)), *args,
        env=slow,
    )  # fmt: skip


def part(fake: Fake, shard: int) -> Path:
    return fake.home / f"part-{shard}.parquet"


def look(fake: Fake, listed: Path, *shards: int) -> list[str]:
    """Shares looked at one beside another; their parts."""
    for process in [share(fake, listed, shard) for shard in shards]:
        _, err = process.communicate(timeout=100)
        assert process.returncode in (0, 1), err
    return [str(part(fake, shard)) for shard in shards]


def test_shares_give_what_one_process_gives(fake: Fake, library: Path, tmp_path: Path) -> None:
    before = fake.db.read_bytes()
    listed = plan(fake)
    parts = look(fake, listed, 0, 1, 2)
    assert fake.db.read_bytes() == before  # only the merge opens the database to write
    assert not (fake.home / "no.duckdb").exists()
    code, out, err = fake.run("detect", "--merge", *parts)
    assert (code, out) == (1, ""), err  # 1: the broken photo
    assert f"Merged {N + 1} photos into run 1: {N} completed, 1 failed, 0 missing." in err
    (tmp_path / "alone").mkdir()
    alone = scanned(tmp_path / "alone", library)
    assert alone.detect()[0] == 1
    assert fake.tables() == alone.tables()

    code, _, err = fake.run("detect", "--merge", *parts)
    assert code == 0, err
    assert f"{N + 1} photos had been merged before" in err
    assert fake.tables() == alone.tables()
    code, _, err = fake.detect("--plan", str(listed))
    assert "0 photos to look at" in err


def test_parts_come_in_one_by_one_and_the_last_closes_the_run(fake: Fake) -> None:
    listed = plan(fake)
    parts = look(fake, listed, 0, 1, 2)
    code, _, err = fake.run("detect", "--merge", parts[2], parts[0])
    assert code in (0, 1), err
    assert "Still to come: 1 shard of 3 (1)." in err
    assert fake.tables()["runs"][0][1] == "interrupted"
    code, _, err = fake.run("detect", "--merge", parts[1])
    assert "Still to come" not in err
    assert fake.tables()["runs"] == [(1, "completed", N, 1, 0, N)]


def test_a_share_that_was_killed_or_stopped_carries_on(fake: Fake) -> None:
    listed = plan(fake)
    for ending in (signal.SIGKILL, signal.SIGINT):
        process = share(fake, listed, 0, photo_s=0.3)
        assert process.stderr is not None
        while "Looking on" not in (line := process.stderr.readline()):
            assert line, "the share never began"
        time.sleep(1.5)
        process.send_signal(ending)
        process.communicate(timeout=60)
        assert process.returncode == (130 if ending == signal.SIGINT else -signal.SIGKILL)
        assert not part(fake, 0).exists()
    process = share(fake, listed, 0)
    _, err = process.communicate(timeout=60)
    assert "had been looked at before" in err  # what the stopped one had saved
    assert part(fake, 0).exists()
    assert not part(fake, 0).with_name("part-0.parquet.pieces").exists()
    whole = part(fake, 0).read_bytes()
    process = share(fake, listed, 0)  # again: nothing to do
    process.communicate(timeout=60)
    assert part(fake, 0).read_bytes() == whole
    with duckdb.connect() as db:
        ((rows, photos, last),) = db.execute(
            "SELECT count(*), count(DISTINCT image_id), max(n) FROM read_parquet(?)", [str(part(fake, 0))]
        ).fetchall()
    assert rows == photos == last + 1 == (N + 1) // SHARDS


def test_a_torn_part_costs_itself_and_is_named(fake: Fake) -> None:
    listed = plan(fake)
    parts = look(fake, listed, 0, 1, 2)
    data = Path(parts[1]).read_bytes()
    Path(parts[1]).write_bytes(data[: len(data) // 2])
    code, _, err = fake.run("detect", "--merge", *parts)
    assert code == 1, err
    assert "part-1.parquet" in err
    assert "Still to come: 1 shard of 3 (1)." in err
    Path(parts[1]).write_bytes(data)
    code, _, err = fake.run("detect", "--merge", *parts)
    assert fake.tables()["runs"] == [(1, "completed", N, 1, 0, N)]


def test_what_changed_since_the_list_is_not_merged(fake: Fake, library: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(library, copy)
    (tmp_path / "mine").mkdir()
    mine = scanned(tmp_path / "mine", copy)
    listed = plan(mine)
    parts = look(mine, listed, 0, 1, 2)
    (copy / "Hayfield" / "IMG_0001.JPG").write_bytes(
        (copy / "Hayfield" / "IMG_0003.JPG").read_bytes() + b"\0"
    )
    assert mine.run("scan", str(copy))[0] == 0
    _, _, err = mine.run("detect", "--merge", *parts)
    assert "1 photo not merged: changed or gone since the list was written." in err
    assert ("Hayfield/IMG_0001.JPG", "pending", None, None) in mine.tables()["images"]


def test_parts_that_do_not_belong_are_refused_and_nothing_changes(
    fake: Fake, library: Path, tmp_path: Path
) -> None:
    parts = look(fake, plan(fake), 0)
    second = fake.home / "second.parquet"
    fake.detect("--plan", str(second))
    (tmp_path / "other").mkdir()
    other = scanned(tmp_path / "other", library)
    before = other.tables(), fake.tables()
    code, out, err = other.run("detect", "--merge", *parts)
    assert (code, out) == (2, ""), err
    assert "of another library" in err
    part(fake, 1).write_bytes(b"PAR1 no more")
    code, _, err = fake.run("detect", "--merge", str(part(fake, 1)))
    assert code == 2, err
    assert "no whole Parquet file" in err
    code, _, err = fake.run("detect", "--merge", str(fake.home / "plan.parquet"))
    assert code == 2, err
    assert "is no part" in err
    part(fake, 1).unlink()
    look(fake, second, 1)
    code, _, err = fake.run("detect", "--merge", parts[0], str(part(fake, 1)))
    assert code == 2, err
    assert "of another work list" in err
    assert (other.tables(), fake.tables()) == before


def test_a_share_asks_for_the_weights_of_its_list_and_for_its_drive(
    fake: Fake, library: Path, tmp_path: Path
) -> None:
    listed = plan(fake)
    right = fake.weights
    fake.weights = tmp_path / "other.pt"
    fake.weights.write_bytes(b"other weights")
    process = share(fake, listed, 0)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert "The work list is for the weights fake.pt" in err
    fake.weights = right
    gone = library.rename(tmp_path / "unplugged")
    try:
        process = share(fake, listed, 0)
        _, err = process.communicate(timeout=60)
    finally:
        gone.rename(library)
    assert process.returncode == 2, err
    assert "There is no folder" in err
    assert not part(fake, 0).exists()


def test_more_than_half_failed_marks_none(fake: Fake, library: Path, tmp_path: Path) -> None:
    """Each share has too few failures to prove anything; all together they do."""
    copy = tmp_path / "copy"
    shutil.copytree(library, copy)
    (tmp_path / "mine").mkdir()
    mine = scanned(tmp_path / "mine", copy)
    listed = plan(mine, "--limit", "45")
    for photo in sorted(copy.rglob("*.JPG")):
        photo.write_bytes(photo.read_bytes()[:300])
    parts = look(mine, listed, 0, 1, 2)
    before = mine.tables()
    code, _, err = mine.run("detect", "--merge", *parts)
    assert code == 2, err
    assert "45 of 45 photos failed, more than half" in err
    assert mine.tables() == before
    code, _, err = mine.run("detect", "--merge", "--accept-failures", *parts)
    assert code == 1, err
    assert "45 failed" in err


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--shards", "2", "--shard", "0", "-o", "p.parquet"], "need a work list"),
        (["--plan", "plan.parquet", "--shards", "2"], "needs --shards, --shard and -o"),
        (["--plan", "plan.parquet", "--shards", "2", "--shard", "2", "-o", "p.parquet"], "the last is 1"),
        (["--plan", "absent.parquet", "--shards", "2", "--shard", "1", "-o", "p.parquet"], "no file"),
        (["--plan", "plan.parquet", "--merge", "p.parquet"], "--merge takes the parts"),
        (["--merge"], "needs the parts"),
        (["p.parquet"], "detect takes no file"),
        (["--months", "9", "--plan", "plan.parquet", "--shards", "2", "--shard", "0", "-o", "p.parquet"],
         "The work list says which photos"),
        (["--plan", "photo.jpg"], "file ending of a photo"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said(fake: Fake, args: list[str], says: str) -> None:
    code, out, err = fake.detect(*args)
    assert (code, out) == (2, ""), err
    assert says in " ".join(err.split())
    assert "Traceback" not in err


def test_a_list_is_parquet_that_anything_reads(fake: Fake) -> None:
    listed = plan(fake, "--months", "9-1")
    with duckdb.connect() as db:
        rows = db.execute("SELECT n, path, failed FROM read_parquet(?) ORDER BY n", [str(listed)]).fetchall()
        ((head,),) = db.execute("SELECT decode(value) FROM parquet_kv_metadata(?)", [str(listed)]).fetchall()
    assert [n for n, _, _ in rows] == list(range(len(rows)))
    assert json.loads(head)["n_photos"] == len(rows)
    assert sorted(path for _, path, _ in rows) == [path for _, path, _ in rows]
