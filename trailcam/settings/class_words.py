"""By which words people may mean a class: one rule for every report, page and export that takes names."""

from __future__ import annotations

from collections.abc import Iterable

from trailcam.domain import DEER_KINDS, ClassInfo, Kind
from trailcam.settings.classmap import fold
from trailcam.settings.species import COMMON_SPECIES, common_name

# "bear" means black bears too: a name of a group (its scientific name is one word) that theirs ends in.
_GROUPS = tuple(name for name, latin in COMMON_SPECIES.items() if " " not in latin)


def words_of(info: ClassInfo) -> set[str]:
    """Every word that means the class, folded: its name, kind and age class, and what the animal is called.

    Any name of an animal will do, whatever the model calls it: "puma" is "mountain lion", also where only the
    class map knows the species. Of all deer one is "deer", their sex told or not.
    """
    words = {fold(info.name), info.kind.value}
    if info.age_class is not None:
        words.add(info.age_class.value)
    if info.kind in DEER_KINDS:
        words.add(Kind.DEER.value)
    for name in filter(None, (info.name, info.species)):
        animal = common_name(name)
        words |= {animal, *(group for group in _GROUPS if animal.endswith(f" {group}"))}
    return words


def is_meant(words: set[str], wanted: Iterable[str]) -> bool:
    """Whether one of the names ``wanted`` is among ``words``, those of one class or of several."""
    return any(fold(name) in words or common_name(name) in words for name in wanted)
