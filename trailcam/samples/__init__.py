"""A small library of rendered trail-camera frames, so that a first run needs no photos of one's own.

The frames are drawings and say SAMPLE in their info strip: good for trying every command and
for testing with known truth, worthless for judging a model.
"""

from trailcam.samples.library import Sample, build_library

__all__ = ["Sample", "build_library"]
