"""Draw docs/performance.svg from the results: bars with their figures, readable without colour.

    python benchmarks/chart.py [--results benchmarks/results] [--output docs/performance.svg]

Takes peers-*.json (of peers.py) and scaling*.json (of scaling.py). The bar is the median, the thin line goes
from the lowest to the highest. trailcam's bars are full, those of others have an outline alone.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

CHECKOUT = Path(__file__).resolve().parents[1]
WIDTH, LEFT, LONG = 760, 190, 420  # px: all, the labels', the longest bar's
ROW, GAP, TITLE = 22, 26, 28
AXES = {
    "workers": "Workers",
    "batch": "Batch size",
    "library": "Files in the library (cheap detector)",
    "disk": "Milliseconds added to each open (cheap detector)",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """A label, photos/s as median, lowest and highest, and a remark behind the figure."""

    label: str
    median: float
    low: float
    high: float
    full: bool
    remark: str = ""


Panel = tuple[str, list[Bar]]


def bar(label: str, rates: dict[str, float], *, full: bool, remark: str = "") -> Bar:
    """Of a spread as the results have it."""
    return Bar(label, rates["median"], rates["min"], rates["max"], full, remark)


def panels_of_peers(found: dict[str, Any]) -> list[Panel]:
    """One panel for each set of photos, the fastest program first."""
    panels = []
    for name, measured in found["sets"].items():
        rows = []
        for program, row in measured["programs"].items():
            times = row.get("times_yolo_1")
            remark = f"({times:g} x yolo-1)" if times and program != "yolo-1" else ""
            full = program.startswith("trailcam")
            rows.append(bar(program, row["steady_photos_per_s"], full=full, remark=remark))
        rows.sort(key=lambda one: -one.median)
        panels.append((f"{name} photos, {found['weights']}: {_machine(found)}", rows))
    return [panel for panel in panels if panel[1]]


def panels_of_scaling(found: dict[str, Any]) -> list[Panel]:
    """One panel for each part."""
    panels = []
    for name, points in found["parts"].items():
        rows = [
            bar(f"{point['value']:,}", point["photos_per_s"], full=True, remark=f"{point['peak_mb']:,.0f} MB")
            for point in points
            if "photos_per_s" in point
        ]
        panels.append((f"{AXES[name]}: {_machine(found)}", rows))
    return [panel for panel in panels if panel[1]]


def _machine(found: dict[str, Any]) -> str:
    machine = found["machine"]
    busy = f", load {machine['load']:.0f} at the start" if machine.get("load") else ""
    return f"{machine['cpu']}, {machine['cores']} cores{busy}, {found['date'][:10]}"


def draw(panels: list[Panel]) -> str:
    """The SVG."""
    height = sum(TITLE + ROW * len(bars) + GAP for _, bars in panels) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" role="img" aria-label="Photos per second" font-family="sans-serif"'
        ' font-size="12" fill="#111"><rect width="100%" height="100%" fill="#fff"/>'
        '<text x="10" y="18">Photos per second; the longer, the faster. Thin lines: lowest to highest.</text>'
    ]
    y = 30
    for title, bars in panels:
        parts.append(f'<text x="10" y="{y + 18}" font-weight="bold">{escape(title)}</text>')
        y += TITLE
        scale = LONG / (max(one.high for one in bars) or 1)
        for one in bars:
            parts += _row(one, y, scale)
            y += ROW
        y += GAP
    return "\n".join([*parts, "</svg>", ""])


def _row(one: Bar, y: int, scale: float) -> list[str]:
    style = 'fill="#333"' if one.full else 'fill="#fff"'
    middle, end = y + 8, LEFT + max(one.median, one.high) * scale
    figure = f"{one.median:,.1f} {one.remark}".strip()
    return [
        f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(one.label)}</text>',
        f'<rect x="{LEFT}" y="{y + 1}" width="{one.median * scale:.1f}" height="14" {style} stroke="#333"/>',
        f'<path d="M{LEFT + one.low * scale:.1f} {middle}H{LEFT + one.high * scale:.1f}" stroke="#888"'
        ' stroke-width="2"/>',
        f'<text x="{end + 6:.1f}" y="{y + 12}">{escape(figure)}</text>',
    ]


def main() -> None:
    """Read the results, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=CHECKOUT / "benchmarks" / "results")
    parser.add_argument("--output", type=Path, default=CHECKOUT / "docs" / "performance.svg")
    asked = parser.parse_args()
    panels: list[Panel] = []
    for pattern, read in (("peers-[0-9m]*.json", panels_of_peers), ("scaling*.json", panels_of_scaling)):
        for path in sorted(asked.results.glob(pattern)):
            panels += read(json.loads(path.read_text(encoding="utf-8")))
    if not panels:
        raise SystemExit(f"No peers-*.json and no scaling*.json with figures in {asked.results}.")
    asked.output.write_text(draw(panels), encoding="utf-8")
    print(f"{len(panels)} panels in {asked.output}")


if __name__ == "__main__":
    main()
