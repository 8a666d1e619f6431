"""Content and pictures -> the HTML file.

Everything the page needs is in it, and its content security policy lets the browser load nothing else. What
comes from file names and EXIF is data: it sits in a JSON block in which no ``<`` is left, and the script puts
it into the page as text alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from typing import Any

from trailcam import __version__
from trailcam.gallery.model import Content, Photo
from trailcam.months import Season, format_months


@dataclass(frozen=True, slots=True)
class Shown:
    """How one photo appears. ``thumb`` and ``large`` are base64, or names in the folder beside the page.

    ``problem`` says why there is no picture ("missing: ...", "unreadable: ..."); empty where there is one.
    """

    thumb: str = ""
    large: str = ""
    ratio: float = 4 / 3
    problem: str = ""


def render_page(
    content: Content,
    shown: Sequence[Shown],
    *,
    seasons: Mapping[str, Season],
    first_month: int,
    selection: str,
    folder: str | None,
) -> bytes:
    """The whole file, UTF-8. ``shown`` is aligned with the content's photos.

    ``first_month`` begins a season-year where no season is chosen. ``selection`` says in words which photos
    these are. ``folder`` is the relative name of the folder with the pictures, None where they are inside.
    """
    style, script = _asset("page.css"), _asset("page.js")
    images = "data: 'self'" if folder else "data:"
    policy = (
        f"default-src 'none'; img-src {images}; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    data = _as_json(_data(content, shown, seasons, first_month, selection, folder))
    pictures = "" if folder else "\n".join(_embedded(shown))
    parts = {
        "policy": policy,
        "style": style,
        "data": data,
        "script": script,
        "pictures": pictures,
    }
    page = _asset("page.html")
    # In one pass over the template: nothing that is put in is looked at again.
    pieces = page.split("@@")
    return "".join(piece if n % 2 == 0 else parts[piece] for n, piece in enumerate(pieces)).encode()


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a content security policy calls an inline block by (CSP level 3, section 6.7.2)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _as_json(value: object) -> str:
    """JSON in which nothing can end the script element that holds it, nor open a comment in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _embedded(shown: Iterable[Shown]) -> Iterator[str]:
    """The pictures as blocks that no browser runs: small ones first, as they are needed first."""
    listed = list(shown)
    for which in ("thumb", "large"):
        for n, photo in enumerate(listed):
            if encoded := getattr(photo, which):
                yield f'<script type="text/plain" id="{which}-{n}">{encoded}</script>'


def _data(
    content: Content,
    shown: Sequence[Shown],
    seasons: Mapping[str, Season],
    first_month: int,
    selection: str,
    folder: str | None,
) -> dict[str, Any]:
    return {
        "version": __version__,
        "selection": selection,
        "confidence": content.confidence,
        "lowest": content.lowest,
        "gapUs": content.gap // timedelta(microseconds=1),
        "gap": _minutes(content.gap),
        "firstMonth": first_month,
        "seasons": [
            {
                "name": season.name,
                "label": f"{season.name} ({format_months(season.months)})",
                "months": list(season.months),
                "firstMonth": season.first_month if season.wraps else 1,
            }
            for season in seasons.values()
        ],
        "stations": list(content.stations),
        "classes": [{"label": c.label, "kind": str(c.kind), "age": c.age} for c in content.classes],
        "photos": [_photo(photo, s, folder) for photo, s in zip(content.photos, shown, strict=True)],
        "coverage": [
            [t.station_index, t.month, t.hour, t.completed, t.pending, t.failed, t.missing]
            for t in content.tallies
        ],
        "notes": list(content.notes),
        "folder": folder,
    }


def _photo(photo: Photo, shown: Shown, folder: str | None) -> list[Any]:
    """One photo as a row; page.js names its columns."""
    boxes = [
        [f.class_index, f.confidence, *(round(side, 4) for side in f.box), int(f.recommended)]
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
        boxes,
    ]


def _minutes(gap: timedelta) -> str:
    seconds = gap.total_seconds()
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"
