"""What is fuzzed: each target takes bytes and must answer, or refuse with an error made for people.

``python -m tests.fuzz NAME`` runs one for as long as you like; tests/unit/test_fuzz.py runs all for a moment.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from tests.helpers import bad_files
from tests.helpers.library import Photo, make_library
from trailcam.errors import TrailcamError
from trailcam.imports.camtrap_dp import import_camtrap_dp
from trailcam.imports.coco import import_coco
from trailcam.imports.labels import LabelOptions
from trailcam.imports.megadetector import import_megadetector
from trailcam.imports.stations_csv import read_stations
from trailcam.media.capture_time import NO_TIMES, readings
from trailcam.media.exif import UnreadableImageError, read_header
from trailcam.media.time_in_name import parse_file_name
from trailcam.review.answers import read_answers
from trailcam.settings.config import load
from trailcam.static_boxes.static_answers import read_static
from trailcam.store.database import Database
from trailcam.store.invariants import broken
from trailcam.strip.parse import find_stamp, find_temperature
from trailcam.words.dates import parse_date
from trailcam.words.months import format_months, parse_months
from trailcam.words.span import parse_duration
from trailcam.words.text import printable


@dataclass(frozen=True)
class Target:
    """``check`` raises nothing, whatever the bytes; ``seeds`` are bytes to begin with."""

    check: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


@cache
def _folder() -> Path:
    """A folder for this process, in memory where there is such a place."""
    memory = Path("/dev/shm")
    made = tempfile.mkdtemp(prefix="trailcam-fuzz-", dir=memory if memory.is_dir() else None)
    return Path(made)


def _file(data: bytes, name: str) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


@cache
def _database() -> Database:
    folder = _folder() / "library"
    folder.mkdir()
    photos = [Photo(f"{n}.jpg", f"2024-11-0{n} 06:00", size=(640, 480)) for n in range(1, 6)]
    return make_library(folder, photos, {"1.jpg": [("doe", 0.9)]}).database


def _refusing(error: TrailcamError) -> None:
    """An error's words are for a terminal."""
    _shown(error.message)
    _shown(error.hint)


def _shown(text: str) -> None:
    assert all(printable(line) == line for line in text.split("\n")), text


def exif(data: bytes) -> None:
    try:
        header = read_header(_file(data, "photo.jpg"))
    except UnreadableImageError as error:
        _shown(error.message)
        return
    assert 1 <= header.orientation <= 8
    assert header.latitude is None or -90 <= header.latitude <= 90
    assert header.longitude is None or -180 <= header.longitude <= 180
    for text in (header.make, header.model, header.serial):
        assert text is None or printable(text) == text
    for time in readings(header.times, "photo.jpg", datetime(2026, 1, 1)):
        assert time.at is not None


def names(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    found = parse_file_name(text)
    assert found is None or 1900 <= found.at.year <= 2099
    for reading in readings(NO_TIMES, text, datetime(2026, 1, 1)):
        assert found is not None
        assert reading.at == found.at


def strips(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    stamp = find_stamp(text)
    if stamp is not None:
        assert stamp.orders
        assert all(stamp.when(order) is not None for order in stamp.orders)
    temperature = find_temperature(text)
    assert temperature is None or -60 <= temperature <= 70


def months(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for parse in (parse_months, parse_duration, parse_date):
        try:
            found = parse(text)
        except TrailcamError as error:
            _refusing(error)
            continue
        if isinstance(found, tuple):
            assert len(set(found)) == len(found) > 0
            assert set(found) <= set(range(1, 13))
            assert parse_months(format_months(found)) == found
        if isinstance(found, timedelta):
            assert found > timedelta(0)


def config(data: bytes) -> None:
    try:
        load(_file(data, "config.toml"), {}, {})
    except TrailcamError as error:
        _refusing(error)


def stations(data: bytes) -> None:
    try:
        read_stations(_file(data, "stations.csv"))
    except TrailcamError as error:
        _refusing(error)


def answers(data: bytes) -> None:
    try:
        read_answers(_file(data, "answers.json"))
    except TrailcamError as error:
        _refusing(error)


def static_answers(data: bytes) -> None:
    try:
        read_static(_file(data, "static.json"))
    except TrailcamError as error:
        _refusing(error)


def megadetector(data: bytes) -> None:
    try:
        import_megadetector(_database(), _file(data, "md.json"), rules={})
    except TrailcamError as error:
        _refusing(error)
    _sound()


def coco(data: bytes) -> None:
    try:
        import_coco(_database(), _file(data, "coco.json"), LabelOptions({}, "Ann"))
    except TrailcamError as error:
        _refusing(error)
    _sound()


def camtrap_dp(data: bytes) -> None:
    try:
        import_camtrap_dp(_database(), _file(data, "package.zip"), LabelOptions({}))
    except TrailcamError as error:
        _refusing(error)
    _sound()


def camtrap_tables(data: bytes) -> None:
    """The tables inside of a package: of a ZIP file, mutations see little but its checksums."""
    media, _, observations = data.partition(b"\n---\n")
    camtrap_dp(package(media, observations))


def _sound() -> None:
    with _database().read() as db:
        assert not broken(db)


def package(media: bytes, observations: bytes) -> bytes:
    """A Camtrap DP package with these tables."""
    names = ("deployments", "media", "observations")
    resources = [{"name": name, "path": f"{name}.csv"} for name in names]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("datapackage.json", json.dumps({"resources": resources}))
        archive.writestr("deployments.csv", "deploymentID\nd1\n")
        archive.writestr("media.csv", media)
        archive.writestr("observations.csv", observations)
    return buffer.getvalue()


def _photos() -> list[bytes]:
    return [file.content for file in bad_files.corpus() if file.kind.startswith(("EXIF", "whole", "16", "a"))]


_MD = {
    "info": {"format_version": "1.6", "detector": "md"},
    "detection_categories": {"1": "animal", "2": "person"},
    "classification_categories": {"0": "doe"},
    "images": [
        {
            "file": "Hayfield/1.jpg",
            "detections": [
                {
                    "category": "1",
                    "conf": 0.9,
                    "bbox": [0.1, 0.1, 0.2, 0.2],
                    "classifications": [["0", 0.8]],
                }
            ],
        },
        {"file": "Hayfield/2.jpg", "failure": "cut off", "detections": None},
    ],
}
_COCO = {
    "info": {"version": "1"},
    "images": [{"id": "a", "file_name": "Hayfield/1.jpg", "width": 640, "height": 480}],
    "categories": [{"id": 0, "name": "empty"}, {"id": 1, "name": "doe"}],
    "annotations": [{"id": "x", "image_id": "a", "category_id": 1, "bbox": [10, 10, 50, 50]}],
}
_MEDIA = (
    b"mediaID,deploymentID,timestamp,filePath,filePublic,fileMediatype\n"
    b"m1,d1,2024-11-01T06:00:00-0600,Hayfield/1.jpg,true,image/jpeg\n"
)
_OBSERVATIONS = (
    b"observationID,deploymentID,mediaID,observationLevel,observationType,scientificName,classificationMethod,"
    b"classifiedBy,bboxX,bboxY,bboxWidth,bboxHeight\n"
    b"o1,d1,m1,media,animal,Odocoileus virginianus,human,Ann,0.1,0.1,0.2,0.2\n"
)
_STATIC = {
    "format": "trailcam static",
    "version": 1,
    "page": "0123456789abcdef",
    "library": "0123456789abcdef",
    "made_at": "2026-11-24T05:06:07.890Z",
    "author": "Ann",
    "answers": [
        {
            "place": 1,
            "station_id": 1,
            "camera": "H600",
            "box": [0.1, 0.1, 0.2, 0.2],
            "based_on": None,
            "is_thing": True,
            "decided_at": "2026-11-24T05:06:07.890Z",
        },
    ],
    "areas": [
        {"station_id": 1, "points": [[0, 0], [1, 0], [1, 1]], "decided_at": "2026-11-24T05:06:07.890Z"},
    ],
}
_EXAMPLE = Path(__file__).resolve().parents[2] / "configs" / "example.toml"

TARGETS = {
    "exif": Target(exif, _photos),
    "names": Target(
        names,
        lambda: [b"Sanctuary2_20251109_075312_001.jpg", b"2024-11-03 06.10.00.JPG", b"IMG_20241103061000"],
    ),
    "strips": Target(
        strips,
        lambda: [
            b"270 JASON 024F -04C 01/21/2025 04:16:06",
            b"3 Nov 2024 6:10 PM 45\xc2\xb0F",
            b"2024-11-03 06:10",
        ],
    ),
    "months": Target(months, lambda: [b"9-1", b"sep-jan,3", b"1h30m", b"2024-11-03T17:15"]),
    "config": Target(
        config,
        lambda: [_EXAMPLE.read_bytes(), b'[classes]\nbuck = "mature"\n[stations.A]\ntimezone = "UTC"\n'],
    ),
    "stations": Target(
        stations, lambda: [b"station,latitude,longitude,timezone\nHayfield,30.2,-97.7,America/Chicago\n"]
    ),
    "answers": Target(answers, lambda: [b'{"trailcam_review": 1, "answers": []}']),
    "static": Target(static_answers, lambda: [json.dumps(_STATIC).encode()]),
    "megadetector": Target(megadetector, lambda: [json.dumps(_MD).encode()]),
    "coco": Target(coco, lambda: [json.dumps(_COCO).encode()]),
    "camtrap-dp": Target(camtrap_dp, lambda: [package(_MEDIA, _OBSERVATIONS)]),
    "camtrap-tables": Target(camtrap_tables, lambda: [_MEDIA + b"\n---\n" + _OBSERVATIONS]),
}
