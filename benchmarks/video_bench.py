"""What a frame now and then misses beside every frame, and how fast clips are looked at.

    python benchmarks/video_bench.py recall [--clips 24] [--output FILE.json]
    python benchmarks/video_bench.py speed [--clips 50,200] [--weights yolo11n.pt] [--output FILE.json]

recall: in each clip of 8 s a deer crosses the picture, by day or night, within 1 to 6 s; nothing moves before
and after. All clips are looked at with --video-every 0.1s, which is every frame (10 a second), and with each
step of STEPS; a clip is found where a deer counts on it.

speed: six clips of 10 s are drawn; N copies of them with other bytes at their end, so that none is an exact
copy, lie beside as many photos. Scan and detect are a process each, with the weights that come along; their
memory is that of all their processes together (PSS), asked twice a second. With --weights also `yolo predict`
and trailcam on the first of the N, with the same weights and the same frames. Needs the extra ``video``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import duckdb
import numpy as np
import psutil
from PIL import Image
from scan_bench import cpu

from trailcam.samples.deer import Pose
from trailcam.samples.scene import Animal, View, background, finish, place

STEPS = ("0.5s", "1s", "2s", "3s")
EVERY_FRAME = "0.1s"
SIZE = (640, 360)
FPS = 10
KINDS = ("doe", "mature", "young", "doe", "mid", "fawn")
CROSSINGS_S = (1, 2, 3, 6)
CHECKOUT = Path(__file__).resolve().parents[1]
YOLO = "from ultralytics.cfg import entrypoint; entrypoint()"


@dataclass(frozen=True, slots=True)
class Step:
    """Seconds of a command and the most memory that all its processes had together."""

    name: str
    wall_s: float
    peak_mb: float


def draw(number: int, seconds: float, crossing_s: float, begins_s: float) -> Iterator[Image.Image]:
    """The frames of clip ``number``: a deer crosses from ``begins_s`` on, outside before and after."""
    night = number % 2 == 1
    view = View(*SIZE, seed=number)
    bare = background(view, night=night, season="winter")
    rng = np.random.default_rng(number)
    ground = float(rng.uniform(0.70, 0.86))
    for n in range(round(seconds * FPS)):
        image = bare.copy()
        x = -0.25 + 1.5 * (n / FPS - begins_s) / crossing_s
        if -0.25 <= x <= 1.25:
            pose = Pose(0.5, float(np.sin(n)), False)
            animal = Animal(KINDS[number % len(KINDS)], x, ground, 0.16 + 0.55 * (ground - 0.62), pose)
            place(image, view, animal, np.random.default_rng(number), night=night, season="winter")
        yield finish(image, np.random.default_rng(n), night=night, strip=f"CLIP {number}")


def write(path: Path, frames: Iterator[Image.Image], codec: str) -> None:
    """A clip with a key frame each second."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=FPS)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = FPS
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_image(frame)))
        out.mux(stream.encode())


def draw_clips(folder: Path, clips: Sequence[tuple[float, float, float]]) -> list[Path]:
    """A clip for each (seconds, seconds of the crossing, when it begins); every sixth as MJPEG."""
    folder.mkdir()
    made = []
    for number, times in enumerate(clips):
        codec, suffix = ("mjpeg", "avi") if number % 6 == 5 else ("libx264", "mp4")
        made.append(folder / f"clip{number:02}.{suffix}")
        write(made[-1], draw(number, *times), codec)
    return made


def run(name: str, *command: str | Path) -> Step:
    """A command in processes of its own."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *map(str, command)], cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    peak, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            with suppress(psutil.Error):
                own = psutil.Process(process.pid)
                peak.append(sum(_pss(one) for one in (own, *own.children(recursive=True))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    wall_s = time.perf_counter() - started
    over.set()
    watcher.join()
    if code not in (0, 1):
        raise SystemExit(f"{name}: left with {code}")
    return Step(name, round(wall_s, 1), round(max(peak) / 1e6))


def _pss(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_full_info().pss)
    return 0


def trailcam(name: str, *arguments: str | Path) -> Step:
    return run(name, "-m", "trailcam", *arguments, "--quiet")


def found(db: Path) -> dict[str, list[str]]:
    """The kinds of deer that count on each clip, those of clips without any left out."""
    sql = """
        SELECT i.path, list(c.kind ORDER BY c.kind)
        FROM detections d
        JOIN images i ON i.image_id = d.image_id
        JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id
        WHERE NOT d.repeats AND d.confidence >= coalesce(c.threshold, 0.5)
            AND c.kind IN ('buck', 'doe', 'fawn', 'deer')
        GROUP BY i.path
    """
    with duckdb.connect(str(db), read_only=True) as connection:
        return {str(path): list(kinds) for path, kinds in connection.execute(sql).fetchall()}


def looked_at(db: Path) -> int:
    """How many frames."""
    with duckdb.connect(str(db), read_only=True) as connection:
        ((n,),) = connection.execute("SELECT coalesce(sum(len(frames)), 0) FROM results").fetchall()
    return int(n)


def recall(folder: Path, n_clips: int) -> dict[str, Any]:
    """Each step beside every frame."""
    rng = np.random.default_rng(1)
    crossings = [CROSSINGS_S[n % len(CROSSINGS_S)] for n in range(n_clips)]
    clips = [(8.0, float(s), float(rng.uniform(0, 8 - s))) for s in crossings]
    draw_clips(folder / "clips", clips)
    by_step = {}
    for every in (EVERY_FRAME, *STEPS):
        db = folder / f"{every}.duckdb"
        trailcam("scan", "scan", folder / "clips", "--db", db)
        step = trailcam(every, "detect", "--video-every", every, "--db", db)
        by_step[every] = (found(db), looked_at(db), step)
    all_of_it = by_step[EVERY_FRAME][0]
    rows = {}
    for every, (seen, n_frames, step) in by_step.items():
        of_crossing = {
            f"{s} s": f"{len([c for c in clips_of(all_of_it, crossings, s) if c in seen])}"
            f" of {len(clips_of(all_of_it, crossings, s))}"
            for s in CROSSINGS_S
        }
        rows[every] = {
            "frames": n_frames,
            "detect_s": step.wall_s,
            "clips_with_deer": len(seen),
            "of_those_of_every_frame": len(seen.keys() & all_of_it.keys()),
            "by_crossing": of_crossing,
            "deer": sum(map(len, seen.values())),
            "same_kinds": sum(seen.get(clip) == kinds for clip, kinds in all_of_it.items()),
        }
    return {"clips": n_clips, "steps": rows}


def clips_of(seen: dict[str, list[str]], crossings: Sequence[int], seconds: int) -> list[str]:
    """The clips in ``seen`` whose deer crosses within so many seconds."""
    return [clip for clip in seen if crossings[int(Path(clip).stem.removeprefix("clip"))] == seconds]


def speed(folder: Path, sizes: Sequence[int], weights: Path | None) -> dict[str, Any]:
    """Runs over so many clips and as many photos; then other programs on the first of these."""
    made = draw_clips(folder / "made", [(10.0, 6.0, 2.0)] * 6)
    rows = []
    for n_clips in sizes:
        card = folder / f"card{n_clips}"
        fill(card, made, n_clips)
        db = folder / f"{n_clips}.duckdb"
        scan = trailcam("scan", "scan", card, "--db", db)
        detect = trailcam("detect", "detect", "--db", db)
        n_frames = looked_at(db)
        rows.append(
            {
                "clips": n_clips,
                "photos": n_clips,
                "frames": n_frames,
                "scan": asdict(scan),
                "detect": asdict(detect),
                "frames_per_s": round(n_frames / detect.wall_s, 1),
                "images_per_s": round(2 * n_clips / detect.wall_s, 1),
                "pictures_per_s": round((n_frames + n_clips) / detect.wall_s, 1),
            }
        )
    figures: dict[str, Any] = {"runs": rows}
    if weights is not None:
        figures["beside"] = beside(folder, made, sizes[0], weights.resolve())
    return figures


def fill(card: Path, made: Sequence[Path], n_clips: int) -> None:
    """``n_clips`` copies of the made clips, and as many photos, each with other bytes at its end."""
    (card / "clips").mkdir(parents=True)
    with av.open(str(made[0])) as film:
        next(film.decode(video=0)).to_image().save(card / "photo.jpg", quality=90)
    photo = (card / "photo.jpg").read_bytes()
    (card / "photo.jpg").unlink()
    for n in range(n_clips):
        clip = made[n % len(made)]
        mark = (16).to_bytes(4, "big") + b"free" + n.to_bytes(8, "big")
        (card / "clips" / f"{n:04}{clip.suffix}").write_bytes(clip.read_bytes() + mark)
        (card / f"{n:04}.jpg").write_bytes(photo + n.to_bytes(8, "big"))


def beside(folder: Path, made: Sequence[Path], n_clips: int, weights: Path) -> dict[str, Any]:
    """The same weights on the same frames: trailcam, and the command `yolo`."""
    fill(folder / "same", made, n_clips)
    clips, db = folder / "same" / "clips", folder / "same.duckdb"
    scan = trailcam("scan", "scan", clips, "--db", db)
    ours = trailcam("trailcam detect", "detect", "--weights", weights, "--backend", "torch", "--db", db)
    words = ("imgsz=640", "conf=0.05", f"vid_stride={FPS}", "save=False", "verbose=False", "device=cpu")
    theirs = run(
        "yolo predict",
        *("-c", YOLO, "predict", f"model={weights}", f"source={clips}", *words, f"project={folder / 'runs'}"),
    )
    return {
        "weights": weights.name,
        "clips": n_clips,
        "frames": looked_at(db),
        "trailcam scan": asdict(scan),
        "trailcam detect": asdict(ours),
        "yolo predict": asdict(theirs),
    }


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("recall", "speed"))
    parser.add_argument("--clips", default=None, help="how many; of speed several, with commas")
    parser.add_argument("--weights", type=Path, help="YOLO weights, to compare with yolo predict")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trailcam-bench-") as name:
        folder = Path(name)
        if arguments.what == "recall":
            figures = recall(folder, int(arguments.clips or 24))
        else:
            sizes = [int(n) for n in (arguments.clips or "50,200").split(",")]
            figures = speed(folder, sizes, arguments.weights)
    head = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": {"cpu": cpu(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2)},
        "versions": {package: version(package) for package in ("av", "torch", "ultralytics")},
    }
    text = json.dumps({**head, **figures}, indent=2)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
