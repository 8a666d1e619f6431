"""What other programs' class names mean: by the configuration, the library, and the maps that ship."""

from __future__ import annotations

from collections.abc import Mapping

from trailcam.domain import ClassInfo
from trailcam.settings.classmap import ClassRule, describe_class, fold, load_class_map, shipped_class_maps
from trailcam.store.corrections import known_classes
from trailcam.store.database import Connection

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
