"""Where animals live, by the table that ships (``configs/ranges.toml``); lists of those that a place has."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trailcam.settings.classmap import fold, shipped_configs
from trailcam.settings.schema import KeyRule, Refused, read_toml


@dataclass(frozen=True, slots=True)
class SpeciesList:
    """The animals that may be at a place, by common or scientific names.

    ``place`` "": every animal that isn't among ``names`` is impossible. Else by the table: impossible are
    the animals that live only ``elsewhere``, and those of its ``families`` that aren't among ``names``; all
    others may be there. A list without names is false: nothing is impossible.
    """

    names: tuple[str, ...] = ()
    place: str = ""
    elsewhere: tuple[str, ...] = ()
    families: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.names)


ALL = SpeciesList()
"""No list: all animals may be there."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """The table. ``places``: name or code, folded -> codes; ``animals``: scientific name -> codes."""

    places: Mapping[str, tuple[str, ...]]
    animals: Mapping[str, frozenset[str]]
    families: frozenset[str]

    def list_of(self, place: str) -> SpeciesList:
        """The animals of ``place``, a name or code of the table. Raises KeyError for another."""
        codes = set(self.places[fold(place)])
        here = tuple(animal for animal, where in self.animals.items() if codes & where)
        elsewhere = tuple(animal for animal, where in self.animals.items() if not codes & where)
        return SpeciesList(here, "+".join(sorted(codes)), elsewhere, self.families)


@functools.cache
def read_ranges() -> Ranges:
    """The table that ships. Raises ConfigError where it is missing."""
    table = read_toml(shipped_configs() / "ranges.toml", "table of ranges")
    return _ranges(table)


def _ranges(table: Mapping[str, object]) -> Ranges:
    countries = _texts_of(table["places"])
    codes = {country: tuple(places) for country, places in countries.items()}
    places: dict[str, tuple[str, ...]] = {fold(code): (code,) for group in codes.values() for code in group}
    places |= {fold(name): (code,) for group in countries.values() for code, name in group.items()}
    places |= {fold(country): group for country, group in codes.items()}
    other_names = table["other_names"]
    assert isinstance(other_names, dict)
    places |= {fold(name): codes[country] for name, country in other_names.items()}
    animals = table["animals"]
    families = table["families"]
    assert isinstance(animals, dict)
    assert isinstance(families, list)
    return Ranges(
        places, {name: _where(str(text), codes) for name, text in animals.items()}, frozenset(families)
    )


def _texts_of(places: object) -> dict[str, dict[str, str]]:
    assert isinstance(places, dict)
    return {country: dict(group) for country, group in places.items()}


def _where(text: str, countries: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """``US Canada -AK`` as codes. Raises ValueError for a code that is none."""
    known = {code for group in countries.values() for code in group}
    found: set[str] = set()
    for word in text.split():
        code = word.removeprefix("-")
        if code not in known and code not in countries:
            raise ValueError(f"{word} is no place")
        change = set(countries.get(code, (code,)))
        found = found - change if word.startswith("-") else found | change
    return frozenset(found)


def place_rule() -> KeyRule:
    """A key that holds a place of the table, as written by a person."""

    def check(value: object, _base: Path | None) -> object:
        if not isinstance(value, str) or fold(value) not in read_ranges().places:
            raise Refused
        return value.strip()

    return KeyRule(
        'a US state or a Canadian province by its code or name ("TX", "Ontario"), "US", "Canada" or "Mexico"',
        check,
    )


def species_list(place: str | None, allowed: tuple[str, ...]) -> SpeciesList:
    """What ``[species]`` of a configuration says: the animals of ``place``, and those ``allowed`` beside."""
    if place is None:
        return SpeciesList(allowed)
    found = read_ranges().list_of(place)
    return SpeciesList((*found.names, *allowed), found.place, found.elsewhere, found.families)
