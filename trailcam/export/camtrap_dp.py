"""``export camtrap-dp``: a Camtrap DP 1.0.2 package, the form in which ecologists exchange camera-trap data.

Photos with a trustworthy capture time become media of a deployment. What counts on each is an observation of
the level media, blanks too, and what nobody has looked at is unclassified; events (as reports count them) are
observations of the level event. What trailcam can't know (where a camera stands, who set it up and why) is
asked for and never made up.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from trailcam.domain import SURE_OFFSETS, Status
from trailcam.errors import UsageError
from trailcam.export.camtrap_needs import Site, sites_of
from trailcam.export.camtrap_package import MARK, describe, is_ours
from trailcam.export.camtrap_tables import (
    DEPLOYMENTS,
    MEDIA,
    OBSERVATIONS,
    Meaning,
    bounding_box,
    capture_method,
    file_path,
    meaning_of,
    media_type,
    written,
)
from trailcam.export.megadetector import failure, file_name
from trailcam.export.summary import Summary
from trailcam.files.home import at_home
from trailcam.files.target import create_folder, inside, short_hash, whole_file
from trailcam.selection import Selection
from trailcam.settings.config import ProjectSettings, StationSettings
from trailcam.store.animals import flock_of
from trailcam.store.database import Database
from trailcam.store.export_rows import (
    ExportBox,
    ExportPhoto,
    ExportPlan,
    bound_memory,
    make_plan,
    station_facts,
)
from trailcam.store.imported_package import (
    Event,
    LeftOut,
    Side,
    Source,
    Stay,
    prepare,
    stream_events,
    stream_with_sides,
)
from trailcam.words.text import count, printable

_COLUMNS = {"deployments": DEPLOYMENTS, "media": MEDIA, "observations": OBSERVATIONS}
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PackageOptions:
    """How to count, and what only the user knows.

    ``stations`` (the configuration's) overrides what the database knows of a station; ``timezone`` is that
    of stations without one. ``silent_days``: a longer break ends a deployment. ``per_visit``: see
    ``join_visits``.
    """

    confidence: float | None
    gap: timedelta
    silent_days: int
    project: ProjectSettings
    stations: Mapping[str, StationSettings]
    timezone: str | None
    per_visit: bool = True


def export_camtrap_dp(
    database: Database, selection: Selection, target: Path, options: PackageOptions
) -> Summary:
    """Write the package into the folder ``target``: new, empty, or with an earlier package of trailcam's.

    Raises UsageError that names all that is missing, in one message; then nothing was made. Raises UsageError
    for another's folder and OutputError; then an earlier package is as it was.
    """
    folder = at_home(Path(target))
    _check_folder(folder)
    summary = Summary(target)
    with database.read() as db, tempfile.TemporaryDirectory() as scratch:
        bound_memory(db, Path(scratch))
        plan = make_plan(db, selection, options.confidence, options.gap)
        prepared = prepare(plan, options.gap, options.silent_days, per_visit=options.per_visit)
        stays = prepared.stays
        _say_left_out(prepared.left_out, summary)
        summary.notes += plan.hidden.in_words(visits=False)
        if not stays:
            raise UsageError(
                "No photo of the selection belongs to a deployment.",
                "A deployment is made of photos whose capture time is known and not in doubt. "
                "`trailcam report stations` shows them.",
            )
        sites = sites_of(stays, station_facts(db), options.stations, options.timezone, options.project)
        create_folder(folder)
        with _package(folder) as (package, tables):
            made = _Tables(tables, sites, plan, summary)
            for number in sorted(stays):
                made.deployment(number, stays[number])
            for photo, side in stream_with_sides(prepared):
                made.photo(photo, side)
            for event in stream_events(prepared):
                made.event(event)
            made.end()
            package.write(
                describe(options.project, sites, made.spans, made.species, individuals=made.individuals)
            )
    summary.notes += made.notes(plan.n_roots)
    return summary


def _check_folder(folder: Path) -> None:
    if folder.is_file():
        raise UsageError(f"{printable(str(folder))} is a file.", "A package is a folder: name one with -o.")
    if (folder / MARK).exists() and not is_ours(folder / MARK):
        raise UsageError(
            f"{printable(str(folder))} holds a data package that trailcam didn't write.",
            "It is left as it is: name another folder with -o.",
        )
    taken = [
        name for name in ("deployments.csv", "media.csv", "observations.csv") if (folder / name).exists()
    ]
    if taken and not (folder / MARK).exists():
        raise UsageError(
            f"{printable(str(folder))} holds a {taken[0]} that is not part of a package made by trailcam.",
            "It is left as it is: name another folder with -o.",
        )


@contextmanager
def _package(folder: Path) -> Iterator[tuple[BinaryIO, Mapping[str, BinaryIO]]]:
    """The four files; all of them take their places at the end, the package's own last, or none does."""
    with ExitStack() as stack:
        package = stack.enter_context(whole_file(inside(folder, MARK)))
        yield (
            package,
            {
                name: stack.enter_context(whole_file(inside(folder, f"{name}.csv")))
                for name in ("deployments", "media", "observations")
            },
        )


def _say_left_out(left_out: LeftOut, summary: Summary) -> None:
    parts = [
        (left_out.undated, "without a capture time"),
        (left_out.doubtful, "with a capture time in doubt"),
    ]
    reasons = [f"{count(n, 'photo')} {why}" for n, why in parts if n]
    if reasons:
        summary.notes.append(f"In no deployment, and so left out: {', '.join(reasons)}.")


class _Tables:
    """Writes the rows. ``spans`` are the deployments' first and last moments, ``species`` all names used.

    ``individuals``: whether an animal has a name of its own.
    """

    def __init__(
        self, files: Mapping[str, BinaryIO], sites: Mapping[int, Site], plan: ExportPlan, summary: Summary
    ) -> None:
        self._texts = {
            name: io.TextIOWrapper(file, "utf-8", "backslashreplace", newline="", write_through=False)
            for name, file in files.items()
        }
        self._writers = {name: csv.writer(text, lineterminator="\n") for name, text in self._texts.items()}
        for name, columns in _COLUMNS.items():
            self._writers[name].writerow(columns)
        self._sites = sites
        self._several = plan.n_roots > 1
        self._meanings: dict[tuple[object, ...], Meaning] = {}
        self._summary = summary
        self._encoded = 0
        self._unclassified = 0
        self._events = 0
        self.spans: list[tuple[datetime, datetime]] = []
        self.species: set[str] = set()
        self.individuals = False

    def end(self) -> None:
        """Hand everything on to the files."""
        for text in self._texts.values():
            text.flush()
            text.detach()

    def deployment(self, number: int, stay: Stay) -> None:
        site, own = self._sites[number], stay.deployment
        first = min(site.clock.moment(*first) for first, _ in stay.bounds)
        last = max(site.clock.moment(*last) for _, last in stay.bounds)
        self.spans.append((first, last))
        row = {
            "deploymentID": site.deployment_id,
            "locationID": printable(own.station),
            "locationName": printable(own.station),
            "latitude": site.latitude,
            "longitude": site.longitude,
            "deploymentStart": written(first),
            "deploymentEnd": written(last),
            "cameraID": printable(own.serial or ""),
            "cameraModel": printable("-".join(part for part in (own.make, own.model) if part)),
            "deploymentComments": "start and end are the first and the last photo",
        }
        self._add("deployments", row)

    def photo(self, photo: ExportPhoto, side: Side) -> None:
        """The medium and what was seen on it."""
        if photo.captured_at is None:  # a deployment's photos have one
            return
        site, media_id = self._sites[side.number], short_hash(photo.root, photo.path, digits=16)
        sure = photo.captured_at_source in SURE_OFFSETS
        at = site.clock.text(photo.captured_at, photo.utc_offset_min, sure)
        ends = photo.captured_at + timedelta(seconds=photo.duration_s or 0)
        path, encoded = file_path(file_name(photo, self._several))
        self._encoded += encoded
        self._add(
            "media",
            {
                "mediaID": media_id,
                "deploymentID": site.deployment_id,
                "captureMethod": capture_method(photo.trigger),
                "timestamp": at,
                "filePath": path,
                "filePublic": "false",
                "fileName": printable(photo.path.rpartition("/")[2]),
                "fileMediatype": media_type(photo.path),
            },
        )
        common = {
            "deploymentID": site.deployment_id,
            "mediaID": media_id,
            "eventStart": at,
            "eventEnd": site.clock.text(ends, photo.utc_offset_min, sure),
            "observationLevel": "media",
        }
        rows = self._boxes(photo, side) if photo.boxes else [self._without(photo, side)]
        for place, row in enumerate(rows, start=1 if photo.boxes else 0):
            self._add("observations", {"observationID": f"{media_id}-{place}", **common, **row})
        self._summary.add(photo)

    def event(self, event: Event) -> None:
        """What a visit shows of one class, as an observation of its own."""
        site, meaning = self._sites[event.number], self._meaning(event)
        self._events += 1
        self._add(
            "observations",
            {
                "observationID": _event_id(site, event.info.name, event.start.at),
                "eventID": _event_id(site, flock_of(event.info), event.visit_at),
                "deploymentID": site.deployment_id,
                "eventStart": site.clock.text(*event.start),
                "eventEnd": site.clock.text(*event.end),
                "observationLevel": "event",
                "count": event.animals,
                **_words(meaning),
                **_by(event.said, event.confidence, by_person=event.by_person),
            },
        )

    def _add(self, table: str, row: _Row) -> None:
        self._writers[table].writerow(map(row.get, _COLUMNS[table]))  # None is written as nothing

    def notes(self, n_roots: int) -> list[str]:
        """What the reader of the package should know."""
        where = "the scanned folder" if n_roots == 1 else "the folders of the scanned roots, by their names"
        notes = [
            f"{count(len(self.spans), 'deployment')}, {count(self._events, 'event')}.",
            f"The paths in media.csv are relative to {where}; no photo was copied.",
        ]
        if self._unclassified:
            notes.append(f"{count(self._unclassified, 'photo')} without a result: unclassified, not blank.")
        if self._encoded:
            notes.append(
                f"{count(self._encoded, 'path')} percent-encoded in filePath: Camtrap DP allows no such name."
            )
        return notes

    def _boxes(self, photo: ExportPhoto, side: Side) -> Iterator[_Row]:
        site = self._sites[side.number]
        for box in photo.boxes:
            self.individuals |= box.individual is not None
            said = side.boxes.get((box.info.name, *box[2:6])) if box.by_person else side.looked
            flock = flock_of(box.info)
            start = side.visits.get(flock)
            yield {
                "eventID": _event_id(site, flock, start) if start else "",
                "count": 1,
                "individualID": printable(box.individual or ""),
                **_words(self._meaning(box)),
                **dict(
                    zip(("bboxX", "bboxY", "bboxWidth", "bboxHeight"), bounding_box(*box[2:6]), strict=True)
                ),
                **_by(said, _sure(box), by_person=box.by_person),
            }

    def _without(self, photo: ExportPhoto, side: Side) -> _Row:
        """A photo on which nothing counts: blank where somebody looked, else unclassified."""
        if not photo.looked_at:
            self._unclassified += 1
            comment = failure(photo) if photo.status is Status.FAILED else ""
            return {"observationType": "unclassified", "observationComments": comment}
        said = side.judged or side.looked
        return {"observationType": "blank", **_by(said, None, by_person=side.judged is not None)}

    def _meaning(self, of: ExportBox | Event) -> Meaning:
        info = of.info
        key = (info.name, info.kind, info.age_class, info.species)
        if key not in self._meanings:
            self._meanings[key] = meaning_of(info)
            if species := self._meanings[key].species:
                self.species.add(species)
        return self._meanings[key]


def _event_id(site: Site, what: str, start: datetime) -> str:
    return short_hash(site.deployment_id, what, start.isoformat(), digits=16)


def _words(meaning: Meaning) -> _Row:
    return {
        "observationType": meaning.type,
        "scientificName": meaning.species,
        "lifeStage": meaning.life_stage,
        "sex": meaning.sex,
        "observationTags": meaning.tags,
    }


def _sure(box: ExportBox) -> float:
    return box.confidence if box.class_probability is None else box.class_probability


def _by(said: Source | None, confidence: float | None, *, by_person: bool) -> _Row:
    """Who classified, when, and how sure a machine was. A correction has no probability."""
    row: _Row = {"classificationMethod": "human" if by_person else "machine"}
    if said is not None:
        row["classifiedBy"] = printable(said.who)
        if said.at is not None:
            row["classificationTimestamp"] = written(said.at.replace(tzinfo=UTC))
    if not by_person and confidence is not None:
        row["classificationProbability"] = confidence
    return row
