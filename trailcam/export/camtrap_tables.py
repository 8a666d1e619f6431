"""The tables and the words of Camtrap DP 1.0.2, and how trailcam's fit into them; pure functions.

Standard: Camtrap DP 1.0.2 (TDWG, https://camtrap-dp.tdwg.org), its three table schemas.
"""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta, timezone
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

from trailcam.domain import AgeClass, ClassInfo, Kind, Trigger
from trailcam.media.file_kinds import JPEG_SUFFIXES
from trailcam.sun.sky import Observer, trusted_offset
from trailcam.words.text import printable

VERSION = "1.0.2"
BASE_URL = f"https://raw.githubusercontent.com/tdwg/camtrap-dp/{VERSION}"

DEPLOYMENTS = (
    *("deploymentID", "locationID", "locationName", "latitude", "longitude", "coordinateUncertainty"),
    *("deploymentStart", "deploymentEnd", "setupBy", "cameraID", "cameraModel", "cameraDelay"),
    *("cameraHeight", "cameraDepth", "cameraTilt", "cameraHeading", "detectionDistance"),
    *("timestampIssues", "baitUse", "featureType", "habitat", "deploymentGroups", "deploymentTags"),
    "deploymentComments",
)
MEDIA = (
    *("mediaID", "deploymentID", "captureMethod", "timestamp", "filePath", "filePublic", "fileName"),
    *("fileMediatype", "exifData", "favorite", "mediaComments"),
)
OBSERVATIONS = (
    *("observationID", "deploymentID", "mediaID", "eventID", "eventStart", "eventEnd"),
    *("observationLevel", "observationType", "cameraSetupType", "scientificName", "count", "lifeStage"),
    *("sex", "behavior", "individualID", "individualPositionRadius", "individualPositionAngle"),
    *("individualSpeed", "bboxX", "bboxY", "bboxWidth", "bboxHeight", "classificationMethod"),
    *("classifiedBy", "classificationTimestamp", "classificationProbability", "observationTags"),
    "observationComments",
)

_TYPES = {
    **dict.fromkeys(JPEG_SUFFIXES, "image/jpeg"),
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".heic": "image/heic",
    **dict.fromkeys((".heif", ".hif", ".heics"), "image/heif"),
    **dict.fromkeys((".mp4", ".m4v"), "video/mp4"),
    ".mov": "video/quicktime",
    ".avi": "video/x-msvideo",
    ".mkv": "video/x-matroska",
}
_PATH = re.compile(r"(?=[^./~])(?:(?!\.{2}).)*")  # what the schema asks of filePath
_SMALLEST = 1e-6  # of a box's side: a half of the last digit that exports keep


class Meaning(NamedTuple):
    """A class in Camtrap DP's words; "" where the standard has none or trailcam doesn't know."""

    type: str
    species: str
    life_stage: str
    sex: str
    tags: str


def meaning_of(info: ClassInfo) -> Meaning:
    """What a class of a model or a correction means.

    The model's own name and a buck's age class become tags (``class:NAME | ageClass:mature``). A class that
    no class map names is of the type unknown: it may be anything.
    """
    kind, age = info.kind, info.age_class
    known_age = age if age and age is not AgeClass.UNKNOWN else None
    tags = [f"class:{_tag(info.name)}"] + ([f"ageClass:{known_age}"] if known_age else [])
    species = printable(info.species or ("Homo sapiens" if kind is Kind.PERSON else ""))
    stage = {Kind.DOE: "adult", Kind.FAWN: "juvenile"}.get(kind, "")
    if kind is Kind.BUCK and known_age:
        stage = "subadult" if known_age is AgeClass.YOUNG else "adult"
    return Meaning(
        type={Kind.PERSON: "human", Kind.VEHICLE: "vehicle", Kind.OTHER: "unknown"}.get(kind, "animal"),
        species=species,
        life_stage=stage,
        sex={Kind.BUCK: "male", Kind.DOE: "female"}.get(kind, ""),
        tags=" | ".join(tags),
    )


def _tag(name: str) -> str:
    return printable(name).replace("|", "/").strip()


def capture_method(trigger: Trigger | None) -> str:
    """How a photo came about; "" where the camera doesn't say, or names what the standard has no word for."""
    words = {
        Trigger.MOTION: "activityDetection",
        Trigger.EXTERNAL: "activityDetection",
        Trigger.TIME_LAPSE: "timeLapse",
    }
    return words.get(trigger, "") if trigger else ""


def media_type(path: str) -> str:
    """The media type of a photo or video by its ending."""
    return _TYPES.get(PurePosixPath(path).suffix.lower(), "image/x-unknown")


def file_path(path: str) -> tuple[str, bool]:
    """A relative path as the standard allows it, and whether that took percent-encoding.

    Not allowed are a leading ``.``, ``/`` or ``~`` and ``..`` anywhere; nor does a CSV in UTF-8 hold names
    that aren't UTF-8.
    """
    if _PATH.fullmatch(path) and printable(path) == path:
        return path, False
    encoded = quote(os.fsencode(path), safe="/ ").replace("..", "%2E%2E")
    if encoded[0] in "./~":
        encoded = f"%{ord(encoded[0]):02X}{encoded[1:]}"
    return encoded, True


class Clock:
    """A station's clock: the camera's local time with the UTC offset that belongs to it, as ISO 8601."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def moment(self, at: datetime, offset_min: int | None, offset_sure: bool) -> datetime:
        """``at`` (the camera's clock) with its offset: what the file states, else that of the zone.

        An offset that is hours from the zone's and not ``offset_sure`` counts for nothing. The hour that
        occurs twice when summer time ends counts as its first pass.
        """
        offset_min = trusted_offset(at, Observer(zone=self._zone), offset_min, offset_sure=offset_sure)
        if offset_min is not None:
            return at.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
        return at.replace(tzinfo=self._zone)

    def text(self, at: datetime, offset_min: int | None, offset_sure: bool) -> str:
        """As :meth:`moment`, in whole seconds: ``2024-11-03T06:10:00-06:00``."""
        return written(self.moment(at, offset_min, offset_sure))


def written(moment: datetime) -> str:
    """An aware time as the standard has it, in whole seconds and minutes of offset."""
    return moment.isoformat(timespec="seconds")


def bounding_box(x: float, y: float, w: float, h: float) -> tuple[float, float, float, float]:
    """A box within 0..1 with sides above 0, as the schema demands; rounding may lead a hair outside."""
    left, top = min(max(x, 0.0), 1 - _SMALLEST), min(max(y, 0.0), 1 - _SMALLEST)
    right, bottom = min(x + w, 1.0), min(y + h, 1.0)
    sides = max(right - left, _SMALLEST), max(bottom - top, _SMALLEST)
    return round(left, 6), round(top, 6), round(sides[0], 6), round(sides[1], 6)
