"""What a model's file says of the model, for people. Imports no torch, and runs nothing of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailcam.detect.model.input_size import read_outline
from trailcam.words.text import printable

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 600


def read_about(weights: Path) -> str | None:
    """The text ``meta.about`` of a two-stage file; None where a file says nothing of itself."""
    if weights.suffix.lower() != ".pt" or not weights.is_file():
        return None
    try:
        text = read_outline(weights)["meta"]["about"]
    except Exception:  # noqa: BLE001 - another kind of file, or a damaged one: who loads it says so
        return None
    return printable(text[:_LONGEST]) if isinstance(text, str) and text.strip() else None
