"""``report herd``: the ratio of bucks, does and fawns, by visit, with intervals. See docs/herd.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trailcam.domain import ClassInfo, Kind
from trailcam.errors import UnanswerableError
from trailcam.reports.base import KEY_COLUMNS, CellType, Column, Report, Row, coverage_columns, laid_out
from trailcam.reports.common import (
    Basis,
    Question,
    basis_of,
    checked_keys,
    in_order,
    notes_of,
    scope_cells,
    visits_of,
)
from trailcam.store.database import Connection
from trailcam.store.photo_counts import classes_by_run
from trailcam.store.visits import Level
from trailcam.words.text import count, printable

KEYS = ("month", "season", "station")
MIN_EVENTS = 50
MIN_DOE_EVENTS = 20
MIN_STATIONS = 5
"""From so many stations on these are what is resampled, else days within each."""

REPLICATES = 2000
_SEED = 1997  # the same photos give the same interval
_SEXES = (Kind.BUCK, Kind.DOE, Kind.FAWN)

Counts = npt.NDArray[np.float64]
"""(n, 3) float64: bucks, does and fawns of n blocks."""

BIAS = (
    "Camera ratios are biased: baited cameras took 1.9 times as many photos of a marked buck as of a marked"
    " doe, and does per buck were 280 %, fawns per doe 31 % higher from a helicopter than from cameras (Moore"
    " et al. 2014, Journal of SEAFWA 1). Compare seasons of the same cameras; don't rely on a single figure."
)
_COLUMNS = (
    *(Column(f"{sex}_events", f"{sex} visits", CellType.COUNT, sign="≈", spare=5) for sex in _SEXES),
    *(Column(f"{sex}s", f"{sex}s", CellType.COUNT, sign="≈") for sex in _SEXES),
    Column("bucks_per_100_does", "bucks/100 does", CellType.NUMBER, sign="≈"),
    Column("bucks_low", "from", CellType.NUMBER),
    Column("bucks_high", "to", CellType.NUMBER),
    Column("fawns_per_100_does", "fawns/100 does", CellType.NUMBER, sign="≈"),
    Column("fawns_low", "from", CellType.NUMBER),
    Column("fawns_high", "to", CellType.NUMBER),
    Column("resampled", "resampled", CellType.TEXT, null="too few", spare=6),
)


def herd(db: Connection, question: Question, *, by: Sequence[str] = ()) -> Report:
    """Ratios of bucks, does and fawns among the selected images, all together and ``by`` :data:`KEYS`.

    The animals of a visit are the most of its kind in one photo. Rows hold the keys, events and animals of
    each kind, bucks and fawns per 100 does with a 95 % percentile interval (``_low``, ``_high``; None where
    more than a fortieth of the resamples has no doe, and for a group with too few visits) and what was
    resampled: stations or days. Photos without a capture time are left out. Raises UnanswerableError under
    MIN_EVENTS visits or MIN_DOE_EVENTS of does, and where a model has no class for one of the three.
    """
    by = checked_keys(by, KEYS, "A herd")
    with basis_of(db, question, by) as basis:
        _refuse_blind(classes_by_run(basis.photos))
        with visits_of(basis.photos, question, Level.KIND, kinds=[*_SEXES, Kind.DEER]) as visits:
            events, undated = visits.each(by, question.first_month), visits.undated_animals()
    sexed = [event for event in events if event["kind"] != Kind.DEER]
    _refuse_few(sexed)
    columns = (*(KEY_COLUMNS[key] for key in by), *_COLUMNS, *coverage_columns())
    finished = []
    groups = sorted({tuple(event[key] for key in by) for event in sexed}) if by else []
    for group in groups:
        own = [event for event in sexed if tuple(event[key] for key in by) == group]
        keys = dict(zip(by, group, strict=True))
        finished.append({**keys, **_cells(own), **scope_cells(basis.scopes.get(group))})
    overall = {**basis.coverage, "scope_photos": basis.coverage["photos"]}
    total = {**dict.fromkeys(by), **_cells(sexed), **scope_cells(overall)}
    listed = laid_out(in_order(finished, by), columns)
    last = laid_out([total], columns)
    return Report(
        name="herd",
        title="Herd",
        filters=question.describe(by=list(by), replicates=REPLICATES),
        coverage=basis.coverage,
        columns=columns,
        rows=listed if by else last,
        totals=last if by else [],
        notes=_notes(basis, undated, events, total, listed),
    )


def interval(strata: Sequence[Counts], sex: int) -> tuple[float | None, float | None]:
    """The 95 % percentile interval of animals of column ``sex`` per 100 does (column 1).

    In each of REPLICATES rounds as many blocks are drawn with replacement from each stratum as it has. None
    where the bound is a round without a doe. Rounds with neither are left out.
    """
    rng = np.random.default_rng(_SEED)
    sums = np.zeros((REPLICATES, 3))
    for blocks in strata:
        drawn = rng.multinomial(len(blocks), np.full(len(blocks), 1 / len(blocks)), size=REPLICATES)
        sums += drawn @ blocks
    sums = sums[(sums[:, 1] > 0) | (sums[:, sex] > 0)]
    with np.errstate(divide="ignore"):
        ratios = 100 * sums[:, sex] / sums[:, 1]
    if not len(ratios):
        return None, None
    low, high = np.quantile(ratios, (0.025, 0.975), method="inverted_cdf")
    return tuple(round(float(v), 1) if np.isfinite(v) else None for v in (low, high))  # type: ignore[return-value]


def _refuse_blind(models: Sequence[tuple[str, Sequence[ClassInfo]]]) -> None:
    """Raise for a model that can't tell bucks, does and fawns: what it missed would distort the ratio."""
    for model, infos in models:
        lacking = [f"{sex}s" for sex in _SEXES if sex not in {info.kind for info in infos}]
        if lacking:
            raise UnanswerableError(
                f"The model {printable(model)} has no class for {' and '.join(lacking)}: no ratio.",
                "Look at these photos with a model that knows all three: `trailcam detect --weights FILE`.",
            )


def _refuse_few(sexed: Sequence[Row]) -> None:
    does = sum(event["kind"] == Kind.DOE for event in sexed)
    if len(sexed) < MIN_EVENTS or does < MIN_DOE_EVENTS:
        raise UnanswerableError(
            f"Too few visits for a ratio: {count(len(sexed), 'visit')} of bucks, does and fawns,"
            f" {does:,} of them of does.",
            f"It takes {MIN_EVENTS} visits, {MIN_DOE_EVENTS} of them of does. Select a longer time or more"
            " stations, or look at what is pending with `trailcam detect`.",
        )


def _cells(events: Sequence[Row]) -> Row:
    """The counts, ratios and intervals of one row."""
    n = {sex: sum(event["kind"] == sex for event in events) for sex in _SEXES}
    animals = {sex: sum(event["animals"] for event in events if event["kind"] == sex) for sex in _SEXES}
    cells: Row = {f"{sex}_events": n[sex] for sex in _SEXES} | {f"{sex}s": animals[sex] for sex in _SEXES}
    enough = sum(n.values()) >= MIN_EVENTS and n[Kind.DOE] >= MIN_DOE_EVENTS
    strata, what = _strata(events) if enough else ([], None)
    for sex, column in (("bucks", 0), ("fawns", 2)):
        kind = _SEXES[column]
        low, high = interval(strata, column) if enough else (None, None)
        per_100 = round(100 * animals[kind] / animals[Kind.DOE], 1) if enough else None
        cells |= {f"{sex}_per_100_does": per_100, f"{sex}_low": low, f"{sex}_high": high}
    return {**cells, "resampled": what}


def _strata(events: Sequence[Row]) -> tuple[list[Counts], str]:
    """Stations as the blocks of one stratum; where they are few, days as blocks within each station."""
    blocks: dict[str, dict[Any, list[float]]] = {}
    for event in events:
        day = blocks.setdefault(event["place"], {}).setdefault(event["day"], [0.0, 0.0, 0.0])
        day[_SEXES.index(Kind(event["kind"]))] += event["animals"]
    by_station = [np.array(list(days.values())) for days in blocks.values()]
    if len(by_station) >= MIN_STATIONS:
        return [np.array([days.sum(axis=0) for days in by_station])], "stations"
    return by_station, "days"


def _notes(
    basis: Basis, undated: int, events: Sequence[Row], total: Mapping[str, Any], listed: Sequence[Row]
) -> list[str]:
    notes = notes_of(basis)
    if undated:
        verb = "is" if undated == 1 else "are"
        notes.append(f"{count(undated, 'deer', 'deer')} on photos without a capture time {verb} left out.")
    unknown = [event["animals"] for event in events if event["kind"] == Kind.DEER]
    if unknown:
        n_deer = count(sum(unknown), "deer", "deer")
        notes.append(f"{n_deer} of unknown sex in {count(len(unknown), 'visit')} not counted in any ratio.")
    few = sum(row["resampled"] is None for row in listed)
    if few:
        notes.append(
            f"{count(few, 'row')} without a ratio: fewer than {MIN_EVENTS} visits,"
            f" or {MIN_DOE_EVENTS} of does."
        )
    drawn = (
        "whole stations, as the places differ; with fewer than 30 stations the intervals are somewhat narrow"
        if total["resampled"] == "stations"
        else f"days within each station (fewer than {MIN_STATIONS}): they are valid only for these places"
    )
    notes.append(f"95 % intervals from {REPLICATES:,} resamples of {drawn}.")
    return [*notes, BIAS]
