"""The class of each box of MegaDetector's batch output: what its classifications say, else its category."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trailcam.domain import ClassInfo, Kind
from trailcam.imports import speciesnet
from trailcam.imports.classes import NOTHING
from trailcam.imports.reading import Malformed, as_id, as_list, as_share
from trailcam.settings.classmap import describe_class, fold
from trailcam.settings.ranges import ALL, SpeciesList
from trailcam.settings.species import WHITETAIL
from trailcam.settings.taxonomy import (
    Allowed,
    Place,
    known_place,
    latin_name,
    place_of,
    surest,
    unplaced_note,
)
from trailcam.words.text import count, printable

_KINDS = {"animal": Kind.ANIMAL, "person": Kind.PERSON, "human": Kind.PERSON, "vehicle": Kind.VEHICLE}
_MOST_CLASSES = 2**15
_Key = str | Place | None


@dataclass(slots=True)
class FileHead:
    """What a file says of itself, and what its ids mean."""

    info: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    categories: dict[str, str] = field(default_factory=dict)
    classifications: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClassChoice:
    """How a class is chosen from what a file says of a box.

    ``least`` 0..1: classifications that are less probable count together, by the group of animals that holds
    them. ``allowed``: the animals that may be there; see ``Allowed``.
    """

    least: float = 0.0
    allowed: SpeciesList = ALL


EVERYTHING = ClassChoice()


class BoxClasses:
    """The file's names as classes of a run.

    ``bad``: entry -> why it can't be used, once :meth:`read_all` is done.
    """

    def __init__(self, head: FileHead, known: Mapping[str, ClassInfo], choice: ClassChoice) -> None:
        self._head = head
        self._by_name = {fold(name): number for number, name in head.categories.items()}
        self._known = known
        self._least = choice.least
        self._wanted = choice.allowed
        self._allowed: Allowed | None = None
        self._ids: dict[tuple[str, _Key], int] = {}
        self._infos: list[ClassInfo] = []
        self._unlisted: dict[str, dict[str, int]] = {"category": {}, "classification": {}}
        self._moved: dict[tuple[str, str], int] = {}
        self._counting = True
        self.bad: dict[int, str] = {}

    def read_all(
        self, entries: Iterable[tuple[int, Mapping[str, Any]]], check: Callable[[Mapping[str, Any]], object]
    ) -> tuple[ClassInfo, ...]:
        """Every class that the boxes of ``entries`` use. ``check`` reads one and raises what is wrong.

        Raises Malformed for too many.
        """
        for n, entry in entries:
            try:
                check(entry)
            except Malformed as error:
                self.bad[n] = str(error)
        self._counting = False
        return tuple(self._infos)

    def number(self, row: Mapping[str, Any], place: str) -> tuple[int, float | None] | None:
        """The class of one detection, and its probability if a classifier gave one.

        None for a category that the file doesn't list. Raises Malformed.
        """
        category = as_id(row.get("category"), f"{place}.category")
        if category not in self._head.categories:
            category = self._by_name.get(fold(category), category)  # some programs write the name itself
        if category not in self._head.categories:
            self._count("category", category)
            return None
        shares = self._shares(row.get("classifications"), f"{place}.classifications")
        named, probability = self._allow(*self._chosen(shares), category)
        key = category, named
        if key not in self._ids:
            self._ids[key] = self._make(*key)
        return self._ids[key], probability if named is not None else None

    def notes(self) -> list[str]:
        """What the entries use although the file lists no such thing, and what the species list changed."""
        meaning = {
            "category": "a detection of a category",
            "classification": "a classification",
        }
        ends = {"category": "by the format, none", "classification": "ignored"}
        notes = []
        for what, found in self._unlisted.items():
            if found:
                ids = ", ".join(printable(key) for key in sorted(found)[:10])
                times = count(sum(found.values()), "time")
                notes.append(f"{times} {meaning[what]} that the file doesn't list ({ids}): {ends[what]}.")
        notes += [
            f"Not on the species list: {count(n, 'box')} called {printable(was)} "
            f"{'is' if n == 1 else 'are'} now {printable(now)}."
            for (was, now), n in sorted(self._moved.items(), key=lambda item: (-item[1], item[0]))
        ]
        notes += unplaced_note(self._wanted.names, self._head.classifications.values())
        return notes

    def _count(self, what: str, key: str) -> None:
        if self._counting:
            self._unlisted[what][key] = self._unlisted[what].get(key, 0) + 1

    def _shares(self, given: object, place: str) -> dict[str, float]:
        """Classification -> probability. Raises Malformed."""
        shares: dict[str, float] = {}
        for n, pair in enumerate(as_list([] if given is None else given, place)):
            at = f"{place}[{n}]"
            if not isinstance(pair, list) or len(pair) != 2:
                raise Malformed(at, "must be a list of a classification's id and its probability")
            key, probability = as_id(pair[0], f"{at}[0]"), as_share(pair[1], f"{at}[1]")
            if self._head.version == "speciesnet":
                self._head.classifications[key] = speciesnet.common_name(key)
                self._head.descriptions[key] = key
            if key not in self._head.classifications:
                self._count("classification", key)
            else:
                shares[key] = max(probability, shares.get(key, 0.0))
        return shares

    def _chosen(self, shares: Mapping[str, float]) -> tuple[_Key, float]:
        best = max(shares, key=shares.__getitem__, default=None)
        if best is None:
            return None, 0.0
        if shares[best] >= self._least:
            name = fold(self._head.classifications[best])
            return (best if name in self._known or name not in NOTHING else None), shares[best]
        placed = {place: share for key, share in shares.items() if (place := self._place(key)) is not None}
        found = surest(placed, self._least)
        return found or (None, 0.0)

    def _allow(self, key: _Key, probability: float, category: str) -> tuple[_Key, float]:
        if key is None or not self._wanted:
            return key, probability
        if self._allowed is None:
            told: dict[str, Place] = {}
            for k, named in self._head.classifications.items():
                if (there := self._place(k)) is not None:
                    told |= {fold(latin_name(there)): there, fold(named): there}
            self._allowed = Allowed(self._wanted, told)
        name = self._name(key)
        place = key if isinstance(key, tuple) else self._place(key)
        if self._allowed.possible(name, place):
            return key, probability
        nearest = self._allowed.nearest(place)
        if self._counting:
            now = latin_name(nearest) if nearest is not None else self._head.categories[category].strip()
            self._moved[name, now] = self._moved.get((name, now), 0) + 1
        return nearest, probability

    def _place(self, key: str) -> Place | None:
        name = self._head.classifications[key]
        known = self._known.get(fold(name))
        return (
            place_of(self._head.descriptions.get(key, ""))
            or (known_place(known.species) if known and known.species else None)
            or known_place(name)
        )

    def _name(self, key: str | Place) -> str:
        return latin_name(key) if isinstance(key, tuple) else self._head.classifications[key].strip()

    def _make(self, category: str, key: _Key) -> int:
        general = self._head.categories[category].strip()
        fallback = self._known.get(fold(general))
        kind = _KINDS.get(fold(general)) or (fallback.kind if fallback else Kind.OTHER)
        if key is None:
            name, species = general, fallback.species if fallback else None
        else:
            name = self._name(key)
            place = key if isinstance(key, tuple) else place_of(self._head.descriptions.get(key, ""))
            species = latin_name(place) if place is not None else None
            kind = {"Homo sapiens": Kind.PERSON, WHITETAIL: Kind.DEER}.get(species or "", kind)
        found = self._known.get(fold(name))
        if found is None and key is not None and species is None:
            said = describe_class(0, name, None)
            found = said if said.kind is not Kind.OTHER else None
        if found:
            info = ClassInfo(0, name, found.kind, found.age_class, found.species or species)
        else:
            info = ClassInfo(0, name, kind, None, species)
        for n, other in enumerate(self._infos):  # two ids of one name and meaning are one class
            if (fold(other.name), other.kind) == (fold(info.name), info.kind):
                return n
        if len(self._infos) >= _MOST_CLASSES:
            raise Malformed("classification_categories", f"are more than {_MOST_CLASSES:,}")
        number = len(self._infos)
        self._infos.append(ClassInfo(number, printable(info.name), info.kind, info.age_class, info.species))
        return number
