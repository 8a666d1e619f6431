"""trailcam: turns a folder of trail-camera photos into answers about deer."""

__version__ = "0.2.0"
