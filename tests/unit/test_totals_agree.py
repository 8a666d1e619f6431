"""Every report, the digest, the gallery and the data package count the same visits in one library."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.library import Library, Photo, make_library
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.gallery.content import read_content
from trailcam.gallery.gallery_options import GalleryOptions
from trailcam.reports.activity import activity
from trailcam.reports.bucks import bucks
from trailcam.reports.common import Question
from trailcam.reports.digest import DigestOptions, digest
from trailcam.reports.herd import herd
from trailcam.reports.species import species
from trailcam.reports.stations import stations
from trailcam.selection import Selection
from trailcam.store.corrections import JudgedBox, Judgement, record
from trailcam.store.database import Connection
from trailcam.store.export_rows import make_plan
from trailcam.store.imported_package import prepare, stream_events

GAP = timedelta(minutes=30)
CLASSES = tuple(
    ClassInfo(n, name, kind, age)
    for n, (name, kind, age) in enumerate(
        [
            ("doe", Kind.DOE, None),
            ("fawn", Kind.FAWN, None),
            ("deer", Kind.DEER, None),
            ("buck", Kind.BUCK, AgeClass.UNKNOWN),
            ("young", Kind.BUCK, AgeClass.YOUNG),
            ("mid", Kind.BUCK, AgeClass.MID),
            ("mature", Kind.BUCK, AgeClass.MATURE),
            ("coyote", Kind.ANIMAL, None),
            ("person", Kind.PERSON, None),
            ("UTV", Kind.VEHICLE, None),
            ("truck", Kind.VEHICLE, None),
        ]
    )
)
NAMES = [info.name for info in CLASSES]
START = datetime(2024, 10, 31, 21)  # three hours before a month ends
PHOTOS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 400)),  # minute
        st.sampled_from(["Hayfield", "TinMan"]),
        st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([0.3, 0.5, 0.59, 0.6, 0.9])), max_size=3),
        st.one_of(st.none(), st.sampled_from(NAMES)),  # a correction of the whole photo
    ),
    max_size=14,
)


def library_of(folder: Any, found: Sequence[tuple[Any, ...]]) -> Library:  # noqa: ANN401 - a Path
    photos = [
        Photo(f"p{n}", None if minute is None else START + timedelta(minutes=minute), station)
        for n, (minute, station, _, _) in enumerate(found)
    ]
    library = make_library(folder, photos)
    library.detect({f"p{n}": boxes for n, (_, _, boxes, _) in enumerate(found)}, classes=CLASSES)
    judged = [
        Judgement(
            library.ids[f"p{n}"],
            (JudgedBox(CLASSES[NAMES.index(said)], 0.2, 0.2, 0.3, 0.3),),
            whole=True,
            made_at=datetime(2024, 12, 1),
        )
        for n, (_, _, _, said) in enumerate(found)
        if said and n % 4 == 0
    ]
    with library.database.write() as db:
        record(db, judged, author="Ann", source="test")
    return library


def by_class(db: Connection, question: Question) -> dict[str, int]:
    """Visits by class, as `report species` tells."""
    return {row["class"]: row["events"] or 0 for row in species(db, question, by=[]).rows}


@settings(max_examples=12, deadline=None)
@given(found=PHOTOS, per_visit=st.booleans(), confidence=st.sampled_from([0.3, 0.5]))
def test_all_totals_agree(
    tmp_path_factory: pytest.TempPathFactory,
    found: list[tuple[Any, ...]],
    per_visit: bool,
    confidence: float,
) -> None:
    library = library_of(tmp_path_factory.mktemp("totals"), found)
    question = Question(confidence=confidence, per_visit=per_visit)
    with library.database.read() as db:
        check_bucks(db, question)
        check_classes(db, question)
        check_all(db, question)
    with library.database.read() as db:
        check_package(db, question)


def check_bucks(db: Connection, question: Question) -> None:
    """The bucks of `report bucks`, by any key, are those of the others."""
    ages = {row["age"]: row for row in bucks(db, question, ["age"]).rows}
    (total,) = bucks(db, question, []).rows or ({"events": 0, "photos": 0},)
    events = {age: row["events"] or 0 for age, row in ages.items()}
    n = total["events"] or 0
    assert max(events.values(), default=0) <= n <= sum(events.values())
    for key in ("month", "season", "station", "hour"):
        rows = bucks(db, question, [key]).rows
        assert sum(row["events"] or 0 for row in rows) == n
        assert sum(row["photos"] for row in rows) == total["photos"]
    assert visits_of_class(db, question, "buck") == n
    kinds = {row["class"]: row["events"] or 0 for row in species(db, question, by=[], kinds=True).rows}
    assert kinds.get("buck", 0) == n
    classes = by_class(db, question)
    assert {age: events.get(age, 0) for age in ("young", "mid", "mature")} == {
        age: classes.get(age, 0) for age in ("young", "mid", "mature")
    }
    assert gallery_visits(db, question, ["buck"]) == n
    if not kinds.get("doe"):
        return  # no ratio
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trailcam.reports.herd.MIN_EVENTS", 1)
        patch.setattr("trailcam.reports.herd.MIN_DOE_EVENTS", 1)
        (row,) = herd(db, question).rows
    assert [row[f"{kind}_events"] for kind in ("buck", "doe", "fawn")] == [
        kinds.get(kind, 0) for kind in ("buck", "doe", "fawn")
    ]


def check_classes(db: Connection, question: Question) -> None:
    """Each class in `report species`, `report activity`, the digest and the gallery."""
    expected = by_class(db, question)
    told = digest(db, question, DigestOptions(NAMES[3:], now=datetime(2025, 1, 1, tzinfo=UTC))).report.rows
    digested = Counter(row["class"] for row in told if row["begins"])
    assert digested.pop("buck", 0) == gallery_visits(db, question, ["buck"])  # all bucks: it is a kind too
    assert digested == {name: n for name, n in expected.items() if n and name in NAMES[4:]}
    for name in ("young", "mid", "mature", "coyote", "person"):
        assert visits_of_class(db, question, name) == expected.get(name, 0)
        if name in expected:
            assert gallery_visits(db, question, [name]) == expected[name]


def check_package(db: Connection, question: Question) -> None:
    """The events of a data package, on a connection of its own."""
    expected = by_class(db, question)
    plan = make_plan(db, Selection(), question.confidence, GAP)
    with prepare(plan, GAP, 7, per_visit=question.per_visit) as package:
        assert Counter(event.info.name for event in stream_events(package)) == {
            name: n for name, n in expected.items() if n
        }


def check_all(db: Connection, question: Question) -> None:
    """Visits of anything: stations, whatever the key, and the gallery."""
    n = gallery_visits(db, question, [])
    for by in ([], ["month"], ["season"]):
        assert sum(row["events"] or 0 for row in stations(db, question, by=by).rows) == n


def gallery_visits(db: Connection, question: Question, classes: Sequence[str]) -> int:
    options = GalleryOptions(
        question.confidence, lowest=0.25, gap=GAP, classes=classes, per_visit=question.per_visit
    )
    return read_content(db, Selection(), options).n_visits


def visits_of_class(db: Connection, question: Question, name: str) -> int:
    return sum(row["events"] for row in activity(db, question, classes=(name,)).rows)
