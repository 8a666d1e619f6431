"""Which images a command is about: one value, shared by detect, reports and exports."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime

from trailcam.domain import Status
from trailcam.words.months import format_months
from trailcam.words.text import printable


@dataclass(frozen=True, slots=True)
class Selection:
    """Every given part must fit; an empty part fits everything.

    ``months`` are 1..12 in season order. ``since`` and ``until`` are
    both inclusive, in naive local camera time. When any of the three is given, images without a capture
    time don't fit, unless ``include_undated``. ``stations`` are names, compared without
    regard to case.
    """

    months: tuple[int, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    stations: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    include_undated: bool = False
    season: str | None = None  # the name the months came from, for headings

    @property
    def by_date(self) -> bool:
        """Whether a capture time is needed to decide."""
        return bool(self.months or self.since or self.until)

    def describe(self) -> dict[str, object]:
        """The parts that were given, in JSON's types, for the ``filters`` of a report."""
        parts: dict[str, object] = {}
        if self.season:
            parts["season"] = self.season
        if self.months:
            parts["months"] = list(self.months)
        if self.since:
            parts["since"] = self.since.isoformat()
        if self.until:
            parts["until"] = self.until.isoformat()
        if self.stations:
            parts["stations"] = list(self.stations)
        if self.by_date:
            parts["include_undated"] = self.include_undated
        return parts

    def in_words(self) -> str:
        """``season rut; since 2024-09-01; stations Hayfield, TinMan``; empty for all photos."""
        parts = []
        for name, value in self.describe().items():
            if name == "include_undated" or (name == "months" and self.season):
                continue
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            parts.append(f"{name} {printable(text)}")
        return "; ".join(parts)

    def as_options(self) -> str:
        """The same selection for another command: ``--season rut --station 'Phils Spot'``; may be empty."""
        words = []
        if self.season:
            words += ["--season", self.season]
        elif self.months:
            words += ["--months", format_months(self.months)]
        for flag, moment in (("--since", self.since), ("--until", self.until)):
            words += [flag, moment.date().isoformat()] if moment else []
        for station in self.stations:
            words += ["--station", station]
        words += ["--include-undated"] if self.include_undated else []
        return shlex.join(words)
