"""Long queries lie in files of their own, in ``trailcam/store/queries``."""

from __future__ import annotations

from pathlib import Path


def query(name: str) -> str:
    """The text of ``trailcam/store/queries/NAME.sql``."""
    return (Path(__file__).parent / "queries" / f"{name}.sql").read_text(encoding="utf-8")
