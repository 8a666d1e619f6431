"""What a label means for a model whose classes differ from the labels.

Labels may be vaguer than a model ("deer" of unknown sex, a "buck" whose antlers can't be judged) or finer
("cow" where the model says "animal"). A vague label is no mistake of a model that is more exact: such a box
is left open for the classes it may belong to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.settings.classmap import auto_class_map, fold, load_class_map

DEER_KINDS = frozenset((Kind.BUCK, Kind.DOE, Kind.FAWN, Kind.DEER))
ANTLERLESS_KINDS = frozenset((Kind.DOE, Kind.FAWN))
_ANY_ANIMAL = (Kind.ANIMAL, Kind.OTHER)
LABELS_MAP = "labels"
"""The shipped class map of names that occur in labels and not in models."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that a model can be right about. ``said``: the model's class ids that say it.

    ``wanted`` and ``open_``: the label ids that are it, and those that may be or not.
    """

    name: str
    said: frozenset[int]
    wanted: frozenset[int]
    open_: frozenset[int]


def label_meanings(names: Mapping[int, str]) -> dict[int, ClassInfo]:
    """What each label means: by the shipped map that has them all, else name by name by that of labels."""
    fitting = auto_class_map(names.values())
    chosen = fitting if fitting.classes else load_class_map(LABELS_MAP)
    return {info.class_id: info for info in chosen.describe(names)}


def class_targets(model: Mapping[int, ClassInfo], labels: Mapping[int, ClassInfo]) -> list[Target]:
    """A target for each class of the model that the labels know."""
    own = {fold(info.name): class_id for class_id, info in model.items()}
    spare = own.get("animal")
    targets = []
    for class_id, info in model.items():
        wanted, open_ = set(), set()
        for label_id, label in labels.items():
            if (
                fold(label.name) == fold(info.name)
                or (
                    fold(label.name) not in own
                    and class_id == spare
                    and label.kind in (Kind.ANIMAL, Kind.OTHER)
                )
                or (class_id == spare and fold(label.name) not in own and label.kind in _ANY_ANIMAL)
            ):
                wanted.add(label_id)
            elif _vaguer(label, info):
                open_.add(label_id)
        if wanted:
            targets.append(Target(info.name, frozenset((class_id,)), frozenset(wanted), frozenset(open_)))
    return targets


def group_targets(model: Mapping[int, ClassInfo], labels: Mapping[int, ClassInfo]) -> list[Target]:
    """Any deer, antlered, antlerless, person, vehicle: where both the model and the labels know them."""
    groups: Sequence[tuple[str, Callable[[ClassInfo], bool]]] = (
        ("any deer", lambda info: info.kind in DEER_KINDS),
        ("antlered", lambda info: info.kind is Kind.BUCK),
        ("antlerless", lambda info: info.kind in ANTLERLESS_KINDS),
        ("person", lambda info: info.kind is Kind.PERSON),
        ("vehicle", lambda info: info.kind is Kind.VEHICLE),
    )
    targets = []
    for name, is_it in groups:
        said = frozenset(i for i, info in model.items() if is_it(info))
        wanted = frozenset(i for i, info in labels.items() if is_it(info))
        unsexed = {i for i, info in labels.items() if info.kind is Kind.DEER}
        open_ = unsexed if name.startswith("antler") else set()
        if said and wanted:
            targets.append(Target(name, said, wanted, frozenset(open_)))
    return targets


def _vaguer(label: ClassInfo, info: ClassInfo) -> bool:
    """Whether an animal that the label describes may be one of the model's class."""
    if label.kind is Kind.DEER:
        return info.kind in DEER_KINDS
    if label.kind is Kind.BUCK and info.kind is Kind.BUCK:
        return label.age_class in (None, AgeClass.UNKNOWN) or info.age_class is AgeClass.UNKNOWN
    return info.kind is Kind.DEER and label.kind in DEER_KINDS
