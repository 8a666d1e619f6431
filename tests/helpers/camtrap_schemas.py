"""The three table schemas of Camtrap DP 1.0.2 as facts: every field, its type, what it must keep.

The published files (https://camtrap-dp.tdwg.org) say the same with explanations; here they are put down so
that validation needs no network. A field's line: its type and format, then "!" for required, "unique", limits
as "low..high", and the words of an enumeration with "|".
"""

from __future__ import annotations

from typing import Any

TIME = "datetime %Y-%m-%dT%H:%M:%S%z"
_FILE_PATH = r"^(?=^[^./~])(^((?!\.{2}).)*$).*$"
_MEDIA_TYPE = r"^(image|video|audio)/.*$"
_FEATURES = (
    "roadPaved|roadDirt|trailHiking|trailGame|roadUnderpass|roadOverpass|roadBridge|culvert|burrow|nestSite|"
    "carcass|waterSource|fruitingTree"
)

FIELDS: dict[str, dict[str, str]] = {
    "deployments": {
        "deploymentID": "string ! unique",
        "locationID": "string",
        "locationName": "string",
        "latitude": "number ! -90..90",
        "longitude": "number ! -180..180",
        "coordinateUncertainty": "integer 1..",
        "deploymentStart": f"{TIME} !",
        "deploymentEnd": f"{TIME} !",
        "setupBy": "string",
        "cameraID": "string",
        "cameraModel": "string",
        "cameraDelay": "integer 0..",
        "cameraHeight": "number 0..",
        "cameraDepth": "number 0..",
        "cameraTilt": "integer -90..90",
        "cameraHeading": "integer 0..360",
        "detectionDistance": "number 0..",
        "timestampIssues": "boolean",
        "baitUse": "boolean",
        "featureType": f"string {_FEATURES}",
        "habitat": "string",
        "deploymentGroups": "string",
        "deploymentTags": "string",
        "deploymentComments": "string",
    },
    "media": {
        "mediaID": "string ! unique",
        "deploymentID": "string !",
        "captureMethod": "string activityDetection|timeLapse",
        "timestamp": f"{TIME} !",
        "filePath": "string !",
        "filePublic": "boolean !",
        "fileName": "string",
        "fileMediatype": "string !",
        "exifData": "any",
        "favorite": "boolean",
        "mediaComments": "string",
    },
    "observations": {
        "observationID": "string ! unique",
        "deploymentID": "string !",
        "mediaID": "string",
        "eventID": "string",
        "eventStart": f"{TIME} !",
        "eventEnd": f"{TIME} !",
        "observationLevel": "string ! media|event",
        "observationType": "string ! animal|human|vehicle|blank|unknown|unclassified",
        "cameraSetupType": "string setup|calibration",
        "scientificName": "string",
        "count": "integer 1..",
        "lifeStage": "string adult|subadult|juvenile",
        "sex": "string female|male",
        "behavior": "string",
        "individualID": "string",
        "individualPositionRadius": "number 0..",
        "individualPositionAngle": "number -90..90",
        "individualSpeed": "number 0..",
        "bboxX": "number 0..1",
        "bboxY": "number 0..1",
        "bboxWidth": "number 1e-15..1",
        "bboxHeight": "number 1e-15..1",
        "classificationMethod": "string human|machine",
        "classifiedBy": "string",
        "classificationTimestamp": TIME,
        "classificationProbability": "number 0..1",
        "observationTags": "string",
        "observationComments": "string",
    },
}
_PATTERNS = {"filePath": _FILE_PATH, "fileMediatype": _MEDIA_TYPE}
_KEYS: dict[str, dict[str, Any]] = {
    "deployments": {"primaryKey": "deploymentID"},
    "media": {"primaryKey": "mediaID", "foreignKeys": ["deploymentID"]},
    "observations": {"primaryKey": "observationID", "foreignKeys": ["deploymentID", "mediaID"]},
}
_OWNERS = {"deploymentID": "deployments", "mediaID": "media"}


def schema(table: str) -> dict[str, Any]:
    """The table schema (Frictionless v1) of "deployments", "media" or "observations"."""
    keys = _KEYS[table]
    found: dict[str, Any] = {
        "fields": [_field(name, line) for name, line in FIELDS[table].items()],
        "missingValues": ["", "NA", "NaN", "nan"],
        "primaryKey": keys["primaryKey"],
    }
    if "foreignKeys" in keys:
        found["foreignKeys"] = [
            {"fields": key, "reference": {"resource": _OWNERS[key], "fields": key}}
            for key in keys["foreignKeys"]
        ]
    return found


def _field(name: str, line: str) -> dict[str, Any]:
    kind, *rest = line.split()
    field: dict[str, Any] = {"name": name, "type": kind}
    constraints: dict[str, Any] = {"required": "!" in rest}
    for word in rest:
        if word.startswith("%"):
            field["format"] = word
        elif word == "unique":
            constraints["unique"] = True
        elif ".." in word:
            low, _, high = word.partition("..")
            number = float if kind == "number" else int
            constraints |= {"minimum": number(low)} | ({"maximum": number(high)} if high else {})
        elif word != "!":
            constraints["enum"] = word.split("|")
    if name in _PATTERNS:
        constraints["pattern"] = _PATTERNS[name]
    return field | ({"constraints": constraints} if constraints != {"required": False} else {})
