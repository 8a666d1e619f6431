from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.library import NO_DEER, Library, Photo, make_library
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import ConfigError, UsageError
from trailcam.reports.common import Question
from trailcam.reports.digest import Digest, DigestOptions, digest
from trailcam.reports.report_page import to_html
from trailcam.selection import Selection
from trailcam.settings.config import DIGEST_CLASSES, load
from trailcam.store.digests import remember
from trailcam.store.images import finish_scan, save_images

NOW = datetime(2024, 12, 10, 3, 0, tzinfo=UTC)
RANCH = (
    ClassInfo(0, "doe", Kind.DOE),
    ClassInfo(1, "mature", Kind.BUCK, AgeClass.MATURE),
    ClassInfo(2, "person", Kind.PERSON),
    ClassInfo(3, "UTV", Kind.VEHICLE),
    ClassInfo(4, "coyote", Kind.ANIMAL),
)


def made(library: Library, *, mark: bool = True, **asked: Any) -> Digest:  # noqa: ANN401 - as digest
    """A digest at 2024-12-10, remembered as the command does it."""
    question = asked.pop("question", Question(confidence=0.5))
    arguments = {"classes": DIGEST_CLASSES, "now": NOW, **asked}
    with library.database.read() as db:
        found = digest(db, question, DigestOptions(**arguments))
    if mark:
        with library.database.write() as db:
            remember(db, asked.get("name", "default"), found.told)
    return found


def told(found: Digest) -> list[tuple[Any, ...]]:
    names = ("class", "station", "begins", "new_photos", "photos", "max_animals")
    return [tuple(row[name] for name in names) for row in found.report.rows]


@pytest.fixture
def ranch(tmp_path: Path) -> Library:
    """Counted by hand: one event of a mature buck, a person, an undated coyote, and unasked does."""
    photos = [
        Photo("h1", "2024-12-08 06:00"),
        Photo("h2", "2024-12-08 06:20"),
        Photo("h3", "2024-12-09 12:00"),
        Photo("t1", "2024-11-20 07:00", "TinMan"),
        Photo("t2", None, "TinMan"),
        Photo("t3", "2024-11-20 08:00", "TinMan"),
    ]
    library = make_library(tmp_path, photos)
    library.detect(
        {
            "h1": [("mature", 0.9), ("doe", 0.9)],
            "h2": [("mature", 0.6), ("mature", 0.55), ("person", 0.4)],
            "h3": [("doe", 0.9)],
            "t1": [("person", 0.9)],
            "t2": [("coyote", 0.8)],
        },
        classes=RANCH,
    )
    return library


def test_by_hand(ranch: Library) -> None:
    found = made(ranch)
    assert told(found) == [
        ("mature", "Hayfield", "2024-12-08 06:00", 2, 2, 2),
        ("person", "TinMan", "2024-11-20 07:00", 1, 1, 1),
        ("coyote", "TinMan", None, 1, 1, 1),
    ]
    assert found.news
    first = found.report.rows[0]
    assert first["image_id"] == ranch.ids["h1"]
    assert (first["ends"], first["confidence"], first["path"]) == ("2024-12-08 06:20", 0.9, "Hayfield/h1")
    headline = found.report.headline
    assert headline.startswith("New in the first digest")
    assert "mature 1 visit, person 1 visit, coyote 1 undated photo, 5 photos" in headline
    assert "No photo from TinMan since 2024-11-20, 20 days." in headline
    section, _ = found.report.sections
    assert section.rows == [
        {
            "station": "TinMan",
            "last_day": "2024-11-20",
            "silent_days": 20,
            "silence_is_new": True,
            "pending": 1,
            "failed": 0,
            "new_failed": 0,
            "missing": 0,
            "coverage": 2 / 3,
        }
    ]
    assert [(row["pending"], row["coverage"], row["complete"]) for row in found.report.rows] == [
        (0, 1.0, True),
        (1, 2 / 3, False),
        (1, 2 / 3, False),
    ]
    assert (
        "1 photo has not been looked at: a digest reports photos once they have been." in found.report.notes
    )


def test_counted_by_keys(ranch: Library) -> None:
    """The same three rows, by station and month; what is told and remembered is the same."""
    found = made(ranch, by=["month", "station"])
    names = ("class", "month", "station", "events", "new_photos", "max_animals", "latest", "path", "coverage")
    assert [tuple(row[name] for name in names) for row in found.report.rows] == [
        ("mature", "2024-12", "Hayfield", 1, 2, 2, "2024-12-08 06:00", "Hayfield/h1", 1.0),
        ("person", "2024-11", "TinMan", 1, 1, 1, "2024-11-20 07:00", "TinMan/t1", 0.5),
        ("coyote", None, "TinMan", 0, 1, 1, None, "TinMan/t2", 1.0),
    ]
    assert found.report.headline.startswith("New in the first digest")
    assert made(ranch).report.rows == []
    with pytest.raises(UsageError, match="hour"):
        made(ranch, by=["hour"])


def test_the_second_says_nothing_new_and_still_names_what_needs_care(ranch: Library) -> None:
    made(ranch)
    second = made(ranch)
    assert second.report.rows == []
    assert not second.news
    _, shown = second.report.sections[0].table
    assert not shown, "people see a silence once"
    assert second.report.headline.startswith("Nothing new since the last digest (")
    assert second.report.sections[0].rows[0]["silence_is_new"] is False
    assert second.report.sections[0].rows[0]["pending"] == 1


def test_an_old_photo_that_arrives_late_is_new_and_joins_its_event(ranch: Library) -> None:
    made(ranch)
    ranch.add([Photo("h0", "2024-12-08 05:50"), Photo("t0", "2023-01-05 07:00", "TinMan")])
    ranch.detect({"h0": [("mature", 0.7)], "t0": [("person", 0.7)]}, classes=RANCH)
    assert told(made(ranch)) == [
        ("mature", "Hayfield", "2024-12-08 05:50", 1, 3, 2),
        ("person", "TinMan", "2023-01-05 07:00", 1, 1, 1),
    ]
    assert made(ranch).report.headline.startswith("Nothing new")


def test_another_model_repeats_nothing(ranch: Library) -> None:
    """Not even where it sees a buck that the first one missed: a digest reports photos, once."""
    made(ranch)
    again = {name: [("mature", 0.99)] for name in ("h1", "h2", "h3", "t1", "t2")}
    ranch.detect({**again, "t3": [("mature", 0.9)]}, classes=RANCH, weights="better.pt")
    assert told(made(ranch)) == [("mature", "TinMan", "2024-11-20 08:00", 1, 1, 1)]  # t3 alone is new


def test_a_file_replaced_by_another_is_new(ranch: Library) -> None:
    made(ranch)
    with ranch.database.write() as db:
        image = Photo("h3", "2024-12-09 18:00").image()
        save_images(db, ranch.root_id, [image], {image.key.path: ranch.ids["h3"]})
    assert made(ranch).report.headline.startswith("Nothing new")  # not looked at yet
    ranch.detect({"h3": [("person", 0.9)]}, classes=RANCH, weights="other.pt")
    assert told(made(ranch)) == [("person", "Hayfield", "2024-12-09 18:00", 1, 1, 1)]


def test_since_a_date_reports_it_again_and_forgets_nothing(ranch: Library) -> None:
    made(ranch)
    before = datetime.now(UTC) - timedelta(hours=1)
    again = made(ranch, since=before, mark=False)
    assert len(again.report.rows) == 3
    assert "among the photos looked at since" in again.report.headline
    assert made(ranch, since=datetime.now(UTC) + timedelta(hours=1), mark=False).report.rows == []
    assert made(ranch).report.headline.startswith("Nothing new")


def test_a_silence_is_new_on_the_day_it_becomes_one(ranch: Library) -> None:
    def since(day: int) -> list[bool]:
        found = made(ranch, since=datetime(2024, 11, day).astimezone(), mark=False)
        return [row["silence_is_new"] for row in found.report.sections[0].rows]

    assert since(28) == [True]  # the eighth day after the last photo
    assert since(29) == [False]


def test_a_camera_that_works_again_and_falls_silent_again_is_news_twice(ranch: Library) -> None:
    def silent(now: datetime) -> list[tuple[str, bool]]:
        found = made(ranch, now=now).report.sections[0].rows
        return [(row["station"], row["silence_is_new"]) for row in found if row["silent_days"]]

    assert silent(NOW) == [("TinMan", True)]
    assert silent(NOW) == [("TinMan", False)]
    ranch.add([Photo("t9", "2024-12-11 07:00", "TinMan")])
    assert silent(datetime(2024, 12, 12, 3, tzinfo=UTC)) == []
    later = datetime(2024, 12, 24, 3, tzinfo=UTC)
    assert silent(later) == [("Hayfield", True), ("TinMan", True)]
    assert silent(later) == [("Hayfield", False), ("TinMan", False)]


def test_a_station_that_was_given_up_is_never_silent(ranch: Library) -> None:
    from trailcam.store.station_facts import find_station, set_facts

    with ranch.database.write() as db:
        set_facts(db, find_station(db, "TinMan").station_id, {"until": date(2024, 11, 21)})
    found = made(ranch, mark=False)
    assert "No photo from" not in found.report.headline
    assert not any(row["silence_is_new"] for row in found.report.sections[0].rows)
    with ranch.database.write() as db:
        set_facts(db, find_station(db, "TinMan").station_id, {"until": date(2024, 12, 31)})
    assert "No photo from TinMan" in made(ranch).report.headline, "it is meant to work still"


def test_many_silent_stations_are_one_line(tmp_path: Path) -> None:
    names = [f"Station {n}" for n in range(5)]
    library = make_library(
        tmp_path, [Photo(f"{n}", "2020-01-01 06:00", name) for n, name in enumerate(names)]
    )
    library.detect({f"{n}": [("mature", 0.9)] for n in range(5)})
    lines = made(library).report.headline.splitlines()
    assert [line for line in lines if "No photo" in line] == [
        "No photo for a while from 5 stations, with the day of the last: "
        + ", ".join(f"{name} (2020-01-01)" for name in names)
        + "."
    ]
    assert "--until" in lines[-1]


def test_failures_are_news_once(ranch: Library) -> None:
    made(ranch)
    ranch.add([Photo("bad", "2024-12-09 13:00", error_code="truncated")])
    ranch.detect({}, failed=["t3"], classes=RANCH)
    found = made(ranch)
    assert "2 photos failed" in found.report.headline
    rows = {row["station"]: (row["failed"], row["new_failed"]) for row in found.report.sections[0].rows}
    assert rows == {"Hayfield": (1, 1), "TinMan": (1, 1)}
    again = made(ranch)
    assert again.report.headline.startswith("Nothing new")
    assert {row["failed"] for row in again.report.sections[0].rows} == {1}
    ranch.detect({"t3": [("person", 0.9)]}, classes=RANCH, weights="other.pt")
    assert told(made(ranch)) == [("person", "TinMan", "2024-11-20 08:00", 1, 1, 1)]


def test_names_have_memories_of_their_own(ranch: Library) -> None:
    assert told(made(ranch, name="guard", classes=["person"])) == [
        ("person", "TinMan", "2024-11-20 07:00", 1, 1, 1)
    ]
    assert len(made(ranch).report.rows) == 3
    assert made(ranch, name="guard", classes=["person"]).report.rows == []


def test_a_selection_marks_only_its_own_photos(ranch: Library) -> None:
    question = Question(Selection(stations=("Hayfield",)), confidence=0.5)
    assert [row[0] for row in told(made(ranch, question=question))] == ["mature"]
    assert [row[0] for row in told(made(ranch))] == ["person", "coyote"]


def test_what_a_model_cannot_see_is_not_called_nothing(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a", "2024-12-09 06:00")])
    library.detect({"a": []}, classes=NO_DEER, weights="md.pt")
    found = made(library)
    assert "none shows person." in found.report.headline
    assert any("md.pt has no class for mature, vehicle or coyote" in note for note in found.report.notes)
    with pytest.raises(UsageError, match="matur"):
        made(library, classes=["matur"], strict=True)


def test_an_empty_library_is_nothing_new(tmp_path: Path) -> None:
    found = made(make_library(tmp_path))
    assert found.report.headline.startswith("Nothing new")
    assert "No photo fits the selection." in found.report.notes


def test_the_limit_leaves_out_rows_and_says_so(ranch: Library) -> None:
    found = made(ranch, limit=1)
    assert len(found.report.rows) == 1
    assert found.report.notes[0].startswith("2 more rows not listed")
    assert len(found.told.completed) == 5


EVENTS = st.lists(
    st.tuples(st.sampled_from(["add", "better", "digest", "other"]), st.integers(1, 4)), max_size=9
)


@settings(max_examples=6, deadline=None)
@given(steps=EVENTS)
def test_each_photo_is_reported_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Whatever arrives and whichever model looks again, in any order: each photo once for each name."""
    library = make_library(tmp_path_factory.mktemp("digest"))
    seen: dict[str, list[int]] = {"default": [], "other": []}
    everyone: list[str] = []
    for n, (step, size) in enumerate([*steps, ("digest", 1), ("other", 1)]):
        if step == "add":
            new = [f"p{n}_{k}" for k in range(size)]
            library.add([Photo(name, f"20{10 + n}-03-0{k + 1} 06:00") for k, name in enumerate(new)])
            everyone += new
            library.detect({name: [("mature", 0.9)] for name in new}, classes=RANCH)
        elif step == "better":
            library.detect({name: [("person", 0.9)] for name in everyone}, classes=RANCH, weights=f"m{n}.pt")
        else:
            name = "default" if step == "digest" else "other"
            found = made(library, name=name)
            seen[name] += found.told.completed.tolist()
            assert sum(row["new_photos"] for row in found.report.rows) == len(found.told.completed)
    assert sorted(seen["default"]) == sorted(seen["other"]) == sorted(library.ids[name] for name in everyone)


def test_html_is_escaped_and_allows_nothing(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    library = make_library(tmp_path, [Photo("a&b.jpg", "2024-12-09 06:00", name)])
    library.detect({"a&b.jpg": [("person", 0.9)]}, classes=RANCH)
    page = to_html(made(library).report)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "a&amp;b.jpg" in page
    (style,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    digest_of_style = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; img-src 'none'; style-src 'sha256-{digest_of_style}'" in page
    assert not re.search(r"\b(?:src|href|url)\s*[=(]", page)


def test_the_classes_come_from_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[report]\ndigest = ["doe", " doe", "UTV"]\n', encoding="utf-8")
    assert load(file, {}, {}).report.digest == ("doe", "UTV")
    assert load(None, {}, {"TRAILCAM_REPORT_DIGEST": "mature, person"}).report.digest == ("mature", "person")
    for wrong in ("[]", '["doe", ""]', "3", "[3]"):
        file.write_text(f"[report]\ndigest = {wrong}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match="digest"):
            load(file, {}, {})


def test_missing_photos_are_named(ranch: Library) -> None:
    with ranch.database.write() as db:
        finish_scan(db, ranch.root_id, np.array([ranch.ids["h3"]]), np.array([], np.int64), 0)
    rows = {row["station"]: row["missing"] for row in made(ranch).report.sections[0].rows}
    assert rows == {"Hayfield": 1, "TinMan": 0}
