"""An XMP packet that says what counts on a photo, as photo managers read it. Nothing here touches a file.

Formats: XMP (ISO 16684-1); keywords as Adobe's programs write them (``dc:subject`` for the words,
``lr:hierarchicalSubject`` for their tree); regions after the Metadata Working Group's guidelines 2.0: centre
and sides, 0..1 of the image as stored, before its EXIF orientation is applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.geometry import stored_xywhn, upright_size
from trailcam.store.export_rows import ExportBox, ExportPhoto
from trailcam.store.names import KEYWORDS

TOP = "trailcam"
MARK = f'x:xmptk="{TOP}"'
"""What stands in every packet of ours, and in none that another program has written since."""

BLANK = "blank"
_DEER = frozenset({Kind.BUCK, Kind.DOE, Kind.FAWN, Kind.DEER})
_WILD = _DEER | {Kind.ANIMAL}
# What XML 1.0 allows (section 2.2), less the separators of keywords' trees and lines.
_FORBIDDEN = re.compile("[^\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[|;]")
_NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
}


def tree_of(info: ClassInfo) -> tuple[str, ...]:
    """A class as a path of keywords: ``("trailcam", "deer", "buck", "mature")``."""
    name = clean(info.name)
    if info.kind in _DEER:
        words = [TOP, "deer"]
        words += [] if info.kind is Kind.DEER else [info.kind.value]
        words += [info.age_class.value] if info.age_class and info.age_class is not AgeClass.UNKNOWN else []
    else:
        words = [TOP, info.kind.value]
    # The model's own name where it says more: "coyote", but not "person" below person.
    return tuple(words if name.casefold() in map(str.casefold, words) or not name else [*words, name])


def packet(photo: ExportPhoto) -> bytes:
    """The sidecar of a photo that was looked at; the same photo gives the same bytes."""
    trees = sorted({tree_of(box.info) for box in photo.boxes}) or [(TOP, BLANK)]
    trees += sorted({(*KEYWORDS, clean(box.individual)) for box in photo.boxes if box.individual})
    words = list(dict.fromkeys(word for tree in trees for word in tree))
    lines = [
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>',
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/" {MARK}>',
        ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
        '  <rdf:Description rdf:about=""',
        *(f"    xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in _NAMESPACES.items()),
    ]
    lines[-1] += ">"
    lines += _bag("dc:subject", words)
    lines += _bag("lr:hierarchicalSubject", ("|".join(tree) for tree in trees))
    lines += _regions(photo)
    lines += ["  </rdf:Description>", " </rdf:RDF>", "</x:xmpmeta>", '<?xpacket end="w"?>']
    return "\n".join([*lines, ""]).encode()


def clean(text: str) -> str:
    """``text`` as XML and a keyword can hold it: what they can't becomes ``_``."""
    return _FORBIDDEN.sub("_", text).strip()


def _bag(name: str, items: Iterable[str]) -> list[str]:
    inner = [f"     <rdf:li>{escape(item)}</rdf:li>" for item in items]
    return [f"   <{name}>", "    <rdf:Bag>", *inner, "    </rdf:Bag>", f"   </{name}>"]


def _regions(photo: ExportPhoto) -> list[str]:
    if not (photo.boxes and photo.width and photo.height):
        return []
    width, height = upright_size(photo.width, photo.height, photo.orientation)  # back to how it is stored
    return [
        '   <mwg-rs:Regions rdf:parseType="Resource">',
        f'    <mwg-rs:AppliedToDimensions stDim:w="{width}" stDim:h="{height}" stDim:unit="pixel"/>',
        "    <mwg-rs:RegionList>",
        "     <rdf:Bag>",
        *(line for box in photo.boxes for line in _region(box, photo.orientation)),
        "     </rdf:Bag>",
        "    </mwg-rs:RegionList>",
        "   </mwg-rs:Regions>",
    ]


def _region(box: ExportBox, orientation: int) -> list[str]:
    x, y, w, h = stored_xywhn((box.x, box.y, box.w, box.h), orientation)
    sure = "a person" if box.by_person else f"{box.confidence:.2f}"
    name = tree_of(box.info)[-1]
    if box.individual:  # regions are for the names of persons and pets
        name, sure = clean(box.individual), f"{name}, {sure}"
    # The guidelines know the types Face, Pet, Focus and BarCode; people's boxes are no faces.
    kind = ["       <mwg-rs:Type>Pet</mwg-rs:Type>"] if box.info.kind in _WILD else []
    return [
        '      <rdf:li rdf:parseType="Resource">',
        f'       <mwg-rs:Area stArea:x="{x + w / 2:.6f}" stArea:y="{y + h / 2:.6f}"'
        f' stArea:w="{w:.6f}" stArea:h="{h:.6f}" stArea:unit="normalized"/>',
        f"       <mwg-rs:Name>{escape(name)}</mwg-rs:Name>",
        *kind,
        f"       <mwg-rs:Description>{escape(sure)}</mwg-rs:Description>",
        "      </rdf:li>",
    ]
