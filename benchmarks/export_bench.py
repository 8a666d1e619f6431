"""Time exports of a made library of a million photos, each as a user runs it, with peak memory.

    python benchmarks/export_bench.py [--photos N] [--small N] [--sidecars N] [--copies N] > FIGURES.json

The library is rows of a database alone: formats that hold no pixels need no photos. Each format that fits
into one file or a few is written for --small and for --photos photos, so that the growth of memory shows.
xmp makes a file for each photo and is run on --sidecars of them. crops and yolo copy files: crops
chooses among all photos, yolo takes the first, and only some --copies small JPEGs exist and are written.
Every export is a process of its own; its peak resident memory and its processor time are what the system says
of it. Prints a table on stderr and JSON on stdout.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from PIL import Image
from scan_bench import _MAXRSS_BYTES, cpu

CHECKOUT = Path(__file__).resolve().parents[1]
GOAL_PEAK_MB = 1_000
STATIONS = ("Hayfield", "270_Jason", "Sanctuary", "TinMan", "Camphouse", "Phils_Secret_Spot", "Station_7")
CLASSES = (
    ("UTV", "vehicle", None, None),
    ("cow", "animal", None, "Bos taurus"),
    ("coyote", "animal", None, "Canis latrans"),
    ("doe", "doe", None, "Odocoileus virginianus"),
    ("fawn", "fawn", None, "Odocoileus virginianus"),
    ("mature", "buck", "mature", "Odocoileus virginianus"),
    ("mid", "buck", "mid", "Odocoileus virginianus"),
    ("person", "person", None, "Homo sapiens"),
    ("raccoon", "animal", None, "Procyon lotor"),
    ("turkey", "animal", None, "Meleagris gallopavo"),
    ("young", "buck", "young", "Odocoileus virginianus"),
)
CONFIG = """timezone = "America/Chicago"
[project]
title = "Benchmark"
contributors = ["Nobody"]
sampling_design = "opportunistic"
capture_method = ["activityDetection"]
"""
# One photo in 100 has no result, one in 400 no capture time, one in 250 failed, two in five show nothing.
FILL = """
INSERT INTO stations BY NAME
    SELECT i::INTEGER + 1 AS station_id, $stations[i + 1] AS name, 30.0 + i / 100 AS latitude,
        -98.0 - i / 100 AS longitude FROM range(len($stations)) t(i);
INSERT INTO images BY NAME
    SELECT i::BIGINT + 1 AS image_id, 1 AS root_id,
        printf('%s/DCIM/100RECNX/IMG_%07d.JPG', $stations[i % 7 + 1], i) AS path,
        100000 + i % 1000 AS size_bytes, 1700000000000000000 + i AS mtime_ns,
        (i % 7 + 1)::INTEGER AS station_id,
        CASE WHEN i % 400 <> 0 THEN
            TIMESTAMP '2023-09-01' + to_seconds((i // 21) * 21 * 60 * 525600 // $n + i % 21 * 7)
        END AS captured_at,
        CASE WHEN i % 400 <> 0 THEN 'exif' ELSE 'unknown' END AS captured_at_source,
        'RECONYX' AS make, 'HF2 PRO' AS model, 'H600' || (i % 7) AS serial,
        2048 AS width, 1536 AS height, 1::SMALLINT AS orientation,
        CASE WHEN i % 100 = 0 THEN 'pending' WHEN i % 250 = 1 THEN 'failed' ELSE 'completed' END AS status,
        CASE WHEN i % 250 = 1 THEN 'truncated' END AS error_code,
        CASE WHEN i % 250 = 1 THEN 'the file ends too early' END AS error_message,
        CASE WHEN i % 100 <> 0 AND i % 250 <> 1 THEN 1 END AS run_id,
        TIMESTAMP '2025-02-01' AS first_seen_at, TIMESTAMP '2025-02-01' AS scanned_at
    FROM range($n) t(i);
INSERT INTO results BY NAME
    SELECT 1 AS run_id, image_id, 'completed' AS status, TIMESTAMP '2025-02-02' AS looked_at
    FROM images WHERE run_id = 1;
INSERT INTO detections BY NAME
    SELECT 1 AS run_id, image_id, ((hash(image_id // 3) + k) % 11)::SMALLINT AS class_id,
        (0.05 + hash(image_id, k) % 950 / 1000)::REAL AS confidence,
        (0.05 + hash(image_id, k, 1) % 400 / 1000)::REAL AS x, 0.3::REAL AS y, 0.2::REAL AS w, 0.4::REAL AS h
    FROM images, range(1 + (image_id % 4)::BIGINT) t(k) WHERE run_id = 1 AND image_id % 5 > 1;
INSERT INTO judgements BY NAME
    SELECT image_id AS judgement_id, image_id, true AS whole, 'Ann' AS author, 'benchmark' AS source,
        TIMESTAMP '2025-03-01' AS made_at, TIMESTAMP '2025-03-01' AS recorded_at
    FROM images WHERE image_id % 200 = 3;
INSERT INTO judged_boxes BY NAME
    SELECT image_id AS judgement_id, image_id, 'doe' AS class, 'doe' AS kind,
        'Odocoileus virginianus' AS species, 0.1::REAL AS x, 0.1::REAL AS y, 0.3::REAL AS w, 0.3::REAL AS h
    FROM judgements WHERE image_id % 400 = 3;
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One export: seconds by the clock and of the processors; peak memory and what it wrote in MB."""

    format: str
    library: int
    photos: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    written_mb: float


def main() -> int:
    """Run the benchmark; 1 where an export needs GOAL_PEAK_MB or more."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--small", type=int, default=100_000)
    parser.add_argument("--sidecars", type=int, default=20_000)
    parser.add_argument("--copies", type=int, default=1_000)
    parser.add_argument("--only", help="these formats, with commas")
    arguments = parser.parse_args()
    asked = set(arguments.only.split(",")) if arguments.only else None
    steps: list[Step] = []
    with tempfile.TemporaryDirectory(prefix="trailcam-bench-") as name:
        folder = Path(name)
        config = folder / "config.toml"
        config.write_text(CONFIG, encoding="utf-8")
        for n in (arguments.small, arguments.photos):
            db = _make(folder, n)
            for form, command in _commands(arguments, n == arguments.photos):
                if asked is None or form in asked:
                    if form in ("crops", "yolo"):
                        _make_photos(db, folder / "photos", command)
                    steps.append(_run(form, n, db, config, folder, command))
            db.unlink()
    return _tell(steps, arguments)


def _commands(arguments: argparse.Namespace, is_large: bool) -> list[tuple[str, list[str]]]:
    """Each format with its own options. ``--until`` bounds those that write a file for each photo."""
    forms = ("csv", "parquet", "megadetector", "coco", "camtrap-dp")
    found: list[tuple[str, list[str]]] = [(form, []) for form in forms]
    share = arguments.photos if is_large else arguments.small
    found.append(("xmp", ["--until", _day(min(1.0, arguments.sidecars / share))]))
    balance = max(1, arguments.copies // (len(STATIONS) * 12 * 3))
    found.append(("crops", ["--balance", str(balance)]))
    found.append(("yolo", ["--until", _day(min(1.0, arguments.copies / share))]))
    return found


def _day(share: float) -> str:
    """The day by which that share of the made library's year is over."""
    from datetime import timedelta

    return (datetime(2023, 9, 1) + timedelta(days=max(0, round(365 * share) - 1))).strftime("%Y-%m-%d")


def _make(folder: Path, n: int) -> Path:
    from trailcam.store.database import Database

    db = folder / f"{n}.duckdb"
    database = Database(db)
    root = folder / "photos"
    root.mkdir(exist_ok=True)
    (root / "keep.jpg").touch()
    now = datetime(2025, 2, 1)
    with database.write() as connection:
        connection.execute(
            "INSERT INTO roots BY NAME SELECT 1 AS root_id, 'photos' AS name, ? AS path, ? AS added_at",
            [str(root), now],
        )
        connection.execute(
            "INSERT INTO runs BY NAME SELECT 1 AS run_id, 'completed' AS state, 'k' AS model_key,"
            " 'w' AS weights_sha256, 'bench.pt' AS weights_name, '{}' AS settings, '{}' AS versions,"
            " 'cpu' AS device, ? AS started_at, ? AS finished_at",
            [now, now],
        )
        for number, (name, kind, age, species) in enumerate(CLASSES):
            connection.execute(
                "INSERT INTO classes BY NAME SELECT 1 AS run_id, ?::SMALLINT AS class_id, ? AS name,"
                " ? AS kind, ? AS age_class, ? AS species",
                [number, name, kind, age, species],
            )
        values = {"$stations": "[" + ", ".join(f"'{name}'" for name in STATIONS) + "]", "$n": str(n)}
        sql = FILL
        for key, value in values.items():
            sql = sql.replace(key, value)
        connection.execute(sql)
    return db


def _make_photos(db: Path, root: Path, command: list[str]) -> None:
    """A small JPEG wherever the export will look for a photo."""
    from datetime import timedelta

    from trailcam.export.picks import pick
    from trailcam.selection import Selection
    from trailcam.store.database import Database
    from trailcam.store.export_rows import make_plan, stream
    from trailcam.words.dates import parse_until

    buffer = io.BytesIO()
    Image.effect_noise((640, 480), 40).convert("RGB").save(buffer, "JPEG")
    option, value = command
    selection = Selection(until=parse_until(value)) if option == "--until" else Selection()
    with Database(db).read() as connection:
        plan = make_plan(connection, selection, None, timedelta(minutes=30))
        wanted = plan.counts
        if option == "--balance":
            photos = stream(plan, plan.counts)
            picks = pick(photos, plan, (), whole=False, per_event=None, balance=int(value))
            wanted = plan.counts.copy()
            wanted[:] = False
            wanted[picks.n] = True
        for photo in stream(plan, wanted):
            path = root / photo.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(buffer.getvalue())


def _run(form: str, n: int, db: Path, config: Path, folder: Path, options: list[str]) -> Step:
    target = folder / f"out-{form}-{n}"
    command = [sys.executable, "-m", "trailcam", "export", form, "--db", str(db), "--config", str(config)]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, "-o", str(target), *options],
        cwd=CHECKOUT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.stderr.close()
    wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{form}: trailcam left with {process.returncode}: {said}")
    written = said.partition(": ")[2].partition(" photo")[0].replace(",", "")
    files = [target] if target.is_file() else [path for path in target.rglob("*") if path.is_file()]
    step = Step(
        format=form,
        library=n,
        photos=int(written),
        wall_s=round(wall_s, 1),
        cpu_s=round(usage.ru_utime + usage.ru_stime, 1),
        peak_mb=round(usage.ru_maxrss * _MAXRSS_BYTES / 1e6, 1),
        written_mb=round(sum(path.stat().st_size for path in files) / 1e6, 1),
    )
    print(
        f"{form:13} {n:9,} {step.photos:9,} {step.wall_s:7.1f} s {step.cpu_s:7.1f} s CPU"
        f" {step.peak_mb:7.1f} MB {step.written_mb:8.1f} MB written",
        file=sys.stderr,
        flush=True,
    )
    for path in files:
        path.unlink()
    return step


def _tell(steps: list[Step], arguments: argparse.Namespace) -> int:
    figures = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"system": platform.platform(), "cpu": cpu(), "cores": os.cpu_count()},
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("duckdb", "numpy")},
        },
        "arguments": {key: value for key, value in vars(arguments).items() if key != "only"},
        "goal_peak_mb": GOAL_PEAK_MB,
        "steps": [asdict(step) for step in steps],
    }
    print(json.dumps(figures, indent=2))
    peak = max((step.peak_mb for step in steps), default=0.0)
    print(f"{'met   ' if peak < GOAL_PEAK_MB else 'MISSED'} peak memory < {GOAL_PEAK_MB} MB", file=sys.stderr)
    return 0 if peak < GOAL_PEAK_MB else 1


if __name__ == "__main__":
    sys.exit(main())
