"""``trailcam runs compare --page``: the photos that two runs don't agree on, with both runs' boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trailcam import __version__
from trailcam.files.home import at_home
from trailcam.files.write import write_file
from trailcam.pages.html import Shown, render
from trailcam.pages.pictures import Cache, Request
from trailcam.pages.shown import PageReport, check_target, large_px, show_photos
from trailcam.reports.compare_runs import Comparison, Difference, compare, notes
from trailcam.selection import Selection
from trailcam.store.database import Database
from trailcam.store.images import roots
from trailcam.store.select import select
from trailcam.store.two_runs import RunBox, both_said, make_sides, photo_facts_of
from trailcam.words.text import printable


@dataclass(frozen=True, slots=True)
class _Photo:
    file: Path
    name: str
    station: str
    captured_us: int | None
    differences: Sequence[Difference]
    a: Sequence[RunBox]
    b: Sequence[RunBox]


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """How the page is made: of ``runs``, at a ``confidence`` (None: what the weights recommend), of at most
    ``limit`` photos; ``cache`` None keeps no pictures.
    """

    runs: tuple[int, int]
    confidence: float | None = None
    limit: int = 150
    cache: Cache | None = None


def build_comparison(
    database: Database,
    selection: Selection,
    target: Path,
    options: ComparisonOptions,
    progress: Callable[[int, int], object],
) -> PageReport:
    """Write the page to ``target``, with the photos of the surest differences first.

    The page appears whole or not at all. Raises RootError when the photos' folder isn't there, OutputError
    when the page can't be written, UsageError and DatabaseError.
    """
    target = at_home(target)
    with database.read() as db:
        folders = {root.root_id: Path(root.path) for root in roots(db)}
        with select(db, selection) as chosen, make_sides(chosen, *options.runs) as sides:
            found = compare(sides, options.confidence)
            photos, candidates = _photos(found, folders, options.confidence, options.limit)
            told = notes(found, chosen.undated_left_out())
    check_target(target, [photo.file for photo in photos], list(folders.values()))
    requests = [Request(photo.file, large_px(len(photos))) for photo in photos]
    shown, problems = show_photos(requests, [photo.name for photo in photos], options.cache, progress)
    page = render(
        "compare_page",
        data=_data(found, photos, shown, selection.in_words(), [*told, f"trailcam {__version__}"]),
        shown=shown,
        images="data:",
    )
    write_file(target, page)
    return PageReport(target, len(photos), candidates, len(page), problems)


def _photos(
    found: Comparison, folders: Mapping[int, Path], confidence: float | None, limit: int
) -> tuple[list[_Photo], int]:
    """The photos to show, and of how many."""
    by_photo: dict[int, list[Difference]] = {}
    for difference in found.differences:
        by_photo.setdefault(difference.image_id, []).append(difference)
    order = sorted(by_photo, key=lambda i: (-max(d.confidence for d in by_photo[i]), i))[:limit]
    wanted = set(order)
    said = {s.image_id: s for s in both_said(found.sides, confidence) if s.image_id in wanted}
    facts = photo_facts_of(found.sides, order)
    photos = []
    for image_id in order:
        own = facts[image_id]
        photos.append(
            _Photo(
                folders[own["root_id"]] / own["path"],
                printable(own["path"]),
                printable(own["station"]),
                own["captured_us"],
                by_photo[image_id],
                said[image_id].a,
                said[image_id].b,
            )
        )
    return photos, len(by_photo)


def _data(
    found: Comparison, photos: Sequence[_Photo], shown: Sequence[Shown], selection: str, told: Sequence[str]
) -> dict[str, Any]:
    """What page.js reads."""
    listed = [_entry(found, photo, s) for photo, s in zip(photos, shown, strict=True)]
    classes = {d[side] for photo in listed for d in photo["differences"] for side in "ab" if d[side]}
    a, b = (
        f"run {run['run_id']} ({printable(run['weights_name'] or 'no weights named')})"
        for run in (found.sides.a, found.sides.b)
    )
    return {
        "a": a,
        "b": b,
        "classes": sorted(classes),
        "photos": listed,
        "selection": selection,
        "notes": told,
        "folder": None,
    }


def _entry(found: Comparison, photo: _Photo, shown: Shown) -> dict[str, Any]:
    def called(box: RunBox | None) -> str | None:
        return printable(found.names[box.name.lower()]) if box else None

    changed = {"a": [d.a for d in photo.differences], "b": [d.b for d in photo.differences]}
    changes = [d.change for d in photo.differences]
    boxes = []
    for side, own in (("a", photo.a), ("b", photo.b)):
        for box in own:
            change = changes[changed[side].index(box)] if box in changed[side] else ""
            place = (round(value, 6) for value in (box.x, box.y, box.w, box.h))
            boxes.append([side, called(box), box.confidence, *place, change])
    return {
        "name": photo.name,
        "station": photo.station,
        "us": photo.captured_us,
        "ratio": round(shown.ratio, 4),
        "problem": shown.problem,
        "differences": [{"change": d.change, "a": called(d.a), "b": called(d.b)} for d in photo.differences],
        "boxes": boxes,
    }
