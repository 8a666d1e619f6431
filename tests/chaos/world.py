"""A library, the databases that commands begin with, and what the tables say when nothing disturbed them."""

from __future__ import annotations

import io
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from PIL import Image

from tests.conftest import CHECKOUT, isolated_environment
from tests.helpers.old_schemas import make_old_database
from trailcam.samples.avi import avi_of

SMALL = "Hayfield"  # the station that detect looks at
TIMEOUT_S = 120.0

Tables = dict[str, list[tuple[Any, ...]]]

# What must come out the same however often a command was cut short, so without times of the machine's clock
# and numbers that depend on the order of things.
TABLES = {
    "images": """
        SELECT path, size_bytes, status, error_code, captured_at, captured_at_source, width, orientation,
            make, s.name, model_key, duration_s, codec
        FROM images LEFT JOIN stations s USING (station_id) LEFT JOIN runs USING (run_id) ORDER BY path
    """,
    "results": """
        SELECT DISTINCT model_key, path, r.status, r.error_code, r.frames::VARCHAR
        FROM results r JOIN runs USING (run_id) JOIN images USING (image_id) ORDER BY ALL
    """,
    "detections": """
        SELECT model_key, path, class_id, confidence, x, y, w, h, frame_s, repeats
        FROM detections JOIN runs USING (run_id) JOIN images USING (image_id) ORDER BY ALL
    """,
    "runs": "SELECT model_key, state, n_completed, n_failed, n_detections FROM runs ORDER BY ALL",
    "readings": """
        SELECT path, source, value, counts FROM time_readings JOIN images USING (image_id) ORDER BY ALL
    """,
    "judgements": """
        SELECT path, whole, author, source, class, kind, x, y, w, h FROM judgements j
        JOIN images USING (image_id) LEFT JOIN judged_boxes USING (judgement_id) ORDER BY ALL
    """,
    "told": """
        SELECT DISTINCT name, path FROM digests JOIN digest_photos USING (digest_id)
        JOIN images USING (image_id) ORDER BY ALL
    """,
    "migrations": "SELECT version, name FROM migrations ORDER BY ALL",
}


def tables(path: Path) -> Tables:
    """What a database says, by :data:`TABLES`. It is opened as any reader would."""
    with duckdb.connect(str(path), read_only=True) as db:
        return {name: db.execute(sql).fetchall() for name, sql in TABLES.items()}


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str
    seconds: float
    pid: int
    peak_mb: float


@dataclass(frozen=True)
class Begun:
    """A command that goes on, or has ended and was not asked for."""

    pid: int
    streams: tuple[Path, Path]
    began: float


class Launcher:
    """A zygote and its commands: ``start`` and ``wait`` for one at a time, ``begin`` and ``end`` for many."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun = 0
        self._streams = (folder / "stdout", folder / "stderr")
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TRAILCAM_", "COV_"))}
        env |= {"PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self.pid = 0
        self._began = 0.0
        self._pending = b""
        self._expect("ready", 1800)  # a busy machine imports torch for minutes

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()

    def start(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> int:
        """Begin a command; returns its process number."""
        self.pid = self._fork(argv, env, cwd, self._streams)
        self._began = time.monotonic()
        self._tell({"wait": 0})
        return self.pid

    def wait(self, timeout_s: float) -> Done | None:
        """The end of the command, or None when it goes on after ``timeout_s`` seconds."""
        answer = self._read(timeout_s)
        return None if answer is None else _done(answer, self._streams, self._began, self.pid)

    def begin(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> Begun:
        """Begin a command beside those that go on."""
        self._begun += 1
        streams = (self._folder / f"stdout-{self._begun}", self._folder / f"stderr-{self._begun}")
        return Begun(self._fork(argv, env, cwd, streams), streams, time.monotonic())

    def end(self, command: Begun) -> Done:
        """Wait for the end of a command that ``begin`` has begun."""
        self._tell({"wait": command.pid})
        answer = self._read(TIMEOUT_S)
        assert answer is not None, f"process {command.pid} hangs"
        return _done(answer, command.streams, command.began, command.pid)

    def _fork(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, streams: tuple[Path, Path]
    ) -> int:
        out, err = streams
        self._tell(
            {"argv": list(argv), "env": dict(env), "cwd": str(cwd), "stdout": str(out), "stderr": str(err)}
        )
        return int(self._expect("pid", 60))

    def _tell(self, line: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps(line) + "\n").encode())

    def _expect(self, word: str, timeout_s: float) -> str:
        answer = self._read(timeout_s)
        assert answer is not None, f"the launcher did not say {word!r} within {timeout_s} s"
        assert answer.split()[0] == word, answer
        return answer.partition(" ")[2]

    def _read(self, timeout_s: float) -> str | None:
        """The next line. No buffered reader stands between: ``select`` would not see what it holds."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._pending:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._process.stdout], [], [], left)[0]:
                return None
            data = os.read(self._process.stdout.fileno(), 4096)
            assert data, "the launcher ended"
            self._pending += data
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode()


def _done(answer: str, streams: tuple[Path, Path], began: float, pid: int) -> Done:
    assert answer.startswith("status "), answer
    out, err = (path.read_bytes().decode(errors="backslashreplace") for path in streams)
    _, code, peak_kb = answer.split()
    return Done(int(code), out, err, time.monotonic() - began, pid, int(peak_kb) / 1000)


def photo_bytes(n: int, at: datetime | None, comment: str) -> bytes:
    """A JPEG of 40 x 30 px whose colour follows from ``n``; ``comment`` makes its bytes its own."""
    image = Image.new("RGB", (40, 30), (n * 37 % 256, n * 91 % 256, n * 53 % 256))
    exif = Image.Exif()
    if at:
        exif.get_ifd(0x8769)[0x9003] = f"{at:%Y:%m:%d %H:%M:%S}"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif.tobytes())
    data, note = buffer.getvalue(), comment.encode()
    return data[:-2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + data[-2:]


def make_library(root: Path, n_small: int, n_big: int, n_clips: int = 0) -> None:
    """Photos of 40 x 30 px, no two with the same bytes; some undated, one in forty at SMALL cut short.

    ``n_clips`` videos of three frames at SMALL, every third one cut short.
    """
    for station, n_photos in ((SMALL, n_small), ("Sanctuary", n_big)):
        (root / station).mkdir(parents=True)
        for n in range(n_photos):
            at = datetime(2024, n % 12 + 1, n % 28 + 1, 6, n % 60) if n % 10 else None
            data = photo_bytes(n, at, f"{station} {n}")
            if station == SMALL and n % 40 == 7:
                data = data[: len(data) - 60]
            (root / station / f"IMG_{n:04}.JPG").write_bytes(data)
    for n in range(n_clips):
        frames = [photo_bytes(3 * n + k, None, f"clip {n} {k}") for k in range(3)]
        clip = avi_of(frames, size=(40, 30), fps=1)
        if n % 3 == 2:
            clip = clip[: len(clip) * 2 // 3]
        (root / SMALL / f"CLIP_2024110{n % 9 + 1}_0610{n:02}.AVI").write_bytes(clip)


@dataclass(frozen=True)
class Command:
    """What is disturbed. ``start`` names the database that it begins with, None for none at all.

    ``argv`` may hold ROOT, WEIGHTS, OTHER, OUT, LABELS. ``code`` is the exit code when nothing disturbs it.
    ``reads_photos`` and ``writes``: which faults make sense.
    """

    name: str
    argv: tuple[str, ...]
    start: str | None
    code: int = 0
    reads_photos: bool = False
    once: bool = True  # run again, it finds nothing to do
    output: str | None = None


DETECT = ("detect", "--station", SMALL, "--include-undated", "--workers", "0")
COMMANDS = {
    command.name: command
    for command in (
        Command("scan", ("scan", "ROOT"), None, reads_photos=True),
        Command("rescan", ("scan", "ROOT"), "stale", reads_photos=True),
        Command("detect", (*DETECT, "--weights", "WEIGHTS"), "scanned", 1, reads_photos=True),
        Command(
            "detect, other weights",
            (*DETECT, "--weights", "OTHER", "--status", "all"),
            "detected",
            1,
            reads_photos=True,
            once=False,
        ),
        Command("export csv", ("export", "csv", "-o", "OUT/boxes.csv"), "detected", output="boxes.csv"),
        Command(
            "export megadetector",
            ("export", "megadetector", "-o", "OUT/md.json"),
            "detected",
            output="md.json",
        ),
        Command(
            "export xmp", ("export", "xmp", "--station", SMALL, "-o", "OUT/xmp"), "detected", output="xmp"
        ),
        Command("import megadetector", ("import", "megadetector", "LABELS/md.json"), "scanned"),
        Command(
            "import coco",
            ("import", "coco", "LABELS/coco.json", "--author", "Ann", "--accept-scores"),
            "scanned",
        ),
        Command("migrate", ("status",), "old"),
        Command("report digest", ("report", "digest", "-o", "OUT/digest.html"), "detected"),
    )
}


@dataclass
class World:
    """Everything below ``folder``: ``photos`` (the root), ``home`` (the database), ``out``, ``states``."""

    folder: Path
    n_small: int = 240
    n_big: int = 160
    mounts: bool = False
    golden: dict[str, Tables] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    outputs: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root, self.home, self.out = (self.folder / name for name in ("photos", "home", "out"))
        self.states, self.labels, self.store = (self.folder / n for n in ("states", "labels", "store"))
        self.db = self.home / "trailcam.duckdb"
        for path in (self.root, self.home, self.out, self.states, self.labels):
            path.mkdir(parents=True)
        for name in ("fake.pt", "other.pt"):
            (self.folder / name).write_bytes(name.encode())
        make_library(self.store if self.mounts else self.root, self.n_small, self.n_big, self.n_small // 20)
        self.plug_in()
        try:
            self.launcher = Launcher(self.folder)
            self.prepare()
        except BaseException:
            self.unplug()
            raise

    def plug_in(self) -> None:
        """Mount the library where the root is; without the right to mount it lies there."""
        if self.mounts:
            mount("--bind", str(self.store), str(self.root))

    def unplug(self) -> None:
        if self.mounts:
            subprocess.run(["umount", "-l", str(self.root)], check=True)

    def close(self) -> None:
        self.launcher.close()
        self.unplug()

    def environment(self, **more: str) -> dict[str, str]:
        return isolated_environment(self.home) | {"TRAILCAM_DETECT_BATCH": "16"} | more

    def argv(self, command: Command | Sequence[str]) -> list[str]:
        given = command.argv if isinstance(command, Command) else command
        places = {
            "ROOT": self.root,
            "WEIGHTS": self.folder / "fake.pt",
            "OTHER": self.folder / "other.pt",
            "OUT": self.out,
            "LABELS": self.labels,
        }
        made = list(given)
        for word, path in places.items():
            made = [str(path) + part[len(word) :] if part.split("/")[0] == word else part for part in made]
        return made

    def run(self, command: Command | Sequence[str], **env: str) -> Done:
        """A command that nothing disturbs."""
        self.launcher.start(self.argv(command), self.environment(**env), self.folder)
        done = self.launcher.wait(TIMEOUT_S)
        assert done is not None, f"{command} hangs"
        return done

    def begin_with(self, start: str | None) -> None:
        """Empty home and output; then the database called ``start``."""
        for folder in (self.home, self.out):
            for path in folder.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if start is not None:
            shutil.copyfile(self.states / start, self.db)

    def prepare(self) -> None:
        """Make the starting databases, then run every command undisturbed and keep what came out."""
        first = self.run(("scan", "ROOT"))
        assert first.code == 0, first.err
        shutil.copyfile(self.db, self.states / "scanned")
        second = self.run((*DETECT, "--weights", "WEIGHTS"))
        assert second.code == 1, second.err
        shutil.copyfile(self.db, self.states / "detected")
        make_stale(self.states / "detected", self.states / "stale")
        make_old_database(self.states / "old", version=2, n_images=3_000)
        for form in ("megadetector", "coco"):
            name = "md" if form == "megadetector" else form
            done = self.run(("export", form, "--station", SMALL, "-o", f"LABELS/{name}.json"))
            assert done.code == 0, done.err
        for command in COMMANDS.values():
            self.begin_with(command.start)
            done = self.run(command)
            assert done.code == command.code, f"{command.name}: {done.err}"
            self.golden[command.name] = tables(self.db)
            self.seconds[command.name] = done.seconds
            if command.output:
                self.outputs[command.name] = dict(files_below(self.out))


def make_stale(detected: Path, stale: Path) -> None:
    """A database whose library has changed since: photos changed, new, gone and back, by its rows alone."""
    shutil.copyfile(detected, stale)
    with duckdb.connect(str(stale)) as db:
        db.execute("UPDATE images SET size_bytes = size_bytes + 1 WHERE image_id % 4 = 0")
        for table in ("results", "detections", "time_readings", "images"):
            db.execute(f"DELETE FROM {table} WHERE image_id % 9 = 1")
        db.execute("UPDATE images SET path = path || '.gone.JPG' WHERE image_id % 31 = 2")
        db.execute("UPDATE images SET status = 'missing' WHERE image_id % 17 = 3")
        db.execute(
            "UPDATE runs SET n_completed = (SELECT count(*) FROM results r WHERE r.run_id = runs.run_id AND"
            " status = 'completed'), n_failed = (SELECT count(*) FROM results r WHERE r.run_id = runs.run_id"
            " AND status = 'failed'), n_detections ="
            " (SELECT count(*) FROM detections d WHERE d.run_id = runs.run_id)"
        )


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Relative path and content of every file."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def mount(*args: str) -> None:
    subprocess.run(["mount", *args], check=True, capture_output=True)


def may_mount(folder: Path) -> str | None:
    """None where file systems can be mounted, else why not."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mounting needs root on Linux"
    probe = folder / "probe"
    probe.mkdir(parents=True)
    try:
        mount("-t", "tmpfs", "-o", "size=64k", "none", str(probe))
        subprocess.run(["umount", str(probe)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"the system refuses to mount: {error}"
    return None
