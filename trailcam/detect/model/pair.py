"""A detector and a classifier of its boxes, as one TOML file describes them. Imports no torch.

The file lies beside the weights that it names, so that a folder with all three can be shared::

    name = "ranch"
    [detector]
    weights = "wildlife.pth"
    ask = ["animal"]            # the classes whose boxes the classifier names; left out: all animals
    [classifier]
    weights = "species.pt"
    class_map = "labels"
    [thresholds]
    bobcat = 0.8                # from this probability on a box is called so; else ``least``

`detect --classifier FILE` makes the same pair of what ``--weights`` names, all other keys at their defaults.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from trailcam.domain import Kind
from trailcam.errors import WeightsError
from trailcam.settings import schema
from trailcam.settings.classmap import (
    ClassMap,
    auto_class_map,
    class_map_rule,
    describe_class,
    fold,
    load_class_map,
)
from trailcam.settings.schema import KeyRule, Refused, ValueSource, check_table, check_value
from trailcam.words.text import printable

_WHAT = "description of a pair"


def _three(low: float, high: float) -> KeyRule:
    one = schema.number(low, high)

    def check(value: object, base: Path | None) -> object:
        if not isinstance(value, list) or len(value) != 3:
            raise Refused
        return tuple(one.check(part, base) for part in value)

    return KeyRule(f"a list of three numbers from {low:g} to {high:g}, for red, green and blue", check)


_PX = schema.whole(32, 8192)
_SHARE = schema.number(0, 1)
_AUTO_MAP = "auto"


@dataclass(frozen=True, slots=True)
class FinderRules:
    """``[detector]``. ``confidence`` 0..1: from which boxes count where the weights recommend nothing."""

    weights: Annotated[Path, schema.file_path()]
    ask: Annotated[tuple[str, ...], schema.names("animal")] = ()
    confidence: Annotated[float | None, _SHARE] = None
    class_map: Annotated[str, class_map_rule()] = _AUTO_MAP


@dataclass(frozen=True, slots=True)
class NamerRules:
    """``[classifier]``: how crops are cut, and what its file doesn't say of itself.

    ``margin``: how much of a box's longer side a crop shows beyond it, on each side. ``least`` 0..1: a class
    less probable leaves the box the detector's. ``mean``, ``std``: of each channel, 0..1.
    """

    weights: Annotated[Path, schema.file_path()]
    class_map: Annotated[str, class_map_rule()] = _AUTO_MAP
    margin: Annotated[float, schema.number(0, 5)] = 0.1
    least: Annotated[float, _SHARE] = 0.5
    imgsz: Annotated[int | None, _PX] = None
    mean: Annotated[tuple[float, ...] | None, _three(0, 1)] = None
    std: Annotated[tuple[float, ...] | None, _three(0.001, 1)] = None
    output: Annotated[str, schema.word(("auto", "probabilities", "logits"))] = "auto"
    classes: Annotated[tuple[str, ...], schema.names("bobcat", "coyote")] = ()


@dataclass(frozen=True, slots=True)
class PairRules:
    """All that a description says. ``thresholds``: class of the classifier, folded -> probability (0..1)."""

    detector: FinderRules
    classifier: NamerRules
    name: Annotated[str, schema.text()] = ""
    description: Annotated[str, schema.text()] = ""
    thresholds: Mapping[str, float] = field(default_factory=dict)

    def key(self, detector_sha256: str, classifier_sha256: str) -> str:
        """A hash of all that changes an answer: equal for a description that lies elsewhere."""
        namer = dataclasses.asdict(self.classifier)
        for other in ("weights", "class_map"):
            del namer[other]
        said = [detector_sha256, classifier_sha256, self.detector.ask, namer, sorted(self.thresholds.items())]
        return hashlib.sha256(json.dumps(["pair", *said]).encode()).hexdigest()


def read_pair(path: Path) -> PairRules:
    """The pair that a file describes; its weights' paths are relative to it. Raises ConfigError."""
    table = dict(schema.read_toml(path, _WHAT))
    source = ValueSource(f"in {printable(str(path))}", base=path.absolute().parent)
    parts = {"detector": FinderRules, "classifier": NamerRules}
    schema.refuse_unknown(table, ["name", "description", *parts, "thresholds"], "", source)
    for part in parts:
        if part not in table:
            raise source.error(
                f"{printable(str(path))} describes no pair: [{part}] is missing.",
                'A pair has [detector] and [classifier], each with weights = "FILE".',
            )
    told = schema.as_table(table.get("thresholds", {}), "thresholds", source)
    made = {part: rules(**check_table(rules, table[part], part, source)) for part, rules in parts.items()}
    header = {name: table[name] for name in ("name", "description") if name in table}
    for name, value in header.items():
        check_value(schema.text(), value, name, source)
    return PairRules(
        **made,
        name=str(header.get("name", path.stem)),
        description=str(header.get("description", "")),
        thresholds={
            fold(name): float(str(check_value(_SHARE, value, f"thresholds.{name}", source)))
            for name, value in told.items()
        },
    )


def asked_classes(rules: PairRules, names: Mapping[int, str], shown: str) -> list[int]:
    """The detector's classes whose boxes the classifier is asked about: those named, else all but people

    and vehicles. ``shown``: what to call the detector. Raises WeightsError where it doesn't know one, or none
    is left.
    """
    ids = {fold(name): i for i, name in names.items()}
    for name in rules.detector.ask:
        if fold(name) not in ids:
            raise WeightsError(
                f'The detector {shown} has no class "{printable(name)}" to ask the classifier about.',
                f"Its classes: {_listed(names.values())}. Name one of them as `ask` under [detector].",
            )
    if rules.detector.ask:
        return sorted(ids[fold(name)] for name in rules.detector.ask)
    found = _map(rules.detector.class_map, names.values())
    never = (Kind.PERSON, Kind.VEHICLE)
    animals = [
        i
        for i, name in names.items()
        if describe_class(i, name, found.classes.get(fold(name))).kind not in never
    ]
    if not animals:
        raise WeightsError(
            f"The detector {shown} has no class to ask the classifier about, only {_listed(names.values())}.",
            "Name the classes as `ask` under [detector] in the pair's TOML file.",
        )
    return animals


def check_classifier(rules: PairRules, names: Sequence[str], shown: str) -> None:
    """Raise WeightsError where a classifier has other classes than its class map or thresholds name."""
    if rules.classifier.class_map != _AUTO_MAP:
        left = load_class_map(rules.classifier.class_map).left_out(names)
        if left:
            raise WeightsError(
                f"The classifier {shown} has classes that its class map "
                f"{printable(rules.classifier.class_map)} doesn't name: {_listed(left)}.",
                "Add them to the map, or name another one as `class_map` under [classifier].",
            )
    unknown = set(rules.thresholds) - {fold(name) for name in names}
    if unknown:
        raise WeightsError(
            f"[thresholds] of the pair names {_listed(sorted(unknown))}; the classifier {shown} has no such"
            " class.",
            f"Its classes: {_listed(names)}.",
        )


def pair_class_map(rules: PairRules, names: Sequence[str], classifier_names: Sequence[str]) -> ClassMap:
    """What the classes ``names`` of a pair mean: by the classifier's map where it has the class."""
    theirs = {fold(name) for name in classifier_names}
    namer = _map(rules.classifier.class_map, classifier_names).classes
    finder = _map(rules.detector.class_map, [name for name in names if fold(name) not in theirs]).classes
    return ClassMap(
        rules.name or "pair",
        classes={
            **{name: rule for name, rule in finder.items() if name not in theirs},
            **{name: rule for name, rule in namer.items() if name in theirs},
        },
    )


def _map(wanted: str, names: Iterable[str]) -> ClassMap:
    return auto_class_map(names) if wanted == _AUTO_MAP else load_class_map(wanted)


def _listed(names: Iterable[str]) -> str:
    shown = list(map(printable, names))
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
