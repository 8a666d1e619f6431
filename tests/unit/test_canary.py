"""The look at a known frame before a run: what passes, what doesn't, and what is stored for the starter."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from trailcam.detect.choose import canary, known_clip
from trailcam.detect.model.find_weights import STARTER, Weights, find_weights
from trailcam.detect.model.frame import FrameSpec
from trailcam.detect.model.known_frame import HEIGHT, WIDTH, difference, frame
from trailcam.detect.model.open import ModelOptions, open_detector
from trailcam.detect.model.precision import Precision
from trailcam.detect.model.protocol import Detector, RawDetections, RawOutput
from trailcam.errors import PipelineError
from trailcam.video.client import Frames, video_process
from trailcam.video.facts import Span, VideoCode, VideoFailed

CPU = torch.device("cpu")


class Says(Detector):
    """A detector whose raw output is given. It sees nothing in photos."""

    def __init__(self, output: RawOutput, precision: str = "float32") -> None:
        self.output, self.precision, self.frame = output, precision, FrameSpec(64, 32)
        self.names, self.model_key = {0: "deer"}, "0" * 64

    def raw(self, pixels: torch.Tensor) -> RawOutput:
        assert pixels.shape == (1, HEIGHT, WIDTH, 3)
        return self.output

    def detect(self, pixels: torch.Tensor) -> list[RawDetections]:
        return [RawDetections(np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.zeros(1, np.int16))]

    def warmup(self, height: int, width: int, batch: int) -> None:
        """Nothing to warm."""


def output(*, seed: int = 1) -> RawOutput:
    rng = np.random.default_rng(seed)
    return RawOutput(
        rng.random((50, 3), np.float32), rng.random((50, 4), np.float32) * 300, rng.random(4, np.float32)
    )


def weights(path: Path = Path("some.pt")) -> Weights:
    return Weights(path, "0" * 64, "a test")


def test_the_frame_is_the_same_on_every_machine() -> None:
    assert frame().shape == (256, 320, 3)
    digest = hashlib.sha256(frame().tobytes()).hexdigest()
    assert digest == "a274d1ef94f356d2a33bb2d6e6e648a3a75a3f3817ad8a6c76e9eda04b2d47e7"


def test_a_sane_answer_passes(tmp_path: Path) -> None:
    canary.check(Says(output()), weights(), CPU, stored=tmp_path / "none.npz")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("part", ["scores", "boxes", "second"])
def test_no_number_is_refused_wherever_it_stands(part: str, value: float) -> None:
    broken = getattr(output(), part).copy()
    broken.flat[-1] = value
    with pytest.raises(PipelineError, match="NaN"):
        canary.check(Says(replace(output(), **{part: broken})), weights(), CPU)


@pytest.mark.parametrize("scores", [np.zeros((50, 3)), np.full((50, 3), 0.5), np.zeros((0, 1))])
def test_an_empty_answer_is_refused(scores: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    with pytest.raises(PipelineError, match="every score is the same") as refusal:
        canary.check(Says(RawOutput(scores.astype(np.float32))), weights(), CPU)
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize("kept", [True, False], ids=["stored", "asked here"])
def test_another_precision_must_agree_with_float32(
    kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starter, stored = find_weights(STARTER), canary.STORED if kept else tmp_path / "none.npz"
    rounded = open_detector(starter, CPU, ModelOptions(precision=Precision.BFLOAT16))
    canary.check(rounded, starter, CPU, stored)
    true = open_detector(starter, CPU, ModelOptions(precision=Precision.FLOAT32)).raw(
        torch.from_numpy(frame()[None])
    )
    monkeypatch.setattr(canary, "open_detector", lambda *_, **__: Says(true))
    for wrong in (
        replace(true, scores=1 - true.scores),
        replace(true, boxes=None if true.boxes is None else true.boxes[::-1].copy()),
        replace(true, second=None if true.second is None else true.second[::-1].copy()),
        replace(true, scores=true.scores[:-1]),
    ):
        with pytest.raises(PipelineError, match="disagree"):
            canary.check(Says(wrong, "bfloat16"), starter, CPU, stored)


def test_what_is_stored_for_the_weights_must_come_out_again(tmp_path: Path) -> None:
    stored = tmp_path / "x.npz"
    canary.save(output(), weights().sha256, stored)
    canary.check(Says(output()), weights(), CPU, stored)
    with pytest.raises(PipelineError, match="the machine that made the starter"):
        canary.check(Says(output(seed=2)), weights(), CPU, stored)
    other = Weights(Path("x.pt"), "1" * 64, "a test")
    canary.check(Says(output(seed=2)), other, CPU, stored)  # stored for other weights: says nothing of these


def test_difference_measures_scores_and_the_best_boxes() -> None:
    one = output()
    assert difference(one, one) == (0, 0)
    assert one.boxes is not None
    moved = replace(one, boxes=one.boxes + 5, scores=one.scores + np.float32(0.01))
    score, box = difference(moved, one)
    assert score == pytest.approx(0.01, abs=1e-4)
    assert box == pytest.approx(5, abs=1e-3)


def test_the_starter_says_what_is_stored_beside_it() -> None:
    """If this fails after a change of the starter: ``python -m training.canary``."""
    found = find_weights(STARTER)
    with np.load(canary.STORED) as stored:
        assert str(stored["sha256"]) == found.sha256
    canary.check(open_detector(found, CPU, ModelOptions(precision=Precision.FLOAT32)), found, CPU)


def test_a_detector_without_raw_output_shows_its_boxes() -> None:
    frames = torch.zeros(1, 2, 2, 3, dtype=torch.uint8)
    assert Detector.raw(Says(output()), frames).scores.tolist() == [[1.0]]


def decoded() -> Frames:
    found = video_process().frames(known_clip.KNOWN_CLIP, Span(1.0, most=4), lambda *size: size)
    assert isinstance(found, Frames)
    return found


def mistaken(what: str) -> Frames | VideoFailed:
    """What a decoder might make of the known clip."""
    first, second = decoded().frames
    grey = np.full_like(first.pixels, 120)
    changed = {
        "swapped colours": (replace(first, pixels=first.pixels[..., ::-1]), second),
        "another moment": (first, first),
        "grey": (replace(first, pixels=grey), replace(second, pixels=grey)),
        "one frame": (first,),
        "the wrong time": (first, replace(second, at_s=1.4)),
        "no frame": (),
    }
    if what == "a crash":
        return VideoFailed(VideoCode.CORRUPT, "the decoder crashed on it (signal 11)")
    return Frames(changed[what], WIDTH, HEIGHT)


def test_the_decoder_of_videos_passes() -> None:
    known_clip.check_clip()


@pytest.mark.parametrize(
    "what",
    ["swapped colours", "another moment", "grey", "one frame", "the wrong time", "no frame", "a crash"],
)
def test_a_decoder_that_gives_other_pictures_is_refused(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = mistaken(what)

    class Decoder:
        def frames(self, *_: object) -> Frames | VideoFailed:
            return answer

    monkeypatch.setattr(known_clip, "video_process", Decoder)
    with pytest.raises(PipelineError, match="decoder of videos failed its test") as refusal:
        known_clip.check_clip()
    assert "No photo was processed" in refusal.value.hint
