"""Whatever is moved, renamed, copied, overwritten, deleted and scanned: each content stays one photo."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import TinyJpeg
from tests.helpers.contents import Scene
from trailcam.media.content_id import read_content_id
from trailcam.selection import Selection
from trailcam.store.database import one
from trailcam.store.invariants import broken
from trailcam.store.run_sink import select_todo

PLACES = ("a/Hayfield/1.jpg", "a/Hayfield/2.jpg", "a/Creek/1.jpg", "b/1.jpg", "b/old/2.jpg", "b/old/3.jpg")
PLACE = st.sampled_from(PLACES)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["move", "copy"]), PLACE, PLACE),
        st.tuples(st.sampled_from(["delete", "touch", "judge"]), PLACE),
        st.sampled_from([("scan a",), ("scan b",), ("detect",), ("detect",)]),
    ),
    min_size=3,
    max_size=12,
)


@dataclass
class World:
    """The disk, and which contents were looked at and judged."""

    scene: Scene
    folder: Path
    looked: set[str] = field(default_factory=set)
    judged: set[str] = field(default_factory=set)

    def content(self, place: str) -> str | None:
        return read_content_id(self.folder / place)

    def do(self, what: str, *places: str) -> None:
        files = [self.folder / place for place in places]
        if what.startswith("scan"):
            self.scan(what[-1])
        elif what == "detect":
            self.detect()
        elif not files[0].exists():
            return
        elif what == "judge":
            self.judge(places[0])
        elif what == "delete":
            files[0].unlink()
        elif what == "touch":
            os.utime(files[0])
        elif files[0] != files[1]:
            files[1].parent.mkdir(parents=True, exist_ok=True)
            (shutil.move if what == "move" else shutil.copyfile)(files[0], files[1])

    def scan(self, root: str) -> None:
        self.scene.scan(self.folder / root, accept_missing=True)
        with self.scene.database.read() as db:
            assert [(b.rule.never, b.examples) for b in broken(db)] == []

    def detect(self) -> None:
        if not self.scene.database.exists():
            return
        with self.scene.database.read() as db:
            todo = select_todo(db, Selection(), "key", None).image_id.tolist()
            contents = dict(db.execute("SELECT image_id, content_id FROM images").fetchall())
        assert self.scene.detect() == len(todo)
        found = {contents[image_id] for image_id in todo}
        assert not found & self.looked, "a content was looked at twice"
        self.looked |= found

    def judge(self, place: str) -> None:
        """A person judges what the database shows at that place, be it there or not."""
        name = place.removeprefix("a/").replace("b/", "b:", 1)
        row = self.scene.images().get(name) if self.scene.database.exists() else None
        if row is not None:
            self.scene.judge(name)
            self.judged.add(row["content_id"])


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_each_content_is_one_photo(steps: list[tuple[str, ...]], tiny_jpeg: TinyJpeg) -> None:
    with tempfile.TemporaryDirectory(prefix="trailcam-test-") as name:
        folder = Path(name)
        world = World(Scene(folder, tiny_jpeg), folder)
        for n, place in enumerate(("a/anchor.jpg", "b/anchor.jpg", *PLACES[:4])):
            world.scene.put(folder / place, "x" * n, f"2024:11:01 06:00:0{n}")
        for step in steps:
            world.do(*step)
        world.scan("a")
        world.scan("b")
        check(world)
        world.detect()
        assert world.looked >= {world.content(place) for place in there(world)}


def there(world: World) -> set[str]:
    """The places that have a file."""
    return {p for p in ("a/anchor.jpg", "b/anchor.jpg", *PLACES) if (world.folder / p).exists()}


def check(world: World) -> None:
    on_disk = {world.content(place) for place in there(world)}
    photos: dict[str, dict[str, object]] = {}
    for row in world.scene.images().values():
        if row["duplicate_of"] is None:
            assert row["content_id"] not in photos, "one content, two photos"
            photos[row["content_id"]] = row
    for content in on_disk:
        assert content is not None
        looked = content in world.looked
        assert photos[content]["status"] == ("completed" if looked else "pending")
    gone = {content for content, row in photos.items() if row["status"] == "missing"}
    assert gone == photos.keys() - on_disk
    assert {c for c, row in photos.items() if row["run_id"] is not None} == world.looked & photos.keys()
    assert world.looked <= photos.keys(), "results were lost"
    with world.scene.database.read() as db:
        found = db.execute("SELECT content_id FROM judgements JOIN images USING (image_id)").fetchall()
        n_places = one(
            db, "SELECT count(*) FROM images WHERE status <> 'missing' OR duplicate_of IS NOT NULL"
        )
    assert {content for (content,) in found} == world.judged
    assert n_places == (len(there(world)),)
