"""``models list`` and ``models show``: what --weights knows by name, and what a model says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trailcam.detect.model.find_weights import STARTER, Weights, all_installed, find_weights
from trailcam.detect.model.protocol import class_map_of
from trailcam.detect.model.trust import is_trusted
from trailcam.errors import TrailcamError
from trailcam.reports.base import CellType, Column, Report, Row, Section
from trailcam.settings.taxonomy import renamed, unplaced_note
from trailcam.words.text import printable

if TYPE_CHECKING:
    from trailcam.detect.model.protocol import Detector
    from trailcam.settings.config import Settings

_MODELS = (
    Column("name", "name", CellType.TEXT),
    Column("what", "what it is", CellType.TEXT, wraps=True),
    Column("px", "px", CellType.COUNT),
    Column("megabytes", "MB", CellType.NUMBER),
    Column("trusted", "trusted", CellType.FLAG, spare=1),
    Column("sha256", "sha256", CellType.TEXT, spare=2),
    Column("path", "file", CellType.TEXT, wraps=True, spare=0),
)
_CLASSES = (
    Column("class_id", "number", CellType.COUNT),
    Column("class", "class", CellType.TEXT),
    Column("kind", "kind", CellType.TEXT),
    Column("age_class", "age", CellType.TEXT),
    Column("species", "species", CellType.TEXT, wraps=True),
    Column("threshold", "counts from", CellType.NUMBER),
)
_FACTS = (Column("name", "what", CellType.TEXT), Column("value", "value", CellType.TEXT, wraps=True))


def model_list() -> Report:
    """The starter and the user's own weights, by name. A file that can't be read has a row that says why."""
    found = [("starter", STARTER)] if STARTER.is_file() else []
    rows = []
    for name, path in [*found, *all_installed()]:
        try:
            row = _row(find_weights(path))
        except TrailcamError as error:
            row = dict.fromkeys((column.name for column in _MODELS), None) | {"what": error.message}
        rows.append({**row, "name": printable(name), "path": printable(str(path))})
    return Report(
        name="models",
        title="Models",
        filters={},
        coverage={"photos": 0},
        columns=_MODELS,
        rows=rows,
        notes=[
            "`trailcam detect --weights NAME` looks with one; `trailcam models show NAME` tells its classes."
        ],
    )


def model_show(weights: Weights, detector: Detector, settings: Settings) -> Report:
    """One model: its classes and what they mean, then its files. ``detector``: the model, opened."""
    described = class_map_of(detector, settings.detect.class_map).describe(detector.names, settings.classes)
    infos, elsewhere = renamed(described, settings.species.listed)
    facts: dict[str, Any] = {"size": weights.size.in_words(settings.detect.imgsz, detector.frame.imgsz)}
    for what, part in zip(_part_names(weights), weights.files, strict=True):
        facts[what] = part.path
        facts[f"{what}, sha256"] = part.sha256
    if weights.pair is not None:
        rules = weights.pair.rules
        facts |= {"description": rules.description, "least class probability": rules.classifier.least}
        facts |= {f"{name} from": value for name, value in rules.thresholds.items()}
    return Report(
        name="model",
        title=printable(weights.name),
        filters={},
        coverage={"photos": 0},
        columns=_CLASSES,
        rows=[
            {
                "class_id": info.class_id,
                "class": printable(detector.names[info.class_id]),
                "kind": str(info.kind),
                "age_class": str(info.age_class) if info.age_class else None,
                "species": info.species,
                "threshold": detector.thresholds.get(info.class_id),
            }
            for info in infos
        ],
        notes=[
            f"Not on the species list: boxes of {printable(was)} count as {printable(now)}."
            for was, now in elsewhere.items()
        ]
        + unplaced_note(settings.species.allowed, detector.names.values()),
        sections=(
            Section(
                "facts",
                "Model",
                _FACTS,
                [{"name": name, "value": printable(str(value))} for name, value in facts.items() if value],
            ),
        ),
    )


def _part_names(weights: Weights) -> tuple[str, ...]:
    return ("file",) if weights.pair is None else ("detector", "classifier")


def _row(weights: Weights) -> Row:
    size = sum(_bytes(part) for part in weights.files)
    return {
        "what": f"pair: {printable(weights.name)}" if weights.pair else _kind(weights),
        "px": weights.size.chosen(None),
        "megabytes": round(size / 1e6, 1),
        "trusted": any(is_trusted(part.sha256) for part in weights.files),
        "sha256": weights.sha256[:12],
    }


def _kind(weights: Weights) -> str:
    if weights.path == STARTER:
        return "the model that ships with trailcam"
    kinds = {".onnx": "ONNX", ".engine": "TensorRT", ".torchscript": "TorchScript"}
    return "OpenVINO" if weights.path.is_dir() else kinds.get(weights.path.suffix.lower(), "PyTorch")


def _bytes(weights: Weights) -> int:
    if weights.path.is_dir():
        return sum(part.stat().st_size for part in weights.path.rglob("*") if part.is_file())
    return weights.path.stat().st_size
