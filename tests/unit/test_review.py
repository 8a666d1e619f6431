"""Which photos are worth a look and why, and what becomes of a page's answers."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import TinyJpeg
from tests.helpers.library import ANY_BUCK, NO_DEER, WHITETAIL, Library, Photo, make_library
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import UnanswerableError, UsageError
from trailcam.review.answers import AnswersError, read_answers
from trailcam.review.apply import Applied, apply_answers
from trailcam.review.choose import ToJudge, choose
from trailcam.review.make_review import ReviewOptions, build_review
from trailcam.selection import Selection
from trailcam.settings.classmap import ClassRule
from trailcam.store.corrections import Judgement, history, known_classes, record, shown_boxes, undo
from trailcam.store.counted import count_boxes
from trailcam.store.database import Database
from trailcam.store.migrations import LATEST
from trailcam.store.review_rows import library_id
from trailcam.store.select import select

GAP = timedelta(minutes=30)
AT = datetime(2024, 11, 20)


def asked(library: Library, limit: int = 100, *, random: bool = False) -> ToJudge:
    with library.database.read() as db:
        return choose(db, Selection(), rules={}, gap=GAP, limit=limit, random=random)


def names(questions: ToJudge) -> list[str]:
    return [photo.name.rpartition("/")[2] for photo in questions.photos]


def reasons(questions: ToJudge) -> dict[str, tuple[str, ...]]:
    return {photo.name.rpartition("/")[2]: photo.why for photo in questions.photos}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Visits a day apart: one sure, one near the threshold, one with an odd photo and one with a hole."""
    photos = [
        Photo("sure.jpg", "2024-11-01 06:00"),
        Photo("near.jpg", "2024-11-02 06:00"),
        *(Photo(f"v{n}.jpg", f"2024-11-03 06:0{n}") for n in range(4)),
        *(Photo(f"h{n}.jpg", f"2024-11-04 06:0{n}") for n in range(3)),
        Photo("waiting.jpg", "2024-11-05 06:00"),
    ]
    found: dict[str, Any] = {
        "sure.jpg": [("doe", 0.98)],
        "near.jpg": [("mature", 0.49)],
        **{f"v{n}.jpg": [("doe", 0.95)] for n in range(3)},
        "v3.jpg": [("mature", 0.9)],
        "h0.jpg": [("doe", 0.96)],
        "h1.jpg": [],
        "h2.jpg": [("doe", 0.97)],
    }
    return make_library(tmp_path, photos, found)


def test_the_most_doubtful_come_first_and_say_why(library: Library) -> None:
    found = asked(library)
    assert names(found)[:3] == ["near.jpg", "h1.jpg", "v3.jpg"]
    why = reasons(found)
    assert why["near.jpg"] == ("Near the threshold: mature 0.49 doesn't count (from 0.50).",)
    assert why["v3.jpg"] == ("Unlike its scene: mature here, doe on 3 other photos.",)
    assert why["h1.jpg"] == ("Nothing found, but doe just before and more after.",)
    assert why["sure.jpg"] == ("Nothing suggests that it is wrong.",)
    assert "waiting.jpg" not in why
    assert found.candidates == 9


def test_two_numbers_that_look_alike_are_told_apart(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a.jpg", "2024-11-02 06:00")], {"a.jpg": [("mature", 0.4997)]})
    assert reasons(asked(library))["a.jpg"] == (
        "Near the threshold: mature 0.4997 doesn't count (from 0.5000).",
    )


def test_limit_keeps_the_most_doubtful(library: Library) -> None:
    found = asked(library, 2)
    assert names(found) == ["near.jpg", "h1.jpg"]
    assert found.candidates == 9


def test_two_models_that_disagree_are_named(library: Library) -> None:
    both: dict[str, Any] = {"sure.jpg": [("mid", 0.9)], "v0.jpg": [("doe", 0.9)]}
    library.detect(both, weights="rival.pt")
    why = reasons(asked(library))
    assert why["sure.jpg"] == ("Two models disagree: mid here, doe by whitetail.pt.",)
    assert not any(text.startswith("Two models") for text in why["v0.jpg"])


def test_a_model_without_the_class_does_not_disagree(library: Library) -> None:
    library.detect({"sure.jpg": [("animal", 0.9)]}, weights="animals.pt", classes=NO_DEER)
    assert reasons(asked(library))["sure.jpg"] == ("Nothing suggests that it is wrong.",)


def test_photos_of_one_visit_do_not_crowd_out_the_others(tmp_path: Path) -> None:
    photos = [Photo(f"a{n}.jpg", f"2024-11-01 06:0{n}") for n in range(9)]
    photos.append(Photo("b.jpg", "2024-11-09 06:00"))
    found: dict[str, Any] = {f"a{n}.jpg": [("doe", 0.50)] for n in range(9)} | {"b.jpg": [("doe", 0.56)]}
    assert names(asked(make_library(tmp_path, photos, found)))[1] == "b.jpg"


def test_a_judged_photo_is_asked_no_more_and_random_goes_on(library: Library) -> None:
    drawn = names(asked(library, random=True))
    assert drawn == names(asked(library, random=True))
    assert sorted(drawn) == sorted(names(asked(library)))
    with library.database.write() as db:
        record(db, [Judgement(library.ids[drawn[0]], (), True, AT)], author="Ann", source="t")
    assert names(asked(library, random=True)) == drawn[1:]
    assert asked(library, random=True).photos[0].why == ("Drawn at random.",)


def test_boxes_below_the_threshold_are_offered_but_out(library: Library) -> None:
    (near,) = (p for p in asked(library).photos if p.name.endswith("near.jpg"))
    assert [(box.counts, box.confidence) for box in near.boxes] == [(False, 0.49)]


def test_a_box_below_the_threshold_is_a_question(tmp_path: Path) -> None:
    """Where nothing counts, and where the page says that a box is near its threshold; else it is left out."""
    photos = [Photo(f"{n}.jpg", f"2024-11-0{n + 1} 06:00") for n in range(5)]
    found: dict[str, Any] = {
        "0.jpg": [("doe", 0.28), ("mid", 0.2), ("mature", 0.06)],
        "1.jpg": [("doe", 0.9), ("mid", 0.49)],
        "2.jpg": [("doe", 0.9), ("mid", 0.2)],
        "3.jpg": [],
        "4.jpg": [("doe", 0.04)],
    }
    questions = asked(make_library(tmp_path, photos, found))
    told = {
        photo.name[-5:]: [(box.confidence, box.counts, box.asked) for box in photo.boxes]
        for photo in questions.photos
    }
    assert told == {
        "0.jpg": [(0.28, False, True), (0.2, False, False)],
        "1.jpg": [(0.9, True, False), (0.49, False, True)],
        "2.jpg": [(0.9, True, False), (0.2, False, False)],
        "3.jpg": [],
        "4.jpg": [],
    }
    assert {photo.name[-5:]: photo.focus for photo in questions.photos}["1.jpg"] == 1


def test_a_box_that_the_page_speaks_of_is_shown(tmp_path: Path) -> None:
    """Its class counts from 0.12 on, so 0.09 is near, and below what is shown otherwise."""
    library = make_library(tmp_path, [Photo("a.jpg", "2024-11-02 06:00")])
    library.detect(
        {"a.jpg": [("mature", 0.09)]},
        classes=[ClassInfo(0, "mature", Kind.BUCK, AgeClass.MATURE, threshold=0.12)],
    )
    (photo,) = asked(library).photos
    assert photo.why == ("Near the threshold: mature 0.09 doesn't count (from 0.12).",)
    assert [box.asked for box in photo.boxes] == [True]


@pytest.mark.parametrize("name", ["person", "vehicle", "fawn", "deer", "mature"])
def test_a_class_that_the_configuration_made_another_kind_keeps_its_key(tmp_path: Path, name: str) -> None:
    library = make_library(tmp_path, [Photo("a.jpg", "2024-11-02 06:00")])
    library.detect({"a.jpg": [("doe", 0.9)]}, classes=ANY_BUCK)
    rules = {name: ClassRule(Kind.OTHER)}
    with library.database.read() as db:
        page = choose(db, Selection(), rules=rules, gap=GAP, limit=10)
    assert [text for _, text in page.keys] == [text for _, text in asked(library).keys]
    assert all(0 <= index < len(page.classes) for index, _ in page.keys)


def test_the_keys_are_the_same_whatever_the_model(tmp_path: Path) -> None:
    texts, named = [], []
    for n, classes in enumerate((WHITETAIL, NO_DEER, ANY_BUCK)):
        folder = tmp_path / str(n)
        folder.mkdir()
        library = make_library(folder, [Photo("a.jpg", "2024-11-02 06:00")])
        library.detect({"a.jpg": [(classes[0].name, 0.9)]}, classes=classes)
        found = asked(library)
        texts.append([text for _, text in found.keys])
        named.append([found.classes[number][0] for number, _ in found.keys])
    assert texts[0] == texts[1] == texts[2]
    assert texts[0][:5] == ["Doe", "Fawn", "Young buck", "Mid buck", "Mature buck"]
    assert named[0][:6] == ["doe", "fawn", "young", "mid", "mature", "buck"]


def test_nothing_to_ask_is_said(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a.jpg", "2024-11-01 06:00")])
    with pytest.raises(UnanswerableError):
        asked(library)


def test_the_page_escapes_what_files_are_called(tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    photo = Photo("</script><b>.jpg".replace("/", "\\"), "2024-11-01 06:00", "<img src=x>")
    library = make_library(tmp_path, [photo], {photo.name: [("doe", 0.9)]})
    file = library.root / photo.station / photo.name
    file.parent.mkdir()
    file.write_bytes(tiny_jpeg())
    target = tmp_path / "page.html"
    options = ReviewOptions(GAP, 10, False, {})
    report = build_review(library.database, Selection(), target, options, lambda *_: None)
    text = target.read_text(encoding="utf-8")
    assert (report.n_photos, report.problems) == (1, [])
    assert "<img src=x>" not in text
    assert "<b>.jpg" not in text
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


# ---- answers


def document(library: Library, *entries: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    with library.database.read() as db:
        own = library_id(db)
    return {
        **{"format": "trailcam review", "version": 1, "review": "r1", "library": own, "author": "Ann"},
        **{"random": False, "saved_at": "2024-11-20T10:00:00.000Z", "answers": list(entries)},
        **more,
    }


def answer(library: Library, name: str, *shows: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "image_id": library.ids[name],
        "path": f"Hayfield/{name}",
        "size_bytes": 1000,
        "based_on": None,
        "decided_at": "2024-11-20T09:00:00.123Z",
        "shows": [{"class": cls, "box": [0.1 * n, 0.1, 0.3, 0.3]} for n, cls in enumerate(shows)],
        **more,
    }


def take(library: Library, content: object, author: str = "Ann", *, overwrite: bool = False) -> Applied:
    file = library.root.parent / "answers.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return apply_answers(library.database, read_answers(file), author=author, rules={}, overwrite=overwrite)


def classes_on(library: Library, name: str) -> list[str]:
    with library.database.read() as db:
        counted = count_boxes(select(db, Selection()), None)
        boxes = shown_boxes(counted, [library.ids[name]]).get(library.ids[name], ())
    return [box.info.name for box in boxes]


def judgements(library: Library, name: str) -> list[dict[str, Any]]:
    with library.database.read() as db:
        return history(db, library.ids[name])


def test_answers_are_recorded_once_with_author_and_time(library: Library) -> None:
    given = document(library, answer(library, "near.jpg", "mid", "doe"), answer(library, "sure.jpg"))
    assert take(library, given) == Applied(recorded=2)
    assert classes_on(library, "near.jpg") == ["mid", "doe"]
    assert classes_on(library, "sure.jpg") == []
    assert take(library, given) == Applied(known=2)
    (row,) = judgements(library, "near.jpg")
    assert (row["author"], row["source"], row["whole"]) == ("Ann", "review", True)
    assert row["made_at"] == datetime(2024, 11, 20, 9, 0, 0, 123000)


def test_what_was_undone_since_stays_undone(library: Library) -> None:
    given = document(library, answer(library, "near.jpg", "mid"))
    take(library, given)
    with library.database.write() as db:
        undo(db, library.ids["near.jpg"], "Bob")
    assert take(library, given) == Applied(known=1)
    assert classes_on(library, "near.jpg") == []


def test_a_later_save_of_the_same_page_overrides_the_earlier(library: Library) -> None:
    take(library, document(library, answer(library, "near.jpg", "mid")))
    later = answer(library, "near.jpg", "mature", decided_at="2024-11-20T09:30:00.000Z")
    assert take(library, document(library, later)) == Applied(recorded=1)
    assert classes_on(library, "near.jpg") == ["mature"]


def test_another_ones_word_since_is_a_conflict(library: Library) -> None:
    take(library, document(library, answer(library, "near.jpg", "mid"), review="r0"), author="Bob")
    given = document(library, answer(library, "near.jpg", "mature"), answer(library, "sure.jpg", "doe"))
    done = take(library, given)
    assert done.recorded == 1
    (conflict,) = done.conflicts
    assert conflict.name == "Hayfield/near.jpg"
    assert conflict.why == "Bob has recorded since the page was made: mid (2024-11-20 09:00 UTC)"
    assert classes_on(library, "near.jpg") == ["mid"]
    assert take(library, given, overwrite=True) == Applied(recorded=1, known=1)
    assert classes_on(library, "near.jpg") == ["mature"]


def test_two_people_with_copies_of_one_page(library: Library) -> None:
    take(library, document(library, answer(library, "near.jpg", "mid")), author="Bob")
    mine = answer(library, "near.jpg", "mature", decided_at="2024-11-20T09:30:00.000Z")
    assert len(take(library, document(library, mine)).conflicts) == 1


def test_another_who_says_the_same_is_no_conflict(library: Library) -> None:
    take(library, document(library, answer(library, "near.jpg", "mid", "doe"), review="r0"), author="Bob")
    given = document(library, answer(library, "near.jpg", "mid", "doe"))
    assert take(library, given) == Applied(agreed=1)
    assert [row["author"] for row in judgements(library, "near.jpg")] == ["Bob"]


def test_a_page_made_after_the_word_may_change_it(library: Library) -> None:
    take(library, document(library, answer(library, "near.jpg", "mid"), review="r0"), author="Bob")
    known = judgements(library, "near.jpg")[-1]["judgement_id"]
    given = document(library, answer(library, "near.jpg", "doe", based_on=known))
    assert take(library, given) == Applied(recorded=1)


def test_an_unknown_photo_is_a_conflict(library: Library) -> None:
    gone = answer(library, "near.jpg", "doe", image_id=999)
    other = answer(library, "sure.jpg", "doe", path="Else/where.jpg", size_bytes=5)
    moved = answer(library, "v0.jpg", "doe", path="Else/where.jpg")
    done = take(library, document(library, gone, other, moved))
    assert done.recorded == 1
    assert [c.why for c in done.conflicts] == ["this database has no such photo"] * 2


def test_another_database_is_refused(library: Library) -> None:
    with pytest.raises(UsageError, match="another database"):
        take(library, document(library, answer(library, "near.jpg")) | {"library": "0" * 16})
    assert judgements(library, "near.jpg") == []


def test_an_unknown_class_is_refused_and_its_place_named(library: Library) -> None:
    given = document(library, answer(library, "sure.jpg"), answer(library, "near.jpg", "doe", "unicorn"))
    with pytest.raises(AnswersError, match=r"answers\[1\]\.shows\[1\]\.class"):
        take(library, given)
    assert judgements(library, "sure.jpg") == []


def test_a_species_that_no_model_knows_can_be_named_and_stays(library: Library) -> None:
    take(library, document(library, answer(library, "near.jpg", "Bobcat")))
    assert classes_on(library, "near.jpg") == ["bobcat"]
    new = answer(library, "sure.jpg", "Chupacabra")
    new["shows"][0]["new"] = True
    assert take(library, document(library, new)) == Applied(recorded=1)
    assert classes_on(library, "sure.jpg") == ["Chupacabra"]
    with library.database.read() as db:
        known = known_classes(db)
    assert known["chupacabra"].kind is Kind.ANIMAL
    assert (known["bobcat"].kind, known["bobcat"].species) == (Kind.ANIMAL, "Lynx rufus")


def test_a_random_page_is_remembered_as_such(library: Library) -> None:
    take(library, document(library, answer(library, "near.jpg"), random=True))
    assert judgements(library, "near.jpg")[0]["source"] == "review random"


BAD: list[tuple[str, Any, str]] = [
    ("format", "coco", "format"),
    ("version", 2, "version"),
    ("version", True, "version"),
    ("answers", {}, "answers must"),
    ("review", "", "review"),
    ("random", "no", "random"),
    ("author", 5, "author"),
    ("answers.0", [], r"answers\[0\] must"),
    ("answers.0.image_id", "1", r"answers\[0\]\.image_id"),
    ("answers.0.image_id", -1, r"answers\[0\]\.image_id"),
    ("answers.0.image_id", 1e3, r"answers\[0\]\.image_id"),
    ("answers.0.decided_at", "2024-11-20T09:00:00", r"answers\[0\]\.decided_at"),
    ("answers.0.decided_at", "yesterday", r"answers\[0\]\.decided_at"),
    ("answers.0.shows", None, r"answers\[0\]\.shows"),
    ("answers.0.shows.0.new", "yes", r"answers\[0\]\.shows\[0\]\.new"),
    ("answers.0.shows.0.class", "", r"answers\[0\]\.shows\[0\]\.class"),
    ("answers.0.shows.0.class", "\ud800", r"answers\[0\]\.shows\[0\]\.class"),
    ("answers.0.shows.0.box", [0, 0, 1], r"answers\[0\]\.shows\[0\]\.box"),
    ("answers.0.shows.0.box", [0, 0, 1, True], r"answers\[0\]\.shows\[0\]\.box\[3\]"),
    ("answers.0.shows.0.box", [0.9, 0, 0.5, 0.5], r"answers\[0\]\.shows\[0\]\.box"),
    ("answers.0.shows.0.box", [0, 0, 0, 0.5], r"answers\[0\]\.shows\[0\]\.box"),
]


@pytest.mark.parametrize(("where", "value", "place"), BAD)
def test_a_malformed_file_is_refused_and_the_place_named(
    library: Library, where: str, value: object, place: str
) -> None:
    given = document(library, answer(library, "near.jpg", "doe"))
    *path, last = [int(key) if key.isdigit() else key for key in where.split(".")]
    spot: Any = given
    for key in path:
        spot = spot[key]
    spot[last] = value
    with pytest.raises(AnswersError, match=place):
        take(library, given)
    assert judgements(library, "near.jpg") == []


def test_a_photo_named_twice_is_refused(library: Library) -> None:
    given = document(library, answer(library, "near.jpg"), answer(library, "near.jpg", "doe"))
    with pytest.raises(AnswersError, match=r"answers\[1\]\.image_id"):
        take(library, given)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe{}", b"[" * 100_000, b'{"version": NaN}', b"null", b'"text"']
)
def test_what_is_no_answers_at_all_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with pytest.raises(AnswersError):
        read_answers(file)
    with pytest.raises(AnswersError):
        read_answers(tmp_path)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(value=_JSON, where=st.sampled_from([bad[0] for bad in BAD]))
def test_no_content_raises_anything_else(
    tmp_path_factory: pytest.TempPathFactory, value: object, where: str
) -> None:
    entry = {"image_id": 1, "path": "a", "size_bytes": 1, "decided_at": "2024-01-01T00:00:00Z"}
    shows = [{"class": "doe", "box": [0, 0, 1, 1]}]
    given_: Any = {"format": "trailcam review", "version": 1, "review": "r", "library": "l", "author": ""}
    given_ |= {"random": False, "answers": [{**entry, "shows": shows}]}
    *path, last = [int(key) if key.isdigit() else key for key in where.split(".")]
    spot = given_
    for key in path:
        spot = spot[key]
    spot[last] = value
    file = tmp_path_factory.mktemp("j") / "a.json"
    file.write_text(json.dumps(given_), encoding="utf-8")
    try:
        answers = read_answers(file)
    except AnswersError:
        return
    assert len(answers.answers) <= 1


def test_a_database_is_told_from_another_made_later(tmp_path: Path) -> None:
    ids = set()
    for name in ("a", "b"):
        database = Database(tmp_path / f"{name}.duckdb")
        database.migrate()
        with database.read() as db:
            ids.add(library_id(db))
            assert db.execute("SELECT max(version) FROM migrations").fetchall() == [(LATEST,)]
    assert len(ids) == 2
