"""Class maps: which class of a model is a buck of which age, a doe, another animal, a person, a vehicle.

A map is a TOML file::

    name = "whitetail11"
    description = "..."
    [classes.mature]
    kind = "buck"
    age = "mature"
    species = "Odocoileus virginianus"

Names of classes are compared without regard to case and surrounding blanks. A class that the map doesn't name
means what its name says: a kind (doe, deer, person), white-tailed deer, or a common animal (mountain lion).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import trailcam
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import ConfigError
from trailcam.files.home import at_home
from trailcam.settings.schema import (
    KeyRule,
    ValueSource,
    as_table,
    check_table,
    choice,
    file_path,
    read_toml,
    refuse_unknown,
    text,
)
from trailcam.settings.species import WHITETAIL, is_whitetail, scientific_name
from trailcam.words.text import printable

_WHAT = "class map"


@dataclass(frozen=True, slots=True)
class ClassRule:
    """What one class means. ``age`` is for bucks alone; a buck without one is of unknown age."""

    kind: Annotated[Kind, choice(Kind)]
    age: Annotated[AgeClass | None, choice(AgeClass)] = None
    species: Annotated[str | None, text("a scientific name")] = None


@dataclass(frozen=True, slots=True)
class ClassMap:
    """A named set of :class:`ClassRule`; the keys of ``classes`` are folded by :func:`fold`."""

    name: Annotated[str, text()]
    description: Annotated[str, text()] = ""
    classes: Mapping[str, ClassRule] = field(default_factory=dict)

    def left_out(self, names: Iterable[str]) -> list[str]:
        """Those of ``names`` that are no classes of this map."""
        return [name for name in names if fold(name) not in self.classes]

    def describe(
        self, names: Mapping[int, str], overrides: Mapping[str, ClassRule] | None = None
    ) -> list[ClassInfo]:
        """What each class of a model means, in the order of its class ids.

        ``names`` is the model's own id -> name; ``overrides`` (the configuration's ``[classes]``)
        override the map, entry by entry. A class named by neither means what its name says, else it is
        ``Kind.OTHER`` under its own name.
        """
        rules = {**self.classes, **{fold(name): rule for name, rule in (overrides or {}).items()}}
        return [
            describe_class(class_id, names[class_id], rules.get(fold(names[class_id])))
            for class_id in sorted(names)
        ]


EMPTY = ClassMap("none", "No class is named; each keeps the model's own name.")


def fold(name: str) -> str:
    """The form in which names of classes are compared."""
    return name.strip().casefold()


def shipped_configs() -> Path:
    """The folder of the configuration files that come with trailcam: in the package, or in a checkout.

    Raises ConfigError if neither is there.
    """
    package = Path(trailcam.__file__).resolve().parent
    for folder in (package / "_configs", package.parent / "configs"):
        if (folder / "classes").is_dir():
            return folder
    raise ConfigError("The class maps that come with trailcam are missing.", "Install trailcam again.")


def shipped_class_maps() -> dict[str, Path]:
    """Name -> file of each class map that ships with trailcam, sorted by name."""
    return {path.stem: path for path in sorted((shipped_configs() / "classes").glob("*.toml"))}


def is_class_map_path(name_or_path: str) -> bool:
    """Whether a class map is given by its file, not by the name of a shipped one."""
    return "/" in name_or_path or "\\" in name_or_path or name_or_path.casefold().endswith(".toml")


def class_map_rule() -> KeyRule:
    """A key that holds "auto", the name of a shipped class map, or a path."""
    as_path = file_path()

    def check(value: object, base: Path | None) -> object:
        if isinstance(value, str) and value.strip() and not is_class_map_path(value):
            return value
        return str(as_path.check(value, base))

    return KeyRule('"auto", the name of a shipped class map, or a path', check)


def load_class_map(name_or_path: str | Path) -> ClassMap:
    """The shipped class map of that name, or that in a file (a text with a slash or ending in ``.toml``).

    Raises ConfigError if it isn't there or isn't a valid class map.
    """
    if isinstance(name_or_path, Path) or is_class_map_path(name_or_path):
        return _read(Path(name_or_path))
    shipped = shipped_class_maps()
    if name_or_path not in shipped:
        raise ConfigError(
            f'There is no class map "{printable(name_or_path)}".',
            f"Shipped: {', '.join(shipped)}. A map of your own is given as a path: ./my-classes.toml.",
        )
    return _read(shipped[name_or_path])


def auto_class_map(model_names: Iterable[str]) -> ClassMap:
    """The shipped map that names most of a model's classes, with the fewest to spare; else :data:`EMPTY`.

    Classes that it doesn't name must be common animals.
    """
    names = list(model_names)
    fitting = [
        (found, left)
        for found in map(_read, shipped_class_maps().values())
        if len(left := found.left_out(names)) < len(names) and all(map(scientific_name, left))
    ]
    best = min(fitting, key=lambda fit: (len(fit[1]), len(fit[0].classes), fit[0].name), default=None)
    return best[0] if best else EMPTY


def rule_from_table(table: object, name: str, source: ValueSource) -> ClassRule:
    """One ``[classes.NAME]`` of a class map or a configuration file. Raises ConfigError."""
    values = check_table(ClassRule, table, name, source)
    rule = ClassRule(**values)  # type: ignore[arg-type]  # check_table gave each its type
    if rule.age is not None and rule.kind is not Kind.BUCK:
        raise source.error(
            f"{printable(name)}.age {source.where} is given to a {rule.kind}.",
            'Only bucks have an age class: set kind = "buck", or leave age out.',
        )
    return rule


def _read(path: Path) -> ClassMap:
    table = dict(read_toml(at_home(path), _WHAT))
    source = ValueSource(f"in {printable(str(path))}")
    refuse_unknown(table, [f.name for f in dataclasses.fields(ClassMap)], "", source)
    classes: dict[str, ClassRule] = {}
    for name, entry in as_table(table.pop("classes", {}), "classes", source).items():
        if fold(name) in classes:
            raise ConfigError(
                f'The class "{printable(name)}" {source.where} is named twice.',
                "Case and surrounding blanks make no difference; leave one out.",
            )
        classes[fold(name)] = rule_from_table(entry, f"classes.{name}", source)
    header = check_table(ClassMap, table, "", source)
    return ClassMap(**header, classes=classes)  # type: ignore[arg-type]  # as above


def describe_class(class_id: int, name: str, rule: ClassRule | None) -> ClassInfo:
    """A class called ``name``: what its ``rule`` says; without one what its name says."""
    if rule is None:
        rule = _by_name(name)
    age = (rule.age or AgeClass.UNKNOWN) if rule.kind is Kind.BUCK else None
    species = rule.species or (scientific_name(name) if rule.kind is Kind.ANIMAL else None)
    return ClassInfo(class_id, name, rule.kind, age, species)


def _by_name(name: str) -> ClassRule:
    if fold(name) in list(Kind):
        return ClassRule(Kind(fold(name)))
    if is_whitetail(name):
        return ClassRule(Kind.DEER, species=WHITETAIL)
    return ClassRule(Kind.ANIMAL if scientific_name(name) else Kind.OTHER)
