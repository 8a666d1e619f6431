"""Where animals stand in the order of animals, as other programs' class lists tell it.

A place is its ranks from the class of animals down to the species, each in lower case and "" where it isn't
told: ``("mammalia", "carnivora", "felidae", "lynx", "rufus")``. A family's last two ranks are "".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from trailcam.settings.classmap import fold
from trailcam.settings.species import LINEAGES, scientific_name

Place = tuple[str, ...]
RANKS = 5


def place_of(description: str) -> Place | None:
    """Of a ``classification_category_descriptions`` entry; None for one that tells no place.

    Seven fields between semicolons: an id, class, order, family, genus, species (epithet), common name.
    """
    fields = [field.strip().casefold() for field in description.split(";")]
    if len(fields) != RANKS + 2 or not any(fields[1:-1]):
        return None
    return tuple(fields[1:-1])


def known_place(name: str) -> Place | None:
    """Of an animal by a name that people use, or its scientific name."""
    latin = scientific_name(name) or name.strip()
    higher = LINEAGES.get(latin.split()[0].casefold() if latin else "")
    if higher is None:
        return None
    own = latin.casefold().split()
    return cut_off((*higher, *own)[:RANKS]) if len(own) <= 2 and own[0] not in higher else cut_off(higher)


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
    """The animals that a place has, by names that people use or scientific ones.

    ``told``: common name -> place, of the file at hand. A name that neither it nor trailcam can place
    counts by name alone.
    """

    def __init__(self, names: Collection[str], told: Mapping[str, Place]) -> None:
        self._names = {fold(name) for name in names}
        places = [told.get(fold(name)) or known_place(name) for name in names]
        self._places = {place for place in places if place is not None}
        self._groups = {group for place in self._places for group in above(place)}

    def nearest(self, name: str, place: Place | None) -> Place | None:
        """``place`` if it may be there, else the smallest group that holds it and one that may; else None.

        A class without a place may be there if its name is one of the list.
        """
        if place is None:
            return None
        within = (group for group in above(place) if group in self._groups)
        if fold(name) in self._names or any(group in self._places for group in above(place)):
            return place
        return next(iter(within), None)

    def knows(self, name: str) -> bool:
        """Whether a class is on the list by its name."""
        return fold(name) in self._names
