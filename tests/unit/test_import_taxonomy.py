"""Imported classifications: groups where no species is sure, and a list of the animals that a place has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.library import Library, Photo, make_library
from tests.unit.test_import_megadetector import BOX, boxes_of, document, saw, take
from trailcam.imports.box_classes import ClassChoice
from trailcam.settings.ranges import SpeciesList, species_list
from trailcam.settings.species import COMMON_SPECIES
from trailcam.settings.taxonomy import Allowed, known_place, latin_name, place_of, surest
from trailcam.store.database import rows

CATS = {
    "1": "a;mammalia;carnivora;felidae;lynx;rufus;bobcat",
    "2": "b;mammalia;carnivora;felidae;puma;concolor;puma",
    "3": "c;mammalia;carnivora;canidae;canis;latrans;coyote",
    "4": "d;mammalia;carnivora;felidae;panthera;onca;jaguar",
    "5": "e;mammalia;perissodactyla;equidae;equus;quagga;zebra",
    "6": "f;mammalia;carnivora;felidae;;;cat family",
}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path, [Photo(f"{n}.jpg", "2024-11-01 06:00") for n in range(1, 4)])


def classified(*shares: tuple[str, float]) -> dict[str, Any]:
    names = {key: text.rpartition(";")[2] for key, text in CATS.items()}
    return document(
        saw("Hayfield/1.jpg", {**BOX, "classifications": [list(share) for share in shares]}),
        classification_categories=names,
        classification_category_descriptions=CATS,
    )


@pytest.mark.parametrize(
    ("shares", "name"),
    [
        ((("1", 0.8), ("2", 0.1)), "bobcat"),
        ((("1", 0.4), ("2", 0.3), ("3", 0.2)), "Felidae"),
        ((("1", 0.3), ("2", 0.1), ("3", 0.3)), "Carnivora"),
        ((("1", 0.3), ("5", 0.3)), "Mammalia"),
        ((("1", 0.3),), "animal"),
        ((("6", 0.9),), "cat family"),
    ],
)
def test_classifications_count_together_where_none_is_sure(
    library: Library, shares: tuple[tuple[str, float], ...], name: str
) -> None:
    done = take(library, classified(*shares), choice=ClassChoice(0.6))
    ((_, found, kind, confidence),) = boxes_of(library, done.run_id)
    assert (found, kind, confidence) == (name, "animal", "0.9")


def test_the_probability_and_the_groups_name_are_kept(library: Library) -> None:
    done = take(library, classified(("1", 0.4), ("2", 0.3)), choice=ClassChoice(0.6))
    with library.database.read() as db:
        (box,) = rows(
            db, "SELECT class_probability::VARCHAR AS p FROM detections WHERE run_id = ?", [done.run_id]
        )
        (info,) = rows(db, "SELECT name, species FROM classes WHERE run_id = ?", [done.run_id])
    assert box == {"p": "0.7"}
    assert info == {"name": "Felidae", "species": "Felidae"}


@pytest.mark.parametrize(
    ("key", "allowed", "name"),
    [
        ("4", ("bobcat", "coyote"), "Felidae"),  # a jaguar where bobcats live
        ("4", ("coyote",), "Carnivora"),
        ("4", ("Panthera onca",), "jaguar"),
        ("4", ("Felidae",), "jaguar"),
        ("5", ("wild turkey",), "animal"),
        ("1", ("BOBCAT",), "bobcat"),
        ("2", ("mountain lion",), "puma"),
        ("6", ("Lynx rufus",), "cat family"),
        ("6", ("coyote",), "Carnivora"),
    ],
)
def test_an_impossible_animal_becomes_its_nearest_possible_group(
    library: Library, key: str, allowed: tuple[str, ...], name: str
) -> None:
    done = take(library, classified((key, 0.9)), choice=ClassChoice(0.0, SpeciesList(allowed)))
    ((_, found, _, _),) = boxes_of(library, done.run_id)
    assert found == name
    was = CATS[key].rpartition(";")[2]
    told = f"Not on the species list: 1 box called {was} is now {name}."
    assert (told in done.notes) == (name != was)


def test_another_list_is_another_run(library: Library) -> None:
    written = classified(("4", 0.9))
    first = take(library, written)
    second = take(library, written, choice=ClassChoice(0.0, SpeciesList(("bobcat",))))
    assert second.run_id != first.run_id
    assert take(library, written, choice=ClassChoice(0.0, SpeciesList(("bobcat",)))).run_id == second.run_id


def test_speciesnet_names_a_family(library: Library) -> None:
    row = {
        "filepath": "Hayfield/1.jpg",
        "detections": [{"category": "1", "label": "animal", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4]}],
        "prediction": CATS["6"],
        "prediction_score": 0.8,
    }
    done = take(library, {"predictions": [row]}, choice=ClassChoice(0.0, SpeciesList(("bobcat",))))
    ((_, found, _, _),) = boxes_of(library, done.run_id)
    assert found == "cat family"
    assert not [note for note in done.notes if note.startswith("Not on the species list")]


@pytest.mark.parametrize("name", sorted(COMMON_SPECIES))
def test_every_common_animal_has_a_place(name: str) -> None:
    place = known_place(name)
    assert place is not None
    assert latin_name(place) == COMMON_SPECIES[name]


def test_a_state_of_the_table_judges_what_it_knows(library: Library) -> None:
    """A jaguar and a dingo in Texas; a zebra, whose family the table knows; an otter, which lives there."""
    ids = {**CATS, "7": "g;mammalia;carnivora;mustelidae;lontra;canadensis;river otter"}
    ids["8"] = "h;mammalia;carnivora;mustelidae;mustela;lutreola;mink"
    shares = [saw("Hayfield/1.jpg", *({**BOX, "classifications": [[key, 0.9]]} for key in "145782"))]
    written = document(
        *shares,
        classification_categories={key: text.rpartition(";")[2] for key, text in ids.items()},
        classification_category_descriptions=ids,
    )
    done = take(library, written, choice=ClassChoice(0.0, species_list("Texas", ())))
    found = [name for _, name, _, _ in boxes_of(library, done.run_id)]
    assert sorted(found) == sorted(["bobcat", "Felidae", "Equus", "river otter", "mink", "puma"])
    assert [note for note in done.notes if "species list" in note] == [
        "Not on the species list: 1 box called jaguar is now Felidae.",
        "Not on the species list: 1 box called zebra is now Equus.",
    ]


def test_places_by_hand() -> None:
    assert place_of("x;Mammalia;Carnivora;Felidae;Lynx;rufus;bobcat") == (
        *("mammalia", "carnivora", "felidae"),
        *("lynx", "rufus"),
    )
    assert place_of("no;taxonomy") is None
    assert place_of("x;;;;;;animal") is None
    assert surest({}, 0.5) is None
    assert place_of("x;mammalia;cetartiodactyla;cervidae;dama;dama;deer") == known_place("fallow deer")
    assert Allowed(SpeciesList(("gnome",)), {}).possible("gnome", None)
    assert not Allowed(SpeciesList(("gnome",)), {}).possible("elf", None)
