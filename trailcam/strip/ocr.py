"""The two networks of PP-OCRv6 small, run on a strip: where lines of text are, and what a line says.

The weights come inside the package rapidocr (Apache-2.0, as are the weights); nothing is downloaded. Its own
pipeline is not used: it looks for text in the whole photo, while a strip's lines are known after the first
photos of a folder, and it hides the probability of each character. Methods: DB (Liao et al. 2020) for
finding, CTC (Graves et al. 2006) for reading.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trailcam.errors import TrailcamError
from trailcam.machine import add_extra

if TYPE_CHECKING:
    from collections.abc import Sequence

Gray = NDArray[np.uint8]

_FINDER = "PP-OCRv6_det_small.onnx"
_READER = "PP-OCRv6_rec_small.onnx"
LINE_HEIGHT = 48  # px, what the reading network was trained on
PITCH = (
    18  # px from one character to the next at that height: measured best, wide print reads worse and slower
)
_MAX_WIDTH = 1600  # px of a line at that height; a strip's longest part has some 60 characters
_STEP = 8  # px of a line to one step of the reading network
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_STD = np.array([0.229, 0.224, 0.225], np.float32)
_TEXT = 0.3  # probability from which a pixel belongs to a line of text
_LINE = 0.5  # mean probability from which a region is a line
# The network marks the inner part of each line; DB gives back area x ratio / perimeter on each side.
_UNCLIP = 1.6
# What cameras write. The network knows 18,708 characters; one outside of these in a strip is a lookalike.
ALPHABET = "0123456789:/-.,°ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_#%&()+'! "
# Lookalikes that count for the character which they are in a strip: full-width forms, other dashes and rings.
_SAME = {
    chr(code): letter
    for letter, codes in {
        ":": (0xFF1A, 0x2236, 0xFE30),
        "/": (0xFF0F, 0x2215),
        "-": (0xFF0D, 0x2010, 0x2013, 0x2014, 0x2212),
        ".": (0xFF0E, 0x3002, 0x00B7),
        ",": (0xFF0C,),
        "°": (0x00BA, 0x02DA, 0x2070),
        "°C": (0x2103,),
        "°F": (0x2109,),
    }.items()
    for code in codes
}


class OcrMissingError(TrailcamError):
    """The extra that reads strips isn't installed."""

    def __init__(self) -> None:
        super().__init__(
            "Reading info strips needs a text reader, which is not installed.",
            f"Install it, then run the same command again: {add_extra('ocr')}",
        )


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a band in its pixels: ``x0 <= x < x1``, ``y0 <= y < y1``."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self.y1 - self.y0


@dataclass(frozen=True, slots=True)
class Line:
    """What was read in one line: the characters, each with its probability (0..1) and place.

    ``centres`` are x positions in the pixels of the crop that was read, good to about half a character.
    """

    text: str
    probabilities: tuple[float, ...]
    centres: tuple[float, ...]


def available() -> bool:
    """Whether the extra is installed, without importing it."""
    return all(importlib.util.find_spec(name) is not None for name in ("onnxruntime", "rapidocr"))


def check_available() -> None:
    """Raise OcrMissingError without the extra."""
    if not available():
        raise OcrMissingError


class Ocr:
    """Both networks in memory (some 150 MB). Raises OcrMissingError without the extra."""

    def __init__(self, threads: int = 1) -> None:
        """``threads`` is how many cores one reading may use."""
        check_available()
        self._finder = _session(_FINDER, threads)
        self._reader = _session(_READER, threads)
        self._columns, self._letters = _alphabet(self._reader)

    def find(self, band: Gray, width: int) -> list[Box]:
        """Lines of text in a band (H x W, uint8), from left to right.

        ``width``: pixels that the band is scaled to; the more, the smaller the text that is found.
        """
        scale = min(1.0, width / band.shape[1])
        high = max(32, round(band.shape[0] * scale / 32) * 32)
        wide = max(32, round(band.shape[1] * scale / 32) * 32)
        small = cv2.resize(band, (wide, high), interpolation=cv2.INTER_AREA)
        pixels = (np.repeat(small[:, :, None], 3, 2).astype(np.float32) / 255 - _MEAN) / _STD
        (probability,) = self._finder.run(None, {"x": pixels.transpose(2, 0, 1)[None]})
        found = _regions(probability[0, 0])
        fx, fy = band.shape[1] / wide, band.shape[0] / high
        boxes = [
            Box(
                max(0, round(box.x0 * fx)),
                max(0, round(box.y0 * fy)),
                min(band.shape[1], round(box.x1 * fx)),
                min(band.shape[0], round(box.y1 * fy)),
            )
            for box in found
        ]
        return sorted(boxes, key=lambda box: (box.x0, box.y0))

    def read(self, crop: Gray, step: float | None = None) -> Line:
        """The text of a crop (H x W, uint8) that holds one line.

        ``step`` is the distance in px between its characters, where that is known.
        """
        high, wide = crop.shape
        natural = wide * LINE_HEIGHT / high
        width = min(_MAX_WIDTH, max(16, round(wide / step * PITCH if step else natural)))
        line = cv2.resize(
            crop,
            (width, LINE_HEIGHT),
            interpolation=cv2.INTER_AREA if high > LINE_HEIGHT else cv2.INTER_CUBIC,
        )
        padded = np.zeros((LINE_HEIGHT, -(-width // _STEP) * _STEP), np.float32)
        padded[:, :width] = line.astype(np.float32) / 127.5 - 1
        (steps,) = self._reader.run(None, {"x": np.repeat(padded[None, None], 3, 1)})
        return self._decode(steps[0], wide / width)

    def _decode(self, steps: NDArray[np.float32], scale: float) -> Line:
        """Greedy CTC: the best character of each step, repeats joined, blanks (column 0) dropped."""
        known = steps[:, self._columns]
        best = known.argmax(1)
        text: list[str] = []
        probabilities: list[float] = []
        places: list[list[int]] = []
        before = 0
        for step, index in enumerate(best):
            if index != 0:
                p = float(known[step, index])
                if index != before:
                    text.append(self._letters[index])
                    probabilities.append(p)
                    places.append([step])
                else:
                    probabilities[-1] = max(probabilities[-1], p)
                    places[-1].append(step)
            before = index
        centres = [(sum(steps_of) / len(steps_of) + 0.5) * _STEP * scale for steps_of in places]
        sizes = [len(letters) for letters in text]  # a degree sign and its scale may be one character
        return Line(
            "".join(text),
            tuple(p for p, n in zip(probabilities, sizes, strict=True) for _ in range(n)),
            tuple(x for x, n in zip(centres, sizes, strict=True) for _ in range(n)),
        )


def _session(name: str, threads: int) -> Any:  # noqa: ANN401 - onnxruntime ships no types
    import onnxruntime

    spec = importlib.util.find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        raise OcrMissingError
    weights = Path(spec.submodule_search_locations[0]) / "models" / name
    if not weights.is_file():
        raise OcrMissingError
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])


def _alphabet(session: Any) -> tuple[NDArray[np.intp], list[str]]:  # noqa: ANN401
    """Columns of the network's answer that are kept, and the character that each stands for."""
    names = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    columns, letters = [0], [""]
    for column, name in enumerate([*names, " "], start=1):
        letter = _SAME.get(name, name)
        if letter and set(letter) <= set(ALPHABET):
            columns.append(column)
            letters.append(letter)
    return np.array(columns, np.intp), letters


def _regions(probability: NDArray[np.float32]) -> list[Box]:
    mask = (probability > _TEXT).astype(np.uint8)
    n, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    boxes = []
    for label in range(1, n):
        x, y, w, h, area = (int(v) for v in stats[label])
        if h < 3 or w < 3:
            continue
        inside = labels[y : y + h, x : x + w] == label
        if float(probability[y : y + h, x : x + w][inside].mean()) < _LINE:
            continue
        grow = round(area * _UNCLIP / (2 * (w + h)))
        boxes.append(Box(x - grow, y - grow, x + w + grow, y + h + grow))
    return boxes


def crop(band: Gray, box: Box) -> Gray:
    """The pixels of ``box``, cut to the band."""
    high, wide = band.shape
    return band[max(0, box.y0) : min(high, box.y1), max(0, box.x0) : min(wide, box.x1)]


def join(boxes: Sequence[Box]) -> Box:
    """The smallest box around all of ``boxes``; there must be one."""
    return Box(
        min(b.x0 for b in boxes), min(b.y0 for b in boxes), max(b.x1 for b in boxes), max(b.y1 for b in boxes)
    )
