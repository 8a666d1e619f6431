"""The layers of the program, read from its import statements, and what start-up may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "trailcam"

# Modules that stand on their own: they use each other and nothing above them.
BASE = {"errors", "domain", "geometry", "text", "months", "tables", "classmap", "selection", "root", "lock"}
# Beside those, each of these uses only itself.
SELF_CONTAINED = {"media", "config", "store", "samples"}
ULTRALYTICS_IN = {"detect.detector", "train.command"}
HEAVY_AT_START = {"torch", "torchvision", "duckdb", "ultralytics", "numpy", "PIL", "cv2"}
# A list of commands needs none of these, nor any command.
SLOW_AT_HELP = {"rich", "pydantic", "platformdirs", "trailcam.settings.config", "trailcam.cli.status"}


def imports_of(source: str, module: str, *, is_package: bool = False) -> set[str]:
    """Every module that a source imports, anywhere in it, by its full name."""
    found: set[str] = set()
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (start, node.module) if part)
            # In "from trailcam import text" the module is the name.
            found |= {f"{origin}.{alias.name}" for alias in node.names} if origin == "trailcam" else {origin}
    return found


def all_imports() -> dict[str, set[str]]:
    """Module below ``trailcam`` ("detect.pipeline", "store") -> what it imports."""
    table = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        full = f"trailcam.{name}".rstrip(".")
        table[name] = imports_of(path.read_text(encoding="utf-8"), full, is_package=is_package)
    return table


def allowed(module: str, imported: str) -> bool:
    """May ``module`` import ``imported``? Both are names below trailcam."""
    here, there = module.split(".")[0], imported.split(".")[0]
    if there in BASE or here == there or here in {"cli", "__main__"}:
        return True
    if here in BASE or here in SELF_CONTAINED:
        return False
    return there != "cli"


IMPORTS = all_imports()


def test_the_import_reader_sees_every_form() -> None:
    source = "import torch.nn\nfrom trailcam import text\nfrom .frame import F\n"
    source += "def late():\n    from ..store import x\n"
    found = imports_of(source, "trailcam.detect.pipeline.loop")
    assert found == {"torch.nn", "trailcam.words.text", "trailcam.detect.model.frame", "trailcam.store"}


@pytest.mark.parametrize(
    ("module", "imported", "verdict"),
    [
        ("cli.scan", "scan", True),
        ("scan", "store.images", True),
        ("scan", "media.walk", True),
        ("scan", "cli.console", False),
        ("store.images", "scan", False),
        ("store.images", "media.read", False),
        ("media.walk", "store.images", False),
        ("config", "classmap", True),
        ("errors", "config", False),
    ],
)
def test_the_rule_itself(module: str, imported: str, verdict: bool) -> None:
    assert allowed(module, imported) is verdict


@pytest.mark.parametrize("module", sorted(IMPORTS))
def test_imports_point_downwards(module: str) -> None:
    own = {name.removeprefix("trailcam.") for name in IMPORTS[module] if name.startswith("trailcam.")}
    wrong = {name for name in own if name != "__version__" and not allowed(module, name)}
    assert not wrong, f"trailcam.{module} may not import {sorted(wrong)}"


@pytest.mark.parametrize("module", sorted(IMPORTS))
def test_heavy_libraries_stay_in_their_places(module: str) -> None:
    libraries = {name.split(".")[0] for name in IMPORTS[module]}
    assert not {"torch", "duckdb"} <= libraries, "torch and duckdb meet in one module"
    assert "ultralytics" not in libraries or module in ULTRALYTICS_IN
    if module.split(".")[0] == "cli":
        assert not libraries & HEAVY_AT_START


def test_help_loads_nothing_heavy() -> None:
    """What a user waits for before the first word: torch alone is a second."""
    code = (
        "import sys\n"
        "from trailcam.cli.app import main\n"
        "sys.argv = ['trailcam', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('loaded:', *(name for name in {sorted(HEAVY_AT_START)} if name in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "scan" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_status_needs_no_numpy() -> None:
    """It is what people type most, and numpy is a quarter of the time that it would take."""
    code = "import sys; import trailcam.reports.status; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "False"
