"""Writes into a two-stage file what it says of itself: text and figures of the test split.

python -m training.about trailcam/weights/starter.pt training/metrics.json

``detect`` shows the text before a run. ``metrics.json`` is what ``trailcam evaluate --format json`` says of the file.
Its own hash changes by this: run ``python -m training.canary`` afterwards.
"""

import json
import sys
from pathlib import Path

from trailcam.detect.model.find_weights import sha256_of


def about(metrics: dict, version: str) -> str:
    """Two or three sentences with the figures that matter to a reader of counts."""
    rows = {row["name"]: row for row in metrics["by_photo"]}
    deer, buck = rows["a deer"], rows["a buck"]
    return (
        f"trailcam's starter model {version}, for North American white-tailed deer. On {metrics['photos']} test"
        f" photos it found {_percent(deer['recall'])} of the photos with deer and {_percent(buck['recall'])}"
        f" of those with bucks; of the photos it called bucks {_percent(buck['precision'])} were right. Young,"
        " mid and mature are antler classes, no measured age."
    )


def _percent(figure: dict) -> str:
    return f"{100 * figure['value']:.0f} %"


def main() -> None:
    import torch

    weights, figures = Path(sys.argv[1]), Path(sys.argv[2])
    saved = torch.load(weights, map_location="cpu", weights_only=True)
    metrics = json.loads(figures.read_text())
    saved["meta"]["about"] = about(metrics, saved["meta"]["version"])
    torch.save(saved, weights)
    metrics["weights_sha256"] = sha256_of(weights)
    figures.write_text(json.dumps(metrics, indent=1) + "\n")
    print(saved["meta"]["about"])


if __name__ == "__main__":
    main()
