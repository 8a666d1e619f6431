"""The input size that weights were made for, read from the file alone. Imports no torch.

It is part of the model key, which is computed before a model is loaded. Nothing that a file asks for is run:
of a pickle only its plain values are built, and whatever is wrong with a file, whoever loads it tells.
"""

from __future__ import annotations

import ast
import io
import json
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import yaml

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_IMGSZ = 640  # px of the longer side; what YOLO models are trained at unless they say otherwise
BELIEVABLE = range(32, 8193)  # px; what --imgsz takes, too

_LONGEST = 8 << 20  # bytes of a description, which holds no tensors; those of large models have 1 MB
_USUAL_GRIDS, _LARGE_PX = 3, 1280  # of YOLOv5
_ONNX_METADATA = 14  # ModelProto.metadata_props of onnx.proto3


@dataclass(frozen=True, slots=True)
class InputSize:
    """What weights say of their input. ``imgsz``: px of the longer side, None where they say nothing usable.

    ``fixed``: an export that takes no other size. ``refused``: what they say, if that can be no size.
    """

    imgsz: int | None = None
    fixed: bool = False
    refused: str | None = None

    def chosen(self, asked: int | None) -> int:
        """The size of a run: the one ``asked`` for, else the weights' own, else 640."""
        return asked or self.imgsz or DEFAULT_IMGSZ

    def in_model_key(self, asked: int | None) -> int:
        """The size that a model key holds. A fixed one follows from the weights' hash, so it adds nothing.

        It stays 640 there, as it was before trailcam knew the size: results of such weights keep their key.
        """
        return self.chosen(asked) if asked or not self.fixed else DEFAULT_IMGSZ

    def in_words(self, asked: int | None, used: int) -> str:
        """The size ``used`` in a run, and where it comes from, for people."""
        if self.fixed and used == self.imgsz:
            return f"{used} px (the export accepts no other)"
        if asked:
            own = "" if self.imgsz in (None, used) else f"; the weights say {self.imgsz}"
            return f"{used} px (as asked{own})"
        return f"{used} px (as the weights say)" if self.imgsz else f"{used} px (the weights name no size)"


def read_input_size(path: Path) -> InputSize:
    """What the weights at ``path`` say. Never raises: damage is told by whoever loads them."""
    readers = {".onnx": _onnx, ".engine": _engine, ".torchscript": _torchscript}
    try:
        if path.is_dir():
            return _export(yaml.safe_load(_text((path / "metadata.yaml").read_bytes())))
        return readers.get(path.suffix.lower(), _checkpoint)(path)
    except Exception:  # noqa: BLE001 - a damaged description provokes anything
        return InputSize()


def read_outline(path: Path) -> Any:  # noqa: ANN401 - whatever was saved
    """The plain values of a .pt file: dicts, lists, texts and numbers, a stub for everything else.

    Raises whatever a damaged file provokes.
    """
    with zipfile.ZipFile(path) as whole:
        (name,) = [n for n in whole.namelist() if n.endswith("/data.pkl")]
        return _Outline(io.BytesIO(_member(whole, name))).load()


def _checkpoint(path: Path) -> InputSize:
    """The arguments that a checkpoint was trained with, or a two-stage container's own size."""
    saved = read_outline(path)
    if str(saved.get("format", "")).startswith("trailcam-"):
        return _size(saved.get("imgsz"), fixed=False)
    if "train_args" in saved:
        return _size(saved["train_args"].get("imgsz"), fixed=False)
    return _of_yolov5(saved)


def _of_yolov5(saved: Mapping[str, Any]) -> InputSize:
    """A YOLOv5 checkpoint's: what it was trained with, else what models of so many grids are made for.

    MegaDetector v5's names none. Models of four grids are YOLOv5's for 1280 px.
    """
    trained = saved.get("opt") or {}
    said = trained.get("imgsz", trained.get("img_size"))
    if said is not None:
        return _size(said, fixed=False)
    description = (saved.get("ema") or saved["model"]).state["yaml"]
    grids = description["head"][-1][0]
    return InputSize(_LARGE_PX) if len(grids) > _USUAL_GRIDS else InputSize()


def _onnx(path: Path) -> InputSize:
    with path.open("rb") as file:
        found = dict(_onnx_metadata(file))
    return _export({key: ast.literal_eval(found[key]) for key in ("imgsz", "args") if key in found})


def _engine(path: Path) -> InputSize:
    """TensorRT's, as ultralytics writes it: the length of a JSON text, the text, the engine."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(4), "little", signed=True)
        return _export(json.loads(file.read(max(0, min(length, _LONGEST)))))


def _torchscript(path: Path) -> InputSize:
    with zipfile.ZipFile(path) as whole:
        (name,) = [n for n in whole.namelist() if n.endswith("/extra/config.txt")]
        return _export(json.loads(_member(whole, name)))


def _export(metadata: Mapping[str, Any]) -> InputSize:
    """ultralytics' description of an export."""
    return _size(metadata.get("imgsz"), fixed=not (metadata.get("args") or {}).get("dynamic", False))


def _size(said: object, *, fixed: bool) -> InputSize:
    if said is None:
        return InputSize()
    sides = said if isinstance(said, list | tuple) else (said,)
    if sides and all(type(side) is int and side in BELIEVABLE for side in sides):
        return InputSize(max(sides), fixed)
    return InputSize(refused=str(said)[:40])


def _text(data: bytes) -> str:
    return data[:_LONGEST].decode("utf-8")


def _member(whole: zipfile.ZipFile, name: str) -> bytes:
    """A file of an archive. Raises ValueError for one too long to be a description."""
    with whole.open(name) as file:
        data = file.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        raise ValueError(f"{name} is longer than {_LONGEST} bytes")
    return data


class _Stub:
    """Stands for every class and function that a pickle names; whatever is done to it does nothing.

    ``state`` is what was saved of it, if anything.
    """

    state: Any = None

    def __new__(cls, *_: object, **__: object) -> _Stub:
        return object.__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, item: object) -> None:
        pass

    def extend(self, items: object) -> None:
        pass


class _Outline(pickle._Unpickler):
    """Dicts, lists, texts and numbers of a pickle.

    The unpickler written in Python: the faster one, and the one step left out here, reserve as much memory as
    a file asks for.
    """

    dispatch: ClassVar = {
        op: step for op, step in pickle._Unpickler.dispatch.items() if op != pickle.BYTEARRAY8[0]
    }

    def find_class(self, module: str, name: str) -> type[_Stub]:
        return _Stub

    def persistent_load(self, pid: object) -> None:
        return None


def _onnx_metadata(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """The key-value pairs of an ONNX file, without reading its graph (Protocol Buffers' wire format)."""
    while (tag := _varint(file)) is not None:
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            _varint(file)
            continue
        length = {1: 8, 2: None, 5: 4}[wire]
        length = (_varint(file) or 0) if length is None else length
        if number == _ONNX_METADATA and length <= _LONGEST:
            pair = dict(_fields(file.read(length)))
            yield _text(pair.get(1, b"")), _text(pair.get(2, b""))
        else:
            file.seek(length, io.SEEK_CUR)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Numbers and bytes of a message that holds texts alone."""
    rest = io.BytesIO(message)
    while (tag := _varint(rest)) is not None:
        yield tag >> 3, rest.read(_varint(rest) or 0)


def _varint(file: BinaryIO) -> int | None:
    """The next number; None at the end of the file."""
    value = shift = 0
    while byte := file.read(1):
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
        shift += 7
        if shift > 63:
            raise ValueError("no number")
    return None
