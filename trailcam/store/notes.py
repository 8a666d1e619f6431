"""Maker notes in the table ``images``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trailcam.domain import Image
from trailcam.store.columns import Column, degrees, integers, texts

NOTE_COLUMNS = (
    *("maker_note", "trigger_mode", "camera_event", "sequence_position", "sequence_length"),
    *("temperature_c", "temperature_f", "moon_phase", "infrared", "battery_v", "camera_label"),
)


TEMPERATURES = (
    " LEFT JOIN (SELECT image_id AS of_image,"
    " max(try_cast(json_extract_string(detail, '$.temperature_c') AS DOUBLE)) AS strip_c"
    " FROM time_readings WHERE source = 'strip' AND detail LIKE '%temperature_c%' GROUP BY image_id) strip"
    " ON strip.of_image = i.image_id"
)
"""To be joined to ``images i``: ``strip_c`` is the temperature that a strip shows."""
TEMPERATURE = "coalesce(i.temperature_c::DOUBLE, strip.strip_c)"
"""Degrees Celsius, of the maker note, else of the strip; needs :data:`TEMPERATURES`."""


def note_columns(images: Sequence[Image]) -> dict[str, Column]:
    """The columns of :data:`NOTE_COLUMNS` for ``images``, NULL where a photo has no note."""
    notes = [image.note for image in images]
    infrared = [note.infrared if note else None for note in notes]
    return {
        "maker_note": texts([note.layout if note else None for note in notes]),
        "trigger_mode": texts([note.trigger.value if note and note.trigger else None for note in notes]),
        "camera_event": integers([note.camera_event if note else None for note in notes], np.int64),
        "sequence_position": integers([note.sequence_position if note else None for note in notes], np.int16),
        "sequence_length": integers([note.sequence_length if note else None for note in notes], np.int16),
        "temperature_c": integers([note.temperature_c if note else None for note in notes], np.int16),
        "temperature_f": integers([note.temperature_f if note else None for note in notes], np.int16),
        "moon_phase": texts([note.moon_phase if note else None for note in notes]),
        "infrared": np.ma.masked_array(
            np.array([bool(lit) for lit in infrared], np.bool_), mask=[lit is None for lit in infrared]
        ),
        "battery_v": degrees([note.battery_v if note else None for note in notes]),
        "camera_label": texts([note.label if note else None for note in notes]),
    }
