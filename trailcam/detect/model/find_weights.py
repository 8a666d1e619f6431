"""Which weights a run uses, and their hash. Imports no torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from trailcam.detect.model.input_size import InputSize, read_input_size
from trailcam.errors import WeightsError
from trailcam.words.text import printable

STARTER = Path(__file__).resolve().parents[2] / "weights" / "starter.pt"
"""The model that ships with trailcam."""

SUFFIXES = (".pt", ".onnx", ".engine", ".torchscript")
"""Model files; a folder that ends in ``_openvino_model`` is one too."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A model file or folder. ``sha256`` is the hex digest of its contents; ``source`` says who chose it.

    ``size``: the input size that it was made for.
    """

    path: Path
    sha256: str
    source: str
    size: InputSize = field(default_factory=InputSize)


_FOLDER = "_openvino_model"


def own_weights_folder() -> Path:
    """Where `trailcam train` puts weights, and where --weights looks for a bare name."""
    return Path(platformdirs.user_data_dir("trailcam", appauthor=False)) / "weights"


def thresholds_file(weights: Path) -> Path:
    """The file beside ``weights`` that says from which confidence each class counts."""
    return weights.with_suffix(".thresholds.json")


def read_thresholds(weights: Path) -> dict[str, float]:
    """Class name -> confidence (0..1), from the file beside ``weights``; empty where there is none.

    Raises WeightsError for a file that says something else.
    """
    file = thresholds_file(weights)
    if weights.is_dir() or not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        thresholds = {str(name): float(value) for name, value in found.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise WeightsError(
            f"The thresholds {printable(str(file))} can't be read: {printable(str(error))}.",
            "It is a JSON object of class names and numbers from 0 to 1. Fix or remove it.",
        ) from error
    if not all(0 <= value <= 1 for value in thresholds.values()):
        raise WeightsError(
            f"The thresholds {printable(str(file))} aren't all from 0 to 1.", "Fix or remove the file."
        )
    return thresholds


def find_weights(explicit: Path | None = None, configured: Path | None = None) -> Weights:
    """The weights to use: ``--weights``, else the configuration's, else the starter model.

    A name that is not a file is looked for among the user's own weights.

    Raises WeightsError when the one asked for isn't usable (no other takes its place),
    or when none is there.
    """
    if explicit is not None:
        return _checked(explicit, "--weights")
    if configured is not None:
        return _checked(configured, "the configuration")
    if STARTER.is_file():
        return _checked(STARTER, "the starter model")
    raise WeightsError(
        "There are no weights to detect with.",
        "Name a YOLO detection model with --weights FILE, or set it in the configuration file. "
        f"The starter model would be at {printable(str(STARTER))}; this installation lacks it.",
    )


def _checked(path: Path, source: str) -> Weights:
    shown = printable(str(path))
    path = path.expanduser()
    if not (path.is_file() or path.name.endswith(_FOLDER)):
        # "ranch": the weights of that name, not a folder of photos that happens to lie here
        own = own_weights_folder() / (path.name if path.suffix in SUFFIXES else f"{path.name}.pt")
        path = own if own.is_file() else path
    if not path.exists():
        raise WeightsError(
            f"The weights {shown} (from {source}) do not exist.",
            "Check the path. trailcam never downloads weights: a name such as yolo11n.pt must be a file that "
            "you have.",
        )
    is_folder = path.is_dir()
    if is_folder != path.name.endswith(_FOLDER) or not (is_folder or path.suffix.lower() in SUFFIXES):
        raise WeightsError(
            f"{shown} (from {source}) is not a model that trailcam can read.",
            f"It takes a file ending in {', '.join(SUFFIXES)}, or an OpenVINO folder NAME_openvino_model.",
        )
    try:
        return Weights(path.resolve(), sha256_of(path), source, read_input_size(path))
    except OSError as error:
        raise WeightsError(
            f"The weights {shown} (from {source}) can't be read: {error.strerror or error}.",
            "Check the file's permissions, and that its drive is mounted.",
        ) from error


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file's bytes, or of a folder's files with their relative names in order.

    Raises OSError.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for part in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(part.relative_to(path).as_posix().encode() + b"\0")
            digest.update(bytes.fromhex(sha256_of(part)))
        return digest.hexdigest()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
