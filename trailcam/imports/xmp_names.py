"""Names of bucks in XMP sidecars: keywords below trailcam|individual, with the regions that bear them.

trailcam's own sidecars have both (see ``export xmp``); a keyword that somebody adds in a photo manager has no
region, and means the photo's only buck.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from trailcam.imports.reading import Malformed, as_box
from trailcam.store.names import KEYWORDS, Box

_LARGEST = 1 << 22  # bytes: a sidecar has a few thousand
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LR = "{http://ns.adobe.com/lightroom/1.0/}"
_MWG = "{http://www.metadataworkinggroup.com/schemas/regions/}"
_AREA = "{http://ns.adobe.com/xmp/sType/Area#}"
Named = tuple[str, Box | None]
"""A name, and its region: ``xywhn`` of the photo as it is stored, before its orientation is applied."""


def sidecars(folder: Path) -> Iterator[tuple[Path, list[Named] | str]]:
    """Every sidecar below ``folder`` with its names, or with why it can't be read."""
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() == ".xmp" and file.is_file():
            yield file, _names(file)


def _names(file: Path) -> list[Named] | str:
    try:
        if file.stat().st_size > _LARGEST:
            return "is too large for a sidecar"
        data = file.read_bytes()
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            return "declares entities, which no sidecar needs"
        root = ET.fromstring(data)
    except (OSError, ET.ParseError, ValueError) as error:
        return f"can't be read: {error}"
    names = _keywords(root)
    regions = {name: box for name, box in _regions(root) if name in names} if names else {}
    return [(name, regions.get(name)) for name in names]


def _keywords(root: ET.Element) -> list[str]:
    found = []
    for bag in root.iter(f"{_LR}hierarchicalSubject"):
        for item in bag.iter(f"{_RDF}li"):
            words = tuple(word.strip() for word in (item.text or "").split("|"))
            if words[:-1] == KEYWORDS and words[-1]:
                found.append(words[-1])
    return list(dict.fromkeys(found))


def _regions(root: ET.Element) -> Iterator[tuple[str, Box]]:
    """Name and place of each region; programs write the parts as elements or as attributes."""
    for item in root.iter(f"{_RDF}li"):
        name = _part(item, f"{_MWG}Name")
        area = next(item.iter(f"{_MWG}Area"), None)
        if name is None or area is None:
            continue
        try:
            x, y, w, h = (float(_part(area, f"{_AREA}{side}") or "nan") for side in "xywh")
            yield name, as_box([x - w / 2, y - h / 2, w, h], "region")
        except (ValueError, Malformed):
            continue


def _part(element: ET.Element, name: str) -> str | None:
    for one in element.iter():
        if name in one.attrib:
            return one.attrib[name].strip()
        if one.tag == name:
            return (one.text or "").strip()
    return None
