"""Make trailcam/weights/starter.canary.npz anew, after every change of the starter, and the known clip.

    python -m training.canary

The first holds what the starter says of the canary's frame in float32 on a processor; see
trailcam.detect.choose.canary. The second shows that frame and its mirror image; see known_clip there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from trailcam.detect.choose import canary
from trailcam.detect.choose.known_clip import KNOWN_CLIP
from trailcam.detect.model.find_weights import STARTER, find_weights
from trailcam.detect.model.known_frame import frame
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision


def film(path: Path) -> None:
    """Write the known clip: two frames, a second apart."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=1, options={"crf": "14", "preset": "veryslow"})
        stream.height, stream.width = frame().shape[:2]
        stream.pix_fmt = "yuv420p"
        for pixels in (frame(), frame()[:, ::-1]):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        out.mux(stream.encode())


def main() -> None:
    weights = find_weights(STARTER)
    detector = open_detector(weights, torch.device("cpu"), ModelOptions(precision=Precision.FLOAT32))
    output = detector.raw(torch.from_numpy(frame()[None]))
    canary.save(output, weights.sha256, canary.STORED)
    film(KNOWN_CLIP)
    print(f"{canary.STORED.name}: {canary.STORED.stat().st_size} bytes, weights {weights.sha256}")


if __name__ == "__main__":
    main()
