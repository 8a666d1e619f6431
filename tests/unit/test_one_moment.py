"""A photo and the video of the same trigger: which belong together, and that counts count them once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from trailcam.domain import ClassInfo
from trailcam.gallery.content import read_content
from trailcam.gallery.gallery_options import GalleryOptions
from trailcam.reports.bucks import bucks
from trailcam.reports.common import Question
from trailcam.reports.digest import DEFAULT_NAME, DigestOptions, digest
from trailcam.reports.named_bucks import by_name
from trailcam.reports.species import species
from trailcam.reports.stations import stations
from trailcam.reports.status import status
from trailcam.selection import Selection
from trailcam.store.corrections import JudgedBox, Judgement, record
from trailcam.store.database import Connection
from trailcam.store.digests import remember_in
from trailcam.store.name_photo import name_photo
from trailcam.store.select import select

Found = tuple[str, float]
QUESTION = Question(confidence=0.5)
AT = "2024-11-03 06:10:00"
TRIGGER = (Photo("IMG_0012.JPG", AT), Photo("IMG_0012.MP4", "2024-11-03 06:10:05"))


def stills(library: Library, selection: Selection | None = None) -> dict[str, str]:
    """Video -> its photo, by name."""
    names = {image_id: name for name, image_id in library.ids.items()}
    with library.database.read() as db, select(db, selection or Selection()):
        found = db.execute("SELECT clip_id, still_id FROM stills").fetchall()
    return {names[clip]: names[still] for clip, still in found}


@pytest.mark.parametrize(
    ("photos", "expected"),
    [
        pytest.param([*TRIGGER], {"IMG_0012.MP4": "IMG_0012.JPG"}, id="one name"),
        pytest.param(
            [Photo("IMG_0012.JPG", AT), Photo("VID_0012.MP4", "2024-11-03 06:10:29")],
            {"VID_0012.MP4": "IMG_0012.JPG"},
            id="one number, half a minute apart",
        ),
        pytest.param(
            [Photo("IMG_0011.JPG", AT), Photo("IMG_0012.AVI", "2024-11-03 06:10:04")],
            {"IMG_0012.AVI": "IMG_0011.JPG"},
            id="the next number, seconds later",
        ),
        pytest.param(
            [Photo("IMG_0012.JPG", AT), Photo("IMG_0012.MP4", "2024-11-03 06:10:31")],
            {},
            id="one name, but of another moment",
        ),
        pytest.param(
            [Photo("IMG_0011.JPG", AT), Photo("IMG_0012.AVI", "2024-11-03 06:10:11")],
            {},
            id="another number, too late",
        ),
        pytest.param(
            [Photo("IMG_0013.JPG", AT), Photo("IMG_0012.AVI", "2024-11-03 06:09:57")],
            {},
            id="the video came first",
        ),
        pytest.param(
            [Photo("IMG_0012.JPG", AT), Photo("IMG_0012.MP4", AT, "TinMan")],
            {},
            id="other stations",
        ),
        pytest.param(
            [Photo("a/IMG_0012.JPG", AT), Photo("b/IMG_0012.MP4", AT)],
            {},
            id="other folders",
        ),
        pytest.param(
            [Photo("EK000001.JPG"), Photo("ek000001.AVI"), Photo("EK000002.AVI", AT)],
            {"ek000001.AVI": "EK000001.JPG"},
            id="without times, one name in any case",
        ),
        pytest.param(
            [Photo("EK000001.JPG"), Photo("EK000001.AVI", AT), Photo("X000001.AVI")],
            {"EK000001.AVI": "EK000001.JPG"},
            id="one time alone",
        ),
        pytest.param(
            [
                *[Photo(f"IMG_000{n}.JPG", f"2024-11-03 06:10:0{n}") for n in (1, 2, 3)],
                Photo("IMG_0004.MP4", "2024-11-03 06:10:05"),
            ],
            {"IMG_0004.MP4": "IMG_0003.JPG"},
            id="a burst and a video: the nearest photo",
        ),
        pytest.param(
            [*TRIGGER, Photo("IMG_0013.MP4", "2024-11-03 06:10:08")],
            {"IMG_0012.MP4": "IMG_0012.JPG"},
            id="a photo has one video",
        ),
        pytest.param([Photo("IMG_0012.MP4", AT), Photo("IMG_0013.MP4", AT)], {}, id="two videos"),
    ],
)
def test_which_photo_a_video_belongs_to(
    tmp_path: Path, photos: list[Photo], expected: dict[str, str]
) -> None:
    library = make_library(tmp_path, photos)
    assert stills(library) == expected


def test_only_what_is_selected_is_one_moment(tmp_path: Path) -> None:
    across = [Photo("IMG_1.JPG", "2024-10-31 23:59:58"), Photo("IMG_1.MP4", "2024-11-01 00:00:03")]
    library = make_library(tmp_path, across, {"IMG_1.JPG": [("doe", 0.9)], "IMG_1.MP4": [("doe", 0.9)]})
    assert stills(library) == {"IMG_1.MP4": "IMG_1.JPG"}
    november = Selection(months=(11,))
    assert stills(library, november) == {}
    with library.database.read() as db:
        (row,) = species(db, Question(november, confidence=0.5), by=["month"]).rows
    assert (row["month"], row["photos"], row["coverage"]) == ("2024-11", 1, 1.0)


def counted(db: Connection, question: Question = QUESTION) -> dict[str, dict[str, Any]]:
    rows = species(db, question, by=[]).rows
    return {
        row["class"]: {name: row[name] for name in ("photos", "detections", "events", "max_animals")}
        for row in rows
    }


def seen(photos: int, detections: int, events: int, most: int) -> dict[str, int]:
    return {"photos": photos, "detections": detections, "events": events, "max_animals": most}


def found_on(tmp_path: Path, still: list[Found], clip: list[Found], *more: Photo) -> Library:
    return make_library(tmp_path, [*TRIGGER, *more], {"IMG_0012.JPG": still, "IMG_0012.MP4": clip})


def test_a_photo_and_its_video_are_one_photo_in_all_counts(tmp_path: Path) -> None:
    library = found_on(tmp_path, [("doe", 0.9)], [("doe", 0.8), ("doe", 0.7)])
    library.add([Photo("IMG_0090.JPG", "2024-11-03 06:20")])
    library.detect({"IMG_0090.JPG": [("doe", 0.9)]})
    with library.database.read() as db:
        # Most at once: two on the video, beside one on the photo.
        assert counted(db) == {"doe": seen(photos=2, detections=3, events=1, most=2)}
        report = species(db, QUESTION, by=[])
        coverage = report.coverage
        assert (coverage["photos"], coverage["completed"], coverage["videos_completed"]) == (2, 2, 1)
        assert any(note.startswith("Blank") and note.endswith(": 0 photos.") for note in report.notes)
        (place,) = stations(db, QUESTION, by=[]).rows
        assert (place["photos"], place["events"]) == (2, 1)
        content = read_content(db, Selection(), GalleryOptions(0.5))
    assert sum(tally.completed for tally in content.tallies) == 2
    newest, pair = content.photos
    assert newest.clip is None
    assert (pair.file.name, [one.confidence for one in pair.found]) == ("IMG_0012.JPG", [0.9, 0.7])
    assert pair.clip is not None
    assert pair.clip.name == "IMG_0012.MP4"


def test_what_only_the_video_shows_counts_too(tmp_path: Path) -> None:
    library = found_on(tmp_path, [("doe", 0.9)], [("doe", 0.8), ("mature", 0.7), ("person", 0.6)])
    with library.database.read() as db:
        assert counted(db) == dict.fromkeys(("doe", "mature", "person"), seen(1, 1, 1, 1))
        (row,) = bucks(db, QUESTION, []).rows
        assert (row["photos"], row["detections"], row["events"]) == (1, 1, 1)


def test_bucks_of_two_ages_are_one_photo_of_bucks(tmp_path: Path) -> None:
    library = found_on(tmp_path, [("young", 0.9), ("doe", 0.9)], [("mature", 0.9), ("young", 0.6)])
    with library.database.read() as db:
        (row,) = bucks(db, QUESTION, []).rows
        ages = {one["age"]: one["photos"] for one in bucks(db, QUESTION, ["age"]).rows}
    assert (row["photos"], row["events"]) == (1, 1)
    assert {age: n for age, n in ages.items() if n} == {"young": 1, "mature": 1}


@pytest.mark.parametrize(
    ("still", "clip", "expected"),
    [
        ("completed", "completed", "completed"),
        ("completed", "pending", "pending"),
        ("pending", "completed", "pending"),
        ("completed", "failed", "completed"),
        ("failed", "completed", "completed"),
        ("failed", "failed", "failed"),
        ("failed", "pending", "pending"),
        ("completed", "missing", "completed"),
    ],
)
def test_how_far_a_moment_was_looked_at(tmp_path: Path, still: str, clip: str, expected: str) -> None:
    library = make_library(tmp_path, TRIGGER)
    names = {"IMG_0012.JPG": still, "IMG_0012.MP4": clip}
    library.detect(
        {name: [("doe", 0.9)] for name, status in names.items() if status == "completed"},
        failed=[name for name, status in names.items() if status == "failed"],
        missing=[name for name, status in names.items() if status == "missing"],
    )
    with library.database.read() as db:
        coverage = species(db, QUESTION, by=[]).coverage
    assert {name: coverage[name] for name in ("completed", "pending", "failed", "missing")} == {
        **dict.fromkeys(("completed", "pending", "failed", "missing"), 0),
        expected: 1,
    }
    assert coverage["failures"] == ({"truncated": 1} if expected == "failed" else {})


def test_both_are_in_one_visit_however_short_the_gap(tmp_path: Path) -> None:
    library = found_on(tmp_path, [("doe", 0.9)], [("doe", 0.9)])
    question = Question(confidence=0.5, gap=timedelta(seconds=1))
    with library.database.read() as db:
        assert counted(db, question) == {"doe": seen(1, 1, 1, 1)}


def test_a_correction_of_one_of_the_two_counts(tmp_path: Path) -> None:
    library = found_on(tmp_path, [("doe", 0.9)], [])
    with library.database.write() as db:
        boxes = tuple(JudgedBox(info("doe"), x, 0.2, 0.2, 0.3) for x in (0.1, 0.4, 0.7))
        said = Judgement(library.ids["IMG_0012.MP4"], boxes, whole=True, made_at=datetime(2024, 12, 1))
        record(db, [said], author="Ann", source="test")
    with library.database.read() as db:
        assert counted(db) == {"doe": seen(1, 3, 1, 3)}


def info(name: str) -> ClassInfo:
    return next(one for one in WHITETAIL if one.name == name)


def test_a_named_buck_was_on_one_photo(tmp_path: Path) -> None:
    library = found_on(tmp_path, [("mature", 0.9)], [("mature", 0.8)])
    with library.database.write() as db:
        for image_id in library.ids.values():
            name_photo(db, image_id, "Split Brow", box=None, seen=None, author="Ann")
    with library.database.read() as db:
        rows = by_name(db, QUESTION, []).rows
    assert [(row["name"], row["photos"], row["events"]) for row in rows if row["name"]] == [
        ("Split Brow", 1, 1)
    ]


def test_a_digest_tells_of_one_new_photo(tmp_path: Path) -> None:
    library = found_on(tmp_path, [("mature", 0.9)], [("mature", 0.95)])
    with library.database.read() as db:
        found = digest(db, QUESTION, DigestOptions(["mature"], now=datetime(2024, 11, 4, tzinfo=UTC)))
    (row,) = found.report.rows
    assert (row["photos"], row["new_photos"]) == (1, 1)
    remember_in(library.database, DEFAULT_NAME, found.told)
    with library.database.read() as db:
        assert digest(db, QUESTION, DigestOptions(["mature"])).report.rows == []


def test_status_counts_files_and_says_which_are_one(tmp_path: Path) -> None:
    library = found_on(tmp_path, [("doe", 0.9)], [])
    with library.database.read() as db:
        report = status(db, working=False)
    assert (report.coverage["photos"], report.coverage["videos_with_photo"]) == (2, 1)
    assert (
        "1 video lies beside the photo of the same trigger: in reports the two are one photo." in report.notes
    )


def test_the_gallery_shows_the_one_that_is_surest(tmp_path: Path) -> None:
    library = found_on(tmp_path, [("person", 0.6)], [("mature", 0.9)])
    with library.database.read() as db:
        (photo,) = read_content(db, Selection(), GalleryOptions(0.5)).photos
    assert (photo.file.name, photo.clip) == ("IMG_0012.MP4", photo.file)
    # A box of the other one is counted, but has no place on this picture.
    assert [(one.confidence, one.at_s == photo.at_s) for one in photo.found] == [(0.9, True), (0.6, False)]


def test_a_video_that_shows_nothing_can_be_played_beside_its_photo(tmp_path: Path) -> None:
    library = found_on(tmp_path, [("doe", 0.6)], [])
    with library.database.read() as db:
        (photo,) = read_content(db, Selection(), GalleryOptions(0.5)).photos
    assert photo.clip is not None
    assert (photo.file.name, photo.clip.name) == ("IMG_0012.JPG", "IMG_0012.MP4")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 200),
            st.lists(st.sampled_from(["doe", "person"]), max_size=3),
            st.one_of(st.none(), st.lists(st.sampled_from(["doe", "person"]), max_size=3)),
        ),
        max_size=8,
        unique_by=lambda one: one[0],
    )
)
@settings(max_examples=8, deadline=None)
def test_counts_are_those_of_photos_that_show_the_most_of_both(
    tmp_path_factory: pytest.TempPathFactory, triggers: list[tuple[int, list[str], list[str] | None]]
) -> None:
    """A library of photos and videos counts as one of photos alone that show all that the two do."""
    both: list[Photo] = []
    on_both: dict[str, list[Found]] = {}
    alone: list[Photo] = []
    on_alone: dict[str, list[Found]] = {}
    for minute, still, clip in triggers:
        at = datetime(2024, 11, 3, 6) + timedelta(minutes=minute)
        name = f"IMG_{minute:04}"
        both.append(Photo(f"{name}.JPG", at))
        alone.append(Photo(f"{name}.JPG", at))
        on_both[f"{name}.JPG"] = [(what, 0.9) for what in still]
        on_alone[f"{name}.JPG"] = [
            (what, 0.9)
            for what in ("doe", "person")
            for _ in range(max(still.count(what), (clip or []).count(what)))
        ]
        if clip is not None:
            both.append(Photo(f"{name}.MP4", at + timedelta(seconds=5)))
            on_both[f"{name}.MP4"] = [(what, 0.9) for what in clip]
    found = []
    for photos, boxes in ((both, on_both), (alone, on_alone)):
        library = make_library(tmp_path_factory.mktemp("moments"), photos, boxes)
        with library.database.read() as db:
            coverage = species(db, QUESTION, by=[]).coverage
            content = read_content(db, Selection(), GalleryOptions(0.5))
            found.append(
                (
                    counted(db),
                    coverage["photos"],
                    content.n_visits,
                    [sorted(one.class_index for one in photo.found) for photo in content.photos],
                )
            )
    assert found[0] == found[1]
