"""trailcam beside other programs: the same photos, the same weights, in one run.

    python benchmarks/peers.py --weights yolo11n.pt [--sets "3 MP,16 MP"] [--photos 48] [--rounds 5]
        [--only trailcam,yolo-1] [--peers FOLDER [--install]] [--budget 600] [--output FILE.json]

Photos are rendered with day-like detail. Each program is a process of its own; rounds go in turn through
all of them, so that what else the machine does meets them all. ``whole`` is photos over the time of the
process. ``steady`` leaves start-up out: the same program also looks at a few (--few); what all take longer
than the shortest of those runs is the time of the rest. Peak memory is of the process and its children.
--peers is a folder with an environment for each program of the field (peer_programs.py), which --install
makes; a program that isn't there, refuses the weights or passes over photos is reported with the reason, and
has no figure. After --budget seconds no new round begins. Medians with the lowest and highest; the ratios are
of medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
from peer_programs import PEERS, commands_of, install, python_of
from scan_bench import cpu

from trailcam.bench.photos import SIZES, mixed, render
from trailcam.words.text import printable

CALL = "python benchmarks/peers.py"
CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGES = ("torch", "ultralytics", "opencv-python", "simplejpeg", "duckdb", "openvino", "onnxruntime")

# The habit of the old system: one photo after the other, one row, one commit.
LOOP = """
import sys, duckdb
from ultralytics import YOLO
db = duckdb.connect(sys.argv[3])
db.execute("CREATE TABLE boxes (path VARCHAR, class INTEGER, sure REAL, x REAL, y REAL, w REAL, h REAL)")
how = {"stream": True, "verbose": False, "imgsz": 640, "conf": 0.05, "save": False}
for result in YOLO(sys.argv[1]).predict(sys.argv[2], **how):
    for box in result.boxes:
        row = [result.path, int(box.cls), float(box.conf), *map(float, box.xywhn[0])]
        db.execute("INSERT INTO boxes VALUES (?, ?, ?, ?, ?, ?, ?)", row)
"""

# What the command `yolo` does; its script lies elsewhere in some environments.
YOLO = "from ultralytics.cfg import entrypoint; entrypoint()"


def commands(weights: Path, photos: Path, work: Path, peers: Path) -> dict[str, list[list[str]]]:
    """Each program's commands, of which the last is timed; the others prepare.

    ``peers``: the folder with the environments of the field's programs.
    """
    cam = [sys.executable, "-m", "trailcam"]
    db = str(work / "trailcam.duckdb")
    scan = [*cam, "scan", "-q", "--db", db, str(photos)]
    detect = [*cam, "detect", "-q", "--db", db, "--weights", str(weights), "--include-undated"]
    cli = [sys.executable, "-c", YOLO, "predict", f"model={weights}", f"source={photos}"]
    cli += ["imgsz=640", "conf=0.05", "save=False", "verbose=False", f"project={work}"]
    found = {
        "trailcam": [scan, [*detect, "--backend", "torch"]],
        "trailcam-openvino": [scan, [*detect, "--backend", "openvino"]],
        **{f"yolo-{n}": [[*cli, f"batch={n}"]] for n in (1, 8, 16)},
        "ultralytics-loop": [[sys.executable, "-c", LOOP, str(weights), str(photos), str(work / "db")]],
    }
    found |= {name: commands_of(name, peers, weights, photos, work.parent / name) for name in PEERS}
    return found


def run(program: list[list[str]], limit_s: float) -> dict[str, Any]:
    """Seconds and peak MB of the last command, and what it says of itself in its last line as JSON.

    ``failed`` with its last words where one of them fails.
    """
    seconds, peak, out = 0.0, 0, b""
    for command in program:
        began = time.perf_counter()
        try:
            process = subprocess.Popen(
                command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_quiet()
            )
        except OSError as error:
            return {"failed": f"{Path(command[0]).name}: {error.strerror}"}
        watch = _Watch(process.pid)
        try:
            out, said = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return {"failed": f"no end after {limit_s:.0f} s"}
        finally:
            peak = watch.end()
        seconds = time.perf_counter() - began
        if process.returncode not in (0, 1) or (process.returncode == 1 and "trailcam" not in command):
            lines = said.decode(errors="replace").strip().splitlines()
            return {"failed": " / ".join(lines[-2:])[-400:] or f"exit code {process.returncode}"}
    return {"s": seconds, "peak_mb": peak / 1e6, **_told(out)}


def _told(out: bytes) -> dict[str, Any]:
    """The last line of a peer's output: how many photos it looked at, and boxes it found."""
    last = out.decode(errors="replace").strip().rpartition("\n")[2]
    return json.loads(last) if last.startswith('{"photos"') else {}


def _quiet() -> dict[str, str]:
    return {**os.environ, "YOLO_VERBOSE": "false", "YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}


class _Watch:
    """The most memory that a process and its children hold together."""

    def __init__(self, pid: int) -> None:
        self._peak = 0
        self._done = threading.Event()
        self._pid = pid
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        while not self._done.wait(0.1):
            try:
                parent = psutil.Process(self._pid)
                held = 0
                for process in (parent, *parent.children(recursive=True)):
                    held += process.memory_info().rss
                self._peak = max(self._peak, held)
            except psutil.Error:
                continue

    def end(self) -> int:
        self._done.set()
        self._thread.join()
        return self._peak


def spread(values: list[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {
        "median": round(statistics.median(values), 2),
        "min": round(min(values), 2),
        "max": round(max(values), 2),
        "n": len(values),
    }


def measure(name: str, folder: Path, n: int, asked: argparse.Namespace, until: float) -> dict[str, Any]:
    """All programs on one set."""
    size = SIZES.get(name)
    photos = folder / "photos" / "station"
    made = render(photos, n, *size) if size else mixed(photos, n)
    if not size:  # yolo looks into no folder below; in turn, so that the first few are of all sizes too
        for number, path in enumerate(made.paths):
            (made.root / path).rename(photos / f"IMG_{number:05}.JPG")
    few = folder / "few" / "station"
    few.mkdir(parents=True)
    for path in sorted(photos.rglob("*.JPG"))[: asked.few]:
        target = few / path.relative_to(photos)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    taken: dict[str, dict[str, list[dict[str, Any]]]] = {}
    failed: dict[str, str] = {
        peer: f"not run: {CALL} --peers {printable(str(asked.peers))} --install"
        for peer in PEERS
        if not python_of(asked.peers, peer).exists()
    }
    for number in range(asked.rounds):
        if number and time.monotonic() > until:
            break
        for which, source in (("few", few), ("all", photos)):
            for program in commands(asked.weights, source, folder, asked.peers):
                if program in failed or (asked.only and program not in asked.only.split(",")):
                    continue
                work = Path(tempfile.mkdtemp(dir=folder))
                done = run(commands(asked.weights, source, work, asked.peers)[program], asked.limit)
                shutil.rmtree(work, ignore_errors=True)
                wanted = asked.few if which == "few" else n
                if done.get("photos", wanted) != wanted:
                    done = {"failed": f"looked at {done['photos']} of {wanted} photos"}
                if "failed" in done:
                    failed[program] = done["failed"]
                    print(f"{name:8} {program:18} failed: {done['failed']}", flush=True)
                    continue
                taken.setdefault(program, {}).setdefault(which, []).append(done)
                print(
                    f"{name:8} {program:18} {which:4} {done['s']:7.1f} s {done['peak_mb']:6.0f} MB",
                    flush=True,
                )
    rows = {}
    for program, runs in taken.items():
        pairs = list(zip(runs.get("few", []), runs.get("all", []), strict=False))
        if pairs:
            start = min(a["s"] for a, _ in pairs)  # what disturbs a start only makes it longer
            steady = [(n - asked.few) / max(b["s"] - start, 1e-3) for _, b in pairs]
            rows[program] = {
                "whole_photos_per_s": spread([n / b["s"] for _, b in pairs]),
                "steady_photos_per_s": spread(steady),
                "peak_mb": spread([b["peak_mb"] for _, b in pairs]),
            }
    base = rows.get("yolo-1")
    if base:
        for row in rows.values():
            row["times_yolo_1"] = round(
                row["steady_photos_per_s"]["median"] / base["steady_photos_per_s"]["median"], 2
            )
    return {"photos": n, "programs": rows, "failed": failed}


def facts() -> dict[str, Any]:
    """Machine, versions and date, for any benchmark's results."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"system": platform.platform(), "cpu": cpu(), "cores": os.cpu_count(), "load": load},
        "versions": versions,
    }


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help="a YOLO model, for every program")
    parser.add_argument("--sets", default="640x480,3 MP,16 MP,mixed")
    parser.add_argument("--photos", type=int, default=48, help="of each set")
    parser.add_argument("--few", type=int, default=8, help="photos of the short run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="these programs, with commas")
    parser.add_argument("--peers", type=Path, help="a folder with an environment for each other program")
    parser.add_argument("--install", action="store_true", help="make the environments that --peers lacks")
    parser.add_argument("--budget", type=float, default=600, help="seconds after which no new round begins")
    parser.add_argument("--limit", type=float, default=300, help="seconds for one process")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    asked.weights = asked.weights.resolve()
    asked.peers = asked.peers or Path(tempfile.gettempdir()) / "trailcam-peers"
    if asked.install:
        install(asked.peers)
    began, sets = time.monotonic(), asked.sets.split(",")
    found: dict[str, Any] = {**facts(), "weights": asked.weights.name, "sets": {}}
    for number, name in enumerate(sets, start=1):
        with tempfile.TemporaryDirectory(prefix="trailcam-peers-") as folder:
            until = began + asked.budget * number / len(sets)
            found["sets"][name] = measure(name, Path(folder), asked.photos, asked, until)
    text = json.dumps(found, indent=2) + "\n"
    if asked.output:
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        asked.output.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
