"""SpeciesNet's ``predictions.json``, entry by entry in the form of MegaDetector's batch output.

The detector's boxes stay as they are. The ensemble's final answer is one for the whole photo: it becomes the
classification of each animal box, unless it is no species at all (blank, animal, human, vehicle, unknown).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trailcam.imports.reading import Malformed, as_list, as_text
from trailcam.settings.classmap import fold

CATEGORIES = {"1": "animal", "2": "person", "3": "vehicle"}
_ANIMAL = "1"
_NO_SPECIES = frozenset({"blank", "animal", "human", "vehicle", "unknown", "no cv result"})


def common_name(label: str) -> str:
    """The last of the seven fields of a label: its common name."""
    return label.rpartition(";")[2].strip() or label


def as_batch_entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """One prediction as an element of ``images``. Raises Malformed.

    Classifications name the whole label as their id. A photo that the detector failed on is a failure; one
    that it never saw (a classifier alone ran) has no boxes to import.
    """
    entry: dict[str, Any] = {"file": row.get("filepath")}
    failures = [str(part) for part in as_list(row.get("failures") or [], "failures")]
    if row.get("detections") is None:
        if not failures:
            raise Malformed("detections", "are missing: only a classifier has looked at it")
        return entry | {"failure": f"SpeciesNet: {', '.join(failures)}", "detections": None}
    entry["detections"] = [
        dict(d) if isinstance(d, dict) else d for d in as_list(row["detections"], "detections")
    ]
    answer = row.get("prediction")
    if answer is not None and fold(common_name(as_text(answer, "prediction"))) not in _NO_SPECIES:
        score = row.get("prediction_score")
        for detection in entry["detections"]:
            if isinstance(detection, dict) and str(detection.get("category")) == _ANIMAL:
                detection["classifications"] = [[answer, 1.0 if score is None else score]]
    return entry
