"""A detector and a classifier as one model: from a TOML file or --classifier to boxes with both scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from tests.helpers import networks
from trailcam.detect.model import find_weights as find_weights_module
from trailcam.detect.model.find_weights import PAIR, STARTER, Weights, find_weights, located
from trailcam.detect.model.install import check_new_name
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.pair_detector import PairDetector
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.protocol import Detector, RawDetections
from trailcam.domain import Kind
from trailcam.errors import ConfigError, TrailcamError, UsageError, WeightsError

CPU = torch.device("cpu")
FLOAT = ModelOptions(precision=Precision.FLOAT32, imgsz=128)
TOML = """
name = "ranch"
[detector]
weights = "md.pt"
ask = ["animal"]
[classifier]
weights = "species.pt"
class_map = "labels"
least = 0.0
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("pair")
    networks.save_yolov5(found / "md.pt", networks.yolov5_net(), opt={"imgsz": 128})
    networks.save_classifier(found / "species.pt", ["bobcat", "skunk", "person"])
    (found / "ranch.toml").write_text(TOML)
    return found


@pytest.fixture
def write(folder: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    """The pair's description with one text replaced by another, beside the same weights."""

    def written(old: str, new: str) -> Path:
        assert old in TOML
        path = tmp_path / "other.toml"
        text = TOML.replace(old, new)
        for name in ("md.pt", "species.pt"):
            text = text.replace(f'"{name}"', f"'{folder / name}'")
        path.write_text(text)
        return path

    return written


def opened(path: Path) -> Detector:
    return open_detector(find_weights(path), CPU, FLOAT)


def photos() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).integers(0, 256, (3, 96, 128, 3), np.uint8))


def test_a_pair_names_the_boxes_that_it_is_asked_about(folder: Path) -> None:
    pair, alone = opened(folder / "ranch.toml"), opened(folder / "md.pt")
    assert pair.names == {0: "animal", 1: "person", 2: "bobcat", 3: "skunk"}
    named = 0
    for found, before in zip(pair.detect(photos()), alone.detect(photos()), strict=True):
        np.testing.assert_array_equal(found.xyxy, before.xyxy)
        np.testing.assert_array_equal(found.confidence, before.confidence)
        assert found.probability is not None
        asked = before.class_id == 0
        assert (found.class_id[~asked] == before.class_id[~asked]).all()
        assert np.isnan(found.probability[~asked]).all()
        assert ((found.probability[asked] > 0) & (found.probability[asked] <= 1)).all()
        assert set(found.class_id[asked].tolist()) <= {1, 2, 3}
        named += int(asked.sum())
    assert named > 5


def test_each_photo_of_a_batch_gets_what_it_gets_alone(folder: Path) -> None:
    pair = opened(folder / "ranch.toml")
    together = pair.detect(photos())
    for n, found in enumerate(together):
        (alone,) = pair.detect(photos()[n : n + 1])
        assert found.class_id.tolist() == alone.class_id.tolist()
        np.testing.assert_allclose(found.probability, alone.probability, atol=1e-4)  # type: ignore[arg-type]


def test_what_its_classes_mean_each_map_says(folder: Path) -> None:
    pair = opened(folder / "ranch.toml")
    assert pair.class_map is not None
    infos = {info.name: info for info in pair.class_map.describe(pair.names)}
    assert {name: info.kind for name, info in infos.items()} == {
        **{"animal": Kind.ANIMAL, "person": Kind.PERSON, "bobcat": Kind.ANIMAL, "skunk": Kind.ANIMAL},
    }
    assert infos["bobcat"].species == "Lynx rufus"


class _Finds(Detector):
    """Finds two boxes in each photo, of classes 0 (animal) and 1 (person)."""

    def __init__(self, like: Detector) -> None:
        self.names, self.frame, self.model_key = {0: "animal", 1: "person"}, like.frame, "x"
        self.thresholds = {0: 0.2}

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        boxes = np.array([[0, 0, 40, 40], [60, 0, 100, 40]], np.float32)
        one = RawDetections(boxes, np.array([0.9, 0.8], np.float32), np.array([0, 1], np.int16))
        return [one] * len(pixels)

    def warmup(self, height: int, width: int, batch: int) -> None:
        return None


def red_green(path: Path) -> Path:
    """An ONNX classifier by hand: the mean of each channel, times 20, is the logit of its class."""
    helper, of = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Mul", ["flat", "twenty"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("x", of, ["n", 3, 32, 32])],
        [helper.make_tensor_value_info("y", of, ["n", 3])],
        [helper.make_tensor("twenty", of, [1], [20.0])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9), path)
    return path


def test_thresholds_of_classes_and_the_names_for_nothing(
    folder: Path, write: Callable[[str, str], Path]
) -> None:
    """By hand: a probability above what its class asks for names the box; "none" never does."""
    weights = find_weights(write("least = 0.0", "least = 0.5"))
    assert weights.pair is not None
    pair = PairDetector(_Finds(opened(folder / "md.pt")), weights, weights.pair, CPU)
    assert pair.thresholds == {0: 0.2, 2: 0.2, 3: 0.2}  # a named box is as sure as the animal's
    found = _Finds(opened(folder / "md.pt")).detect(photos()[:1])
    asked = [np.array([True, False])]
    for p, expected, probability in (
        ([0.6, 0.3, 0.1], 2, 0.6),
        ([0.4, 0.35, 0.25], 0, None),
        ([0.1, 0.2, 0.7], 1, 0.7),  # a person: a class that the detector has as well
    ):
        (named,) = pair._named(found, asked, np.array([p], np.float32))
        assert named.class_id.tolist() == [expected, 1]
        assert named.probability is not None
        assert named.probability[0] == pytest.approx(probability, nan_ok=True) or probability is None
        assert np.isnan(named.probability[1])


def test_one_model_key_for_all_that_changes_an_answer(
    folder: Path, write: Callable[[str, str], Path]
) -> None:
    key = find_weights(folder / "ranch.toml").sha256
    assert find_weights(write("ranch", "renamed")).sha256 == key
    assert find_weights(write('class_map = "labels"\n', "")).sha256 == key
    for changed in (
        write("least = 0.0", "least = 0.1"),
        write("least = 0.0", "margin = 0.2\nleast = 0.0"),
        write('ask = ["animal"]', 'ask = ["person"]'),
        write("least = 0.0", "least = 0.0\n[thresholds]\nbobcat = 0.9"),
    ):
        assert find_weights(changed).sha256 != key
    assert find_weights(folder / "md.pt").sha256 != key


def test_classifier_on_the_command_line_is_the_same_pair(folder: Path) -> None:
    given = find_weights(folder / "md.pt", classifier=folder / "species.pt")
    assert given.name == "md.pt + species.pt"
    assert given.pair is not None
    assert open_detector(given, CPU, FLOAT).names[3] == "skunk"
    with pytest.raises(WeightsError, match="has a classifier of its own"):
        find_weights(folder / "ranch.toml", classifier=folder / "species.pt")


def refusal(make: Callable[[], object], kind: type[TrailcamError] = WeightsError) -> str:
    with pytest.raises(kind) as caught:
        make()
    return f"{caught.value.message} {caught.value.hint}"


def test_bad_pairs(folder: Path, write: Callable[[str, str], Path], tmp_path: Path) -> None:
    said = refusal(lambda: opened(write('"animal"', '"deer"')))
    assert 'The detector md.pt has no class "deer" to ask the classifier about' in said
    assert "animal, person" in said
    said = refusal(lambda: opened(write('"labels"', '"megadetector"')))
    assert "has classes that its class map megadetector doesn't name: bobcat, skunk" in said
    said = refusal(lambda: opened(write("least = 0.0", "least = 0.0\n[thresholds]\nlynx = 0.9")))
    assert "[thresholds] of the pair names lynx; the classifier species.pt has no such class" in said
    said = refusal(lambda: opened(write('"species.pt"', '"md.pt"')))
    assert "md.pt" in said
    said = refusal(lambda: opened(write("least = 0.0", 'classes = ["a", "b"]\nleast = 0.0')))
    assert "answers with (3,) numbers for 2 classes" in said
    said = refusal(lambda: find_weights(write('weights = "md.pt"', 'weights = "gone.pt"')))
    assert "gone.pt (from the pair" in said
    said = refusal(lambda: find_weights(write("[classifier]", "[klassifier]")), ConfigError)
    assert "klassifier" in said
    (tmp_path / "outer.toml").write_text(
        f"[detector]\nweights = '{folder / 'ranch.toml'}'\n[classifier]\nweights = '{folder / 'species.pt'}'"
    )
    assert "is a pair itself" in refusal(lambda: find_weights(tmp_path / "outer.toml"))
    (tmp_path / "ring.toml").write_text("[detector]\nweights = 'ring.toml'\n[classifier]\nweights = 'x.pt'")
    assert "is a pair itself" in refusal(lambda: find_weights(tmp_path / "ring.toml"))
    ring = tmp_path / "ring.toml"
    assert "is a pair itself" in refusal(lambda: find_weights(folder / "md.pt", classifier=ring))
    (tmp_path / "no.toml").write_text("db = 'x'")
    assert "Unknown key" in refusal(lambda: find_weights(tmp_path / "no.toml"), ConfigError)


def test_an_onnx_classifier_of_logits(folder: Path, tmp_path: Path) -> None:
    red_green(tmp_path / "colours.onnx")
    (tmp_path / f"colours{PAIR}").write_text(
        f"[detector]\nweights = '{folder / 'md.pt'}'\n[classifier]\nweights = 'colours.onnx'\n"
        'classes = ["red", "green", "blue"]\nmargin = 0.0'
    )
    weights = find_weights(tmp_path / f"colours{PAIR}")
    assert weights.pair is not None
    pair = PairDetector(_Finds(opened(folder / "md.pt")), weights, weights.pair, CPU)
    green = torch.zeros(1, 96, 128, 3, dtype=torch.uint8)
    green[..., 1] = 255
    (found,) = pair.detect(green)
    assert found.class_id.tolist() == [3, 1]
    assert pair.names[3] == "green"
    assert found.probability is not None
    assert found.probability[0] == pytest.approx(1.0, abs=1e-4)


def test_weights_of_a_pair_are_both_vouched_for(folder: Path) -> None:
    weights = find_weights(folder / "ranch.toml")
    assert [part.path.name for part in weights.files] == ["md.pt", "species.pt"]
    assert isinstance(weights, Weights)
    assert dataclasses.replace(weights, pair=None).files[0].path.name == "md.pt"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('weights = "md.pt"', "weights = 3", "detector.weights in"),
        ('weights = "md.pt"', 'weights = ""', "detector.weights in"),
        ('weights = "md.pt"', "", "[detector] in"),
        ('ask = ["animal"]', 'ask = "animal, animal"', ""),
        ('ask = ["animal"]', "ask = []", "it is empty"),
        ('ask = ["animal"]', "ask = [1]", "a list of names in quotes"),
        ("least = 0.0", "least = nan", "classifier.least in"),
        ("least = 0.0", "least = 2", "a number from 0 to 1"),
        ("least = 0.0", 'least = "0.5"', "a number from 0 to 1"),
        ("least = 0.0", "least = true", "a number from 0 to 1"),
        ("least = 0.0", "imgsz = 0", "a whole number from 32 to 8192"),
        ("least = 0.0", "mean = [0.5, 0.5]", "a list of three numbers"),
        ("least = 0.0", "std = [0, 0, 0]", "a list of three numbers"),
        ("least = 0.0", 'output = "softmax"', "one of auto, probabilities, logits"),
        ("least = 0.0", "margins = 0.1", 'Did you mean "margin"?'),
        ("least = 0.0", "[thresholds]\nbobcat = 1.5", "thresholds.bobcat in"),
        ("least = 0.0", "[[thresholds]]\nbobcat = 1.5", "must be a table"),
        ("[detector]", "[[detector]]", "must be a table"),
        ('name = "ranch"', "name = 7", "name in"),
        ('class_map = "labels"', 'class_map = "nosuch"', 'There is no class map "nosuch"'),
        ('class_map = "labels"', "class_map = 'maps/mine.toml'", "Cannot read the class map"),
        ("[detector]", "detector", "is not valid TOML"),
    ],
)
def test_wrong_entries_of_a_description(
    write: Callable[[str, str], Path], old: str, new: str, words: str
) -> None:
    path = write(old, new)
    if not words:
        assert opened(path).names[0] == "animal"
        return
    assert words in refusal(lambda: opened(path), TrailcamError)


def test_starter_is_a_name_like_any_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find_weights_module, "own_weights_folder", lambda: tmp_path)
    assert find_weights(Path("starter")).path == STARTER
    for name in ("starter", "no name", "", "../up"):
        with pytest.raises(UsageError):
            check_new_name(name)
    (tmp_path / "ranch.onnx").touch()
    with pytest.raises(UsageError, match="installed already"):
        check_new_name("ranch")
    check_new_name("ranch2")
    assert located(Path("ranch")) == located(Path("/etc/ranch")) == located(Path("ranch.onnx"))
    assert located(Path("ranch")) == tmp_path / "ranch.onnx"
    assert located(Path("/unmounted/ranch.onnx")) == Path("/unmounted/ranch.onnx")


def test_paths_that_the_system_refuses(tmp_path: Path) -> None:
    said = refusal(lambda: find_weights(tmp_path / f"{'x' * 300}.pt"))
    assert "can't be read: " in said
    (tmp_path / "dangling.pt").symlink_to(tmp_path / "gone.pt")
    assert "do not exist" in refusal(lambda: find_weights(tmp_path / "dangling.pt"))
    (tmp_path / "folder.toml").mkdir()
    assert "is not a model that trailcam can read" in refusal(lambda: find_weights(tmp_path / "folder.toml"))
    assert "begins with the folder of a user" in refusal(
        lambda: find_weights(Path("~no-such-user/x.pt")), UsageError
    )
