"""``trailcam scan`` as a user runs it: its exit code, what it prints, what it leaves."""

from __future__ import annotations

import hashlib
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from tests.conftest import CHECKOUT, Cli, SampleLibrary, TinyJpeg, isolated_environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and file names of POSIX")

SELECT = "SELECT * EXCLUDE (first_seen_at, scanned_at) FROM images ORDER BY image_id"


@pytest.fixture
def lib(tmp_path: Path, tiny_jpeg: TinyJpeg) -> Path:
    """Ten photos in two stations."""
    root = tmp_path / "lib"
    for n in range(10):
        path = root / ("Hayfield" if n < 6 else "TinMan") / f"Cam_20241103_0610{n:02}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tiny_jpeg() + bytes([n]))  # no copies of each other
    return root


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Where the ``cli`` fixture's database lies."""
    return tmp_path / "home" / "trailcam.duckdb"


def fingerprint(db: Path) -> dict[str, str]:
    """Every file beside the database, except for the lock."""
    files = (file for file in db.parent.rglob("*") if file.is_file() and ".lock" not in file.name)
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def figures(stdout: str) -> list[int]:
    """new, changed, unchanged, missing, unreadable of the first table."""
    return [int(word.replace(",", "")) for word in stdout.splitlines()[2].split()]


def table(db: Path, sql: str = SELECT) -> list[tuple[object, ...]]:
    with duckdb.connect(str(db), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def start(home: Path, *args: str | Path) -> subprocess.Popen[str]:
    home.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "trailcam", *map(str, args)],
        env=isolated_environment(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_first_scan_second_scan(cli: Cli, lib: Path, db: Path) -> None:
    first = cli("scan", lib)
    assert first.returncode == 0, first.stderr
    assert first.stderr == "10 photos to look at.\nNext: trailcam detect\n"
    assert first.stdout.splitlines()[0] == f"lib ({lib})"
    assert first.stdout.splitlines()[1].split() == ["new", "changed", "unchanged", "missing", "unreadable"]
    assert figures(first.stdout) == [10, 0, 0, 0, 0]
    stations = [line.split() for line in first.stdout.splitlines()[4:]]
    assert stations == [
        ["station", "photos", "first", "last", "undated"],
        ["Hayfield", "6", "2024-11-03", "2024-11-03", "0"],
        ["TinMan", "4", "2024-11-03", "2024-11-03", "0"],
    ]
    before = table(db)
    for _ in range(2):
        again = cli("scan", lib)
        assert (again.returncode, figures(again.stdout)) == (0, [0, 0, 10, 0, 0])
        assert again.stdout.splitlines()[4:] == first.stdout.splitlines()[4:]
    assert table(db) == before


def test_without_a_root_all_known_ones(cli: Cli, lib: Path, tmp_path: Path) -> None:
    none = cli("scan")
    assert none.returncode == 2
    assert "No folder to scan" in none.stderr
    shutil.copytree(lib / "TinMan", tmp_path / "second" / "B")
    assert cli("scan", lib, tmp_path / "second").returncode == 0
    both = cli("scan")
    assert both.returncode == 0
    assert f"lib ({lib})" in both.stdout
    assert f"second ({tmp_path / 'second'})" in both.stdout
    shutil.rmtree(lib)
    unmounted = cli("scan")
    assert (unmounted.returncode, unmounted.stdout) == (2, "")
    assert f"There is no folder {lib}" in unmounted.stderr


def test_bad_files_exit_1(cli: Cli, lib: Path) -> None:
    (lib / "TinMan" / "zero.jpg").touch()
    (lib / "TinMan" / "text.jpg").write_text("no photo")
    done = cli("scan", lib)
    assert (done.returncode, figures(done.stdout)) == (1, [12, 0, 0, 0, 2])
    assert "2 files could not be read:" in done.stderr
    assert "TinMan/zero.jpg: the file is empty (0 bytes)" in done.stderr
    again = cli("scan", lib)
    assert (again.returncode, figures(again.stdout)) == (0, [0, 0, 12, 0, 0])


def test_quiet_prints_results_only(cli: Cli, lib: Path) -> None:
    (lib / "TinMan" / "zero.jpg").touch()
    done = cli("scan", lib, "-q")
    assert (done.returncode, done.stderr) == (1, "")
    assert figures(done.stdout) == [11, 0, 0, 0, 1]


def test_many_bad_files_are_named_with_v(cli: Cli, lib: Path) -> None:
    for n in range(30):
        (lib / f"zero{n}.jpg").touch()
    assert "... and 20 more; -v names them all." in cli("scan", lib).stderr
    again = cli("scan", lib, "-v", "--db", lib.parent / "other.duckdb")
    assert again.stderr.count("0 bytes") == 30


@pytest.mark.parametrize("state", ["missing", "empty", "no_photo", "third_gone"])
def test_the_mount_guard(cli: Cli, lib: Path, db: Path, state: str) -> None:
    assert cli("scan", lib).returncode == 0
    before = fingerprint(db)
    assert list(before) == ["trailcam.duckdb"]
    if state == "third_gone":
        for path in sorted(lib.rglob("*.jpg"))[:3]:
            path.unlink()
    else:
        shutil.rmtree(lib)
        if state != "missing":
            lib.mkdir()
        if state == "no_photo":
            (lib / "readme.txt").touch()
    for _ in range(2):
        refused = cli("scan", lib)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith("error: ")
        assert "mount" in refused.stderr
        assert fingerprint(db) == before
    if state == "third_gone":
        accepted = cli("scan", lib, "--accept-missing")
        assert (accepted.returncode, figures(accepted.stdout)) == (0, [0, 0, 7, 3, 0])


@pytest.mark.parametrize("state", ["missing", "empty", "no_photo"])
def test_the_mount_guard_before_the_first_scan(cli: Cli, tmp_path: Path, db: Path, state: str) -> None:
    root = tmp_path / "lib"
    if state != "missing":
        root.mkdir()
    if state == "no_photo":
        (root / "readme.txt").touch()
    assert cli("scan", root).returncode == 2
    assert fingerprint(db) == {}


def test_one_bad_root_of_two_stops_before_the_first(cli: Cli, lib: Path, db: Path) -> None:
    assert cli("scan", lib, lib.parent / "nowhere").returncode == 2
    assert fingerprint(db) == {}


def test_a_windows_path(cli: Cli) -> None:
    refused = cli("scan", "Q:\\Pics")
    assert refused.returncode == 2
    assert "There is no folder Q:\\Pics." in refused.stderr
    assert "This is a Windows path" in refused.stderr


def test_a_few_missing_and_back(cli: Cli, lib: Path, db: Path) -> None:
    cli("scan", lib)
    before = table(db)
    photo = lib / "Hayfield" / "Cam_20241103_061000.jpg"
    photo.rename(lib.parent / "kept.jpg")
    assert figures(cli("scan", lib).stdout) == [0, 0, 9, 1, 0]
    (lib.parent / "kept.jpg").rename(photo)
    back = cli("scan", lib)
    assert "1 photo came back." in back.stdout
    assert table(db) == before


def test_a_changed_photo_is_pending_again(cli: Cli, lib: Path, db: Path, tiny_jpeg: TinyJpeg) -> None:
    cli("scan", lib)
    with duckdb.connect(str(db)) as connection:
        connection.execute("UPDATE images SET status = 'completed', run_id = 1")
        connection.execute(
            "INSERT INTO results BY NAME SELECT 1 AS run_id, image_id, 'completed' AS status,"
            " now()::TIMESTAMP AS looked_at FROM images"
        )
        connection.execute(
            "INSERT INTO detections BY NAME SELECT 1 AS run_id, image_id, 0 AS class_id, 0.9 AS confidence,"
            " 0 AS x, 0 AS y, 1 AS w, 1 AS h, false AS repeats FROM images"
        )
    (lib / "TinMan" / "Cam_20241103_061006.jpg").write_bytes(tiny_jpeg((80, 60)))
    assert figures(cli("scan", lib).stdout) == [0, 1, 9, 0, 0]
    assert table(db, "SELECT path, width FROM images WHERE status = 'pending' AND run_id IS NULL") == [
        ("TinMan/Cam_20241103_061006.jpg", 80)
    ]
    assert table(db, "SELECT count(*) FROM detections") == [(9,)]
    assert table(db, "SELECT count(*) FROM results") == [(9,)]


def test_root_name(cli: Cli, lib: Path, db: Path, tmp_path: Path) -> None:
    assert cli("scan", lib, "--root-name", "ranch").returncode == 0
    before = table(db)
    moved = tmp_path / "mnt" / "i" / "Pics"
    moved.parent.mkdir(parents=True)
    lib.rename(moved)
    assert cli("scan").returncode == 2
    done = cli("scan", moved, "--root-name", "ranch")
    assert (done.returncode, figures(done.stdout)) == (0, [0, 0, 10, 0, 0])
    assert table(db) == before
    assert cli("scan").returncode == 0
    shutil.copytree(moved, tmp_path / "ranch")
    refused = cli("scan", tmp_path / "ranch")
    assert refused.returncode == 2
    assert "--root-name 'ranch' moves it here" in refused.stderr
    overlap = cli("scan", moved / "TinMan")
    assert overlap.returncode == 2
    assert "overlaps" in overlap.stderr
    two = cli("scan", moved, tmp_path / "ranch", "--root-name", "x")
    assert two.returncode == 2
    assert table(db) == before


def test_names_are_printed_safely(cli: Cli, lib: Path, tiny_jpeg: TinyJpeg) -> None:
    odd = [
        "[red]x",
        "[]",
        "<script>",
        ":deer:",
        "esc\x1b[2J",
        "tab\tnew\nline",
        os.fsdecode(b"\xff\xfe"),
        "rtl\u202eoof",
    ]
    for name in odd:
        (lib / name).mkdir()
        (lib / name / "a.jpg").write_bytes(tiny_jpeg() + os.fsencode(name))
        (lib / name / "zero\x1b[1m.jpg").touch()
    (lib / "[bold]\x07.jpg").mkdir()
    done = cli("scan", lib)
    assert done.returncode == 1
    text = done.stdout + done.stderr
    for shown in ("[red]x", "[]", "<script>", ":deer:", "[bold]"):
        assert shown in text
    assert not {c for c in text if ord(c) < 32 and c != "\n"} | ({"\x7f", "\u202e"} & set(text))
    again = cli("scan", lib)
    assert (again.returncode, figures(again.stdout)) == (0, [0, 0, 26, 0, 0])


def test_output_that_nobody_reads(cli: Cli, lib: Path, db: Path) -> None:
    """``trailcam scan | head -1`` with both streams: the work is done anyway, without a word."""
    process = start(db.parent, "scan", lib, lib)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stderr.close()
    assert process.wait(60) == 0
    assert len(table(db)) == 10


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_onto_a_full_disk(cli: Cli, lib: Path, db: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "trailcam", "scan", str(lib)],
            env=isolated_environment(db.parent),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "The output can't be written: No space left on device." in done.stderr
    assert "Traceback" not in done.stderr


def test_closed_streams(lib: Path, cli: Cli, db: Path) -> None:
    command = f"exec {sys.executable} -m trailcam scan {lib} 2>&- >&- <&-"
    done = subprocess.run(["sh", "-c", command], env=isolated_environment(db.parent), check=False)
    assert done.returncode == 0
    assert len(table(db)) == 10


def on_a_terminal(*args: str | Path, env: dict[str, str]) -> tuple[int, str]:
    """Exit code, and what a terminal would receive."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "trailcam", *map(str, args)]
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=env)
    os.close(follower)
    received = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # Linux says EIO when the last writer has gone
            break
        if not chunk:
            break
        received += chunk
    os.close(leader)
    return process.wait(60), received.decode()


def test_bars_only_on_a_terminal(cli: Cli, lib: Path, db: Path) -> None:
    piped = cli("scan", lib)
    assert "Reading" not in piped.stdout + piped.stderr
    env = isolated_environment(db.parent) | {"TERM": "xterm"}
    code, text = on_a_terminal("scan", lib, "--db", lib.parent / "x.duckdb", env=env)
    assert code == 0
    assert "Reading" in text
    assert "10 of 10" in text
    code, text = on_a_terminal("scan", lib, "-q", env=env)
    assert code == 0
    assert "Reading" not in text


@pytest.fixture(scope="session")
def slow_library(tmp_path_factory: pytest.TempPathFactory, tiny_jpeg: TinyJpeg) -> Path:
    """12,000 photos: enough for a scan to be met in the middle."""
    root = tmp_path_factory.mktemp("slow") / "lib"
    (root / "A").mkdir(parents=True)
    photo = tiny_jpeg()
    for n in range(12_000):
        (root / "A" / f"{n:05}.jpg").write_bytes(photo + n.to_bytes(2, "big"))
    return root


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, slow_library: Path) -> list[tuple[object, ...]]:
    home = tmp_path_factory.mktemp("uninterrupted")
    process = start(home, "scan", slow_library)
    process.communicate(timeout=120)
    assert process.returncode == 0
    return table(home / "trailcam.duckdb")


def wait_until_saving(process: subprocess.Popen[str], db: Path) -> None:
    """Until the first photos are in the database."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(duckdb.Error):  # not there yet, or just being written to
            if table(db, "SELECT count(*) FROM images") != [(0,)]:
                return
        time.sleep(0.005)


def interrupted(root: Path, db: Path, number: signal.Signals) -> tuple[subprocess.Popen[str], str]:
    """A scan that got the signal in the middle, and what it said.

    Where the machine is busy a scan can be through before this process gets its turn: then once more.
    """
    for _ in range(5):
        process = start(db.parent, "scan", root)
        wait_until_saving(process, db)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
        if process.returncode != 0:
            return process, stderr
        for path in db.parent.glob(f"{db.name}*"):
            path.unlink()
    pytest.fail("the scan was always faster than the signal")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_and_carried_on(
    cli: Cli, slow_library: Path, uninterrupted: list[tuple[object, ...]], db: Path, number: signal.Signals
) -> None:
    process, stderr = interrupted(slow_library, db, number)
    if number is signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130
        assert "Stopping after the current files" in stderr
        assert "Run the same scan again to carry on." in stderr
    saved = table(db)
    assert 0 < len(saved) < 12_000
    assert saved == uninterrupted[: len(saved)]
    done = cli("scan", slow_library)
    assert (done.returncode, figures(done.stdout)) == (0, [12_000 - len(saved), 0, len(saved), 0, 0])
    assert table(db) == uninterrupted


@pytest.fixture
def holder(db: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the writer's lock until a line comes in."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom trailcam.files.lock import WriterLock\n"
        "with WriterLock(Path(sys.argv[1]), 'detect').acquire():\n"
        "    print('held', flush=True)\n    sys.stdin.readline()\n"
    )
    db.parent.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(db)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.communicate()


def test_a_second_writer_is_refused_or_waits(
    cli: Cli, lib: Path, db: Path, holder: subprocess.Popen[str]
) -> None:
    refused = cli("scan", lib)
    assert refused.returncode == 2
    assert f"PID {holder.pid}" in refused.stderr
    assert fingerprint(db) == {}
    waiting = start(db.parent, "scan", lib, "--wait", "60")
    assert waiting.stderr is not None
    assert f"PID {holder.pid}" in waiting.stderr.readline()
    assert waiting.poll() is None
    holder.communicate("go\n")
    waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert len(table(db)) == 10


@pytest.mark.parametrize("content", ["text", "foreign", "newer", "folder", "nothing"])
def test_databases_that_are_none(cli: Cli, lib: Path, db: Path, content: str) -> None:
    if content == "text":
        db.write_text("station,photos\n" * 1000)
    elif content == "foreign":
        with duckdb.connect(str(db)) as connection:
            connection.execute("CREATE TABLE sales (n INTEGER)")
    elif content == "newer":
        cli("scan", lib)
        with duckdb.connect(str(db)) as connection:
            connection.execute("INSERT INTO migrations VALUES (99, 'm099', now()::TIMESTAMP)")
    elif content == "folder":
        db.mkdir()
    else:
        db.touch()
    before = fingerprint(db)
    done = cli("scan", lib)
    if content == "nothing":
        assert (done.returncode, len(table(db))) == (0, 10)
        return
    expected = {
        "text": "not a DuckDB",
        "foreign": "not made by trailcam",
        "newer": "newer",
        "folder": "is a folder",
    }
    assert done.returncode == 2
    assert expected[content] in done.stderr
    assert "Traceback" not in done.stderr
    assert fingerprint(db) == before


@pytest.mark.parametrize("command", ["status", "scan"])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is a folder"),
        (".", "is a folder"),
        ("/", "is a folder"),
        ("x" * 300, "can't be"),
        ("pipe", "is a device, a pipe or a socket"),
        ("/dev/null", "is a device, a pipe or a socket"),
        ("dangling", "is a link to /gone/x.duckdb, which isn't there"),
        ("loop", "can't be loop: "),
        ("sqlite", "sqlite is not a DuckDB database"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="such files need POSIX")
def test_a_database_that_can_be_no_file(
    cli: Cli, lib: Path, tmp_path: Path, command: str, name: str, why: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("/gone/x.duckdb")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "sqlite").write_bytes(b"SQLite format 3\0" + bytes(4096))
    before = {path.name: path.lstat().st_mode for path in tmp_path.iterdir()}
    done = cli(command, *([lib] if command == "scan" else []), "--db", name, cwd=tmp_path)
    assert done.returncode == 2
    assert why in done.stderr
    after = {path.name: path.lstat().st_mode for path in tmp_path.iterdir() if ".lock" not in path.name}
    assert after == before
    assert Path("/dev/null").is_char_device()


def test_folder_of_the_database_is_made(cli: Cli, lib: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "deep" / "x.duckdb"
    assert cli("scan", lib, "--db", target).returncode == 0
    assert len(table(target)) == 10


def test_station_rule_and_facts_from_the_configuration(cli: Cli, lib: Path, db: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[scan]\nstation_from = "([A-Z][a-z]+)_2"\n[stations.cam]\nlatitude = 31.5\nlongitude = -99.0\n'
    )
    done = cli("scan", lib, "--config", config)
    assert done.returncode == 0
    assert table(db, "SELECT name, latitude FROM stations") == [("Cam", 31.5)]
    bad = cli("scan", lib, "--station-from", "(")
    assert bad.returncode == 2


@pytest.mark.parametrize("args", [["--workers", "0"], ["--wait", "-1"], ["-q", "-v"], ["--colour"]])
def test_usage_errors(cli: Cli, lib: Path, db: Path, args: list[str]) -> None:
    assert cli("scan", lib, *args).returncode == 2
    assert fingerprint(db) == {}


def test_the_sample_library(cli: Cli, sample_library: SampleLibrary, db: Path) -> None:
    done = cli("scan", sample_library.root)
    # Its broken file has lost its end: a scan, which reads heads only, can't know.
    assert (done.returncode, figures(done.stdout)[0]) == (0, len(sample_library.samples))
    again = cli("scan", sample_library.root)
    assert (again.returncode, figures(again.stdout)[2]) == (0, len(sample_library.samples))
