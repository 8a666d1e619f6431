"""Write the tables of docs/performance.md from the results, so that nobody types a figure by hand.

    python -m benchmarks.tables [--results benchmarks/results] [--docs docs/performance.md]

Takes peers-*.json (of peers.py), bench-*.json (of ``trailcam bench --format json``), detect-by-turns.json
(of by_turns.py) and scaling*.json (of scaling.py). A table stands between two comments, ``<!-- peers -->``
and ``<!-- end of peers -->``, and is replaced as a whole.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tests.chaos.tell import replaced

CHECKOUT = Path(__file__).resolve().parents[1]
Found = list[tuple[str, dict[str, Any]]]


def results(folder: Path, pattern: str) -> Found:
    """(name, content) of each file."""
    return [(path.stem, json.loads(path.read_text("utf-8"))) for path in sorted(folder.glob(pattern))]


def table(head: list[str], rows: list[list[str]]) -> str:
    """As Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine(found: dict[str, Any]) -> str:
    """The machine, versions and date of a result."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
    machine = found["machine"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']:.1f} at the start; {versions}; "
        f"{found['date'][:10]}."
    )


def spread(rates: dict[str, float]) -> str:
    """Median, lowest and highest of a figure."""
    return f"{rates['median']:.1f} ({rates['min']:.1f} to {rates['max']:.1f}, n {rates['n']})"


def peers(found: Found) -> str:
    """Programs beside each other, a set of photos after the other."""
    rows = []
    for _, result in found:
        for photos, measured in result["sets"].items():
            for program, row in measured["programs"].items():
                rows.append(
                    [
                        photos,
                        program,
                        spread(row["steady_photos_per_s"]),
                        spread(row["whole_photos_per_s"]),
                        f"{row['peak_mb']['median']:,.0f}",
                        f"{row['times_yolo_1']:g}",
                    ]
                )
    head = ["photos", "program", "photos/s", "photos/s with start-up", "peak MB", "times `yolo` batch 1"]
    return f"{table(head, rows)}\n\n{found[0][1]['weights']}. {machine(found[0][1])}"


def field(found: Found) -> str:
    """The field's programs beside trailcam, start-up included: what so few photos take alone is noise."""
    _, result = found[0]
    rows = [
        [program, spread(row["whole_photos_per_s"]), f"{row['peak_mb']['median']:,.0f}"]
        for measured in result["sets"].values()
        for program, row in sorted(
            measured["programs"].items(), key=lambda pair: -pair[1]["whole_photos_per_s"]["median"]
        )
    ]
    return f"{table(['program', 'photos/s', 'peak MB'], rows)}\n\n{machine(result)}"


SIZES = {"640x480": "640x480", "3mp": "3 MP", "16mp": "16 MP"}
COLUMNS = {
    "yolo11n-torch": "YOLO11n, torch",
    "yolo11n-openvino": "YOLO11n, OpenVINO",
    "starter-torch": "starter, torch",
    "starter-openvino": "starter, OpenVINO",
}


def speeds(found: Found) -> str:
    """Photos a second of the whole pipeline: a row for each size, a column for each model and backend."""
    rates = {name: result["coverage"]["pipeline_photos_per_s"] for name, result in found}
    unknown = "not measured"
    rows = [
        [
            said,
            *(
                f"{rates[name]:.1f}" if (name := f"bench-{size}-{key}") in rates else unknown
                for key in COLUMNS
            ),
            unknown,
        ]
        for size, said in SIZES.items()
    ]
    told = {"versions": {}, "machine": {}} | found[0][1]["filters"]
    versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
    head = ["photos", *COLUMNS.values(), "GPU"]
    return f"{table(head, rows)}\n\n{told['device']}, {told['cores']} cores, {told['precision']}; {versions}."


def turns(found: Found) -> str:
    """Whole commands of an older version and of this one, with how many of its boxes are there again."""
    rows = []
    for row in found[0][1]["rows"]:
        told, boxes = row["command"].removeprefix("trailcam detect, "), row["boxes"]
        old, new = (
            f"{row[side]['median']:.1f} ({row[side]['min']:.1f} to {row[side]['max']:.1f})"
            for side in ("old", "new")
        )
        same = "other models" if "own starter" in told else f"{boxes['same']} of {boxes['boxes']}"
        rows.append([told, old, new, same])
    return f"{table(['detect of', 'before, s', 'now, s', 'same boxes'], rows)}\n\n{machine(found[0][1])}"


def bench(found: Found) -> str:
    """Ceilings and efficiency."""
    stages = ["read", "decode", "infer", "decode + infer", "write", "pipeline"]
    rows = []
    for name, result in found:
        rates = {row["stage"]: row["photos_per_s"] for row in result["rows"]}
        told = result["coverage"]
        rows.append(
            [
                name.removeprefix("bench-"),
                *(f"{rates[stage]:,.1f}" for stage in stages),
                "" if told["efficiency"] is None else f"{told['efficiency']:.0%}",
                f"{told['database_share']:.2%}",
                f"{told['peak_mb']:,.0f}",
            ]
        )
    return table(["photos and backend", *stages, "efficiency", "database", "peak MB"], rows)


def scaling(found: Found) -> str:
    """Each part's points."""
    rows = [
        [part, f"{point['value']:,}", spread(point["photos_per_s"]), f"{point['peak_mb']:,.0f}"]
        for _, result in found
        for part, points in result["parts"].items()
        for point in points
        if "photos_per_s" in point
    ]
    return f"{table(['part', 'value', 'photos/s', 'peak MB'], rows)}\n\n{machine(found[0][1])}"


TABLES = {
    "peers": ("peers-[0-9m]*.json", peers),
    "field": ("peers-field.json", field),
    "speeds": ("bench-*.json", speeds),
    "bench": ("bench-*.json", bench),
    "turns": ("detect-by-turns.json", turns),
    "scaling": ("scaling*.json", scaling),
}


def main() -> None:
    """Read the results, replace the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=CHECKOUT / "benchmarks" / "results")
    parser.add_argument("--docs", type=Path, default=CHECKOUT / "docs" / "performance.md")
    asked = parser.parse_args()
    text = asked.docs.read_text(encoding="utf-8")
    for name, (pattern, tell) in TABLES.items():
        found = results(asked.results, pattern)
        if not found:
            continue
        text = replaced(text, name, tell(found))
        print(f"{name}: {len(found)} files")
    asked.docs.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
