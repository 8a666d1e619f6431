"""datapackage.json of a Camtrap DP package: who, where, when and which species."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trailcam import __version__
from trailcam.export.camtrap_needs import Site
from trailcam.export.camtrap_tables import BASE_URL
from trailcam.settings.config import ProjectSettings

MARK = "datapackage.json"
_MAKER = "trailcam"
_PERSON = re.compile(r"\s*(?P<name>[^<>]*[^<>\s])\s*<(?P<email>[^<>\s]+@[^<>\s]+)>\s*")


def describe(
    project: ProjectSettings,
    sites: Mapping[int, Site],
    spans: Sequence[tuple[datetime, datetime]],
    species: Collection[str],
    *,
    individuals: bool = False,
) -> bytes:
    """The content of the file. ``spans``: first and last moment of each deployment. All are complete.

    ``individuals``: whether observations name single animals.
    """
    resources = [
        {
            "name": name,
            "path": f"{name}.csv",
            "profile": "tabular-data-resource",
            "format": "csv",
            "mediatype": "text/csv",
            "encoding": "utf-8",
            "schema": f"{BASE_URL}/{name}-table-schema.json",
        }
        for name in ("deployments", "media", "observations")
    ]
    package = {
        "resources": resources,
        "profile": f"{BASE_URL}/camtrap-dp-profile.json",
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "title": project.title,
        "contributors": [_contributor(name) for name in project.contributors],
        "sources": [{"title": _MAKER, "version": __version__}],
        "project": {
            "title": project.title,
            "samplingDesign": project.sampling_design,
            "captureMethod": list(project.capture_method),
            "individualAnimals": individuals,
            "observationLevel": ["media", "event"],
        },
        "spatial": _spatial({(site.longitude, site.latitude) for site in sites.values()}),
        "temporal": {
            "start": min(first for first, _ in spans).date().isoformat(),
            "end": max(last for _, last in spans).date().isoformat(),
        },
        "taxonomic": [{"scientificName": name} for name in sorted(species)],
    }
    return json.dumps(package, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def is_ours(path: Path) -> bool:
    """Whether trailcam wrote this datapackage.json."""
    try:
        found = json.loads(path.read_bytes())
        return bool(found["sources"][0]["title"] == _MAKER)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False


def _contributor(name: str) -> dict[str, str]:
    """``Ann Example <ann@example.org>`` with its mail address apart, where it has one."""
    found = _PERSON.fullmatch(name)
    return {"title": found["name"], "email": found["email"]} if found else {"title": name}


def _spatial(points: set[tuple[float, float]]) -> dict[str, Any]:
    """GeoJSON (RFC 7946, longitude first): the rectangle around all places, or the places on one line."""
    xs, ys = ({point[axis] for point in points} for axis in (0, 1))
    if len(points) == 1:
        return {"type": "Point", "coordinates": list(next(iter(points)))}
    if len(xs) == 1 or len(ys) == 1:
        return {"type": "MultiPoint", "coordinates": [list(point) for point in sorted(points)]}
    west, east, south, north = min(xs), max(xs), min(ys), max(ys)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
