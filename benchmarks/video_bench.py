"""Time and memory of looking at clips, and what one frame a second misses beside every frame.

    python benchmarks/video_bench.py [--clips N] [--seconds S] [--output FILE.json]

Six clips are drawn: a deer that walks through, by day and night, in H.264 and as MJPEG. Speed: N clips that
are copies of these with other bytes at their end, so that none is an exact copy; scan and detect are a
process each, with the weights that come with trailcam. Recall: the six clips beside all their frames as
photos: a clip is found where any deer on it counts. Needs the extra ``video``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import duckdb
import numpy as np
from PIL import Image
from scan_bench import cpu

from trailcam.samples.deer import Pose
from trailcam.samples.scene import Animal, View, background, finish, place

SIZE = (1280, 720)
FPS = 10
KINDS = ("doe", "mature", "young", "doe", "mature", "fawn")
_KILOBYTES = 1024 if sys.platform != "darwin" else 1


@dataclass(frozen=True, slots=True)
class Step:
    """Seconds and peak memory of a command's own process; its workers and the decoder come on top."""

    name: str
    wall_s: float
    peak_mb: float


def draw(number: int, seconds: int) -> list[Image.Image]:
    """The frames of clip ``number``: a deer crosses from left to right, gone at both ends."""
    night = number % 2 == 1
    view = View(*SIZE, seed=number)
    bare = background(view, night=night, season="winter")
    rng = np.random.default_rng(number)
    ground = float(rng.uniform(0.70, 0.86))
    frames = []
    for n in range(seconds * FPS):
        image = bare.copy()
        x = -0.3 + 1.6 * n / (seconds * FPS)
        animal = Animal(
            KINDS[number], x, ground, 0.16 + 0.55 * (ground - 0.62), Pose(0.5, (n % 10) / 10, False)
        )
        place(image, view, animal, np.random.default_rng(number), night=night, season="winter")
        frames.append(finish(image, np.random.default_rng(n), night=night, strip=f"CLIP {number}"))
    return frames


def write(path: Path, frames: list[Image.Image], codec: str) -> None:
    """A clip with a key frame each second."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=FPS)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = FPS
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_image(frame)))
        out.mux(stream.encode())


def command(name: str, *args: str | Path) -> Step:
    """A command of trailcam in a process of its own."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "trailcam", *map(str, args), "--quiet"], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{name}: trailcam left with {os.waitstatus_to_exitcode(status)}")
    return Step(name, round(time.perf_counter() - started, 1), round(usage.ru_maxrss * _KILOBYTES / 1e6))


def found(db: Path) -> dict[str, set[str]]:
    """The kinds of deer that count, by the first part of the file's name."""
    sql = """
        SELECT i.path, c.kind
        FROM detections d
        JOIN images i ON i.image_id = d.image_id
        JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id
        WHERE NOT d.repeats AND d.confidence >= coalesce(c.threshold, 0.5)
            AND c.kind IN ('buck', 'doe', 'fawn', 'deer')
    """
    seen: dict[str, set[str]] = {}
    with duckdb.connect(str(db), read_only=True) as connection:
        for path, kind in connection.execute(sql).fetchall():
            seen.setdefault(Path(path).name.split("-")[0].split(".")[0], set()).add(kind)
    return seen


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trailcam-bench-") as name:
        folder = Path(name)
        for part in ("made", "frames", "many"):
            (folder / part).mkdir()
        for number in range(len(KINDS)):
            frames = draw(number, arguments.seconds)
            codec, suffix = ("mjpeg", "avi") if number == 5 else ("libx264", "mp4")
            write(folder / "made" / f"clip{number}.{suffix}", frames, codec)
            for n, frame in enumerate(frames):
                frame.save(folder / "frames" / f"clip{number}-{n:04}.jpg", quality=95)
        made = sorted((folder / "made").iterdir())
        for n in range(arguments.clips):
            clip = made[n % len(made)]
            mark = (16).to_bytes(4, "big") + b"free" + n.to_bytes(8, "big")
            (folder / "many" / f"{n:04}{clip.suffix}").write_bytes(clip.read_bytes() + mark)
        steps = []
        for part in ("made", "frames", "many"):
            db = folder / f"{part}.duckdb"
            steps.append(command(f"scan {part}", "scan", folder / part, "--db", db))
            steps.append(command(f"detect {part}", "detect", "--db", db))
        every_second, every_frame = found(folder / "made.duckdb"), found(folder / "frames.duckdb")
        with duckdb.connect(str(folder / "many.duckdb"), read_only=True) as connection:
            ((n_frames,),) = connection.execute("SELECT sum(len(frames)) FROM results").fetchall()
    detect = steps[-1]
    figures = {
        "machine": {"cpu": cpu(), "cores": os.cpu_count()},
        "clips": arguments.clips,
        "seconds_each": arguments.seconds,
        "size": SIZE,
        "frames_looked_at": int(n_frames),
        "frames_per_s": round(int(n_frames) / detect.wall_s, 1),
        "clips_per_s": round(arguments.clips / detect.wall_s, 2),
        "steps": [asdict(step) for step in steps],
        "found": {
            "clips": len(KINDS),
            "one frame a second": {clip: sorted(kinds) for clip, kinds in sorted(every_second.items())},
            "every frame": {clip: sorted(kinds) for clip, kinds in sorted(every_frame.items())},
        },
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
