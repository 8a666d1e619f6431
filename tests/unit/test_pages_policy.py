"""Every page that trailcam writes forbids itself everything but its own parts, before anything else of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trailcam.doctor import Finding, Level
from trailcam.pages.html import asset, render
from trailcam.reports.doctor import doctor_report
from trailcam.reports.report_page import to_html

PACKAGE = Path(__file__).resolve().parents[2] / "trailcam"
PAGES = sorted(
    path
    for path in PACKAGE.rglob("*")
    if path.suffix in (".py", ".html", ".js") and "<!doctype html" in path.read_text(encoding="utf-8").lower()
)
_META = '<meta http-equiv="Content-Security-Policy"'


def test_all_pages_are_known() -> None:
    """A new kind of page belongs here, and into the tests below."""
    assert [path.relative_to(PACKAGE).as_posix() for path in PAGES] == [
        "disagree/page.html",
        "evaluate/figures_page.py",
        "gallery/page.html",
        "reports/report_page.py",
        "review/page.html",
    ]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.parent.name)
def test_the_policy_comes_first(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    after = text[text.lower().index("<!doctype html") :]
    head = after[: after.index(_META)]
    assert not re.search(r"<(script|style|link|img|body|title)", head)
    if path.suffix == ".py":
        assert re.search(r"default-src 'none';", text)


def check_policy(page: str) -> None:
    (policy,) = re.findall(f'{_META} content="([^"]*)">', page)
    rules = dict(part.strip().partition(" ")[::2] for part in policy.split(";") if part.strip())
    assert rules["default-src"] == "'none'"
    for what in ("script-src", "style-src"):
        assert re.fullmatch(r"('sha256-[A-Za-z0-9+/=]{44}' ?)*|'none'", rules.get(what, "'none'"))
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in policy
    assert "http" not in policy


def test_reports() -> None:
    page = to_html(doctor_report([Finding(Level.ERROR, "<b>", "<script>alert(1)</script>")]))
    check_policy(page)
    assert "<script>" not in page


@pytest.mark.parametrize("package", ["gallery", "review", "disagree"])
def test_pages_with_scripts(package: str) -> None:
    name = f"trailcam.{package}"
    made = render(
        asset(name, "page.html"),
        style=asset(name, "page.css"),
        script="alert(1)",
        data={"name": "</script><script>alert(2)</script>"},
        shown=(),
        images="data:",
    ).decode()
    check_policy(made)
    assert "<script>alert(2)" not in made
