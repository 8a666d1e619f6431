"""What every step of a scan of one root shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trailcam.store.database import Database

# Threads, not processes: a local disk gives 5,000 photos/s to one thread, and more of them only help where
# every open waits for a network (measured; spawning processes costs 0.5 s and gains nothing).
DEFAULT_WORKERS = 8

Progress = Callable[[int, int], None]
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """``workers`` is the number of reading threads, None to choose.

    ``missing_limit`` (0..1) is the share of known photos that may vanish without ``accept_missing``.
    """

    root_name: str | None = None
    station_from: str = "folder"
    accept_missing: bool = False
    workers: int | None = None
    missing_limit: float = 0.20


@dataclass(frozen=True, slots=True)
class ScanJob:
    """``path`` is the root's folder; ``progress`` and ``stop`` as in :func:`trailcam.scan.scan_root.scan`."""

    database: Database
    path: Path
    options: ScanOptions
    progress: Progress | None
    stop: Stop

    @property
    def workers(self) -> int:
        """Reading threads, 1 or more."""
        asked = self.options.workers
        return DEFAULT_WORKERS if asked is None else max(1, asked)

    def report(self, done: int, total: int) -> None:
        """Tell how many of how many files were read."""
        if self.progress:
            self.progress(done, total)
