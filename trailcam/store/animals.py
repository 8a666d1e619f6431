"""The boxes that count, joined into visits: the one place where that is done. See docs/visits.md.

A visit is of one flock at one station: deer of any sex and age are one, people are one, and so are vehicles;
any other class is one of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from trailcam.domain import ClassInfo, Kind
from trailcam.store.counted import Counted
from trailcam.store.database import Connection, lent, query
from trailcam.store.temp_tables import TempTables
from trailcam.store.visit_classes import NO_DEER, Deer, look_of, settle

_DEER = (Kind.BUCK, Kind.DOE, Kind.FAWN, Kind.DEER)
_NO_TIME = 2**62  # sorts after every time
NO_VISIT = 0

_Numbers = npt.NDArray[np.int64]
_Column = npt.NDArray[Any]


def flock_of(info: ClassInfo) -> str:
    """What visits together."""
    if info.kind in _DEER:
        return Kind.DEER
    return info.kind if info.kind in (Kind.PERSON, Kind.VEHICLE) else info.name.strip().lower()


@dataclass(frozen=True, slots=True, eq=False)
class Animals:
    """Boxes in columns of n, by station, flock and time; those without a time last.

    ``visit`` numbers the visits from 1, NO_VISIT where the photo has no time. ``said`` and ``shown`` are
    places in ``classes`` (run_id, class): what the box is called, and what it is by all photos of the visit.
    ``at_us`` is the camera's time in microseconds since 1970, ``steady_us`` the same by a clock that isn't
    set for summer time; both mean nothing without a visit. ``confidence`` is 0..1, ``by_person`` a
    correction's.
    """

    classes: Sequence[tuple[int, ClassInfo]]
    image_id: _Numbers
    station_id: _Numbers
    visit: _Numbers
    said: _Numbers
    shown: _Numbers
    at_us: _Numbers
    steady_us: _Numbers
    confidence: _Column
    by_person: _Column

    @property
    def agrees(self) -> _Column:
        """Whether the box itself says what it is shown as."""
        return np.equal(self.said, self.shown)

    def rows(self, places: _Numbers) -> dict[str, _Column]:
        """The boxes at ``places``, as columns of a table: what ``sightings.sql`` asks for."""
        names = ("image_id", "station_id", "visit", "at_us", "steady_us", "confidence", "by_person", "agrees")
        return {name: getattr(self, name)[places] for name in names}

    def save(self, db: Connection) -> SavedAnimals:
        """Make the table ``animals``."""
        infos = [info for _, info in self.classes]
        called = {
            "place": np.arange(len(infos)),
            "run_id": np.array([run_id for run_id, _ in self.classes], np.int32),
            "class_id": np.array([info.class_id for info in infos], np.int16),
            "class": np.array([info.name for info in infos], object),
            "kind": np.array([info.kind.value for info in infos], object),
            "age_class": np.array([info.age_class and info.age_class.value for info in infos], object),
            "species": np.array([info.species for info in infos], object),
        }
        joined = {name: getattr(self, name) for name in ("image_id", "visit", "said", "shown")}
        with lent(db, joined=joined, called=called):
            db.execute(query("animals"))
        return SavedAnimals(db)


@dataclass(frozen=True, slots=True)
class SavedAnimals(TempTables):
    """The table ``animals``, which joins with ``counted`` by image_id, run_id and class_id.

    Columns: these three, visit (None without a time), class, kind, age_class and species as shown, agrees.
    """

    DROPS: ClassVar[str] = "DROP TABLE animals"


def animals_of(
    counted: Counted, gap_us: int, *, per_visit: bool, flocks: Collection[str] | None = None
) -> Animals:
    """Join the boxes of ``flocks`` (None: all) into visits: no pause in one is longer than ``gap_us``.

    ``per_visit``: a deer has one class in all photos of its visit; otherwise each box keeps its own.
    """
    classes = [(run, info) for run, info in counted.classes() if flocks is None or flock_of(info) in flocks]
    found = _in_order(counted, classes)
    said = found["place"].astype(np.int64)
    dated = found["at_us"] < _NO_TIME
    visit = np.where(dated, np.cumsum(_begins(found, gap_us) & dated), NO_VISIT)
    animals = Animals(
        classes,
        image_id=found["image_id"].astype(np.int64),
        station_id=found["station_id"].astype(np.int64),
        visit=visit,
        said=said,
        shown=said,
        at_us=found["at_us"],
        steady_us=found["steady_us"],
        confidence=found["confidence"],
        by_person=found["by_person"].astype(np.bool_),
    )
    if not per_visit:
        return animals
    return _settled(animals, found["confidence"].astype(np.float64) * found["size"])


def _settled(animals: Animals, weight: npt.NDArray[np.float64]) -> Animals:
    """With what each deer is by all photos of its visit."""
    looks = np.array([look_of(info) for _, info in animals.classes], np.int64)
    if not len(looks):
        return animals
    look = looks[animals.said]
    places = np.flatnonzero((look != NO_DEER) & (animals.visit != NO_VISIT))
    deer = Deer(
        visit=animals.visit[places],
        image=animals.image_id[places],
        look=look[places],
        confidence=animals.confidence[places],
        weight=weight[places],
        by_person=animals.by_person[places],
    )
    shown = animals.said.copy()
    shown[places] = animals.said[places[settle(deer)]]
    columns = {name: getattr(animals, name) for name in Animals.__slots__}
    return Animals(**columns | {"shown": shown})


def _in_order(counted: Counted, classes: Sequence[tuple[int, ClassInfo]]) -> dict[str, _Column]:
    """The columns of ``visits.sql``."""
    flocks = sorted({flock_of(info) for _, info in classes})
    looked_for = {
        "run_id": np.array([run_id for run_id, _ in classes], np.int32),
        "class_id": np.array([info.class_id for _, info in classes], np.int16),
        "place": np.arange(len(classes), dtype=np.int32),
        "flock": np.array([flocks.index(flock_of(info)) for _, info in classes], np.int32),
    }
    with lent(counted.db, looked_for=looked_for):
        found = counted.db.execute(query("visits"), {"no_time": _NO_TIME}).fetchnumpy()
    return {name: np.asarray(column) for name, column in found.items()}


def _begins(found: dict[str, _Column], gap_us: int) -> _Column:
    """Whether a box is the first of a visit, if it has a time."""
    n = len(found["place"])
    begins = np.ones(n, np.bool_)
    if n:
        others = (np.diff(found["station_id"]) != 0) | (np.diff(found["flock"]) != 0)
        begins[1:] = others | (np.diff(found["steady_us"]) > gap_us)
    return begins
