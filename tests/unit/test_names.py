"""Names of bucks: given, changed and taken back in any order, and nothing else changes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.conftest import TinyJpeg
from tests.helpers.contents import Scene
from tests.helpers.library import Library, Photo, beside, make_library
from trailcam.domain import ClassInfo, Kind
from trailcam.errors import UsageError
from trailcam.reports.buck_parts import buck_report
from trailcam.reports.common import Question
from trailcam.reports.digest import DEFAULT_NAME, DigestOptions, digest
from trailcam.reports.formats import to_json
from trailcam.reports.name_doubts import doubt_sentences, metres_between
from trailcam.reports.name_list import name_list
from trailcam.reports.named_bucks import by_name, one_buck
from trailcam.selection import Selection
from trailcam.store.check_database import fingerprint
from trailcam.store.clean_name import clean_name
from trailcam.store.corrections import JudgedBox, Judgement, record
from trailcam.store.counted import count_boxes
from trailcam.store.database import utc_now
from trailcam.store.digests import remember_in
from trailcam.store.invariants import broken
from trailcam.store.name_photo import name_photo, names_on
from trailcam.store.named import called_since, join_names
from trailcam.store.names import NamedBox, Recorded, history, merge, name_boxes, rename, undo
from trailcam.store.select import select

NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)
TWO = [beside(0, 2), beside(1, 2)]


def name(library: Library, photo: str, what: str | None, box: int | None = None) -> Recorded:
    with library.database.write() as db:
        return name_photo(db, library.ids[photo], what, box=box, seen=None, author="Ann")


def names(library: Library) -> dict[str, dict[int, str | None]]:
    with library.database.read() as db:
        found = {photo: names_on(db, image_id) for photo, image_id in library.ids.items()}
    return {photo: own for photo, own in found.items() if own}


def two_bucks(folder: Path, *more: str) -> Library:
    """Photo a shows two mature bucks, every other one."""
    photos = [Photo(f"{n}.jpg", f"2024-11-0{k} 06:10") for k, n in enumerate(["a", "b", *more], 1)]
    found = {photo.name: [("mature", 0.9)] * (2 if photo.name == "a.jpg" else 1) for photo in photos}
    return make_library(folder, photos, found)


# ---- single names


def test_a_name_is_known_in_any_case_and_written_as_at_first(tmp_path: Path) -> None:
    library = two_bucks(tmp_path)
    assert name(library, "a.jpg", " Split   Brow ", 1).recorded == 1
    assert name(library, "b.jpg", "split brow").recorded == 1
    assert names(library) == {"a.jpg": {1: "Split Brow"}, "b.jpg": {1: "Split Brow"}}
    assert name(library, "b.jpg", "SPLIT BROW").agreed == 1


def test_two_bucks_of_one_photo_cannot_have_one_name(tmp_path: Path) -> None:
    library = two_bucks(tmp_path)
    name(library, "a.jpg", "Split Brow", 1)
    assert [r.why for r in name(library, "a.jpg", "split brow", 2).refused] == [
        "another animal of the photo is called Split Brow"
    ]
    name(library, "a.jpg", "Wide", 2)
    with library.database.write() as db, pytest.raises(UsageError, match="1 photo shows both"):
        merge(db, "Wide", "Split Brow", author="Ann")
    assert names(library)["a.jpg"] == {1: "Split Brow", 2: "Wide"}


def test_two_names_of_one_photo_can_change_places_at_once(tmp_path: Path) -> None:
    library = two_bucks(tmp_path)
    name(library, "a.jpg", "A", 1)
    name(library, "a.jpg", "B", 2)
    image_id = library.ids["a.jpg"]
    with library.database.write() as db:
        given = [NamedBox(image_id, "B", TWO[0]), NamedBox(image_id, "A", TWO[1])]
        assert name_boxes(db, given, author="Ann", source="test").recorded == 2
    assert names(library)["a.jpg"] == {1: "B", 2: "A"}


@pytest.mark.parametrize("text", ["", "  ", "x" * 61, "Unnamed", "a\tb\x07", "a|b", "\u202eevil"])
def test_what_can_be_no_name(text: str) -> None:
    with pytest.raises(UsageError):
        clean_name(text)


def test_names_are_for_bucks_that_count(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a.jpg")], {"a.jpg": [("doe", 0.9), ("mature", 0.2)]})
    for box, what in ((1, "is a doe"), (2, "doesn't count"), (3, "has no box 3")):
        with pytest.raises(UsageError, match=what):
            name(library, "a.jpg", "Split Brow", box)
    with pytest.raises(UsageError, match="No buck counts"):
        name(library, "a.jpg", "Split Brow")


def test_several_bucks_ask_which(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="shows 2 bucks") as told:
        name(two_bucks(tmp_path), "a.jpg", "Split Brow")
    assert "--box 1 or 2" in (told.value.hint or "")


def test_a_place_that_is_none_and_an_unknown_photo_are_bugs(tmp_path: Path) -> None:
    library = two_bucks(tmp_path)
    for bad in (NamedBox(1, "A", (0.5, 0.5, 0.9, 0.1)), NamedBox(99, "A", (0.1, 0.1, 0.1, 0.1))):
        with pytest.raises(ValueError, match=r"no place|no such"), library.database.write() as db:
            name_boxes(db, [bad], author="Ann", source="test")


# ---- what a name survives


def detect_again(library: Library, boxes: dict[str, list[Any]], weights: str = "other.pt") -> None:
    library.detect(boxes, weights=weights)


def test_a_name_stays_with_its_animal_when_another_model_draws_its_box(tmp_path: Path) -> None:
    library = two_bucks(tmp_path)
    name(library, "a.jpg", "Split Brow", 2)
    x, y, w, h = TWO[1]
    moved = [("mid", 0.8, TWO[0]), ("mature", 0.9, (x - 0.03, y, w, h - 0.03))]
    detect_again(library, {"a.jpg": moved, "b.jpg": []})
    assert names(library) == {"a.jpg": {2: "Split Brow"}}
    assert name(library, "a.jpg", "Wide", 2).recorded == 1  # the same animal, not a second one
    with library.database.read() as db:
        assert [row["name"] for row in name_list(db, timedelta(minutes=30)).rows] == ["Wide"]


def test_a_name_counts_where_another_model_misses_the_animal(tmp_path: Path) -> None:
    library = two_bucks(tmp_path)
    name(library, "b.jpg", "Split Brow")
    detect_again(library, {"a.jpg": [], "b.jpg": []})
    with library.database.read() as db:
        (row,) = one_buck(db, Question(), "split brow", now=NOW).rows
    assert (row["events"], row["photos"]) == (1, 1)


@pytest.mark.parametrize("whole", [True, False])
def test_a_correction_that_leaves_no_buck_there_ends_a_name(tmp_path: Path, *, whole: bool) -> None:
    library = two_bucks(tmp_path)
    name(library, "b.jpg", "Split Brow")
    box = beside(0, 1)
    with library.database.write() as db:
        boxes = () if whole else (JudgedBox(None, *box),)
        record(db, [Judgement(library.ids["b.jpg"], boxes, whole, utc_now())], author="Bob", source="correct")
    with library.database.read() as db:
        assert one_buck(db, Question(), "Split Brow", now=NOW).rows == []
    name(library, "a.jpg", "Split Brow", 1)
    with library.database.read() as db:
        (row,) = one_buck(db, Question(), "Split Brow", now=NOW).rows
    assert row["photos"] == 1


def test_a_doe_by_correction_has_no_name_and_a_doe_by_a_model_keeps_it(tmp_path: Path) -> None:
    library = two_bucks(tmp_path)
    name(library, "b.jpg", "Split Brow")
    detect_again(library, {"a.jpg": [], "b.jpg": [("doe", 0.9)]})
    with library.database.read() as db:
        assert len(one_buck(db, Question(), "Split Brow", now=NOW).rows) == 1
    doe = JudgedBox(ClassInfo(0, "doe", Kind.DOE), *beside(0, 1))
    with library.database.write() as db:
        record(db, [Judgement(library.ids["b.jpg"], (doe,), True, utc_now())], author="Bob", source="x")
    with library.database.read() as db:
        assert one_buck(db, Question(), "Split Brow", now=NOW).rows == []


def test_a_name_follows_a_photo_that_moves_and_joins_that_of_its_copy(
    tmp_path: Path, tiny_jpeg: TinyJpeg
) -> None:
    scene = Scene(tmp_path, tiny_jpeg)
    scene.fill(2)
    scene.put(scene.b / "IMG.jpg", "photo 0", "2024:11:01 06:00:00")
    scene.scan()
    scene.detect()
    box = (0.1, 0.1, 0.2, 0.2)
    first = scene.ids()["Hayfield/IMG_0.jpg"]
    with scene.database.write() as db:
        name_boxes(db, [NamedBox(first, "Split Brow", box)], author="Ann", source="test")
    scene.scan(scene.b)
    copy = scene.ids()["b:IMG.jpg"]
    with scene.database.write() as db:  # a name on a copy is one on the photo
        assert name_boxes(db, [NamedBox(copy, "split brow", box)], author="Ann", source="test").agreed == 1
    (scene.a / "Hayfield" / "IMG_0.jpg").rename(scene.a / "Hayfield" / "moved.jpg")
    scene.scan()
    with scene.database.read() as db:
        with (
            select(db, Selection()) as photos,
            count_boxes(photos, None) as counted,
            join_names(counted) as named,
        ):
            (row,) = named.each()
        assert row["name"] == "Split Brow"
        assert broken(db) == []


# ---- renaming and merging


def test_a_rename_is_about_what_was_said_before_it() -> None:
    moves = [(5, "A", "B"), (8, "b", "C")]
    assert called_since("A", moves) == [("A", 0, 5, "C"), ("A", 5, 8, "A"), ("A", 8, 2**62, "A")]


def test_renaming_to_a_name_that_is_taken_points_to_merge(tmp_path: Path) -> None:
    library = two_bucks(tmp_path)
    name(library, "a.jpg", "Wide", 1)
    name(library, "b.jpg", "Big")
    with library.database.write() as db, pytest.raises(UsageError, match="already") as told:
        rename(db, "wide", "BIG", author="Ann")
    assert 'bucks merge "Wide" "Big"' in (told.value.hint or "")
    with library.database.write() as db, pytest.raises(UsageError, match="called Wide already"):
        rename(db, "wide", "Wide", author="Ann")
    with library.database.write() as db:
        rename(db, "wide", "WIDE", author="Ann")
    assert names(library)["a.jpg"] == {1: "WIDE"}


def test_an_unknown_name_is_guessed(tmp_path: Path) -> None:
    library = two_bucks(tmp_path)
    name(library, "a.jpg", "Split Brow", 1)
    with library.database.write() as db, pytest.raises(UsageError) as told:
        rename(db, "splitbrow", "X", author="Ann")
    assert told.value.hint == "Did you mean Split Brow? Known: Split Brow."


def test_undo_takes_back_the_latest_or_a_numbered_one(tmp_path: Path) -> None:
    library = two_bucks(tmp_path)
    name(library, "a.jpg", "A", 1)
    name(library, "b.jpg", "B")
    with library.database.write() as db:
        merge(db, "A", "B", author="Ann")
        assert undo(db, "Bob", 2).name == "B"
        assert [act.kind for act in history(db)] == ["merge", "name"]
    assert names(library) == {"a.jpg": {1: "B"}}
    with library.database.write() as db:
        with pytest.raises(UsageError, match="no naming 2"):
            undo(db, "Bob", 2)
        assert undo(db, "Bob").kind == "merge"
        assert undo(db, "Bob").kind == "name"
        with pytest.raises(UsageError, match="no name to take back"):
            undo(db, "Bob")
    assert names(library) == {}


# ---- any order


@dataclass
class Act:
    """What the simple model remembers of a naming."""

    number: int
    kind: str
    where: tuple[str, int]
    name: str | None
    into: str = ""
    undone: bool = False


ONE_NAME = st.sampled_from(["Split Brow", "split brow", "Wide", "Old Joe"])
WHERE = st.sampled_from([("a.jpg", 1), ("a.jpg", 2), ("b.jpg", 1), ("c.jpg", 1)])


class Names(RuleBasedStateMachine):
    """Names given, changed and undone in any order, beside a model that replays the acts."""

    @initialize()
    def make(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="trailcam-test-")
        self.library = two_bucks(Path(self._folder.name), "c")
        self.acts: list[Act] = []
        self.jitter = 0
        self.before, self.told = self.rest(), self.report()

    def teardown(self) -> None:
        if hasattr(self, "_folder"):
            self._folder.cleanup()

    def rest(self) -> object:
        """Everything but names: all other tables."""
        with self.library.database.read() as db:
            tables = fingerprint(db)
        return {t: rows for t, rows in tables.items() if t not in ("namings", "named_boxes")}

    def report(self) -> str:
        """A report that knows nothing of names."""
        with self.library.database.read() as db:
            return to_json(buck_report(db, Question()))

    def replay(self) -> dict[tuple[str, int], str]:
        state: dict[tuple[str, int], tuple[str | None, int]] = {}
        for act in self.acts:
            if act.undone:
                continue
            if act.kind == "name":
                state[act.where] = (act.name, act.number)
            else:
                for where, (called, number) in state.items():
                    if called is not None and called.lower() == (act.name or "").lower():
                        state[where] = (act.into, number)
        kept: dict[tuple[str, str], tuple[int, int]] = {}
        for (photo, box), (called, number) in state.items():
            if called is not None:
                kept[photo, called] = max(kept.get((photo, called), (0, 0)), (number, box))
        return {(photo, box): called for (photo, called), (_, box) in kept.items()}

    def spelled(self, text: str) -> str:
        known = {called.lower(): called for called in self.replay().values()}
        return known.get(text.lower(), text)

    @rule(where=WHERE, text=st.none() | ONE_NAME)
    def give(self, where: tuple[str, int], text: str | None) -> None:
        now = self.replay()
        called = self.spelled(text) if text is not None else None
        others = {n for (photo, box), n in now.items() if photo == where[0] and box != where[1]}
        done = name(self.library, where[0], text, where[1])
        if called is not None and called in others:
            assert done.refused
        elif done.recorded:
            self.acts.append(Act(done.naming_id, "name", where, called))
        else:
            assert done.agreed
            assert now.get(where) == called

    @rule(old=ONE_NAME, new=ONE_NAME, kind=st.sampled_from(["rename", "merge"]))
    def change(self, old: str, new: str, kind: str) -> None:
        now = self.replay()
        known = {called.lower() for called in now.values()}
        a, b = self.spelled(old), new if kind == "rename" else self.spelled(new)
        together = {p for (p, _), n in now.items() if n == a} & {p for (p, _), n in now.items() if n == b}
        if kind == "rename":
            allowed = a.lower() in known and a != b and (b.lower() not in known or a.lower() == b.lower())
        else:
            allowed = a.lower() in known and b.lower() in known and a != b and not together
        with self.library.database.write() as db:
            if not allowed:
                with pytest.raises(UsageError):
                    (rename if kind == "rename" else merge)(db, old, new, author="Ann")
                return
            made = (rename if kind == "rename" else merge)(db, old, new, author="Ann")
        self.acts.append(Act(made.naming_id, kind, ("", 0), a, b))

    @precondition(lambda self: any(not act.undone for act in self.acts))
    @rule(which=st.none() | st.integers(0, 30))
    def take_back(self, which: int | None) -> None:
        standing = [act for act in self.acts if not act.undone]
        act = standing[-1] if which is None else standing[which % len(standing)]
        with self.library.database.write() as db:
            assert undo(db, "Bob", None if which is None else act.number).naming_id == act.number
        act.undone = True

    @rule()
    def look_again(self) -> None:
        """Another model draws every box a little elsewhere."""
        self.jitter += 1
        by = -0.02 * (self.jitter % 2)
        boxes = {
            photo: [("mature", 0.9, (x + by, y, w, h)) for x, y, w, h in places]
            for photo, places in {"a.jpg": TWO, "b.jpg": [beside(0, 1)], "c.jpg": [beside(0, 1)]}.items()
        }
        self.library.detect(boxes, weights=f"model {self.jitter}.pt")
        self.before, self.told = self.rest(), self.report()

    @rule()
    def nothing_else_has_changed(self) -> None:
        assert self.rest() == self.before
        assert self.report() == self.told
        with self.library.database.read() as db:
            assert broken(db) == []

    @invariant()
    def names_are_those_of_the_model(self) -> None:
        if not hasattr(self, "library"):
            return
        photos = {image_id: photo for photo, image_id in self.library.ids.items()}
        with (
            self.library.database.read() as db,
            select(db, Selection()) as chosen,
            count_boxes(chosen, None) as counted,
            join_names(counted) as named,
        ):
            rows = named.each()
        assert all(row["kind"] is not None for row in rows)
        told = {
            (photos[row["image_id"]], 2 if row["x"] > 0.5 else 1): row["name"]
            for row in rows
            if row["name"] is not None
        }
        assert told == self.replay()


TestNames = Names.TestCase
TestNames.settings = settings(
    max_examples=8, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck)
)


# ---- reports


def ranch(folder: Path) -> Library:
    """Split Brow at two stations in two seasons; one photo of November 2024 shows three bucks."""
    photos = [
        Photo("old.jpg", "2023-11-03 17:00", "Hayfield"),
        Photo("new.jpg", "2024-11-03 06:50", "Hayfield"),
        Photo("new2.jpg", "2024-11-03 06:55", "Hayfield"),
        Photo("far.jpg", "2024-11-20 23:00", "TinMan"),
        Photo("three.jpg", "2024-11-21 06:00", "TinMan"),
        Photo("alone.jpg", "2024-12-01 06:00", "TinMan"),
    ]
    one, three = [("mature", 0.9)], [("mature", 0.9), ("mature", 0.8), ("mid", 0.7)]
    found = {photo.name: one for photo in photos} | {"three.jpg": three}
    library = make_library(folder, photos, found)
    with library.database.write() as db:
        db.execute(
            "UPDATE stations SET latitude = 30.5, longitude = -97.5, timezone = 'America/Chicago'"
            " WHERE name = 'Hayfield'"
        )
    for photo in ("old.jpg", "new.jpg", "new2.jpg", "far.jpg"):
        name(library, photo, "Split Brow")
    name(library, "three.jpg", "Wide", 1)
    return library


def test_the_report_by_name_counts_what_is_named_and_what_is_not(tmp_path: Path) -> None:
    library = ranch(tmp_path)
    with library.database.read() as db:
        report = by_name(db, Question(), ["name"], now=NOW)
    split, wide, unnamed = report.rows
    assert (split["name"], split["events"], split["photos"], split["stations"]) == ("Split Brow", 3, 4, 2)
    assert (split["first_sighting"], split["last_sighting"]) == ("2023-11-03 17:00", "2024-11-20 23:00")
    assert split["days_since"] == 42
    # Of the three visits two are at the station whose sun is known; both lie in legal light.
    assert (split["legal_events"], split["dark_events"], split["unknown_light_events"]) == (2, 0, 1)
    assert (split["legal_share"], split["station_nights"], split["age"]) == (1.0, 3, "mature")
    assert wide["events"] == 1
    # alone.jpg, and three.jpg, which shows one mature buck more than is named.
    assert (unnamed["name"], unnamed["events"]) == (None, 2)
    assert [row["season"] for row in report.sections[0].rows] == ["2023-24", "2024-25"]
    last = report.sections[0].rows[1]
    assert (last["named"], last["unnamed_at_once"]) == (2, 2)
    assert (last["at_least"], last["at_least_if_others"]) == (3, 4)
    assert report.headline == (
        "2024-25: at least 3 different bucks, 4 if the unnamed ones are others than the 2 named."
    )
    assert "unnamed, 2 visits" in "\n".join(report.notes)


def test_one_buck_has_its_seasons_beside_each_other(tmp_path: Path) -> None:
    library = ranch(tmp_path)
    with library.database.read() as db:
        report = one_buck(db, Question(), "split brow", now=NOW)
    assert [(row["season"], row["events"], row["photo"]) for row in report.rows] == [
        ("2023-24", 1, "Hayfield/old.jpg"),
        ("2024-25", 2, "TinMan/far.jpg"),
    ]
    sections = {section.name: section.rows for section in report.sections}
    assert [(row["station"], row["events"]) for row in sections["stations"]] == [
        ("Hayfield", 2),
        ("TinMan", 1),
    ]
    assert {row["hour"]: row["events"] for row in sections["hours"] if row["events"]} == {6: 1, 17: 1, 23: 1}
    assert [(row["night"], row["times"]) for row in sections["nights"]] == [
        ("2024-11-20", "23:00"),
        ("2024-11-02", "06:50"),
        ("2023-11-03", "17:00"),
    ]
    assert report.headline.startswith("Split Brow: 3 visits at 2 stations, first seen 2023-11-03 17:00, last")


def test_names_by_station_and_month(tmp_path: Path) -> None:
    library = ranch(tmp_path)
    with library.database.read() as db:
        rows = by_name(db, Question(), ["name", "station", "month"], now=NOW).rows
        with pytest.raises(UsageError, match='counted by "age"'):
            by_name(db, Question(), ["name", "age"])
    assert {(row["name"], row["month"], row["station"]): row["events"] for row in rows} == {
        ("Split Brow", "2023-11", "Hayfield"): 1,
        ("Split Brow", "2024-11", "Hayfield"): 1,
        ("Split Brow", "2024-11", "TinMan"): 1,
        ("Wide", "2024-11", "TinMan"): 1,
        (None, "2024-11", "TinMan"): 1,
        (None, "2024-12", "TinMan"): 1,
    }


def test_a_library_without_names_has_only_unnamed_bucks(tmp_path: Path) -> None:
    library = two_bucks(tmp_path)
    with library.database.read() as db:
        report = by_name(db, Question(), ["name"], now=NOW)
        assert [(row["name"], row["events"]) for row in report.rows] == [(None, 2)]
        assert name_list(db, timedelta(minutes=30)).rows == []
        assert by_name(db, Question(selection=Selection(months=(1,))), ["name"], now=NOW).rows == []


# ---- one buck at two stations in the same minute


def test_one_buck_at_two_far_stations_in_the_same_minute_is_flagged(tmp_path: Path) -> None:
    photos = [
        Photo("a.jpg", "2024-11-03 06:10:00", "Hayfield"),
        Photo("b.jpg", "2024-11-03 06:10:50", "TinMan"),
        Photo("c.jpg", "2024-11-03 06:12:00", "Sanctuary"),
    ]
    library = make_library(tmp_path, photos, {photo.name: [("mature", 0.9)] for photo in photos})
    for photo in photos:
        name(library, photo.name, "Split Brow")
    with library.database.read() as db:
        (told,) = doubt_sentences(db, ["Split Brow"])
    assert told.startswith(
        "Split Brow was at Hayfield (2024-11-03 06:10:00, photo 1) and at TinMan (06:10:50"
    )
    assert "how far apart these are isn't known" in told

    def place(station: str, latitude: float) -> None:
        with library.database.write() as db:
            db.execute(
                "UPDATE stations SET latitude = ?, longitude = -97.5 WHERE name = ?", [latitude, station]
            )

    place("Hayfield", 30.50)
    place("TinMan", 30.51)
    with library.database.read() as db:
        (told,) = doubt_sentences(db, ["Split Brow"])
    assert "1,112 m apart. One of the two is another buck" in told
    place("TinMan", 30.501)
    with library.database.read() as db:
        assert doubt_sentences(db, ["Split Brow"]) == []


def test_distances_are_those_of_a_sphere() -> None:
    assert metres_between((0, 0), (0, 180)) == pytest.approx(20_015_087, abs=1)
    assert metres_between((30.5, -97.5), (30.5, -97.5)) == 0
    assert metres_between((89.9, 0), (89.9, 180)) == pytest.approx(22_239, abs=1)


# ---- the digest


def test_a_digest_tells_who_is_back(tmp_path: Path) -> None:
    photos = [
        Photo("a.jpg", "2024-10-01 06:00"),
        Photo("b.jpg", "2024-11-11 07:00", "TinMan"),
        Photo("c.jpg", "2024-11-12 07:00", "TinMan"),
    ]
    library = make_library(tmp_path, photos, {photo.name: [("mature", 0.9)] for photo in photos})

    def told() -> tuple[str, list[dict[str, Any]]]:
        with library.database.read() as db:
            made = digest(db, Question(), DigestOptions(["mature"]))
        remember_in(library.database, DEFAULT_NAME, made.told)
        (rows,) = [section.rows for section in made.report.sections if section.name == "bucks"]
        return made.report.headline, list(rows)

    name(library, "a.jpg", "Split Brow")
    assert told()[1] == []  # the first digest has no last one
    name(library, "b.jpg", "Split Brow")
    headline, rows = told()
    assert "Split Brow back after 41 days: TinMan, 2024-11-11 07:00." in headline
    assert [(row["name"], row["events"], row["days_away"]) for row in rows] == [("Split Brow", 1, 41)]
    assert "Split Brow" not in told()[0]
    name(library, "c.jpg", "Split Brow")
    assert "Split Brow again: 1 visit, the latest at TinMan, 2024-11-12 07:00." in told()[0]
    name(library, "c.jpg", "Wide")
    assert "Wide has a name: 1 visit, the latest at TinMan, 2024-11-12 07:00." in told()[0]
