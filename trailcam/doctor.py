"""Checks all that a night's detect needs, each part on a small scale.

Nothing is written but the cache of models that OpenVINO computes.
Every check ends in findings; a check that fails unexpectedly is a finding too.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trailcam.errors import TrailcamError
from trailcam.files.lock import WriterLock
from trailcam.files.mount_guard import check_root
from trailcam.files.photo_file import read_photo
from trailcam.files.windows_drive import SLOW_MB_S, advice, windows_drive
from trailcam.machine import add_extra, installed_version
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.settings.config import Settings
    from trailcam.store.database import Database
    from trailcam.store.images import Root

SAMPLE = 20  # photos of each root that are read in full
SLOW = 5.0  # photos/s: below it the drive is what a night waits for, whatever computes
PATIENCE_S = 20.0  # a share that is gone can keep its reader waiting for minutes
LITTLE_BYTES, TOO_LITTLE_BYTES = 1 << 30, 100 << 20


class Severity(StrEnum):
    """How bad a finding is: an error stops trailcam from working, a warning will matter later."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was looked at, what was found, and what to do about it (nothing where it is ok)."""

    level: Severity
    what: str
    found: str
    remedy: str = ""


Checks = Iterator[Check]


def examine(
    database: Database, settings: Settings, progress: Callable[[str], None] = lambda _: None
) -> list[Check]:
    """All findings, in the order in which a detect would meet them. ``progress`` hears each check's name."""
    checks: dict[str, Callable[[], Checks]] = {
        "versions": _versions,
        "database": lambda: _database(database),
        "disk": lambda: _disk(database.path),
        "photos": lambda: _roots(database),
        "model": lambda: _model(settings),
        "videos": lambda: _videos(database),
        "time": lambda: _time(database),
        "cron": lambda: _cron(database),
    }
    found: list[Check] = []
    for name, check in checks.items():
        progress(name)
        try:
            found += check()
        except TrailcamError as error:
            found.append(Check(Severity.ERROR, name, error.message, error.hint))
        except Exception as error:  # noqa: BLE001 - whatever is broken here is what was asked for
            text = printable(f"{type(error).__name__}: {error}")
            found.append(Check(Severity.ERROR, name, text, "This check itself failed; please report it."))
    return found


def _versions() -> Checks:
    from packaging.requirements import Requirement

    wrong = []
    for line in metadata.requires("trailcam") or ():
        needed = Requirement(line)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        installed = installed_version(needed.name)
        if installed is None:
            wrong.append(f"{needed.name} is not installed (needed: {needed.specifier})")
            continue
        if not needed.specifier.contains(installed, prereleases=True):
            wrong.append(f"{needed.name} {installed} (needed: {needed.specifier})")
    remedy = "Install trailcam again in an environment of its own: pip install -c constraints.txt ."
    if wrong:
        yield Check(Severity.ERROR, "versions", "; ".join(wrong), remedy)
        return
    try:
        import torchvision
    except Exception as error:  # noqa: BLE001 - it raises RuntimeError where it doesn't fit torch
        yield Check(
            Severity.ERROR, "versions", f"torchvision does not fit torch: {printable(str(error))}", remedy
        )
        return
    shown = ", ".join(f"{name} {metadata.version(name)}" for name in ("trailcam", "torch", "ultralytics"))
    python = ".".join(map(str, sys.version_info[:3]))
    yield Check(Severity.OK, "versions", f"Python {python}, {shown}, torchvision {torchvision.__version__}")


def _database(database: Database) -> Checks:
    from trailcam.store.check_database import check, copies

    shown = printable(str(database.path))
    if not database.exists():
        yield Check(
            Severity.WARNING, "database", f"No database at {shown} yet.", "Run `trailcam scan FOLDER`."
        )
        return
    health = check(database)
    if health.unreadable:
        yield Check(
            Severity.ERROR,
            "database",
            f"These tables of {shown} can't be read: {', '.join(health.unreadable)}.",
            "`trailcam db check` lists the copies; restore one of them.",
        )
    elif health.broken:
        cases = "; ".join(f"{case.rule.never}: {case.n:,}" for case in health.broken)
        yield Check(
            Severity.ERROR, "database", cases, "`trailcam db repair --dry-run` shows what it would fix."
        )
    else:
        size = database.path.stat().st_size / 1e6
        yield Check(
            Severity.OK,
            "database",
            f"{shown}: sound, {count(health.tables['images'], 'photo')}, {size:.1f} MB,"
            f" {count(len(copies(database.path)), 'copy', 'copies')} beside it",
        )


def _disk(path: Path) -> Checks:
    folder = next(parent for parent in path.absolute().parents if parent.is_dir())
    if not os.access(folder, os.W_OK):
        yield Check(
            Severity.ERROR,
            "disk",
            f"{printable(str(folder))} can't be written to.",
            "Fix its permissions, or choose another place with --db or TRAILCAM_DB.",
        )
        return
    free = shutil.disk_usage(folder).free
    size = path.stat().st_size if path.is_file() else 0
    text = f"{free / 1e9:.1f} GB free in {printable(str(folder))}"
    remedy = "Free some space: a full disk ends a run, and an upgrade of the database makes a copy."
    if free < TOO_LITTLE_BYTES:
        yield Check(Severity.ERROR, "disk", text, remedy)
    elif free < LITTLE_BYTES + 2 * size:
        yield Check(Severity.WARNING, "disk", text, remedy)
    else:
        yield Check(Severity.OK, "disk", text)


def _roots(database: Database) -> Checks:
    from trailcam.store.images import roots
    from trailcam.store.select import sample_paths

    if not database.exists():
        return
    with database.read() as db:
        known = roots(db)
        samples = {root.root_id: sample_paths(db, root.root_id, SAMPLE) for root in known}
    for root in known:
        found: list[Check] = []
        reader = threading.Thread(
            target=lambda r=root, f=found: f.append(_root(r, samples[r.root_id])), daemon=True
        )
        reader.start()
        reader.join(PATIENCE_S)
        yield (
            found[0]
            if found
            else Check(
                Severity.ERROR,
                f"root {printable(root.name)}",
                f"{printable(root.path)} has not answered for {PATIENCE_S:g} s.",
                "Is its drive or share still there? Mount it again.",
            )
        )


def _root(root: Root, paths: list[str]) -> Check:
    what = f"root {printable(root.name)}"
    try:
        folder = check_root(root.path)
    except TrailcamError as error:
        return Check(Severity.ERROR, what, error.message, error.hint)
    gone, unreadable, size = 0, 0, 0
    started = time.perf_counter()
    for path in paths:
        try:
            size += len(read_photo(folder / path))
        except FileNotFoundError:
            gone += 1
        except OSError:
            unreadable += 1
    seconds = max(time.perf_counter() - started, 1e-6)
    n = len(paths) - gone - unreadable
    text = f"{printable(root.path)}: {n} of {count(len(paths), 'photo')} read"
    if n:
        text += f", {n / seconds:,.0f} photos/s, {size / seconds / 1e6:,.0f} MB/s"
    if unreadable:
        return Check(Severity.ERROR, what, text, "Some can't be read: check the permissions and the drive.")
    if gone:
        return Check(Severity.WARNING, what, text, "Some are gone: `trailcam scan` records which.")
    drive = _drive_speed(folder, text, size / seconds / 1e6) if n else None
    if drive is not None:
        return Check(Severity.WARNING, what, *drive)
    if n and n / seconds < SLOW:
        return Check(
            Severity.WARNING,
            what,
            text,
            "The drive is slow: it, not the model, will limit a detect. A local disk or a cable helps.",
        )
    return Check(Severity.OK, what, text)


def _drive_speed(folder: Path, text: str, mb_s: float) -> tuple[str, str] | None:
    """What is found and what to do where WSL reads a Windows drive slowly; None where it doesn't."""
    drive = windows_drive(folder)
    if drive is None or mb_s >= SLOW_MB_S:
        return None
    return f"{text}, on the Windows drive {drive}", advice(drive)


def _videos(database: Database) -> Checks:
    """Of a library with videos: whether the decoder gives the pictures of a known clip."""
    from trailcam.store.unread import count_unread
    from trailcam.words.unread import reads_videos

    if not database.exists():
        return
    with database.read() as db:
        n = count_unread(db)["videos"]
    if not n:
        return
    if not reads_videos():
        yield Check(
            Severity.WARNING,
            "videos",
            f"{count(n, 'video')} not looked at",
            f"`{add_extra('video')}`, and then `trailcam scan`, reads them.",
        )
        return
    from trailcam.detect.choose.known_clip import check_clip

    check_clip()
    yield Check(
        Severity.OK, "videos", f"PyAV {installed_version('av')} decodes a known clip as it was filmed"
    )


def _model(settings: Settings) -> Checks:
    from trailcam.detect.choose.trial import try_model
    from trailcam.detect.model.device import unused_gpu
    from trailcam.detect.model.find_weights import STARTER, find_weights

    weights = find_weights(configured=settings.detect.weights, classifier=settings.detect.classifier)
    own = "the starter model" if weights.path == STARTER else printable(str(weights.path))
    own += f" with the classifier {printable(weights.pair.classifier.path.name)}" if weights.pair else ""
    yield Check(Severity.OK, "weights", f"{own}, sha256 {weights.sha256[:12]}")
    trial = try_model(weights, settings)
    text = (
        f"{trial.device} in {trial.precision} by {trial.backend}: the test frame in"
        f" {trial.seconds * 1000:.0f} ms, with the expected answer"
    )
    unused = unused_gpu() if trial.on_cpu and settings.detect.device == "auto" else None
    yield Check(Severity.WARNING if unused else Severity.OK, "device", text, unused or "")


def _time(database: Database) -> Checks:
    from trailcam.store.images import newest_scan
    from trailcam.store.station_facts import list_zones

    try:
        ZoneInfo("America/Chicago")
    except ZoneInfoNotFoundError:
        yield Check(
            Severity.ERROR,
            "time zones",
            "There is no time zone data.",
            f"{sys.executable} -m pip install tzdata",
        )
        return
    if not database.exists():
        return
    with database.read() as db:
        zones = list_zones(db)
        newest = newest_scan(db)
    now = datetime.now(UTC).replace(tzinfo=None)
    if newest is not None and newest > now + timedelta(minutes=5):
        yield Check(
            Severity.WARNING,
            "clock",
            f"The clock says {now:%Y-%m-%d %H:%M} UTC; the last scan was at {newest:%Y-%m-%d %H:%M}.",
            "Set the clock: digests and runs depend on it.",
        )
    unknown = sorted(name for name, zone in zones.items() if zone and not _is_zone(zone))
    without = sorted(name for name, zone in zones.items() if not zone)
    if unknown:
        yield Check(
            Severity.ERROR,
            "time zones",
            f"No such time zone: {', '.join(printable(f'{n} ({zones[n]})') for n in unknown)}",
            "trailcam stations set NAME --timezone America/Chicago",
        )
    elif without:
        yield Check(
            Severity.WARNING,
            "time zones",
            f"{len(without)} of {count(len(zones), 'station')} have none: {_some(without)}",
            "trailcam stations set NAME --timezone America/Chicago; legal light and Camtrap DP need it.",
        )
    else:
        yield Check(Severity.OK, "time zones", f"{count(len(zones), 'station')}, each with its time zone")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _cron(database: Database) -> Checks:
    from trailcam.store.run_choice import last_run

    lock = WriterLock(database.path, "doctor")
    working = lock.held()
    holder = lock.holder() if working else None
    yield Check(Severity.OK, "lock", f"held by {holder}" if working else "free: no command is writing")
    if database.exists():
        with database.read() as db:
            run = last_run(db)
        if run is None:
            yield Check(Severity.OK, "last run", "none yet")
        elif run["state"] == "running" and not working:
            yield Check(
                Severity.WARNING,
                "last run",
                f"Run {run['run_id']} was interrupted after {run['n_completed']:,} photos.",
                "The next `trailcam detect` continues it. Did the machine sleep, or run out of memory?",
            )
        else:
            yield Check(
                Severity.OK, "last run", f"run {run['run_id']} {run['state']}, {run['n_completed']:,} photos"
            )
    called = Path(sys.argv[0]).absolute()
    program = f"{sys.executable} -m trailcam" if called.suffix == ".py" else str(called)
    if shutil.which("trailcam") is None:
        yield Check(
            Severity.WARNING,
            "PATH",
            "`trailcam` is not on the PATH, as under cron.",
            f"Write the full path into the crontab: {printable(program)} scan -q",
        )
    else:
        yield Check(
            Severity.OK, "PATH", "trailcam is found here; cron's PATH is shorter, so use full paths there"
        )
    term = os.environ.get("TERM", "")
    shown = f"TERM is {printable(term)}" if term else "TERM is not set, as under cron"
    yield Check(
        Severity.OK, "terminal", f"{shown}: progress bars on a terminal, one line every 30 s in a log"
    )


def _some(names: list[str]) -> str:
    return printable(", ".join(names[:5])) + (", ..." if len(names) > 5 else "")
