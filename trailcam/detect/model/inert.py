"""Pickled networks, read without running anything that a file asks for. Imports torch.

torch's own reader for files without trust builds tensors, numbers and texts. Here it also builds stand-ins
for the layers of one program: objects of no behaviour that hold what was saved of them. A file that wants
anything else is refused.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trailcam.errors import WeightsError
from trailcam.words.text import clean_message, printable

if TYPE_CHECKING:
    from pathlib import Path

# What training leaves in a checkpoint beside its layers: figures, dates, paths.
_HARMLESS = (
    *("torch.nn.modules.", "numpy.", "_codecs.encode", "pathlib.", "datetime.", "argparse.Namespace"),
    *("collections.defaultdict", "__builtin__.set", "builtins.set"),
)


class Inert:
    """Stands for an object of a class that isn't here."""

    def __new__(cls, *_: object, **__: object) -> Inert:
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        self.__dict__.update(state if isinstance(state, dict) else {"state": state})


def read_inert(path: Path, wanted: str) -> dict[str, Any] | None:
    """The dictionary in a file with layers whose class names begin with ``wanted``; None for any other file.

    Raises WeightsError for a file of that kind that wants to build more than layers, or is damaged.
    """
    if not path.is_file() or not zipfile.is_zipfile(path):
        return None
    with _only_torchs_own():
        return _read(path, wanted)


@contextmanager
def _only_torchs_own() -> Iterator[None]:
    """What other packages told torch to take for safe is not, inside the block."""
    theirs = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        yield
    finally:
        torch.serialization.add_safe_globals(theirs)


def _read(path: Path, wanted: str) -> dict[str, Any] | None:
    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(str(path))
    except (ValueError, RuntimeError, pickle.UnpicklingError, KeyError, EOFError):
        return None
    if not any(name.startswith(wanted) for name in named):
        return None
    shown = printable(str(path))
    foreign = [name for name in named if not name.startswith((f"{wanted.partition('.')[0]}.", *_HARMLESS))]
    if foreign:
        raise WeightsError(
            f"The weights {shown} hold more than a YOLO model: {clean_message(', '.join(foreign[:3]))}.",
            "Loading it would run code that the file's author wrote, with your permissions; so nothing was "
            "loaded.",
        )
    stand_ins: list[Any] = [(type(name.rpartition(".")[2], (Inert,), {}), name) for name in named]
    try:
        with torch.serialization.safe_globals(stand_ins):
            saved = torch.load(path, map_location="cpu", weights_only=True)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        KeyError,
        ValueError,
        OSError,
        TypeError,
    ) as error:
        raise WeightsError(
            f"The weights {shown} can't be loaded: {clean_message(error)}",
            "Is the file complete? An interrupted download can cause this.",
        ) from error
    return saved if isinstance(saved, dict) else None


def attributes(of: object) -> Mapping[str, Any]:
    """What was saved of an object. Raises TypeError for anything but a stand-in."""
    if not isinstance(of, Inert):
        raise TypeError(f"a {type(of).__name__} where layers should be")
    return of.__dict__


def tensors_of(layer: object, prefix: str = "") -> dict[str, Tensor]:
    """The tensors of a network, named as its ``state_dict`` would name them. Raises TypeError, KeyError."""
    return dict(_tensors(layer, prefix))


def _tensors(layer: object, prefix: str) -> Iterator[tuple[str, Tensor]]:
    told = attributes(layer)
    for kind in ("_parameters", "_buffers"):
        for name, value in told[kind].items():
            if isinstance(value, Tensor):
                yield f"{prefix}{name}", value.detach()
    for name, part in told["_modules"].items():
        if part is not None:
            yield from _tensors(part, f"{prefix}{name}.")
