"""Renaming, merging and undoing: photos stay where they belong, whatever is scanned when."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.library import Library, Photo, make_library
from trailcam.errors import UsageError
from trailcam.reports.station_list import station_list
from trailcam.store import migrations
from trailcam.store.database import Connection
from trailcam.store.station_facts import FACTS, find_station, gps_place, merge, rename, set_facts, undo

FOLDERS = ("A", "B", "C", "D")
NAMES = (*FOLDERS, "X", "Y")


def photos(folder: str, n: int, first: int = 0) -> list[Photo]:
    return [
        Photo(f"{folder}{i}.jpg", f"2024-11-{i % 28 + 1:02d} 06:10", folder) for i in range(first, first + n)
    ]


def where(library: Library) -> dict[str, str]:
    """Photo -> its station's name; every photo has exactly one."""
    with library.database.read() as db:
        found = db.execute(
            "SELECT i.path, s.name FROM images i LEFT JOIN stations s USING (station_id)"
        ).fetchall()
    placed = {str(path): str(name) for path, name in found if name is not None}
    assert len(placed) == len(found)
    return placed


def counts(library: Library) -> Counter[str]:
    return Counter(where(library).values())


def facts(db: Connection, name: str) -> dict[str, object]:
    return {fact: getattr(find_station(db, name), fact) for fact in FACTS}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path, [*photos("A", 3), *photos("B", 2)])


def test_a_rename_holds_for_photos_scanned_later(library: Library) -> None:
    with library.database.write() as db:
        rename(db, "a", "Oak")
    library.add(photos("A", 2, first=10))
    assert counts(library) == {"Oak": 5, "B": 2}
    with library.database.write() as db:
        undo(db)
    assert counts(library) == {"A": 5, "B": 2}


def test_a_merge_holds_for_photos_scanned_later_and_is_parted_with_them(library: Library) -> None:
    with library.database.write() as db:
        merge(db, "A", "B")
    library.add([*photos("A", 2, first=10), *photos("B", 1, first=10)])
    assert counts(library) == {"B": 8}
    with library.database.write() as db:
        undo(db)
    assert counts(library) == {"A": 5, "B": 3}


def test_two_labels_that_were_swapped(library: Library) -> None:
    """The name A goes to the other station; its folder's photos don't."""
    for old, new in (("A", "X"), ("B", "A"), ("X", "B")):
        with library.database.write() as db:
            rename(db, old, new)
    library.add(photos("A", 2, first=10))
    assert counts(library) == {"B": 5, "A": 2}


def test_a_new_station_never_gets_the_id_of_a_merged_one(library: Library) -> None:
    with library.database.write() as db:
        merge(db, "B", "A")
    library.add(photos("C", 1))
    with library.database.write() as db:
        undo(db)
    assert counts(library) == {"A": 3, "B": 2, "C": 1}


def test_a_merge_takes_over_what_the_other_lacks_and_undo_gives_it_back(library: Library) -> None:
    with library.database.write() as db:
        set_facts(
            db, find_station(db, "A").station_id, {"latitude": 30.0, "longitude": -97.0, "notes": "oak"}
        )
        set_facts(db, find_station(db, "B").station_id, {"notes": "creek", "timezone": "America/Denver"})
        before = facts(db, "A"), facts(db, "B")
        merge(db, "A", "B")
        assert facts(db, "B") == {
            "latitude": 30.0,
            "longitude": -97.0,
            "notes": "creek",
            "timezone": "America/Denver",
            "until": None,
        }
        undo(db)
        assert (facts(db, "A"), facts(db, "B")) == before


def test_results_and_what_digests_told_stay(library: Library) -> None:
    library.detect({"A0.jpg": [("doe", 0.9)], "B0.jpg": []})
    with library.database.write() as db:
        ids = [find_station(db, name).station_id for name in ("A", "B")]
        db.execute("INSERT INTO digest_silences VALUES (1, $1, DATE '2024-11-03')", [ids[0]])
        state = "SELECT image_id, run_id, status FROM images ORDER BY ALL"
        before = db.execute(state).fetchall(), db.execute("SELECT * FROM detections").fetchall()
        merge(db, "A", "B")
        assert (db.execute(state).fetchall(), db.execute("SELECT * FROM detections").fetchall()) == before
        told = db.execute("SELECT count(*) FROM digest_silences WHERE station_id = ?", [ids[1]]).fetchall()
        assert told == [(1,)]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("A", "b", "There is a station B already"),
        ("A", "A", "is called A already"),
        ("A", " ", "can't be a station's name"),
        ("A", "a\x1b[31m", "can't be a station's name"),
        ("A", "x" * 201, "can't be a station's name"),
        ("Q", "X", "There is no station 'Q'"),
    ],
)
def test_names_that_are_refused(library: Library, old: str, new: str, why: str) -> None:
    with pytest.raises(UsageError) as error, library.database.write() as db:
        rename(db, old, new)
    assert why in error.value.message
    assert counts(library) == {"A": 3, "B": 2}


def test_a_change_of_case_is_a_rename(library: Library) -> None:
    with library.database.write() as db:
        rename(db, "A", "a")
    assert counts(library) == {"a": 3, "B": 2}


def test_stations_that_differ_in_case_are_told_apart_and_can_be_merged(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("1.jpg", None, "Jason"), Photo("2.jpg", None, "JASON")])
    with library.database.write() as db:
        with pytest.raises(UsageError, match="may be any of: JASON, Jason"):
            find_station(db, "jason")
        merge(db, "JASON", "Jason")
    assert counts(library) == {"Jason": 2}


def test_undo_without_a_change(library: Library) -> None:
    with library.database.write() as db, pytest.raises(UsageError, match="No station was renamed"):
        undo(db)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([], None),
        ([(30.0, -97.0)], (30.0, -97.0)),
        ([(30.0, -97.0), (30.0001, -97.0), (30.0002, -97.0)], (30.0001, -97.0)),
        ([(30.0, -97.0)] * 19 + [(45.0, 7.0)], (30.0, -97.0)),  # one photo from a phone elsewhere
        ([(30.0, -97.0), (30.1, -97.0)], None),
    ],
)
def test_what_gps_tells(
    library: Library, places: list[tuple[float, float]], expected: tuple[float, float] | None
) -> None:
    library.add(photos("G", len(places) or 1))
    with library.database.write() as db:
        for n, (latitude, longitude) in enumerate(places):
            db.execute(
                "UPDATE images SET latitude = ?, longitude = ? WHERE path = ?",
                [latitude, longitude, f"G/G{n}.jpg"],
            )
        if expected:
            assert gps_place(db, find_station(db, "G")) == pytest.approx(expected)
        else:
            with pytest.raises(UsageError):
                gps_place(db, find_station(db, "G"))


def test_a_library_from_before_knows_its_folders(tmp_path: Path) -> None:
    """Migrating names the folder of each photo, which until then was its station's name."""
    step = next(i for i, m in enumerate(migrations.MIGRATIONS) if m.__name__.endswith("_stations"))
    with duckdb.connect(str(tmp_path / "old.duckdb")) as db:
        for migrate in migrations.MIGRATIONS[:step]:
            migrate(db)
        db.execute("INSERT INTO stations (station_id, name) VALUES (7, 'A')")
        db.execute(
            "INSERT INTO images (image_id, root_id, path, size_bytes, mtime_ns, station_id,"
            " captured_at_source, orientation, status, first_seen_at, scanned_at)"
            " VALUES (1, 1, 'A/1.jpg', 1, 1, 7, 'unknown', 1, 'pending', now()::TIMESTAMP, now()::TIMESTAMP)"
        )
        with migrations.transaction(db):
            migrations.MIGRATIONS[step](db)
        assert db.execute("SELECT scanned_station, station_id FROM images").fetchall() == [("A", 7)]


_STEP = st.one_of(
    st.tuples(st.just("scan"), st.sampled_from(FOLDERS), st.just("")),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("merge"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("undo"), st.just(""), st.just("")),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_STEP, max_size=7))
def test_whatever_is_done_no_photo_is_lost_and_undoing_all_gives_the_folders(
    steps: list[tuple[str, str, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        library = make_library(Path(folder), [p for name in FOLDERS for p in photos(name, 1)])
        n_photos, in_force = len(FOLDERS), 0
        for kind, first, second in steps:
            before = where(library)
            if kind == "scan":
                library.add(photos(first, 1, first=n_photos + 100))
                n_photos += 1
                # A folder's new photos go where its old ones are.
                assert {name for path, name in where(library).items() if path.startswith(first)} == {
                    name for path, name in before.items() if path.startswith(first)
                }
                continue
            try:
                with library.database.write() as db:
                    match kind:
                        case "rename":
                            rename(db, first, second)
                        case "merge":
                            merge(db, first, second)
                        case _:
                            undo(db)
                in_force += -1 if kind == "undo" else 1
            except UsageError:
                assert where(library) == before
            assert sum(counts(library).values()) == n_photos
        for _ in range(in_force):
            with library.database.write() as db:
                undo(db)
        assert all(path.startswith(f"{name}/") for path, name in where(library).items())
        assert len(where(library)) == n_photos


def test_photos_whose_gps_was_never_read_are_counted(library: Library) -> None:
    def notes() -> str:
        with library.database.read() as db:
            return " ".join(station_list(db, {}, None).notes)

    assert "GPS was never read" not in notes()
    with library.database.write() as db:
        db.execute(
            "UPDATE migrations SET applied_at = now()::TIMESTAMP + INTERVAL 2 DAY WHERE name LIKE '%stations'"
        )
    assert "5 photos scanned by an older trailcam: their GPS was never read." in notes()
