"""The page on which a person says of each place whether a thing is there, and draws areas to exclude."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from trailcam import __version__
from trailcam.errors import UnanswerableError
from trailcam.files.home import at_home
from trailcam.files.write import write_file
from trailcam.pages.html import Shown, render
from trailcam.pages.pictures import Cache, Request
from trailcam.pages.shown import PageReport, check_target, large_px, show_photos
from trailcam.selection import Selection
from trailcam.static_boxes.find_static import Proposal
from trailcam.static_boxes.static_answers import FORMAT, VERSION
from trailcam.store.database import Connection, utc_now
from trailcam.store.images import roots
from trailcam.store.review_rows import library_id
from trailcam.store.select import select
from trailcam.store.static_known import area_rows
from trailcam.store.static_rows import files_of, newest_photos
from trailcam.words.text import count, printable


@dataclass(frozen=True, slots=True)
class _Entry:
    """One picture: of a place, or (``proposal`` None) of a station alone, to draw areas on."""

    image_id: int
    station_id: int
    station: str
    proposal: Proposal | None


@dataclass(frozen=True, slots=True)
class StaticPage:
    """A page as the database was at ``made_at`` (UTC, naive); its pictures are made without the database."""

    library: str
    made_at: datetime
    entries: tuple[_Entry, ...]
    files: tuple[Path, ...]
    captured_us: tuple[int | None, ...]
    areas: tuple[dict[str, Any], ...]
    roots: tuple[Path, ...]


def plan_page(
    db: Connection,
    proposals: Sequence[Proposal],
    *,
    stations: Sequence[str] = (),
    every_station: bool = False,
) -> StaticPage:
    """What the page asks: the proposals, and with ``every_station`` a picture of each other station too.

    Raises UnanswerableError where there is nothing to show.
    """
    entries = [_Entry(_best(one), one.boxes.station_id, one.boxes.station, one) for one in proposals]
    if every_station:
        shown = {entry.station_id for entry in entries}
        with select(db, Selection(stations=tuple(stations))) as photos:
            entries += [
                _Entry(int(row["image_id"]), int(row["station_id"]), str(row["station"]), None)
                for row in newest_photos(photos)
                if row["station_id"] not in shown
            ]
    if not entries:
        raise UnanswerableError(
            "No place waits for an answer, so there is no page to write.",
            "To exclude an area of a camera's picture, add --areas: the page then shows every station.",
        )
    files, folders = files_of(db, [entry.image_id for entry in entries]), roots(db)
    paths = {root.root_id: Path(root.path) for root in folders}
    found = [files[entry.image_id] for entry in entries]
    return StaticPage(
        library=library_id(db),
        made_at=utc_now(),
        entries=tuple(entries),
        files=tuple(paths[row["root_id"]] / row["path"] for row in found),
        captured_us=tuple(row["captured_us"] for row in found),
        areas=tuple(area_rows(db)),
        roots=tuple(paths.values()),
    )


def build_page(
    plan: StaticPage, target: Path, cache: Cache | None, progress: Callable[[int, int], object]
) -> PageReport:
    """Write the page to ``target``, whole or not at all. Raises RootError and OutputError."""
    target = at_home(target)
    check_target(target, plan.files, plan.roots)
    large = large_px(len(plan.files))
    requests = [
        Request(file, large, show=entry.proposal.box if entry.proposal else None)
        for file, entry in zip(plan.files, plan.entries, strict=True)
    ]
    names = [printable(file.name) for file in plan.files]
    shown, problems = show_photos(requests, names, cache, progress)
    page = render("static_boxes", data=_data(plan, names, shown), shown=shown, images="data:", asks=True)
    write_file(target, page)
    places = sum(entry.proposal is not None for entry in plan.entries)
    return PageReport(target, places, len(plan.entries), len(page), problems)


def _best(proposal: Proposal) -> int:
    """The photo that shows a place: the newest where boxes are new, else one from the middle of its time."""
    boxes = proposal.boxes
    return int(boxes.image_id[-1 if proposal.confirmed else len(boxes) // 2])


def _data(plan: StaticPage, names: Sequence[str], shown: Sequence[Shown]) -> dict[str, Any]:
    """What page.js reads. ``page`` names this page."""
    name = f"{plan.library}{plan.made_at.isoformat()}{[entry.image_id for entry in plan.entries]}"
    rows = zip(plan.entries, names, plan.captured_us, shown, strict=True)
    places = sum(entry.proposal is not None for entry in plan.entries)
    return {
        "format": FORMAT,
        "formatVersion": VERSION,
        "page": hashlib.blake2b(name.encode(), digest_size=8).hexdigest(),
        "library": plan.library,
        "madeAt": f"{plan.made_at.isoformat(timespec='microseconds')}Z",
        "photos": [_photo(*row) for row in rows],
        "areas": [{"station": area["station_id"], "points": area["points"]} for area in plan.areas],
        "notes": [
            f"{count(places, 'place')} to answer for. Nothing is left out of the counts before"
            " `trailcam static apply`.",
            f"trailcam {__version__}",
        ],
        "folder": None,
    }


def _photo(entry: _Entry, name: str, captured_us: int | None, shown: Shown) -> dict[str, Any]:
    row = {
        "stationId": entry.station_id,
        "station": printable(entry.station),
        "name": name,
        "us": captured_us,
        "ratio": round(shown.ratio, 4),
        "problem": shown.problem,
        "place": None,
    }
    if entry.proposal is None:
        return row
    return row | {
        "place": entry.proposal.place_id,
        "camera": entry.proposal.boxes.camera,
        "box": [round(side, 6) for side in entry.proposal.box],
        "basedOn": entry.proposal.based_on,
        "confirmed": entry.proposal.confirmed,
        "why": why(entry.proposal),
    }


def why(proposal: Proposal) -> str:
    """What speaks for a thing: "87 photos on 14 days, 3 Nov 2024 to 2 Dec 2024: doe 80, cow 7."."""
    boxes = proposal.boxes
    known = boxes.at[~np.isnat(boxes.at)]
    span = f", {_day(known.min())} to {_day(known.max())}" if len(known) else ""
    looks = ", ".join(f"{printable(name)} {n:,}" for name, n in proposal.looks)
    photos = count(len(np.unique(boxes.image_id)), "photo")
    days = f" on {count(proposal.days, 'day')}" if proposal.days else ""
    return f"{photos}{days}{span}: {looks}."


def _day(at: np.datetime64) -> str:
    day = at.astype("datetime64[D]").item()
    return f"{day.day} {day:%b %Y}"
