"""Whatever scans and detects do in any order, the tables agree with each other and with a simple model."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.helpers.library import Library, Photo, make_library
from trailcam.domain import FileKey, Status
from trailcam.selection import Selection
from trailcam.store.database import one
from trailcam.store.images import compare, finish_scan, save_images
from trailcam.store.invariants import broken
from trailcam.store.run_sink import select_todo

NAMES = [f"{n}.jpg" for n in range(6)]
WEIGHTS = st.sampled_from(["one.pt", "two.pt"])
SOME = st.sets(st.sampled_from(NAMES), min_size=1)
FATE = st.sampled_from([Status.COMPLETED, Status.COMPLETED, Status.FAILED, Status.MISSING])


class Store(RuleBasedStateMachine):
    """Photos on a disk that come, change and go, two models, and runs that end or are killed."""

    @initialize()
    def make(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="trailcam-test-")
        self.library: Library = make_library(Path(self._folder.name))
        self.disk: dict[str, int] = {}  # name -> size
        self.status: dict[str, Status] = {}
        self.done: set[tuple[str, str]] = set()  # (weights, name)
        self.boxes: Counter[tuple[str, str]] = Counter()
        self.put(set(NAMES))

    def teardown(self) -> None:
        if hasattr(self, "_folder"):
            self._folder.cleanup()

    @rule(names=SOME)
    def put(self, names: set[str]) -> None:
        """New or changed files."""
        for name in names:
            self.disk[name] = self.disk.get(name, 1000) + 1
        self.scan()

    @rule(names=SOME)
    def remove(self, names: set[str]) -> None:
        for name in names:
            self.disk.pop(name, None)
        self.scan()

    @rule()
    def scan(self) -> None:
        photos = [Photo(name).image() for name in self.disk]
        images = [
            replace(p, key=FileKey(p.key.path, self.disk[n], 1))
            for p, n in zip(photos, self.disk, strict=True)
        ]
        with self.library.database.write() as db:
            found = compare(db, self.library.root_id, [i.key for i in images], [])
            changed = [images[i] for i in found.changed]
            ids = {i.key.path: int(n) for i, n in zip(changed, found.changed_ids, strict=True)}
            save_images(db, self.library.root_id, [images[i] for i in found.fresh] + changed, ids)
            finish_scan(db, self.library.root_id, found.vanished_ids, found.returned_ids, 0)
        self.library.add([])
        self._model_of_scan({i.key.path.rpartition("/")[2] for i in changed})

    def _model_of_scan(self, changed: set[str]) -> None:
        for name in changed:
            self.done = {(weights, other) for weights, other in self.done if other != name}
            for key in [key for key in self.boxes if key[1] == name]:
                del self.boxes[key]
            self.status[name] = Status.PENDING
        for name in self.library.ids:
            looked = any(other == name for _, other in self.done)
            if name not in self.disk:
                self.status[name] = Status.MISSING
            elif self.status.get(name, Status.MISSING) is Status.MISSING:
                failed = name in self.status and self._failed(name)
                self.status[name] = (
                    Status.COMPLETED if looked else Status.FAILED if failed else Status.PENDING
                )

    def _failed(self, name: str) -> bool:
        with self.library.database.read() as db:
            found = one(db, "SELECT error_code FROM images WHERE image_id = ?", [self.library.ids[name]])
        return found != (None,)

    @rule(
        weights=WEIGHTS,
        fates=st.lists(FATE, min_size=6, max_size=6),
        end=st.sampled_from([True, False, None]),
    )
    def detect(self, weights: str, fates: list[Status], end: bool | None) -> None:
        with self.library.database.read() as db:
            todo = select_todo(db, Selection(), weights, 4)
        names = [path.rpartition("/")[2] for path in todo.path]
        expected = {
            n for n, s in self.status.items() if s is not Status.MISSING and (weights, n) not in self.done
        }
        assert set(names) <= expected
        assert len(names) == min(4, len(expected))
        fate = dict(zip(names, fates, strict=False))
        by = {status: [n for n in names if fate[n] is status] for status in Status}
        found = {n: [("doe", 0.9)] * ((i + 1) % 3) for i, n in enumerate(by[Status.COMPLETED])}
        self.library.detect(
            found, failed=by[Status.FAILED], missing=by[Status.MISSING], weights=weights, completed=end
        )
        for name in by[Status.FAILED]:
            if self.status[name] is not Status.COMPLETED:
                self.status[name] = Status.FAILED
        for name in by[Status.MISSING]:
            self.status[name] = Status.MISSING
        for name, boxes in found.items():
            self.status[name] = Status.COMPLETED
            self.done.add((weights, name))
            self.boxes[weights, name] = len(boxes)

    @invariant()
    def tables_agree_with_each_other_and_the_model(self) -> None:
        if not hasattr(self, "library"):
            return
        with self.library.database.read() as db:
            assert broken(db) == []
            status = dict(db.execute("SELECT image_id, status FROM images").fetchall())
            boxes = db.execute(
                "SELECT model_key, image_id, count(*) FROM detections JOIN runs USING (run_id) GROUP BY ALL"
            ).fetchall()
        assert status == {self.library.ids[name]: s.value for name, s in self.status.items()}
        assert {(w, i): n for w, i, n in boxes} == {
            (w, self.library.ids[name]): n for (w, name), n in self.boxes.items() if n
        }


# Every step opens a real database several times: a failure is short enough to read without being shrunk.
Store.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.reuse, Phase.generate),
)
TestStore = Store.TestCase
