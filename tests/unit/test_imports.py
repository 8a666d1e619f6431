"""The layers of the program, read from its import statements, and what start-up may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "trailcam"

# From the ground up. A folder (or a module beside the folders) may import itself and what stands on a lower
# line, nothing on its own line or above, so no two folders need each other. docs/map.md says what they are.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "domain", "geometry", "machine", "sun"),
    ("words",),
    ("selection", "files"),
    ("settings", "video"),
    ("store", "media", "samples"),
    ("detect", "strip"),
    ("pages", "clock", "doctor"),
    ("scan", "evaluate", "gallery", "review", "bucks_page", "static_boxes"),
    ("train", "reports"),
    ("imports", "export", "compare_page", "summary_page", "digest_page", "bench"),
    ("cli",),
    ("__main__",),
)
# The same inside detect: what answers, what moves photos to it, what is chosen for both, and the door.
DETECT = ("model", "pipeline", "choose", "command", "merge", "shards", "ray_crew", "by_ray")
# Imports against the direction, or in a circle, that are still to be taken out: this may only shrink.
STILL_AGAINST: set[tuple[str, str]] = set()
TOP_MODULES = 8  # loose modules beside the folders, at most
PARAMETERS = 6  # of a function, at most; a command has as many as it has options
MODULE_LINES = 400  # at most
SAME_NAMES = 9  # file names used twice, at most; __init__, __main__ and the pairs of export and imports aside

FLOOR = {name: floor for floor, names in enumerate(LAYERS) for name in names}
ULTRALYTICS_IN = {"detect.model.yolo", "train.train_model"}
HEAVY_AT_START = {"torch", "torchvision", "duckdb", "ultralytics", "numpy", "PIL", "cv2"}


def imports_of(source: str, module: str, modules: set[str], *, is_package: bool = False) -> set[str]:
    """Every module that a source imports, anywhere in it (in functions and for type checkers too).

    ``modules`` are the names of the program's own modules: in ``from trailcam.words import text`` the module
    is the name, in ``from trailcam.words.text import count`` it isn't.
    """
    found: set[str] = set()
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (start, node.module) if part)
            names = {f"{origin}.{alias.name}" for alias in node.names}
            found |= names & modules
            if names - modules:
                found.add(origin)
    return found


def all_imports() -> dict[str, set[str]]:
    """Module by its full name -> what it imports."""
    paths = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        paths[".".join(parts).removesuffix(".__init__")] = path
    return {
        module: imports_of(
            path.read_text(encoding="utf-8"), module, set(paths), is_package=path.name == "__init__.py"
        )
        for module, path in paths.items()
    }


IMPORTS = all_imports()


def room(module: str) -> str:
    """``trailcam.store.images`` -> ``store``; ``trailcam`` itself -> ``""``."""
    return [*module.split("."), ""][1]


def allowed(importer: str, imported: str, floors: Mapping[str, int] = FLOOR) -> bool:
    """May the folder ``importer`` import from the folder ``imported``?"""
    return importer == imported or floors[imported] < floors[importer]


def circles(graph: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """Modules that import each other in a circle, each circle once."""
    done: set[str] = set()
    for start in graph:
        path: list[str] = []
        stack = [(start, iter(sorted(graph[start])))] if start not in done else []
        while stack:
            module, rest = stack[-1]
            if module not in path:
                path.append(module)
            following = next(rest, None)
            if following is None:
                stack.pop()
                path.pop()
                done.add(module)
            elif following in path:
                yield path[path.index(following) :]
            elif following in graph and following not in done:
                stack.append((following, iter(sorted(graph[following]))))


def own(module: str) -> set[str]:
    """What a module imports of the program, without itself and what is excused."""
    excused = {f"trailcam.{there}" for here, there in STILL_AGAINST if f"trailcam.{here}" == module}
    names = {name for name in IMPORTS[module] if name in IMPORTS}
    return names - excused - {module, "trailcam"}


def test_the_import_reader_sees_every_form() -> None:
    source = "import torch.nn\nfrom trailcam.words import text\nfrom .frame import F\n"
    source += "def late():\n    from ...store import x\n"
    source += "if TYPE_CHECKING:\n    from trailcam.domain import Image\n"
    modules = {"trailcam.words.text", "trailcam.words", "trailcam.domain"}
    assert imports_of(source, "trailcam.detect.model.yolo", modules) == {
        "torch.nn",
        "trailcam.words.text",
        "trailcam.detect.model.frame",
        "trailcam.store",
        "trailcam.domain",
    }


@pytest.mark.parametrize(
    ("importer", "imported", "verdict"),
    [
        ("cli", "scan", True),
        ("scan", "store", True),
        ("scan", "cli", False),
        ("store", "scan", False),
        ("store", "media", False),
        ("media", "store", False),
        ("settings", "words", True),
        ("errors", "words", False),
        ("store", "store", True),
    ],
)
def test_the_rule_itself(importer: str, imported: str, verdict: bool) -> None:
    assert allowed(importer, imported) is verdict


def test_a_circle_is_found_however_long() -> None:
    assert [sorted(circle) for circle in circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})] == [
        ["a", "b", "c"]
    ]
    assert not list(circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}))


@pytest.mark.parametrize("module", sorted(IMPORTS))
def test_imports_point_downwards(module: str) -> None:
    here = room(module)
    wrong = {name for name in own(module) if here and not allowed(here, room(name))}
    assert not wrong, f"{module} may not import {sorted(wrong)}: see LAYERS"


def test_no_exception_outlives_its_reason() -> None:
    gone = {
        (here, there)
        for here, there in STILL_AGAINST
        if f"trailcam.{there}" not in IMPORTS.get(f"trailcam.{here}", ())
    }
    assert not gone, "take these out of STILL_AGAINST"


def test_each_folder_has_its_layer() -> None:
    assert {room(module) for module in IMPORTS} - {""} == set(FLOOR)


@pytest.mark.parametrize("module", sorted(name for name in IMPORTS if room(name) == "detect"))
def test_inside_detect_imports_point_downwards(module: str) -> None:
    floors = {name: floor for floor, name in enumerate(DETECT)}
    here = [*module.split("."), "", ""][2]
    wrong = {
        name
        for name in own(module)
        if here and room(name) == "detect" and not allowed(here, name.split(".")[2], floors)
    }
    assert not wrong, f"{module} may not import {sorted(wrong)}"


def test_no_module_imports_itself_by_a_detour() -> None:
    """At run time, in functions and for type checkers alike."""
    found = [" -> ".join(circle) for circle in circles({module: own(module) for module in IMPORTS})]
    assert not found, found


def test_few_modules_stand_loose() -> None:
    loose = sorted(path.name for path in PACKAGE.glob("*.py") if not path.stem.startswith("__"))
    assert len(loose) <= TOP_MODULES, loose


def test_few_files_share_a_name() -> None:
    names = Counter(
        path.name
        for path in PACKAGE.rglob("*.py")
        if not path.stem.startswith("__")
        and not (path.parent.name == "imports" and (PACKAGE / "export" / path.name).exists())
    )
    twice = sorted(name for name, n in names.items() if n > 1)
    assert len(twice) <= SAME_NAMES, twice


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many a caller can give: all but self and cls."""
    named = [*function.args.posonlyargs, *function.args.args]
    return len(named) + len(function.args.kwonlyargs) - (bool(named) and named[0].arg in ("self", "cls"))


def long_lists(tree: ast.AST) -> dict[str, int]:
    """The functions that take more than PARAMETERS, without commands, whose parameters are options."""
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return {
        function.name: n
        for function in functions
        if (n := parameters(function)) > PARAMETERS
        and not any(ast.unparse(d).startswith(("with_options", "export(")) for d in function.decorator_list)
    }


def test_the_counter_of_parameters_counts() -> None:
    source = "class A:\n    def six(self, a, b, /, c, d, *, e, f): ...\n"
    source += "    def seven(a, b, c, d, *, e, f, g): ...\n"
    source += "@with_options\ndef command(a, b, c, d, e, f, g): ...\n"
    assert long_lists(ast.parse(source)) == {"seven": 7}


def test_no_function_takes_many_parameters() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): names
        for path in PACKAGE.rglob("*.py")
        if (names := long_lists(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert found == {}, "put what belongs together into one record"


def test_no_module_is_long() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {path.name: n for path, n in lines.items() if n > MODULE_LINES} == {}


def test_a_type_has_one_meaning() -> None:
    """Two classes of one name make a reader look up which is meant; private ones stay in their modules."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py"))
    names = Counter(
        node.name
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, n in names.items() if n > 1] == []


@pytest.mark.parametrize("module", sorted(IMPORTS))
def test_heavy_libraries_stay_in_their_places(module: str) -> None:
    libraries = {name.split(".")[0] for name in IMPORTS[module]}
    assert not {"torch", "duckdb"} <= libraries, "torch and duckdb meet in one module"
    assert "ultralytics" not in libraries or module.removeprefix("trailcam.") in ULTRALYTICS_IN
    if room(module) == "cli":
        assert not libraries & HEAVY_AT_START


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_loads_nothing_heavy() -> None:
    """What a user waits for before the first word: torch alone is a second."""
    shown = run_python(
        "import sys\n"
        "from trailcam.cli.app import main\n"
        "sys.argv = ['trailcam', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('loaded:', *(name for name in {sorted(HEAVY_AT_START)} if name in sys.modules))\n"
    )
    assert "scan" in shown
    assert shown.splitlines()[-1] == "loaded:"


def test_status_needs_no_numpy() -> None:
    """It is what people type most, and numpy is a quarter of the time that it would take."""
    shown = run_python("import sys; import trailcam.reports.status; print('numpy' in sys.modules)")
    assert shown.strip() == "False"
