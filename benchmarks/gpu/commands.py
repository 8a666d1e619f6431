"""trailcam's commands on a device as a user runs them, each in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.gpu.setting import Setting

_CAM = [sys.executable, "-m", "trailcam"]
_YOLO = [sys.executable, "-c", "from ultralytics.cfg import entrypoint; entrypoint()", "predict"]
_LOOKED = re.compile(r"Looked at ([\d,]+) photos? in .*?\(([\d.]+) photos/s, ([\d.]+) s of it warming up\)")


def detect(setting: Setting) -> dict[str, Any]:
    """scan and detect, and `yolo predict` on some of the same photos."""
    result: dict[str, Any] = {}
    for name in ("3MP", "16MP"):
        if setting.left() < 60:
            return {**result, "cut": "no time"}
        database, folder = setting.work / f"{name}.duckdb", setting.photos(name).parent
        database.unlink(missing_ok=True)
        code, _, said, _ = _run(setting, [*_CAM, "scan", "-q", "--db", str(database), str(folder)])
        if code:
            return {**result, "failed": said[-500:]}
        asked = ["detect", "--db", str(database), "--include-undated", "--device", setting.name]
        code, _, said, seconds = _run(setting, [*_CAM, *asked])
        result[f"{name} detect"] = {"code": code, "process_s": round(seconds, 2), **looked(said)}
        if code:
            result["failed"] = said[-500:]
        n = setting.scaled({"3MP": 400, "16MP": 160}[name], 12)
        result[f"{name} yolo predict, batch 16"] = _yolo(setting, name, n)
    return result


def looked(said: str) -> dict[str, Any]:
    """What detect says of a run: photos, photos/s, the seconds of its warm-up; and its own last lines."""
    found = _LOOKED.search(said)
    lines = [line for line in said.splitlines() if line.strip()]
    if not found:
        return {"said": lines[-6:]}
    return {
        "photos": int(found[1].replace(",", "")),
        "photos_per_s": float(found[2]),
        "warmup_s": float(found[3]),
        "run": next((line for line in lines if line.startswith("Run ")), None),
    }


def _yolo(setting: Setting, name: str, n: int) -> dict[str, Any]:
    """Photos/s without the start-up: the difference between many photos and a few."""
    spent = {}
    for size in (6, n):
        folder = setting.work / "yolo" / f"{name}_{size}"
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(setting.photos(name).iterdir())[:size]:
            with contextlib.suppress(FileExistsError):
                os.link(path, folder / path.name)
        asked = {
            "model": setting.model("one_stage").path,
            "source": folder,
            "batch": 16,
            "imgsz": 640,
            "conf": 0.05,
            "save": False,
            "verbose": False,
            "device": setting.name.replace("cuda:", ""),
            "half": setting.on_cuda,
            "project": setting.work / "yolo_out",
        }
        code, _, said, spent[size] = _run(setting, [*_YOLO, *(f"{k}={v}" for k, v in asked.items())])
        if code:
            return {"code": code, "said": said[-400:]}
    return {"photos": n, "photos_per_s": round((n - 6) / max(1e-6, spent[n] - spent[6]), 1)}


def stop(setting: Setting) -> dict[str, Any]:
    """Ctrl-C to the whole group, as a terminal sends it; then what is left, and carrying on."""
    database = setting.work / "stop.duckdb"
    database.unlink(missing_ok=True)
    _run(setting, [*_CAM, "scan", "-q", "--db", str(database), str(setting.work / "photos")])
    command = [*_CAM, "detect", "--db", str(database), "--include-undated", "--device", setting.name]
    few = ["--workers", "4"] if setting.on_cuda else []  # or it is done before it can be stopped
    process = subprocess.Popen(
        [*command, *few], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    said, begun = list[str](), threading.Event()

    def listen() -> None:
        for line in process.stderr or ():
            said.append(line.rstrip())
            if line.startswith("Run "):
                begun.set()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    result: dict[str, Any] = {"started": begun.wait(min(120, setting.left()))}
    time.sleep(7.0 if setting.on_cuda else 1.0)
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
    began = time.perf_counter()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    result["code"] = process.wait(90)
    result["seconds_to_end"] = round(time.perf_counter() - began, 2)
    thread.join(5)
    time.sleep(0.5)
    result["left_behind"] = [child.pid for child in children if child.is_running()]
    code, _, err, _ = _run(setting, command)
    result["carried_on"] = {"code": code, **looked(err)}
    code, out, _, _ = _run(setting, [*_CAM, "db", "check", "--db", str(database)])
    result["db_check"] = {"code": code, "said": out.strip()[-200:]}
    if result["code"] not in (0, 130) or code or result["left_behind"]:
        result["failed"] = said[-5:]
    return result


def bench(setting: Setting) -> dict[str, Any]:
    """`trailcam bench` on both sets."""
    result: dict[str, Any] = {}
    seconds = "4" if setting.scale >= 0.5 else "1"
    for name in ("3MP", "16MP"):
        if setting.left() < 50:
            return {**result, "cut": "no time"}
        folder = str(setting.photos(name).parent)
        asked = ["--photos", "128", "--device", setting.name, "--seconds", seconds, "--format", "json"]
        code, out, said, _ = _run(setting, [*_CAM, "bench", folder, *asked])
        result[name] = json.loads(out) if code == 0 else {"code": code}
        if code:
            result["failed"] = said[-500:]
    return result


def _run(setting: Setting, command: list[str]) -> tuple[int, str, str, float]:
    """Exit code (124: it took longer than the time that is left), stdout, stderr, seconds."""
    began, limit = time.perf_counter(), max(20.0, setting.left())
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return 124, "", f"not done after {limit:.0f} s: {Path(command[2]).name}", limit
    return done.returncode, done.stdout, done.stderr, time.perf_counter() - began
