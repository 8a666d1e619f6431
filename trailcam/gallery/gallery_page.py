"""Content and pictures -> the HTML file of a gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from trailcam import __version__
from trailcam.gallery.cards import Content, Detection, Photo
from trailcam.gallery.gallery_options import GalleryOptions
from trailcam.pages.html import Shown, render
from trailcam.pages.pictures import cut_around
from trailcam.pages.shown import link_to
from trailcam.words.months import Season, format_months


def render_page(
    content: Content,
    shown: Sequence[Shown],
    options: GalleryOptions,
    *,
    selection: str,
    folder: str | None,
    target: Path,
) -> bytes:
    """The whole file ``target``, UTF-8. ``shown`` is aligned with the content's photos.

    ``selection`` says in words which photos these are. ``folder`` is the relative name of the folder with the
    pictures, None where they are inside.
    """
    links = [link_to(photo.clip, target) if photo.clip else "" for photo in content.photos]
    return render(
        "gallery",
        data={
            **_data(content, shown, options.seasons, folder),
            "clips": {n: link for n, link in enumerate(links) if link},
            "firstMonth": options.first_month,
            "surestFirst": options.surest_first,
            "selection": selection,
        },
        shown=() if folder else shown,
        images="data: 'self'" if folder else "data:",
    )


def _data(
    content: Content,
    shown: Sequence[Shown],
    seasons: Mapping[str, Season],
    folder: str | None,
) -> dict[str, Any]:
    names = sorted({one.name for photo in content.photos for one in photo.found if one.name})
    return {
        "version": __version__,
        "confidence": content.confidence,
        "lowest": content.lowest,
        "gapUs": content.gap // timedelta(microseconds=1),
        "gap": _minutes(content.gap),
        "start": list(content.start),
        "seasons": [
            {
                "name": season.name,
                "label": f"{season.name} ({format_months(season.months)})",
                "months": list(season.months),
                "firstMonth": season.year_begins,
            }
            for season in seasons.values()
        ],
        "stations": list(content.stations),
        "classes": [
            {"label": c.label, "kind": str(c.kind), "age": c.age, "flock": c.flock} for c in content.classes
        ],
        "names": names,
        "photos": [_photo(photo, s, folder, names) for photo, s in zip(content.photos, shown, strict=True)],
        "coverage": [
            [t.station_index, t.month, t.hour, t.completed, t.pending, t.failed, t.missing]
            for t in content.tallies
        ],
        "notes": list(content.notes),
        "folder": folder,
    }


def _photo(photo: Photo, shown: Shown, folder: str | None, names: Sequence[str]) -> list[Any]:
    """One photo as a row; page.js names its columns."""
    boxes = [
        [f.class_index, f.confidence, *_place(f, photo), int(f.recommended), f.visit or 0]
        + ([f.said_index] if f.said_index != f.class_index or f.name else [])
        + ([names.index(f.name)] if f.name else [])
        for f in photo.found
    ]
    files = [shown.thumb, shown.large] if folder else [bool(shown.thumb), bool(shown.large)]
    return [
        photo.station_index,
        photo.captured_us,
        round(shown.ratio, 4),
        photo.name,
        photo.suspect or "",
        shown.problem,
        *files,
        [round(side, 4) for side in cut_around(photo.show, shown.ratio)],
        boxes,
        *([photo.ahead_us] if photo.ahead_us else []),
    ]


def _place(one: Detection, photo: Photo) -> list[float]:
    """Where the page draws a box; without an extent where it belongs to another frame of a video."""
    return [round(side, 4) for side in one.box] if one.at_s == photo.at_s else [0, 0, 0, 0]


def _minutes(gap: timedelta) -> str:
    seconds = gap.total_seconds()
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"
