"""Where animals stand in the order of animals, as other programs' class lists tell it.

A place is its ranks from the class of animals down to the species, each in lower case and "" where it isn't
told: ``("mammalia", "carnivora", "felidae", "lynx", "rufus")``. A family's last two ranks are "".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from trailcam.domain import ClassInfo, Kind
from trailcam.settings.classmap import fold
from trailcam.settings.ranges import SpeciesList
from trailcam.settings.species import LINEAGES, WHITETAIL, is_whitetail, scientific_name
from trailcam.words.text import printable

Place = tuple[str, ...]
RANKS = 5
_DEER = {Kind.DEER.value: "Odocoileus"}
_SAME_ORDER = {"cetartiodactyla": "artiodactyla"}  # lists that count whales among the even-toed


def place_of(description: str) -> Place | None:
    """Of a ``classification_category_descriptions`` entry; None for one that tells no place.

    Seven fields between semicolons: an id, class, order, family, genus, species (epithet), common name.
    """
    fields = [field.strip().casefold() for field in description.split(";")]
    if len(fields) != RANKS + 2 or not any(fields[1:-1]):
        return None
    return tuple(_SAME_ORDER.get(field, field) for field in fields[1:-1])


def known_place(name: str) -> Place | None:
    """Of an animal by a name that people use, or its scientific name."""
    latin = (
        scientific_name(name) or _DEER.get(fold(name)) or (WHITETAIL if is_whitetail(name) else name.strip())
    )
    higher = LINEAGES.get(latin.split()[0].casefold() if latin else "")
    if higher is None:
        return None
    genus, _, epithet = latin.casefold().partition(" ")
    return cut_off(higher) if genus in higher else cut_off((*higher, genus, epithet.strip()))


def cut_off(place: Place) -> Place:
    """``place`` with as many ranks as a place has."""
    return (*place, *[""] * (RANKS - len(place)))[:RANKS]


def above(place: Place) -> Iterable[Place]:
    """``place`` and every group that holds it, the smallest first."""
    for n in range(RANKS, 0, -1):
        if place[n - 1]:
            yield cut_off(place[:n])


def latin_name(place: Place) -> str:
    """``Lynx rufus``, ``Felidae``: what a place is called."""
    told = [rank for rank in place if rank]
    if place[-1] and place[-2]:
        return f"{place[-2].capitalize()} {place[-1]}"
    return told[-1].capitalize()


def surest(shares: Mapping[Place, float], least: float) -> tuple[Place, float] | None:
    """The smallest group that is at least as probable as ``least`` (0..1), with its probability.

    ``shares``: place -> probability, of one box. A group is as probable as all that it holds together.
    """
    sums: dict[Place, float] = {}
    for place, share in shares.items():
        for group in above(place):
            sums[group] = sums.get(group, 0.0) + share
    sure = [(group, min(1.0, share)) for group, share in sums.items() if share >= least]
    return max(sure, key=lambda found: (sum(map(bool, found[0])), found[1]), default=None)


class Allowed:
    """Which animals a species list takes for possible.

    ``told``: common name -> place, of the file at hand. A name of the list that neither it nor trailcam can
    place counts by name alone.
    """

    def __init__(self, wanted: SpeciesList, told: Mapping[str, Place]) -> None:
        self._names = {fold(name) for name in wanted.names}
        self._places = _located(wanted.names, told)
        self._elsewhere = _located(wanted.elsewhere, told) - self._places
        self._groups = {group for place in self._places for group in above(place)}
        self._families = wanted.families
        self._by_table = bool(wanted.place)

    def possible(self, name: str, place: Place | None) -> bool:
        """Whether an animal may be there, or the list can't tell.

        A group may be there if one of its animals may. An animal without a place is judged by its name, and
        by the table of a place not at all.
        """
        if fold(name) in self._names or place in self._groups:
            return True
        if place is None:
            return self._by_table
        known = False
        for kind in _as_species(place):
            for group in above(kind):
                if group in self._places:
                    return True
                if group in self._elsewhere:
                    known = True
                    break
        return self._by_table and not known and place[2] not in self._families

    def nearest(self, place: Place | None) -> Place | None:
        """The smallest group that holds an animal and one that may be there; None where there is none."""
        groups = above(place) if place is not None else ()
        return next((group for group in groups if group in self._groups), None)


def unplaced(names: Iterable[str], told: Iterable[str]) -> list[str]:
    """Those of a species list's names that nobody knows: no animal here, and none of the classes ``told``."""
    there = set(map(fold, told))
    return [name for name in names if known_place(name) is None and fold(name) not in there]


def unplaced_note(names: Iterable[str], told: Iterable[str]) -> list[str]:
    """A sentence on them for people, where there are any."""
    unknown = unplaced(names, told)
    if not unknown:
        return []
    return [
        f"[species] allowed names {', '.join(map(printable, unknown))}: trailcam knows no such animal, and no"
        " class here is called so. Is it spelled right?"
    ]


def renamed(infos: Sequence[ClassInfo], wanted: SpeciesList) -> tuple[list[ClassInfo], dict[str, str]]:
    """A model's classes as a species list lets them count, and old name -> new name of those it changes.

    Only animals are judged whose scientific name is known; deer by sex and age, people, vehicles and things
    are not.
    """
    if not wanted:
        return list(infos), {}
    allowed = Allowed(wanted, {})
    found: list[ClassInfo] = []
    changed: dict[str, str] = {}
    for info in infos:
        latin = info.species or scientific_name(info.name)
        place = known_place(latin) if latin else None
        judged = info.kind is Kind.ANIMAL and latin is not None
        if not judged or any(allowed.possible(name, place) for name in (info.name, latin or "")):
            found.append(info)
            continue
        nearest = allowed.nearest(place)
        species = latin_name(nearest) if nearest is not None else None
        changed[info.name] = species or Kind.ANIMAL.value
        found.append(replace(info, name=changed[info.name], species=species))
    return found, changed


def _located(names: Iterable[str], told: Mapping[str, Place]) -> set[Place]:
    places = (told.get(fold(name)) or known_place(name) for name in names)
    return {place for place in places if place is not None}


def _as_species(place: Place) -> Iterable[Place]:
    """``place``; a subspecies also by each of its names: Canis lupus familiaris is Canis familiaris too."""
    yield place
    names = place[-1].split()
    if len(names) > 1:
        yield (*place[:-1], names[-1])
        yield (*place[:-1], names[0])
