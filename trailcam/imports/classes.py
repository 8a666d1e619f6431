"""What other programs' class names mean: by the configuration, the library, and the maps that ship."""

from __future__ import annotations

from collections.abc import Mapping

from trailcam.domain import ClassInfo, Kind
from trailcam.settings.classmap import ClassRule, describe_class, fold, load_class_map, shipped_class_maps
from trailcam.store.corrections import known_classes
from trailcam.store.database import Connection

_WHITETAIL = "Odocoileus virginianus"
NOTHING = frozenset(
    {
        *("blank", "empty", "none", "nothing", "no animal", "no_animal", "no animals", "no cv result"),
        *("false trigger", "false_trigger", "misfire"),
    }
)
"""Names that other programs use for nothing."""


def meanings(db: Connection, rules: Mapping[str, ClassRule]) -> dict[str, ClassInfo]:
    """Folded name -> class: of the configuration, else the library, else the maps that ship."""
    known: dict[str, ClassInfo] = {}
    for name, rule in rules.items():
        known[fold(name)] = describe_class(0, name, rule)
    known = {**known_classes(db, rules), **known}
    for map_name in shipped_class_maps():
        for name, rule in load_class_map(map_name).classes.items():
            known.setdefault(name, describe_class(0, name, rule))
    return known


def taxon(description: str) -> tuple[str | None, Kind | None]:
    """The scientific name of a ``classification_category_descriptions`` entry, and the kind it tells.

    Seven fields between semicolons: an id, class, order, family, genus, species (epithet), common name.
    """
    fields = [field.strip() for field in description.split(";")]
    if len(fields) != 7 or not fields[4] or not fields[5]:
        return None, None
    name = f"{fields[4].capitalize()} {fields[5].lower()}"
    if name == "Homo sapiens":
        return name, Kind.PERSON
    return name, Kind.DEER if name == _WHITETAIL else None
