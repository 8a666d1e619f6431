"""Static places and excluded areas in a database: found, answered for, hidden, and taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.library import Found, Library, Photo, make_library
from tests.unit.test_static_places import MOVING, STATIC
from trailcam.errors import UsageError
from trailcam.pages.saved_file import SavedFileError
from trailcam.selection import Selection
from trailcam.static_boxes.apply_static import StaticApplied, apply_static, undo_static
from trailcam.static_boxes.areas import add_area, drop_areas
from trailcam.static_boxes.find_static import StaticFound, find_after_run, find_static
from trailcam.static_boxes.polygon import parse_points, what_is_wrong
from trailcam.static_boxes.static_answers import DrawnArea, SavedAnswer, StaticAnswers, read_static
from trailcam.store.counted import count_boxes
from trailcam.store.database import Connection, Database, utc_now
from trailcam.store.hidden import HiddenCounts
from trailcam.store.invariants import broken
from trailcam.store.review_rows import library_id
from trailcam.store.select import select
from trailcam.store.static_known import place_rows, summary, waiting_in_words
from trailcam.store.static_rows import place_answers
from trailcam.store.station_facts import merge, rename
from trailcam.store.station_facts import undo as undo_station_change

STUMP = (0.1, 0.1, 0.2, 0.2)
FEEDER = (0.6, 0.2, 0.2, 0.5)
DEER = (0.4, 0.5, 0.3, 0.3)
AREA = "0.35,0.48 0.75,0.48 0.75,0.9 0.35,0.9"
START = datetime(2024, 10, 1, 6)
GAP = timedelta(minutes=30)


def photos(n: int, station: str = "Hayfield", first: int = 0) -> list[Photo]:
    return [
        Photo(f"{station}{k}.jpg", START + timedelta(hours=7 * k), station=station)
        for k in range(first, first + n)
    ]


def with_deer(
    all_photos: Sequence[Photo], *things: tuple[float, float, float, float]
) -> dict[str, list[Found]]:
    """Each photo shows the things, every seventh a buck as well."""
    seen: list[Found] = [("doe", 0.9, thing) for thing in things]
    deer: Found = ("mature", 0.8, DEER)
    return {photo.name: [*seen, deer] if k % 7 == 0 else seen for k, photo in enumerate(all_photos)}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Two stations with a stump each, 42 photos over 12 days; Hayfield has a feeder too."""
    made = make_library(tmp_path, [*photos(42), *photos(42, "TinMan")])
    made.detect({**with_deer(photos(42), STUMP, FEEDER), **with_deer(photos(42, "TinMan"), STUMP)})
    return made


@pytest.fixture
def db(library: Library) -> Iterator[Connection]:
    with library.database.write() as connection:
        yield connection
        assert broken(connection) == []


def counts(db: Connection, **selected: Any) -> dict[str, int]:  # noqa: ANN401
    with select(db, Selection(**selected)) as chosen, count_boxes(chosen, None):
        return dict(db.execute("SELECT class, count(*) FROM counted GROUP BY 1 ORDER BY 1").fetchall())


def hidden(db: Connection) -> HiddenCounts:
    with select(db, Selection()) as chosen, count_boxes(chosen, None) as counted:
        return counted.hidden_counts(GAP)


def answers(
    db: Connection,
    found: StaticFound,
    says: dict[int, bool],
    *,
    page: str = "p",
    areas: Sequence[DrawnArea] = (),
) -> StaticAnswers:
    """What a page of ``found`` saves: place -> whether it is a thing."""
    given_ = [
        SavedAnswer(
            uid=f"{page}/{one.place_id}",
            place_id=one.place_id,
            station_id=one.boxes.station_id,
            camera=one.boxes.camera,
            box=one.box,
            is_thing=says[one.place_id],
            based_on=one.based_on,
            decided_at=START,
        )
        for one in found.proposals
        if one.place_id in says
    ]
    return StaticAnswers(page, library_id(db), utc_now(), "Ann", tuple(given_), tuple(areas))


def apply(db: Connection, given_: StaticAnswers, author: str = "Ann", **how: bool) -> StaticApplied:
    return apply_static(db, given_, author=author, confidence=None, **how)


def names(found: StaticFound) -> list[tuple[str, int]]:
    return [(one.boxes.station, len(one.boxes)) for one in found.proposals]


ALL = {"doe": 126, "mature": 12}


def test_find_proposes_and_hides_nothing(db: Connection) -> None:
    found = find_static(db, None)
    assert names(found) == [("Hayfield", 42), ("Hayfield", 42), ("TinMan", 42)]
    assert sorted(one.box for one in found.proposals[:2]) == [
        pytest.approx(STUMP),
        pytest.approx(FEEDER),
    ]
    assert {one.looks for one in found.proposals} == {(("doe", 42),)}
    assert counts(db) == ALL
    assert summary(db).waiting == 3


def test_a_search_again_finds_the_same_places(db: Connection) -> None:
    first, again = find_static(db, None), find_static(db, None)
    assert [one.place_id for one in first.proposals] == [one.place_id for one in again.proposals]
    assert len(place_rows(db)) == 3
    assert names(find_static(db, None, stations=["tinman"])) == [("TinMan", 42)]
    assert len(place_rows(db)) == 3, "the other station was not searched, so its places stay"
    with pytest.raises(UsageError, match="no station"):
        find_static(db, None, stations=["nowhere"])


def test_a_place_that_is_found_no_longer_goes_unless_somebody_answered(library: Library) -> None:
    with library.database.write() as db:
        found = find_static(db, None)
        apply(db, answers(db, found, {found.proposals[2].place_id: True}))
    library.detect({photo.name: [] for photo in [*photos(42), *photos(42, "TinMan")]}, weights="blind.pt")
    with library.database.write() as db:
        assert find_static(db, None).proposals == ()
        assert [row["station"] for row in place_rows(db)] == ["TinMan"]


def test_a_thing_leaves_all_counts_and_an_animal_stays(db: Connection) -> None:
    found = find_static(db, None)
    stump, feeder, tinman = (one.place_id for one in found.proposals)
    done = apply(db, answers(db, found, {stump: True, feeder: False}))
    assert (done.things, done.animals, done.conflicts) == (1, 1, [])
    assert counts(db) == {"doe": 84, "mature": 12}
    told = hidden(db)
    assert (told.boxes, told.events, told.places, told.automatic) == (42, 42, 1, 0)
    left = find_static(db, None)
    assert [one.place_id for one in left.proposals] == [tinman], "what was kept isn't asked about again"


def test_applying_twice_changes_nothing_also_after_undo(db: Connection) -> None:
    found = find_static(db, None)
    given_ = answers(db, found, {one.place_id: True for one in found.proposals})
    apply(db, given_)
    assert counts(db) == {"mature": 12}
    done = apply(db, given_)
    assert (done.things, done.known) == (0, 3)
    assert undo_static(db, None, "Bob", None).places == tuple(one.place_id for one in found.proposals)
    assert counts(db) == ALL
    assert apply(db, given_).known == 3
    assert counts(db) == ALL
    assert summary(db).waiting == 3
    with pytest.raises(UsageError, match="no answer to take back"):
        undo_static(db, None, "Bob", None)
    (row,) = place_answers(db, found.proposals[0].place_id)
    assert (row["author"], row["undone_by"], row["photos"]) == ("Ann", "Bob", 42)


def test_new_boxes_at_a_confirmed_place_count_and_are_proposed_again(library: Library) -> None:
    with library.database.write() as db:
        found = find_static(db, None)
        apply(db, answers(db, found, {one.place_id: True for one in found.proposals}))
    late = photos(2, first=42)
    library.add(late)
    run = library.detect(with_deer(late, STUMP))
    again = find_after_run(library.database, run, None, auto=False)
    with library.database.write() as db:
        assert counts(db) == {"doe": 2, "mature": 13}
        (one,) = again.proposals
        assert (one.confirmed, len(one.boxes), one.based_on) == (True, 2, 1)
        assert waiting_in_words(db, None)[0].startswith("1 new place may show a thing")
        apply(db, answers(db, again, {one.place_id: True}, page="q"))
        assert counts(db) == {"mature": 13}
        undo_static(db, one.place_id, "Ann", None)
        assert counts(db) == {"doe": 2, "mature": 13}, "only what was said last is taken back"


def test_an_answer_covers_what_the_page_could_show(library: Library) -> None:
    """Photos looked at between the page and apply are no part of the answer."""
    with library.database.write() as db:
        found = find_static(db, None)
        given_ = answers(db, found, {found.proposals[0].place_id: True})
    late = photos(3, first=42)
    library.add(late)
    library.detect(with_deer(late, STUMP))
    with library.database.write() as db:
        apply(db, given_)
        assert hidden(db).boxes == 42
        assert [len(one.boxes) for one in find_static(db, None).proposals if one.confirmed] == [3]


def test_another_model_finds_the_thing_hidden(library: Library) -> None:
    with library.database.write() as db:
        found = find_static(db, None)
        apply(db, answers(db, found, {one.place_id: True for one in found.proposals}))
    wobbly = (0.103, 0.098, 0.2, 0.2)
    library.detect(with_deer(photos(42), wobbly), weights="newer.pt")
    with library.database.write() as db:
        assert counts(db, stations=("Hayfield",)) == {"mature": 6}


def test_a_deer_at_the_thing_counts(library: Library) -> None:
    """Only boxes exactly at the place are hidden, not what overlaps it."""
    with library.database.write() as db:
        found = find_static(db, None)
        apply(db, answers(db, found, {one.place_id: True for one in found.proposals}))
    before = (0.14, 0.12, 0.2, 0.22)
    library.detect({"Hayfield1.jpg": [("doe", 0.9, STUMP), ("mature", 0.9, before)]}, weights="newer.pt")
    with library.database.write() as db:
        assert counts(db, stations=("Hayfield",))["mature"] == 7


def test_auto_hides_what_is_sure_and_new_boxes_there(library: Library) -> None:
    with library.database.write() as db:
        done = find_static(db, None, auto=True)
        assert (done.hidden_places, done.hidden_photos, done.proposals) == (3, 126, ())
        assert "Hidden by [static] auto: boxes on 126 photos at 3 places." in done.in_words()[0]
        assert counts(db) == {"mature": 12}
        assert hidden(db).automatic == 126
        assert "126 of them by [static] auto" in hidden(db).in_words()[0]
    late = photos(2, first=42)
    library.add(late)
    run = library.detect(with_deer(late, STUMP))
    assert find_after_run(library.database, run, None, auto=True).hidden_photos == 2
    with library.database.write() as db:
        assert counts(db) == {"mature": 13}
        place = place_rows(db)[0]["place_id"]
        undo_static(db, place, "Ann", None)
        undo_static(db, place, "Ann", None)
        again = find_static(db, None, auto=True)
        assert (again.hidden_places, len(again.proposals)) == (0, 1), "what a person took back stays so"


def test_auto_asks_about_what_it_is_not_sure_of(tmp_path: Path) -> None:
    few = photos(20)
    made = make_library(tmp_path, few)
    made.detect(with_deer(few, STUMP))
    with made.database.write() as db:
        found = find_static(db, None, auto=True)
        assert (found.hidden_places, names(found)) == (0, [("Hayfield", 20)])


def test_the_later_of_two_people_is_told_of_the_other(db: Connection) -> None:
    found = find_static(db, None)
    place = found.proposals[0].place_id
    anns, bobs = answers(db, found, {place: True}), answers(db, found, {place: False}, page="b")
    apply(db, anns)
    done = apply(db, bobs, author="Bob")
    assert (done.animals, len(done.conflicts)) == (0, 1)
    assert "Ann has recorded since the page was made: a thing" in done.conflicts[0]
    assert hidden(db).boxes == 42
    assert apply(db, bobs, author="Bob", overwrite=True).animals == 1
    assert hidden(db).boxes == 0
    undo_static(db, place, "Bob", None)
    assert hidden(db).boxes == 42, "what was said before counts again"


def test_two_who_agree_are_no_conflict(db: Connection) -> None:
    found = find_static(db, None)
    place = found.proposals[0].place_id
    apply(db, answers(db, found, {place: True}))
    done = apply(db, answers(db, found, {place: True}, page="b"), author="Bob")
    assert (done.things, done.conflicts) == (1, [])
    assert hidden(db).boxes == 42


def test_an_answer_on_a_place_that_another_search_forgot(db: Connection) -> None:
    found = find_static(db, None)
    given_ = answers(db, found, {found.proposals[0].place_id: True})
    db.execute("DELETE FROM static_places")
    assert apply(db, given_).things == 1
    assert hidden(db).boxes == 42


def test_answers_on_another_database_are_refused(db: Connection) -> None:
    found = find_static(db, None)
    given_ = answers(db, found, {found.proposals[0].place_id: True})
    foreign = StaticAnswers("p", "0" * 16, given_.made_at, "Ann", given_.answers, ())
    with pytest.raises(UsageError, match="another database"):
        apply(db, foreign)
    assert hidden(db).boxes == 0


def test_places_follow_stations_that_are_renamed_merged_and_separated(library: Library) -> None:
    with library.database.write() as db:
        found = find_static(db, None)
        apply(db, answers(db, found, {one.place_id: True for one in found.proposals}))
        add_area(db, "TinMan", parse_points(AREA), "Ann")
        assert counts(db) == {"mature": 6}
        rename(db, "TinMan", "Tin Man")
        assert counts(db) == {"mature": 6}
        merge(db, "Tin Man", "Hayfield")
        assert counts(db) == {}, "the area is the merged station's"
        assert {row["station"] for row in place_rows(db)} == {"Hayfield"}
        assert broken(db) == []
        assert find_static(db, None).proposals == ()
        undo_station_change(db)
        assert counts(db) == {"mature": 6}
        assert [row["station"] for row in place_rows(db)] == ["Hayfield", "Hayfield", "Tin Man"]


def test_another_folder_of_the_station_matches_and_another_camera_does_not(library: Library) -> None:
    with library.database.write() as db:
        found = find_static(db, None)
        apply(db, answers(db, found, {one.place_id: True for one in found.proposals}))
    late = photos(8, first=42)
    library.add(late)
    library.detect(with_deer(late, STUMP))
    with library.database.write() as db:
        db.execute("UPDATE images SET path = replace(path, 'Hayfield/', 'Hayfield/card 2/')")
        assert [len(one.boxes) for one in find_static(db, None).proposals] == [8]
        db.execute("UPDATE images SET serial = 'H600' WHERE image_id > 84")
        assert find_static(db, None).proposals == (), "eight photos of another camera are too few"


def test_an_area_takes_out_what_lies_in_it_also_later(library: Library) -> None:
    with library.database.write() as db:
        assert add_area(db, "hayfield", parse_points(AREA), "Ann") == (1, "Hayfield")
        assert counts(db) == {"doe": 126, "mature": 6}
        told = hidden(db)
        assert (told.boxes, told.in_areas, told.areas, told.places) == (6, 6, 1, 0)
    late = photos(1, first=42)
    library.add(late)
    library.detect(with_deer(late, STUMP))
    with library.database.write() as db:
        assert hidden(db).boxes == 7, "an area is a standing instruction"
        assert drop_areas(db, "Hayfield", 1, "Ann") == 1
        assert hidden(db).boxes == 0
        with pytest.raises(UsageError, match="no excluded area"):
            drop_areas(db, "Hayfield", None, "Ann")
        with pytest.raises(UsageError, match="no station"):
            add_area(db, "Nowhere", parse_points(AREA), "Ann")


def test_a_large_deer_over_a_small_area_counts(library: Library) -> None:
    with library.database.write() as db:
        add_area(db, "Hayfield", parse_points("0.5,0.6 0.6,0.6 0.6,0.7 0.5,0.7"), "Ann")
        assert hidden(db).boxes == 0, "its centre is in the area, but not half of it"


def test_areas_of_a_page_are_undone_with_its_answers(db: Connection) -> None:
    found = find_static(db, None)
    drawn = DrawnArea("p/area", found.proposals[0].boxes.station_id, parse_points(AREA), START)
    lost = DrawnArea("p/lost", 99, parse_points(AREA), START)
    given_ = answers(db, found, {found.proposals[0].place_id: True}, areas=[drawn, lost])
    done = apply(db, given_)
    assert (done.things, done.areas, done.conflicts) == (
        1,
        1,
        ["An area: its station isn't in this database"],
    )
    assert hidden(db).boxes == 48
    undone = undo_static(db, None, "Ann", None)
    assert (len(undone.places), undone.areas) == (1, 1)
    assert counts(db) == ALL


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "three corners"),
        ("0,0 1,1", "three corners"),
        ("0,0 1,1 2,0", "lie on the photo"),
        ("0,0 0.5,0.5 1,1", "so narrow"),
        ("0,0 1,nan 1,1", "lie on the photo"),
        ("0,0 x,1 1,1", "names no corners"),
        ("0,0,0 1,1 1,0", "names no corners"),
    ],
)
def test_corners_that_are_no_area(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_points(text)


CORNER = st.tuples(st.floats(0, 1), st.floats(0, 1))


def share_inside(points: Sequence[tuple[float, float]], box: tuple[float, ...]) -> tuple[bool, float]:
    """By another way: whether a box's centre is in a polygon (winding of angles), and how much of the box."""
    corners = np.array(points) @ np.array([1, 1j])
    turned = np.roll(corners, -1)

    def inside(x: float, y: float) -> bool:
        steps = np.angle((turned - (x + 1j * y)) / (corners - (x + 1j * y)))
        return bool(round(steps.sum() / (2 * np.pi)) % 2)

    x, y, w, h = box
    grid = [(x + w * (j + 0.5) / 4, y + h * (k + 0.5) / 4) for j in range(4) for k in range(4)]
    return inside(x + w / 2, y + h / 2), float(np.mean([inside(*point) for point in grid]))


GRID = [(x / 5, y / 5, 0.17, 0.13) for x in range(4) for y in range(4)]


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A box on each of sixteen photos; tests roll back what they do."""
    some = photos(len(GRID))
    made = make_library(tmp_path_factory.mktemp("grid"), some)
    made.detect({photo.name: [("doe", 0.9, box)] for photo, box in zip(some, GRID, strict=True)})
    return made


@settings(deadline=None, max_examples=40)
@given(points=st.lists(CORNER, min_size=3, max_size=7, unique=True))
def test_what_lies_in_an_area_by_another_way(grid: Library, points: list[tuple[float, float]]) -> None:
    if what_is_wrong(points):
        return
    expected = sum(centre and share > 0.5 for centre, share in (share_inside(points, box) for box in GRID))
    with grid.database.write(keep=False) as db:
        add_area(db, "Hayfield", tuple(points), "Ann")
        assert hidden(db).boxes == expected


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["thing", "animal", "undo", "undo all", "area", "no area", "auto"]), st.integers(0, 2)
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Three things at two stations; tests roll back what they do."""
    made = make_library(tmp_path_factory.mktemp("things"), [*photos(16), *photos(16, "TinMan")])
    made.detect({**with_deer(photos(16), STUMP, FEEDER), **with_deer(photos(16, "TinMan"), STUMP)})
    return made


@settings(deadline=None, max_examples=25)
@given(STEPS)
def test_whatever_is_said_and_taken_back_changes_nothing_else(
    things: Library, steps: list[tuple[str, int]]
) -> None:
    """What counts and what is hidden make up what counted at first; undoing all brings that back."""
    with things.database.write(keep=False) as db:
        everything = counts(db)
        tables = ("images", "results", "detections", "judgements", "judged_boxes", "runs")
        before = [
            db.execute(f"SELECT bit_xor(hash(t)), count(*) FROM {name} t").fetchall() for name in tables
        ]
        first = find_static(db, None)
        for n, (what, which) in enumerate(steps):
            one = first.proposals[which]
            try:
                if what in ("thing", "animal"):
                    given_ = answers(db, first, {one.place_id: what == "thing"}, page=f"page {n}")
                    apply(db, given_, overwrite=True)
                elif what == "auto":
                    find_static(db, None, auto=True)
                elif what == "area":
                    add_area(db, one.boxes.station, parse_points(AREA), "Ann")
                elif what == "no area":
                    drop_areas(db, one.boxes.station, None, "Ann")
                else:
                    undo_static(db, one.place_id if what == "undo" else None, "Ann", None)
            except UsageError:
                assert what in ("undo", "undo all", "no area")
            assert sum(counts(db).values()) + hidden(db).boxes == sum(everything.values())
            assert broken(db) == []
        while True:
            try:
                undo_static(db, None, "Ann", None)
            except UsageError:
                break
        assert counts(db) == everything
        assert hidden(db) == HiddenCounts()
        after = [db.execute(f"SELECT bit_xor(hash(t)), count(*) FROM {name} t").fetchall() for name in tables]
        assert after == before


def test_a_photo_that_turns_out_to_be_a_copy_takes_its_answer_along(library: Library) -> None:
    from trailcam.store.contents import settle

    with library.database.write() as db:
        found = find_static(db, None)
        apply(db, answers(db, found, {one.place_id: True for one in found.proposals}))
        db.execute(
            "UPDATE images SET content_id = 'c', whole_id = 'w', size_bytes = 7 WHERE image_id IN (1, 2)"
        )
        settle(db)
        assert broken(db) == []
        assert hidden(db).boxes == 126 - 2


def test_a_library_without_any_costs_and_says_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "empty.duckdb")
    database.migrate()
    with database.write() as db:
        assert find_static(db, None).proposals == ()
        assert find_static(db, None).in_words() == []
        assert hidden(db) == HiddenCounts()
        assert hidden(db).in_words() == []


def test_a_library_of_twenty_kinds_of_things(tmp_path: Path) -> None:
    """Each before a camera of its own: what stays is proposed, what moves isn't."""
    kinds = {**{name: make for name, (_, make) in STATIC.items()}, **MOVING}
    listed: list[Photo] = []
    seen: dict[str, list[Found]] = {}
    for number, make in enumerate(kinds.values()):
        thing = make(np.random.default_rng(number))
        for n, (box, hour) in enumerate(zip(thing.boxes.tolist(), thing.hours.tolist(), strict=True)):
            photo = Photo(f"{number}-{n}.jpg", START + timedelta(hours=hour), station=f"{number:02d}")
            listed.append(photo)
            seen[photo.name] = [("doe", 0.9, tuple(box))]
    made = make_library(tmp_path, listed)
    made.detect(seen)
    wanted = {f"{n:02d}": count for n, (count, _) in enumerate(STATIC.values())}
    with made.database.write() as db:
        found = Counter(one.boxes.station for one in find_static(db, None).proposals)
    assert found == wanted


@pytest.mark.parametrize("side", ["1e999", "1" + "0" * 400, "-1e999", "true", '"0.1"', "[]", "null"])
def test_a_box_of_a_saved_file_is_of_numbers(tmp_path: Path, side: str) -> None:
    file = tmp_path / "saved.json"
    file.write_text(
        '{"format": "trailcam static", "version": 1, "page": "p", "library": "l", "author": "",'
        ' "made_at": "2026-11-24T05:06:07Z", "areas": [], "answers": [{"place": 1, "station_id": 1,'
        f' "camera": "", "box": [{side}, 0.1, 0.1, 0.1], "decided_at": "2026-11-24T05:06:07Z"}}]}}',
        encoding="utf-8",
    )
    with pytest.raises(SavedFileError, match=r"answers\[0\]\.box\[0\] must be a number"):
        read_static(file)
