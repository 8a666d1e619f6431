"""Every page that trailcam writes forbids itself everything but its own parts, before anything else of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from trailcam.doctor import Check, Severity
from trailcam.pages.html import render
from trailcam.reports.doctor import doctor_report
from trailcam.reports.report_page import to_html

PACKAGE = Path(__file__).resolve().parents[2] / "trailcam"
_META = '<meta http-equiv="Content-Security-Policy"'
_EVIL = "</script><script>alert(2)</script><img src=x onerror=alert(3)>\x1b[31m"


def test_one_place_begins_a_page() -> None:
    """A document is begun in the base template alone, and each page extends it."""
    begins = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*")
        if path.suffix in (".py", ".html", ".js")
        and "<!doctype html" in path.read_text(encoding="utf-8").lower()
    ]
    assert begins == ["pages/base.html"]
    for path in PACKAGE.rglob("page.html"):
        assert path.read_text(encoding="utf-8").startswith('{% extends "pages/base.html" %}')


def test_no_template_trusts_a_text() -> None:
    """Only html.py marks anything as safe, and that is the program's own."""
    for path in (*PACKAGE.rglob("*.html"), *PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", "")
        assert "autoescape false" not in text
        if path.relative_to(PACKAGE).as_posix() != "pages/html.py":
            assert "markupsafe" not in text


def check_policy(page: str) -> None:
    (policy,) = re.findall(f'{_META} content="([^"]*)">', page)
    rules = dict(part.strip().partition(" ")[::2] for part in policy.split(";") if part.strip())
    assert rules["default-src"] == "'none'"
    for what in ("script-src", "style-src"):
        assert re.fullmatch(r"('sha256-[A-Za-z0-9+/=]{44}' ?)*|'none'", rules[what])
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in policy
    assert "http" not in policy
    assert not re.search(r"<(script|style|link|img|body|title)", page[: page.index(_META)])


def test_reports() -> None:
    page = to_html(doctor_report([Check(Severity.ERROR, "<b>", _EVIL)]))
    check_policy(page)
    assert "<script>" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "script-src 'none'" in page


@pytest.mark.parametrize("page", ["gallery", "review", "compare_page"])
def test_pages_with_scripts(page: str) -> None:
    made = render(page, data={"name": _EVIL}, images="data:").decode()
    check_policy(made)
    assert "<script>alert(2)" not in made
    assert made.count("<img") == 0


def test_an_evaluation() -> None:
    table = {"heads": [_EVIL], "rows": [[_EVIL, _EVIL]]}
    fields: dict[str, Any] = dict.fromkeys(("title", "sentence", "empty", "version"), _EVIL)
    fields |= dict.fromkeys(("photos", "kinds", "classes", "confusion"), table)
    fields |= {"mistakes": [(_EVIL, [{"words": _EVIL, "picture": ""}])], "notes": [_EVIL]}
    made = render("evaluate", images="data:", **fields)
    page = made.decode()
    check_policy(page)
    assert "<script>" not in page
    assert "<img" not in page
