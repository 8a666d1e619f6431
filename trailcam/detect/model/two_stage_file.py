"""Weights of two stages in one file: reading and checking them. Imports torch.

A container is what ``torch.save`` makes of a dict of dicts, lists, numbers, texts and tensors
with ``format`` = :data:`FORMAT` or :data:`FORMAT_2`. It is read with ``weights_only=True``: nothing in it is
executed, unlike in the pickles that ultralytics saves.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trailcam.errors import WeightsError
from trailcam.words.text import printable

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = "trailcam-two-stage-1"
FORMAT_2 = "trailcam-two-stage-2"
"""The first stage may be a YOLOX that only finds; the second has a rule for what it can't tell."""
DEER = "deer"
"""What the first stage calls every deer; of the second kind of container, a deer whose sex can't be told."""
BUCK = "buck"
"""A buck whose size can't be told."""
OBJECT = "object"
"""What a first stage calls its boxes that only finds; the second stage names them all."""
ULTRALYTICS, YOLOX = "ultralytics", "yolox"
NONE = "none"
"""What the second stage calls a crop without any object."""
ANTLERLESS = ("doe", "fawn")
ANTLERED = ("young", "mid", "mature")

_FAMILY = "trailcam-two-stage-"


@dataclass(frozen=True, slots=True)
class StageOne:
    """A detection model: its class names in order, and its layers.

    ``arch``: whose layers they are; ``yaml`` describes them as ultralytics does, or gives a YOLOX's ``depth``
    and ``width``. ``input_px``: the longer side that it looks at where that is less than the frame's.
    """

    names: tuple[str, ...]
    yaml: Mapping[str, Any]
    state: Mapping[str, Tensor]
    arch: str = ULTRALYTICS
    input_px: int | None = None


@dataclass(frozen=True, slots=True)
class NamingRule:
    """The constants of :func:`trailcam.detect.model.two_stage_naming.name_boxes`."""

    bias: float
    found: float
    named: float
    species_power: float
    sex_power: float
    antlered_at: float
    antlerless_at: float
    size_at: float


@dataclass(frozen=True, slots=True)
class StageTwo:
    """A classifier of crops.

    ``input_px``: side of its square input. ``margin``: how much of a box's longer side a crop
    shows beyond the box, on each side. ``mean``, ``std``: of each channel, 0..1. The others
    are the constants of :func:`trailcam.detect.model.two_stage_crops.decide`; ``flip`` asks for the mean with
    the mirrored crop's answer. ``rule``: names by it, and not by that function.
    """

    arch: str
    names: tuple[str, ...]
    state: Mapping[str, Tensor]
    input_px: int
    margin: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    width: int
    temperature: float
    sharpness: float
    group_sharpness: float
    antlered_at: float
    flip: bool
    rule: NamingRule | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """Both stages. ``names`` are the final classes.

    ``thresholds``: class name -> the confidence (0..1) from which it counts.
    ``iou`` and ``max_crops``: suppression between boxes of the first stage, and how many of
    them are kept for one photo. ``two`` is None for a first stage that names the final classes.
    ``floor``: boxes that the first stage scores lower aren't looked at again. ``nested``: of two boxes of
    one kind the less confident goes where more than this share of the smaller lies in the other.
    """

    one: StageOne
    two: StageTwo | None
    names: tuple[str, ...]
    thresholds: Mapping[str, float]
    imgsz: int
    iou: float
    max_crops: int
    floor: float = 0.0
    nested: float = 1.0


def read_container(path: Path) -> Container | None:
    """The container in a file, None for any other file. Recognised by its content, not by its name.

    Raises WeightsError for a container that is incomplete or of a newer kind.
    """
    if not path.is_file() or not zipfile.is_zipfile(path):
        return None
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError, OSError):
        return None  # another model, or damage: the next reader says which
    kind = saved.get("format") if isinstance(saved, dict) else None
    if not isinstance(kind, str) or not kind.startswith(_FAMILY):
        return None
    shown = printable(str(path))
    if kind not in (FORMAT, FORMAT_2):
        raise WeightsError(
            f"The weights {shown} are of kind {printable(kind)}, which this version of trailcam can't read.",
            "They were made for a newer version; upgrade trailcam.",
        )
    try:
        return _checked(_container(saved))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(
            f"The weights {shown} are incomplete: {printable(str(error))}.", "Get the file again."
        ) from error


def _container(saved: Mapping[str, Any]) -> Container:
    one, two = saved["detector"], saved["classifier"]
    return Container(
        one=StageOne(
            tuple(str(one["names"][i]) for i in range(len(one["names"]))),
            one["yaml"],
            one["state_dict"],
            str(one.get("arch", ULTRALYTICS)),
            int(one["input_px"]) if one.get("input_px") else None,
        ),
        two=_stage_two(two) if two else None,
        names=tuple(map(str, saved["names"])),
        thresholds={str(name): float(value) for name, value in saved["thresholds"].items()},
        imgsz=int(saved["imgsz"]),
        iou=float(saved["iou"]),
        max_crops=int(saved["max_crops"]),
        floor=float(saved.get("floor", 0.0)),
        nested=float(saved.get("nested", 1.0)),
    )


def _stage_two(saved: Mapping[str, Any]) -> StageTwo:
    return StageTwo(
        arch=str(saved["arch"]),
        names=tuple(map(str, saved["names"])),
        state=saved["state_dict"],
        input_px=int(saved["input_px"]),
        margin=float(saved["margin"]),
        mean=tuple(map(float, saved["mean"])),
        std=tuple(map(float, saved["std"])),
        width=int(saved.get("width", 512)),
        temperature=float(saved["temperature"]),
        sharpness=float(saved.get("sharpness", 0.0)),
        group_sharpness=float(saved.get("group_sharpness", 0.0)),
        antlered_at=float(saved.get("antlered_at", 0.5)),
        flip=bool(saved.get("flip", False)),
        rule=_rule(saved["rule"]) if saved.get("rule") else None,
    )


def _rule(saved: Mapping[str, Any]) -> NamingRule:
    return NamingRule(**{field.name: float(saved[field.name]) for field in fields(NamingRule)})


def _checked(read: Container) -> Container:
    """Every class that a stage may answer with is a final class, so that no box can be without a name."""
    answers = set(read.one.names)
    if read.two is not None:
        asked = OBJECT if read.one.names == (OBJECT,) else DEER
        answers = (answers - {asked}) | (set(read.two.names) - {NONE})
        if read.two.rule is not None:
            answers |= {DEER, BUCK}
        needed = {NONE, *ANTLERLESS, *ANTLERED} - set(read.two.names)
        if needed or asked not in read.one.names:
            raise ValueError(f"no class {', '.join(sorted(needed)) or DEER}")
        if asked == OBJECT and len(read.two.names) <= 1 + len(ANTLERLESS) + len(ANTLERED):
            raise ValueError("a second stage that knows deer alone")
    unknown = answers - set(read.names)
    if unknown:
        raise ValueError(f"class {', '.join(sorted(unknown))} has no place in names")
    return read
