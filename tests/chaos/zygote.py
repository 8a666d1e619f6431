"""Starts trailcam's real command line many times, each as a process of its own, in a tenth of a second.

Importing torch costs seconds. This process does it once and forks for each command; the child's session,
signals, environment and streams are as of any new process. It ends as Python does, without taking its modules
apart, which costs more than most commands. Reads JSON lines from stdin. A command is answered by ``pid N``
when it begins; ``{"wait": N}`` (0: the command begun last) by ``status N KB`` (exit code, peak memory) when
it has ended. Until then no other line is read; commands begun before go on side by side.

The child's environment may ask for trouble that no other process can make:

- CHAOS_MEMORY: "SHARE": decoding that share (0..1) of the photos, chosen by content, finds no memory.
- CHAOS_LIMIT: "BYTES": a worker process may take so much more memory than it has when it starts to work.
- CHAOS_CLOCK: "AFTER OFFSET": that many seconds after the start, the clock jumps by that many seconds.
- CHAOS_SLOW: "SECONDS FOLDER": each file and folder below that one takes so long to open.
- CHAOS_EIO: "AFTER SHARE FOLDERS FOLDER": that many seconds after the start, that share (0..1) of the files
  below the folder, chosen by their names, can't be opened any more: input/output error. FOLDERS 1: nor can
  folders.
- CHAOS_HANDLES: a file to write the number of open files to, at the end.
"""

from __future__ import annotations

import atexit
import datetime
import errno
import gc
import hashlib
import json
import os
import resource
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

_PRELOADED = (
    "trailcam.scan.scan_root",
    "trailcam.store.check_database",
    "trailcam.detect.choose.canary",
    "trailcam.detect.command",
    "trailcam.detect.model.device",
    "trailcam.detect.model.open",
    "trailcam.detect.pipeline.loop",
    "trailcam.export.megadetector",
    "trailcam.export.table",
    "trailcam.export.xmp",
    "trailcam.imports.coco",
    "trailcam.imports.megadetector",
    "trailcam.reports.bucks",
    "trailcam.reports.digest",
    "trailcam.reports.report_page",
    "trailcam.reports.status",
    *(
        f"trailcam.cli.{name}"
        for name in ("detect", "export", "import_", "report", "report_digest", "scan", "status")
    ),
    "trailcam.cli.db",
    "trailcam.cli.signals",
    "trailcam.files.lock",
    "numpy.ma",
    "pydantic.json_schema",
    "rich.progress",
    "rich.table",
)


def preload() -> None:
    """Import what commands need, with the fake model in the place of ultralytics'."""
    import importlib

    import trailcam.detect.model.yolo as real
    from tests.helpers.fake_trailcam import FakeDetector

    real.UltralyticsDetector = FakeDetector  # type: ignore[misc, assignment]
    for name in _PRELOADED:
        importlib.import_module(name)
    small_transactions()


def small_transactions() -> None:
    """Let a small library take many transactions, so that rounds are short and still strike between them."""
    import trailcam.scan.read_files
    import trailcam.scan.scan_root
    from trailcam.detect.pipeline.loop import PipelineOptions

    trailcam.scan.read_files.CHUNK = 25
    trailcam.scan.scan_root._SAVE_EVERY = 100
    batch, _, *others = PipelineOptions.__init__.__defaults__ or ()
    PipelineOptions.__init__.__defaults__ = (batch, 32, *others)


def short_of_memory(share: float) -> None:
    """Let decoding fail for that share of the photos, always the same ones."""
    import simplejpeg

    decode = simplejpeg.decode_jpeg

    def failing(data: bytes, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as the original
        if hashlib.sha256(data).digest()[0] < 256 * share:
            raise MemoryError
        return decode(data, *args, **options)

    simplejpeg.decode_jpeg = failing


def limit_memory(spare: int) -> None:
    """Let this process take ``spare`` bytes more than it has with its libraries loaded."""
    import trailcam.detect.pipeline.loader  # noqa: F401 - loads torch and the decoders

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + spare
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def wrong_clock(after_s: float, offset_s: float) -> None:
    """Let ``time.time`` and trailcam's ``datetime.now`` jump by ``offset_s`` after ``after_s`` seconds."""
    began, real_time = time.monotonic(), time.time

    def jump() -> float:
        return offset_s if time.monotonic() - began >= after_s else 0.0

    class Meta(type(datetime.datetime)):  # type: ignore[misc]
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, _DATETIME)

    class Jumping(_DATETIME, metaclass=Meta):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
            return _DATETIME.fromtimestamp(real_time() + jump(), tz)

    time.time = lambda: real_time() + jump()
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("trailcam", "filelock"):
            for attribute, value in list(vars(module).items()):
                if value is _DATETIME:
                    setattr(module, attribute, Jumping)


_DATETIME = datetime.datetime


def slow_drive(delay_s: float, folder: str) -> None:
    """Let opening anything below ``folder`` take that long."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event in _OPENING and below(folder, args):
            time.sleep(delay_s)

    sys.addaudithook(hook)


def failing_drive(after_s: float, share: float, folders: bool, folder: str) -> None:
    """Let files below ``folder``, and its folders as well, answer with EIO from a moment on."""
    began = time.monotonic()

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event not in _OPENING or time.monotonic() - began < after_s or not below(folder, args):
            return
        name = os.fsencode(args[0])
        hit = hashlib.sha256(os.path.basename(name)).digest()[0] < 256 * share  # noqa: PTH119 - bytes
        if folders if event != "open" else hit:
            raise OSError(errno.EIO, os.strerror(errno.EIO), os.fsdecode(name))

    sys.addaudithook(hook)


_OPENING = ("open", "os.scandir", "os.listdir")  # Python announces them before it asks the system


def below(folder: str, args: tuple[Any, ...]) -> bool:
    """Whether what is opened is ``folder`` or something in it."""
    return isinstance(args[0], str | bytes | os.PathLike) and os.fsdecode(args[0]).startswith(folder)


def make_trouble() -> None:
    """Do what the environment asks for."""
    if share := os.environ.get("CHAOS_MEMORY"):
        short_of_memory(float(share))
    if clock := os.environ.get("CHAOS_CLOCK"):
        wrong_clock(*map(float, clock.split()))
    if slow := os.environ.get("CHAOS_SLOW"):
        delay_s, folder = slow.split(maxsplit=1)
        slow_drive(float(delay_s), folder)
    if failing := os.environ.get("CHAOS_EIO"):
        after_s, share, folders, folder = failing.split(maxsplit=3)
        failing_drive(float(after_s), float(share), folders == "1", folder)


def become(job: dict[str, Any]) -> None:
    """Turn this forked child into the process that ``job`` describes."""
    os.setsid()
    for number, path in ((1, job["stdout"]), (2, job["stderr"])):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(handle, number)
        os.close(handle)
    handle = os.open(os.devnull, os.O_RDONLY)
    os.dup2(handle, 0)
    os.environ.clear()
    os.environ.update(job["env"])
    os.chdir(job["cwd"])
    sys.argv = ["trailcam", *job["argv"]]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    make_trouble()


def serve() -> bool:
    """Fork for each line of stdin. True in a child, False when there are no more lines."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        print("ready", file=answer, flush=True)
        child = 0
        for line in sys.stdin:
            job = json.loads(line)
            if "wait" in job:
                _, status, usage = os.wait4(job["wait"] or child, 0)
                told = f"status {os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}"
                print(told, file=answer, flush=True)
                continue
            begun, begin = os.pipe()
            child = os.fork()
            if not child:
                os.close(begun)
                become(job)
                os.close(begin)  # end of file: the command begins
                return True
            os.close(begin)
            os.read(begun, 1)
            os.close(begun)
            print(f"pid {child}", file=answer, flush=True)
    return False


def run_main() -> int:
    """trailcam's ``main``; its exit code, or 1 with a traceback as Python would print it."""
    from trailcam.cli.app import main

    try:
        main()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1
    except BaseException:  # noqa: BLE001 - what Python does with what nobody caught
        traceback.print_exc()
        return 1


def end_as(code: int) -> NoReturn:
    """End the process after its threads and its exit functions, as Python does."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        if path := os.environ.get("CHAOS_HANDLES"):
            Path(path).write_text(str(len(os.listdir("/proc/self/fd"))), encoding="ascii")  # noqa: PTH208
    except BaseException:  # noqa: BLE001 - as above
        traceback.print_exc()
        code = 1
    os._exit(code)


if __name__ == "__mp_main__":  # a worker of a command, started by spawn
    make_trouble()
    if spare := os.environ.get("CHAOS_LIMIT"):
        limit_memory(int(spare))

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started this
    preload()
    gc.freeze()  # or every child would copy all of it when it collects
    end_as(run_main() if serve() else 0)
