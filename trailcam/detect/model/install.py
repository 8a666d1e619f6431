"""Models get a name: copied into the user's own weights folder, whole or not at all. Imports no torch."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from trailcam.detect.model.find_weights import (
    PAIR,
    Weights,
    find_weights,
    installed,
    located,
    own_weights_folder,
    thresholds_file,
)
from trailcam.detect.model.pair import read_pair
from trailcam.errors import OutputError, UsageError, WeightsError
from trailcam.settings.classmap import is_class_map_path
from trailcam.words.text import printable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def install(path: Path, name: str | None, check: Callable[[Weights], None]) -> Path:
    """Copy a model, or a pair with both of its models, among the user's own weights; returns the new place.

    ``name``: None for the file's own. ``check`` tries the model and raises what is wrong with it; then
    nothing is copied. Raises UsageError, WeightsError, ConfigError, OutputError.
    """
    weights, path = find_weights(path), located(path)
    chosen = name if name is not None else path.name.removesuffix("_openvino_model").removesuffix(path.suffix)
    check_new_name(chosen)
    sources = _files_of_pair(path, chosen) if weights.pair else _files_of(weights.path, chosen)
    check(weights)
    try:
        return _copy(sources)
    except OSError as error:
        raise OutputError(
            f"The weights can't be copied to {printable(str(own_weights_folder()))}: "
            f"{error.strerror or error}.",
            "Is there room, and may you write there?",
        ) from error


def check_new_name(name: str) -> None:
    """Raise UsageError where new weights can't be called ``name``: no good name, or taken."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f'Weights can\'t be called "{printable(name)}".',
            "Give a name of letters, digits, dots and dashes: --name my-ranch",
        )
    taken = installed(name)
    if taken is not None:
        raise UsageError(
            f"Weights called {name} are installed already: {printable(str(taken))}.",
            "Choose another name with --name.",
        )


def _files_of(path: Path, name: str) -> dict[Path, Path]:
    """Source -> place below the weights folder; the model comes first."""
    suffix = "_openvino_model" if path.is_dir() else path.suffix.lower()
    files = {path: Path(f"{name}{suffix}")}
    if not path.is_dir() and thresholds_file(path).is_file():
        files[thresholds_file(path)] = thresholds_file(Path(f"{name}{suffix}"))
    return files


def _files_of_pair(path: Path, name: str) -> dict[Path, Path]:
    """The description and what it names, in a folder of its own. Raises WeightsError for files elsewhere."""
    rules, folder = read_pair(path), path.absolute().parent
    named = [rules.detector.weights, rules.classifier.weights]
    maps = (rules.detector.class_map, rules.classifier.class_map)
    named += [Path(each) for each in maps if is_class_map_path(each)]
    named += [thresholds_file(each) for each in named[:2] if thresholds_file(each).is_file()]
    files = {path: Path(name, f"{name}{PAIR}")}
    for each in named:
        inside = Path(each).resolve()
        if not inside.is_relative_to(folder.resolve()):
            raise WeightsError(
                f"The pair {printable(str(path))} names {printable(str(each))}, which isn't in its folder.",
                "Put both models beside the TOML file and name them without a folder.",
            )
        files[inside] = Path(name) / inside.relative_to(folder.resolve())
    if len(set(files.values())) < len(files):
        raise WeightsError(
            f"The pair would be called as one of its files is: {name}{PAIR}.",
            "Choose another name with --name.",
        )
    return files


def _copy(files: dict[Path, Path]) -> Path:
    """All of them under a name of the moment, then each under its own, the model (the first) last."""
    folder = own_weights_folder()
    mark = f".{uuid.uuid4().hex}.part"
    moves = [(source, folder / target) for source, target in files.items()]
    drafts = [target.with_name(target.name + mark) for _, target in moves]
    try:
        for (source, target), draft in zip(moves, drafts, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, draft)
            else:
                shutil.copyfile(source, draft)
        for (_, target), draft in reversed(list(zip(moves, drafts, strict=True))):
            draft.replace(target)
    finally:
        for draft in drafts:
            if draft.is_dir():
                shutil.rmtree(draft, ignore_errors=True)
            else:
                draft.unlink(missing_ok=True)
    return moves[0][1]
