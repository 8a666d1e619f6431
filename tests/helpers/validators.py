"""The validators of others, each in a process of its own: they warn and print as they like."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path


def run_validator(package: str, code: str, *arguments: str | Path) -> object:
    """What ``code`` prints last, read as JSON. Fails where ``package``, a tool of development, is absent."""
    assert importlib.util.find_spec(package) is not None, f"needs {package}: pip install -e '.[dev]'"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: object = json.loads(done.stdout.splitlines()[-1])
    return found
