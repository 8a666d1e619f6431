"""A library of one trigger: a photo on which nothing was seen, and the clip that the camera made with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.helpers.clips import write_clip
from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from trailcam.domain import Outcome, Status
from trailcam.store.run_sink import RunFacts, RunSink, begin_run, end_run

AT = "2024-11-03 06:10:00"
DOE, BUCK = 0, 3


def one_trigger(folder: Path) -> Library:
    """The clip shows a doe at 0 and 1 s, and at 4 s a buck. Both files are there."""
    library = make_library(folder, [Photo("IMG_0012.JPG", AT), Photo("IMG_0012.MP4", AT)])
    clip = Outcome(
        library.ids["IMG_0012.MP4"],
        Status.COMPLETED,
        boxes=np.array([(0.1, 0.2, 0.2, 0.4), (0.12, 0.2, 0.2, 0.4), (0.7, 0.2, 0.2, 0.4)], np.float32),
        confidence=np.array([0.9, 0.8, 0.7], np.float32),
        class_id=np.array([DOE, DOE, BUCK], np.int16),
        frame_s=np.array([0, 1, 4], np.float32),
        frames=(0.0, 1.0, 2.0, 3.0, 4.0),
    )
    still = Outcome(library.ids["IMG_0012.JPG"], Status.COMPLETED)
    with library.database.write() as db:
        run_id = begin_run(db, RunFacts("key", "0" * 64, "whitetail.pt", {}, {}, "cpu", WHITETAIL))
    RunSink(library.database, run_id).write([still, clip])
    with library.database.write() as db:
        end_run(db, run_id, completed=True, seconds={})
    write_clip(library.root / "Hayfield" / "IMG_0012.MP4", seconds=5)
    Image.new("RGB", (64, 48)).save(library.root / "Hayfield" / "IMG_0012.JPG")
    return library
