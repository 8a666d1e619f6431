"""A class by any of its names: what people type, whatever the model calls it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.library import Library, Photo, make_library
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import UsageError
from trailcam.export.picks import folder_of
from trailcam.reports.activity import activity
from trailcam.reports.common import Question
from trailcam.reports.digest import DigestOptions, digest
from trailcam.reports.species import species
from trailcam.settings.class_words import is_meant, words_of
from trailcam.settings.classmap import EMPTY
from trailcam.settings.species import COMMON_SPECIES, OTHER_NAMES, common_name
from trailcam.settings.taxonomy import known_place, unplaced
from trailcam.store.corrections import find_class, known_classes
from trailcam.store.export_rows import ExportBox

MODEL = (
    ClassInfo(0, "Cougar", Kind.ANIMAL, None, "Puma concolor"),
    ClassInfo(1, "black_bear", Kind.ANIMAL, None, "Ursus americanus"),
    ClassInfo(2, "white-tailed deer", Kind.DEER, None, "Odocoileus virginianus"),
    ClassInfo(3, "mature", Kind.BUCK, AgeClass.MATURE),
)
MEANT = [
    (
        "Cougar",
        ["cougar", "PUMA", "mountain lion", "mountain_lion", "Puma concolor", "animal"],
        ["cat", "bobcat"],
    ),
    ("black_bear", ["bear", "black bear", "American black bear", "ursus americanus"], ["brown bear", "boar"]),
    ("white-tailed deer", ["deer", "whitetail", "White_tailed_deer"], ["mule deer", "buck", "axis deer"]),
    ("mature", ["mature", "buck", "deer", "whitetail deer"], ["mid", "doe"]),
]


@pytest.mark.parametrize(("name", "yes", "no"), MEANT)
def test_by_any_name(name: str, yes: list[str], no: list[str]) -> None:
    (info,) = [info for info in MODEL if info.name == name]
    assert [word for word in yes if not is_meant(words_of(info), [word])] == []
    assert [word for word in no if is_meant(words_of(info), [word])] == []


@pytest.fixture
def library(tmp_path: Path) -> Library:
    photos = [Photo(f"{n}.jpg", f"2024-11-0{n + 1} 06:00") for n in range(4)]
    made = make_library(tmp_path, photos)
    made.detect({f"{n}.jpg": [(MODEL[n].name, 0.9)] for n in range(4)}, classes=MODEL)
    return made


def test_every_report_takes_them(library: Library) -> None:
    """A name that the model doesn't use finds what the model saw, and no report says that none was there."""
    with library.database.read() as db:
        for asked, n in {"mountain lion": 1, "bear": 1, "whitetail": 2, "puma": 1, "bobcat": 0}.items():
            report = species(db, Question(), by=[], only=[asked])
            assert sum(row["events"] for row in report.rows) == n
            blind = [note for note in report.notes if "has no class for" in note]
            assert bool(blind) == (asked == "bobcat")
            by_hour = activity(db, Question(), classes=[asked])
            assert sum(row["events"] for row in by_hour.rows) == n
            assert by_hour.headline.startswith(f"{asked.capitalize()}: " if n else f"No visit of {asked}.")
        with pytest.raises(UsageError, match="unicorn"):
            species(db, Question(), only=["unicorn"])
        known = known_classes(db)
        assert find_class(known, "Puma").name in ("Cougar", "mountain lion")
        assert find_class(known, "possum").species == "Didelphis virginiana"
        found = digest(db, Question(), DigestOptions(["mountain lion", "deer"]))
    new: dict[str, int] = {}
    for row in found.report.rows:
        new[row["class"]] = new.get(row["class"], 0) + row["new_photos"]
    assert new == {"mountain lion": 1, "deer": 2}


def test_crops_take_them() -> None:
    box = ExportBox(MODEL[1], 0.9, 0.1, 0.1, 0.2, 0.2)
    assert folder_of(box, ["bear"]) == folder_of(box, ["black_bear"]) == "black_bear"
    assert folder_of(box, ["puma"]) is None


def test_what_a_models_class_is_by_its_name_alone() -> None:
    names = dict(enumerate(["White_tailed_Deer", "mule deer", "Wapiti", "whitetail", "gnu"]))
    kinds = [(info.kind, info.species) for info in EMPTY.describe(names)]
    assert kinds == [
        (Kind.DEER, "Odocoileus virginianus"),
        (Kind.ANIMAL, "Odocoileus hemionus"),
        (Kind.ANIMAL, "Cervus canadensis"),
        (Kind.DEER, "Odocoileus virginianus"),
        (Kind.OTHER, None),
    ]


def test_names_of_a_species_list_that_nobody_knows() -> None:
    known = ["bobcat", "Puma", "deer", "whitetail", "Odocoileus virginianus", "Felidae", "mule-deer"]
    assert unplaced([*known, "bobcatt", "Tasmanian devil", "Kudu"], ["kudu"]) == [
        "bobcatt",
        "Tasmanian devil",
    ]
    assert known_place("deer") == known_place("Odocoileus")


def test_other_names_are_of_common_animals() -> None:
    assert set(OTHER_NAMES.values()) <= set(COMMON_SPECIES)
    assert not set(OTHER_NAMES) & set(COMMON_SPECIES)
    assert len({common_name(latin) for latin in COMMON_SPECIES.values()}) == len(COMMON_SPECIES)
