"""The table of where animals live, and a model's classes by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trailcam.domain import ClassInfo, Kind
from trailcam.errors import ConfigError
from trailcam.settings.classmap import auto_class_map, fold, load_class_map, shipped_class_maps
from trailcam.settings.config import load
from trailcam.settings.ranges import read_ranges, species_list
from trailcam.settings.species import COMMON_SPECIES, LINEAGES
from trailcam.settings.taxonomy import Allowed, known_place, place_of, renamed

RANGES = read_ranges()


def possible(place: str, latin: str) -> bool:
    return Allowed(species_list(place, ()), {}).possible(latin, known_place(latin))


def test_it_has_every_common_animal_and_places_each() -> None:
    places = [known_place(animal) for animal in RANGES.animals]
    assert None not in places
    for latin in COMMON_SPECIES.values():
        place = known_place(latin)
        assert place is not None
        assert any(other is not None and set(filter(None, place)) <= set(other) for other in places), latin


def test_every_state_and_province_has_a_list() -> None:
    codes = [place for place in RANGES.places if len(place) == 2 and place != "us"]
    assert len(codes) == 51 + 13 + 1
    for code in codes:
        found = species_list(code, ())
        assert 15 <= len(found.names) < len(RANGES.animals)
        assert set(found.names) | set(found.elsewhere) == set(RANGES.animals)
        assert "Canis familiaris" in found.names
    assert len(species_list("US", ()).names) > len(species_list("Hawaii", ()).names)
    assert {family for family in RANGES.families if family not in LINEAGES} == set()


def test_a_name_and_a_code_are_the_same_place() -> None:
    assert species_list("TX", ()) == species_list(" texas ", ())
    assert species_list("USA", ()) == species_list("United States", ())
    assert species_list("CA", ()) == species_list("California", ()) != species_list("Canada", ())


@pytest.mark.parametrize(
    ("latin", "here", "not_here"),
    [
        ("Lynx rufus", "TX OH CA ON Mexico", "AK HI DE"),
        ("Panthera onca", "AZ NM", "OH TX"),
        ("Dasypus novemcinctus", "TX FL KS", "MN ME"),
        ("Ursus americanus", "NC MN WA NJ", "HI PE"),
        ("Odocoileus virginianus", "TX OH SK", "HI NV"),
        ("Odocoileus hemionus", "TX CO", "OH FL"),
        ("Cervus elaphus", "CO KY", "FL"),
        ("Boselaphus tragocamelus", "TX", "OH"),
        ("Didelphis virginiana", "OH CA ON", "MT AK"),
        ("Meleagris gallopavo", "TX HI", "AK"),
        ("Corvus corax", "TX AK", ""),  # birds are judged only where the table names them
        ("Panthera leo", "", "TX US Canada Mexico"),
        ("Equus quagga", "", "TX"),
        ("Canis lupus familiaris", "TX HI", ""),
        ("Canis lupus dingo", "", "TX"),
        ("Lepus californicus", "TX", "HI"),
        ("Felidae", "TX HI", ""),
    ],
)
def test_animals_by_hand(latin: str, here: str, not_here: str) -> None:
    assert [place for place in here.split() if not possible(place, latin)] == []
    assert [place for place in not_here.split() if possible(place, latin)] == []


def info(number: int, name: str, kind: Kind = Kind.ANIMAL, species: str | None = None) -> ClassInfo:
    return ClassInfo(number, name, kind, None, species)


def test_a_models_classes_by_a_place() -> None:
    infos = [
        info(0, "jaguar", species="Panthera onca"),
        info(1, "lion", species="Panthera leo"),
        info(2, "bobcat"),
        info(3, "mature", Kind.BUCK, "Odocoileus virginianus"),
        info(4, "person", Kind.PERSON),
        info(5, "something"),
        info(6, "elephant", species="Elephantidae"),
    ]
    found, changed = renamed(infos, species_list("OH", ()))
    assert changed == {"jaguar": "Felidae", "lion": "Felidae"}
    assert [(i.class_id, i.name, i.species) for i in found[:2]] == [
        (0, "Felidae", "Felidae"),
        (1, "Felidae", "Felidae"),
    ]
    assert found[2:] == infos[2:]
    assert renamed(infos, species_list(None, ())) == (infos, {})
    # A list of names alone rules out all the rest, but never deer, people and what nobody can place.
    found, changed = renamed(infos, species_list(None, ("coyote",)))
    assert changed == {
        "jaguar": "Carnivora",
        "lion": "Carnivora",
        "bobcat": "Carnivora",
        "elephant": "animal",
    }
    assert found[3:6] == infos[3:6]
    assert renamed(infos, species_list("HI", ("bobcat", "jaguar")))[1] == {"lion": "Felidae"}


@pytest.mark.parametrize("name", sorted(set(shipped_class_maps()) - {"coco", "labels"}))
def test_texas_changes_no_class_of_maps_of_texas(name: str) -> None:
    rules = load_class_map(name)
    infos = rules.describe(dict(enumerate(rules.classes)))
    assert renamed(infos, species_list("TX", ()))[1] == {}


def test_coco_in_ohio() -> None:
    names = dict(enumerate(load_class_map("coco").classes))
    infos = auto_class_map(names.values()).describe(names)
    assert renamed(infos, species_list("OH", ()))[1] == {}
    assert place_of("a;mammalia;carnivora;canidae;canis;latrans;coyote") == known_place("coyote")


@pytest.mark.parametrize("place", ["Atlantis", "", "T", "Germany"])
def test_a_place_that_is_none_is_refused(tmp_path: Path, place: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f'[species]\nplace = "{place}"\n')
    with pytest.raises(ConfigError) as caught:
        load(file, {}, {})
    assert "species.place" in caught.value.message
    assert "a US state or a Canadian province" in caught.value.hint


def test_the_settings_hold_the_list() -> None:
    settings = load(None, {}, {"TRAILCAM_SPECIES_PLACE": "Ohio", "TRAILCAM_SPECIES_ALLOWED": "ocelot"})
    assert settings.species.listed.place == "OH"
    assert fold("ocelot") in settings.species.listed.names
    assert not load(None, {}, {}).species.listed
