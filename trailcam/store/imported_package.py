"""What a data package says beyond photos and boxes: deployments, events, and who said what.

Camtrap DP asks for all of it. As for every export, nothing is held but numbers and one chunk at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.store.animals import SavedAnimals, animals_of, flock_of
from trailcam.store.database import Connection, lent, query
from trailcam.store.deployments import Deployment, Deployments, find_deployments
from trailcam.store.export_rows import CHUNK, ExportPhoto, ExportPlan, stream
from trailcam.store.temp_tables import TempTables
from trailcam.store.visits import Level, Visits, gap_us, visits_among

NO_DEPLOYMENT = -1

Observer = tuple[str, float, float, float, float]
"""A box by its class and place, as :class:`trailcam.store.export_rows.ExportBox` gives them."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Photos of a selection that belong to no deployment, and why."""

    undated: int
    doubtful: int


class Stated(NamedTuple):
    """A photo's time by the camera's clock, and the UTC offset that its file states (minutes).

    ``offset_sure``: the offset is beyond doubt, as a name or satellites state it.
    """

    at: datetime
    offset_min: int | None
    offset_sure: bool


class Stay(NamedTuple):
    """A deployment. ``bounds``: first and last times by the UTC offset that files state."""

    deployment: Deployment
    bounds: tuple[tuple[Stated, Stated], ...]


class Source(NamedTuple):
    """Who said something, and when (UTC without zone)."""

    who: str
    at: datetime | None


class Event(NamedTuple):
    """One event of a class in a deployment, with ``animals`` in one photo at most.

    ``visit_at`` is when its visit began there, which may be of several classes of one flock.
    ``confidence`` is the surest box's, None where ``by_person``: people put every box of it there.
    """

    number: int
    info: ClassInfo
    start: Stated
    end: Stated
    animals: int
    by_person: bool
    confidence: float | None
    said: Source | None
    visit_at: datetime


@dataclass(slots=True)
class Side:
    """What is known of one photo: its deployment, who looked, whose its boxes are, and when the visit of each
    flock on it began there."""

    number: int
    looked: Source | None = None
    judged: Source | None = None
    boxes: dict[Observer, Source] = field(default_factory=dict)
    visits: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepared(TempTables):
    """The photos of ``plan`` with their deployments and visits, as tables of the plan's connection.

    ``numbers``: for each photo the number of its deployment or NO_DEPLOYMENT. ``stays``: the deployments with
    a photo of the plan, by number. ``left_out``: what belongs to none.
    """

    plan: ExportPlan
    numbers: npt.NDArray[np.int32]
    stays: dict[int, Stay]
    left_out: LeftOut
    DROPS: ClassVar[str] = (
        "DROP TABLE package_events; DROP TABLE package_words;"
        f" {SavedAnimals.DROPS}; {Visits.DROPS}; {Deployments.DROPS}"
    )


def prepare(plan: ExportPlan, gap: timedelta, silent_days: int, *, per_visit: bool = True) -> Prepared:
    """Find the deployments and the visits of the photos of ``plan``; ``per_visit``: see ``join_visits``."""
    db = plan.counted.db
    found = find_deployments(db, silent_days=silent_days).listed
    animals = animals_of(plan.counted, gap_us(gap), per_visit=per_visit)
    animals.save(db)
    visits_among(plan.counted, animals, Level.CLASS)
    db.execute(query("package_prepare"))
    numbers = _numbers(db, plan)
    present = set(np.unique(numbers[numbers >= 0]).tolist())
    bounds: dict[int, list[tuple[Stated, Stated]]] = {}
    for number, offset, offset_sure, first, last in db.execute(
        "SELECT number, utc_offset_min, i.captured_at_source IN ('filename', 'gps') AS offset_sure,"
        " min(i.captured_at), max(i.captured_at)"
        " FROM deployment_photos JOIN images i USING (image_id) GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        bounds.setdefault(int(number), []).append(
            (Stated(first, offset, offset_sure), Stated(last, offset, offset_sure))
        )
    stays = {d.number: Stay(d, tuple(bounds[d.number])) for d in found if d.number in present}
    return Prepared(db, plan, numbers, stays, _left_out(db))


def stream_with_sides(prepared: Prepared) -> Iterator[tuple[ExportPhoto, Side]]:
    """The photos that belong to a deployment, each with what else is known of it."""
    plan = prepared.plan
    wanted = np.flatnonzero(prepared.numbers >= 0)
    names = {run.run_id: run.weights_name for run in plan.runs}
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        only = np.zeros(len(plan), np.bool_)
        only[chunk] = True
        photos = list(stream(plan, only))
        sides = _sides(prepared, chunk, names)
        for photo in photos:
            yield photo, sides[photo.n]


def stream_events(prepared: Prepared) -> Iterator[Event]:
    """The visits, by deployment and start."""
    db = prepared.db
    names = {run.run_id: run.weights_name for run in prepared.plan.runs}
    ((n_events,),) = db.execute("SELECT count(*) FROM package_events").fetchall()
    for start in range(0, int(n_events), CHUNK):
        found = db.execute(
            "SELECT number, what, started, ended, animals, by_person,"
            " confidence::VARCHAR::DOUBLE, author, made_at, run_id, looked_at, meaning.kind,"
            " meaning.age_class, meaning.species, visit_at"
            " FROM package_events WHERE place >= ? AND place < ? ORDER BY place",
            [start, start + CHUNK],
        ).fetchall()
        for number, what, first, last, animals, by_person, sure, *rest in found:
            author, made_at, run_id, looked_at, kind, age, species, visit_at = rest
            said = Source(author, made_at) if by_person else Source(names.get(run_id, ""), looked_at)
            info = ClassInfo(0, what, Kind(kind), AgeClass(age) if age else None, species)
            began, ended = Stated(**first), Stated(**last)
            yield Event(int(number), info, began, ended, int(animals), by_person, sure, said, visit_at)


def _numbers(db: Connection, plan: ExportPlan) -> npt.NDArray[np.int32]:
    """For each photo of the plan the number of its deployment."""
    found = db.execute("SELECT image_id, number FROM deployment_photos ORDER BY image_id").fetchnumpy()
    ids = np.asarray(found["image_id"], np.int64)
    number = np.asarray(found["number"], np.int32)
    if not len(ids):
        return np.full(len(plan), NO_DEPLOYMENT, np.int32)
    at = np.minimum(np.searchsorted(ids, plan.image_id), len(ids) - 1)
    return np.where(ids[at] == plan.image_id, number[at], np.int32(NO_DEPLOYMENT)).astype(np.int32)


def _left_out(db: Connection) -> LeftOut:
    ((undated, doubtful),) = db.execute(
        """
        SELECT
            count(*) FILTER (i.captured_at IS NULL),
            count(*) FILTER (i.captured_at IS NOT NULL AND i.captured_at_suspect IS NOT NULL)
        FROM selected JOIN images i USING (image_id)
        """
    ).fetchall()
    return LeftOut(int(undated), int(doubtful))


def _sides(prepared: Prepared, chunk: npt.NDArray[np.int64], names: dict[int, str]) -> dict[int, Side]:
    db, plan = prepared.db, prepared.plan
    sides = {int(n): Side(int(prepared.numbers[n])) for n in chunk}
    with lent(db, chunk={"n": chunk, "image_id": plan.image_id[chunk]}):
        for n, run_id, at in db.execute(
            "SELECT c.n, s.run_id, r.looked_at FROM chunk c JOIN selected s USING (image_id)"
            " JOIN results r ON r.image_id = s.image_id AND r.run_id = s.run_id"
        ).fetchall():
            sides[n].looked = Source(names.get(run_id, ""), at)
        for n, author, at in db.execute(
            "SELECT c.n, arg_max(j.author, j.judgement_id), arg_max(j.made_at, j.judgement_id)"
            " FROM chunk c JOIN judgements j USING (image_id) WHERE j.undone_at IS NULL GROUP BY c.n"
        ).fetchall():
            sides[n].judged = Source(author, at)
        for n, name, x, y, w, h, author, at in db.execute(
            "SELECT c.n, p.class, round(p.x::DOUBLE, 6), round(p.y::DOUBLE, 6), round(p.w::DOUBLE, 6),"
            " round(p.h::DOUBLE, 6), p.author, p.made_at FROM chunk c JOIN package_words p USING (image_id)"
        ).fetchall():
            sides[n].boxes[name, x, y, w, h] = Source(author, at)
        for n, what, kind, at in db.execute(
            "SELECT c.n, s.what, e.meaning.kind, e.visit_at FROM chunk c"
            " JOIN image_sightings s USING (image_id)"
            " JOIN deployment_photos p USING (image_id)"
            " JOIN package_events e ON e.number = p.number AND e.what = s.what AND e.event = s.event"
        ).fetchall():
            sides[n].visits[flock_of(ClassInfo(0, what, Kind(kind)))] = at
    return sides
