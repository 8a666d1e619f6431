"""Make trailcam/weights/starter.canary.npz anew, after every change of the starter.

    python -m training.canary

It holds what the starter says of the canary's frame in float32 on a processor; see trailcam.detect.choose.canary.
"""

from __future__ import annotations

import torch

from trailcam.detect.choose import canary
from trailcam.detect.model.find_weights import STARTER, find_weights
from trailcam.detect.model.known_frame import frame
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision


def main() -> None:
    weights = find_weights(STARTER)
    detector = open_detector(weights, torch.device("cpu"), ModelOptions(precision=Precision.FLOAT32))
    output = detector.raw(torch.from_numpy(frame()[None]))
    canary.save(output, weights.sha256, canary.STORED)
    print(f"{canary.STORED.name}: {canary.STORED.stat().st_size} bytes, weights {weights.sha256}")


if __name__ == "__main__":
    main()
