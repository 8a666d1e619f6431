"""The Makefile's set-up, with a pip that fails as a broken connection makes it fail."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def install(folder: Path, failures: int) -> tuple[int, int]:
    """The exit code of the set-up, and how often it called pip, when the first ``failures`` calls fail."""
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("pyproject.toml", "constraints.txt"):
        (folder / name).touch()
    programs = folder / "programs"
    programs.mkdir()
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho >> calls\n[ $(wc -l < calls) -gt {failures} ]\n")
    (programs / "sleep").write_text("#!/bin/sh\n")
    for program in (python, programs / "sleep"):
        program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    run = subprocess.run(
        ["make", ".venv/installed-dev"], cwd=folder, env=environment, capture_output=True, text=True
    )
    return run.returncode, len((folder / "calls").read_text().splitlines())


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(("failures", "expected"), [(0, (0, 1)), (2, (0, 3)), (3, (2, 3))])
def test_a_download_that_breaks_off_is_tried_again(
    tmp_path: Path, failures: int, expected: tuple[int, int]
) -> None:
    assert install(tmp_path, failures) == expected
    assert (tmp_path / ".venv" / "installed-dev").exists() == (expected[0] == 0)
