"""Debian's chromium, headless, that can reach nothing and whose every word is kept."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

_SECONDS = 20  # a busy machine draws late

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # Whatever asks for a name or an address gets none: the network is blocked.
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=http://127.0.0.1:9"),
)


class Browser:
    """One window. ``errors`` and ``requests`` empty the log they read."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the script returns
        """Run JavaScript in the page."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, until: Callable[[], object], what: str = "") -> None:
        """Wait until ``until`` is true: under load a page follows a click or key a moment later."""
        WebDriverWait(self.driver, _SECONDS).until(lambda _: until(), what)

    def ready(self, selector: str) -> WebElement:
        """The first element of a selector, once it is displayed and enabled; scrolled into view."""

        def find(driver: webdriver.Chrome) -> WebElement | None:
            for element in driver.find_elements(By.CSS_SELECTOR, selector)[:1]:
                if element.is_displayed() and element.is_enabled():
                    return element
            return None

        # A page that is being drawn replaces its elements, so one that was found may be gone again.
        waiting = WebDriverWait(self.driver, _SECONDS, ignored_exceptions=[StaleElementReferenceException])
        found = waiting.until(find, f"{selector} isn't there to be used")
        assert found is not None
        self.run("arguments[0].scrollIntoView({block: 'center'})", found)
        return found

    def click(self, selector: str) -> None:
        """Click as a user does: on what is there, displayed, enabled and not covered."""

        def done() -> bool:
            self.ready(selector).click()
            return True

        waiting = WebDriverWait(self.driver, _SECONDS, ignored_exceptions=[WebDriverException])
        waiting.until(lambda _: done(), f"{selector} can't be clicked")

    def keys(self, *keys: str) -> None:
        """Press keys one by one, as a keyboard does: they go to whatever has the focus."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def errors(self) -> list[str]:
        """What the console was told of errors and warnings since it was last asked."""
        return [entry["message"] for entry in self._log("browser")]

    def requests(self) -> set[str]:
        """The addresses that the page asked for, without those inside it (data:).

        chrome: is the browser's own first tab.
        """
        events = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        urls = {
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        }
        return {url for url in urls if not url.startswith(("data:", "chrome:"))}

    def _log(self, name: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.get_log(name)  # type: ignore[no-untyped-call]
        return entries


@contextmanager
def browser(profile: Path, width: int = 1280, height: int = 900) -> Iterator[Browser]:
    """A browser with a profile of its own. Without chromium: a skip, but a failure in CI."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        if os.environ.get("CI"):
            pytest.fail("CI needs chromium and chromedriver (Debian: chromium chromium-driver)")
        pytest.skip("needs chromium and chromedriver (Debian: chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    window = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield Browser(window)
    finally:
        window.quit()
