"""Nothing is ever written outside the target, over a photo, or by halves."""

from __future__ import annotations

import os
import re
import tempfile
import time
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.helpers.library import Photo, make_library
from trailcam.errors import OutputError, UsageError
from trailcam.export.xmp import export_xmp
from trailcam.files.target import (
    check_file,
    check_folder,
    draft_beside,
    flat_name,
    inside,
    safe_part,
    safe_path,
    whole_file,
)
from trailcam.pages.shown import check_target
from trailcam.selection import Selection

# What Windows takes for a device, whatever follows a dot.
DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³]|conin\$|conout\$)\s*(\.|$)", re.IGNORECASE)
ANY_TEXT = st.text(st.characters(), max_size=300)  # surrogates too: names that are not UTF-8


@given(ANY_TEXT)
@example("..")
@example("")
@example("C:\\Windows")
@example("con.txt")
@example("CON .txt")
@example("com\u00b9.jpg")
@example("CONOUT$")
@example("..\\..\\x")
@example("\\\\server\\share")
@example("a/../../b")
@example("\udcff")
def test_a_safe_part_is_one_part_everywhere(text: str) -> None:
    part = safe_part(text)
    assert part not in ("", ".", "..")
    assert PurePosixPath(part).parts == (part,)
    assert PureWindowsPath(part).parts == (part,)
    assert not PureWindowsPath(part).drive
    assert not DEVICE.match(part)
    assert len(part) <= 120
    part.encode("utf-8")
    assert part.rstrip(". ") == part


@given(ANY_TEXT, ANY_TEXT)
@example("a/b", "a_b")
@example("a?", "a*")
def test_two_texts_never_share_a_part(one: str, other: str) -> None:
    assert (safe_part(one) == safe_part(other)) == (one == other)


@given(st.lists(st.sampled_from(["..", ".", "", "a", "/", "b.jpg", "C:", "~"]), min_size=1, max_size=8))
def test_no_stored_path_leads_out(parts: list[str]) -> None:
    path = safe_path("/".join([*parts, "x.jpg"]))
    assert not path.is_absolute()
    assert ".." not in path.parts


ODD_PARTS = (
    "..",
    ".",
    "a",
    "~",
    "C:",
    "con",
    "nul.txt",
    "a\\..\\b",
    "x. ",
    "-o",
    "*?",
    "\u202egpj",
    "é",
    "é",
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["..", "/etc", "C:\\Windows", "aux", "Hayfield", "\\\\host\\share"]),
            st.lists(st.sampled_from(ODD_PARTS), max_size=3),
        ),
        min_size=1,
        max_size=6,
        unique_by=lambda item: (item[0].lower(), tuple(part.lower() for part in item[1])),
    ),
    st.booleans(),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_export_of_many_files_writes_outside_its_target(
    photos: list[tuple[str, list[str]]], full_names: bool
) -> None:
    """Whatever a database holds as paths: as many sidecars as photos, all of them below the target."""
    with tempfile.TemporaryDirectory() as folder:
        made = [
            Photo("/".join([*parts, f"{n}.jpg"]), station=station)
            for n, (station, parts) in enumerate(photos)
        ]
        library = make_library(Path(folder), made)
        library.detect({f"{n}.jpg": [] for n in range(len(photos))})
        target = Path(folder, "deep", "target")
        before = {path for path in Path(folder).rglob("*")}
        summary = export_xmp(library.database, Selection(), target, None, full_names=full_names)
        new = {path for path in Path(folder).rglob("*")} - before - {target, target.parent}
        assert all(path.resolve().is_relative_to(target) for path in new)
        assert len([path for path in new if path.is_file()]) == len(photos) == summary.photos
        for path in new:
            assert not DEVICE.match(path.name)
            assert PureWindowsPath(path.name).parts == (path.name,)


def test_a_good_name_stays_as_it_is() -> None:
    assert safe_part("Phils_Secret_Spot") == "Phils_Secret_Spot"
    assert safe_path("Hayfield/DCIM/IMG_1.JPG") == PurePosixPath("Hayfield/DCIM/IMG_1.JPG")


def test_flat_names_differ_where_only_folder_or_ending_do() -> None:
    names = {flat_name("r", p) for p in ("a/b.jpg", "a__b.jpg", "a/b.png", "b.jpg")} | {
        flat_name("q", "b.jpg")
    }
    assert len(names) == 5


def test_a_link_inside_the_target_leads_nowhere(tmp_path: Path) -> None:
    elsewhere, target = tmp_path / "elsewhere", tmp_path / "target"
    elsewhere.mkdir()
    target.mkdir()
    (target / "young").symlink_to(elsewhere)
    with pytest.raises(OutputError, match="outside"):
        inside(target, "young/x.jpg")
    assert inside(target, "mid/x.jpg") == target / "mid" / "x.jpg"


def test_an_export_takes_no_photos_place(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ending of a photo"):
        check_file(tmp_path / "IMG_1.JPG", tmp_path / "db", ".csv")


def test_an_export_does_not_replace_its_database(tmp_path: Path) -> None:
    database = tmp_path / "t.duckdb"
    database.write_bytes(b"x")
    with pytest.raises(UsageError, match="database"):
        check_file(tmp_path / "." / "t.duckdb", database, ".csv")


@pytest.mark.parametrize("name", ["o.xlsx", "o.XLS", "o.ods", "o.json", "o.parquet", "o.html", "o.csv.gz"])
def test_no_export_goes_under_another_formats_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="file ending of another format") as caught:
        check_file(tmp_path / name, tmp_path / "db", ".csv")
    assert caught.value.hint.endswith(".csv")


@pytest.mark.parametrize("name", ["o", "o.csv", "o.CSV", "o.txt", "2024.11", "o.csv.bak"])
def test_an_export_may_have_its_own_ending_or_an_unknown_one(tmp_path: Path, name: str) -> None:
    assert check_file(tmp_path / name, tmp_path / "db", ".csv") == tmp_path / name


@pytest.mark.parametrize("name", ["page.xlsx", "page.pdf", "page.unknown", "page.html.bak", "page.csv"])
def test_a_page_is_called_html(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="a page is HTML"):
        check_target(tmp_path / name, [], [])
    for good in ("page.html", "page.HTM", "page"):
        check_target(tmp_path / good, [], [])


def test_no_folder_of_copies_inside_a_root(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    with pytest.raises(UsageError, match="scanned folder"):
        check_folder(root / "crops", [str(root)])
    assert not (root / "crops").exists()


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("old")

    def fail() -> None:
        with whole_file(path) as file:
            file.write(b"half")
            raise OSError("pulled")

    with pytest.raises(OutputError, match="pulled"):
        fail()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]
    with whole_file(path) as file:
        file.write(b"new")
    assert path.read_text() == "new"


def test_a_draft_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with draft_beside(tmp_path / "o.parquet") as (draft, _):
            draft.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_drafts_of_the_killed_go_after_a_day(tmp_path: Path) -> None:
    old, new = tmp_path / ".trailcam-old.part", tmp_path / ".trailcam-new.part"
    folder, other = tmp_path / ".trailcam-folder", tmp_path / ".trailcam-settings"
    for path in (old, new, other):
        path.write_text("half")
    folder.mkdir()
    (folder / "draft").write_text("half")
    two_days_ago = time.time() - 2 * 24 * 3600
    for path in (old, folder, other):
        os.utime(path, (two_days_ago, two_days_ago))
    with whole_file(tmp_path / "o.csv") as file:
        file.write(b"whole")
    assert {p.name for p in tmp_path.iterdir()} == {"o.csv", new.name, other.name}


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="folder doesn't exist"), whole_file(tmp_path / "no" / "x.json"):
        pass
