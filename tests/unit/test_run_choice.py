"""Which run counts, chosen by hand or not, and what deleting one leaves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.library import NO_DEER, WHITETAIL, Library, Photo, make_library
from trailcam.domain import Outcome, Status
from trailcam.errors import UsageError
from trailcam.gallery.content import read_content
from trailcam.gallery.gallery_options import GalleryOptions
from trailcam.reports.bucks import bucks
from trailcam.reports.common import Question
from trailcam.reports.run_list import run_show, runs_list
from trailcam.reports.status import status
from trailcam.selection import Selection
from trailcam.store.corrections import Judgement, record
from trailcam.store.database import one, rows, utc_now
from trailcam.store.digests import make_fresh
from trailcam.store.imported import ImportedRun
from trailcam.store.run_choice import choose_run, count_kept, delete_run
from trailcam.store.run_sink import RunFacts
from trailcam.store.select import select

PHOTOS = [Photo(f"{name}.jpg", f"2024-11-0{n + 1} 06:10") for n, name in enumerate("abcd")]


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path, PHOTOS)


def counting(library: Library) -> dict[str, int | None]:
    """Photo -> the run whose boxes count there."""
    with library.database.read() as db:
        found = dict(db.execute("SELECT image_id, run_id FROM images").fetchall())
    return {name[0]: found[image_id] for name, image_id in library.ids.items()}


def choose(library: Library, run_id: int | None) -> None:
    with library.database.write() as db:
        choose_run(db, run_id)


def delete(library: Library, run_id: int) -> Any:  # noqa: ANN401 - Deleted
    with library.database.write() as db:
        return delete_run(db, run_id)


def of(*names: str, what: str = "mature") -> dict[str, list[Any]]:
    return {f"{name}.jpg": [(what, 0.9)] for name in names}


def events(library: Library) -> list[tuple[str, int]]:
    with library.database.read() as db:
        answer = bucks(db, Question(), by=("age",))
    return [(row["age"], row["photos"]) for row in answer.rows if row["photos"]]


def test_a_chosen_run_counts_in_reports_and_galleries(library: Library) -> None:
    old = library.detect(of("a", "b", "c"), weights="old.pt")
    new = library.detect(of("a", "b", what="young"), weights="new.pt")
    assert counting(library) == {"a": new, "b": new, "c": old, "d": None}
    assert dict(events(library)) == {"young": 2, "mature": 1}
    choose(library, old)
    assert counting(library) == {"a": old, "b": old, "c": old, "d": None}
    assert dict(events(library)) == {"mature": 3}
    with library.database.read() as db:
        content = read_content(
            db, Selection(), GalleryOptions(confidence=None, lowest=0.25, gap=timedelta(minutes=30))
        )
        notes = " ".join(status(db, working=False).notes)
    assert [shown.label for shown in content.classes] == ["mature buck"]
    assert f"Run {old} (old.pt) was chosen by hand" in notes
    choose(library, None)
    assert counting(library) == {"a": new, "b": new, "c": old, "d": None}
    with library.database.read() as db:
        assert "by hand" not in " ".join(status(db, working=False).notes)


def test_a_choice_outlives_later_runs(library: Library) -> None:
    old = library.detect(of("a", "b"), weights="old.pt")
    new = library.detect(of("a", "b", "c", what="young"), weights="new.pt")
    choose(library, old)
    newest = library.detect(of("a", "b", "c", "d", what="mid"), weights="newest.pt")
    assert counting(library) == {"a": old, "b": old, "c": newest, "d": newest}
    with library.database.read() as db:
        assert count_kept(db, newest) == 2
        assert count_kept(db, old) == 0
    again = library.detect(of("c"), weights="old.pt")
    assert again > newest
    assert counting(library) == {"a": old, "b": old, "c": again, "d": newest}
    cut_off = library.detect(of("d"), weights="old.pt", completed=False)
    assert counting(library)["d"] == cut_off
    choose(library, new)
    assert counting(library) == {"a": new, "b": new, "c": new, "d": newest}


def test_what_is_no_run_is_refused(library: Library) -> None:
    with pytest.raises(UsageError, match="no run 7"):
        choose(library, 7)
    failed = library.detect({}, failed=["a.jpg"])
    with pytest.raises(UsageError, match="completed no photo"):
        choose(library, failed)
    with pytest.raises(UsageError, match="no run 7") as refused, library.database.read() as db:
        run_show(db, 7, working=False)
    assert f"Runs: {failed}" in refused.value.hint


def test_deleting_hands_photos_on_or_opens_them_again(library: Library) -> None:
    old = library.detect(of("a"), failed=["b.jpg"], weights="old.pt")
    new = library.detect(of("a", "b", "c"), weights="new.pt")
    gone = delete(library, new)
    assert (gone.results, gone.detections, gone.handed_on, gone.left) == (3, 3, 1, 2)
    assert counting(library) == {"a": old, "b": None, "c": None, "d": None}
    with library.database.read() as db:
        found = rows(db, "SELECT image_id, status, error_code FROM images")
        for table in ("runs", "classes", "results", "detections"):
            assert one(db, f"SELECT count(*) FROM {table} WHERE run_id = ?", [new]) == (0,)
    states = {row["image_id"]: (row["status"], row["error_code"]) for row in found}
    assert states[library.ids["a.jpg"]] == (Status.COMPLETED, None)
    assert states[library.ids["b.jpg"]] == (Status.FAILED, "truncated")
    assert states[library.ids["c.jpg"]] == (Status.PENDING, None)


def test_another_programs_run_counts_where_none_of_ours_does(library: Library) -> None:
    ours = library.detect(of("a"), weights="ours.pt")
    facts = RunFacts("import x", "0" * 64, "MDv5", {}, {}, "imported", WHITETAIL)
    with library.database.write() as db:
        imported = ImportedRun(library.database, db, facts)
        imported.write([Outcome(library.ids[f"{name}.jpg"], Status.COMPLETED) for name in "ab"])
        assert imported.finish() == 1
    theirs = imported.run_id
    assert counting(library) == {"a": ours, "b": theirs, "c": None, "d": None}
    choose(library, theirs)
    assert counting(library) == {"a": theirs, "b": theirs, "c": None, "d": None}
    choose(library, None)
    assert counting(library) == {"a": ours, "b": theirs, "c": None, "d": None}
    delete(library, ours)
    assert counting(library) == {"a": theirs, "b": theirs, "c": None, "d": None}


def test_a_missing_photo_stays_missing(library: Library) -> None:
    run_id = library.detect(of("a"))
    library.detect({}, missing=["a.jpg"], weights="other.pt")
    delete(library, run_id)
    with library.database.read() as db:
        assert one(db, "SELECT status, run_id FROM images WHERE image_id = ?", [library.ids["a.jpg"]]) == (
            "missing",
            None,
        )


def test_corrections_outlive_the_run_they_were_made_on(library: Library) -> None:
    run_id = library.detect(of("a", "b"))
    with library.database.write() as db:
        record(db, [Judgement(library.ids["a.jpg"], (), True, utc_now())], author="Ann", source="correct")
        before = rows(db, "SELECT * FROM judgements ORDER BY ALL")
    assert dict(events(library)) == {"mature": 1}
    delete(library, run_id)
    with library.database.read() as db:
        assert rows(db, "SELECT * FROM judgements ORDER BY ALL") == before != []
    library.detect(of("a", "b"))
    assert dict(events(library)) == {"mature": 1}


def test_a_deletion_that_fails_leaves_everything(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = library.detect(of("a", "b"))

    def refuse(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("trailcam.store.run_choice._still_told", refuse)
    with pytest.raises(KeyboardInterrupt):
        delete(library, run_id)
    assert counting(library) == {"a": run_id, "b": run_id, "c": None, "d": None}
    assert dict(events(library)) == {"mature": 2}


def test_a_digest_does_not_tell_again_what_another_run_still_shows(library: Library) -> None:
    first = library.detect(of("a", "b"), weights="old.pt")
    with library.database.write() as db:
        db.execute("INSERT INTO digests VALUES (1, 'mail', now()::TIMESTAMP)")
        db.execute("INSERT INTO digest_photos SELECT 1, image_id, looked_at FROM results")
    library.detect(of("a", "c"), weights="new.pt")
    assert fresh(library) == {library.ids["c.jpg"]}
    delete(library, first)
    assert fresh(library) == {library.ids["c.jpg"]}


def fresh(library: Library) -> set[int]:
    with library.database.read() as db:
        make_fresh(select(db, Selection()), "mail", None)
        return {int(n) for (n,) in db.execute("SELECT image_id FROM fresh").fetchall()}


def test_reports_of_runs(library: Library) -> None:
    old = library.detect(of("a", "b") | {"c.jpg": [("doe", 0.3)]}, weights="old\x1b[31m.pt")
    bare = library.detect({"a.jpg": [("animal", 0.9)]}, classes=NO_DEER, weights="", key="imported")
    with library.database.read() as db:
        listed = runs_list(db, working=False)
        shown = run_show(db, old, working=False)
        plain = run_show(db, bare, working=False)
    assert [(row["run_id"], row["counting"], row["weights"]) for row in listed.rows] == [
        (bare, 1, None),
        (old, 2, "old\x1b[31m.pt"),
    ]
    assert listed.coverage == {"photos": 4, "counted": 3}
    found = {row["name"]: (row["detections"], row["counting"], row["photos"]) for row in shown.rows}
    assert found["mature"] == (2, 2, 2)
    assert found["doe"] == (1, 0, 1)
    assert found["young"] == (0, 0, 0)
    assert {row["name"]: row["value"] for row in shown.sections[0].rows}["counts_for_photos"] == "2"
    assert "weights" not in {row["name"] for row in plain.sections[0].rows}


Step = tuple[str, int, tuple[str, ...], bool]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("detect", "choose", "newest", "delete")),
        st.integers(0, 3),
        st.lists(st.sampled_from("abcd"), unique=True, min_size=1).map(tuple),
        st.booleans(),
    ),
    max_size=6,
)


@settings(max_examples=10, deadline=None)
@given(steps=STEPS)
def test_every_photo_has_the_run_it_should(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    """Whatever is looked at, chosen and deleted, in any order: the rule holds, and no row is left behind."""
    library = make_library(tmp_path_factory.mktemp("rule"), PHOTOS)
    for step, n, names, completed in steps:
        with library.database.read() as db:
            known = [
                int(run)
                for (run,) in db.execute(
                    "SELECT DISTINCT run_id FROM results WHERE status = 'completed' ORDER BY 1"
                ).fetchall()
            ]
        if step == "detect":
            library.detect(of(*names), weights=f"{n}.pt", completed=completed)
        elif step == "newest":
            choose(library, None)
        elif known and step == "choose":
            choose(library, known[n % len(known)])
        elif known:
            delete(library, known[n % len(known)])
    with library.database.read() as db:
        runs = {row["run_id"]: row for row in rows(db, "SELECT * FROM runs")}
        results = rows(db, "SELECT image_id, run_id FROM results WHERE status = 'completed'")
        assert one(db, "SELECT count(*) FROM detections WHERE run_id NOT IN (FROM runs SELECT run_id)") == (
            0,
        )
        states = dict(db.execute("SELECT image_id, status FROM images").fetchall())
    chosen = {run["model_key"] for run in runs.values() if run["chosen_at"]}
    assert len(chosen) <= 1
    for name, run_id in counting(library).items():
        image_id = library.ids[f"{name}.jpg"]
        has = [runs[row["run_id"]] for row in results if row["image_id"] == image_id]
        assert (run_id is None) == (not has)
        assert states[image_id] == ("pending" if run_id is None else "completed")
        if run_id is None:
            continue
        best = [run for run in has if run["model_key"] in chosen] or has
        done = [run for run in best if run["state"] == "completed"]
        if done:
            assert run_id == max(done, key=lambda run: (run["finished_at"], run["run_id"]))["run_id"]
        else:
            assert run_id in {run["run_id"] for run in best}
