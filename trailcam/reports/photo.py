"""``show``: one photo, with all that is known of it and from where."""

from __future__ import annotations

import json
from typing import Any

from trailcam.domain import TimeSource
from trailcam.geometry import upright_size
from trailcam.reports.base import CellType, Column, Report, Row, Section
from trailcam.reports.visits import moon_of
from trailcam.selection import Selection
from trailcam.store.correct_photo import boxes_of, hidden_of
from trailcam.store.corrections import ShownBox
from trailcam.store.database import Connection
from trailcam.store.name_photo import names_on
from trailcam.store.paths import from_db
from trailcam.store.photo_facts import photo_facts, photo_times
from trailcam.store.select import select
from trailcam.words.text import printable

_BOXES = (
    Column("box", "box", CellType.COUNT),
    Column("class", "class", CellType.TEXT, wraps=True),
    Column("kind", "kind", CellType.TEXT),
    Column("age_class", "age", CellType.TEXT),
    Column("confidence", "conf.", CellType.NUMBER),
    Column("counts", "counts", CellType.FLAG),
    Column("by_person", "correction", CellType.FLAG),
    *(Column(name, name, CellType.NUMBER, spare=n) for n, name in enumerate("xywh")),
    Column("class_probability", "class prob.", CellType.NUMBER, spare=4),
    Column("individual", "name", CellType.TEXT),
    Column("frame_s", "at second", CellType.NUMBER),
)
_FACTS = (Column("name", "what", CellType.TEXT), Column("value", "value", CellType.TEXT, wraps=True))
_TIMES = (
    Column("source", "source", CellType.TEXT),
    Column("at", "time", CellType.TEXT),
    Column("chosen", "chosen", CellType.FLAG),
    Column("counts", "may be chosen", CellType.FLAG),
    Column("confidence", "conf.", CellType.NUMBER),
    Column("suspect", "doubt", CellType.TEXT),
    Column("reason", "reason", CellType.TEXT),
)
# In the order in which they are shown; heading and unit for people.
_NOTES = {
    "trigger_mode": ("trigger", ""),
    "camera_event": ("trigger number", ""),
    "burst": ("photo of burst", ""),
    "temperature_c": ("temperature", " °C"),
    "temperature_f": ("temperature", " °F"),
    "moon_phase": ("moon", ""),
    "infrared": ("illuminator", ""),
    "battery_v": ("battery", " V"),
    "camera_label": ("camera's label", ""),
    "maker_note": ("maker note", ""),
}


def photo_report(db: Connection, image_id: int) -> Report:
    """Rows are the boxes, numbered as ``trailcam correct`` numbers them; then facts, then times.

    x, y, w and h are 0..1 of the upright photo, from its top left. A box that a model stored below what
    counts has ``counts`` False. ``frame_s`` is when in a video it was seen. ``individual`` is what people
    call the buck. Times are the camera's clock.
    """
    shown, faint = boxes_of(db, image_id)
    names = names_on(db, image_id)
    with select(db, Selection()) as photos:
        facts = photo_facts(photos, image_id)
    readings = photo_times(db, image_id)
    times = [
        {
            **{name: row[name] for name in ("source", "counts", "confidence", "suspect", "reason")},
            "at": row["value"].isoformat(sep=" ") if row["value"] else None,
            "chosen": row["source"] == facts["captured_at_source"],
        }
        for row in readings
    ]
    return Report(
        name="photo",
        title=printable(from_db(facts["path"])),
        filters={"image": image_id},
        coverage={"photos": 1},
        columns=_BOXES,
        rows=[
            _box(n, box, counts=n <= len(shown)) | {"individual": names.get(n)}
            for n, box in enumerate((*shown, *faint), 1)
        ],
        notes=[_standing(facts, bool(shown)), *hidden_of(db, image_id)],
        sections=(
            Section("facts", "Photo", _FACTS, [*_facts(facts), *_of_strip(readings), *_sky(facts)]),
            Section("times", "Times that were read", _TIMES, times),
        ),
    )


def _box(number: int, box: ShownBox, *, counts: bool) -> Row:
    return {
        "box": number,
        "class": box.info.name,
        "kind": box.info.kind.value,
        "age_class": box.info.age_class.value if box.info.age_class else None,
        "confidence": None if box.by_person else round(box.confidence, 4),
        "counts": counts,
        "by_person": box.by_person,
        **{name: round(side, 4) for name, side in zip("xywh", box[2:6], strict=True)},
        "class_probability": None if box.class_probability is None else round(box.class_probability, 4),
        "frame_s": None if box.frame_s is None else round(box.frame_s, 2),
    }


def _standing(facts: Row, any_counts: bool) -> str:
    """What an empty list of boxes means: nothing there, or never looked."""
    if facts["status"] == "failed":
        return f"It failed ({facts['error_code']}: {printable(facts['error_message'] or '')})."
    if facts["status"] == "pending":
        return "It was not looked at yet: `trailcam detect` does."
    if facts["status"] == "missing":
        return "The file is gone; what is known about it is kept."
    return "Boxes that count are in every report." if any_counts else "Looked at, and nothing counts: blank."


def _facts(facts: Row) -> list[Row]:
    at, unknown = facts["captured_at"], facts["captured_at_source"] == TimeSource.UNKNOWN
    size = None
    if facts["width"] and facts["height"]:
        size = "{} x {} px".format(*upright_size(facts["width"], facts["height"], facts["orientation"]))
    told: dict[str, Any] = {
        "number": facts["image_id"],
        "file": f"{from_db(facts['root_path'])}/{from_db(facts['path'])}",
        "station": from_db(facts["station"]),
        "status": facts["status"],
        "looked at by": f"{facts['weights_name']} (run {facts['run_id']})" if facts["run_id"] else None,
        "captured at": "unknown" if unknown or at is None else at.isoformat(sep=" "),
        "known from": None if unknown else f"{facts['captured_at_source']} ({facts['captured_at_reason']})",
        "doubt": facts["captured_at_suspect"],
        "camera": " ".join(facts[name] for name in ("make", "model", "serial") if facts[name]),
        "size": size,
        **_film(facts),
        "of the same trigger": facts["same_trigger"]
        and f"{'photo' if facts['is_video'] else 'video'} {facts['same_trigger']}",
    }
    rows = [{"name": name, "value": printable(str(value))} for name, value in told.items() if value]
    return [*rows, *_noted(facts)]


def _film(facts: Row) -> dict[str, str | None]:
    """What is known of a video's length, and which of its frames were looked at."""
    if not facts["is_video"]:
        return {}
    rate = f", {facts['frame_rate']:.4g} frames/s" if facts["frame_rate"] else ""
    length = f"{facts['duration_s']:.1f} s{rate}" if facts["duration_s"] else None
    frames = facts["frames"] or ()
    seen = f"{', '.join(f'{at_s:.1f}' for at_s in frames)} s" if frames else None
    return {"length": length, "codec": facts["codec"], "frames looked at": seen}


def _of_strip(readings: list[Row]) -> list[Row]:
    """The temperature that the strip shows beside its time."""
    for row in readings:
        if row["source"] == TimeSource.STRIP and row["detail"]:
            celsius = json.loads(row["detail"]).get("temperature_c")
            if celsius is not None:
                value = f"{celsius:.0f} °C ({celsius * 9 / 5 + 32:.0f} °F)"
                return [{"name": "temperature in the strip", "value": value}]
    return []


def _sky(facts: Row) -> list[Row]:
    """The moon of that night by the almanac."""
    at = facts["captured_at"]
    return [{"name": "moon that night", "value": moon_of(at, {})}] if at else []


def _noted(facts: Row) -> list[Row]:
    """What the camera's maker note says."""
    position, length = facts["sequence_position"], facts["sequence_length"]
    lit = {True: "lit", False: "not lit", None: None}[facts["infrared"]]
    told = {**facts, "burst": f"{position} of {length}" if position else None, "infrared": lit}
    return [
        {"name": heading, "value": printable(f"{told[name]}{unit}")}
        for name, (heading, unit) in _NOTES.items()
        if told[name] is not None
    ]
