"""A page of questions in a real browser, and the file of answers that it saves."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.conftest import CHECKOUT, isolated_environment
from tests.helpers.browser import Browser
from tests.helpers.library import Library


class AnswerPage:
    """A page that is open in ``window``; its file of answers is saved in ``downloads``."""

    def __init__(self, window: Browser, file: Path, downloads: Path) -> None:
        downloads.mkdir(exist_ok=True)
        window.driver.execute_cdp_cmd(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)}
        )
        self.window = window
        self.file = file
        self.downloads = downloads
        self.open()

    def open(self) -> None:
        self.window.driver.get(self.file.as_uri())

    def press(self, *keys: str) -> None:
        self.window.keys(*keys)

    def text(self, name: str) -> str:
        return str(self.window.run(f"return document.getElementById('{name}').textContent"))

    def click(self, name: str) -> None:
        self.window.click(f"#{name}")

    def saved(self) -> dict[str, Any]:
        """Press Save; what came down."""
        for old in self.downloads.glob("*.json"):
            old.unlink()
        self.click("save")
        deadline = time.monotonic() + 20
        while not (done := list(self.downloads.glob("*.json"))):
            assert time.monotonic() < deadline, "nothing was saved"
            time.sleep(0.05)
        content: dict[str, Any] = json.loads(done[0].read_text(encoding="utf-8"))
        return content


def trailcam(library: Library, *args: str | Path) -> subprocess.CompletedProcess[str]:
    """A command on a library, run in the folder that holds it."""
    home = library.root.parent
    return subprocess.run(
        [sys.executable, "-m", "trailcam", *map(str, args), "--db", str(library.database.path)],
        env=isolated_environment(home) | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=home,
        timeout=200,
        check=False,
    )
