"""The chart of the benchmarks: every figure is in it, and bars are as long as their figures say."""

from __future__ import annotations

import importlib
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from tests.conftest import CHECKOUT

SVG = "{http://www.w3.org/2000/svg}"
FACTS = {"date": "2026-01-02T03:04:05+00:00", "machine": {"cpu": "A & B", "cores": 2, "load": None}}


def spread(median: float) -> dict[str, float]:
    return {"median": median, "min": median - 1, "max": median + 1, "n": 5}


def chart(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a script's module
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    return importlib.import_module("chart")


def test_bars_are_as_long_as_their_figures_say(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = chart(monkeypatch)
    programs = {
        "yolo-1": {"steady_photos_per_s": spread(5.0), "times_yolo_1": 1.0},
        "trailcam": {"steady_photos_per_s": spread(20.0), "times_yolo_1": 4.0},
    }
    found = {
        **FACTS,
        "weights": "any.pt",
        "sets": {"3 MP": {"programs": programs}, "16 MP": {"programs": {}}},
    }
    (panel,) = drawn.panels_of_peers(found)
    svg = ET.fromstring(drawn.draw([panel]))
    texts = [text.text or "" for text in svg.iter(f"{SVG}text")]
    assert "20.0 (4 x yolo-1)" in texts
    assert any("A & B, 2 cores, 2026-01-02" in text for text in texts)
    _, fast, slow = (rect.attrib["width"] for rect in svg.iter(f"{SVG}rect"))  # the first: the ground
    assert float(fast) == pytest.approx(4 * float(slow), rel=0.01)


def test_what_the_budget_left_out_has_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = chart(monkeypatch)
    points: list[dict[str, Any]] = [
        {"value": 1000, "photos_per_s": spread(9.0), "peak_mb": 100.0},
        {"value": 10_000, "missing": "budget"},
    ]
    ((_, bars),) = drawn.panels_of_scaling({**FACTS, "parts": {"library": points}})
    assert [(bar.label, bar.remark) for bar in bars] == [("1,000", "100 MB")]
