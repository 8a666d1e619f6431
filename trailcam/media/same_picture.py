"""Whether one file is a smaller picture of another's: a cellular thumbnail and the original from the card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from trailcam.files.photo_file import open_photo

Small = npt.NDArray[np.float32]
"""(36, 64) float32: brightness of the picture without its strip, with mean 0 and spread 1."""

_SIZE = (64, 48)  # px
_WITHOUT_STRIP = slice(4, 40)  # rows: cameras write dates at the top or bottom, and only on one of both files
_ALIKE = 0.97
"""The least correlation of the brightness; a thumbnail is compressed harder, and sharpened."""
_ONE_COLOUR = 2.0
"""The most spread of brightness (of 255) that a picture of nothing has; noise is averaged away."""
_BLOCK = 4  # px
_MOST_APART = 0.25
"""The most that a block may differ by, in spreads. Measured: real photos and thumbnails of them 0.11 at most,
thumbnails and the neighbours in their bursts 0.47 at least."""


def small_picture(path: Path) -> Small | None:
    """The picture, small; None for a file that can't be read or shows nothing."""
    pixels = _grey(path)
    if pixels is None or float(pixels.std()) <= _ONE_COLOUR:
        return None
    return np.asarray((pixels - pixels.mean()) / pixels.std(), np.float32)


def _grey(path: Path) -> Small | None:
    """Brightness, 0..255; None for a file that can't be read."""
    from PIL import Image  # few files are opened: importing it for all scans would cost more

    try:
        with open_photo(path) as file, Image.open(file) as image:
            image.draft("L", (4 * _SIZE[0], 4 * _SIZE[1]))
            small = image.convert("L").resize(_SIZE, Image.Resampling.BOX)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return np.asarray(small, np.float32)[_WITHOUT_STRIP]


def is_one_colour(path: Path) -> bool | None:
    """Whether the picture, its strip aside, is all black, all grey or all white; None: it can't be read."""
    grey = _grey(path)
    return None if grey is None else float(grey.std()) <= _ONE_COLOUR


def is_same_picture(one: Small, other: Small) -> bool:
    """Whether both show one moment of one camera, whatever their sizes were."""
    if float((one * other).mean()) < _ALIKE:
        return False
    rows, columns = one.shape
    apart = (one - other).reshape(rows // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK).mean(axis=(1, 3))
    return bool(np.abs(apart).max() <= _MOST_APART)
