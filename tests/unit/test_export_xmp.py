"""XMP sidecars: well-formed, in the words photo managers read, and never over anything of another's."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.conftest import Cli
from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from trailcam.domain import AgeClass, ClassInfo, Kind, Status
from trailcam.errors import OutputError
from trailcam.export.summary import Summary
from trailcam.export.xmp import export_xmp
from trailcam.export.xmp_packet import packet, tree_of
from trailcam.geometry import stored_xywhn
from trailcam.selection import Selection
from trailcam.store import export_rows as store
from trailcam.store.corrections import JudgedBox, Judgement, record

NS = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
}
PHOTOS = (
    Photo("1.jpg", "2024-11-03 06:10", size=(640, 480)),
    Photo("2.jpg", "2024-11-03 06:12", size=(640, 480)),
    Photo("3.jpg", None, "Tin & Man"),
    Photo("4.jpg", "2024-11-04 06:12"),
    Photo("5.jpg", "2024-11-04 06:12", error_code="truncated"),
)
SEEN = {"1.jpg": [("mature", 0.9), ("doe", 0.8)], "2.jpg": [], "3.jpg": [("person", 0.7)]}
BOX = (0.125, 0.25, 0.5, 0.25)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make_library(tmp_path, PHOTOS, SEEN)


def export(library: Library, target: Path, *, full_names: bool = False) -> Summary:
    return export_xmp(library.database, Selection(), target, None, full_names=full_names)


def read(source: Path | bytes) -> ET.Element:
    """The one description in a packet, which must be well-formed."""
    content = source if isinstance(source, bytes) else source.read_bytes()
    (description,) = ET.fromstring(content.decode("utf-8")).findall("rdf:RDF/rdf:Description", NS)
    return description


def bag(description: ET.Element, name: str) -> list[str | None]:
    return [item.text for item in description.findall(f"{name}/rdf:Bag/rdf:li", NS)]


def name(prefixed: str) -> str:
    prefix, _, local = prefixed.partition(":")
    return f"{{{NS[prefix]}}}{local}"


def photo(info: ClassInfo, *, path: str = "a.jpg", orientation: int = 1) -> store.ExportPhoto:
    """A photo of 640 x 480 px upright with one box."""
    box = store.ExportBox(info, 0.9, *BOX)
    facts = (0, 1, "photos", "/photos", path, "Hayfield", None, "unknown", None, Status.COMPLETED, None, None)
    return store.ExportPhoto(*facts, 640, 480, None, None, None, 1, False, (box,), orientation)


def test_keywords_and_their_tree(library: Library, tmp_path: Path) -> None:
    summary = export(library, tmp_path / "x")
    found = read(tmp_path / "x" / "Hayfield" / "1.xmp")
    assert bag(found, "lr:hierarchicalSubject") == ["trailcam|deer|buck|mature", "trailcam|deer|doe"]
    assert bag(found, "dc:subject") == ["trailcam", "deer", "buck", "mature", "doe"]
    assert bag(read(tmp_path / "x" / "Hayfield" / "2.xmp"), "lr:hierarchicalSubject") == ["trailcam|blank"]
    assert bag(read(tmp_path / "x" / "Tin & Man" / "3.xmp"), "dc:subject") == ["trailcam", "person"]
    assert (summary.photos, summary.boxes, summary.blanks, summary.not_looked_at) == (3, 3, 1, 2)
    assert sum(path.is_file() for path in (tmp_path / "x").rglob("*")) == 3


def test_regions_are_centres_and_sides(library: Library, tmp_path: Path) -> None:
    export(library, tmp_path / "x")
    found = read(tmp_path / "x" / "Hayfield" / "1.xmp")
    size = found.find("mwg-rs:Regions/mwg-rs:AppliedToDimensions", NS)
    assert size is not None
    assert size.attrib == {name("stDim:w"): "640", name("stDim:h"): "480", name("stDim:unit"): "pixel"}
    first, second = found.findall("mwg-rs:Regions/mwg-rs:RegionList/rdf:Bag/rdf:li", NS)
    area = first.find("mwg-rs:Area", NS)
    assert area is not None
    assert area.attrib == {
        name("stArea:x"): "0.437500",
        name("stArea:y"): "0.375000",
        name("stArea:w"): "0.375000",
        name("stArea:h"): "0.250000",
        name("stArea:unit"): "normalized",
    }
    assert [first.findtext(f"mwg-rs:{part}", None, NS) for part in ("Name", "Type", "Description")] == [
        *("mature", "Pet", "0.90"),
    ]
    assert second.findtext("mwg-rs:Name", None, NS) == "doe"
    blank = read(tmp_path / "x" / "Hayfield" / "2.xmp")
    assert blank.find("mwg-rs:Regions", NS) is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_regions_lie_on_the_pixels_as_stored(orientation: int) -> None:
    """Pillow turns the stored picture upright: what is painted at the region must land in the box."""
    found = read(packet(photo(WHITETAIL[3], orientation=orientation)))
    size = found.find("mwg-rs:Regions/mwg-rs:AppliedToDimensions", NS)
    area = found.find("mwg-rs:Regions/mwg-rs:RegionList/rdf:Bag/rdf:li/mwg-rs:Area", NS)
    assert size is not None
    assert area is not None
    width, height = int(size.attrib[name("stDim:w")]), int(size.attrib[name("stDim:h")])
    x, y, w, h = (float(area.attrib[name(f"stArea:{side}")]) for side in "xywh")
    stored = Image.new("L", (width, height))
    left, top = round((x - w / 2) * width), round((y - h / 2) * height)
    stored.paste(255, (left, top, left + round(w * width), top + round(h * height)))
    stored.getexif()[0x0112] = orientation
    upright = ImageOps.exif_transpose(stored)
    assert upright.size == (640, 480)
    box = [side * whole for side, whole in zip(BOX, (640, 480, 640, 480), strict=True)]
    assert upright.getbbox() == (box[0], box[1], box[0] + box[2], box[1] + box[3])


@given(st.tuples(*[st.floats(0, 0.5)] * 2, *[st.floats(0.01, 0.5)] * 2), st.integers(1, 8))
def test_turning_a_box_keeps_it_inside(box: tuple[float, float, float, float], orientation: int) -> None:
    x, y, w, h = stored_xywhn(box, orientation)
    assert min(x, y) >= -1e-9
    assert max(x + w, y + h) <= 1 + 1e-9
    assert sorted((w, h)) == sorted(box[2:])


@pytest.mark.parametrize(
    ("info", "tree"),
    [
        (ClassInfo(0, "shooter", Kind.BUCK, AgeClass.MATURE), "trailcam|deer|buck|mature|shooter"),
        (ClassInfo(0, "buck", Kind.BUCK, AgeClass.UNKNOWN), "trailcam|deer|buck"),
        (ClassInfo(0, "Deer", Kind.DEER), "trailcam|deer"),
        (ClassInfo(0, "coyote", Kind.ANIMAL), "trailcam|animal|coyote"),
        (ClassInfo(0, "UTV", Kind.VEHICLE), "trailcam|vehicle|UTV"),
        (ClassInfo(0, "x|y", Kind.OTHER), "trailcam|other|x_y"),
    ],
)
def test_classes_as_trees(info: ClassInfo, tree: str) -> None:
    assert "|".join(tree_of(info)) == tree


@given(st.text(st.characters(), max_size=20))
@example("]]><evil/>&\"'")
@example("\x00\x1b\ufffe\ud800")
@example("a|b;c")
def test_any_class_name_gives_well_formed_xml(text: str) -> None:
    found = read(packet(photo(ClassInfo(0, text, Kind.ANIMAL))))
    (tree,) = bag(found, "lr:hierarchicalSubject")
    assert tree is not None
    assert tree.split("|")[:2] == ["trailcam", "animal"]
    assert tree.count("|") <= 2


def test_a_correction_is_in_it(library: Library, tmp_path: Path) -> None:
    young = JudgedBox(WHITETAIL[1], *BOX)
    with library.database.write() as db:
        judgement = Judgement(library.ids["4.jpg"], (young,), True, datetime(2025, 1, 1))
        record(db, [judgement], author="Ann", source="test")
    export(library, tmp_path / "x")
    found = read(tmp_path / "x" / "Hayfield" / "4.xmp")
    assert bag(found, "lr:hierarchicalSubject") == ["trailcam|deer|buck|young"]


def test_anothers_sidecar_stays_and_ours_is_brought_up_to_date(library: Library, tmp_path: Path) -> None:
    export(library, tmp_path / "x")
    foreign = tmp_path / "x" / "Hayfield" / "1.xmp"
    edited = foreign.read_text("utf-8").replace('x:xmptk="trailcam"', 'x:xmptk="Adobe XMP Core"')
    foreign.write_text(edited, "utf-8")
    untouched = tmp_path / "x" / "Tin & Man" / "3.xmp"
    before = untouched.stat()
    library.detect({"2.jpg": [("doe", 0.9)]}, key="other")
    summary = export(library, tmp_path / "x")
    assert foreign.read_text("utf-8") == edited
    assert bag(read(tmp_path / "x" / "Hayfield" / "2.xmp"), "lr:hierarchicalSubject") == ["trailcam|deer|doe"]
    assert (untouched.stat().st_mtime_ns, untouched.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert (summary.photos, summary.already_there) == (2, 1)
    assert any("1 sidecar of other programs left alone" in note for note in summary.notes)


def test_a_link_is_not_followed_to_what_it_hides(library: Library, tmp_path: Path) -> None:
    original = tmp_path / "original.jpg"
    original.write_bytes(b"")
    (tmp_path / "x" / "Hayfield").mkdir(parents=True)
    (tmp_path / "x" / "Hayfield" / "1.xmp").symlink_to(original)
    with pytest.raises(OutputError, match="outside"):
        export(library, tmp_path / "x")
    assert original.read_bytes() == b""


def test_beside_the_photos_nothing_but_sidecars_is_written(library: Library, tmp_path: Path) -> None:
    picture = library.root / "Hayfield" / "1.jpg"
    picture.parent.mkdir()
    picture.write_bytes(b"photo")
    export(library, library.root)
    assert picture.read_bytes() == b"photo"
    assert {path.name for path in picture.parent.iterdir()} == {"1.jpg", "1.xmp", "2.xmp"}


def test_photos_that_share_a_name_have_a_sidecar_each(tmp_path: Path) -> None:
    names = ["a.jpg", "a.png", "A.JPG", "b.jpg", "con.jpg", "..x.jpg"]
    library = make_library(tmp_path, [Photo(n) for n in names], {n: [] for n in names})
    summary = export(library, tmp_path / "x")
    found = sorted(path.name for path in (tmp_path / "x" / "Hayfield").iterdir())
    assert summary.photos == len(found) == 6
    assert "a.png.xmp" in found
    assert "b.xmp" in found
    assert sum(bool(re.fullmatch(r"a\.jpg-[0-9a-f]{10}\.xmp", n, re.IGNORECASE)) for n in found) == 2
    assert sum(n.startswith("_con-") for n in found) == 1
    assert len({n.casefold() for n in found}) == 6
    again = export(library, tmp_path / "y", full_names=True)
    assert again.photos == 6
    assert (tmp_path / "y" / "Hayfield" / "b.jpg.xmp").is_file()


def test_as_a_command(cli: Cli, library: Library, tmp_path: Path) -> None:
    done = cli("export", "xmp", "--db", library.database.path, "-o", "x", "--full-names")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "3 photos, 3 boxes, 1 blank" in done.stderr
    assert "2 photos have no result" in done.stderr
    assert (tmp_path / "x" / "Hayfield" / "1.jpg.xmp").is_file()
