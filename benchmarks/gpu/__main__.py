"""What gpu_check.sh runs. A part that breaks is noted, and the next one begins.

env       machine, versions, what torch sees, what a decoding process costs
photos    made sets with deer drawn in, each photo of its own bytes
right     the device in each number format beside the processor in float32; the test before a run
steady    one photo alone, in every row of a batch, and with batches under way: the same answer?
memory    memory that runs out later and from the beginning: smaller batches, the same boxes
syncs     where submit() and its results make the host wait
device    milliseconds by batch, of numbers of crops, of staging; photos/s from pixels to boxes
detect    scan and detect on 3 MP and 16 MP as a user runs them, and `yolo predict`
stop      Ctrl-C in a detect, nothing left behind, and carrying on
decode    the loader alone, in processes and in threads
grid      the pipeline with several batches and workers
bench     `trailcam bench` as a user runs it
profile   the kernels that take longest
"""

from __future__ import annotations

import argparse
import json
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.gpu.commands import bench, detect, stop
from benchmarks.gpu.correct import memory, right, steady
from benchmarks.gpu.setting import Setting, env, photos
from benchmarks.gpu.speed import decode, device, grid, profile, syncs

Part = Callable[[Setting], dict[str, Any]]

PARTS: dict[str, tuple[Part, float]] = {  # and the seconds each is likely to take on a GPU
    "env": (env, 0),
    "photos": (photos, 0),
    "right": (right, 15),
    "steady": (steady, 10),
    "memory": (memory, 12),
    "syncs": (syncs, 3),
    "device": (device, 25),
    "detect": (detect, 60),
    "stop": (stop, 40),
    "decode": (decode, 40),
    "grid": (grid, 45),
    "bench": (bench, 50),
    "profile": (profile, 8),
}
ALWAYS = ("env", "photos")


def main() -> int:
    """Run the parts that were asked for; 1 where one of them failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--budget", type=float, default=450.0, help="seconds; later parts are left out")
    parser.add_argument("--scale", type=float, default=1.0, help="of the sets of photos")
    parser.add_argument("--only", default="", help="parts, comma-separated, beside env and photos")
    parser.add_argument("--weights", type=Path, help="one-stage weights to try beside the starter")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    asked = parser.parse_args()
    setting = Setting(asked.device, asked.scale, asked.budget, asked.work, asked.weights)
    wanted = [name for name in asked.only.split(",") if name] or list(PARTS)
    found: dict[str, Any] = {"asked": vars(asked), "parts": {}}
    for name, (part, seconds) in PARTS.items():
        if name not in wanted and name not in ALWAYS:
            continue
        found["parts"][name] = run(part, setting) if setting.left() >= seconds else {"skipped": "no time"}
        print(f"[{time.monotonic() - setting.began:6.1f} s] {name}: {found['parts'][name]}", flush=True)
        draft = asked.out / "gpu_check.json.part"
        draft.write_text(json.dumps(found, indent=1, default=str) + "\n", encoding="utf-8")
        draft.replace(asked.out / "gpu_check.json")
    failed = [name for name, result in found["parts"].items() if "failed" in result]
    print("failed:", ", ".join(failed) or "none", flush=True)
    return 1 if failed else 0


def run(part: Part, setting: Setting) -> dict[str, Any]:
    """What a part found, or how it failed."""
    began = time.perf_counter()
    try:
        result = part(setting)
    except Exception as error:  # noqa: BLE001 - whatever breaks here is what was asked for
        result = {
            "failed": f"{type(error).__name__}: {error}",
            "trace": traceback.format_exc()[-3000:],
        }
    return {**result, "part_s": round(time.perf_counter() - began, 1)}


if __name__ == "__main__":
    raise SystemExit(main())
