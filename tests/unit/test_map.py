"""docs/map.md names every folder, and no file that isn't there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "trailcam"
MAP = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([a-z_/]+(?:\.py|/))`", MAP))


def test_every_folder_and_loose_module_is_on_the_map() -> None:
    folders = {
        f"{path.parent.relative_to(PACKAGE)}/"
        for path in PACKAGE.rglob("__init__.py")
        if path.parent != PACKAGE
    }
    loose = {path.name for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")}
    on_the_map = {name for name in NAMED if name.endswith("/")} | {name.split("/")[0] for name in NAMED}
    assert {name for name in folders | loose if name not in on_the_map and name != "detect/"} == set()


def test_what_the_map_names_is_there() -> None:
    """A bare file name stands for one in the folder of its row, or of the name before it."""
    names = {path.name for path in PACKAGE.rglob("*.py")}
    gone = {
        name
        for name in NAMED
        if not ((PACKAGE / name).exists() or (ROOT / name).exists() or ("/" not in name and name in names))
    }
    assert gone == set()
