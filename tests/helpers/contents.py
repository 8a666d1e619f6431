"""Photos on disk that are told apart by their bytes, scanned, looked at and judged for real."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import TinyJpeg
from tests.helpers.library import WHITETAIL, seen
from trailcam.domain import ClassInfo
from trailcam.scan.scan_job import ScanOptions
from trailcam.scan.scan_root import ScanReport, scan
from trailcam.selection import Selection
from trailcam.store.corrections import JudgedBox, Judgement, record
from trailcam.store.database import Database, one, rows, utc_now
from trailcam.store.run_sink import RunFacts, RunSink, begin_run, end_run, select_todo
from trailcam.store.select import select

ORIGINAL = 0x9003


class Scene:
    """Two folders on disk, a database, and photos whose bytes are told apart by a name."""

    def __init__(self, folder: Path, tiny_jpeg: TinyJpeg) -> None:
        self.a, self.b = folder / "a", folder / "b"
        self.a.mkdir()
        self.b.mkdir()
        self.database = Database(folder / "trailcam.duckdb")
        self._jpeg = tiny_jpeg

    def put(self, path: Path, content: str, at: str | None = None, *, size: int = 0) -> Path:
        """A photo with its own bytes; ``at`` is its EXIF time, ``size`` how many zeros lie in its middle."""
        path.parent.mkdir(parents=True, exist_ok=True)
        exif = {ORIGINAL: at} if at else None
        path.write_bytes(self._jpeg(exif_ifd=exif) + bytes(size) + content.encode())
        return path

    def fill(self, n: int = 4) -> None:
        for k in range(n):
            self.put(self.a / "Hayfield" / f"IMG_{k}.jpg", f"photo {k}", f"2024:11:0{k + 1} 06:00:00")

    def scan(self, root: Path | None = None, **options: Any) -> ScanReport:  # noqa: ANN401
        stop: Callable[[], bool] = options.pop("stop", lambda: False)
        return scan(self.database, root or self.a, ScanOptions(**options), stop=stop)

    def detect(self) -> int:
        """Look at everything that is pending: each photo shows one doe. Returns how many there were."""
        with self.database.write() as db:
            todo = select_todo(db, Selection(), "key", None)
            facts = RunFacts("key", "0" * 64, "w.pt", {}, {}, "cpu", WHITETAIL)
            run_id = begin_run(db, facts) if len(todo.image_id) else 0
        if run_id:
            RunSink(self.database, run_id).write([seen(int(i), [0.9], [0]) for i in todo.image_id])
            with self.database.write() as db:
                end_run(db, run_id, completed=True, seconds={})
        return len(todo.image_id)

    def judge(self, path: str, info: ClassInfo | None = None) -> None:
        boxes = () if info is None else (JudgedBox(info, 0.1, 0.1, 0.2, 0.2),)
        image_id = self.ids()[path]
        with self.database.write() as db:
            record(db, [Judgement(image_id, boxes, True, utc_now())], author="Ann", source="correct")

    def judged(self) -> set[str]:
        with self.database.read() as db:
            found = db.execute(
                "SELECT path FROM images JOIN judgements USING (image_id) WHERE duplicate_of IS NULL"
            ).fetchall()
        return {path for (path,) in found}

    def ids(self) -> dict[str, int]:
        return {path: row["image_id"] for path, row in self.images().items()}

    def images(self) -> dict[str, dict[str, Any]]:
        with self.database.read() as db:
            found = rows(
                db,
                "SELECT i.*, s.name AS station, r.name AS root FROM images i"
                " JOIN stations s USING (station_id) JOIN roots r USING (root_id)",
            )
        names = [row["path"] if row["root"] == "a" else f"{row['root']}:{row['path']}" for row in found]
        assert len(set(names)) == len(names), "two photos at one path"
        return dict(zip(names, found, strict=True))

    def status(self) -> dict[str, str]:
        """Path -> status of the photos; a copy shows as "copy of PATH"."""
        images = self.images()
        paths = {row["image_id"]: path for path, row in images.items()}
        return {
            path: row["status"] if row["duplicate_of"] is None else f"copy of {paths[row['duplicate_of']]}"
            for path, row in images.items()
        }

    def counted(self) -> int:
        with self.database.read() as db:
            select(db, Selection())
            return int((one(db, "SELECT count(*) FROM selected") or (0,))[0])

    def boxes(self) -> int:
        with self.database.read() as db:
            return int((one(db, "SELECT count(*) FROM detections") or (0,))[0])


def move(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    old.rename(new)
