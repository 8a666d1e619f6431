"""Which weights a run uses, and their hash. Imports no torch."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from trailcam.detect.model.input_size import InputSize, read_input_size
from trailcam.detect.model.pair import FinderRules, NamerRules, PairRules, read_pair
from trailcam.errors import WeightsError
from trailcam.files.home import at_home, data_folder
from trailcam.words.text import printable

STARTER = Path(__file__).resolve().parents[2] / "weights" / "starter.pt"
"""The model that ships with trailcam."""

SUFFIXES = (".pt", ".pth", ".onnx", ".engine", ".torchscript")
"""Model files; a folder that ends in ``_openvino_model`` is one too."""

STARTER_NAME = "starter"
"""What it is called wherever weights have names."""

PAIR = ".toml"
"""A file that describes a detector and a classifier, see :mod:`trailcam.detect.model.pair`."""

LARGEST = 2 << 30
"""Bytes of a model file: the largest YOLO models have 0.3 GB, and to load one takes several times that."""


@dataclass(frozen=True, slots=True)
class ModelPair:
    """The two models of a pair, and how the one is asked about the other's boxes."""

    detector: Weights
    classifier: Weights
    rules: PairRules


@dataclass(frozen=True, slots=True)
class Weights:
    """A model file or folder. ``sha256`` is the hex digest of its contents; ``source`` says who chose it.

    ``size``: the input size that it was made for. Of a ``pair``, path and size are the detector's, and
    ``sha256`` is a hash of both models and of what changes their answer.
    """

    path: Path
    sha256: str
    source: str
    size: InputSize = field(default_factory=InputSize)
    pair: ModelPair | None = None

    @property
    def name(self) -> str:
        """What reports call it: the file's name, or both of a pair."""
        return self.path.name if self.pair is None else f"{self.path.name} + {self.pair.classifier.path.name}"

    @property
    def files(self) -> tuple[Weights, ...]:
        """Itself, or the two models of a pair."""
        return (self,) if self.pair is None else (self.pair.detector, self.pair.classifier)


_FOLDER = "_openvino_model"


def own_weights_folder() -> Path:
    """Where `trailcam train` puts weights, and where --weights looks for a bare name."""
    return data_folder() / "weights"


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
    except (OSError, ValueError, AttributeError, TypeError, ArithmeticError) as error:
        raise WeightsError(
            f"The thresholds {printable(str(file))} can't be read: {printable(str(error))}.",
            "It is a JSON object of class names and numbers from 0 to 1. Fix or remove it.",
        ) from error
    if not all(0 <= value <= 1 for value in thresholds.values()):
        raise WeightsError(
            f"The thresholds {printable(str(file))} aren't all from 0 to 1.", "Fix or remove the file."
        )
    return thresholds


def find_weights(
    explicit: Path | None = None, configured: Path | None = None, classifier: Path | None = None
) -> Weights:
    """The weights to use: ``--weights``, else the configuration's, else the starter model.

    A name that is not a file is looked for among the user's own weights; "starter" is the one that ships. A
    TOML file is a pair; so are other weights with a ``classifier``.

    Raises WeightsError when the one asked for isn't usable (no other takes its place),
    or when none is there, and ConfigError for a TOML file that describes no pair.
    """
    found = _found(explicit, configured)
    if classifier is None:
        return found
    if found.pair is not None:
        raise WeightsError(
            f"{printable(str(explicit or configured))} is a pair and has a classifier of its own.",
            "Leave --classifier out, or name the detector alone with --weights.",
        )
    rules = PairRules(FinderRules(found.path), NamerRules(classifier))
    return _paired(found, _part(classifier, "--classifier"), rules)


def _found(explicit: Path | None, configured: Path | None) -> Weights:
    if explicit is not None:
        return _checked(explicit, "--weights")
    if configured is not None:
        return _checked(configured, "--weights or the configuration")
    if STARTER.is_file():
        return _checked(STARTER, "the starter model")
    raise WeightsError(
        "There are no weights to detect with.",
        "Name a YOLO detection model with --weights FILE, or set it in the configuration file. "
        f"The starter model would be at {printable(str(STARTER))}; this installation lacks it.",
    )


def _paired(detector: Weights, classifier: Weights, rules: PairRules) -> Weights:
    sha256 = rules.key(detector.sha256, classifier.sha256)
    return Weights(
        detector.path, sha256, detector.source, detector.size, ModelPair(detector, classifier, rules)
    )


def _checked(path: Path, source: str) -> Weights:
    """The weights at ``path``, a model or a pair."""
    shown = printable(str(path))
    path = located(path)
    if path.suffix.lower() != PAIR or not is_file(path):
        return _model(path, shown, source)
    rules, where = read_pair(path), f"the pair {shown}"
    return _paired(_part(rules.detector.weights, where), _part(rules.classifier.weights, where), rules)


def _part(path: Path, source: str) -> Weights:
    """One of the two models of a pair."""
    found = located(path)
    if found.suffix.lower() == PAIR and is_file(found):  # not opened: it may name the pair that names it
        raise WeightsError(
            f"A pair is made of two models; {printable(str(path))} (from {source}) is a pair itself.",
            "Name a model file for each of the two.",
        )
    return _model(found, printable(str(path)), source)


def _model(path: Path, shown: str, source: str) -> Weights:
    try:
        is_folder = path.is_dir()
        size = path.stat().st_size
        fits = is_folder if path.name.endswith(_FOLDER) else path.suffix.lower() in SUFFIXES
        if not fits or not (is_folder or path.is_file()):
            raise WeightsError(
                f"{shown} (from {source}) is not a model that trailcam can read.",
                f"It takes a file ending in {', '.join(SUFFIXES)}, an OpenVINO folder NAME_openvino_model, or"
                f" a pair's description ending in {PAIR}.",
            )
        if not is_folder and size > LARGEST:
            raise WeightsError(
                f"{shown} (from {source}) has {size / 2**30:.1f} GB; trailcam loads models of up to "
                f"{LARGEST / 2**30:.0f} GB.",
                "Is it another kind of file? The largest models of the field have 0.3 GB. Nothing was read.",
            )
        return Weights(path.resolve(), sha256_of(path), source, read_input_size(path))
    except FileNotFoundError:
        raise WeightsError(
            f"The weights {shown} (from {source}) do not exist.",
            "Check the path. trailcam never downloads weights: a name such as yolo11n.pt must be a file that "
            "you have. `trailcam models list` shows what is installed.",
        ) from None
    except OSError as error:
        raise WeightsError(
            f"The weights {shown} (from {source}) can't be read: {error.strerror or error}.",
            "Check the file's permissions, and that its drive is mounted.",
        ) from error


def located(path: Path) -> Path:
    """``path``, or what is installed under that name where it is no model file itself.

    "ranch": the weights of that name, not a folder of photos that happens to lie here. "starter" is the
    model that ships with trailcam. ``models/ranch.pt`` is a file or nothing: no other takes its place.
    """
    path = at_home(path)
    is_path = path.parent != Path() and path.suffix.lower() in (*SUFFIXES, PAIR)
    if is_path or path.name.endswith(_FOLDER) or is_file(path):
        return path
    return installed(path.name) or path


def is_file(path: Path) -> bool:
    """Whether a file is there; a path that the system refuses (too long, not allowed) is none."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises for such a path


def installed(name: str) -> Path | None:
    """The weights that --weights finds under ``name``, with or without its ending; None if there are none."""
    if name == STARTER_NAME:
        return STARTER if STARTER.is_file() else None
    folder = own_weights_folder()
    names = [name, *(f"{name}{suffix}" for suffix in SUFFIXES), f"{name}{_FOLDER}"]
    places = [*(folder / each for each in names), folder / name / f"{name}{PAIR}"]
    is_model = {*SUFFIXES, PAIR}
    for place in places:
        if place.is_dir() if place.name.endswith(_FOLDER) else is_file(place) and place.suffix in is_model:
            return place
    return None


def all_installed() -> list[tuple[str, Path]]:
    """Name -> file of the user's own weights, by name; a pair is the TOML file in a folder of its name."""
    folder = own_weights_folder()
    found: list[tuple[str, Path]] = []
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        if place.is_dir() and (place / f"{place.name}{PAIR}").is_file():
            found.append((place.name, place / f"{place.name}{PAIR}"))
        elif place.name.endswith(_FOLDER) and place.is_dir():
            found.append((place.name.removesuffix(_FOLDER), place))
        elif place.is_file() and place.suffix.lower() in SUFFIXES:
            found.append((place.stem, place))
    return found


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
