"""Long queries lie in files of their own, in ``trailcam/store/queries``."""

from __future__ import annotations

import re
from pathlib import Path

_PART = re.compile(r"\{query:(\w+)\}")


def query(name: str) -> str:
    """The text of ``trailcam/store/queries/NAME.sql``. ``{query:PART}`` in it stands for that of PART."""
    text = (Path(__file__).parent / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    return _PART.sub(lambda part: query(part[1]).rstrip().removesuffix(";"), text)
