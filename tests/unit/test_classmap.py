from __future__ import annotations

from pathlib import Path

import pytest

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import ConfigError
from trailcam.settings.classmap import (
    EMPTY,
    ClassRule,
    auto_class_map,
    is_class_map_path,
    load_class_map,
    shipped_class_maps,
    shipped_configs,
)

DEER = "Odocoileus virginianus"
WHITETAIL = ["UTV", "cow", "coyote", "doe", "fawn", "mature", "mid", "person", "raccoon", "turkey", "young"]
STARTER = ["doe", "fawn", "young", "mid", "mature", "coyote", "hog", "turkey", "raccoon", "fox"]
STARTER += ["person", "vehicle", "animal"]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "map.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_maps_have_their_own_names() -> None:
    shipped = shipped_class_maps()
    assert list(shipped) == ["coco", "labels", "megadetector", "starter", "whitetail11"]
    for name in shipped:
        found = load_class_map(name)
        assert found.name == name
        assert found.description
    assert (shipped_configs() / "example.toml").is_file()


def test_the_whitetail_model_is_described_class_by_class() -> None:
    found = auto_class_map(WHITETAIL)
    assert found.name == "whitetail11"
    infos = found.describe(dict(enumerate(WHITETAIL)))
    assert [info.class_id for info in infos] == list(range(11))
    assert {info.name: info.age_class for info in infos if info.kind is Kind.BUCK} == {
        "mature": AgeClass.MATURE,
        "mid": AgeClass.MID,
        "young": AgeClass.YOUNG,
    }
    assert infos[0] == ClassInfo(0, "UTV", Kind.VEHICLE)
    assert infos[1] == ClassInfo(1, "cow", Kind.ANIMAL, species="Bos taurus")
    assert infos[3] == ClassInfo(3, "doe", Kind.DOE, species=DEER)
    assert infos[7].kind is Kind.PERSON
    assert {info.kind for info in infos if info.species == DEER} == {Kind.BUCK, Kind.DOE, Kind.FAWN}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (STARTER, "starter"),
        (["animal", "person", "vehicle"], "megadetector"),
        (["ANIMAL", " Person ", "vehicle"], "megadetector"),
        (["person", "car", "teddy bear"], "coco"),
        (["doe", "mature", "cow"], "whitetail11"),
        (["doe", "hog"], "starter"),
        (["doe", "giraffe"], "none"),
        (["doe", "mature", "mountain lion", "badger"], "labels"),
        (["deer", "javelina"], "starter"),
        (["javelina"], "none"),
        (["class0"], "none"),
        ([], "none"),
    ],
)
def test_the_map_that_fits_closest_is_chosen(names: list[str], expected: str) -> None:
    assert auto_class_map(names).name == expected


def test_coco_names_the_classes_of_the_real_model() -> None:
    weights = Path(__file__).resolve().parents[2] / ".." / "shared" / "dataset" / "yolo11n-coco.pt"
    if not weights.exists():
        pytest.skip("no COCO weights beside the checkout")
    names: dict[int, str] = pytest.importorskip("ultralytics").YOLO(str(weights)).names
    found = auto_class_map(names.values())
    assert found.name == "coco"
    assert len(names) == len(found.classes) == 80
    kinds = {info.name: info.kind for info in found.describe(names)}
    assert [name for name, kind in kinds.items() if kind is Kind.PERSON] == ["person"]
    assert {"bicycle", "car", "motorcycle", "bus", "truck"} < {
        n for n, k in kinds.items() if k is Kind.VEHICLE
    }
    animals = {name for name, kind in kinds.items() if kind is Kind.ANIMAL}
    assert animals == {"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"}
    assert kinds["bench"] is kinds["teddy bear"] is Kind.OTHER
    assert not {Kind.BUCK, Kind.DOE, Kind.FAWN, Kind.DEER} & set(kinds.values())


def test_a_class_no_map_names_keeps_its_own_name() -> None:
    assert EMPTY.describe({4: "Wolpertinger"}) == [ClassInfo(4, "Wolpertinger", Kind.OTHER)]
    infos = load_class_map("megadetector").describe({2: "Badger", 0: "Animal"})
    assert infos == [
        ClassInfo(0, "Animal", Kind.ANIMAL),
        ClassInfo(2, "Badger", Kind.ANIMAL, species="Taxidea taxus"),
    ]


TEN = {
    "bobcat": "Lynx rufus",
    "mountain lion": "Puma concolor",
    "bear": "Ursidae",
    "opossum": "Didelphis virginiana",
    "squirrel": "Sciuridae",
    "skunk": "Mephitidae",
    "dog": "Canis familiaris",
    "cat": "Felis catus",
    "cow": "Bos taurus",
    "bird": "Aves",
}


@pytest.mark.parametrize("map_name", [None, "whitetail11", "starter", "labels", "coco", "megadetector"])
def test_common_animals_are_known_whatever_the_map(map_name: str | None) -> None:
    found = EMPTY if map_name is None else load_class_map(map_name)
    infos = found.describe(dict(enumerate(TEN)))
    assert {info.name: (info.kind, info.species) for info in infos} == {
        name: (Kind.ANIMAL, species) for name, species in TEN.items()
    }


@pytest.mark.parametrize("name", ["Mountain_Lion", "mountain-lion", " cougar ", "PUMA"])
def test_other_spellings_of_a_common_animal(name: str) -> None:
    assert EMPTY.describe({0: name}) == [ClassInfo(0, name, Kind.ANIMAL, species="Puma concolor")]


def test_a_class_named_by_a_kind_is_of_that_kind_without_a_map() -> None:
    names = {0: "doe", 1: "Wolpertinger", 2: "Deer", 3: "buck"}
    assert auto_class_map(names.values()) is EMPTY
    kinds = {info.name: info.kind for info in EMPTY.describe(names)}
    assert kinds == {"doe": Kind.DOE, "Wolpertinger": Kind.OTHER, "Deer": Kind.DEER, "buck": Kind.BUCK}


def test_a_rule_of_ones_own_overrides_what_a_name_says() -> None:
    rules = {"skunk": ClassRule(Kind.OTHER), "bear": ClassRule(Kind.ANIMAL, species="Ursus americanus")}
    infos = EMPTY.describe({0: "skunk", 1: "bear"}, rules)
    assert infos == [
        ClassInfo(0, "skunk", Kind.OTHER),
        ClassInfo(1, "bear", Kind.ANIMAL, species="Ursus americanus"),
    ]


def test_overrides_go_before_the_map_entry_by_entry() -> None:
    overrides = {" COW ": ClassRule(Kind.DEER), "shooter": ClassRule(Kind.BUCK)}
    infos = load_class_map("whitetail11").describe({0: "cow", 1: "doe", 2: "shooter"}, overrides)
    assert infos[0] == ClassInfo(0, "cow", Kind.DEER)
    assert infos[1].kind is Kind.DOE
    assert infos[2] == ClassInfo(2, "shooter", Kind.BUCK, AgeClass.UNKNOWN)


def test_a_map_of_ones_own(tmp_path: Path) -> None:
    path = write(tmp_path, 'name = "mine"\n[classes.Hirsch]\nkind = "buck"\nage = "mid"')
    for given in (path, str(path)):
        found = load_class_map(given)
        assert (found.name, found.description) == ("mine", "")
        assert found.describe({0: "hirsch"}) == [ClassInfo(0, "hirsch", Kind.BUCK, AgeClass.MID)]


def test_paths_and_names_are_told_apart() -> None:
    assert not is_class_map_path("coco")
    assert all(map(is_class_map_path, ["./coco", "a\\b", "coco.toml", "C.TOML"]))


def test_an_unknown_name_lists_the_shipped_ones() -> None:
    with pytest.raises(ConfigError, match="cocoa") as caught:
        load_class_map("cocoa")
    assert "coco, labels, megadetector, starter, whitetail11" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('[classes.a]\nkind = "doe"', '"name"'),
        ('name = "x"\n[classes.a]\nkind = "stag"', "classes.a.kind"),
        ('name = "x"\n[classes.a]\nkind = "buck"\nage = "old"', "classes.a.age"),
        ('name = "x"\n[classes.a]\nkind = "doe"\nage = "mid"', "classes.a.age"),
        ('name = "x"\n[classes.a]\nage = "mid"', '"kind"'),
        ('name = "x"\n[classes.a]\nkind = "doe"\nspecies = 3', "classes.a.species"),
        ('name = "x"\n[classes.a]\nknd = "doe"', '"knd"'),
        ('name = "x"\nclass = 3', '"class"'),
        ('name = "x"\nclasses = 3', "classes"),
        ('name = "x"\n[classes]\na = "doe"', "classes.a"),
        ('name = "x"\n[classes.a]\nkind = "doe"\n[classes.A]\nkind = "doe"', "twice"),
        ("name = ", "TOML"),
    ],
)
def test_a_map_with_a_mistake_names_file_and_place(tmp_path: Path, text: str, part: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_class_map(path)
    assert str(path) in caught.value.message
    assert part in caught.value.message
    assert caught.value.hint


def test_a_map_that_is_not_there(tmp_path: Path) -> None:
    for given in (tmp_path / "none.toml", "a\0b.toml", tmp_path):
        with pytest.raises(ConfigError, match="Cannot read"):
            load_class_map(given)
