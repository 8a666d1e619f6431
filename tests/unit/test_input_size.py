"""The size that weights were made for: read from each kind of file, used, told, and part of the model key."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import struct
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.helpers import two_stage
from trailcam.detect.command import model_key
from trailcam.detect.model.find_weights import find_weights
from trailcam.detect.model.input_size import DEFAULT_IMGSZ, InputSize, read_input_size
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.settings.config import Settings, load

CPU = torch.device("cpu")

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def checkpoint(path: Path, train_args: object) -> Path:
    """A YOLO model of random weights, saved as ultralytics saves one."""
    from ultralytics.nn.tasks import DetectionModel

    build: Any = DetectionModel
    with contextlib.redirect_stdout(io.StringIO()):
        model = build("yolo11n.yaml", nc=2, verbose=False)
    model.names = {0: "doe", 1: "mature"}
    model.args = {"imgsz": 32}  # what the model says of itself; the training's arguments are newer
    torch.save({"model": model, "train_args": train_args, "date": "2026"}, path)
    return path


@pytest.fixture(scope="module")
def made_for_1280(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("weights") / "large.pt", {"imgsz": 1280, "task": "detect"})


def settings(imgsz: int | None = None) -> Settings:
    plain = load(None, {}, {})
    return replace(plain, detect=replace(plain.detect, imgsz=imgsz))


def message(number: int, data: bytes) -> bytes:
    """A field of Protocol Buffers that holds bytes."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def onnx(path: Path, metadata: dict[str, str]) -> Path:
    """A model that hands on what it is given, described by ``metadata``."""
    shape = message(2, message(1, b"\x08\x01"))  # one dimension of size 1
    value = message(2, message(1, b"\x08\x01" + shape))  # of float32
    node = message(1, b"x") + message(2, b"y") + message(4, b"Identity")
    graph = message(1, node) + message(2, b"g") + message(11, message(1, b"x") + value)
    graph += message(12, message(1, b"y") + value)
    pairs = b"".join(
        message(14, message(1, k.encode()) + message(2, v.encode())) for k, v in metadata.items()
    )
    path.write_bytes(b"\x08\x08" + message(7, graph) + message(8, b"\x10\x11") + pairs)
    return path


def test_a_checkpoint_says_what_it_was_trained_at(made_for_1280: Path) -> None:
    assert find_weights(made_for_1280).size == InputSize(1280)


def test_an_onnx_export_says_it_in_its_metadata(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    metadata = {"imgsz": "[736, 1280]", "args": "{'dynamic': True}", "names": "{0: 'deer'}"}
    file = onnx(tmp_path / "a.onnx", metadata)
    read = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"]).get_modelmeta()
    assert read.custom_metadata_map == metadata
    assert read_input_size(file) == InputSize(1280)
    assert read_input_size(onnx(tmp_path / "b.onnx", metadata | {"args": "{}"})) == InputSize(
        1280, fixed=True
    )
    assert read_input_size(onnx(tmp_path / "c.onnx", {})) == InputSize()


@pytest.mark.parametrize("dynamic", [True, False])
def test_an_openvino_folder_says_it_in_its_description(tmp_path: Path, dynamic: bool) -> None:
    folder = tmp_path / "deer_openvino_model"
    folder.mkdir()
    text = yaml.safe_dump({"imgsz": [960, 960], "names": {0: "deer"}, "args": {"dynamic": dynamic}})
    (folder / "metadata.yaml").write_text(text)
    assert find_weights(folder).size == InputSize(960, fixed=not dynamic)


def test_a_tensorrt_engine_says_it_before_the_engine(tmp_path: Path) -> None:
    text = json.dumps({"imgsz": [640, 640], "args": {}}).encode()
    file = tmp_path / "deer.engine"
    file.write_bytes(struct.pack("<i", len(text)) + text + b"engine")
    assert find_weights(file).size == InputSize(640, fixed=True)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_torchscript_export_says_it_in_its_own_file(tmp_path: Path) -> None:
    file = tmp_path / "deer.torchscript"
    traced = torch.jit.trace(torch.nn.Identity(), torch.zeros(1))  # type: ignore[no-untyped-call]
    text = json.dumps({"imgsz": [320, 320], "args": {"dynamic": False}})
    torch.jit.save(traced, str(file), _extra_files={"config.txt": text})
    assert find_weights(file).size == InputSize(320, fixed=True)


def test_a_two_stage_file_says_it_itself(tmp_path: Path) -> None:
    file = two_stage.save(tmp_path / "two.pt", two_stage.container())
    found = find_weights(file)
    assert found.size == InputSize(128)
    assert open_detector(found, CPU).frame.imgsz == 128


def test_weights_that_say_nothing_are_used_at_640(tmp_path: Path) -> None:
    found = find_weights(checkpoint(tmp_path / "plain.pt", {}))
    assert found.size == InputSize()
    assert open_detector(found, CPU).frame.imgsz == DEFAULT_IMGSZ == 640
    assert found.size.in_words(None, 640) == "640 px (the weights name no size)"


def test_the_size_is_used_and_can_be_overridden(made_for_1280: Path) -> None:
    found = find_weights(made_for_1280)
    assert open_detector(found, CPU).frame.imgsz == 1280
    assert open_detector(found, CPU, ModelOptions(imgsz=640)).frame.imgsz == 640


class Mischief:
    """Makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._folder),)


def archive(path: Path, pickled: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as whole:
        whole.writestr("a/data.pkl", pickled)
    return path


def test_looking_for_the_size_runs_no_code(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    content = {
        "model": Mischief(ran),
        "more": [Mischief(ran)],
        "train_args": {"imgsz": 960, "x": Mischief(ran)},
    }
    for protocol in range(6):
        file = archive(tmp_path / f"{protocol}.pt", pickle.dumps(content, protocol))
        assert read_input_size(file) == InputSize(960)
    assert not ran.exists()


@pytest.mark.parametrize("said", [10_000_000, 31, -640, True, "640", [640, 10**9], [], 640.0, {"a": 1}])
def test_a_size_that_can_be_none_is_not_taken(tmp_path: Path, said: object) -> None:
    size = read_input_size(archive(tmp_path / "odd.pt", pickle.dumps({"train_args": {"imgsz": said}})))
    assert size == InputSize(refused=str(said))
    assert size.chosen(None) == 640


def test_a_size_that_can_be_none_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = find_weights(checkpoint(tmp_path / "odd.pt", {"imgsz": 10_000_000}))
    with caplog.at_level("WARNING"):
        assert open_detector(found, CPU).frame.imgsz == 640
    assert "made for 10000000 px, which is impossible; --imgsz sets another size" in caplog.text
    caplog.clear()
    assert open_detector(found, CPU, ModelOptions(imgsz=96)).frame.imgsz == 96
    assert "is impossible" not in caplog.text


@pytest.mark.parametrize(
    "pickled",
    [
        b"",
        b"no pickle",
        pickle.dumps([1, 2]),
        pickle.dumps({"train_args": None}),
        b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b".",  # a bytearray of a terabyte
        b"\x80\x02r\xff\xff\xff\x7f.",  # a place in a table of two billion
        b"\x80\x02" + b"(" * 100_000,
        pickle.dumps({"train_args": {}}) + b"0" * (9 << 20),
    ],
)
def test_damage_is_left_to_whoever_loads_the_file(tmp_path: Path, pickled: bytes) -> None:
    assert read_input_size(archive(tmp_path / "a.pt", pickled)) == InputSize()


@pytest.mark.parametrize("suffix", [".pt", ".onnx", ".engine", ".torchscript"])
@pytest.mark.parametrize("data", [b"", b"\x08", b"\xff" * 40, b"PK\x03\x04", b"\x72\xff\xff\xff\xff\x0fdata"])
def test_a_file_of_anything_says_nothing(tmp_path: Path, suffix: str, data: bytes) -> None:
    file = tmp_path / f"x{suffix}"
    file.write_bytes(data)
    assert read_input_size(file) == InputSize()
    assert read_input_size(tmp_path / f"none{suffix}") == InputSize()


def test_themodel_key_holds_the_size_that_is_used(made_for_1280: Path, tmp_path: Path) -> None:
    large = find_weights(made_for_1280)
    assert model_key(large, settings()) == model_key(large, settings(imgsz=1280))
    assert model_key(large, settings()) != model_key(large, settings(imgsz=640))


@pytest.mark.parametrize("size", [InputSize(640), InputSize(), InputSize(1280, fixed=True)])
def test_results_that_stay_the_same_keep_their_key(size: InputSize, made_for_1280: Path) -> None:
    """At 640 px, and where an export takes one size anyway, a library is not looked at again."""
    before = find_weights(made_for_1280)
    key = model_key(replace(before, size=InputSize()), settings())
    assert model_key(replace(before, size=size), settings()) == key


def test_the_key_of_before_is_the_key_of_today(made_for_1280: Path) -> None:
    """As trailcam 0.1 computed it for weights used at 640 px: whoever changes it makes all photos new."""
    found = replace(find_weights(made_for_1280), sha256="0" * 64, size=InputSize(640))
    assert model_key(found, settings()) == "cbd14fb4b4b701c6a06540093aeaba495d61e887c2c8df70b6ac9dad329f276e"


@pytest.mark.parametrize(
    ("size", "asked", "used", "words"),
    [
        (InputSize(1280), None, 1280, "1280 px (as the weights say)"),
        (InputSize(1280), 640, 640, "640 px (as asked; the weights say 1280)"),
        (InputSize(640), 640, 640, "640 px (as asked)"),
        (InputSize(), 960, 960, "960 px (as asked)"),
        (InputSize(960, fixed=True), 640, 960, "960 px (the export accepts no other)"),
    ],
)
def test_the_size_is_shown_with_where_it_comes_from(
    size: InputSize, asked: int | None, used: int, words: str
) -> None:
    assert size.in_words(asked, used) == words
